//! What a user or an arrival knows: the values of its variables. Names become
//! numbers before the clock starts; where values come from is known elsewhere.

use dlt_core::safety::is_secret;
use dlt_core::scenario::plan::Group;

/// Shortest value, bytes, that is looked for in what is kept for people:
/// shorter ones are everywhere, and no secret.
const SHORTEST_SECRET_BYTES: usize = 4;

/// The variables of a group.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// Those whose values change, by number.
    slots: Vec<String>,
    first: Vec<Option<Box<str>>>,
    /// The others with their values.
    constants: Vec<(String, String)>,
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning<'a> {
    /// Always this.
    Constant(&'a str),
    /// The value with this number.
    Slot(usize),
}

impl Names {
    /// The variables of a group whose rows have these columns.
    pub(crate) fn of<'a>(group: &'a Group, columns: impl Iterator<Item = &'a str>) -> Self {
        let extracted = group.steps.iter().flat_map(|step| &step.extractions);
        let changing = columns.chain(extracted.map(|found| found.variable.as_str()));
        let mut slots: Vec<String> = Vec::new();
        for name in changing {
            if !slots.iter().any(|slot| slot == name) {
                slots.push(name.to_owned());
            }
        }
        let mut first = vec![None; slots.len()];
        let mut constants = Vec::new();
        for (name, value) in &group.variables {
            match slots.iter().position(|slot| slot == name) {
                Some(slot) => first[slot] = Some(value.as_str().into()),
                None => constants.push((name.clone(), value.clone())),
            }
        }
        Self {
            slots,
            first,
            constants,
        }
    }

    /// What a name stands for; None: nothing.
    pub(crate) fn meaning(&self, name: &str) -> Option<Meaning<'_>> {
        if let Some(slot) = self.slot(name) {
            return Some(Meaning::Slot(slot));
        }
        let constant = self.constants.iter().find(|constant| constant.0 == name)?;
        Some(Meaning::Constant(&constant.1))
    }

    /// The number of a variable whose value changes.
    pub(crate) fn slot(&self, name: &str) -> Option<usize> {
        self.slots.iter().position(|slot| slot == name)
    }

    /// The name of a number.
    pub(crate) fn name(&self, slot: usize) -> &str {
        &self.slots[slot]
    }

    /// A session before its first request; None if there is nothing to know.
    pub(crate) fn session(&self) -> Option<Box<Session>> {
        (!self.slots.is_empty()).then(|| {
            Box::new(Session {
                values: self.first.clone().into(),
            })
        })
    }

    /// The numbers and constants whose names say that they are secret.
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
        }
        secrets
    }
}

/// The values of the changing variables.
#[derive(Debug, Clone, Default)]
pub(crate) struct Session {
    values: Box<[Option<Box<str>>]>,
}

impl Session {
    /// A value, if there is one.
    pub(crate) fn get(&self, slot: usize) -> Option<&str> {
        self.values.get(slot)?.as_deref()
    }

    /// Gives a variable a value.
    pub(crate) fn set(&mut self, slot: usize, value: &str) {
        if let Some(place) = self.values.get_mut(slot) {
            *place = Some(value.into());
        }
    }

    /// Takes its value away.
    pub(crate) fn clear(&mut self, slot: usize) {
        if let Some(place) = self.values.get_mut(slot) {
            *place = None;
        }
    }
}

/// Which values nobody may read in what is kept for people.
#[derive(Debug, Default, Clone)]
pub(crate) struct Secrets {
    slots: Vec<usize>,
    texts: Vec<String>,
}

impl Secrets {
    /// A value that changes.
    pub(crate) fn add_slot(&mut self, slot: usize) {
        if !self.slots.contains(&slot) {
            self.slots.push(slot);
        }
    }

    /// A value that does not.
    pub(crate) fn add_text(&mut self, text: &str) {
        if text.len() >= SHORTEST_SECRET_BYTES && !self.texts.iter().any(|known| known == text) {
            self.texts.push(text.to_owned());
        }
    }

    /// All of them as they are now and `more`, the longest first.
    pub(crate) fn now<'a>(
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
