//! The last lines of a run's screen: commands that one may want next, to be copied.

use super::{ScreenOptions, heading};
use crate::exit::Exit;
use crate::line::{Line, Tone};
use dlt_core::record::RunRecord;
use dlt_core::value::Value as Written;

/// The first URL of the plan, if it can be quoted in a shell.
fn first_url(record: &RunRecord) -> Option<&str> {
    let scenarios = record.test_scenario.get("scenarios")?.as_object()?;
    let request = scenarios
        .values()
        .next()?
        .get("requests")?
        .as_array()?
        .first()?;
    let url = match request {
        Written::String(url) => url,
        object => object.get("url")?.as_str()?,
    };
    (!url.contains(['\'', '\\']) && url.starts_with("http")).then_some(url)
}

/// What curl needs to go the same way, where the plan names a proxy; of the environment's it reads
/// itself. A password in it is not known here.
fn by_proxy(record: &RunRecord) -> String {
    let scenarios = record.test_scenario.get("scenarios");
    let first = scenarios.and_then(|all| all.as_object()?.values().next());
    let proxy = first.and_then(|scenario| scenario.get("proxy")?.as_str());
    match proxy {
        Some(proxy) if !proxy.contains(['\'', '\\']) => format!(" -x '{proxy}'"),
        _ => String::new(),
    }
}

/// The lines of the commands.
pub(super) fn commands(record: &RunRecord, options: &ScreenOptions<'_>) -> Vec<Line> {
    let mut rows = vec![(
        "see this again",
        format!("dlt runs get {}", record.test_run_id),
    )];
    let failed = record
        .account
        .is_some_and(|account| account.requests.failed > 0);
    if failed {
        rows.push((
            "failed exchanges",
            format!("dlt runs get {} --json", record.test_run_id),
        ));
    }
    if let (true, Exit::CouldNotRun, Some(url)) = (failed, options.exit, first_url(record)) {
        rows.push((
            "does it answer?",
            format!("curl -sv -o /dev/null{} '{url}'", by_proxy(record)),
        ));
    }
    let has_thresholds = record
        .outcome
        .as_ref()
        .is_none_or(|outcome| !outcome.thresholds.is_empty());
    if options.exit == Exit::Passed && !has_thresholds {
        rows.push((
            "let it pass or fail",
            "--threshold 'p(95)<200ms' after a URL, thresholds in a file".to_owned(),
        ));
    }
    rows.extend(options.next.iter().cloned());
    let widest = rows
        .iter()
        .map(|row| Line::of(row.0).width())
        .max()
        .unwrap_or(0);
    let mut lines = heading("Next", "");
    for (what, command) in rows {
        lines.push(
            Line::of("  ")
                .plain(what)
                .pad_to(widest + 5)
                .tone(Tone::Command, command),
        );
    }
    lines
}
