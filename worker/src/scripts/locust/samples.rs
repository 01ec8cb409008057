//! Locust's samples, as our listener (`dlt_locust.py`) writes them: an array of JSON a line, times
//! in µs.

use crate::scripts::sample::{Told, ToolFailure, ToolSample};
use dlt_core::measure::sample::Cause;
use serde::Deserialize;
use std::borrow::Cow;
use std::io::{BufRead, Read as _};

/// Longest line that is read, bytes: names and messages are cut by the listener.
const LONGEST_LINE: u64 = 64 * 1024;

/// A line: a request, or how many users there are.
#[derive(Debug, Deserialize)]
struct Line<'a>(
    /// When it began, µs since the Unix epoch.
    u64,
    /// Its response time, µs.
    u64,
    /// Its method, or what else it is.
    #[serde(borrow)]
    Cow<'a, str>,
    /// Its name.
    #[serde(borrow)]
    Cow<'a, str>,
    /// The status; null or 0 without an answer.
    Option<u16>,
    /// Bytes of the body.
    u64,
    /// The class of the exception; null if it is ok.
    #[serde(borrow)]
    Option<Cow<'a, str>>,
    /// What the exception says.
    #[serde(borrow)]
    Option<Cow<'a, str>>,
);

/// Reads lines to the end of the input.
pub(in crate::scripts) fn read(mut input: impl BufRead, mut each: impl FnMut(Told<'_>)) {
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut limited = (&mut input).take(LONGEST_LINE);
        let read = limited.read_until(b'\n', &mut line);
        match read {
            Ok(0) | Err(_) => return,
            // Without its end it was not written to its end.
            Ok(_) if line.last() != Some(&b'\n') => {
                if line.len() as u64 >= LONGEST_LINE {
                    each(Told::Unreadable);
                }
                continue;
            }
            Ok(_) => each(told(&line)),
        }
    }
}

fn told(line: &[u8]) -> Told<'_> {
    if let Ok((word, users)) = serde_json::from_slice::<(Cow<'_, str>, u64)>(line)
        && word == "users"
    {
        return Told::Users(users);
    }
    let Ok(Line(start_us, response_us, method, name, status, bytes, class, message)) =
        serde_json::from_slice(line)
    else {
        return Told::Unreadable;
    };
    let status = status.filter(|status| *status > 0);
    Told::Sample(ToolSample {
        end_us: start_us.saturating_add(response_us),
        response_us,
        // Locust tells requests apart by both.
        label: match method.is_empty() {
            true => name,
            false => Cow::Owned(format!("{method} {name}")),
        },
        status,
        failure: class.map(|class| failure(&class, message.as_deref().unwrap_or_default(), status)),
        bytes_received: bytes,
        ..ToolSample::default()
    })
}

/// What an exception of requests, urllib3, geventhttpclient or Python means.
fn failure(class: &str, message: &str, status: Option<u16>) -> ToolFailure {
    let lower = message.to_ascii_lowercase();
    let says = |texts: &[&str]| texts.iter().any(|text| lower.contains(text));
    let of_status = ["HTTPError", "BadStatusCode"].contains(&class);
    if let Some(status) = status.filter(|status| of_status && *status >= 400) {
        return ToolFailure::of_status(status);
    }
    let cause = match class {
        "CatchResponseError" | "AssertionError" => Cause::Check,
        "SSLError" | "SSLCertVerificationError" | "SSLZeroReturnError" => Cause::Tls,
        "ConnectTimeout" => Cause::TimeoutConnect,
        "ReadTimeout" => Cause::TimeoutFirstByte,
        "TooManyRedirects" => Cause::TooManyRedirects,
        "gaierror" => Cause::Dns,
        "ConnectionRefusedError" => Cause::Refused,
        "ConnectionResetError"
        | "RemoteDisconnected"
        | "BrokenPipeError"
        | "HTTPConnectionClosed"
        | "ChunkedEncodingError"
        | "IncompleteRead" => Cause::Reset,
        "HTTPParseError" | "BadStatusLine" => Cause::Protocol,
        "ProxyError" => Cause::Proxy,
        _ if says(&[
            "name or service not known",
            "name resolution",
            "getaddrinfo",
            "nodename",
        ]) =>
        {
            Cause::Dns
        }
        _ if says(&["refused"]) => Cause::Refused,
        _ if says(&["too many open files"]) => Cause::Generator,
        _ if says(&["cannot assign requested address"]) => Cause::Generator,
        _ if says(&[
            "reset",
            "remote end closed",
            "connection aborted",
            "connection closed",
        ]) =>
        {
            Cause::Reset
        }
        _ if says(&["unreachable", "no route"]) => Cause::Unreachable,
        "timeout" | "TimeoutError" => Cause::TimeoutFirstByte,
        _ if says(&["timed out", "timeout"]) => Cause::TimeoutFirstByte,
        _ => match status {
            Some(400..=499) => Cause::Status4xx,
            Some(500..) => Cause::Status5xx,
            _ => Cause::Tool,
        },
    };
    ToolFailure {
        cause,
        code: Some(status.map_or_else(|| class.to_owned(), |status| status.to_string())),
        message: message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_requests_and_users() {
        let lines = concat!(
            r#"[1700000000000000,4500,"GET","a, \"b\"\tc",200,70,null,null]"#,
            "\n",
            r#"["users",12]"#,
            "\n",
            r#"[1700000000000000,4500,"GET","/x",404,9,"HTTPError","404 Client Error"]"#,
            "\n",
            r#"[1700000000000000,10,"GET","/x",0,0,"ConnectionError","Max retries: [Errno 111] Connection refused"]"#,
            "\n",
            r#"[1700000000000000,10,"GET","/x",200,5,"CatchResponseError","no such word"]"#,
            "\nnonsense\n",
            r#"[1700000000000000,10,"GE"#,
        );
        let mut all = Vec::new();
        read(lines.as_bytes(), |told| {
            all.push(match told {
                Told::Sample(sample) => format!(
                    "{:?} {} {:?} {:?} {}",
                    sample.label,
                    sample.end_us,
                    sample.status,
                    sample.failure.map(|it| (it.cause.name(), it.code)),
                    sample.bytes_received,
                ),
                other => format!("{other:?}"),
            });
        });
        assert_eq!(
            all,
            [
                r#""GET a, \"b\"\tc" 1700000000004500 Some(200) None 70"#,
                "Users(12)",
                r#""GET /x" 1700000000004500 Some(404) Some(("status-4xx", Some("404"))) 9"#,
                r#""GET /x" 1700000000000010 None Some(("refused", Some("ConnectionError"))) 0"#,
                r#""GET /x" 1700000000000010 Some(200) Some(("check", Some("200"))) 5"#,
                "Unreadable",
            ]
        );
    }
}
