//! JMeter's folder with the plugins that lie beside a plan: they take the place of those of the same
//! artifact that JMeter has, so that no class is there twice. JMeter's own folder stays as it is.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// The folder to run with: `home` itself, or where there are plugins one of its own at `own`, whose
/// files are links.
pub(super) fn with_plugins(home: &Path, plugins: &Path, own: &Path) -> io::Result<PathBuf> {
    let jars = jars_of(plugins)?;
    if jars.is_empty() {
        return Ok(home.to_owned());
    }
    fs::create_dir_all(own.join("bin"))?;
    fs::create_dir_all(own.join("lib/ext"))?;
    let (jar, ext) = ("ApacheJMeter.jar", "ext");
    link_all(&home.join("bin"), &own.join("bin"), |name| name != jar)?;
    // JMeter takes the place of this file for its folder, through links.
    fs::copy(home.join("bin").join(jar), own.join("bin").join(jar))?;
    link_all(&home.join("lib"), &own.join("lib"), |name| name != ext)?;
    let replaced: Vec<String> = jars.iter().map(|jar| artifact(&name_of(jar))).collect();
    link_all(&home.join("lib/ext"), &own.join("lib/ext"), |name| {
        !replaced.contains(&artifact(name))
    })?;
    for jar in &jars {
        fs::copy(jar, own.join("lib/ext").join(name_of(jar)))?;
    }
    Ok(own.to_owned())
}

fn jars_of(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut jars = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "jar") {
            jars.push(path);
        }
    }
    jars.sort();
    Ok(jars)
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn link_all(from: &Path, to: &Path, is_taken: impl Fn(&str) -> bool) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let path = fs::canonicalize(entry?.path())?;
        let name = name_of(&path);
        if is_taken(&name) {
            symlink(&path, to.join(name))?;
        }
    }
    Ok(())
}

/// The artifact of a jar, without its version: `jmeter-plugins-casutg-2.10.jar`.
fn artifact(jar: &str) -> String {
    let stem = jar.strip_suffix(".jar").unwrap_or(jar);
    let is_version = |part: &str| part.starts_with(|c: char| c.is_ascii_digit());
    let mut parts: Vec<&str> = stem.split('-').collect();
    if let Some(at) = parts.iter().skip(1).position(|part| is_version(part)) {
        parts.truncate(at + 1);
    }
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plugins_take_the_place_of_their_artifact() {
        let folder = tempfile::tempdir().unwrap();
        let (home, plugins) = (folder.path().join("home"), folder.path().join("plugins"));
        for path in ["home/bin", "home/lib/ext", "plugins"] {
            fs::create_dir_all(folder.path().join(path)).unwrap();
        }
        let write = |path: &str| fs::write(folder.path().join(path), path).unwrap();
        write("home/bin/ApacheJMeter.jar");
        write("home/bin/jmeter.properties");
        write("home/lib/log4j-1.2.jar");
        write("home/lib/ext/jmeter-plugins-casutg-2.10.jar");
        write("home/lib/ext/ApacheJMeter_http.jar");
        let own = folder.path().join("own");
        assert_eq!(with_plugins(&home, &plugins, &own).unwrap(), home);
        write("plugins/jmeter-plugins-casutg-3.1.1.jar");
        write("plugins/own.jar");
        write("plugins/readme.txt");
        assert_eq!(with_plugins(&home, &plugins, &own).unwrap(), own);
        let mut names: Vec<String> = fs::read_dir(own.join("lib/ext"))
            .unwrap()
            .map(|entry| name_of(&entry.unwrap().path()))
            .collect();
        names.sort();
        assert_eq!(
            names,
            [
                "ApacheJMeter_http.jar",
                "jmeter-plugins-casutg-3.1.1.jar",
                "own.jar"
            ]
        );
        assert!(
            own.join("bin/jmeter.properties").exists() && own.join("lib/log4j-1.2.jar").exists()
        );
        assert!(!own.join("bin/ApacheJMeter.jar").is_symlink());
    }

    #[test]
    fn a_version_is_no_part_of_an_artifact() {
        assert_eq!(
            artifact("jmeter-plugins-casutg-3.1.1.jar"),
            "jmeter-plugins-casutg"
        );
        assert_eq!(artifact("own.jar"), "own");
        assert_eq!(artifact("http2-client-9.4.jar"), "http2-client");
        assert_eq!(artifact("3d-tools.jar"), "3d-tools");
    }
}
