//! Prints a template: `cargo run --package dlt-infra -- hub`, or `region`.

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("hub") => print!("{}", dlt_infra::hub()),
        Some("region") => print!("{}", dlt_infra::region()),
        _ => {
            eprintln!("which template: hub or region?");
            std::process::exit(2);
        }
    }
}
