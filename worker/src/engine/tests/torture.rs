//! Servers that answer more often than they are asked: an answer is counted for the
//! request that it belongs to, or for none. The server's own count is the truth.

use super::depth::json;
use super::*;
use dlt_core::scenario::plan::ThinkTime;
use dlt_core::scenario::plan::{Check, Find, Subject, Wanted};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

/// When the server sends the answer that nobody asked for.
#[derive(Debug, Clone, Copy)]
enum Unasked {
    /// With the answer, in one write.
    Joined,
    /// Behind it, in a write of its own.
    Behind,
    /// So long after it.
    After(Duration),
}

/// What the server knows.
#[derive(Debug, Default)]
struct Truth {
    /// Requests that it has read.
    requests: AtomicU64,
    /// Unasked answers that it sent when the next request was there already: these
    /// are answers to that one by all that anybody can see.
    undetectable: AtomicU64,
    /// What serves a connection each, until the client closes it.
    conversations: Mutex<Vec<JoinHandle<std::io::Result<()>>>>,
}

impl Truth {
    /// Waits until everything that was sent is read: a request may have been answered by the unasked
    /// answer before it, and its run be over already.
    fn settle(&self) {
        for conversation in self.conversations.lock().unwrap().drain(..) {
            let _ = conversation.join();
        }
    }
}

/// A server that answers every request twice, the second time with the body
/// `unasked`; `size`: bytes of the first body.
fn server(unasked: Unasked, size: usize) -> (SocketAddr, Arc<Truth>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let truth = Arc::new(Truth::default());
    let known = truth.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let heard = truth.clone();
            // The lock is held while it begins, so that it is waited for.
            let mut conversations = truth.conversations.lock().unwrap();
            conversations.push(std::thread::spawn(move || {
                converse(stream, unasked, size, &heard)
            }));
        }
    });
    (address, known)
}

fn converse(
    mut stream: TcpStream,
    unasked: Unasked,
    size: usize,
    truth: &Truth,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let body = format!("{{\"asked\":[{}0]}}", "1,".repeat(size / 2));
    let text = |body: &str| {
        format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let (asked, second) = (text(&body), text("{\"unasked\":1}"));
    let mut some = [0; 4096];
    let mut head = Vec::new();
    loop {
        while !head.ends_with(b"\r\n\r\n") {
            let count = stream.read(&mut some)?;
            if count == 0 {
                return Ok(());
            }
            head.extend_from_slice(&some[..count]);
        }
        // Two, where the unasked answer was taken for that of the first.
        let requests = head.windows(4).filter(|it| it == b"\r\n\r\n").count();
        head.clear();
        truth.requests.fetch_add(requests as u64, Ordering::SeqCst);
        // A client that closed may have sent a request before: it is still to be read.
        for _ in 0..requests {
            let _ = answer(&mut stream, unasked, &asked, &second);
        }
        let beside = requests as u64 - 1;
        stream.set_nonblocking(true)?;
        let is_there = stream.peek(&mut some).is_ok_and(|count| count > 0);
        stream.set_nonblocking(false)?;
        truth
            .undetectable
            .fetch_add(beside + u64::from(is_there), Ordering::SeqCst);
    }
}

fn answer(
    stream: &mut TcpStream,
    unasked: Unasked,
    asked: &str,
    second: &str,
) -> std::io::Result<()> {
    match unasked {
        Unasked::Joined => return stream.write_all(format!("{asked}{second}").as_bytes()),
        Unasked::Behind => stream.write_all(asked.as_bytes())?,
        Unasked::After(pause) => {
            stream.write_all(asked.as_bytes())?;
            #[expect(
                clippy::disallowed_methods,
                reason = "the server is slow on purpose; nothing is waited for"
            )]
            std::thread::sleep(pause);
        }
    }
    stream.write_all(second.as_bytes())
}

/// What one user counts in 30 requests, whose answers it can tell apart.
fn counted(unasked: Unasked, size: usize, think_ms: u64, check: Check) -> LoadResult {
    let (address, truth) = server(unasked, size);
    let mut step = step(&Target::plain(), "/x");
    step.url = format!("http://{address}/").parse().unwrap();
    step.think_time = ThinkTime::Fixed(think_ms * 1_000);
    step.checks = vec![check];
    let result = run(rounds(1.0, 30, vec![step]), 1);
    truth.settle();
    let account = result.tally.account;
    let told = format!(
        "{unasked:?} {size} {think_ms} ms: {:?}",
        result.tally.errors
    );
    assert_eq!(
        account.sent,
        truth.requests.load(Ordering::SeqCst),
        "{told}"
    );
    // An answer that fails the check is one that was taken for another.
    let undetectable = truth.undetectable.load(Ordering::SeqCst);
    assert!(
        failed(&result, Cause::Check) <= undetectable,
        "{undetectable} {told}"
    );
    assert_eq!(account.ok + account.failed, 30, "{told}");
    assert_eq!(
        failed(&result, Cause::Protocol) + failed(&result, Cause::Check),
        account.failed,
        "{told}"
    );
    for key in result.tally.errors.keys() {
        let known = key.cause == Cause::Check || key.message.contains("more answers than");
        assert!(known, "{key:?}");
    }
    result
}

fn asked() -> Check {
    Check::Contains {
        subject: Subject::Body,
        wanted: vec![Wanted::Text("\"asked\"".to_owned())],
        not: false,
    }
}

#[test]
fn a_second_answer_is_never_counted_for_the_next_request() {
    let ms = Duration::from_millis;
    for (unasked, think_ms) in [
        (Unasked::Joined, 0),
        (Unasked::Behind, 0),
        (Unasked::Behind, 3),
        (Unasked::After(ms(1)), 8),
        (Unasked::After(ms(4)), 20),
    ] {
        let result = counted(unasked, 2, think_ms, asked());
        // Where it comes before the next request is made, a new connection is, and
        // nothing fails.
        if think_ms > 0 {
            assert!(result.tally.account.ok > 0, "{:?}", result.tally.errors);
        }
    }
    let result = counted(Unasked::Joined, 2, 0, asked());
    assert_eq!(result.tally.account.ok, 30, "{:?}", result.tally.errors);
}

/// The thread is busy with an answer while the second one comes: it does not ask the
/// kernel again before it sends, and sees the time of receipt afterwards.
#[test]
fn a_second_answer_that_comes_while_the_thread_is_busy_is_seen_by_its_time() {
    let Find::Json(query) = json("$.asked[?@ == 0]") else {
        panic!("a JSONPath");
    };
    let slow = Check::Json {
        query,
        expected: None,
        invert: false,
    };
    let soon = Unasked::After(Duration::from_millis(3));
    let result = counted(soon, 60_000, 0, slow);
    let account = result.tally.account;
    assert!(account.ok > 0 && account.ok < 30, "{account:?}");
}

#[test]
fn line_breaks_behind_an_answer_are_no_answer() {
    for behind in ["\r\n", "\n", "\r\n\r\n"] {
        let target = Target::new(move |_, _| {
            let text = format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok{behind}");
            vec![target::Act::Send(text.into())]
        });
        let result = run(rounds(1.0, 5, vec![step(&target, "/x")]), 1);
        assert_eq!(result.tally.account.ok, 5, "{:?}", result.tally.errors);
    }
}
