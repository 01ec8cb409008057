//! What an answer whose status is ok must hold, and what is taken out of it.
//! A check that does not hold and a value that is not there fail the sample.

use crate::engine::failure::Failure;
use crate::engine::http::decode::{Undecoded, decoded};
use crate::engine::http::kept::{Kept, Wants};
use crate::engine::http::redact::without;
use crate::engine::make::session::{Names, Session};
use dlt_core::measure::sample::Cause;
use dlt_core::safety::is_secret;
use dlt_core::scenario::limits::LONGEST_VARIABLE;
use dlt_core::scenario::plan::{Check, Extraction, Find, JsonQuery, Step, Subject, Wanted};
use serde_json::Value;
use std::borrow::Cow;
use std::cell::OnceCell;

/// Longest piece of an answer or a check in a message, characters.
const LONGEST_SHOWN: usize = 80;

/// Says which values nobody may read; asked only when there is something to say.
type Secrets<'a> = &'a dyn Fn() -> Vec<&'a str>;

/// What a step reads of its answers; the rest of it stands in the plan.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    pub(crate) wants: Wants,
    /// Whether there is anything to check or to take out.
    pub(crate) shown: bool,
    /// The numbers of the variables that it sets, in the order of its extractions.
    slots: Vec<usize>,
}

/// A step's checks and extractions, as one thread has them.
#[derive(Debug)]
pub(crate) struct Tries {
    checks: Vec<Check>,
    extractions: Vec<Extraction>,
}

impl Tries {
    /// Those of a step; a clone of a regular expression has memory of its own.
    pub(crate) fn of(step: &Step) -> Self {
        Self {
            checks: step.checks.clone(),
            extractions: step.extractions.clone(),
        }
    }
}

impl Reads {
    /// What `step` reads.
    pub(crate) fn of(step: &Step, names: &Names, cookies: bool) -> Self {
        let mut wants = Wants {
            cookies,
            ..Wants::default()
        };
        let mut want = |subject| match subject {
            Subject::Body => wants.body = true,
            Subject::Headers => wants.head = true,
            Subject::HttpCode => {}
        };
        for check in &step.checks {
            match check {
                Check::Contains { subject, .. } => want(*subject),
                Check::Json { .. } => want(Subject::Body),
            }
        }
        for extraction in &step.extractions {
            match &extraction.find {
                Find::Json(_) => want(Subject::Body),
                Find::Regex { subject, .. } => want(*subject),
            }
        }
        // Whatever is extracted changes.
        let variables = step.extractions.iter().map(|found| &found.variable);
        let slots = variables.filter_map(|name| names.slot(name));
        Self {
            slots: slots.collect(),
            shown: !(step.checks.is_empty() && step.extractions.is_empty()),
            wants,
        }
    }

    /// Whether it sets variables.
    #[inline]
    pub(crate) fn sets(&self) -> bool {
        !self.slots.is_empty()
    }

    /// Takes the values away that this step will set: one that its answer does
    /// not give must not be an older one's.
    pub(crate) fn forget(&self, session: &mut Session) {
        for slot in &self.slots {
            session.clear(*slot);
        }
    }

    /// Tries everything on an answer and sets the variables.
    pub(crate) fn read(
        &self,
        tries: &Tries,
        status: u16,
        kept: &Kept,
        secrets: Secrets<'_>,
    ) -> Result<Vec<(usize, String)>, Failure> {
        let body = match self.wants.body {
            true => decoded(kept).map_err(undecoded)?,
            false => Cow::Borrowed(&[][..]),
        };
        let look = Look {
            status: status.to_string(),
            head: &kept.head,
            body: &body,
            json: OnceCell::new(),
        };
        for check in &tries.checks {
            if let Some(message) = look.fault(check, secrets) {
                return Err(Failure::text(Cause::Check, message));
            }
        }
        let mut values = Vec::new();
        for (extraction, slot) in tries.extractions.iter().zip(&self.slots) {
            values.push((*slot, look.extract(extraction)?));
        }
        Ok(values)
    }
}

fn undecoded(why: Undecoded) -> Failure {
    match why {
        Undecoded::TooLarge(what) => {
            Failure::text(Cause::TooLarge, format!("the target answered with {what}"))
        }
        Undecoded::Wrong(why) => {
            Failure::text(Cause::Protocol, format!("the target answered with {why}"))
        }
    }
}

/// An answer, looked at.
struct Look<'a> {
    status: String,
    head: &'a [u8],
    body: &'a [u8],
    /// The body as JSON, once somebody asked for it; None if it is none.
    json: OnceCell<Option<Value>>,
}

impl Look<'_> {
    fn subject(&self, subject: Subject) -> &[u8] {
        match subject {
            Subject::Body => self.body,
            Subject::Headers => self.head,
            Subject::HttpCode => self.status.as_bytes(),
        }
    }

    fn json(&self) -> Option<&Value> {
        let parsed = self
            .json
            .get_or_init(|| serde_json::from_slice(self.body).ok());
        parsed.as_ref()
    }

    fn nodes(&self, query: &JsonQuery) -> Vec<&Value> {
        self.json()
            .map(|json| query.path().query(json).all())
            .unwrap_or_default()
    }

    /// What is wrong, if a check does not hold. It names the check; of what was
    /// seen only what is short: the rest is in the saved exchange, and messages
    /// that vary would not be counted together.
    fn fault(&self, check: &Check, secrets: Secrets<'_>) -> Option<String> {
        match check {
            Check::Contains {
                subject,
                wanted,
                not,
            } => {
                let text = self.subject(*subject);
                let offence = wanted.iter().find(|wanted| is_in(wanted, text) == *not)?;
                let where_ = named(*subject);
                let does = if *not { "holds" } else { "does not hold" };
                let seen = match subject {
                    Subject::HttpCode => format!(": it is {}", self.status),
                    Subject::Body | Subject::Headers => String::new(),
                };
                Some(format!("{where_} {does} {}{seen}", shown_wanted(offence)))
            }
            Check::Json {
                query,
                expected,
                invert,
            } => self.json_fault(query, expected.as_ref(), *invert, secrets),
        }
    }

    fn json_fault(
        &self,
        query: &JsonQuery,
        expected: Option<&Wanted>,
        invert: bool,
        secrets: Secrets<'_>,
    ) -> Option<String> {
        let nodes = self.nodes(query);
        let holds = match expected {
            None => !nodes.is_empty(),
            Some(expected) => nodes.iter().any(|node| is_value(expected, &text_of(node))),
        };
        if holds != invert {
            return None;
        }
        let path = shown(query.text());
        let seen = match nodes.first() {
            None if self.json().is_none() => "nothing, since the body is not JSON".to_owned(),
            None => "nothing".to_owned(),
            Some(_) if is_secret(query.text()) => "[redacted]".to_owned(),
            Some(node) => shown(&without(&text_of(node), &secrets())),
        };
        let not = if invert { "not " } else { "" };
        let wanted = match expected {
            None => "anything".to_owned(),
            Some(expected) => shown_wanted(expected),
        };
        Some(format!(
            "JSONPath {path} is {seen}, {not}expected is {wanted}"
        ))
    }

    /// The value of an extraction.
    fn extract(&self, extraction: &Extraction) -> Result<String, Failure> {
        let found = match &extraction.find {
            Find::Json(query) => self.nodes(query).first().map(|node| text_of(node)),
            Find::Regex {
                pattern,
                group,
                nth,
                subject,
            } => {
                let text = self.subject(*subject);
                let found = pattern.regex().captures_iter(text).nth(nth - 1);
                let found = found.and_then(|found| found.get(*group));
                found.map(|found| String::from_utf8_lossy(found.as_bytes()))
            }
        };
        let name = &extraction.variable;
        let failed = |message| Err(Failure::text(Cause::Extraction, message));
        match found.or_else(|| extraction.default.clone().map(Cow::Owned)) {
            Some(value) if value.len() > LONGEST_VARIABLE => failed(format!(
                "variable {name} got no value: what was found has more than {LONGEST_VARIABLE} bytes"
            )),
            Some(value) => Ok(value.into_owned()),
            None => failed(format!(
                "variable {name} got no value: {}",
                self.nowhere(&extraction.find)
            )),
        }
    }

    fn nowhere(&self, find: &Find) -> String {
        match find {
            Find::Json(_) if self.json().is_none() => "the body is not JSON".to_owned(),
            Find::Json(query) => format!("JSONPath {} leads nowhere", shown(query.text())),
            Find::Regex {
                pattern, subject, ..
            } => format!(
                "{} has no match of {}",
                named(*subject),
                shown(pattern.text())
            ),
        }
    }
}

fn is_in(wanted: &Wanted, text: &[u8]) -> bool {
    match wanted {
        Wanted::Text(wanted) => {
            let wanted = wanted.as_bytes();
            // Fast enough: whoever looks for much writes a regular expression.
            memchr::memmem::find(text, wanted).is_some()
        }
        Wanted::Match(pattern) => pattern.regex().is_match(text),
    }
}

fn is_value(wanted: &Wanted, text: &str) -> bool {
    match wanted {
        Wanted::Text(wanted) => wanted == text,
        Wanted::Match(pattern) => pattern.regex().is_match(text.as_bytes()),
    }
}

/// A text as it is, other values as JSON writes them.
fn text_of(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

fn named(subject: Subject) -> &'static str {
    match subject {
        Subject::Body => "the body",
        Subject::Headers => "the head",
        Subject::HttpCode => "the status",
    }
}

fn shown_wanted(wanted: &Wanted) -> String {
    match wanted {
        Wanted::Text(text) => shown(text),
        Wanted::Match(pattern) => format!("a match of {}", shown(pattern.text())),
    }
}

fn shown(text: &str) -> String {
    match text.char_indices().nth(LONGEST_SHOWN) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}
