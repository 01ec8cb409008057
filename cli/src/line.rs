//! A line of output: words with tones. They are escaped when they are added, cut to a
//! width, and coloured when they are printed.
//!
//! Targets choose much of the printed text (labels, messages, answers): its control
//! characters are replaced by visible escapes.

use std::borrow::Cow;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The meaning of a word, from which its colour follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Without emphasis.
    Plain,
    /// A heading or an important number.
    Strong,
    /// Less important.
    Quiet,
    /// Success.
    Good,
    /// A warning.
    Warn,
    /// A failure.
    Bad,
    /// A command to type.
    Command,
}

impl Tone {
    /// The SGR parameters; None for ordinary text.
    fn sgr(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Strong => Some("1"),
            Self::Quiet => Some("2"),
            Self::Good => Some("1;32"),
            Self::Warn => Some("1;33"),
            Self::Bad => Some("1;31"),
            Self::Command => Some("36"),
        }
    }
}

/// A line of toned words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line {
    spans: Vec<(Tone, String)>,
}

impl Line {
    /// An empty line.
    pub fn new() -> Self {
        Self::default()
    }

    /// A line of one plain text.
    pub fn of(text: impl AsRef<str>) -> Self {
        Self::new().plain(text)
    }

    /// Adds plain text.
    pub fn plain(self, text: impl AsRef<str>) -> Self {
        self.tone(Tone::Plain, text)
    }

    /// Adds text with a tone; control characters become visible escapes.
    pub fn tone(mut self, tone: Tone, text: impl AsRef<str>) -> Self {
        self.spans.push((tone, visible(text.as_ref())));
        self
    }

    /// Adds another line's words.
    pub fn join(mut self, other: Self) -> Self {
        self.spans.extend(other.spans);
        self
    }

    /// Adds spaces up to a column.
    pub fn pad_to(self, column: usize) -> Self {
        let missing = column.saturating_sub(self.width());
        self.plain(" ".repeat(missing))
    }

    /// Its width in columns.
    pub fn width(&self) -> usize {
        self.spans.iter().map(|span| span.1.width()).sum()
    }

    /// The line cut to at most `width` columns; a cut line ends with `…`.
    pub fn cut(&self, width: usize) -> Self {
        if self.width() <= width {
            return self.clone();
        }
        let mut room = width.saturating_sub(1);
        let mut cut = Self::new();
        'spans: for (tone, text) in &self.spans {
            let mut kept = String::new();
            for c in text.chars() {
                let wide = c.width().unwrap_or(0);
                if wide > room {
                    cut.spans.push((*tone, kept));
                    break 'spans;
                }
                room -= wide;
                kept.push(c);
            }
            cut.spans.push((*tone, kept));
        }
        match width {
            0 => Self::new(),
            _ => cut.tone(Tone::Quiet, "…"),
        }
    }

    /// The line in rows of at most `width` columns, broken at spaces; further rows stand two
    /// columns deeper. A word that is longer is cut.
    pub fn folded(&self, width: usize) -> Vec<Self> {
        if self.width() <= width {
            return vec![self.clone()];
        }
        let text = self.render(false);
        let indent = text.len() - text.trim_start_matches(' ').len();
        let next = || Self::of(" ".repeat((indent + 2).min(width / 2)));
        let (mut rows, mut row, mut has_words) = (Vec::new(), Self::new(), false);
        for (tone, text) in &self.spans {
            for word in text.split_inclusive(' ') {
                let bare = word.trim_end_matches(' ');
                if has_words && !bare.is_empty() && row.width() + bare.width() > width {
                    rows.push(std::mem::replace(&mut row, next()));
                }
                // Spaces that a row begins with are its indent.
                if bare.is_empty() && has_words && row.width() + word.width() > width {
                    continue;
                }
                has_words |= !bare.is_empty();
                row.spans.push((*tone, word.to_owned()));
            }
        }
        rows.push(row);
        rows.iter().map(|row| row.cut_end(width)).collect()
    }

    /// Without the spaces at its end, cut to `width`.
    fn cut_end(&self, width: usize) -> Self {
        let mut line = self.clone();
        while let Some((_, text)) = line.spans.last_mut() {
            text.truncate(text.trim_end_matches(' ').len());
            match text.is_empty() {
                true => drop(line.spans.pop()),
                false => break,
            }
        }
        line.cut(width)
    }

    /// The line's text for the terminal, without line break or trailing spaces.
    pub fn render(&self, colour: bool) -> String {
        let mut out = String::new();
        for (tone, text) in &self.spans {
            match tone.sgr().filter(|_| colour && !text.is_empty()) {
                Some(sgr) => {
                    out.push_str("\x1b[");
                    out.push_str(sgr);
                    out.push('m');
                    out.push_str(text);
                    out.push_str("\x1b[0m");
                }
                None => out.push_str(text),
            }
        }
        out.truncate(out.trim_end_matches(' ').len());
        match colour {
            // A terminal obeys no such commands.
            true => out,
            false => uncommanded(&out).into_owned(),
        }
    }
}

/// Longest text of a word, characters: no line is wider, and zero-width characters must
/// not accumulate.
const LONGEST_TEXT_CHARS: usize = 2_000;

/// The text with control, formatting and line-breaking characters escaped.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().take(LONGEST_TEXT_CHARS) {
        // Combining marks have no width and could accumulate.
        match is_hidden(c) || c.width() == Some(0) {
            true => escape(&mut out, c),
            false => out.push(c),
        }
    }
    out
}

/// The text of a cell or an attribute: as [`visible`], but as long as it is and with combining marks.
pub fn unhidden(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match is_hidden(c) {
            true => escape(&mut out, c),
            false => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Whether a character is shown as nothing and does something.
fn is_hidden(c: char) -> bool {
    // C0, DEL and C1 would control the terminal.
    c.is_control()
        // Invisible and directional characters would hide or reorder text.
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

fn escape(out: &mut String, c: char) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c if c.is_control() => out.push_str(&format!("\\x{:02x}", c as u32)),
        c => out.push_str(&format!("\\u{{{:x}}}", c as u32)),
    }
}

/// A line of a log that is no command to the CI that reads it: GitHub obeys lines that begin with
/// `::`, blanks before it or not, and `##[…]`; Azure obeys `##vso[…]` wherever it stands. Labels and
/// messages come from targets.
pub fn uncommanded(line: &str) -> Cow<'_, str> {
    let mut line = Cow::Borrowed(line);
    for command in COMMANDS {
        if line.contains(command) {
            line = Cow::Owned(line.replace(command, &command.replacen("##", "#\\#", 1)));
        }
    }
    let blank = line.len() - line.trim_start().len();
    if line[blank..].starts_with("::") {
        // In place of a blank, so that columns stay.
        let kept = line[..blank].chars().count().saturating_sub(1);
        let begin: String = line.chars().take(kept).collect();
        line = Cow::Owned(format!("{begin}\\{}", &line[blank..]));
    }
    line
}

/// What begins a command of a CI in the middle of a line.
pub const COMMANDS: [&str; 2] = ["##[", "##vso["];

/// Text wrapped into lines of at most `width` columns, indented by `indent` spaces. A
/// longer word gets a line of its own, uncut.
pub fn wrapped(tone: Tone, text: &str, indent: usize, width: usize) -> Vec<Line> {
    let room = width.saturating_sub(indent).max(20);
    let mut rows: Vec<String> = Vec::new();
    for word in visible(text).split(' ').filter(|word| !word.is_empty()) {
        match rows.last_mut() {
            Some(row) if row.width() + 1 + word.width() <= room => {
                row.push(' ');
                row.push_str(word);
            }
            _ => rows.push(word.to_owned()),
        }
    }
    rows.into_iter()
        .map(|row| Line::of(" ".repeat(indent)).tone(tone, row))
        .collect()
}

/// What a screen looks like at 80 and at 140 columns, each without and with colour, for
/// snapshots. Nothing is wider than it may be, and colours change no word.
#[cfg(test)]
pub fn captured(draw: impl Fn(usize) -> Vec<Line>) -> String {
    let mut all = String::new();
    for colour in [false, true] {
        for width in [80, 140] {
            let lines = draw(width);
            let shown = |colour| -> String {
                lines
                    .iter()
                    .map(|line| line.render(colour) + "\n")
                    .collect()
            };
            let words = if colour { ", in colour" } else { "" };
            all.push_str(&format!("--- {width} columns{words}\n\n"));
            all.push_str(&shown(colour).replace('\x1b', "ESC"));
            all.push('\n');
            // Commands are never cut, so that they can be copied.
            let shown = lines.iter().take_while(|line| line.render(false) != "Next");
            for line in shown {
                assert!(line.width() <= width, "{width}: {}", line.render(false));
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_cannot_control_the_terminal() {
        let hostile = "a\x1b[2J\r\n\u{9b}31m\u{202e}b\u{7f}\u{200b}\u{301}";
        let shown = Line::of(hostile).render(true);
        assert_eq!(
            shown,
            "a\\x1b[2J\\r\\n\\x9b31m\\u{202e}b\\x7f\\u{200b}\\u{301}"
        );
        assert!(shown.chars().all(|c| !c.is_control()));
        assert!(visible(&"x".repeat(1_000_000)).len() <= LONGEST_TEXT_CHARS);
    }

    #[test]
    fn no_line_is_a_command_of_a_ci() {
        for (text, shown) in [
            ("::error::pwn", "\\::error::pwn"),
            ("   ::add-mask::a", "  \\::add-mask::a"),
            ("\u{a0}::x", "\\::x"),
            ("a ::error::b", "a ::error::b"),
            ("a::b", "a::b"),
            ("[::1]:80", "[::1]:80"),
            ("  ##[error]a", "  #\\#[error]a"),
            ("a ##vso[task.x]", "a #\\#vso[task.x]"),
            ("## head", "## head"),
        ] {
            assert_eq!(Line::of(text).render(false), shown);
            assert_eq!(Line::of(text).render(true), text, "a terminal obeys none");
        }
        // Made of two words.
        let line = Line::of("  :").tone(Tone::Bad, ":error::x");
        assert_eq!(line.render(false), " \\::error::x");
    }

    #[test]
    fn lines_are_cut_by_columns_not_bytes() {
        let line = Line::of("数字 abc").tone(Tone::Bad, "def");
        assert_eq!(line.width(), 11);
        assert_eq!(line.cut(11), line);
        assert_eq!(line.cut(4).render(false), "数…");
        for width in 0..14 {
            assert!(line.cut(width).width() <= width);
        }
    }

    #[test]
    fn long_lines_are_folded_with_their_tones() {
        let line = Line::of("  ").tone(Tone::Strong, "Response times").tone(
            Tone::Quiet,
            "  of ok answers, from sending each to its last byte",
        );
        let shown = |width| -> Vec<String> {
            let rows = line.folded(width);
            assert!(rows.iter().all(|row| row.width() <= width), "{rows:?}");
            rows.iter().map(|row| row.render(false)).collect()
        };
        assert_eq!(shown(90).len(), 1);
        assert_eq!(
            shown(40),
            [
                "  Response times  of ok answers, from",
                "    sending each to its last byte"
            ]
        );
        let words = |rows: Vec<String>| -> Vec<String> {
            let all = rows.join(" ");
            all.split_whitespace().map(str::to_owned).collect()
        };
        for width in 20..70 {
            assert_eq!(
                words(shown(width)),
                words(vec![line.render(false)]),
                "{width}"
            );
        }
        assert_eq!(Line::of("x".repeat(50)).folded(10).len(), 1);
        assert_eq!(Line::of("x".repeat(50)).folded(10)[0].width(), 10);
    }

    #[test]
    fn colours_are_optional() {
        let line = Line::of("a ").tone(Tone::Good, "b").plain("  ");
        assert_eq!(line.render(false), "a b");
        assert_eq!(line.render(true), "a \x1b[1;32mb\x1b[0m");
    }

    #[test]
    fn long_sentences_are_wrapped() {
        let lines = wrapped(
            Tone::Plain,
            "one two three four five six seven eight",
            2,
            24,
        );
        let text: Vec<String> = lines.iter().map(|line| line.render(false)).collect();
        assert_eq!(text, ["  one two three four", "  five six seven eight"]);
    }
}
