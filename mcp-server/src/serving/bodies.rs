//! Bodies of requests: each must go on coming, and all that are kept at once have a limit. A
//! request whose body breaks a rule is answered here, whatever the router made of it.

use super::limits::Limits;
use super::patience::Patience;
use super::refusals::{Refusal, Refusals};
use super::seen::Seen;
use axum::body::{Body, HttpBody as _};
use axum::extract::Request;
use axum::http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use futures_util::StreamExt as _;
use futures_util::stream;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The room for bodies.
#[derive(Debug)]
pub(super) struct Bodies {
    all: Arc<Semaphore>,
    /// The part of it that others than this machine may have.
    elsewhere: Arc<Semaphore>,
    patience: Patience,
}

/// A body that is on its way, or kept for its request.
#[derive(Debug, Default)]
pub(super) struct Kept {
    fault: Mutex<Option<Refusal>>,
    room: Mutex<Vec<OwnedSemaphorePermit>>,
}

impl Bodies {
    pub(super) fn new(limits: &Limits) -> Self {
        let room = |bytes: usize| Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS)));
        Self {
            all: room(limits.body_bytes),
            elsewhere: room(Limits::elsewhere(limits.body_bytes)),
            patience: Patience::new(limits.stall, limits.slowest_bytes_per_s),
        }
    }

    /// The request with a body that keeps the rules, and what becomes of it. A body that is
    /// `streamed` is not kept, so it needs no room.
    pub(super) fn watch(
        self: &Arc<Self>,
        request: Request,
        seen: &Arc<Seen>,
        is_here: bool,
        streamed: bool,
    ) -> (Request, Arc<Kept>) {
        let kept = Arc::new(Kept::default());
        // Of an earlier request, whose body nobody took to its end.
        seen.waits_for_body(None);
        if request.body().is_end_stream() {
            return (request, kept);
        }
        let (parts, body) = request.into_parts();
        let watched = Watched {
            body: body.into_data_stream(),
            bodies: Arc::clone(self),
            kept: Arc::clone(&kept),
            seen: Arc::clone(seen),
            patience: self.patience.clone(),
            is_here,
            streamed,
        };
        let pieces = stream::unfold(Some(watched), |watched| async {
            let mut watched = watched?;
            match watched.next().await? {
                Ok(piece) => Some((Ok(piece), Some(watched))),
                // After an error none follow.
                Err(error) => Some((Err(error), None)),
            }
        });
        (Request::from_parts(parts, Body::from_stream(pieces)), kept)
    }

    /// Room for so many bytes, if there is any.
    fn room(&self, is_here: bool, bytes: usize) -> Option<Vec<OwnedSemaphorePermit>> {
        let bytes = u32::try_from(bytes).ok()?;
        let mut rooms = vec![&self.all];
        if !is_here {
            rooms.push(&self.elsewhere);
        }
        let taken = |room: &Arc<Semaphore>| Arc::clone(room).try_acquire_many_owned(bytes).ok();
        rooms.into_iter().map(taken).collect()
    }
}

struct Watched {
    body: axum::body::BodyDataStream,
    bodies: Arc<Bodies>,
    kept: Arc<Kept>,
    seen: Arc<Seen>,
    patience: Patience,
    is_here: bool,
    streamed: bool,
}

impl Watched {
    /// The next piece, in time and with room for it.
    async fn next(&mut self) -> Option<io::Result<axum::body::Bytes>> {
        let since = Instant::now();
        self.seen.waits_for_body(Some(self.patience.used()));
        let next = tokio::time::timeout(self.patience.left(), self.body.next()).await;
        self.seen.waits_for_body(None);
        let Ok(next) = next else {
            return Some(Err(self.fault(Refusal::SlowBody, io::ErrorKind::TimedOut)));
        };
        let piece = match next? {
            Ok(piece) => piece,
            Err(error) => return Some(Err(io::Error::other(error))),
        };
        self.patience.spend(since.elapsed(), piece.len());
        if !self.streamed {
            match self.bodies.room(self.is_here, piece.len()) {
                Some(room) => self.kept.keep(room),
                None => return Some(Err(self.fault(Refusal::NoRoom, io::ErrorKind::OutOfMemory))),
            }
        }
        Some(Ok(piece))
    }

    fn fault(&self, fault: Refusal, kind: io::ErrorKind) -> io::Error {
        *self
            .kept
            .fault
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(fault);
        kind.into()
    }
}

impl Kept {
    fn keep(&self, room: Vec<OwnedSemaphorePermit>) {
        let mut kept = self.room.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.is_empty() {
            *kept = room;
            return;
        }
        // One permit for each semaphore, in the same order.
        for (kept, more) in kept.iter_mut().zip(room) {
            kept.merge(more);
        }
    }

    /// The answer to its request, which is the router's unless the body broke a rule. Its room is
    /// given back: whoever answered needs the body no longer.
    pub(super) fn answer(&self, answer: Response, refusals: &Refusals) -> Response {
        let mut room = self.room.lock().unwrap_or_else(PoisonError::into_inner);
        room.clear();
        let fault = *self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(fault) = fault else {
            return answer;
        };
        refusals.count(fault);
        match fault {
            Refusal::SlowBody => {
                refused(StatusCode::REQUEST_TIMEOUT, "the body did not come in time")
            }
            _ => refused(
                StatusCode::SERVICE_UNAVAILABLE,
                "too many long bodies come at once; try again in a moment",
            ),
        }
    }
}

/// A refusal in front of the router; the connection ends with it, since the rest of the body would
/// come next.
fn refused(status: StatusCode, message: &str) -> Response {
    let body = serde_json::json!({ "message": message }).to_string();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let mut insert = |name: HeaderName, value| {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value)
    };
    insert(CONTENT_TYPE, "application/json");
    insert(CONNECTION, "close");
    if status == StatusCode::SERVICE_UNAVAILABLE {
        insert(RETRY_AFTER, "1");
    }
    response
}
