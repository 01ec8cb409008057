//! A target that takes as exactly so long as the system lets it: a blocking
//! thread for each connection, first on its core, without the milliseconds of
//! an event loop's timers. It keeps how long each answer took, from the kernel's
//! receipt of the request: how late its own thread read it is the target's time.

use crate::cores::{TARGET, settle_first_on};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt};
use std::io::{IoSliceMut, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/// How long answers took since the kernel had their requests, µs; one value for
/// each request, sorted.
#[derive(Debug, Default, Clone)]
pub struct Took {
    /// Until just before the answer was written: no client can see less.
    pub at_least_us: Vec<u64>,
    /// Until the answer was written.
    pub at_most_us: Vec<u64>,
}

/// A running target; ends when dropped.
#[derive(Debug)]
pub struct Steady {
    address: SocketAddr,
    took: Arc<Mutex<Took>>,
    over: Arc<AtomicBool>,
}

impl Steady {
    /// A target whose answers take `delay`.
    ///
    /// # Panics
    /// When the machine gives no port.
    pub fn start(delay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port for the target");
        let address = listener.local_addr().expect("the target's address");
        let took = Arc::new(Mutex::new(Took::default()));
        let over = Arc::new(AtomicBool::new(false));
        let (kept, ended) = (took.clone(), over.clone());
        std::thread::spawn(move || {
            settle_first_on(TARGET);
            for stream in listener.incoming() {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(stream) = stream else { return };
                let kept = kept.clone();
                // The new thread has this one's core and priority.
                std::thread::spawn(move || serve(stream, delay, &kept));
            }
        });
        Self {
            address,
            took,
            over,
        }
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// How long its answers took so far.
    pub fn took(&self) -> Took {
        let mut took = match self.took.lock() {
            Ok(took) => took.clone(),
            Err(poisoned) => poisoned.into_inner().clone(),
        };
        took.at_least_us.sort_unstable();
        took.at_most_us.sort_unstable();
        took
    }
}

impl Drop for Steady {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts; it may be gone.
        let _ = TcpStream::connect(self.address);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the delay is what this target is for; nothing is waited for"
)]
fn take(delay: Duration) {
    std::thread::sleep(delay);
}

fn serve(mut stream: TcpStream, delay: Duration, took: &Mutex<Took>) {
    let _ = stream.set_nodelay(true);
    let _ = setsockopt(&stream, sockopt::ReceiveTimestampns, &true);
    // Requests of these tests have no body and come in one piece.
    while let Some(received) = receive(&stream) {
        take(delay);
        let ready_us = since_us(received);
        if stream.write_all(ANSWER).is_err() {
            return;
        }
        let written_us = since_us(received);
        if let Ok(mut took) = took.lock() {
            took.at_least_us.push(ready_us);
            took.at_most_us.push(written_us);
        }
    }
}

/// When the kernel received the next request; the time of its reading where the
/// kernel gives no stamp. None at the end of the connection.
fn receive(stream: &TcpStream) -> Option<SystemTime> {
    let mut buffer = [0; 4096];
    let mut pieces = [IoSliceMut::new(&mut buffer)];
    let mut control = nix::cmsg_space!(nix::sys::time::TimeSpec);
    let message = recvmsg::<()>(
        stream.as_raw_fd(),
        &mut pieces,
        Some(&mut control),
        MsgFlags::empty(),
    );
    let message = message.ok().filter(|message| message.bytes > 0)?;
    let stamp = message.cmsgs().ok()?.find_map(|control| match control {
        ControlMessageOwned::ScmTimestampns(at) => {
            Some(SystemTime::UNIX_EPOCH + Duration::from(at))
        }
        _ => None,
    });
    Some(stamp.unwrap_or_else(SystemTime::now))
}

fn since_us(at: SystemTime) -> u64 {
    at.elapsed().unwrap_or_default().as_micros() as u64
}
