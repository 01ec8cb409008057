//! The values of one user or arrival, by slots and calls that `variable_names` numbers, and
//! which of them are secret.

use dlt_core::safety::behind_scheme;
use std::cell::Cell;

/// Shortest value that is redacted, bytes: a shorter one stands in too many texts,
/// and is no secret.
const SHORTEST_SECRET_BYTES: usize = 4;

/// The values of one user or arrival, by slot.
#[derive(Debug, Clone, Default)]
pub(crate) struct Session {
    values: Box<[Option<Box<str>>]>,
    /// Its number, from 0.
    pub(crate) number: u64,
    /// How often it evaluated each call that counts.
    counts: Box<[Cell<u64>]>,
}

impl Session {
    /// The session of user or arrival `number`, with its first values and so many calls.
    pub(crate) fn new(values: Vec<Option<Box<str>>>, number: u64, calls: usize) -> Self {
        Self {
            values: values.into(),
            number,
            counts: vec![Cell::new(0); calls].into(),
        }
    }

    /// How often it has evaluated a call, this time included.
    pub(crate) fn count(&self, call: usize) -> u64 {
        self.counts.get(call).map_or(0, |count| {
            count.set(count.get() + 1);
            count.get()
        })
    }

    pub(crate) fn get(&self, slot: usize) -> Option<&str> {
        self.values.get(slot)?.as_deref()
    }

    pub(crate) fn set(&mut self, slot: usize, value: impl Into<Box<str>>) {
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
        // A target may name the token without the word before it.
        for text in [Some(text), behind_scheme(text)].into_iter().flatten() {
            if text.len() >= SHORTEST_SECRET_BYTES && !self.texts.iter().any(|known| known == text)
            {
                self.texts.push(text.to_owned());
            }
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
