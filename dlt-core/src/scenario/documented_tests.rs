//! `docs/scenarios.md` is true: each key of the code has its row, each example is a
//! scenario.

use crate::ids::Region;
use crate::scenario::requests::{REQUEST_KEYS, SCENARIO_KEYS, checks, data, extract};
use crate::scenario::{Defaults, Format, Outside, Purpose, Scenario, body, execution};

const DOCUMENT: &str = include_str!("../../../docs/scenarios.md");

/// The part below a heading, to the next one of the same level or above.
fn section(heading: &str) -> &'static str {
    let (_, rest) = DOCUMENT.split_once(&format!("\n{heading}\n")).unwrap();
    let level = heading.split(' ').next().unwrap();
    let ends = (1..=level.len()).filter_map(|n| rest.find(&format!("\n{} ", "#".repeat(n))));
    &rest[..ends.min().unwrap_or(rest.len())]
}

/// The names in the first cells of a section's tables.
fn rows(section: &str) -> Vec<&str> {
    let cells = section
        .lines()
        .filter(|line| line.starts_with('|'))
        .filter_map(|line| line.split('|').nth(1));
    cells
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect()
}

#[test]
fn every_key_has_its_row() {
    let tables: [(&str, &[&str]); 8] = [
        ("## The file", &body::KEYS),
        ("## How hard: `execution`", &execution::KEYS),
        ("## What to request: `scenarios`", &SCENARIO_KEYS),
        ("### A request", &REQUEST_KEYS),
        ("### Files of rows: `data-sources`", &data::KEYS),
        ("### Checks and extractions", &checks::ASSERT_KEYS),
        ("### Checks and extractions", &checks::JSON_KEYS),
        ("### Checks and extractions", &extract::REGEX_KEYS),
    ];
    for (heading, keys) in tables {
        let rows = rows(section(heading));
        let missing: Vec<_> = keys.iter().filter(|key| !rows.contains(key)).collect();
        assert!(missing.is_empty(), "{heading} has no row for {missing:?}");
    }
}

#[test]
fn every_example_is_a_scenario() {
    let defaults = Defaults {
        regions: vec![(Region::parse("lo-home-1").unwrap(), 64)],
        tasks: 1,
        name: String::new(),
        show_live: true,
    };
    let examples: Vec<_> = DOCUMENT.split("```yaml\n").skip(1).collect();
    assert!(examples.len() >= 3);
    for example in examples {
        let (text, _) = example.split_once("```").unwrap();
        let read = Scenario::from_text(
            text.as_bytes(),
            Format::Yaml,
            &defaults,
            Outside::files(&|name: &str| Ok(name.to_owned())),
            Purpose::Run,
        );
        let scenario = read.unwrap_or_else(|faults| panic!("{faults}\n{text}"));
        assert_eq!(scenario.warnings, [""; 0], "{text}");
    }
}
