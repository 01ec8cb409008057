//! What single parts of the engine cost, counted in instructions (`cargo xtask bench instructions`):
//! such a count is the same whatever else a machine does, so that a change shows that no clock would
//! show. The parts are run here as a load runs them; counting is valgrind's.

use crate::engine::check::checks::{CheckSpec, CompiledChecks};
use crate::engine::files::PlanFiles;
use crate::engine::http::h1::{Progress, ResponseParser};
use crate::engine::http::kept::KeepSpec;
use crate::engine::make::request_template::StepRequest;
use crate::engine::make::session::{Secrets, Session};
use crate::engine::make::variable_names::VariableNames;
use crate::engine::memory::Memory;
use crate::engine::pace::Schedule;
use crate::engine::remember::recorder::{FinishedRequest, Recorder};
use dlt_core::ids::Region;
use dlt_core::load::Curve;
use dlt_core::load::share::{Lot, Share};
use dlt_core::measure::sample::{Outcome, Sample, Timed};
use dlt_core::routing::Routes;
use dlt_core::scenario::plan::Group;
use dlt_core::scenario::{Defaults, Format, Outside, Purpose, Scenario};
use std::hint::black_box;
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::mpsc::unbounded_channel;

/// A part, and how to run it so many times.
pub(crate) type Part = (&'static str, fn(u64));

/// The parts.
pub(crate) const PARTS: &[Part] = &[
    ("response, Content-Length, 5 headers", |times| {
        responses(times, LENGTH, KeepSpec::default())
    }),
    ("response, 3 chunks", |times| {
        responses(times, CHUNKED, KeepSpec::default())
    }),
    ("response, head and body kept", |times| {
        responses(times, LENGTH, KEEP)
    }),
    (
        "request, made for each sample with 3 variables",
        made_requests,
    ),
    ("request, fixed, with a cookie", requests_with_cookies),
    ("checks, 1 text, 1 JSONPath, 1 extraction", checks),
    ("arrival, steady, of 7 shares", |times| {
        arrivals(times, Curve::ramp_hold(50_000.0, 0, HOUR_US))
    }),
    ("arrival, ramp, of 7 shares", |times| {
        arrivals(times, Curve::ramp_hold(50_000.0, HOUR_US, 0))
    }),
    ("recorder, ok sample of closed load", |times| {
        records(times, false, true)
    }),
    ("recorder, ok sample of open load", |times| {
        records(times, true, true)
    }),
    ("recorder, failed sample", |times| {
        records(times, false, false)
    }),
];

const HOUR_US: u64 = 3_600_000_000;
const KEEP: KeepSpec = KeepSpec {
    head: true,
    body: true,
    cookies: true,
};
const LENGTH: &[u8] = b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Thu, 26 Nov 2026 10:00:00 GMT\r\nContent-Type: text/plain\r\nContent-Length: 66\r\nConnection: keep-alive\r\n\r\nThe quick brown fox jumps over the lazy dog and measures all of it";
const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nTransfer-Encoding: chunked\r\n\r\n11\r\nThe quick brown f\r\n10\r\nox jumps over th\r\n4\r\ne do\r\n0\r\n\r\n";

fn responses(times: u64, bytes: &[u8], keep: KeepSpec) {
    let room = Memory::new(None).kept_room(1);
    for _ in 0..times {
        let mut parser = ResponseParser::new(false).keeping(keep, &room);
        let fed = parser.feed(black_box(bytes));
        assert!(matches!(fed, Ok(Progress::Done(_))), "{fed:?}");
        black_box(parser.take_kept());
    }
}

/// The one group of a scenario with this request.
pub(crate) fn group(request: &str) -> Group {
    let text = format!(
        r#"{{"execution":[{{"users":1,"hold-for":"1s","scenario":"s"}}],"scenarios":{{"s":{{
        "variables":{{"host":"127.0.0.1:8080","id":"42","name":"ada"}},"requests":[{request}]}}}}}}"#
    );
    let defaults = Defaults {
        regions: vec![(Region::parse("lo-home-1").expect("a region"), 1)],
        tasks: 1,
        name: "instructions".to_owned(),
        show_live: false,
    };
    let no_file = |name: &str| Err(name.to_owned());
    let outside = Outside::files(&no_file);
    let read = Scenario::from_text(
        text.as_bytes(),
        Format::Json,
        &defaults,
        outside,
        Purpose::Run,
    );
    let mut scenario = read.expect("a scenario");
    scenario.plan.groups.remove(0)
}

fn step_request(group: &Group, names: &VariableNames) -> StepRequest {
    let routes = Arc::new(Routes::default());
    let files = PlanFiles::default();
    let mut secrets = Secrets::default();
    let made = StepRequest::of(
        (group, &routes),
        &group.steps[0],
        names,
        &files,
        &mut secrets,
    );
    made.expect("a request").0
}

fn made_requests(times: u64) {
    let group = group(
        r#"{"url":"http://${host}/orders/${id}?by=${name}&n=${__counter(TRUE)}","method":"POST","headers":{"X-Name":"${name}"},"body":"id=${id}&name=${name}"}"#,
    );
    // As columns of a file, whose values vary.
    let names = VariableNames::of(&group, ["id", "name"].into_iter());
    let StepRequest::Varying(template) = step_request(&group, &names) else {
        panic!("it varies");
    };
    let session = names.session(|| 0).expect("something varies");
    for _ in 0..times {
        let made = template.make(black_box(&session));
        assert!(made.is_ok(), "{made:?}");
    }
}

fn requests_with_cookies(times: u64) {
    let group = group(r#"{"url":"http://127.0.0.1:8080/orders"}"#);
    let StepRequest::Fixed(made) = step_request(&group, &VariableNames::default()) else {
        panic!("it is fixed");
    };
    for _ in 0..times {
        black_box(
            made.request
                .with_cookies(black_box(b"sid=0123456789abcdef")),
        );
    }
}

fn checks(times: u64) {
    let group = group(
        r#"{"url":"http://127.0.0.1/","assert":["items"],"assert-jsonpath":[{"jsonpath":"$.items[1].id","expected-value":"2"}],"extract-jsonpath":{"token":"$.token"}}"#,
    );
    let step = &group.steps[0];
    let names = VariableNames::of(&group, std::iter::empty());
    let (spec, compiled) = (CheckSpec::of(step, &names, false), CompiledChecks::of(step));
    let body = br#"{"token":"0123456789abcdef","items":[{"id":1,"name":"a"},{"id":2,"name":"b"},{"id":3,"name":"c"}]}"#;
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    let room = Memory::new(None).kept_room(1);
    let mut parser = ResponseParser::new(false).keeping(spec.keep, &room);
    let fed = parser.feed(&[head.as_bytes(), body].concat());
    assert!(matches!(fed, Ok(Progress::Done(_))), "{fed:?}");
    let kept = parser.take_kept().expect("a body");
    let mut session: Box<Session> = names.session(|| 0).expect("an extraction");
    for _ in 0..times {
        let values = spec.evaluate(&compiled, 200, black_box(&kept), &Vec::new);
        for (slot, value) in values.expect("what is looked for") {
            session.set(slot, value);
        }
    }
}

fn arrivals(times: u64, curve: Curve) {
    let lot = Lot {
        share: Share { index: 3, of: 7 },
        ..Lot::WHOLE
    };
    let mut schedule = Schedule::new(Rc::new(curve), lot);
    for _ in 0..times {
        black_box(schedule.next_us().expect("an arrival"));
        schedule.advance();
    }
}

pub(crate) fn sample(n: u64, sent_us: u64) -> Sample {
    let done_us = sent_us + 150 + n * 7 % 900;
    Sample {
        due_us: sent_us.saturating_sub(n % 50),
        sent_us,
        connected_us: None,
        first_byte_us: Some(done_us - 20),
        done_us,
        read_us: done_us + 5,
        timed: Some(Timed::Stamp),
        bytes_received: 232,
        bytes_sent: 90,
    }
}

fn records(times: u64, open: bool, ok: bool) {
    // Seconds that nobody takes would be kept.
    let (sender, seconds) = unbounded_channel();
    drop(seconds);
    let mut recorder = Recorder::new(0, 1, open, sender);
    let outcome = match ok {
        true => Outcome::ok(200),
        false => Outcome {
            status: Some(503),
            cause: Some(dlt_core::measure::sample::Cause::Status5xx),
        },
    };
    for n in 0..times {
        // 20,000 a second.
        let sample = sample(n, n * 50);
        recorder.request_began(open.then_some(sample.due_us), sample.sent_us);
        recorder.request_sent();
        recorder.request_finished(&FinishedRequest {
            label: 0,
            sample: black_box(&sample),
            outcome,
            closed: !open,
            resent: false,
            version: Some(dlt_core::measure::http_version::HttpVersion::Http11),
        });
    }
    black_box(recorder.in_flight());
}
