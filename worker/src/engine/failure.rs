//! Turns errors into a cause of the closed list and a sentence for people. The
//! sentence has no local ports or addresses and no times, so that equal errors
//! are counted as one. What follows from a failure is decided by the caller.

use crate::engine::tls_reasons;
use dlt_core::measure::sample::Cause;
use dlt_core::measure::tally::{ErrorKey, LONGEST_MESSAGE_BYTES};
use std::borrow::Cow;
use std::io;

/// Why bytes are no HTTP response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ResponseError {
    /// They break a rule of HTTP.
    Malformed(&'static str),
    /// A line of the head does: which, and how it reads.
    MalformedLine(Box<str>),
    /// They exceed a limit.
    TooLarge(&'static str),
    /// The peer closed before the response was complete.
    Closed,
    /// The connection ended where the response may end, but TLS did not say so.
    Cut,
}

/// What this runner has run out of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exhausted {
    /// Local ports.
    Ports,
    /// File descriptors, socket buffers.
    Files,
}

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) cause: Cause,
    /// The status, where that is what failed.
    code: Option<u16>,
    message: Message,
    /// What this runner has run out of, if that is the reason.
    pub(crate) exhausted: Option<Exhausted>,
}

/// A failure's sentence; that of a status is made when it is first counted.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Message {
    Status,
    Text(Cow<'static, str>),
}

/// The phase of a request in which the kernel or TLS reported an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequestPhase {
    /// Opening a connection, with its TLS handshake.
    Connecting,
    /// Waiting for the first byte.
    Waiting,
    /// Reading the rest.
    Reading,
}

impl Failure {
    pub(crate) fn new(cause: Cause, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            cause,
            code: None,
            message: Message::Text(message.into()),
            exhausted: None,
        }
    }

    /// The same with another sentence, where it is one of its own.
    pub(crate) fn map_message(mut self, change: impl FnOnce(&str) -> String) -> Self {
        if let Message::Text(text) = &self.message {
            self.message = Message::Text(change(text).into());
        }
        self
    }

    /// Stands for all further errors of a cause once there are too many different ones.
    pub(crate) fn further_errors(cause: Cause) -> Self {
        Self::new(cause, "further errors")
    }

    /// A status that the scenario does not accept.
    pub(crate) fn status(status: u16) -> Self {
        let cause = match status {
            500.. => Cause::Status5xx,
            400..500 => Cause::Status4xx,
            _ => Cause::Check,
        };
        Self {
            cause,
            code: Some(status),
            message: Message::Status,
            exhausted: None,
        }
    }

    /// A status that a proxy answers a request for a tunnel with.
    pub(crate) fn proxy_status(status: u16, peer: &str, asked: &str, why: &str) -> Self {
        let reason = reason_phrase(status);
        let space = if reason.is_empty() { "" } else { " " };
        Self {
            code: Some(status),
            ..Self::new(
                Cause::Proxy,
                format!("{peer} answered {asked} with {status}{space}{reason}{why}"),
            )
        }
    }

    /// The same as the failure of a proxy, whose part in it the sentence says. What this
    /// runner lacks or must not do, and time limits, are not the proxy's failures.
    pub(crate) fn of_proxy(self, peer: &str) -> Self {
        let cause = match self.cause {
            Cause::Dns | Cause::Unreachable | Cause::Refused | Cause::Reset | Cause::Other => {
                Cause::Proxy
            }
            Cause::Generator => return self,
            other => other,
        };
        let message = match self.message {
            Message::Text(text) if !text.contains(peer) => format!("{peer}: {text}").into(),
            Message::Text(text) => text,
            Message::Status => return self,
        };
        Self {
            cause,
            message: Message::Text(message),
            ..self
        }
    }

    /// Bytes that are no response; `waiting`: none had arrived.
    pub(crate) fn response(error: ResponseError, peer: &str, waiting: bool) -> Self {
        match error {
            ResponseError::Malformed(what) => {
                Self::new(Cause::Protocol, format!("{peer} answered wrongly: {what}"))
            }
            ResponseError::MalformedLine(what) => {
                Self::new(Cause::Protocol, format!("{peer} answered wrongly: {what}"))
            }
            ResponseError::TooLarge(what) => {
                Self::new(Cause::TooLarge, format!("{peer} answered with {what}"))
            }
            ResponseError::Closed if waiting => Self::new(
                Cause::Reset,
                format!("{peer} closed the connection without an answer"),
            ),
            ResponseError::Closed => Self::new(
                Cause::Reset,
                format!("{peer} closed the connection before the answer was complete"),
            ),
            ResponseError::Cut => Self::new(
                Cause::Reset,
                format!(
                    "{peer} ended an answer without Content-Length by closing, but did not end TLS (close_notify): a part may be missing"
                ),
            ),
        }
    }

    /// A reused connection brought an answer that this request cannot have caused, or
    /// two of which only one can be its own.
    #[cold]
    pub(crate) fn unasked(peer: &str) -> Self {
        Self::new(
            Cause::Protocol,
            format!(
                "{peer} sent more answers than it got requests on this connection, so it cannot be told which one belongs to this request"
            ),
        )
    }

    /// A reused connection ended before a byte of the answer, and the request
    /// was not repeated: because of its method, or, without `may_resend`, because
    /// the scenario forbids it.
    pub(crate) fn closed_idle(peer: &str, may_resend: bool) -> Self {
        let why = if may_resend {
            "its method may not be repeated (RFC 9110, 9.2.2)"
        } else {
            "the scenario says retry: never"
        };
        Self::new(
            Cause::ClosedIdle,
            format!(
                "{peer} closed a kept-alive connection before it answered a further request, \
                 which was not sent again: {why}"
            ),
        )
    }

    /// An error of the kernel or of TLS.
    pub(crate) fn io(error: &io::Error, phase: RequestPhase, peer: &str) -> Self {
        let tls = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<rustls::Error>());
        if let Some(tls) = tls {
            let why = tls_reasons::reason(tls);
            return Self::new(Cause::Tls, format!("TLS with {peer} failed: {why}"));
        }
        if let Some(failure) = Self::own_limit(error) {
            return failure;
        }
        match (error.raw_os_error(), error.kind()) {
            (Some(libc::ECONNREFUSED), _) => {
                Self::new(Cause::Refused, format!("connection refused by {peer}"))
            }
            (
                Some(libc::ENETUNREACH | libc::EHOSTUNREACH | libc::ENETDOWN | libc::EHOSTDOWN),
                _,
            ) => Self::new(Cause::Unreachable, format!("no route to {peer}")),
            (Some(libc::ETIMEDOUT), _) => match phase {
                RequestPhase::Connecting => Self::new(
                    Cause::TimeoutConnect,
                    format!("no connection to {peer}: its host does not answer"),
                ),
                RequestPhase::Waiting => Self::new(
                    Cause::TimeoutFirstByte,
                    format!("{peer} no longer acknowledges what is sent"),
                ),
                RequestPhase::Reading => Self::new(
                    Cause::TimeoutBody,
                    format!("{peer} no longer acknowledges what is sent"),
                ),
            },
            (Some(libc::ECONNRESET | libc::EPIPE | libc::ECONNABORTED), _) => {
                Self::new(Cause::Reset, format!("{peer} reset the connection"))
            }
            (_, io::ErrorKind::UnexpectedEof) if phase == RequestPhase::Connecting => Self::new(
                Cause::Tls,
                format!(
                    "{peer} closed the connection during the TLS handshake; does it speak https there?"
                ),
            ),
            (_, io::ErrorKind::UnexpectedEof) => Self::new(
                Cause::Reset,
                format!("{peer} closed the connection before the answer was complete"),
            ),
            (_, kind) => Self::new(Cause::Other, format!("{kind} with {peer}")),
        }
    }

    /// The runner's own ports, files and buffers: never the target's failure.
    fn own_limit(error: &io::Error) -> Option<Self> {
        let (exhausted, message) = match error.raw_os_error()? {
            libc::EMFILE | libc::ENFILE => (
                Exhausted::Files,
                "no free file descriptor in this runner: raise its limit of open files or use more tasks",
            ),
            libc::ENOBUFS | libc::ENOMEM => (
                Exhausted::Files,
                "no memory for sockets in this runner: use more tasks",
            ),
            libc::EADDRNOTAVAIL => (
                Exhausted::Ports,
                "no free local port in this runner: keep connections alive, name more source-addresses (connection-policy) or use more tasks",
            ),
            _ => return None,
        };
        Some(Self {
            exhausted: Some(exhausted),
            ..Self::new(Cause::Generator, message)
        })
    }

    /// Whether this runner has no file or memory for any socket. Ports, in
    /// contrast, can be used up for one address alone.
    pub(crate) fn is_out_of_sockets(&self) -> bool {
        self.exhausted == Some(Exhausted::Files)
    }

    /// The key under which a tally counts the failure.
    pub(crate) fn key(&self) -> ErrorKey {
        let message = match &self.message {
            Message::Text(text) => bounded(text),
            Message::Status => status_message(self.code.unwrap_or(0), self.cause),
        };
        ErrorKey {
            cause: self.cause,
            code: self.code.map(|code| code.to_string()),
            message,
        }
    }
}

/// At most [`LONGEST_MESSAGE_BYTES`], on one line, without control characters.
fn bounded(text: &str) -> String {
    let mut message = String::with_capacity(text.len().min(LONGEST_MESSAGE_BYTES));
    for character in text.chars() {
        if message.len() + character.len_utf8() > LONGEST_MESSAGE_BYTES {
            break;
        }
        message.push(if character.is_control() {
            ' '
        } else {
            character
        });
    }
    message
}

fn status_message(status: u16, cause: Cause) -> String {
    let reason = reason_phrase(status);
    let space = if reason.is_empty() { "" } else { " " };
    match cause {
        Cause::Check => format!("answered {status}{space}{reason}, which is not expected here"),
        _ => format!("answered {status}{space}{reason}"),
    }
}

/// The standard reason phrase of a status; the target's own may vary.
fn reason_phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        417 => "Expectation Failed",
        418 => "I'm a Teapot",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        425 => "Too Early",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        507 => "Insufficient Storage",
        _ => "",
    }
}

/// A duration as people write it: `250 ms`, `2 s`, `1.5 s`.
pub(crate) fn duration_text(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} µs"),
        _ if us < 1_000_000 => format!("{} ms", us as f64 / 1e3),
        _ => format!("{} s", us as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn os(code: i32) -> Failure {
        Failure::io(
            &io::Error::from_raw_os_error(code),
            RequestPhase::Connecting,
            "127.0.0.1:8080",
        )
    }

    #[test]
    fn kernel_errors_have_their_cause() {
        assert_eq!(os(libc::ECONNREFUSED).cause, Cause::Refused);
        assert_eq!(
            os(libc::ECONNREFUSED).key().message,
            "connection refused by 127.0.0.1:8080"
        );
        assert_eq!(os(libc::EHOSTUNREACH).cause, Cause::Unreachable);
        assert_eq!(os(libc::ECONNRESET).cause, Cause::Reset);
        assert_eq!(os(libc::ETIMEDOUT).cause, Cause::TimeoutConnect);
        for (code, exhausted) in [
            (libc::EMFILE, Exhausted::Files),
            (libc::ENFILE, Exhausted::Files),
            (libc::ENOBUFS, Exhausted::Files),
            (libc::EADDRNOTAVAIL, Exhausted::Ports),
        ] {
            assert_eq!(os(code).cause, Cause::Generator);
            assert_eq!(os(code).exhausted, Some(exhausted));
        }
        assert_eq!(os(libc::EINVAL).cause, Cause::Other);
    }

    #[test]
    fn statuses_have_their_reason_phrase() {
        let key = Failure::status(503).key();
        assert_eq!(key.cause, Cause::Status5xx);
        assert_eq!(key.code.as_deref(), Some("503"));
        assert_eq!(key.message, "answered 503 Service Unavailable");
        assert_eq!(Failure::status(404).cause, Cause::Status4xx);
        assert_eq!(Failure::status(299).cause, Cause::Check);
        assert_eq!(duration_text(250_000), "250 ms");
        assert_eq!(duration_text(1_500_000), "1.5 s");
        assert_eq!(duration_text(2_000_000), "2 s");
    }

    #[test]
    fn messages_are_bounded_and_on_one_line() {
        let long = Failure::new(Cause::Protocol, "a\r\nb\u{7}".repeat(200)).key();
        assert!(long.message.len() <= LONGEST_MESSAGE_BYTES);
        assert!(!long.message.contains(char::is_control));
    }
}
