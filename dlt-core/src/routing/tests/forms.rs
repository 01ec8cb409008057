//! Each text is read as curl and others read it, or refused with words that show no password.

use super::*;

#[test]
fn resolve_is_read_as_curl_reads_it() {
    for (text, shown) in [
        ("shop.example:443:192.0.2.7", "shop.example:443:192.0.2.7"),
        (
            "SHOP.example:443:192.0.2.7,[2001:DB8::7]",
            "shop.example:443:192.0.2.7,[2001:db8::7]",
        ),
        ("*:80:::1", "*:80:[::1]"),
        ("[2001:db8::1]:80:127.0.0.1", "[2001:db8::1]:80:127.0.0.1"),
        ("127.0.0.1:80:127.0.0.2,127.0.0.2", "127.0.0.1:80:127.0.0.2"),
        (
            "bücher.example:80:1.2.3.4",
            "xn--bcher-kva.example:80:1.2.3.4",
        ),
    ] {
        let read = Resolve::parse(text).unwrap();
        assert_eq!(read.to_string(), shown);
        assert_eq!(Resolve::parse(shown).unwrap(), read);
    }
    for (text, says) in [
        ("", "HOST:PORT:ADDRESS"),
        ("shop.example", "HOST:PORT:ADDRESS"),
        ("shop.example:443", "HOST:PORT:ADDRESS"),
        ("shop.example:443:", "HOST:PORT:ADDRESS"),
        (":443:1.2.3.4", "HOST:PORT:ADDRESS"),
        ("shop.example:x:1.2.3.4", "no port"),
        ("shop.example:0:1.2.3.4", "no port"),
        ("shop.example:70000:1.2.3.4", "no port"),
        ("shop.example:+80:1.2.3.4", "no port"),
        (
            "shop.example:443:other.example",
            "a name goes into connect-to",
        ),
        ("shop.example:443:1.2.3.4,", "\"\" is no address"),
        ("*.example:443:1.2.3.4", "no host"),
        ("a b:443:1.2.3.4", "no host"),
        ("${host}:443:1.2.3.4", "no host"),
        ("+shop.example:443:1.2.3.4", "holds for the whole run"),
        ("-shop.example:443", "none before the run"),
    ] {
        let why = Resolve::parse(text).unwrap_err();
        assert!(why.contains(says), "{text}: {why}");
    }
    let many: Vec<String> = (0..257)
        .map(|n| format!("10.0.{}.{}", n / 256, n % 256))
        .collect();
    let why = Resolve::parse(&format!("a:1:{}", many.join(","))).unwrap_err();
    assert!(why.contains("257 addresses; at most 256"), "{why}");
}

#[test]
fn connect_to_leads_to_unix_sockets_by_their_absolute_paths() {
    for (text, host, port, path) in [
        (
            "shop.test:80:unix:/run/a.sock",
            Some("shop.test"),
            Some(80),
            "/run/a.sock",
        ),
        ("::unix:/run/a b:c.sock", None, None, "/run/a b:c.sock"),
        ("[::1]::unix:/x", Some("::1"), None, "/x"),
    ] {
        let read = ConnectTo::parse(text).unwrap();
        assert_eq!((read.host.as_deref(), read.port), (host, port), "{text}");
        assert_eq!(read.unix.as_deref(), Some(path));
        assert_eq!(read.to_string(), text);
    }
    // A host may have that name.
    let host = ConnectTo::parse("::unix:8080").unwrap();
    assert_eq!(
        (host.to_host.as_deref(), host.to_port),
        (Some("unix"), Some(8080))
    );
    assert_eq!(host.unix, None);
    let long = format!("::unix:/{}", "x".repeat(107));
    for (text, says) in [
        ("::unix:run/a.sock", "must begin with /"),
        ("::unix:@abstract", "must begin with /"),
        (long.as_str(), "107 bytes at most"),
        ("::unix:/a,/b", "no comma"),
        ("::unix:/a\u{7}", "no control character"),
    ] {
        let why = ConnectTo::parse(text).unwrap_err();
        assert!(why.contains(says), "{text}: {why}");
    }
}

#[test]
fn connect_to_is_read_as_curl_reads_it() {
    for (text, shown) in [
        (
            "shop.example:443:127.0.0.1:8443",
            "shop.example:443:127.0.0.1:8443",
        ),
        ("::staging.example:", "::staging.example:"),
        ("::staging.example", "::staging.example:"),
        (":443::8443", ":443::8443"),
        ("a::b:", "a::b:"),
        ("[::1]:80:[2001:db8::1]:81", "[::1]:80:[2001:db8::1]:81"),
        (":::1", ":::1"),
    ] {
        let read = ConnectTo::parse(text).unwrap();
        assert_eq!(read.to_string(), shown);
        assert_eq!(ConnectTo::parse(shown).unwrap(), read);
    }
    for (text, says) in [
        ("", "HOST1:PORT1:HOST2:PORT2"),
        ("a:1", "HOST1:PORT1:HOST2:PORT2"),
        ("a:1:b:2:c", "HOST1:PORT1:HOST2:PORT2"),
        (":::", "sends nothing elsewhere"),
        ("a:1::", "sends nothing elsewhere"),
        ("a:x:b:1", "no port"),
        ("a:1:b:x", "no port"),
        ("*:1:b:1", "no host"),
        ("::::1:80", "HOST1:PORT1:HOST2:PORT2"),
    ] {
        let why = ConnectTo::parse(text).unwrap_err();
        assert!(why.contains(says), "{text}: {why}");
    }
}

#[test]
fn proxies_are_read_and_shown_without_their_users() {
    for (text, shown, user) in [
        (
            "http://proxy.example:3128",
            "http://proxy.example:3128",
            None,
        ),
        ("HTTP://proxy.example:80/", "http://proxy.example:80", None),
        (
            "http://ann:s3%40cret@[::1]:3128",
            "http://[::1]:3128",
            Some(("ann", "s3@cret")),
        ),
        ("socks5://10.0.0.1", "socks5://10.0.0.1:1080", None),
        ("socks5h://a:b:c@p:1", "socks5h://p:1", Some(("a", "b:c"))),
        ("http://ann@p:1", "http://p:1", Some(("ann", ""))),
    ] {
        let proxy = Proxy::parse(text).unwrap();
        assert_eq!(proxy.to_string(), shown);
        let pair = user.map(|(name, password)| (name.to_owned(), password.to_owned()));
        assert_eq!(proxy.user, pair);
        let debug = format!("{proxy:?}");
        assert!(
            user.is_none_or(|it| it.1.is_empty() || !debug.contains(it.1)),
            "{debug}"
        );
        assert_eq!(Proxy::parse(&proxy.with_user()).unwrap(), proxy);
    }
    for (text, says) in [
        ("", "to use no proxy at all"),
        ("proxy.example:3128", "is no URL of a proxy"),
        (
            "https://proxy.example:443",
            "TLS to the proxy itself is not spoken",
        ),
        ("socks4://proxy.example:1080", "SOCKS 4 is not spoken"),
        ("ftp://proxy.example:1", "http://, socks5:// or socks5h://"),
        ("http://proxy.example", "has no port"),
        ("http://proxy.example:0", "no port"),
        ("http://proxy.example:3128/path", "a proxy has no path"),
        ("http://proxy.example:3128?q", "a proxy has no path"),
        ("http://:3128", "no host"),
        ("socks5://:s3cret@p:1", "a user that is empty"),
        ("http://a%3Ab:s3cret@p:1", "colon in its user"),
        ("http://a:s3cret%0d@p:1", "control character"),
        ("http://a:s3cret/x@p:1", "percent-encoded"),
        ("ann:s3cret@proxy.example:3128", "is no URL of a proxy"),
        ("ftp://ann:s3cret@p:1", "http://, socks5:// or socks5h://"),
        ("http://ann:s3cret@p", "has no port"),
        ("http://ann:s3cret@p:1/x", "a proxy has no path"),
        ("http://ann:s3cret@p:x", "no port"),
        ("http://ann:s3cret@:1", "no host"),
    ] {
        let why = Proxy::parse(text).unwrap_err();
        assert!(
            why.contains(says) && !why.contains("s3cret"),
            "{text}: {why}"
        );
    }
    let long = format!("socks5://{}:x@p:1", "u".repeat(256));
    assert!(
        Proxy::parse(&long)
            .unwrap_err()
            .contains("more than 255 bytes")
    );
}

#[test]
fn what_goes_without_a_proxy_is_told_as_others_tell_it() {
    let list = NoProxy::parse("example.com, .below.test *.only.test\t10.0.0.0/8,[2001:db8::]:8080,::1,port.test:81,192.0.2.1").unwrap();
    for (host, port, goes_without) in [
        ("example.com", 80, true),
        ("www.example.com", 80, true),
        ("notexample.com", 80, false),
        ("example.com.", 80, true),
        ("below.test", 80, true),
        ("a.below.test", 80, true),
        ("only.test", 80, false),
        ("a.only.test", 80, true),
        ("10.1.2.3", 80, true),
        ("11.1.2.3", 80, false),
        ("::ffff:10.1.2.3", 80, true),
        ("2001:db8::", 8080, true),
        ("2001:db8::", 80, false),
        ("::1", 443, true),
        ("port.test", 81, true),
        ("port.test", 80, false),
        ("192.0.2.1", 80, true),
        ("192.0.2.2", 80, false),
    ] {
        assert_eq!(list.matches(host, port), goes_without, "{host}:{port}");
    }
    assert!(NoProxy::parse("a,*").unwrap().matches("b", 1));
    assert!(NoProxy::parse(" , ").unwrap().is_empty());
    for text in [
        "http://a",
        "a:b",
        "a/b",
        "10.0.0.0/33",
        "user@a",
        ".",
        "..",
        "*..",
        ".10.0.0.1",
        "*.[::1]",
        "..a",
        "a..b",
        "a..",
    ] {
        let why = NoProxy::parse(text).unwrap_err();
        assert!(why.contains("no name, address or range"), "{text}: {why}");
    }
    assert!(
        NoProxy::parse(&"a,".repeat(10_000))
            .unwrap_err()
            .contains("at most 16384")
    );
}
