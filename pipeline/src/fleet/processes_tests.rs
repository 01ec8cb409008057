//! Processes against real children: launched once, known by their last lines,
//! found again, never mistaken for strangers.

use super::*;
use crate::clock::SystemClock;
use crate::fleet::RunnerPhase;
use dlt_core::ids::RunPrefix;
use dlt_core::messages::order::Order;
use dlt_core::messages::order::Role;
use dlt_core::routing::EnvironmentProxies;
use dlt_core::scenario::plan::FileType;
use dlt_core::target_policy::TargetPolicy;
use std::path::Path;
use std::time::{Duration, Instant};

/// Longest wait for a child of these tests.
const PATIENCE: Duration = Duration::from_secs(30);

fn fleet(folder: &Path, script: &str) -> Processes<SystemClock> {
    let arguments = vec!["-c".to_owned(), script.to_owned()];
    let worker = (PathBuf::from("/bin/sh"), arguments);
    Processes::new(
        worker,
        folder.to_owned(),
        Lifetime::OfParent,
        Arc::new(SystemClock),
        Arc::new(()),
    )
}

fn region() -> Region {
    Region::parse("lo-home-1").unwrap()
}

/// A launch of so many; every token is another launch.
fn launch(count: u64, token: &str) -> Launch {
    let run = TestRunId::parse("r1").unwrap();
    Launch {
        count,
        spare: false,
        token: token.to_owned(),
        order: Order {
            test: TestId::parse("t1").unwrap(),
            prefix: RunPrefix::of("2026-03-04 09:15:02", &run).unwrap(),
            run,
            tool: None,
            file_type: FileType::None,
            region: region(),
            role: Role::Worker,
            depot: "/nowhere".to_owned(),
            hub: None,
            live: false,
            runner: None,
            threads: Some(1),
            keep_exchanges: false,
            targets: TargetPolicy::default(),
            proxies: EnvironmentProxies::default(),
        },
    }
}

async fn until(
    fleet: &Processes<SystemClock>,
    what: impl Fn(&[RunnerStatus]) -> bool,
) -> Vec<RunnerStatus> {
    let test = TestId::parse("t1").unwrap();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let seen = fleet.list(&test, Place::Everywhere).await.unwrap();
        if what(&seen) {
            return seen;
        }
        assert!(Instant::now() < deadline, "{seen:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

const READY: &str = r#"printf '{"event":"DLT_READY","runner":"%s","region":"%s","address":"127.0.0.1:9"}\n' "$DLT_RUNNER" "$AWS_REGION";"#;

#[tokio::test]
async fn a_launch_that_is_repeated_makes_one_runner() {
    let folder = tempfile::tempdir().unwrap();
    let fleet = fleet(folder.path(), &format!("{READY} exec sleep 60"));
    for _ in 0..3 {
        let launched = fleet.launch(&launch(2, "one")).await.unwrap();
        assert_eq!(launched.refused, Vec::<String>::new());
        assert_eq!(launched.runners.len(), 2);
    }
    let elsewhere = Region::parse("lo-home-2").unwrap();
    let run = TestRunId::parse("r1").unwrap();
    let test = TestId::parse("t1").unwrap();
    let there = fleet.list(&test, Place::Region(&elsewhere)).await.unwrap();
    assert_eq!(there, vec![]);
    let seen = until(&fleet, |seen| seen.iter().all(RunnerStatus::is_ready)).await;
    assert_eq!(seen.len(), 2);
    let who: Vec<RunnerId> = seen.iter().map(|seen| seen.runner.clone()).collect();
    // Nobody of another region is meant.
    fleet
        .stop(&run, &elsewhere, &who, Stop::AtOnce)
        .await
        .unwrap();
    fleet
        .stop(&run, &region(), &who[..1], Stop::AtOnce)
        .await
        .unwrap();
    fleet
        .stop(&run, &region(), &who[1..], Stop::Gracefully)
        .await
        .unwrap();
    let seen = until(&fleet, |seen| seen.iter().all(|seen| !seen.alive)).await;
    let how: Vec<_> = seen.iter().map(|seen| seen.loss().unwrap()).collect();
    assert_eq!(how, ["killed by signal 9", "killed by signal 15"]);
}

/// Hears what is handed over.
#[derive(Debug, Default)]
struct Heard(Mutex<Vec<(String, Vec<u8>)>>);

impl LineListener for Heard {
    fn line(&self, _: &TestRunId, _: dlt_core::messages::runner_line::RunnerLine) {}

    fn unreadable(&self, _: &TestRunId, _: &RunnerId, _: u64) {}

    fn handed_over(&self, key: &str, bytes: Vec<u8>) {
        self.0.lock().unwrap().push((key.to_owned(), bytes));
    }
}

/// A runner whose disk is full has no last line; what it could not store comes through
/// the memory that it shares, also to a process that took it over.
#[tokio::test]
async fn what_a_runner_cannot_store_is_handed_over_at_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let script = format!(
        "{READY} [ \"$DLT_HANDOVER\" = stdin ] || exit 9; \
         printf '\\0\\0\\0\\0\\0\\0\\0\\1\\0\\0\\0\\0\\0\\0\\0\\2kab' > /proc/self/fd/0; \
         while [ ! -e {0}/end ]; do sleep 0.01; done",
        folder.path().display()
    );
    let heard = Arc::new(Heard::default());
    let fleet = |heard: &Arc<Heard>| {
        Processes::new(
            (
                PathBuf::from("/bin/sh"),
                vec!["-c".to_owned(), script.clone()],
            ),
            folder.path().join("runs"),
            Lifetime::Own,
            Arc::new(SystemClock),
            Arc::clone(heard) as Arc<_>,
        )
    };
    let first = fleet(&heard);
    first.launch(&launch(1, "one")).await.unwrap();
    until(&first, |seen| seen.iter().all(RunnerStatus::is_ready)).await;
    let taken_over = Arc::new(Heard::default());
    let second = fleet(&taken_over);
    second.adopt(&TestRunId::parse("r1").unwrap()).unwrap();
    until(&second, |seen| seen.iter().all(RunnerStatus::is_ready)).await;
    std::fs::write(folder.path().join("end"), "").unwrap();
    let seen = until(&first, |seen| seen.iter().all(|seen| !seen.alive)).await;
    assert_eq!(seen[0].loss(), None);
    until(&second, |seen| seen.iter().all(|seen| !seen.alive)).await;
    for heard in [heard, taken_over] {
        let handed = heard.0.lock().unwrap().clone();
        assert_eq!(handed, [("k".to_owned(), b"ab".to_vec())]);
    }
}

#[tokio::test]
async fn a_runner_is_known_by_its_last_lines() {
    let folder = tempfile::tempdir().unwrap();
    let script = r#"
        case $DLT_RUNNER in
        *-1) printf '{"event":"DLT_FINISHED","runner":"x","exit":0,"report":"k"}' ;;
        *-2) echo nonsense; echo 'no plan' >&2; exit 2 ;;
        *-3) echo "$HOME:$DLT_SECRET_OF_TESTS:$DLT_THREADS" >&2; exit 4 ;;
        esac"#;
    let fleet = fleet(folder.path(), script);
    fleet.launch(&launch(2, "two")).await.unwrap();
    let launched = fleet.launch(&launch(1, "one more")).await.unwrap();
    assert_eq!(launched.runners[0].as_str(), "lo-home-1-3");
    let seen = until(&fleet, |seen| seen.iter().all(|seen| !seen.alive)).await;
    assert_eq!(seen[0].phase, RunnerPhase::Finished { exit: 0 });
    assert_eq!(seen[0].loss(), None);
    assert_eq!(
        seen[1].loss().unwrap(),
        "ended with exit code 2; it said: no plan"
    );
    // Only what it must know: the order and the way to programs and keys.
    let home = std::env::var("HOME").unwrap_or_default();
    assert!(seen[2].loss().unwrap().ends_with(&format!("{home}::1")));
    assert!(folder.path().join("r1/lo-home-1-3.out").exists());
}

#[tokio::test]
async fn what_cannot_be_launched_is_refused_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let missing = (folder.path().join("no-such-program"), Vec::new());
    let fleet = Processes::new(
        missing,
        folder.path().to_owned(),
        Lifetime::OfParent,
        Arc::new(SystemClock),
        Arc::new(()),
    );
    let launched = fleet.launch(&launch(1, "one")).await.unwrap();
    assert!(
        launched.refused[0].contains("no-such-program"),
        "{launched:?}"
    );
    assert_eq!(until(&fleet, |_| true).await, vec![]);
    // Whoever opens the folder later finds nobody either.
    let run = TestRunId::parse("r1").unwrap();
    let later = super::tests::fleet(folder.path(), "exit 1");
    later.adopt(&run).unwrap();
    assert_eq!(until(&later, |_| true).await, vec![]);
}

#[tokio::test]
async fn runners_of_an_earlier_process_are_found_and_ended() {
    let folder = tempfile::tempdir().unwrap();
    let earlier = fleet(folder.path(), &format!("{READY} exec sleep 60"));
    earlier.launch(&launch(1, "one")).await.unwrap();
    let run = TestRunId::parse("r1").unwrap();
    let later = fleet(folder.path(), "exit 1");
    later.adopt(&run).unwrap();
    later.adopt(&run).unwrap();
    let seen = until(&later, |seen| seen.iter().all(RunnerStatus::is_ready)).await;
    assert_eq!(seen.len(), 1);
    // Its token is known, so it is not launched again.
    later.launch(&launch(1, "one")).await.unwrap();
    let who = [seen[0].runner.clone()];
    later
        .stop(&run, &region(), &who, Stop::AtOnce)
        .await
        .unwrap();
    until(&earlier, |seen| seen.iter().all(|seen| !seen.alive)).await;
    let seen = until(&later, |seen| seen.iter().all(|seen| !seen.alive)).await;
    assert_eq!(seen[0].loss().unwrap(), "ended while nobody watched");
}

#[tokio::test]
async fn a_reused_process_number_is_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let earlier = fleet(folder.path(), "exec sleep 60");
    earlier.launch(&launch(1, "one")).await.unwrap();
    let path = folder.path().join("r1/lo-home-1-1.json");
    let mut card: Card = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    card.started = card.started.map(|ticks| ticks + 1);
    fs::write(&path, serde_json::to_vec(&card).unwrap()).unwrap();
    let run = card.run.clone();
    let later = fleet(folder.path(), "exit 1");
    later.adopt(&run).unwrap();
    assert!(until(&later, |_| true).await.iter().all(|seen| !seen.alive));
    later
        .stop(
            &run,
            &region(),
            std::slice::from_ref(&card.runner),
            Stop::AtOnce,
        )
        .await
        .unwrap();
    assert!(
        until(&earlier, |_| true).await[0].alive,
        "a stranger was ended"
    );
    earlier.kill();
    until(&earlier, |seen| seen.iter().all(|seen| !seen.alive)).await;
}

/// Killed between the launch and the writing of its number: the process is
/// found by its token, and not launched a second time.
#[tokio::test]
async fn a_runner_whose_number_was_never_written_is_found_by_its_token() {
    let folder = tempfile::tempdir().unwrap();
    let earlier = fleet(folder.path(), &format!("{READY} exec sleep 60"));
    let mut launch = launch(1, "one");
    // Tokens of other tests' processes must not be met, nor what a failed one left.
    let name = format!("found-by-token-{}", std::process::id());
    launch.order.run = TestRunId::parse(&name).unwrap();
    earlier.launch(&launch).await.unwrap();
    let path = folder.path().join(name).join("lo-home-1-1.json");
    let mut card: Card = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let pid = card.pid;
    (card.pid, card.started) = (0, None);
    fs::write(&path, serde_json::to_vec(&card).unwrap()).unwrap();
    // While the shell becomes `sleep`, its environment cannot be read.
    let line = format!("/proc/{pid}/cmdline");
    let deadline = Instant::now() + PATIENCE;
    while !fs::read(&line).is_ok_and(|line| line.starts_with(b"sleep")) {
        assert!(Instant::now() < deadline, "the shell stays a shell");
        tokio::task::yield_now().await;
    }
    let later = fleet(folder.path(), "exit 1");
    assert_eq!(later.adopt(&launch.order.run).unwrap(), Lifetime::OfParent);
    assert_eq!(later.lock()[0].card.pid, pid);
    until(&later, |seen| seen.iter().all(RunnerStatus::is_ready)).await;
    earlier.kill();
    until(&later, |seen| seen.iter().all(|seen| !seen.alive)).await;
    // Gone too, nothing is found, and it counts as lost.
    fs::write(&path, serde_json::to_vec(&card).unwrap()).unwrap();
    let last = fleet(folder.path(), "exit 1");
    last.adopt(&launch.order.run).unwrap();
    assert!(until(&last, |_| true).await.iter().all(|seen| !seen.alive));
}
