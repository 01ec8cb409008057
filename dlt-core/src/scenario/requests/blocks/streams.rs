//! `websocket` and `events` among a scenario's requests: the first entry opens the stream, the
//! others are its messages, which may stand in blocks.

use super::{Place, Reader};
use crate::scenario::document::notes::{Node, Notes, Object};
use crate::scenario::limits::MOST_REQUESTS;
use crate::scenario::plan::{Operation, Outlined, StreamKind};
use crate::scenario::requests::lists::block_of;

/// The stream that is being read.
#[derive(Debug)]
pub(super) struct Stream {
    kind: StreamKind,
    /// The number of the request that opens it; None if that has a fault.
    opening: Option<usize>,
    /// Jumps to its end, which are taken once it is no longer open.
    ends: Vec<usize>,
}

impl Reader<'_> {
    /// Reads a stream. How many requests it makes depends on how long it is open.
    pub(super) fn stream(
        &mut self,
        kind: StreamKind,
        object: &Object<'_>,
        depth: usize,
        notes: &mut Notes,
    ) -> Option<u64> {
        let node = object.get(kind.key())?;
        if let Some(around) = &self.stream {
            let reason = format!(
                "is inside of another {}: write it behind that one",
                around.kind.name()
            );
            node.fault(notes, reason);
            return None;
        }
        let entries = node.list(1..=MOST_REQUESTS, notes)?;
        let (first, others) = entries.split_first()?;
        if block_of(first.value).is_some()
            || first.value.get("url").is_none() && !first.value.is_string()
        {
            first.fault(
                notes,
                format!(
                    "must be the request that opens the {}: its url, and what else a request has",
                    kind.name()
                ),
            );
            return None;
        }
        self.words(depth, kind.name().to_owned());
        self.requests += 1;
        let opening = (self.request)(first, Place::Opens(kind), notes).map(|read| read.0);
        if let Some(number) = opening {
            self.push(Operation::Request(number));
            self.row(depth + 1, Outlined::Request(number));
        }
        let unless = self.push(Operation::UnlessOpen(0));
        self.stream = Some(Stream {
            kind,
            opening,
            ends: vec![unless],
        });
        for entry in others {
            match block_of(entry.value) {
                None => self.one_request(entry, depth + 1, notes),
                Some(key) => self.block(key, entry, depth + 1, notes),
            };
        }
        let ends = self.stream.take().map(|stream| stream.ends);
        self.push(Operation::Close(opening.unwrap_or_default()));
        for end in ends.into_iter().flatten() {
            self.lead_here(end);
        }
        None
    }

    /// Reads a message; where it is waited for several times, as a loop.
    pub(super) fn message(&mut self, node: &Node<'_>, depth: usize, notes: &mut Notes) {
        let Some(stream) = &self.stream else { return };
        // Without the request that opens it the messages are no faults of their own.
        let Some(opening) = stream.opening else {
            return;
        };
        let place = Place::On(stream.kind, opening);
        let Some((number, times)) = (self.request)(node, place, notes) else {
            return;
        };
        let depth = match times {
            1 => depth,
            _ => {
                self.words(depth, format!("{times} times"));
                depth + 1
            }
        };
        let counter = self.flow.counters;
        let start = (times > 1).then(|| {
            self.flow.counters += 1;
            self.push(Operation::Count { counter, times });
            self.push(Operation::Counted { counter, end: 0 })
        });
        self.push(Operation::Request(number));
        self.row(depth, Outlined::Request(number));
        let unless = self.push(Operation::UnlessOpen(0));
        if let Some(stream) = &mut self.stream {
            stream.ends.push(unless);
        }
        if let Some(start) = start {
            self.push(Operation::Again(start));
            self.lead_here(start);
        }
    }
}
