//! `bench all`: every bench of pairs, below one table. What cannot be measured is told there and does
//! not end the rest.

use super::closed::Closed;
use super::memory::Memory;
use super::merge::Merge;
use super::open::Open;
use super::peers::Peers;
use super::table::{Section, tell};
use super::{How, closed, dist_build, http2, memory, merge, open, peers, scenario};
use anyhow::{Result, ensure};

/// What `bench all` measures.
#[derive(Debug, clap::Args)]
pub struct All {
    #[command(flatten)]
    how: How,
    /// Minutes of open load whose memory is followed; 0: none.
    #[arg(long, default_value_t = 10)]
    minutes: u64,
}

type Bench = (&'static str, Box<dyn Fn() -> Result<Section>>);

/// Measures all and tells it at the end.
pub fn all(what: All) -> Result<()> {
    let mut how = what.how;
    if how.dlt.is_none() {
        how.dlt = Some(dist_build()?);
    }
    let mut sections = Vec::new();
    let mut missing = Vec::new();
    for (name, bench) in benches(&how, what.minutes) {
        println!("{name}");
        sections.push(bench().unwrap_or_else(|why| {
            println!("{name} was not measured: {why:#}");
            missing.push(name);
            Section::not_measured(name, &why)
        }));
    }
    tell("All", &sections)?;
    ensure!(missing.is_empty(), "not measured: {}", missing.join(", "));
    Ok(())
}

fn benches(how: &How, minutes: u64) -> Vec<Bench> {
    let how = || how.clone();
    let closed = |users: &[u64], tls| Closed {
        how: how(),
        users: users.to_vec(),
        tls,
        before: None,
    };
    let (plain, tls) = (closed(&[50, 1_000, 10_000], false), closed(&[50], true));
    let (of_http2, of_scenario) = (how(), how());
    let open = Open {
        how: how(),
        rates: vec![1_000, 10_000, 50_000],
    };
    let peers = Peers {
        how: how(),
        warm_up: 10,
    };
    let memory = Memory {
        how: how(),
        users: 10_000,
        minutes,
        rate: 20_000,
    };
    let merge = Merge { pairs: how().pairs };
    vec![
        ("Closed load", Box::new(move || closed::closed(&plain))),
        (
            "Closed load over TLS",
            Box::new(move || closed::closed(&tls)),
        ),
        ("HTTP/2", Box::new(move || http2::http2(&of_http2))),
        (
            "Scenario",
            Box::new(move || scenario::scenario(&of_scenario)),
        ),
        ("k6, JMeter, oha", Box::new(move || peers::peers(&peers))),
        ("Open load", Box::new(move || open::open(&open))),
        ("Merging", Box::new(move || merge::merge(&merge))),
        ("Memory", Box::new(move || memory::memory(&memory))),
    ]
}
