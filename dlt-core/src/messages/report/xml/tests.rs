//! The wire format: a golden file, round trips, an independent reader.

use super::ReportError;
use crate::measure::kept::{KeptExchange, MOST_KEPT};
use crate::measure::latencies::Latencies;
use crate::measure::reading::Reading;
use crate::measure::sample::{Cause, Outcome, Sample, Timed};
use crate::measure::tally::TimesOver;
use crate::messages::report::testing::{HOSTILE, count_transactions, raws, report};
use crate::messages::report::{Ended, Report};
use proptest::prelude::*;

/// A sample that took `ms`, of which 1 ms was connecting.
fn took(ms: u64) -> Sample {
    Sample {
        due_us: 5_000,
        sent_us: 5_000,
        connected_us: Some(6_000),
        first_byte_us: Some(5_000 + ms * 900),
        done_us: 5_000 + ms * 1_000,
        read_us: 5_070 + ms * 1_000,
        timed: Some(Timed::Stamp),
        bytes_received: 1_300,
        bytes_sent: 90,
    }
}

fn sample_report() -> Report {
    let mut samples = Vec::new();
    for ms in 1..=100 {
        let outcome = match ms {
            100 => Outcome::failed(Cause::Status5xx, Some(503)),
            99 => Outcome::failed(Cause::Reset, None),
            _ => Outcome::ok(200),
        };
        let label = if ms % 2 == 0 { "a, \"b\"" } else { "\u{1}é\n" };
        samples.push((label.to_owned(), took(ms), outcome));
    }
    let mut report = report(1, "lo-home-1", &samples);
    report.warnings.push("a file <x> was cut".to_owned());
    report.loaded_us = Some(9_750_000);
    report.health.bad_seconds = vec![3, 4, 5, 9];
    report.health.cut_us = 250_000;
    report.health.changes = 2;
    report.health.reading = Reading {
        stamped: 97,
        missing: 1,
        user_time_us: 9_000_000,
        lost_us: 70,
        ..Reading::default()
    };
    report.health.reading.delay.record(70);
    report.tally.account.scheduled += 3;
    report.tally.account.dropped += 3;
    report
}

#[test]
fn the_document_is_this() {
    // Compressed bytes may differ between versions of a library (decision 17):
    // of histograms only the beginning is pinned, round trips check the counts.
    let text: Vec<String> = sample_report()
        .to_xml()
        .lines()
        .map(|line| match line.split_once(">HISTFAAA") {
            Some((head, tail)) => {
                let end = tail.find("</").unwrap();
                format!("{head}>HISTFAAA…{}", &tail[end..])
            }
            None => line.to_owned(),
        })
        .collect();
    insta::assert_snapshot!("report", text.join("\n"));
}

/// A group's element: name, `param`, `value`; its children repeat them.
fn kpi<'a>(node: roxmltree::Node<'a, 'a>) -> (&'a str, &'a str, &'a str) {
    let value = node.attribute("value").unwrap();
    let child = |name: &str| {
        let child = node.children().find(|child| child.has_tag_name(name));
        child.unwrap().text().unwrap().to_owned()
    };
    assert_eq!(child("value"), value);
    let name = node.tag_name().name();
    let Some(param) = node.attribute("param") else {
        assert_eq!(child("name"), name);
        return (name, "", value);
    };
    assert_eq!(child("name"), format!("{name}/{param}"));
    (name, param, value)
}

/// An independent reader finds Taurus' shape and the numbers that the samples
/// have: 1 to 100 ms.
#[test]
fn an_independent_reader_finds_the_numbers() {
    let text = sample_report().to_xml();
    let document = roxmltree::Document::parse(&text).unwrap();
    let root = document.root_element();
    assert_eq!(root.tag_name().name(), "FinalStatus");
    let names: Vec<&str> = root
        .children()
        .filter(|node| node.is_element())
        .map(|node| node.tag_name().name())
        .collect();
    assert_eq!(
        names,
        [
            "TestDuration",
            "Group",
            "Group",
            "Group",
            "TaskId",
            "TaskCPU",
            "TaskMemory",
            "ECSDuration",
            "DltReport"
        ]
    );
    let text_of = |name: &str| {
        let node = root.children().find(|node| node.has_tag_name(name));
        node.unwrap().text().unwrap().to_owned()
    };
    assert_eq!(text_of("TestDuration"), "10.0");
    assert_eq!(text_of("TaskId"), "lo-home-1-1");
    assert_eq!(text_of("ECSDuration"), "14");
    let groups: Vec<_> = root
        .children()
        .filter(|node| node.has_tag_name("Group"))
        .collect();
    let labels: Vec<_> = groups
        .iter()
        .map(|group| group.attribute("label").unwrap())
        .collect();
    assert_eq!(labels, ["\\u{1}é\n", "a, \"b\"", ""]);
    let rows: Vec<_> = groups[2]
        .children()
        .filter(|node| node.is_element())
        .map(kpi)
        .collect();
    assert_eq!(
        rows,
        [
            ("throughput", "", "100"),
            ("concurrency", "", "5"),
            ("succ", "", "98"),
            ("fail", "", "2"),
            ("avg_rt", "", "0.05050"),
            ("stdev_rt", "", "0.02887"),
            ("avg_lt", "", "0.04545"),
            ("avg_ct", "", "0.00100"),
            ("bytes", "", "130000"),
            ("rc", "200", "98"),
            ("rc", "reset", "1"),
            ("rc", "503", "1"),
            ("perc", "0.0", "0.00100"),
            ("perc", "50.0", "0.05001"),
            ("perc", "90.0", "0.09005"),
            ("perc", "95.0", "0.09504"),
            ("perc", "99.0", "0.09901"),
            ("perc", "99.9", "0.10000"),
            ("perc", "100.0", "0.10000"),
        ]
    );
}

#[test]
fn every_hostile_label_is_read_back_exactly() {
    let samples: Vec<_> = HOSTILE
        .iter()
        .map(|label| (label.to_string(), took(7), Outcome::ok(200)))
        .chain([("x".repeat(10_000), took(8), Outcome::ok(200))])
        .collect();
    let report = report(1, "lo-home-1", &samples);
    let text = report.to_xml();
    let back = Report::from_xml(&text).unwrap();
    assert_eq!(back.tally.labels.len(), HOSTILE.len() + 1);
    assert_eq!(back, report);
    let document = roxmltree::Document::parse(&text).unwrap();
    // Our elements carry all of them; groups rename the empty one alone.
    let count = |name: &str| {
        let nodes = document.descendants();
        nodes.filter(|node| node.has_tag_name(name)).count()
    };
    assert_eq!(count("Label"), HOSTILE.len() + 1);
    assert_eq!(count("Group"), HOSTILE.len() + 2);
}

fn refusal(text: &str) -> String {
    let ReportError(why) = Report::from_xml(text).unwrap_err();
    why
}

#[test]
fn faults_are_named() {
    let good = sample_report().to_xml();
    assert!(refusal("").contains("empty"));
    assert!(refusal("hello").contains("empty"));
    assert!(refusal("<a/>").contains("root is \"a\""));
    assert!(refusal("<FinalStatus></FinalStatus>").contains("not written by dlt"));
    assert!(refusal("<!DOCTYPE x [<!ENTITY a 'b'>]><FinalStatus/>").contains("DOCTYPE"));
    let newer = good.replacen("<DltReport format=\"2\"", "<DltReport format=\"3\"", 1);
    assert!(
        refusal(&newer).contains("update dlt"),
        "{}",
        refusal(&newer)
    );
    for (from, to, says) in [
        ("ok=\"98\"", "ok=\"many\"", "ok of Account is \"many\""),
        ("ok=\"98\"", "ok=\"99999999999999999\"", "no run reaches"),
        ("ok=\"98\"", "", "Account lacks ok"),
        (
            "cause=\"reset\"",
            "cause=\"wrath\"",
            "cause \"wrath\" is unknown",
        ),
        ("how=\"as_planned\"", "how=\"badly\"", "how \"badly\""),
        ("<Ended how=\"as_planned\"/>", "", "lacks Ended"),
        (
            "bad_seconds=\"3-5 9\"",
            "bad_seconds=\"5-3\"",
            "bad_seconds",
        ),
        (
            "bad_seconds=\"3-5 9\"",
            "bad_seconds=\"0-99999999999\"",
            "bad_seconds",
        ),
        ("min_us=\"70\"", "min_us=\"71\"", "cannot be true together"),
        ("label64=\"", "label64=\"?", "label64 of Label"),
        (
            "region=\"lo-home-1\"",
            "region=\"home\"",
            "region of DltReport",
        ),
    ] {
        assert!(good.contains(from), "{from}");
        let why = refusal(&good.replacen(from, to, 1));
        assert!(why.contains(says), "{from}: {why}");
    }
    // Elements of a later day are passed over.
    let more = good.replacen("<Account", "<News a=\"1\"><b>c</b></News><Account", 1);
    assert_eq!(Report::from_xml(&more).unwrap(), sample_report());
}

#[test]
fn what_requests_were_sent_to_is_bounded() {
    let mut report = report(2, "lo-home-1", &[]);
    report.generator.addresses = (0..900)
        .map(|n| (format!("[2001:db8::{n:x}]:443"), 1_000 - n))
        .collect();
    let read = Report::from_xml(&report.to_xml()).unwrap().generator;
    let sum = |rows: &[(String, u64)]| rows.iter().map(|row| row.1).sum::<u64>();
    assert_eq!(read.addresses.len(), 65);
    assert_eq!(sum(&read.addresses), sum(&report.generator.addresses));
    report.generator.proxies = vec![
        ("http://proxy.test:3128 (http_proxy)".to_owned(), 9),
        ("socks5://[::1]:1080".to_owned(), 4),
    ];
    let read = Report::from_xml(&report.to_xml()).unwrap().generator;
    assert_eq!(read.proxies, report.generator.proxies);
    report.generator.http_versions = (0..99).map(|n| (n.to_string(), 1)).collect();
    let why = Report::from_xml(&report.to_xml()).unwrap_err().to_string();
    assert!(why.contains("versions of HTTP"), "{why}");
}

/// Written by the dlt before format 2: label `both` of 10 failures of 1 to 10 ms
/// and 10 answers of 11 to 20 ms, `answers` of 21 to 33 ms, `failures` of 34 to 40 ms.
const FORMAT_1: &str = include_str!("format_1.xml");

#[test]
fn reports_of_format_1_are_read_and_say_what_their_times_are_of() {
    let report = Report::from_xml(FORMAT_1).unwrap();
    assert_eq!(report.tally.times_over, TimesOver::All);
    let of = |label: &str| {
        let tally = &report.tally.labels[label];
        let [ok, failed] = [&tally.response, &tally.response_failed].map(Latencies::exact);
        let row = (ok.count, ok.min_us, ok.max_us, failed.count, failed.min_us);
        (tally.is_apart(), row)
    };
    assert_eq!(of("both"), (false, (20, 1_000, 20_000, 0, 0)));
    assert_eq!(of("answers"), (true, (13, 21_000, 33_000, 0, 0)));
    assert_eq!(of("failures"), (true, (0, 0, 0, 7, 34_000)));
    // The groups that Taurus' readers expect are of all samples in both formats.
    let groups = |text: &str| text[..text.find("<DltReport").unwrap()].to_owned();
    assert_eq!(groups(&report.to_xml()), groups(FORMAT_1));
}

#[test]
fn without_failures_both_formats_say_the_same() {
    let samples: Vec<_> = (1..=50)
        .map(|ms| ("a".to_owned(), took(ms), Outcome::ok(200)))
        .collect();
    let report = report(1, "lo-home-1", &samples);
    let text = report.to_xml();
    let older = text.replacen("format=\"2\"", "format=\"1\"", 1);
    assert_ne!(older, text);
    assert_eq!(Report::from_xml(&older).unwrap(), report);
}

#[test]
fn every_way_to_end_is_read_back() {
    for ended in [
        Ended::Stopped {
            reason: "cancelled \u{2} by <you>".to_owned(),
        },
        Ended::TargetSilent {
            cause: Some(Cause::Refused),
            message: "127.0.0.1:9 refused".to_owned(),
        },
        Ended::TargetSilent {
            cause: None,
            message: String::new(),
        },
    ] {
        let mut report = report(2, "lo-home-1", &[]);
        report.ended = ended;
        report.start = None;
        assert_eq!(Report::from_xml(&report.to_xml()).unwrap(), report);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn documents_read_back(samples in raws(60), bad in prop::collection::vec(0u64..50, 0..20)) {
        let mut report = report(3, "lo-home-2", &samples);
        report.health.bad_seconds = bad;
        count_transactions(&mut report.tally, &samples);
        let text = report.to_xml();
        prop_assert!(Report::from_xml(&text).unwrap() == report);
        prop_assert!(roxmltree::Document::parse(&text).is_ok());
    }

    /// Any cut or changed byte is read as something, or refused; never a panic.
    #[test]
    fn damage_does_not_panic(at: prop::sample::Index, byte in 0u8..128, cut: bool) {
        let mut bytes = sample_report().to_xml().into_bytes();
        let at = at.index(bytes.len());
        if cut {
            bytes.truncate(at);
        } else {
            bytes[at] = byte;
        }
        let text = String::from_utf8_lossy(&bytes);
        if let Ok(report) = Report::from_xml(&text) {
            prop_assert!(!cut || report == sample_report());
        }
    }
}

/// Exchanges of a run that is tried once, with texts that break careless writers.
#[test]
fn kept_exchanges_read_back() {
    let mut report = sample_report();
    report.exchanges = HOSTILE
        .iter()
        .zip(0..)
        .map(|(text, at)| KeptExchange {
            label: (*text).to_owned(),
            url: format!("http://h/{text}"),
            sent_us: at,
            response_us: 7,
            status: (at % 2 == 0).then_some(200),
            cause: (at % 2 == 1).then_some(Cause::Check),
            message: (at % 2 == 1).then(|| (*text).to_owned()),
            request: format!("GET / HTTP/1.1\n\n{text}"),
            response: (*text).to_owned(),
            cut: at % 3 == 0,
            values: vec![((*text).to_owned(), String::new())],
        })
        .collect();
    assert_eq!(Report::from_xml(&report.to_xml()).unwrap(), report);
    // However many another program writes.
    let one = report.exchanges[1].clone();
    report.exchanges = vec![one; MOST_KEPT + 5];
    let read = Report::from_xml(&report.to_xml()).unwrap();
    assert_eq!(read.exchanges.len(), MOST_KEPT);
}
