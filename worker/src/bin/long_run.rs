//! Simulates six hours of load on a hundred labels and prints what they take of memory, for `cargo
//! xtask bench merge`.
#![expect(clippy::print_stdout, reason = "xtask reads the table")]

/// Memory that is this process' own alone, MB.
fn own_mb() -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("RssAnon:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
    kib.unwrap_or(f64::NAN) * 1_024.0 / 1e6
}

fn main() {
    println!("| 100 labels, after | RssAnon MB |\n|---|---|");
    dlt_worker::long_run::simulate(|what| println!("| {what} | {:.1} |", own_mb()));
}
