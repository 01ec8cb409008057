//! The checks and extractions of an answer whose status is ok. A check that does
//! not hold fails the sample, and so does a value that is not found, or one that
//! cannot be looked for within the budget of an answer (`dlt_core`).

use crate::engine::check::charset::{body_as_utf8, head_as_utf8};
use crate::engine::failure::Failure;
use crate::engine::http::decode::{DecodeError, decode};
use crate::engine::http::kept::{KeepSpec, KeptResponse};
use crate::engine::http::redact::redact_values;
use crate::engine::make::session::Session;
use crate::engine::make::variable_names::VariableNames;
use dlt_core::measure::sample::Cause;
use dlt_core::safety::{REDACTED, is_secret};
use dlt_core::scenario::limits::LONGEST_VARIABLE;
use dlt_core::scenario::plan::{
    Budget, Check, Extraction, Find, JsonDocument, JsonNode, JsonQuery, OverBudget, Step, Subject,
    Unreadable, Wanted,
};
use std::borrow::Cow;
use std::cell::OnceCell;
use std::time::{Duration, Instant};

/// Longest piece of an answer or a check in a message, characters.
const LONGEST_SHOWN: usize = 80;
/// Longest time for all checks and extractions of one answer: meanwhile a thread reads
/// no other one. Far above what the budget's steps take on an idle machine.
const LONGEST_LOOK: Duration = Duration::from_secs(2);

/// Returns the values to redact; called only when a message is made.
type SecretValues<'a> = &'a dyn Fn() -> Vec<&'a str>;

/// What the checks and extractions of a step need and set. They themselves are in
/// [`CompiledChecks`].
#[derive(Debug, Default)]
pub(crate) struct CheckSpec {
    pub(crate) keep: KeepSpec,
    /// Whether there are any checks or extractions.
    pub(crate) has_checks: bool,
    /// Whether they read the body; it may be kept for other reasons.
    reads_body: bool,
    /// The slots of the variables that it sets, in the order of its extractions.
    slots: Vec<usize>,
}

/// A step's checks and extractions, as one thread uses them.
#[derive(Debug)]
pub(crate) struct CompiledChecks {
    checks: Vec<Check>,
    extractions: Vec<Extraction>,
    /// Whether each JSONPath is a plain one.
    is_plain: bool,
}

impl CompiledChecks {
    /// Those of a step. A cloned regular expression has memory of its own, so that
    /// threads do not wait for each other.
    pub(crate) fn of(step: &Step) -> Self {
        let of_checks = step.checks.iter().filter_map(|check| match check {
            Check::Json { query, .. } => Some(query),
            Check::Contains { .. } => None,
        });
        let of_extractions = step
            .extractions
            .iter()
            .filter_map(|found| match &found.find {
                Find::Json(query) => Some(query),
                Find::Regex { .. } => None,
            });
        Self {
            checks: step.checks.clone(),
            extractions: step.extractions.clone(),
            is_plain: of_checks.chain(of_extractions).all(JsonQuery::is_plain),
        }
    }
}

impl CheckSpec {
    pub(crate) fn of(step: &Step, names: &VariableNames, cookies: bool) -> Self {
        let mut keep = KeepSpec {
            cookies,
            ..KeepSpec::default()
        };
        let mut need = |subject| match subject {
            Subject::Body => keep.body = true,
            Subject::Headers => keep.head = true,
            Subject::HttpCode => {}
        };
        for check in &step.checks {
            match check {
                Check::Contains { subject, .. } => need(*subject),
                Check::Json { .. } => need(Subject::Body),
            }
        }
        for extraction in &step.extractions {
            match &extraction.find {
                Find::Json(_) => need(Subject::Body),
                Find::Regex { subject, .. } => need(*subject),
            }
        }
        // Each extracted variable has a slot.
        let variables = step.extractions.iter().map(|found| &found.variable);
        let slots = variables.filter_map(|name| names.slot(name));
        Self {
            slots: slots.collect(),
            has_checks: !(step.checks.is_empty() && step.extractions.is_empty()),
            reads_body: keep.body,
            keep,
        }
    }

    /// Whether it sets variables.
    #[inline]
    pub(crate) fn sets_variables(&self) -> bool {
        !self.slots.is_empty()
    }

    /// Clears the variables that the step sets: a value that an answer does not
    /// have must not remain from an earlier one.
    pub(crate) fn clear_variables(&self, session: &mut Session) {
        for slot in &self.slots {
            session.clear(*slot);
        }
    }

    /// Checks an answer; returns the extracted values by slot.
    pub(crate) fn evaluate(
        &self,
        compiled: &CompiledChecks,
        status: u16,
        kept: &KeptResponse,
        secrets: SecretValues<'_>,
    ) -> Result<Vec<(usize, String)>, Failure> {
        let body = if self.reads_body {
            body_as_utf8(decode(kept).map_err(decode_failure)?, &kept.content_type)
        } else {
            Cow::Borrowed(&[][..])
        };
        let until = Instant::now() + LONGEST_LOOK;
        let in_time = || Instant::now() < until;
        let answer = AnswerView {
            status: status.to_string(),
            head: &head_as_utf8(&kept.head),
            body: &body,
            text: &OnceCell::new(),
            is_plain: compiled.is_plain,
            json: OnceCell::new(),
            budget: Budget::new(&in_time),
        };
        for check in &compiled.checks {
            let message = match answer.check_fault(check, secrets) {
                Ok(None) => continue,
                Ok(Some(message)) => message,
                Err(over) => format!("{} was not checked: {over}", shown_check(check)),
            };
            return Err(Failure::new(Cause::Check, message));
        }
        let mut values = Vec::with_capacity(self.slots.len());
        for (extraction, slot) in compiled.extractions.iter().zip(&self.slots) {
            values.push((*slot, answer.extract(extraction)?));
        }
        Ok(values)
    }
}

fn decode_failure(why: DecodeError) -> Failure {
    match why {
        DecodeError::TooLarge(what) => {
            Failure::new(Cause::TooLarge, format!("the target answered with {what}"))
        }
        DecodeError::Invalid(why) => {
            Failure::new(Cause::Protocol, format!("the target answered with {why}"))
        }
    }
}

/// The parts of an answer that checks read.
struct AnswerView<'a> {
    status: String,
    head: &'a [u8],
    body: &'a [u8],
    /// The body as a text, when first needed.
    text: &'a OnceCell<Cow<'a, str>>,
    /// Whether plain JSONPaths alone look at it.
    is_plain: bool,
    /// The body as JSON, parsed when first needed; None if it is not JSON.
    json: OnceCell<Result<Option<JsonDocument<'a>>, OverBudget>>,
    /// What may still be spent on it.
    budget: Budget<'a>,
}

impl<'a> AnswerView<'a> {
    fn subject(&self, subject: Subject) -> &[u8] {
        match subject {
            Subject::Body => self.body,
            Subject::Headers => self.head,
            Subject::HttpCode => self.status.as_bytes(),
        }
    }

    fn json(&self) -> Result<Option<&JsonDocument<'_>>, OverBudget> {
        let parsed = self.json.get_or_init(|| {
            // Most are UTF-8, which is seen sooner than it is made.
            let text = || match std::str::from_utf8(self.body) {
                Ok(text) => Cow::Borrowed(text),
                Err(_) => String::from_utf8_lossy(self.body),
            };
            let text = self.text.get_or_init(text);
            match JsonDocument::read(text, self.is_plain, &self.budget) {
                Ok(json) => Ok(Some(json)),
                Err(Unreadable::NotJson(_)) => Ok(None),
                Err(Unreadable::TooLarge(over)) => Err(over),
            }
        });
        parsed.as_ref().map(Option::as_ref).map_err(|over| *over)
    }

    fn nodes(&self, query: &JsonQuery) -> Result<Vec<JsonNode<'_>>, OverBudget> {
        match self.json()? {
            Some(json) => query.find(json, &self.budget),
            None => Ok(Vec::new()),
        }
    }

    /// The message of a check that does not hold. It names the check and of the
    /// answer only what is short: the rest is in the saved exchange, and messages
    /// that vary are not counted together.
    fn check_fault(
        &self,
        check: &Check,
        secrets: SecretValues<'_>,
    ) -> Result<Option<String>, OverBudget> {
        match check {
            Check::Contains {
                subject,
                wanted,
                not,
            } => {
                let Some(violated) = self.violated(wanted, self.subject(*subject), *not)? else {
                    return Ok(None);
                };
                let place = subject_text(*subject);
                let does = if *not { "holds" } else { "does not hold" };
                let seen = match subject {
                    Subject::HttpCode => format!(": it is {}", self.status),
                    Subject::Body | Subject::Headers => String::new(),
                };
                let violated = shown_wanted(violated);
                Ok(Some(format!("{place} {does} {violated}{seen}")))
            }
            Check::Json {
                query,
                expected,
                invert,
            } => self.json_fault(query, expected.as_ref(), *invert, secrets),
        }
    }

    /// Which of the texts is there and must not be, or is not there and must.
    fn violated<'w>(
        &self,
        wanted: &'w [Wanted],
        text: &[u8],
        not: bool,
    ) -> Result<Option<&'w Wanted>, OverBudget> {
        for wanted in wanted {
            if is_found(wanted, text, &self.budget)? == not {
                return Ok(Some(wanted));
            }
        }
        Ok(None)
    }

    fn json_fault(
        &self,
        query: &JsonQuery,
        expected: Option<&Wanted>,
        invert: bool,
        secrets: SecretValues<'_>,
    ) -> Result<Option<String>, OverBudget> {
        let nodes = self.nodes(query)?;
        let holds = match expected {
            None => !nodes.is_empty(),
            Some(expected) => self.any_is(expected, &nodes)?,
        };
        if holds != invert {
            return Ok(None);
        }
        let path = shown(query.text());
        let seen = match nodes.first() {
            None if self.json()?.is_none() => "nothing, since the body is not JSON".to_owned(),
            None => "nothing".to_owned(),
            Some(_) if is_secret(query.text()) => REDACTED.to_owned(),
            Some(node) => shown(&redact_values(&node.text(), &secrets())),
        };
        let not = if invert { "not " } else { "" };
        let wanted = match expected {
            None => "anything".to_owned(),
            // Whoever reads the run does not see it in the plan either.
            Some(_) if is_secret(query.text()) => REDACTED.to_owned(),
            Some(expected) => shown_wanted(expected),
        };
        Ok(Some(format!(
            "JSONPath {path} is {seen}, {not}expected is {wanted}"
        )))
    }

    fn any_is(&self, expected: &Wanted, nodes: &[JsonNode<'_>]) -> Result<bool, OverBudget> {
        for node in nodes {
            if is_equal(expected, node, &self.budget)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The value of an extraction.
    fn extract(&self, extraction: &Extraction) -> Result<String, Failure> {
        let name = &extraction.variable;
        let failed = |message| Err(Failure::new(Cause::Extraction, message));
        let found = match self.found(&extraction.find) {
            Ok(found) => found,
            Err(over) => {
                let place = shown_find(&extraction.find);
                return failed(format!("variable {name} got no value: {place}: {over}"));
            }
        };
        match found.or_else(|| extraction.default.clone().map(Cow::Owned)) {
            Some(value) if value.len() > LONGEST_VARIABLE => failed(format!(
                "variable {name} got no value: what was found has more than {LONGEST_VARIABLE} bytes"
            )),
            Some(value) => Ok(value.into_owned()),
            None => failed(format!(
                "variable {name} got no value: {}",
                self.not_found_reason(&extraction.find)
            )),
        }
    }

    fn found(&self, find: &Find) -> Result<Option<Cow<'_, str>>, OverBudget> {
        match find {
            Find::Json(query) => Ok(self.nodes(query)?.first().map(JsonNode::text)),
            Find::Regex {
                pattern,
                group,
                nth,
                subject,
            } => {
                let text = self.subject(*subject);
                let found = pattern.find(text, *nth, *group, &self.budget)?;
                Ok(found.map(|found| String::from_utf8_lossy(&text[found])))
            }
        }
    }

    fn not_found_reason(&self, find: &Find) -> String {
        match find {
            Find::Json(_) if matches!(self.json(), Ok(None)) => "the body is not JSON".to_owned(),
            Find::Json(query) => format!("JSONPath {} leads nowhere", shown(query.text())),
            Find::Regex {
                pattern, subject, ..
            } => format!(
                "{} has no match of {}",
                subject_text(*subject),
                shown(pattern.text())
            ),
        }
    }
}

fn is_found(wanted: &Wanted, text: &[u8], budget: &Budget<'_>) -> Result<bool, OverBudget> {
    Ok(match wanted {
        Wanted::Text(wanted) => {
            let wanted = wanted.as_bytes();
            // Fast enough without a searcher made beforehand: the texts are short.
            memchr::memmem::find(text, wanted).is_some()
        }
        Wanted::Number(wanted) => memchr::memmem::find(text, wanted.text().as_bytes()).is_some(),
        Wanted::Match(pattern) => pattern.is_match(text, budget)?,
    })
}

fn is_equal(wanted: &Wanted, node: &JsonNode<'_>, budget: &Budget<'_>) -> Result<bool, OverBudget> {
    if let (Wanted::Number(wanted), Some(number)) = (wanted, node.number()) {
        return Ok(wanted.has_value_of(&number));
    }
    // Of a list or an object that is all that is in it.
    let text = node.text();
    budget.spend_bytes(text.len())?;
    Ok(match wanted {
        Wanted::Number(wanted) => wanted.text() == text,
        Wanted::Text(wanted) => *wanted == text,
        Wanted::Match(pattern) => pattern.is_match(text.as_bytes(), budget)?,
    })
}

/// A check, as a message names it.
fn shown_check(check: &Check) -> String {
    match check {
        Check::Contains { subject, .. } => subject_text(*subject).to_owned(),
        Check::Json { query, .. } => format!("JSONPath {}", shown(query.text())),
    }
}

/// Where a value is looked for, as a message names it.
fn shown_find(find: &Find) -> String {
    match find {
        Find::Json(query) => format!("JSONPath {}", shown(query.text())),
        Find::Regex { pattern, .. } => format!("the regular expression {}", shown(pattern.text())),
    }
}

fn subject_text(subject: Subject) -> &'static str {
    match subject {
        Subject::Body => "the body",
        Subject::Headers => "the head",
        Subject::HttpCode => "the status",
    }
}

fn shown_wanted(wanted: &Wanted) -> String {
    match wanted {
        Wanted::Text(text) => shown(text),
        Wanted::Number(number) => shown(number.text()),
        Wanted::Match(pattern) => format!("a match of {}", shown(pattern.text())),
    }
}

fn shown(text: &str) -> String {
    match text.char_indices().nth(LONGEST_SHOWN) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}
