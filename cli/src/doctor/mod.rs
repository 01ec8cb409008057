//! `dlt doctor`: looks at this machine and says of each thing that can spoil a measurement
//! whether it is well and, if not, what to do. It changes nothing. Stacks on AWS are looked
//! at by `deploy::doctor`.

mod clocks;
pub mod findings;
mod folder;
mod limits;

use crate::client::{ApiOptions, Client};
use crate::exit::Exit;
use crate::output::Output;
use dlt_core::calls::answers::StackInfo;
use dlt_core::routing::{EnvironmentProxies, IGNORED_VARIABLE};
use dlt_core::scenario::plan::Tool;
use dlt_worker::scripts::tools;
use findings::{Finding, State, told};
use std::path::Path;

/// `dlt doctor`.
pub async fn doctor(output: Output, api_options: &ApiOptions, as_json: bool) -> Exit {
    let mut findings = vec![versions()];
    findings.extend(limits::look(Path::new("/proc"), Path::new("/sys")));
    findings.push(stamps());
    findings.extend(clocks::look(Path::new("/sys")).await);
    findings.push(proxies(|name| std::env::var(name).ok()));
    findings.push(script_tools());
    match api_options.dir() {
        Ok(dir) => {
            findings.extend(folder::look(&dir));
            findings.push(service(api_options).await);
        }
        Err(error) => findings.push(Finding::not_well(
            State::Broken,
            "data folder",
            format!("{error:#}"),
            "set DLT_HOME, or give --home DIR",
        )),
    }
    told(output, &findings, as_json)
}

fn versions() -> Finding {
    let first_line = |path: &str| {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.lines().next().unwrap_or_default().trim().to_owned()
    };
    let kernel = first_line("/proc/sys/kernel/osrelease");
    let build = [
        ("AWS", cfg!(feature = "aws")),
        ("console", crate::console::is_built()),
    ];
    let build = build.map(|(what, has)| match has {
        true => format!("with {what}"),
        false => format!("without {what}"),
    });
    let seen = format!(
        "dlt {} ({}), {} {}, kernel {kernel}",
        env!("CARGO_PKG_VERSION"),
        build.join(", "),
        std::env::consts::OS,
        std::env::consts::ARCH,
    );
    Finding::well("versions", seen)
}

/// Whether the kernel says when an answer came.
fn stamps() -> Finding {
    let what = "time stamps";
    let todo = "response times then hold the time until dlt reads an answer, and the verdict says so (no-stamps): run \
                on Linux 4.14 or later, outside of sandboxes that emulate the kernel (gVisor)";
    match dlt_worker::engine::stamps_receipt() {
        Ok(true) => Finding::well(
            what,
            "the kernel stamps what it receives (tried on loopback)",
        ),
        Ok(false) => Finding::not_well(State::Doubtful, what, "the kernel stamps nothing", todo),
        Err(error) => {
            let seen = format!("cannot be tried on loopback: {error}");
            Finding::not_well(State::Doubtful, what, seen, todo)
        }
    }
}

/// The tools whose scripts can be run here. That one is missing is no fault: who has no script needs
/// none.
fn script_tools() -> Finding {
    let mut seen = Vec::new();
    for tool in Tool::ALL {
        seen.push(match tools::find(tool) {
            Ok(found) => format!(
                "{} {} ({})",
                tool.title(),
                found.version,
                found.path.display()
            ),
            Err(why) => format!("no {}: {why}", tool.title()),
        });
    }
    Finding::well("script tools", seen.join("; "))
}

/// Proxies in the environment: load goes through them.
fn proxies(var: impl Fn(&str) -> Option<String>) -> Finding {
    let what = "proxies";
    let set = |name: &str| var(name).filter(|value| !value.is_empty());
    let read = match EnvironmentProxies::read(&var) {
        Ok(read) => read,
        Err(faults) => {
            let told = faults
                .0
                .iter()
                .map(|it| format!("{}: {}", it.path, it.reason));
            let seen = told.collect::<Vec<_>>().join("; ");
            let todo = "mend it, or unset it: no run is made with it";
            return Finding::not_well(State::Broken, what, seen, todo);
        }
    };
    let mut seen = Vec::new();
    for (scheme, proxy) in [("http", &read.http), ("https", &read.https)] {
        seen.extend(
            proxy
                .as_ref()
                .map(|proxy| format!("{scheme} through {proxy}")),
        );
    }
    if !seen.is_empty() && !read.no_proxy.is_empty() {
        seen.push(format!("not for {}", read.no_proxy));
    }
    let is_ignored = set(IGNORED_VARIABLE).is_some() && set("http_proxy").is_none();
    if is_ignored {
        seen.push(format!(
            "{IGNORED_VARIABLE} is not used (http_proxy would be)"
        ));
    }
    match (read.is_empty(), is_ignored) {
        (true, false) => Finding::well(what, "none in the environment"),
        (is_direct, _) => {
            let todo = match is_direct {
                true => "set http_proxy if load is to go through it",
                false => {
                    "load of this machine's runners goes through these, and is then measured with them; this machine \
                     itself is reached directly: --noproxy '*' goes without, and so do runners on AWS"
                }
            };
            Finding::not_well(State::Doubtful, what, seen.join(", "), todo)
        }
    }
}

/// The `dlt up` of this data folder.
async fn service(api_options: &ApiOptions) -> Finding {
    let what = "dlt up";
    let client: Option<Client> = match api_options.server().await {
        Ok(client) => client,
        Err(error) => {
            let todo = "start it again: dlt up";
            return Finding::not_well(State::Doubtful, what, error.to_string(), todo);
        }
    };
    let Some(client) = client else {
        return Finding::well(what, "none runs on this folder; dlt run needs none");
    };
    let version = match client.read::<StackInfo>("/stack-info", &[]).await {
        Ok(info) => info.dlt_version,
        Err(_) => None,
    };
    let own = env!("CARGO_PKG_VERSION");
    match version {
        Some(version) if version == own => Finding::well(what, format!("runs, dlt {version}")),
        version => Finding::not_well(
            State::Doubtful,
            what,
            format!(
                "runs, dlt {}; this command is {own}",
                version.unwrap_or_else(|| "?".to_owned())
            ),
            "stop it with Ctrl-C and start this one: dlt up",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_told_without_their_passwords() {
        assert_eq!(proxies(|_| None).state, State::Well);
        let found = proxies(|name| match name {
            "http_proxy" => Some("http://ann:s3cret@proxy:3128".to_owned()),
            "no_proxy" => Some("local.test".to_owned()),
            _ => None,
        });
        assert_eq!(found.state, State::Doubtful);
        assert_eq!(
            found.seen,
            "http through http://proxy:3128 (http_proxy), not for local.test"
        );
        assert_eq!(proxies(|_| Some(String::new())).state, State::Well);
        let ignored = proxies(|name| (name == "HTTP_PROXY").then(|| "http://p:1".to_owned()));
        assert_eq!(ignored.state, State::Doubtful);
        assert!(
            ignored.seen.starts_with("HTTP_PROXY is not used"),
            "{}",
            ignored.seen
        );
        let wrong = proxies(|name| {
            (name == "all_proxy").then(|| "https://ann:s3cret@proxy:3128".to_owned())
        });
        assert_eq!(wrong.state, State::Broken);
        assert!(wrong.seen.starts_with("all_proxy: ") && !wrong.seen.contains("s3cret"));
    }

    #[test]
    fn this_machine_s_kernel_is_asked() {
        assert_eq!(stamps().state, State::Well);
        assert!(versions().seen.starts_with("dlt 0"));
    }
}
