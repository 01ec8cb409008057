//! Ways of connections (`--resolve`, `--proxy`…) over a file.

use super::*;

/// Entries of flags go before those of the file, and the rest of the file stays.
#[test]
fn ways_of_connections_go_before_those_of_the_file() {
    let file = SHOP.replace(
        "    shop:\n",
        "    shop:\n      resolve: [\"127.0.0.1:8080:127.0.0.2\", \"*:443:10.0.0.1\"]\n      connect-to: \"::c.test:\"\n      proxy: http://ann:s3cret@old.test:1\n",
    );
    let text = |texts: &[&str]| texts.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
    let changed = good(
        &file,
        &flags(Quick {
            resolve: text(&["127.0.0.1:8080:127.0.0.3", "a.test:80:10.0.0.2"]),
            connect_to: text(&["127.0.0.1:8080:b.test:"]),
            proxy: Some("http://bob:s3cret@new.test:2".to_owned()),
            no_proxy: Some("*.local.test".to_owned()),
            ..Quick::default()
        }),
    );
    let routing = &changed.plan.groups[0].routing;
    let told: Vec<String> = routing.resolve.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "127.0.0.1:8080:127.0.0.3",
            "a.test:80:10.0.0.2",
            "*:443:10.0.0.1"
        ]
    );
    let told: Vec<String> = routing.connect_to.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["127.0.0.1:8080:b.test:", "::c.test:"]);
    let proxy = routing.proxy.as_ref().unwrap();
    assert_eq!(proxy.to_string(), "http://new.test:2");
    assert!(proxy.user.is_some() && routing.no_proxy.is_some());
    let told = changed.changes.join("\n");
    for says in [
        "--resolve: resolve \"127.0.0.1:8080:127.0.0.3\"; the file has \"127.0.0.1:8080:127.0.0.2\"",
        "--connect-to: connect-to \"127.0.0.1:8080:b.test:\"",
        "--proxy: proxy \"http://new.test:2\"; the file has \"http://old.test:1\"",
        "--noproxy: no-proxy \"*.local.test\"",
    ] {
        assert!(told.contains(says), "{told}");
    }
    assert!(!told.contains("s3cret"), "{told}");
    let why = read(
        SHOP,
        &flags(Quick {
            proxy: Some("https://bob:s3cret@new.test:2".to_owned()),
            resolve: text(&["-a:1"]),
            ..Quick::default()
        }),
    )
    .unwrap_err()
    .join("\n");
    assert!(
        why.contains("(--proxy)") && why.contains("(--resolve)"),
        "{why}"
    );
    assert!(!why.contains("s3cret"), "{why}");
}
