//! Which version of HTTP answers came in, and how many came in each. What a scenario asks
//! for is the plan's; the engine counts what it got.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The version of HTTP of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpVersion {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1.
    Http11,
    /// HTTP/2.
    Http2,
}

/// Answers by the version of HTTP in which they came: those whose head was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct VersionCounts {
    /// HTTP/1.0.
    #[serde(default)]
    pub http1_0: u64,
    /// HTTP/1.1.
    #[serde(default)]
    pub http1_1: u64,
    /// HTTP/2.
    #[serde(default)]
    pub http2: u64,
}

impl VersionCounts {
    /// Counts an answer.
    #[inline]
    pub fn count(&mut self, version: HttpVersion) {
        match version {
            HttpVersion::Http10 => self.http1_0 += 1,
            HttpVersion::Http11 => self.http1_1 += 1,
            HttpVersion::Http2 => self.http2 += 1,
        }
    }

    /// Adds another count.
    pub fn merge(&mut self, other: &Self) {
        self.http1_0 += other.http1_0;
        self.http1_1 += other.http1_1;
        self.http2 += other.http2;
    }

    /// All answers.
    pub fn all(&self) -> u64 {
        self.http1_0 + self.http1_1 + self.http2
    }

    /// Name and count of each version that was met, the oldest first.
    pub fn met(&self) -> impl Iterator<Item = (&'static str, u64)> {
        [
            ("HTTP/1.0", self.http1_0),
            ("HTTP/1.1", self.http1_1),
            ("HTTP/2", self.http2),
        ]
        .into_iter()
        .filter(|(_, count)| *count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn counts() -> impl Strategy<Value = VersionCounts> {
        (0u64..1_000, 0u64..1_000, 0u64..1_000).prop_map(|(http1_0, http1_1, http2)| {
            VersionCounts {
                http1_0,
                http1_1,
                http2,
            }
        })
    }

    #[test]
    fn only_versions_that_were_met_are_named() {
        let mut counts = VersionCounts::default();
        assert_eq!(counts.met().count(), 0);
        for version in [HttpVersion::Http2, HttpVersion::Http10, HttpVersion::Http2] {
            counts.count(version);
        }
        let met: Vec<_> = counts.met().collect();
        assert_eq!(met, [("HTTP/1.0", 1), ("HTTP/2", 2)]);
    }

    proptest! {
        #[test]
        fn counts_add_up_in_any_order(one in counts(), other in counts()) {
            let (mut left, mut right) = (one, other);
            left.merge(&other);
            right.merge(&one);
            prop_assert_eq!(left, right);
            prop_assert_eq!(left.all(), one.all() + other.all());
            prop_assert_eq!(left.met().map(|row| row.1).sum::<u64>(), left.all());
        }
    }
}
