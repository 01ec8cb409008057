//! Ctrl-C, SIGTERM and a closed terminal as one stream. What the first and the second one
//! do is decided by the command.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Signals that ask the process to stop.
#[derive(Debug)]
pub struct Interrupts {
    streams: [Signal; 3],
}

impl Interrupts {
    /// Handles these signals from now on; unhandled, the first would end the process.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            streams: [
                signal(SignalKind::interrupt())?,
                signal(SignalKind::terminate())?,
                signal(SignalKind::hangup())?,
            ],
        })
    }

    /// Waits for the next signal; its name in messages.
    pub async fn next(&mut self) -> &'static str {
        let [interrupt, terminate, hangup] = &mut self.streams;
        tokio::select! {
            _ = interrupt.recv() => "Ctrl-C",
            _ = terminate.recv() => "SIGTERM",
            _ = hangup.recv() => "a closed terminal",
        }
    }
}
