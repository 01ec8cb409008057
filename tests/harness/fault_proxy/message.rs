//! HTTP/1.1 as the proxy passes it on: whole requests and whole answers.

use std::io::{BufRead, Write};
use std::net::TcpStream;

/// A request, read to its end.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub method: String,
    pub target: String,
    /// As they came, in their order.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// Headers that are of one connection alone, or say how long a body is.
const OF_THE_CONNECTION: [&str; 5] = [
    "connection",
    "keep-alive",
    "transfer-encoding",
    "content-length",
    "expect",
];

fn value<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let mut found = headers.iter();
    let found = found.find(|row| row.0.eq_ignore_ascii_case(name))?;
    Some(&found.1)
}

fn is_chunked(headers: &[(String, String)]) -> bool {
    value(headers, "transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"))
}

fn length(headers: &[(String, String)]) -> Option<usize> {
    value(headers, "content-length")?.parse().ok()
}

fn bad(what: &str) -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::InvalidData, what.to_owned())
}

/// The next line without its break; None at the end of the connection.
fn line(reader: &mut impl BufRead) -> std::io::Result<Option<String>> {
    let mut line = String::new();
    match reader.read_line(&mut line)? {
        0 => Ok(None),
        _ => Ok(Some(line.trim_end().to_owned())),
    }
}

fn headers(reader: &mut impl BufRead) -> std::io::Result<Vec<(String, String)>> {
    let mut headers = Vec::new();
    loop {
        let line = line(reader)?.ok_or_else(|| bad("it ended in its headers"))?;
        match line.split_once(':') {
            Some((name, value)) => headers.push((name.to_owned(), value.trim().to_owned())),
            None => return Ok(headers),
        }
    }
}

/// A chunked body.
fn chunks(reader: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = line(reader)?.ok_or_else(|| bad("it ended between chunks"))?;
        let size = size.split(';').next().unwrap_or_default();
        let size = usize::from_str_radix(size, 16).map_err(|_| bad("a chunk without a size"))?;
        if size == 0 {
            // Trailers, up to an empty line.
            headers(reader)?;
            return Ok(body);
        }
        let before = body.len();
        body.resize(before + size, 0);
        reader.read_exact(&mut body[before..])?;
        line(reader)?;
    }
}

/// A head and a body as one message.
fn write(
    writer: &mut TcpStream,
    first: &str,
    headers: &[(String, String)],
    body: Option<&[u8]>,
) -> std::io::Result<()> {
    let mut head = format!("{first}\r\n");
    for (name, value) in headers {
        if !OF_THE_CONNECTION.contains(&name.to_ascii_lowercase().as_str()) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    if let Some(body) = body {
        head.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    head.push_str("\r\n");
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(body.unwrap_or_default());
    writer.write_all(&bytes)
}

impl Request {
    /// Reads the next one; None at the end of the connection. Who waits to be asked
    /// for a body is asked for it.
    pub fn read(
        reader: &mut impl BufRead,
        writer: &mut TcpStream,
    ) -> std::io::Result<Option<Self>> {
        let Some(first) = line(reader)? else {
            return Ok(None);
        };
        let mut words = first.split(' ');
        let (Some(method), Some(target)) = (words.next(), words.next()) else {
            return Err(bad("no request line"));
        };
        let headers = headers(reader)?;
        if value(&headers, "expect").is_some() {
            writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let body = match (is_chunked(&headers), length(&headers)) {
            (true, _) => chunks(reader)?,
            (false, Some(length)) => {
                let mut body = vec![0; length];
                reader.read_exact(&mut body)?;
                body
            }
            (false, None) => Vec::new(),
        };
        Ok(Some(Self {
            method: method.to_owned(),
            target: target.to_owned(),
            headers,
            body,
        }))
    }

    /// Sends it on a connection that is used once.
    pub fn write(&self, writer: &mut TcpStream) -> std::io::Result<()> {
        let first = format!(
            "{} {} HTTP/1.1\r\nconnection: close",
            self.method, self.target
        );
        let has_body = !self.body.is_empty() || !matches!(self.method.as_str(), "GET" | "HEAD");
        write(
            writer,
            &first,
            &self.headers,
            has_body.then_some(self.body.as_slice()),
        )
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        value(&self.headers, name)
    }

    /// Without the query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// A value of the query.
    pub fn query(&self, name: &str) -> Option<String> {
        let (_, query) = self.target.split_once('?')?;
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        let found = pairs.find(|row| row.0 == name)?;
        Some(found.1.into_owned())
    }
}

impl Answer {
    /// Reads the answer to a request with this method.
    pub fn read(reader: &mut impl BufRead, method: &str) -> std::io::Result<Self> {
        let (status, headers) = loop {
            let first = line(reader)?.ok_or_else(|| bad("no answer"))?;
            let status = first.split(' ').nth(1).and_then(|code| code.parse().ok());
            let status: u16 = status.ok_or_else(|| bad("no status"))?;
            let headers = headers(reader)?;
            if status >= 200 {
                break (status, headers);
            }
        };
        let mut body = Vec::new();
        if method != "HEAD" && !matches!(status, 204 | 304) {
            match (is_chunked(&headers), length(&headers)) {
                (true, _) => body = chunks(reader)?,
                (false, Some(length)) => {
                    body.resize(length, 0);
                    reader.read_exact(&mut body)?;
                }
                (false, None) => {
                    reader.read_to_end(&mut body)?;
                }
            }
        }
        Ok(Self {
            status,
            headers,
            body,
        })
    }

    /// Sends it as the answer to a request with this method.
    pub fn write(&self, writer: &mut TcpStream, method: &str) -> std::io::Result<()> {
        let first = format!("HTTP/1.1 {} -", self.status);
        if method == "HEAD" {
            // How long the body would be stands in a header that is kept.
            let length = value(&self.headers, "content-length").unwrap_or("0");
            let first = format!("{first}\r\ncontent-length: {length}");
            return write(writer, &first, &self.headers, None);
        }
        let body = (self.status != 204 && self.status != 304).then_some(self.body.as_slice());
        write(writer, &first, &self.headers, body)
    }
}
