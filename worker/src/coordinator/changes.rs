//! Changes of the load while it goes on, as a leader hears of them: an object of the depot that is
//! looked at again and again. What a change means is the engine's.

use crate::depot::Depot;
use crate::output::log;
use dlt_core::load::changes::LoadChange;
use dlt_core::messages::order::ChangesFile;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Between two looks into a folder; into a bucket every tenth of it costs more than it helps.
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);
const BETWEEN_LOOKS_BUCKET: Duration = Duration::from_secs(2);

/// Hears of changes until it is dropped.
#[derive(Debug)]
pub(crate) struct ChangesWatch {
    told: watch::Receiver<Vec<LoadChange>>,
    task: JoinHandle<()>,
}

impl ChangesWatch {
    /// Looks at the object `key`.
    pub(crate) fn new(depot: Depot, key: String) -> Self {
        let (sender, told) = watch::channel(Vec::new());
        let task = tokio::spawn(async move {
            let pause = match depot.is_folder() {
                true => BETWEEN_LOOKS,
                false => BETWEEN_LOOKS_BUCKET,
            };
            let mut failed = false;
            loop {
                tokio::time::sleep(pause).await;
                match read(&depot, &key).await {
                    Ok(Some(changes)) => {
                        failed = false;
                        sender.send_if_modified(|told| {
                            let is_new = changes.len() > told.len();
                            if is_new {
                                *told = changes;
                            }
                            is_new
                        });
                    }
                    Ok(None) => failed = false,
                    Err(why) if !failed => {
                        failed = true;
                        log(&format!(
                            "changes of the load cannot be heard of at the moment: {why}"
                        ));
                    }
                    Err(_) => {}
                }
            }
        });
        Self { told, task }
    }

    /// All changes so far, once there are new ones.
    pub(crate) async fn next(&mut self) -> Vec<LoadChange> {
        match self.told.changed().await {
            Ok(()) => self.told.borrow_and_update().clone(),
            Err(_) => std::future::pending().await,
        }
    }
}

impl Drop for ChangesWatch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn read(depot: &Depot, key: &str) -> Result<Option<Vec<LoadChange>>, String> {
    let bytes = depot.fetch(key).await.map_err(|error| error.to_string())?;
    let Some(bytes) = bytes else {
        return Ok(None);
    };
    let file: ChangesFile =
        serde_json::from_slice(&bytes).map_err(|error| format!("object {key}: {error}"))?;
    Ok(Some(file.changes))
}
