//! What a runner says on stdout: one JSON object a line (dlt.md 3). Anything
//! else on that stream is counted as unreadable, never skipped in silence.

use crate::coarse::Coarse;
use crate::ids::{Region, RunnerId, TestId, TestRunId};
use crate::timeline::Second;
use serde::{Deserialize, Serialize};

/// Longest line that is read, bytes; CloudWatch Logs' event limit is 256 KB.
pub const LONGEST_LINE_BYTES: usize = 256 * 1024;

/// A line of a runner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event")]
pub enum RunnerLine {
    /// The worker listens and may be started.
    #[serde(rename = "DLT_READY")]
    Ready {
        /// Who.
        runner: RunnerId,
        /// Where.
        region: Region,
        /// `host:port` for the leader to call.
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
        /// Who.
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

/// The tally of one second: of a runner on the start connection, of a region
/// in a leader's line. Added, never averaged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tick {
    /// Of which scenario.
    pub test_id: TestId,
    /// Of which run.
    pub run_id: TestRunId,
    /// Of which region.
    pub region: Region,
    /// Rises by one from 0; a gap is a lost tick.
    pub seq: u64,
    /// Seconds since the start instant: the second [second, second + 1).
    pub second: u64,
    /// Users active (closed) or requests in flight (open) at its end.
    pub users: u64,
    /// Due in this second.
    pub scheduled: u64,
    /// Dropped in this second.
    pub dropped: u64,
    /// Found no connection in this second.
    #[serde(default)]
    pub unconnected: u64,
    /// Handed to a connection in this second.
    pub sent: u64,
    /// Sent a second time in this second.
    #[serde(default)]
    pub resent: u64,
    /// Ended ok in this second.
    pub ok: u64,
    /// Failed in this second.
    pub failed: u64,
    /// Given up in this second, at the end of the graceful stop.
    pub unfinished: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Statuses read in this second, whatever they were: does the target answer at all.
    pub answers: u64,
    /// Failures by cause, sorted by cause.
    pub causes: Vec<(String, u64)>,
    /// Response times of ok samples.
    pub latency: Coarse,
    /// Those of failed ones; left out where there are none.
    #[serde(default, skip_serializing_if = "Coarse::is_empty")]
    pub latency_failed: Coarse,
    /// Generator lag.
    pub lag: Coarse,
    /// See [`Second`]; so for the next two.
    #[serde(default)]
    pub user_time_us: u64,
    /// Of it, lost to reading late.
    #[serde(default)]
    pub read_delay_us: u64,
    /// Answers without a stamp of the kernel.
    #[serde(default)]
    pub unstamped: u64,
    /// One short row a runner.
    pub runners: Vec<RunnerRow>,
}

impl Tick {
    /// A tick of one runner's second; `answers` is the caller's to fill.
    pub fn of(
        second: &Second,
        test_id: TestId,
        run_id: TestRunId,
        region: Region,
        seq: u64,
        row: RunnerRow,
    ) -> Self {
        let mut tick = Self {
            test_id,
            run_id,
            region,
            seq,
            second: second.second,
            users: 0,
            scheduled: 0,
            dropped: 0,
            unconnected: 0,
            sent: 0,
            resent: 0,
            ok: 0,
            failed: 0,
            unfinished: 0,
            bytes: 0,
            answers: 0,
            causes: Vec::new(),
            latency: Coarse::default(),
            latency_failed: Coarse::default(),
            lag: Coarse::default(),
            user_time_us: 0,
            read_delay_us: 0,
            unstamped: 0,
            runners: vec![row],
        };
        tick.add_second(second);
        tick
    }

    fn add_second(&mut self, second: &Second) {
        self.users += second.users;
        self.scheduled += second.scheduled;
        self.dropped += second.dropped;
        self.unconnected += second.unconnected;
        self.sent += second.sent;
        self.resent += second.resent;
        self.ok += second.ok;
        self.failed += second.failed;
        self.unfinished += second.unfinished;
        self.bytes += second.bytes;
        for (cause, count) in &second.causes {
            add_cause(&mut self.causes, cause, *count);
        }
        self.latency.merge(&second.latency);
        self.latency_failed.merge(&second.latency_failed);
        self.lag.merge(&second.lag);
        self.user_time_us += second.user_time_us;
        self.read_delay_us += second.read_delay_us;
        self.unstamped += second.unstamped;
    }

    /// Adds another tick of the same second; `seq` and names stay this one's.
    pub fn merge(&mut self, other: &Self) {
        self.add_second(&other.as_second());
        self.answers += other.answers;
        self.runners.extend(other.runners.iter().cloned());
    }

    /// The same numbers as a timeline's second.
    pub fn as_second(&self) -> Second {
        Second {
            second: self.second,
            users: self.users,
            scheduled: self.scheduled,
            dropped: self.dropped,
            unconnected: self.unconnected,
            sent: self.sent,
            resent: self.resent,
            ok: self.ok,
            failed: self.failed,
            unfinished: self.unfinished,
            bytes: self.bytes,
            causes: self.causes.clone(),
            latency: self.latency.clone(),
            latency_failed: self.latency_failed.clone(),
            lag: self.lag.clone(),
            user_time_us: self.user_time_us,
            read_delay_us: self.read_delay_us,
            unstamped: self.unstamped,
        }
    }
}

/// Adds to a sorted list of causes.
pub fn add_cause(causes: &mut Vec<(String, u64)>, cause: &str, count: u64) {
    match causes.binary_search_by(|row| row.0.as_str().cmp(cause)) {
        Ok(at) => causes[at].1 += count,
        Err(at) => causes.insert(at, (cause.to_owned(), count)),
    }
}

/// What a runner is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunnerState {
    /// Makes load.
    Loading,
    /// Has not been heard of for more than 3 s.
    Lagging,
    /// Its load is over.
    Finished,
    /// Its connection is gone.
    Lost,
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
        tick.latency.record(840);
        assert!(
            !RunnerLine::Tick(tick.clone())
                .to_line()
                .contains("latency_failed")
        );
        tick.latency_failed.record(100);
        let mut other = tick.clone();
        other.runners = vec![RunnerRow(id("lo-home-1-2"), RunnerState::Lost, 3, 0)];
        tick.merge(&other);
        let line = RunnerLine::LiveTick(tick.clone());
        let text = line.to_line();
        assert_eq!(
            text,
            r#"{"event":"DLT_LIVE_TICK","test_id":"Xk29QmWz7B","run_id":"p4TqL8vN2c","region":"lo-home-1","seq":4,"second":4,"users":50,"scheduled":122,"dropped":0,"unconnected":0,"sent":122,"resent":0,"ok":120,"failed":2,"unfinished":0,"bytes":18000,"answers":122,"causes":[["status-5xx",2]],"latency":[[77,2]],"latency_failed":[[53,2]],"lag":[],"user_time_us":0,"read_delay_us":0,"unstamped":0,"runners":[["lo-home-1-1","loading",4,120],["lo-home-1-2","lost",3,0]]}"#
        );
        assert_eq!(RunnerLine::parse(&text), Some(line));
        assert_eq!(RunnerLine::parse("hello"), None);
    }
}
