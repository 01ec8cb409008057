//! How long a client is waited for while bytes are on their way: a client that stalls uses it up
//! at once, one that is slower than the slowest allowed little by little.

use std::time::Duration;

/// What is left of the wait.
#[derive(Debug, Clone)]
pub(super) struct Patience {
    left: Duration,
    most: Duration,
    slowest_bytes_per_s: u64,
}

impl Patience {
    pub(super) fn new(most: Duration, slowest_bytes_per_s: u64) -> Self {
        Self {
            left: most,
            most,
            slowest_bytes_per_s: slowest_bytes_per_s.max(1),
        }
    }

    /// How long to wait for the next bytes.
    pub(super) fn left(&self) -> Duration {
        self.left
    }

    /// How much of it is used up.
    pub(super) fn used(&self) -> Duration {
        self.most.saturating_sub(self.left)
    }

    /// So many bytes came after so long a wait.
    pub(super) fn spend(&mut self, waited: Duration, bytes: usize) {
        let earned = Duration::from_secs_f64(bytes as f64 / self.slowest_bytes_per_s as f64);
        let left = self.left.saturating_add(earned).saturating_sub(waited);
        self.left = left.min(self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    /// How many pieces of a size come, one a second, before the patience is over.
    fn pieces(bytes: usize) -> usize {
        let mut patience = Patience::new(30 * S, 1_000);
        (0..1_000)
            .take_while(|_| {
                let in_time = patience.left() >= S;
                patience.spend(S, bytes);
                in_time
            })
            .count()
    }

    #[test]
    fn a_client_at_the_slowest_rate_may_go_on_and_a_slower_one_may_not() {
        assert_eq!(pieces(1), 30);
        assert_eq!(pieces(500), 59);
        assert_eq!(pieces(1_000), 1_000);
        assert_eq!(pieces(1_000_000), 1_000);
    }

    #[test]
    fn a_fast_start_earns_no_long_stall() {
        let mut patience = Patience::new(30 * S, 1_000);
        patience.spend(S, usize::MAX >> 20);
        assert_eq!(patience.left(), 30 * S);
        patience.spend(40 * S, 0);
        assert_eq!(patience.left(), Duration::ZERO);
    }
}
