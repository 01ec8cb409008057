//! The peers of a runner under load: its leader, or its workers, or none.

use super::connection::PeerConnection;
use super::rendezvous::leader::{RegionWorkers, WorkerEvent};
use super::rendezvous::worker::LeaderEvent;
use dlt_core::messages::order::ToLeader;
use tokio::sync::mpsc;

/// With which peers a runner makes load.
#[derive(Debug)]
pub enum Peers {
    /// None: its leader is lost.
    None,
    /// A worker's leader.
    Leader {
        /// The connection.
        connection: PeerConnection<ToLeader>,
        /// Its events.
        events: mpsc::UnboundedReceiver<LeaderEvent>,
    },
    /// A leader's workers, possibly none.
    Workers(RegionWorkers),
}

/// An event of any peer.
pub(super) enum PeersEvent {
    Leader(LeaderEvent),
    Worker(WorkerEvent),
}

impl Peers {
    /// The next event; pending for ever if no peer is left.
    pub(super) async fn next_event(&mut self) -> PeersEvent {
        let event = match self {
            Self::None => None,
            Self::Leader { events, .. } => events.recv().await.map(PeersEvent::Leader),
            Self::Workers(workers) => workers.events.recv().await.map(PeersEvent::Worker),
        };
        match event {
            Some(event) => event,
            None => std::future::pending().await,
        }
    }
}
