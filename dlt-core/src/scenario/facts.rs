//! The plain fields of the API body: names, thresholds, tags. What is to be requested, and
//! how hard, is `test_scenario`'s.

use crate::ids::TestId;
use crate::scenario::Defaults;
use crate::scenario::document::notes::{Node, Notes, Object};
use crate::scenario::limits::{DEFAULT_HEALTHY_THRESHOLD, LONGEST_DESCRIPTION, MOST_THRESHOLDS};
use crate::scenario::names::{as_display_name, display_name, tags};
use crate::thresholds::Threshold;

/// The body's plain fields.
pub(super) struct Facts {
    /// `testType`, if it is said.
    pub(super) test_type: Option<&'static str>,
    pub(super) test_id: Option<TestId>,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) show_live: bool,
    pub(super) healthy_threshold: u8,
    /// Each with its path.
    pub(super) thresholds: Vec<(String, Threshold)>,
    pub(super) tags: Option<Vec<String>>,
    pub(super) one_off: bool,
    pub(super) keep_exchanges: bool,
}

/// Reads them.
pub(super) fn facts(root: &Object<'_>, defaults: &Defaults, notes: &mut Notes) -> Facts {
    let test_id = root.get("testId").and_then(|node| {
        let parsed = TestId::parse(node.text(notes)?);
        parsed
            .map_err(|error| node.fault(notes, format!("must be {}", error.rule)))
            .ok()
    });
    let name = root.get("testName").and_then(|node| {
        let text = node.text(notes)?;
        if let Some(reason) = display_name(text) {
            node.fault(notes, reason);
        }
        Some(text.to_owned())
    });
    let name = name.unwrap_or_else(|| as_display_name(&defaults.name));
    let description = root
        .get("testDescription")
        .and_then(|node| node.sized_text(3..=LONGEST_DESCRIPTION, notes))
        .map(str::to_owned);
    let test_type = root
        .get("testType")
        .and_then(|node| node.choice(&["simple", "jmeter", "locust", "k6"], notes));
    if let Some(node) = root.get("fileType") {
        node.choice(&["none", "script", "zip"], notes);
    }
    if let Some(node) = root.get("saveOnly") {
        node.boolean(notes);
    }
    if let Some(node) = root.get("scheduleTimezone") {
        node.sized_text(0..=64, notes);
    }
    // As in a POST, null is the same as nothing.
    let said = |key| root.get(key).filter(|node| !node.value.is_null());
    let one_off = said("oneOff").and_then(|node| node.boolean(notes));
    let keep_exchanges = said("keep_exchanges").and_then(|node| node.choice(&["all"], notes));
    Facts {
        test_type,
        one_off: one_off.unwrap_or(false),
        keep_exchanges: keep_exchanges.is_some(),
        test_id,
        description: description.unwrap_or_else(|| format!("Load test: {name}")),
        name,
        show_live: root
            .get("showLive")
            .and_then(|node| node.boolean(notes))
            .unwrap_or(defaults.show_live),
        healthy_threshold: root
            .get("healthyThreshold")
            .and_then(|node| node.whole(0..=100, notes))
            .unwrap_or(DEFAULT_HEALTHY_THRESHOLD) as u8,
        thresholds: root
            .get("thresholds")
            .map(|node| thresholds(&node, notes))
            .unwrap_or_default(),
        tags: root.get("tags").map(|node| tags(&node, notes)),
    }
}

/// Adds what Taurus's criteria come to, as far as it is not there yet.
pub(super) fn add_criteria(
    thresholds: &mut Vec<(String, Threshold)>,
    more: &mut Vec<(String, Threshold)>,
    notes: &mut Notes,
) {
    for row in more.drain(..) {
        if thresholds.iter().any(|(_, known)| *known == row.1) {
            continue;
        }
        if thresholds.len() >= MOST_THRESHOLDS {
            let reason =
                format!("is one threshold too many: at most {MOST_THRESHOLDS}, criteria included");
            notes.fault(row.0, reason);
            return;
        }
        thresholds.push(row);
    }
}

fn thresholds(node: &Node<'_>, notes: &mut Notes) -> Vec<(String, Threshold)> {
    let items = node.list(0..=MOST_THRESHOLDS, notes).unwrap_or_default();
    items
        .iter()
        .filter_map(|item| {
            Threshold::parse(item.text(notes)?)
                .map_err(|reason| item.fault(notes, reason))
                .ok()
                .map(|threshold| (item.path.clone(), threshold))
        })
        .collect()
}
