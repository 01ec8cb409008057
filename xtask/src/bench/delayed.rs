//! A target whose response times are known: it answers each request after exactly the same time,
//! looking at the clock without a pause, on a core of its own. It may stand still once, as a program
//! does that collects garbage: what comes meanwhile waits. One thread, epoll(7).

use anyhow::{Context, Result};
use std::collections::{HashMap, VecDeque};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd as _;
use std::time::{Duration, Instant};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
/// Events that are taken at once.
const EVENTS: usize = 256;

/// How it answers.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Delayed {
    /// µs from a request to its answer.
    #[arg(long)]
    delay_us: u64,
    /// When it stands still, ms after the first request; 0: never.
    #[arg(long, default_value_t = 0)]
    stall_at_ms: u64,
    /// For how long, ms.
    #[arg(long, default_value_t = 0)]
    stall_ms: u64,
}

/// epoll(7) by its three calls, and listen(2).
#[expect(
    unsafe_code,
    reason = "std has no epoll, and a crate for one server would be more to build"
)]
mod poll {
    use std::io;
    use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};

    pub fn new() -> io::Result<OwnedFd> {
        // SAFETY: it takes flags alone.
        let made = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        // SAFETY: a descriptor that was just made belongs to nobody else.
        (made >= 0)
            .then(|| unsafe { OwnedFd::from_raw_fd(made) })
            .ok_or_else(io::Error::last_os_error)
    }

    /// Lets as many connections wait to be accepted as the system allows; std allows 128, beyond which
    /// a client's first packet is lost and comes again after a second.
    pub fn let_wait(listener: RawFd) -> io::Result<()> {
        // SAFETY: it takes numbers alone, and may be called again (listen(2)).
        match unsafe { libc::listen(listener, i32::MAX) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    pub fn add(poll: &OwnedFd, of: RawFd) -> io::Result<()> {
        let mut event = libc::epoll_event {
            events: libc::EPOLLIN as u32,
            u64: of as u64,
        };
        // SAFETY: the event lives as long as the call.
        let added =
            unsafe { libc::epoll_ctl(poll.as_raw_fd(), libc::EPOLL_CTL_ADD, of, &mut event) };
        if added == 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    }

    /// Those that can be read, without waiting.
    pub fn ready(poll: &OwnedFd, events: &mut [libc::epoll_event]) -> usize {
        // SAFETY: as many events as there is room for.
        let count = unsafe {
            libc::epoll_wait(
                poll.as_raw_fd(),
                events.as_mut_ptr(),
                events.len() as i32,
                0,
            )
        };
        usize::try_from(count).unwrap_or(0)
    }
}

/// Serves until the process that reads its stdout is gone; its first line is its address.
pub fn serve(how: Delayed) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    poll::let_wait(listener.as_raw_fd())?;
    println!("http://{}/", listener.local_addr()?);
    let poll = poll::new()?;
    poll::add(&poll, listener.as_raw_fd())?;
    let mut connections: HashMap<i32, TcpStream> = HashMap::new();
    // The delay is the same for all, so that answers are due in the order of their requests.
    let mut due: VecDeque<(Instant, i32)> = VecDeque::new();
    let mut events = [libc::epoll_event { events: 0, u64: 0 }; EVENTS];
    let mut first = None;
    let parent = std::os::unix::process::parent_id();
    loop {
        let now = Instant::now();
        stand_still(&how, first, now);
        let count = poll::ready(&poll, &mut events);
        for event in &events[..count] {
            let of = event.u64 as i32;
            if of == listener.as_raw_fd() {
                while let Ok((stream, _)) = listener.accept() {
                    stream.set_nonblocking(true)?;
                    stream.set_nodelay(true)?;
                    poll::add(&poll, stream.as_raw_fd())?;
                    connections.insert(stream.as_raw_fd(), stream);
                }
                continue;
            }
            let stream = connections.get_mut(&of).context("a known connection")?;
            match requests(stream) {
                Some(requests) => {
                    let now = Instant::now();
                    first = first.or(Some(now));
                    let at = now + Duration::from_micros(how.delay_us);
                    due.extend(std::iter::repeat_n((at, of), requests));
                }
                None => {
                    connections.remove(&of);
                    due.retain(|row| row.1 != of);
                    if std::os::unix::process::parent_id() != parent {
                        return Ok(());
                    }
                }
            }
        }
        while let Some((_, of)) = due.front().copied().filter(|row| row.0 <= Instant::now()) {
            due.pop_front();
            if let Some(stream) = connections.get_mut(&of) {
                // A client that has gone is seen when it is read.
                let _ = stream.write_all(ANSWER);
            }
        }
    }
}

/// Requests that a connection has sent; None at its end. They are short, and arrive whole.
fn requests(stream: &mut TcpStream) -> Option<usize> {
    let mut some = [0; 4096];
    match stream.read(&mut some) {
        Ok(0) => None,
        Ok(count) => Some(
            some[..count]
                .windows(4)
                .filter(|four| four == b"\r\n\r\n")
                .count(),
        ),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Some(0),
        Err(_) => None,
    }
}

/// Does nothing for as long as is asked, once.
fn stand_still(how: &Delayed, first: Option<Instant>, now: Instant) {
    let Some(first) = first.filter(|_| how.stall_ms > 0) else {
        return;
    };
    let begin = first + Duration::from_millis(how.stall_at_ms);
    let end = begin + Duration::from_millis(how.stall_ms);
    if (begin..end).contains(&now) {
        while Instant::now() < end {
            std::thread::park_timeout(end.saturating_duration_since(Instant::now()));
        }
    }
}
