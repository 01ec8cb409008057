//! `dlt-worker`: one runner, told by its environment what to do. Exit codes: 0
//! report stored, 2 bad order or plan, 3 could not run, 70 our bug.

fn main() {
    std::process::exit(dlt_worker::run_from_env());
}
