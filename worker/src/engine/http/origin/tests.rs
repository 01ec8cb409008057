//! Which origins a thread keeps, and when it looks names up.

use super::*;
use crate::engine::http::named_host::UNCLEANED_ADDRESSES;
use dlt_core::routing::{EnvironmentProxies, Routing};
use dlt_core::scenario::plan::DnsPolicy;
use dlt_core::target_policy::TargetPolicy;
use std::io;
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
    let dialled = origin.host.dial(clock, 1_000_000, connect).await;
    dialled.unwrap().0
}

#[test]
fn groups_with_the_same_dns_share_an_origin() {
    let origins = Origins::new(Resolver::system(TargetPolicy::default()), Vec::new(), 0);
    let shop = endpoint("shop.test");
    let usual = Dns::default();
    let direct = Arc::default();
    let first = origins.get(&shop, usual, &direct);
    assert!(Rc::ptr_eq(&first, &origins.get(&shop, usual, &direct)));
    let others = [
        origins.get(&endpoint("other.test"), usual, &direct),
        origins.get(
            &shop,
            Dns {
                policy: DnsPolicy::V4,
                ..usual
            },
            &direct,
        ),
        origins.get(
            &shop,
            Dns {
                refresh_us: 1,
                ..usual
            },
            &direct,
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
    let shop = origins.get(&endpoint("shop.test"), Dns::default(), &Arc::default());
    let (a, b) = tokio::join!(shop.host.resolve(clock), shop.host.resolve(clock));
    assert_eq!((a, b), (Ok(()), Ok(())));
    assert_eq!(lookups.load(Ordering::Relaxed), 1);
    let gone = origins.get(&endpoint("gone.test"), Dns::default(), &Arc::default());
    for _ in 0..3 {
        let failure = gone.host.resolve(clock).await.unwrap_err();
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
        let address = dialled(&origins.get(&endpoint(host), dns, &Arc::default())).await;
        assert_eq!(address.socket.ip().to_string(), host);
    }
    assert_eq!(lookups.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn requests_to_addresses_that_were_removed_are_still_counted() {
    let origins = Origins::new(Resolver::system(TargetPolicy::default()), Vec::new(), 0);
    let dns = Dns::default();
    let direct = Arc::default();
    let hosts = 2 * UNCLEANED_ADDRESSES + 300;
    for n in 0..hosts {
        let host = format!("127.{}.{}.1", n / 256, n % 256);
        dialled(&origins.get(&endpoint(&host), dns, &direct))
            .await
            .count_request();
    }
    assert!(origins.list.borrow().len() <= MOST_ORIGINS);
    assert!(origins.shared.kept_addresses() <= UNCLEANED_ADDRESSES);
    let mut sums = GeneratorSums::default();
    origins.add_to(&mut sums);
    let rows = sums.rows();
    let sum: u64 = rows.addresses.iter().map(|row| row.1).sum();
    assert_eq!(sum, hosts as u64);
    assert_eq!(rows.http_versions, [("1.1".to_owned(), hosts as u64)]);
}

fn routes(proxy: &str, resolve: &[&str], connect_to: &[&str]) -> Arc<Routes> {
    use dlt_core::routing::{ConnectTo, Resolve};
    let routing = Routing {
        resolve: resolve
            .iter()
            .map(|it| Resolve::parse(it).unwrap())
            .collect(),
        connect_to: connect_to
            .iter()
            .map(|it| ConnectTo::parse(it).unwrap())
            .collect(),
        proxy: (!proxy.is_empty()).then(|| Proxy::parse(proxy).unwrap()),
        no_proxy: None,
    };
    Arc::new(Routes::new(&routing, &EnvironmentProxies::default()))
}

#[test]
fn an_origin_says_by_which_way_it_is_reached_and_shares_the_hosts_of_its_way() {
    let origins = Origins::new(Resolver::system(TargetPolicy::default()), Vec::new(), 0);
    let get =
        |host: &str, routes: &Arc<Routes>| origins.get(&endpoint(host), Dns::default(), routes);
    let proxied = routes("http://ann:s3cret@10.0.0.9:3128", &[], &[]);
    let [a, b] = ["a.test", "b.test"].map(|host| get(host, &proxied));
    assert_eq!(a.authority, "a.test:80 through proxy 10.0.0.9:3128");
    assert!(Rc::ptr_eq(&a.host, &b.host) && !Rc::ptr_eq(&a, &b));
    let moved = get("a.test", &routes("", &[], &["::b.test:81"]));
    assert_eq!(moved.authority, "a.test:80 at b.test:81");
    let direct = get("a.test", &Arc::default());
    assert_eq!(direct.authority, "a.test:80");
    assert!(!Rc::ptr_eq(&direct, &a) && !Rc::ptr_eq(&direct.host, &moved.host));
}

#[tokio::test]
async fn given_addresses_are_used_in_turn_and_never_looked_up() {
    let resolver = Resolver::of(|_, _| panic!("a look-up"));
    let origins = Origins::new(resolver, Vec::new(), 0);
    let pinned = routes("", &["a.test:80:10.0.0.2,10.0.0.1"], &[]);
    let origin = origins.get(&endpoint("a.test"), Dns::default(), &pinned);
    let mut used = Vec::new();
    for _ in 0..4 {
        used.push(dialled(&origin).await.socket);
    }
    assert_eq!(used, [socket(1), socket(2), socket(1), socket(2)]);
}
