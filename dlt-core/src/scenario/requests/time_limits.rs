//! `timeout` and `timeouts`: how long a request may take, in all and by phase.
//! Ending it is left to the engine.

use crate::scenario::document::notes::{Notes, Object};
use crate::scenario::limits::{LONGEST_TIMEOUT_US, SHORTEST_TIMEOUT_US};
use crate::scenario::plan::Timeouts;

/// Time limits that are allowed, µs.
pub(crate) const TIMEOUT_RANGE: std::ops::RangeInclusive<u64> =
    SHORTEST_TIMEOUT_US..=LONGEST_TIMEOUT_US;

/// Time limits as given, µs.
#[derive(Default, Clone, Copy)]
pub(crate) struct Limits {
    pub connect_us: Option<u64>,
    pub first_byte_us: Option<u64>,
    pub total_us: Option<u64>,
}

impl Limits {
    /// With the usual ones filled in. A total that is given also bounds the
    /// wait for the first byte, so `timeout: 300s` does wait 300 s; and no
    /// phase may take longer than the total.
    pub fn resolve(self) -> Timeouts {
        let usual = Timeouts::default();
        let total_us = self.total_us.unwrap_or_else(|| {
            usual
                .total_us
                .max(self.first_byte_us.unwrap_or(0))
                .max(self.connect_us.unwrap_or(0))
        });
        let first_byte_us = self.first_byte_us.unwrap_or(if self.total_us.is_some() {
            total_us
        } else {
            usual.first_byte_us
        });
        Timeouts {
            connect_us: self.connect_us.unwrap_or(usual.connect_us).min(total_us),
            first_byte_us: first_byte_us.min(total_us),
            total_us,
        }
    }
}

/// Reads those of a scenario.
pub(crate) fn scenario_limits(object: &Object<'_>, notes: &mut Notes) -> Limits {
    let mut limits = Limits::default();
    if let Some(timeouts) = object.get("timeouts").and_then(|node| node.object(notes)) {
        timeouts.allow_only(&["connect", "first-byte", "total"], &[], notes);
        let mut read = |key: &str| {
            timeouts
                .get(key)
                .and_then(|node| node.duration(TIMEOUT_RANGE, notes))
        };
        limits = Limits {
            connect_us: read("connect"),
            first_byte_us: read("first-byte"),
            total_us: read("total"),
        };
        if object.has("timeout") && timeouts.has("total") {
            notes.fault(
                timeouts.path_of("total"),
                "says the same as timeout; keep one",
            );
        }
    }
    if let Some(node) = object.get("timeout") {
        limits.total_us = node.duration(TIMEOUT_RANGE, notes);
    }
    limits
}
