//! Our own elements: everything a report holds, exactly. `read` is its mirror.

use super::text::Writer;
use crate::measure::generator::Generator;
use crate::measure::kept::KeptExchange;
use crate::measure::latencies::Latencies;
use crate::measure::tally::{ErrorKey, ErrorTally, LabelTally};
use crate::messages::report::{Ended, Health, REPORT_FORMAT, Report};

pub(super) fn write(out: &mut Writer, report: &Report) {
    let element = out
        .element("DltReport")
        .with("format", REPORT_FORMAT)
        .with("test", &report.test)
        .with("run", &report.run)
        .with("runner", &report.runner)
        .with("region", &report.region)
        .with("duration_us", report.duration_us);
    let element = match report.loaded_us {
        Some(loaded_us) => element.with("loaded_us", loaded_us),
        None => element,
    };
    element
        .with("peak_users", report.peak_users)
        .with("ticks", report.ticks)
        .with("overflowed", report.tally.overflowed)
        .with_some(
            "bytes_beside",
            Some(report.tally.bytes_beside).filter(|bytes| *bytes > 0),
        )
        .open();
    account(out, report);
    start(out, report);
    ended(out, &report.ended);
    if let Some(failed) = &report.script_failed {
        out.element("Script").with_exact("failed", failed).empty();
    }
    health(out, &report.health);
    generator(out, &report.generator);
    for warning in &report.warnings {
        out.element("Warning").with_exact("text", warning).empty();
    }
    for (label, tally) in &report.tally.labels {
        self::label(out, "Label", label, tally, None);
    }
    for (name, tally) in &report.tally.transactions {
        let unfinished = Some(tally.unfinished);
        self::label(out, "Transaction", name, &tally.samples, unfinished);
    }
    let phases = &report.tally.phases;
    histogram(out, "Service", &phases.service);
    histogram(out, "Connect", &phases.connect);
    histogram(out, "FirstByte", &phases.first_byte);
    histogram(out, "Lag", &phases.lag);
    for (key, tally) in &report.tally.errors {
        error(out, key, tally);
    }
    report.exchanges.iter().for_each(|kept| exchange(out, kept));
    out.close();
}

fn account(out: &mut Writer, report: &Report) {
    let account = &report.tally.account;
    out.element("Account")
        .with("scheduled", account.scheduled)
        .with("dropped", account.dropped)
        .with("unconnected", account.unconnected)
        .with("sent", account.sent)
        .with("resent", account.resent)
        .with("ok", account.ok)
        .with("failed", account.failed)
        .with("unfinished", account.unfinished)
        .empty();
}

fn start(out: &mut Writer, report: &Report) {
    if let Some(start) = &report.start {
        out.element("Start")
            .with("start_at_us", start.start_at_us)
            .with("clock_offset_us", start.clock_offset_us)
            .with("clock_error_us", start.clock_error_us)
            .with_some("share_ppb", start.share_ppb)
            .with_some("first_due_us", start.first_due_us)
            .with_some("first_sent_us", start.first_sent_us)
            .empty();
    }
}

fn ended(out: &mut Writer, ended: &Ended) {
    let element = out.element("Ended");
    match ended {
        Ended::AsPlanned => element.with("how", "as_planned"),
        Ended::Stopped { reason } => element.with("how", "stopped").with_exact("reason", reason),
        Ended::TargetSilent { cause, message } => element
            .with("how", "target_silent")
            .with_some("cause", *cause)
            .with_exact("message", message),
        Ended::ToolFailed { message } => element
            .with("how", "tool_failed")
            .with_exact("message", message),
    }
    .empty();
}

fn health(out: &mut Writer, health: &Health) {
    out.element("Health")
        .with("threads", health.threads)
        .with("cpu_us", health.cpu_us)
        .with("wall_us", health.wall_us)
        .with("throttled_us", health.throttled_us)
        .with("max_rss_bytes", health.max_rss_bytes)
        .with("memory_limit_bytes", health.memory_limit_bytes)
        .with("ports_exhausted", health.ports_exhausted)
        .with("files_exhausted", health.files_exhausted)
        .with("bad_seconds", stretches(&health.bad_seconds))
        .with_some("cut_us", (health.cut_us > 0).then_some(health.cut_us))
        .with_some("changes", (health.changes > 0).then_some(health.changes))
        .open();
    let reading = &health.reading;
    out.element("Reading")
        .with("stamped", reading.stamped)
        .with("missing", reading.missing)
        .with("implausible", reading.implausible)
        .with("user_time_us", reading.user_time_us)
        .with("lost_us", reading.lost_us)
        .empty();
    histogram(out, "ReadDelay", &reading.delay);
    out.close();
}

fn generator(out: &mut Writer, generator: &Generator) {
    for (address, requests) in &generator.addresses {
        out.element("Address")
            .with_exact("address", address)
            .with("requests", requests)
            .empty();
    }
    for (version, requests) in &generator.http_versions {
        out.element("HttpVersion")
            .with_exact("version", version)
            .with("requests", requests)
            .empty();
    }
    for (proxy, requests) in &generator.proxies {
        out.element("Proxy")
            .with_exact("proxy", proxy)
            .with("requests", requests)
            .empty();
    }
}

/// `3-5 9`: seconds that follow each other as one stretch, so that a month of
/// bad seconds is short.
fn stretches(seconds: &[u64]) -> String {
    let mut rows: Vec<(u64, u64)> = Vec::new();
    for &second in seconds {
        match rows.last_mut() {
            Some(last) if last.1.checked_add(1) == Some(second) => last.1 = second,
            _ => rows.push((second, second)),
        }
    }
    let texts: Vec<String> = rows
        .into_iter()
        .map(|(from, to)| match from == to {
            true => from.to_string(),
            false => format!("{from}-{to}"),
        })
        .collect();
    texts.join(" ")
}

/// A label, or a transaction, which may be unfinished.
fn label(
    out: &mut Writer,
    element: &'static str,
    label: &str,
    tally: &LabelTally,
    unfinished: Option<u64>,
) {
    out.element(element)
        .with_exact("label", label)
        .with("ok", tally.ok)
        .with("failed", tally.failed)
        .with_some("unfinished", unfinished)
        .with("bytes_received", tally.bytes_received)
        .with("bytes_sent", tally.bytes_sent)
        .with("connect_count", tally.connect.count)
        .with("connect_sum_us", tally.connect.sum_us)
        .with("first_byte_count", tally.first_byte.count)
        .with("first_byte_sum_us", tally.first_byte.sum_us)
        .open();
    for row in &tally.outcomes {
        out.element("Outcome")
            .with_some("status", row.outcome.status)
            .with_some("cause", row.outcome.cause)
            .with("count", row.count)
            .empty();
    }
    let versions = &tally.versions;
    if versions.all() > 0 {
        out.element("HttpVersions")
            .with("http1_0", versions.http1_0)
            .with("http1_1", versions.http1_1)
            .with("http2", versions.http2)
            .empty();
    }
    histogram(out, "Response", &tally.response);
    if tally.response_failed.count() > 0 {
        histogram(out, "ResponseFailed", &tally.response_failed);
    }
    out.close();
}

fn histogram(out: &mut Writer, name: &'static str, latencies: &Latencies) {
    let exact = latencies.exact();
    let element = out
        .element(name)
        .with("count", exact.count)
        .with("min_us", exact.min_us)
        .with("max_us", exact.max_us)
        .with("sum_us", exact.sum_us)
        .with("sum_squares_us", exact.sum_squares_us)
        .with("beyond", exact.beyond);
    match exact.count {
        0 => element.empty(),
        _ => element.text(&latencies.to_base64()),
    }
}

fn error(out: &mut Writer, key: &ErrorKey, tally: &ErrorTally) {
    let element = out.element("Error").with("cause", key.cause);
    let element = match &key.code {
        Some(code) => element.with_exact("code", code),
        None => element,
    };
    element
        .with_exact("message", &key.message)
        .with("count", tally.count)
        .with("first_us", tally.first_us)
        .with("last_us", tally.last_us)
        .open();
    for (label, count) in &tally.labels {
        out.element("In")
            .with_exact("label", label)
            .with("count", count)
            .empty();
    }
    for exchange in &tally.exchanges {
        out.element("Exchange")
            .with_exact("request", &exchange.request)
            .with_exact("response", &exchange.response)
            .empty();
    }
    out.close();
}

fn exchange(out: &mut Writer, kept: &KeptExchange) {
    let element = out
        .element("Kept")
        .with_exact("label", &kept.label)
        .with_exact("url", &kept.url)
        .with("sent_us", kept.sent_us)
        .with("response_us", kept.response_us)
        .with_some("status", kept.status)
        .with_some("cause", kept.cause)
        .with("cut", kept.cut);
    let element = match &kept.message {
        Some(message) => element.with_exact("message", message),
        None => element,
    };
    element
        .with_exact("request", &kept.request)
        .with_exact("response", &kept.response)
        .open();
    for (name, value) in &kept.values {
        out.element("Value")
            .with_exact("name", name)
            .with_exact("value", value)
            .empty();
    }
    out.close();
}
