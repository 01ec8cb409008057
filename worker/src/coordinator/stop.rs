//! Requests to stop from outside: a signal, or the end of the process that started
//! the runner. What follows is decided by the lifecycle and the coordinator.

use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// How often the parent process is looked for.
const PARENT_POLL: Duration = Duration::from_millis(500);

/// Why the runner has to stop; None until it has to.
pub type StopSignal = watch::Receiver<Option<String>>;

/// SIGTERM, SIGINT and, where `DLT_ENDS_WITH` says so, the end of the parent
/// process as a reason to stop; the first one counts.
pub fn stop_signal() -> std::io::Result<StopSignal> {
    let (sender, stop) = watch::channel(None);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let with_parent = std::env::var("DLT_ENDS_WITH").is_ok_and(|word| word == "parent");
    tokio::spawn(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
            () = parent_ended(), if with_parent => "the dlt process that started it is gone",
        };
        sender.send_replace(Some(name.to_owned()));
        sender.closed().await;
    });
    Ok(stop)
}

/// Waits until a stop is requested; returns why.
pub async fn stop_requested(stop: &mut StopSignal) -> String {
    match stop.wait_for(Option::is_some).await {
        Ok(reason) => reason.clone().unwrap_or_default(),
        // Nothing is left that could request one.
        Err(_) => std::future::pending().await,
    }
}

/// Returns when the process that started this one has ended: its children then
/// get another parent. A killed `dlt run` must not leave load behind.
async fn parent_ended() {
    let parent = std::os::unix::process::parent_id();
    let mut polls = tokio::time::interval(PARENT_POLL);
    // A parent with id 1 adopts orphans: ours has ended already. The first
    // process of a container is never started with this option.
    while parent != 1 && std::os::unix::process::parent_id() == parent {
        polls.tick().await;
    }
}
