//! What fuzzing feeds to the engine's parsers, and what must hold for every input: no panic, one
//! result however the bytes are divided, and the result of another reader where there is one. The
//! inputs come from `crate::fuzz` (tests, `cargo xtask fuzz`); bounds of time and memory are its too.

mod answers;
mod bodies;
mod input;
mod proxies;
mod requests;
mod rows;
mod streams;
mod truth;

/// A name, and what is done with an input.
pub(crate) type Target = (&'static str, fn(&[u8]));

/// The targets.
pub(crate) const TARGETS: &[Target] = &[
    ("answers", answers::any),
    ("answers-valid", truth::valid),
    ("bodies", bodies::any),
    ("bodies-packed", bodies::packed),
    ("charsets", bodies::charset),
    ("cookies", requests::cookies),
    ("redirects", requests::redirects),
    ("templates", requests::templates),
    ("proxies", proxies::answers),
    ("rows", rows::any),
    ("events", streams::events),
    ("websocket", streams::web_socket),
];
