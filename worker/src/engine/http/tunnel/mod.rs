//! Asks a proxy, on a fresh connection to it, for the way to a target: by CONNECT
//! (`connect_method`) or SOCKS 5 (`socks`). What comes afterwards on the connection is the
//! target's. Time limits are the caller's.

mod connect_method;
mod socks;

use crate::engine::failure::{Failure, RequestPhase};
use dlt_core::measure::sample::Cause;
use dlt_core::routing::{Protocol, Proxy};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Where a tunnel leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Destination {
    /// A name, which the proxy looks up, and a port.
    Name(String, u16),
    /// An address.
    Address(SocketAddr),
}

/// `host:port`, IPv6 in brackets.
impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name, port) => write!(f, "{name}:{port}"),
            Self::Address(address) => match address.ip().to_canonical() {
                IpAddr::V4(plain) => write!(f, "{plain}:{}", address.port()),
                IpAddr::V6(_) => address.fmt(f),
            },
        }
    }
}

/// Has the proxy, which is named `peer`, open the way on its connection.
pub(in crate::engine) async fn open<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    proxy: &Proxy,
    destination: &Destination,
    peer: &str,
) -> Result<(), Failure> {
    let user = proxy.user.as_ref();
    let user = user.map(|(name, password)| (name.as_str(), password.as_str()));
    match proxy.protocol {
        Protocol::Http => connect_method::open(stream, user, destination, peer).await,
        Protocol::Socks5 | Protocol::Socks5h => socks::open(stream, user, destination, peer).await,
    }
}

/// Writes all of it.
async fn write<S: AsyncWrite + Unpin>(
    stream: &mut S,
    bytes: &[u8],
    peer: &str,
) -> Result<(), Failure> {
    let written = stream.write_all(bytes).await;
    written.map_err(|error| broken(&error, peer))
}

/// Reads what is there; nothing means that the proxy closed.
async fn read<S: AsyncRead + Unpin>(
    stream: &mut S,
    buffer: &mut [u8],
    (peer, asked): (&str, &str),
) -> Result<usize, Failure> {
    match stream.read(buffer).await {
        Ok(0) => Err(Failure::new(
            Cause::Proxy,
            format!("{peer} closed the connection before it had answered {asked}"),
        )),
        Ok(count) => Ok(count),
        Err(error) => Err(broken(&error, peer)),
    }
}

fn broken(error: &std::io::Error, peer: &str) -> Failure {
    Failure::io(error, RequestPhase::Waiting, peer).of_proxy(peer)
}

#[cfg(test)]
mod tests;
