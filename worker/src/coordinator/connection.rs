//! One established start connection: a task reads and writes it, sends
//! heartbeats, and reports the peer as lost once it is silent for too long.
//! What frames mean is decided by the owner of the connection.

use super::frames::{self, FrameError, FrameReader};
use crate::clock;
use dlt_core::messages::order::SILENT_PEER_S;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// A peer that sends nothing, or takes nothing, for so long is lost.
pub const SILENT_PEER: Duration = Duration::from_secs(SILENT_PEER_S);
/// Interval of heartbeats: three of them fit into [`SILENT_PEER`].
const HEARTBEAT: Duration = Duration::from_secs(3);
/// How long a closing connection waits for the peer to read what was sent.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);

/// Something that happened on the connection to a peer.
#[derive(Debug)]
pub struct PeerEvent<In, Out> {
    /// The number that the owner gave to the connection.
    pub peer: usize,
    /// What happened.
    pub kind: PeerEventKind<In, Out>,
}

/// What can happen on a connection.
#[derive(Debug)]
pub enum PeerEventKind<In, Out> {
    /// A frame arrived.
    Frame {
        /// The frame.
        frame: In,
        /// When it was read, µs since the Unix epoch.
        at_us: u64,
    },
    /// The connection has ended; no further event follows.
    Lost {
        /// Why.
        why: FrameError,
        /// Frames that the owner sent and that were not written.
        unsent: Vec<Out>,
    },
}

/// What the connection's task does without asking its owner.
#[derive(Debug)]
pub struct PeerBehaviour<In, Out> {
    /// The answer to a frame that is answered at once and not passed on; the
    /// second argument is when the frame was read, µs since the Unix epoch.
    pub answer: fn(&In, u64) -> Option<Out>,
    /// The frame to send every few seconds.
    pub heartbeat: Option<fn() -> Out>,
}

/// The sending end of an established connection. Dropped, it sends what is
/// queued and closes.
#[derive(Debug)]
pub struct PeerConnection<Out> {
    /// The number that its events carry.
    pub id: usize,
    outgoing: mpsc::UnboundedSender<Out>,
    task: JoinHandle<()>,
}

impl<Out: Serialize + Send + Sync + 'static> PeerConnection<Out> {
    /// Starts the task of a connection; its events go to `events` under `id`.
    pub fn spawn<In: DeserializeOwned + Send + Sync + 'static>(
        id: usize,
        (reader, writer): (FrameReader<OwnedReadHalf>, OwnedWriteHalf),
        behaviour: PeerBehaviour<In, Out>,
        events: mpsc::UnboundedSender<PeerEvent<In, Out>>,
    ) -> Self {
        // Stays small: an owner sends one tick a second, or a start and a stop,
        // and the queue of a peer that takes nothing for 10 s is given up.
        let (outgoing, queue) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            let mut connection = ConnectionTask {
                id,
                reader,
                writer,
                behaviour,
                queue,
                unwritten: None,
                events,
            };
            if let Err(why) = connection.run().await {
                connection.report_loss(why);
            }
        });
        Self { id, outgoing, task }
    }

    /// Queues a frame; returns it if the connection is known to have ended.
    pub fn send(&self, frame: Out) -> Result<(), Out> {
        self.outgoing.send(frame).map_err(|refused| refused.0)
    }

    /// Sends what is queued and waits, for a short time, until it is read.
    pub async fn close(self) {
        drop(self.outgoing);
        // An error of the task changes nothing: the connection is given up.
        let _ = tokio::time::timeout(2 * CLOSE_LIMIT, self.task).await;
    }
}

struct ConnectionTask<In, Out> {
    id: usize,
    reader: FrameReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    behaviour: PeerBehaviour<In, Out>,
    queue: mpsc::UnboundedReceiver<Out>,
    /// The owner's frame whose writing failed.
    unwritten: Option<Out>,
    events: mpsc::UnboundedSender<PeerEvent<In, Out>>,
}

impl<In: DeserializeOwned, Out: Serialize> ConnectionTask<In, Out> {
    /// Runs until the owner drops its end (Ok) or the connection is lost.
    async fn run(&mut self) -> Result<(), FrameError> {
        let mut last_received = Instant::now();
        let mut next_heartbeat = Instant::now() + HEARTBEAT;
        loop {
            tokio::select! {
                frame = self.reader.read::<In>() => {
                    let (frame, at_us) = (frame?, clock::now_us());
                    last_received = Instant::now();
                    match (self.behaviour.answer)(&frame, at_us) {
                        Some(answer) => self.write(&answer).await?,
                        None => self.emit(PeerEventKind::Frame { frame, at_us }),
                    }
                }
                frame = self.queue.recv() => match frame {
                    Some(frame) => if let Err(why) = self.write(&frame).await {
                        self.unwritten = Some(frame);
                        return Err(why);
                    },
                    None => return self.close_gracefully().await,
                },
                () = tokio::time::sleep_until(next_heartbeat), if self.behaviour.heartbeat.is_some() => {
                    next_heartbeat = Instant::now() + HEARTBEAT;
                    if let Some(heartbeat) = self.behaviour.heartbeat {
                        self.write(&heartbeat()).await?;
                    }
                }
                () = tokio::time::sleep_until(last_received + SILENT_PEER) => {
                    return Err(FrameError::Silent(SILENT_PEER));
                }
            }
        }
    }

    async fn write(&mut self, frame: &Out) -> Result<(), FrameError> {
        frames::write(&mut self.writer, frame, SILENT_PEER).await
    }

    /// Ends the sending side and reads until the peer closes: a socket that is
    /// dropped with unread bytes resets the connection, and the peer would not
    /// get the last frames.
    async fn close_gracefully(&mut self) -> Result<(), FrameError> {
        use tokio::io::AsyncWriteExt;
        self.writer.shutdown().await?;
        let closed =
            async { while let Ok(_ignored) = self.reader.read::<serde_json::Value>().await {} };
        let _ = tokio::time::timeout(CLOSE_LIMIT, closed).await;
        Ok(())
    }

    /// Reports the loss with all unsent frames. Nothing is awaited between
    /// closing the queue and sending the event. The runner has one event loop,
    /// so an owner whose frame is refused finds the event in its channel.
    fn report_loss(&mut self, why: FrameError) {
        self.queue.close();
        let mut unsent: Vec<Out> = self.unwritten.take().into_iter().collect();
        while let Ok(frame) = self.queue.try_recv() {
            unsent.push(frame);
        }
        self.emit(PeerEventKind::Lost { why, unsent });
    }

    fn emit(&self, kind: PeerEventKind<In, Out>) {
        // Fails only if the owner has ended and reads no events.
        let _ = self.events.send(PeerEvent {
            peer: self.id,
            kind,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dlt_core::messages::order::{LONGEST_FRAME_BYTES, ToLeader, ToWorker};
    use tokio::net::{TcpListener, TcpStream};

    /// A frame above the size limit is one that cannot be written.
    #[tokio::test]
    async fn unsent_frames_are_returned_in_order() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let far = TcpStream::connect(listener.local_addr().unwrap());
        let (far, near) = tokio::join!(far, listener.accept());
        let (reader, writer) = near.unwrap().0.into_split();
        let (sender, mut events) = mpsc::unbounded_channel::<PeerEvent<ToLeader, ToWorker>>();
        let behaviour = PeerBehaviour {
            answer: |_, _| None,
            heartbeat: None,
        };
        let halves = (FrameReader::new(reader), writer);
        let connection = PeerConnection::spawn(7, halves, behaviour, sender);
        let frames = [
            ToWorker::Auth {
                hmac: "a".repeat(LONGEST_FRAME_BYTES),
            },
            ToWorker::Probe { t1_us: 1 },
        ];
        for frame in frames.clone() {
            connection.send(frame).unwrap();
        }
        let event = tokio::time::timeout(SILENT_PEER, events.recv()).await;
        let Some(PeerEvent {
            peer: 7,
            kind: PeerEventKind::Lost { unsent, .. },
        }) = event.unwrap()
        else {
            panic!("not lost");
        };
        assert_eq!(unsent, frames);
        drop(far);
    }

    /// A peer whose process hangs keeps its socket open; only the time limit
    /// finds it.
    #[tokio::test(start_paused = true)]
    async fn a_silent_peer_is_lost() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (_far, _) = listener.accept().await.unwrap();
        let (reader, writer) = near.into_split();
        let (sender, mut events) = mpsc::unbounded_channel();
        let behaviour = PeerBehaviour {
            answer: |_: &ToWorker, _| None,
            heartbeat: None,
        };
        let halves = (FrameReader::new(reader), writer);
        let connection = PeerConnection::<ToLeader>::spawn(7, halves, behaviour, sender);
        let event = events.recv().await.unwrap();
        assert_eq!(event.peer, 7);
        assert!(
            matches!(event.kind, PeerEventKind::Lost { .. }),
            "{event:?}"
        );
        while connection.send(ToLeader::Ack {}).is_ok() {
            tokio::task::yield_now().await;
        }
    }
}
