//! Secrets of a text that is JSON, also of one with variables where values belong
//! (`{"n": ${n}}`), which no parser would read. All that is beneath a secret name is
//! secret.

use super::{NAMED_VALUES, NAMING, Span, is_reference, is_secret};

/// Deepest nesting that is followed.
const DEEPEST: usize = 128;

/// An object or a list that is open.
struct Open {
    closes: u8,
    /// The secret name that it is beneath.
    secret: Option<String>,
    /// In an object, the name before the value.
    name: Option<String>,
    /// In an object, whether a name comes next.
    wants_name: bool,
    /// The secret name that a member of it tells (`"name": "password"`), and the values
    /// that such a member is of.
    told: Option<String>,
    values: Vec<Span>,
}

/// What was found in a text.
pub(super) struct Found {
    pub(super) spans: Vec<Span>,
    /// Whether the text is JSON to its end, one value or several; else these are the secrets up to
    /// where it is cut or broken.
    pub(super) is_whole: bool,
}

/// The secrets of a text that begins as JSON does. `inside` finds those of a string.
pub(super) fn find(text: &str, inside: &dyn Fn(&str) -> Vec<Span>) -> Option<Found> {
    if !text.trim_start().starts_with(['{', '[']) {
        return None;
    }
    let (mut open, mut spans) = (Vec::new(), Vec::new());
    let is_whole = walk(text, inside, &mut open, &mut spans).is_some() && open.is_empty();
    open.into_iter().for_each(|left| left.close(&mut spans));
    Some(Found { spans, is_whole })
}

/// Walks to the end; None where it is no JSON any more.
fn walk(
    text: &str,
    inside: &dyn Fn(&str) -> Vec<Span>,
    open: &mut Vec<Open>,
    found: &mut Vec<Span>,
) -> Option<()> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            byte if byte.is_ascii_whitespace() => at += 1,
            b'{' | b'[' => {
                let secret = open.last().and_then(Open::secret);
                if open.len() >= DEEPEST {
                    return None;
                }
                open.push(Open::new(byte, secret));
                at += 1;
            }
            b'}' | b']' => {
                open.pop_if(|it| it.closes == byte)?.close(found);
                at += 1;
            }
            b',' => {
                let last = open.last_mut()?;
                last.wants_name = last.closes == b'}';
                at += 1;
            }
            b':' => {
                open.last_mut().filter(|it| it.name.is_some())?;
                at += 1;
            }
            b'"' => {
                let Some(end) = string_end(text, at) else {
                    open.last_mut()?.cut(text, at, found);
                    return None;
                };
                string(text, at, end, open.last_mut()?, inside, found);
                at = end;
            }
            _ => {
                let end = bare_end(text, at);
                bare(text, at, end, open.last_mut()?, found)?;
                at = end;
            }
        }
    }
    Some(())
}

impl Open {
    fn new(opening: u8, secret: Option<String>) -> Self {
        let is_object = opening == b'{';
        Self {
            closes: if is_object { b'}' } else { b']' },
            secret,
            name: None,
            wants_name: is_object,
            told: None,
            values: Vec::new(),
        }
    }

    /// Notes, at its end, the values that a member of it says are secret.
    fn close(self, found: &mut Vec<Span>) {
        if let Some(name) = self.told {
            let secret = |span: Span| Span {
                name: name.to_ascii_lowercase(),
                ..span
            };
            found.extend(self.values.into_iter().map(secret));
        }
    }

    /// Notes a string that is cut.
    fn cut(&mut self, text: &str, at: usize, found: &mut Vec<Span>) {
        let range = at + 1..text.len();
        if self.wants_name {
            return;
        }
        let member = self.name.clone().unwrap_or_default();
        self.note(Span::new(&member, range.clone()));
        if let Some(name) = self.secret() {
            found.push(Span::new(&name, range));
        }
    }

    /// A value of the member that is open: one that may be named by another member.
    fn note(&mut self, span: Span) {
        let member = self.name.as_deref().unwrap_or_default();
        if NAMED_VALUES
            .iter()
            .any(|name| name.eq_ignore_ascii_case(member))
        {
            self.values.push(span);
        }
    }

    /// The secret name that its next value is beneath.
    fn secret(&self) -> Option<String> {
        let own = self.name.as_ref().filter(|name| is_secret(name));
        self.secret.as_ref().or(own).cloned()
    }
}

/// Behind the quote that closes the string that opens here.
fn string_end(text: &str, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut end = at + 1;
    loop {
        match bytes.get(end)? {
            b'\\' => end += 2,
            b'"' => return Some(end + 1),
            _ => end += 1,
        }
    }
}

/// A name, or a value whose secrets are noted.
fn string(
    text: &str,
    at: usize,
    end: usize,
    open: &mut Open,
    inside: &dyn Fn(&str) -> Vec<Span>,
    found: &mut Vec<Span>,
) {
    let (from, to) = (at + 1, end - 1);
    let content = &text[from..to];
    let plain = || serde_json::from_str(&text[at..end]).unwrap_or_else(|_| content.to_owned());
    if open.wants_name {
        (open.name, open.wants_name) = (Some(plain()), false);
        return;
    }
    let member = open.name.as_deref().unwrap_or_default();
    if open.secret.is_none()
        && NAMING.iter().any(|name| name.eq_ignore_ascii_case(member))
        && is_secret(&plain())
        && inside(&plain()).is_empty()
    {
        // It is a name, and no secret itself.
        open.told = Some(plain());
        return;
    }
    if !is_reference(content) {
        open.note(Span::new(member, from..to));
    }
    if let Some(name) = open.secret() {
        if !is_reference(content) {
            found.push(Span::new(&name, from..to));
        }
    } else if content.contains('\\') {
        // Where its secrets stand would be in another text: all of it is one.
        if let Some(first) = inside(&plain()).first() {
            found.push(Span::new(&first.name, from..to));
        }
    } else {
        found.extend(inside(content).into_iter().map(|span| Span {
            range: span.range.start + from..span.range.end + from,
            // Its quotes are in a string.
            ..span
        }));
    }
}

/// Behind a number, a word or a variable.
fn bare_end(text: &str, at: usize) -> usize {
    let rest = &text[at..];
    if rest.starts_with("${") {
        return rest.find('}').map_or(text.len(), |end| at + end + 1);
    }
    let ends = |c: char| matches!(c, ',' | '}' | ']' | ':' | '{' | '[' | '"') || c.is_whitespace();
    rest.find(ends).map_or(text.len(), |end| at + end)
}

/// A value without quotes: a number is a secret beneath such a name. None if it is no
/// value of JSON.
fn bare(text: &str, at: usize, end: usize, open: &mut Open, found: &mut Vec<Span>) -> Option<()> {
    let word = &text[at..end];
    let is_number = word.starts_with(|c: char| c == '-' || c.is_ascii_digit());
    let is_word = matches!(word, "true" | "false" | "null");
    if open.wants_name || !(is_number || is_word || word.starts_with("${")) {
        return None;
    }
    if is_number {
        open.note(Span {
            bare: true,
            ..Span::new("", at..end)
        });
    }
    if let Some(name) = open.secret().filter(|_| !is_word && !is_reference(word)) {
        found.push(Span {
            bare: true,
            ..Span::new(&name, at..end)
        });
    }
    Some(())
}
