//! The target server: one thread, one port of 127.0.0.1, routes by path, and
//! a log that is the truth. It stops when dropped.

use crate::behaviour::{Behaviour, ok};
use crate::connection;
use crate::log::Log;
use crate::patience;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 4096;

pub(crate) struct Shared {
    pub(crate) log: Arc<Log>,
    pub(crate) keep_text: bool,
    routes: HashMap<String, Arc<Behaviour>>,
    otherwise: Arc<Behaviour>,
}

impl Shared {
    /// What the route of this path does; the query does not matter.
    pub(crate) fn route(&self, path: &str) -> Arc<Behaviour> {
        let bare = path.split('?').next().unwrap_or(path);
        self.routes.get(bare).unwrap_or(&self.otherwise).clone()
    }
}

/// A target yet to be started.
#[derive(Debug)]
pub struct Plan {
    routes: HashMap<String, Arc<Behaviour>>,
    otherwise: Behaviour,
    keep_text: bool,
    tls: Option<Arc<rustls::ServerConfig>>,
}

/// A target whose other paths answer 200.
pub fn plan() -> Plan {
    Plan {
        routes: HashMap::new(),
        otherwise: ok(),
        keep_text: false,
        tls: None,
    }
}

/// A target that does the same for every path.
pub fn everywhere(behaviour: Behaviour) -> Target {
    plan().otherwise(behaviour).start()
}

impl Plan {
    /// What is done with a path.
    pub fn route(mut self, path: &str, behaviour: Behaviour) -> Self {
        self.routes.insert(path.to_owned(), Arc::new(behaviour));
        self
    }

    /// What is done with every other path.
    pub fn otherwise(mut self, behaviour: Behaviour) -> Self {
        self.otherwise = behaviour;
        self
    }

    /// Keeps the whole text of requests in the log.
    pub fn keeping_text(mut self) -> Self {
        self.keep_text = true;
        self
    }

    /// Speaks TLS.
    pub fn tls(mut self, config: Arc<rustls::ServerConfig>) -> Self {
        self.tls = Some(config);
        self
    }

    /// Begins to listen.
    ///
    /// # Panics
    /// When the machine gives no port or thread.
    pub fn start(self) -> Target {
        let log = Arc::new(Log::default());
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let shared = Arc::new(Shared {
            log: log.clone(),
            keep_text: self.keep_text,
            routes: self.routes,
            otherwise: Arc::new(self.otherwise),
        });
        let tls = self.tls.map(TlsAcceptor::from);
        let (stop, stopped) = watch::channel(false);
        let (tell, told) = std::sync::mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("target".to_owned())
            .spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .expect("a runtime for the target");
                runtime.block_on(async move {
                    let listener = listen(BACKLOG);
                    let address = listener.local_addr().expect("the target's address");
                    let _ = tell.send(address);
                    accept(listener, tls, shared, stopped).await;
                });
            })
            .expect("a thread for the target");
        let address = told
            .recv_timeout(Duration::from_secs(10))
            .expect("the target listens");
        Target {
            address,
            scheme,
            log,
            stop,
            thread: Some(thread),
        }
    }
}

fn listen(backlog: u32) -> TcpListener {
    let socket = TcpSocket::new_v4().expect("a socket for the target");
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    socket.bind(any).expect("a port for the target");
    socket.listen(backlog).expect("a listening target")
}

async fn accept(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    shared: Arc<Shared>,
    mut stopped: watch::Receiver<bool>,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => return,
        };
        let Ok((socket, _)) = accepted else { continue };
        let _ = socket.set_nodelay(true);
        let number = shared.log.accepted();
        let (shared, tls) = (shared.clone(), tls.clone());
        tokio::spawn(async move {
            let log = shared.log.clone();
            match tls {
                None => connection::serve(socket, number, shared).await,
                Some(tls) => match tls.accept(socket).await {
                    Ok(socket) => connection::serve(socket, number, shared).await,
                    Err(_) => log.handshake_failed(),
                },
            }
            log.closed();
        });
    }
}

/// A running target.
#[derive(Debug)]
pub struct Target {
    /// Where it listens.
    pub address: SocketAddr,
    /// What it saw.
    pub log: Arc<Log>,
    scheme: &'static str,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Target {
    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    /// Waits until every connection is closed, so that all that was sent is counted.
    ///
    /// # Panics
    /// When clients still hold connections after a while.
    pub fn settle(&self) {
        patience::until("all connections closed", Duration::from_secs(10), || {
            (self.log.open() == 0).then_some(())
        });
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// An address where nothing listens.
///
/// # Panics
/// When the machine gives no port.
pub fn refusing() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its address")
}

/// An address where connections are neither accepted nor refused: its queue is
/// full, so a further SYN goes unanswered.
#[derive(Debug)]
pub struct Unaccepting {
    /// Where.
    pub address: SocketAddr,
    _listener: socket2::Socket,
    _queue: Vec<socket2::Socket>,
}

/// Makes such an address.
///
/// # Panics
/// When the machine gives no port.
pub fn unaccepting() -> Unaccepting {
    use socket2::{Domain, Socket, Type};
    let new = || Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let listener = new();
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    listener.bind(&any.into()).expect("a port");
    listener.listen(0).expect("a short queue");
    let address = listener.local_addr().expect("its address");
    // A queue of 0 takes one connection; the others make sure it is full.
    let queue: Vec<Socket> = (0..4)
        .map(|_| {
            let socket = new();
            let _ = socket.connect_timeout(&address, Duration::from_millis(200));
            socket
        })
        .collect();
    Unaccepting {
        address: address.as_socket().expect("an IPv4 address"),
        _listener: listener,
        _queue: queue,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::behaviour::{Framing, Stall, framed, reset_mid_body};
    use std::io::{ErrorKind, Read, Write};
    use std::net::TcpStream;

    fn talk(target: &Target, text: &str) -> (String, Option<ErrorKind>) {
        let mut socket = TcpStream::connect(target.address).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        socket.write_all(text.as_bytes()).unwrap();
        let mut answer = Vec::new();
        let end = socket.read_to_end(&mut answer).err();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        (answer, end.map(|error| error.kind()))
    }

    #[test]
    fn pipelined_requests_are_answered_and_counted_one_by_one() {
        let target = plan().route("/b", framed(5, Framing::Chunked(2))).start();
        let (answer, end) = talk(
            &target,
            "POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /b?x=1 HTTP/1.1\r\nConnection: close\r\n\r\n",
        );
        assert_eq!(end, None);
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.ends_with("\r\n\r\n2\r\nxx\r\n2\r\nxx\r\n1\r\nx\r\n0\r\n\r\n"));
        target.settle();
        let paths: Vec<String> = target
            .log
            .seen()
            .into_iter()
            .map(|seen| seen.path)
            .collect();
        assert_eq!(paths, ["/a", "/b?x=1"]);
        assert_eq!(target.log.connections(), 1);
    }

    #[test]
    fn a_reset_is_a_reset_and_has_no_answer() {
        let target = everywhere(reset_mid_body());
        let (answer, end) = talk(&target, "GET / HTTP/1.1\r\n\r\n");
        assert_eq!(end, Some(ErrorKind::ConnectionReset));
        assert!(answer.contains("Content-Length: 2000"));
        assert_eq!(target.log.seen()[0].answered_us, None);
    }

    #[test]
    fn nobody_gets_through_to_a_full_queue() {
        let unaccepting = unaccepting();
        let patience = Duration::from_millis(300);
        let error = TcpStream::connect_timeout(&unaccepting.address, patience).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let error = TcpStream::connect(refusing()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    }

    #[test]
    fn a_stall_holds_until_its_end() {
        let second = Duration::from_secs(1);
        let stall = Stall {
            every: 10 * second,
            from: 4 * second,
            length: second,
        };
        assert_eq!(stall.wait(second), Duration::ZERO);
        assert_eq!(stall.wait(4 * second), second);
        assert_eq!(stall.wait(Duration::from_millis(14_750)), second / 4);
        assert_eq!(stall.wait(5 * second), Duration::ZERO);
    }
}
