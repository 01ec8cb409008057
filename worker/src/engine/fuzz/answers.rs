//! Bytes of a connection that may be answers: the parser sees the same in them however they arrive.

use crate::engine::failure::ResponseError;
use crate::engine::fuzz::input::Input;
use crate::engine::http::h1::{Progress, ResponseParser};
use crate::engine::http::kept::KeepSpec;
use crate::engine::memory::Memory;

/// Longest input that is cut at every place, bytes: the work grows with the square.
const LONGEST_CUT_EVERYWHERE: usize = 64;
/// Most answers that are read of one connection.
const MOST_ANSWERS: usize = 4;

/// What is seen of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) end: Result<usize, Kind>,
    pub(super) status: Option<u16>,
    /// The rest is told of answers that are whole.
    pub(super) whole: Option<Whole>,
}

/// An answer that is whole.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Whole {
    pub(super) keep_alive: bool,
    pub(super) received: u64,
    pub(super) location: Option<Box<[u8]>>,
    pub(super) body: Vec<u8>,
    pub(super) head: Vec<u8>,
    pub(super) cookies: Vec<Box<[u8]>>,
    encoding: Vec<u8>,
    content_type: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Malformed,
    TooLarge,
    Closed,
}

/// One answer that arrives in these pieces, before the connection is closed.
pub(super) fn seen<'a>(
    to_head: bool,
    keep: KeepSpec,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> Seen {
    let mut parser = ResponseParser::new(to_head).keeping(keep, &Memory::new(None).kept_room(1));
    let mut before = 0;
    let mut end = None;
    for piece in pieces {
        match parser.feed(piece) {
            Ok(Progress::More) => before += piece.len(),
            Ok(Progress::Done(used)) => {
                assert!(used <= piece.len(), "more bytes than there are");
                end = Some(Ok(before + used));
                break;
            }
            Err(error) => {
                end = Some(Err(error));
                break;
            }
        }
    }
    let end = end.unwrap_or_else(|| parser.end().map(|()| before));
    let end = end.map_err(|error| match error {
        ResponseError::Malformed(_) | ResponseError::MalformedLine(_) => Kind::Malformed,
        ResponseError::TooLarge(_) => Kind::TooLarge,
        ResponseError::Closed | ResponseError::Cut => Kind::Closed,
    });
    let whole = end.is_ok().then(|| {
        let kept = parser.take_kept().unwrap_or_default();
        Whole {
            keep_alive: parser.keep_alive(),
            received: parser.received(),
            location: parser.take_location(),
            body: kept.body.clone(),
            head: kept.head.clone(),
            cookies: kept.cookies.clone(),
            encoding: kept.encoding.clone(),
            content_type: kept.content_type.clone(),
        }
    });
    Seen {
        status: parser.status(),
        whole,
        end,
    }
}

/// The ways in which these bytes may arrive are seen as they are at once; what is seen.
pub(super) fn seen_in_any_pieces(to_head: bool, keep: KeepSpec, bytes: &[u8], seed: u8) -> Seen {
    let at_once = seen(to_head, keep, std::iter::once(bytes));
    let single = seen(to_head, keep, bytes.chunks(1));
    assert_eq!(single, at_once, "byte by byte");
    let everywhere = bytes.len() <= LONGEST_CUT_EVERYWHERE;
    let step = if everywhere { 1 } else { bytes.len() / 5 };
    let first = if everywhere {
        1
    } else {
        1 + usize::from(seed) % step
    };
    for cut in (first..bytes.len()).step_by(step) {
        let (one, two) = bytes.split_at(cut);
        let cut_once = seen(to_head, keep, [one, two].into_iter());
        assert_eq!(cut_once, at_once, "cut at {cut}");
    }
    at_once
}

/// Any bytes, as one answer after the other.
pub(super) fn any(data: &[u8]) {
    let mut input = Input(data);
    let (choice, seed) = (input.byte(), input.byte());
    let keep = KeepSpec {
        head: choice & 2 > 0,
        body: choice & 4 > 0,
        cookies: choice & 8 > 0,
    };
    let mut bytes = input.0;
    for _ in 0..MOST_ANSWERS {
        let answer = seen_in_any_pieces(choice & 1 > 0, keep, bytes, seed);
        let Ok(used) = answer.end else {
            return;
        };
        if let Some(whole) = &answer.whole {
            assert_eq!(whole.received, used as u64);
            assert!(whole.body.len() <= used, "a body longer than its answer");
        }
        assert!(
            answer
                .status
                .is_some_and(|status| (200..=999).contains(&status))
        );
        bytes = &bytes[used..];
        if bytes.is_empty() {
            return;
        }
    }
}
