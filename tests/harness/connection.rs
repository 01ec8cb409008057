//! One connection of a target: reads requests, does what the route says,
//! stamps both ends. Its HTTP reader is its own, so that it can disagree with
//! the engine's.

use crate::behaviour::{Asked, Behaviour, Reply, is_odd};
use crate::log::Seen;
use crate::target::Shared;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// Longest request head or body that a test sends.
const LONGEST_REQUEST_BYTES: usize = 16 * 1024 * 1024;

pub(crate) trait Socket: AsyncRead + AsyncWrite + Unpin {
    fn tcp(&self) -> &TcpStream;
}

impl Socket for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Socket for TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

struct Request {
    method: String,
    path: String,
    text: String,
    close: bool,
}

enum Next {
    Keep,
    Close,
    /// Drop the socket as it is: a shutdown would say a polite FIN first.
    Drop,
}

pub(crate) async fn serve<S: Socket>(mut socket: S, number: u64, shared: Arc<Shared>) {
    let mut held = Vec::with_capacity(4096);
    while let Some(request) = read_request(&mut socket, &mut held, shared.keep_text).await {
        let behaviour = shared.route(&request.path);
        let close = request.close;
        let head_only = request.method == "HEAD";
        let asked = Asked {
            method: request.method.clone(),
            path: request.path.clone(),
            text: request.text.clone(),
        };
        let entry = shared.log.arrived(Seen {
            connection: number,
            method: request.method,
            path: request.path,
            text: request.text,
            arrived_us: shared.log.now_us(),
            answering_us: None,
            answered_us: None,
            status: None,
        });
        let mut act = Act {
            socket: &mut socket,
            shared: &shared,
            number,
            entry,
            head_only,
            asked,
        };
        let next = act.perform(behaviour).await;
        match next {
            Next::Drop => return,
            Next::Close => break,
            Next::Keep if close => break,
            Next::Keep => {}
        }
    }
    // A polite end also under TLS; a client that is gone does not matter.
    let _ = tokio::time::timeout(Duration::from_secs(1), socket.shutdown()).await;
}

/// The next request, or None when the client is gone or talks nonsense.
async fn read_request<S: Socket>(
    socket: &mut S,
    held: &mut Vec<u8>,
    keep: bool,
) -> Option<Request> {
    let head = loop {
        if let Some(at) = held.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if held.len() > LONGEST_REQUEST_BYTES || socket.read_buf(held).await.ok()? == 0 {
            return None;
        }
    };
    let text = std::str::from_utf8(&held[..head]).ok()?.to_owned();
    let mut lines = text.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
    let header = |wanted: &str| {
        lines.clone().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case(wanted).then(|| value.trim())
        })
    };
    let length: usize = header("content-length").map_or(Some(0), |text| text.parse().ok())?;
    let close = header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    if length > LONGEST_REQUEST_BYTES {
        return None;
    }
    while held.len() < head + length {
        if socket.read_buf(held).await.ok()? == 0 {
            return None;
        }
    }
    let text = if keep {
        String::from_utf8_lossy(&held[..head + length]).into_owned()
    } else {
        String::new()
    };
    held.drain(..head + length);
    Some(Request {
        method,
        path,
        text,
        close,
    })
}

struct Act<'a, S> {
    socket: &'a mut S,
    shared: &'a Shared,
    number: u64,
    entry: usize,
    head_only: bool,
    asked: Asked,
}

impl<S: Socket> Act<'_, S> {
    async fn perform(&mut self, mut behaviour: Arc<Behaviour>) -> Next {
        loop {
            let (wait, next) = match &*behaviour {
                Behaviour::After(delay, next) => (*delay, next),
                Behaviour::ByConnection(delays, next) => {
                    let at = (self.number as usize).min(delays.len().saturating_sub(1));
                    (delays.get(at).copied().unwrap_or_default(), next)
                }
                Behaviour::Stall(stall, next) => (stall.wait(self.since_first()), next),
                Behaviour::EveryNth {
                    every,
                    counter,
                    odd,
                    usual,
                } => {
                    let next = if is_odd(counter, *every) { odd } else { usual };
                    (Duration::ZERO, next)
                }
                Behaviour::Switch { after, early, late } => {
                    let next = if self.since_first() < *after {
                        early
                    } else {
                        late
                    };
                    (Duration::ZERO, next)
                }
                Behaviour::Chosen(now, all) => {
                    let at = now.load(Ordering::Relaxed).min(all.len() - 1);
                    (Duration::ZERO, &all[at])
                }
                last => return self.end(last).await,
            };
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
            }
            let next = next.clone();
            behaviour = next;
        }
    }

    fn since_first(&self) -> Duration {
        let log = &self.shared.log;
        let now = log.now_us();
        Duration::from_micros(now.saturating_sub(log.first_us().unwrap_or(now)))
    }

    async fn end(&mut self, behaviour: &Behaviour) -> Next {
        match behaviour {
            Behaviour::Reply(reply) => self.reply(reply).await,
            Behaviour::Made(maker) => {
                let reply = (maker.0)(&self.asked);
                self.reply(&reply).await
            }
            Behaviour::Slowly {
                reply,
                piece,
                pause,
            } => {
                let mut from_us = 0;
                for bytes in reply.bytes.chunks(*piece) {
                    from_us = self.shared.log.now_us();
                    if self.socket.write_all(bytes).await.is_err() {
                        return Next::Close;
                    }
                    tokio::time::sleep(*pause).await;
                }
                self.answered(from_us, reply)
            }
            Behaviour::ResetAfter(reply, sent) => {
                let _ = self.socket.write_all(&reply.bytes[..*sent]).await;
                let _ = self.socket.flush().await;
                // The client should read what was sent before the reset
                // overtakes it.
                tokio::time::sleep(Duration::from_millis(20)).await;
                let _ = self.socket.tcp().set_zero_linger();
                Next::Drop
            }
            Behaviour::Never => {
                let mut sink = [0; 4096];
                while self
                    .socket
                    .read(&mut sink)
                    .await
                    .is_ok_and(|count| count > 0)
                {}
                Next::Close
            }
            // The others were followed to their ends.
            _ => Next::Close,
        }
    }

    async fn reply(&mut self, reply: &Reply) -> Next {
        let end = if self.head_only {
            reply.head
        } else {
            reply.bytes.len()
        };
        let from_us = self.shared.log.now_us();
        if self.socket.write_all(&reply.bytes[..end]).await.is_err() {
            return Next::Close;
        }
        self.answered(from_us, reply)
    }

    fn answered(&self, from_us: u64, reply: &Reply) -> Next {
        self.shared.log.answered(self.entry, from_us, reply.status);
        if reply.close { Next::Close } else { Next::Keep }
    }
}
