//! Responses at once, and the same responses in pieces.

use super::*;
use crate::engine::memory::Memory;
use proptest::prelude::*;

/// The result of bytes fed in pieces, and of a close after them.
#[derive(Debug, PartialEq, Eq)]
struct Parsed {
    end: Result<usize, ErrorKind>,
    status: Option<u16>,
    keep_alive: bool,
    received: u64,
}

/// A response error without its text.
#[derive(Debug, PartialEq, Eq)]
enum ErrorKind {
    Malformed,
    TooLarge,
    Closed,
}

fn parse(to_head: bool, pieces: &[&[u8]]) -> Parsed {
    let mut parser = ResponseParser::new(to_head);
    let mut before = 0;
    let mut end = None;
    for piece in pieces {
        match parser.feed(piece) {
            Ok(Progress::More) => before += piece.len(),
            Ok(Progress::Done(used)) => {
                end = Some(Ok(before + used));
                break;
            }
            Err(error) => {
                end = Some(Err(error));
                break;
            }
        }
    }
    let end = end.unwrap_or_else(|| parser.end().map(|()| before));
    let end = end.map_err(|error| match error {
        ResponseError::Malformed(_) | ResponseError::MalformedLine(_) => ErrorKind::Malformed,
        ResponseError::TooLarge(_) => ErrorKind::TooLarge,
        ResponseError::Closed | ResponseError::Cut => ErrorKind::Closed,
    });
    Parsed {
        status: parser.status(),
        keep_alive: parser.keep_alive(),
        // After an error the bytes counted depend on where the pieces ended.
        received: if end.is_ok() { parser.received() } else { 0 },
        end,
    }
}

/// What is kept of the first response in these pieces; None if it has no end.
fn kept(pieces: &[&[u8]]) -> Option<(Vec<u8>, Vec<u8>, usize)> {
    let mut parser = ResponseParser::new(false).keeping(
        KeepSpec {
            head: true,
            body: true,
            cookies: true,
        },
        &Memory::new(None).kept_room(1),
    );
    let mut done = false;
    for piece in pieces {
        // After an error there is no response.
        done = matches!(parser.feed(piece).ok()?, Progress::Done(_));
        if done {
            break;
        }
    }
    if !done {
        parser.end().ok()?;
    }
    let kept = parser.take_kept()?;
    Some((kept.head, kept.body, kept.cookies.len()))
}

#[test]
fn what_the_request_asks_for_is_kept() {
    let text = "HTTP/1.1 100 Go\r\nX: 1\r\n\r\nHTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nTransfer-Encoding: chunked\r\nset-cookie: c\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n";
    let (head, body, cookies) = kept(&[text.as_bytes()]).unwrap();
    assert_eq!(
        String::from_utf8(head).unwrap(),
        "HTTP/1.1 200 OK\nSet-Cookie: a=b\nTransfer-Encoding: chunked\nset-cookie: c\n"
    );
    assert_eq!((body.as_slice(), cookies), (b"abcde".as_slice(), 2));
    // Nothing is kept, nothing is allocated.
    let mut parser = ResponseParser::new(false);
    parser.feed(text.as_bytes()).unwrap();
    assert!(parser.take_kept().is_none());
}

fn whole(text: &str) -> Parsed {
    parse(false, &[text.as_bytes()])
}

#[track_caller]
fn complete(text: &str, status: u16, keep_alive: bool, trailing: usize) {
    let used = text.len() - trailing;
    assert_eq!(
        whole(text),
        Parsed {
            end: Ok(used),
            status: Some(status),
            keep_alive,
            received: used as u64,
        }
    );
}

#[test]
fn framings_end_where_they_should() {
    complete(
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
        200,
        true,
        0,
    );
    complete(
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcXY",
        200,
        true,
        2,
    );
    complete(
        "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n",
        204,
        true,
        0,
    );
    complete(
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n",
        304,
        true,
        0,
    );
    complete("HTTP/1.1 200 OK\r\n\r\nuntil the end", 200, false, 0);
    complete(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n3;a=\"b\"\r\nabc\r\n00\r\nT: 1\r\n\r\nrest",
        200,
        true,
        4,
    );
    complete(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc",
        200,
        false,
        0,
    );
    complete(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nA: b\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n",
        201,
        true,
        0,
    );
    let head = parse(true, &[b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n"]);
    assert_eq!(head.end, Ok(40));
}

#[test]
fn connections_are_kept_by_the_rules() {
    complete(
        "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        200,
        false,
        0,
    );
    complete(
        "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n",
        200,
        true,
        0,
    );
    complete(
        "HTTP/1.1 200 OK\r\nConnection: x, close\r\nContent-Length: 0\r\n\r\n",
        200,
        false,
        0,
    );
    complete(
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        200,
        false,
        0,
    );
}

#[test]
fn what_is_no_response_says_why() {
    let kind = |text: &str| whole(text).end.unwrap_err();
    assert_eq!(kind("SSH-2.0-OpenSSH_9.2\r\n"), ErrorKind::Malformed);
    assert_eq!(
        kind("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"),
        ErrorKind::Malformed
    );
    assert_eq!(
        kind("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"),
        ErrorKind::Malformed
    );
    assert_eq!(
        kind("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"),
        ErrorKind::Malformed
    );
    assert_eq!(
        kind("HTTP/1.1 101 Switching Protocols\r\n\r\n"),
        ErrorKind::Malformed
    );
    assert_eq!(
        kind("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        ErrorKind::Malformed
    );
    assert_eq!(
        kind("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc"),
        ErrorKind::Malformed
    );
    assert_eq!(
        kind("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1234567890123456\r\n"),
        ErrorKind::Malformed
    );
    assert_eq!(
        kind("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc"),
        ErrorKind::Closed
    );
    assert_eq!(
        kind("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"),
        ErrorKind::Closed
    );
    assert_eq!(kind("HTTP/1.1 200"), ErrorKind::Closed);
    assert_eq!(kind(""), ErrorKind::Closed);
}

#[test]
fn limits_hold() {
    let long = format!(
        "HTTP/1.1 200 OK\r\nA: {}\r\n\r\n",
        "x".repeat(LONGEST_HEAD_BYTES)
    );
    assert_eq!(whole(&long).end, Err(ErrorKind::TooLarge));
    let pieces: Vec<&[u8]> = long.as_bytes().chunks(1000).collect();
    assert_eq!(parse(false, &pieces).end, Err(ErrorKind::TooLarge));
    let many = format!(
        "HTTP/1.1 200 OK\r\n{}\r\n",
        "A: b\r\n".repeat(MOST_HEADERS + 1)
    );
    assert_eq!(whole(&many).end, Err(ErrorKind::TooLarge));
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let extension = format!("{chunked}1;{}\r\n", "e".repeat(5000));
    assert_eq!(whole(&extension).end, Err(ErrorKind::TooLarge));
    let trailers = format!("{chunked}0\r\n{}", "T: t\r\n".repeat(4000));
    assert_eq!(whole(&trailers).end, Err(ErrorKind::TooLarge));
    let interim = "HTTP/1.1 100 Continue\r\n\r\n".repeat(100);
    assert_eq!(whole(&interim).end, Err(ErrorKind::Malformed));
}

fn body() -> impl Strategy<Value = String> {
    let chunk = "[a-z\r\n]{1,40}".prop_map(|data| format!("{:x}\r\n{data}\r\n", data.len()));
    prop_oneof![
        "[a-z\r\n]{0,60}".prop_map(|data| format!("Content-Length: {}\r\n\r\n{data}", data.len())),
        (
            prop::collection::vec(chunk, 0..5),
            "(T: [a-z]{0,9}\r\n){0,3}"
        )
            .prop_map(|(chunks, trailers)| format!(
                "Transfer-Encoding: chunked\r\n\r\n{}0\r\n{trailers}\r\n",
                chunks.concat()
            )),
        "[a-z\r\n]{0,60}".prop_map(|data| format!("\r\n{data}")),
    ]
}

fn stream() -> impl Strategy<Value = Vec<u8>> {
    (
        "(HTTP/1.1 10[023] I\r\nX: y\r\n\r\n){0,2}",
        prop_oneof![Just(200u16), Just(204), Just(301), Just(404), Just(503)],
        "((X-[a-z]{1,9}|Set-Cookie): [ -~]{0,30}\r\n){0,6}",
        body(),
        "[a-z]{0,10}",
        prop::option::weighted(0.3, (0usize..400, any::<u8>())),
    )
        .prop_map(|(interim, status, headers, body, rest, damage)| {
            let mut bytes =
                format!("{interim}HTTP/1.1 {status} Text\r\n{headers}{body}{rest}").into_bytes();
            if let Some((at, byte)) = damage {
                let length = bytes.len();
                bytes[at % length] = byte;
            }
            bytes
        })
}

proptest! {
    #[test]
    fn splitting_anywhere_changes_nothing(
        bytes in stream(),
        cuts in prop::collection::vec(0usize..600, 0..8),
    ) {
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        let at_once = parse(false, &[&bytes]);
        prop_assert_eq!(&parse(false, &pieces), &at_once);
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        prop_assert_eq!(&parse(false, &single), &at_once);
        let at_once = kept(&[&bytes]);
        prop_assert_eq!(&kept(&pieces), &at_once);
        prop_assert_eq!(&kept(&single), &at_once);
    }

    #[test]
    fn any_bytes_end_somehow(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = whole(&String::from_utf8_lossy(&bytes));
        let _ = parse(true, &[&bytes]);
    }
}

/// Folded lines are read as one, in whatever pieces they come (RFC 9112, 5.2).
#[test]
fn folded_header_lines_are_read() {
    let head =
        b"HTTP/1.1 200 OK\r\nX-Long: one,\r\n two,\r\n\tthree\r\nContent-Length:\r\n 2\r\n\r\nok";
    for cut in 1..head.len() {
        let (first, second) = head.split_at(cut);
        let parsed = parse(false, &[first, second]);
        assert_eq!(parsed.end, Ok(head.len()), "cut at {cut}");
        assert_eq!(parsed.status, Some(200));
    }
    let mut parser = ResponseParser::new(false).keeping(
        KeepSpec {
            head: true,
            ..KeepSpec::default()
        },
        &Memory::new(None).kept_room(1),
    );
    parser.feed(head).unwrap();
    let kept = parser.take_kept().unwrap();
    let kept = String::from_utf8(kept.head).unwrap();
    assert!(
        kept.contains("\nX-Long: one,   two,  \tthree\n"),
        "{kept:?}"
    );
}

/// Trailers are header lines, and no more may stand in them than in those of a head.
#[test]
fn trailers_are_read_by_the_rules_of_heads() {
    let in_trailers = |lines: &str| {
        let text = format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n{lines}\r\n"
        );
        whole(&text).end.map(|used| used == text.len())
    };
    let in_head = |lines: &str| {
        let text = format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{lines}\r\n");
        whole(&text).end.map(|used| used == text.len())
    };
    for good in [
        "",
        "T: t\r\n",
        "T:\r\nU: \t v \r\n",
        "T: a\r\n b\r\n\tc\r\nU: d\r\n",
        "ETag: \"x\u{e9}\"\r\n",
    ] {
        assert_eq!(in_trailers(good), Ok(true), "{good:?}");
        assert_eq!(in_head(good), Ok(true), "{good:?}");
    }
    for bad in [
        "T: a\0b\r\n",
        "\0: a\r\n",
        "T\0: a\r\n",
        "T: \u{1}\r\n",
        "T: a\u{7f}\r\n",
        "T: \u{1b}[2J\r\n",
        "no colon\r\n",
        ": no name\r\n",
        "T : a\r\n",
    ] {
        assert_eq!(in_trailers(bad), Err(ErrorKind::Malformed), "{bad:?}");
        assert_eq!(in_head(bad), Err(ErrorKind::Malformed), "{bad:?}");
    }
    // Only what stands before it can go on in a line.
    assert_eq!(in_trailers(" a: b\r\n"), Err(ErrorKind::Malformed));
    for extension in ["1;a\0\r\n", "1;\u{1b}=b\r\n"] {
        let text = format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{extension}x\r\n0\r\n\r\n"
        );
        assert_eq!(whole(&text).end, Err(ErrorKind::Malformed), "{extension:?}");
    }
}
