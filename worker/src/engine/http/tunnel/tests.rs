//! What proxies answer, byte by byte: what is asked of them, what is made of each answer, and
//! that nothing of the target's is read.

use super::*;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::ReadBuf;

/// A proxy that answers with these bytes, at most `at_once` at a time, and then closes.
struct Scripted {
    asked: Vec<u8>,
    answer: Vec<u8>,
    at_once: usize,
}

impl AsyncRead for Scripted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let count = self.at_once.min(self.answer.len()).min(buffer.remaining());
        let bytes: Vec<u8> = self.answer.drain(..count).collect();
        buffer.put_slice(&bytes);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Scripted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.asked.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// What is asked, the failure or nothing, and what was left for the target's connection.
async fn opened(
    proxy: &str,
    destination: &Destination,
    answer: &[u8],
    at_once: usize,
) -> (Vec<u8>, Result<(), Failure>, Vec<u8>) {
    let mut stream = Scripted {
        asked: Vec::new(),
        answer: answer.to_vec(),
        at_once,
    };
    let proxy = Proxy::parse(proxy).unwrap();
    let result = open(&mut stream, &proxy, destination, "proxy p:1").await;
    (stream.asked, result, stream.answer)
}

fn name() -> Destination {
    Destination::Name("shop.test".to_owned(), 443)
}

async fn fails(proxy: &str, answer: &[u8]) -> (Cause, String) {
    let mut all = Vec::new();
    for at_once in [1, usize::MAX] {
        let (_, result, _) = opened(proxy, &name(), answer, at_once).await;
        let failure = result.unwrap_err();
        all.push((failure.cause, failure.key().message));
    }
    assert_eq!(all[0], all[1]);
    all.remove(0)
}

#[tokio::test]
async fn connect_asks_for_host_and_port_with_user_and_password() {
    let ok = b"HTTP/1.1 200 Connection established\r\nX: y\r\n\r\n";
    let (asked, result, _) = opened("http://ann:s3@p:1", &name(), ok, 3).await;
    assert_eq!(result, Ok(()));
    assert_eq!(
        String::from_utf8(asked).unwrap(),
        format!(
            "CONNECT shop.test:443 HTTP/1.1\r\nHost: shop.test:443\r\nUser-Agent: dlt/{}\r\nProxy-Authorization: Basic YW5uOnMz\r\n\r\n",
            env!("CARGO_PKG_VERSION")
        )
    );
    let address = Destination::Address("[2001:db8::1]:80".parse().unwrap());
    let (asked, result, _) = opened("http://p:1", &address, ok, usize::MAX).await;
    assert_eq!(result, Ok(()));
    assert!(asked.starts_with(b"CONNECT [2001:db8::1]:80 HTTP/1.1\r\n"));
    // Interim answers precede the final one; any 2xx opens the way, whatever length it claims.
    for good in [
        &b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 OK\r\n\r\n"[..],
        b"HTTP/1.1 204 x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    ] {
        assert_eq!(
            opened("http://p:1", &name(), good, usize::MAX).await.1,
            Ok(())
        );
    }
}

#[tokio::test]
async fn connect_refused_says_why() {
    for (status, proxy, says) in [
        (
            407,
            "http://p:1",
            "with 407 Proxy Authentication Required: it wants a user and a password",
        ),
        (
            407,
            "http://a:s3@p:1",
            "it does not accept the user and the password",
        ),
        (
            403,
            "http://p:1",
            "with 403 Forbidden: it does not allow that",
        ),
        (
            502,
            "http://p:1",
            "with 502 Bad Gateway: it did not reach the target",
        ),
        (302, "http://p:1", "with 302 Found"),
        (599, "http://p:1", "with 599"),
    ] {
        let answer = format!("HTTP/1.1 {status} evil\r\nContent-Length: 4\r\n\r\nbody");
        let (cause, message) = fails(proxy, answer.as_bytes()).await;
        assert_eq!(cause, Cause::Proxy);
        let begin = "proxy p:1 answered CONNECT shop.test:443 ";
        assert!(
            message.starts_with(begin) && message.contains(says),
            "{message}"
        );
        assert!(
            !message.contains("evil") && !message.contains("s3"),
            "{message}"
        );
        let (_, result, _) = opened(proxy, &name(), answer.as_bytes(), 9).await;
        assert_eq!(result.unwrap_err().key().code, Some(status.to_string()));
    }
}

#[tokio::test]
async fn connect_answered_wrongly_says_how() {
    let with_body = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello".as_slice();
    let (_, result, _) = opened("http://p:1", &name(), with_body, usize::MAX).await;
    let message = result.unwrap_err().key().message;
    assert!(message.contains("200 and 5 bytes behind it"), "{message}");
    // One that comes later is the target's, as far as anybody can tell: nothing of it is read.
    let (_, result, left) = opened("http://p:1", &name(), with_body, 1).await;
    assert_eq!((result, left.as_slice()), (Ok(()), &b"hello"[..]));
    let long = [b"HTTP/1.1 200 OK\r\nA: ".as_slice(), &[b'x'; 20_000]].concat();
    let endless = b"HTTP/1.1 100 x\r\n\r\n".repeat(20);
    for (answer, says) in [
        (
            &b""[..],
            "closed the connection before it had answered CONNECT shop.test:443",
        ),
        (
            b"HTTP/1.1 200 OK\r\nA: b\r\n",
            "closed the connection before it had answered",
        ),
        (b"\x05\xff", "that is not HTTP"),
        (b"SSH-2.0-x\r\n\r\n", "is it another kind of proxy?"),
        (&long, "a head of more than 16 KiB"),
        (&endless, "nothing but interim answers"),
    ] {
        let (cause, message) = fails("http://p:1", answer).await;
        assert_eq!(cause, Cause::Proxy);
        assert!(message.contains(says), "{message}");
    }
}

#[tokio::test]
async fn socks_asks_by_name_or_address_and_logs_in() {
    let granted = [5, 0, 5, 0, 0, 1, 127, 0, 0, 1, 0, 80];
    let (asked, result, left) = opened(
        "socks5h://p:1",
        &name(),
        &[&granted[..], b"TLS"].concat(),
        usize::MAX,
    )
    .await;
    assert_eq!((result, left.as_slice()), (Ok(()), &b"TLS"[..]));
    assert_eq!(
        asked,
        [&[5, 1, 0, 5, 1, 0, 3, 9][..], b"shop.test", &[1, 187]].concat()
    );
    let by_name = [&[5, 0, 5, 0, 0, 3, 3][..], b"abc", &[0, 80], b"x"].concat();
    let by_v6 = [&[5, 0, 5, 0, 0, 4][..], &[0; 18], b"x"].concat();
    for (address, asks) in [
        ("10.1.2.3:80", vec![5, 1, 0, 1, 10, 1, 2, 3, 0, 80]),
        ("[::ffff:10.1.2.3]:80", vec![5, 1, 0, 1, 10, 1, 2, 3, 0, 80]),
        (
            "[::1]:8080",
            [&[5, 1, 0, 4][..], &[0; 15], &[1, 31, 144]].concat(),
        ),
    ] {
        let destination = Destination::Address(address.parse().unwrap());
        for answer in [&by_name, &by_v6] {
            let (asked, result, left) = opened("socks5://p:1", &destination, answer, 1).await;
            assert_eq!((result, left.as_slice()), (Ok(()), &b"x"[..]));
            assert_eq!(asked[3..], asks);
        }
    }
    let login = [&[5, 2, 1, 0][..], &granted[2..]].concat();
    let (asked, result, _) = opened("socks5h://ann:s3@p:1", &name(), &login, 1).await;
    assert_eq!(result, Ok(()));
    assert_eq!(
        asked[..12],
        [&[5, 2, 0, 2, 1, 3][..], b"ann", &[2], b"s3"].concat()
    );
    // Offered, and not wanted.
    let (asked, result, _) = opened("socks5h://ann:s3@p:1", &name(), &granted, 1).await;
    assert_eq!(result, Ok(()));
    assert_eq!(asked[4..7], [5, 1, 0]);
}

#[tokio::test]
async fn each_reply_of_socks_has_its_cause() {
    for (reply, cause, says) in [
        (1, Cause::Proxy, "a general failure"),
        (2, Cause::Proxy, "its rules do not allow that"),
        (3, Cause::Unreachable, "no route to the network"),
        (4, Cause::Unreachable, "no route to the host"),
        (5, Cause::Refused, "connection refused"),
        (6, Cause::Unreachable, "TTL expired"),
        (7, Cause::Proxy, "it does not connect for others"),
        (8, Cause::Proxy, "this type of address"),
    ] {
        let (found, message) =
            fails("socks5h://p:1", &[5, 0, 5, reply, 0, 1, 0, 0, 0, 0, 0, 0]).await;
        assert_eq!(found, cause, "{message}");
        assert!(
            message.starts_with("proxy p:1 says of shop.test:443: ") && message.contains(says),
            "{message}"
        );
    }
}

#[tokio::test]
async fn what_is_no_socks_is_told() {
    for (proxy, answer, says) in [
        (
            "socks5://p:1",
            &[5, 0, 5, 9, 0, 1][..],
            "the reply 9, which SOCKS has not",
        ),
        ("socks5://p:1", &[5, 0, 5, 0, 0, 7], "an address of type 7"),
        ("socks5://p:1", &[5, 0, 4, 0, 0, 1], "version 4"),
        (
            "socks5://p:1",
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            "is it another kind of proxy (http://)?",
        ),
        ("socks5://p:1", &[5, 0xff], "wants a log-in"),
        (
            "socks5://a:s3@p:1",
            &[5, 0xff],
            "lets nobody in by a name and a password",
        ),
        (
            "socks5://a:s3@p:1",
            &[5, 1],
            "the way 1 to log in, which was not offered",
        ),
        (
            "socks5://p:1",
            &[5, 2],
            "the way 2 to log in, which was not offered",
        ),
        (
            "socks5://a:s3@p:1",
            &[5, 2, 1, 1],
            "does not accept the user and the password",
        ),
        (
            "socks5://p:1",
            &[],
            "closed the connection before it had answered the greeting",
        ),
        (
            "socks5://a:s3@p:1",
            &[5, 2],
            "before it had answered the log-in",
        ),
        (
            "socks5://p:1",
            &[5, 0, 5, 0, 0, 1, 1],
            "before it had answered for shop.test:443",
        ),
    ] {
        let (cause, message) = fails(proxy, answer).await;
        assert_eq!(cause, Cause::Proxy);
        assert!(
            message.contains(says) && !message.contains("s3"),
            "{message}"
        );
    }
    let long = Destination::Name("a".repeat(256), 80);
    let (asked, result, _) = opened("socks5h://p:1", &long, &[], 1).await;
    assert!(asked.is_empty());
    assert!(
        result
            .unwrap_err()
            .key()
            .message
            .contains("more than 255 bytes")
    );
}
