//! What was written, before it means anything: `raw` reads JSON and YAML into
//! one kind of value, `notes` walks it and collects what is wrong.

pub(crate) mod notes;
pub(crate) mod raw;
