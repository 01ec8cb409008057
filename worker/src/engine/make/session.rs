//! The variables of a group and their values for one user or arrival. Names become
//! slots before the clock starts; values come from data rows and extractions.

use dlt_core::safety::is_secret;
use dlt_core::scenario::plan::Group;
use dlt_core::scenario::requests::targets::without_user;

/// Shortest value that is redacted, bytes: a shorter one stands in too many texts,
/// and is no secret.
const SHORTEST_SECRET_BYTES: usize = 4;

/// The variables of a group.
#[derive(Debug, Default)]
pub(crate) struct VariableNames {
    /// The variables whose values change, by slot.
    slots: Vec<String>,
    /// Their first values.
    initial: Vec<Option<Box<str>>>,
    /// The other variables with their values.
    constants: Vec<(String, String)>,
}

/// A variable, as templates use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variable<'a> {
    /// The value never changes.
    Constant(&'a str),
    /// The value is that of a session's slot.
    Slot(usize),
}

impl VariableNames {
    /// The variables of a group whose data sources have these columns.
    pub(crate) fn of<'a>(group: &'a Group, columns: impl Iterator<Item = &'a str>) -> Self {
        let extracted = group.steps.iter().flat_map(|step| &step.extractions);
        let changing = columns.chain(extracted.map(|found| found.variable.as_str()));
        let mut slots: Vec<String> = Vec::new();
        for name in changing {
            if !slots.iter().any(|slot| slot == name) {
                slots.push(name.to_owned());
            }
        }
        let mut initial = vec![None; slots.len()];
        let mut constants = Vec::new();
        for (name, value) in &group.variables {
            match slots.iter().position(|slot| slot == name) {
                Some(slot) => initial[slot] = Some(value.as_str().into()),
                None => constants.push((name.clone(), value.clone())),
            }
        }
        Self {
            slots,
            initial,
            constants,
        }
    }

    /// The variable of a name.
    pub(crate) fn variable(&self, name: &str) -> Option<Variable<'_>> {
        if let Some(slot) = self.slot(name) {
            return Some(Variable::Slot(slot));
        }
        let constant = self.constants.iter().find(|constant| constant.0 == name)?;
        Some(Variable::Constant(&constant.1))
    }

    /// The slot of a variable whose value changes.
    pub(crate) fn slot(&self, name: &str) -> Option<usize> {
        self.slots.iter().position(|slot| slot == name)
    }

    /// The name of a slot's variable.
    pub(crate) fn name(&self, slot: usize) -> &str {
        &self.slots[slot]
    }

    /// A session before its first request; None if the group has no slots.
    pub(crate) fn session(&self) -> Option<Box<Session>> {
        (!self.slots.is_empty()).then(|| {
            Box::new(Session {
                values: self.initial.clone().into(),
            })
        })
    }

    /// The variables whose names say that they are secret.
    pub(crate) fn secrets(&self) -> Secrets {
        let slots = (0..self.slots.len()).filter(|slot| is_secret(&self.slots[*slot]));
        let mut secrets = Secrets {
            slots: slots.collect(),
            texts: Vec::new(),
        };
        for (name, value) in &self.constants {
            if is_secret(name) {
                secrets.add_text(value);
            }
            // A base URL may have one in it.
            if let (_, Some((_, password))) = without_user(value) {
                secrets.add_text(&password);
            }
        }
        secrets
    }
}

/// The values of one user or arrival, by slot.
#[derive(Debug, Clone, Default)]
pub(crate) struct Session {
    values: Box<[Option<Box<str>>]>,
}

impl Session {
    pub(crate) fn get(&self, slot: usize) -> Option<&str> {
        self.values.get(slot)?.as_deref()
    }

    pub(crate) fn set(&mut self, slot: usize, value: &str) {
        if let Some(place) = self.values.get_mut(slot) {
            *place = Some(value.into());
        }
    }

    pub(crate) fn clear(&mut self, slot: usize) {
        if let Some(place) = self.values.get_mut(slot) {
            *place = None;
        }
    }
}

/// Which values must not appear in texts for people.
#[derive(Debug, Default, Clone)]
pub(crate) struct Secrets {
    slots: Vec<usize>,
    texts: Vec<String>,
}

impl Secrets {
    pub(crate) fn add_slot(&mut self, slot: usize) {
        if !self.slots.contains(&slot) {
            self.slots.push(slot);
        }
    }

    pub(crate) fn add_text(&mut self, text: &str) {
        if text.len() >= SHORTEST_SECRET_BYTES && !self.texts.iter().any(|known| known == text) {
            self.texts.push(text.to_owned());
        }
    }

    /// All secret values of a session and `more`, the longest first.
    pub(crate) fn values<'a>(
        &'a self,
        session: Option<&'a Session>,
        more: impl Iterator<Item = &'a str>,
    ) -> Vec<&'a str> {
        let changing = self
            .slots
            .iter()
            .filter_map(|slot| session?.get(*slot))
            .chain(more)
            .filter(|value| value.len() >= SHORTEST_SECRET_BYTES);
        let mut all: Vec<&str> = self
            .texts
            .iter()
            .map(String::as_str)
            .chain(changing)
            .collect();
        all.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        all
    }
}
