//! A second of load, added up: what ticks carry and timelines keep. Later in a
//! long run one stands for 10 or 60 s; when is left to `messages::timeline`.

use super::coarse::Coarse;
use super::counts::{by_name, count};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// One stretch (a second, later 10 s or 60 s) of a runner, a region or a run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Second {
    /// Seconds since the start instant at which it begins.
    pub second: u64,
    /// Users active, or requests in flight, at its end.
    #[serde(deserialize_with = "count")]
    pub users: u64,
    /// Requests due.
    #[serde(deserialize_with = "count")]
    pub scheduled: u64,
    /// Requests dropped.
    #[serde(deserialize_with = "count")]
    pub dropped: u64,
    /// Requests that found no connection.
    #[serde(default, deserialize_with = "count")]
    pub unconnected: u64,
    /// Requests handed to a connection.
    #[serde(deserialize_with = "count")]
    pub sent: u64,
    /// Requests sent a second time.
    #[serde(default, deserialize_with = "count")]
    pub resent: u64,
    /// Requests that ended ok.
    #[serde(deserialize_with = "count")]
    pub ok: u64,
    /// Requests that failed.
    #[serde(deserialize_with = "count")]
    pub failed: u64,
    /// Requests given up.
    #[serde(deserialize_with = "count")]
    pub unfinished: u64,
    /// Bytes read.
    #[serde(deserialize_with = "count")]
    pub bytes: u64,
    /// Failures by cause, sorted by cause.
    #[serde(deserialize_with = "by_name")]
    pub causes: Vec<(String, u64)>,
    /// Response times of ok samples.
    #[schemars(with = "Vec<(u64, u64)>")]
    pub latency: Coarse,
    /// Those of failed ones; left out where there are none.
    #[serde(default, skip_serializing_if = "Coarse::is_empty")]
    #[schemars(with = "Vec<(u64, u64)>")]
    pub latency_failed: Coarse,
    /// Generator lag.
    #[schemars(with = "Vec<(u64, u64)>")]
    pub lag: Coarse,
    /// Closed load: the time of its users, µs summed over users.
    #[serde(default, deserialize_with = "count")]
    pub user_time_us: u64,
    /// Of it, the time in which answers had come and were not read yet, µs.
    #[serde(default, deserialize_with = "count")]
    pub read_delay_us: u64,
    /// Answers whose end no stamp of the kernel told.
    #[serde(default, deserialize_with = "count")]
    pub unstamped: u64,
    /// Runners that made load in it: in timelines. A tick has their rows under this name.
    #[serde(
        default,
        skip_serializing_if = "is_zero",
        deserialize_with = "number_or_rows"
    )]
    pub runners: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's form")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A number, or 0 where a tick lists its runners.
fn number_or_rows<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Array(_) => Ok(0),
        number => count(number).map_err(serde::de::Error::custom),
    }
}

impl Second {
    /// Adds the same second of another runner or region.
    pub fn merge(&mut self, other: &Self) {
        self.users = self.users.saturating_add(other.users);
        self.runners = self.runners.saturating_add(other.runners);
        self.add_flow(other);
    }

    /// Adds a later second of the same runner or region: flows add, users and runners are the
    /// later's.
    pub fn extend(&mut self, later: &Self) {
        self.users = later.users;
        self.runners = later.runners;
        self.add_flow(later);
    }

    fn add_flow(&mut self, other: &Self) {
        for (sum, count) in [
            (&mut self.scheduled, other.scheduled),
            (&mut self.dropped, other.dropped),
            (&mut self.unconnected, other.unconnected),
            (&mut self.sent, other.sent),
            (&mut self.resent, other.resent),
            (&mut self.ok, other.ok),
            (&mut self.failed, other.failed),
            (&mut self.unfinished, other.unfinished),
            (&mut self.bytes, other.bytes),
            (&mut self.user_time_us, other.user_time_us),
            (&mut self.read_delay_us, other.read_delay_us),
            (&mut self.unstamped, other.unstamped),
        ] {
            *sum = sum.saturating_add(count);
        }
        for (cause, count) in &other.causes {
            add_cause(&mut self.causes, cause, *count);
        }
        self.latency.merge(&other.latency);
        self.latency_failed.merge(&other.latency_failed);
        self.lag.merge(&other.lag);
    }
}

/// One stretch of one label.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct LabelSecond {
    /// Seconds since the start instant at which it begins.
    pub second: u64,
    /// Ended ok.
    #[serde(deserialize_with = "count")]
    pub ok: u64,
    /// Failed.
    #[serde(deserialize_with = "count")]
    pub failed: u64,
    /// Response times of ok samples.
    #[schemars(with = "Vec<(u64, u64)>")]
    pub latency: Coarse,
    /// Those of failed ones; left out where there are none.
    #[serde(default, skip_serializing_if = "Coarse::is_empty")]
    #[schemars(with = "Vec<(u64, u64)>")]
    pub latency_failed: Coarse,
}

impl LabelSecond {
    /// Adds the same stretch of another runner or thread.
    pub fn merge(&mut self, other: &Self) {
        self.ok = self.ok.saturating_add(other.ok);
        self.failed = self.failed.saturating_add(other.failed);
        self.latency.merge(&other.latency);
        self.latency_failed.merge(&other.latency_failed);
    }
}

/// Adds to a sorted list of causes.
pub fn add_cause(causes: &mut Vec<(String, u64)>, cause: &str, count: u64) {
    match causes.binary_search_by(|row| row.0.as_str().cmp(cause)) {
        Ok(at) => causes[at].1 = causes[at].1.saturating_add(count),
        Err(at) => causes.insert(at, (cause.to_owned(), count)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::counts::MOST_IN_A_STRETCH;

    #[test]
    fn numbers_that_no_run_has_are_refused() {
        let names = [
            "users",
            "scheduled",
            "dropped",
            "unconnected",
            "sent",
            "resent",
            "ok",
            "failed",
            "unfinished",
            "bytes",
            "user_time_us",
            "read_delay_us",
            "unstamped",
            "runners",
        ];
        let with = |name: &str, value: Value| {
            let mut second = serde_json::to_value(Second::default()).unwrap();
            second[name] = value;
            serde_json::from_value::<Second>(second)
        };
        for name in names {
            with(name, MOST_IN_A_STRETCH.into()).unwrap();
            let error = with(name, (MOST_IN_A_STRETCH + 1).into()).unwrap_err();
            assert!(
                error.to_string().contains("more than one number"),
                "{name}: {error}"
            );
        }
        let rows = |text: &str| with("causes", serde_json::from_str(text).unwrap());
        rows(r#"[["dns",1],["reset",2]]"#).unwrap();
        for wrong in [r#"[["reset",1],["dns",2]]"#, r#"[["dns",1],["dns",2]]"#] {
            assert!(rows(wrong).unwrap_err().to_string().contains("do not rise"));
        }
        assert!(rows(r#"[["dns",18446744073709551615]]"#).is_err());
    }
}
