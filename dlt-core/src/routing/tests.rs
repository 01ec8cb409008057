//! The ways of connections as curl and others have them, and that nothing is lost on the way
//! to a runner.

mod forms;

use super::*;
use proptest::prelude::*;

fn routing(resolve: &[&str], connect_to: &[&str], proxy: &str, no_proxy: Option<&str>) -> Routing {
    Routing {
        resolve: resolve
            .iter()
            .map(|it| Resolve::parse(it).unwrap())
            .collect(),
        connect_to: connect_to
            .iter()
            .map(|it| ConnectTo::parse(it).unwrap())
            .collect(),
        proxy: (!proxy.is_empty()).then(|| Proxy::parse(proxy).unwrap()),
        no_proxy: no_proxy.map(|it| NoProxy::parse(it).unwrap()),
    }
}

fn environment(variables: &[(&str, &str)]) -> EnvironmentProxies {
    EnvironmentProxies::read(|name| get(variables, name)).unwrap()
}

fn get(variables: &[(&str, &str)], name: &str) -> Option<String> {
    let found = variables.iter().find(|row| row.0 == name);
    found.map(|row| row.1.to_owned())
}

/// A route in one line.
fn told(routes: &Routes, url: &str) -> String {
    let url = url::Url::parse(url).unwrap();
    let host = url.host_str().unwrap().trim_matches(['[', ']']);
    let https = url.scheme() == "https";
    let route = routes.route(https, host, url.port_or_known_default().unwrap());
    let mut told = format!("{} {}", route.host, route.port);
    for address in route.addresses {
        told.push_str(&format!(" ={address}"));
    }
    if let Some(path) = route.unix {
        told.push_str(&format!(" unix {path}"));
        assert_eq!(route.looked_up(), []);
    }
    if let Some(proxy) = route.proxy {
        let how = if route.is_forwarded {
            "forward"
        } else {
            "tunnel"
        };
        told.push_str(&format!(" {how} {proxy}"));
        told.push_str(if route.is_looked_up_by_proxy() {
            " there"
        } else {
            " here"
        });
    }
    told
}

#[test]
fn a_connection_goes_where_the_entries_say() {
    let both = routing(
        &[
            "shop.example:443:192.0.2.7,192.0.2.8",
            "*:443:192.0.2.9",
            "staging.example:8443:127.0.0.1",
        ],
        &[
            "api.example:443:staging.example:8443",
            "api.example::other.example:",
            "::last.example:1",
        ],
        "",
        None,
    );
    let nothing = EnvironmentProxies::default();
    let routes = Routes::new(
        &Routing {
            connect_to: Vec::new(),
            ..both.clone()
        },
        &nothing,
    );
    for (url, way) in [
        (
            "https://shop.example/",
            "shop.example 443 =192.0.2.7 =192.0.2.8",
        ),
        (
            "https://www.shop.example/",
            "www.shop.example 443 =192.0.2.9",
        ),
        ("https://shop.example:444/", "shop.example 444"),
        ("http://shop.example/", "shop.example 80"),
    ] {
        assert_eq!(told(&routes, url), way);
    }
    let routes = Routes::new(&both, &nothing);
    for (url, way) in [
        // The first that matches, and `resolve` for where it leads.
        ("https://api.example/", "staging.example 8443 =127.0.0.1"),
        ("http://api.example/", "other.example 80"),
        ("http://elsewhere.example:99/", "last.example 1"),
        ("http://[::1]:80/", "last.example 1"),
    ] {
        assert_eq!(told(&routes, url), way);
    }
    assert_eq!(
        told(&Routes::default(), "http://a.example/"),
        "a.example 80"
    );
}

#[test]
fn a_unix_socket_is_reached_without_names_and_proxies() {
    let proxies = environment(&[("http_proxy", "http://p:1"), ("https_proxy", "http://p:1")]);
    let entries = ["shop.test:443:unix:/run/a.sock", "::unix:/run/b.sock"];
    let routes = Routes::new(&routing(&["*:443:192.0.2.9"], &entries, "", None), &proxies);
    for (url, way) in [
        ("https://shop.test/", "shop.test 443 unix /run/a.sock"),
        ("https://other.test/", "other.test 443 unix /run/b.sock"),
        ("http://10.0.0.1:8080/", "10.0.0.1 8080 unix /run/b.sock"),
    ] {
        assert_eq!(told(&routes, url), way);
    }
}

#[test]
fn a_proxy_forwards_http_and_tunnels_the_rest() {
    let nothing = EnvironmentProxies::default();
    let ways = |proxy: &str, resolve: &[&str], connect_to: &[&str]| {
        let routes = Routes::new(
            &routing(resolve, connect_to, proxy, Some("local.test")),
            &nothing,
        );
        [
            "http://a.test/",
            "https://a.test/",
            "https://10.0.0.1/",
            "http://local.test/",
        ]
        .map(|url| told(&routes, url))
    };
    assert_eq!(
        ways("http://u:p@p:1", &[], &[]),
        [
            "a.test 80 forward http://p:1 there",
            "a.test 443 tunnel http://p:1 there",
            "10.0.0.1 443 tunnel http://p:1 here",
            "local.test 80",
        ]
    );
    assert_eq!(
        ways("socks5://p:1", &[], &[])[..2],
        [
            "a.test 80 tunnel socks5://p:1 here",
            "a.test 443 tunnel socks5://p:1 here"
        ]
    );
    assert_eq!(
        ways("socks5h://p:1", &[], &[])[..2],
        [
            "a.test 80 tunnel socks5h://p:1 there",
            "a.test 443 tunnel socks5h://p:1 there"
        ]
    );
    // What is said to lie elsewhere is no matter of the proxy's names.
    assert_eq!(
        ways("http://p:1", &["a.test:80:10.0.0.7"], &[])[0],
        "a.test 80 =10.0.0.7 tunnel http://p:1 here"
    );
    assert_eq!(
        ways("http://p:1", &[], &["a.test:80:b.test:81"])[0],
        "b.test 81 tunnel http://p:1 there"
    );
    let routes = Routes::new(&routing(&[], &[], "http://p:1", None), &nothing);
    let route = routes.route(false, "a.test", 80);
    assert_eq!(route.looked_up(), [("p", 1)]);
    // Who names a proxy means it for this machine, too.
    assert_eq!(
        told(&routes, "http://127.0.0.1/"),
        "127.0.0.1 80 forward http://p:1 here"
    );
    let socks = Routes::new(&routing(&[], &[], "socks5://p:1", None), &nothing);
    assert_eq!(
        socks.route(false, "a.test", 80).looked_up(),
        [("p", 1), ("a.test", 80)]
    );
    assert_eq!(
        Routes::default().route(false, "a.test", 80).looked_up(),
        [("a.test", 80)]
    );
}

#[test]
fn the_environment_s_proxies_are_those_that_curl_takes() {
    let ways = |variables: &[(&str, &str)], routing: &Routing| {
        let routes = Routes::new(routing, &environment(variables));
        ["http://a.test/", "https://a.test/"].map(|url| told(&routes, url))
    };
    let none = Routing::default();
    assert_eq!(
        ways(
            &[
                ("http_proxy", "p:1"),
                ("HTTPS_PROXY", "http://q:2"),
                ("ALL_PROXY", "http://r:3")
            ],
            &none
        ),
        [
            "a.test 80 forward http://p:1 (http_proxy) there",
            "a.test 443 tunnel http://q:2 (HTTPS_PROXY) there"
        ]
    );
    assert_eq!(
        ways(
            &[
                ("all_proxy", "socks5://s:4"),
                ("https_proxy", ""),
                ("HTTP_PROXY", "http://no:1")
            ],
            &none
        ),
        [
            "a.test 80 tunnel socks5://s:4 (all_proxy) here",
            "a.test 443 tunnel socks5://s:4 (all_proxy) here"
        ]
    );
    assert_eq!(
        ways(&[("HTTP_PROXY", "http://no:1")], &none),
        ["a.test 80", "a.test 443"]
    );
    let with_list = [
        ("http_proxy", "http://p:1"),
        ("https_proxy", "http://p:1"),
        ("no_proxy", ".test"),
        ("NO_PROXY", "x"),
    ];
    assert_eq!(ways(&with_list, &none), ["a.test 80", "a.test 443"]);
    // The scenario's list is used in place of the environment's, its proxy in place of both.
    let list = routing(&[], &[], "", Some("b.test"));
    assert!(ways(&with_list, &list)[0].ends_with("http://p:1 (http_proxy) there"));
    let own = routing(&[], &[], "http://own:9", None);
    assert_eq!(
        ways(&with_list, &own)[0],
        "a.test 80 forward http://own:9 there"
    );
}

#[test]
fn this_machine_is_reached_without_a_proxy_of_the_environment() {
    let environment = environment(&[("all_proxy", "http://p:1")]);
    let routes = Routes::new(
        &routing(
            &[
                "pinned.test:80:127.0.0.1,::1",
                "other.test:80:127.0.0.1,10.0.0.1",
            ],
            &["moved.test::localhost:8080"],
            "",
            None,
        ),
        &environment,
    );
    for url in [
        "http://localhost:8080/",
        "http://api.localhost/",
        "http://127.9.9.9/",
        "https://[::1]/",
        "http://pinned.test/",
        "http://moved.test/",
    ] {
        assert!(!told(&routes, url).contains("p:1"), "{url}");
    }
    for url in [
        "http://localhost.example/",
        "http://10.0.0.1/",
        "http://other.test/",
        "http://[::2]/",
    ] {
        assert!(told(&routes, url).contains("p:1"), "{url}");
    }
}

#[test]
fn a_wrong_variable_is_told_with_its_name_and_without_its_password() {
    let read = |variables: &[(&str, &str)]| EnvironmentProxies::read(|name| get(variables, name));
    let faults = read(&[
        ("all_proxy", "https://ann:s3cret@p:1"),
        ("no_proxy", "http://x"),
    ]);
    // The same variable is told once, and the list is of no use without a proxy.
    let text = faults.unwrap_err().to_string();
    assert!(
        text.contains("all_proxy") && text.contains("TLS to the proxy"),
        "{text}"
    );
    assert!(
        !text.contains("s3cret") && text.matches("all_proxy").count() == 1,
        "{text}"
    );
    let text = read(&[("http_proxy", "p:1"), ("NO_PROXY", "http://x")])
        .unwrap_err()
        .to_string();
    assert!(text.contains("NO_PROXY"), "{text}");
    // Who goes without any need not mend them.
    let none = read(&[("http_proxy", "https://p:1"), ("no_proxy", "*")]).unwrap();
    assert!(none.is_empty());
}

fn user() -> impl Strategy<Value = Option<(String, String)>> {
    prop::option::of(("[a-zA-Z0-9@/%é#+ ]{1,12}", "[a-zA-Z0-9:@/%é#+ ]{0,12}"))
}

fn named() -> impl Strategy<Value = Option<NamedProxy>> {
    let protocol = prop::sample::select(vec![Protocol::Http, Protocol::Socks5, Protocol::Socks5h]);
    let host = prop::sample::select(vec!["p.test", "10.0.0.1", "2001:db8::1"]);
    let variable = prop::option::of(prop::sample::select(VARIABLES.to_vec()));
    let proxy = (protocol, host, 1u16.., user(), variable);
    prop::option::of(
        proxy.prop_map(|(protocol, host, port, user, variable)| NamedProxy {
            proxy: Proxy {
                protocol,
                host: host.to_owned(),
                port,
                user,
            },
            variable: variable.map(str::to_owned),
        }),
    )
}

proptest! {
    #[test]
    fn proxies_travel_to_a_runner(
        http in named(),
        https in named(),
        list in prop::collection::vec(prop::sample::select(vec!["*", "a.test", "*.b.test:81", ".c", "10.0.0.0/8", "[::1]:8", "1.2.3.4"]), 0..5),
    ) {
        let all = EnvironmentProxies { http, https, no_proxy: NoProxy::parse(&list.join(",")).unwrap() };
        let env = all.to_env();
        let read = EnvironmentProxies::from_env(|name| {
            env.iter().find(|row| row.0 == name).map(|row| row.1.clone())
        });
        prop_assert_eq!(read.unwrap(), all);
    }

    /// Any text is read or refused with words; what is read, reads the same again.
    #[test]
    fn any_text_is_answered(text in "[-+*a.1:\\[\\],@/%é ]{0,24}|.{0,24}") {
        if let Ok(read) = Resolve::parse(&text) {
            prop_assert_eq!(Resolve::parse(&read.to_string()), Ok(read));
        }
        if let Ok(read) = ConnectTo::parse(&text) {
            prop_assert_eq!(ConnectTo::parse(&read.to_string()), Ok(read));
        }
        if let Ok(read) = NoProxy::parse(&text) {
            prop_assert_eq!(NoProxy::parse(&read.to_string()), Ok(read));
        }
        if let Ok(read) = Proxy::parse(&format!("http://{text}")) {
            prop_assert_eq!(Proxy::parse(&read.with_user()), Ok(read));
        }
    }
}
