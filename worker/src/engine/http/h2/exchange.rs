//! One request on one stream: sent, its answer read, within deadlines. The stream's task
//! reads the socket; here its frames are taken as they come, so that a body is counted and
//! kept or thrown away at once. A request that is given up resets its stream; the
//! connection stays.

use super::connection::{H2Connection, LONGEST_HEAD_LIST_BYTES};
use super::errors::{Again, Failed, too_large};
use super::meter::StreamMeter;
use super::pool::Lease;
use crate::engine::failure::{Failure, ResponseError};
use crate::engine::http::exchange_result::ExchangeResult;
use crate::engine::http::framing::is_redirect;
use crate::engine::http::h1::{LONGEST_HEAD_BYTES, MOST_HEADERS, MOST_INTERIM};
use crate::engine::http::h2_head::H2Head;
use crate::engine::http::kept::{KeepSpec, KeptResponse};
use crate::engine::http::request_spec::{DeadlineTimer, RequestSpec, deadline, timed_out};
use crate::engine::http::thread_io::ThreadIo;
use bytes::Bytes;
use dlt_core::measure::http_version::HttpVersion;
use dlt_core::measure::sample::Cause;
use dlt_core::measure::tally::LONGEST_EXCHANGE_BYTES;
use h2::client::ResponseFuture;
use h2::{Reason, RecvStream, SendStream};
use http::header::{HeaderMap, LOCATION, SET_COOKIE};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// What a header takes beside its name and value in the list of headers, bytes (RFC 9113,
/// 6.5.2).
const HEADER_BYTES: usize = 32;

/// A request in flight on its stream.
struct Exchange {
    id: u32,
    response: ResponseFuture,
    /// Kept as long as the request: dropped, it resets the stream.
    _body: SendStream<Bytes>,
    received: Option<RecvStream>,
    kept: Option<Box<KeptResponse>>,
    location: Option<Box<[u8]>>,
    deadline_us: u64,
    /// Whether the deadline is that of the first byte.
    is_first: bool,
    status: u16,
    /// Whether the answer's bytes are captured for people.
    captures: bool,
    again: Again,
}

/// What every step of an exchange uses.
struct Using<'a> {
    connection: &'a H2Connection,
    spec: &'a RequestSpec<'a>,
    io: &'a Rc<ThreadIo>,
}

/// Sends a request and reads its answer; and whether it may be sent again if that failed.
pub(in crate::engine::http) async fn exchange(
    lease: &Lease,
    connected_us: Option<u64>,
    spec: &RequestSpec<'_>,
    (timer, captured): (&mut DeadlineTimer, &mut Vec<u8>),
    io: &Rc<ThreadIo>,
) -> (ExchangeResult, Again) {
    let connection = &lease.connection;
    let using = Using {
        connection,
        spec,
        io,
    };
    let mut exchange = match begin(&using, connected_us.or(lease.came_us())) {
        Ok(exchange) => exchange,
        Err((failure, again)) => {
            let result = ExchangeResult::unconnected(io.clock.now_us(), failure);
            return (result, again);
        }
    };
    let failure = poll_fn(|cx| exchange.poll(cx, &using, timer, captured)).await;
    if let Some(failure) = &failure {
        connection.let_go();
        if matches!(failure.cause, Cause::TimeoutFirstByte | Cause::TimeoutBody) {
            connection.timed_out(spec.sent_us, io.clock.now_us());
        }
    }
    let measured = connection.meter.borrow_mut().finish(exchange.id);
    let again = exchange.again;
    let result = exchange.into_result(&using, (connected_us, failure), measured);
    if result.failure.is_none() {
        connection.idle_since_us.set(result.read_us);
    }
    (result, again)
}

/// Hands a request to its connection, whose task writes it. `came_us`: when the connection was
/// established, if the request waited for that.
fn begin(using: &Using<'_>, came_us: Option<u64>) -> Result<Exchange, (Failure, Again)> {
    let (connection, spec) = (using.connection, using.spec);
    let made;
    let cached = spec.h2_head.and_then(|cell| cell.get());
    let head = match cached {
        Some(head) => head,
        None => {
            let new = H2Head::of(spec.request, spec.origin.endpoint.https);
            let new = new.map_err(|why| (unsendable(&why), Again::Never))?;
            match spec.h2_head {
                Some(cell) => cell.get_or_init(|| new),
                None => {
                    made = new;
                    &made
                }
            }
        }
    };
    if head.is_encoded() {
        tell_encoded(using);
    }
    let body = head.body();
    let mut sender = connection.sender.borrow_mut();
    let sent = sender.send_request(head.request(), body.is_empty());
    // Nothing was sent, so that it may be sent again whatever it is (RFC 9110, 9.2.2).
    let (response, mut stream) =
        sent.map_err(|error| (refused(connection, &error), Again::Safe))?;
    let id = response.stream_id().as_u32();
    connection.meter.borrow_mut().begin(id);
    if !body.is_empty() {
        // It shares the bytes, and sends them as the target's windows allow. An error
        // comes with the answer too.
        let _ = stream.send_data(body.clone(), true);
    }
    let from_us = came_us.unwrap_or(spec.sent_us);
    let first_byte_by = deadline(from_us, spec.timeouts.first_byte_us);
    Ok(Exchange {
        id,
        response,
        _body: stream,
        received: None,
        kept: None,
        location: None,
        deadline_us: first_byte_by.min(deadline(spec.sent_us, spec.timeouts.total_us)),
        is_first: true,
        status: 0,
        captures: false,
        again: Again::Never,
    })
}

/// Why a connection took no request: it has no room for a further one now, or it has ended, and then
/// it gets none any more.
#[cold]
fn refused(connection: &H2Connection, error: &h2::Error) -> Failure {
    if error.reason().is_none() && !error.is_io() {
        return Failure::new(
            Cause::Generator,
            "the HTTP/2 connection has no room for a further request now",
        );
    }
    connection.retire();
    let failed = Failed {
        id: u32::MAX,
        stream: &StreamMeter::default(),
        has_head: false,
        error,
        peer: &connection.origin.authority,
    };
    failed.explain(&connection.meter.borrow()).0
}

/// Tells that a target is sent otherwise than it is written.
#[cold]
fn tell_encoded(using: &Using<'_>) {
    using.io.origins.notice(format!(
        "requests to {} were sent with characters percent-encoded that HTTP/2 does not take in a path or query, as %3C for <; http: 1.1 sends them as they are written",
        using.spec.origin.authority
    ));
}

#[cold]
fn unsendable(why: &str) -> Failure {
    Failure::new(
        Cause::Generator,
        format!("the request cannot be sent in HTTP/2: {why}"),
    )
}

impl Exchange {
    /// Reads until the answer is complete or the exchange has failed.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        using: &Using<'_>,
        timer: &mut DeadlineTimer,
        captured: &mut Vec<u8>,
    ) -> Poll<Option<Failure>> {
        loop {
            let Some(received) = &mut self.received else {
                match Pin::new(&mut self.response).poll(cx) {
                    Poll::Ready(Ok(response)) => {
                        if let Err(failure) = self.take_head(response, using, captured) {
                            return Poll::Ready(Some(failure));
                        }
                        continue;
                    }
                    Poll::Ready(Err(error)) => {
                        return Poll::Ready(Some(self.explain(&error, using)));
                    }
                    Poll::Pending => return self.wait(cx, using, timer),
                }
            };
            if received.is_end_stream() {
                return Poll::Ready(None);
            }
            match received.poll_data(cx) {
                Poll::Ready(Some(Ok(bytes))) => {
                    // Fails only for more than was received.
                    let _ = received.flow_control().release_capacity(bytes.len());
                    self.take_data(&bytes, using.spec.keep, captured);
                }
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(Err(error))) => {
                    // A target that has answered may ask to stop sending (RFC 9113, 8.1), or end the
                    // connection, though the request was not sent to its end.
                    let stopped = error.is_remote() && error.reason() == Some(Reason::NO_ERROR);
                    let ended = error.is_io() || (error.is_go_away() && error.is_remote());
                    let meter = using.connection.meter.borrow();
                    if (stopped || ended) && meter.stream(self.id).ended {
                        return Poll::Ready(None);
                    }
                    drop(meter);
                    return Poll::Ready(Some(self.explain(&error, using)));
                }
                Poll::Pending => return self.wait(cx, using, timer),
            }
        }
    }

    /// Takes the head of the final answer.
    fn take_head(
        &mut self,
        response: http::Response<RecvStream>,
        using: &Using<'_>,
        captured: &mut Vec<u8>,
    ) -> Result<(), Failure> {
        let spec = using.spec;
        let (parts, received) = response.into_parts();
        self.received = Some(received);
        let headers = &parts.headers;
        self.status = parts.status.as_u16();
        let peer = &using.connection.origin.authority;
        if headers.len() > MOST_HEADERS {
            let many = ResponseError::TooLarge("more than 128 header lines");
            return Err(Failure::response(many, peer, false));
        }
        let size = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
            name.as_str().len() + value.len() + HEADER_BYTES
        };
        if headers.iter().map(size).sum::<usize>() > LONGEST_HEAD_BYTES {
            return Err(too_large(peer));
        }
        if is_redirect(self.status)
            && let Some(location) = headers.get(LOCATION)
        {
            self.location = Some(location.as_bytes().into());
        }
        let is_plain = !spec.has_checks && self.status < 300 && spec.expect.contains(self.status);
        let keep = spec.keep;
        let keeps = keep.head || keep.body || (keep.cookies && headers.contains_key(SET_COOKIE));
        if keeps || !is_plain {
            self.show_head(headers, (keeps, !is_plain), using, captured);
        }
        Ok(())
    }

    /// Keeps the head for checks and captures it for people.
    #[cold]
    fn show_head(
        &mut self,
        headers: &HeaderMap,
        (keeps, captures): (bool, bool),
        using: &Using<'_>,
        captured: &mut Vec<u8>,
    ) {
        let mut text = format!("HTTP/2 {}\r\n", self.status).into_bytes();
        for (name, value) in headers {
            text.extend_from_slice(name.as_str().as_bytes());
            text.extend_from_slice(b": ");
            text.extend_from_slice(value.as_bytes());
            text.extend_from_slice(b"\r\n");
        }
        text.extend_from_slice(b"\r\n");
        if keeps {
            let rows: Vec<httparse::Header<'_>> = headers
                .iter()
                .map(|(name, value)| httparse::Header {
                    name: name.as_str(),
                    value: value.as_bytes(),
                })
                .collect();
            let room = Some(using.io.room.clone());
            let mut kept = Box::new(KeptResponse::in_room(room));
            kept.add_head(using.spec.keep, &text, &rows);
            self.kept = Some(kept);
        }
        self.captures = captures;
        if captures {
            capture(captured, &text);
        }
    }

    #[inline]
    fn take_data(&mut self, bytes: &[u8], keep: KeepSpec, captured: &mut Vec<u8>) {
        if keep.body
            && let Some(kept) = &mut self.kept
        {
            kept.add_body(bytes);
        }
        if self.captures {
            capture(captured, bytes);
        }
    }

    /// Nothing has come: the deadline decides.
    #[inline]
    fn wait(
        &mut self,
        cx: &mut Context<'_>,
        using: &Using<'_>,
        timer: &mut DeadlineTimer,
    ) -> Poll<Option<Failure>> {
        let spec = using.spec;
        if self.is_first {
            let stream = using.connection.meter.borrow().stream(self.id);
            if stream.first.is_some() {
                self.is_first = false;
                self.deadline_us = deadline(spec.sent_us, spec.timeouts.total_us);
            }
        }
        let peer = &using.connection.origin.authority;
        if self.received.is_none() && !self.is_first {
            let stream = using.connection.meter.borrow().stream(self.id);
            if stream.heads > u32::from(MOST_INTERIM) {
                let many = ResponseError::Malformed("more than 16 interim answers");
                return Poll::Ready(Some(Failure::response(many, peer, false)));
            }
            if stream.received > 2 * u64::from(LONGEST_HEAD_LIST_BYTES) {
                return Poll::Ready(Some(too_large(peer)));
            }
        }
        match timer.poll(cx, self.deadline_us, using.io) {
            true => Poll::Ready(Some(timed_out(spec.timeouts, !self.is_first, peer))),
            false => Poll::Pending,
        }
    }

    #[cold]
    fn explain(&mut self, error: &h2::Error, using: &Using<'_>) -> Failure {
        let meter = using.connection.meter.borrow();
        let stream = meter.stream(self.id);
        let (failure, again) = Failed {
            id: self.id,
            stream: &stream,
            has_head: self.received.is_some(),
            error,
            peer: &using.connection.origin.authority,
        }
        .explain(&meter);
        self.again = again;
        failure
    }

    /// The result, which the exchange becomes.
    fn into_result(
        self,
        using: &Using<'_>,
        (connected_us, failure): (Option<u64>, Option<Failure>),
        measured: StreamMeter,
    ) -> ExchangeResult {
        let (io, spec) = (using.io, using.spec);
        let read_us = io.clock.now_us();
        let stamped = |receipt: super::meter::Receipt| {
            io.stamps
                .received(receipt.stamp_ns, spec.sent_us, receipt.read_us)
        };
        let mut result = ExchangeResult {
            connected_us,
            first_byte_us: measured.first.map(|first| stamped(first).0),
            done_us: read_us,
            read_us,
            timed: None,
            unconnected: false,
            resent: false,
            reconnected_us: None,
            received: measured.received,
            written: measured.sent,
            status: (self.status != 0).then_some(self.status),
            version: Some(HttpVersion::Http2),
            location: self.location,
            kept: self.kept,
            failure,
        };
        if result.failure.is_none() {
            let (done_us, timed) = stamped(measured.last);
            result.done_us = done_us;
            result.timed = Some(timed);
            // It arrived after its deadline, before the timer expired.
            let deadline_us = deadline(spec.sent_us, spec.timeouts.total_us);
            if done_us > deadline_us {
                let peer = &using.connection.origin.authority;
                result.failure = Some(timed_out(spec.timeouts, true, peer));
            }
        }
        result
    }
}

fn capture(captured: &mut Vec<u8>, bytes: &[u8]) {
    let room = LONGEST_EXCHANGE_BYTES.saturating_sub(captured.len());
    captured.extend_from_slice(&bytes[..bytes.len().min(room)]);
}
