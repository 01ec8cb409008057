//! Files of Taurus are run as they are: what the target sees is what they say.

use crate::common::{AROUND, accounts_agree, run_json};
use dlt_core::judge::outcome::Word;
use dlt_tests::behaviour::{body, ok};
use dlt_tests::command::Home;
use dlt_tests::patience::shared;
use dlt_tests::target::{everywhere, plan};
use std::time::Duration;

const QUICK: Duration = Duration::from_secs(20);

/// A file with what published ones are made of, for a target at `{}`.
const FILE: &str = r#"---
execution:
  executor: jmeter
  concurrency: ${__P(users,1)}
  iterations: 3
  scenario: buy
scenarios:
  log-in:
    requests:
    - url: /login
      method: post
      body: { user: "${name}", password: "${password}" }
      extract-jsonpath: { token: { jsonpath: $.token, default: NOT_FOUND } }
  buy:
    default-address: {}
    data-sources: [people.csv]
    retrieve-resources: false
    requests:
    - include-scenario: log-in
    - transaction: order
      do:
      - url: /orders
        method: POST
        headers: { Content-Type: application/json, Authorization: "Bearer ${token}" }
        body: { items: [{ id: 7, price: 12.50 }], by: "${name}" }
        assert: { contains: 201, subject: http-code }
      - loop: 2
        do: [ "/orders/7?at=${__time(/1000)}" ]
reporting:
- module: final-stats
- module: passfail
  criteria: ["fail>0%, stop as failed"]
services: [ { module: passfail, criteria: ["hits<{hits}"] } ]
"#;

#[test]
fn a_taurus_file_runs_as_it_is() {
    let _shared = shared();
    let target = plan()
        .route("/login", body(200, r#"{"token": "t0k"}"#))
        .route("/orders", body(201, "{}"))
        .otherwise(ok())
        .keeping_text()
        .start();
    let home = Home::new();
    home.file("people.csv", "name,password\nann,p1\n");
    let text = FILE
        .replace("address: {}", &format!("address: {}", target.url("")))
        .replace("{hits}", "24");
    let file = home.file("taurus.yml", text);
    let file = file.to_string_lossy();
    let args = [&*file, "--set", "users=2"];
    let (record, ended) = run_json(&home, Duration::from_secs(10), 0, &args);
    accounts_agree(&record, &target).unwrap();
    // Two users, three rounds each, four requests a round.
    let seen = target.log.seen();
    let of = |path: &str| {
        seen.iter()
            .filter(|seen| seen.path.starts_with(path))
            .count()
    };
    assert_eq!(
        (of("/login"), of("/orders?"), of("/orders/7?at=1")),
        (6, 0, 12)
    );
    for seen in &seen {
        if seen.path == "/login" {
            assert_eq!(seen.method, "POST");
            assert!(seen.text.ends_with("user=ann&password=p1"), "{}", seen.text);
        }
        if seen.path == "/orders" {
            assert!(seen.text.contains("Bearer t0k"), "{}", seen.text);
            let body = r#"{"items":[{"id":7,"price":12.50}],"by":"ann"}"#;
            assert!(seen.text.ends_with(body), "{}", seen.text);
        }
    }
    assert_eq!(
        record.outcome.unwrap().word,
        Word::Passed,
        "{}",
        ended.told()
    );
    for told in [
        "property users 2; the file has 1",
        "execution.executor: chooses a tool",
        "reporting[0]: \"final-stats\"",
        "services[0].criteria[0]: is judged as the threshold",
    ] {
        assert_eq!(
            ended.stderr.matches(told).count(),
            1,
            "{told}\n{}",
            ended.told()
        );
    }
}

#[test]
fn what_a_taurus_file_would_not_get_is_told_at_once() {
    let _shared = shared();
    let target = everywhere(ok());
    let home = Home::new();
    let text = format!(
        "execution:\n- {{ scenario: a, hold-for: 1s, delay: 5s }}\n- {{ scenario: a, hold-for: 1s, delay: 5s }}\n\
         scenarios: {{ a: {{ requests: [{{ url: {0}, jsr223: x }}, {{ url: {0}, jsr223: y }}] }} }}\n\
         services: [{{ module: shellexec }}]\n",
        target.url("/")
    );
    let file = home.file("taurus.yml", text);
    for command in ["run", "check"] {
        let ended = home.run(QUICK + AROUND, [command.as_ref(), file.as_os_str()]);
        ended.expect_code(2);
        for told in [
            "the input has 3 faults;",
            "services[0]: \"shellexec\" is not supported: ",
            "execution[0].delay: is not supported: write stages",
            "scenarios.a.requests[0].jsr223: is not supported: code is not run",
        ] {
            assert!(ended.stderr.contains(told), "{told}\n{}", ended.told());
        }
    }
    assert_eq!(target.log.count(), 0);
    home.assert_empty();
}
