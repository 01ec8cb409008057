//! Turns, addresses left aside, and which failure is told; connecting is the
//! test's.

use super::*;
use std::collections::BTreeMap;
use std::time::Instant;

/// The time limit of a request here, µs.
const LIMIT_US: u64 = 10_000_000;

/// What connecting to an address comes to: an error of the kernel, or nothing
/// ever.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Takes,
    Fails(i32),
    Silent,
}

/// Addresses 10.0.0.1 to n, and what becomes of those who connect.
struct Net {
    addresses: Addresses,
    fates: RefCell<BTreeMap<u8, Fate>>,
    /// Which were connected to, in order.
    dialled: RefCell<Vec<u8>>,
    start: Instant,
    /// How far the clock was set forward.
    ahead: Cell<Duration>,
}

fn socket(n: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, n], 80))
}

impl Net {
    fn new(count: u8) -> Self {
        let addresses = Addresses::new(0);
        let sockets: Vec<SocketAddr> = (1..=count).map(socket).collect();
        addresses.replace(&sockets, Address::new);
        Self {
            addresses,
            fates: RefCell::default(),
            dialled: RefCell::default(),
            start: Instant::now(),
            ahead: Cell::default(),
        }
    }

    fn with(self, n: u8, fate: Fate) -> Self {
        self.fates.borrow_mut().insert(n, fate);
        self
    }

    fn clock(&self) -> Clock {
        Clock::new(self.start - self.ahead.get())
    }

    fn wait(&self, seconds: u64) {
        self.ahead
            .set(self.ahead.get() + Duration::from_secs(seconds));
    }

    async fn dial_within(&self, limit_us: u64) -> Result<u8, Failure> {
        let clock = self.clock();
        let connect = async |socket: SocketAddr| {
            let SocketAddr::V4(four) = socket else {
                panic!("{socket}");
            };
            let n = four.ip().octets()[3];
            self.dialled.borrow_mut().push(n);
            let fate = self.fates.borrow().get(&n).copied();
            match fate.unwrap_or(Fate::Takes) {
                Fate::Takes => Ok(n),
                Fate::Fails(code) => Err(io::Error::from_raw_os_error(code)),
                Fate::Silent => std::future::pending().await,
            }
        };
        let deadline_us = clock.now_us() + limit_us;
        let dialled = dial(&self.addresses, clock, deadline_us, "shop:80", connect).await?;
        dialled.0.count_request();
        Ok(dialled.1)
    }

    async fn dial(&self) -> Result<u8, Failure> {
        self.dial_within(LIMIT_US).await
    }

    /// Who took the next connections.
    async fn took(&self, connections: usize) -> Vec<u8> {
        let mut took = Vec::new();
        for _ in 0..connections {
            took.push(self.dial().await.unwrap());
        }
        took
    }

    fn take_dialled(&self) -> Vec<u8> {
        self.dialled.take()
    }
}

const REFUSES: Fate = Fate::Fails(libc::ECONNREFUSED);

#[tokio::test]
async fn connections_go_round() {
    let net = Net::new(3);
    assert_eq!(net.took(7).await, [1, 2, 3, 1, 2, 3, 1]);
    let later = Net::new(4);
    later.addresses.turn.set(6);
    assert_eq!(later.took(3).await, [3, 4, 1]);
}

#[tokio::test]
async fn one_that_refuses_is_left_aside_and_tried_again_less_and_less_often() {
    let net = Net::new(3).with(1, REFUSES);
    assert_eq!(net.took(6).await, [2, 3, 2, 3, 2, 3]);
    assert_eq!(net.take_dialled(), [1, 2, 3, 2, 3, 2, 3]);
    // 5 s, 10 s, 20 s, then each 40 s.
    for (wait, tried) in [
        (4, 0),
        (2, 1),
        (9, 0),
        (2, 1),
        (19, 0),
        (2, 1),
        (39, 0),
        (2, 1),
        (39, 0),
        (2, 1),
    ] {
        net.wait(wait);
        net.took(6).await;
        let dialled = net.take_dialled();
        let again = dialled.iter().filter(|n| **n == 1).count();
        assert_eq!(again, tried, "after {wait} s more: {dialled:?}");
    }
    // Back again, it has its part at once.
    net.wait(41);
    net.fates.borrow_mut().clear();
    let took = net.took(6).await;
    assert_eq!(took.iter().filter(|n| **n == 1).count(), 2, "{took:?}");
    // And once it refuses again, it is left for 5 s as the first time.
    net.fates.borrow_mut().insert(1, REFUSES);
    net.took(3).await;
    net.wait(6);
    net.take_dialled();
    net.took(3).await;
    assert!(net.take_dialled().contains(&1));
}

#[tokio::test]
async fn one_at_a_time_tries_whether_an_address_is_back() {
    let net = Net::new(2).with(1, REFUSES);
    net.took(2).await;
    net.fates.borrow_mut().insert(1, Fate::Silent);
    net.wait(6);
    net.take_dialled();
    let trying = tokio::time::timeout(Duration::from_millis(20), async {
        // Whoever takes its turn hangs; all others pass it over meanwhile.
        let all: [_; 5] = std::array::from_fn(|_| Box::pin(net.dial()));
        for one in all {
            let _ = one.await;
        }
    });
    assert!(trying.await.is_err());
    assert_eq!(net.take_dialled().iter().filter(|n| **n == 1).count(), 1);
    // The one who hung was given up, so nobody tries for 10 s more.
    assert_eq!(net.took(3).await, [2, 2, 2]);
    net.wait(9);
    assert_eq!(net.took(3).await, [2, 2, 2]);
}

#[tokio::test]
async fn one_that_is_silent_gets_half_of_the_time_and_then_the_next() {
    let net = Net::new(2).with(1, Fate::Silent);
    assert_eq!(net.dial_within(40_000).await, Ok(2));
    assert_eq!(net.take_dialled(), [1, 2]);
    assert_eq!(net.took(3).await, [2, 2, 2]);
    // Alone, an address has all the time that whoever asks gives it.
    let alone = Net::new(1).with(1, Fate::Silent);
    let patience = Duration::from_millis(30);
    let waited = tokio::time::timeout(patience, alone.dial_within(20_000));
    assert!(waited.await.is_err());
}

#[tokio::test]
async fn all_that_refuse_are_tried_again_for_each_request() {
    let mut net = Net::new(3);
    for n in 1..=3 {
        net = net.with(n, REFUSES);
    }
    for _ in 0..3 {
        assert_eq!(net.dial().await.unwrap_err().cause, Cause::Refused);
        let mut dialled = net.take_dialled();
        dialled.sort_unstable();
        assert_eq!(dialled, [1, 2, 3]);
    }
    net.fates.borrow_mut().remove(&2);
    assert_eq!(net.dial().await, Ok(2));
    // Many that are gone: not all of them for one request, but soon all.
    let mut net = Net::new(50);
    for n in 1..=50 {
        net = net.with(n, REFUSES);
    }
    assert!(net.dial().await.is_err());
    assert_eq!(net.take_dialled().len(), 50);
    net.fates.borrow_mut().remove(&40);
    let mut failed = 0;
    while net.dial().await.is_err() {
        assert_eq!(net.take_dialled().len(), MOST_RETRIED);
        failed += 1;
    }
    assert!(failed <= 3, "{failed}");
}

#[tokio::test]
async fn the_failure_that_says_most_is_told() {
    for (codes, cause) in [
        ([libc::ENETUNREACH, libc::ECONNREFUSED], Cause::Refused),
        ([libc::ECONNREFUSED, libc::ENETUNREACH], Cause::Refused),
        ([libc::EADDRNOTAVAIL, libc::ECONNREFUSED], Cause::Refused),
        ([libc::ETIMEDOUT, libc::ENETUNREACH], Cause::TimeoutConnect),
        (
            [libc::EADDRNOTAVAIL, libc::EHOSTUNREACH],
            Cause::Unreachable,
        ),
        ([libc::EADDRNOTAVAIL, libc::EADDRNOTAVAIL], Cause::Generator),
    ] {
        let net = Net::new(2)
            .with(1, Fate::Fails(codes[0]))
            .with(2, Fate::Fails(codes[1]));
        assert_eq!(net.dial().await.unwrap_err().cause, cause, "{codes:?}");
    }
}

#[tokio::test]
async fn our_own_limit_is_no_fault_of_an_address() {
    let net = Net::new(2).with(1, Fate::Fails(libc::EMFILE));
    assert_eq!(net.dial().await.unwrap_err().cause, Cause::Generator);
    assert_eq!(net.take_dialled(), [1]);
    net.fates.borrow_mut().clear();
    assert_eq!(net.took(4).await, [2, 1, 2, 1]);
}

#[tokio::test]
async fn an_answer_replaces_addresses_and_keeps_what_is_known_of_them() {
    let net = Net::new(3).with(2, REFUSES);
    net.took(4).await;
    let before: Vec<Rc<Address>> = net.addresses.list.borrow().clone();
    net.addresses
        .replace(&[socket(2), socket(3), socket(4)], Address::new);
    let current: Vec<bool> = before.iter().map(|address| address.is_current()).collect();
    assert_eq!(current, [false, true, true]);
    net.take_dialled();
    let took = net.took(4).await;
    assert!(!net.take_dialled().contains(&2), "it is still left aside");
    assert_eq!(took.iter().filter(|n| **n == 4).count(), 2, "{took:?}");
    // 1 and 3 were used before by 2 each, 3 by 2 more since.
    let mut sums = GeneratorSums::default();
    before.iter().for_each(|address| address.add_to(&mut sums));
    let rows = sums.rows();
    let row = |n: u8, requests| (socket(n).to_string(), requests);
    assert_eq!(rows.addresses, [row(3, 4), row(1, 2)]);
}

proptest::proptest! {
    /// Whichever addresses are gone, the others have equal parts.
    #[test]
    fn those_that_work_have_equal_parts(
        count in 1u8..40,
        gone in proptest::collection::btree_set(1u8..40, 0..20),
        first in 0u64..1_000,
        connections in 1usize..200,
    ) {
        let mut net = Net::new(count);
        for n in &gone {
            net = net.with(*n, REFUSES);
        }
        net.addresses.turn.set(first);
        let alive = (1..=count).filter(|n| !gone.contains(n)).count();
        proptest::prop_assume!(alive > 0);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let took = runtime.block_on(net.took(connections));
        let parts = (1..=count).filter(|n| !gone.contains(n));
        let parts: Vec<usize> = parts.map(|n| took.iter().filter(|took| **took == n).count()).collect();
        let spread = parts.iter().max().unwrap() - parts.iter().min().unwrap();
        proptest::prop_assert!(spread <= 1, "{:?}", parts);
    }
}
