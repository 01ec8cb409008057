//! A request that is laid out is the one that is built anew, whatever the values.

use super::*;
use crate::engine::instructions::group;
use proptest::prelude::*;
use proptest::sample::select;

/// Values as scenarios and targets have them, harmless and not.
fn value() -> impl Strategy<Value = Option<String>> {
    let odd = select(vec![
        "",
        ".",
        "..",
        "../x",
        "%2e%2e",
        "a?b",
        "a#b",
        "a b",
        "a/b",
        "ü€😀",
        "\u{85}",
        "\r\nX: y",
        "\t",
        "http://other/",
        "dlt-value-0-of-a-layout-9e1c6f0b3a7d-",
        "\u{a0}",
        "\\",
        "@x:y",
        "a:b",
        "\0",
    ]);
    prop_oneof![
        6 => "[a-z0-9]{0,9}".prop_map(Some),
        4 => odd.prop_map(|text| Some(text.to_owned())),
        1 => Just(None),
    ]
}

/// Requests whose host never varies, with the variables `id` and `name`.
const LAID_OUT: [&str; 11] = [
    r#"{"url":"http://127.0.0.1:8080/orders/${id}/${name}?by=${id}"}"#,
    r#"{"url":"http://${host}/v1.0/./x/../${id}","method":"DELETE","headers":{"X-A":"${name}","X-B":"fixed"}}"#,
    r#"{"url":"http://a.example?x=${id}&y=${name}","headers":{"X-C":"-${name}-${id}"}}"#,
    r#"{"url":"https://[::1]:8443/${id}","method":"POST","body":"${id}=${name}"}"#,
    r#"{"url":"http://a/${id}","method":"POST","headers":{"Cookie":"s=${name}","Host":"b.example"},"form":{"x":"${id}","y z":"${name}"}}"#,
    r#"{"url":"http://me:secret@a:81/${id}","headers":{"User-Agent":"${name}"},"body":"${name}"}"#,
    r#"{"url":"http://a/x","method":"PUT","headers":{"Content-Type":"text/plain","X":"${id}"},"body":"constant"}"#,
    r#"{"url":"http://a/x?${id}","auth":{"bearer":"${name}"},"method":"PATCH"}"#,
    r#"{"url":"http://a/x?${id}","auth":{"basic":{"username":"u","password":"${name}"}}}"#,
    r#"{"url":"http://a/${__counter(TRUE)}/${id}?n=${__counter(TRUE)}","headers":{"N":"${__counter(TRUE)}"},"method":"POST","body":"${__counter(TRUE)}"}"#,
    r#"{"url":"http://a/constant","headers":{"X":"constant"}}"#,
];

/// The request in both ways, each with a session of its own, and whether there is a layout.
fn both(
    request: &str,
    values: &[Option<String>; 2],
) -> ([Result<MadeRequest, MakeError>; 2], bool) {
    let group = group(request);
    let names = VariableNames::of(&group, ["id", "name"].into_iter());
    let (routes, files) = (Arc::new(Routes::default()), PlanFiles::default());
    let parts = TemplateParts::compile((&group, &routes), &group.steps[0], &names, &files);
    let parts = parts.unwrap();
    let layout = Layout::of(&parts);
    let has_layout = layout.is_some();
    let template = RequestTemplate { parts, layout };
    let session = || {
        let mut session = names.session(|| 0).unwrap();
        for (name, value) in ["id", "name"].into_iter().zip(values) {
            let slot = names.slot(name).unwrap();
            session.clear(slot);
            if let Some(value) = value {
                session.set(slot, value.as_str());
            }
        }
        session
    };
    let made = [template.make(&session()), template.build(&session())];
    (made, has_layout)
}

#[test]
fn a_host_that_never_varies_is_laid_out() {
    let values = || [Some("1".to_owned()), Some("2".to_owned())];
    for request in LAID_OUT {
        let ([made, built], has_layout) = both(request, &values());
        assert!(has_layout && made.is_ok() && built.is_ok(), "{request}");
    }
    for request in [
        r#"{"url":"http://${id}/x"}"#,
        r##"{"url":"http://a/${id}#part"}"##,
        r#"{"url":"http://a/ü/${id}"}"#,
    ] {
        let ([made, built], has_layout) = both(request, &values());
        assert!(!has_layout && made.is_ok() == built.is_ok(), "{request}");
    }
}

proptest! {
    #[test]
    fn what_is_laid_out_is_what_is_built(
        request in select(&LAID_OUT[..]),
        values in [value(), value()],
    ) {
        let ([made, built], _) = both(request, &values);
        match (made, built) {
            (Ok(made), Ok(built)) => {
                let text = |made: &MadeRequest| String::from_utf8_lossy(&made.request.bytes).into_owned();
                prop_assert_eq!(text(&made), text(&built));
                prop_assert_eq!(made.request.head_bytes, built.request.head_bytes);
                prop_assert_eq!(&made.request.tail, &built.request.tail);
                prop_assert_eq!(made.request.own_headers(), built.request.own_headers());
                prop_assert_eq!(made.request.body(), built.request.body());
                let with_cookies = |made: &MadeRequest| made.request.with_cookies(b"a=b").bytes;
                prop_assert_eq!(with_cookies(&made), with_cookies(&built));
                prop_assert_eq!(made.url(), built.url());
                prop_assert_eq!(made.endpoint, built.endpoint);
            }
            // Of several reasons either tells the one that it meets first.
            (Err(_), Err(_)) => {}
            (made, built) => prop_assert!(false, "{:?} {:?}", made, built),
        }
    }
}
