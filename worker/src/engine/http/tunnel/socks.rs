//! A way by SOCKS 5 (RFC 1928), with the name and password of RFC 1929.

use super::{Destination, read, write};
use crate::engine::failure::Failure;
use dlt_core::measure::sample::Cause;
use std::net::IpAddr;
use tokio::io::{AsyncRead, AsyncWrite};

const VERSION: u8 = 5;
const NO_LOGIN: u8 = 0;
const NAME_AND_PASSWORD: u8 = 2;
const NO_METHOD: u8 = 0xff;
/// Version of the negotiation of name and password.
const LOGIN_VERSION: u8 = 1;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

pub(super) async fn open<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    user: Option<(&str, &str)>,
    destination: &Destination,
    peer: &str,
) -> Result<(), Failure> {
    let request = request(destination, peer)?;
    log_in(stream, user, peer).await?;
    write(stream, &request, peer).await?;
    let asked = format!("for {destination}");
    let place = (peer, asked.as_str());
    let [version, reply, _, kind] = exactly::<4, S>(stream, place).await?;
    if version != VERSION {
        return Err(no_socks(peer, version));
    }
    if reply != 0 {
        return Err(refused(reply, destination, peer));
    }
    // Where the proxy's own end is: read, so that what is behind it is the target's.
    let rest = match kind {
        IPV4 => 4 + 2,
        IPV6 => 16 + 2,
        NAME => usize::from(exactly::<1, S>(stream, place).await?[0]) + 2,
        kind => {
            return Err(wrong(
                peer,
                &format!("an address of type {kind}, which SOCKS has not"),
            ));
        }
    };
    let mut address = [0; 255 + 2];
    fill(stream, &mut address[..rest], place).await
}

/// The request to connect.
fn request(destination: &Destination, peer: &str) -> Result<Vec<u8>, Failure> {
    let mut request = vec![VERSION, CONNECT, 0];
    let port = match destination {
        Destination::Address(address) => {
            match address.ip().to_canonical() {
                IpAddr::V4(ip) => {
                    request.push(IPV4);
                    request.extend(ip.octets());
                }
                IpAddr::V6(ip) => {
                    request.push(IPV6);
                    request.extend(ip.octets());
                }
            }
            address.port()
        }
        Destination::Name(name, port) => {
            let length = u8::try_from(name.len()).map_err(|_| {
                Failure::new(
                    Cause::Proxy,
                    format!("{peer} cannot be asked for a name of more than 255 bytes"),
                )
            })?;
            request.extend([NAME, length]);
            request.extend(name.as_bytes());
            *port
        }
    };
    request.extend(port.to_be_bytes());
    Ok(request)
}

/// Agrees on how the user is told, and tells it.
async fn log_in<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    user: Option<(&str, &str)>,
    peer: &str,
) -> Result<(), Failure> {
    let greeting: &[u8] = match user {
        Some(_) => &[VERSION, 2, NO_LOGIN, NAME_AND_PASSWORD],
        None => &[VERSION, 1, NO_LOGIN],
    };
    write(stream, greeting, peer).await?;
    let [version, method] = exactly::<2, S>(stream, (peer, "the greeting of SOCKS 5")).await?;
    if version != VERSION {
        return Err(no_socks(peer, version));
    }
    match (method, user) {
        (NO_LOGIN, _) => Ok(()),
        (NAME_AND_PASSWORD, Some((name, password))) => {
            // Their lengths were checked when the proxy was read.
            let mut login = vec![LOGIN_VERSION];
            for text in [name, password] {
                login.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
                login.extend(text.as_bytes());
            }
            write(stream, &login, peer).await?;
            match exactly::<2, S>(stream, (peer, "the log-in")).await? {
                [_, 0] => Ok(()),
                _ => Err(Failure::new(
                    Cause::Proxy,
                    format!("{peer} does not accept the user and the password of its URL"),
                )),
            }
        }
        (NO_METHOD, Some(_)) => Err(Failure::new(
            Cause::Proxy,
            format!("{peer} lets nobody in by a name and a password, nor without"),
        )),
        (NO_METHOD, None) => Err(Failure::new(
            Cause::Proxy,
            format!(
                "{peer} wants a log-in: a user and a password stand in its URL (socks5://USER:PASSWORD@HOST:PORT)"
            ),
        )),
        (method, _) => Err(wrong(
            peer,
            &format!("the way {method} to log in, which was not offered"),
        )),
    }
}

/// Why the proxy opens no way (RFC 1928, 6). What it says of the target is the target's.
fn refused(reply: u8, destination: &Destination, peer: &str) -> Failure {
    let (cause, what) = match reply {
        1 => (Cause::Proxy, "a general failure"),
        2 => (Cause::Proxy, "its rules do not allow that"),
        3 => (Cause::Unreachable, "no route to the network"),
        4 => (Cause::Unreachable, "no route to the host"),
        5 => (Cause::Refused, "connection refused"),
        6 => (Cause::Unreachable, "the way is too long (TTL expired)"),
        7 => (Cause::Proxy, "it does not connect for others"),
        8 => (
            Cause::Proxy,
            "it does not take this type of address; with socks5h:// it gets names, with socks5:// addresses",
        ),
        _ => {
            return wrong(peer, &format!("the reply {reply}, which SOCKS has not"));
        }
    };
    Failure::new(cause, format!("{peer} says of {destination}: {what}"))
}

fn no_socks(peer: &str, version: u8) -> Failure {
    wrong(
        peer,
        &format!("version {version}; is it another kind of proxy (http://)?"),
    )
}

fn wrong(peer: &str, what: &str) -> Failure {
    Failure::new(
        Cause::Proxy,
        format!("{peer} does not speak SOCKS 5: it answered with {what}"),
    )
}

async fn exactly<const N: usize, S: AsyncRead + Unpin>(
    stream: &mut S,
    place: (&str, &str),
) -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    fill(stream, &mut bytes, place).await?;
    Ok(bytes)
}

/// Reads no byte more than there is room for.
async fn fill<S: AsyncRead + Unpin>(
    stream: &mut S,
    bytes: &mut [u8],
    place: (&str, &str),
) -> Result<(), Failure> {
    let mut at = 0;
    while at < bytes.len() {
        at += read(stream, &mut bytes[at..], place).await?;
    }
    Ok(())
}
