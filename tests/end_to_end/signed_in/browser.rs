//! A person in front of the console that `dlt deploy hub` put into its bucket: signs in at
//! the login page, starts a scenario, watches it live and reads its result, in a real
//! browser. What is done and seen there stands in `console/tests/emulator.spec.ts`.

use super::mailed;
use crate::common::{account, accounts_agree};
use dlt_core::record::RunRecord;
use dlt_tests::behaviour::ok;
use dlt_tests::browser::{built, flow};
use dlt_tests::deployed::{ADMIN, Deployed, HUB};
use dlt_tests::patience::alone;
use dlt_tests::target::everywhere;
use serde_json::json;
use std::time::Duration;

#[test]
#[ignore = "needs an emulator of AWS and a browser, which cargo xtask test installs"]
fn a_person_sees_the_numbers_of_the_run_that_was() {
    let _alone = alone();
    let target = everywhere(ok().after(Duration::from_millis(5)));
    let aws = Deployed::hub_with_console(&built());
    let stack = json!({
        "address": aws.emulator.address,
        "region": HUB,
        "console": aws.outputs["ConsoleUrl"],
        "user": ADMIN,
        "password": mailed(&aws.emulator, ADMIN),
        "target": target.url("").trim_end_matches('/'),
    });
    let world = ("DLT_EMULATED_STACK", &stack);
    let shown = flow("emulator.spec.ts", world, || aws.output());

    // What a person saw is what the API tells, and that is what the target had.
    let listed = aws.api("GET", "/scenarios", None).json();
    let test = listed["Items"][0]["testId"].as_str().unwrap().to_owned();
    let runs = format!("/scenarios/{test}/testruns");
    let page = aws.api("GET", &runs, None).json();
    let run = page["testRuns"][0]["testRunId"]
        .as_str()
        .unwrap()
        .to_owned();
    let reply = aws.api("GET", &format!("{runs}/{run}"), None);
    let record: RunRecord = serde_json::from_value(reply.json()).unwrap();
    assert_eq!(record.status.name(), "complete", "{}", aws.output());
    accounts_agree(&record, &target).unwrap();
    // 20 a second for 12 s.
    assert_eq!(account(&record).sent, 240, "{record:#?}");
    assert_eq!(shown["requests"], account(&record).sent, "{shown}");
    assert_eq!(aws.engine.running(), 0, "no task is left");
}
