//! TLS: the right certificate is accepted, every wrong one is the cause `tls`,
//! and nothing is waved through unless the scenario says so.

use crate::common::{account, run_json, scenario_file};
use dlt_core::record::RunRecord;
use dlt_tests::certificates::{Authority, Flaw};
use dlt_tests::command::Home;
use dlt_tests::patience::alone;
use dlt_tests::target::{Target, plan};
use std::time::Duration;

const EACH: u64 = 5;

/// A scenario's name, its TLS settings, its (label, target) requests.
type Group<'a> = (&'a str, String, Vec<(&'a str, &'a Target)>);

fn scenario(groups: &[Group<'_>]) -> String {
    let mut text = "execution:\n".to_owned();
    for (name, ..) in groups {
        text += &format!("- {{ users: 1, iterations: {EACH}, hold-for: 30s, scenario: {name} }}\n");
    }
    text += "scenarios:\n";
    for (name, tls, requests) in groups {
        text += &format!("  {name}:\n    tls: {{ {tls} }}\n    keepalive: false\n    requests:\n");
        for (label, target) in requests {
            text += &format!("    - {{ label: {label}, url: '{}' }}\n", target.url("/"));
        }
    }
    scenario_file("testName: tls\n", &text)
}

#[test]
fn certificates_are_checked_and_failures_counted_by_label() {
    let _alone = alone();
    let (ours, theirs) = (Authority::new(), Authority::new());
    let serve = |authority: &Authority, flaw, wants_client| {
        plan().tls(authority.server(flaw, wants_client)).start()
    };
    let good = serve(&ours, Flaw::None, false);
    let expired = serve(&ours, Flaw::Expired, false);
    let elsewhere = serve(&ours, Flaw::WrongHost, false);
    let unknown = serve(&theirs, Flaw::None, false);
    let insisting = serve(&ours, Flaw::None, true);
    let waved = serve(&theirs, Flaw::Expired, false);
    let invited = serve(&ours, Flaw::None, true);

    let ca = format!("ca-file: '{}'", ours.ca_file().display());
    let (certificate, key) = ours.client_files();
    let client = format!(
        "{ca}, cert-file: '{}', key-file: '{}'",
        certificate.display(),
        key.display()
    );
    let groups = [
        (
            "anonymous",
            ca.clone(),
            vec![
                ("good", &good),
                ("expired", &expired),
                ("elsewhere", &elsewhere),
                ("unknown", &unknown),
                ("insisting", &insisting),
            ],
        ),
        ("known", client, vec![("invited", &invited)]),
        (
            "careless",
            "insecure: true".to_owned(),
            vec![("waved", &waved)],
        ),
    ];
    let home = Home::new();
    let file = home.file("tls.yaml", scenario(&groups));
    let (record, _) = run_json(
        &home,
        Duration::from_secs(30),
        0,
        &[&file.to_string_lossy()],
    );

    let account = account(&record);
    assert_eq!(account.begun(), EACH * 7, "{account:?}");
    // Three let every request in. The one that insists on a certificate says
    // no only after the handshake (TLS 1.3), so its requests had a connection.
    assert_eq!(account.sent, EACH * 4, "{account:?}");
    assert_eq!(account.unconnected, EACH * 3, "{account:?}");
    labels_agree(&record, &groups);
    for row in record.errors.as_ref().unwrap() {
        assert_eq!(row.cause, "tls", "{row:?}");
    }
    let warned = record
        .warnings
        .iter()
        .any(|warning| warning.to_lowercase().contains("certificate"));
    assert!(
        warned,
        "insecure is an explicit choice, and warned about: {:?}",
        record.warnings
    );
}

/// Each label against its own target's log.
fn labels_agree(record: &RunRecord, groups: &[Group<'_>]) {
    let blocks = &record.summary.as_ref().unwrap().labels;
    for (label, target) in groups.iter().flat_map(|(.., requests)| requests) {
        target.settle();
        let found = blocks
            .iter()
            .find(|block| block.label.as_deref() == Some(label));
        let block = found.unwrap_or_else(|| panic!("no label {label}"));
        // Without keep-alive each sample is a connection.
        assert_eq!(target.log.connections(), EACH, "{label}");
        assert_eq!(block.count, EACH, "{label}");
        let fine = ["good", "invited", "waved"].contains(label);
        assert_eq!(block.ok, if fine { EACH } else { 0 }, "{label}");
        assert_eq!(
            target.log.count(),
            block.ok,
            "{label}: requests that got through"
        );
        if !fine {
            assert_eq!(target.log.handshakes_failed(), EACH, "{label}");
        }
    }
}
