//! Follows a growing file of lines. Files, not pipes: a pipe breaks with the
//! process that reads it.

use dlt_core::messages::runner_line::LONGEST_LINE_BYTES;
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Most bytes of one read: a tail that lags catches up in steps.
const LARGEST_READ_BYTES: u64 = 4 * 1024 * 1024;
/// Most characters of a last line that is shown to people.
const LONGEST_WORDS: usize = 300;
/// How much of a file's end is searched for its last line, bytes.
const LAST_WORDS_BYTES: u64 = 4 * 1024;

/// A reader that knows how far it got.
#[derive(Debug)]
pub struct Tail {
    path: PathBuf,
    offset: u64,
    partial: Vec<u8>,
    /// The line that is being read is too long already.
    overlong: bool,
}

/// What was read.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct News {
    /// Whole lines, without their breaks.
    pub lines: Vec<String>,
    /// Lines that were too long or no UTF-8.
    pub unreadable: u64,
    /// Nothing is left to read for now.
    pub at_end: bool,
}

impl Tail {
    /// Follows from the file's begin; it may not exist yet.
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            offset: 0,
            partial: Vec::new(),
            overlong: false,
        }
    }

    /// The lines that were completed since the last read.
    pub fn read(&mut self) -> std::io::Result<News> {
        let mut file = match File::open(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(News {
                    at_end: true,
                    ..News::default()
                });
            }
            file => file?,
        };
        file.seek(SeekFrom::Start(self.offset))?;
        let mut bytes = Vec::new();
        file.take(LARGEST_READ_BYTES).read_to_end(&mut bytes)?;
        self.offset += bytes.len() as u64;
        let mut news = News {
            at_end: (bytes.len() as u64) < LARGEST_READ_BYTES,
            ..News::default()
        };
        let mut pieces = bytes.split(|&byte| byte == b'\n');
        let rest = pieces.next_back().unwrap_or_default();
        for piece in pieces {
            self.take(piece);
            self.finish_line(&mut news);
        }
        self.take(rest);
        Ok(news)
    }

    /// The file will not grow: what is left counts as its last line.
    pub fn close(&mut self) -> News {
        let mut news = News {
            at_end: true,
            ..News::default()
        };
        if self.overlong || !self.partial.is_empty() {
            self.finish_line(&mut news);
        }
        news
    }

    fn take(&mut self, piece: &[u8]) {
        if self.partial.len() + piece.len() > LONGEST_LINE_BYTES {
            self.overlong = true;
            self.partial.clear();
        } else if !self.overlong {
            self.partial.extend_from_slice(piece);
        }
    }

    fn finish_line(&mut self, news: &mut News) {
        let line = std::mem::take(&mut self.partial);
        match String::from_utf8(line) {
            Ok(line) if !self.overlong => news.lines.push(line),
            _ => news.unreadable += 1,
        }
        self.overlong = false;
    }
}

/// The last line of a file that says something, cut and without control
/// characters.
pub fn last_words(path: &Path) -> Option<String> {
    let mut file = File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LAST_WORDS_BYTES)))
        .ok()?;
    let mut bytes = Vec::new();
    file.take(LAST_WORDS_BYTES).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let line = text.lines().rev().find(|line| !line.trim().is_empty())?;
    Some(
        line.trim()
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(LONGEST_WORDS)
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;

    fn append(path: &Path, bytes: &[u8]) {
        let mut file = File::options()
            .create(true)
            .append(true)
            .open(path)
            .unwrap();
        file.write_all(bytes).unwrap();
    }

    #[test]
    fn lines_are_told_once_and_only_when_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.out");
        let mut tail = Tail::new(path.clone());
        assert_eq!(tail.read().unwrap().lines, Vec::<String>::new());
        append(&path, b"one\ntw");
        assert_eq!(tail.read().unwrap().lines, ["one"]);
        append(&path, b"o\n\xff\n");
        let news = tail.read().unwrap();
        assert_eq!((news.lines, news.unreadable), (vec!["two".to_owned()], 1));
        append(&path, &vec![b'x'; LONGEST_LINE_BYTES + 1]);
        append(&path, b"\nlast");
        let news = tail.read().unwrap();
        assert_eq!((news.lines.len(), news.unreadable), (0, 1));
        assert_eq!(tail.close().lines, ["last"]);
        assert_eq!(
            tail.close(),
            News {
                at_end: true,
                ..News::default()
            }
        );
    }

    #[test]
    fn last_words_are_short_and_clean() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.err");
        assert_eq!(last_words(&path), None);
        append(&path, b"first\nthe \x1b[31mend\n\n  \n");
        assert_eq!(last_words(&path).unwrap(), "the  [31mend");
        append(&path, &vec![b'y'; 10_000]);
        assert_eq!(last_words(&path).unwrap().len(), LONGEST_WORDS);
    }

    proptest! {
        /// However a file grows, its lines come once each, in order.
        #[test]
        fn any_growth_gives_the_same_lines(
            lines in prop::collection::vec("[a-z]{0,8}", 0..20),
            cuts in prop::collection::vec(1usize..9, 0..30),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("r.out");
            let bytes = lines.iter().flat_map(|line| format!("{line}\n").into_bytes()).collect::<Vec<_>>();
            let mut tail = Tail::new(path.clone());
            let mut told = Vec::new();
            let mut rest = bytes.as_slice();
            for cut in cuts {
                let (now, later) = rest.split_at(cut.min(rest.len()));
                append(&path, now);
                rest = later;
                told.extend(tail.read().unwrap().lines);
            }
            append(&path, rest);
            told.extend(tail.read().unwrap().lines);
            prop_assert_eq!(told, lines);
        }
    }
}
