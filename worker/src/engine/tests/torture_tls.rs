//! Servers that break off TLS, or that speak something else than they were asked:
//! what the causes say of them, and that no cut answer counts as ok.

use super::*;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

/// How a TLS connection ends after the answer.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    /// With close_notify, as the standard wants it.
    Announced,
    /// By closing the socket alone.
    Cut,
}

fn config() -> Arc<ServerConfig> {
    let key = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![key.cert.der().clone()], private)
        .unwrap();
    Arc::new(config)
}

/// A server of connections; its thread ends with the process.
fn serve(converse: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let converse = Arc::new(converse);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let converse = converse.clone();
            std::thread::spawn(move || converse(stream));
        }
    });
    address
}

fn read_head(stream: &mut impl Read) -> bool {
    let mut head = Vec::new();
    let mut some = [0; 4096];
    while !head.windows(4).any(|four| four == b"\r\n\r\n") {
        match stream.read(&mut some) {
            Ok(count) if count > 0 => head.extend_from_slice(&some[..count]),
            _ => return false,
        }
    }
    true
}

/// A TLS server that answers one request of each connection so, and ends it.
fn answering(answer: &str, end: End) -> SocketAddr {
    let (answer, config) = (answer.to_owned(), config());
    serve(move |stream| {
        let tls = ServerConnection::new(config.clone()).unwrap();
        let mut stream = StreamOwned::new(tls, stream);
        if !read_head(&mut stream) {
            return;
        }
        // A client that goes away is part of the tests.
        let _ = stream.write_all(answer.as_bytes());
        let _ = stream.flush();
        if end == End::Announced {
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    })
}

/// Three requests to `scheme://localhost`, one after the other.
fn load(scheme: &str, address: SocketAddr, change: impl FnOnce(&mut Step)) -> LoadResult {
    let plain = Target::plain();
    let mut step = step(&plain, "/x");
    step.url = format!("{scheme}://localhost:{}/", address.port())
        .parse()
        .unwrap();
    change(&mut step);
    let mut group = rounds(1.0, 3, vec![step]);
    group.tls.insecure = true;
    run(group, 1)
}

#[track_caller]
fn all_fail(result: &LoadResult, cause: Cause, message: &str) {
    assert_eq!(result.tally.account.failed, 3, "{:?}", result.tally.errors);
    assert_eq!(failed(result, cause), 3, "{:?}", result.tally.errors);
    for key in result.tally.errors.keys() {
        assert!(key.message.contains(message), "{}", key.message);
    }
}

#[test]
fn an_answer_that_tls_did_not_end_is_cut() {
    let ends_with_connection = [
        "HTTP/1.1 200 OK\r\n\r\nall of it",
        "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n12345",
    ];
    for answer in ends_with_connection {
        let result = load("https", answering(answer, End::Announced), |_| {});
        assert_eq!(
            result.tally.account.ok, 3,
            "{answer}: {:?}",
            result.tally.errors
        );
        let result = load("https", answering(answer, End::Cut), |_| {});
        all_fail(&result, Cause::Reset, "did not end TLS (close_notify)");
    }
    // Where the answer says itself where it ends, nothing else has to.
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
    ] {
        let result = load("https", answering(answer, End::Cut), |_| {});
        assert_eq!(
            result.tally.account.ok, 3,
            "{answer}: {:?}",
            result.tally.errors
        );
    }
    for (cut, says) in [
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok",
            "before the answer was complete",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
            "before the answer was complete",
        ),
        ("HTTP/1.1 200 OK\r\nConte", "before the answer was complete"),
        ("", "without an answer"),
    ] {
        for end in [End::Cut, End::Announced] {
            let result = load("https", answering(cut, end), |_| {});
            all_fail(&result, Cause::Reset, says);
        }
    }
}

#[test]
fn a_server_without_tls_is_told_in_plain_words() {
    let saying = |answer: &'static [u8]| {
        serve(move |mut stream| {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer);
            // Its own end must not overtake what it says.
            let _ = stream.read_to_end(&mut Vec::new());
        })
    };
    for answer in [
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".as_slice(),
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"220 mail.example ESMTP\r\n",
        b"-ERR unknown command\r\n",
    ] {
        let result = load("https", saying(answer), |_| {});
        all_fail(&result, Cause::Tls, "is not TLS; does it speak http there?");
    }
    let closing = serve(|mut stream| drop(stream.read(&mut [0; 4096])));
    let result = load("https", closing, |_| {});
    all_fail(
        &result,
        Cause::Tls,
        "during the TLS handshake; does it speak https there?",
    );
}

#[test]
fn a_handshake_that_hangs_is_told_from_a_connection_that_does_not_come() {
    // Reads and says nothing; begins a record of TLS and does not end it.
    for begins in [b"".as_slice(), b"\x16\x03\x03\x40\x00\x02"] {
        let hanging = serve(move |mut stream| {
            let _ = stream.write_all(begins);
            let _ = stream.read_to_end(&mut Vec::new());
        });
        let result = load("https", hanging, |step| step.timeouts.connect_us = 90_000);
        let says = "no TLS handshake with localhost";
        all_fail(&result, Cause::TimeoutConnect, says);
        let account = result.tally.account;
        assert_eq!((account.unconnected, account.sent), (3, 0));
    }
}

#[test]
fn a_server_that_speaks_another_protocol_is_told_in_plain_words() {
    // What a TLS server says to a request in plain text: an alert.
    let config = config();
    let secure = serve(move |stream| {
        let tls = ServerConnection::new(config.clone()).unwrap();
        let mut stream = StreamOwned::new(tls, stream);
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.flush();
    });
    let result = load("http", secure, |_| {});
    all_fail(&result, Cause::Protocol, "in TLS, where http was asked for");
    let second = serve(|mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x80");
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let result = load("http", second, |_| {});
    all_fail(&result, Cause::Protocol, "in HTTP/2 without TLS");
}
