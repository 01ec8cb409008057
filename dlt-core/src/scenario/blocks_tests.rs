//! Blocks among requests: the operations that they become, what is refused, and that what holds
//! of requests in a list holds of those in blocks.

use crate::scenario::plan::{Choice, Operation, Outlined, Plan, ThinkTime};
use crate::scenario::tests::{defaults, files};
use crate::scenario::{Format, Outside, Purpose, Scenario, secrets};
use crate::value::{Value, json};
use serde_json::json as plain;

fn read_item(
    item: serde_json::Value,
    requests: serde_json::Value,
) -> Result<Scenario, Vec<String>> {
    let body = plain!({ "testScenario": {
        "execution": [item],
        "scenarios": { "s": {
            "default-address": "http://h",
            "variables": { "a": "1" },
            "requests": requests,
        } },
    } });
    Scenario::from_text(
        body.to_string().as_bytes(),
        Format::Json,
        &defaults(),
        Outside::files(&files),
        Purpose::Run,
    )
    .map_err(|faults| {
        let faults = faults.0.into_iter();
        let told = faults.map(|fault| format!("{}: {}", fault.path, fault.reason));
        told.map(|told| told.replace("testScenario.scenarios.s.requests", "r"))
            .collect()
    })
}

fn read(requests: serde_json::Value) -> Result<Scenario, Vec<String>> {
    read_item(plain!({ "users": 8, "hold-for": "9s" }), requests)
}

/// A block of each kind.
fn example() -> Scenario {
    read(plain!([
        "/0",
        { "if": "${a} == 1", "else": ["/2"], "then": ["/1"] },
        { "loop": 3, "do": ["/3", { "action": "pause", "pause-duration": "2s" }] },
        { "while": "${a} < 5", "do": ["/4"] },
        { "choose": [{ "weight": 2, "do": ["/5"] }, { "weight": 0, "do": ["/6"] }, { "do": [] }] },
        { "once": ["/7", { "action": "continue" }] },
        { "transaction": "t", "do": ["/8"] },
        { "action": "stop" },
    ]))
    .unwrap()
}

#[test]
fn blocks_become_operations_with_jumps() {
    use Operation::*;
    let scenario = example();
    let flow = &scenario.plan.groups[0].flow;
    let pause = ThinkTime::Fixed(2_000_000);
    let expected = [
        Request(0),
        Unless(0, 4),
        Request(1),
        Jump(5),
        Request(2),
        // 5: the loop
        Count {
            counter: 0,
            times: 3,
        },
        Counted {
            counter: 0,
            end: 10,
        },
        Request(3),
        Pause(pause),
        Again(6),
        // 10: while
        Unless(1, 13),
        Request(4),
        Again(10),
        // 13: the choice; one of no weight is never chosen
        Choose(vec![
            Choice {
                below: 2,
                place: 14,
            },
            Choice {
                below: 3,
                place: 18,
            },
        ]),
        Request(5),
        Jump(19),
        Request(6),
        Jump(19),
        Jump(19),
        // 19: once
        OnlyFirst(22),
        Request(7),
        EndWalk,
        Begin(0),
        Request(8),
        End(0),
        EndUser,
    ];
    assert_eq!(flow.operations, expected);
    assert_eq!(flow.transactions[0].name, "t");
    assert_eq!(
        (flow.requests, flow.is_endless, flow.is_random()),
        (None, false, true)
    );
}

#[test]
fn blocks_are_outlined_with_their_requests_in_order() {
    let scenario = example();
    let flow = &scenario.plan.groups[0].flow;
    let labels: Vec<&str> = scenario.plan.groups[0]
        .steps
        .iter()
        .map(|step| step.url.path())
        .collect();
    assert_eq!(
        labels,
        ["/0", "/1", "/2", "/3", "/4", "/5", "/6", "/7", "/8"]
    );
    let words: Vec<String> = flow
        .outline
        .iter()
        .map(|row| match &row.what {
            Outlined::Request(n) => format!("{}{n}", ">".repeat(row.depth)),
            Outlined::Words(words) => format!("{}{words}", ">".repeat(row.depth)),
        })
        .collect();
    assert_eq!(
        words[..8],
        [
            "0",
            "if ${a} == 1",
            ">1",
            "else",
            ">2",
            "3 times",
            ">3",
            ">pause 2s"
        ]
    );
}

#[test]
fn how_many_requests_a_walk_makes_is_known_where_it_is_fixed() {
    for (requests, known) in [
        (plain!(["/a", "/b"]), Some(2)),
        (
            plain!([{ "loop": 5, "do": ["/a", { "loop": 2, "do": ["/b"] }] }]),
            Some(15),
        ),
        (
            plain!([{ "if": "true", "then": ["/a"], "else": ["/b"] }]),
            Some(1),
        ),
        (plain!([{ "if": "true", "then": ["/a"] }]), None),
        (
            plain!([{ "choose": [{ "do": ["/a"] }, { "do": ["/b"] }] }]),
            Some(1),
        ),
        (
            plain!([{ "choose": [{ "do": ["/a"] }, { "do": [] }] }]),
            None,
        ),
        (plain!(["/a", { "once": ["/b"] }]), None),
        (plain!(["/a", { "action": "stop" }]), None),
        (
            plain!([{ "transaction": "t", "do": ["/a"] }, { "action": "pause", "pause-duration": 1 }]),
            Some(1),
        ),
    ] {
        let scenario = read(requests.clone()).unwrap();
        assert_eq!(scenario.plan.groups[0].flow.requests, known, "{requests}");
    }
}

/// Blocks that decide, each with what is wrong with it.
fn wrong_decisions() -> Vec<(serde_json::Value, &'static str)> {
    vec![
        (
            plain!([{ "if": "a = 1", "then": ["/"] }]),
            "r[0].if: is not understood at character 1",
        ),
        (
            plain!([{ "if": "${b} == 1", "then": ["/"] }]),
            "r[0].if: ${b} names no variable",
        ),
        (plain!(["/", { "if": "true" }]), "r[1].then: is missing"),
        (
            plain!([{ "if": "true", "then": ["/"], "otherwise": [] }]),
            "r[0].otherwise: unknown key",
        ),
        (
            plain!([{ "if": "true", "then": [{ "loop": 2, "do": [{ "url": "/", "bdy": "x" }] }] }]),
            "r[0].then[0].do[0].bdy: unknown key",
        ),
        (
            plain!([{ "loop": 0, "do": ["/"] }]),
            "r[0].loop: must be a whole number",
        ),
        (
            plain!([{ "loop": "always", "do": ["/"] }]),
            "r[0].loop: must be a whole number of times",
        ),
        (
            plain!([{ "while": "true", "do": [] }]),
            "r[0].do: must have at least 1 item",
        ),
        (
            plain!([{ "choose": [{ "weight": 0, "do": ["/"] }] }]),
            "r[0].choose: has no weight above 0",
        ),
        (
            plain!([{ "choose": [{ "weight": 1 }] }]),
            "r[0].choose[0].do: is missing",
        ),
        (
            plain!([{ "choose": [{ "weight": 1.5, "do": ["/"] }] }]),
            "r[0].choose[0].weight: must be a whole number",
        ),
    ]
}

/// Other blocks, each with what is wrong with it.
fn wrong_blocks() -> Vec<(serde_json::Value, &'static str)> {
    let many = vec!["/"; 60];
    let nested = (0..11).fold(plain!(["/"]), |inside, _| plain!([{ "once": inside }]));
    vec![
        (
            plain!([{ "transaction": "", "do": ["/"] }]),
            "r[0].transaction: must not be empty",
        ),
        (
            plain!([{ "transaction": "${a}", "do": ["/"] }]),
            "r[0].transaction: holds ${…}",
        ),
        (
            plain!([{ "transaction": "t", "do": ["/", { "transaction": "t", "do": ["/"] }] }]),
            "r[0].do[1].transaction: is inside of",
        ),
        (
            plain!([{ "transaction": "t", "do": ["/"] }, { "transaction": "t", "include-timers": true, "do": ["/"] }]),
            "r[1].transaction: has another",
        ),
        (
            plain!([{ "transaction": "GET /", "do": ["/"] }]),
            "r[0].transaction: is the label of a request",
        ),
        (
            plain!([{ "action": "pause" }, "/"]),
            "r[0].pause-duration: is missing",
        ),
        (
            plain!([{ "action": "wait" }, "/"]),
            "r[0].action: must be one of pause, stop",
        ),
        (
            plain!([{ "action": "stop", "target": "all-threads" }, "/"]),
            "r[0].target: must be current-thread",
        ),
        (
            plain!([{ "foreach": "a in b", "do": ["/"] }]),
            "r[0].foreach: is not supported",
        ),
        (
            plain!([{ "set-variables": { "a": "b" } }, "/"]),
            "r[0].set-variables: is not supported",
        ),
        (plain!([{ "action": "stop" }]), "r: has no request"),
        (
            plain!([{ "once": many.clone() }, { "once": many }]),
            "r[1].once[40]: is one request too many",
        ),
        (nested, "is one block too many"),
    ]
}

#[test]
fn what_is_wrong_with_a_block_is_told_with_its_path() {
    for (requests, told) in wrong_decisions().into_iter().chain(wrong_blocks()) {
        let faults = read(requests.clone()).expect_err(&requests.to_string());
        assert!(faults.join("\n").contains(told), "{requests}: {faults:?}");
    }
}

#[test]
fn arrivals_end_and_are_counted_only_where_that_is_known() {
    let open = plain!({ "arrivals": 5, "hold-for": "9s" });
    let counted = plain!({ "arrivals": 5, "total-requests": 10 });
    let forever = plain!([{ "loop": "forever", "do": ["/"] }]);
    let faults = read_item(open.clone(), forever).unwrap_err();
    assert!(
        faults[0].contains("execution[0].arrivals: begins walks that never end"),
        "{faults:?}"
    );
    let choice = |second: &str| plain!([{ "choose": [{ "do": ["/"] }, { "do": [second, "/c"] }] }]);
    read_item(open, choice("/b")).unwrap();
    let faults = read_item(counted.clone(), choice("/b")).unwrap_err();
    assert!(
        faults[0].contains("as many as its blocks decide"),
        "{faults:?}"
    );
    let either = plain!([{ "choose": [{ "do": ["/"] }, { "do": ["/b"] }] }]);
    read_item(counted, either).unwrap();
}

#[test]
fn thresholds_may_name_transactions() {
    let body = |threshold: &str| {
        plain!({ "thresholds": [threshold], "testScenario": {
            "execution": [{ "users": 8, "hold-for": "9s" }],
            "scenarios": { "s": { "requests": [{ "transaction": "buy", "do": ["http://h/"] }] } },
        } })
    };
    let read = |threshold| {
        let text = body(threshold).to_string();
        let outside = Outside::files(&files);
        Scenario::from_text(
            text.as_bytes(),
            Format::Json,
            &defaults(),
            outside,
            Purpose::Run,
        )
    };
    read("buy: p(95)<2s").unwrap();
    let faults = read("sell: p(95)<2s").unwrap_err().to_string();
    assert!(faults.contains("labels: \"GET /\", \"buy\""), "{faults}");
}

/// What is stored is read by runners as the same plan.
#[test]
fn a_runner_reads_blocks_back() {
    let scenario = read(plain!([
        { "choose": [{ "weight": 2, "do": [{ "transaction": "t", "do": ["/a"] }] }, { "do": ["/b"] }] },
        { "while": "${a} == 2", "do": [{ "url": "/c", "method": "POST" }] },
    ]))
    .unwrap();
    let region = &scenario.tasks[0].region;
    let document = scenario.region_document(region);
    let written = document.to_string();
    assert!(
        written.contains("http://h/a") && written.contains("http://h/c"),
        "{written}"
    );
    assert_eq!(
        Plan::from_document(&document).unwrap(),
        scenario.region_plan(region)
    );
}

/// A request in a block keeps its own secret wherever the block's requests are moved.
#[test]
fn secrets_stay_with_their_requests_in_blocks() {
    let request = |path: &str, secret: &str| json!({ "url": path, "method": "GET", "headers": { "Authorization": secret } });
    let plan = |requests: Value| json!({ "scenarios": { "s": { "requests": requests } } });
    let stored = plan(json!([
        { "if": "${a} == 1", "then": [request("/a", "Bearer one-secret"), request("/b", "Bearer two-secret")] },
        request("/c", "Bearer three-secret"),
    ]));
    let shown = secrets::redacted(&stored);
    assert!(!shown.to_string().contains("secret"), "{shown}");
    assert_eq!(secrets::restored(&shown, &stored), stored);
    // Turned round, and put into another block.
    let of = |n: usize| shown["scenarios"]["s"]["requests"][0]["then"][n].clone();
    let moved = plan(json!([
        shown["scenarios"]["s"]["requests"][1].clone(),
        { "loop": 2, "do": [of(1), { "once": [of(0)] }] },
    ]));
    let restored = secrets::restored(&moved, &stored);
    let expected = plan(json!([
        request("/c", "Bearer three-secret"),
        { "loop": 2, "do": [
            request("/b", "Bearer two-secret"),
            { "once": [request("/a", "Bearer one-secret")] },
        ] },
    ]));
    assert_eq!(restored, expected);
}
