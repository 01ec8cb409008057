//! The worker's image: a registry that others wrote takes it, and the worker runs in it
//! with nothing else around. The processes of our fake engine would not notice what an
//! image lacks.

use dlt_core::ids::{Region, RunPrefix, RunnerId, TestId, TestRunId};
use dlt_core::keys;
use dlt_core::messages::order::{Order, Role};
use dlt_core::messages::report::Report;
use dlt_core::routing::EnvironmentProxies;
use dlt_core::scenario::plan::FileType;
use dlt_core::target_policy::TargetPolicy;
use dlt_tests::certificates::{Authority, Flaw};
use dlt_tests::command::{Ended, Home, binary};
use dlt_tests::patience::{shared, until};
use dlt_tests::registry::{PASSWORD, Registry};
use dlt_tests::{dns, target};
use rsa::sha2::{Digest, Sha256};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Making it, and a registry of this machine.
const LONGEST: Duration = Duration::from_secs(90);
/// Requests for each name.
const EACH: u64 = 5;
/// A name that only the image's own `/etc/hosts` knows.
const IN_HOSTS: &str = "shop.test";
/// A name that only our name server knows.
const IN_DNS: &str = "cart.test";

fn worker() -> PathBuf {
    binary().with_file_name("dlt-worker")
}

fn push(home: &Home, registry: &Registry, password: &str) -> Ended {
    let worker = worker();
    let repository = format!("{}/dlt/worker", registry.address);
    let args = ["image", worker.to_str().unwrap(), "--push", &repository];
    let env = [("DLT_REGISTRY_PASSWORD", password)];
    home.start_with(&env, args.iter().chain(&["--tag", "v1"]))
        .wait(LONGEST)
}

/// The digest of `pushed HOST/NAME@sha256:…`.
fn digest(ended: &Ended) -> String {
    let pushed = ended
        .stdout
        .lines()
        .find(|line| line.starts_with("pushed "));
    let digest = pushed.unwrap().rsplit_once('@').unwrap().1;
    assert!(digest.starts_with("sha256:"), "{}", ended.told());
    digest.to_owned()
}

fn sha256(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

#[test]
#[ignore = "needs docker-registry: DLT_REGISTRY"]
fn a_registry_takes_it_once_and_gives_it_back() {
    let _shared = shared();
    let (home, registry) = (Home::new(), Registry::start(false));
    let first = push(&home, &registry, "");
    first.expect_code(0);
    let digest = digest(&first);

    let manifest = registry.get("dlt/worker/manifests/v1");
    assert_eq!(manifest.status, 200);
    assert_eq!(manifest.header("docker-content-digest"), Some(&*digest));
    assert_eq!(sha256(&manifest.body), digest);
    let manifest: Value = manifest.json();
    for part in [&manifest["config"], &manifest["layers"][0]] {
        let named = part["digest"].as_str().unwrap();
        let blob = registry.get(&format!("dlt/worker/blobs/{named}"));
        assert_eq!(blob.status, 200);
        assert_eq!(sha256(&blob.body), named);
        assert_eq!(part["size"], blob.body.len());
    }

    let sent = registry.answered("PUT");
    assert_eq!(sent, 3, "layer, config, manifest");
    let again = push(&home, &registry, "");
    again.expect_code(0);
    assert_eq!(
        digest,
        self::digest(&again),
        "the same worker is the same image"
    );
    assert_eq!(registry.answered("PUT"), sent, "nothing is sent twice");
    for told in [
        "the layer is there already",
        "the tag v1 is this image already",
    ] {
        assert!(again.stderr.contains(told), "{}", again.told());
    }
}

#[test]
#[ignore = "needs docker-registry: DLT_REGISTRY"]
fn a_registry_that_asks_who_it_is_gets_name_and_password() {
    let _shared = shared();
    let (home, registry) = (Home::new(), Registry::start(true));
    for wrong in ["", "battery staple"] {
        let refused = push(&home, &registry, wrong);
        refused.expect_code(3);
        let told = refused.told();
        assert!(
            told.contains("does not accept the name and password"),
            "{told}"
        );
        assert!(!told.contains("battery"), "{told}");
        assert!(!told.contains("trying again"), "{told}");
    }
    let accepted = push(&home, &registry, PASSWORD);
    accepted.expect_code(0);
    assert!(!accepted.told().contains(PASSWORD));
}

#[test]
#[ignore = "needs docker-registry: DLT_REGISTRY"]
fn a_registry_that_is_away_for_a_moment_is_waited_for() {
    let _shared = shared();
    let (home, mut registry) = (Home::new(), Registry::planned(false));
    let worker = worker();
    let repository = format!("{}/worker", registry.address);
    let args = ["image", worker.to_str().unwrap(), "--push", &repository];
    let running = home.start(args);
    until("a first attempt", LONGEST, || {
        running.stderr().contains("trying again").then_some(())
    });
    registry.listen();
    running.wait(LONGEST).expect_code(0);
}

fn unpack(archive: &Path, into: &Path, gzip: bool) {
    let flags = if gzip { "-xzpf" } else { "-xpf" };
    let mut tar = Command::new("tar");
    let tar = tar.arg(flags).arg(archive).arg("-C").arg(into);
    assert!(tar.status().unwrap().success(), "tar reads {archive:?}");
}

/// The image, unpacked by others' programs as an engine would; its root.
fn unpacked(folder: &Path) -> PathBuf {
    let home = Home::new();
    let (archive, worker) = (folder.join("image.tar"), worker());
    let paths = [&worker, &archive].map(|path| path.to_str().unwrap());
    let made = home.run(LONGEST, ["image", paths[0], "--output", paths[1]]);
    made.expect_code(0);
    let (layout, root) = (folder.join("layout"), folder.join("root"));
    for folder in [&layout, &root] {
        std::fs::create_dir(folder).unwrap();
    }
    unpack(&archive, &layout, false);
    let read = |path: &str| -> Value {
        serde_json::from_slice(&std::fs::read(layout.join(path)).unwrap()).unwrap()
    };
    let blob = |part: &Value| {
        format!(
            "blobs/{}",
            part["digest"].as_str().unwrap().replace(':', "/")
        )
    };
    let manifest = read(&blob(&read("index.json")["manifests"][0]));
    let config = read(&blob(&manifest["config"]));
    assert_eq!(config["config"]["User"], "65534:65534");
    assert_eq!(
        config["config"]["Entrypoint"],
        json!(["/usr/bin/dlt-worker"])
    );
    unpack(&layout.join(blob(&manifest["layers"][0])), &root, true);
    root
}

/// What an engine and the tests add to it: names, and our authority.
fn furnish(root: &Path, authority: &Authority) {
    let write = |path: &str, text: String| std::fs::write(root.join(path), text).unwrap();
    write("etc/hosts", format!("127.0.0.1 {IN_HOSTS}\n"));
    let resolver = format!("nameserver {}\noptions timeout:2\n", dns::SERVER);
    write("etc/resolv.conf", resolver);
    let bundle = root.join("etc/ssl/certs/ca-certificates.crt");
    let mut authorities = std::fs::read(&bundle).unwrap();
    authorities.extend(std::fs::read(authority.ca_file()).unwrap());
    std::fs::write(&bundle, authorities).unwrap();
}

/// A single runner's order, with the objects that it finds in its depot.
fn order(depot: &Path, urls: &[String]) -> Order {
    let order = Order {
        test: TestId::parse("image").unwrap(),
        run: TestRunId::parse("chroot").unwrap(),
        tool: None,
        file_type: FileType::None,
        region: Region::parse("lo-home-1").unwrap(),
        prefix: RunPrefix::parse("2026-01-01T00-00-00_chroot").unwrap(),
        role: Role::Leader,
        depot: "/tmp/depot".to_owned(),
        hub: None,
        live: false,
        runner: Some(RunnerId::parse("lo-home-1-1").unwrap()),
        threads: Some(1),
        keep_exchanges: false,
        targets: TargetPolicy::default(),
        proxies: EnvironmentProxies::default(),
    };
    let scenario = json!({
        "execution": [{ "users": 1, "iterations": EACH, "hold-for": "30s", "scenario": "shop", "taskCount": 1 }],
        "scenarios": { "shop": { "requests": urls } },
    });
    let workers = json!({ "slice": { "first": 0, "count": 1, "of": 1 }, "workers": [] });
    let (test, prefix, region) = (&order.test, &order.prefix, &order.region);
    put(depot, &keys::scenario(test, region), &scenario.to_string());
    put(depot, &keys::secret(test, prefix), &"5e".repeat(32));
    put(
        depot,
        &keys::workers(test, prefix, region),
        &workers.to_string(),
    );
    order
}

/// Whoever reads it finds all of it or nothing.
fn put(depot: &Path, key: &str, text: &str) {
    let path = depot.join(key);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let part = path.with_extension("part");
    std::fs::write(&part, text).unwrap();
    std::fs::rename(part, path).unwrap();
}

#[test]
#[ignore = "needs root: it enters the image with chroot"]
fn the_worker_runs_in_it_finds_names_and_trusts_the_bundle() {
    let _shared = shared();
    assert!(
        rustix::process::geteuid().is_root(),
        "NOT RUN: only root may enter a folder with chroot; run this test as root"
    );
    let folder = tempfile::tempdir().unwrap();
    let root = unpacked(folder.path());
    let authority = Authority::new();
    furnish(&root, &authority);
    dns::serve(IN_DNS);
    let served = authority.server_for(&[IN_HOSTS, IN_DNS], Flaw::None, false);
    let target = target::plan().tls(served).start();
    let port = target.url("/").parse::<url::Url>().unwrap().port().unwrap();
    let urls = [IN_HOSTS, IN_DNS].map(|name| format!("https://{name}:{port}/{name}"));

    let depot = root.join("tmp/depot");
    let order = order(&depot, &urls);
    // As nobody, whom the image's config names; the depot is all that is theirs.
    let owned = Command::new("chown")
        .args(["-R", "65534:65534"])
        .arg(&depot)
        .status();
    assert!(owned.unwrap().success());
    let log = std::fs::File::create(folder.path().join("log")).unwrap();
    let mut worker = Command::new("chroot")
        .arg("--userspec=65534:65534")
        .args([&root, Path::new("/usr/bin/dlt-worker")])
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .envs(order.to_env())
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    let told = || std::fs::read_to_string(folder.path().join("log")).unwrap();
    let ready = depot.join(keys::leader_ready(
        &order.test,
        &order.prefix,
        &order.region,
    ));
    let mut ended = None;
    until("the runner is ready", LONGEST, || {
        ended = worker.try_wait().unwrap();
        (ready.exists() || ended.is_some()).then_some(())
    });
    assert!(ended.is_none(), "{ended:?}: {}", told());
    let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + Duration::from_secs(1);
    let start = json!({ "start_at_us": at.as_micros() as u64 });
    put(
        &depot,
        &keys::start(&order.test, &order.prefix),
        &start.to_string(),
    );
    let status = until("the runner's end", LONGEST, || worker.try_wait().unwrap());
    assert!(status.success(), "{status}: {}", told());

    let runner = order.runner.as_ref().unwrap();
    let report = keys::report(&order.test, &order.prefix, runner, &order.region);
    let report = std::fs::read_to_string(depot.join(report)).unwrap();
    let report = Report::from_xml(&report).unwrap();
    let overall = report.tally.account;
    assert_eq!((overall.ok, overall.failed), (2 * EACH, 0), "{}", told());
    for name in [IN_HOSTS, IN_DNS] {
        assert_eq!(target.log.count_of(&format!("/{name}")), EACH, "{name}");
    }
}
