//! Blocks of a scenario as users and arrivals walk them, against a target that counts; and the
//! transactions around requests, against the times of these.

use super::target::{Act, Target, answer};
use super::*;
use dlt_core::measure::sample::Cause;
use dlt_core::random::Stream;
use serde_json::{Value, json};

/// A group that sends these requests to the target, as a file says it.
fn group_of(target: &Target, item: Value, requests: Value) -> Group {
    let mut item = item;
    item["scenario"] = json!("s");
    let document = json!({
        "execution": [item],
        "scenarios": { "s": {
            "default-address": format!("http://{}", target.address),
            "variables": { "kind": "a", "n": "3" },
            "requests": requests,
        } },
    });
    let plan = Plan::from_document(&document.into()).unwrap_or_else(|faults| panic!("{faults}"));
    plan.groups.into_iter().next().unwrap()
}

fn of_rounds(users: u64, rounds: u64) -> Value {
    json!({ "users": users, "iterations": rounds, "hold-for": "30s" })
}

#[test]
fn loops_choices_and_first_rounds_are_walked_as_written() {
    let target = Target::plain();
    let requests = json!([
        { "once": ["/login"] },
        { "loop": 3, "do": ["/item", { "loop": 2, "do": ["/inner"] }] },
        { "choose": [
            { "weight": 3, "do": ["/often"] },
            { "weight": 1, "do": ["/seldom", "/seldom"] },
            { "weight": 0, "do": ["/never"] },
        ] },
    ]);
    const USERS: u64 = 5;
    const ROUNDS: u64 = 8;
    for threads in [1, 3] {
        let before: Vec<u64> = ["/login", "/item", "/inner", "/often", "/seldom"]
            .map(|path| target.count(path))
            .into();
        let result = run(
            group_of(&target, of_rounds(USERS, ROUNDS), requests.clone()),
            threads,
        );
        let drawn = (0..USERS).flat_map(|user| {
            let mut stream = Stream::new(1, 0, user);
            (0..ROUNDS).map(move |_| stream.below(4) < 3)
        });
        let often = drawn.filter(|is_often| *is_often).count() as u64;
        let walks = USERS * ROUNDS;
        let truth = [
            ("/login", USERS),
            ("/item", 3 * walks),
            ("/inner", 6 * walks),
            ("/often", often),
            ("/seldom", 2 * (walks - often)),
        ];
        for ((path, count), before) in truth.iter().zip(before) {
            assert_eq!(target.count(path) - before, *count, "{path} {threads}");
        }
        assert_eq!(target.count("/never"), 0);
        let sent: u64 = truth.iter().map(|row| row.1).sum();
        assert_eq!(result.tally.account.ok, sent);
    }
}

#[test]
fn conditions_are_about_what_a_user_has_now() {
    // Three times there is more, and then no more, for each user.
    let target = Target::new(|request, earlier| {
        let left = match request.path() {
            "/next" => 3 - (earlier % 4).min(3),
            _ => 3,
        };
        answer("200 OK", "", &format!("left={left};"))
    });
    let extracts = json!({ "left": "left=([0-9]+)" });
    let requests = json!([
        { "url": "/first", "extract-regexp": extracts },
        { "while": "${left} > 0", "do": [{ "url": "/next", "extract-regexp": extracts }] },
        { "if": "${left} == 0 and '${kind}' == 'a'", "then": ["/yes"], "else": ["/no"] },
        { "if": "${kind} matches '^[b-z]$' or ${n} > 3", "then": ["/no"], "else": ["/other"] },
        { "if": "'${kind}' == 'b'", "then": ["/no"] },
    ]);
    let result = run(group_of(&target, of_rounds(1, 4), requests), 1);
    let counts = ["/first", "/next", "/yes", "/other", "/no"].map(|path| target.count(path));
    assert_eq!(counts, [4, 16, 4, 4, 0]);
    assert_eq!(result.tally.account.ok, 28);
    assert_eq!(result.warnings, [""; 0]);
}

#[test]
fn what_cannot_be_ordered_does_not_hold_and_is_told() {
    let target = Target::plain();
    let requests = json!([
        { "if": "${kind} < 5", "then": ["/no"], "else": ["/yes"] },
    ]);
    let result = run(group_of(&target, of_rounds(1, 2), requests), 1);
    assert_eq!((target.count("/yes"), target.count("/no")), (2, 0));
    let told = result.warnings.join("\n");
    assert!(
        told.contains("is no number") && told.contains("2 times"),
        "{told}"
    );
}

#[test]
fn users_and_walks_end_where_the_scenario_says() {
    let target = Target::plain();
    let requests = json!([
        "/a",
        { "if": "'${kind}' == 'a'", "then": [{ "action": "continue" }] },
        "/never",
    ]);
    run(group_of(&target, of_rounds(2, 3), requests), 1);
    assert_eq!((target.count("/a"), target.count("/never")), (6, 0));
    let requests = json!(["/b", { "action": "stop" }, "/never"]);
    run(group_of(&target, of_rounds(2, 3), requests), 1);
    assert_eq!((target.count("/b"), target.count("/never")), (2, 0));
}

#[test]
fn requests_that_are_counted_stay_exact_in_blocks() {
    let target = Target::plain();
    let requests = json!([
        "/a",
        { "loop": "forever", "do": [{ "choose": [{ "do": ["/b"] }, { "do": ["/c", "/d"] }] }] },
    ]);
    let item = json!({ "users": 4, "total-requests": 53, "hold-for": "30s" });
    let result = run(group_of(&target, item, requests), 2);
    assert_eq!(target.total(), 53);
    assert_eq!(result.tally.account.ok, 53);
}

/// Loops that never end, that send something or nothing, end with the load.
#[test]
fn endless_loops_end_with_the_load() {
    let target = Target::plain();
    let item = json!({ "users": 3, "hold-for": "1s", "graceful-stop": "1s" });
    let requests = json!([{ "loop": "forever", "do": ["/a"] }]);
    let begun = Instant::now();
    let result = run(group_of(&target, item.clone(), requests), 1);
    assert!(result.tally.account.ok > 0);
    let nothing = json!([
        { "while": "true", "do": [{ "if": "'${kind}' == 'b'", "then": ["/no"] }] },
    ]);
    let result = run(group_of(&target, item, nothing.clone()), 1);
    assert_eq!(result.tally.account.scheduled, 0);
    let item = json!({ "arrivals": 20, "hold-for": "1s", "graceful-stop": "1s" });
    let result = run(group_of(&target, item, nothing), 1);
    assert_eq!(result.tally.account.scheduled, 0);
    assert!(begun.elapsed() < Duration::from_secs(20));
}

/// A round that sends nothing leaves the thread to others, ends with the load, and is told.
#[test]
fn rounds_that_send_nothing_end_with_the_load() {
    for (empty, logins) in [
        (json!([{ "once": ["/login"] }]), 2),
        (json!([{ "if": "${n} > 5", "then": ["/login"] }]), 0),
        (
            json!([{ "choose": [{ "weight": 1, "do": [] }, { "weight": 0, "do": ["/login"] }] }]),
            0,
        ),
        (
            json!([{ "action": "pause", "pause-duration": "0s" }, { "if": "${n} > 5", "then": ["/login"] }]),
            0,
        ),
        (
            json!([{ "once": ["/login"] }, { "action": "continue" }, "/never"]),
            2,
        ),
    ] {
        let target = Target::plain();
        let before = Instant::now();
        let group = group_of(
            &target,
            json!({ "users": 2, "hold-for": "1s" }),
            empty.clone(),
        );
        let result = run(group, 1);
        assert!(before.elapsed() < Duration::from_secs(5), "{empty}");
        assert_eq!(
            (target.count("/login"), target.count("/never")),
            (logins, 0)
        );
        assert_eq!(result.tally.account.ok, logins);
        let told = result
            .warnings
            .iter()
            .any(|it| it.contains("a round of a user sent nothing"));
        assert!(told, "{:?}", result.warnings);
    }
    // What a loop inside of a loop sends is sent in both: no pass pauses.
    for nested in [
        json!([{ "loop": 500, "do": [{ "loop": 2, "do": ["/in"] }] }]),
        json!([{ "loop": 250, "do": [{ "loop": 2, "do": [{ "loop": 2, "do": ["/in"] }] }] }]),
    ] {
        let target = Target::plain();
        let before = Instant::now();
        let result = run(group_of(&target, of_rounds(1, 2), nested), 1);
        assert_eq!(target.count("/in"), 2_000);
        assert_eq!(result.tally.account.ok, 2_000);
        assert!(before.elapsed() < Duration::from_secs(8), "no pass paused");
    }
    // Iterations are walks, empty ones too; what was sent in a loop is no empty round.
    let target = Target::plain();
    let requests = json!([{ "loop": 2, "do": ["/in"] }]);
    let before = Instant::now();
    let result = run(group_of(&target, of_rounds(1, 1_000), requests), 1);
    assert_eq!(target.count("/in"), 2_000);
    assert!(result.warnings.is_empty(), "{:?}", result.warnings);
    assert!(
        before.elapsed() < Duration::from_secs(10),
        "no round paused"
    );
}

/// A pause that is planned in front of the first request is no late start.
#[test]
fn a_pause_before_the_first_request_is_no_lateness() {
    for (pause, least_us) in [("300ms", 300_000), ("uniform(200ms, 400ms)", 200_000)] {
        let target = Target::plain();
        // What stands before it and is not walked changes nothing.
        let requests = json!([
            { "if": "${n} > 5", "then": ["/never"] },
            { "action": "pause", "pause-duration": pause },
            "/late",
        ]);
        let result = run(group_of(&target, of_rounds(2, 1), requests), 1);
        let (due_us, sent_us) = (result.first_due_us.unwrap(), result.first_sent_us.unwrap());
        assert!(
            due_us >= least_us && sent_us - due_us < 50_000,
            "{due_us} {sent_us}"
        );
    }
    let pause = json!([{ "action": "pause", "pause-duration": "9s" }]);
    for requests in [
        json!([{ "once": ["/a"] }]),
        json!([{ "if": "${n} > 5", "then": pause }, "/a"]),
    ] {
        let target = Target::plain();
        let result = run(group_of(&target, of_rounds(2, 1), requests), 1);
        assert_eq!(result.first_due_us, Some(0));
    }
}

/// Arrivals that are in a pause when the load ends have sent nothing, and are told.
#[test]
fn arrivals_that_are_cut_off_in_a_pause_are_told() {
    let target = Target::plain();
    let requests = json!([{ "action": "pause", "pause-duration": "10s" }, "/late"]);
    let item = json!({ "arrivals": 20, "hold-for": "1s" });
    let result = run(group_of(&target, item, requests), 1);
    assert_eq!((target.total(), result.tally.account.scheduled), (0, 0));
    let told = result
        .warnings
        .iter()
        .find(|it| it.contains("an arrival sent nothing"));
    assert!(
        told.is_some_and(|it| it.contains("20 times")),
        "{:?}",
        result.warnings
    );
}

#[test]
fn arrivals_walk_blocks_as_users_do() {
    let target = Target::plain();
    let item = json!({ "arrivals": 40, "hold-for": "1s" });
    let requests = json!([
        { "if": "'${kind}' == 'b'", "then": ["/no"], "else": ["/x", { "loop": 2, "do": ["/y"] }] },
        { "choose": [{ "weight": 1, "do": [] }, { "weight": 1, "do": ["/z"] }] },
    ]);
    let result = run(group_of(&target, item, requests), 2);
    let account = result.tally.account;
    assert_eq!((account.dropped, account.failed), (0, 0));
    assert_eq!(target.count("/x"), 40);
    assert!(target.count("/y") <= 80 && target.count("/y") >= 70);
    assert_eq!(account.ok, target.total());
    // The first request of an arrival has its due time, whichever it is.
    assert_eq!(result.tally.phases.lag.count(), 40);
}

#[test]
fn arrivals_with_nothing_to_send_are_told() {
    let target = Target::plain();
    let item = json!({ "arrivals": 10, "hold-for": "1s" });
    let requests = json!([{ "if": "'${kind}' == 'b'", "then": ["/no"] }]);
    let result = run(group_of(&target, item, requests), 1);
    assert_eq!(result.tally.account.scheduled, 0);
    let told = result.warnings.join("\n");
    assert!(
        told.contains("sent nothing") && told.contains("10 times"),
        "{told}"
    );
}

/// Transactions that hold each request once have, together, the times and bytes of all
/// requests, and are in no account.
#[test]
fn transactions_have_the_times_of_their_requests() {
    let target = Target::plain();
    let requests = json!([
        { "transaction": "browse", "do": [{ "url": "/a", "think-time": "20ms" }, "/b"] },
        { "transaction": "buy", "do": [{ "loop": 2, "do": ["/c"] }, { "action": "pause", "pause-duration": "10ms" }] },
    ]);
    for threads in [1, 3] {
        let result = run(
            group_of(&target, of_rounds(4, 5), requests.clone()),
            threads,
        );
        let tally = &result.tally;
        assert_eq!(tally.account.ok, 4 * 5 * 4);
        assert_eq!(tally.labels.len(), 3);
        let names: Vec<&str> = tally.transactions.keys().map(String::as_str).collect();
        assert_eq!(names, ["browse", "buy"]);
        for (name, paths) in [("browse", vec!["/a", "/b"]), ("buy", vec!["/c"])] {
            let transaction = &tally.transactions[name];
            let labels = || {
                let labels = tally.labels.iter();
                labels.filter(|(label, _)| paths.iter().any(|path| label.ends_with(path)))
            };
            let sum: u128 = labels().map(|(_, it)| it.response.exact().sum_us).sum();
            let bytes: u64 = labels().map(|(_, it)| it.bytes_received).sum();
            assert_eq!((transaction.samples.ok, transaction.unfinished), (20, 0));
            assert_eq!(transaction.samples.response.exact().sum_us, sum, "{name}");
            assert_eq!(transaction.samples.response.exact().count, 20);
            assert_eq!(transaction.samples.bytes_received, bytes);
        }
    }
}

#[test]
fn timers_are_in_a_transaction_that_asks_for_them() {
    let target = Target::plain();
    let requests = |timers: bool| {
        json!([{ "transaction": "t", "include-timers": timers, "do": [
            { "url": "/a", "think-time": "60ms" }, "/b",
        ] }])
    };
    let with = run(group_of(&target, of_rounds(1, 3), requests(true)), 1);
    let with = with.tally.transactions["t"].samples.response.exact();
    assert!(with.min_us >= 60_000, "{with:?}");
    let without = run(group_of(&target, of_rounds(1, 3), requests(false)), 1);
    let tally = &without.tally;
    let requests: u128 = tally
        .labels
        .values()
        .map(|it| it.response.exact().sum_us)
        .sum();
    let without = tally.transactions["t"].samples.response.exact();
    assert_eq!(without.sum_us, requests);
}

#[test]
fn a_transaction_fails_as_its_first_failed_request() {
    let target = Target::new(|request, _| match request.path() {
        "/bad" => answer("503 Service Unavailable", "", ""),
        "/worse" => answer("404 Not Found", "", ""),
        _ => answer("200 OK", "", "x"),
    });
    let requests = json!([
        { "transaction": "outer", "do": [
            "/good",
            { "transaction": "inner", "do": ["/good"] },
            "/bad",
            "/worse",
        ] },
        { "transaction": "empty", "do": [{ "if": "'${kind}' == 'b'", "then": ["/good"] }] },
    ]);
    let result = run(group_of(&target, of_rounds(2, 2), requests), 1);
    let transactions = &result.tally.transactions;
    let outer = &transactions["outer"].samples;
    assert_eq!((outer.ok, outer.failed), (0, 4));
    assert_eq!(outer.outcomes.len(), 1);
    assert_eq!(outer.outcomes[0].outcome.cause, Some(Cause::Status5xx));
    assert_eq!(outer.response_failed.exact().count, 4);
    let inner = &transactions["inner"].samples;
    assert_eq!((inner.ok, inner.failed), (4, 0));
    // Nothing was sent in it.
    assert_eq!(transactions["empty"].begun(), 0);
    assert_eq!(result.tally.account.failed, 8);
}

#[test]
fn a_transaction_that_is_cut_is_unfinished() {
    let target = Target::new(|request, _| match request.path() {
        "/slow" => vec![Act::Pause(Duration::from_secs(30))],
        _ => answer("200 OK", "", "x"),
    });
    let requests = json!([{ "transaction": "t", "do": ["/fast", "/slow"] }]);
    let item = json!({ "users": 3, "hold-for": "1s", "graceful-stop": "100ms" });
    let result = run(group_of(&target, item, requests), 2);
    let transaction = &result.tally.transactions["t"];
    assert_eq!((transaction.unfinished, transaction.begun()), (3, 3));
    assert_eq!(result.tally.account.unfinished, 3);
}
