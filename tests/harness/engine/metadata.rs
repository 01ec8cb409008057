//! The task metadata of the emulator, with what it leaves out: the task's address
//! and its limits, which Fargate's has (ECS Developer Guide, "Task metadata endpoint
//! version 4 for tasks on Fargate").

use crate::http;
use serde_json::json;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

/// The variable by which a container knows its endpoint.
pub(super) const VARIABLE: &str = "ECS_CONTAINER_METADATA_URI_V4";
/// The limits of every task.
const CPUS: f64 = 2.0;
const MEMORY_MIB: u64 = 4096;

/// The endpoint of a container: the emulator's, asked through this one.
pub(super) fn address(own: &str, container: &str, emulator: &str) -> String {
    let behind = emulator.trim_start_matches("http://");
    format!("http://{own}/{container}/{behind}")
}

/// Begins to serve; `host:port`.
pub(super) fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(stream));
        }
    });
    address
}

fn answer(mut stream: TcpStream) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let path = first.split(' ').nth(1)?.trim_start_matches('/').to_owned();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if line.trim_end().is_empty() {
            break;
        }
    }
    let (container, rest) = path.split_once('/')?;
    let (emulator, path) = rest.split_once('/')?;
    let reply = http::send(emulator, "GET", &format!("/{path}"), &[], b"");
    let mut body = reply.json();
    if path.ends_with("/task") {
        body["Limits"] = json!({ "CPU": CPUS, "Memory": MEMORY_MIB });
        for row in body["Containers"].as_array_mut().into_iter().flatten() {
            row["Networks"] = json!([{ "NetworkMode": "awsvpc", "IPv4Addresses": [container] }]);
        }
    }
    let body = body.to_string();
    let head = format!(
        "HTTP/1.0 {} -\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        reply.status,
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body.as_bytes()).ok()
}
