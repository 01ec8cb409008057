//! A WebSocket server that does what messages tell it to, and counts what it sees.

use futures_util::{SinkExt as _, StreamExt as _};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{WebSocketStream, accept_async};

/// What the server saw.
#[derive(Debug, Default, Clone)]
pub(super) struct Seen {
    pub(super) opened: u64,
    pub(super) texts: Vec<String>,
    /// Close frames with code 1000.
    pub(super) closed_cleanly: u64,
    pub(super) pongs_in_time: u64,
    /// Close frames with another code: the client goes away.
    pub(super) left: u64,
}

/// A running server; ends when dropped.
pub(super) struct WsTarget {
    pub(super) address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    _end: oneshot::Sender<()>,
}

impl WsTarget {
    pub(super) fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        let (end, ended) = oneshot::channel();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let kept = seen.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                let serve = async {
                    while let Ok((stream, _)) = listener.accept().await {
                        let _ = stream.set_nodelay(true);
                        tokio::spawn(converse(stream, kept.clone()));
                    }
                };
                tokio::select! {
                    () = serve => {}
                    _ = ended => {}
                }
            });
        });
        Self {
            address,
            seen,
            _end: end,
        }
    }

    pub(super) fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }
}

async fn converse(stream: TcpStream, seen: Arc<Mutex<Seen>>) {
    // A client that goes away is part of the tests.
    let Ok(mut socket) = accept_async(stream).await else {
        return;
    };
    seen.lock().unwrap().opened += 1;
    while let Some(Ok(message)) = socket.next().await {
        match message {
            Message::Text(text) => {
                seen.lock().unwrap().texts.push(text.to_string());
                if act(&mut socket, &text, &seen).await.is_none() {
                    return;
                }
            }
            Message::Close(Some(frame)) if u16::from(frame.code) == 1000 => {
                seen.lock().unwrap().closed_cleanly += 1;
            }
            Message::Close(_) => seen.lock().unwrap().left += 1,
            _ => {}
        }
    }
}

/// Does what a text says; None if the connection is over.
async fn act(
    socket: &mut WebSocketStream<TcpStream>,
    text: &str,
    seen: &Mutex<Seen>,
) -> Option<()> {
    let pushes = text
        .rsplit(' ')
        .next()
        .and_then(|count| count.parse::<u64>().ok());
    let raw: &[u8] = match text {
        "drop" => return None,
        "close and stay" => b"\x88\x02\x03\xf3",
        "say nothing" => return Some(()),
        "masked" => b"\x81\x83abcdabc",
        "not utf-8" => b"\x81\x02\xc3\x28",
        "reserved bits" => b"\xf1\x03re:",
        "huge" => {
            let _ = socket
                .send(Message::text("x".repeat(5 * 1024 * 1024)))
                .await;
            return Some(());
        }
        "noise" => {
            socket.send(Message::text("something else")).await.ok()?;
            return Some(());
        }
        _ => b"",
    };
    if !raw.is_empty() {
        socket.get_mut().write_all(raw).await.ok()?;
        if text == "close and stay" {
            return std::future::pending().await;
        }
        return Some(());
    }
    if let Some(rest) = text.strip_prefix("close 1011 ") {
        let frame = CloseFrame {
            code: 1011.into(),
            reason: rest.into(),
        };
        socket.close(Some(frame)).await.ok()?;
        return Some(());
    }
    if text.starts_with("ping") {
        socket
            .send(Message::Ping("are you there".into()))
            .await
            .ok()?;
        let answered = tokio::time::timeout(Duration::from_millis(200), socket.next()).await;
        if let Ok(Some(Ok(Message::Pong(_)))) = answered {
            seen.lock().unwrap().pongs_in_time += 1;
        }
    }
    match (text.strip_prefix("say "), pushes) {
        (Some(said), _) => {
            socket.send(Message::text("noise before")).await.ok()?;
            tokio::time::sleep(Duration::from_millis(20)).await;
            socket
                .send(Message::text(format!("re: {said}")))
                .await
                .ok()?;
        }
        (None, Some(count)) => {
            for n in 0..count {
                tokio::time::sleep(Duration::from_millis(10)).await;
                socket.send(Message::text(format!("push {n}"))).await.ok()?;
            }
        }
        (None, None) => {}
    }
    Some(())
}
