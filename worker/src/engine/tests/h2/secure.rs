//! HTTP/2 over TLS: what server and scenario agree on by ALPN (RFC 7301), and through a
//! tunnel.

use super::super::secure::Authority;
use super::*;
use rustls::ServerConfig;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::oneshot as once;

/// A TLS target that offers these protocols and speaks what was chosen; ends when dropped.
struct Chooser {
    address: SocketAddr,
    _end: once::Sender<()>,
}

fn chooser(authority: &Authority, offered: &[&str]) -> Chooser {
    let (certificate, key) = authority.issue("server", "127.0.0.1", false);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let builder = builder.with_no_client_auth();
    let mut config = builder.with_single_cert(vec![certificate], key).unwrap();
    config.alpn_protocols = offered
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let (end, ended) = once::channel();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let serve = async {
                while let Ok((stream, _)) = listener.accept().await {
                    let accepting = acceptor.accept(stream);
                    tokio::spawn(async move {
                        let Ok(stream) = accepting.await else { return };
                        match stream.get_ref().1.alpn_protocol() {
                            Some(b"h2") => {
                                let answer = |_: &server::H2Request, _| {
                                    vec![Act::Answer(200, vec![], b"two".to_vec())]
                                };
                                server::converse_on(stream, answer).await;
                            }
                            _ => answer_h1(stream).await,
                        }
                    });
                }
            };
            tokio::select! {
                () = serve => {}
                _ = ended => {}
            }
        });
    });
    Chooser { address, _end: end }
}

async fn answer_h1(mut stream: tokio_rustls::server::TlsStream<tokio::net::TcpStream>) {
    let mut some = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut some).await {
        // Requests of these tests are short: each is one read.
        assert!(some[..count].ends_with(b"\r\n\r\n"));
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none";
        if stream.write_all(answer).await.is_err() || stream.flush().await.is_err() {
            return;
        }
    }
}

fn asked(authority: &Authority, chooser: &Chooser, http: HttpChoice, streams: u32) -> LoadResult {
    let mut step = super::super::step(&Target::plain(), "/");
    step.url = format!("https://{}/", chooser.address).parse().unwrap();
    let mut group = super::super::rounds(4.0, 3, vec![step]);
    group.tls.ca_file = authority.text("ca");
    group.http = http;
    group.streams = streams;
    group.load.give_up_after_us = None;
    run(group, 1)
}

#[test]
fn the_server_chooses_and_what_it_chose_is_reported() {
    let authority = Authority::new();
    for (offered, http, is_h2) in [
        (&["h2", "http/1.1"][..], HttpChoice::Auto, true),
        (&["http/1.1"], HttpChoice::Auto, false),
        (&[], HttpChoice::Auto, false),
        (&["h2", "http/1.1"], HttpChoice::Http1, false),
        (&["h2", "http/1.1"], HttpChoice::Http2, true),
    ] {
        let target = chooser(&authority, offered);
        for streams in [1, 4] {
            let result = asked(&authority, &target, http, streams);
            let account = result.tally.account;
            assert_eq!(
                (account.ok, account.failed),
                (12, 0),
                "{}",
                message(&result)
            );
            let versions = label(&result, "/").versions;
            let (http2, http1_1) = if is_h2 { (12, 0) } else { (0, 12) };
            assert_eq!(
                (versions.http2, versions.http1_1),
                (http2, http1_1),
                "{offered:?}"
            );
            let opened = result.tally.overall().connect.count;
            assert_eq!(
                opened,
                if is_h2 && streams == 4 { 1 } else { 4 },
                "{offered:?} {http:?}"
            );
            // Stamps are known through TLS too.
            assert!(result.reading.stamped > 0, "{:?}", result.reading);
        }
    }
}

#[test]
fn a_server_without_http2_fails_by_name_where_nothing_else_is_taken() {
    let authority = Authority::new();
    for (offered, cause) in [
        // The server ends the handshake; or it ignores what is asked.
        (&["http/1.1"][..], Cause::Tls),
        (&[], Cause::Protocol),
    ] {
        let target = chooser(&authority, offered);
        for streams in [1, 4] {
            let result = asked(&authority, &target, HttpChoice::Http2, streams);
            let account = result.tally.account;
            assert_eq!((account.unconnected, account.ok), (12, 0));
            assert_eq!(failed(&result, cause), 12, "{}", message(&result));
            assert!(message(&result).contains("HTTP/2"), "{}", message(&result));
        }
    }
}
