//! Pauses and blocks of Taurus files: read as they are meant, with what a file says of all of its
//! requests said of those in blocks, too.

use super::tests::{faults, scenario};
use crate::scenario::plan::Operation;

/// Taurus says lengths that vary by a mean and a deviation.
#[test]
fn pauses_that_vary_mean_what_taurus_means() {
    let text = "execution: { concurrency: 1, hold-for: 10s, scenario: a }\nscenarios:\n  a:\n    requests:\n    - { url: http://h/1, think-time: 'uniform(2s,500ms)' }\n    - { url: http://h/2, think-time: 'GAUSSIAN(2s 500ms)' }\n";
    let all = faults(text).join("\n");
    assert!(
        all.contains("requests[1].think-time: must be a duration"),
        "{all}"
    );
    let read = scenario(&text.replace("2s 500ms", "2s,500ms"));
    let pauses: Vec<String> = read.plan.groups[0]
        .steps
        .iter()
        .map(|step| step.think_time.to_string())
        .collect();
    assert_eq!(pauses, ["uniform(1s500ms, 2s500ms)", "normal(2s, 500ms)"]);
    assert!(
        read.warnings
            .iter()
            .any(|told| told.starts_with("scenarios.a.requests[0].think-time: has a mean")),
        "{:?}",
        read.warnings
    );
}

/// Settings of a scenario, includes and checks reach the requests in blocks.
#[test]
fn blocks_are_read_with_what_holds_for_all_requests() {
    let text = "execution: { concurrency: 1, hold-for: 10s, scenario: a }
scenarios:
  a:
    default-address: http://h
    assert: [done]
    requests:
    - transaction: all
      force-parent-sample: true
      do:
      - include-scenario: b
      - loop: 3
        do: [/x, { action: pause, pause-duration: 2s }]
    - if: '\"${n}\" == \"1\"'
      then: [{ url: /y, method: post, body: { k: v } }]
    - { action: stop, target: current-thread }
  b:
    variables: { n: 1 }
    requests: [/b]
";
    let read = scenario(text);
    let group = &read.plan.groups[0];
    let urls: Vec<&str> = group.steps.iter().map(|step| step.url.path()).collect();
    assert_eq!(urls, ["/b", "/x", "/y"]);
    assert!(group.steps.iter().all(|step| !step.checks.is_empty()));
    assert_eq!(group.steps[1].think_time.to_string(), "2s");
    assert_eq!(group.steps[2].method, "POST");
    assert_eq!(group.flow.transactions[0].name, "all");
    assert!(group.flow.operations.contains(&Operation::EndUser));
    let told = faults(&text.replace("/x,", "{ url: /x, bdy: z },"));
    assert!(
        told[0].starts_with("scenarios.a.requests[0].do[1].do[0].bdy"),
        "{told:?}"
    );
}
