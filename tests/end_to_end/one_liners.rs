//! One-liners of other tools: what people type, run here as this table says, against one
//! counting server. And requests of an exact number, however they are asked for.

mod table;

use crate::common::{account, accounts_agree, run_json, two_regions};
use anyhow::{Context as _, Result, ensure};
use dlt_core::record::RunRecord;
use dlt_tests::behaviour::{body_of, header, ok, redirect};
use dlt_tests::command::Home;
use dlt_tests::log::Seen;
use dlt_tests::patience::{alone, shared, twice};
use dlt_tests::target::{Target, plan};
use std::time::Duration;
use table::{Row, Same, TABLE};

const SECOND: Duration = Duration::from_secs(1);
/// How long after its planned end a load may still be made, µs: the graceful stop.
const AFTER_US: u64 = 5_000_000;
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/coming-from.md");

/// What one command did, as the target saw it.
struct Tried {
    seen: Vec<Seen>,
    connections: u64,
    record: RunRecord,
}

/// The words of a command; quotes hold one together.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut is_quoted = false;
    for c in command.chars() {
        match c {
            '\'' => is_quoted = !is_quoted,
            ' ' if !is_quoted => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    assert!(!is_quoted, "{command}");
    words
}

fn try_row(row: &Row, home: &Home, target: &Target, files: &[(&str, String)]) -> Tried {
    let fill = |word: String| {
        let known = files.iter().find(|file| word.ends_with(file.0));
        match known {
            Some((name, path)) => word.replace(name, path),
            None => word.replace("URL", target.url("").trim_end_matches('/')),
        }
    };
    let args: Vec<String> = words(row.ours).into_iter().map(fill).collect();
    assert_eq!(args[..2], ["dlt", "run"]);
    let args: Vec<String> = args[2..]
        .iter()
        .map(|arg| arg.replace("30s", "1s"))
        .collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let before = (target.log.count() as usize, target.log.connections());
    let (record, _) = run_json(home, SECOND, 0, &args);
    target.settle();
    Tried {
        seen: target.log.seen().split_off(before.0),
        connections: target.log.connections() - before.1,
        record,
    }
}

impl Tried {
    /// Whether all that is to be the same is so.
    fn check(&self, row: &Row) -> Result<()> {
        let sent = account(&self.record).sent;
        let count = self.seen.len() as u64;
        ensure!(sent == count, "sent {sent}, and the target counted {count}");
        for same in row.same {
            self.check_one(*same).with_context(|| format!("{same:?}"))?;
        }
        Ok(())
    }

    fn check_one(&self, same: Same) -> Result<()> {
        let count = self.seen.len() as u64;
        match same {
            Same::Requests(all) => {
                ensure!(count == all, "{count} requests");
                ensure!(account(&self.record).scheduled == all, "not all were told");
            }
            Same::Connections(all) => {
                ensure!(self.connections == all, "{} connections", self.connections);
            }
            Same::Rate(rate) => {
                let scheduled = account(&self.record).scheduled;
                ensure!(scheduled == rate, "{scheduled} in a second");
                self.lasts()?;
            }
            Same::Cap(most) => {
                // Each thread sends its first one at once.
                let threads = std::thread::available_parallelism()?.get() as u64;
                ensure!(count <= most + threads, "{count} in a second");
                ensure!(count >= most / 4, "only {count}");
            }
            Same::Duration => self.lasts()?,
            Same::Method(method) => self.each(|seen| seen.method == method)?,
            Same::Body(body) => self.each(|seen| body_of(&seen.text) == body)?,
            Same::Header(name, value) => {
                self.each(|seen| header(&seen.text, name) == Some(value))?
            }
            Same::NotFollowed => self.each(|seen| seen.path == "/moved")?,
        }
        Ok(())
    }

    fn each(&self, holds: impl Fn(&Seen) -> bool) -> Result<()> {
        let odd = self.seen.iter().find(|seen| !holds(seen));
        ensure!(odd.is_none() && !self.seen.is_empty(), "{odd:?}");
        Ok(())
    }

    /// A second of load: from the first request to the last.
    fn lasts(&self) -> Result<()> {
        let arrived = self.seen.iter().map(|seen| seen.arrived_us);
        let first = arrived.clone().min().context("nothing came")?;
        let us = arrived.max().unwrap_or(0) - first;
        ensure!((500_000..1_000_000 + AFTER_US).contains(&us), "{us} µs");
        Ok(())
    }
}

#[test]
fn one_liners_of_other_tools_mean_the_same_here() {
    let _alone = alone();
    let target = plan()
        .otherwise(ok())
        .route("/moved", redirect(302, "/"))
        .keeping_text()
        .start();
    let home = Home::new();
    let scenario = format!(
        "testScenario:\n  execution: [{{ users: 900, hold-for: 30s }}]\n  scenarios: {{ one: {{ requests: [\"{}\"] }} }}\n",
        target.url("/")
    );
    let files = [
        ("scenario.yaml", scenario.as_str()),
        ("body.json", table::BODY_FILE),
    ];
    let files = files.map(|(name, text)| {
        let path = home.file(name, text);
        (name, path.to_string_lossy().into_owned())
    });
    for row in &TABLE {
        twice(|| {
            let tried = try_row(row, &home, &target, &files);
            let told = || format!("{} as {}", row.theirs, row.ours);
            tried.check(row).with_context(told)
        });
    }
}

/// A table of a document: its rows are these, in this order.
#[test]
fn the_document_has_the_table_that_is_tried() {
    let text = std::fs::read_to_string(DOCUMENT).unwrap();
    let begin = text.find("| you type | here |").unwrap();
    let end = begin + text[begin..].find("\n\n").unwrap() + 1;
    let mut table = "| you type | here | the same |\n|---|---|---|\n".to_owned();
    table.extend(TABLE.iter().map(as_written));
    if std::env::var_os("DLT_UPDATE").is_some() {
        let new = format!("{}{table}{}", &text[..begin], &text[end..]);
        std::fs::write(DOCUMENT, new).unwrap();
        return;
    }
    assert_eq!(
        &text[begin..end],
        table,
        "docs/coming-from.md differs from the table that is tried; DLT_UPDATE=1 writes it"
    );
}

fn as_written(row: &Row) -> String {
    let same = row.same.iter().map(|same| match same {
        Same::Requests(1) => "1 request".to_owned(),
        Same::Requests(n) => format!("{n} requests"),
        Same::Connections(n) => format!("{n} connections"),
        Same::Rate(n) => format!("{n} requests due per second"),
        Same::Cap(n) => format!("at most {n} requests per second"),
        Same::Duration => "duration".to_owned(),
        Same::Method(_) => "method".to_owned(),
        Same::Body(_) => "body".to_owned(),
        Same::Header("Authorization", _) => "auth".to_owned(),
        Same::Header(..) => "header".to_owned(),
        Same::NotFollowed => "redirects stay".to_owned(),
    });
    let mut same = same.collect::<Vec<_>>().join(", ");
    if !row.note.is_empty() {
        same = format!("{same}; {}", row.note);
    }
    format!("| `{}` | `{}` | {same} |\n", row.theirs, row.ours)
}

/// Two regions of two runners; redirects come on top, and who is slow keeps nobody.
#[test]
fn a_number_of_requests_is_exact_over_runners_and_regions() {
    let _shared = shared();
    let home = Home::new();
    for (execution, total) in [
        ("users: 7, total-requests: 101", 101),
        ("concurrency: 3, total-requests: 5", 5),
    ] {
        let moved = redirect(302, "/there");
        let target = plan().otherwise(ok()).route("/moved", moved).start();
        let requests = format!("      - \"{}\"\n", target.url("/moved"));
        let file = home.file("counted.yaml", two_regions(execution, &requests));
        let regions = ["--region", "lo-home-1=2", "--region", "lo-home-2=2"];
        let args = [&[file.to_str().unwrap()], &regions[..]].concat();
        let (record, _) = run_json(&home, SECOND, 0, &args);
        accounts_agree(&record, &target).unwrap();
        for path in ["/moved", "/there"] {
            assert_eq!(target.log.count_of(path), total, "{execution}: {path}");
        }
        assert_eq!(account(&record).scheduled, 2 * total);
        assert_eq!(record.load.as_ref().unwrap().requests, Some(total));
        assert!(record.coverage.as_ref().unwrap().complete);
    }
}

#[test]
fn a_number_of_requests_goes_with_time_and_with_arrivals_or_is_refused() {
    let _shared = shared();
    let target = plan().otherwise(ok()).start();
    let home = Home::new();
    let url = target.url("/");
    // So many arrivals, then the end.
    let (record, _) = run_json(&home, SECOND, 0, &[&url, "-n", "30", "--arrivals", "100"]);
    accounts_agree(&record, &target).unwrap();
    assert_eq!(account(&record).scheduled, 30);
    // Time comes first: told on the screen and in the record.
    let args = [
        &url,
        "-n",
        "1000000",
        "-c",
        "1",
        "-d",
        "1s",
        "--throughput",
        "50",
    ];
    let ended = home.run(SECOND * 40, [&["run"], &args[..]].concat());
    ended.expect_code(0);
    let said = "not all of the 1000000 requests were begun: the planned end came first";
    // The screen wraps sentences.
    let words: Vec<&str> = ended.stdout.split_whitespace().collect();
    assert!(words.join(" ").contains(said), "{}", ended.told());
    let before = target.log.count();
    for (args, says) in [
        (&["-n", "0"][..], "total-requests: must be"),
        (&["-n", "5", "--iterations", "2"], "cannot be used with"),
        (
            &["-n", "9000000", "--arrivals", "0.001"],
            "longest load: raise arrivals (-n)",
        ),
    ] {
        let ended = home.run(SECOND * 40, [&["run", &url], args].concat());
        ended.expect_code(2);
        assert!(ended.stderr.contains(says), "{args:?}\n{}", ended.told());
    }
    assert_eq!(target.log.count(), before);
}
