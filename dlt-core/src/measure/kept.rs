//! Exchanges that are kept for people of a run that is tried once: each request of its one iteration
//! with its answer, ok or not. What an error shows of itself is `tally`'s; who makes the text, without
//! secrets, is the engine.

use crate::measure::sample::Cause;

/// Most kept exchanges of a run: more than anybody reads.
pub const MOST_KEPT: usize = 100;
/// Most bytes of one side of a kept exchange.
pub const LONGEST_KEPT_BYTES: usize = 16 * 1024;
/// Most bytes of a run's kept exchanges: they are part of its record, which a page reads at once.
pub const MOST_KEPT_BYTES: usize = 1024 * 1024;
/// Most bytes of one value that was extracted.
pub const LONGEST_KEPT_VALUE_BYTES: usize = 1_024;
/// Most values of one exchange.
pub const MOST_KEPT_VALUES: usize = 100;

/// One request with its answer, as people are shown it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeptExchange {
    /// The label that it was counted under.
    pub label: String,
    /// As it was requested, without secrets.
    pub url: String,
    /// When it was sent, µs since the start instant.
    pub sent_us: u64,
    /// Its response time, µs.
    pub response_us: u64,
    /// The answer's status, if there was an answer.
    pub status: Option<u16>,
    /// Why it failed; None: it is ok.
    pub cause: Option<Cause>,
    /// The same as a sentence.
    pub message: Option<String>,
    /// Head and body as sent, without secrets.
    pub request: String,
    /// Head and body as received, decoded, without secrets.
    pub response: String,
    /// Whether a side was longer than what is kept.
    pub cut: bool,
    /// Variables that were set from the answer, without secrets.
    pub values: Vec<(String, String)>,
}

impl KeptExchange {
    fn bytes(&self) -> usize {
        let values = self.values.iter();
        let values: usize = values.map(|row| row.0.len() + row.1.len()).sum();
        let texts = [&self.label, &self.url, &self.request, &self.response];
        texts.iter().map(|text| text.len()).sum::<usize>() + values
    }

    /// Cuts what is longer than its limit, between characters.
    pub fn shorten(&mut self) {
        for side in [&mut self.request, &mut self.response] {
            self.cut |= side.len() > LONGEST_KEPT_BYTES;
            side.truncate(side.floor_char_boundary(LONGEST_KEPT_BYTES));
        }
        self.values.truncate(MOST_KEPT_VALUES);
        for (_, value) in &mut self.values {
            value.truncate(value.floor_char_boundary(LONGEST_KEPT_VALUE_BYTES));
        }
    }
}

/// A run's kept exchanges, bounded in number and bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeptExchanges {
    rows: Vec<KeptExchange>,
    bytes: usize,
    /// Those for which there was no room.
    pub left_out: u64,
}

impl KeptExchanges {
    /// Keeps one, or counts it as left out.
    pub fn add(&mut self, mut exchange: KeptExchange) {
        exchange.shorten();
        let bytes = exchange.bytes();
        if self.rows.len() >= MOST_KEPT || self.bytes + bytes > MOST_KEPT_BYTES {
            self.left_out += 1;
            return;
        }
        self.bytes += bytes;
        self.rows.push(exchange);
    }

    /// Adds another thread's or runner's.
    pub fn merge(&mut self, other: Self) {
        self.left_out += other.left_out;
        other.rows.into_iter().for_each(|row| self.add(row));
        self.rows.sort_by_key(|row| row.sent_us);
    }

    /// In the order in which they were sent.
    pub fn rows(&self) -> &[KeptExchange] {
        &self.rows
    }

    /// The same, taken.
    pub fn into_rows(self) -> Vec<KeptExchange> {
        self.rows
    }

    /// What is said of those that were left out.
    pub fn warning(&self) -> Option<String> {
        (self.left_out > 0).then(|| {
            format!(
                "{} exchanges are not shown: at most {MOST_KEPT} of a run are kept, and {} KiB in all",
                self.left_out,
                MOST_KEPT_BYTES / 1024
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_bytes(sent_us: u64, bytes: usize) -> KeptExchange {
        KeptExchange {
            sent_us,
            response: "é".repeat(bytes / 2),
            ..KeptExchange::default()
        }
    }

    #[test]
    fn number_and_bytes_are_bounded_and_what_is_left_out_is_told() {
        let mut many = KeptExchanges::default();
        (0..150).for_each(|at| many.add(of_bytes(at, 10)));
        assert_eq!((many.rows().len(), many.left_out), (MOST_KEPT, 50));
        assert!(many.warning().unwrap().starts_with("50 exchanges"));
        let mut large = KeptExchanges::default();
        (0..80).for_each(|at| large.add(of_bytes(at, 1_000_000)));
        assert_eq!((large.rows().len(), large.left_out), (64, 16));
        assert!(large.rows()[0].cut && large.rows()[0].response.len() == LONGEST_KEPT_BYTES);
        assert_eq!(KeptExchanges::default().warning(), None);
    }

    #[test]
    fn those_of_threads_come_in_the_order_of_their_sending() {
        let (mut a, mut b) = (KeptExchanges::default(), KeptExchanges::default());
        a.add(of_bytes(5, 2));
        b.add(of_bytes(3, 2));
        a.merge(b);
        let sent: Vec<u64> = a.rows().iter().map(|row| row.sent_us).collect();
        assert_eq!(sent, [3, 5]);
    }
}
