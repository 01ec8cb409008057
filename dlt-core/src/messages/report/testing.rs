//! Reports made of raw samples, for tests of this crate.

use super::{Ended, Health, Report, StartFacts, TaskFacts};
use crate::ids::{Region, RunnerId, TestId, TestRunId};
use crate::load::{Curve, Model};
use crate::measure::generator::GeneratorSums;
use crate::measure::http_version::HttpVersion;
use crate::measure::sample::{Cause, Outcome, Sample, Timed};
use crate::measure::tally::{ErrorKey, ErrorTally, Exchange, Tally};
use crate::routing::Routing;
use crate::scenario::plan::{Dns, Flow, Group, HttpChoice, Load, Pacing, Plan, Retry, Tls};
use proptest::prelude::*;

/// A sample with its label and how it ended: all that a naive sum needs.
pub type Raw = (String, Sample, Outcome);

/// Labels that break careless writers.
pub const HOSTILE: [&str; 14] = [
    "",
    "ignore me",
    "a, \"b\"",
    "it's <b>&amp;</b> ]]> <!-- x -->",
    "tab\there",
    "line\nfeed and \r\n both",
    "\u{0}nul and \u{1b}[31m escape",
    "\u{7f}\u{85}\u{9f}\u{2028}",
    "\u{fffe}\u{ffff}\u{feff}",
    "  blanks around  ",
    "\\u{1} is no escape",
    "[other]",
    "名前/🦀",
    "]]>",
];

/// Puts one raw sample into a tally, as an engine does.
pub fn count(tally: &mut Tally, (label, sample, outcome): &Raw) {
    tally.account.scheduled += 1;
    tally.account.sent += 1;
    match outcome.cause {
        None => tally.account.ok += 1,
        Some(_) => tally.account.failed += 1,
    }
    let entry = tally.labels.entry(label.clone()).or_default();
    entry.record(sample, *outcome);
    if outcome.status.is_some() {
        let versions = [HttpVersion::Http10, HttpVersion::Http11, HttpVersion::Http2];
        entry
            .versions
            .count(versions[sample.bytes_sent as usize % 3]);
    }
    let since = |later: u64, earlier: u64| later.saturating_sub(earlier);
    let ok = outcome.cause.is_none();
    let phases = &mut tally.phases;
    if ok {
        phases.service.record(since(sample.done_us, sample.sent_us));
    }
    phases.lag.record(since(sample.sent_us, sample.due_us));
    if let Some(connected) = sample.connected_us {
        phases.connect.record(since(connected, sample.sent_us));
    }
    if let Some(first) = sample.first_byte_us.filter(|_| ok) {
        phases.first_byte.record(since(first, sample.sent_us));
    }
    if let Some(cause) = outcome.cause {
        let key = ErrorKey {
            cause,
            code: outcome.status.map(|status| status.to_string()),
            message: format!("{cause} was met"),
        };
        let mut error = ErrorTally {
            count: 1,
            first_us: sample.done_us,
            last_us: sample.done_us,
            ..ErrorTally::default()
        };
        error.count_in(label, 1);
        error.exchanges.push(Exchange {
            request: format!("GET /{label:.200} HTTP/1.1\r\n\r\n"),
            response: "HTTP/1.1 503 \u{1}\r\n".to_owned(),
        });
        tally.add_error(&key, &error);
    }
}

/// Names of the transactions that [`count_transactions`] makes.
pub const TRANSACTIONS: [&str; 3] = ["buy", "it's <b>&amp;</b> ]]>", "名前/🦀"];

/// Puts each sample into a tally as a transaction that took as long, as an engine does.
pub fn count_transactions(tally: &mut Tally, samples: &[Raw]) {
    for (_, sample, outcome) in samples {
        let name = TRANSACTIONS[sample.due_us as usize % TRANSACTIONS.len()];
        let row = tally.transactions.entry(name.to_owned()).or_default();
        if sample.due_us % 7 == 0 {
            row.unfinished += 1;
            continue;
        }
        let ended = Sample {
            done_us: sample.done_us - sample.due_us,
            bytes_received: sample.bytes_received,
            bytes_sent: sample.bytes_sent,
            ..Sample::default()
        };
        let ok = Outcome {
            status: None,
            cause: None,
        };
        let outcome = outcome.cause.map_or(ok, |_| *outcome);
        row.samples.record(&ended, outcome);
    }
}

/// A healthy runner's report of these samples: ten seconds of load.
pub fn report(number: u64, region: &str, samples: &[Raw]) -> Report {
    let mut tally = Tally::default();
    samples.iter().for_each(|raw| count(&mut tally, raw));
    let mut generator = GeneratorSums::default();
    generator.add_address("127.0.0.1:8080", samples.len() as u64);
    generator.add_version("1.1", samples.len() as u64);
    Report {
        test: TestId::parse("Xk29QmWz7B").unwrap(),
        run: TestRunId::parse("p4TqL8vN2c").unwrap(),
        runner: RunnerId::parse(&format!("{region}-{number}")).unwrap(),
        region: Region::parse(region).unwrap(),
        tally,
        duration_us: 10_000_000,
        loaded_us: None,
        peak_users: 5,
        ticks: 10,
        start: Some(StartFacts {
            start_at_us: 1_772_615_702_000_000,
            clock_offset_us: -3,
            clock_error_us: 40,
            share_ppb: None,
            first_due_us: Some(0),
            first_sent_us: Some(200),
        }),
        ended: Ended::AsPlanned,
        script_failed: None,
        health: Health {
            threads: 2,
            cpu_us: 900_000,
            wall_us: 10_000_000,
            max_rss_bytes: 20_000_000,
            ..Health::default()
        },
        generator: generator.rows(),
        exchanges: Vec::new(),
        warnings: Vec::new(),
        task: TaskFacts {
            cpu: 2,
            memory_mib: 4096,
            seconds: 14,
        },
    }
}

/// Raw samples with any label, instants within an hour, any way to end.
pub fn raws(most: usize) -> impl Strategy<Value = Vec<Raw>> {
    let label = prop_oneof![
        4 => prop::sample::select(&HOSTILE[..]).prop_map(str::to_owned),
        2 => ".{0,12}",
        1 => Just("long ".repeat(2048)),
    ];
    let ended = prop_oneof![
        6 => (100u16..400).prop_map(Outcome::ok),
        1 => (400u16..600).prop_map(|status| match status {
            400..500 => Outcome::failed(Cause::Status4xx, Some(status)),
            _ => Outcome::failed(Cause::Status5xx, Some(status)),
        }),
        1 => prop::sample::select(&Cause::ALL[..])
            .prop_map(|cause| Outcome::failed(cause, None)),
    ];
    let sample = (
        0u64..10_000_000,
        0u64..50_000,
        0u64..5_000_000,
        0u64..4_000_000_000,
        any::<[bool; 3]>(),
    )
        .prop_map(|(due, late, first, rest, [connects, answers, long])| {
            let sent = due + late;
            let first = sent + first;
            Sample {
                due_us: due,
                sent_us: sent,
                connected_us: connects.then_some(sent + 150),
                first_byte_us: answers.then_some(first),
                done_us: first + if long { rest } else { rest % 100_000 },
                read_us: first + if long { rest } else { rest % 100_000 } + late,
                timed: answers.then_some(Timed::Stamp),
                bytes_received: rest % 100_000,
                bytes_sent: late,
            }
        });
    prop::collection::vec((label, sample, ended), 0..most)
}

/// A plan of one closed group: so many users per task, for so many seconds.
pub fn plan_of_users(users: f64, seconds: u64) -> Plan {
    plan(Model::Users(Curve::ramp_hold(
        users,
        0,
        seconds * 1_000_000,
    )))
}

/// A plan of one open group: arrivals per second over the run.
pub fn plan_of_arrivals(rate: f64, seconds: u64) -> Plan {
    plan(Model::Arrivals(Curve::ramp_hold(
        rate,
        0,
        seconds * 1_000_000,
    )))
}

fn plan(model: Model) -> Plan {
    Plan {
        groups: vec![Group {
            name: "shop".to_owned(),
            load: Load {
                model,
                own_shape: false,
                per_task: true,
                iterations: None,
                total_requests: None,
                throughput: None,
                connections: 10_000,
                graceful_stop_us: 5_000_000,
                seed: None,
                pacing: Pacing::Default,
                retry: Retry::Safe,
                give_up_after_us: Some(5_000_000),
            },
            steps: Vec::new(),
            flow: Flow::list(0),
            script: None,
            tls: Tls::default(),
            dns: Dns::default(),
            routing: Routing::default(),
            connection_policy: Default::default(),
            http: HttpChoice::Auto,
            streams: 1,
            store_cookies: true,
            variables: Vec::new(),
            data: Vec::new(),
            setup: None,
            teardown: None,
        }],
    }
}
