//! Fuzzing of everything that reads what others wrote: the targets, the corpus, and cases made of
//! it. Tests run a few cases of each; `cargo xtask fuzz` runs millions in the program `fuzz`, guided
//! by coverage, and bounds their time and memory. What must hold is said beside the parsers, in
//! `engine::fuzz`, `scripts::fuzz`, `coordinator::fuzz`, and for dlt-core's here.

pub mod corpus;
mod documents;
mod mutate;
mod texts;

pub use mutate::Mutator;

/// What is done with inputs of one kind. It panics if something does not hold.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name: that of its corpus.
    pub name: &'static str,
    /// Takes an input.
    pub run: fn(&[u8]),
}

/// All targets.
pub fn targets() -> Vec<Target> {
    let rooms = [
        crate::engine::fuzz::TARGETS,
        crate::scripts::fuzz::TARGETS,
        crate::coordinator::fuzz::TARGETS,
        documents::TARGETS,
        texts::TARGETS,
    ];
    let all = rooms.into_iter().flatten();
    all.map(|(name, run)| Target { name, run: *run }).collect()
}

#[cfg(test)]
mod tests;
