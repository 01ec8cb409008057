//! Finds values in a text in whatever spelling a target may show them: as they are,
//! percent-encoded, with the escapes of JSON or HTML, some of these at once or one in the other,
//! and in base64. The text is decoded, for spellings of a value are too many to be listed; each
//! decoded byte knows where it stands. The cost is a few passes over the text for each value.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use memchr::memmem;
use std::borrow::Cow;
use std::ops::Range;

/// Shortest value that is looked for in base64 or decoded, and shortest beginning of one at the end of
/// a text, bytes: what is shorter stands in too many texts.
const SHORTEST_BYTES: usize = 4;
/// Shortest beginning of a value in base64 at the end of a text, characters.
const SHORTEST_ENCODED: usize = 6;
/// Longest entity of HTML that is decoded, bytes: the longest names of ASCII signs, and numbers with
/// zeros in front.
const LONGEST_ENTITY: usize = 16;

/// What may stand for another sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escape {
    /// `%2F`
    Percent,
    /// `+` for a space
    Plus,
    /// `\/`, `\u002f`
    Json,
    /// `&#47;`, `&#x2F;`, `&sol;`
    Html,
}

use Escape::{Html, Json, Percent, Plus};

/// The notations that are decoded together. Each also alone: a value may hold what is an escape of
/// another one.
const NOTATIONS: [&[Escape]; 6] = [
    &[Percent],
    &[Percent, Plus],
    &[Json],
    &[Html],
    &[Percent, Json, Html],
    &[Percent, Plus, Json, Html],
];

/// Entities of HTML by their names: signs of ASCII.
const SIGNS: [(&str, char); 44] = [
    ("amp", '&'),
    ("AMP", '&'),
    ("lt", '<'),
    ("LT", '<'),
    ("gt", '>'),
    ("GT", '>'),
    ("quot", '"'),
    ("QUOT", '"'),
    ("apos", '\''),
    ("Tab", '\t'),
    ("NewLine", '\n'),
    ("excl", '!'),
    ("num", '#'),
    ("dollar", '$'),
    ("percnt", '%'),
    ("lpar", '('),
    ("rpar", ')'),
    ("ast", '*'),
    ("midast", '*'),
    ("plus", '+'),
    ("comma", ','),
    ("period", '.'),
    ("sol", '/'),
    ("colon", ':'),
    ("semi", ';'),
    ("equals", '='),
    ("quest", '?'),
    ("commat", '@'),
    ("lsqb", '['),
    ("lbrack", '['),
    ("bsol", '\\'),
    ("rsqb", ']'),
    ("rbrack", ']'),
    ("Hat", '^'),
    ("lowbar", '_'),
    ("UnderBar", '_'),
    ("grave", '`'),
    ("lcub", '{'),
    ("lbrace", '{'),
    ("verbar", '|'),
    ("vert", '|'),
    ("VerticalLine", '|'),
    ("rcub", '}'),
    ("rbrace", '}'),
];
/// Those of Latin-1, U+00A0 to U+00FF in order.
const LATIN: &str = "nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml";

/// What stands at a place of a text.
enum Read {
    /// A sign that stands for itself.
    Plain,
    /// An escape of so many bytes for a byte.
    Byte(u8, usize),
    /// An escape of so many bytes for a character.
    Char(char, usize),
    /// The beginning of an escape that the end of the text cuts.
    Cut,
}

/// A text with its escapes decoded.
struct View<'a> {
    bytes: Cow<'a, [u8]>,
    /// Where each byte comes from; None: from the same place.
    from: Option<Vec<u32>>,
    /// Whether an escape at its end was cut, which is left out.
    is_cut: bool,
}

impl View<'_> {
    fn of(text: &str) -> View<'_> {
        View {
            bytes: Cow::Borrowed(text.as_bytes()),
            from: None,
            is_cut: false,
        }
    }

    /// Where the byte comes from.
    fn source(&self, at: usize) -> usize {
        match &self.from {
            Some(from) => from[at] as usize,
            None => at,
        }
    }

    /// Decoded once; None if there is nothing to decode.
    fn decoded(&self, escapes: &[Escape]) -> Option<View<'static>> {
        let is_escape = |byte: &u8| sign(*byte).is_some_and(|sign| escapes.contains(&sign));
        self.bytes.iter().position(is_escape)?;
        let mut bytes = Vec::with_capacity(self.bytes.len());
        let mut from = Vec::with_capacity(self.bytes.len());
        let (mut at, mut is_cut, mut is_other) = (0, false, false);
        while at < self.bytes.len() {
            // Texts are shorter than 4 GiB.
            let source = self.source(at) as u32;
            let read = read(&self.bytes[at..], escapes);
            is_other |= !matches!(read, Read::Plain);
            let length = match read {
                Read::Plain => {
                    bytes.push(self.bytes[at]);
                    1
                }
                Read::Byte(byte, length) => {
                    bytes.push(byte);
                    length
                }
                Read::Char(character, length) => {
                    bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                    length
                }
                Read::Cut => {
                    is_cut = true;
                    break;
                }
            };
            from.resize(bytes.len(), source);
            at += length;
        }
        is_other.then_some(View {
            bytes: Cow::Owned(bytes),
            from: Some(from),
            is_cut,
        })
    }

    /// Adds where the values stand in the text that the view is of, which is so long.
    fn search(&self, needles: &[Needle], text: usize, found: &mut Vec<Range<usize>>) {
        let bytes = &*self.bytes;
        for needle in needles {
            for at in memmem::find_iter(bytes, &needle.value) {
                found.push(self.range(at..at + needle.value.len(), text));
            }
            let begun = begun(bytes, &needle.value);
            if begun >= SHORTEST_BYTES {
                found.push(self.source(bytes.len() - begun)..text);
            }
            for part in &needle.encoded {
                let mut until = 0;
                for at in memmem::find_iter(bytes, part) {
                    // Many in one run are found with the first of them.
                    if at >= until {
                        let run = run(bytes, at..at + part.len());
                        until = run.end;
                        found.push(self.range(run, text));
                    }
                }
                let begun = self::begun(bytes, part);
                if begun >= SHORTEST_ENCODED {
                    let run = run(bytes, bytes.len() - begun..bytes.len());
                    found.push(self.source(run.start)..text);
                }
            }
        }
    }

    /// Where bytes of the view, of which there is one at least, stand in the text.
    fn range(&self, bytes: Range<usize>, text: usize) -> Range<usize> {
        let last = self.source(bytes.end - 1);
        // The bytes of one escaped character come from the same place.
        let mut behind = (bytes.end..self.bytes.len()).map(|at| self.source(at));
        let end = behind.find(|at| *at > last);
        let start = self.source(bytes.start);
        start..end.unwrap_or(text)
    }
}

/// A value that is looked for.
struct Needle {
    value: Vec<u8>,
    /// What is always the same of it in base64, wherever it stands in what is encoded.
    encoded: Vec<Vec<u8>>,
}

impl Needle {
    fn new(value: Vec<u8>) -> Self {
        let mut encoded = Vec::new();
        let offsets = if value.len() < SHORTEST_BYTES { 0 } else { 3 };
        for before in 0..offsets {
            let mut padded = vec![0; before];
            padded.extend_from_slice(&value);
            let all = STANDARD_NO_PAD.encode(&padded);
            // Six bits a character; those that hold bits of neighbours are left out.
            let part = &all[(before * 8).div_ceil(6)..padded.len() * 8 / 6];
            let in_url = part.replace('+', "-").replace('/', "_");
            if in_url != part {
                encoded.push(in_url.into_bytes());
            }
            encoded.push(part.as_bytes().to_vec());
        }
        Self { value, encoded }
    }
}

/// What is looked for: the values, and what they are if they are percent-encoded themselves, as they
/// stand in a URL.
fn needles(values: &[&str]) -> Vec<Needle> {
    let mut all: Vec<Vec<u8>> = Vec::new();
    for value in values {
        let view = View::of(value);
        let decoded = [&[Percent][..], &[Percent, Plus]]
            .into_iter()
            .filter_map(|escapes| view.decoded(escapes))
            .filter(|view| !view.is_cut && std::str::from_utf8(&view.bytes).is_ok())
            .map(|view| view.bytes.into_owned())
            .filter(|bytes| bytes.len() >= SHORTEST_BYTES);
        for bytes in std::iter::once(value.as_bytes().to_vec()).chain(decoded) {
            if !bytes.is_empty() && !all.contains(&bytes) {
                all.push(bytes);
            }
        }
    }
    all.into_iter().map(Needle::new).collect()
}

/// Where a text holds one of the values, in order; none overlaps another.
pub(super) fn find(text: &str, values: &[&str]) -> Vec<Range<usize>> {
    let needles = needles(values);
    let mut found = Vec::new();
    if needles.is_empty() {
        return found;
    }
    let whole = View::of(text);
    whole.search(&needles, text.len(), &mut found);
    for escapes in NOTATIONS {
        let Some(view) = whole.decoded(escapes) else {
            continue;
        };
        view.search(&needles, text.len(), &mut found);
        // One in the other: a URL in JSON, JSON in a page, what was encoded twice.
        if let Some(inner) = view.decoded(escapes) {
            inner.search(&needles, text.len(), &mut found);
        }
    }
    merged(text, found)
}

/// In order, on whole characters, and joined where they overlap.
fn merged(text: &str, mut found: Vec<Range<usize>>) -> Vec<Range<usize>> {
    found.sort_by_key(|range| (range.start, range.end));
    let mut merged: Vec<Range<usize>> = Vec::new();
    for range in found {
        let range = text.floor_char_boundary(range.start)..text.ceil_char_boundary(range.end);
        match merged.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// How many bytes at the end of a text are the beginning of a value but not all of it: in one pass, as
/// Knuth, Morris and Pratt have it.
fn begun(text: &[u8], value: &[u8]) -> usize {
    let Some((_, behind_first)) = value.split_first() else {
        return 0;
    };
    let tail = &text[text.len().saturating_sub(behind_first.len())..];
    // The value's own beginnings at the end of each of its parts.
    let (mut borders, mut length) = (vec![0_usize], 0_usize);
    let next = |borders: &[usize], mut length: usize, byte: u8| {
        while length > 0 && value[length] != byte {
            length = borders[length - 1];
        }
        length + usize::from(value[length] == byte)
    };
    for byte in behind_first {
        length = next(&borders, length, *byte);
        borders.push(length);
    }
    tail.iter()
        .fold(0, |length, byte| next(&borders, length, *byte))
}

/// The whole run of base64 around a part of it.
fn run(bytes: &[u8], part: Range<usize>) -> Range<usize> {
    let in_run = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+/-_=".contains(byte);
    let before = bytes[..part.start].iter().rev().take_while(in_run);
    // `name=` in front of it is none.
    let before = before.take_while(|byte| **byte != b'=').count();
    let after = bytes[part.end..].iter().take_while(in_run).count();
    part.start - before..part.end + after
}

/// What a byte may begin.
fn sign(byte: u8) -> Option<Escape> {
    match byte {
        b'%' => Some(Percent),
        b'+' => Some(Plus),
        b'\\' => Some(Json),
        b'&' => Some(Html),
        _ => None,
    }
}

fn read(rest: &[u8], escapes: &[Escape]) -> Read {
    let sign = rest.first().and_then(|byte| sign(*byte));
    match sign.filter(|sign| escapes.contains(sign)) {
        Some(Percent) => match hex(rest, 1, 2) {
            Some(byte) => Read::Byte(byte as u8, 3),
            None => cut_or_plain(rest, 3),
        },
        Some(Plus) => Read::Byte(b' ', 1),
        Some(Json) => json(rest),
        Some(Html) => html(rest),
        None => Read::Plain,
    }
}

/// An escape that is none, unless the text ends in the midst of it.
fn cut_or_plain(rest: &[u8], longest: usize) -> Read {
    let in_escape = |byte: &u8| byte.is_ascii_alphanumeric() || b"#\\".contains(byte);
    match rest.len() < longest && rest[1..].iter().all(in_escape) {
        true => Read::Cut,
        false => Read::Plain,
    }
}

/// The number that so many hexadecimal digits are.
fn hex(rest: &[u8], at: usize, digits: usize) -> Option<u32> {
    let digits = rest.get(at..at + digits)?;
    digits.iter().try_fold(0, |number, byte| {
        Some(number * 16 + char::from(*byte).to_digit(16)?)
    })
}

fn json(rest: &[u8]) -> Read {
    let character = match rest.get(1) {
        None => return Read::Cut,
        Some(sign @ (b'"' | b'\\' | b'/' | b'\'')) => char::from(*sign),
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unit(rest),
        // In scripts.
        Some(b'x') => {
            return match hex(rest, 2, 2).and_then(char::from_u32) {
                Some(character) => Read::Char(character, 4),
                None => cut_or_plain(rest, 4),
            };
        }
        Some(_) => return Read::Plain,
    };
    Read::Char(character, 2)
}

/// `\u00e9`, or the two that are one character.
fn unit(rest: &[u8]) -> Read {
    let Some(first) = hex(rest, 2, 4) else {
        return cut_or_plain(rest, 6);
    };
    if let Some(character) = char::from_u32(first) {
        return Read::Char(character, 6);
    }
    let second = match rest.get(6..8) {
        Some(b"\\u") => hex(rest, 8, 4),
        _ => None,
    };
    // Four digits are at most 16 bits.
    let units = [Some(first as u16), second.map(|unit| unit as u16)];
    match char::decode_utf16(units.into_iter().flatten()).next() {
        Some(Ok(character)) => Read::Char(character, 12),
        _ => cut_or_plain(rest, 12),
    }
}

fn html(rest: &[u8]) -> Read {
    let end = rest.iter().take(LONGEST_ENTITY).position(|it| *it == b';');
    let Some(end) = end else {
        return cut_or_plain(rest, LONGEST_ENTITY);
    };
    let name = std::str::from_utf8(&rest[1..end]).unwrap_or_default();
    let character = match name.strip_prefix('#') {
        Some(number) => {
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => number.parse(),
            };
            code.ok().and_then(char::from_u32)
        }
        None => named(name),
    };
    character.map_or(Read::Plain, |character| Read::Char(character, end + 1))
}

fn named(name: &str) -> Option<char> {
    let sign = SIGNS.iter().find(|sign| sign.0 == name);
    let latin = || {
        let place = LATIN.split(' ').position(|it| it == name)?;
        char::from_u32(0xa0 + place as u32)
    };
    sign.map(|sign| sign.1).or_else(latin)
}

#[cfg(test)]
mod tests;
