//! What was written, before it means anything: `raw` reads JSON and YAML (`yaml`)
//! into one kind of value, `notes` walks it and collects what is wrong, `shown` says how it
//! stands in messages. Which word was
//! meant by a mistyped one is `nearest`'s; what fields mean is left to the rest of
//! `scenario`.

pub(crate) mod nearest;
pub(crate) mod notes;
pub(crate) mod raw;
pub(crate) mod shown;
pub(crate) mod ways;
mod yaml;
