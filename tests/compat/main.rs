//! Compatibility with DLT's clients: the API over HTTP against the contract's
//! document, its rules, its door, and requests that no client sends.

mod door;
mod examples;
mod filters;
mod fuzz;
mod ours;
mod rules;
mod secrets;
mod service;
