//! Scenarios from arguments: how runners are spread, and what is refused.

use super::flags::{Body, quick_body, spread, stages};
use super::*;
use dlt_core::scenario::plan::Pacing;

fn args(target: &str) -> RunArgs {
    RunArgs {
        target: target.to_owned(),
        ..RunArgs::default()
    }
}

fn refused(args: &RunArgs) -> Vec<String> {
    let read = RegionChoice::local(&args.region)
        .and_then(|regions| read(args, &regions, (&Files::InPlace, None)));
    let Faults(faults) = read.expect_err("refused");
    faults
        .into_iter()
        .map(|fault| format!("{}: {}", fault.path, fault.reason))
        .collect()
}

#[test]
fn runners_are_spread_evenly() {
    let named: Vec<String> = ["lo-home-1=8", "lo-home-2=4", "lo-home-3"]
        .map(str::to_owned)
        .to_vec();
    let regions = regions(&named).unwrap();
    assert_eq!(
        regions.iter().map(|region| region.1).collect::<Vec<_>>(),
        [8, 4, DEFAULT_CAPACITY]
    );
    for tasks in 0..20 {
        let rows = spread(tasks, &regions);
        assert_eq!(rows.iter().map(|row| row.1).sum::<u64>(), tasks);
        let most = rows.iter().map(|row| row.1).max().unwrap_or(0);
        assert!(rows.iter().all(|row| row.1 > 0 && most - row.1 <= 1));
    }
}

#[test]
fn all_faults_of_regions_are_told() {
    let mut args = args("http://127.0.0.1/");
    args.region = ["home", "lo-home-1=0", "lo-home-2=4", "lo-home-2=4"]
        .map(str::to_owned)
        .to_vec();
    insta::assert_snapshot!(refused(&args).join("\n"));
}

#[test]
fn neither_url_nor_file_is_refused_with_a_hint() {
    insta::assert_snapshot!(
        [
            refused(&args("127.0.0.1:8080")),
            refused(&args("missing.yaml")),
            refused(&args("Cargo.toml")),
        ]
        .concat()
        .join("\n")
    );
}

#[test]
fn flags_of_one_request_are_refused_with_a_file() {
    let mut args = args("Cargo.toml");
    args.method = Some("POST".to_owned());
    args.body = Some("a".to_owned());
    args.think_time = Some("1s".to_owned());
    args.no_follow = true;
    insta::assert_snapshot!(refused(&args).join("\n"));
}

#[test]
fn flags_change_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shop.yaml");
    let text = "testScenario:\n  execution: [{ users: 5, hold-for: 9s }]\n  scenarios: { shop: { requests: [\"http://127.0.0.1:1/\"] } }\n";
    std::fs::write(&file, text).unwrap();
    let mut args = args(&file.to_string_lossy());
    args.users = Some(50);
    args.region = vec!["lo-home-1".to_owned(), "lo-home-2".to_owned()];
    args.tasks = Some(3);
    args.user = Some(("ann".to_owned(), "secret".to_owned()));
    let regions = RegionChoice::local(&args.region).unwrap();
    let scenario = read(&args, &regions, (&Files::InPlace, None)).unwrap();
    assert_eq!(scenario.plan.groups[0].load.model.curve().peak(), 50.0);
    let counts: Vec<u64> = scenario.tasks.iter().map(|task| task.task_count).collect();
    assert_eq!(counts, [2, 1]);
    assert_eq!(
        scenario.changes,
        [
            "-c: users 50; the file has 5",
            "--tasks: runners: 2 in lo-home-1, 1 in lo-home-2",
            "-u: basic auth of ann"
        ]
    );
    // A wrong value is told with the flag that it came from.
    args.users = Some(0);
    args.duration = Some("soon".to_owned());
    let told = refused(&args);
    assert!(
        told.iter()
            .any(|it| it.starts_with("testScenario.execution[0].users") && it.ends_with("(-c)")),
        "{told:?}"
    );
    assert!(
        told.iter()
            .any(|it| it.starts_with("testScenario.execution[0].hold-for") && it.ends_with("(-d)")),
        "{told:?}"
    );
}

#[test]
fn a_url_with_a_body_is_posted_and_users_are_no_connections() {
    let mut args = args("http://127.0.0.1:1/");
    args.body = Some("a=b".to_owned());
    args.user = Some(("ann".to_owned(), "s:e".to_owned()));
    let regions = RegionChoice::local(&[]).unwrap();
    let scenario = read(&args, &regions, (&Files::InPlace, None)).unwrap();
    let step = &scenario.plan.groups[0].steps[0];
    assert_eq!(step.method, "POST");
    assert!(step.auth.is_some());
    args.method = Some("PUT".to_owned());
    let scenario = read(&args, &regions, (&Files::InPlace, None)).unwrap();
    assert_eq!(scenario.plan.groups[0].steps[0].method, "PUT");
    args.pacing = Some("spin".to_owned());
    let told = refused(&args);
    assert!(
        told[0].starts_with("--pacing: is how punctual requests of --arrivals are"),
        "{told:?}"
    );
    args.arrivals = Some(5.0);
    let scenario = read(&args, &regions, (&Files::InPlace, None)).unwrap();
    assert_eq!(scenario.plan.groups[0].load.pacing, Pacing::Spin);
    (args.pacing, args.arrivals) = (None, None);
    args.connections = Some(50);
    args.set = vec![("a".to_owned(), "b".to_owned())];
    let told = refused(&args);
    assert!(
        told[0].starts_with("--connections: ") && told[0].ends_with("-c 50"),
        "{told:?}"
    );
    assert!(
        told[1].starts_with("--set: is for variables of a scenario file"),
        "{told:?}"
    );
}

#[test]
fn a_url_with_flags_is_a_scenario_body() {
    let mut args = args("http://127.0.0.1:8080/a");
    args.users = Some(50);
    args.duration = Some("10s".to_owned());
    args.tasks = Some(4);
    args.region = vec!["lo-home-1=2".to_owned(), "lo-home-2=2".to_owned()];
    args.body = Some("@body.bin".to_owned());
    args.method = Some("POST".to_owned());
    args.threshold = vec!["p(95)<200ms".to_owned()];
    let regions = regions(&args.region).unwrap();
    let body = Body::File("body.bin".to_owned());
    insta::assert_json_snapshot!(quick_body(&args, body, &regions));
}

#[test]
fn stages_are_users_or_arrivals() {
    let given = |texts: &[&str]| {
        texts
            .iter()
            .map(|&text| text.to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        stages(&given(&["500/s:30s", "0/s:1s"])),
        (given(&["500:30s", "0:1s"]), true)
    );
    for users in [&["50:30s"][..], &["50:30s", "5/s:1s"], &["50/s"], &[]] {
        assert_eq!(stages(&given(users)), (given(users), false));
    }
}

#[test]
fn files_are_checked_relative_to_the_scenario() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ca.pem"), "pem").unwrap();
    let found = Files::InPlace.check(folder.path(), "ca.pem").unwrap();
    assert!(Path::new(&found).is_absolute() && found.ends_with("ca.pem"));
    let missing = Files::InPlace.check(folder.path(), "none.pem").unwrap_err();
    assert!(missing.contains("none.pem cannot be read"), "{missing}");
    let wrong = Files::InPlace.check(folder.path(), ".").unwrap_err();
    assert!(wrong.ends_with("is not a file"), "{wrong}");
}

#[test]
fn regions_of_a_server_are_chosen_by_name() {
    let known: Vec<(Region, u64)> = ["eu-west-1", "eu-west-2", "us-east-1"]
        .iter()
        .map(|name| (Region::parse(name).unwrap(), 20))
        .collect();
    let names = |rows: &[(Region, u64)]| -> Vec<String> {
        rows.iter().map(|row| row.0.to_string()).collect()
    };
    let first = RegionChoice::of_server(known.clone(), &[]).unwrap();
    assert_eq!(names(&first.chosen), ["eu-west-1"]);
    assert_eq!(names(&first.others), ["eu-west-2", "us-east-1"]);
    let named = ["us-east-1".to_owned(), "eu-west-2=3".to_owned()];
    let two = RegionChoice::of_server(known.clone(), &named).unwrap();
    assert_eq!(names(&two.chosen), ["eu-west-2", "us-east-1"]);
    assert!(two.chosen.iter().all(|row| row.1 == 20));
    let wrong = RegionChoice::of_server(known, &["lo-home-1".to_owned()]).unwrap_err();
    assert!(wrong.to_string().contains("known: eu-west-1"), "{wrong}");
}

#[test]
fn ways_of_connections_come_from_flags() {
    let mut args = args("https://shop.test/");
    args.way = crate::args::WayFlags {
        resolve: vec!["shop.test:443:127.0.0.1".to_owned()],
        connect_to: vec!["shop.test::staging.test:".to_owned()],
        // As curl takes it: without a scheme it is one of HTTP.
        proxy: Some("ann:s3cret@proxy.test:3128".to_owned()),
        noproxy: Some("local.test".to_owned()),
    };
    let regions = RegionChoice::local(&[]).unwrap();
    let scenario = read(&args, &regions, (&Files::InPlace, None)).unwrap();
    let routing = &scenario.plan.groups[0].routing;
    assert_eq!(
        routing.proxy.as_ref().unwrap().to_string(),
        "http://proxy.test:3128"
    );
    assert_eq!((routing.resolve.len(), routing.connect_to.len()), (1, 1));
    assert!(routing.no_proxy.as_ref().unwrap().matches("local.test", 1));
    args.way = crate::args::WayFlags {
        resolve: vec!["shop.test:443".to_owned()],
        connect_to: vec!["shop.test".to_owned()],
        proxy: Some("ftp://ann:s3cret@proxy.test:3128".to_owned()),
        noproxy: Some("http://x".to_owned()),
    };
    let told = refused(&args);
    for flag in ["(--resolve)", "(--connect-to)", "(--proxy)", "(--noproxy)"] {
        assert!(
            told.iter().any(|fault| fault.ends_with(flag)),
            "{flag}: {told:?}"
        );
    }
    assert!(!told.concat().contains("s3cret"), "{told:?}");
}
