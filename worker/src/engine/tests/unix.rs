//! Unix sockets (`connect-to`): the same requests and answers as over TCP, and their causes.

use super::forbidden::messages;
use super::names::step_to;
use super::ways::group_by;
use super::*;
use dlt_core::scenario::plan::{Check, Subject, Wanted};
use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::atomic::{AtomicU64, Ordering};

/// Answers each request with its own target; how many connections were accepted.
fn listen(path: &std::path::Path) -> Arc<AtomicU64> {
    let listener = UnixListener::bind(path).unwrap();
    let accepted = Arc::new(AtomicU64::new(0));
    let count = accepted.clone();
    // Ends with this process.
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            count.fetch_add(1, Ordering::SeqCst);
            std::thread::spawn(move || converse(stream.unwrap()));
        }
    });
    accepted
}

fn converse(mut stream: UnixStream) {
    let (mut head, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        head.extend_from_slice(&buffer[..count]);
        if head.ends_with(b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&head).into_owned();
            let body = text
                .lines()
                .find(|line| line.starts_with("Host: "))
                .unwrap();
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            if stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
            head.clear();
        }
    }
}

fn run_at(path: &str, allow: &[&str]) -> LoadResult {
    let targets = TargetPolicy::parse(allow, &[], ("", "")).unwrap();
    let entry = format!("shop.test:80:unix:{path}");
    let mut step = step_to("http://shop.test/x");
    step.checks = vec![Check::Contains {
        subject: Subject::Body,
        wanted: vec![Wanted::Text("Host: shop.test".to_owned())],
        not: false,
    }];
    let resolver = ways::asks_nobody().with_targets(targets);
    ways::run_by(group_by(vec![step], &[], &[&entry]), resolver)
}

#[test]
fn a_unix_socket_is_spoken_to_as_a_port_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.sock");
    let accepted = listen(&path);
    let path = path.to_str().unwrap();
    let allowed = format!("unix:{path}");
    let result = run_at(path, &[&allowed]);
    assert_eq!(result.tally.account.ok, 6, "{:?}", messages(&result));
    assert_eq!(result.generator.addresses, [(allowed, 6)]);
    // Each user keeps its connection.
    assert_eq!(accepted.load(Ordering::SeqCst), 2);
}

#[test]
fn what_is_missing_refuses_and_what_is_not_allowed_is_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.sock");
    let text = path.to_str().unwrap();
    let allowed = format!("unix:{text}");
    let result = run_at(text, &[&allowed]);
    assert_eq!(
        failed(&result, Cause::Refused),
        6,
        "{:?}",
        messages(&result)
    );
    let told = format!("connection refused by unix:{text}");
    assert_eq!(messages(&result), [told]);
    let accepted = listen(&path);
    let result = run_at(text, &[]);
    assert_eq!(
        failed(&result, Cause::TargetForbidden),
        6,
        "{:?}",
        messages(&result)
    );
    assert_eq!(accepted.load(Ordering::SeqCst), 0);
}
