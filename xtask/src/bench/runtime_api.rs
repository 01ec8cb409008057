//! A Lambda Runtime API that has one event (AWS Lambda Developer Guide, "Using the Lambda runtime API
//! for custom runtimes"): who asks first gets it, who asks again waits for ever. The same port answers
//! as a DynamoDB whose tables are empty, as a function asks for its regions first.

use anyhow::{Context, Result};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

/// Answer of Query and Scan (Amazon DynamoDB API Reference).
const NO_ITEMS: &str = r#"{"Items":[],"Count":0,"ScannedCount":0}"#;

/// What a function did, and when.
pub enum Said {
    /// It asked for work, and was given the event.
    Asked(Instant),
    /// It sent an answer or an error, whole; the path says which.
    Answered(Instant, String),
}

pub struct RuntimeApi {
    address: SocketAddr,
    said: Receiver<Said>,
}

impl RuntimeApi {
    /// Listens. A thread of its own serves each connection: a client may open one ahead of its need
    /// and send nothing on it.
    pub fn start(event: &'static str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let (sender, said) = channel();
        let given = Arc::new(AtomicBool::new(false));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (sender, given) = (sender.clone(), given.clone());
                std::thread::spawn(move || serve(stream, event, &given, &sender));
            }
        });
        Ok(Self { address, said })
    }

    /// Host and port.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// What the function does next.
    pub fn said(&self, within: Duration) -> Result<Said> {
        self.said.recv_timeout(within).context("nothing came")
    }
}

/// Serves a connection until its other end closes it.
fn serve(
    stream: TcpStream,
    event: &str,
    given: &AtomicBool,
    said: &Sender<Said>,
) -> std::io::Result<()> {
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    while let Some((method, path)) = request(&mut reader)? {
        if method == "GET" && path.ends_with("/invocation/next") {
            if given.swap(true, Ordering::SeqCst) {
                // The process that waits here is ended from outside.
                continue;
            }
            let _ = said.send(Said::Asked(Instant::now()));
            write!(
                writer,
                "HTTP/1.1 200 OK\r\nlambda-runtime-aws-request-id: 1\r\n\
                 lambda-runtime-deadline-ms: 99999999999999\r\n\
                 lambda-runtime-invoked-function-arn: arn:aws:lambda:us-east-1:000000000000:function:f\r\n\
                 content-type: application/json\r\ncontent-length: {}\r\n\r\n{event}",
                event.len()
            )?;
        } else if path.contains("/invocation/") {
            let _ = said.send(Said::Answered(Instant::now(), path));
            write!(writer, "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")?;
        } else {
            write!(
                writer,
                "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {}\r\n\r\n{NO_ITEMS}",
                NO_ITEMS.len()
            )?;
        }
    }
    Ok(())
}

/// Reads one request whole; its method and path. None at the end of the connection.
fn request(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<(String, String)>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split(' ').map(str::to_owned);
    let method = words.next().unwrap_or_default();
    let path = words.next().unwrap_or_default();
    let (mut length, mut chunked) = (0, false);
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let head = line.trim().to_ascii_lowercase();
        if head.is_empty() {
            break;
        }
        if let Some(value) = head.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or_default();
        }
        chunked |= head == "transfer-encoding: chunked";
    }
    skip(reader, length)?;
    while chunked {
        line.clear();
        reader.read_line(&mut line)?;
        let size = u64::from_str_radix(line.trim(), 16).unwrap_or_default();
        skip(reader, size + 2)?;
        chunked = size > 0;
    }
    Ok(Some((method, path)))
}

fn skip(reader: &mut BufReader<TcpStream>, bytes: u64) -> std::io::Result<()> {
    std::io::copy(&mut reader.take(bytes), &mut std::io::sink()).map(|_| ())
}
