//! `dlt-worker`: one runner, as its environment orders it. Exit codes: 0 report
//! stored, 2 bad order or plan, 3 could not run, 70 a bug in dlt.

fn main() {
    std::process::exit(dlt_worker::run_from_env());
}
