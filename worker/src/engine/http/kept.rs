//! What a step keeps of an answer: head, body, cookies. For most steps this is
//! nothing, and nothing is allocated.

use crate::engine::memory::{KeptRoom, Reserved};
use httparse::Header;
use std::rc::Rc;

/// Longest body that is kept, bytes as on the wire: checking a longer one would
/// slow the generator down.
pub(crate) const LONGEST_KEPT_BODY_BYTES: usize = 4 * 1024 * 1024;
/// Most Set-Cookie headers of an answer: browsers keep as many for a site.
const MOST_SET_COOKIES: usize = 50;
/// Longest Set-Cookie header, bytes: as browsers take them.
const LONGEST_SET_COOKIE_BYTES: usize = 4_096;

/// What to keep of an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct KeepSpec {
    /// Status line and headers.
    pub(crate) head: bool,
    /// The body, and how it is encoded.
    pub(crate) body: bool,
    /// The Set-Cookie headers.
    pub(crate) cookies: bool,
}

/// What was kept of an answer.
#[derive(Debug, Default)]
pub(crate) struct KeptResponse {
    /// The last head; each line ends with LF.
    pub(crate) head: Vec<u8>,
    /// The body without its framing.
    pub(crate) body: Vec<u8>,
    /// Its Content-Encoding, empty if it has none.
    pub(crate) encoding: Vec<u8>,
    /// Its Content-Type, empty if it has none.
    pub(crate) content_type: Vec<u8>,
    /// Values of Set-Cookie headers.
    pub(crate) cookies: Vec<Box<[u8]>>,
    /// Whether the body is longer than what is kept.
    pub(crate) overlong: bool,
    /// Whether there was no memory to keep it.
    pub(crate) no_room: bool,
    pub(super) reserved: Reserved,
}

/// The smallest part of a body for which memory is reserved, bytes.
const LEAST_RESERVED_BYTES: usize = 4 * 1024;

impl KeptResponse {
    /// Nothing yet, in this room.
    pub(super) fn in_room(room: Option<Rc<KeptRoom>>) -> Self {
        Self {
            reserved: Reserved::of(room),
            ..Self::default()
        }
    }

    /// Keeps of a head what `keep` says.
    pub(super) fn add_head(&mut self, keep: KeepSpec, bytes: &[u8], headers: &[Header<'_>]) {
        if keep.head {
            let lines = bytes.split(|byte| *byte == b'\n');
            for line in lines
                .map(<[u8]>::trim_ascii_end)
                .filter(|line| !line.is_empty())
            {
                self.head.extend_from_slice(line);
                self.head.push(b'\n');
            }
        }
        let is = |header: &&Header<'_>, name: &str| header.name.eq_ignore_ascii_case(name);
        if keep.body {
            let codings = headers
                .iter()
                .filter(|header| is(header, "content-encoding"));
            for header in codings {
                if !self.encoding.is_empty() {
                    self.encoding.push(b',');
                }
                self.encoding.extend_from_slice(header.value);
            }
        }
        if keep.body
            && let Some(header) = headers.iter().find(|header| is(header, "content-type"))
        {
            self.content_type = header.value.to_vec();
        }
        if keep.cookies {
            let cookies = headers
                .iter()
                .filter(|header| is(header, "set-cookie"))
                .filter(|header| header.value.len() <= LONGEST_SET_COOKIE_BYTES)
                .take(MOST_SET_COOKIES)
                .map(|header| header.value.into());
            self.cookies.extend(cookies);
        }
        let cookies = self.cookies.iter().map(|cookie| cookie.len());
        let bytes = self.head.len() + cookies.sum::<usize>();
        if !self.reserved.add(bytes as u64) {
            self.drop_all();
        }
    }

    /// There is no room for it.
    #[cold]
    fn drop_all(&mut self) {
        self.no_room = true;
        self.head = Vec::new();
        self.body = Vec::new();
        self.cookies = Vec::new();
        self.reserved.release();
    }

    /// The text of a message.
    pub(crate) fn of_message(text: Vec<u8>) -> Self {
        Self {
            body: text,
            content_type: b"text/plain; charset=utf-8".to_vec(),
            ..Self::default()
        }
    }

    /// Takes the body so far; None if there was no memory for it.
    pub(super) fn take_body(&mut self) -> Option<Vec<u8>> {
        self.reserved.release();
        (!self.no_room).then(|| std::mem::take(&mut self.body))
    }

    /// Takes the head, what it says of the body, and the cookies.
    pub(super) fn take_head(&mut self) -> Self {
        Self {
            content_type: std::mem::take(&mut self.content_type),
            encoding: std::mem::take(&mut self.encoding),
            head: std::mem::take(&mut self.head),
            cookies: std::mem::take(&mut self.cookies),
            ..Self::default()
        }
    }

    pub(super) fn add_body(&mut self, bytes: &[u8]) {
        let length = self.body.len() + bytes.len();
        if self.no_room || self.overlong {
            return;
        }
        if length > LONGEST_KEPT_BODY_BYTES {
            self.overlong = true;
            // A part of a body is not checked.
            self.body = Vec::new();
            self.reserved.release();
            return;
        }
        let capacity = self.body.capacity();
        if length > capacity {
            let wanted = length.max(2 * capacity).max(LEAST_RESERVED_BYTES);
            let wanted = wanted.min(LONGEST_KEPT_BODY_BYTES);
            if !self.reserved.add((wanted - capacity) as u64) {
                return self.drop_all();
            }
            self.body.reserve_exact(wanted - self.body.len());
        }
        self.body.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::http::h1::{Progress, ResponseParser};
    use crate::engine::http::kept::{KeepSpec, KeptResponse, LONGEST_KEPT_BODY_BYTES};
    use crate::engine::memory::Memory;

    const KEEP: KeepSpec = KeepSpec {
        head: true,
        body: true,
        cookies: false,
    };

    /// Answers that stall all at once, each almost as long as any is kept.
    #[test]
    fn kept_answers_take_no_more_than_their_room() {
        let body = vec![b'x'; 3_900_000];
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
            body.len() + 1
        );
        // 30 MB.
        let room = Memory::new(Some(100_000_000)).kept_room(1);
        let stalled = |_| {
            let mut parser = ResponseParser::new(false).keeping(KEEP, &room);
            for piece in [head.as_bytes()].into_iter().chain(body.chunks(65_536)) {
                assert_eq!(parser.feed(piece), Ok(Progress::More));
            }
            parser
        };
        let parsers: Vec<ResponseParser> = (0..40).map(stalled).collect();
        let kept: Vec<Box<KeptResponse>> = parsers
            .into_iter()
            .map(|mut parser| {
                assert_eq!(parser.feed(b"x"), Ok(Progress::Done(1)));
                parser.take_kept().unwrap()
            })
            .collect();
        let whole = kept.iter().filter(|kept| !kept.no_room);
        assert!(whole.clone().all(|kept| kept.body.len() == body.len() + 1));
        let count = whole.count();
        assert!((6..=7).contains(&count), "{count} fit");
        let none = kept.iter().filter(|kept| kept.no_room);
        assert!(
            none.into_iter()
                .all(|kept| kept.body.is_empty() && kept.head.is_empty())
        );
        let in_all: usize = kept.iter().map(|kept| kept.body.capacity()).sum();
        assert!(in_all <= 30_000_000, "{in_all}");
        // What was kept is given back: as many fit again.
        drop(kept);
        let again: Vec<ResponseParser> = (0..7).map(stalled).collect();
        assert_eq!(again.len(), 7);
        assert!(body.len() < LONGEST_KEPT_BODY_BYTES);
    }
}
