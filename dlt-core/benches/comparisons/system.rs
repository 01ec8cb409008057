//! Simulated runs of a system under test whose true numbers are known: response
//! times around a level that comes and goes over seconds, failures alone or in
//! bursts. Shared by the bench and the tests of `compare`; comparing is left to
//! them.

use dlt_core::compare::Side;
use dlt_core::ids::Region;
use dlt_core::judge::summary::{AccountSummary, Block, Blocks, Coverage, LoadSummary};
use dlt_core::judge::verdict::{Trust, Verdict};
use dlt_core::measure::account::Account;
use dlt_core::measure::latencies::Latencies;
use dlt_core::measure::second::{LabelSecond, Second};
use dlt_core::measure::tally::LabelTally;
use dlt_core::messages::histograms::{HISTOGRAMS_FORMAT, LabelHistograms, RunHistograms};
use dlt_core::messages::timeline::{LabelSeries, RunTimeline, TIMELINE_FORMAT};
use dlt_core::record::RunRecord;
use serde_json::json;
use std::collections::BTreeMap;

/// A system under test.
#[derive(Debug, Clone, Copy)]
pub struct System {
    /// Median time of the faster requests, µs.
    pub median_us: f64,
    /// Standard deviation of single times, of their logarithm.
    pub spread: f64,
    /// Share of slower requests, and how many times as long they take.
    pub slow: (f64, f64),
    /// Standard deviation of the level, of its logarithm.
    pub wander: f64,
    /// Correlation of the level of neighbouring seconds.
    pub memory: f64,
    /// Share of requests that fail in calm seconds.
    pub failures: f64,
    /// Share of seconds that lie in bursts of failures, the bursts' mean length in
    /// seconds, and the share of requests that fail in one.
    pub bursts: (f64, f64, f64),
}

/// Twenty milliseconds, nothing fails.
pub const CALM: System = System {
    median_us: 20_000.0,
    spread: 0.4,
    slow: (0.0, 1.0),
    wander: 0.0,
    memory: 0.0,
    failures: 0.0,
    bursts: (0.0, 1.0, 0.0),
};

impl System {
    /// The same, slower by this factor.
    pub const fn slower(self, by: f64) -> Self {
        Self {
            median_us: self.median_us * by,
            ..self
        }
    }

    /// The share of requests that fail in the long run.
    pub fn error_rate(&self) -> f64 {
        let (share, _, failing) = self.bursts;
        share * failing + (1.0 - share) * self.failures
    }
}

/// How a run is made.
#[derive(Debug, Clone)]
pub struct Plan<'a> {
    /// Length, s.
    pub seconds: u64,
    /// Names, systems and requests per second (mean) of labels, in each region.
    pub labels: Vec<(&'a str, System, f64)>,
    /// Names of regions; each has a level and bursts of its own.
    pub regions: Vec<&'a str>,
    /// From this second to before that one, this share of requests fails.
    pub outage: (u64, u64, f64),
}

/// A run as it is stored.
#[derive(Debug, Clone)]
pub struct Run {
    /// Its record.
    pub record: RunRecord,
    /// Its seconds.
    pub timeline: RunTimeline,
    /// Its exact times.
    pub histograms: RunHistograms,
}

impl Run {
    /// As it is compared.
    pub fn side(&self) -> Side<'_> {
        Side {
            record: &self.record,
            timeline: Some(&self.timeline),
            histograms: Some(&self.histograms),
        }
    }
}

/// Numbers by a seed (SplitMix64: Steele, Lea and Flood 2014).
#[derive(Debug)]
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to 1.
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Standard normal numbers (Box and Muller).
    fn normal(&mut self) -> f64 {
        let (a, b) = (self.unit().max(1e-300), self.unit());
        (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
    }

    /// Arrivals of a Poisson process in a second.
    fn arrivals(&mut self, mean: f64) -> u64 {
        if mean > 50.0 {
            return (mean + mean.sqrt() * self.normal()).round().max(0.0) as u64;
        }
        let (mut count, mut left) = (0, self.unit());
        let stop = (-mean).exp();
        while left > stop {
            left *= self.unit();
            count += 1;
        }
        count
    }
}

/// The state of one label's system in one region.
struct State {
    level: f64,
    in_burst: bool,
}

impl State {
    /// In equilibrium.
    fn start(system: &System, random: &mut Random) -> Self {
        Self {
            level: random.normal(),
            in_burst: random.unit() < system.bursts.0,
        }
    }

    /// The share of requests that fails now.
    fn failing(&self, system: &System) -> f64 {
        match self.in_burst {
            true => system.bursts.2,
            false => system.failures,
        }
    }

    fn step(&mut self, system: &System, random: &mut Random) {
        let fresh = (1.0 - system.memory.powi(2)).sqrt();
        self.level = system.memory * self.level + fresh * random.normal();
        let (share, length, _) = system.bursts;
        self.in_burst = match self.in_burst {
            true => random.unit() >= 1.0 / length,
            false => random.unit() < share / (length * (1.0 - share)),
        };
    }
}

#[derive(Default)]
struct Part {
    ok: Latencies,
    failed: Latencies,
}

/// A run of this plan.
pub fn run(plan: &Plan<'_>, seed: u64) -> Run {
    let mut random = Random(seed);
    let mut timeline = RunTimeline {
        format: TIMELINE_FORMAT,
        ..RunTimeline::default()
    };
    let mut labels: Vec<Vec<LabelSecond>> = plan.labels.iter().map(|_| Vec::new()).collect();
    let mut parts: BTreeMap<(usize, usize), Part> = BTreeMap::new();
    for (r, region) in plan.regions.iter().enumerate() {
        let systems = plan.labels.iter().map(|label| &label.1);
        let mut states: Vec<State> = systems.map(|it| State::start(it, &mut random)).collect();
        let mut rows = Vec::new();
        for second in 0..plan.seconds {
            let mut row = Second {
                second,
                scheduled: 1,
                ..Second::default()
            };
            for (n, (_, system, mean)) in plan.labels.iter().enumerate() {
                states[n].step(system, &mut random);
                let part = parts.entry((r, n)).or_default();
                let (from, to, share) = plan.outage;
                let failing = match (from..to).contains(&second) {
                    true => share,
                    false => states[n].failing(system),
                };
                let level = states[n].level;
                let at = one_second(system, level, failing, *mean, part, &mut random);
                row.ok += at.ok;
                row.failed += at.failed;
                row.latency.merge(&at.latency);
                row.latency_failed.merge(&at.latency_failed);
                let at = LabelSecond { second, ..at };
                match labels[n].iter_mut().find(|row| row.second == second) {
                    Some(row) => row.merge(&at),
                    None => labels[n].push(at),
                }
            }
            rows.push(row);
        }
        timeline
            .regions
            .insert(Region::parse(region).expect("a region's name"), rows);
    }
    timeline.labels = plan
        .labels
        .iter()
        .zip(labels)
        .map(|(label, seconds)| LabelSeries {
            label: label.0.to_owned(),
            seconds,
        })
        .collect();
    Run {
        record: record(plan, &parts),
        timeline,
        histograms: histograms(plan, &parts),
    }
}

fn one_second(
    system: &System,
    level: f64,
    failing: f64,
    mean: f64,
    part: &mut Part,
    random: &mut Random,
) -> LabelSecond {
    let mut at = LabelSecond::default();
    for _ in 0..random.arrivals(mean) {
        if failing > 0.0 && random.unit() < failing {
            at.failed += 1;
            at.latency_failed.record(1_000);
            part.failed.record(1_000);
            continue;
        }
        let log = system.spread * random.normal() + system.wander * level;
        let slow = system.slow.0 > 0.0 && random.unit() < system.slow.0;
        let by = if slow { system.slow.1 } else { 1.0 };
        let us = (system.median_us * by * log.exp()) as u64;
        at.ok += 1;
        at.latency.record(us);
        part.ok.record(us);
    }
    at
}

/// The parts of a region or a label, or all, added.
fn block<'a>(label: Option<&str>, parts: impl Iterator<Item = &'a Part>) -> Block {
    let (mut ok, mut failed) = (Latencies::default(), 0);
    for part in parts {
        ok.merge(&part.ok);
        failed += part.failed.count();
    }
    let q = |q: f64| ok.quantile_us(q);
    Block {
        label: label.map(str::to_owned),
        count: ok.count() + failed,
        ok: ok.count(),
        failed,
        p50_us: q(0.5),
        p95_us: q(0.95),
        p99_us: q(0.99),
        mean_us: ok.mean_us().map(|us| us.round() as u64),
        ..Block::default()
    }
}

fn record(plan: &Plan<'_>, parts: &BTreeMap<(usize, usize), Part>) -> RunRecord {
    let total = block(None, parts.values());
    let of = |keep: &dyn Fn(&(usize, usize)) -> bool, label: Option<&str>| {
        let kept = parts.iter().filter(|(key, _)| keep(key));
        block(label, kept.map(|(_, part)| part))
    };
    let regions = plan.regions.iter().enumerate();
    let labels = plan.labels.iter().enumerate();
    let runners = plan.regions.len() as u64;
    let requests = Account {
        sent: total.count,
        ..Account::default()
    };
    let configs: Vec<_> = plan
        .regions
        .iter()
        .map(|region| json!({"region": region, "taskCount": 1, "concurrency": 10}))
        .collect();
    let mut record: RunRecord = serde_json::from_value(json!({
        "testId": "simulated1", "testRunId": "simulated2", "testName": "simulated",
        "testDescription": "simulated", "testType": "simple", "status": "complete",
        "startTime": "2026-03-04 09:15:02", "endTime": "2026-03-04 09:16:02",
        "testTaskConfigs": configs, "results": {},
        "testScenario": {
            "execution": [{"scenario": "simulated", "hold-for": "1m"}],
            "scenarios": {"simulated": {"requests": [{"url": "http://127.0.0.1/"}]}},
        },
    }))
    .expect("a record");
    record.load = Some(LoadSummary {
        changes: Vec::new(),
        requests: None,
        planned_requests: None,
        journeys: None,
        seed: None,
        model: "closed".to_owned(),
        users: Some(10 * runners),
        arrivals: None,
        planned: vec![(0, 10.0)],
    });
    record.account = Some(AccountSummary::new(requests, None));
    record.coverage = Some(Coverage {
        complete: true,
        runners_expected: runners,
        runners_reported: runners,
        ..Coverage::default()
    });
    record.verdict = Some(Verdict {
        trust: Trust::Trusted,
        reasons: Vec::new(),
    });
    record.summary = Some(Blocks {
        regions: regions
            .map(|(r, name)| ((*name).to_owned(), of(&|key| key.0 == r, None)))
            .collect(),
        labels: labels
            .map(|(n, label)| of(&|key| key.1 == n, Some(label.0)))
            .collect(),
        total,
        ..Blocks::default()
    });
    record
}

fn histograms(plan: &Plan<'_>, parts: &BTreeMap<(usize, usize), Part>) -> RunHistograms {
    let mut regions: BTreeMap<Region, Vec<LabelHistograms>> = BTreeMap::new();
    for ((region, label), part) in parts {
        let tally = LabelTally {
            ok: part.ok.count(),
            failed: part.failed.count(),
            response: part.ok.clone(),
            response_failed: part.failed.clone(),
            ..LabelTally::default()
        };
        let region = Region::parse(plan.regions[*region]).expect("a region's name");
        let row = LabelHistograms::of(plan.labels[*label].0, &tally);
        regions.entry(region).or_default().push(row);
    }
    RunHistograms {
        format: HISTOGRAMS_FORMAT,
        regions,
    }
}
