//! Requests as calls: every route, every refusal, whatever comes.

use super::super::answers::Samples;
use super::super::query::{PageToken, RunsQuery};
use super::{Call, Refusal, Request, RunPart};
use crate::calls::HistogramQuery;
use crate::calls::TimelineQuery;
use crate::ids::{TestId, TestRunId};
use proptest::prelude::*;

pub(super) fn read(method: &str, target: &str, body: &str) -> Option<Result<Call, Refusal>> {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    Call::read(&Request {
        method,
        path,
        query,
        body: body.as_bytes(),
    })
}

fn refused(method: &str, target: &str, body: &str) -> String {
    let refusal = read(method, target, body)
        .expect("a known path")
        .unwrap_err();
    format!("{} {}", refusal.status, refusal)
}

fn test() -> TestId {
    TestId::parse("Xk29QmWz7B").unwrap()
}

fn run() -> TestRunId {
    TestRunId::parse("p4TqL8vN2c").unwrap()
}

fn listed(tags: Option<&[&str]>, one_off: bool) -> Call {
    let tags = tags.map(|tags| tags.iter().map(|&tag| tag.to_owned()).collect());
    Call::ListScenarios { tags, one_off }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table: one row a route")]
fn every_route_reads_as_its_call() {
    let page = RunsQuery {
        limit: 20,
        from: None,
        to: None,
        latest: false,
        after: None,
    };
    for (method, target, body, call) in [
        ("GET", "/scenarios", "", listed(None, false)),
        ("GET", "/scenarios?oneOff=false", "", listed(None, false)),
        (
            "GET",
            "/scenarios?oneOff=true&tags=a",
            "",
            listed(Some(&["a"]), true),
        ),
        ("GET", "/scenarios?tags=", "", listed(None, false)),
        (
            "GET",
            "/scenarios?tags=Nightly,%20Check%20Out",
            "",
            listed(Some(&["nightly", "check-out"]), false),
        ),
        (
            "GET",
            "/scenarios?tags=%21%21",
            "",
            listed(Some(&[]), false),
        ),
        ("GET", "/scenarios?op=listRegions", "", Call::ListRegions),
        ("GET", "/regions?what=ever", "", Call::ListRegions),
        (
            "POST",
            "/scenarios",
            r#"{"testName":"x"}"#,
            Call::PostScenario {
                body: serde_json::json!({"testName": "x"}).into(),
            },
        ),
        (
            "GET",
            "/scenarios/Xk29QmWz7B?history=false&latest=false",
            "",
            Call::GetScenario {
                test: test(),
                history: false,
                latest: false,
                secrets: false,
            },
        ),
        (
            "GET",
            "/scenarios/Xk29QmWz7B?secrets=true",
            "",
            Call::GetScenario {
                test: test(),
                history: true,
                latest: true,
                secrets: true,
            },
        ),
        (
            "GET",
            "/scenarios/Xk29QmWz7B",
            "",
            Call::GetScenario {
                test: test(),
                history: true,
                latest: true,
                secrets: false,
            },
        ),
        (
            "POST",
            "/scenarios/Xk29QmWz7B",
            r#"{"action":"stop"}"#,
            Call::CancelScenario { test: test() },
        ),
        (
            "POST",
            "/scenarios/Xk29QmWz7B",
            "",
            Call::CancelScenario { test: test() },
        ),
        (
            "DELETE",
            "/scenarios/Xk29QmWz7B",
            "",
            Call::DeleteScenario { test: test() },
        ),
        (
            "GET",
            "/scenarios/Xk29QmWz7B/testruns",
            "",
            Call::ListRuns {
                test: test(),
                query: page.clone(),
            },
        ),
        (
            "DELETE",
            "/scenarios/Xk29QmWz7B/testruns",
            r#"["p4TqL8vN2c"]"#,
            Call::DeleteRuns {
                test: test(),
                runs: vec![run()],
            },
        ),
        (
            "GET",
            "/scenarios/Xk29QmWz7B/testruns/p4TqL8vN2c",
            "",
            Call::GetRun {
                test: test(),
                run: run(),
                secrets: false,
            },
        ),
        (
            "GET",
            "/scenarios/Xk29QmWz7B/testruns/p4TqL8vN2c?secrets=true&more=1",
            "",
            Call::GetRun {
                test: test(),
                run: run(),
                secrets: true,
            },
        ),
        (
            "GET",
            "/scenarios/Xk29QmWz7B/testruns/p4TqL8vN2c/timeline",
            "",
            Call::GetRunPart {
                test: test(),
                run: run(),
                part: RunPart::Timeline(TimelineQuery::default()),
            },
        ),
        (
            "GET",
            "/scenarios/Xk29QmWz7B/testruns/p4TqL8vN2c/histogram?label=GET%20%2F",
            "",
            Call::GetRunPart {
                test: test(),
                run: run(),
                part: RunPart::Histogram(HistogramQuery {
                    label: Some("GET /".into()),
                    ..HistogramQuery::default()
                }),
            },
        ),
        (
            "GET",
            "/scenarios/Xk29QmWz7B/testruns/p4TqL8vN2c/histogram?of=failed",
            "",
            Call::GetRunPart {
                test: test(),
                run: run(),
                part: RunPart::Histogram(HistogramQuery {
                    of: Some(Samples::Failed),
                    ..HistogramQuery::default()
                }),
            },
        ),
        (
            "GET",
            "/scenarios/Xk29QmWz7B/live",
            "",
            Call::Live { test: test() },
        ),
        (
            "GET",
            "/scenarios/Xk29QmWz7B/baseline?data=false",
            "",
            Call::GetBaseline {
                test: test(),
                data: false,
            },
        ),
        (
            "PUT",
            "/scenarios/Xk29QmWz7B/baseline",
            r#"{"testRunId":"p4TqL8vN2c"}"#,
            Call::SetBaseline {
                test: test(),
                run: run(),
            },
        ),
        (
            "DELETE",
            "/scenarios/Xk29QmWz7B/baseline",
            "",
            Call::ClearBaseline { test: test() },
        ),
        ("GET", "/tasks", "", Call::ListTasks),
        ("GET", "/vCPUDetails", "", Call::GetCapacity),
        ("GET", "/stack-info", "", Call::GetStackInfo),
        ("GET", "/agent-spaces", "", Call::EmptyList),
        (
            "GET",
            "/scenarios/Xk29QmWz7B/testruns/p4TqL8vN2c/investigations",
            "",
            Call::EmptyList,
        ),
    ] {
        assert_eq!(
            read(method, target, body),
            Some(Ok(call)),
            "{method} {target}"
        );
    }
    for unknown in [
        "/",
        "/scenario",
        "/scenarios/a/b",
        "/scenarios/a/testruns/b/c",
        "/tasks/x",
    ] {
        assert_eq!(read("GET", unknown, ""), None, "{unknown}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table: one row a refusal")]
fn refusals_have_the_contract_s_codes_and_order() {
    for (method, target, body, answer) in [
        // Body before path before query before schema before method.
        ("PATCH", "/scenarios/no_good?x=1", "{", "400 value: "),
        (
            "PATCH",
            "/scenarios/no_good?x=1",
            "{}",
            "400 INVALID_PATH_PARAMETER: testId \"no_good\"",
        ),
        (
            "PATCH",
            "/scenarios/Xk29QmWz7B?x=1",
            "{}",
            "400 INVALID_QUERY_PARAMETER: x: is not known here",
        ),
        (
            "PATCH",
            "/scenarios/Xk29QmWz7B",
            "{}",
            "405 METHOD_NOT_ALLOWED: PATCH is not supported on /scenarios/Xk29QmWz7B",
        ),
        ("GET", "/scenarios", "{", "400 "),
        ("POST", "/scenarios", "", "400 BAD_REQUEST: "),
        (
            "POST",
            "/scenarios",
            "[]",
            "400 INVALID_REQUEST_BODY: value: must be an object",
        ),
        (
            "GET",
            "/scenarios?op=all",
            "",
            "400 INVALID_QUERY_PARAMETER: op: must be listRegions",
        ),
        (
            "GET",
            "/scenarios?tags=a&tags=b",
            "",
            "400 INVALID_QUERY_PARAMETER: tags: is given twice",
        ),
        (
            "GET",
            "/scenarios?oneOff=yes",
            "",
            "400 INVALID_QUERY_PARAMETER: oneOff: must be true or false",
        ),
        (
            "GET",
            "/scenarios/Xk29QmWz7B?history=yes",
            "",
            "400 INVALID_QUERY_PARAMETER: history: must be true or false",
        ),
        (
            "GET",
            "/scenarios/Xk29QmWz7B/testruns?limit=0",
            "",
            "400 INVALID_QUERY_PARAMETER: limit: must be a whole number from 1 to 100",
        ),
        (
            "GET",
            "/scenarios/Xk29QmWz7B/testruns?limit=101",
            "",
            "400 INVALID_QUERY_PARAMETER: limit: must be a whole number from 1 to 100",
        ),
        (
            "GET",
            "/scenarios/Xk29QmWz7B/testruns?start_timestamp=soon&limit=+1",
            "",
            "400 INVALID_QUERY_PARAMETER: limit: must be a whole number from 1 to 100; start_timestamp: must be",
        ),
        (
            "GET",
            "/scenarios/Xk29QmWz7B/testruns?start_timestamp=2026-03-02&end_timestamp=2026-03-01",
            "",
            "400 INVALID_QUERY_PARAMETER: start_timestamp: lies after end_timestamp",
        ),
        (
            "GET",
            "/scenarios/Xk29QmWz7B/testruns?next_token=abc",
            "",
            "400 BAD_REQUEST: next_token cannot be decoded",
        ),
        (
            "DELETE",
            "/scenarios/Xk29QmWz7B/testruns",
            "",
            "400 BAD_REQUEST: ",
        ),
        (
            "DELETE",
            "/scenarios/Xk29QmWz7B/testruns",
            "[]",
            "400 INVALID_REQUEST_BODY: value: give at least one testRunId",
        ),
        (
            "DELETE",
            "/scenarios/Xk29QmWz7B/testruns",
            r#"["ok",1,"no_good"]"#,
            "400 INVALID_REQUEST_BODY: [1]: must be a testRunId; [2]: must be a testRunId",
        ),
        (
            "DELETE",
            "/scenarios/Xk29QmWz7B/testruns/p4TqL8vN2c",
            "",
            "405 METHOD_NOT_ALLOWED: ",
        ),
        (
            "PUT",
            "/scenarios/Xk29QmWz7B/baseline",
            "",
            "400 INVALID_PARAMETER: ",
        ),
        (
            "PUT",
            "/scenarios/Xk29QmWz7B/baseline",
            "{}",
            "400 INVALID_REQUEST_BODY: testRunId: missing",
        ),
        (
            "PUT",
            "/scenarios/Xk29QmWz7B/baseline",
            r#"{"testRunId":"a_b","x":1}"#,
            "400 INVALID_REQUEST_BODY: testRunId: 1 to 128 letters, digits or hyphens; x: is not known here",
        ),
        ("POST", "/tasks", "", "405 METHOD_NOT_ALLOWED: "),
    ] {
        let told = refused(method, target, body);
        assert!(told.starts_with(answer), "{method} {target} {body}: {told}");
    }
}

#[test]
fn pages_and_bounds_are_read() {
    let token = PageToken {
        test_id: test(),
        test_run_id: run(),
        start_time: "2026-03-03 09:15:01".into(),
    };
    let target = format!(
        "/scenarios/Xk29QmWz7B/testruns?limit=7&startTimestamp=2026-03-01T02:00:00.500%2B02:00&end_timestamp=2026-03-05&next_token={}",
        token.encode().replace('=', "%3D")
    );
    let query = RunsQuery {
        limit: 7,
        from: Some("2026-03-01 00:00:00".into()),
        to: Some("2026-03-05 00:00:00".into()),
        latest: false,
        after: Some(token),
    };
    assert_eq!(
        read("GET", &target, ""),
        Some(Ok(Call::ListRuns {
            test: test(),
            query
        }))
    );
}

proptest! {
    /// Whatever comes, the answer is a call or a refusal in the 400s.
    #[test]
    fn nothing_panics_and_no_refusal_is_ours(
        method in prop::sample::select(vec!["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"]),
        path in prop_oneof!["/[a-z/]{0,40}", Just("/scenarios".to_owned()), "/scenarios/[A-Za-z0-9_%-]{0,12}(/testruns(/[a-z]{0,4})?|/baseline)?"],
        query in proptest::option::of(".{0,60}"),
        body in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let request = Request { method, path: &path, query: query.as_deref(), body: &body };
        if let Some(Err(refusal)) = Call::read(&request) {
            prop_assert!((400..500).contains(&refusal.status), "{refusal}");
        }
    }
}
