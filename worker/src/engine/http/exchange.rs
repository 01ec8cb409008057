//! One request on one connection: bytes out, bytes in, deadlines between. The
//! hot path: a write, a read, a parse, no allocation. Reading goes on while
//! writing does, so a peer that answers before it has read all is heard.

use crate::engine::failure::{Doing, Failure};
use crate::engine::http::ask::{Alarm, Ask, deadline, timed_out};
use crate::engine::http::connect::{Connection, Connector};
use crate::engine::http::h1::{Answer, Progress};
use crate::engine::http::kept::Kept;
use crate::engine::http::request::Request;
use dlt_core::measure::sample::{Cause, Timed};
use dlt_core::measure::tally::LONGEST_EXCHANGE_BYTES;
use std::io;
use std::task::{Context, Poll};
use tokio::io::ReadBuf;

/// A request under way.
#[derive(Debug)]
pub(super) struct Exchange {
    answer: Answer,
    written: usize,
    flushed: bool,
    /// Writing failed; the answer may still tell why.
    write_failed: Option<Failure>,
    first_byte_us: Option<u64>,
    done_us: u64,
    read_us: u64,
    timed: Option<Timed>,
    deadline_us: u64,
    reusable: bool,
}

/// How a request ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// When a new connection stood.
    pub(crate) connected_us: Option<u64>,
    /// When the kernel had received the first byte, at the latest.
    pub(crate) first_byte_us: Option<u64>,
    /// When it was over: the kernel had received the last byte, or it failed.
    pub(crate) done_us: u64,
    /// When the engine knew that it was over.
    pub(crate) read_us: u64,
    /// How the end of a complete answer was timed.
    pub(crate) timed: Option<Timed>,
    /// No connection came about for it, or for its repetition.
    pub(crate) unconnected: bool,
    /// It was sent a second time, on a fresh connection.
    pub(crate) resent: bool,
    /// Bytes read that belong to the answer.
    pub(crate) received: u64,
    /// Bytes written.
    pub(crate) written: u64,
    /// The status, if the head was read.
    pub(crate) status: Option<u16>,
    /// Where a redirect points.
    pub(crate) location: Option<Box<[u8]>>,
    /// What was kept of the answer.
    pub(crate) kept: Option<Box<Kept>>,
    /// Why there is no complete answer.
    pub(crate) failure: Option<Failure>,
}

impl Ended {
    /// No connection came about.
    pub(super) fn unconnected(done_us: u64, failure: Failure) -> Self {
        Self {
            connected_us: None,
            first_byte_us: None,
            done_us,
            read_us: done_us,
            timed: None,
            unconnected: true,
            resent: false,
            received: 0,
            written: 0,
            status: None,
            location: None,
            kept: None,
            failure: Some(failure),
        }
    }
}

impl Exchange {
    /// Nothing is written yet.
    pub(super) fn new(ask: &Ask<'_>, connected_us: Option<u64>) -> Self {
        let from_us = connected_us.unwrap_or(ask.sent_us);
        let first_byte_by = deadline(from_us, ask.timeouts.first_byte_us);
        Self {
            answer: Answer::new(ask.request.to_head).keeping(ask.wants),
            written: 0,
            flushed: false,
            write_failed: None,
            first_byte_us: None,
            done_us: 0,
            read_us: 0,
            timed: None,
            deadline_us: first_byte_by.min(deadline(ask.sent_us, ask.timeouts.total_us)),
            reusable: false,
        }
    }

    /// Whether the connection may carry another request.
    pub(super) fn reusable(&self) -> bool {
        self.reusable
    }

    /// When the engine knew that it was over.
    pub(super) fn read_us(&self) -> u64 {
        self.read_us
    }

    /// Bytes written.
    pub(super) fn written(&self) -> u64 {
        self.written as u64
    }

    /// Whether the connection ended before a byte of the answer came.
    pub(super) fn ended_before_answer(&self, failure: Option<&Failure>) -> bool {
        self.first_byte_us.is_none() && failure.is_some_and(|failure| failure.cause == Cause::Reset)
    }

    /// Goes on until the answer is complete or cannot be.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        connection: &mut Connection,
        alarm: &mut Alarm,
        seen: &mut Vec<u8>,
        ask: &Ask<'_>,
        connector: &Connector,
    ) -> Poll<Option<Failure>> {
        if !self.flushed {
            self.write(cx, connection, ask.request);
        }
        let result = loop {
            let mut buffer = connector.wire.buffer.borrow_mut();
            let mut read = ReadBuf::new(&mut buffer);
            match connection.stream.poll_read(cx, &mut read) {
                Poll::Ready(Ok(())) => {
                    if let Poll::Ready(result) =
                        self.take(read.filled(), connection, seen, ask, connector)
                    {
                        break result;
                    }
                }
                // TLS whose peer closed without saying so: for the answer it
                // is the end, as on a plain connection.
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    if let Poll::Ready(result) = self.take(&[], connection, seen, ask, connector) {
                        break result;
                    }
                }
                Poll::Ready(Err(error)) => {
                    let doing = match self.first_byte_us {
                        None => Doing::Waiting,
                        Some(_) => Doing::Reading,
                    };
                    break Some(Failure::io(&error, doing, &connection.origin.authority));
                }
                Poll::Pending => {
                    if alarm.poll(cx, self.deadline_us, connector) {
                        let got_bytes = self.first_byte_us.is_some();
                        let peer = &connection.origin.authority;
                        break Some(timed_out(ask.timeouts, got_bytes, peer));
                    }
                    return Poll::Pending;
                }
            }
        };
        if self.read_us == 0 {
            self.read_us = connector.wire.clock.now_us();
            self.done_us = self.read_us;
        }
        Poll::Ready(result)
    }

    /// Writes as much as goes. An error ends writing but not the exchange: what
    /// the peer said before it closed is more than "reset".
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
        self.write_failed = Some(Failure::io(&error, Doing::Waiting, peer));
    }

    /// Takes bytes that were read; none means that the peer closed.
    #[inline]
    fn take(
        &mut self,
        bytes: &[u8],
        connection: &Connection,
        seen: &mut Vec<u8>,
        ask: &Ask<'_>,
        connector: &Connector,
    ) -> Poll<Option<Failure>> {
        let peer = &connection.origin.authority;
        if bytes.is_empty() {
            let waiting = self.first_byte_us.is_none();
            return Poll::Ready(match self.answer.end() {
                Ok(()) => {
                    // The kernel stamps bytes, not the end of a connection.
                    self.timed = Some(Timed::Missing);
                    None
                }
                Err(fault) => Some(
                    self.write_failed
                        .take()
                        .unwrap_or_else(|| Failure::fault(fault, peer, waiting)),
                ),
            });
        }
        let read_us = connector.wire.clock.now_us();
        let stamp_ns = connection.stream.stamp_ns();
        let received = connector
            .wire
            .stamps
            .received(stamp_ns, ask.sent_us, read_us);
        if self.first_byte_us.is_none() {
            self.first_byte_us = Some(received.0);
            self.deadline_us = deadline(ask.sent_us, ask.timeouts.total_us);
        }
        let fed = self.answer.feed(bytes);
        let plain = match (fed, self.answer.status()) {
            (Ok(Progress::Done(used)), Some(status)) => {
                self.read_us = read_us;
                self.done_us = received.0;
                self.timed = Some(received.1);
                self.reusable = self.answer.keep_alive()
                    && used == bytes.len()
                    && self.flushed
                    && self.write_failed.is_none();
                !ask.shown && status < 300 && ask.expect.contains(status)
            }
            _ => false,
        };
        if !plain {
            let room = LONGEST_EXCHANGE_BYTES.saturating_sub(seen.len());
            seen.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
        match fed {
            // It came, but later than the scenario allows, before the alarm rang.
            Ok(Progress::Done(_)) if self.done_us > self.deadline_us => {
                Poll::Ready(Some(timed_out(ask.timeouts, true, peer)))
            }
            Ok(Progress::Done(_)) => Poll::Ready(None),
            Ok(Progress::More) => Poll::Pending,
            Err(fault) => Poll::Ready(Some(Failure::fault(fault, peer, false))),
        }
    }

    /// What came of it.
    pub(super) fn ended(mut self, connected_us: Option<u64>, failure: Option<Failure>) -> Ended {
        Ended {
            connected_us,
            first_byte_us: self.first_byte_us,
            done_us: self.done_us,
            read_us: self.read_us,
            timed: self.timed,
            unconnected: false,
            resent: false,
            received: self.answer.received(),
            written: self.written as u64,
            status: self.answer.status(),
            location: self.answer.take_location(),
            kept: self.answer.take_kept(),
            failure,
        }
    }
}
