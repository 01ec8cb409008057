//! The two calls of k6's own REST API that let a paused script go. It listens on this machine alone,
//! for as long as the tool runs. (Grafana k6 documentation: k6 REST API.)

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// How long a call may take; it is answered by this machine.
const LONGEST_CALL: Duration = Duration::from_secs(2);
const LONGEST_ANSWER_BYTES: u64 = 64 * 1024;
const GO: &str = r#"{"data":{"type":"status","id":"default","attributes":{"paused":false}}}"#;

/// Whether k6 is up and waits.
pub(super) fn is_ready(port: u16) -> bool {
    call(port, "GET", "").is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

/// Lets it go.
pub(super) fn let_go(port: u16) -> io::Result<()> {
    let answer = call(port, "PATCH", GO)?;
    match answer.starts_with("HTTP/1.1 200") {
        true => Ok(()),
        false => Err(io::Error::other(format!(
            "k6 answered {:?} to its start",
            answer.lines().next().unwrap_or_default()
        ))),
    }
}

fn call(port: u16, method: &str, body: &str) -> io::Result<String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, LONGEST_CALL)?;
    stream.set_read_timeout(Some(LONGEST_CALL))?;
    stream.set_write_timeout(Some(LONGEST_CALL))?;
    let request = format!(
        "{method} /v1/status HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(LONGEST_ANSWER_BYTES).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
