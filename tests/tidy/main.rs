//! The house rules that a machine can check: who may import whom, what must be
//! absent where, how files look. The rules with their reasons stand in
//! ARCHITECTURE.md; a rule that is broken for a good reason is changed there
//! and here in the same commit.

mod files;
mod floors;
mod imports;
mod index;
mod looks;
mod manifest;
mod threats;
