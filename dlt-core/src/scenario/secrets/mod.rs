//! The secrets of a scenario's plan: hidden from whoever may only read, and kept when a
//! client that saw placeholders sends them back. Where they may stand is `fields`', what
//! in a text is one `safety`'s; who may see them is left to the servers.

mod alike;
mod fields;

use super::kept::without_entry;
use crate::refusal::Fault;
use crate::safety::{REDACTED, is_reference, redacted_text, spans, with_secrets_of};
use crate::value::{Map, Value};
use std::collections::HashMap;

/// A plan (`testScenario`, as an object or as its text) without its secrets.
pub fn redacted(plan: &Value) -> Value {
    if let Value::String(text) = plan {
        // As the answer to a POST has it; what is no plan is a text like any other.
        return match Value::from_json(text) {
            Ok(plan @ Value::Object(_)) => Value::String(redacted(&plan).to_string()),
            _ => Value::String(redacted_text(text)),
        };
    }
    let mut shown = plan.clone();
    fields::each(&mut shown, &mut |place, node| {
        let hidden = match node {
            Value::String(text) if place.is_secret => {
                (!is_reference(text)).then(|| REDACTED.to_owned())
            }
            Value::String(text) => Some(redacted_text(text)),
            _ => place.is_secret.then(|| REDACTED.to_owned()),
        };
        if let Some(hidden) = hidden {
            *node = Value::String(hidden);
        }
    });
    shown
}

/// A posted body with the stored one's secrets where it has placeholders. A placeholder
/// whose secret cannot be told for certain stays, and is a fault of [`faults`].
pub fn with_stored(posted: &Value, stored: Option<&Value>) -> Value {
    let mut body = without_entry(posted).into_owned();
    let stored = stored.map(|stored| &stored["testScenario"]);
    if let (Some(stored), Some(plan)) = (stored, body.get_mut("testScenario")) {
        *plan = restored(plan, stored);
    }
    body
}

/// A plan with the secrets of another one where it has placeholders.
pub fn restored(plan: &Value, stored: &Value) -> Value {
    let mut plan = plan.clone();
    if !has_placeholder(&plan) {
        return plan;
    }
    let mut known = HashMap::new();
    let mut alike = alike::arranged(stored, &plan);
    fields::each(&mut alike, &mut |place, node| {
        known.insert(place.key.clone(), node.clone());
    });
    fields::each(&mut plan, &mut |place, node| {
        let Some(text) = node.as_str().filter(|text| text.contains(REDACTED)) else {
            return;
        };
        let whole = match known.get(&place.key) {
            Some(Value::String(stored)) if !place.is_secret => {
                Value::String(with_secrets_of(text, stored))
            }
            Some(stored) if place.is_secret && text == REDACTED => stored.clone(),
            _ => return,
        };
        *node = whole;
    });
    plan
}

/// A fault for each placeholder that stands where a secret belongs.
pub fn faults(body: &Value) -> Vec<Fault> {
    let mut faults = Vec::new();
    if !has_placeholder(&body["testScenario"]) {
        return faults;
    }
    let root = Map::from_iter([("testScenario".to_owned(), body["testScenario"].clone())]);
    fields::each(&mut Value::Object(root), &mut |place, node| {
        let text = node.as_str().unwrap_or_default();
        let holds = |text: &str| text.contains(REDACTED);
        let stands = match place.is_secret {
            true => holds(text),
            false => spans(text).iter().any(|it| holds(&text[it.range.clone()])),
        };
        if stands {
            faults.push(Fault {
                path: place.path.clone(),
                reason: format!(
                    "is {REDACTED}, and no stored secret is known that it stands for: write the secret \
                     itself (GET /scenarios/{{testId}}?secrets=true and dlt scenarios get --secrets show \
                     a writer those that are stored)"
                ),
            });
        }
    });
    faults
}

/// Whether a placeholder stands anywhere in it.
pub fn has_placeholder(plan: &Value) -> bool {
    match plan {
        Value::String(text) => text.contains(REDACTED),
        Value::Array(items) => items.iter().any(has_placeholder),
        Value::Object(map) => map.values().any(has_placeholder),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests;
