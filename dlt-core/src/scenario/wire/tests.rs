//! Bodies of POST /scenarios against every limit of the contract, just inside
//! and just outside, as data (`limits.json`): each row changes a valid body at
//! one place and is accepted, or refused with its exact code and path.
//!
//! A group has the place `at` (a JSON pointer), values that are `good` and
//! `bad`, what the bad ones are `refused` with, other changes made `with` it,
//! and which `body` is changed (`simple` unless it is `script`). `$text`
//! stands for texts repeated, `$list` for an item repeated, `$absent` for
//! nothing there. The package of tests compares the same file with the
//! contract's own schema: `ours` is why a group differs from it, and
//! `disagree` in which rows.

use crate::refusal::Refusal;
use crate::scenario::Outside;
use crate::scenario::post::{Action, Post};
use serde::Deserialize;
use serde_json::{Map, Value, json};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    at: String,
    #[serde(default)]
    body: Kind,
    #[serde(default)]
    with: Map<String, Value>,
    #[serde(default)]
    good: Vec<Value>,
    #[serde(default)]
    bad: Vec<Value>,
    #[serde(default)]
    refused: String,
    #[serde(default)]
    #[expect(dead_code, reason = "for the comparison with the contract's schema")]
    ours: String,
    #[serde(default)]
    #[expect(dead_code, reason = "for the comparison with the contract's schema")]
    disagree: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    #[default]
    Simple,
    Script,
}

/// A body that each row changes.
fn base(kind: &Kind) -> Value {
    let bodies: Value = serde_json::from_str(include_str!("bodies.json")).unwrap();
    match kind {
        Kind::Simple => bodies["simple"].clone(),
        Kind::Script => bodies["script"].clone(),
    }
}

/// A value of the file, written out; None where nothing shall be.
fn written(value: &Value) -> Option<Value> {
    let only = value.as_object().filter(|object| object.len() == 1);
    match only.and_then(|object| object.iter().next()) {
        Some((key, _)) if key == "$absent" => None,
        Some((key, Value::Array(parts))) if key == "$text" => {
            let text: String = parts
                .chunks(2)
                .map(|part| {
                    let times = part[1].as_u64().unwrap() as usize;
                    part[0].as_str().unwrap().repeat(times)
                })
                .collect();
            Some(Value::String(text))
        }
        Some((key, Value::Array(parts))) if key == "$list" => {
            let times = parts[1].as_u64().unwrap() as usize;
            Some(Value::Array(vec![parts[0].clone(); times]))
        }
        _ => match value {
            Value::Array(items) => Some(items.iter().filter_map(written).collect()),
            other => Some(other.clone()),
        },
    }
}

/// Puts a value at a place, or takes away what is there.
fn change(body: &mut Value, at: &str, value: Option<Value>) {
    let Some((parent, key)) = at.rsplit_once('/') else {
        *body = value.unwrap();
        return;
    };
    match (body.pointer_mut(parent).unwrap(), value) {
        (Value::Object(object), Some(value)) => drop(object.insert(key.to_owned(), value)),
        (Value::Object(object), None) => drop(object.shift_remove(key)),
        (Value::Array(items), Some(value)) => items[key.parse::<usize>().unwrap()] = value,
        (other, _) => panic!("{at} lies in {other}"),
    }
}

/// What comes of a body, on a day in March 2026.
fn ask(body: &Value) -> Result<(), Refusal> {
    if !body.is_object() {
        let text = body.to_string();
        let request = crate::calls::request::Request {
            method: "POST",
            path: "/scenarios",
            query: None,
            body: text.as_bytes(),
        };
        return crate::calls::request::Call::read(&request)
            .unwrap()
            .map(drop);
    }
    let files = |name: &str| Err(format!("{name}: no files here"));
    let post = Post::read(&body.clone().into(), Outside::files(&files))?;
    if let Action::Schedule(when) = &post.action {
        let now = "2026-03-04T09:15:02Z".parse().unwrap();
        post.check_schedule(when, now)?;
    }
    Ok(())
}

/// The refusal as `CODE: path`, or as the code alone where it has no path.
fn told(refusal: &Refusal, body: &Value) -> String {
    let code = refusal.code;
    if code != "INVALID_REQUEST_BODY" {
        return code.to_owned();
    }
    let faults = crate::scenario::wire::faults(&body.clone().into());
    let paths: Vec<&str> = faults.iter().map(|fault| fault.path.as_str()).collect();
    match paths.as_slice() {
        // Not the schema's, but what its parts mean.
        [] => {
            let path = refusal.text.split(": ").next().unwrap_or_default();
            format!("{code}: {path}")
        }
        paths => format!("{code}: {}", paths.join(", ")),
    }
}

#[test]
fn every_limit_has_its_two_sides() {
    let groups: Vec<Group> = serde_json::from_str(include_str!("limits.json")).unwrap();
    let (mut rows, mut wrong) = (0, Vec::new());
    for group in &groups {
        assert!(
            group.bad.is_empty() || !group.refused.is_empty(),
            "{group:?}"
        );
        let good = group.good.iter().map(|value| (value, None));
        let bad = group.bad.iter().map(|value| (value, Some(&group.refused)));
        for (value, refused) in good.chain(bad) {
            rows += 1;
            let mut body = base(&group.body);
            for (at, value) in &group.with {
                change(&mut body, at, written(value));
            }
            change(&mut body, &group.at, written(value));
            let came = ask(&body).err();
            let said = came.as_ref().map(|refusal| told(refusal, &body));
            if said.as_ref() != refused {
                wrong.push(format!(
                    "{} = {value}: {said:?}, not {refused:?} {}",
                    group.at,
                    came.map(|refusal| refusal.to_string()).unwrap_or_default()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(rows > 500, "{rows}");
}

#[test]
fn the_bodies_that_are_changed_are_good() {
    for kind in [Kind::Simple, Kind::Script] {
        assert_eq!(ask(&base(&kind)), Ok(()), "{kind:?}");
    }
    assert_eq!(ask(&json!([])).unwrap_err().code, "INVALID_REQUEST_BODY");
}

/// The API's description of a scenario has the keys that are read, of requests and of scripts.
#[test]
fn the_description_names_the_keys_that_are_read() {
    use crate::scenario::{execution, requests};
    let document = crate::calls::openapi::openapi();
    // Known beside those of requests: data-sources and variables are both's.
    let of_script = ["script", "entry", "files"];
    assert!(
        of_script
            .iter()
            .all(|key| requests::script::KEYS.contains(key))
    );
    for (shape, read) in [
        ("ExecutionInput", &execution::KEYS[..]),
        ("ScenarioDefinition", &requests::SCENARIO_KEYS[..]),
        ("HttpRequestInput", &requests::REQUEST_KEYS[..]),
    ] {
        let properties = &document["components"]["schemas"][shape]["properties"];
        let mut told: Vec<&str> = properties
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .filter(|key| shape != "ScenarioDefinition" || !of_script.contains(key))
            .collect();
        let mut read = read.to_vec();
        told.sort_unstable();
        read.sort_unstable();
        assert_eq!(told, read, "{shape}");
    }
}
