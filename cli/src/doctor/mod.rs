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
use findings::{Finding, State, told};
use std::path::Path;

/// Variables that tell clients of a proxy.
const PROXIES: [&str; 8] = [
    "http_proxy",
    "HTTP_PROXY",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
];

/// `dlt doctor`.
pub async fn doctor(output: Output, api_options: &ApiOptions, as_json: bool) -> Exit {
    let mut findings = vec![versions()];
    findings.extend(limits::look(Path::new("/proc"), Path::new("/sys")));
    findings.push(stamps());
    findings.extend(clocks::look(Path::new("/sys")).await);
    findings.push(proxies(|name| std::env::var(name).ok()));
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

/// Proxies in the environment: load does not go through them.
fn proxies(var: impl Fn(&str) -> Option<String>) -> Finding {
    let what = "proxies";
    let set: Vec<String> = PROXIES
        .into_iter()
        .filter_map(|name| Some((name, var(name).filter(|value| !value.is_empty())?)))
        .map(|(name, value)| {
            // A user and a password may stand in it.
            let plain = dlt_core::scenario::requests::targets::without_user(&value)
                .0
                .into_owned();
            format!("{name}={plain}")
        })
        .collect();
    match set.is_empty() {
        true => Finding::well(what, "none in the environment"),
        false => Finding::not_well(
            State::Doubtful,
            what,
            set.join(", "),
            "load is sent to its target directly, never through these; where a target is reached through a proxy \
             alone, run dlt where it is not",
        ),
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
        let found = proxies(|name| {
            (name == "http_proxy").then(|| "http://ann:s3cret@proxy:3128".to_owned())
        });
        assert_eq!(found.state, State::Doubtful);
        assert_eq!(found.seen, "http_proxy=http://proxy:3128");
        assert_eq!(proxies(|_| Some(String::new())).state, State::Well);
    }

    #[test]
    fn this_machine_s_kernel_is_asked() {
        assert_eq!(stamps().state, State::Well);
        assert!(versions().seen.starts_with("dlt 0"));
    }
}
