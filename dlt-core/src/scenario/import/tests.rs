//! Pasted commands as requests, and as files that are good ones.

use super::{Imported, ImportedBody, shell};
use crate::scenario::plan::{Auth, Body, HttpChoice, Step, Tls};
use crate::scenario::tests::{defaults, files};
use crate::scenario::{Format, Outside, Purpose, Scenario};
use proptest::prelude::*;

fn read(text: &str) -> Imported {
    Imported::from_text(text).unwrap_or_else(|why| panic!("{text}: {why}"))
}

/// What the written file means.
fn scenario(request: &Imported) -> Result<Scenario, String> {
    let yaml = request.to_yaml();
    let read = Scenario::from_text(
        yaml.as_bytes(),
        Format::Yaml,
        &defaults(),
        Outside::files(&files),
        Purpose::Run,
    );
    read.map_err(|faults| format!("{faults}\n{yaml}"))
}

fn meant(text: &str) -> (Step, Tls) {
    let scenario = scenario(&read(text)).unwrap_or_else(|why| panic!("{why}"));
    let group = scenario.plan.groups.into_iter().next().unwrap();
    (group.steps.into_iter().next().unwrap(), group.tls)
}

fn header<'s>(step: &'s Step, name: &str) -> Option<&'s str> {
    let found = step
        .headers
        .iter()
        .find(|row| row.0.eq_ignore_ascii_case(name));
    found.map(|row| row.1.as_str())
}

#[test]
fn a_url_is_a_file_with_comments() {
    let request = read(" https://ann:s3@shop.example.com:8443/a?b=1&c#top ");
    insta::assert_snapshot!(request.to_yaml());
    let (step, _) = meant("https://ann:s3@shop.example.com:8443/a?b=1&c#top");
    assert_eq!(step.url.as_str(), "https://shop.example.com:8443/a?b=1&c");
    assert!(matches!(step.auth, Some(Auth::Basic { .. })));
    assert!(step.follow_redirects);
    assert_eq!(
        meant("127.0.0.1:8080").0.url.as_str(),
        "http://127.0.0.1:8080/"
    );
    assert_eq!(meant("http://[::1]:80?x").0.url.query(), Some("x"));
}

#[test]
fn what_browsers_copy_is_taken_as_it_is() {
    let text = r#"$ curl 'https://shop.example.com/orders' \
  -X 'POST' \
  -H 'content-type: application/json' -H "X-A: it's \"so\"" -H 'Content-Length: 5' \
  -H 'cookie: a=b; c=d' \
  --data-raw $'{"a":"it\'s \u00e9\ud83d\ude00"}' --compressed -sSL"#;
    let request = read(text);
    insta::assert_snapshot!(request.to_yaml());
    let (step, _) = meant(text);
    assert_eq!(step.method, "POST");
    assert_eq!(step.body, Body::Text("{\"a\":\"it's é😀\"}".to_owned()));
    assert_eq!(header(&step, "X-A"), Some("it's \"so\""));
    assert_eq!(header(&step, "Accept-Encoding"), Some("gzip, deflate"));
    assert_eq!(header(&step, "Content-Length"), None);
    assert!(step.follow_redirects);
}

#[test]
fn options_mean_what_they_mean_to_curl() {
    let (step, _) = meant("curl -XPUT -uann:b:c -d x=1 --data y=2 http://h.example/");
    assert_eq!(
        (step.method.as_str(), step.follow_redirects),
        ("PUT", false)
    );
    assert_eq!(step.body, Body::Text("x=1&y=2".to_owned()));
    assert_eq!(
        header(&step, "Content-Type"),
        Some("application/x-www-form-urlencoded")
    );
    let basic = Auth::Basic {
        username: "ann".to_owned(),
        password: "b:c".to_owned(),
    };
    assert_eq!(step.auth, Some(basic));
    let (step, _) = meant("curl -G --data-urlencode 'q=a b&é' -d n=1 'http://h.example/s?z'");
    assert_eq!(step.url.query(), Some("z&q=a%20b%26%C3%A9&n=1"));
    assert_eq!(
        (step.method.as_str(), header(&step, "Content-Type")),
        ("GET", None)
    );
    let (step, tls) =
        meant("curl -k --cacert ca.pem -E me.pem -m 5 --connect-timeout 0.5 -I http://h.example/");
    assert_eq!(step.method, "HEAD");
    assert!(tls.insecure);
    assert_eq!(tls.key_file.as_deref(), Some("/data/me.pem"));
    assert_eq!(
        (step.timeouts.total_us, step.timeouts.connect_us),
        (5_000_000, 500_000)
    );
    let (step, _) = meant("curl --json '{}' -H 'accept: text/plain' --url http://h.example/");
    assert_eq!(header(&step, "Content-Type"), Some("application/json"));
    assert_eq!(header(&step, "Accept"), Some("text/plain"));
    let (step, _) = meant("curl -F a=b -F 'f=@p.png;type=image/png' http://h.example/");
    let Body::Multipart(fields, uploads) = step.body else {
        panic!("{:?}", step.body)
    };
    assert_eq!(fields, [("a".to_owned(), "b".to_owned())]);
    assert_eq!(
        (uploads[0].path.as_str(), uploads[0].mime_type.as_str()),
        ("/data/p.png", "image/png")
    );
    assert_eq!(
        meant("curl -T big.bin http://h.example/up").0.body,
        Body::File("/data/big.bin".to_owned())
    );
    let (step, _) = meant("curl -H 'Authorization: Basic YTpi' -u a:b http://h.example/");
    assert!(step.auth.is_some() && header(&step, "Authorization").is_none());
    let words = ["curl", "-H", "X: a  b", "http://h.example/$x;y"].map(str::to_owned);
    let request = Imported::from_words(&words).unwrap();
    assert_eq!(
        (request.url.as_str(), request.headers[0].1.as_str()),
        ("http://h.example/$x;y", "a  b")
    );
}

#[test]
fn the_way_of_connections_is_kept() {
    let way = |text: &str| {
        let scenario = scenario(&read(text)).unwrap_or_else(|why| panic!("{why}"));
        scenario.plan.groups.into_iter().next().unwrap().routing
    };
    let routing = way(
        "curl --resolve h:80:1.2.3.4 --resolve 'h:81:[::1]' --connect-to ::i: -x p:3128 -U 'ann:s3/cret@' --noproxy 'a,b' http://h/",
    );
    let told: Vec<String> = routing.resolve.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["h:80:1.2.3.4", "h:81:[::1]"]);
    assert_eq!(routing.connect_to[0].to_string(), "::i:");
    let proxy = routing.proxy.unwrap();
    assert_eq!(proxy.to_string(), "http://p:3128");
    let user = ("ann".to_owned(), "s3/cret@".to_owned());
    assert_eq!(proxy.user, Some(user));
    assert_eq!(routing.no_proxy.unwrap().to_string(), "a,b");
    for (option, url) in [
        ("--socks5 p:1", "socks5://p:1"),
        ("--socks5-hostname=p:1", "socks5h://p:1"),
        ("-xsocks5h://p", "socks5h://p:1080"),
    ] {
        let proxy = way(&format!("curl {option} http://h/")).proxy.unwrap();
        assert_eq!(proxy.to_string(), url, "{option}");
    }
    // What curl takes and dlt does not is told when the file is read.
    let why = scenario(&read("curl -x https://p:1 http://h/")).unwrap_err();
    assert!(why.contains("TLS to the proxy itself"), "{why}");
}

#[test]
fn what_cannot_be_kept_is_named() {
    for (text, says) in [
        ("", "nothing"),
        ("ftp://h/", "only http"),
        ("hello there", "neither a URL"),
        ("http://", "is no URL"),
        ("curl", "names no URL"),
        ("curl -s", "names no URL"),
        ("curl 'http://h/", "not closed"),
        (
            "curl --preproxy p:1 http://h/",
            "--preproxy is an option of curl",
        ),
        ("curl -x", "-x needs a value"),
        ("curl -U a:b http://h/", "no proxy (-x) is given"),
        ("curl -x p:1 -U ann http://h/", "asks for a password"),
        ("curl -x http://a:b@p:1 -U c:d http://h/", "keep one"),
        ("curl http://h/ -d @a -d b", "several kinds"),
        ("curl http://h/ -F a=b -d b", "several kinds"),
        ("curl http://h/ -F a=b", "multipart"),
        (
            "curl http://h/ -F a=b -F c=d -F a=e -F f=@p",
            "the field \"a\" twice",
        ),
        (
            "curl http://h/ -F 'a=b;type=text/plain' -F f=@p",
            "--form-string",
        ),
        ("curl http://h/ -F 'a=\"b\"' -F f=@p", "--form-string"),
        ("curl http://h/ http://i/", "two URLs"),
        ("curl http://h/ -H nothing", "no colon"),
        ("curl http://h/ -H", "-H needs a value"),
        ("curl http://h/ -b jar.txt", "file of cookies"),
        ("curl http://h/ -u ann", "asks for a password"),
        ("curl http://h/ -X PURGE", "PURGE"),
        ("curl 'http://h/[1-9]'", "several URLs"),
        ("curl http://h/ | jq .", "paste the curl command alone"),
        ("curl -d $'\\xff' http://h/", "no text"),
        (
            "curl -u a:b -H 'Authorization: Bearer x' http://h/",
            "keep one",
        ),
    ] {
        let why = Imported::from_text(text).expect_err(text);
        assert!(why.contains(says), "{text}: {why}");
    }
    let of = |flag: &str| read(&format!("curl {flag} https://h/")).http;
    assert_eq!(of("--http2"), None);
    assert_eq!(of("--http1.1"), Some(HttpChoice::Http1));
    assert_eq!(of("--http2-prior-knowledge"), Some(HttpChoice::Http2));
    let left = read("curl --http3 -o out --max-redirs 3 -d @f http://h/").left_out;
    assert_eq!(left.len(), 4, "{left:?}");
}

/// A word as a shell takes it.
fn quoted(word: &str, how: u8) -> String {
    match how {
        0 => format!("'{}'", word.replace('\'', "'\\''")),
        1 => {
            let escaped: String = word
                .chars()
                .flat_map(|c| {
                    matches!(c, '"' | '\\' | '$' | '`')
                        .then_some('\\')
                        .into_iter()
                        .chain([c])
                })
                .collect();
            format!("\"{escaped}\"")
        }
        _ => {
            let escaped: String = word
                .chars()
                .flat_map(|c| match c {
                    '\n' => vec!['\\', 'n'],
                    '\'' | '\\' => vec!['\\', c],
                    c => vec![c],
                })
                .collect();
            format!("$'{escaped}'")
        }
    }
}

proptest! {
    #[test]
    fn quotes_keep_every_word(words in prop::collection::vec(("[a-z '\"\\\\$`|;&\n\té{}!#-]{0,12}", 0u8..3), 1..6)) {
        let line: Vec<String> = words.iter().map(|(word, how)| quoted(word, *how)).collect();
        let read = shell::words(&line.join(" \\\n ")).unwrap();
        let given: Vec<String> = words.into_iter().map(|row| row.0).collect();
        prop_assert_eq!(read, given);
    }

    #[test]
    fn any_text_is_answered(text in "(curl )?[ -~\n\\\\'\"é$-]{0,60}") {
        if let Ok(request) = Imported::from_text(&text) {
            let _ = scenario(&request);
        }
    }

    /// What is written means what was pasted.
    #[test]
    fn the_file_means_the_request(
        path in "/{1,2}([a-z0-9][a-z0-9/]{0,9})?(\\?[a-z0-9=&]{0,9})?",
        value in "[!-~][ -~éß]{0,9}[!-~]",
        body in "[ -~\n\té\u{85}\u{2028}\u{feff}😀]{1,30}",
        method in prop::option::of(prop::sample::select(vec!["PUT", "PATCH", "DELETE"])),
    ) {
        prop_assume!(!value.contains("${") && !body.contains("${"));
        let mut words = vec!["curl".to_owned(), format!("http://h.example{path}"), format!("-HX-A: {value}")];
        words.extend(["--data-raw".to_owned(), body.clone()]);
        words.extend(method.map(|method| format!("-X{method}")));
        let request = Imported::from_words(&words).unwrap();
        prop_assert_eq!(&request.body, &ImportedBody::Text(body.clone()));
        let read = scenario(&request);
        prop_assert!(read.is_ok(), "{}", read.unwrap_err());
        let step = &read.unwrap().plan.groups[0].steps[0];
        prop_assert_eq!(&step.body, &Body::Text(body));
        prop_assert_eq!(header(step, "X-A"), Some(value.trim()));
        prop_assert_eq!(&step.method, method.unwrap_or("POST"));
        let url = format!("http://h.example{path}");
        prop_assert_eq!(step.url.as_str(), url.as_str());
    }
}

/// A key of YAML has at most 1,024 characters, and a name of HTTP only its own.
#[test]
fn names_that_no_file_can_have_are_refused() {
    let long = "n".repeat(1_100);
    for (option, words) in [
        ("-H 'a b: 1'".to_owned(), "is no name of a header"),
        ("-H '\u{0}: 1'".to_owned(), "is no name of a header"),
        (format!("-H '{long}: 1'"), "is no name of a header"),
        (format!("-F {long}=1"), "1000 characters"),
        (format!("-F '{}=1'", "\"".repeat(600)), "1000 characters"),
    ] {
        let why = Imported::from_text(&format!("curl http://h/ {option}")).unwrap_err();
        assert!(why.contains(words) && why.len() < 400, "{why}");
    }
    let name = "n".repeat(1_000);
    for option in [
        format!("-H '{name}: 1'"),
        format!("-F {}=1 -F u=@f", &name[..990]),
    ] {
        let read = Imported::from_text(&format!("curl http://h/ {option}")).unwrap();
        let yaml = read.to_yaml();
        assert!(
            serde_saphyr::from_str::<serde_json::Value>(&yaml).is_ok(),
            "{yaml}"
        );
    }
}

/// `Name:` takes out what curl would send by itself, `Name;` sends an empty one.
#[test]
fn headers_that_are_taken_out_are_not_sent() {
    let read = |text: &str| Imported::from_text(text).unwrap();
    let out = read("curl -q http://h/ -d a=b -H 'Expect:' -H 'content-type:' -H 'X-Empty;'");
    assert_eq!(out.headers, [("X-Empty".to_owned(), String::new())]);
    for name in ["Expect", "content-type"] {
        let told = out.left_out.iter().any(|it| it.contains(name));
        assert!(told, "{:?}", out.left_out);
    }
}
