//! `bench memory`: what 10,000 users take, next to wrk, and whether a runner's memory stays flat over
//! minutes of open load.

use super::depot::Load;
use super::machine::Others;
use super::measured::watched;
use super::nginx::Nginx;
use super::table::{Line, Section};
use super::tools::{GENERATOR_CORE, HEAD, Row, lines, single, worker, worker_by, wrk};
use super::{How, interleaved, paired};
use anyhow::Result;
use std::path::Path;
use std::time::{Duration, Instant};

/// The most memory of its own that dlt may have with 10,000 users, MB.
const GOAL_MB: f64 = 30.0;
/// Users that the goal is for.
const GOAL_USERS: u64 = 10_000;
/// Flat: at the end at most so many times what it was after a tenth of the time.
const FLAT: f64 = 1.1;
/// A point of the curve, s.
const POINT_S: u64 = 10;

/// What `bench memory` measures.
#[derive(Debug, clap::Args)]
pub struct Memory {
    #[command(flatten)]
    pub how: How,
    /// Users of closed load.
    #[arg(long, default_value_t = GOAL_USERS)]
    pub users: u64,
    /// Minutes of open load; 0: none.
    #[arg(long, default_value_t = 10)]
    pub minutes: u64,
    /// Its arrivals per second.
    #[arg(long, default_value_t = 20_000)]
    pub rate: u64,
}

/// Measures the users in pairs, then the minutes once.
pub fn memory(what: &Memory) -> Result<Section> {
    let (dlt, seconds, users) = (
        what.how.prepare(&["nginx", "wrk", "taskset"])?,
        what.how.seconds,
        what.users,
    );
    let (nginx, others) = (Nginx::start(false)?, Others::since_now());
    let scenario = single(&nginx.url());
    let load = (Load::Users(users), users.to_string());
    let rounds = interleaved(what.how.pairs, 2, |tool| match tool {
        0 => wrk(&nginx.url(), users, seconds),
        _ => worker(("dlt worker", &dlt), &scenario, (load.0, &load.1), seconds),
    })?;
    let of_dlt = |of: fn(&Row) -> f64| rounds.iter().map(|round| of(&round[1])).collect();
    let goal = (users == GOAL_USERS).then_some(GOAL_MB);
    let mut compared = vec![
        Line::number(
            format!("memory of its own (RssAnon), {users} users"),
            "MB",
            of_dlt(Row::anon_mb),
            goal,
        ),
        Line::number(
            format!("peak RSS with the program itself, {users} users"),
            "MB",
            of_dlt(Row::rss_mb),
            None,
        ),
        Line::ratio(
            format!("memory of its own, {users} users, to wrk"),
            paired(&rounds, 1, 0, Row::anon_mb),
            None,
        ),
    ];
    let mut rows = format!("{HEAD}{}", lines(&rounds));
    if what.minutes > 0 {
        // What goes wrong in so many minutes does not take the pairs away.
        let (growth, told) = match Curve::measure(&dlt, &nginx, what) {
            Ok(curve) => (curve.growth(), curve.told(what)),
            Err(why) => (
                Vec::new(),
                format!("\nOpen load was not measured: {why:#}\n"),
            ),
        };
        compared.push(Line::ratio(
            format!(
                "memory after {} min at {} per s, to that after a tenth of it",
                what.minutes, what.rate
            ),
            growth,
            Some(FLAT),
        ));
        print!("{told}");
        rows.push_str(&told);
    }
    let how = format!(
        "nginx with one worker on core 0, a 66-byte answer, keep-alive; generators on core {GENERATOR_CORE}, one thread, {seconds} s of load each,\n\
         interleaved; RssAnon is what /proc/PID/status says, looked at every 50 ms"
    );
    Ok(Section::new("Memory", &how, &others, compared, rows))
}

/// Memory of a worker over a long load.
struct Curve {
    /// Every [`POINT_S`], MB.
    points: Vec<f64>,
    requests: u64,
}

impl Curve {
    fn measure(dlt: &Path, nginx: &Nginx, what: &Memory) -> Result<Self> {
        let seconds = what.minutes * 60;
        let scenario = single(&nginx.url());
        let mut points = Vec::new();
        let watch = |command, patience_s| {
            let began = Instant::now();
            watched(command, patience_s, |process| {
                let next = (points.len() as u64 + 1) * POINT_S;
                if next <= seconds && began.elapsed() >= Duration::from_secs(next) {
                    points.extend(process.anon_bytes().map(|bytes| bytes as f64 / 1e6));
                }
                Ok(())
            })
        };
        let load = Load::Arrivals(what.rate);
        let (_, requests) = worker_by((dlt, &scenario), load, seconds, watch)?;
        Ok(Self { points, requests })
    }

    /// The last point to that after a tenth of the time.
    fn growth(&self) -> Vec<f64> {
        let early = self.points.get((self.points.len() / 10).max(1) - 1);
        let both = early.zip(self.points.last());
        both.map(|(early, late)| late / early).into_iter().collect()
    }

    fn told(&self, what: &Memory) -> String {
        let each: Vec<String> = self.points.iter().map(|mb| format!("{mb:.1}")).collect();
        format!(
            "\nOpen load of {} per second for {} min by one worker: {} requests were ok of {}. RssAnon every {POINT_S} s, MB:\n{}.\n",
            what.rate,
            what.minutes,
            self.requests,
            what.rate * what.minutes * 60,
            each.join(" "),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_from_a_tenth_of_the_time() {
        let of = |points: Vec<f64>| {
            Curve {
                points,
                requests: 0,
            }
            .growth()
        };
        assert_eq!(of((1..=60).map(f64::from).collect()), [10.0]);
        assert_eq!(of(vec![2.0, 3.0]), [1.5]);
        assert!(of(vec![]).is_empty());
    }
}
