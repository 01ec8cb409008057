//! No secret of a plan is shown, whatever notation it stands in; what was shown can be
//! posted again; and no request gets the secrets of another.

use super::*;
use crate::scenario::Outside;
use crate::scenario::kept::{with_entry, with_kept};
use crate::scenario::post::Post;
use crate::scenario::post::tests::body;
use crate::value::json;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use url::form_urlencoded::byte_serialize;

/// In every secret, and nowhere else.
const MARK: &str = "Zq9";

fn plan(shop: Value) -> Value {
    let mut plan = json!({
        "execution": [{ "ramp-up": "0s", "hold-for": "5s", "scenario": "Checkout smoke" }],
    });
    plan["scenarios"]["Checkout smoke"] = shop;
    plan
}

/// The body that is kept of one with this plan.
fn kept(body: &Value) -> Result<Value, String> {
    let mut body = body.clone();
    body["saveOnly"] = true.into();
    let post = Post::read(
        &body,
        Outside::files(&|name: &str| Err(format!("{name}: no files here"))),
    );
    post.map(|post| post.body).map_err(|refusal| refusal.text)
}

/// What is kept when a client posts the body with this plan, `stored` being kept.
fn posted(plan: &Value, stored: &Value) -> Result<Value, String> {
    let mut sent = body(&json!({}));
    sent["testScenario"] = plan.clone();
    let whole = with_stored(&sent, Some(stored));
    kept(&with_kept(&whole, Some(stored)).0)
}

/// The plan of an answer.
fn answered(stored: &Value) -> Value {
    let name = stored["testName"].as_str().unwrap();
    redacted(&with_entry(&stored["testScenario"], name))
}

fn everything() -> Value {
    json!({
        "default-address": "http://me:S3@h.example",
        "headers": [{ "Accept": "*/*" }, { "cookie": "sid=S3; S3" }, { "Cookie": "S3" }],
        "variables": { "db_password": "S3", "pin_token": 7123, "host": "h.example", "empty_token": "",
                       "link": "https://u:S3@h/?sig=S3" },
        "auth": { "basic": { "username": "S3", "password": "S3" } },
        "store-cookie": true,
        "requests": [
            { "url": "http://h/plain?q=1&api_key=S3", "method": "GET" },
            { "url": "http://h/login", "method": "POST", "label": "token: shown",
              "headers": { "Authorization": "Bearer ${token}", "X-Api-Key": "S3", "X-Trace": "on" },
              "body": "{\"user\":\"me\",\"password\":\"S3\",\"n\":[1,{\"otp_token\":73123}]}",
              "extract-jsonpath": { "token": { "jsonpath": "$.token", "default": "S3" },
                                    "id": "$.session.id" },
              "assert-jsonpath": [{ "jsonpath": "$.token", "expected-value": "S3" },
                                  { "jsonpath": "$.state", "expected-value": "open" }] },
            { "url": "http://h/form", "method": "POST", "auth": "none",
              "form": { "client_secret": "S3", "q": "a" } },
        ],
    })
}

#[test]
fn the_secrets_of_a_plan_are_not_shown() {
    let shown = redacted(&plan(everything()));
    assert!(!shown.to_string().contains("S3"), "{shown}");
    assert!(!shown.to_string().contains("7123"), "{shown}");
    insta::assert_snapshot!(serde_json::to_string_pretty(&shown).unwrap());
    let text = plan(json!({ "requests": ["/plain?q=1&api_key=S3"] }));
    assert!(!redacted(&text).to_string().contains("S3"));
    // As the answer to a POST has it, and what is no plan at all.
    let text = redacted(&Value::String(plan(everything()).to_string()));
    assert_eq!(text, Value::String(shown.to_string()));
    assert_eq!(redacted(&"token=S3".into()), "token=[redacted]");
    assert_eq!(redacted(&shown), shown);
}

#[test]
fn names_that_a_person_chose_are_no_secrets() {
    let plan = json!({
        "execution": [{ "scenario": "auth service", "hold-for": "1s" }],
        "scenarios": { "auth service": { "requests": [{ "url": "http://h/session", "method": "GET" }] } },
    });
    assert_eq!(redacted(&plan), plan);
}

#[test]
fn an_answer_can_be_posted_again() {
    let mut sent = body(&json!({}));
    sent["testScenario"] = plan(everything());
    let stored = kept(&sent).unwrap();
    let shown = answered(&stored);
    assert!(!shown.to_string().contains("S3"), "{shown}");
    assert_eq!(posted(&shown, &stored).unwrap(), stored);
    // A plan without placeholders is taken as it is.
    let mut changed = stored["testScenario"].clone();
    changed["scenarios"]["Checkout smoke"]["variables"]["db_password"] = "S4".into();
    let after = posted(&changed, &stored).unwrap();
    assert_eq!(after["testScenario"], changed);
}

fn two() -> Value {
    plan(json!({ "requests": [
        { "url": "http://h/a", "method": "POST", "label": "a", "headers": { "X-Api-Key": "S3a" } },
        { "url": "http://h/a", "method": "POST", "label": "b", "headers": { "X-Api-Key": "S3b" } },
        { "url": "http://h/c?token=S3c", "method": "GET", "label": "c" },
    ] }))
}

/// What the requests of a plan have for secrets.
fn secrets_of(plan: &Value) -> Vec<String> {
    let requests = &plan["scenarios"]["Checkout smoke"]["requests"];
    let of = |request: &Value| match &request["headers"]["X-Api-Key"] {
        Value::Null => request["url"].as_str().unwrap().to_owned(),
        key => key.as_str().unwrap().to_owned(),
    };
    requests.as_array().unwrap().iter().map(of).collect()
}

/// The secrets after the shown requests of [`two`] were changed and posted.
fn after(change: impl Fn(&mut Vec<Value>)) -> Vec<String> {
    let stored = two();
    let mut shown = redacted(&stored);
    change(
        shown["scenarios"]["Checkout smoke"]["requests"]
            .as_array_mut()
            .unwrap(),
    );
    secrets_of(&restored(&shown, &stored))
}

#[test]
fn requests_keep_their_own_secrets_when_they_move() {
    let c = "http://h/c?token=S3c";
    assert_eq!(after(|_| {}), ["S3a", "S3b", c]);
    assert_eq!(after(|all| all.swap(0, 1)), ["S3b", "S3a", c]);
    assert_eq!(after(|all| all.rotate_left(1)), ["S3b", c, "S3a"]);
    assert_eq!(after(|all| drop(all.remove(0))), ["S3b", c]);
    assert_eq!(
        after(|all| all.insert(
            0,
            json!({ "url": "http://h/n", "headers": { "X-Api-Key": "S3n" } })
        )),
        ["S3n", "S3a", "S3b", c]
    );
    // Changed where it stands: its address, something else, another secret.
    assert_eq!(
        after(|all| all[0]["url"] = "http://h/z".into()),
        ["S3a", "S3b", c]
    );
    assert_eq!(
        after(|all| all[2]["url"] = "http://h/c?x=1&token=[redacted]".into()),
        ["S3a", "S3b", "http://h/c?x=1&token=S3c"]
    );
    assert_eq!(
        after(|all| all[1]["think-time"] = "1s".into()),
        ["S3a", "S3b", c]
    );
    assert_eq!(
        after(|all| all[0]["headers"]["X-Api-Key"] = "S3x".into()),
        ["S3x", "S3b", c]
    );
    // Copied: the same one twice.
    assert_eq!(after(|all| all.push(all[2].clone())), ["S3a", "S3b", c, c]);
}

#[test]
fn a_secret_that_cannot_be_told_for_certain_is_not_guessed() {
    // One of two that look the same is gone.
    let of = |keys: &[&str]| {
        let request = |key: &&str| json!({ "url": "http://h/", "method": "GET", "headers": { "X-Api-Key": key } });
        let mut shop = json!({});
        shop["requests"] = keys.iter().map(request).collect();
        plan(shop)
    };
    let left = |stored: &Value| secrets_of(&restored(&of(&["[redacted]"]), stored));
    assert_eq!(left(&of(&["S3a", "S3b"])), ["[redacted]"]);
    assert_eq!(left(&of(&["S3a", "S3a"])), ["S3a"]);
    // Nor if another one came in its place.
    let stored = of(&["S3a", "S3b"]);
    let mut posted = of(&["[redacted]", "S3n"]);
    posted["scenarios"]["Checkout smoke"]["requests"][1]["url"] = "http://n/".into();
    assert_eq!(
        secrets_of(&restored(&posted, &stored)),
        ["[redacted]", "S3n"]
    );
    // As many as before: in their order.
    let both = of(&["[redacted]", "[redacted]"]);
    assert_eq!(
        secrets_of(&restored(&both, &of(&["S3a", "S3b"]))),
        ["S3a", "S3b"]
    );
}

#[test]
fn a_renamed_scenario_keeps_its_secrets() {
    let stored = two();
    let mut shown = redacted(&stored);
    let scenarios = shown["scenarios"].as_object_mut().unwrap();
    let shop = scenarios.shift_remove("Checkout smoke").unwrap();
    scenarios.insert("new".to_owned(), shop);
    let whole = restored(&shown, &stored);
    assert_eq!(
        whole["scenarios"]["new"],
        stored["scenarios"]["Checkout smoke"]
    );
    // Of two new ones it is not known which it was.
    let scenarios = shown["scenarios"].as_object_mut().unwrap();
    scenarios.insert("other".to_owned(), scenarios["new"].clone());
    assert_eq!(restored(&shown, &stored), shown);
}

#[test]
fn headers_may_become_a_list_and_change_their_case() {
    let stored = plan(
        json!({ "headers": { "X-Api-Key": "S3a", "Cookie": "S3b" }, "requests": ["http://h/"] }),
    );
    let posted = plan(
        json!({ "headers": [{ "x-api-key": "[redacted]" }, { "Cookie": "[redacted]" }],
                              "requests": ["http://h/"] }),
    );
    let whole = restored(&posted, &stored);
    assert_eq!(
        whole["scenarios"]["Checkout smoke"]["headers"],
        json!([{ "x-api-key": "S3a" }, { "Cookie": "S3b" }])
    );
}

#[test]
fn a_placeholder_without_a_stored_secret_is_a_fault_that_names_the_field() {
    let placed = plan(json!({
        "headers": { "Authorization": "[redacted]" }, "variables": { "pwd": "[redacted]", "note": "[redacted]" },
        "requests": [{ "url": "http://h/?token=[redacted]", "method": "POST",
                       "headers": [{ "X-Api-Key": "Key [redacted]" }], "label": "[redacted]",
                       "body": "{\"token\": \"[redacted]\", \"text\": \"[redacted]\"}" }],
    }));
    let shop = "testScenario.scenarios.Checkout smoke";
    let paths: Vec<String> = [
        "headers.Authorization",
        "variables.pwd",
        "requests[0].url",
        "requests[0].headers[0].X-Api-Key",
        "requests[0].body",
    ]
    .iter()
    .map(|path| format!("{shop}.{path}"))
    .collect();
    let mut sent = body(&json!({}));
    sent["testScenario"] = placed.clone();
    let told: Vec<String> = faults(&sent).into_iter().map(|fault| fault.path).collect();
    assert_eq!(told, paths);
    // So the API says, also where another scenario is stored.
    let other = kept(&body(&json!({}))).unwrap();
    for refused in [kept(&sent), posted(&placed, &other)] {
        let refused = refused.unwrap_err();
        for path in &paths {
            assert!(
                refused.contains(&format!("{path}: is [redacted]")),
                "{refused}"
            );
        }
    }
    // A text that only looks like it is a text.
    let text = plan(
        json!({ "requests": [{ "url": "http://h/", "method": "GET", "label": "[redacted]" }] }),
    );
    sent["testScenario"] = text;
    assert_eq!(faults(&sent), Vec::new());
}

/// Puts a secret somewhere; what of it must not be found, beside the mark.
fn place(shop: &mut Value, kind: usize, secret: &str) -> Option<String> {
    let encoded: String = byte_serialize(secret.as_bytes()).collect();
    let basic = STANDARD.encode(format!("me:{secret}"));
    let request = &mut shop["requests"][0];
    let mut seen = None;
    match kind {
        0 => request["headers"] = json!({ "Authorization": secret, "Accept": "*/*" }),
        1 => request["headers"] = json!([{ "Accept": "*/*" }, { "X-Api-Key": secret }]),
        2 => {
            request["headers"] = json!({ "X-Any": format!("Basic {basic}") });
            seen = Some(basic);
        }
        3 => request["auth"] = json!({ "basic": { "username": "me", "password": secret } }),
        4 => request["auth"] = json!({ "bearer": secret }),
        5 => request["url"] = format!("http://me:{encoded}@h/").into(),
        6 => request["url"] = format!("http://h/a?x=1&token={encoded}&y=2").into(),
        7 => request["url"] = format!("http://h/a#id_token={encoded}").into(),
        8 => {
            request["body"] = json!({ "user": { "password": secret, "n": 1 } })
                .to_string()
                .into()
        }
        9 => request["body"] = json!([{ "tokens": ["a", secret] }]).to_string().into(),
        10 => request["body"] = format!("a=b&client_secret={encoded}&c=d").into(),
        11 => request["body"] = format!("<a><Password>{encoded}</Password></a>").into(),
        12 => request["form"] = json!({ "pwd": secret, "q": "a" }),
        13 => shop["variables"] = json!({ "db_password": secret, "host": "h" }),
        14 => shop["headers"] = json!({ "Cookie": format!("sid={secret}") }),
        15 => shop["auth"] = json!({ "bearer": secret }),
        16 => {
            request["extract-jsonpath"] =
                json!({ "csrf_token": { "jsonpath": "$.t", "default": secret } })
        }
        17 => {
            request["assert-jsonpath"] =
                json!([{ "jsonpath": "$.token", "expected-value": secret }])
        }
        18 => shop["default-address"] = format!("http://me:{encoded}@h").into(),
        19 => {
            shop["variables"] = json!({ "base": format!("http://me:{encoded}@h/?sig={encoded}") })
        }
        20 => request["body"] = format!("curl -H 'Cookie: {encoded}' http://h/").into(),
        _ => {
            request["body"] = json!({ "q": format!("http://me:{encoded}@h/") })
                .to_string()
                .into()
        }
    }
    seen
}

proptest! {
    /// Neither as text, nor percent-encoded, nor as the base64 of basic auth.
    #[test]
    fn no_secret_of_a_scenario_is_in_an_answer(
        placed in prop::collection::vec((0..22usize, "[ -~é]{0,6}", "[!-~]{0,6}"), 1..4),
    ) {
        let mut shop = json!({ "requests": [{ "url": "http://h/", "method": "POST" }] });
        let mut found: Vec<String> = Vec::new();
        for (kind, before, behind) in placed {
            // A brace would make it a variable, and a blank at its ends is not sent.
            let secret = format!("s{before}{MARK}{behind}").replace(['$', '{', '}'], "x");
            found.extend(place(&mut shop, kind, &secret));
        }
        let mut sent = body(&json!({}));
        sent["testScenario"] = plan(shop);
        let written = redacted(&sent["testScenario"]).to_string();
        prop_assert!(!written.contains(MARK), "{}", written);
        for text in &found {
            prop_assert!(!written.contains(text.as_str()), "{}", written);
        }
        let Ok(stored) = kept(&sent) else {
            // Some of these may not stand together.
            return Ok(());
        };
        let shown = answered(&stored);
        let text = shown.to_string();
        prop_assert!(!text.contains(MARK), "{}", text);
        prop_assert_eq!(posted(&shown, &stored), Ok(stored));
    }
}
