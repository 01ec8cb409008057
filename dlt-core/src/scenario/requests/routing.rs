//! `resolve`, `connect-to`, `proxy` and `no-proxy` of a scenario: the way to its targets, in
//! curl's forms. What they come to for a request is `crate::routing`'s.

use crate::routing::{ConnectTo, NoProxy, Proxy, Resolve, Routes, Routing};
use crate::scenario::document::notes::{Node, Notes, Object};
use crate::scenario::limits::{LONGEST_URL, MOST_ROUTES};
use crate::scenario::plan::{ConnectionPolicy, Step};
use core::net::IpAddr;
use url::{Host, Url};

/// Reads the four keys.
pub(crate) fn routing(object: &Object<'_>, notes: &mut Notes) -> Routing {
    let mut routing = Routing::default();
    for node in texts(object, "resolve", notes) {
        let Some(entry) = read(&node, Resolve::parse, notes) else {
            continue;
        };
        let is_same = |it: &Resolve| (&it.host, it.port) == (&entry.host, entry.port);
        if routing.resolve.iter().any(is_same) {
            node.fault(
                notes,
                "names a host and port a second time; write all addresses in one entry, with commas between",
            );
        }
        // What `*` stands for may be allowed by its name: that is seen at each connection.
        let name = entry.host.as_deref();
        let targets = notes.targets.as_ref().zip(name);
        let checked = entry.addresses.iter().find_map(|address| {
            let (targets, name) = targets?;
            targets.check_address(name, *address).err()
        });
        if let Some(why) = checked {
            node.fault(notes, format!("leads to no allowed target: {why}"));
        }
        routing.resolve.push(entry);
    }
    for node in texts(object, "connect-to", notes) {
        let Some(entry) = read(&node, ConnectTo::parse, notes) else {
            continue;
        };
        if let Some(host) = &entry.to_host {
            check_host(host, "leads to", &node, notes);
        }
        if let Some(path) = &entry.unix
            && let Some(Err(why)) = notes.targets.as_ref().map(|it| it.check_unix(path))
        {
            node.fault(notes, format!("leads to no allowed target: {why}"));
        }
        routing.connect_to.push(entry);
    }
    if let Some(node) = object.get("proxy")
        && let Some(proxy) = read(&node, Proxy::parse, notes)
    {
        check_host(&proxy.host, "names", &node, notes);
        if let Some(entry) = routing.connect_to.iter().find(|it| it.unix.is_some()) {
            node.fault(
                notes,
                format!("contradicts connect-to {entry}: a Unix socket is reached without a proxy; leave one out"),
            );
        }
        routing.proxy = Some(proxy);
    }
    if object.get("no-proxy").is_some() {
        let list = texts(object, "no-proxy", notes);
        let read = |node: &Node<'_>| node.text(notes).map(str::to_owned);
        let list: Vec<String> = list.iter().filter_map(read).collect();
        match NoProxy::parse(&list.join(",")) {
            Ok(list) => routing.no_proxy = Some(list),
            Err(why) => notes.fault(object.path_of("no-proxy"), why),
        }
    }
    routing
}

/// Refuses source addresses of connections that come from none.
pub(crate) fn refuse_sources(
    object: &Object<'_>,
    (routing, policy): (&Routing, &ConnectionPolicy),
    notes: &mut Notes,
) {
    let unix = routing.connect_to.iter().find(|it| it.unix.is_some());
    if let Some(entry) = unix.filter(|_| !policy.source_addresses.is_empty()) {
        notes.fault(
            object.path_of("connection-policy"),
            format!(
                "source-addresses contradicts connect-to {entry}: connections to a Unix socket come from no address; leave one out"
            ),
        );
    }
}

/// The texts of a list, or one text alone.
fn texts<'a>(object: &Object<'a>, key: &str, notes: &mut Notes) -> Vec<Node<'a>> {
    match object.get(key) {
        None => Vec::new(),
        Some(node) if node.value.is_string() => vec![node],
        Some(node) => node.list(0..=MOST_ROUTES, notes).unwrap_or_default(),
    }
}

fn read<T>(
    node: &Node<'_>,
    parse: impl Fn(&str) -> Result<T, String>,
    notes: &mut Notes,
) -> Option<T> {
    let text = node.sized_text(0..=LONGEST_URL, notes)?;
    match parse(text) {
        Ok(read) => Some(read),
        Err(why) => {
            node.fault(notes, why);
            None
        }
    }
}

fn check_host(host: &str, how: &str, node: &Node<'_>, notes: &mut Notes) {
    let host = match host.parse() {
        Ok(IpAddr::V4(address)) => Host::Ipv4(address),
        Ok(IpAddr::V6(address)) => Host::Ipv6(address),
        Err(_) => Host::Domain(host),
    };
    let checked = notes.targets.as_ref().map(|it| it.check_host(&host));
    if let Some(Err(why)) = checked {
        node.fault(notes, format!("{how} no allowed target: {why}"));
    }
}

/// Warns of entries that no URL of the scenario comes to, as one of a mistyped name.
pub(crate) fn warn_of_unused<'a>(
    object: &Object<'_>,
    routing: &Routing,
    steps: impl Iterator<Item = &'a Step> + Clone,
    notes: &mut Notes,
) {
    if steps.clone().any(|step| !step.host_is_fixed()) {
        // Who knows which hosts they take.
        return;
    }
    let hosts = steps.filter_map(|step| host_and_port(&step.url));
    let hosts: Vec<(String, u16)> = hosts.collect();
    if hosts.is_empty() {
        return;
    }
    let proxy = routing.proxy.iter().map(|it| (&it.host, it.port));
    let routes = Routes::new(routing, &Default::default());
    let mut tell = |key: &str, entry: String| {
        notes.warn(
            &object.path_of(key),
            &format!("{entry} is for no URL of this scenario: only redirects can come to it"),
        );
    };
    for entry in &routing.connect_to {
        if !hosts.iter().any(|(host, port)| entry.matches(host, *port)) {
            tell("connect-to", entry.to_string());
        }
    }
    for entry in &routing.resolve {
        let is_used = |(host, port): &(String, u16)| {
            let route = routes.route(true, host, *port);
            let is_host = entry.host.as_deref().is_none_or(|own| own == route.host);
            is_host && entry.port == route.port
        };
        let is_proxy = |(host, port)| entry.port == port && entry.host.as_ref() == Some(host);
        if !hosts.iter().any(is_used) && !proxy.clone().any(is_proxy) {
            tell("resolve", entry.to_string());
        }
    }
}

/// Host, without brackets, and port of a URL.
fn host_and_port(url: &Url) -> Option<(String, u16)> {
    let host = match url.host()? {
        Host::Domain(name) => name.to_owned(),
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    };
    Some((host, url.port_or_known_default()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target_policy::TargetPolicy;
    use crate::value::{Map, Value, json};

    /// What is read, or the faults, and the warnings.
    fn read(
        value: &Value,
        targets: Option<TargetPolicy>,
    ) -> Result<(Routing, Vec<String>), String> {
        let mut notes = Notes::default();
        notes.targets = targets;
        let empty = Map::new();
        let object = Object {
            map: value.as_object().unwrap_or(&empty),
            path: "shop".to_owned(),
        };
        let routing = routing(&object, &mut notes);
        notes
            .into_result(Some(routing))
            .map_err(|faults| faults.to_string())
    }

    #[test]
    fn lists_and_single_texts_are_read() {
        let (routing, _) = read(
            &json!({
                "resolve": ["shop.test:443:192.0.2.7", "*:443:192.0.2.8"],
                "connect-to": "::staging.test:",
                "proxy": "http://ann:s3cret@proxy.test:3128",
                "no-proxy": ["local.test", "10.0.0.0/8, [::1]"],
            }),
            None,
        )
        .unwrap();
        assert_eq!((routing.resolve.len(), routing.connect_to.len()), (2, 1));
        assert_eq!(routing.proxy.unwrap().to_string(), "http://proxy.test:3128");
        let list = routing.no_proxy.unwrap();
        assert!(list.matches("a.local.test", 80) && list.matches("10.1.1.1", 80));
        let (nothing, _) = read(&json!({ "resolve": [], "no-proxy": "" }), None).unwrap();
        assert_eq!(nothing.no_proxy, Some(NoProxy::default()));
        assert_eq!((nothing.resolve, nothing.proxy), (Vec::new(), None));
    }

    #[test]
    fn each_fault_has_its_path_and_no_password() {
        for (value, says) in [
            (json!({ "resolve": 5 }), "shop.resolve: must be a list"),
            (
                json!({ "resolve": ["a:1:1.2.3.4", "A:1:1.2.3.5"] }),
                "shop.resolve[1]: names a host and port a second time",
            ),
            (
                json!({ "resolve": ["a:1:b"] }),
                "shop.resolve[0]: \"b\" is no address",
            ),
            (
                json!({ "connect-to": ["a:1:b:2", "a:1"] }),
                "shop.connect-to[1]: \"a:1\" is not HOST1",
            ),
            (
                json!({ "proxy": "https://ann:s3cret@p:1" }),
                "shop.proxy: \"https://…@p:1\": TLS to the proxy",
            ),
            (
                json!({ "proxy": "ann:s3cret@p:1" }),
                "shop.proxy: \"p:1\" is no URL of a proxy",
            ),
            (
                json!({ "proxy": { "address": "p:1" } }),
                "shop.proxy: must be",
            ),
            (
                json!({ "no-proxy": ["http://a"] }),
                "shop.no-proxy: \"http://a\" is no name",
            ),
            (
                json!({ "connect-to": ["::unix:a.sock"] }),
                "shop.connect-to[0]: \"a.sock\": the path of a Unix socket must begin with /",
            ),
            (
                json!({ "connect-to": ["::unix:/a.sock"], "proxy": "http://p:1" }),
                "shop.proxy: contradicts connect-to ::unix:/a.sock",
            ),
        ] {
            let why = read(&value, None).unwrap_err();
            assert!(why.contains(says) && !why.contains("s3cret"), "{why}");
        }
    }

    #[test]
    fn a_unix_socket_has_to_be_allowed_by_its_path() {
        let policy = |allow: &[&str], only: &[&str]| {
            Some(TargetPolicy::parse(allow, only, ("", "")).unwrap())
        };
        let document = json!({ "connect-to": "shop.test:80:unix:/run/a.sock" });
        for (targets, says) in [
            (policy(&[], &[]), Some("--allow-target unix:/run/a.sock")),
            (
                policy(&["unix:/run/b.sock"], &[]),
                Some("has to be allowed"),
            ),
            (
                policy(&["unix:/run/a.sock"], &["shop.test"]),
                Some("not among the only targets"),
            ),
            (
                policy(&[], &["unix:/run/a.sock"]),
                Some("has to be allowed"),
            ),
            (policy(&["unix:/run/a.sock"], &[]), None),
            (policy(&["unix:/run/a.sock"], &["unix:/run/a.sock"]), None),
        ] {
            match (read(&document, targets), says) {
                (Ok((routing, _)), None) => assert!(routing.connect_to[0].unix.is_some()),
                (Err(why), Some(says)) => assert!(why.contains(says), "{why}"),
                (read, says) => panic!("{read:?}, not {says:?}"),
            }
        }
    }

    #[test]
    fn what_is_no_target_is_refused_wherever_it_is_named() {
        let usual = || Some(TargetPolicy::default());
        let only = |list: &[&str]| Some(TargetPolicy::parse(&[], list, ("", "")).unwrap());
        for (value, says) in [
            (
                json!({ "resolve": "a.test:80:10.0.0.1,169.254.169.254" }),
                "shop.resolve: leads to no allowed target: 169.254.169.254",
            ),
            (
                json!({ "connect-to": ["::[fd00:ec2::254]:"] }),
                "shop.connect-to[0]: leads to no allowed target",
            ),
            (
                json!({ "proxy": "socks5://0.0.0.0" }),
                "shop.proxy: names no allowed target: 0.0.0.0",
            ),
        ] {
            let why = read(&value, usual()).unwrap_err();
            assert!(why.contains(says), "{why}");
            assert!(read(&value, None).is_ok());
        }
        let list = json!({ "resolve": "a.test:80:10.0.0.1", "connect-to": "::b.test:", "proxy": "http://p.test:1" });
        assert!(read(&list, only(&["a.test", "b.test", "p.test"])).is_ok());
        let why = read(&list, only(&["c.test"])).unwrap_err();
        for path in ["shop.resolve", "shop.connect-to", "shop.proxy"] {
            assert!(why.contains(path), "{why}");
        }
        // A host of any name may be allowed by it: each connection is judged.
        let any = json!({ "resolve": "*:80:10.0.0.1" });
        assert!(read(&any, only(&["a.test"])).is_ok());
    }
}
