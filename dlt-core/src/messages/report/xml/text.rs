//! Writing XML: indentation, escapes, and the exact form of texts that XML
//! cannot carry. Which elements there are is left to `groups` and `write`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;
use std::fmt::{Display, Write as _};

/// Builds a document, two spaces a level, as Taurus does.
#[derive(Debug)]
pub(super) struct Writer {
    out: String,
    open: Vec<&'static str>,
}

impl Default for Writer {
    fn default() -> Self {
        Self {
            out: "<?xml version='1.0' encoding='UTF-8'?>\n".to_owned(),
            open: Vec::new(),
        }
    }
}

/// One element being written: its attributes, then its end.
#[derive(Debug)]
#[must_use]
pub(super) struct Element<'a> {
    writer: &'a mut Writer,
    name: &'static str,
}

impl Writer {
    /// Begins an element.
    pub(super) fn element(&mut self, name: &'static str) -> Element<'_> {
        for _ in &self.open {
            self.out.push_str("  ");
        }
        self.out.push('<');
        self.out.push_str(name);
        Element { writer: self, name }
    }

    /// Ends the element opened last.
    pub(super) fn close(&mut self) {
        if let Some(name) = self.open.pop() {
            for _ in &self.open {
                self.out.push_str("  ");
            }
            self.end(name);
        }
    }

    fn end(&mut self, name: &str) {
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push_str(">\n");
    }

    /// The document, all elements closed.
    pub(super) fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.close();
        }
        self.out
    }
}

impl Element<'_> {
    /// An attribute whose value is no free text: a number or a name of ours.
    pub(super) fn with(self, name: &str, value: impl Display) -> Self {
        // Writing to a String cannot fail.
        let _ = write!(self.writer.out, " {name}=\"{value}\"");
        self
    }

    /// The same, left out when there is no value.
    pub(super) fn with_some(self, name: &str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// An attribute for show.
    pub(super) fn with_shown(self, name: &str, value: &str) -> Self {
        let _ = write!(self.writer.out, " {name}=\"");
        escape_into(&mut self.writer.out, &shown(value));
        self.writer.out.push('"');
        self
    }

    /// An attribute whose exact text is read back.
    pub(super) fn with_exact(self, name: &str, value: &str) -> Self {
        let plain = value.chars().all(allowed);
        let element = self.with_shown(name, value);
        if plain {
            return element;
        }
        element.with(&format!("{name}64"), STANDARD.encode(value))
    }

    /// Ends it without content.
    pub(super) fn empty(self) {
        self.writer.out.push_str("/>\n");
    }

    /// Ends it around a text for show.
    pub(super) fn text(self, text: &str) {
        self.writer.out.push('>');
        escape_into(&mut self.writer.out, &shown(text));
        self.writer.end(self.name);
    }

    /// Leaves it open for children.
    pub(super) fn open(self) {
        self.writer.out.push_str(">\n");
        self.writer.open.push(self.name);
    }
}

/// Whether XML 1.0 can carry a character (production `Char`).
fn allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// The text with every character that XML cannot carry as a Rust escape.
fn shown(text: &str) -> Cow<'_, str> {
    if text.chars().all(allowed) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if allowed(c) {
            out.push(c);
        } else {
            out.extend(c.escape_unicode());
        }
    }
    Cow::Owned(out)
}

/// White space other than blanks goes as references, or readers would turn it
/// into blanks (attribute-value normalization).
fn escape_into(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' => out.push_str("&#9;"),
            '\n' => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            c => out.push(c),
        }
    }
}
