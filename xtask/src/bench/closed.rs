//! `bench closed`: CPU per request and peak memory in closed load next to wrk, and next to another dlt.

use super::depot::Load;
use super::machine::Others;
use super::nginx::Nginx;
use super::table::{Line, Section};
use super::tools::{GENERATOR_CORE, HEAD, Row, lines, single, worker, wrk};
use super::{How, interleaved, paired};
use anyhow::Result;
use std::path::PathBuf;

/// What `bench closed` measures.
#[derive(Debug, clap::Args)]
pub struct Closed {
    #[command(flatten)]
    pub how: How,
    /// Users, each number in as many rounds.
    #[arg(long, value_delimiter = ',', default_values_t = [50, 1_000, 10_000])]
    pub users: Vec<u64>,
    /// Over TLS.
    #[arg(long)]
    pub tls: bool,
    /// Another dlt, measured in each round too: what a change costs.
    #[arg(long)]
    pub before: Option<PathBuf>,
}

/// What makes the load.
enum Tool {
    Wrk,
    /// Its name in the table, and the binary.
    Dlt(&'static str, PathBuf),
}

/// The most CPU per request that dlt may take, as a share of wrk's.
fn goal(tls: bool, users: u64) -> Option<f64> {
    match (tls, users) {
        (true, _) | (false, 10_000) => Some(0.85),
        (false, 50 | 1_000) => Some(0.90),
        (false, _) => None,
    }
}

/// Measures each number of users in rounds of all tools.
pub fn closed(what: &Closed) -> Result<Section> {
    let (dlt, seconds) = (
        what.how.prepare(&["nginx", "wrk", "taskset", "openssl"])?,
        what.how.seconds,
    );
    let mut tools = vec![Tool::Wrk, Tool::Dlt("dlt worker", dlt)];
    if let Some(before) = &what.before {
        tools.push(Tool::Dlt("dlt before", before.clone()));
    }
    let (nginx, others) = (Nginx::start(what.tls)?, Others::since_now());
    let (mut compared, mut rows) = (Vec::new(), HEAD.to_owned());
    let over = if what.tls { " over TLS" } else { "" };
    for users in what.users.iter().copied() {
        let rounds = interleaved(what.how.pairs, tools.len(), |tool| match &tools[tool] {
            Tool::Wrk => wrk(&nginx.url(), users, seconds),
            Tool::Dlt(name, dlt) => {
                let load = (Load::Users(users), users.to_string());
                worker(
                    (name, dlt),
                    &single(&nginx.url()),
                    (load.0, &load.1),
                    seconds,
                )
            }
        })?;
        rows.push_str(&lines(&rounds));
        let to = |tool: usize, of: fn(&Row) -> f64| paired(&rounds, 1, tool, of);
        let cpu = |of: &str| format!("CPU per request{over}, {users} users, to {of}");
        compared.push(Line::ratio(
            cpu("wrk"),
            to(0, Row::cost),
            goal(what.tls, users),
        ));
        if what.before.is_some() {
            compared.push(Line::ratio(cpu("the dlt before"), to(2, Row::cost), None));
        }
        compared.push(Line::ratio(
            format!("peak RSS{over}, {users} users, to wrk"),
            to(0, Row::rss_mb),
            None,
        ));
    }
    let answer = match what.tls {
        true => "a 66-byte answer over TLS 1.3",
        false => "a 66-byte answer",
    };
    let how = format!(
        "nginx with one worker on core 0, {answer}, keep-alive; generators on core {GENERATOR_CORE}, one thread,\n\
         {seconds} s of load each, interleaved; CPU is the process' own user and system time, its start included"
    );
    let title = format!("Closed load{over}");
    Ok(Section::new(&title, &how, &others, compared, rows))
}
