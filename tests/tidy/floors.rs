//! Who may import whom, and what must be absent where.

use crate::files::{none, rust, rust_in};
use crate::imports::Imports;
use crate::manifest::members;

/// Each package and those of ours that it may use. A floor imports downward
/// only; rooms on one floor never import each other.
const MAY_IMPORT: [(&str, &[&str]); 8] = [
    ("dlt-core", &[]),
    ("dlt-worker", &["dlt-core"]),
    ("dlt-pipeline", &["dlt-core"]),
    ("dlt-mcp", &["dlt-core"]),
    ("dlt-infra", &[]),
    (
        "dlt",
        // Infra's templates, which it deploys.
        &[
            "dlt-core",
            "dlt-worker",
            "dlt-pipeline",
            "dlt-mcp",
            "dlt-infra",
        ],
    ),
    (
        "dlt-tests",
        &[
            "dlt-core",
            "dlt-worker",
            "dlt-pipeline",
            "dlt-mcp",
            "dlt-infra",
        ],
    ),
    ("xtask", &[]),
];

/// What dlt-core is made of: nothing that does I/O, awaits or draws lots.
const CORE_USES: [&str; 17] = [
    "base64",
    "cronexpr",
    "flate2",
    "hdrhistogram",
    "indexmap",
    "ipnet",
    "jiff",
    "quick-xml",
    "regex",
    "regex-automata",
    "schemars",
    "serde",
    "serde-saphyr",
    "serde_json",
    "serde_json_path",
    "thiserror",
    "url",
];

#[test]
fn floors_import_downward_only() {
    let mut offences = Vec::new();
    for manifest in members() {
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|row| row.0 == manifest.name) else {
            offences.push(format!("{} is on no floor: add it here", manifest.path));
            continue;
        };
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for dependency in manifest.dependencies(section) {
                let ours = MAY_IMPORT.iter().any(|row| row.0 == dependency);
                if ours && !allowed.contains(&dependency.as_str()) {
                    offences.push(format!("{} imports {dependency}", manifest.name));
                }
            }
        }
    }
    none("floors import downward only", offences);
}

#[test]
fn the_core_is_made_of_few_things() {
    let core = members()
        .into_iter()
        .find(|manifest| manifest.name == "dlt-core");
    let used = core.expect("dlt-core").dependencies("dependencies");
    assert!(!used.is_empty());
    let strange = used
        .into_iter()
        .filter(|name| !CORE_USES.contains(&name.as_str()));
    none("dlt-core uses only what it may", strange);
}

#[test]
fn the_core_has_no_outside() {
    let words = [
        "tokio",
        "Instant::now",
        "SystemTime::now",
        "Timestamp::now",
        "Zoned::now",
        "std::fs",
        "std::net",
        "std::env",
        "std::process",
        "std::thread",
        "std::io::std",
        "async fn",
        ".await",
        "unsafe",
    ];
    let offences = rust_in("dlt-core/src/");
    let offences = offences.iter().flat_map(|file| file.offences(&words));
    none(
        "dlt-core does no I/O, has no clock and awaits nothing",
        offences,
    );
}

#[test]
fn the_engine_knows_no_leader_and_no_report() {
    let words = [
        "dlt_core::messages::report",
        "dlt_core::messages::order",
        "dlt_core::messages::runner_line",
        "dlt_core::judge::summary",
        "crate::coordinator",
        "crate::depot",
        "crate::report",
        "crate::lifecycle",
        "std::env",
    ];
    let offences = rust_in("worker/src/engine/");
    let offences = offences.iter().flat_map(|file| file.offences(&words));
    none("the engine makes load and knows nothing else", offences);
}

#[test]
fn each_tool_has_its_place() {
    // (what, where it may stand)
    let places: [(&str, &[&str]); 7] = [
        ("rusqlite", &["/sqlite.rs"]),
        (
            "clap::",
            &[
                "cli/src/",
                "xtask/src/",
                "mcp-server/src/main.rs",
                "mcp-server/src/auth/flags.rs",
                "mcp-server/src/catalog/toolset.rs",
            ],
        ),
        (
            "rustls::",
            &[
                "worker/src/",
                "tests/harness/",
                "cli/src/client/",
                "mcp-server/src/backend/",
                "pipeline/src/clients/http.rs",
            ],
        ),
        (
            "reqwest::",
            &[
                "cli/src/client/",
                "mcp-server/src/backend/",
                "mcp-server/src/auth/fetch.rs",
                "pipeline/src/clients/http.rs",
                "cli/src/deploy/image/registry.rs",
            ],
        ),
        ("ring::signature", &["mcp-server/src/auth/jwks.rs"]),
        (
            "rmcp::",
            &["mcp-server/src/server/", "mcp-server/src/main.rs"],
        ),
        (
            "aws_",
            &[
                "s3.rs",
                "dynamodb.rs",
                "ecs.rs",
                "iot.rs",
                "stepfunctions.rs",
                "eventbridge.rs",
                "cloudformation.rs",
                "tests/simulation/on_aws.rs",
                "world.rs",
                "pipeline/src/clients/",
                "pipeline/src/bin/lambda.rs",
                "mcp-server/src/backend/",
                "cli/src/deploy/clients/",
            ],
        ),
    ];
    let files = rust();
    let mut offences = Vec::new();
    for (what, allowed) in places {
        let elsewhere = |path: &str| {
            !path.starts_with("tests/tidy/") && !allowed.iter().any(|part| path.contains(part))
        };
        let files = files.iter().filter(|file| elsewhere(&file.path));
        offences.extend(files.flat_map(|file| file.offences(&[what])));
    }
    none("each tool has its place", offences);
}

#[test]
fn nouns_do_not_name_their_adapters() {
    let words = [
        "sqlite::",
        "processes::",
        "files::",
        "broadcast::",
        "rusqlite",
    ];
    let files = rust_in("pipeline/src/");
    let nouns = files.iter().filter(|file| {
        let parts: Vec<&str> = file.path.split('/').collect();
        parts.len() == 4 && parts[3] == "mod.rs" && parts[2] != "local"
    });
    let offences = nouns.flat_map(|file| {
        file.offences(&words)
            .into_iter()
            .filter(|line| !line.contains("pub mod") && !line.contains("mod "))
    });
    none("a noun's mod.rs holds its port, not its adapters", offences);
}

#[test]
fn when_how_and_remember_do_not_know_each_other() {
    let three = [
        (
            "worker/src/engine/pace.rs",
            &["http", "remember", "walk"][..],
        ),
        ("worker/src/engine/http/", &["pace", "remember", "walk"]),
        ("worker/src/engine/remember/", &["pace", "http", "walk"]),
    ];
    let mut offences = Vec::new();
    for (place, others) in three {
        let words: Vec<String> = others
            .iter()
            .flat_map(|other| [format!("super::{other}"), format!("engine::{other}")])
            .collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        offences.extend(rust_in(place).iter().flat_map(|file| file.offences(&words)));
    }
    none("when, how and remember do not know each other", offences);
}

#[test]
fn no_files_import_each_other_in_a_loop() {
    let packages = [
        "dlt-core",
        "worker",
        "pipeline",
        "mcp-server",
        "cli",
        "xtask",
    ];
    let files = rust();
    let mut offences = Vec::new();
    for package in packages {
        let imports = Imports::of(&files, &format!("{package}/src/"));
        assert!(imports.edges.len() > 5, "{package}: imports were read");
        let found = imports.loops().into_iter();
        offences.extend(found.map(|ring| format!("{package}: {ring}")));
    }
    none("imports inside a package form no loop", offences);
}
