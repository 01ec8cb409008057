//! A result as JUnit XML, for programs that show test results, with the cases of the
//! console: the run itself, and one a threshold.

use crate::line::{COMMANDS, unhidden};
use dlt_core::judge::outcome::Word;
use dlt_core::load::changes::changed_load;
use dlt_core::record::RunRecord;

/// A test case, and what kept it from passing.
struct Case {
    name: String,
    seconds: f64,
    /// `failure`, `error` or `skipped`, with its message.
    said: Option<(&'static str, String)>,
}

/// The document; with a case for trust, where that is required.
pub fn junit(record: &RunRecord, require_trusted: bool) -> String {
    let name = match record.test_name.as_str() {
        "" => record.test_id.as_str(),
        name => name,
    };
    let mut cases = cases(record);
    if require_trusted {
        cases.push(trusted(record));
    }
    let many = |kind: &str| {
        let of_kind = |case: &&Case| case.said.as_ref().is_some_and(|said| said.0 == kind);
        cases.iter().filter(of_kind).count()
    };
    let counts = format!(
        "tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{}\"",
        cases.len(),
        many("failure"),
        many("error"),
        many("skipped"),
        seconds(record)
    );
    // `YYYY-MM-DD HH:MM:SS`, UTC.
    let at = match record.start_time.split_once(' ') {
        Some((day, time)) => format!(" timestamp=\"{}T{}\"", xml(day), xml(time)),
        None => String::new(),
    };
    let mut lines = vec![
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>".to_owned(),
        format!("<testsuites name=\"dlt\" {counts}>"),
        format!("  <testsuite name=\"{}\" {counts}{at}>", xml(name)),
        "    <properties>".to_owned(),
    ];
    let properties = properties(record);
    lines.extend(
        properties.into_iter().map(|(key, value)| {
            format!("      <property name=\"{key}\" value=\"{}\"/>", xml(&value))
        }),
    );
    lines.push("    </properties>".to_owned());
    lines.extend(cases.iter().map(|case| written(case, name)));
    lines.extend([
        "  </testsuite>".to_owned(),
        "</testsuites>".to_owned(),
        String::new(),
    ]);
    lines.join("\n")
}

fn seconds(record: &RunRecord) -> f64 {
    record
        .summary
        .as_ref()
        .map_or(0.0, |it| it.loaded_us as f64 / 1e6)
}

fn word(record: &RunRecord) -> String {
    match &record.outcome {
        Some(outcome) => outcome.word.name().to_owned(),
        None => record.status.to_string(),
    }
}

fn cases(record: &RunRecord) -> Vec<Case> {
    let outcome = record.outcome.as_ref();
    let thresholds = outcome.map_or(&[][..], |outcome| &outcome.thresholds);
    let why = outcome.and_then(|outcome| outcome.reason.clone());
    let why = why
        .or_else(|| record.error_reason.clone())
        .filter(|why| !why.is_empty());
    let because = |else_said: &str| why.clone().unwrap_or_else(|| else_said.to_owned());
    let could_not = outcome.is_some_and(|outcome| outcome.could_not_run);
    let is = |wanted: Word| word(record) == wanted.name();
    let said = if is(Word::Incomplete) || could_not {
        Some(("error", because("It is not complete.")))
    } else if is(Word::Failed) && thresholds.iter().all(|row| row.passed) {
        Some(("failure", because("It failed.")))
    } else if is(Word::Cancelled) {
        Some(("skipped", because("It was cancelled.")))
    } else {
        None
    };
    let whole = Case {
        name: "the run".to_owned(),
        seconds: seconds(record),
        said,
    };
    let of_thresholds = thresholds.iter().map(|row| {
        let reason = row
            .reason
            .as_ref()
            .map_or_else(String::new, |why| format!(": {why}"));
        let observed = row.observed.as_deref().unwrap_or("nothing");
        Case {
            name: row.expression.clone(),
            seconds: 0.0,
            said: (!row.passed).then(|| ("failure", format!("observed {observed}{reason}"))),
        }
    });
    std::iter::once(whole).chain(of_thresholds).collect()
}

/// The case of `--require-trusted`.
fn trusted(record: &RunRecord) -> Case {
    let trust = super::markdown::trust(record);
    let is_trusted = trust.as_deref() == Some("trusted");
    let why = trust.unwrap_or_else(|| "there is no verdict".to_owned());
    Case {
        name: "the numbers can be trusted".to_owned(),
        seconds: 0.0,
        said: (!is_trusted).then_some(("error", why)),
    }
}

fn properties(record: &RunRecord) -> Vec<(&'static str, String)> {
    let total = record.summary.as_ref().map(|summary| &summary.total);
    let number = |n: Option<u64>| n.map(|n| n.to_string());
    let changes = record.load.as_ref().map(|load| load.changes.as_slice());
    let all = [
        ("scenario", Some(record.test_id.clone())),
        ("run", Some(record.test_run_id.clone())),
        ("outcome", Some(word(record))),
        ("trust", super::markdown::trust(record)),
        ("load_changes", changes.and_then(changed_load)),
        (
            "requests",
            number(record.account.map(|account| account.requests.scheduled)),
        ),
        ("failed", number(total.map(|total| total.failed))),
        ("p50_us", number(total.and_then(|total| total.p50_us))),
        ("p95_us", number(total.and_then(|total| total.p95_us))),
        ("p99_us", number(total.and_then(|total| total.p99_us))),
    ];
    all.into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
        .collect()
}

fn written(case: &Case, suite: &str) -> String {
    let head = format!(
        "    <testcase classname=\"{}\" name=\"{}\" time=\"{}\"",
        xml(suite),
        xml(&case.name),
        case.seconds
    );
    match &case.said {
        None => format!("{head}/>"),
        Some((kind, message)) => format!(
            "{head}>\n      <{kind} message=\"{}\"/>\n    </testcase>",
            xml(message)
        ),
    }
}

/// A text as an attribute; characters that XML 1.0 does not have become U+FFFD, other hidden ones are
/// escaped. It is no command to the CI in whose log it stands.
pub fn xml(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => written.push_str("&amp;"),
            '<' => written.push_str("&lt;"),
            '>' => written.push_str("&gt;"),
            '"' => written.push_str("&quot;"),
            '\'' => written.push_str("&apos;"),
            '\n' => written.push_str("&#10;"),
            '\r' => written.push_str("&#13;"),
            '\t' => written.push_str("&#9;"),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => written.push('\u{fffd}'),
            sign => written.push_str(&unhidden(sign.encode_utf8(&mut [0; 4]))),
        }
    }
    for command in COMMANDS {
        if written.contains(command) {
            written = written.replace(command, &command.replacen('#', "&#35;", 1));
        }
    }
    written
}
