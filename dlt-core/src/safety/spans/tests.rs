//! The secrets of a text are found in every notation, nothing else is, and a text that
//! was redacted gets them back.

use super::*;
use proptest::prelude::*;

/// Texts with their secrets in `S3…` and what is shown of them.
const TEXTS: [(&str, &str); 61] = [
    // JSON that is cut, several, or in other text.
    (
        "{\"token\":{\"value\":\"S3\"},\"x\":\"long",
        "{\"token\":{[redacted]},\"x\":\"long",
    ),
    (
        "{\"pass\\u0077ord\":\"S3\",\"x\":\"long",
        "{\"pass\\u0077ord\":\"[redacted]\",\"x\":\"long",
    ),
    ("{\"a\":1,\"token\":[\"S3", "{\"a\":1,\"token\":[[redacted]"),
    (
        "{\"a\":1}\n{\"token\":{\"value\":\"S3\"}}\n",
        "{\"a\":1}\n{\"token\":{\"value\":\"[redacted]\"}}\n",
    ),
    (
        "cb({\"token\":{\"value\":\"S3\"},\"a\":1})",
        "cb({\"token\":{[redacted]},\"a\":1})",
    ),
    (
        "ok {\"passwords\":[\"S3\",\"S3\"]}",
        "ok {\"passwords\":[[redacted]]}",
    ),
    // Markup whose attributes name a value.
    (
        "<input type=\"text\" name=\"password\" value=\"S3\">",
        "<input type=\"text\" name=\"password\" value=\"[redacted]\">",
    ),
    (
        "<input value='S3' name='token'><input value='a' name='b'>",
        "<input value='[redacted]' name='token'><input value='a' name='b'>",
    ),
    // A URL in a URL.
    (
        "/x?redirect=http://u:S3@h/&y=1",
        "/x?redirect=http://[redacted]@h/&y=1",
    ),
    (
        "/x?next=http%3A%2F%2Fu%3AS3%40h%2F&y=1",
        "/x?next=[redacted]&y=1",
    ),
    ("/x?next=%2Fy%3Ftoken%3DS3&y=1", "/x?next=[redacted]&y=1"),
    ("/x?q=50%25+off&y=a%20b", "/x?q=50%25+off&y=a%20b"),
    (
        "[{\"name\": \"password\", \"value\": \"S3\"}, {\"name\": \"a\", \"value\": \"b\"}]",
        "[{\"name\": \"password\", \"value\": \"[redacted]\"}, {\"name\": \"a\", \"value\": \"b\"}]",
    ),
    (
        "{\"key\":\"token\",\"value\":\"S3\"}",
        "{\"key\":\"token\",\"value\":\"[redacted]\"}",
    ),
    (
        "{\"value\": 35, \"name\": \"pwd\"}",
        "{\"value\": \"[redacted]\", \"name\": \"pwd\"}",
    ),
    ("https://u:S3@a.example/x", "https://[redacted]@a.example/x"),
    ("//u:S3@a.example", "//[redacted]@a.example"),
    ("http://u:S3@x@h/?a@b", "http://[redacted]@h/?a@b"),
    (
        "http://S3:${pw}@${host}/x?token=S3",
        "http://[redacted]@${host}/x?token=[redacted]",
    ),
    ("/x?id=5&token=S3&y=1", "/x?id=5&token=[redacted]&y=1"),
    ("/x?id=5&to%6Ben=S3", "/x?id=5&to%6Ben=[redacted]"),
    ("/x#access_token=S3&x=1", "/x#access_token=[redacted]&x=1"),
    ("/x?next=/y?token=S3", "/x?next=/y?token=[redacted]"),
    ("/x;jsessionid=S3?y=1", "/x;jsessionid=[redacted]"),
    ("a=b&password=S3,S3;S3&c=d", "a=b&password=[redacted]&c=d"),
    ("user[password]=S3", "user[password]=[redacted]"),
    ("password=S3\"S3'S3&x", "password=[redacted]&x"),
    ("password=\"S3\"S3&x", "password=[redacted]&x"),
    ("Authorization: Bearer S3", "Authorization: [redacted]"),
    ("> Cookie: lang=en; sid=S3; S3", "> Cookie: [redacted]"),
    (
        "A: b\r\nX-Api-Key: S3 S3\r\nC: d",
        "A: b\r\nX-Api-Key: [redacted]\r\nC: d",
    ),
    (
        "curl -H 'Authorization: Basic S3' -d x",
        "curl -H 'Authorization: [redacted]' -d x",
    ),
    (
        "sent Authorization: Token S3",
        "sent Authorization: [redacted]",
    ),
    ("sent Bearer S3.S3 there", "sent Bearer [redacted] there"),
    ("it said token: S3 twice", "it said token: [redacted] twice"),
    (
        "{\"password\":\"S3\",\"x\":1}",
        "{\"password\":\"[redacted]\",\"x\":1}",
    ),
    (
        "{\"pass\\u0077ord\" : \"a\\\"S3\"}",
        "{\"pass\\u0077ord\" : \"[redacted]\"}",
    ),
    (
        "{\"pwd\": 35, \"n\": ${n}}",
        "{\"pwd\": \"[redacted]\", \"n\": ${n}}",
    ),
    (
        "{\"auth\":{\"user\":\"S3\",\"n\":[\"S3\"]},\"y\":\"z\"}",
        "{\"auth\":{\"user\":\"[redacted]\",\"n\":[\"[redacted]\"]},\"y\":\"z\"}",
    ),
    (
        "[{\"tokens\":[\"S3\",\"S3\"]}]",
        "[{\"tokens\":[\"[redacted]\",\"[redacted]\"]}]",
    ),
    (
        "{\"url\":\"https://u:S3@b/?token=S3\"}",
        "{\"url\":\"https://[redacted]@b/?token=[redacted]\"}",
    ),
    (
        "{\"in\":\"{\\\"pwd\\\":\\\"S3\\\"}\",\"a\":1}",
        "{\"in\":\"[redacted]\",\"a\":1}",
    ),
    (
        "{\"ok\":true,\"token\":true,\"secret\":null}",
        "{\"ok\":true,\"token\":true,\"secret\":null}",
    ),
    (
        "{\"token\":\"${t}\",\"a\":\"Bearer ${t}\"}",
        "{\"token\":\"${t}\",\"a\":\"Bearer ${t}\"}",
    ),
    (
        "not json {\"password\": \"S3\"",
        "not json {\"password\": \"[redacted]\"",
    ),
    ("\"token\": \"S3\"", "\"token\": \"[redacted]\""),
    ("{'token': 'S3', 'x': 1}", "{'token': '[redacted]', 'x': 1}"),
    (
        "x = \"{\\\"token\\\":\\\"S3\\\",\\\"y\\\":1}\"",
        "x = \"{\\\"token\\\":\\\"[redacted]\\\",\\\"y\\\":1}\"",
    ),
    ("password = S3", "password = [redacted]"),
    (
        "<a><password>S3</password><b>c</b></a>",
        "<a><password>[redacted]</password><b>c</b></a>",
    ),
    (
        "<w:Token x=\"y\">S3<i>S3</i></w:Token>",
        "<w:Token x=\"y\">[redacted]</w:Token>",
    ),
    (
        "<user password=\"S3\" name=\"n\"/>",
        "<user password=\"[redacted]\" name=\"n\"/>",
    ),
    (
        "--b\r\nContent-Disposition: form-data; name=\"pwd\"\r\n\r\nS3 S3\r\n--b--",
        "--b\r\nContent-Disposition: form-data; name=\"pwd\"\r\n\r\n[redacted]\r\n--b--",
    ),
    ("key: https://S3/", "key: [redacted]"),
    ("p(95)<250ms", "p(95)<250ms"),
    ("/products/{id}?q=1&page=2", "/products/{id}?q=1&page=2"),
    ("/x?token=${token}&y=1", "/x?token=${token}&y=1"),
    (
        "{\"sku\":\"A-17\",\"n\":[1,2]}",
        "{\"sku\":\"A-17\",\"n\":[1,2]}",
    ),
    ("", ""),
    ("[redacted]", "[redacted]"),
    ("plain text: with a colon", "plain text: with a colon"),
];

#[test]
fn secrets_are_found_in_every_notation() {
    for (text, shown) in TEXTS {
        assert_eq!(redacted_text(text), shown, "{text}");
        assert!(!redacted_text(text).contains("S3"), "{text}");
        assert_eq!(redacted_text(shown), shown, "{text}");
    }
}

/// A log-in's code is a secret; an answer's status is what an error is told by.
#[test]
fn a_status_is_no_secret() {
    for text in [
        "{\"error\":{\"code\":503,\"status\":\"down\"}}",
        "{\"code\":\"404\"}",
        "it answered code: 401 twice",
        "/errors?code=429&x=1",
        "<code>503</code>",
    ] {
        assert_eq!(redacted_text(text), text);
    }
    for text in [
        "code=4711",
        "code: 40",
        "{\"code\":123}",
        "code=S3",
        "pass=503",
        "token: 404",
    ] {
        assert!(redacted_text(text).contains("[redacted]"), "{text}");
    }
}

#[test]
fn a_redacted_text_gets_its_secrets_back() {
    for (text, shown) in TEXTS {
        assert_eq!(with_secrets_of(shown, text), text);
        assert_eq!(with_secrets_of(text, text), text);
    }
}

#[test]
fn a_text_that_was_changed_gets_back_what_its_names_had() {
    for (posted, stored, whole) in [
        (
            "http://h/new?a=1&token=[redacted]",
            "http://h/old?token=S3",
            "http://h/new?a=1&token=S3",
        ),
        (
            "{\"a\": 2, \"pwd\": \"[redacted]\"}",
            "{\"pwd\": 35}",
            "{\"a\": 2, \"pwd\": 35}",
        ),
        (
            "token=[redacted]&token=[redacted]",
            "x=1&token=S31&token=S32",
            "token=S31&token=S32",
        ),
        (
            "Cookie: [redacted]\nX: y",
            "Cookie: S3=S4",
            "Cookie: S3=S4\nX: y",
        ),
        // No secret of that name is stored.
        (
            "http://h/?key=[redacted]",
            "http://h/?token=S3",
            "http://h/?key=[redacted]",
        ),
        ("a [redacted] text", "token=S3", "a [redacted] text"),
    ] {
        assert_eq!(with_secrets_of(posted, stored), whole);
    }
}

proptest! {
    #[test]
    fn any_text_is_redacted_once_and_for_all(text in "([ -~é\n]{0,12}|token=|\"pwd\":|//a:|\\{|\\}|\\[|\\]|<key>|</key>|Cookie: ){0,8}") {
        let shown = redacted_text(&text);
        prop_assert_eq!(with_secrets_of(&shown, &text), text);
    }

    #[test]
    fn no_value_of_a_form_is_seen(value in "[!-%'-~]{1,20}", more in "[a-z]{0,5}") {
        let secret = format!("{value}Z9Z");
        prop_assume!(!secret.starts_with(['"', '\'', '`', '\\', '=', '~']));
        let text = format!("a={more}&password={secret}&x=1");
        let shown = redacted_text(&text);
        prop_assert!(!shown.contains("Z9Z"), "{}", shown);
        prop_assert!(shown.ends_with("&x=1"));
    }
}
