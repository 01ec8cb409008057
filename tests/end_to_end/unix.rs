//! Unix sockets, from the flags of a command to the last screen. What is spoken on them is the
//! engine's tests'.

use crate::common::{AROUND, account, run_json};
use dlt_tests::command::Home;
use dlt_tests::patience::shared;
use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const LOAD: Duration = Duration::from_secs(5);

/// Answers whatever begins as a request; how many there were.
fn listen(path: &std::path::Path) -> Arc<AtomicU64> {
    let listener = UnixListener::bind(path).unwrap();
    let requests = Arc::new(AtomicU64::new(0));
    let count = requests.clone();
    // Ends with this process.
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let count = count.clone();
            std::thread::spawn(move || converse(stream.unwrap(), &count));
        }
    });
    requests
}

fn converse(mut stream: UnixStream, requests: &AtomicU64) {
    let (mut head, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        head.extend_from_slice(&buffer[..read]);
        if head.ends_with(b"\r\n\r\n") {
            requests.fetch_add(1, Ordering::SeqCst);
            head.clear();
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
            if stream.write_all(answer).is_err() {
                return;
            }
        }
    }
}

#[test]
fn a_unix_socket_is_a_target_where_it_is_allowed() {
    let _shared = shared();
    let home = Home::new();
    let path = home.path().join("app.sock");
    let requests = listen(&path);
    let entry = format!("::unix:{}", path.display());
    let target = format!("unix:{}", path.display());
    // More connections than its queue takes at once.
    let load = [
        "http://app.test/",
        "-c",
        "300",
        "--iterations",
        "4",
        "--tasks",
        "2",
    ];
    let way = ["--connect-to", &entry, "--allow-target", &target];
    let (record, _) = run_json(&home, LOAD, 0, &[&load[..], &way[..]].concat());
    assert_eq!((account(&record).ok, account(&record).failed), (1_200, 0));
    assert_eq!(
        record.generator.unwrap().addresses,
        [(target.clone(), 1_200)]
    );
    assert_eq!(requests.load(Ordering::SeqCst), 1_200);

    let refused = home.run(AROUND, [&["run"], &load[..], &way[..2]].concat());
    refused.expect_code(2);
    let says = format!(
        "it has to be allowed (--allow-target unix:{})",
        path.display()
    );
    assert!(refused.told().contains(&says), "{}", refused.told());
    assert_eq!(requests.load(Ordering::SeqCst), 1_200);
}
