//! A scenario with a WebSocket and a stream of events, run by several runners: what the target
//! counted is what the result says, and a stream that is cut is told with its code.

use crate::common::{account, run_json};
use dlt_core::judge::outcome::Word;
use dlt_core::record::RunRecord;
use dlt_tests::command::Home;
use dlt_tests::patience::shared;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Message, accept};

const LOAD: Duration = Duration::from_secs(5);

/// What the target saw.
#[derive(Debug, Default)]
struct Counts {
    opened: AtomicU64,
    messages: AtomicU64,
    goodbyes: AtomicU64,
    streams: AtomicU64,
}

/// A target of WebSockets that answers each text, of events on `/prices`, and that ends a WebSocket
/// with code 1011 when it is told to.
fn target() -> (SocketAddr, Arc<Counts>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let counts = Arc::new(Counts::default());
    let kept = counts.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let counts = kept.clone();
            std::thread::spawn(move || {
                let mut head = [0; 64];
                // The path is in the first bytes.
                let count = stream.peek(&mut head).unwrap_or(0);
                match head[..count].starts_with(b"GET /prices") {
                    true => prices(stream, &counts),
                    false => chat(stream, &counts),
                }
            });
        }
    });
    (address, counts)
}

fn prices(mut stream: TcpStream, counts: &Counts) {
    counts.streams.fetch_add(1, Ordering::Relaxed);
    let _ = stream.read(&mut [0; 4_096]);
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
    let sent = stream.write_all(head.as_bytes());
    let events = (0..3).try_for_each(|n| write!(stream, "data: EUR {n}\n\n"));
    if sent.and(events).is_ok() {
        // Until the client goes.
        let _ = stream.read(&mut [0; 1]);
    }
}

fn chat(stream: TcpStream, counts: &Counts) {
    let Ok(mut socket) = accept(stream) else {
        return;
    };
    counts.opened.fetch_add(1, Ordering::Relaxed);
    while let Ok(message) = socket.read() {
        let answered = match message {
            Message::Text(text) if text == "end" => socket.close(Some(CloseFrame {
                code: 1011.into(),
                reason: "no more".into(),
            })),
            Message::Text(text) => {
                counts.messages.fetch_add(1, Ordering::Relaxed);
                socket.send(Message::text(format!("{{\"echo\":\"{text}\"}}")))
            }
            Message::Close(_) => {
                counts.goodbyes.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            _ => Ok(()),
        };
        if answered.is_err() {
            return;
        }
    }
}

/// A label's samples that are ok.
fn ok_of(record: &RunRecord, label: &str) -> u64 {
    let labels = record.results["total"]["labels"].as_array().cloned();
    let rows = labels.unwrap_or_default();
    let row = rows.iter().find(|row| row["label"] == label);
    row.and_then(|row| row["succ"].as_u64()).unwrap_or(0)
}

#[test]
fn messages_of_several_runners_are_what_the_target_counted() {
    let _shared = shared();
    let (address, counts) = target();
    let home = Home::new();
    let text = format!(
        r#"
testName: messages
thresholds: ["error_rate<=0%"]
testScenario:
  execution: [{{ users: 6, iterations: 5, hold-for: 30s }}]
  scenarios:
    shop:
      variables: {{ name: ann }}
      requests:
      - websocket:
        - {{ url: "ws://{address}/chat", label: chat }}
        - loop: 2
          do:
          - {{ send: "hello ${{name}}", holding: "hello ann", assert-jsonpath: [$.echo] }}
        - {{ send: bye, receive: 0, label: bye }}
      - events:
        - {{ url: "http://{address}/prices", label: prices }}
        - {{ receive: 3, holding: EUR }}
"#
    );
    let file = home.file("messages.yaml", text);
    let file = file.to_string_lossy();
    let checked = home.run(LOAD, ["check", &*file]);
    checked.expect_code(0);
    for says in [
        "wait for a message that holds \"hello ann\"",
        "WebSocket",
        "stream of events",
    ] {
        assert!(checked.stdout.contains(says), "{}", checked.told());
    }
    let (record, ended) = run_json(&home, LOAD, 0, &[&*file, "--tasks", "2"]);
    assert_eq!(
        record.outcome.as_ref().unwrap().word,
        Word::Passed,
        "{}",
        ended.told()
    );
    let counted = |count: &AtomicU64| count.load(Ordering::Relaxed);
    for (label, expected) in [
        ("chat", counted(&counts.opened)),
        ("chat close", counted(&counts.goodbyes)),
        ("prices", counted(&counts.streams)),
    ] {
        assert_eq!((ok_of(&record, label), expected), (30, 30), "{label}");
    }
    assert_eq!(
        ok_of(&record, "chat send") + ok_of(&record, "bye"),
        counted(&counts.messages)
    );
    assert_eq!(ok_of(&record, "prices receive"), 90);
    let account = account(&record);
    assert_eq!(
        (account.ok, account.failed, account.unfinished),
        (30 * 9, 0, 0)
    );
}

#[test]
fn a_websocket_that_is_ended_is_told_with_its_code() {
    let _shared = shared();
    let (address, _) = target();
    let home = Home::new();
    let text = format!(
        r#"
testName: ended
testScenario:
  execution: [{{ users: 1, iterations: 2 }}]
  scenarios:
    shop:
      requests:
      - websocket:
        - {{ url: "http://{address}/chat", label: chat }}
        - {{ send: end }}
"#
    );
    let file = home.file("ended.yaml", text);
    let (record, ended) = run_json(&home, LOAD, 0, &[&file.to_string_lossy()]);
    assert_eq!((account(&record).ok, account(&record).failed), (2, 2));
    let shown = home.run(LOAD, ["runs", "get", &record.test_run_id]);
    assert!(
        shown
            .stdout
            .contains("closed the WebSocket (code 1011: no more)"),
        "{}{}",
        shown.told(),
        ended.told()
    );
}
