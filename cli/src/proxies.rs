//! The proxies of this process's environment: load of its runners goes through them where
//! neither flags nor the scenario say otherwise. What a server's environment says is the
//! server's.

use crate::args::WayFlags;
use crate::line::{Line, Tone};
use crate::output::Output;
use dlt_core::refusal::Faults;
use dlt_core::routing::EnvironmentProxies;
use dlt_core::scenario::Scenario;

/// The proxies that the environment names.
pub fn environment() -> Result<EnvironmentProxies, Faults> {
    EnvironmentProxies::read(|name| {
        // What is no text must not pass for no proxy.
        let value = std::env::var_os(name)?;
        Some(value.to_string_lossy().into_owned())
    })
}

/// The same for a run with these flags, which may leave no use for them.
pub fn of_run(flags: &WayFlags) -> Result<EnvironmentProxies, Faults> {
    let goes_without = flags
        .noproxy
        .as_deref()
        .is_some_and(|list| list.trim() == "*");
    match goes_without || flags.proxy.is_some() {
        true => Ok(EnvironmentProxies::default()),
        false => environment(),
    }
}

/// Tells which proxies a scenario's load will go through.
pub fn tell(output: Output, scenario: &Scenario, environment: &EnvironmentProxies) {
    let lines = scenario.plan.proxies(environment);
    let lines = lines.iter().map(|proxy| {
        Line::new()
            .tone(Tone::Strong, "through proxy ")
            .plain(proxy)
    });
    let lines: Vec<Line> = lines.collect();
    if !lines.is_empty() && !output.is_quiet() {
        output.messages(&lines);
    }
}

/// The same of all load that a service will make, for its first screen.
pub fn of_service(environment: &EnvironmentProxies) -> Vec<Line> {
    let mut told = Vec::new();
    for (scheme, proxy) in [("http", &environment.http), ("https", &environment.https)] {
        told.extend(
            proxy
                .as_ref()
                .map(|proxy| format!("{scheme} through {proxy}")),
        );
    }
    match told.is_empty() {
        true => Vec::new(),
        false => vec![Line::of(format!("  proxies  {}", told.join("; ")))],
    }
}
