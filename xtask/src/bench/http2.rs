//! `bench http2`: CPU per request in HTTP/2, next to h2load: the same connections and streams against
//! the same nginx.

use super::depot::Load;
use super::machine::Others;
use super::nginx::Nginx;
use super::table::{Line, Section};
use super::tools::{GENERATOR_CORE, HEAD, Row, h2load, lines, single, worker};
use super::{How, interleaved, paired};
use anyhow::Result;
use serde_json::json;

/// Connections and streams of each: one request at a time on each connection, and many.
const SHAPES: [(u64, u64); 2] = [(50, 1), (10, 10)];
/// The most CPU per request that dlt may take, as a share of h2load's.
const GOAL: f64 = 0.90;

/// Measures each shape in pairs.
pub fn http2(how: &How) -> Result<Section> {
    let dlt = how.prepare(&["nginx", "h2load", "taskset"])?;
    let (nginx, others) = (Nginx::start_http2()?, Others::since_now());
    let (mut compared, mut rows) = (Vec::new(), HEAD.to_owned());
    for (connections, streams) in SHAPES {
        let mut scenario = single(&nginx.url());
        scenario["http"] = json!("2");
        scenario["streams"] = json!(streams);
        let shape = format!("{connections} × {streams}");
        let rounds = interleaved(how.pairs, 2, |tool| match tool {
            0 => h2load(&nginx.url(), (connections, streams), how.seconds),
            _ => {
                let load = (Load::Users(connections * streams), shape.as_str());
                worker(("dlt worker", &dlt), &scenario, load, how.seconds)
            }
        })?;
        rows.push_str(&lines(&rounds));
        compared.push(Line::ratio(
            format!("CPU per request in HTTP/2, connections × streams {shape}, to h2load"),
            paired(&rounds, 1, 0, Row::cost),
            Some(GOAL),
        ));
    }
    let told = format!(
        "nginx with one worker on core 0, a 66-byte answer, HTTP/2 without TLS; generators on core {GENERATOR_CORE}, one thread,\n\
         {} s of load each, interleaved",
        how.seconds
    );
    Ok(Section::new("HTTP/2", &told, &others, compared, rows))
}
