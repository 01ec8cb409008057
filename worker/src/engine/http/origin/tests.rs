//! Which origins a thread keeps, and when it looks names up.

use super::*;
use dlt_core::scenario::plan::DnsPolicy;
use dlt_core::target_policy::TargetPolicy;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

fn endpoint(host: &str) -> Endpoint {
    Endpoint {
        https: false,
        host: host.to_owned(),
        port: 80,
    }
}

fn socket(n: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, n], 80))
}

async fn dialled(origin: &Rc<Origin>) -> Rc<Address> {
    let clock = RunClock::new(Instant::now());
    let connect = async |_: SocketAddr| Ok(());
    origin.dial(clock, 1_000_000, connect).await.unwrap().0
}

#[test]
fn groups_with_the_same_dns_share_an_origin() {
    let origins = Origins::new(Resolver::system(TargetPolicy::default()), Vec::new(), 0);
    let shop = endpoint("shop.test");
    let usual = Dns::default();
    let first = origins.get(&shop, usual);
    assert!(Rc::ptr_eq(&first, &origins.get(&shop, usual)));
    let others = [
        origins.get(&endpoint("other.test"), usual),
        origins.get(
            &shop,
            Dns {
                policy: DnsPolicy::V4,
                ..usual
            },
        ),
        origins.get(
            &shop,
            Dns {
                refresh_us: 1,
                ..usual
            },
        ),
    ];
    assert!(others.iter().all(|other| !Rc::ptr_eq(&first, other)));
}

#[tokio::test]
async fn concurrent_lookups_are_one_and_a_failed_one_stands_for_a_while() {
    let lookups = Arc::new(AtomicUsize::new(0));
    let count = lookups.clone();
    let resolver = Resolver::of(move |host, _| {
        count.fetch_add(1, Ordering::Relaxed);
        match host {
            "shop.test" => Ok(vec![socket(1)]),
            _ => Err(io::Error::other("no such name")),
        }
    });
    let origins = Origins::new(resolver, Vec::new(), 0);
    let clock = RunClock::new(Instant::now());
    let shop = origins.get(&endpoint("shop.test"), Dns::default());
    let (a, b) = tokio::join!(shop.resolve(clock), shop.resolve(clock));
    assert_eq!((a, b), (Ok(()), Ok(())));
    assert_eq!(lookups.load(Ordering::Relaxed), 1);
    let gone = origins.get(&endpoint("gone.test"), Dns::default());
    for _ in 0..3 {
        let failure = gone.resolve(clock).await.unwrap_err();
        assert_eq!(failure.key().message, "name gone.test does not resolve");
    }
    assert_eq!(lookups.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn hosts_that_are_addresses_are_never_refreshed() {
    let lookups = Arc::new(AtomicUsize::new(0));
    let count = lookups.clone();
    let resolver = Resolver::of(move |host, port| {
        count.fetch_add(1, Ordering::Relaxed);
        Ok(vec![SocketAddr::new(host.parse().unwrap(), port)])
    });
    let dns = Dns {
        refresh_us: 1,
        ..Dns::default()
    };
    let origins = Origins::new(resolver, Vec::new(), 0);
    for host in ["127.0.0.1", "::1"] {
        // Outside of a load thread a refreshing task cannot start.
        let address = dialled(&origins.get(&endpoint(host), dns)).await;
        assert_eq!(address.socket.ip().to_string(), host);
    }
    assert_eq!(lookups.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn requests_to_addresses_that_were_removed_are_still_counted() {
    let origins = Origins::new(Resolver::system(TargetPolicy::default()), Vec::new(), 0);
    let dns = Dns::default();
    let hosts = 2 * UNCLEANED_ADDRESSES + 300;
    for n in 0..hosts {
        let host = format!("127.{}.{}.1", n / 256, n % 256);
        dialled(&origins.get(&endpoint(&host), dns))
            .await
            .count_request();
    }
    assert!(origins.list.borrow().len() <= MOST_ORIGINS);
    assert!(origins.shared.addresses.borrow().len() <= UNCLEANED_ADDRESSES);
    let mut sums = GeneratorSums::default();
    origins.add_to(&mut sums);
    let rows = sums.rows();
    let sum: u64 = rows.addresses.iter().map(|row| row.1).sum();
    assert_eq!(sum, hosts as u64);
    assert_eq!(rows.http_versions, [("1.1".to_owned(), hosts as u64)]);
}
