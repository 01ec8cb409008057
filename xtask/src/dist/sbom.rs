//! The bill of materials: every crate that is linked into the programs, with its licence
//! and checksum, as CycloneDX 1.5. From cargo's own graph and lock file, so that it cannot
//! say anything else than what was built; without a time, so that it is the same again.

use super::programs::Machine;
use super::{file, version};
use crate::step::cargo;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The packages whose programs are released.
const ROOTS: [&str; 4] = ["dlt", "dlt-mcp", "dlt-pipeline", "dlt-worker"];

/// Writes it.
pub fn write(machine: Machine, path: &Path) -> Result<()> {
    let mut metadata = cargo(&["metadata", "--locked", "--format-version", "1"]);
    metadata.args(["--filter-platform", &machine.triple()]);
    metadata.args(["--features", "dlt/aws,dlt-pipeline/lambda,dlt-worker/aws"]);
    let said = metadata.output().context("cargo metadata")?;
    if !said.status.success() {
        bail!("{}", String::from_utf8_lossy(&said.stderr));
    }
    let metadata: Value = serde_json::from_slice(&said.stdout)?;
    let lock = std::fs::read_to_string(file("Cargo.lock"))?;
    let bill = bill(&metadata, &checksums(&lock))?;
    std::fs::write(path, format!("{bill:#}\n")).with_context(|| path.display().to_string())
}

/// From `name version` to what the registry's file hashes to.
fn checksums(lock: &str) -> BTreeMap<String, String> {
    let field = |package: &str, name: &str| {
        let line = package.lines().find_map(|line| {
            let rest = line.strip_prefix(name)?.strip_prefix(" = \"")?;
            rest.strip_suffix('"')
        });
        line.map(str::to_owned)
    };
    lock.split("[[package]]")
        .filter_map(|package| {
            let (name, version) = (field(package, "name")?, field(package, "version")?);
            Some((format!("{name} {version}"), field(package, "checksum")?))
        })
        .collect()
}

/// What the roots are linked with: tests' and builds' own dependencies are not.
fn linked<'a>(metadata: &'a Value) -> Result<BTreeMap<&'a str, Vec<&'a str>>> {
    let nodes = metadata["resolve"]["nodes"].as_array();
    let nodes = nodes.context("cargo metadata has no graph")?;
    let by_id: BTreeMap<&str, &Value> = nodes
        .iter()
        .filter_map(|node| Some((node["id"].as_str()?, node)))
        .collect();
    let packages = metadata["packages"].as_array().context("packages")?;
    let mut open: Vec<&str> = packages
        .iter()
        .filter(|package| ROOTS.iter().any(|root| package["name"] == *root))
        .filter_map(|package| package["id"].as_str())
        .collect();
    let mut found: BTreeMap<&'a str, Vec<&'a str>> = BTreeMap::new();
    while let Some(id) = open.pop() {
        if found.contains_key(id) {
            continue;
        }
        let edges = by_id.get(id).and_then(|node| node["deps"].as_array());
        let is_linked = |edge: &&Value| {
            let kinds = edge["dep_kinds"].as_array();
            kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind["kind"].is_null()))
        };
        let edges = edges.into_iter().flatten().filter(is_linked);
        let below: Vec<&str> = edges.filter_map(|edge| edge["pkg"].as_str()).collect();
        open.extend(&below);
        found.insert(id, below);
    }
    Ok(found)
}

fn purl(package: &Value) -> String {
    let text = |name: &str| package[name].as_str().unwrap_or_default().to_owned();
    format!("pkg:cargo/{}@{}", text("name"), text("version"))
}

fn bill(metadata: &Value, checksums: &BTreeMap<String, String>) -> Result<Value> {
    let linked = linked(metadata)?;
    let packages = metadata["packages"].as_array().context("packages")?;
    let by_id: BTreeMap<&str, &Value> = packages
        .iter()
        .filter_map(|package| Some((package["id"].as_str()?, package)))
        .collect();
    let mut components = BTreeMap::new();
    let mut dependencies = BTreeMap::new();
    for (id, below) in &linked {
        let package = by_id.get(id).context("a package of the graph")?;
        let name = purl(package);
        let mut component = json!({
            "type": "library",
            "bom-ref": name,
            "name": package["name"],
            "version": package["version"],
            "purl": name,
        });
        if let Some(licence) = package["license"].as_str() {
            // Old crates write a slash for "or".
            let licence = licence.replace('/', " OR ");
            component["licenses"] = json!([{ "expression": licence }]);
        }
        let key = name.trim_start_matches("pkg:cargo/").replace('@', " ");
        if let Some(sum) = checksums.get(&key) {
            component["hashes"] = json!([{ "alg": "SHA-256", "content": sum }]);
        }
        let below: BTreeSet<String> = below
            .iter()
            .filter_map(|id| Some(purl(by_id.get(id)?)))
            .collect();
        dependencies.insert(name.clone(), json!({ "ref": name, "dependsOn": below }));
        components.insert(name, component);
    }
    let root = format!("pkg:cargo/dlt@{}", version());
    Ok(json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": {
            "type": "application", "bom-ref": "dlt", "name": "dlt", "version": version(), "purl": root,
        } },
        "components": components.into_values().collect::<Vec<_>>(),
        "dependencies": dependencies.into_values().collect::<Vec<_>>(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str) -> Value {
        json!({ "id": name, "name": name, "version": "1.0.0", "license": "MIT/Apache-2.0" })
    }

    fn edge(to: &str, kind: Option<&str>) -> Value {
        json!({ "pkg": to, "dep_kinds": [{ "kind": kind }] })
    }

    #[test]
    fn what_is_linked_is_listed_and_nothing_else() {
        let names = ["dlt", "serde", "itoa", "insta", "cc", "unrelated"];
        let metadata = json!({
            "packages": names.map(package),
            "resolve": { "nodes": [
                { "id": "dlt", "deps": [edge("serde", None), edge("insta", Some("dev")), edge("cc", Some("build"))] },
                { "id": "serde", "deps": [edge("itoa", None)] },
                { "id": "itoa", "deps": [] },
            ] },
        });
        let lock = "version = 4\n\n[[package]]\nname = \"serde\"\nversion = \"1.0.0\"\n\
                    source = \"registry\"\nchecksum = \"c0ffee\"\n\n[[package]]\nname = \"dlt\"\nversion = \"1.0.0\"\n";
        let bill = bill(&metadata, &checksums(lock)).unwrap();
        let components = bill["components"].as_array().unwrap();
        let listed: Vec<&str> = components
            .iter()
            .filter_map(|one| one["name"].as_str())
            .collect();
        assert_eq!(listed, ["dlt", "itoa", "serde"]);
        assert_eq!(components[2]["hashes"][0]["content"], "c0ffee");
        assert_eq!(
            components[2]["licenses"][0]["expression"],
            "MIT OR Apache-2.0"
        );
        assert_eq!(
            bill["dependencies"][0]["dependsOn"],
            json!(["pkg:cargo/serde@1.0.0"])
        );
    }
}
