//! Compatibility with DLT's clients: the contract's document, and requests that
//! no client sends.

mod fuzz;
