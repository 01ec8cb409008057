//! A release, packed: a folder like those of `/usr`, as an archive and as a package of
//! Debian, and the functions as Lambda takes them. The same programs give the same bytes.

use super::programs::{Machine, Programs};
use super::{file, printed, version};
use anyhow::{Context, Result, bail};
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

/// The time of all files: the first that a zip can tell, 1980-01-01, seconds.
const EPOCH_S: u64 = 315_532_800;
/// Which completions go where; each shell looks there by itself.
const COMPLETIONS: [(&str, &str); 3] = [
    ("bash", "share/bash-completion/completions/dlt"),
    ("zsh", "share/zsh/vendor-completions/_dlt"),
    ("fish", "share/fish/vendor_completions.d/dlt.fish"),
];
/// Texts that go with it.
const TEXTS: [&str; 3] = ["LICENSE", "README.md", "CHANGELOG.md"];

/// The recipe of the image with tools.
const ENGINES: [&str; 5] = [
    "Dockerfile",
    "install.py",
    "jmeter.txt",
    "k6.txt",
    "locust.txt",
];

/// Lays out programs, manual and completions.
pub fn tree(programs: &Programs, tree: &Path) -> Result<()> {
    let copy = |from: &Path, to: &str, mode: u32| -> Result<()> {
        let to = tree.join(to);
        fs::create_dir_all(to.parent().context("a folder")?)?;
        fs::copy(from, &to).with_context(|| from.display().to_string())?;
        Ok(fs::set_permissions(to, fs::Permissions::from_mode(mode))?)
    };
    for name in Programs::COMMANDS {
        copy(&programs.path(name), &format!("bin/{name}"), 0o755)?;
    }
    for name in Programs::DEPLOYED {
        copy(&programs.path(name), &format!("lib/dlt/{name}"), 0o755)?;
    }
    for name in TEXTS.map(str::to_owned).into_iter().chain(documents()?) {
        copy(&file(&name), &format!("share/doc/dlt/{name}"), 0o644)?;
    }
    // For who builds the image with tools by hand.
    for name in ENGINES {
        let from = file(&format!("worker/engines/{name}"));
        copy(&from, &format!("share/doc/dlt/engines/{name}"), 0o644)?;
    }
    // They are the same for every machine; only this one's can be asked.
    if programs.machine == Machine::here()? {
        let dlt = || Command::new(programs.path("dlt"));
        printed(dlt().arg("man").arg(tree.join("share/man/man1")))?;
        for (shell, path) in COMPLETIONS {
            let path = tree.join(path);
            fs::create_dir_all(path.parent().context("a folder")?)?;
            fs::write(path, printed(dlt().args(["completions", shell]))?)?;
        }
    } else {
        println!("without man pages and completions: they are asked of a dlt that runs here");
    }
    Ok(())
}

/// The pages that README points to.
fn documents() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(file("docs"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".md") {
            names.push(format!("docs/{name}"));
        }
    }
    names.sort();
    Ok(names)
}

/// `NAME.tar.gz` of the folder NAME.
pub fn archive(folder: &Path, name: &str) -> Result<()> {
    let path = folder.join(format!("{name}.tar.gz"));
    let mut tar = Command::new("tar");
    tar.current_dir(folder)
        .args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner"])
        .args([&format!("--mtime=@{EPOCH_S}"), "-cf", "-", name]);
    let mut tar = tar.stdout(Stdio::piped()).spawn().context("tar")?;
    let packed = Command::new("gzip")
        .args(["-n", "-6"])
        .stdin(tar.stdout.take().context("tar's output")?)
        .stdout(File::create(&path)?)
        .status()?;
    if !tar.wait()?.success() || !packed.success() {
        bail!("{} could not be packed", path.display());
    }
    Ok(())
}

/// `functions.zip` and `mcp.zip`: one program each, by the name that Lambda runs.
pub fn zips(programs: &Programs, folder: &Path) -> Result<()> {
    for (program, name) in [
        ("dlt-functions", "functions.zip"),
        ("dlt-mcp-lambda", "mcp.zip"),
    ] {
        let bootstrap = folder.join("bootstrap");
        fs::copy(programs.path(program), &bootstrap)?;
        fs::set_permissions(&bootstrap, fs::Permissions::from_mode(0o755))?;
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(EPOCH_S);
        File::options()
            .write(true)
            .open(&bootstrap)?
            .set_modified(time)?;
        // Keeps the program's right to be run.
        let zip = ["-m", "zipfile", "-c", name, "bootstrap"];
        let mut python = Command::new("python3");
        printed(python.current_dir(folder).env("TZ", "UTC").args(zip))?;
        fs::remove_file(bootstrap)?;
    }
    Ok(())
}

/// A package that puts the tree below `/usr`.
pub fn debian(tree: &Path, folder: &Path, machine: Machine) -> Result<()> {
    let root = folder.join("debian");
    fs::create_dir_all(root.join("DEBIAN"))?;
    let usr = root.join("usr");
    printed(Command::new("cp").arg("-a").arg(tree).arg(&usr))?;
    let pages = usr.join("share/man/man1");
    if pages.exists() {
        let mut names: Vec<_> = fs::read_dir(&pages)?
            .map(|entry| Ok(entry?.path()))
            .collect::<Result<_>>()?;
        names.sort();
        printed(Command::new("gzip").args(["-n", "-6"]).args(names))?;
    }
    let doc = usr.join("share/doc/dlt");
    fs::rename(doc.join("LICENSE"), doc.join("copyright"))?;
    let kib = printed(
        Command::new("du")
            .args(["-sk", "--apparent-size"])
            .arg(&usr),
    )?;
    let kib = kib.split_whitespace().next().unwrap_or("0").to_owned();
    fs::write(root.join("DEBIAN/control"), control(machine, &kib))?;
    let package = folder.join(format!("dlt_{}_{}.deb", version(), machine.debian()));
    let mut build = Command::new("dpkg-deb");
    build
        .env("SOURCE_DATE_EPOCH", EPOCH_S.to_string())
        .args(["--root-owner-group", "-Zgzip", "--build"])
        .args([&root, &package]);
    printed(&mut build).context("the Debian package is made with dpkg-deb (package dpkg)")?;
    Ok(fs::remove_dir_all(root)?)
}

fn control(machine: Machine, kib: &str) -> String {
    format!(
        "Package: dlt\nVersion: {}\nArchitecture: {}\n\
         Maintainer: The developers of dlt <dlt@users.noreply.invalid>\n\
         Installed-Size: {kib}\nSection: net\nPriority: optional\n\
         Depends: libc6 (>= 2.34), libgcc-s1, ca-certificates\n\
         Description: distributed load testing whose numbers can be trusted\n \
         Sends a planned load to an HTTP target from one or many processes, on this\n \
         machine or on AWS, and says what came of it and whether to believe it.\n",
        version(),
        machine.debian()
    )
}
