//! Reading our own elements back; the mirror of `write`. Bounded: what is
//! beyond a tally's limits folds as it does when tallies merge. Reports of format 1
//! are read too: their times are of all samples (`times_over` of the tally).

use super::pull::{Attributes, Doc, Tag};
use super::{LONGEST_REPORT_BYTES, ReportError};
use crate::load::LONGEST_LOAD_US;
use crate::measure::account::Account;
use crate::measure::generator::{Generator, GeneratorSums};
use crate::measure::http_version::VersionCounts;
use crate::measure::kept::{KeptExchange, KeptExchanges, MOST_KEPT_VALUES};
use crate::measure::latencies::{Exact, Latencies};
use crate::measure::reading::Reading;
use crate::measure::sample::{Cause, Outcome};
use crate::measure::tally::{
    ErrorKey, ErrorTally, Exchange, LONGEST_EXCHANGE_BYTES, LabelTally, MOST_EXCHANGES,
    MOST_LABELS, PhaseSum, Tally, TimesOver, TransactionTally,
};
use crate::messages::report::{Ended, Health, REPORT_FORMAT, Report, StartFacts, TaskFacts};

/// The first format that keeps times of ok and of failed samples apart.
const FIRST_APART: u32 = 2;
/// Most warnings that are read; runners make a handful.
const MOST_WARNINGS: usize = 200;
/// Most ways to end of one label that are read.
const MOST_OUTCOMES: usize = 20_000;
/// Most versions of HTTP that are read; there are five.
const MOST_VERSIONS: usize = 16;
/// Longest latency that is believed, µs: the longest load, so that sums of
/// squares of any believable count fit.
const LONGEST_LATENCY_US: u64 = LONGEST_LOAD_US;

/// Where what is read back begins. All before are groups, which repeat in
/// Taurus' units what our elements hold exactly.
const FIRST_NEEDED: &str = "<TaskId>";

pub(super) fn read(text: &str) -> Result<Report, ReportError> {
    if text.len() > LONGEST_REPORT_BYTES {
        return Err(ReportError(format!(
            "it has {} bytes; at most {LONGEST_REPORT_BYTES} are read",
            text.len()
        )));
    }
    let mut doc = Doc::new(text);
    let root = doc.root("FinalStatus")?;
    doc.jump_to(FIRST_NEEDED);
    let mut task = TaskFacts::default();
    let mut report = None;
    doc.children(&root, |doc, tag| {
        match tag.name() {
            "TaskCPU" => task.cpu = doc.number(tag)?,
            "TaskMemory" => task.memory_mib = doc.number(tag)?,
            "ECSDuration" => task.seconds = doc.number(tag)?,
            "DltReport" => report = Some(ours(doc, tag)?),
            _ => doc.skip(tag)?,
        }
        Ok(())
    })?;
    let mut report = report.ok_or_else(|| {
        ReportError("it has no DltReport element: it was not written by dlt".to_owned())
    })?;
    report.task = task;
    Ok(report)
}

fn ours<'a>(doc: &mut Doc<'a>, tag: &Tag<'a>) -> Result<Report, ReportError> {
    let (mut report, format) = head(&tag.attributes()?)?;
    let mut ended = None;
    let mut account = None;
    let mut sent = Sent::default();
    let mut kept = KeptExchanges::default();
    doc.children(tag, |doc, tag| {
        let tally = &mut report.tally;
        match tag.name() {
            "Account" => account = Some(self::account(&tag.attributes()?)?),
            "Start" => report.start = Some(start(&tag.attributes()?)?),
            "Ended" => ended = Some(self::ended(&tag.attributes()?)?),
            "Script" => report.script_failed = Some(tag.attributes()?.exact("failed")?),
            "Health" => {
                report.health = health(doc, tag)?;
                return Ok(());
            }
            "Warning" => {
                let warning = tag.attributes()?.exact("text")?;
                if report.warnings.len() < MOST_WARNINGS {
                    report.warnings.push(warning);
                }
            }
            "Address" | "HttpVersion" | "Proxy" => sent.row(tag.name(), &tag.attributes()?)?,
            "Label" => return label(doc, tag, tally, format),
            "Transaction" => return transaction(doc, tag, tally),
            "Error" => return error(doc, tag, tally),
            "Kept" => return exchange(doc, tag, &mut kept),
            "Service" => return histogram(doc, tag, &mut tally.phases.service),
            "Connect" => return histogram(doc, tag, &mut tally.phases.connect),
            "FirstByte" => return histogram(doc, tag, &mut tally.phases.first_byte),
            "Lag" => return histogram(doc, tag, &mut tally.phases.lag),
            _ => {}
        }
        doc.skip(tag)
    })?;
    let lacks = |name: &str| ReportError(format!("DltReport lacks {name}"));
    report.tally.account = account.ok_or_else(|| lacks("Account"))?;
    report.ended = ended.ok_or_else(|| lacks("Ended"))?;
    report.generator = sent.sums.rows();
    report.exchanges = kept.into_rows();
    Ok(report)
}

/// What requests were sent to.
#[derive(Default)]
struct Sent {
    sums: GeneratorSums,
    versions: usize,
}

impl Sent {
    fn row(&mut self, element: &str, attributes: &Attributes<'_>) -> Result<(), ReportError> {
        let requests = attributes.number("requests")?;
        if element == "Address" {
            let address = attributes.exact("address")?;
            self.sums.add_address(&address, requests);
            return Ok(());
        }
        if element == "Proxy" {
            let proxy = attributes.exact("proxy")?;
            self.sums.add_proxy(&proxy, requests);
            return Ok(());
        }
        self.versions += 1;
        if self.versions > MOST_VERSIONS {
            return Err(attributes.fault("it knows more versions of HTTP than there are"));
        }
        self.sums
            .add_version(&attributes.exact("version")?, requests);
        Ok(())
    }
}

/// What the element's own attributes hold, and the document's format.
fn head(attributes: &Attributes<'_>) -> Result<(Report, u32), ReportError> {
    let format: u32 = attributes.parsed("format")?;
    if format > REPORT_FORMAT {
        return Err(ReportError(format!(
            "its format {format} is newer than the newest that this dlt reads \
             ({REPORT_FORMAT}); update dlt here, or use one version everywhere"
        )));
    }
    let report = Report {
        test: attributes.parsed("test")?,
        run: attributes.parsed("run")?,
        runner: attributes.parsed("runner")?,
        region: attributes.parsed("region")?,
        tally: Tally {
            overflowed: attributes.number("overflowed")?,
            bytes_beside: attributes.some_number("bytes_beside")?.unwrap_or(0),
            ..Tally::default()
        },
        duration_us: attributes.number("duration_us")?,
        loaded_us: attributes.some_number("loaded_us")?,
        peak_users: attributes.number("peak_users")?,
        ticks: attributes.number("ticks")?,
        start: None,
        ended: Ended::AsPlanned,
        script_failed: None,
        health: Health::default(),
        generator: Generator::default(),
        exchanges: Vec::new(),
        warnings: Vec::new(),
        task: TaskFacts::default(),
    };
    Ok((report, format))
}

fn account(attributes: &Attributes<'_>) -> Result<Account, ReportError> {
    Ok(Account {
        scheduled: attributes.number("scheduled")?,
        dropped: attributes.number("dropped")?,
        // Format 1 has neither: what found no connection was counted as sent.
        unconnected: attributes.some_number("unconnected")?.unwrap_or(0),
        sent: attributes.number("sent")?,
        resent: attributes.some_number("resent")?.unwrap_or(0),
        ok: attributes.number("ok")?,
        failed: attributes.number("failed")?,
        unfinished: attributes.number("unfinished")?,
    })
}

fn start(attributes: &Attributes<'_>) -> Result<StartFacts, ReportError> {
    Ok(StartFacts {
        start_at_us: attributes.number("start_at_us")?,
        clock_offset_us: attributes.parsed("clock_offset_us")?,
        clock_error_us: attributes.number("clock_error_us")?,
        share_ppb: attributes.some_number("share_ppb")?,
        first_due_us: attributes.some_number("first_due_us")?,
        first_sent_us: attributes.some_number("first_sent_us")?,
    })
}

fn some_cause(attributes: &Attributes<'_>) -> Result<Option<Cause>, ReportError> {
    attributes
        .get("cause")
        .map(|name| {
            Cause::parse(name).ok_or_else(|| attributes.fault(format!("cause {name:?} is unknown")))
        })
        .transpose()
}

fn ended(attributes: &Attributes<'_>) -> Result<Ended, ReportError> {
    Ok(match attributes.need("how")? {
        "as_planned" => Ended::AsPlanned,
        "stopped" => Ended::Stopped {
            reason: attributes.exact("reason")?,
        },
        "target_silent" => Ended::TargetSilent {
            cause: some_cause(attributes)?,
            message: attributes.exact("message")?,
        },
        "tool_failed" => Ended::ToolFailed {
            message: attributes.exact("message")?,
        },
        other => return Err(attributes.fault(format!("how {other:?} is unknown"))),
    })
}

fn health<'a>(doc: &mut Doc<'a>, tag: &Tag<'a>) -> Result<Health, ReportError> {
    let attributes = tag.attributes()?;
    let mut health = Health {
        threads: attributes.number("threads")?,
        cpu_us: attributes.number("cpu_us")?,
        wall_us: attributes.number("wall_us")?,
        throttled_us: attributes.number("throttled_us")?,
        max_rss_bytes: attributes.number("max_rss_bytes")?,
        memory_limit_bytes: attributes.number("memory_limit_bytes")?,
        ports_exhausted: attributes.number("ports_exhausted")?,
        files_exhausted: attributes.number("files_exhausted")?,
        reading: Reading::default(),
        bad_seconds: bad_seconds(attributes.need("bad_seconds")?)
            .ok_or_else(|| attributes.fault("bad_seconds are not seconds of a run"))?,
        cut_us: attributes.some_number("cut_us")?.unwrap_or(0),
        changes: attributes.some_number("changes")?.unwrap_or(0),
    };
    let mut delay = Latencies::default();
    let mut reading = None;
    doc.children(tag, |doc, tag| match tag.name() {
        "Reading" => {
            reading = Some(self::reading(&tag.attributes()?)?);
            doc.skip(tag)
        }
        "ReadDelay" => histogram(doc, tag, &mut delay),
        _ => doc.skip(tag),
    })?;
    // Without it (format 1) the delays are those of a timer, not of answers.
    if let Some(reading) = reading {
        health.reading = Reading { delay, ..reading };
    }
    Ok(health)
}

fn reading(attributes: &Attributes<'_>) -> Result<Reading, ReportError> {
    Ok(Reading {
        delay: Latencies::default(),
        stamped: attributes.number("stamped")?,
        missing: attributes.number("missing")?,
        implausible: attributes.number("implausible")?,
        user_time_us: attributes.number("user_time_us")?,
        lost_us: attributes.number("lost_us")?,
    })
}

/// The seconds of `3-5 9`; None if they are malformed or more than a run has.
fn bad_seconds(text: &str) -> Option<Vec<u64>> {
    const MOST: u64 = LONGEST_LOAD_US / 1_000_000;
    let mut seconds = Vec::new();
    for part in text.split_ascii_whitespace() {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let (from, to) = (from.parse::<u64>().ok()?, to.parse::<u64>().ok()?);
        if from > to || to - from > MOST || seconds.len() as u64 + (to - from) > MOST {
            return None;
        }
        seconds.extend(from..=to);
    }
    Some(seconds)
}

fn label<'a>(
    doc: &mut Doc<'a>,
    tag: &Tag<'a>,
    tally: &mut Tally,
    format: u32,
) -> Result<(), ReportError> {
    let attributes = tag.attributes()?;
    let mut read = samples(doc, tag)?;
    if format < FIRST_APART && read.failed > 0 {
        // The phases are of all samples in any case.
        tally.times_over = TimesOver::All;
        if read.ok == 0 {
            std::mem::swap(&mut read.response, &mut read.response_failed);
        }
    }
    tally.add_label(&attributes.exact("label")?, read);
    Ok(())
}

fn transaction<'a>(doc: &mut Doc<'a>, tag: &Tag<'a>, tally: &mut Tally) -> Result<(), ReportError> {
    let attributes = tag.attributes()?;
    let read = TransactionTally {
        samples: samples(doc, tag)?,
        unfinished: attributes.number("unfinished")?,
    };
    let name = attributes.exact("label")?;
    if tally.transactions.len() >= MOST_LABELS && !tally.transactions.contains_key(&name) {
        return Err(attributes.fault("a report has too many transactions"));
    }
    tally.transactions.entry(name).or_default().merge(&read);
    Ok(())
}

/// The samples of a label or of a transaction.
fn samples<'a>(doc: &mut Doc<'a>, tag: &Tag<'a>) -> Result<LabelTally, ReportError> {
    let attributes = tag.attributes()?;
    let mut read = LabelTally {
        ok: attributes.number("ok")?,
        failed: attributes.number("failed")?,
        bytes_received: attributes.number("bytes_received")?,
        bytes_sent: attributes.number("bytes_sent")?,
        connect: phase_sum(&attributes, "connect_count", "connect_sum_us")?,
        first_byte: phase_sum(&attributes, "first_byte_count", "first_byte_sum_us")?,
        ..LabelTally::default()
    };
    doc.children(tag, |doc, tag| match tag.name() {
        "Response" => histogram(doc, tag, &mut read.response),
        "ResponseFailed" => histogram(doc, tag, &mut read.response_failed),
        "HttpVersions" => {
            let row = tag.attributes()?;
            read.versions = VersionCounts {
                http1_0: row.number("http1_0")?,
                http1_1: row.number("http1_1")?,
                http2: row.number("http2")?,
            };
            doc.skip(tag)
        }
        "Outcome" => {
            let row = tag.attributes()?;
            let outcome = Outcome {
                status: row
                    .get("status")
                    .map(|_| row.parsed("status"))
                    .transpose()?,
                cause: some_cause(&row)?,
            };
            if read.outcomes.len() >= MOST_OUTCOMES {
                return Err(row.fault("a label has too many outcomes"));
            }
            read.count_outcome(outcome, row.number("count")?);
            doc.skip(tag)
        }
        _ => doc.skip(tag),
    })?;
    Ok(read)
}

fn phase_sum(
    attributes: &Attributes<'_>,
    count: &str,
    sum_us: &str,
) -> Result<PhaseSum, ReportError> {
    let sum = PhaseSum {
        count: attributes.number(count)?,
        sum_us: attributes.parsed(sum_us)?,
    };
    if sum.sum_us > u128::from(sum.count) * u128::from(LONGEST_LATENCY_US) {
        return Err(attributes.fault(format!("{sum_us} is more than its count allows")));
    }
    Ok(sum)
}

fn histogram<'a>(
    doc: &mut Doc<'a>,
    tag: &Tag<'a>,
    into: &mut Latencies,
) -> Result<(), ReportError> {
    let attributes = tag.attributes()?;
    let exact = Exact {
        count: attributes.number("count")?,
        min_us: attributes.number("min_us")?,
        max_us: attributes.number("max_us")?,
        sum_us: attributes.parsed("sum_us")?,
        sum_squares_us: attributes.parsed("sum_squares_us")?,
        beyond: attributes.number("beyond")?,
    };
    let text = doc.text(tag)?;
    if exact.count == 0 {
        return match exact == Exact::default() {
            true => Ok(()),
            false => Err(attributes.fault("it counts nothing but has sums")),
        };
    }
    let (count, max) = (u128::from(exact.count), u128::from(exact.max_us));
    let plausible = exact.max_us <= LONGEST_LATENCY_US
        && exact.min_us <= exact.max_us
        && exact.beyond <= exact.count
        && exact.sum_us <= count * max
        && exact.sum_us >= count * u128::from(exact.min_us)
        && (count * max)
            .checked_mul(max)
            .is_none_or(|most| exact.sum_squares_us <= most);
    if !plausible {
        return Err(
            attributes.fault("its count, minimum, maximum and sums cannot be true together")
        );
    }
    into.merge_base64(&text, &exact)
        .map_err(|why| attributes.fault(why))
}

fn error<'a>(doc: &mut Doc<'a>, tag: &Tag<'a>, tally: &mut Tally) -> Result<(), ReportError> {
    let attributes = tag.attributes()?;
    let key = ErrorKey {
        cause: some_cause(&attributes)?.ok_or_else(|| attributes.fault("it lacks cause"))?,
        code: attributes.some_exact("code")?,
        message: attributes.exact("message")?,
    };
    let mut read = ErrorTally {
        count: attributes.number("count")?,
        first_us: attributes.number("first_us")?,
        last_us: attributes.number("last_us")?,
        ..ErrorTally::default()
    };
    doc.children(tag, |doc, tag| {
        let row = tag.attributes()?;
        match tag.name() {
            "In" => read.count_in(&row.exact("label")?, row.number("count")?),
            "Exchange" if read.exchanges.len() < MOST_EXCHANGES => read.exchanges.push(Exchange {
                request: cut(row.exact("request")?),
                response: cut(row.exact("response")?),
            }),
            _ => {}
        }
        doc.skip(tag)
    })?;
    tally.add_error(&key, &read);
    Ok(())
}

/// A saved exchange's side within its limit, cut between characters.
fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(LONGEST_EXCHANGE_BYTES));
    text
}

fn exchange<'a>(
    doc: &mut Doc<'a>,
    tag: &Tag<'a>,
    into: &mut KeptExchanges,
) -> Result<(), ReportError> {
    let attributes = tag.attributes()?;
    let status = attributes.some_number("status")?;
    let mut read = KeptExchange {
        label: attributes.exact("label")?,
        url: attributes.exact("url")?,
        sent_us: attributes.number("sent_us")?,
        response_us: attributes.number("response_us")?,
        status: status
            .map(u16::try_from)
            .transpose()
            .map_err(|_| attributes.fault("its status is none"))?,
        cause: some_cause(&attributes)?,
        message: attributes.some_exact("message")?,
        request: attributes.exact("request")?,
        response: attributes.exact("response")?,
        cut: attributes.need("cut")? == "true",
        values: Vec::new(),
    };
    doc.children(tag, |doc, tag| {
        if tag.name() == "Value" && read.values.len() < MOST_KEPT_VALUES {
            let row = tag.attributes()?;
            let value = (row.exact("name")?, row.exact("value")?);
            read.values.push(value);
        }
        doc.skip(tag)
    })?;
    into.add(read);
    Ok(())
}
