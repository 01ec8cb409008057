//! Names and their addresses, from a scenario's `dns` to the last screen. What
//! a name with several addresses comes to is the engine's tests', which have
//! a resolver of their own.

use crate::common::{AROUND, account, run_json, scenario_file};
use dlt_tests::behaviour::ok;
use dlt_tests::command::Home;
use dlt_tests::patience::shared;
use dlt_tests::target::{Target, everywhere};
use std::time::Duration;

const LOAD: Duration = Duration::from_secs(5);

fn port(target: &Target) -> u16 {
    target.url("/").parse::<url::Url>().unwrap().port().unwrap()
}

#[test]
fn requests_by_address_are_told_and_are_what_the_targets_counted() {
    let _shared = shared();
    let (home, named, plain) = (Home::new(), everywhere(ok()), everywhere(ok()));
    // Listens on 127.0.0.1 alone; many systems try ::1 first.
    let url = format!("http://localhost:{}/", port(&named));
    let plan = format!(
        "execution: [{{ users: 6, iterations: 15, dns: {{ policy: spread, refresh: 1s }} }}]\n\
         scenarios:\n  shop:\n    requests: ['{url}', '{url}', '{}']\n",
        plain.url("/")
    );
    let head = "testName: two targets\ntestTaskConfigs: [{ taskCount: 3 }]\n";
    let file = home.file("two.yaml", scenario_file(head, &plan));
    let (record, ended) = run_json(&home, LOAD, 0, &[file.to_str().unwrap()]);
    let account = account(&record);
    assert_eq!((account.ok, account.failed), (270, 0), "{}", ended.told());
    let generator = record.generator.unwrap();
    let row = |target: &Target| (format!("127.0.0.1:{}", port(target)), target.log.count());
    assert_eq!(generator.addresses, [row(&named), row(&plain)]);
    assert_eq!((named.log.count(), plain.log.count()), (180, 90));
    assert_eq!(generator.http_versions, [("1.1".to_owned(), account.sent)]);

    let screen = home.run(AROUND, ["runs", "get", "latest"]);
    screen.expect_code(0);
    let line = format!(
        "addresses    127.0.0.1:{} 180 · 127.0.0.1:{} 90 requests",
        port(&named),
        port(&plain)
    );
    assert!(screen.stdout.contains(&line), "{}", screen.told());
}

#[test]
fn a_policy_that_no_address_fits_is_named() {
    let _shared = shared();
    let (home, target) = (Home::new(), everywhere(ok()));
    let plan = format!(
        "execution: [{{ users: 1, iterations: 2, dns: {{ policy: v6 }} }}]\n\
         scenarios: {{ shop: {{ requests: ['{}'] }} }}\n",
        target.url("/")
    );
    let file = home.file("v6.yaml", scenario_file("testName: one family\n", &plan));
    let ended = home.run(LOAD + AROUND, ["run", file.to_str().unwrap(), "--json"]);
    let record = ended.record();
    let errors = record.errors.unwrap();
    assert_eq!(errors[0].cause, "dns");
    assert_eq!(
        errors[0].message,
        "127.0.0.1 has no IPv6 address, and dns policy v6 uses no other"
    );
    assert_eq!((target.log.count(), record.generator), (0, None));

    let wrong = scenario_file("testName: wrong\n", &plan.replace("v6", "sprad"));
    let file = home.file("wrong.yaml", wrong);
    let ended = home.run(AROUND, ["run", file.to_str().unwrap()]);
    ended.expect_code(2);
    assert!(
        ended.stderr.contains("execution[0].dns.policy")
            && ended.stderr.contains("did you mean \"spread\"?"),
        "{}",
        ended.told()
    );
}
