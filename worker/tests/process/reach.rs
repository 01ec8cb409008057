//! A target that is slow, silent or away (`give-up-after`): whether the run ends, why,
//! and what it counted, next to what the target counted itself.

use super::runners::{Depot, document, region};
use dlt_core::measure::sample::Cause;
use dlt_core::messages::report::{Ended, Report};
use serde_json::json;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What a target does with a connection; the second argument says since when it runs.
type Converse = fn(TcpStream, Instant) -> std::io::Result<u64>;

/// A target's URL, and how many answers it has sent.
fn serve(converse: Converse) -> (String, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let answers = Arc::new(AtomicU64::new(0));
    let count = answers.clone();
    std::thread::spawn(move || {
        let begun = Instant::now();
        for stream in listener.incoming().flatten() {
            let count = count.clone();
            std::thread::spawn(move || {
                let sent = converse(stream, begun).unwrap_or(0);
                count.fetch_add(sent, Ordering::SeqCst);
            });
        }
    });
    (url, answers)
}

/// What the first runner reports of a load with these keys of `execution` and of the
/// scenario.
fn load(url: &str, hold: &str, give_up_after: &str, first_byte: &str) -> Report {
    let mut document = document(url, hold);
    document["execution"][0]["give-up-after"] = json!(give_up_after);
    let scenarios = document["scenarios"].as_object_mut().unwrap();
    for scenario in scenarios.values_mut() {
        let total = if first_byte == "500ms" { "800ms" } else { "1m" };
        scenario["timeouts"] = json!({ "first-byte": first_byte, "connect": "1s", "total": total });
    }
    let depot = Depot::new(&document);
    let (worker, leader) = region(&depot);
    assert_eq!((leader.end().1, worker.end().1), (0, 0));
    let report = depot.report(1);
    assert!(report.tally.account.balanced());
    assert_eq!(report.ended, depot.report(2).ended);
    report
}

#[expect(
    clippy::disallowed_methods,
    reason = "the target is slow on purpose; nothing is waited for"
)]
fn be_slow(time: Duration) {
    std::thread::sleep(time);
}

/// Answers one request after 2.5 s, and closes.
fn slow(mut stream: TcpStream, _: Instant) -> std::io::Result<u64> {
    if stream.read(&mut [0; 4096])? == 0 {
        return Ok(0);
    }
    be_slow(Duration::from_millis(2_500));
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
    Ok(1)
}

/// Sends one byte of an answer and no more.
fn one_byte(mut stream: TcpStream, _: Instant) -> std::io::Result<u64> {
    if stream.read(&mut [0; 4096])? == 0 {
        return Ok(0);
    }
    stream.write_all(b"H")?;
    stream.read_to_end(&mut Vec::new())?;
    Ok(0)
}

fn closing(mut stream: TcpStream, _: Instant) -> std::io::Result<u64> {
    if stream.read(&mut [0; 4096])? == 0 {
        return Ok(0);
    }
    be_slow(Duration::from_millis(30));
    Ok(0)
}

fn silent(mut stream: TcpStream, _: Instant) -> std::io::Result<u64> {
    stream.read_to_end(&mut Vec::new())?;
    Ok(0)
}

#[test]
fn a_slow_target_is_a_target() {
    let (url, answers) = serve(slow);
    let report = load(&url, "4s", "1s", "10s");
    assert_eq!(report.ended, Ended::AsPlanned);
    let account = report.tally.account;
    assert!(account.ok > 0, "{account:?}");
    // Both runners have as many users; each answer was counted by one of them.
    assert!(answers.load(Ordering::SeqCst) >= account.ok, "{account:?}");
}

#[test]
fn any_byte_and_any_closing_is_a_sign_of_a_target() {
    for converse in [one_byte as Converse, closing] {
        let (url, _) = serve(converse);
        let report = load(&url, "4s", "1s", "500ms");
        assert_eq!(report.ended, Ended::AsPlanned);
        assert_eq!(report.tally.account.ok, 0);
    }
}

#[test]
fn a_target_that_is_away_ends_the_run_when_the_scenario_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let refusing = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let (silent, _) = serve(silent);
    let nameless = "http://no-such-host.invalid/";
    for (url, give_up_after, first_byte, cause) in [
        (refusing.as_str(), "2s", "10s", Cause::Refused),
        (nameless, "1s", "10s", Cause::Dns),
        // It counts after its own limit, and not before.
        (&silent, "1s", "2500ms", Cause::TimeoutFirstByte),
    ] {
        let begun = Instant::now();
        let report = load(url, "10m", give_up_after, first_byte);
        assert!(begun.elapsed() < Duration::from_secs(60));
        let Ended::TargetSilent {
            cause: told,
            message,
        } = &report.ended
        else {
            panic!("{url}: {:?}", report.ended);
        };
        assert_eq!(*told, Some(cause), "{message}");
        let says = format!("answered nothing for {} s", &give_up_after[..1]);
        assert!(message.contains(&says), "{message}");
        assert!(message.contains("give-up-after: never"), "{message}");
        assert_eq!(report.tally.account.ok, 0);
        if cause == Cause::TimeoutFirstByte {
            assert!(report.duration_us >= 2_500_000, "{}", report.duration_us);
        }
    }
    let report = load(&refusing, "3s", "never", "10s");
    assert_eq!(report.ended, Ended::AsPlanned);
    assert!(report.tally.account.failed > 0);
}
