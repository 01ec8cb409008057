//! Flags of other load generators, answered with ours for what they mean. Without this, the
//! nearest spelling would be proposed, which is often another thing.

use crate::args::Cli;
use clap::CommandFactory as _;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// A flag that dlt does not have, where it comes from, and what to write here.
pub struct Elsewhere {
    flag: &'static str,
    tools: &'static str,
    ours: &'static str,
}

const ARRIVALS: &str = "--arrivals N is requests per second whether or not answers come; --throughput N caps what \
                        users (-c) send";
const USERS: &str = "-c N is how many users there are, each with one request at a time";
const NO_THREADS: &str =
    "leave it out: load is made on all cores; users are -c N, and processes --tasks N";
const OUTPUT: &str = "-o FORMAT=FILE writes the result (json, csv, html, junit, md)";
const COUNT: &str = "-n N is how many requests are made over the whole run; --iterations N are the rounds of each user";

const fn row(flag: &'static str, tools: &'static str, ours: &'static str) -> Elsewhere {
    Elsewhere { flag, tools, ours }
}

/// All of them.
pub const TABLE: [Elsewhere; 77] = [
    row("--rate", "vegeta, k6", ARRIVALS),
    row("--rps", "k6, drill", ARRIVALS),
    row("--qps", "fortio, oha", ARRIVALS),
    row("-R", "wrk2", ARRIVALS),
    row("--arrival-rate", "Artillery", ARRIVALS),
    row("--arrivalRate", "Artillery", ARRIVALS),
    row(
        "--arrival-count",
        "Artillery",
        "-n N with --arrivals is how many arrivals there are",
    ),
    row("--burst-rate", "oha", ARRIVALS),
    row("--query-per-second", "oha", ARRIVALS),
    row("--vus", "k6", USERS),
    row(
        "--max-vus",
        "k6",
        "--connections N is how many requests may be in flight with --arrivals",
    ),
    row(
        "--vus-max",
        "k6",
        "--connections N is how many requests may be in flight with --arrivals",
    ),
    row("--concurrency", "ab, siege", USERS),
    row("--concurrent", "siege", USERS),
    row("--workers", "vegeta", USERS),
    row(
        "--max-workers",
        "vegeta",
        "--connections N is how many requests may be in flight with --arrivals",
    ),
    row("--clients", "locust", USERS),
    row(
        "-a",
        "autocannon, hey",
        "-n N is how many requests are made over the whole run (autocannon); -u USER:PASSWORD is basic auth (hey)",
    ),
    row("--amount", "autocannon", COUNT),
    row(
        "-i",
        "k6",
        "--iterations N is how many rounds each user makes",
    ),
    row(
        "-t",
        "wrk, ab, JMeter",
        "threads are none of yours: load is made on all cores; a time is -d 30s, a time limit --timeout 5s; a plan of JMeter is run as a scenario: dlt run plan.jmx",
    ),
    row("--threads", "wrk", NO_THREADS),
    row("--processes", "locust", NO_THREADS),
    row("--cpus", "hey", NO_THREADS),
    row(
        "-r",
        "locust, siege",
        "--ramp-up TIME is how long it takes until all users are there (locust); rounds of each user are --iterations N (siege)",
    ),
    row(
        "--spawn-rate",
        "locust",
        "--ramp-up TIME is how long it takes until all users are there",
    ),
    row(
        "--hatch-rate",
        "locust",
        "--ramp-up TIME is how long it takes until all users are there",
    ),
    row("--ramp-time", "Artillery", "--ramp-up TIME"),
    row(
        "--ramp-to",
        "Artillery",
        "--stages 50/s:1m,100/s:1m goes from rate to rate",
    ),
    row("--run-time", "locust", "-d TIME, like -d 30s"),
    row("--time", "siege", "-d TIME, like -d 30s"),
    row("--timelimit", "ab", "-d TIME, like -d 30s"),
    row(
        "-s",
        "k6, wrk, hey",
        "stages are --stages 50:30s,0:10s; a script is a scenario file: dlt init writes one",
    ),
    row(
        "--stage",
        "k6",
        "--stages TARGET:TIME,…, like --stages 50:30s,0:10s (k6 has the time first)",
    ),
    row(
        "--script",
        "wrk",
        "a scenario file says what is requested: dlt init writes one",
    ),
    row(
        "--locustfile",
        "locust",
        "a scenario file says what is requested: dlt init writes one",
    ),
    row(
        "-f",
        "locust, siege",
        "name the scenario file in the place of the URL: dlt run FILE",
    ),
    row(
        "--headless",
        "locust",
        "leave it out: without a terminal, progress is written line by line; -q leaves it out",
    ),
    row("--no-tui", "oha", "-q shows no progress"),
    row(
        "--no-color",
        "k6, oha",
        "NO_COLOR=1 in the environment turns colours off",
    ),
    row("--silent", "curl", "-q shows no progress"),
    row(
        "--verbose",
        "curl, k6",
        "leave it out: the result has every cause with an example (--json has all)",
    ),
    row(
        "-v",
        "curl, k6",
        "leave it out: the result has every cause with an example (--json has all)",
    ),
    row(
        "--latency",
        "wrk",
        "leave it out: percentiles are always shown",
    ),
    row(
        "-L",
        "wrk, curl",
        "leave it out: percentiles are always shown, and redirects followed (--no-follow does not)",
    ),
    row("--disable-redirects", "hey", "--no-follow"),
    row("--disable-keepalive", "oha, hey", "--no-keepalive"),
    row(
        "-p",
        "ab, autocannon",
        "-b @FILE sends a file (ab); nothing is pipelined, each user has one request at a time (autocannon)",
    ),
    row(
        "--location",
        "curl",
        "leave it out: redirects are followed (--no-follow does not)",
    ),
    row(
        "--redirect",
        "oha",
        "--no-follow follows none; max-redirects in a scenario file says how many",
    ),
    row("--http-version", "oha", "--http2, or --http1.1"),
    row(
        "--http2-prior-knowledge",
        "curl",
        "--http2: over http it is by prior knowledge",
    ),
    row(
        "--latency-correction",
        "oha",
        "leave it out: with --arrivals, times are from when each request was due",
    ),
    row(
        "--disable-compression",
        "oha, hey",
        "leave it out: no compression is asked for unless -H 'Accept-Encoding: gzip' does",
    ),
    row("--compressed", "curl", "-H 'Accept-Encoding: gzip'"),
    row("--request", "curl", "-m METHOD (or -X)"),
    row("--data-raw", "curl", "-b TEXT, or -b @FILE"),
    row("--data-binary", "curl", "-b TEXT, or -b @FILE"),
    row(
        "--data-urlencode",
        "curl",
        "-b TEXT with -H 'Content-Type: application/x-www-form-urlencoded'; a scenario file has form: { NAME: VALUE }",
    ),
    row(
        "--form",
        "curl",
        "a scenario file has form: { NAME: VALUE } and upload-files",
    ),
    row(
        "-F",
        "curl",
        "a scenario file has form: { NAME: VALUE } and upload-files",
    ),
    row("-D", "oha, hey", "-b @FILE"),
    row("-T", "hey, oha, ab", "-H 'Content-Type: application/json'"),
    row(
        "-A",
        "curl, hey",
        "-H 'User-Agent: NAME' (curl), -H 'Accept: TYPE' (hey)",
    ),
    row("--user-agent", "curl", "-H 'User-Agent: NAME'"),
    row("--cookie", "curl", "-H 'Cookie: NAME=VALUE'"),
    row("--socks5", "curl", "--proxy socks5://HOST:PORT"),
    row("--socks5-hostname", "curl", "--proxy socks5h://HOST:PORT"),
    row(
        "--proxy-user",
        "curl",
        "--proxy http://USER:PASSWORD@HOST:PORT",
    ),
    row(
        "--proxy-header",
        "oha, curl",
        "user and password of a proxy stand in its URL: --proxy http://USER:PASSWORD@HOST:PORT",
    ),
    row("--preproxy", "curl", "one proxy is used: --proxy URL"),
    row("--head", "curl", "-m HEAD"),
    row("-I", "curl", "-m HEAD"),
    row("--max-time", "curl", "--timeout TIME"),
    row("--out", "k6", OUTPUT),
    row("--summary-export", "k6", OUTPUT),
    row("--csv", "locust", OUTPUT),
];

/// What to say of arguments that cannot be used; None if clap's own words are right.
pub fn explained(error: &clap::Error, arguments: &[String]) -> Option<String> {
    let kinds = [ErrorKind::UnknownArgument, ErrorKind::InvalidSubcommand];
    if kinds.contains(&error.kind()) && is_without_command(arguments) {
        let known = |argument: &String| long_by_one_dash(argument).or_else(|| in_table(argument));
        let also = arguments.iter().find_map(known);
        let also = also.map_or_else(String::new, |also| format!("; {also}"));
        return Some(format!(
            "load is made by dlt run: write `dlt run` in front of the URL and its flags, as in dlt run http://127.0.0.1:8080/ -c 10 -d 10s{also}"
        ));
    }
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    let Some(ContextValue::String(wrong)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    in_table(wrong).filter(|_| loads(arguments))
}

/// What to say of a flag of another tool.
fn in_table(argument: &str) -> Option<String> {
    let flag = argument.split(['=', ' ']).next().unwrap_or_default();
    let row = TABLE.iter().find(|row| row.flag == flag)?;
    Some(format!(
        "{} is a flag of {}, not of dlt: {}. All flags: dlt run --help",
        row.flag, row.tools, row.ours
    ))
}

/// What is wrong with flags that dlt has, and that mean something else elsewhere.
pub fn misread(arguments: &[String]) -> Option<String> {
    if !loads(arguments) {
        return None;
    }
    let is_number = |text: &str| text.parse::<f64>().is_ok_and(f64::is_finite);
    let is_body = |text: &&str| text.starts_with(['{', '[', '@']) || text.contains('=');
    let has_users = arguments.iter().any(|argument| argument.starts_with("-c"));
    for (at, argument) in arguments.iter().enumerate() {
        let next = arguments.get(at + 1).map(String::as_str);
        let rate = match argument.as_str() {
            "--" => return None,
            text if long_by_one_dash(text).is_some() => return long_by_one_dash(text),
            "-q" => next.filter(|next| is_number(next)),
            joined => joined.strip_prefix("-q").filter(|rest| is_number(rest)),
        };
        if let Some(rate) = rate {
            return Some(match has_users {
                true => format!(
                    "-q shows no progress here; it is a rate elsewhere: --throughput {rate} caps what the users of -c send at {rate} requests per second"
                ),
                false => format!(
                    "-q shows no progress here; it is a rate elsewhere: --arrivals {rate} is {rate} requests per second"
                ),
            });
        }
        if let Some(body) = next.filter(|next| argument == "-d" && is_body(next)) {
            return Some(format!(
                "-d is how long load is made here, like 10s; a body is -b: -b '{body}'"
            ));
        }
        let folder = match argument.as_str() {
            "--data" => next,
            joined => joined.strip_prefix("--data="),
        };
        if let Some(body) = folder.filter(is_body) {
            return Some(format!(
                "--data is the folder for results here (--home); a body is -b: -b '{body}'"
            ));
        }
    }
    None
}

/// Flags that hey and vegeta write with one dash, and ours for them.
const BY_ONE_DASH: [(&str, &str); 9] = [
    ("-rate", "--arrivals N"),
    ("-duration", "-d TIME"),
    ("-workers", "-c N"),
    ("-max-workers", "--connections N"),
    ("-timeout", "--timeout TIME"),
    ("-targets", "a scenario file: dlt init writes one"),
    ("-disable-keepalive", "--no-keepalive"),
    ("-disable-redirects", "--no-follow"),
    (
        "-disable-compression",
        "leave it out: no compression is asked for",
    ),
];

/// What to say of a long flag with one dash, which would be read as many short ones.
fn long_by_one_dash(argument: &str) -> Option<String> {
    let flag = argument.split('=').next().unwrap_or_default();
    let (flag, ours) = BY_ONE_DASH.iter().find(|row| row.0 == flag)?;
    Some(format!(
        "{flag} is a flag of hey or vegeta, not of dlt: {ours}. All flags: dlt run --help"
    ))
}

/// Whether arguments are those of a load generator, without any command of dlt.
fn is_without_command(arguments: &[String]) -> bool {
    let Some(first) = arguments.get(1) else {
        return false;
    };
    let is_url = |text: &String| text.contains("://") && !text.starts_with('-');
    let is_command = |name: &str| {
        let command = Cli::command();
        command
            .get_subcommands()
            .any(|known| known.get_name() == name)
    };
    let loads = ["attack", "bench", "load"].contains(&first.as_str());
    // Flags of every command may stand before it.
    let has_command = arguments
        .iter()
        .skip(1)
        .any(|argument| is_command(argument));
    !has_command && (loads || arguments.iter().skip(1).any(is_url))
}

/// Whether the command makes load, so that flags of load generators are meant.
fn loads(arguments: &[String]) -> bool {
    let commands = ["run", "check"];
    arguments
        .iter()
        .skip(1)
        .any(|argument| commands.contains(&argument.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn answered(arguments: &[&str]) -> Option<String> {
        let arguments: Vec<String> = arguments.iter().map(|&it| it.to_owned()).collect();
        if let Some(said) = misread(&arguments) {
            return Some(said);
        }
        let error = Cli::try_parse_from(&arguments).expect_err("refused");
        explained(&error, &arguments)
    }

    /// Each row is a flag that dlt does not have, as other tools write it.
    #[test]
    fn flags_of_others_are_answered_with_ours() {
        for row in &TABLE {
            let joined = match row.flag.starts_with("--") {
                true => format!("{}=5", row.flag),
                false => format!("{}5", row.flag),
            };
            for arguments in [
                &["dlt", "run", "http://a/", row.flag, "5"][..],
                &["dlt", "run", row.flag, "5", "http://a/"],
                &["dlt", "run", "http://a/", "-c", "5", &joined],
                &["dlt", "check", "a.yaml", row.flag],
            ] {
                let said = answered(arguments).unwrap_or_else(|| panic!("{arguments:?}"));
                let begin = format!(
                    "{} is a flag of {}, not of dlt: {}",
                    row.flag, row.tools, row.ours
                );
                assert!(said.starts_with(&begin), "{arguments:?}: {said}");
            }
            let times = TABLE.iter().filter(|other| other.flag == row.flag).count();
            assert_eq!(times, 1, "{}", row.flag);
        }
    }

    #[test]
    fn our_flags_are_not_taken_for_theirs() {
        for (arguments, says) in [
            (
                &["dlt", "run", "http://a/", "-q", "500"][..],
                "--arrivals 500 is",
            ),
            (
                &["dlt", "run", "-q", "1.5", "http://a/"],
                "--arrivals 1.5 is",
            ),
            (&["dlt", "run", "http://a/", "-q50"], "--arrivals 50 is"),
            (
                &["dlt", "run", "http://a/", "--data", "{\"a\":1}"],
                "-b '{\"a\":1}'",
            ),
            (&["dlt", "run", "http://a/", "--data=a=b"], "-b 'a=b'"),
            (&["dlt", "run", "http://a/", "-d", "a=b"], "-b 'a=b'"),
            (
                &["dlt", "run", "http://a/", "-z", "2s", "-c", "5", "-q", "40"],
                "--throughput 40",
            ),
            (&["dlt", "run", "http://a/", "-rate=50"], "--arrivals N"),
            (&["dlt", "run", "http://a/", "-workers", "5"], "-c N"),
            (
                &["dlt", "run", "-disable-keepalive", "http://a/"],
                "--no-keepalive",
            ),
            (&["dlt", "http://a/"], "dlt run"),
            (&["dlt", "-n", "200", "-c", "50", "http://a/"], "dlt run"),
            (&["dlt", "attack", "-rate=50"], "--arrivals N"),
            (&["dlt", "attack", "--rate", "50"], "--arrivals N"),
        ] {
            let said = answered(arguments).unwrap();
            assert!(said.contains(says), "{arguments:?}: {said}");
        }
        let good = |arguments: &[&str]| {
            let arguments: Vec<String> = arguments.iter().map(|&it| it.to_owned()).collect();
            assert_eq!(misread(&arguments), None, "{arguments:?}");
        };
        good(&["dlt", "run", "http://a/", "-q", "-c", "5"]);
        good(&["dlt", "run", "http://a/", "--data", "./load"]);
        good(&["dlt", "run", "http://a/", "-d", "10s", "-kc5"]);
        good(&["dlt", "runs", "get", "latest", "--data", "a=b"]);
        // A mistyped flag of ours is clap's to answer.
        assert_eq!(
            answered(&["dlt", "run", "http://a/", "--arivals", "5"]),
            None
        );
        assert_eq!(answered(&["dlt", "runs", "list", "--rate"]), None);
        assert_eq!(answered(&["dlt", "rnu", "list"]), None);
        let before = ["dlt", "--home", "/x", "run", "http://a/", "--bogus"];
        assert_eq!(answered(&before), None);
        let api = ["dlt", "--api", "https://h/prod", "runs", "list", "--bogus"];
        assert_eq!(answered(&api), None);
    }
}
