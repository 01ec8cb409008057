//! What was told while the run went on adds up to what is told at its end:
//! second by second, region by region.

use crate::common::{account, accounts_agree, run_json, two_regions};
use dlt_core::measure::second::Second;
use dlt_tests::behaviour::{body, ok};
use dlt_tests::command::Home;
use dlt_tests::objects;
use dlt_tests::patience::alone;
use dlt_tests::target::everywhere;
use std::collections::BTreeMap;
use std::time::Duration;

/// The numbers that add: not users and runners, which are of an instant.
fn flow(second: &Second) -> Second {
    Second {
        users: 0,
        runners: 0,
        ..second.clone()
    }
}

#[test]
fn ticks_add_up_to_the_account() {
    let _alone = alone();
    let answer = ok().after(Duration::from_millis(10));
    let target = everywhere(answer.but_each(10, body(503, "no")));
    let home = Home::new();
    let requests = format!("      - {}\n", target.url("/"));
    let text = two_regions("users: 20, hold-for: 6s, ramp-up: 2s", &requests);
    let file = home.file("ticks.yaml", text);
    let args = [
        &file.to_string_lossy(),
        "--region",
        "lo-home-1=2",
        "--region",
        "lo-home-2=2",
    ];
    let (record, _) = run_json(&home, Duration::from_secs(8), 0, &args);
    accounts_agree(&record, &target).unwrap();

    let (ticks, strange) = objects::ticks(&home);
    assert_eq!(strange, Vec::<String>::new(), "every line is one of ours");
    let mut sum = Second::default();
    let mut by_second: BTreeMap<(String, u64), Second> = BTreeMap::new();
    let mut next: BTreeMap<String, u64> = BTreeMap::new();
    for tick in &ticks {
        let region = tick.region.to_string();
        let seq = next.entry(region.clone()).or_default();
        assert_eq!(tick.seq, *seq, "ticks of {region} come without a gap");
        *seq += 1;
        assert!(tick.runners.len() <= 2, "{:?}", tick.runners);
        let second = &tick.second;
        sum.merge(second);
        by_second
            .entry((region, second.second))
            .or_default()
            .merge(second);
    }
    let account = account(&record);
    assert_eq!(
        (sum.scheduled, sum.dropped, sum.sent),
        (account.scheduled, account.dropped, account.sent)
    );
    assert_eq!(
        (sum.ok, sum.failed, sum.unfinished),
        (account.ok, account.failed, account.unfinished)
    );
    assert!(account.failed > 0, "each tenth answer was a 503");
    assert_eq!(sum.causes, [("status-5xx".to_owned(), account.failed)]);
    let total = &record.summary.as_ref().unwrap().total;
    assert_eq!(sum.bytes, total.bytes_received);

    // The merged timeline has the same seconds, each with the same numbers.
    let timeline = objects::timeline(&home);
    let mut listed = 0;
    for (region, seconds) in &timeline.regions {
        for second in seconds {
            let key = (region.to_string(), second.second);
            let mut told = by_second.get(&key).cloned().unwrap_or_default();
            told.second = second.second;
            assert_eq!(flow(second), flow(&told), "{key:?}");
            assert_eq!(second.runners, 2, "both runners of {region} made load");
            listed += 1;
        }
    }
    assert_eq!(listed, by_second.len());
}
