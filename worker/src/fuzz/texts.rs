//! Targets of dlt-core's readers of short texts: durations, JSON and what is looked for in it,
//! addresses, proxies, schedules, texts with secrets.

use dlt_core::routing::EnvironmentProxies;
use dlt_core::safety::{redacted_text, spans, with_secrets_of};
use dlt_core::scenario::import::Imported;
use dlt_core::scenario::plan::{Budget, JsonDocument, JsonQuery, Pattern};
use dlt_core::scenario::requests::functions::Function;
use dlt_core::scenario::requests::targets::{
    dot_segments, has_host, request_target, url_value, without_user,
};
use dlt_core::scenario::schedule::{Fields, Schedule};
use dlt_core::scenario::{cut_label, parse_duration, show_duration};
use dlt_core::thresholds::Threshold;
use dlt_core::value::{Number, Value};
use jiff::Timestamp;

/// A name, and what is done with an input.
pub(super) type Target = (&'static str, fn(&[u8]));

/// The targets.
pub(super) const TARGETS: &[Target] = &[
    ("durations", |data| {
        durations(&String::from_utf8_lossy(data))
    }),
    ("json", |data| json(&String::from_utf8_lossy(data))),
    ("json-paths", |data| {
        json_paths(&String::from_utf8_lossy(data))
    }),
    ("patterns", patterns),
    ("addresses", |data| {
        addresses(&String::from_utf8_lossy(data))
    }),
    ("schedules", |data| {
        schedules(&String::from_utf8_lossy(data))
    }),
    ("secrets", |data| secrets(&String::from_utf8_lossy(data))),
    ("commands", |data| commands(&String::from_utf8_lossy(data))),
];

fn durations(text: &str) {
    if let Some(us) = parse_duration(text) {
        let shown = show_duration(us);
        // Milliseconds are the least that is shown.
        if us.is_multiple_of(1_000) {
            assert_eq!(parse_duration(&shown), Some(us), "{text:?} {shown}");
        }
    }
    // Thresholds have durations and more.
    let _ = Threshold::parse(text);
    if let Some(number) = Number::parse(text) {
        assert_eq!(number.text(), text);
        assert_eq!(text.parse().ok(), number.as_f64().or(text.parse().ok()));
    }
}

/// Whether serde_json, whose numbers and texts are machines' own, would refuse what is JSON.
fn is_beyond_serde(text: &str) -> bool {
    // Half a surrogate pair, a number beyond 64 bits' range, a byte order mark.
    text.starts_with('\u{feff}')
        || text.contains("\\u")
        || text.contains(['e', 'E'])
        || text.len() > 300
}

/// Whether two values are the same. serde_json reads numbers in a hurry: the last bit may differ.
fn is_same(ours: &serde_json::Value, theirs: &serde_json::Value) -> bool {
    use serde_json::Value::{Array, Number, Object};
    match (ours, theirs) {
        (Number(ours), Number(theirs)) if ours != theirs => {
            let pair = ours.as_f64().zip(theirs.as_f64());
            pair.is_some_and(|(a, b)| (a - b).abs() <= a.abs() * 1e-15)
        }
        (Array(ours), Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| is_same(a, b))
        }
        (Object(ours), Object(theirs)) => {
            let same = |(key, own): (_, _)| theirs.get(key).is_some_and(|it| is_same(own, it));
            ours.len() == theirs.len() && ours.iter().all(same)
        }
        (ours, theirs) => ours == theirs,
    }
}

fn json(text: &str) {
    let ours = Value::from_json(text);
    let theirs = serde_json::from_str::<serde_json::Value>(text);
    match (&ours, &theirs) {
        (Ok(ours), Ok(theirs)) => assert!(is_same(&ours.to_serde(), theirs), "{text:?}"),
        (Err(_), Err(_)) => {}
        (Ok(_), Err(_)) => assert!(is_beyond_serde(text), "{text:?}: {theirs:?}"),
        (Err(why), Ok(_)) => panic!("{text:?}: {why}"),
    }
    let Ok(value) = ours else {
        return;
    };
    let written = value.to_string();
    assert_eq!(Value::from_json(&written).as_ref(), Ok(&value), "{written}");
}

/// A path in the first line, JSON in the others.
fn json_paths(text: &str) {
    let (path, body) = text.split_once('\n').unwrap_or((text, "{}"));
    let Ok(query) = JsonQuery::compile(path) else {
        return;
    };
    let in_time = || true;
    let found = |plain| {
        let budget = Budget::new(&in_time);
        let document = JsonDocument::read(body, plain, &budget).ok()?;
        let found = query.find(&document, &budget).ok()?;
        Some(
            found
                .iter()
                .map(|node| node.to_value().to_serde())
                .collect::<Vec<_>>(),
        )
    };
    let Some(found) = found(false).inspect(|all| {
        let as_plain = found(query.is_plain());
        assert_eq!(as_plain.as_ref(), Some(all), "{path} in {body}");
    }) else {
        return;
    };
    let (Ok(body), Ok(path)) = (
        Value::from_json(body).map(|body| body.to_serde()),
        serde_json_path::JsonPath::parse(path),
    ) else {
        return;
    };
    let theirs: Vec<_> = path
        .query(&body)
        .iter()
        .map(|node| (*node).clone())
        .collect();
    assert_eq!(found, theirs, "{path} in {body}");
}

/// A regular expression in the first line, a text in the others.
fn patterns(data: &[u8]) {
    let at = data
        .iter()
        .position(|byte| *byte == b'\n')
        .unwrap_or(data.len());
    let (pattern, text) = (&data[..at], data.get(at + 1..).unwrap_or_default());
    let Ok(pattern) = std::str::from_utf8(pattern) else {
        return;
    };
    let Ok(compiled) = Pattern::compile(pattern) else {
        return;
    };
    let in_time = || true;
    let is_match = compiled.is_match(text, &Budget::new(&in_time));
    let found = compiled.find(text, 1, 0, &Budget::new(&in_time));
    if let (Ok(is_match), Ok(found)) = (is_match, found) {
        assert_eq!(is_match, found.is_some(), "{pattern:?}");
        let theirs =
            regex::bytes::Regex::new(pattern).map(|regex| regex.find(text).map(|it| it.range()));
        if let Ok(theirs) = theirs {
            assert_eq!(found, theirs, "{pattern:?} in {text:?}");
        }
    }
}

fn addresses(text: &str) {
    let (first, second) = text.split_once('\n').unwrap_or((text, "x"));
    if let Ok(target) = request_target(first) {
        assert!(target.starts_with('/') && target.is_ascii());
        assert!(!target.contains(|c: char| c.is_ascii_control() || c == ' ' || c == '#'));
    }
    let (plain, user) = without_user(first);
    assert_eq!(user.is_some(), plain.len() < first.len());
    let _ = (has_host(first), dot_segments(first));
    if let Ok(value) = url_value(first, second, true)
        && !first.is_empty()
    {
        assert!(value.is_ascii() && !value.contains([' ', '"']));
    }
    let label = cut_label(text);
    assert!(label.len() <= text.len().max(255));
    let name = |name: &str| match name {
        "HTTP_PROXY" | "http_proxy" => Some(first.to_owned()),
        "NO_PROXY" | "no_proxy" => Some(second.to_owned()),
        _ => None,
    };
    if let Ok(proxies) = EnvironmentProxies::read(name) {
        let told = proxies.to_env();
        let get = |name: &str| Some(told.iter().find(|row| row.0 == name)?.1.clone());
        let again = EnvironmentProxies::from_env(get);
        assert_eq!(again.map(|it| it.to_env()), Ok(told.clone()));
    }
}

fn schedules(text: &str) {
    let mut lines = text.split('\n');
    let mut next = || lines.next().unwrap_or_default();
    let fields = Fields {
        cron: next(),
        zone: next(),
        date: next(),
        time: next(),
        recurrence: next(),
        expiry: next(),
    };
    let Ok(schedule) = Schedule::parse(&fields) else {
        return;
    };
    let now = Timestamp::from_second(1_800_000_000).expect("an instant");
    if let Some(at) = schedule.next_after(now) {
        assert!(at.timestamp() > now);
        assert!(!schedule.next_run(now).is_empty());
    }
    assert!(schedule.shortest_gap_s(now).is_none_or(|gap| gap > 0));
}

fn secrets(text: &str) {
    let mut end = 0;
    for span in spans(text) {
        assert!(span.range.start >= end && text.get(span.range.clone()).is_some());
        end = span.range.end;
    }
    let redacted = redacted_text(text);
    assert_eq!(with_secrets_of(&redacted, text), text);
    if let Some(Ok(function)) = Function::parse(text) {
        let _ = format!("{function:?}");
    }
}

fn commands(text: &str) {
    if let Ok(imported) = Imported::from_text(text) {
        let yaml = imported.to_yaml();
        let read = serde_saphyr::from_str::<serde_json::Value>(&yaml);
        assert!(read.is_ok(), "{:?}: {yaml}", read.err());
    }
}
