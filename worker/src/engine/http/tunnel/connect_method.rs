//! A tunnel by CONNECT (RFC 9110, 9.3.6): the head of the proxy's answer is read, and not a
//! byte of what is behind it.

use super::{Destination, read, write};
use crate::engine::failure::Failure;
use crate::engine::http::request::{USER_AGENT, basic};
use dlt_core::measure::sample::Cause;
use tokio::io::{AsyncRead, AsyncWrite};

/// Longest head of the proxy's answer, bytes: that of servers' own limits.
const LONGEST_HEAD_BYTES: usize = 16 * 1024;
/// Most headers in it.
const MOST_HEADERS: usize = 100;
/// Most interim answers before the final one.
const MOST_INTERIM: usize = 8;

pub(super) async fn open<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    user: Option<(&str, &str)>,
    destination: &Destination,
    peer: &str,
) -> Result<(), Failure> {
    let mut request = format!(
        "CONNECT {destination} HTTP/1.1\r\nHost: {destination}\r\nUser-Agent: {USER_AGENT}\r\n"
    );
    if let Some((name, password)) = user {
        let value = basic(name, password);
        request.push_str(&format!("Proxy-Authorization: {value}\r\n"));
    }
    request.push_str("\r\n");
    write(stream, request.as_bytes(), peer).await?;
    let asked = format!("CONNECT {destination}");
    let mut received = Vec::new();
    for _ in 0..=MOST_INTERIM {
        let status = answer(stream, &mut received, (peer, &asked)).await?;
        match status {
            200..300 if received.is_empty() => return Ok(()),
            200..300 => {
                return Err(wrong(
                    peer,
                    &asked,
                    &format!(
                        "{status} and {} bytes behind it, before anything was sent to the target",
                        received.len()
                    ),
                ));
            }
            100..200 => {}
            status => return Err(refused(status, user.is_some(), (peer, &asked))),
        }
    }
    Err(wrong(peer, &asked, "nothing but interim answers"))
}

/// Why there is no tunnel.
fn refused(status: u16, has_user: bool, (peer, asked): (&str, &str)) -> Failure {
    let why = match (status, has_user) {
        (407, false) => {
            ": it wants a user and a password, which stand in its URL (http://USER:PASSWORD@HOST:PORT)"
        }
        (407, true) => ": it does not accept the user and the password of its URL",
        (403 | 405, _) => ": it does not allow that",
        (502..=504, _) => ": it did not reach the target",
        _ => "",
    };
    Failure::proxy_status(status, peer, asked, why)
}

fn wrong(peer: &str, asked: &str, what: &str) -> Failure {
    Failure::new(
        Cause::Proxy,
        format!("{peer} answered {asked} wrongly: {what}"),
    )
}

/// The status of the next answer, whose head is taken out of `received`.
async fn answer<S: AsyncRead + Unpin>(
    stream: &mut S,
    received: &mut Vec<u8>,
    (peer, asked): (&str, &str),
) -> Result<u16, Failure> {
    let mut buffer = [0; 2048];
    loop {
        let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        match response.parse(received) {
            Ok(httparse::Status::Complete(length)) => {
                let status = response.code.unwrap_or(0);
                received.drain(..length);
                return Ok(status);
            }
            Ok(httparse::Status::Partial) if received.len() < LONGEST_HEAD_BYTES => {}
            Ok(httparse::Status::Partial) => {
                let what = format!("a head of more than {} KiB", LONGEST_HEAD_BYTES / 1024);
                return Err(wrong(peer, asked, &what));
            }
            Err(error) => {
                let what = format!("that is not HTTP ({error}); is it another kind of proxy?");
                return Err(wrong(peer, asked, &what));
            }
        }
        let count = read(stream, &mut buffer, (peer, asked)).await?;
        received.extend_from_slice(&buffer[..count]);
    }
}
