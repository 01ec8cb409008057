//! Ctrl-C, SIGTERM and a closed terminal, as one counted stream: the first
//! asks for a partial result, the second leaves at once.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Requests to stop.
#[derive(Debug)]
pub struct Interrupts {
    streams: [Signal; 3],
}

impl Interrupts {
    /// Listens from now on; without it the process would end on the first.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            streams: [
                signal(SignalKind::interrupt())?,
                signal(SignalKind::terminate())?,
                signal(SignalKind::hangup())?,
            ],
        })
    }

    /// Waits for the next one; its name.
    pub async fn next(&mut self) -> &'static str {
        let [interrupt, terminate, hangup] = &mut self.streams;
        tokio::select! {
            _ = interrupt.recv() => "Ctrl-C",
            _ = terminate.recv() => "SIGTERM",
            _ = hangup.recv() => "a closed terminal",
        }
    }
}
