//! `connection-policy` and `keepalive` of a scenario: how long connections are used again, and
//! from which addresses they come.

use crate::scenario::document::notes::{Notes, Object};
use crate::scenario::document::shown::shown;
use crate::scenario::limits::{LONGEST_US, MOST_SOURCE_ADDRESSES};
use crate::scenario::plan::{ConnectionPolicy, Reuse};
use core::net::IpAddr;
use std::ops::RangeInclusive;

const KEYS: [&str; 4] = ["reuse", "max-requests", "max-age", "source-addresses"];
/// Shortest time after which a connection is not used again: below, each is used once.
const AGES_US: RangeInclusive<u64> = 1_000..=LONGEST_US;

/// Reads the policy; `streams`: requests that share a connection.
pub(crate) fn connection_policy(
    object: &Object<'_>,
    streams: u32,
    notes: &mut Notes,
) -> ConnectionPolicy {
    let mut policy = ConnectionPolicy::default();
    let keepalive = object.get("keepalive");
    if keepalive.and_then(|node| node.boolean(notes)) == Some(false) {
        policy.reuse = Reuse::Request;
    }
    let node = object.get("connection-policy");
    let Some(given) = node.and_then(|node| node.object(notes)) else {
        return policy;
    };
    given.allow_only(&KEYS, &[], notes);
    if let Some(reuse) = reuse(&given, notes) {
        if policy.reuse == Reuse::Request && reuse != Reuse::Request {
            notes.fault(
                given.path_of("reuse"),
                "contradicts keepalive: false, which gives each request a connection of its own",
            );
        }
        if reuse != Reuse::Run && streams > 1 {
            notes.fault(
                given.path_of("reuse"),
                "contradicts streams: connections that are shared belong to no user; leave one out",
            );
        }
        policy.reuse = reuse;
    }
    let requests = given.get("max-requests");
    let requests = requests.and_then(|node| node.whole(1..=1_000_000_000, notes));
    policy.max_requests = requests.map(|requests| requests as u32);
    let age = given.get("max-age");
    policy.max_age_us = age.and_then(|node| node.duration(AGES_US, notes));
    policy.source_addresses = source_addresses(&given, notes);
    if policy.reuse == Reuse::Request {
        for key in ["max-requests", "max-age"] {
            if given.has(key) {
                notes.warn(
                    &given.path_of(key),
                    "has no effect: each request has a connection of its own",
                );
            }
        }
    }
    policy
}

fn reuse(given: &Object<'_>, notes: &mut Notes) -> Option<Reuse> {
    let node = given.get("reuse")?;
    let text = node.text(notes)?;
    let found = Reuse::ALL.into_iter().find(|reuse| reuse.name() == text);
    if found.is_none() {
        node.fault(
            notes,
            format!(
                "must be run (a user keeps its connections), iteration (each round begins with new ones) or request (each \
                 request opens one), not {}",
                shown(text)
            ),
        );
    }
    found
}

fn source_addresses(given: &Object<'_>, notes: &mut Notes) -> Vec<IpAddr> {
    let Some(node) = given.get("source-addresses") else {
        return Vec::new();
    };
    let entries = node.list(1..=MOST_SOURCE_ADDRESSES, notes);
    let mut addresses: Vec<IpAddr> = Vec::new();
    for entry in entries.unwrap_or_default() {
        let Some(text) = entry.text(notes) else {
            continue;
        };
        match text.parse::<IpAddr>() {
            Ok(address) if addresses.contains(&address) => {
                entry.fault(notes, "stands there twice");
            }
            Ok(address) if address.is_unspecified() || address.is_multicast() => entry.fault(
                notes,
                "is no address that a connection can come from: name one of the runner's own",
            ),
            Ok(address) => addresses.push(address),
            Err(_) => entry.fault(
                notes,
                format!(
                    "must be an IP address of the runner, like 10.0.0.7, not {}",
                    shown(text)
                ),
            ),
        }
    }
    addresses
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::document::notes::Node;
    use crate::value::Value;
    use serde_json::json;

    fn read(scenario: serde_json::Value, streams: u32) -> Result<ConnectionPolicy, String> {
        let value = Value::of(&scenario).unwrap();
        let mut notes = Notes::default();
        let object = Node::root(&value).object(&mut notes).unwrap();
        let read = connection_policy(&object, streams, &mut notes);
        let result = notes.into_result(Some(read));
        result
            .map(|(read, _)| read)
            .map_err(|faults| faults.to_string())
    }

    #[test]
    fn a_policy_is_what_is_written() {
        let usual = ConnectionPolicy::default();
        assert_eq!(read(json!({}), 1), Ok(usual.clone()));
        assert_eq!(read(json!({ "keepalive": true }), 1), Ok(usual.clone()));
        for reuse in Reuse::ALL {
            let given = json!({ "connection-policy": { "reuse": reuse.name() } });
            let expected = ConnectionPolicy {
                reuse,
                ..usual.clone()
            };
            assert_eq!(read(given, 1), Ok(expected));
        }
        let none = read(json!({ "keepalive": false }), 1).unwrap();
        assert!(none.reuse == Reuse::Request && !none.keeps());
        let all = json!({ "connection-policy": {
            "reuse": "iteration", "max-requests": 7, "max-age": "1m",
            "source-addresses": ["127.0.0.2", "::1"],
        }});
        let expected = ConnectionPolicy {
            reuse: Reuse::Iteration,
            max_requests: Some(7),
            max_age_us: Some(60_000_000),
            source_addresses: vec!["127.0.0.2".parse().unwrap(), "::1".parse().unwrap()],
        };
        assert!(expected.keeps());
        let words = "new ones for each round, each for 7 requests at most, none used after 1m, from 127.0.0.2, ::1";
        assert_eq!(expected.in_words().as_deref(), Some(words));
        assert_eq!(usual.in_words(), None);
        assert_eq!(read(all, 1), Ok(expected));
        let shared = json!({ "connection-policy": { "max-requests": 7, "reuse": "run" } });
        assert_eq!(read(shared, 10).unwrap().max_requests, Some(7));
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_path() {
        let policy = |policy: serde_json::Value| json!({ "connection-policy": policy });
        for (given, part) in [
            (policy(json!([])), "connection-policy: must be an object"),
            (policy(json!({ "reuse": "always" })), "reuse: must be run"),
            (
                json!({ "keepalive": false, "connection-policy": { "reuse": "run" } }),
                "reuse: contradicts keepalive",
            ),
            (
                policy(json!({ "max-requests": 0 })),
                "max-requests: must be a whole number from 1",
            ),
            (policy(json!({ "max-age": "0s" })), "max-age: must be"),
            (
                policy(json!({ "source-addresses": ["localhost"] })),
                "source-addresses[0]: must be an IP address",
            ),
            (
                policy(json!({ "source-addresses": ["::1", "0:0::1"] })),
                "source-addresses[1]: stands there twice",
            ),
            (
                policy(json!({ "source-addresses": ["0.0.0.0"] })),
                "source-addresses[0]: is no address",
            ),
            (
                policy(json!({ "source-addresses": [] })),
                "source-addresses: must",
            ),
        ] {
            let told = read(given.clone(), 1).expect_err(part);
            assert!(told.contains(part), "{given}: {told}");
        }
        let told = read(policy(json!({ "reuse": "iteration" })), 2).unwrap_err();
        assert!(told.contains("reuse: contradicts streams"), "{told}");
    }
}
