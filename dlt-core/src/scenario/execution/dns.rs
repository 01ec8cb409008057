//! `dns` of an execution item: which addresses of a name are used, and how
//! often the name is resolved again. Resolving is left to the engine.

use crate::scenario::document::notes::{Node, Notes};
use crate::scenario::limits::{LONGEST_DNS_REFRESH_US, SHORTEST_DNS_REFRESH_US};
use crate::scenario::plan::{Dns, DnsPolicy};

/// Reads `dns`; what is not given or wrong is as usual.
pub(crate) fn dns(node: &Node<'_>, notes: &mut Notes) -> Dns {
    let usual = Dns::default();
    let Some(object) = node.object(notes) else {
        return usual;
    };
    object.allow_only(&["refresh", "policy"], &[], notes);
    let range = SHORTEST_DNS_REFRESH_US..=LONGEST_DNS_REFRESH_US;
    let refresh_us = object
        .get("refresh")
        .and_then(|node| node.duration(range, notes));
    let policy = object.get("policy").and_then(|node| {
        let name = node.choice(&DnsPolicy::NAMES, notes)?;
        DnsPolicy::ALL
            .into_iter()
            .find(|policy| policy.name() == name)
    });
    Dns {
        refresh_us: refresh_us.unwrap_or(usual.refresh_us),
        policy: policy.unwrap_or(usual.policy),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Value, json};

    fn read(value: &Value) -> Result<(Dns, Vec<String>), String> {
        let mut notes = Notes::default();
        let node = Node {
            value,
            path: "execution[0].dns".to_owned(),
        };
        let dns = dns(&node, &mut notes);
        notes
            .into_result(Some(dns))
            .map_err(|faults| faults.to_string())
    }

    #[test]
    fn what_is_not_said_is_as_usual() {
        let usual = Dns {
            refresh_us: 30_000_000,
            policy: DnsPolicy::Spread,
        };
        assert_eq!(read(&json!({})), Ok((usual, Vec::new())));
        for policy in DnsPolicy::ALL {
            let (dns, _) = read(&json!({ "policy": policy.name() })).unwrap();
            assert_eq!(dns, Dns { policy, ..usual });
        }
        let (dns, _) = read(&json!({ "refresh": "1m30s" })).unwrap();
        assert_eq!(dns.refresh_us, 90_000_000);
        for (inside, outside) in [("1s", "999ms"), ("31d", "31d1ms")] {
            assert!(read(&json!({ "refresh": inside })).is_ok());
            assert!(read(&json!({ "refresh": outside })).is_err());
        }
        let (_, warnings) = read(&json!({ "ttl": 3 })).unwrap();
        assert_eq!(warnings, ["execution[0].dns.ttl: unknown key, not used"]);
    }
}
