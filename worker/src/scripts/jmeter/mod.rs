//! Running JMeter: its command line and properties, plugins that lie beside a plan, what its end
//! means. (Apache JMeter User's Manual: Getting Started, Non-GUI mode; Properties Reference.)

mod home;
mod plan;
pub(super) mod samples;

use super::ScriptError;
use super::launch::{Gate, Job, Launch, Stopping};
use super::process::last_lines;
use std::fs;
use std::net::{Ipv4Addr, UdpSocket};
use std::path::Path;
use std::process::Command;

/// Java's memory where nobody says another (`JVM_ARGS`).
const DEFAULT_JVM_ARGS: &str = "-Xms256m -Xmx1g";
/// What samples are written with: what `samples` reads.
const PROPERTIES: [(&str, &str); 16] = [
    ("jmeter.save.saveservice.output_format", "xml"),
    ("jmeter.save.saveservice.autoflush", "true"),
    ("jmeter.save.saveservice.timestamp_format", "ms"),
    ("jmeter.save.saveservice.subresults", "true"),
    ("jmeter.save.saveservice.assertion_results", "first"),
    ("jmeter.save.saveservice.bytes", "true"),
    ("jmeter.save.saveservice.sent_bytes", "true"),
    ("jmeter.save.saveservice.connect_time", "true"),
    ("jmeter.save.saveservice.latency", "true"),
    ("jmeter.save.saveservice.thread_counts", "true"),
    ("jmeter.save.saveservice.response_code", "true"),
    ("jmeter.save.saveservice.response_message", "true"),
    ("jmeter.save.saveservice.url", "false"),
    ("jmeter.save.saveservice.thread_name", "false"),
    ("jmeter.save.saveservice.encoding", "false"),
    ("sampleresult.timestamp.start", "true"),
];

/// Whether a file is a plan that makes load.
pub(super) fn check(script: &Path) -> Result<(), ScriptError> {
    let text = fs::read(script).map_err(ScriptError::folder)?;
    let checked = plan::prepare(&text, None, Path::new("gate"));
    checked.map(drop).map_err(|error| ScriptError::Script {
        name: name_of(script),
        why: error.to_string(),
    })
}

/// How the plan is run.
pub(super) fn launch(job: &Job<'_>) -> Result<Launch, ScriptError> {
    let text = fs::read(job.script).map_err(ScriptError::folder)?;
    let prepared =
        plan::prepare(&text, job.shape, job.gate).map_err(|error| ScriptError::Script {
            name: name_of(job.script),
            why: error.to_string(),
        })?;
    // Beside the script, since paths in a plan are relative to it.
    let folder = job.script.parent().unwrap_or(job.own);
    let plan = folder.join(format!(".dlt-{}", name_of(job.script)));
    fs::write(&plan, prepared.xml).map_err(ScriptError::folder)?;
    let home = home::with_plugins(
        &job.tool.path,
        &folder.join("plugins"),
        &job.own.join("jmeter"),
    )
    .map_err(ScriptError::folder)?;
    let stop_port = free_udp_port()?;
    let properties = job.own.join("dlt.properties");
    write_properties(&properties, stop_port, job.variables).map_err(ScriptError::folder)?;
    let java = job.tool.java.as_deref().unwrap_or(Path::new("java"));
    let mut command = Command::new(java);
    let jvm = std::env::var("JVM_ARGS").unwrap_or_default();
    let jvm = if jvm.trim().is_empty() {
        DEFAULT_JVM_ARGS
    } else {
        &jvm
    };
    command
        .args(jvm.split_ascii_whitespace())
        // Without it a JVM that is out of memory goes on, and makes no load.
        .arg("-XX:+ExitOnOutOfMemoryError")
        .args(["-Djava.awt.headless=true", "-Dfile.encoding=UTF-8"])
        .arg("-jar")
        .arg(home.join("bin/ApacheJMeter.jar"))
        .arg("-n")
        .arg("-t")
        .arg(&plan)
        .arg("-l")
        .arg(job.samples)
        .arg("-j")
        .arg(job.own.join("jmeter.log"))
        .arg("-q")
        .arg(&properties);
    Ok(Launch {
        command,
        gate: Gate::Fifo(job.gate.to_owned()),
        stopping: Stopping::JMeter(stop_port),
        changes: prepared.changes,
    })
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// Ours, and the scenario's variables, which a plan reads as `${__P(name)}`. In a file, since
/// arguments can be seen by everyone on the machine.
fn write_properties(
    path: &Path,
    stop_port: u16,
    variables: &[(String, String)],
) -> std::io::Result<()> {
    let port = stop_port.to_string();
    let ours = PROPERTIES.iter().copied().chain([
        ("jmeterengine.nongui.port", port.as_str()),
        ("jmeterengine.nongui.maxport", port.as_str()),
        // Its sums every 30 s tell nothing here.
        ("summariser.name", ""),
    ]);
    let given = variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    // Ours last: of two the last counts.
    let mut text = String::new();
    for (name, value) in given.chain(ours) {
        text.push_str(&format!(
            "{}={}\n",
            escaped(name, true),
            escaped(value, false)
        ));
    }
    fs::write(path, text)
}

/// A text as a file of properties of Java has it: ASCII (java.util.Properties).
fn escaped(text: &str, is_name: bool) -> String {
    let mut out = String::new();
    for (at, unit) in text.encode_utf16().enumerate() {
        match u8::try_from(unit) {
            Ok(b'\\') => out.push_str("\\\\"),
            Ok(b' ') if is_name || at == 0 => out.push_str("\\ "),
            Ok(byte @ (b'=' | b':' | b'#' | b'!')) if is_name => {
                out.push('\\');
                out.push(char::from(byte));
            }
            Ok(byte @ b' '..=b'~') => out.push(char::from(byte)),
            _ => out.push_str(&format!("\\u{unit:04x}")),
        }
    }
    out
}

fn free_udp_port() -> Result<u16, ScriptError> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map_err(ScriptError::folder)?;
    let address = socket.local_addr().map_err(ScriptError::folder)?;
    Ok(address.port())
}

/// What it says of why it ended: behind the cause that it names stand pages of its own insides.
pub(super) fn last_words(printed: &str) -> String {
    let lines: Vec<&str> = printed.lines().map(str::trim).collect();
    let cause = lines.iter().rposition(|line| *line == "Cause:");
    let path = lines.iter().rfind(|line| line.starts_with("path "));
    match cause.and_then(|at| lines.get(at + 1)) {
        Some(cause) => {
            let all: Vec<&str> = [*cause].into_iter().chain(path.copied()).collect();
            last_lines(&all.join("\n"))
        }
        None => last_lines(printed),
    }
}

/// What an end means: JMeter ends with 0 whatever its requests did.
pub(super) fn ended(code: Option<i32>, stopped: bool) -> Result<Option<String>, ()> {
    match code {
        Some(0) => Ok(None),
        Some(_) if stopped => Ok(None),
        _ => Err(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_what_is_told() {
        let printed = "Error in NonGUIDriver\nCause:\nCannotResolveClassException: com.none.X\n\n Detail:x\npath     : /a/b\n-----\n";
        assert_eq!(
            last_words(printed),
            "CannotResolveClassException: com.none.X | path     : /a/b"
        );
        assert_eq!(last_words("one\n\ntwo\n"), "one | two");
    }

    #[test]
    fn properties_are_java_s() {
        assert_eq!(escaped("a b=c:d#e!f\\g", true), r"a\ b\=c\:d\#e\!f\\g");
        assert_eq!(
            escaped(" a b=c\n€𝄞", false),
            r"\ a b=c\u000a\u20ac\ud834\udd1e"
        );
    }
}
