//! `dlt demo`: a complete run against a built-in target: a small shop in this process,
//! four runners, ten seconds, thresholds, a result.

mod shop;

use crate::args::{DEFAULT_CAPACITY, DEFAULT_REGION, DemoArgs};
use crate::client::ApiOptions;
use crate::client::place::ServerName;
use crate::draft;
use crate::exit::Exit;
use crate::exports::Exports;
use crate::line::{Line, Tone};
use crate::output::Output;
use crate::report::{self, ResultOptions};
use crate::run::{run_in_process, run_on_server};
use crate::source::{self, Files, Place};
use anyhow::{Context, anyhow};
use dlt_core::ids::Region;
use dlt_core::scenario::{Defaults, Format, Overrides, Purpose};
use serde_json::{Value, json};
use shop::Shop;
use std::net::SocketAddr;
use std::path::Path;

/// Runners of the demo.
const RUNNERS: u64 = 4;
/// Walks through the shop that begin each second; each makes five requests.
/// Little for any machine, so the demo measures the shop and not the machine.
const WALKS_PER_SECOND: u64 = 40;

/// `dlt demo`. The shop listens on this machine, so the run is never on another server,
/// but may be on the service of this data folder.
pub async fn demo(
    output: Output,
    api_options: &ApiOptions,
    args: &DemoArgs,
) -> anyhow::Result<Exit> {
    let api_options = ApiOptions {
        server: ServerName::OfFolder,
        ..api_options.clone()
    };
    let server = match api_options.server().await {
        Ok(server) => server,
        Err(error) => return Ok(report::client_error(output, &error)),
    };
    let shop = Shop::open().context("the demo's shop could not open on 127.0.0.1")?;
    let address = shop.address();
    output.messages(&introduction(address));
    let regions = match &server {
        None => vec![(Region::parse(DEFAULT_REGION)?, DEFAULT_CAPACITY)],
        Some(client) => match draft::regions(client).await {
            Ok(regions) => regions
                .iter()
                .map(|(region, details)| (region.clone(), draft::capacity(details)))
                .collect(),
            Err(error) => return Ok(report::client_error(output, &error)),
        },
    };
    let defaults = Defaults {
        regions: regions.clone(),
        tasks: RUNNERS,
        name: "demo shop".to_owned(),
        show_live: true,
    };
    let text = scenario(address).to_string();
    let files = Files::InPlace;
    let folder = Path::new("");
    let scenario = source::parse(
        (text.as_bytes(), Format::Json),
        &Overrides::default(),
        &defaults,
        (folder, (&files, None)),
        Purpose::Run,
    )
    .map_err(|faults| anyhow!("the demo's own scenario is refused: {faults}"))?;
    let options = ResultOptions {
        json: args.json,
        exports: Exports {
            api: Some(&api_options),
            ..Exports::default()
        },
        next: vec![
            (
                "your own URL",
                "dlt run https://your.site/ -c 10 -d 30s".to_owned(),
            ),
            ("all flags", "dlt run --help".to_owned()),
        ],
        ..ResultOptions::default()
    };
    let exit = match server {
        None => {
            let place = Place::direct(regions);
            run_in_process(output, api_options.dir()?, &scenario, place, options).await
        }
        Some(client) => {
            let ended = run_on_server(output, &client, &scenario, files, options).await;
            Ok(ended.unwrap_or_else(|error| report::client_error(output, &error)))
        }
    };
    shop.close();
    exit
}

fn introduction(address: SocketAddr) -> [Line; 4] {
    [
        Line::new()
            .tone(Tone::Strong, "dlt demo")
            .plain(format!(": a small shop opened at http://{address}/")),
        Line::of(
            "  its cart is slow (120 to 180 ms) and its checkout sometimes fails, on purpose;",
        ),
        Line::of(format!(
            "  {RUNNERS} runners will send {} requests per second for 10 seconds.",
            WALKS_PER_SECOND * 5
        )),
        Line::new(),
    ]
}

/// The demo's scenario: a walk through the shop, forty times a second.
fn scenario(address: SocketAddr) -> Value {
    let get = |path: &str, label: &str| json!({ "url": format!("http://{address}{path}"), "label": label });
    json!({
        "testName": "demo shop",
        "testDescription": "A walk through the demo's shop: home, two products, cart, checkout",
        "testScenario": {
            "execution": [{ "arrivals": WALKS_PER_SECOND, "hold-for": "10s", "scenario": "walk" }],
            "scenarios": { "walk": { "requests": [
                get("/", "/"),
                get("/products/17", "/products/{id}"),
                get("/products/42", "/products/{id}"),
                get("/cart", "/cart"),
                {
                    "url": format!("http://{address}/checkout"),
                    "label": "/checkout",
                    "method": "POST",
                    "headers": { "Content-Type": "application/json" },
                    "body": "{\"pay\":\"card\"}",
                },
            ] } },
        },
        "thresholds": ["p(95)<250ms", "error_rate<3%", "/: p(95)<100ms"],
        "showLive": true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captures() {
        let address = SocketAddr::from(([127, 0, 0, 1], 8_080));
        let draw = |_| introduction(address).to_vec();
        insta::assert_snapshot!("captured_demo", crate::line::captured(draw));
    }
}
