//! The variables of a group: names become slots before the clock starts, and calls of
//! functions are numbered. Values come from data rows and extractions into a `session`; what
//! functions give is `call`'s.

use crate::engine::make::call::Call;
use crate::engine::make::session::{Secrets, Session};
use dlt_core::load::share::Lot;
use dlt_core::safety::is_secret;
use dlt_core::scenario::plan::Group;
use dlt_core::scenario::requests::functions::Function;
use dlt_core::scenario::requests::targets::without_user;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The variables of a group.
#[derive(Debug)]
pub(crate) struct VariableNames {
    /// The variables whose values change, by slot.
    slots: Vec<String>,
    /// Their first values.
    initial: Vec<Option<Box<str>>>,
    /// The other variables with their values.
    constants: Vec<(String, String)>,
    /// Variables whose values are secrets, whatever their names say.
    hidden: Vec<String>,
    /// Calls of functions so far.
    calls: AtomicUsize,
    /// The runner's part of the run.
    lot: Lot,
}

/// A variable, as templates use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variable<'a> {
    /// The value never changes.
    Constant(&'a str),
    /// The value is that of a session's slot.
    Slot(usize),
}

impl Default for VariableNames {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            initial: Vec::new(),
            constants: Vec::new(),
            hidden: Vec::new(),
            calls: AtomicUsize::new(0),
            lot: Lot::WHOLE,
        }
    }
}

impl VariableNames {
    /// The variables of a group whose data sources have these columns.
    pub(crate) fn of<'a>(group: &'a Group, columns: impl Iterator<Item = &'a str>) -> Self {
        let extracted = group.steps.iter().flat_map(|step| &step.extractions);
        let changing = columns.chain(extracted.map(|found| found.variable.as_str()));
        let has_value = |name: &&str| group.variables.iter().any(|given| given.0 == *name);
        // Where its conditions led past it, setup gave no value.
        let changing = changing.chain(group.given_by_setup().filter(|name| !has_value(name)));
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
            hidden: group.hidden().into_iter().map(str::to_owned).collect(),
            ..Self::default()
        }
    }

    /// The same on a runner with this part of the run.
    pub(crate) fn on(self, lot: Lot) -> Self {
        Self { lot, ..self }
    }

    /// One more call of a function.
    pub(crate) fn call(&self, function: Function) -> Call {
        Call::new(
            function,
            self.calls.fetch_add(1, Ordering::Relaxed),
            self.lot,
        )
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

    /// A session before its first request, of the user or arrival with this number, from
    /// 0; None if nothing in the group varies. All templates are compiled.
    pub(crate) fn session(&self, number: impl FnOnce() -> u64) -> Option<Box<Session>> {
        let calls = self.calls.load(Ordering::Relaxed);
        (!self.slots.is_empty() || calls > 0)
            .then(|| Box::new(Session::new(self.initial.clone(), number(), calls)))
    }

    /// The variables with their values, as a session has them at its end.
    pub(crate) fn values(&self, session: &Session) -> BTreeMap<String, String> {
        let slots = self.slots.iter().enumerate();
        slots
            .filter_map(|(slot, name)| Some((name.clone(), session.get(slot)?.to_owned())))
            .collect()
    }

    /// Whether the value of a variable is a secret: by its name, or by where it comes from.
    pub(crate) fn hides(&self, name: &str) -> bool {
        is_secret(name) || self.hidden.iter().any(|hidden| hidden == name)
    }

    /// The variables whose values are secret.
    pub(crate) fn secrets(&self) -> Secrets {
        let mut secrets = Secrets::default();
        for slot in (0..self.slots.len()).filter(|slot| self.hides(&self.slots[*slot])) {
            secrets.add_slot(slot);
        }
        for (name, value) in &self.constants {
            if self.hides(name) {
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
