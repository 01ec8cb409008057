//! Paths, queries and small bodies against every limit of the contract, just
//! inside and just outside: a request and what it is refused with, or nothing.

use super::tests::read;

/// `{x}` in a row stands for the text, repeated.
fn filled(text: &str, times: usize) -> String {
    text.replace("{x}", &"x".repeat(times))
}

/// The refusal up to its path, or `taken`.
fn told(method: &str, target: &str, body: &str) -> String {
    match read(method, target, body) {
        None => "no such path".to_owned(),
        Some(Ok(_)) => "taken".to_owned(),
        Some(Err(refusal)) => {
            let path = match refusal.code {
                "INVALID_QUERY_PARAMETER" | "INVALID_REQUEST_BODY" => {
                    let paths: Vec<&str> = refusal
                        .text
                        .split("; ")
                        .filter_map(|item| item.split(": ").next())
                        .collect();
                    format!(": {}", paths.join(", "))
                }
                _ => String::new(),
            };
            format!("{} {}{path}", refusal.status, refusal.code)
        }
    }
}

#[track_caller]
fn check(rows: &[(&str, &str, &str, usize, &str)]) {
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|(method, target, body, times, expected)| {
            let said = told(method, &filled(target, *times), &filled(body, *times));
            (said != *expected).then(|| format!("{method} {target} {body}: {said}, not {expected}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const TAKEN: &str = "taken";
const BAD_PATH: &str = "400 INVALID_PATH_PARAMETER";

#[test]
fn ids_in_paths() {
    check(&[
        ("GET", "/scenarios/{x}", "", 1, TAKEN),
        ("GET", "/scenarios/{x}", "", 128, TAKEN),
        ("GET", "/scenarios/{x}", "", 129, BAD_PATH),
        ("GET", "/scenarios/a-B-9", "", 0, TAKEN),
        ("GET", "/scenarios/a_b", "", 0, BAD_PATH),
        ("GET", "/scenarios/a%20b", "", 0, BAD_PATH),
        ("GET", "/scenarios/%C3%A4", "", 0, BAD_PATH),
        ("GET", "/scenarios//testruns", "", 0, BAD_PATH),
        ("GET", "/scenarios/a.b/testruns", "", 0, BAD_PATH),
        ("GET", "/scenarios/a.b/baseline", "", 0, BAD_PATH),
        ("GET", "/scenarios/a.b/live", "", 0, BAD_PATH),
        ("GET", "/scenarios/a.b/files", "", 0, BAD_PATH),
        ("GET", "/scenarios/a/testruns/{x}", "", 128, TAKEN),
        ("GET", "/scenarios/a/testruns/{x}", "", 129, BAD_PATH),
        ("GET", "/scenarios/a/testruns/b_c", "", 0, BAD_PATH),
        ("GET", "/scenarios/a_b/testruns/c", "", 0, BAD_PATH),
        ("GET", "/scenarios/a/testruns/b_c/timeline", "", 0, BAD_PATH),
        ("PUT", "/scenarios/a/files/{x}", "", 200, TAKEN),
        ("PUT", "/scenarios/a/files/{x}", "", 201, BAD_PATH),
        ("PUT", "/scenarios/a/files/..", "", 0, BAD_PATH),
        ("PUT", "/scenarios/a/files/a%2Fb", "", 0, BAD_PATH),
    ]);
}

#[test]
fn queries() {
    let bad = |key: &str| format!("400 INVALID_QUERY_PARAMETER: {key}");
    let (op, tags, more) = (bad("op"), bad("tags"), bad("more"));
    let (history, latest, data) = (bad("history"), bad("latest"), bad("data"));
    let secrets = bad("secrets");
    check(&[
        ("GET", "/scenarios?op=listRegions", "", 0, TAKEN),
        ("GET", "/scenarios?op=", "", 0, &op),
        ("GET", "/scenarios?op=listregions", "", 0, &op),
        ("GET", "/scenarios?tags=", "", 0, TAKEN),
        ("GET", "/scenarios?tags={x}", "", 500, TAKEN),
        ("GET", "/scenarios?tags={x}", "", 501, &tags),
        ("GET", "/scenarios?more=1", "", 0, &more),
        ("POST", "/scenarios?more=1", "{}", 0, &more),
        ("PATCH", "/scenarios?more=1", "", 0, &more),
        ("GET", "/scenarios/a?history=true&latest=true", "", 0, TAKEN),
        ("GET", "/scenarios/a?history=false", "", 0, TAKEN),
        ("GET", "/scenarios/a?history=", "", 0, &history),
        ("GET", "/scenarios/a?history=FALSE", "", 0, &history),
        ("GET", "/scenarios/a?latest=0", "", 0, &latest),
        ("DELETE", "/scenarios/a?more=1", "", 0, &more),
        ("GET", "/scenarios/a/baseline?data=true", "", 0, TAKEN),
        ("GET", "/scenarios/a/baseline?data=1", "", 0, &data),
        ("DELETE", "/scenarios/a/baseline?more", "", 0, &more),
        // Where the contract ignores the query.
        ("GET", "/scenarios/a/testruns/b?more=1", "", 0, TAKEN),
        ("GET", "/scenarios/a/testruns/b?secrets=1", "", 0, &secrets),
        ("GET", "/scenarios/a?secrets=yes", "", 0, &secrets),
        ("POST", "/scenarios/a?secrets=true", "", 0, &secrets),
        ("DELETE", "/scenarios/a?secrets=true", "", 0, &secrets),
        ("GET", "/tasks?more=1", "", 0, TAKEN),
        ("GET", "/regions?more=1", "", 0, TAKEN),
        ("GET", "/vCPUDetails?more=1", "", 0, TAKEN),
        ("GET", "/stack-info?more=1", "", 0, TAKEN),
    ]);
}

#[test]
fn pages_of_runs() {
    let runs = |query: &str| told("GET", &format!("/scenarios/a/testruns{query}"), "");
    for good in [
        "",
        "?limit=1",
        "?limit=100",
        "?limit=007",
        "?latest=true",
        "?latest=false",
        // What the JavaScript Date parser takes.
        "?start_timestamp=2026-03-01T00:00:00.000Z",
        "?start_timestamp=2026-03-01T00:00Z",
        "?start_timestamp=2026-03-01T02:00:00%2B02:00",
        "?start_timestamp=2026-03-01T00:00:00",
        "?start_timestamp=2026-03-01",
        "?start_timestamp=2026-03",
        "?start_timestamp=2026",
        "?start_timestamp=Sun,%2001%20Mar%202026%2000:00:00%20GMT",
        "?startTimestamp=2026-03-01&endTimestamp=2026-03-01",
        "?start_timestamp=2026-03-01T00:00:00Z&end_timestamp=2026-03-01T00:00:00Z",
        // Both are cut to the second.
        "?start_timestamp=2026-03-01T00:00:00.9Z&end_timestamp=2026-03-01T00:00:00.1Z",
    ] {
        assert_eq!(runs(good), TAKEN, "{good}");
    }
    for (bad, key) in [
        ("?limit=0", "limit"),
        ("?limit=101", "limit"),
        ("?limit=", "limit"),
        ("?limit=-1", "limit"),
        ("?limit=%2B1", "limit"),
        ("?limit=1.0", "limit"),
        ("?limit=1e1", "limit"),
        ("?limit=99999999999999999999999", "limit"),
        ("?latest=yes", "latest"),
        ("?latest=", "latest"),
        ("?start_timestamp=", "start_timestamp"),
        ("?start_timestamp=soon", "start_timestamp"),
        ("?start_timestamp=2026-13-01", "start_timestamp"),
        ("?start_timestamp=2026-02-30T00:00:00Z", "start_timestamp"),
        ("?end_timestamp=2026-03-01T25:00:00Z", "end_timestamp"),
        (
            "?start_timestamp=2026-03-01T00:00:01Z&end_timestamp=2026-03-01T00:00:00Z",
            "start_timestamp",
        ),
        ("?more=1", "more"),
        ("?Limit=1", "Limit"),
    ] {
        let expected = format!("400 INVALID_QUERY_PARAMETER: {key}");
        assert_eq!(runs(bad), expected, "{bad}");
    }
    for token in ["", "abc", "e30=", "bnVsbA==", "%00"] {
        let said = runs(&format!("?next_token={token}"));
        assert_eq!(said, "400 BAD_REQUEST", "{token}");
    }
}

#[test]
fn small_bodies() {
    let body = |path: &str| format!("400 INVALID_REQUEST_BODY: {path}");
    let (whole, first, run) = (body("value"), body("[0]"), body("testRunId"));
    let (more, name) = (body("more"), body("name"));
    let (runs, baseline) = ("/scenarios/a/testruns", "/scenarios/a/baseline");
    let files = "/scenarios/a/files";
    check(&[
        ("DELETE", runs, "", 0, "400 BAD_REQUEST"),
        ("DELETE", runs, "[]", 0, &whole),
        ("DELETE", runs, "{}", 0, &whole),
        ("DELETE", runs, "\"a\"", 0, &whole),
        ("DELETE", runs, "null", 0, &whole),
        ("DELETE", runs, "[\"{x}\"]", 1, TAKEN),
        ("DELETE", runs, "[\"{x}\"]", 128, TAKEN),
        ("DELETE", runs, "[\"{x}\"]", 129, &first),
        ("DELETE", runs, "[\"\"]", 0, &first),
        ("DELETE", runs, "[\"a_b\"]", 0, &first),
        ("DELETE", runs, "[1]", 0, &first),
        ("PUT", baseline, "", 0, "400 INVALID_PARAMETER"),
        ("PUT", baseline, "{\"testRunId\":\"{x}\"}", 128, TAKEN),
        ("PUT", baseline, "{\"testRunId\":\"{x}\"}", 129, &run),
        ("PUT", baseline, "{\"testRunId\":\"\"}", 0, &run),
        ("PUT", baseline, "{\"testRunId\":7}", 0, &run),
        ("PUT", baseline, "{\"testRunId\":null}", 0, &run),
        ("PUT", baseline, "{}", 0, &run),
        (
            "PUT",
            baseline,
            "{\"testRunId\":\"a\",\"more\":1}",
            0,
            &more,
        ),
        ("PUT", baseline, "[\"a\"]", 0, &whole),
        ("PUT", baseline, "null", 0, &whole),
        // The body of a cancel is ignored, but must be JSON.
        ("POST", "/scenarios/a", "", 0, TAKEN),
        ("POST", "/scenarios/a", "[1]", 0, TAKEN),
        ("POST", "/scenarios/a", "null", 0, TAKEN),
        ("POST", "/scenarios/a", "{", 0, "400 "),
        ("GET", "/tasks", "nonsense", 0, "400 "),
        ("POST", "/scenarios", "", 0, "400 BAD_REQUEST"),
        ("POST", "/scenarios", "null", 0, &whole),
        ("POST", files, "{\"name\":\"{x}\"}", 200, TAKEN),
        ("POST", files, "{\"name\":\"{x}\"}", 201, &name),
        ("POST", files, "{\"name\":\"\"}", 0, &name),
        ("POST", files, "{\"name\":\"../a\"}", 0, &name),
        ("POST", files, "{}", 0, &name),
    ]);
}

/// Whoever may only read sends nothing that costs time.
#[test]
fn bodies_that_nobody_asked_for_are_short() {
    let spaces = |n: usize| format!("{{{}}}", " ".repeat(n - 2));
    for method in ["GET", "HEAD", "PATCH"] {
        let of = |n: usize| match read(method, "/regions", &spaces(n)) {
            Some(Err(refusal)) => refusal.status,
            _ => 200,
        };
        let usual = if method == "GET" { 200 } else { 405 };
        assert_eq!(
            [of(2), of(4_096), of(4_097), of(4_000_000)],
            [usual, usual, 413, 413],
            "{method}"
        );
    }
    let long = spaces(1_000_000);
    let taken = read("POST", "/scenarios", &long).unwrap();
    assert!(taken.is_ok(), "{taken:?}");
    let refusal = read("GET", "/regions", &long).unwrap().unwrap_err();
    assert_eq!(refusal.text, "a GET request has no body; send it without");
}
