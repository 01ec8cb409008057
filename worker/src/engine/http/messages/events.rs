//! Server-sent events (HTML Standard, 9.2.6): lines become events. A state machine over bytes,
//! without sockets; how the body is framed is `h1`'s.

/// Longest event, bytes of its data: as much as is kept of an answer.
pub(crate) const LONGEST_EVENT_BYTES: usize = 4 * 1024 * 1024;

/// Reads events out of a body that comes in pieces.
#[derive(Debug, Default)]
pub(crate) struct EventReader {
    /// A line that is not complete.
    line: Vec<u8>,
    /// The data of the event so far, each line ended by LF.
    data: Vec<u8>,
    /// Whether the last line ended with CR: a LF that follows belongs to it.
    after_cr: bool,
    /// Whether a line was read: a mark of byte order stands before the first alone.
    has_begun: bool,
}

/// An event is longer than [`LONGEST_EVENT_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLong;

impl EventReader {
    /// Takes bytes of the body; gives each event's data to `event`.
    pub(crate) fn feed(
        &mut self,
        bytes: &[u8],
        event: &mut dyn FnMut(Vec<u8>),
    ) -> Result<(), TooLong> {
        let mut rest = bytes;
        while !rest.is_empty() {
            if std::mem::take(&mut self.after_cr) && rest[0] == b'\n' {
                rest = &rest[1..];
                continue;
            }
            let end = memchr::memchr2(b'\r', b'\n', rest);
            let part = &rest[..end.unwrap_or(rest.len())];
            if self.line.len() + self.data.len() + part.len() > LONGEST_EVENT_BYTES {
                return Err(TooLong);
            }
            self.line.extend_from_slice(part);
            let Some(end) = end else { break };
            self.after_cr = rest[end] == b'\r';
            rest = &rest[end + 1..];
            self.end_line(event);
        }
        Ok(())
    }

    fn end_line(&mut self, event: &mut dyn FnMut(Vec<u8>)) {
        let line = std::mem::take(&mut self.line);
        let mut line = line.as_slice();
        if !std::mem::replace(&mut self.has_begun, true) {
            line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        }
        if line.is_empty() {
            let mut data = std::mem::take(&mut self.data);
            // Without data there is no event.
            if data.pop().is_some() {
                event(data);
            }
            return;
        }
        let (name, value) = match memchr::memchr(b':', line) {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &[][..]),
        };
        // Comments, names, numbers and times of reconnection are no data.
        if name == b"data" {
            let value = value.strip_prefix(b" ").unwrap_or(value);
            self.data.extend_from_slice(value);
            self.data.push(b'\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(pieces: &[&[u8]]) -> Vec<String> {
        let mut reader = EventReader::default();
        let mut events = Vec::new();
        for piece in pieces {
            reader
                .feed(piece, &mut |data| {
                    events.push(String::from_utf8_lossy(&data).into_owned())
                })
                .unwrap();
        }
        events
    }

    /// What the HTML Standard shows, and what its grammar allows besides.
    #[test]
    fn lines_become_events() {
        for (text, events) in [
            ("data: YHOO\ndata: +2\ndata: 10\n\n", vec!["YHOO\n+2\n10"]),
            (
                ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
                vec!["first event", "second event", " third event"],
            ),
            ("data\n\ndata\ndata\n\ndata:", vec!["", "\n"]),
            ("data:test\n\ndata: test\n\n", vec!["test", "test"]),
            (
                "\u{feff}data: a\r\rdata: b\r\n\r\nevent: x\n\n",
                vec!["a", "b"],
            ),
            ("datax: no\ndata: a: b\nretry: 10\n\n", vec!["a: b"]),
        ] {
            assert_eq!(read(&[text.as_bytes()]), events, "{text:?}");
        }
    }

    #[test]
    fn an_event_has_a_limit() {
        let mut reader = EventReader::default();
        let line = [b"data: ".as_slice(), &vec![b'x'; 1_000_000], b"\n"].concat();
        let fed = (0..5).try_for_each(|_| reader.feed(&line, &mut |_| {}));
        assert_eq!(fed, Err(TooLong));
    }

    proptest! {
        /// However the bytes are divided, the events are the same.
        #[test]
        fn pieces_change_nothing(
            text in "(data|id|: c)?:? ?[ab]{0,3}(\r|\n|\r\n){0,3}(data: [a-c]{0,4}(\r\n|\n|\r){1,3}){0,6}",
            cuts in prop::collection::vec(0usize..200, 0..6),
        ) {
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            prop_assert_eq!(read(&pieces), read(&[bytes]));
        }
    }
}
