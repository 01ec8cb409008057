//! Which statuses of answers are ok.

/// Statuses that are ok.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusSet {
    /// Inclusive ranges.
    pub ranges: Vec<(u16, u16)>,
}

impl Default for StatusSet {
    /// Everything below 400 (decision 15).
    fn default() -> Self {
        Self {
            ranges: vec![(100, 399)],
        }
    }
}

impl StatusSet {
    /// Whether a status is ok.
    #[inline]
    pub fn contains(&self, status: u16) -> bool {
        self.ranges
            .iter()
            .any(|&(from, to)| (from..=to).contains(&status))
    }
}
