//! What a runner writes on stdout: one JSON object a line (dlt.md 3). Anything
//! else on that stream is counted as unreadable, never skipped in silence, by
//! the pipeline that reads it.

use crate::ids::{Region, RunnerId, TestId, TestRunId};
use crate::measure::second::Second;
use crate::measure::silence::Silence;
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Longest line that is read, bytes; CloudWatch Logs' event limit is 256 KB.
pub const LONGEST_LINE_BYTES: usize = 256 * 1024;
/// A tick's line stays below this, bytes: container logs split lines at 16 KB.
pub const LONGEST_TICK_BYTES: usize = 16_000;
/// Most runners that a regional tick lists: their rows take about 3 KB, which
/// leaves room for three full histograms below [`LONGEST_TICK_BYTES`].
pub const MOST_RUNNER_ROWS: usize = 50;

/// A line of a runner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event")]
pub enum RunnerLine {
    /// The worker listens and may be started.
    #[serde(rename = "DLT_READY")]
    Ready {
        /// The worker's id.
        runner: RunnerId,
        /// The region that it runs in.
        region: Region,
        /// `host:port` for the leader to connect to.
        address: String,
    },
    /// A second of a region, not to be published.
    #[serde(rename = "DLT_TICK")]
    Tick(Tick),
    /// A second of a region, to be published (`showLive`).
    #[serde(rename = "DLT_LIVE_TICK")]
    LiveTick(Tick),
    /// The last line.
    #[serde(rename = "DLT_FINISHED")]
    Finished {
        /// The runner's id.
        runner: RunnerId,
        /// The exit code that follows.
        exit: i32,
        /// Key of the stored report; None if there is none.
        report: Option<String>,
    },
}

impl RunnerLine {
    /// Reads a line; None if it is not one of ours.
    pub fn parse(line: &str) -> Option<Self> {
        (line.len() <= LONGEST_LINE_BYTES)
            .then(|| serde_json::from_str(line).ok())
            .flatten()
    }

    /// The line, without its line break.
    pub fn to_line(&self) -> String {
        // Strings, numbers and lists alone: this cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// A second on its way: of a runner or, in its leader's line, of a region.
/// Added, never averaged. On the wire it is one flat object: the names, the
/// fields of [`Second`], then the rest.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    /// The scenario's id.
    pub test_id: TestId,
    /// The run's id.
    pub run_id: TestRunId,
    /// The region of the runner or runners.
    pub region: Region,
    /// Rises by one from 0; a gap is a lost tick.
    pub seq: u64,
    /// The tally of that second.
    pub second: Second,
    /// Attempts that ended in this second by an answer or by another sign of the target:
    /// whatever it said, it is there.
    pub answers: u64,
    /// The attempts that found no target.
    pub silence: Silence,
    /// One short row a runner; of many runners the worst (see [`Tick::keep_worst`]).
    pub runners: Vec<RunnerRow>,
    /// The runners that are not listed, counted by state.
    pub others: BTreeMap<RunnerState, u64>,
}

/// What stands before the second's fields.
#[derive(Serialize, Deserialize)]
struct Names {
    test_id: TestId,
    run_id: TestRunId,
    region: Region,
    seq: u64,
}

/// What a log's metric filters read, made from the histograms and never read back;
/// left out where a second has no samples.
#[derive(Serialize)]
struct Figures {
    #[serde(skip_serializing_if = "Option::is_none")]
    avg_rt_us: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p95_us: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lag_p99_us: Option<u64>,
    /// Runners that make load.
    loading: u64,
}

impl Figures {
    fn of(tick: &Tick) -> Self {
        let us = |value: Option<f64>| value.map(|value| value.round() as u64);
        let second = &tick.second;
        let loading = tick.runners.iter();
        let loading = loading.filter(|row| row.1 == RunnerState::Loading).count() as u64;
        let others = tick.others.get(&RunnerState::Loading);
        Self {
            loading: loading + others.copied().unwrap_or(0),
            avg_rt_us: us(second.latency.mean_us()),
            p95_us: us(second.latency.quantile_us(0.95)),
            lag_p99_us: us(second.lag.quantile_us(0.99)),
        }
    }
}

/// What stands behind them.
#[derive(Serialize, Deserialize)]
struct Rest {
    answers: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unanswered: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unanswered_since: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    waiting_since: Option<u64>,
    runners: Vec<RunnerRow>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    others: BTreeMap<RunnerState, u64>,
}

impl Serialize for Tick {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let names = Names {
            test_id: self.test_id.clone(),
            run_id: self.run_id.clone(),
            region: self.region.clone(),
            seq: self.seq,
        };
        let rest = Rest {
            answers: self.answers,
            unanswered: Some(self.silence.unanswered).filter(|count| *count > 0),
            unanswered_since: self.silence.since_s,
            waiting_since: self.silence.waiting_since_s,
            runners: self.runners.clone(),
            others: self.others.clone(),
        };
        let parts = [
            serde_json::to_value(names),
            serde_json::to_value(&self.second),
            serde_json::to_value(Figures::of(self)),
            serde_json::to_value(rest),
        ];
        let mut fields = Map::new();
        for part in parts {
            if let Value::Object(part) = part.map_err(S::Error::custom)? {
                fields.extend(part);
            }
        }
        fields.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Tick {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = Value::deserialize(deserializer)?;
        let names = Names::deserialize(&fields).map_err(D::Error::custom)?;
        let second = Second::deserialize(&fields).map_err(D::Error::custom)?;
        let rest = Rest::deserialize(&fields).map_err(D::Error::custom)?;
        Ok(Self {
            test_id: names.test_id,
            run_id: names.run_id,
            region: names.region,
            seq: names.seq,
            second,
            answers: rest.answers,
            silence: Silence {
                unanswered: rest.unanswered.unwrap_or(0),
                since_s: rest.unanswered_since,
                waiting_since_s: rest.waiting_since,
            },
            runners: rest.runners,
            others: rest.others,
        })
    }
}

impl Tick {
    /// A tick of one runner's second; `answers` and `silence` are the caller's to fill.
    pub fn of(
        second: &Second,
        test_id: TestId,
        run_id: TestRunId,
        region: Region,
        seq: u64,
        row: RunnerRow,
    ) -> Self {
        Self {
            test_id,
            run_id,
            region,
            seq,
            second: second.clone(),
            answers: 0,
            silence: Silence::default(),
            runners: vec![row],
            others: BTreeMap::new(),
        }
    }

    /// Adds another tick of the same second; `seq` and names stay this one's.
    pub fn merge(&mut self, other: &Self) {
        self.second.merge(&other.second);
        self.answers += other.answers;
        self.silence.merge(&other.silence);
        self.runners.extend(other.runners.iter().cloned());
        for (state, count) in &other.others {
            *self.others.entry(*state).or_default() += count;
        }
    }

    /// Runners whose seconds it adds.
    pub fn runner_count(&self) -> u64 {
        self.runners.len() as u64 + self.others.values().sum::<u64>()
    }

    /// Lists at most `most` runners and counts the others by state. Lost runners
    /// are listed first, then lagging ones, then those with the highest lag.
    /// Rows that all fit keep their order.
    pub fn keep_worst(&mut self, most: usize) {
        if self.runners.len() <= most {
            return;
        }
        self.runners.sort_by_key(|row| {
            let by_state = match row.1 {
                RunnerState::Lost => 0,
                RunnerState::Lagging => 1,
                RunnerState::Loading | RunnerState::Finished => 2,
            };
            (by_state, Reverse(row.3))
        });
        for row in self.runners.drain(most..) {
            *self.others.entry(row.1).or_default() += 1;
        }
    }
}

/// What a runner is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunnerState {
    /// Makes load.
    Loading,
    /// Its last event is more than 3 s old.
    Lagging,
    /// Its load is over.
    Finished,
    /// Its connection is lost.
    Lost,
}

impl RunnerState {
    /// Whether it makes load, timely or late.
    pub fn makes_load(self) -> bool {
        matches!(self, Self::Loading | Self::Lagging)
    }
}

/// A runner's row in a regional tick: `[id, state, seq, lag_p99_us]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunnerRow(pub RunnerId, pub RunnerState, pub u64, pub u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_their_wire_form() {
        let second = Second {
            second: 4,
            users: 25,
            scheduled: 61,
            sent: 61,
            ok: 60,
            failed: 1,
            bytes: 9_000,
            causes: vec![("status-5xx".to_owned(), 1)],
            ..Second::default()
        };
        let id = |text: &str| RunnerId::parse(text).unwrap();
        let mut tick = Tick::of(
            &second,
            TestId::parse("Xk29QmWz7B").unwrap(),
            TestRunId::parse("p4TqL8vN2c").unwrap(),
            Region::parse("lo-home-1").unwrap(),
            4,
            RunnerRow(id("lo-home-1-1"), RunnerState::Loading, 4, 120),
        );
        tick.answers = 61;
        tick.second.latency.record(840);
        assert!(
            !RunnerLine::Tick(tick.clone())
                .to_line()
                .contains("latency_failed")
        );
        tick.second.latency_failed.record(100);
        let mut other = tick.clone();
        other.runners = vec![RunnerRow(id("lo-home-1-2"), RunnerState::Lost, 3, 0)];
        tick.merge(&other);
        let line = RunnerLine::LiveTick(tick.clone());
        let text = line.to_line();
        assert_eq!(
            text,
            r#"{"event":"DLT_LIVE_TICK","test_id":"Xk29QmWz7B","run_id":"p4TqL8vN2c","region":"lo-home-1","seq":4,"second":4,"users":50,"scheduled":122,"dropped":0,"unconnected":0,"sent":122,"resent":0,"ok":120,"failed":2,"unfinished":0,"bytes":18000,"causes":[["status-5xx",2]],"latency":[[77,2]],"latency_failed":[[53,2]],"lag":[],"user_time_us":0,"read_delay_us":0,"unstamped":0,"avg_rt_us":825,"p95_us":825,"loading":1,"answers":122,"runners":[["lo-home-1-1","loading",4,120],["lo-home-1-2","lost",3,0]]}"#
        );
        assert_eq!(RunnerLine::parse(&text), Some(line));
        assert_eq!(RunnerLine::parse("hello"), None);
        tick.silence.add(3);
        tick.silence.add(2);
        tick.silence.waiting_since_s = Some(4);
        let mut other = tick.clone();
        other.silence.waiting_since_s = None;
        tick.merge(&other);
        let line = RunnerLine::Tick(tick);
        let text = line.to_line();
        assert!(
            text.contains(
                r#""answers":244,"unanswered":4,"unanswered_since":2,"waiting_since":4,"#
            ),
            "{text}"
        );
        assert_eq!(RunnerLine::parse(&text), Some(line));
    }

    fn region_of(rows: Vec<RunnerRow>) -> Tick {
        let mut tick = Tick::of(
            &Second::default(),
            TestId::parse("Xk29QmWz7B").unwrap(),
            TestRunId::parse("p4TqL8vN2c").unwrap(),
            Region::parse("lo-home-1").unwrap(),
            0,
            row(0, RunnerState::Loading, 0),
        );
        tick.runners = rows;
        tick
    }

    fn row(number: u64, state: RunnerState, lag_p99_us: u64) -> RunnerRow {
        let id = RunnerId::parse(&format!("lo-home-1-{number}")).unwrap();
        RunnerRow(id, state, 0, lag_p99_us)
    }

    #[test]
    fn the_worst_runners_are_listed_and_the_others_counted() {
        let mut tick = region_of(vec![
            row(1, RunnerState::Loading, 10),
            row(2, RunnerState::Finished, 30),
            row(3, RunnerState::Lagging, 5),
            row(4, RunnerState::Loading, 20),
            row(5, RunnerState::Lost, 0),
            row(6, RunnerState::Loading, 20),
        ]);
        let whole = tick.clone();
        tick.keep_worst(6);
        assert_eq!(tick, whole, "rows that fit are left alone");
        tick.keep_worst(4);
        let listed: Vec<&str> = tick.runners.iter().map(|row| row.0.as_str()).collect();
        let expected = ["lo-home-1-5", "lo-home-1-3", "lo-home-1-2", "lo-home-1-4"];
        assert_eq!(listed, expected);
        assert_eq!(tick.others, BTreeMap::from([(RunnerState::Loading, 2)]));
        tick.keep_worst(2);
        let line = RunnerLine::Tick(tick);
        let text = line.to_line();
        let end = r#""runners":[["lo-home-1-5","lost",0,0],["lo-home-1-3","lagging",0,5]],"others":{"loading":3,"finished":1}}"#;
        assert!(text.ends_with(end), "{text}");
        assert_eq!(RunnerLine::parse(&text), Some(line));
    }

    #[test]
    fn counts_of_unlisted_runners_are_added() {
        let mut tick = region_of(vec![row(1, RunnerState::Loading, 1); 3]);
        tick.keep_worst(1);
        let mut other = region_of(vec![row(2, RunnerState::Lost, 0); 2]);
        other.keep_worst(0);
        tick.merge(&other);
        let expected = [(RunnerState::Loading, 2), (RunnerState::Lost, 2)];
        assert_eq!(tick.others, BTreeMap::from(expected));
    }
}
