//! `dlt up`: serves the API and MCP of a data folder on this machine, runs its schedules,
//! and stops its runs on Ctrl-C. The API itself is in the pipeline.

use crate::args::{MissedRuns, UpArgs};
use crate::client::error::pipeline_error;
use crate::exit::Exit;
use crate::line::{Line, Tone};
use crate::output::Output;
use crate::report;
use crate::runs::prune;
use crate::signals::Interrupts;
use crate::units::several;

use crate::{console, home, mcp, proxies, source, targets};
use anyhow::Context;
use dlt_core::ids::{Region, TestId};
use dlt_core::refusal::{Fault, Faults};
use dlt_core::retention::Retention;
use dlt_core::routing::EnvironmentProxies;
use dlt_core::target_policy::TargetPolicy;
use dlt_mcp::auth::{self, Guard, Protocol, SettingsError};
use dlt_mcp::serving::{self, Limits, Serving};
use dlt_pipeline::api::server;
use dlt_pipeline::error::PipelineError;
use dlt_pipeline::functions::fire::{Fired, Missed};
use dlt_pipeline::local::{Home, HomeOptions, ServerCard, timers};
use dlt_pipeline::store::outage::Outage;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// How long stopped runs may take to deliver their results, merging included.
const STOP_DEADLINE: Duration = Duration::from_secs(40);

/// `dlt up`.
pub async fn up(output: Output, home_dir: Option<&Path>, args: &UpArgs) -> anyhow::Result<Exit> {
    let (regions, address, targets, proxies) = match asked(args) {
        Ok(asked) => asked,
        Err(faults) => return Ok(report::faults(output, &faults)),
    };
    let retention = match retention(args) {
        Ok(retention) => retention,
        Err(why) => {
            output.error(&why);
            return Ok(Exit::BadInput);
        }
    };
    let mut interrupts = Interrupts::listen().context("cannot listen for Ctrl-C")?;
    let listener = match TcpListener::bind(address).await {
        Ok(listener) => listener,
        Err(error) => {
            output.error(&busy(address, &error, home_dir));
            return Ok(Exit::CouldNotRun);
        }
    };
    let address = listener
        .local_addr()
        .context("the listener has no address")?;
    let guard = match guard(args, address).await {
        Ok(guard) => guard,
        Err(error) => {
            output.error(&error.to_string());
            return Ok(Exit::BadInput);
        }
    };
    let dir = home::dir(home_dir)?;
    let mcp = mcp_url(address, guard.as_deref());
    let options = of_service(args, (&dir, &regions), (&targets, &proxies), mcp)?;
    let home = match Home::open(options).await {
        Ok(home) => Arc::new(home),
        Err(error) => {
            let (exit, message) = pipeline_error(&error);
            output.error(&message);
            return Ok(exit);
        }
    };
    let base = format!("http://{}/api", local(address));
    let card = ServerCard::write(&dir, &base).map_err(anyhow::Error::new)?;
    let serving = serving(output);
    let routes = routes(&home, address, guard.as_ref(), serving.limits.connections);
    let served = serving::serve(listener, routes, serving, std::future::pending());
    let picked_up = home.unfinished().map_err(anyhow::Error::new)?;
    let banner = banner(&base, &dir, &regions, picked_up);
    output.messages(&[banner, of_targets(&targets), proxies::of_service(&proxies)].concat());
    tell_of_folder(output, &home)?;
    tokio::select! {
        () = served => {}
        () = timers::run(&home, missed(args), |test, fired| output.messages(&[schedule_line(test, fired)])) => {}
        () = home.drive_undriven() => {}
        () = home.outages(|outage| output.messages(&[outage_line(outage)])) => {}
        () = timers::prune(&home, retention, |pruned| output.messages(&pruned_line(pruned))) => {}
        path = home.database_gone() => {
            card.remove();
            return Ok(without_database(output, &home, &path));
        }
        name = interrupts.next() => {
            card.remove();
            return Ok(stop(output, &home, name, &mut interrupts).await);
        }
    }
    Ok(Exit::Bug)
}

/// Says which unfinished runs cannot be gone on with, and what is wrong with the folder.
fn tell_of_folder(output: Output, home: &Home) -> anyhow::Result<()> {
    let unreadable = home.unreadable().map_err(anyhow::Error::new)?;
    report::unreadable(output, unreadable.iter().map(Some));
    if let Some(warning) = home.warning() {
        report::warnings(output, &[warning.to_owned()]);
    }
    Ok(())
}

/// Options of a service.
fn of_service(
    args: &UpArgs,
    (dir, regions): (&Path, &[(Region, u64)]),
    (targets, proxies): (&TargetPolicy, &EnvironmentProxies),
    mcp: String,
) -> anyhow::Result<HomeOptions> {
    Ok(HomeOptions {
        service: true,
        targets: targets.clone(),
        proxies: proxies.clone(),
        scripts: args.scripts,
        mcp: Some(mcp),
        ..home::options(dir.to_owned(), regions.to_vec())?
    })
}

/// Regions, address and targets of the flags, and the proxies of the environment.
type Asked = (
    Vec<(Region, u64)>,
    SocketAddr,
    TargetPolicy,
    EnvironmentProxies,
);

/// What the flags say; all of their faults at once.
fn asked(args: &UpArgs) -> Result<Asked, Faults> {
    let asked = (
        source::regions(&args.region),
        address(&args.listen, args.auth),
        targets::policy(&args.targets),
        proxies::environment(),
    );
    match asked {
        (Ok(regions), Ok(address), Ok(targets), Ok(proxies)) => {
            Ok((regions, address, targets, proxies))
        }
        (regions, address, targets, proxies) => {
            let mut faults = regions.err().map(|faults| faults.0).unwrap_or_default();
            faults.extend(address.err());
            faults.extend(targets.err().into_iter().flat_map(|faults| faults.0));
            faults.extend(proxies.err().into_iter().flat_map(|faults| faults.0));
            Err(Faults(faults))
        }
    }
}

/// Why it cannot listen. If another `dlt up` serves the folder, another address would not
/// help, so that is told instead.
fn busy(address: SocketAddr, error: &std::io::Error, home_dir: Option<&Path>) -> String {
    let card = home::dir(home_dir)
        .ok()
        .and_then(|dir| ServerCard::read(&dir));
    match card.filter(ServerCard::is_of_a_process) {
        Some(card) => format!(
            "the dlt up of this data folder runs already: {}, process {}; stop it first, or name \
             another folder with --data",
            card.api, card.pid
        ),
        None => format!(
            "cannot listen on {address}: {error}; choose another with --listen 127.0.0.1:PORT"
        ),
    }
}

async fn guard(args: &UpArgs, address: SocketAddr) -> Result<Option<Arc<Guard>>, SettingsError> {
    match args.tokens.settings(address)? {
        Some(settings) => Guard::start(settings).await.map(Some),
        None => Ok(None),
    }
}

/// How slow and how many clients are served; what is refused is told.
fn serving(output: Output) -> Serving {
    Serving {
        limits: Limits::of(serving::raise_file_limit()),
        is_streamed: server::takes_pieces,
        tell: Arc::new(move |line: &str| {
            output.messages(&[Line::new().tone(Tone::Warn, format!("! {line}"))]);
        }),
    }
}

/// The routes of the API and of MCP, both behind the guard; the console's pages need no token.
fn routes(
    home: &Home,
    address: SocketAddr,
    guard: Option<&Arc<Guard>>,
    connections: usize,
) -> axum::Router {
    let names = server::Names {
        port: address.port(),
        hosts: guard
            .map(|guard| guard.hosts().to_vec())
            .unwrap_or_default(),
        guarded: guard.is_some(),
    };
    let api = server::router(Arc::clone(home.world()), names, console::page, connections);
    let mcp = mcp::router(api.clone(), guard);
    mcp.merge(match guard {
        None => api,
        Some(guard) => auth::protect(api, guard, Protocol::Rest, server::is_page, None),
    })
}

/// Which runs stay, once no setting contradicts another; None: all.
fn retention(args: &UpArgs) -> Result<Option<Retention>, String> {
    if !args.auth && args.tokens.any() {
        return Err("settings of access tokens do nothing without --auth".to_owned());
    }
    if args.prune_older_than.is_none() && args.prune_keep.is_none() {
        return Ok(None);
    }
    let flags = ["--prune-older-than", "--prune-keep"];
    prune::retention(args.prune_older_than.as_deref(), args.prune_keep, flags).map(Some)
}

/// What became of deleting old runs, where there is something to say.
fn pruned_line(pruned: Result<u64, PipelineError>) -> Vec<Line> {
    match pruned {
        Ok(0) => Vec::new(),
        Ok(runs) => vec![Line::of(format!(
            "deleted {}, as --prune-older-than and --prune-keep say",
            several(runs, "old run")
        ))],
        Err(error) => vec![Line::new().tone(
            Tone::Bad,
            format!("old runs could not be deleted: {error}; tried again in an hour"),
        )],
    }
}

fn missed(args: &UpArgs) -> Missed {
    match args.missed {
        MissedRuns::Run => Missed::Run,
        MissedRuns::Skip => Missed::Skip,
    }
}

/// The URL of MCP.
fn mcp_url(address: SocketAddr, guard: Option<&Guard>) -> String {
    match guard {
        Some(guard) => guard.resource().to_owned(),
        None => format!("http://{}/mcp", local(address)),
    }
}

/// The address to connect to from this machine.
fn local(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

/// Parses the address; without access tokens it must be loopback, or other machines could
/// start load from here.
fn address(text: &str, auth: bool) -> Result<SocketAddr, Fault> {
    let fault = |reason: &str| Fault {
        path: "--listen".to_owned(),
        reason: format!("{text:?} {reason}"),
    };
    let address: SocketAddr = text
        .replacen("localhost", "127.0.0.1", 1)
        .parse()
        .map_err(|_| fault("is not an address and port, like 127.0.0.1:7600"))?;
    if !auth && !address.ip().is_loopback() {
        return Err(fault(
            "is not a loopback address; without --auth dlt serves this machine only",
        ));
    }
    Ok(address)
}

fn banner(base: &str, dir: &Path, regions: &[(Region, u64)], picked_up: usize) -> Vec<Line> {
    let names: Vec<String> = regions
        .iter()
        .map(|(region, capacity)| format!("{region} ({capacity} runners)"))
        .collect();
    let at = base.trim_end_matches("/api");
    let up = Line::new().tone(Tone::Good, "✔ dlt is up");
    let mut lines = match console::is_built() {
        true => vec![
            up.plain("  ·  console ")
                .tone(Tone::Strong, format!("{at}/")),
            Line::of(format!("  API      {base}")),
        ],
        false => vec![up.plain("  ·  API ").tone(Tone::Strong, base)],
    };
    lines.extend([
        Line::of(format!("  regions  {}", names.join(", "))),
        Line::of(format!("  data     {}", dir.display())),
        Line::of(format!("  agents   {at}/mcp, or dlt mcp")),
        Line::of("  try      dlt run http://127.0.0.1:8080/ -c 10 -d 10s    dlt scenarios list"),
        Line::of("  Ctrl-C stops runs, keeps what they measured, and ends"),
    ]);
    if picked_up > 0 {
        lines.push(Line::new().tone(
            Tone::Warn,
            format!(
                "! goes on with {} from before",
                several(picked_up as u64, "run")
            ),
        ));
    }
    lines
}

/// Where load may be sent, if that is not the usual.
fn of_targets(targets: &TargetPolicy) -> Vec<Line> {
    let [allowed, only] = targets.lists();
    let only = only.map(|list| format!("only {list}"));
    let allowed = allowed.map(|list| format!("also allowed: {list}"));
    let told: Vec<String> = only.into_iter().chain(allowed).collect();
    match told.is_empty() {
        true => Vec::new(),
        false => vec![Line::of(format!("  targets  {}", told.join("; ")))],
    }
}

/// What a schedule did, as a line.
fn schedule_line(test: &TestId, fired: Result<Fired, PipelineError>) -> Line {
    let line = Line::of(format!("schedule of {test}: "));
    match fired {
        Ok(Fired::Started(run, None)) => line.plain(format!("run {run} started")),
        Ok(Fired::Started(run, Some(note))) => line.tone(Tone::Warn, format!("{note} (run {run})")),
        Ok(Fired::Skipped(note)) => line.tone(Tone::Warn, &note),
        Ok(Fired::NotDue) => line.plain("not due"),
        Err(error) => line.tone(Tone::Bad, format!("{error}; tried again in a second")),
    }
}

/// That runs wait for the data folder, or go on.
fn outage_line(outage: Option<Outage>) -> Line {
    match outage {
        Some(outage) => Line::new()
            .tone(Tone::Bad, "the data folder cannot be written")
            .plain(format!(
                ": {}; runs go on and keep what they measure, and dlt tries again every few seconds: make room or make it writable",
                outage.why
            )),
        None => Line::new().tone(Tone::Good, "the data folder can be written again"),
    }
}

/// Ends the service whose database was taken away: what its runs measure would be kept nowhere.
fn without_database(output: Output, home: &Home, path: &Path) -> Exit {
    home.kill();
    output.error(&format!(
        "the database {} was deleted or replaced while dlt up ran: nothing would be kept from now on, so runs in progress were killed and dlt up ends; put the database back, with dlt.sqlite-wal if that is there, and start dlt up again",
        path.display()
    ));
    Exit::CouldNotRun
}

/// Stops the runs and waits for their results; a second interrupt ends at once.
async fn stop(output: Output, home: &Home, name: &str, interrupts: &mut Interrupts) -> Exit {
    let runs = home.unfinished().unwrap_or_default() as u64;
    if runs > 0 {
        let text = format!(
            "{name}: stopping {}, keeping what was measured",
            several(runs, "run")
        );
        output.messages(&[Line::of(&text)]);
    }
    let reason = format!("dlt up was stopped by {name}");
    tokio::select! {
        stopped = tokio::time::timeout(STOP_DEADLINE, home.cancel_all(&reason)) => match stopped {
            Ok(Ok(())) => {
                output.messages(&[Line::of("dlt is down")]);
                return Exit::Passed;
            }
            Ok(Err(error)) => output.error(&error.to_string()),
            Err(_) => output.error(&format!(
                "runs did not stop within {} s; their runners are killed",
                STOP_DEADLINE.as_secs()
            )),
        },
        _ = interrupts.next() => {
            home.kill();
            output.error("left at once: all runners were killed");
            return Exit::Interrupted;
        }
    }
    home.kill();
    Exit::CouldNotRun
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_addresses_are_listened_on() {
        for good in ["127.0.0.1:7600", "localhost:0", "[::1]:80", "127.0.0.2:1"] {
            assert!(address(good, false).is_ok(), "{good}");
        }
        assert!(address("0.0.0.0:80", true).is_ok());
        for bad in ["0.0.0.0:80", "192.168.1.1:80", "[::]:80", "7600", "host:1"] {
            assert!(address(bad, false).is_err(), "{bad}");
        }
    }
}
