//! The path of the data folder, and the options with which a home is opened in this
//! process.

use anyhow::{Context, anyhow};
use dlt_core::ids::Region;
use dlt_core::routing::EnvironmentProxies;
use dlt_core::target_policy::TargetPolicy;
use dlt_pipeline::local::HomeOptions;
use std::path::{Path, PathBuf};

/// The data folder: as given, else the platform's data directory + `dlt`.
pub fn dir(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    choose(given, cfg!(target_os = "macos"), |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    })
    .and_then(|dir| {
        std::path::absolute(&dir)
            .with_context(|| format!("the data folder {} has no absolute path", dir.display()))
    })
}

fn choose(
    given: Option<&Path>,
    mac: bool,
    var: impl Fn(&str) -> Option<PathBuf>,
) -> anyhow::Result<PathBuf> {
    if let Some(dir) = given.filter(|dir| !dir.as_os_str().is_empty()) {
        return Ok(dir.to_owned());
    }
    let user = || {
        var("HOME").ok_or_else(|| {
            anyhow!("neither DLT_HOME nor HOME is set; set DLT_HOME to a folder for dlt's data")
        })
    };
    match (mac, var("XDG_DATA_HOME").filter(|dir| dir.is_absolute())) {
        (true, _) => Ok(user()?.join("Library/Application Support/dlt")),
        (false, Some(data)) => Ok(data.join("dlt")),
        (false, None) => Ok(user()?.join(".local/share/dlt")),
    }
}

/// Options of a home whose runners are this program.
pub fn options(dir: PathBuf, regions: Vec<(Region, u64)>) -> anyhow::Result<HomeOptions> {
    let program = std::env::current_exe().context("dlt cannot find its own program file")?;
    Ok(HomeOptions {
        dir,
        regions,
        worker: (program, vec!["worker".to_owned()]),
        service: false,
        mcp: None,
        targets: TargetPolicy::default(),
        // Whoever runs a command may run a script as well.
        scripts: true,
        proxies: EnvironmentProxies::default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_is_the_platforms() {
        let env = |pairs: &'static [(&str, &str)]| {
            move |name: &str| {
                pairs
                    .iter()
                    .find(|pair| pair.0 == name)
                    .map(|pair| PathBuf::from(pair.1))
            }
        };
        let home = &[("HOME", "/home/me")];
        let xdg = &[("HOME", "/home/me"), ("XDG_DATA_HOME", "/data")];
        let chosen =
            |given: Option<&str>, mac, pairs| choose(given.map(Path::new), mac, env(pairs)).ok();
        assert_eq!(chosen(Some("/x"), false, xdg), Some("/x".into()));
        assert_eq!(chosen(Some(""), false, xdg), Some("/data/dlt".into()));
        assert_eq!(
            chosen(None, false, home),
            Some("/home/me/.local/share/dlt".into())
        );
        assert_eq!(
            chosen(None, true, xdg),
            Some("/home/me/Library/Application Support/dlt".into())
        );
        assert_eq!(chosen(None, false, &[]), None);
    }
}
