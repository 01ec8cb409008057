//! Running k6: its command line, how it is let go at the start, what its exit codes mean.
//! (Grafana k6 documentation: Options; exit codes in its package `errext/exitcodes`.)

pub(super) mod samples;

use super::launch::{Gate, Job, Launch, Stopping};
use super::shape::Shape;
use super::{ScriptError, free_port};
use std::process::Command;

/// Thresholds of the script were crossed.
const THRESHOLDS: i32 = 99;
/// Ended by a signal, or through its API.
const STOPPED: [i32; 2] = [105, 103];
/// Tags that rows have: those that are read.
const TAGS: &str = "name,method,status,error,error_code,expected_response,check,group";

/// How the script is run.
pub(super) fn launch(job: &Job<'_>) -> Result<Launch, ScriptError> {
    let port = free_port()?;
    let mut command = Command::new(&job.tool.path);
    command
        .args(["run", "--paused", "--quiet", "--no-color"])
        // The summary is the script's own to make (handleSummary).
        .arg("--no-usage-report")
        .args(["--address", &format!("127.0.0.1:{port}")])
        .args(["--system-tags", TAGS])
        .arg("--out")
        .arg(format!("csv={}", job.samples.display()))
        .env("K6_CSV_TIME_FORMAT", "unix_micro")
        .env("K6_CSV_SAVE_INTERVAL", "500ms");
    let mut changes = Vec::new();
    if let Some(shape) = job.shape {
        let flags = flags(shape);
        changes.push(format!(
            "k6 {} in place of the script's own load",
            flags.join(" ")
        ));
        command.args(flags);
    }
    command.arg(job.script);
    Ok(Launch {
        command,
        gate: Gate::K6(port),
        stopping: Stopping::Signal,
        changes,
    })
}

/// The options of a load. From its first stage on k6 has one user at least.
fn flags(shape: &Shape) -> Vec<String> {
    if let Some((users, 0, hold_us)) = shape.plain() {
        return vec![
            "--vus".to_owned(),
            users.to_string(),
            "--duration".to_owned(),
            duration(hold_us),
        ];
    }
    let stages = shape.stages.iter();
    stages
        .flat_map(|(users, us)| ["--stage".to_owned(), format!("{}:{users}", duration(*us))])
        .collect()
}

fn duration(us: u64) -> String {
    format!("{}ms", us / 1_000)
}

/// What an end means: Ok with what the script's own thresholds say, or why the tool failed.
pub(super) fn ended(code: Option<i32>, stopped: bool, printed: &str) -> Result<Option<String>, ()> {
    match code {
        Some(0) => Ok(None),
        Some(THRESHOLDS) => Ok(Some(format!(
            "thresholds of the script itself were crossed: {}",
            crossed(printed)
        ))),
        Some(code) if stopped && STOPPED.contains(&code) => Ok(None),
        _ => Err(()),
    }
}

/// The metrics whose thresholds were crossed, as k6 names them.
fn crossed(printed: &str) -> String {
    let line = printed
        .lines()
        .rev()
        .find(|line| line.contains("thresholds on metrics"));
    let text = line.and_then(|line| {
        let from = line.find("thresholds on metrics")?;
        line.get(from..)
    });
    text.map_or_else(
        || super::process::last_lines(printed),
        |text| text.trim_matches(['"', ' ']).to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_is_k6_s_own_words() {
        let shape = |stages: &[(u64, u64)]| Shape {
            stages: stages.to_vec(),
            iterations: None,
        };
        assert_eq!(
            flags(&shape(&[(5, 0), (5, 10_000_000)])).join(" "),
            "--vus 5 --duration 10000ms"
        );
        assert_eq!(
            flags(&shape(&[(5, 4_000_000), (5, 10_000_000)])).join(" "),
            "--stage 4000ms:5 --stage 10000ms:5"
        );
        assert_eq!(
            flags(&shape(&[(5, 500_000), (9, 0), (0, 1_000_000)])).join(" "),
            "--stage 500ms:5 --stage 0ms:9 --stage 1000ms:0"
        );
    }

    #[test]
    fn exit_codes_have_meanings() {
        let line = "time=\"x\" level=error msg=\"thresholds on metrics 'http_req_duration' have been crossed\"";
        assert_eq!(ended(Some(0), false, ""), Ok(None));
        assert_eq!(
            ended(Some(99), false, line),
            Ok(Some("thresholds of the script itself were crossed: thresholds on metrics 'http_req_duration' have been crossed".to_owned()))
        );
        assert_eq!(ended(Some(105), true, ""), Ok(None));
        assert_eq!(ended(Some(105), false, ""), Err(()));
        assert_eq!(ended(None, true, ""), Err(()));
    }
}
