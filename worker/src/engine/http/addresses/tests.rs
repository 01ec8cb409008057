//! The order of addresses, their backoff, and which failure is reported. The test
//! decides how connecting ends.

use super::*;
use std::collections::BTreeMap;
use std::time::Instant;

/// The time limit of a request here, µs.
const LIMIT_US: u64 = 10_000_000;

/// How connecting to an address ends; a silent one never does.
#[derive(Debug, Clone, Copy)]
enum Connect {
    Succeeds,
    Fails(i32),
    Silent,
}

/// Addresses 10.0.0.1 to n, and how connecting to each ends.
struct TestNet {
    addresses: Addresses,
    outcomes: RefCell<BTreeMap<u8, Connect>>,
    /// The addresses that were tried, in order.
    dialled: RefCell<Vec<u8>>,
    start: Instant,
    /// How far the clock was set forward.
    ahead: Cell<Duration>,
}

fn socket(n: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, n], 80))
}

impl TestNet {
    fn new(count: u8) -> Self {
        let addresses = Addresses::new(0);
        let sockets: Vec<SocketAddr> = (1..=count).map(socket).collect();
        addresses.replace(&sockets, |socket| Address::new(socket, None, None));
        Self {
            addresses,
            outcomes: RefCell::default(),
            dialled: RefCell::default(),
            start: Instant::now(),
            ahead: Cell::default(),
        }
    }

    fn with(self, n: u8, outcome: Connect) -> Self {
        self.outcomes.borrow_mut().insert(n, outcome);
        self
    }

    fn clock(&self) -> RunClock {
        RunClock::new(self.start - self.ahead.get())
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
            let outcome = self.outcomes.borrow().get(&n).copied();
            match outcome.unwrap_or(Connect::Succeeds) {
                Connect::Succeeds => Ok(n),
                Connect::Fails(code) => Err(io::Error::from_raw_os_error(code)),
                Connect::Silent => std::future::pending().await,
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

    /// The addresses of the next connections.
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

const REFUSES: Connect = Connect::Fails(libc::ECONNREFUSED);

#[tokio::test]
async fn connections_take_addresses_in_turn() {
    let net = TestNet::new(3);
    assert_eq!(net.took(7).await, [1, 2, 3, 1, 2, 3, 1]);
    let later = TestNet::new(4);
    later.addresses.next_index.set(6);
    assert_eq!(later.took(3).await, [3, 4, 1]);
}

#[tokio::test]
async fn an_address_that_refuses_is_probed_less_and_less_often() {
    let net = TestNet::new(3).with(1, REFUSES);
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
    // Once it accepts again, it gets its part at once.
    net.wait(41);
    net.outcomes.borrow_mut().clear();
    let took = net.took(6).await;
    assert_eq!(took.iter().filter(|n| **n == 1).count(), 2, "{took:?}");
    // When it refuses again, its backoff is 5 s as the first time.
    net.outcomes.borrow_mut().insert(1, REFUSES);
    net.took(3).await;
    net.wait(6);
    net.take_dialled();
    net.took(3).await;
    assert!(net.take_dialled().contains(&1));
}

#[tokio::test]
async fn one_connection_at_a_time_probes_an_address() {
    let net = TestNet::new(2).with(1, REFUSES);
    net.took(2).await;
    net.outcomes.borrow_mut().insert(1, Connect::Silent);
    net.wait(6);
    net.take_dialled();
    let trying = tokio::time::timeout(Duration::from_millis(20), async {
        // The probe hangs; all others skip the address meanwhile.
        let all: [_; 5] = std::array::from_fn(|_| Box::pin(net.dial()));
        for one in all {
            let _ = one.await;
        }
    });
    assert!(trying.await.is_err());
    assert_eq!(net.take_dialled().iter().filter(|n| **n == 1).count(), 1);
    // The probe was given up, so there is none for 10 s more.
    assert_eq!(net.took(3).await, [2, 2, 2]);
    net.wait(9);
    assert_eq!(net.took(3).await, [2, 2, 2]);
}

#[tokio::test]
async fn a_silent_address_gets_half_of_the_time_and_then_the_next() {
    let net = TestNet::new(2).with(1, Connect::Silent);
    assert_eq!(net.dial_within(40_000).await, Ok(2));
    assert_eq!(net.take_dialled(), [1, 2]);
    assert_eq!(net.took(3).await, [2, 2, 2]);
    // A single address has all the time that the caller gives it.
    let alone = TestNet::new(1).with(1, Connect::Silent);
    let patience = Duration::from_millis(30);
    let waited = tokio::time::timeout(patience, alone.dial_within(20_000));
    assert!(waited.await.is_err());
}

#[tokio::test]
async fn addresses_that_all_refuse_are_tried_for_each_request() {
    let mut net = TestNet::new(3);
    for n in 1..=3 {
        net = net.with(n, REFUSES);
    }
    for _ in 0..3 {
        assert_eq!(net.dial().await.unwrap_err().cause, Cause::Refused);
        let mut dialled = net.take_dialled();
        dialled.sort_unstable();
        assert_eq!(dialled, [1, 2, 3]);
    }
    net.outcomes.borrow_mut().remove(&2);
    assert_eq!(net.dial().await, Ok(2));
    // Of many that refuse one request tries some, a few requests try all.
    let mut net = TestNet::new(50);
    for n in 1..=50 {
        net = net.with(n, REFUSES);
    }
    assert!(net.dial().await.is_err());
    assert_eq!(net.take_dialled().len(), 50);
    net.outcomes.borrow_mut().remove(&40);
    let mut failed = 0;
    while net.dial().await.is_err() {
        assert_eq!(net.take_dialled().len(), MOST_RETRIED);
        failed += 1;
    }
    assert!(failed <= 3, "{failed}");
}

#[tokio::test]
async fn the_failure_that_says_most_is_reported() {
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
        let net = TestNet::new(2)
            .with(1, Connect::Fails(codes[0]))
            .with(2, Connect::Fails(codes[1]));
        assert_eq!(net.dial().await.unwrap_err().cause, cause, "{codes:?}");
    }
}

#[tokio::test]
async fn a_limit_of_the_runner_backs_off_no_address() {
    let net = TestNet::new(2).with(1, Connect::Fails(libc::EMFILE));
    assert_eq!(net.dial().await.unwrap_err().cause, Cause::Generator);
    assert_eq!(net.take_dialled(), [1]);
    net.outcomes.borrow_mut().clear();
    assert_eq!(net.took(4).await, [2, 1, 2, 1]);
}

#[tokio::test]
async fn an_answer_replaces_addresses_and_keeps_the_state_of_those_that_stay() {
    let net = TestNet::new(3).with(2, REFUSES);
    net.took(4).await;
    let before: Vec<Rc<Address>> = net.addresses.list.borrow().clone();
    net.addresses
        .replace(&[socket(2), socket(3), socket(4)], |socket| {
            Address::new(socket, None, None)
        });
    let current: Vec<bool> = before.iter().map(|address| address.is_current()).collect();
    assert_eq!(current, [false, true, true]);
    net.take_dialled();
    let took = net.took(4).await;
    assert!(!net.take_dialled().contains(&2), "it is still backed off");
    assert_eq!(took.iter().filter(|n| **n == 4).count(), 2, "{took:?}");
    // 1 and 3 were used before by 2 each, 3 by 2 more since.
    let mut sums = GeneratorSums::default();
    before.iter().for_each(|address| address.add_to(&mut sums));
    let rows = sums.rows();
    let row = |n: u8, requests| (socket(n).to_string(), requests);
    assert_eq!(rows.addresses, [row(3, 4), row(1, 2)]);
}

proptest::proptest! {
    /// Whichever addresses refuse, the others get equal parts.
    #[test]
    fn addresses_that_accept_get_equal_parts(
        count in 1u8..40,
        gone in proptest::collection::btree_set(1u8..40, 0..20),
        first in 0u64..1_000,
        connections in 1usize..200,
    ) {
        let mut net = TestNet::new(count);
        for n in &gone {
            net = net.with(*n, REFUSES);
        }
        net.addresses.next_index.set(first);
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
