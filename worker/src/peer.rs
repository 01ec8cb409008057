//! A connection that stands: one task reads and writes it, shows signs of life
//! and notices when the peer shows none. What frames mean is for its owner.

use crate::clock;
use crate::frames::{self, FrameError, FrameReader};
use dlt_core::messages::order::SILENT_PEER_S;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// A peer that says nothing, or takes nothing, for so long is lost.
pub const SILENT_PEER: Duration = Duration::from_secs(SILENT_PEER_S);
/// How often a sign of life is shown.
const SIGN_OF_LIFE: Duration = Duration::from_secs(3);
/// How long a peer may take to read our last words.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Something heard of a peer.
#[derive(Debug)]
pub struct Heard<In, Out> {
    /// Which peer, by the number its owner gave it.
    pub who: usize,
    /// What.
    pub what: What<In, Out>,
}

/// What can be heard of a peer.
#[derive(Debug)]
pub enum What<In, Out> {
    /// A frame.
    Frame {
        /// The frame.
        frame: In,
        /// When it was read, µs since the Unix epoch.
        at_us: u64,
    },
    /// The connection is gone; nothing more comes.
    Lost {
        /// Why.
        why: FrameError,
        /// What was still to be sent.
        unsent: Vec<Out>,
    },
}

/// How a side behaves without being asked.
#[derive(Debug)]
pub struct Manners<In, Out> {
    /// The answer to frames that are answered at once and not passed on; the
    /// second argument is when the frame was read, µs since the Unix epoch.
    pub answer: fn(&In, u64) -> Option<Out>,
    /// What is said every few seconds.
    pub sign_of_life: Option<fn() -> Out>,
}

/// The writing end of a connection that stands. Dropped, it says what is left
/// to say and closes.
#[derive(Debug)]
pub struct Peer<Out> {
    /// The number under which it is heard of.
    pub who: usize,
    out: mpsc::UnboundedSender<Out>,
    task: JoinHandle<()>,
}

impl<Out: Serialize + Send + Sync + 'static> Peer<Out> {
    /// Keeps a connection; what is heard goes to `events` under `who`.
    pub fn keep<In: DeserializeOwned + Send + Sync + 'static>(
        who: usize,
        (reader, writer): (FrameReader<OwnedReadHalf>, OwnedWriteHalf),
        manners: Manners<In, Out>,
        events: mpsc::UnboundedSender<Heard<In, Out>>,
    ) -> Self {
        // Stays small: an owner sends a tick a second, or a start and a stop,
        // and a peer that takes nothing for 10 s is lost, queue and all.
        let (out, outgoing) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            let mut keeper = Keeper {
                who,
                reader,
                writer,
                manners,
                outgoing,
                unwritten: None,
                events,
            };
            if let Err(why) = keeper.serve().await {
                keeper.lost(why);
            }
        });
        Self { who, out, task }
    }

    /// Sends a frame; gives it back if the connection is known to be gone.
    pub fn send(&self, frame: Out) -> Result<(), Out> {
        self.out.send(frame).map_err(|refused| refused.0)
    }

    /// Says what is left to say and waits, a little, until it is read.
    pub async fn close(self) {
        drop(self.out);
        // Whatever the task ran into, there is nothing left to do about it.
        let _ = tokio::time::timeout(2 * LAST_WORDS, self.task).await;
    }
}

struct Keeper<In, Out> {
    who: usize,
    reader: FrameReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    manners: Manners<In, Out>,
    outgoing: mpsc::UnboundedReceiver<Out>,
    /// The owner's frame at which writing failed.
    unwritten: Option<Out>,
    events: mpsc::UnboundedSender<Heard<In, Out>>,
}

impl<In: DeserializeOwned, Out: Serialize> Keeper<In, Out> {
    /// Serves until its owner lets go (Ok) or the connection is lost.
    async fn serve(&mut self) -> Result<(), FrameError> {
        let mut last_heard = Instant::now();
        let mut next_sign = Instant::now() + SIGN_OF_LIFE;
        loop {
            tokio::select! {
                frame = self.reader.read::<In>() => {
                    let (frame, at_us) = (frame?, clock::now_us());
                    last_heard = Instant::now();
                    match (self.manners.answer)(&frame, at_us) {
                        Some(answer) => self.write(&answer).await?,
                        None => self.pass(What::Frame { frame, at_us }),
                    }
                }
                frame = self.outgoing.recv() => match frame {
                    Some(frame) => if let Err(why) = self.write(&frame).await {
                        self.unwritten = Some(frame);
                        return Err(why);
                    },
                    None => return self.part().await,
                },
                () = tokio::time::sleep_until(next_sign), if self.manners.sign_of_life.is_some() => {
                    next_sign = Instant::now() + SIGN_OF_LIFE;
                    if let Some(sign) = self.manners.sign_of_life {
                        self.write(&sign()).await?;
                    }
                }
                () = tokio::time::sleep_until(last_heard + SILENT_PEER) => {
                    return Err(FrameError::Silent(SILENT_PEER));
                }
            }
        }
    }

    async fn write(&mut self, frame: &Out) -> Result<(), FrameError> {
        frames::write(&mut self.writer, frame, SILENT_PEER).await
    }

    /// Closes so that our last words arrive: a socket dropped with unread
    /// bytes in it would reset the connection and take them along.
    async fn part(&mut self) -> Result<(), FrameError> {
        use tokio::io::AsyncWriteExt;
        self.writer.shutdown().await?;
        let silence =
            async { while let Ok(_ignored) = self.reader.read::<serde_json::Value>().await {} };
        let _ = tokio::time::timeout(LAST_WORDS, silence).await;
        Ok(())
    }

    /// Says what was not sent. Nothing is awaited between the close and the
    /// news, so on the runner's one event loop an owner whose frame is refused
    /// finds the news in its channel.
    fn lost(&mut self, why: FrameError) {
        self.outgoing.close();
        let mut unsent: Vec<Out> = self.unwritten.take().into_iter().collect();
        while let Ok(frame) = self.outgoing.try_recv() {
            unsent.push(frame);
        }
        self.pass(What::Lost { why, unsent });
    }

    fn pass(&self, what: What<In, Out>) {
        // An owner that has left needs no news.
        let _ = self.events.send(Heard {
            who: self.who,
            what,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dlt_core::messages::order::{LONGEST_FRAME_BYTES, ToLeader, ToWorker};
    use tokio::net::{TcpListener, TcpStream};

    /// A frame beyond the limit of a frame is one that cannot be written.
    #[tokio::test]
    async fn what_was_being_written_is_handed_back_first() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let far = TcpStream::connect(listener.local_addr().unwrap());
        let (far, near) = tokio::join!(far, listener.accept());
        let (reader, writer) = near.unwrap().0.into_split();
        let (sender, mut events) = mpsc::unbounded_channel::<Heard<ToLeader, ToWorker>>();
        let manners = Manners {
            answer: |_, _| None,
            sign_of_life: None,
        };
        let peer = Peer::keep(7, (FrameReader::new(reader), writer), manners, sender);
        let frames = [
            ToWorker::Auth {
                hmac: "a".repeat(LONGEST_FRAME_BYTES),
            },
            ToWorker::Probe { t1_us: 1 },
        ];
        for frame in frames.clone() {
            peer.send(frame).unwrap();
        }
        let heard = tokio::time::timeout(SILENT_PEER, events.recv()).await;
        let Some(Heard {
            who: 7,
            what: What::Lost { unsent, .. },
        }) = heard.unwrap()
        else {
            panic!("not lost");
        };
        assert_eq!(unsent, frames);
        drop(far);
    }
}
