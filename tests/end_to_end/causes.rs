//! A scenario of twenty requests against everything that a target can do
//! wrong: counts and causes by label are the server's own.

use crate::common::{account, run_json, scenario_file};
use dlt_core::record::RunRecord;
use dlt_tests::behaviour::{
    Behaviour, body, garbage, huge_head, ok, redirect, reset_mid_body, slow_body,
};
use dlt_tests::command::Home;
use dlt_tests::patience::alone;
use dlt_tests::target::{Plan, Target, plan, refusing, unaccepting};
use std::collections::BTreeMap;
use std::time::Duration;

const USERS: u64 = 4;
const ROUNDS: u64 = 3;
/// Longer than any answer that must be seen, far shorter than "never".
const THINK: Duration = Duration::from_millis(60);

/// The paths that the samples of a label went to.
const PATHS: [(&str, &[&str]); 19] = [
    ("plain", &["/plain"]),
    ("think", &["/think"]),
    ("after-think", &["/after-think"]),
    ("post", &["/created"]),
    ("missing", &["/missing"]),
    ("missing-wanted", &["/gone"]),
    ("broken", &["/broken"]),
    ("unexpected", &["/other"]),
    ("moved", &["/moved", "/landing"]),
    ("kept", &["/kept", "/kept-landing"]),
    ("unfollowed", &["/moved?once"]),
    ("loop", &["/loop"]),
    ("silent", &["/silent"]),
    ("late", &["/late"]),
    ("drip", &["/drip"]),
    ("reset", &["/reset"]),
    ("hangup", &["/hangup"]),
    ("garbage", &["/garbage"]),
    ("huge", &["/huge"]),
];

/// What fails, and why; nothing else does.
const CAUSES: [(&str, &str); 15] = [
    ("missing", "status-4xx"),
    ("broken", "status-5xx"),
    ("unexpected", "check"),
    ("loop", "too-many-redirects"),
    ("silent", "timeout-first-byte"),
    ("late", "timeout-first-byte"),
    ("drip", "timeout-body"),
    ("reset", "reset"),
    ("hangup", "reset"),
    ("garbage", "protocol"),
    ("huge", "too-large"),
    ("refused", "refused"),
    ("unaccepting", "timeout-connect"),
    ("nameless", "dns"),
    ("forbidden", "target-forbidden"),
];

fn target() -> Target {
    let plan: Plan = plan()
        .keeping_text()
        .route("/created", body(201, "made"))
        .route("/missing", body(404, "no"))
        .route("/gone", body(404, "no"))
        .route("/broken", body(503, "no"))
        .route("/other", body(200, "fine"))
        .route("/moved", redirect(302, "/landing"))
        .route("/kept", redirect(307, "/kept-landing"))
        .route("/loop", redirect(302, "/loop"))
        .route(
            "/forbidden",
            redirect(302, "http://169.254.169.254/latest/"),
        )
        .route("/silent", Behaviour::Never)
        .route("/late", ok().after(Duration::from_secs(5)))
        .route("/drip", slow_body(Duration::from_millis(500)))
        .route("/reset", reset_mid_body())
        .route("/hangup", Behaviour::Close)
        .route("/garbage", garbage())
        .route("/huge", huge_head(2_000_000));
    plan.start()
}

/// The requests, more than twenty: (label, the rest of the request).
fn requests(target: &Target, elsewhere: &[(&str, String)]) -> Vec<(String, String)> {
    let at = |path: &str| format!("url: '{}'", target.url(path));
    let think = THINK.as_millis();
    let mut rows = vec![
        ("plain", at("/plain")),
        ("think", format!("{}, think-time: {think}ms", at("/think"))),
        ("after-think", at("/after-think")),
        (
            "post",
            format!(
                "{}, method: POST, body: '{{\"a\": 1}}', headers: {{ Content-Type: application/json, X-Mark: m1 }}",
                at("/created")
            ),
        ),
        ("missing", at("/missing")),
        (
            "missing-wanted",
            format!("{}, expect-status: [404]", at("/gone")),
        ),
        ("broken", at("/broken")),
        (
            "unexpected",
            format!("{}, expect-status: [201]", at("/other")),
        ),
        ("moved", at("/moved")),
        ("kept", format!("{}, method: POST, body: abc", at("/kept"))),
        (
            "unfollowed",
            format!("{}, follow-redirects: false", at("/moved?once")),
        ),
        ("loop", at("/loop")),
        ("silent", at("/silent")),
        ("late", at("/late")),
        ("drip", at("/drip")),
        ("reset", at("/reset")),
        ("hangup", at("/hangup")),
        ("garbage", at("/garbage")),
        ("huge", at("/huge")),
    ];
    for (label, url) in elsewhere {
        rows.push((label, format!("url: '{url}'")));
    }
    rows.into_iter()
        .map(|(label, rest)| (label.to_owned(), rest))
        .collect()
}

/// Failures by (label, cause), from the record.
fn told(record: &RunRecord) -> BTreeMap<(String, String), u64> {
    let mut told = BTreeMap::new();
    for row in record.errors.as_ref().expect("errors") {
        for (label, count) in &row.labels {
            *told.entry((label.clone(), row.cause.clone())).or_default() += count;
        }
    }
    told
}

#[test]
fn every_request_is_counted_under_its_label_and_cause() {
    let _alone = alone();
    let (target, full) = (target(), unaccepting());
    let elsewhere = [
        ("refused", format!("http://{}/", refusing())),
        ("unaccepting", format!("http://{}/", full.address)),
        ("nameless", "http://no-such-host.invalid/".to_owned()),
        // Answered with a redirect, which is not followed.
        ("forbidden", target.url("/forbidden")),
    ];
    let requests = requests(&target, &elsewhere);
    assert!(requests.len() >= 20);
    let rows: String = requests
        .iter()
        .map(|(label, rest)| format!("    - {{ label: {label}, {rest} }}\n"))
        .collect();
    let home = Home::new();
    let file = home.file(
        "twenty.yaml",
        scenario_file("testName: twenty\n", &format!(
            "execution: [{{ users: {USERS}, iterations: {ROUNDS}, hold-for: 90s, scenario: all }}]\n\
             scenarios:\n  all:\n    \
             timeouts: {{ connect: 700ms, first-byte: 600ms, total: 1400ms }}\n    \
             max-redirects: 3\n    requests:\n{rows}"
        )),
    );
    let args = [&file.to_string_lossy(), "--tasks", "2"];
    let (record, _) = run_json(&home, Duration::from_secs(90), 0, &args);
    target.settle();

    let account = account(&record);
    assert!(account.balanced(), "{account:?}");
    assert_eq!(account.unfinished, 0, "{account:?}");
    let each = USERS * ROUNDS;
    let served = target.log.by_path();
    assert_eq!(account.sent, target.log.count(), "{served:?}");
    let nowhere = elsewhere.len() as u64;
    assert_eq!(account.unconnected, nowhere * each, "{account:?}");

    labels_agree(&record, &served);
    assert_eq!(served["/loop"], each * 4, "the request and three redirects");
    let expected: BTreeMap<(String, String), u64> = CAUSES
        .into_iter()
        .map(|(label, cause)| ((label.to_owned(), cause.to_owned()), each))
        .collect();
    assert_eq!(told(&record), expected);
    assert_eq!(account.failed, each * CAUSES.len() as u64);
    posts_arrived_as_written(&target);
    users_thought(&target);
}

/// Samples by label are what the server counted, hops of redirects included.
fn labels_agree(record: &RunRecord, served: &BTreeMap<String, u64>) {
    let blocks = &record.summary.as_ref().unwrap().labels;
    for (label, paths) in PATHS {
        let found = blocks
            .iter()
            .find(|block| block.label.as_deref() == Some(label));
        let block = found.unwrap_or_else(|| panic!("no label {label}"));
        let counted: u64 = paths
            .iter()
            .map(|path| served.get(*path).copied().unwrap_or(0))
            .sum();
        assert!(
            counted >= USERS * ROUNDS,
            "{label}: the server saw {counted}"
        );
        assert_eq!(block.count, counted, "{label}");
    }
}

fn posts_arrived_as_written(target: &Target) {
    let seen = target.log.seen();
    let of = |path: &str| {
        seen.iter()
            .filter(|seen| seen.path == path)
            .collect::<Vec<_>>()
    };
    for post in of("/created") {
        assert_eq!(post.method, "POST");
        assert!(post.text.ends_with("\r\n\r\n{\"a\": 1}"), "{}", post.text);
        assert!(
            post.text.to_lowercase().contains("\r\nx-mark: m1\r\n"),
            "{}",
            post.text
        );
    }
    for kept in of("/kept-landing") {
        assert_eq!(kept.method, "POST", "307 keeps method and body");
        assert!(kept.text.ends_with("\r\n\r\nabc"), "{}", kept.text);
    }
    for landing in of("/landing") {
        assert_eq!(landing.method, "GET");
    }
}

/// Between the answer that is thought about and the same user's next request.
fn users_thought(target: &Target) {
    let seen = target.log.seen();
    let mut pairs = 0;
    for (at, thought) in seen
        .iter()
        .enumerate()
        .filter(|(_, seen)| seen.path == "/think")
    {
        let next = seen[at + 1..]
            .iter()
            .find(|next| next.connection == thought.connection)
            .expect("the user goes on on its connection");
        assert_eq!(next.path, "/after-think");
        let pause = next.arrived_us - thought.answered_us.expect("an answer");
        assert!(pause >= THINK.as_micros() as u64, "thought for {pause} µs");
        pairs += 1;
    }
    assert_eq!(pairs, USERS * ROUNDS);
}
