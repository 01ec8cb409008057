//! The limits beyond which a run is not believed: one table (dlt.md 2), each
//! row with its reason. Checking a run against it is left to `judge`.

use super::{Code, Trust};

/// A row: beyond `degraded` the run is degraded, beyond `untrusted` untrusted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    /// What is checked.
    pub code: Code,
    /// What the number is, in a few words.
    pub short: &'static str,
    /// Highest value that is trusted; 0 means that any is too much.
    pub degraded: f64,
    /// Highest value that is merely degraded.
    pub untrusted: f64,
    /// The unit of both, as written behind a number.
    pub unit: &'static str,
    /// Why the number matters, as the message has it.
    pub why: &'static str,
    /// What to do about it.
    pub advice: &'static str,
}

/// Never untrusted by amount alone.
const NEVER: f64 = f64::INFINITY;

/// The table: a row for each [`Code`], in the order of the enum.
pub const LIMITS: [Limit; 15] = [
    // 5 ms is what a busy but healthy scheduler adds; at 50 ms the generator,
    // not the plan, decides when requests leave.
    Limit {
        code: Code::Lag,
        short: "p99 of how late requests leave",
        degraded: 5.0,
        untrusted: 50.0,
        unit: " ms",
        why: "requests left later than planned, which is part of response times and no part of service times",
        advice: "use more tasks or bigger ones, or a lower rate",
    },
    // A user that waits for the generator sends nothing meanwhile: the rate is
    // lower than the target allows. Response times end before.
    Limit {
        code: Code::ReadDelay,
        short: "lost to reading answers late",
        degraded: 5.0,
        untrusted: NEVER,
        unit: " % of the users' time",
        why: "the generator, not the target, limited the rate: answers had come and were not read yet",
        advice: "use more tasks or bigger ones, or fewer users per task",
    },
    // One answer in a hundred hardly moves a p99.
    Limit {
        code: Code::NoStamps,
        short: "without the kernel's time",
        degraded: 1.0,
        untrusted: NEVER,
        unit: " % of answers",
        why: "the kernel did not tell when answers came, so response times last until they were read",
        advice: "answers that end with their connection, without a length, never have such a time, nor have those over a Unix socket; others have it on Linux 4.14 or later",
    },
    // Half a second of a run's first seconds tells nothing of its load; 50 ms is what a
    // busy machine adds.
    Limit {
        code: Code::StartSkew,
        short: "p99 of how late runners began",
        degraded: 50.0,
        untrusted: 500.0,
        unit: " ms",
        why: "runners did not begin together at the start instant",
        advice: "look at clocks that were set and at machines that stood still or were busy when the load began",
    },
    // What was not asked of the target is in no number of the result.
    Limit {
        code: Code::LoadCut,
        short: "of the planned load not made",
        degraded: 0.0,
        untrusted: 5.0,
        unit: " % of the planned load",
        why: "planned load was not made: it began late, or runners stood still",
        advice: "run it again; a clock that was set, a machine that slept or a process that was stopped does this",
    },
    // They went on with the load that was before; the record shows the one asked for.
    Limit {
        code: Code::LoadChange,
        short: "of runners without a change of the load",
        degraded: 0.0,
        untrusted: 50.0,
        unit: " % of runners",
        why: "runners did not hear of a change of the load and went on with the one before",
        advice: "look at why their leader was lost or could not read the depot",
    },
    Limit {
        code: Code::NoSamples,
        short: "runs without a measured request",
        degraded: 0.0,
        untrusted: 0.0,
        unit: "",
        why: "no request was measured",
        advice: "look at the account and the errors for where the load went",
    },
    // A throttled process stands still for most of each 100 ms quota period.
    Limit {
        code: Code::CpuThrottled,
        short: "held back by the CPU quota",
        degraded: 1.0,
        untrusted: 10.0,
        unit: " % of the time",
        why: "the CPU quota held the generator back",
        advice: "give each task more CPU, or use more tasks",
    },
    // Requests that never reached the target are not in its percentiles.
    Limit {
        code: Code::Ports,
        short: "without a free port",
        degraded: 0.0,
        untrusted: 1.0,
        unit: " % of requests",
        why: "requests found no free local port",
        advice: "keep connections alive, or use more tasks (each has its own ports on AWS)",
    },
    Limit {
        code: Code::Files,
        short: "without a free file descriptor",
        degraded: 0.0,
        untrusted: 1.0,
        unit: " % of requests",
        why: "requests found no free file descriptor",
        advice: "raise the limit of open files (ulimit -n), or use more tasks",
    },
    // Near its limit a process is reclaimed from, or killed.
    Limit {
        code: Code::Memory,
        short: "of memory",
        degraded: 90.0,
        untrusted: NEVER,
        unit: " % of the limit",
        why: "the generator came near its memory limit",
        advice: "give each task more memory, or use more tasks",
    },
    // Dropped requests are those at the worst moments, so percentiles look better.
    Limit {
        code: Code::Drops,
        short: "dropped",
        degraded: 0.0,
        untrusted: 1.0,
        unit: " % of requests due",
        why: "requests were dropped, because too many were in flight already, no row of data was left for them, or they were still unsent at the planned end",
        advice: "raise `connections`, use more tasks, or lower `arrivals`: the target or the runners do not keep up; where a warning says that rows were used, give more rows",
    },
    // Runners' seconds are added by their clocks: 200 ms blurs a second's tick.
    Limit {
        code: Code::Clock,
        short: "clock error",
        degraded: 20.0,
        untrusted: 200.0,
        unit: " ms",
        why: "clocks of runners could not be compared better than this",
        advice: "look for a slow network between runners; per-second data is blurred by as much",
    },
    // A missing runner made load whose samples are not in the result.
    Limit {
        code: Code::Intervals,
        short: "seconds missing",
        degraded: 0.0,
        untrusted: NEVER,
        unit: "",
        why: "seconds of some runner are missing",
        advice: "look at the logs of the runners named",
    },
    // Sums that disagree are a defect of ours: nothing may rest on them.
    Limit {
        code: Code::Unbalanced,
        short: "accounts that do not add up",
        degraded: 0.0,
        untrusted: 0.0,
        unit: "",
        why: "the account does not add up",
        advice: "please report this: it is a defect of dlt",
    },
];

impl Limit {
    /// The row of a code.
    pub fn of(code: Code) -> &'static Self {
        // The table has a row for each code, in the order of the enum (tested).
        &LIMITS[code as usize]
    }

    /// How bad a value is.
    pub fn trust(&self, value: f64) -> Trust {
        if value > self.untrusted {
            Trust::Untrusted
        } else if value > self.degraded {
            Trust::Degraded
        } else {
            Trust::Trusted
        }
    }

    /// The limit that a value has passed, in words.
    pub(super) fn passed(&self, trust: Trust) -> String {
        let limit = match trust {
            Trust::Untrusted => self.untrusted,
            Trust::Trusted | Trust::Degraded => self.degraded,
        };
        match limit {
            0.0 => "limit: none at all".to_owned(),
            limit => format!("limit {limit}{}", self.unit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_row() {
        for (at, limit) in LIMITS.iter().enumerate() {
            assert_eq!(limit.code as usize, at);
            assert_eq!(Limit::of(limit.code), limit);
            assert!(limit.degraded <= limit.untrusted);
        }
        assert_eq!(Code::Unbalanced as usize + 1, LIMITS.len());
    }

    #[test]
    fn a_limit_itself_is_still_trusted() {
        let lag = Limit::of(Code::Lag);
        assert_eq!(lag.trust(5.0), Trust::Trusted);
        assert_eq!(lag.trust(5.001), Trust::Degraded);
        assert_eq!(lag.trust(50.001), Trust::Untrusted);
        let drops = Limit::of(Code::Drops);
        assert_eq!(drops.trust(0.0), Trust::Trusted);
        assert_eq!(drops.trust(0.000_01), Trust::Degraded);
        assert_eq!(drops.trust(1.01), Trust::Untrusted);
    }
}
