//! Prints a template: `cargo run --package dlt-infra -- hub`, `region` or
//! `artifacts`.

use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let template = match std::env::args().nth(1).as_deref() {
        Some("artifacts") => dlt_infra::artifacts(),
        Some("hub") => dlt_infra::hub(),
        Some("region") => dlt_infra::region(),
        _ => {
            let _ = writeln!(
                std::io::stderr(),
                "which template: artifacts, hub or region?"
            );
            return ExitCode::from(2);
        }
    };
    match std::io::stdout().write_all(template.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        // EX_IOERR: the output could not be written.
        Err(_) => ExitCode::from(74),
    }
}
