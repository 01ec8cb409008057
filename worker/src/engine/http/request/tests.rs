//! Requests have the bytes that their parts say.

use super::*;

fn build(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: &str,
    keepalive: bool,
) -> Result<String, String> {
    let headers: Vec<(String, String)> = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let url = Url::parse(url).unwrap();
    let request = Request::build(&RequestParts {
        method,
        url: &url,
        target: None,
        headers: &headers,
        body: Some(&body.as_bytes().into()),
        keepalive,
        routes: &Routes::default(),
    })?;
    Ok(String::from_utf8(request.bytes.to_vec()).unwrap())
}

#[test]
fn defaults_are_filled_in() {
    assert_eq!(
        build("GET", "http://[::1]:8080/a%20b?c=d#e", &[], "", true).unwrap(),
        format!("GET /a%20b?c=d HTTP/1.1\r\nHost: [::1]:8080\r\nUser-Agent: {USER_AGENT}\r\n\r\n")
    );
    let post = build("POST", "https://shop.example", &[], "", false).unwrap();
    assert!(post.starts_with("POST / HTTP/1.1\r\nHost: shop.example\r\n"));
    assert!(post.contains("\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
    let put = build("PUT", "http://a/", &[], "naïve", true).unwrap();
    assert!(put.contains("Content-Length: 6\r\n"));
    assert!(put.ends_with("\r\n\r\nnaïve"));
    let user = build("GET", "http://me:p%40ss@a/", &[], "", true).unwrap();
    assert!(user.contains("Authorization: Basic bWU6cEBzcw==\r\n"));
    assert!(user.contains("Host: a\r\n"));
}

#[test]
fn headers_of_the_scenario_override_defaults() {
    let text = build(
        "GET",
        "http://me@a/",
        &[("HOST", "b"), ("user-agent", "x"), ("authorization", "y")],
        "",
        true,
    )
    .unwrap();
    assert_eq!(
        text,
        "GET / HTTP/1.1\r\nHOST: b\r\nuser-agent: x\r\nauthorization: y\r\n\r\n"
    );
}

#[test]
fn what_would_break_the_request_is_refused() {
    for (name, value) in [
        ("A", "b\r\nC: d"),
        ("A\r\n", "b"),
        ("", "b"),
        ("A", "\0"),
        ("Transfer-Encoding", "chunked"),
        ("Content-Length", "7"),
    ] {
        assert!(build("GET", "http://a/", &[(name, value)], "", true).is_err());
    }
    assert!(build("GE T", "http://a/", &[], "", true).is_err());
}

#[test]
fn cookies_are_appended_to_those_of_the_scenario() {
    let url = Url::parse("http://a/").unwrap();
    let body: Arc<[u8]> = b"body".as_slice().into();
    let of = |headers: &[(String, String)]| {
        let request = Request::build(&RequestParts {
            method: "POST",
            url: &url,
            target: None,
            headers,
            body: Some(&body),
            keepalive: true,
            routes: &Routes::default(),
        });
        let request = request.unwrap().with_cookies(b"c=d; e=f");
        assert!(request.head().ends_with(b"\r\n\r\n"));
        String::from_utf8(request.bytes.to_vec()).unwrap()
    };
    let text = of(&[("cookie".to_owned(), "a=b".to_owned())]);
    assert!(text.contains("\r\ncookie: a=b; c=d; e=f\r\n"), "{text}");
    let text = of(&[]);
    assert!(text.ends_with("\r\nCookie: c=d; e=f\r\n\r\nbody"), "{text}");
}

#[test]
fn a_large_body_is_shared_and_follows_its_head() {
    let url = Url::parse("http://a/").unwrap();
    let body: Arc<[u8]> = vec![b'x'; SHARED_BODY_BYTES].into();
    let parts = RequestParts {
        method: "PUT",
        url: &url,
        target: None,
        headers: &[],
        body: Some(&body),
        keepalive: true,
        routes: &Routes::default(),
    };
    let request = Request::build(&parts).unwrap();
    assert_eq!(request.bytes.len(), request.head_bytes);
    assert_eq!(request.rest(0), request.head());
    assert_eq!(request.rest(request.head_bytes).len(), body.len());
    assert_eq!(request.rest(request.head_bytes + 5).len(), body.len() - 5);
    assert!(request.rest(request.head_bytes + body.len()).is_empty());
}

#[test]
fn an_endpoint_is_scheme_host_and_port() {
    let of = |text: &str| Endpoint::of(&Url::parse(text).unwrap()).unwrap();
    assert_eq!(of("http://a/x"), of("http://a:80/y"));
    assert_ne!(of("http://a/"), of("https://a/"));
    assert_eq!(of("https://[::1]/").authority(), "[::1]:443");
    assert!(Endpoint::of(&Url::parse("ftp://a/").unwrap()).is_err());
}

#[test]
fn what_was_put_in_can_be_taken_out() {
    let url = Url::parse("http://me:pw@a:81/x?y=z#f").unwrap();
    let headers = [("X-A", "b: c"), ("cookie", "d=e"), ("X-Empty", "")];
    let headers: Vec<(String, String)> = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    for bytes in [0, 5, SHARED_BODY_BYTES] {
        let body: Arc<[u8]> = vec![b'x'; bytes].into();
        let request = Request::build(&RequestParts {
            method: "PUT",
            url: &url,
            target: None,
            headers: &headers,
            body: Some(&body),
            keepalive: false,
            routes: &Routes::default(),
        });
        let request = request.unwrap();
        assert_eq!(request.own_headers(), headers);
        assert_eq!(request.target(), "/x?y=z");
        assert_eq!(request.body(), Some(body).filter(|body| !body.is_empty()));
        let with_cookies = request.with_cookies(b"f=g");
        let text = String::from_utf8_lossy(with_cookies.head()).into_owned();
        assert!(
            text.contains("\r\ncookie: d=e; f=g\r\nX-Empty: \r\n"),
            "{text}"
        );
    }
}
