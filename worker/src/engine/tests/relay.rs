//! A proxy of a test: it keeps what it was asked for, and does what the test wants.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot as once;

/// What a relay does with a connection.
#[derive(Clone)]
pub(super) enum Does {
    /// Opens a tunnel by CONNECT to this address, whatever was asked for, after a while.
    Connects(SocketAddr, Duration),
    /// The same by SOCKS 5.
    Socks(SocketAddr),
    /// Reads what it is asked for, sends this and closes.
    Says(Vec<u8>),
    /// Reads, says this, and is silent.
    Hangs(Vec<u8>),
}

/// A proxy that keeps what it was asked for; ends when dropped.
pub(super) struct Relay {
    pub(super) address: SocketAddr,
    asked: Arc<Mutex<Vec<Vec<u8>>>>,
    _end: once::Sender<()>,
}

impl Relay {
    pub(super) fn new(does: Does) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let asked: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let kept = asked.clone();
        let (end, ended) = once::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                let serve = async {
                    while let Ok((stream, _)) = listener.accept().await {
                        tokio::spawn(relay(stream, does.clone(), kept.clone()));
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
            asked,
            _end: end,
        }
    }

    pub(super) fn url(&self, scheme: &str) -> String {
        format!("{scheme}://{}", self.address)
    }

    /// What each connection asked for.
    pub(super) fn asked(&self) -> Vec<Vec<u8>> {
        self.asked.lock().unwrap().clone()
    }

    pub(super) fn asked_texts(&self) -> Vec<String> {
        let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
        self.asked().iter().map(text).collect()
    }
}

async fn relay(
    mut stream: TcpStream,
    does: Does,
    asked: Arc<Mutex<Vec<Vec<u8>>>>,
) -> io::Result<()> {
    let mut buffer = vec![0; 4096];
    match does {
        Does::Connects(target, after) => {
            let count = stream.read(&mut buffer).await?;
            asked.lock().unwrap().push(buffer[..count].to_vec());
            tokio::time::sleep(after).await;
            let mut to = TcpStream::connect(target).await?;
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
            copy_bidirectional(&mut stream, &mut to).await?;
        }
        Does::Socks(target) => {
            let count = stream.read(&mut buffer).await?;
            if buffer[..count].contains(&2) {
                stream.write_all(&[5, 2]).await?;
                let count = stream.read(&mut buffer).await?;
                asked.lock().unwrap().push(buffer[..count].to_vec());
                stream.write_all(&[1, 0]).await?;
            } else {
                stream.write_all(&[5, 0]).await?;
            }
            let count = stream.read(&mut buffer).await?;
            asked.lock().unwrap().push(buffer[..count].to_vec());
            let mut to = TcpStream::connect(target).await?;
            stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
            copy_bidirectional(&mut stream, &mut to).await?;
        }
        Does::Says(bytes) => {
            let count = stream.read(&mut buffer).await?;
            asked.lock().unwrap().push(buffer[..count].to_vec());
            stream.write_all(&bytes).await?;
        }
        Does::Hangs(bytes) => {
            let count = stream.read(&mut buffer).await?;
            asked.lock().unwrap().push(buffer[..count].to_vec());
            stream.write_all(&bytes).await?;
            // Until the other side gives up.
            while stream.read(&mut buffer).await? > 0 {}
        }
    }
    Ok(())
}
