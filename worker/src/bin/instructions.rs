//! Runs one part of the engine so many times (`instructions PART TIMES`), for `cargo xtask bench
//! instructions`, which has valgrind count. Without arguments it names the parts.
#![expect(clippy::print_stdout, reason = "xtask reads the names of the parts")]

use dlt_worker::instructions::parts;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.as_slice() {
        [] => parts().for_each(|(name, _)| println!("{name}")),
        [part, times] => {
            let known = parts().find(|(name, _)| name == part);
            let (_, run) = known.expect("a part of the list");
            run(times.parse().expect("a number"));
        }
        _ => panic!("instructions [PART TIMES]"),
    }
}
