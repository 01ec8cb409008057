//! The policy of a group's connections, as a thread applies it: whether a connection is used
//! again, and from which address the next one comes.

use dlt_core::scenario::plan::{ConnectionPolicy, Reuse};
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::IpBindAddressNoPort;
use std::cell::Cell;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::time::Duration;
use tokio::net::{TcpSocket, TcpStream, UnixStream};
use tokio::time::sleep;

/// Addresses of the loopback network that connections to it come from once the ports of the
/// usual one are used up: 127.0.0.2 and the following.
const MOST_LOOPBACK: u64 = 64;

/// Pause before a Unix socket is tried again whose queue of connections is full.
const FULL_QUEUE_PAUSE: Duration = Duration::from_millis(1);

/// How a group's connections are used again, and where they come from.
#[derive(Debug, Default)]
pub(crate) struct Policy {
    pub(crate) reuse: Reuse,
    /// Requests after which a connection is closed.
    most_requests: Option<u32>,
    max_age_us: Option<u64>,
    sources: Sources,
}

impl Policy {
    /// Of a scenario; `first_index` is where the thread begins among the source addresses.
    pub(crate) fn new(policy: &ConnectionPolicy, first_index: u64) -> Self {
        Self {
            reuse: policy.reuse,
            most_requests: policy.max_requests,
            max_age_us: policy.max_age_us,
            sources: Sources {
                given: policy.source_addresses.clone().into(),
                next: Cell::new(first_index),
                next_v6: Cell::new(first_index),
            },
        }
    }

    /// Requests after which a connection is closed.
    pub(crate) fn most_requests(&self) -> u32 {
        match self.reuse {
            Reuse::Request => 1,
            _ => self.most_requests.unwrap_or(u32::MAX),
        }
    }

    /// Whether a connection may be used again after so many requests.
    #[inline]
    pub(crate) fn is_kept(&self, requests: u32) -> bool {
        requests < self.most_requests()
    }

    /// From when on no request begins on a connection that was opened then, µs since the start
    /// instant.
    #[inline]
    pub(crate) fn last_use_us(&self, opened_us: u64) -> u64 {
        match self.max_age_us {
            Some(age_us) => opened_us.saturating_add(age_us),
            None => u64::MAX,
        }
    }

    /// Connects to an address, or to the Unix socket that stands for it.
    pub(crate) async fn connect(
        &self,
        address: SocketAddr,
        unix: Option<&str>,
    ) -> io::Result<TcpStream> {
        if let Some(path) = unix {
            return Box::pin(connect_unix(path)).await;
        }
        let stream = self.sources.connect(address).await?;
        // Fails only on a socket that is closed already, which the first write
        // reports with its cause.
        let _ = stream.set_nodelay(true);
        Ok(stream)
    }
}

/// Where connections come from.
#[derive(Debug, Default)]
struct Sources {
    /// Those of the scenario; none: the system chooses.
    given: Box<[IpAddr]>,
    /// The next one's index, modulo the number of its family.
    next: Cell<u64>,
    next_v6: Cell<u64>,
}

impl Sources {
    async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        if !self.given.is_empty() {
            return Box::pin(self.connect_from_given(address)).await;
        }
        match TcpStream::connect(address).await {
            Err(error) if is_out_of_ports(&error) && is_loopback(address.ip()) => {
                Box::pin(self.connect_from_loopback(address, error)).await
            }
            connected => connected,
        }
    }

    async fn connect_from_given(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let fitting = || {
            let given = self.given.iter();
            given.filter(|source| source.is_ipv4() == address.is_ipv4())
        };
        let count = fitting().count() as u64;
        if count == 0 {
            let family = if address.is_ipv4() { "IPv4" } else { "IPv6" };
            return Err(io::Error::new(
                io::ErrorKind::AddrNotAvailable,
                format!("connection-policy.source-addresses has no {family} address"),
            ));
        }
        let mut last = None;
        for _ in 0..count {
            let next = match address.is_ipv4() {
                true => &self.next,
                false => &self.next_v6,
            };
            let at = next.get() % count;
            next.set(at + 1);
            let source = *fitting().nth(at as usize).expect("it is below the count");
            match connect_from(source, address).await {
                // Its ports are used up; another may have some.
                Err(error) if is_out_of_ports(&error) => last = Some(error),
                connected => return connected,
            }
        }
        Err(last.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into()))
    }

    /// Connects to the loopback network from another of its addresses, all of which are this machine's.
    #[cold]
    async fn connect_from_loopback(
        &self,
        address: SocketAddr,
        mut error: io::Error,
    ) -> io::Result<TcpStream> {
        for _ in 0..MOST_LOOPBACK {
            let at = self.next.get() % MOST_LOOPBACK;
            let source = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2 + at as u8));
            match connect_from(source, address).await {
                // This one stays the next while it has ports.
                Err(other) if is_out_of_ports(&other) => error = other,
                connected => return connected,
            }
            self.next.set(at + 1);
        }
        Err(error)
    }
}

/// Connects to a Unix socket. What is spoken on it is the same, and so are the system calls for it:
/// from here on it is a stream as those of TCP are, whose answers have no stamps.
async fn connect_unix(path: &str) -> io::Result<TcpStream> {
    let stream = loop {
        match UnixStream::connect(path).await {
            // Its queue of connections is full, which TCP hides by sending again.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                sleep(FULL_QUEUE_PAUSE).await
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(io::Error::from_raw_os_error(libc::ECONNREFUSED));
            }
            connected => break connected?,
        }
    };
    TcpStream::from_std(OwnedFd::from(stream.into_std()?).into())
}

async fn connect_from(source: IpAddr, address: SocketAddr) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // The port is chosen when it connects: one may then be used towards several targets.
    // Older kernels choose it now.
    let _ = setsockopt(&socket, IpBindAddressNoPort, &true);
    socket.bind(SocketAddr::new(source, 0))?;
    socket.connect(address).await
}

/// Whether no port is free towards the target. An address that is not this machine's is told
/// the same way, by bind.
fn is_out_of_ports(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EADDRNOTAVAIL)
        || error.raw_os_error() == Some(libc::EADDRINUSE)
}

fn is_loopback(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(address) if address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn loopback_has_more_addresses_once_ports_run_out() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let sources = Sources::default();
        let used_up = || io::Error::from_raw_os_error(libc::EADDRNOTAVAIL);
        for _ in 0..3 {
            let stream = sources
                .connect_from_loopback(address, used_up())
                .await
                .unwrap();
            // The same one as long as it has ports.
            assert_eq!(stream.local_addr().unwrap().ip().to_string(), "127.0.0.2");
        }
        assert!(is_out_of_ports(&used_up()) && is_loopback(address.ip()));
        // What refuses does so from everywhere.
        drop(listener);
        let refused = sources.connect_from_loopback(address, used_up()).await;
        assert_eq!(
            refused.unwrap_err().kind(),
            io::ErrorKind::ConnectionRefused
        );
    }
}
