//! Load through proxies: what they are asked for and sent, how long that takes, what is
//! counted, and what is made of proxies that do not do as they are asked.

use super::forbidden::{messages, policy};
use super::names::step_to;
use super::relay::{Does, Relay};
use super::secure::{Authority, Secure, secure};
use super::target::{Act, answer};
use super::ways::{asks_nobody, run_by};
use super::*;
use dlt_core::routing::{NoProxy, Proxy};
use std::net::SocketAddr;

fn through(proxy: &str, steps: Vec<Step>) -> Group {
    let mut group = rounds(2.0, 3, steps);
    group.routing.proxy = Some(Proxy::parse(proxy).unwrap());
    group
}

fn tls_target() -> (Authority, Secure, Tls) {
    let authority = Authority::new();
    let target = secure(&authority, "shop.test", false, false);
    let tls = Tls {
        ca_file: authority.text("ca"),
        ..Tls::default()
    };
    (authority, target, tls)
}

#[track_caller]
fn went(result: &LoadResult, requests: u64, proxy: &str, address: SocketAddr) {
    assert_eq!(result.tally.account.ok, requests, "{:?}", messages(result));
    assert_eq!(
        result.generator.addresses,
        [(address.to_string(), requests)]
    );
    assert_eq!(result.generator.proxies, [(proxy.to_owned(), requests)]);
}

#[test]
fn https_goes_through_a_tunnel_that_is_kept_and_timed() {
    let (_authority, target, tls) = tls_target();
    let pause = Duration::from_millis(150);
    let relay = Relay::new(Does::Connects(target.address, pause));
    let proxy = relay.url("http").replace("//", "//ann:s3cret@");
    let mut group = through(&proxy, vec![step_to("https://shop.test/x")]);
    group.tls = tls;
    let result = run_by(group, asks_nobody());
    went(&result, 6, &relay.url("http"), relay.address);
    let asked = relay.asked_texts();
    assert_eq!(asked.len(), 2, "a tunnel for each user");
    for head in asked {
        assert!(
            head.starts_with("CONNECT shop.test:443 HTTP/1.1\r\nHost: shop.test:443\r\n"),
            "{head}"
        );
        assert!(head.contains("\r\nProxy-Authorization: Basic YW5uOnMzY3JldA==\r\n"));
    }
    let connect = &result.tally.phases.connect;
    assert_eq!(connect.count(), 2);
    let least = connect.exact().min_us;
    assert!(least >= pause.as_micros() as u64, "{least} µs");
}

#[test]
fn http_is_sent_in_absolute_form_also_on_a_redirect() {
    let proxy = Target::new(|request, _| match request.path() {
        "http://shop.test:8080/x?y=1" => {
            answer("302 Found", "Location: http://other.test/z\r\n", "")
        }
        _ => answer("200 OK", "", "hello"),
    });
    let url = format!("http://ann:s3cret@{}", proxy.address);
    let step = step_to("http://me:pw@shop.test:8080/x?y=1");
    let result = run_by(through(&url, vec![step]), asks_nobody());
    let plain = format!("http://{}", proxy.address);
    went(&result, 12, &plain, proxy.address);
    let requests = proxy.requests();
    let paths = ["http://shop.test:8080/x?y=1", "http://other.test/z"];
    for path in paths {
        assert_eq!(proxy.count(path), 6);
        let mut of_path = requests.iter().filter(|request| request.path() == path);
        assert!(of_path.all(|request| {
            request
                .head
                .contains("\r\nProxy-Authorization: Basic YW5uOnMzY3JldA==\r\n")
        }));
    }
    // The user of the URL is the target's, and stays with it.
    let with_user = |request: &&target::TargetRequest| request.head.contains("\r\nAuthorization: ");
    assert_eq!(requests.iter().filter(with_user).count(), 6);
    // A connection for each user and host.
    assert_eq!(proxy.connections(), 4);
}

#[test]
fn a_proxy_that_wants_a_log_in_is_told_as_such_and_no_password_is_shown() {
    let proxy = Target::new(|request, _| {
        let echo = request.head.clone();
        answer("407 No", "Proxy-Authenticate: Basic\r\n", &echo)
    });
    let url = format!("http://ann:s3cret@{}", proxy.address);
    let result = run_by(
        through(&url, vec![step_to("http://shop.test/")]),
        asks_nobody(),
    );
    assert_eq!(failed(&result, Cause::Status4xx), 6);
    let (key, error) = result.tally.errors.iter().next().unwrap();
    assert_eq!(key.message, "answered 407 Proxy Authentication Required");
    let shown = format!("{:?}", error.exchanges);
    assert!(shown.contains("Proxy-Authorization: [redacted]"), "{shown}");
    assert!(
        !shown.contains("s3cret") && !shown.contains("YW5uOnMzY3JldA"),
        "{shown}"
    );
}

#[test]
fn socks_gets_names_or_addresses() {
    let target = Target::plain();
    let port = target.address.port();
    let relay = Relay::new(Does::Socks(target.address));
    let step = || vec![step_to(&format!("http://shop.test:{port}/x"))];
    let result = run_by(through(&relay.url("socks5h"), step()), asks_nobody());
    went(&result, 6, &relay.url("socks5h"), relay.address);
    let port_bytes = port.to_be_bytes();
    let by_name = [&[5, 1, 0, 3, 9][..], b"shop.test", &port_bytes].concat();
    assert_eq!(relay.asked(), [by_name.clone(), by_name]);
    // The target sees what it would see without a proxy.
    let head = &target.requests()[0].head;
    assert!(
        head.starts_with(&format!("GET /x HTTP/1.1\r\nHost: shop.test:{port}\r\n")),
        "{head}"
    );

    let relay = Relay::new(Does::Socks(target.address));
    let resolver = Resolver::of(|host, port| match host.parse() {
        Ok(address) => Ok(vec![SocketAddr::new(address, port)]),
        Err(_) => Ok([1, 2]
            .map(|n| SocketAddr::from(([10, 0, 0, n], port)))
            .into()),
    });
    let url = relay.url("socks5").replace("//", "//ann:s3cret@");
    let result = run_by(through(&url, step()), resolver);
    went(&result, 6, &relay.url("socks5"), relay.address);
    let mut asked = relay.asked();
    asked.sort();
    let login = b"\x01\x03ann\x06s3cret".to_vec();
    let by_address = |n| [&[5, 1, 0, 1, 10, 0, 0, n][..], &port_bytes].concat();
    // All addresses of the name in turn.
    assert_eq!(asked, [login.clone(), login, by_address(1), by_address(2)]);
}

/// What is made of a proxy that does this.
#[track_caller]
fn fails(scheme: &str, does: Does, cause: Cause, says: &str) {
    let relay = Relay::new(does);
    let mut step = step_to("https://shop.test/");
    step.timeouts.connect_us = 200_000;
    let mut group = through(&relay.url(scheme), vec![step]);
    group.load.iterations = Some(1);
    let result = run_by(group, asks_nobody());
    let account = result.tally.account;
    assert_eq!((account.unconnected, account.sent), (2, 0), "{says}");
    assert_eq!(failed(&result, cause), 2, "{says}: {:?}", messages(&result));
    let told = messages(&result);
    assert!(told[0].contains(says), "{told:?}");
    assert!(
        told[0].contains(&format!("proxy {}", relay.address)),
        "{told:?}"
    );
    assert!(!relay.asked().is_empty());
}

fn refuses(status: &str) -> Does {
    Does::Says(format!("HTTP/1.1 {status}\r\n\r\n").into())
}

#[test]
fn what_a_proxy_does_instead_of_a_tunnel_is_its_failure() {
    for (does, cause, says) in [
        (
            refuses("407 x"),
            Cause::Proxy,
            "wants a user and a password",
        ),
        (refuses("403 x"), Cause::Proxy, "it does not allow that"),
        (
            refuses("502 x"),
            Cause::Proxy,
            "it did not reach the target",
        ),
        (
            Does::Says(Vec::new()),
            Cause::Proxy,
            "closed the connection before it had answered CONNECT shop.test:443",
        ),
        (
            Does::Says(b"HTTP/1.1 200 O".to_vec()),
            Cause::Proxy,
            "closed the connection before",
        ),
        (
            Does::Says(b"HTTP/1.1 200 OK\r\n\r\nbody".to_vec()),
            Cause::Proxy,
            "200 and 4 bytes behind it",
        ),
        (
            Does::Hangs(Vec::new()),
            Cause::TimeoutConnect,
            "did not open a way to shop.test:443 within 200 ms",
        ),
        (
            Does::Hangs(b"HTTP/1.1 100 x\r\n\r\nHTTP/1".to_vec()),
            Cause::TimeoutConnect,
            "did not open a way",
        ),
        (
            Does::Hangs(b"HTTP/1.1 200 OK\r\n\r\n".to_vec()),
            Cause::TimeoutConnect,
            "no TLS handshake with shop.test:443 through proxy 127.0.0.1:",
        ),
    ] {
        fails("http", does, cause, says);
    }
}

#[test]
fn what_socks_does_instead_is_its_failure_or_the_target_s() {
    for (does, cause, says) in [
        (Does::Says(vec![5, 0xff]), Cause::Proxy, "wants a log-in"),
        (
            Does::Says(vec![5, 0, 5, 5, 0, 1]),
            Cause::Refused,
            "says of shop.test:443: connection refused",
        ),
        (
            Does::Hangs(vec![5]),
            Cause::TimeoutConnect,
            "did not open a way to shop.test:443",
        ),
        (
            refuses("400 x"),
            Cause::Proxy,
            "is it another kind of proxy",
        ),
    ] {
        fails("socks5h", does, cause, says);
    }
}

#[test]
fn a_proxy_that_is_not_there_is_named() {
    // Bound and gone: nothing listens there.
    let gone = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    for (scheme, url) in [
        ("http", "http://shop.test/"),
        ("http", "https://shop.test/"),
        ("socks5h", "http://shop.test/"),
    ] {
        let result = run_by(
            through(&format!("{scheme}://{gone}"), vec![step_to(url)]),
            asks_nobody(),
        );
        assert_eq!(failed(&result, Cause::Proxy), 6);
        assert_eq!(
            messages(&result),
            [format!("connection refused by proxy {gone}")]
        );
    }
    let unknown = Resolver::of(|_, _| Err(io::Error::other("no such name")));
    let result = run_by(
        through("http://gone.test:3128", vec![step_to("http://shop.test/")]),
        unknown,
    );
    assert_eq!(failed(&result, Cause::Proxy), 6);
    assert_eq!(
        messages(&result),
        ["proxy gone.test:3128: name gone.test does not resolve"]
    );
}

#[test]
fn the_policy_of_targets_holds_through_a_proxy() {
    let target = Target::plain();
    let relay = Relay::new(Does::Socks(target.address));
    let forward = Target::plain();
    let metadata = "http://169.254.169.254/latest/";
    for proxy in [
        relay.url("socks5h"),
        relay.url("socks5"),
        format!("http://{}", forward.address),
    ] {
        for url in [
            metadata,
            "http://[::ffff:169.254.169.254]/",
            "http://0.0.0.0/",
        ] {
            let result = run_by(through(&proxy, vec![step_to(url)]), asks_nobody());
            assert_eq!(
                failed(&result, Cause::TargetForbidden),
                6,
                "{proxy} {url}: {:?}",
                messages(&result)
            );
        }
    }
    // Where it leads is known where the name is looked up here.
    let metadata = Resolver::of(|host, port| match host {
        "shop.test" => Ok(vec![SocketAddr::from(([169, 254, 169, 254], port))]),
        _ => Ok(vec![SocketAddr::new(host.parse().unwrap(), port)]),
    });
    let result = run_by(
        through(&relay.url("socks5"), vec![step_to("http://shop.test/")]),
        metadata,
    );
    assert_eq!(failed(&result, Cause::TargetForbidden), 6);
    // The proxy's own address is judged as any.
    let mapped = forward.address.port();
    let result = run_by(
        through(
            &format!("http://0.0.0.0:{mapped}"),
            vec![step_to("http://shop.test/")],
        ),
        asks_nobody(),
    );
    assert_eq!(failed(&result, Cause::TargetForbidden), 6);
    let told = messages(&result);
    assert!(
        told[0].contains("0.0.0.0 is the address of no host"),
        "{told:?}"
    );
    // Of a name that the proxy looks up only its name is known.
    let url = format!("http://{}", forward.address);
    let by_range = asks_nobody().with_targets(policy(&[], &["127.0.0.1", "10.0.0.0/8"]));
    let result = run_by(through(&url, vec![step_to("http://shop.test/")]), by_range);
    assert_eq!(failed(&result, Cause::TargetForbidden), 6);
    assert!(
        messages(&result)[0].contains("list its name"),
        "{:?}",
        messages(&result)
    );
    assert_eq!(
        (
            relay.asked().len(),
            forward.connections(),
            target.connections()
        ),
        (0, 0, 0)
    );
    let by_name = asks_nobody().with_targets(policy(&[], &["127.0.0.1", "shop.test"]));
    let result = run_by(through(&url, vec![step_to("http://shop.test/")]), by_name);
    assert_eq!(result.tally.account.ok, 6, "{:?}", messages(&result));
}

#[test]
fn no_hop_of_a_redirect_leaves_the_proxy_s_rules() {
    let target = Target::plain();
    let home = target.address;
    let proxy = Target::new(move |request, _| match request.path() {
        "http://shop.test/out" => {
            let to = format!("Location: http://{home}/direct\r\n");
            answer("302 Found", &to, "")
        }
        "http://shop.test/forbidden" => {
            answer("302 Found", "Location: http://169.254.169.254/\r\n", "")
        }
        _ => vec![Act::Close],
    });
    let mut group = through(
        &format!("http://{}", proxy.address),
        ["out", "forbidden"]
            .map(|path| step_to(&format!("http://shop.test/{path}")))
            .into(),
    );
    group.routing.no_proxy = Some(NoProxy::parse("127.0.0.0/8").unwrap());
    let result = run_by(group, asks_nobody());
    // Each redirect is an answer; one hop goes without the proxy, the other nowhere.
    let account = result.tally.account;
    assert_eq!(
        (account.ok, account.failed),
        (18, 6),
        "{:?}",
        messages(&result)
    );
    assert_eq!(failed(&result, Cause::TargetForbidden), 6);
    assert_eq!(target.count("/direct"), 6);
    let sent = |address: SocketAddr| {
        let rows = &result.generator.addresses;
        rows.iter()
            .find(|row| row.0 == address.to_string())
            .map(|row| row.1)
    };
    assert_eq!((sent(proxy.address), sent(home)), (Some(12), Some(6)));
    assert_eq!(
        result.generator.proxies,
        [(format!("http://{}", proxy.address), 12)]
    );
}

#[test]
fn a_proxy_of_the_environment_is_used_where_nothing_else_is_said_and_named() {
    let proxy = Target::plain();
    let own = Target::plain();
    let environment = |name: &str| match name {
        "http_proxy" => Some(format!("http://{}", proxy.address)),
        "no_proxy" => Some("spared.test".to_owned()),
        _ => None,
    };
    let environment = EnvironmentProxies::read(environment).unwrap();
    let run = |groups: Vec<Group>| {
        let (sender, seconds) = unbounded_channel();
        let mut spec = spec(groups, 1, Instant::now());
        spec.proxies = environment.clone();
        let resolver = asks_nobody();
        let load = begin_with_resolver(spec, resolver, sender).unwrap();
        finish(load, seconds, 1)
    };
    let group = |steps| rounds(2.0, 3, steps);
    let named = format!("http://{} (http_proxy)", proxy.address);
    let result = run(vec![group(vec![step_to("http://shop.test/")])]);
    went(&result, 6, &named, proxy.address);
    // This machine itself is reached directly, and a scenario's own proxy goes before.
    let result = run(vec![
        group(vec![step(&own, "/x")]),
        through(
            &format!("http://{}", own.address),
            vec![step_to("http://spared.test/")],
        ),
    ]);
    assert_eq!(result.tally.account.ok, 12, "{:?}", messages(&result));
    assert_eq!((proxy.total(), own.total()), (6, 12));
    assert_eq!(
        result.generator.proxies,
        [(format!("http://{}", own.address), 6)]
    );
}
