//! Says when the files of the console, which `src/console.rs` takes in, are others.

use std::path::Path;

fn main() {
    let built = "../console/dist";
    // What is not there counts as changed each time.
    let watched = match Path::new(built).exists() {
        true => built,
        false => "../console",
    };
    println!("cargo::rerun-if-changed={watched}");
}
