//! What the documents show is true: their scenarios run, their exit codes are the
//! command's, their limits are the code's.

use crate::common::{accounts_agree, run_json};
use dlt_core::judge::verdict::LIMITS;
use dlt_tests::behaviour::{body, ok, redirect};
use dlt_tests::command::Home;
use dlt_tests::patience::shared;
use dlt_tests::target::plan;
use std::time::Duration;

const SCENARIOS: &str = include_str!("../../docs/scenarios.md");
const RESULTS: &str = include_str!("../../docs/results.md");

#[test]
fn the_first_scenario_runs_as_written() {
    let _shared = shared();
    let target = plan()
        .route("/old-cart", redirect(301, "/cart"))
        .route("/no-such-page", body(404, "no"))
        .otherwise(ok())
        .start();
    let (_, rest) = SCENARIOS.split_once("```yaml\n").unwrap();
    let (text, _) = rest.split_once("```").unwrap();
    // Another host, and shorter; nothing else is changed.
    for written in ["https://shop.example.com", "hold-for: 30s"] {
        assert!(text.contains(written), "{written}");
    }
    let text = text
        .replace(
            "https://shop.example.com",
            target.url("").trim_end_matches('/'),
        )
        .replace("hold-for: 30s", "hold-for: 2s");
    let home = Home::new();
    let file = home.file("readme.yaml", text);
    let (record, ended) = run_json(&home, Duration::from_secs(2), 0, &[&file.to_string_lossy()]);
    accounts_agree(&record, &target).unwrap();
    assert!(record.warnings.is_empty(), "{:?}", record.warnings);
    let outcome = record.outcome.as_ref().unwrap();
    assert_eq!(outcome.thresholds.len(), 3, "{}", ended.told());
    let labels = &record.summary.as_ref().unwrap().labels;
    let count = |label: &str| {
        let found = labels
            .iter()
            .find(|block| block.label.as_deref() == Some(label));
        found.map_or(0, |block| block.ok)
    };
    assert_eq!(count("home"), 100);
    // The last arrivals do not come to the end of their walk.
    let served = target.log.by_path();
    assert_eq!(count("cart"), served["/old-cart"] + served["/cart"]);
    for (label, path) in [("checkout", "/checkout"), ("missing", "/no-such-page")] {
        assert_eq!(count(label), served[path], "{label}");
        assert!((80..=100).contains(&served[path]), "{label}: {served:?}");
    }
}

#[test]
fn the_customers_order_as_written() {
    let _shared = shared();
    let target = plan()
        .route("/login", body(200, r#"{"token": "t0k"}"#))
        .route("/catalogue/EUR", body(200, r#"<li data-id="77">"#))
        .route("/orders/77", body(200, r#"{"state": "ordered"}"#))
        .otherwise(ok())
        .keeping_text()
        .start();
    let mut blocks = SCENARIOS.split("```yaml\n").skip(1);
    let text = blocks.find_map(|block| {
        let (text, _) = block.split_once("```")?;
        text.contains("path: customers.csv").then_some(text)
    });
    let text = text.unwrap();
    let text = text
        .replace(
            "https://shop.example.com",
            target.url("").trim_end_matches('/'),
        )
        .replace("hold-for: 30s", "hold-for: 2s");
    let home = Home::new();
    home.file("customers.csv", "name,password\nann,p1\nbob,p2\n");
    let file = home.file("customers.yaml", text);
    let (record, ended) = run_json(&home, Duration::from_secs(2), 0, &[&file.to_string_lossy()]);
    accounts_agree(&record, &target).unwrap();
    assert!(record.warnings.is_empty(), "{:?}", record.warnings);
    assert_eq!(record.errors.as_deref(), Some(&[][..]), "{}", ended.told());
    let labels = &record.summary.as_ref().unwrap().labels;
    let mut labels: Vec<_> = labels
        .iter()
        .filter_map(|block| block.label.as_deref())
        .collect();
    labels.sort_unstable();
    assert_eq!(
        labels,
        ["GET /", "POST /orders/{product}", "catalogue", "login"]
    );
    let seen = target.log.seen();
    let of = |path: &str| seen.iter().filter(|seen| seen.path == path).count();
    assert!(of("/orders/77") > 40 && of("/") == 10);
    let logins = seen.iter().filter(|seen| seen.path == "/login");
    for login in logins {
        let own = ["user=ann&password=p1", "user=bob&password=p2"];
        assert!(own.iter().any(|own| login.text.ends_with(own)), "{login:?}");
    }
}

/// The rows of the table that begins with this header.
fn table(header: &str) -> Vec<Vec<&'static str>> {
    let (_, rest) = RESULTS.split_once(header).unwrap();
    rest.lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

#[test]
fn the_exit_codes_are_those_of_help() {
    let _shared = shared();
    let help = Home::new().run(Duration::from_secs(20), ["--help"]).stdout;
    let (_, codes) = help.split_once("Exit codes:\n").unwrap();
    let told: Vec<&str> = codes
        .lines()
        .map_while(|line| {
            line.split_whitespace()
                .next()
                .filter(|word| word.parse::<u8>().is_ok())
        })
        .collect();
    let written: Vec<&str> = table("| code | meaning |")
        .iter()
        .map(|row| row[0])
        .collect();
    assert_eq!(written, told);
}

#[test]
fn the_limits_are_those_of_the_verdict() {
    let rows = table("| reason | degraded above | untrusted above |");
    assert_eq!(rows.len(), LIMITS.len());
    for (row, limit) in rows.iter().zip(LIMITS) {
        let code = serde_json::to_value(limit.code).unwrap();
        let code = code.as_str().unwrap();
        assert!(
            row[0].starts_with(&format!("`{code}`")),
            "{row:?} for {code}"
        );
        let written = |value: f64| match value.is_finite() && value < 1e9 {
            true => format!("{value}{}", limit.unit),
            false => "never".to_owned(),
        };
        assert_eq!(
            row[1..],
            [written(limit.degraded), written(limit.untrusted)],
            "{code}"
        );
    }
}
