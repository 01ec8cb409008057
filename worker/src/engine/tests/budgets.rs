//! Checks and extractions that would eat a thread or its memory: the sample fails
//! by name, the others go on, and the load ends when it has to.

use super::depth::{extraction, json, messages};
use super::*;
use crate::engine::tests::target::answer;
use dlt_core::scenario::plan::{Check, Find, JsonQuery, Pattern, Subject, Wanted};

/// Two steps: one whose answer is looked at so, and a plain one behind it.
fn load(body: String, change: impl FnOnce(&mut Step)) -> LoadResult {
    let target = Target::new(move |request, _| match request.path() {
        "/hostile" => answer("200 OK", "", &body),
        _ => answer("200 OK", "", "ok"),
    });
    let mut hostile = step(&target, "/hostile");
    change(&mut hostile);
    let result = run(rounds(1.0, 2, vec![hostile, step(&target, "/plain")]), 1);
    assert_eq!(target.count("/plain"), 2, "{:?}", messages(&result));
    assert_eq!(result.tally.account.ok, 2, "{:?}", messages(&result));
    result
}

#[track_caller]
fn fails(result: &LoadResult, cause: Cause, says: &str) {
    assert_eq!(failed(result, cause), 2, "{:?}", messages(result));
    for message in messages(result) {
        assert!(message.contains(says), "{message}");
    }
}

fn query(path: &str) -> JsonQuery {
    JsonQuery::compile(path).unwrap()
}

fn regex(text: &str) -> Pattern {
    Pattern::compile(text).unwrap()
}

/// 241 bytes that `$..*`, written twenty times, makes gigabytes of.
fn nested() -> String {
    format!("{}1{}", "[".repeat(120), "]".repeat(120))
}

fn bits() -> String {
    let bit = |n: u32| {
        if n.wrapping_mul(2_654_435_761) & 64 == 0 {
            '0'
        } else {
            '1'
        }
    };
    (0..1_300_000).map(bit).collect()
}

#[test]
fn hostile_answers_fail_extractions_by_name() {
    let twenty = format!("${}", "..*".repeat(20));
    let list = format!("[{}]", vec!["{\"a\":[1,2,3]}"; 20_000].join(","));
    for (body, find, says) in [
        (nested(), json(&twenty), "it "),
        (list, json("$[?$[?$[?@.b]]]"), "it takes "),
        (
            format!("[{}1]", "1,".repeat(1_100_000)),
            json("$..x"),
            "has more than 1000000 JSON values",
        ),
        (
            bits(),
            Find::Regex {
                pattern: regex("[01]*1([01]{8000})2"),
                group: 1,
                nth: 1,
                subject: Subject::Body,
            },
            "it takes ",
        ),
    ] {
        let result = load(body, |step| {
            let mut wanted = extraction("x", find);
            // A default is for an answer without a value, not for one nobody looked at.
            wanted.default = Some("none".to_owned());
            step.extractions = vec![wanted];
        });
        fails(&result, Cause::Extraction, "variable x got no value");
        fails(&result, Cause::Extraction, says);
    }
}

#[test]
fn hostile_answers_fail_checks_by_name() {
    let at_path = |path: &str, expected| Check::Json {
        query: query(path),
        expected,
        invert: false,
    };
    let in_body = |pattern: &str| Check::Contains {
        subject: Subject::Body,
        wanted: vec![Wanted::Match(regex(pattern))],
        not: true,
    };
    let twenty = format!("${}", "..*".repeat(20));
    for (body, check) in [
        (nested(), at_path(&twenty, None)),
        (bits(), in_body("([01]{0,200}1){30}2")),
    ] {
        let result = load(body, |step| step.checks = vec![check]);
        fails(&result, Cause::Check, "was not checked");
    }
}

/// All checks of an answer share one budget.
#[test]
fn many_checks_of_one_answer_cost_no_more_than_one_may() {
    let list = format!("[{}]", vec!["{\"a\":[1,2,3]}"; 20_000].join(","));
    let result = load(list, |step| {
        let check = Check::Json {
            query: query("$[?count(@..*) > 3]"),
            expected: None,
            invert: false,
        };
        step.checks = vec![check; 50];
    });
    fails(&result, Cause::Check, "was not checked");
}

#[test]
fn usual_checks_of_large_answers_hold() {
    let rows: Vec<String> = (0..20_000)
        .map(|n| format!("{{\"id\":{n},\"name\":\"näme {n}\",\"price\":{n}.50}}"))
        .collect();
    let target = Target::new(move |_, _| answer("200 OK", "", &format!("[{}]", rows.join(","))));
    let mut step = step(&target, "/x");
    step.checks = vec![Check::Contains {
        subject: Subject::Body,
        wanted: vec![Wanted::Match(regex(r"näme (1\d{4})\W"))],
        not: false,
    }];
    step.extractions = vec![
        extraction("last", json("$[?@.price > 19998].id")),
        extraction("name", json("$..name")),
        extraction(
            "hundredth",
            Find::Regex {
                pattern: regex(r#""id":(\d+),"#),
                group: 1,
                nth: 100,
                subject: Subject::Body,
            },
        ),
    ];
    let result = run(rounds(1.0, 2, vec![step]), 1);
    assert_eq!(result.tally.account.ok, 2, "{:?}", messages(&result));
}

fn with_memory(memory_bytes: u64, group: Group) -> Result<LoadResult, LoadError> {
    let (sender, seconds) = unbounded_channel();
    let mut spec = spec(vec![group], 1, Instant::now() + Duration::from_millis(300));
    spec.memory_bytes = Some(memory_bytes);
    Ok(finish(begin(spec, sender)?, seconds, 1))
}

/// A million users do not fit into a gigabyte: that is said, and nothing is begun.
#[test]
fn what_will_not_fit_is_said_before_the_start() {
    let target = Target::plain();
    for (scheme, count, memory_bytes, fits) in [
        ("http", 1_000_000.0, 1_000_000_000, false),
        ("http", 1_000.0, 1_000_000, false),
        ("https", 30_000.0, 500_000_000, false),
        ("http", 100.0, 400_000_000_000, true),
    ] {
        let mut step = step(&target, "/x");
        step.url = format!("{scheme}://{}/x", target.address).parse().unwrap();
        let mut group = users(count, 300, vec![step]);
        group.load.iterations = Some(1);
        match with_memory(memory_bytes, group) {
            Ok(result) => {
                assert!(fits, "{count}");
                assert_eq!(result.tally.account.ok, 100);
            }
            Err(LoadError(why)) => {
                assert!(!fits, "{why}");
                let says = format!("{count} users need at least");
                assert!(
                    why.contains(&says) && why.contains("use more or larger tasks"),
                    "{why}"
                );
            }
        }
    }
    assert_eq!(target.total(), 100);
}

/// The process of the tests has more than a megabyte already.
#[test]
fn without_memory_samples_fail_by_name() {
    let target = Target::plain();
    let group = rounds(2.0, 3, vec![step(&target, "/x")]);
    let result = with_memory(1_000_000, group).unwrap();
    let account = result.tally.account;
    assert_eq!((account.failed, account.unconnected), (6, 6), "{account:?}");
    assert_eq!(failed(&result, Cause::Generator), 6);
    assert_eq!(
        messages(&result),
        ["generator: no memory for a further connection in this runner: use more or larger tasks"]
    );
    assert_eq!(target.total(), 0);
}
