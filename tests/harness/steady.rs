//! A target that takes as exactly so long as the system lets it: a blocking
//! thread for each connection, first on its core, without the milliseconds of
//! an event loop's timers. It keeps how long each answer took.

use crate::cores::{TARGET, settle_first_on};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/// A running target; ends when dropped.
#[derive(Debug)]
pub struct Steady {
    address: SocketAddr,
    took_us: Arc<Mutex<Vec<u64>>>,
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
        let took_us = Arc::new(Mutex::new(Vec::new()));
        let over = Arc::new(AtomicBool::new(false));
        let (kept, ended) = (took_us.clone(), over.clone());
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
            took_us,
            over,
        }
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// From the reading of a request to the writing of its answer, µs, sorted;
    /// one for each request.
    pub fn took_us(&self) -> Vec<u64> {
        let mut took = match self.took_us.lock() {
            Ok(took) => took.clone(),
            Err(poisoned) => poisoned.into_inner().clone(),
        };
        took.sort_unstable();
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

fn serve(mut stream: TcpStream, delay: Duration, took_us: &Mutex<Vec<u64>>) {
    let _ = stream.set_nodelay(true);
    let mut buffer = [0; 4096];
    // Requests of these tests have no body and come in one piece.
    while matches!(stream.read(&mut buffer), Ok(1..)) {
        let read = Instant::now();
        take(delay);
        let took = read.elapsed();
        if stream.write_all(ANSWER).is_err() {
            return;
        }
        if let Ok(mut all) = took_us.lock() {
            all.push(took.as_micros() as u64);
        }
    }
}
