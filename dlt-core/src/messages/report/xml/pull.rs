//! Pulling elements and their attributes out of a document, every fault named
//! with its element. What the elements mean is `read`'s.

use super::ReportError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use std::borrow::Cow;
use std::str::FromStr;

/// Largest count or instant that is believed: far above any run of ours, and
/// sums of thousands of reports still fit 64 bits.
const MOST: u64 = 1 << 53;
/// Most attributes of one element; ours have at most a dozen.
const MOST_ATTRIBUTES: usize = 32;

/// A document being read.
pub(super) struct Doc<'a> {
    text: &'a str,
    reader: Reader<&'a [u8]>,
    /// Where the reader's text begins.
    offset: usize,
}

/// One element's start.
pub(super) struct Tag<'a> {
    start: BytesStart<'a>,
    empty: bool,
}

fn fault(text: impl Into<String>) -> ReportError {
    ReportError(text.into())
}

impl<'a> Doc<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            reader: Reader::from_str(text),
            offset: 0,
        }
    }

    /// Passes over children of the root up to the first that begins with
    /// `mark`, as plain text: it is several times as fast as parsing them. In a
    /// document of ours no text or attribute holds a `<`. Without the mark
    /// nothing is passed over.
    pub(super) fn jump_to(&mut self, mark: &str) {
        if let Some(at) = self.text.find(mark) {
            self.reader = Reader::from_str(&self.text[at..]);
            // The root's end now has no beginning.
            self.reader.config_mut().allow_unmatched_ends = true;
            self.offset = at;
        }
    }

    fn position(&self) -> u64 {
        self.offset as u64 + self.reader.buffer_position()
    }

    fn next(&mut self) -> Result<Event<'a>, ReportError> {
        let event = self.reader.read_event();
        let at = self.position();
        match event {
            Ok(Event::DocType(_)) => Err(fault("it holds a DOCTYPE, which no report does")),
            Ok(event) => Ok(event),
            Err(why) => Err(fault(format!("it is not XML at byte {at}: {why}"))),
        }
    }

    /// The root element, which must be `name`.
    pub(super) fn root(&mut self, name: &str) -> Result<Tag<'a>, ReportError> {
        loop {
            let (start, empty) = match self.next()? {
                Event::Start(start) => (start, false),
                Event::Empty(start) => (start, true),
                Event::Eof => return Err(fault("it is empty")),
                _ => continue,
            };
            let tag = Tag { start, empty };
            if tag.name() == name {
                return Ok(tag);
            }
            let found: String = tag.name().chars().take(64).collect();
            return Err(fault(format!("its root is {found:?} instead of {name}")));
        }
    }

    /// Calls `each` for every child; it must take the child whole, by
    /// `children`, `text` or `skip`.
    pub(super) fn children(
        &mut self,
        parent: &Tag<'a>,
        mut each: impl FnMut(&mut Self, &Tag<'a>) -> Result<(), ReportError>,
    ) -> Result<(), ReportError> {
        if parent.empty {
            return Ok(());
        }
        loop {
            let (start, empty) = match self.next()? {
                Event::Start(start) => (start, false),
                Event::Empty(start) => (start, true),
                // The reader checks that it is the parent's own end.
                Event::End(_) => return Ok(()),
                Event::Eof => return Err(fault(format!("it is cut short in {}", parent.name()))),
                _ => continue,
            };
            each(self, &Tag { start, empty })?;
        }
    }

    /// Passes over an element.
    pub(super) fn skip(&mut self, tag: &Tag<'a>) -> Result<(), ReportError> {
        self.text(tag).map(|_| ())
    }

    /// The raw text of an element; ours hold no escapes.
    pub(super) fn text(&mut self, tag: &Tag<'a>) -> Result<Cow<'a, str>, ReportError> {
        if tag.empty {
            return Ok(Cow::Borrowed(""));
        }
        let text = self.reader.read_text(tag.start.name());
        let at = self.position();
        text.map(|text| text.into_inner())
            .map_err(|why| fault(format!("it is not XML at byte {at}: {why}")))
    }

    /// The number that is an element's text.
    pub(super) fn number(&mut self, tag: &Tag<'a>) -> Result<u64, ReportError> {
        let text = self.text(tag)?;
        text.trim()
            .parse()
            .map_err(|_| fault(format!("{} holds no whole number", tag.name())))
    }
}

impl Tag<'_> {
    pub(super) fn name(&self) -> &str {
        self.start.name().into_inner()
    }

    /// All attributes, escapes resolved.
    pub(super) fn attributes(&self) -> Result<Attributes<'_>, ReportError> {
        let mut rows = Vec::with_capacity(12);
        for attribute in self.start.attributes().with_checks(false) {
            let attribute = attribute
                .map_err(|why| fault(format!("an attribute of {}: {why}", self.name())))?;
            if rows.len() == MOST_ATTRIBUTES {
                return Err(fault(format!("{} has too many attributes", self.name())));
            }
            let value = attribute
                .normalized_value(XmlVersion::Explicit1_0)
                .map_err(|why| fault(format!("an attribute of {}: {why}", self.name())))?;
            rows.push((attribute.key.into_inner(), value));
        }
        Ok(Attributes {
            element: self.name(),
            rows,
        })
    }
}

/// An element's attributes.
pub(super) struct Attributes<'t> {
    element: &'t str,
    rows: Vec<(&'t str, Cow<'t, str>)>,
}

impl Attributes<'_> {
    /// An attribute's text, if it is there.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.rows
            .iter()
            .find(|row| row.0 == name)
            .map(|row| row.1.as_ref())
    }

    /// An attribute's text.
    pub(super) fn need(&self, name: &str) -> Result<&str, ReportError> {
        self.get(name)
            .ok_or_else(|| fault(format!("{} lacks {name}", self.element)))
    }

    /// An attribute of any type that is written as text.
    pub(super) fn parsed<T: FromStr>(&self, name: &str) -> Result<T, ReportError> {
        self.parse(name, self.need(name)?)
    }

    fn parse<T: FromStr>(&self, name: &str, text: &str) -> Result<T, ReportError> {
        text.parse().map_err(|_| {
            let text: String = text.chars().take(64).collect();
            fault(format!("{name} of {} is {text:?}", self.element))
        })
    }

    /// A count or an instant.
    pub(super) fn number(&self, name: &str) -> Result<u64, ReportError> {
        let value: u64 = self.parsed(name)?;
        self.believed(name, value)
    }

    /// The same, where it may be absent.
    pub(super) fn some_number(&self, name: &str) -> Result<Option<u64>, ReportError> {
        self.get(name).map(|_| self.number(name)).transpose()
    }

    fn believed(&self, name: &str, value: u64) -> Result<u64, ReportError> {
        if value > MOST {
            return Err(fault(format!(
                "{name} of {} is {value}, which no run reaches",
                self.element
            )));
        }
        Ok(value)
    }

    /// A text in its exact form.
    pub(super) fn exact(&self, name: &str) -> Result<String, ReportError> {
        let Some(coded) = self.get(&format!("{name}64")) else {
            return self.need(name).map(str::to_owned);
        };
        STANDARD
            .decode(coded)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or_else(|| {
                fault(format!(
                    "{name}64 of {} is not base64 of a text",
                    self.element
                ))
            })
    }

    /// The same, where it may be absent.
    pub(super) fn some_exact(&self, name: &str) -> Result<Option<String>, ReportError> {
        self.get(name).map(|_| self.exact(name)).transpose()
    }

    /// An error about this element.
    pub(super) fn fault(&self, what: impl std::fmt::Display) -> ReportError {
        fault(format!("{}: {what}", self.element))
    }
}
