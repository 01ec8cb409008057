//! One request on one connection: write, read, parse, within deadlines. This is
//! the hot path and allocates nothing. It reads while it still writes, so that an
//! answer to a request that is not fully sent is not lost.

use crate::engine::failure::{Failure, RequestPhase, ResponseError};
use crate::engine::http::connect::{Connection, Connector};
use crate::engine::http::exchange_result::ExchangeResult;
use crate::engine::http::h1::{Progress, ResponseParser};
use crate::engine::http::request::Request;
use crate::engine::http::request_spec::{DeadlineTimer, RequestSpec, deadline, timed_out};
use crate::engine::memory::KeptRoom;
use dlt_core::measure::sample::{Cause, Timed};
use dlt_core::measure::tally::LONGEST_EXCHANGE_BYTES;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll};
use tokio::io::ReadBuf;

/// A request in flight on its connection.
#[derive(Debug)]
pub(super) struct Exchange {
    response: ResponseParser,
    written: usize,
    flushed: bool,
    /// Writing failed; the answer may still say why.
    write_failed: Option<Failure>,
    first_byte_us: Option<u64>,
    done_us: u64,
    read_us: u64,
    timed: Option<Timed>,
    deadline_us: u64,
    /// Whether an earlier request was answered on this connection.
    reused: bool,
    reusable: bool,
}

impl Exchange {
    /// An exchange of which nothing is written yet.
    pub(super) fn new(
        spec: &RequestSpec<'_>,
        connected_us: Option<u64>,
        room: &Rc<KeptRoom>,
    ) -> Self {
        let from_us = connected_us.unwrap_or(spec.sent_us);
        let first_byte_by = deadline(from_us, spec.timeouts.first_byte_us);
        Self {
            response: ResponseParser::new(spec.request.to_head).keeping(spec.keep, room),
            written: 0,
            flushed: false,
            write_failed: None,
            first_byte_us: None,
            done_us: 0,
            read_us: 0,
            timed: None,
            deadline_us: first_byte_by.min(deadline(spec.sent_us, spec.timeouts.total_us)),
            reused: connected_us.is_none(),
            reusable: false,
        }
    }

    /// Whether the connection may carry another request.
    pub(super) fn reusable(&self) -> bool {
        self.reusable
    }

    /// When its end was read.
    pub(super) fn read_us(&self) -> u64 {
        self.read_us
    }

    pub(super) fn written(&self) -> u64 {
        self.written as u64
    }

    /// Whether the connection ended before a byte of the answer came.
    pub(super) fn closed_before_answer(&self, failure: Option<&Failure>) -> bool {
        self.first_byte_us.is_none() && failure.is_some_and(|failure| failure.cause == Cause::Reset)
    }

    /// Writes and reads until the answer is complete or the exchange has failed.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        connection: &mut Connection,
        timer: &mut DeadlineTimer,
        captured: &mut Vec<u8>,
        spec: &RequestSpec<'_>,
        connector: &Connector,
    ) -> Poll<Option<Failure>> {
        if !self.flushed {
            self.write(cx, connection, spec.request);
        }
        let result = loop {
            let mut buffer = connector.io.buffer.borrow_mut();
            let mut read = ReadBuf::new(&mut buffer);
            match connection.stream.poll_read(cx, &mut read) {
                Poll::Ready(Ok(())) => {
                    if let Poll::Ready(result) =
                        self.take_bytes(read.filled(), connection, captured, spec, connector)
                    {
                        break result;
                    }
                }
                // The connection ended without TLS's close_notify: anybody on the way
                // can have cut it.
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    break Some(self.cut(&connection.origin.authority));
                }
                Poll::Ready(Err(error)) => {
                    let phase = match self.first_byte_us {
                        None => RequestPhase::Waiting,
                        Some(_) => RequestPhase::Reading,
                    };
                    break Some(Failure::io(&error, phase, &connection.origin.authority));
                }
                Poll::Pending => {
                    if timer.poll(cx, self.deadline_us, &connector.io) {
                        let got_bytes = self.first_byte_us.is_some();
                        let peer = &connection.origin.authority;
                        break Some(timed_out(spec.timeouts, got_bytes, peer));
                    }
                    return Poll::Pending;
                }
            }
        };
        if self.read_us == 0 {
            self.read_us = connector.io.clock.now_us();
            self.done_us = self.read_us;
        }
        Poll::Ready(result)
    }

    /// Writes as much as the socket takes. An error ends writing but not the
    /// exchange: what the peer sent before it closed says more than "reset".
    fn write(&mut self, cx: &mut Context<'_>, connection: &mut Connection, request: &Request) {
        let stream = &mut connection.stream;
        let error = loop {
            let rest = request.rest(self.written);
            if !rest.is_empty() {
                match stream.poll_write(cx, rest) {
                    Poll::Ready(Ok(count)) => self.written += count,
                    Poll::Ready(Err(error)) => break error,
                    Poll::Pending => return,
                }
            } else {
                match stream.poll_flush(cx) {
                    Poll::Ready(Ok(())) => self.flushed = true,
                    Poll::Ready(Err(error)) => break error,
                    Poll::Pending => {}
                }
                return;
            }
        };
        self.flushed = true;
        let peer = &connection.origin.authority;
        self.write_failed = Some(Failure::io(&error, RequestPhase::Waiting, peer));
    }

    /// The failure of an answer whose TLS connection ended unannounced. One that the
    /// end of the connection ends may have lost its last part (RFC 9112, 9.8).
    #[cold]
    fn cut(&mut self, peer: &str) -> Failure {
        let waiting = self.first_byte_us.is_none();
        let error = match self.response.end() {
            Ok(()) => ResponseError::Cut,
            Err(error) => error,
        };
        let write_failed = self.write_failed.take();
        write_failed.unwrap_or_else(|| Failure::response(error, peer, waiting))
    }

    /// Takes bytes that were read; no bytes mean that the peer closed.
    #[inline]
    fn take_bytes(
        &mut self,
        bytes: &[u8],
        connection: &Connection,
        captured: &mut Vec<u8>,
        spec: &RequestSpec<'_>,
        connector: &Connector,
    ) -> Poll<Option<Failure>> {
        let peer = &connection.origin.authority;
        if bytes.is_empty() {
            let waiting = self.first_byte_us.is_none();
            return Poll::Ready(match self.response.end() {
                Ok(()) => {
                    // The kernel stamps bytes, but not the end of a connection.
                    self.timed = Some(Timed::Missing);
                    None
                }
                Err(error) => Some(
                    self.write_failed
                        .take()
                        .unwrap_or_else(|| Failure::response(error, peer, waiting)),
                ),
            });
        }
        let read_us = connector.io.clock.now_us();
        let stamp_ns = connection.stream.stamp_ns();
        let received = connector
            .io
            .stamps
            .received(stamp_ns, spec.sent_us, read_us);
        let first = self.first_byte_us.is_none();
        if first {
            self.first_byte_us = Some(received.0);
            self.deadline_us = deadline(spec.sent_us, spec.timeouts.total_us);
        }
        let fed = self.response.feed(bytes);
        if first && self.reused {
            let early = received.1 == Timed::Implausible
                && connector.io.stamps.came_before(stamp_ns, spec.sent_us);
            let used = match &fed {
                Ok(Progress::Done(used)) => *used,
                _ => bytes.len(),
            };
            if early || (used < bytes.len() && begins_an_answer(&bytes[used..])) {
                let room = LONGEST_EXCHANGE_BYTES.saturating_sub(captured.len());
                captured.extend_from_slice(&bytes[..bytes.len().min(room)]);
                return Poll::Ready(Some(Failure::unasked(peer)));
            }
        }
        let plain = match (&fed, self.response.status()) {
            (Ok(Progress::Done(used)), Some(status)) => {
                self.read_us = read_us;
                self.done_us = received.0;
                self.timed = Some(received.1);
                self.reusable = self.response.keep_alive()
                    && *used == bytes.len()
                    && self.flushed
                    && self.write_failed.is_none();
                !spec.has_checks && status < 300 && spec.expect.contains(status)
            }
            _ => false,
        };
        if !plain {
            let room = LONGEST_EXCHANGE_BYTES.saturating_sub(captured.len());
            captured.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
        match fed {
            // It arrived after its deadline, before the timer expired.
            Ok(Progress::Done(_)) if self.done_us > self.deadline_us => {
                Poll::Ready(Some(timed_out(spec.timeouts, true, peer)))
            }
            Ok(Progress::Done(_)) => Poll::Ready(None),
            Ok(Progress::More) => Poll::Pending,
            Err(error) => Poll::Ready(Some(Failure::response(error, peer, false))),
        }
    }

    /// The result, which the exchange becomes.
    pub(super) fn into_result(
        mut self,
        connected_us: Option<u64>,
        failure: Option<Failure>,
    ) -> ExchangeResult {
        ExchangeResult {
            connected_us,
            first_byte_us: self.first_byte_us,
            done_us: self.done_us,
            read_us: self.read_us,
            timed: self.timed,
            unconnected: false,
            resent: false,
            reconnected_us: None,
            received: self.response.received(),
            written: self.written as u64,
            status: self.response.status(),
            version: self.response.version(),
            location: self.response.take_location(),
            kept: self.response.take_kept(),
            failure,
        }
    }
}

/// Whether a further answer follows; line breaks behind a body are none (RFC 9112, 2.2).
#[cold]
fn begins_an_answer(rest: &[u8]) -> bool {
    const BEGINNING: &[u8] = b"HTTP/";
    let rest = rest.trim_ascii_start();
    let length = rest.len().min(BEGINNING.len());
    length > 0 && rest[..length] == BEGINNING[..length]
}
