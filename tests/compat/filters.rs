//! The filter patterns of the templates against lines that runners really print:
//! which lines a subscription passes on, which figures the metrics take from them.
//! The language is CloudWatch Logs' ("Filter pattern syntax"), as far as it is used.
#![expect(clippy::unwrap_used, reason = "a test ends by panicking")]

use dlt_core::ids::{Region, RunnerId, TestId, TestRunId};
use dlt_core::measure::second::Second;
use dlt_core::messages::runner_line::{RunnerLine, RunnerRow, RunnerState, Tick};
use serde_json::Value;

/// A JSON pattern's rest, read from the left.
struct Pattern<'a> {
    rest: &'a str,
    line: &'a Value,
}

impl<'a> Pattern<'a> {
    fn takes(&mut self, text: &str) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn any(&mut self) -> bool {
        let mut holds = self.all();
        while self.takes("||") {
            holds |= self.all();
        }
        holds
    }

    fn all(&mut self) -> bool {
        let mut holds = self.one();
        while self.takes("&&") {
            holds &= self.one();
        }
        holds
    }

    fn one(&mut self) -> bool {
        if self.takes("(") {
            let holds = self.any();
            assert!(self.takes(")"), "{}", self.rest);
            return holds;
        }
        assert!(self.takes("$."), "{}", self.rest);
        let name = self.word();
        let value = &self.line[name];
        if self.takes(">=") {
            let least: f64 = self.word().parse().unwrap();
            return value.as_f64().is_some_and(|value| value >= least);
        }
        assert!(self.takes("= \""), "{}", self.rest);
        let wanted = self.word();
        assert!(self.takes("\""), "{}", self.rest);
        value == wanted
    }

    fn word(&mut self) -> &'a str {
        self.rest = self.rest.trim_start();
        let is_end = |c: char| !c.is_ascii_alphanumeric() && c != '_';
        let end = self.rest.find(is_end).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }
}

fn matches(pattern: &str, line: &str) -> bool {
    let Some(json) = pattern.strip_prefix('{') else {
        // Terms, all of which must occur.
        return pattern
            .split('"')
            .map(str::trim)
            .filter(|term| !term.is_empty())
            .all(|term| line.contains(term));
    };
    let Ok(line) = serde_json::from_str(line) else {
        return false;
    };
    let mut pattern = Pattern {
        rest: json.strip_suffix('}').unwrap(),
        line: &line,
    };
    let holds = pattern.any();
    assert_eq!(pattern.rest.trim(), "", "the whole pattern is read");
    holds
}

fn tick(samples: bool) -> Tick {
    let id = RunnerId::parse("0f8fad5bd9cb469fa165708673b5a1c2").unwrap();
    let mut tick = Tick::of(
        &Second {
            users: 50,
            ok: 1,
            ..Second::default()
        },
        TestId::parse("Xk29QmWz7B").unwrap(),
        TestRunId::parse("p4TqL8vN2c").unwrap(),
        Region::parse("eu-west-1").unwrap(),
        4,
        RunnerRow(id, RunnerState::Loading, 4, 120),
    );
    if samples {
        tick.second.latency.record(84_000);
        tick.second.lag.record(300);
    }
    tick
}

/// The values of a property in a template, as they stand there, without quotes.
fn values<'a>(template: &'a str, property: &str) -> Vec<&'a str> {
    let name = format!("{property}: ");
    let lines = template.lines().map(str::trim);
    lines
        .filter_map(|line| line.trim_start_matches("- ").strip_prefix(name.as_str()))
        .map(|value| value.trim_matches('\''))
        .collect()
}

#[test]
fn patterns_take_the_lines_and_figures_that_runners_print() {
    let live = RunnerLine::LiveTick(tick(true)).to_line();
    let quiet = RunnerLine::Tick(tick(true)).to_line();
    let empty = RunnerLine::Tick(tick(false)).to_line();
    let ready = RunnerLine::Ready {
        runner: RunnerId::parse("a").unwrap(),
        region: Region::parse("eu-west-1").unwrap(),
        address: "10.0.0.1:50000".to_owned(),
    }
    .to_line();
    for template in [dlt_infra::hub(), dlt_infra::region()] {
        let patterns = values(&template, "FilterPattern");
        assert_eq!(patterns.len(), 9, "{patterns:?}");
        let mut subscriptions = 0;
        for pattern in &patterns {
            assert!(matches(pattern, &live), "{pattern}");
            assert!(!matches(pattern, &ready), "{pattern}");
            assert!(!matches(pattern, "hello"), "{pattern}");
            let is_metric = pattern.starts_with('{');
            assert_eq!(matches(pattern, &quiet), is_metric, "{pattern}");
            subscriptions += u64::from(!is_metric);
        }
        assert_eq!(subscriptions, 1);
        // What a metric takes is in the line where its pattern matches.
        for field in values(&template, "MetricValue") {
            let field = field.strip_prefix("$.").unwrap();
            let pattern = patterns
                .iter()
                .find(|pattern| pattern.contains(&format!("$.{field} ")))
                .unwrap();
            for line in [&live, &quiet, &empty] {
                let parsed: Value = serde_json::from_str(line).unwrap();
                let has = parsed[field].is_number();
                assert_eq!(matches(pattern, line), has, "{field} in {line}");
            }
        }
    }
}
