//! Whether the kernel stamps what it receives, tried on a connection of this machine with
//! itself: for `dlt doctor`. Under load, each answer says it of itself.

use crate::engine::sys;
use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};
use tokio::io::ReadBuf;

/// How long a byte may take from this machine to itself.
const DEADLINE: Duration = Duration::from_secs(5);

/// How long the kernel may take to switch stamps on: it leaves that to a worker of its own.
const SWITCHED_ON: Duration = Duration::from_secs(1);

/// Whether a byte that came over loopback has a stamp.
pub fn stamps_receipt() -> io::Result<bool> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let mut sender = TcpStream::connect_timeout(&listener.local_addr()?, DEADLINE)?;
    let (receiver, _) = listener.accept()?;
    receiver.set_read_timeout(Some(DEADLINE))?;
    sys::enable_stamps(receiver.as_fd())?;
    // The first socket that asks for stamps switches them on, a moment later.
    let began = Instant::now();
    while began.elapsed() < SWITCHED_ON {
        sender.write_all(b"x")?;
        let (_, stamp) = sys::receive(receiver.as_fd(), &mut ReadBuf::new(&mut [0; 8]))?;
        if stamp.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linux_stamps_what_it_receives() {
        assert!(stamps_receipt().unwrap());
    }
}
