//! The doors of servers and of the data folder: idle and slow clients, long bodies, malformed
//! messages, servers that say nothing or too much, folders that cannot be written.

use dlt_tests::command::{Home, binary};
use dlt_tests::http;
use dlt_tests::issuer::{ISSUER, KID, Signer, now, token};
use dlt_tests::mcp::{HttpServer, post};
use dlt_tests::patience::{shared, until};
use dlt_tests::processes;
use dlt_tests::up::Service;
use serde_json::{Value, json};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Barrier;
use std::sync::mpsc::TryRecvError;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

/// A `dlt up` that may open few files, as under `ulimit -n`.
struct Small {
    child: Child,
    address: String,
    log: std::path::PathBuf,
}

impl Small {
    fn start(home: &Home, files: u32) -> Self {
        let log = home.file("log", "");
        let script = format!("ulimit -n {files} && exec \"$0\" up --listen 127.0.0.1:0");
        let child = Command::new("sh")
            .args(["-c", &script])
            .arg(binary())
            .env("DLT_HOME", home.path())
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let card = home.path().join("server.json");
        let address = until("dlt up answers", PATIENCE, || {
            let card: Value = serde_json::from_slice(&std::fs::read(&card).ok()?).ok()?;
            let api = card["api"].as_str()?.trim_start_matches("http://");
            Some(api.trim_end_matches("/api").to_owned())
        });
        Self {
            child,
            address,
            log,
        }
    }

    fn status(&self, path: &str) -> u16 {
        http::send(&self.address, "GET", path, &[], b"").status
    }

    /// Whether it answers; else the connection may be cut at any byte.
    fn answers(&self, path: &str) -> bool {
        let asked = || {
            let mut stream = TcpStream::connect(&self.address)?;
            let host = &self.address;
            write!(
                stream,
                "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"
            )?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).map(|_| answer)
        };
        asked().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200 "))
    }

    fn told(&self, wanted: &str) {
        until(wanted, PATIENCE, || {
            let log = std::fs::read_to_string(&self.log).ok()?;
            log.contains(wanted).then_some(())
        });
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Connections on which this was sent, and nothing is read.
fn crowd(address: &str, count: usize, text: &str) -> Vec<TcpStream> {
    let one = || {
        let mut stream = TcpStream::connect(address).unwrap();
        // One that is ended at once may be gone already.
        let _ = stream.write_all(text.as_bytes());
        stream
    };
    (0..count).map(|_| one()).collect()
}

#[test]
fn idle_connections_and_half_heads_lock_nobody_out() {
    let _shared = shared();
    processes::raise_file_limit();
    let home = Home::new();
    let up = Small::start(&home, 256);
    let scenario = json!({
        "testName": "shop", "testDescription": "a shop", "testType": "simple", "saveOnly": true,
        "testId": "shop", "showLive": true,
        "testTaskConfigs": [{"region": "lo-home-1", "taskCount": 1, "concurrency": 1}],
        "regionalTaskDetails": {"lo-home-1": {"dltAvailableTasks": 64}},
        "testScenario": {
            "execution": [{"ramp-up": "0s", "hold-for": "1s", "scenario": "shop"}],
            "scenarios": {"shop": {"requests": [{"url": "http://127.0.0.1:9/", "method": "GET"}]}},
        },
    });
    let headers = [("content-type", "application/json")];
    let body = scenario.to_string();
    let saved = http::send(
        &up.address,
        "POST",
        "/api/scenarios",
        &headers,
        body.as_bytes(),
    );
    assert_eq!(
        saved.status,
        200,
        "{}",
        String::from_utf8_lossy(&saved.body)
    );
    let events = http::listen(&up.address, "/api/scenarios/shop/live");
    assert!(events.recv_timeout(PATIENCE).is_ok(), "live data begin");
    let whole = format!("GET /api/regions HTTP/1.1\r\nhost: {}\r\n\r\n", up.address);
    let mut held = Vec::new();
    for text in [
        "",
        "GET /api/sce",
        "GET / HTTP/1.1\r\nhost: localhost\r\nx: ",
        &whole,
    ] {
        held.extend(crowd(&up.address, 330, text));
        for path in ["/api/regions", "/api/scenarios/shop", "/"] {
            assert!(matches!(up.status(path), 200 | 404), "{text:?} {path}");
        }
    }
    let ended = events.try_recv() == Err(TryRecvError::Disconnected);
    assert!(!ended, "live data go on");
    up.told("idle connections ended, to make room for others");
}

/// A body that does not go on gives its place to others after a second, not after the 30 that it may
/// take while there is room.
#[test]
fn bodies_that_do_not_come_lock_nobody_out() {
    let _shared = shared();
    processes::raise_file_limit();
    let home = Home::new();
    let up = Small::start(&home, 256);
    let begun = Instant::now();
    let text = format!(
        "POST /api/scenarios HTTP/1.1\r\nhost: {}\r\ncontent-length: 400\r\n\r\n{{",
        up.address
    );
    let held = crowd(&up.address, 330, &text);
    until("a place", PATIENCE, || {
        up.answers("/api/regions").then_some(())
    });
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(25), "{took:?}");
    up.told("connections ended whose request did not go on, to make room for others");
    drop(held);
}

#[test]
fn long_bodies_at_once_are_bounded_and_their_memory_is_given_back() {
    let _shared = shared();
    let home = Home::new();
    let up = Small::start(&home, 1_024);
    let memory = |name: &str| {
        let path = format!("/proc/{}/status", up.child.id());
        let text = std::fs::read_to_string(path).unwrap();
        let line = text.lines().find(|line| line.starts_with(name)).unwrap();
        let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kib / 1024
    };
    let body = json!({ "testName": "x".repeat(5_000_000) }).to_string();
    let length = body.len();
    let request = format!(
        "POST /api/scenarios HTTP/1.1\r\nhost: {}\r\ncontent-length: {length}\r\n\r\n{body}",
        up.address,
    );
    let all_but_ends = Barrier::new(100);
    let statuses: Vec<String> = std::thread::scope(|scope| {
        let one = || {
            let mut stream = TcpStream::connect(&up.address).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            // A refused one is closed before all of it is sent.
            let (most, end) = request.split_at(request.len() - 1);
            let _ = stream.write_all(most.as_bytes());
            // None is whole before all are there, however slow the machine is.
            all_but_ends.wait();
            let _ = stream.write_all(end.as_bytes());
            let mut answer = [0; 12];
            // One that hangs is neither answered nor cut off.
            if let Err(error) = stream.read_exact(&mut answer) {
                let hangs = [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&error.kind());
                assert!(!hangs, "no answer: {error}");
            }
            String::from_utf8_lossy(&answer).into_owned()
        };
        let all: Vec<_> = (0..100).map(|_| scope.spawn(one)).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    // A name of 5 MB is a fault; those for which there was no room were told so, or cut off.
    for status in &statuses {
        let expected = ["HTTP/1.1 400", "HTTP/1.1 503", "\0\0\0\0\0\0\0\0\0\0\0\0"];
        assert!(expected.contains(&status.as_str()), "{status:?}");
    }
    assert!(statuses.iter().any(|status| status == "HTTP/1.1 400"));
    let refused = statuses.iter().filter(|status| *status != "HTTP/1.1 400");
    assert!(refused.count() > 0, "there was room for all");
    let most = memory("VmHWM");
    assert!(most < 300, "at most {most} MiB");
    // Those that were cut off are let go a little later.
    until("it goes back below 150 MiB", PATIENCE, || {
        (memory("VmRSS") < 150).then_some(())
    });
    assert_eq!(up.status("/api/regions"), 200);
}

const MALFORMED: [&[u8]; 6] = [
    b"{",
    b"{\"testName\": \"a\",}",
    b"{} {}",
    b"nul",
    b"\"\xff\"",
    b"{\"a\": 1e999999999999}x",
];

#[test]
fn malformed_json_is_a_fault_of_the_caller() {
    let _shared = shared();
    let home = Home::new();
    let up = Service::start(&home, &[]);
    let alone = HttpServer::start(&[], &[("DLT_API_URL", &up.api())]);
    for body in MALFORMED {
        let json = ("content-type", "application/json");
        for (method, path) in [
            ("POST", "/api/scenarios"),
            ("POST", "/prod/scenarios"),
            ("POST", "/api/scenarios/shop/files"),
            ("PUT", "/api/scenarios/shop/baseline"),
            ("DELETE", "/api/scenarios/shop/testruns"),
            ("PUT", "/api/scenarios/shop/testruns/p4TqL8vN2c/note"),
        ] {
            let reply = http::send(&up.address, method, path, &[json], body);
            let text = String::from_utf8_lossy(&reply.body);
            assert_eq!(reply.status, 400, "{method} {path} {body:?}: {text}");
        }
        for address in [&up.address, &alone.address] {
            let accept = ("accept", "application/json, text/event-stream");
            let reply = http::send(address, "POST", "/mcp", &[json, accept], body);
            assert_eq!(reply.status, 400, "{body:?}");
            let answer = reply.json();
            assert_eq!(answer["error"]["code"], -32_700, "{answer}");
            assert_eq!(answer["id"], Value::Null);
        }
    }
    for odd in [&b"[]"[..], b"7", b"{\"jsonrpc\":\"2.0\"}", b"{\"id\":1}"] {
        let headers = [
            ("content-type", "application/json"),
            ("accept", "application/json, text/event-stream"),
        ];
        let reply = http::send(&alone.address, "POST", "/mcp", &headers, odd);
        assert_eq!(
            (reply.status, &reply.json()["error"]["code"]),
            (400, &json!(-32_600))
        );
    }
    up.stop().expect_code(0);
}

/// A server that says this to everybody, again and again, and never ends.
fn says(first: &'static [u8], then: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let _ = stream.read(&mut [0; 4_096]);
                let _ = stream.write_all(first);
                while !then.is_empty() && stream.write_all(then).is_ok() {}
                // Held until the client goes.
                let _ = std::io::copy(&mut stream, &mut std::io::sink());
            });
        }
    });
    address
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    let _shared = shared();
    let home = Home::new();
    let file = home.file(
        "plan.json",
        json!({
            "testName": "shop", "testDescription": "a shop", "testType": "simple",
            "testTaskConfigs": [{"region": "lo-home-1", "taskCount": 1, "concurrency": 1}],
            "testScenario": {
                "execution": [{"ramp-up": "0s", "hold-for": "1s", "scenario": "shop"}],
                "scenarios": {"shop": {"requests": [{"url": "http://127.0.0.1:9/", "method": "GET"}]}},
            },
        })
        .to_string(),
    );
    let file = file.to_str().unwrap();
    let half: &[u8] =
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n{";
    let mut commands = Vec::new();
    for first in [&b""[..], half] {
        let api = format!("http://{}/api", says(first, b""));
        for args in [
            &["scenarios", "list"][..],
            &["runs", "list"],
            &["regions"],
            &["scenarios", "create", file],
        ] {
            let mut args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
            args.extend(["--api".to_owned(), api.clone()]);
            commands.push((home.start(&args), args));
        }
    }
    for (command, args) in commands {
        let ended = command.wait(PATIENCE);
        let told = ended.told();
        assert_eq!(ended.code, Some(3), "{args:?} {told}");
        assert!(told.contains("nothing came within 20 s"), "{args:?} {told}");
    }
}

#[test]
fn an_endless_answer_is_not_read_to_its_end() {
    let _shared = shared();
    let home = Home::new();
    let long: &[u8] =
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99999999999\r\n\r\n";
    let endless: &[u8] =
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n[";
    let refusal: &[u8] =
        b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n[";
    for first in [long, endless, refusal] {
        let api = format!("http://{}/api", says(first, &[b' '; 65_536]));
        for command in [["scenarios", "list"], ["runs", "list"]] {
            let ended = home.run(PATIENCE, [command[0], command[1], "--api", &api]);
            let told = ended.told();
            assert_eq!(ended.code, Some(3), "{told}");
            assert!(told.contains("longer than 64 MiB"), "{told}");
        }
    }
}

#[test]
fn keys_that_cannot_be_fetched_are_no_fault_of_the_token() {
    let _shared = shared();
    let header = json!({"alg": "RS256", "kid": KID});
    let claims = json!({
        "iss": ISSUER, "exp": now() + 600, "iat": now() - 10, "token_use": "access",
        "client_id": "console", "sub": "somebody", "scope": "openid",
    });
    let bearer = format!("Bearer {}", token(Signer::Pool, &header, &claims));
    let broken: &[u8] = b"HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n";
    let half: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{";
    let odd: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
    for (name, first) in [
        ("mute", &b""[..]),
        ("broken", broken),
        ("half", half),
        ("odd", odd),
    ] {
        let keys = format!("http://{}/jwks.json", says(first, b""));
        let args = [
            "--issuer",
            ISSUER,
            "--jwks-url",
            &keys,
            "--allowed-client",
            "console",
            "--scope-exempt-client",
            "console",
            "--resource",
            "https://load.example/mcp",
            "--allowed-host",
            "load.example",
        ];
        let server = HttpServer::start(&args, &[("DLT_API_URL", "http://127.0.0.1:9/api")]);
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}});
        for _ in 0..2 {
            let reply = post(&server.address, &message, &[("authorization", &bearer)]);
            assert_eq!(reply.status, 503, "{name}");
            assert!(reply.header("retry-after").is_some(), "{name}");
            assert_eq!(reply.header("www-authenticate"), None, "{name}");
        }
        // Without a token it is the caller's fault all the same.
        assert_eq!(post(&server.address, &message, &[]).status, 401, "{name}");
    }
}

/// Takes or gives the right to write in a folder and its files.
fn writable(path: &Path, is_writable: bool) {
    let set = |mode| {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(path, permissions).unwrap();
    };
    if !path.is_dir() {
        return set(if is_writable { 0o644 } else { 0o444 });
    }
    set(0o755);
    for entry in std::fs::read_dir(path).unwrap() {
        writable(&entry.unwrap().path(), is_writable);
    }
    set(if is_writable { 0o755 } else { 0o555 });
}

#[test]
fn a_folder_that_cannot_be_written_is_read() {
    let _shared = shared();
    let home = Home::new();
    let mut up = Service::start(&home, &[]);
    let body = json!({
        "testId": "shop", "testName": "the shop", "testDescription": "a shop", "testType": "simple",
        "showLive": false,
        "testTaskConfigs": [{"region": "lo-home-1", "taskCount": 1, "concurrency": 1}],
        "regionalTaskDetails": {"lo-home-1": {"dltAvailableTasks": 64}},
        "testScenario": {
            "execution": [{"ramp-up": "0s", "hold-for": "1s", "scenario": "shop"}],
            "scenarios": {"shop": {"requests": [{"url": "http://127.0.0.1:9/", "method": "GET"}]}},
        },
    });
    let run = up.post(&body)["testRunId"].as_str().unwrap().to_owned();
    up.until_any("shop", &["complete", "failed"], PATIENCE);
    // Killed, it leaves what it wrote last beside the database.
    up.kill();
    // Whoever is root may write anywhere: another user reads, with a copy that it may run.
    let program = tempfile::tempdir().unwrap();
    let copy = program.path().join("dlt");
    std::fs::copy(binary(), &copy).unwrap();
    writable(program.path(), false);
    std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(0o555)).unwrap();
    let read = |args: &[&str]| {
        let mut command = Command::new(&copy);
        command
            .args(args)
            .env_clear()
            .env("DLT_HOME", home.path())
            .current_dir("/");
        if rustix::process::getuid().is_root() {
            command.uid(65_534);
        }
        let ended = command.output().unwrap();
        let told = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(ended.status.success(), "{args:?}: {told}");
        String::from_utf8_lossy(&ended.stdout).into_owned()
    };
    let commands = [
        &["runs", "list", "--json"][..],
        &["scenarios", "list", "--json"],
        &["scenarios", "get", "shop", "--json"],
        &["runs", "get", "latest", "--json"],
        &["regions"],
    ];
    for with_index in [true, false] {
        writable(home.path(), true);
        if !with_index {
            std::fs::remove_file(home.path().join("dlt.sqlite-shm")).unwrap();
        }
        writable(home.path(), false);
        for args in commands {
            let text = read(args);
            assert!(
                args[0] == "regions" || text.contains("shop"),
                "{args:?} {text}"
            );
        }
        assert!(read(commands[0]).contains(&run));
    }
    writable(home.path(), true);
    // Ended properly there is the database alone.
    up.restart();
    up.stop().expect_code(0);
    writable(home.path(), false);
    for args in commands {
        read(args);
    }
    assert!(read(commands[0]).contains(&run));
    writable(home.path(), true);
}
