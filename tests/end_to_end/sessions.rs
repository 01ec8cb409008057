//! Ten thousand users, each with a session of its own: what one was given, no
//! other sends. The target refuses what is crossed, and its log is judged
//! besides, from the requests alone.

use crate::common::{account, accounts_agree, run_json, scenario_file};
use dlt_tests::behaviour::{Asked, Framing, Reply, body_of, header, made};
use dlt_tests::command::Home;
use dlt_tests::patience::{alone, shared};
use dlt_tests::processes::raise_file_limit;
use dlt_tests::target::{Target, plan};
use std::collections::BTreeMap;
use std::time::Duration;

const USERS: usize = 10_000;
const ROUNDS: usize = 2;

/// What a user is given, in a way that others cannot be mistaken for.
fn given(kind: &str, user: &str) -> String {
    let hash = format!("{kind}/{user}")
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
    format!("{kind}-{hash:016x}")
}

/// The value of a member of a flat JSON text.
fn member<'a>(text: &'a str, name: &str) -> &'a str {
    let (_, rest) = text
        .split_once(&format!("\"{name}\": \""))
        .unwrap_or_else(|| panic!("no {name} in {text}"));
    rest.split('"').next().unwrap()
}

fn json(status: u16, headers: &[(&str, &str)], body: &str) -> Reply {
    Reply::new(status, headers, body.as_bytes(), Framing::Length)
}

/// Whether a request carries exactly what its user was given.
fn is_own(user: &str, token: Option<&str>, cookie: Option<&str>) -> bool {
    token == Some(&format!("Bearer {}", given("token", user)))
        && cookie == Some(&format!("sid={}", given("sid", user)))
}

fn login(asked: &Asked) -> Reply {
    let user = asked.body().strip_prefix("user=").unwrap_or_default();
    let cookie = format!("sid={}; Path=/; HttpOnly", given("sid", user));
    let body = format!("{{\"auth\": {{\"token\": \"{}\"}}}}", given("token", user));
    json(200, &[("Set-Cookie", &cookie)], &body)
}

/// A page for one user, which names the cart.
fn page(asked: &Asked) -> Reply {
    let user = asked.path.rsplit('/').next().unwrap_or_default();
    if !is_own(user, asked.header("authorization"), asked.header("cookie")) {
        return json(409, &[], "crossed");
    }
    let cart = given("cart", user);
    let body = format!("<p>Hello {user}</p><form data-cart='{cart}'></form>");
    json(200, &[("X-Etag", &given("etag", user))], &body)
}

fn order(asked: &Asked) -> Reply {
    let user = member(asked.body(), "user");
    let own = is_own(user, asked.header("authorization"), asked.header("cookie"))
        && member(asked.body(), "cart") == given("cart", user)
        && asked.header("if-match") == Some(&given("etag", user));
    match own {
        true => json(201, &[], "{\"state\": \"ordered\"}"),
        false => json(409, &[], "{\"state\": \"crossed\"}"),
    }
}

fn shop() -> Target {
    plan()
        .route("/login", made(login))
        .route("/orders", made(order))
        .otherwise(made(page))
        .keeping_text()
        .start()
}

const REQUESTS: &str = "
    - url: /login
      label: login
      method: POST
      form: { user: '${user}' }
      assert: ['token', { contains: ['^200$'], subject: http-code }]
      extract-jsonpath: { token: $.auth.token }
    - url: '/page/${user}'
      label: page
      auth: { bearer: '${token}' }
      assert: [{ contains: ['crossed'], not: true }]
      extract-regexp:
        cart: \"data-cart='([^']+)'\"
        etag: { regexp: '(?im)^x-etag: (.+)$', subject: headers }
    - url: /orders
      label: order
      method: POST
      auth: { bearer: '${token}' }
      headers: { If-Match: '${etag}', Content-Type: application/json }
      body: '{\"user\": \"${user}\", \"cart\": \"${cart}\"}'
      expect-status: 201
      assert-jsonpath: [{ jsonpath: $.state, expected-value: ordered }]
";

/// The users whose orders came, with how many; every request is judged.
fn orders(target: &Target) -> BTreeMap<String, usize> {
    let mut orders = BTreeMap::new();
    for seen in target.log.seen() {
        let text = &seen.text;
        let (token, cookie) = (header(text, "authorization"), header(text, "cookie"));
        let user = match seen.path.as_str() {
            "/login" => {
                assert_eq!(token, None, "{text}");
                continue;
            }
            "/orders" => {
                let user = member(body_of(text), "user");
                assert_eq!(member(body_of(text), "cart"), given("cart", user), "{text}");
                assert_eq!(
                    header(text, "if-match"),
                    Some(&*given("etag", user)),
                    "{text}"
                );
                *orders.entry(user.to_owned()).or_default() += 1;
                user
            }
            path => path.strip_prefix("/page/").unwrap(),
        };
        assert!(is_own(user, token, cookie), "crossed: {text}");
    }
    orders
}

#[test]
fn ten_thousand_users_never_cross_their_sessions() {
    let _alone = alone();
    let files = raise_file_limit();
    assert!(
        files > USERS as u64 + 500,
        "only {files} open files are allowed"
    );
    let (home, target) = (Home::new(), shop());
    let users: String = (0..USERS * ROUNDS).map(|n| format!("user{n}\n")).collect();
    home.file("users.csv", users);
    let plan = format!(
        "execution: [{{ users: {USERS}, iterations: {ROUNDS}, ramp-up: 8s, hold-for: 60s, scenario: shop }}]\n\
         scenarios:\n  shop:\n    default-address: '{}'\n    think-time: 500ms\n    \
         data-sources: [{{ path: users.csv, variable-names: user, loop: false }}]\n    \
         requests:{REQUESTS}",
        target.url("")
    );
    let file = home.file("shop.yaml", scenario_file("testName: sessions\n", &plan));
    let args = [&file.to_string_lossy(), "--tasks", "4"];
    let (record, ended) = run_json(&home, Duration::from_secs(120), 0, &args);
    accounts_agree(&record, &target).unwrap();
    let account = account(&record);
    let all = (USERS * ROUNDS) as u64;
    assert_eq!(
        (account.ok, account.failed),
        (3 * all, 0),
        "{}",
        ended.told()
    );
    assert_eq!(target.log.connections(), USERS as u64);
    let orders = orders(&target);
    assert_eq!(orders.len() as u64, all);
    assert!(orders.values().all(|count| *count == 1));
    assert_eq!(record.errors.as_deref(), Some(&[][..]));
}

#[test]
fn arrivals_share_connections_but_no_session() {
    let _shared = shared();
    let (home, target) = (Home::new(), shop());
    let users: String = (0..600).map(|n| format!("user{n}\n")).collect();
    home.file("users.csv", users);
    let plan = format!(
        "execution: [{{ arrivals: 200, hold-for: 3s, scenario: shop }}]\n\
         scenarios:\n  shop:\n    default-address: '{}'\n    \
         data-sources: [{{ path: users.csv, variable-names: [user], loop: false }}]\n    \
         requests:{REQUESTS}",
        target.url("")
    );
    let file = home.file("shop.yaml", scenario_file("testName: sessions\n", &plan));
    let args = [&file.to_string_lossy(), "--tasks", "2"];
    let (record, ended) = run_json(&home, Duration::from_secs(3), 0, &args);
    accounts_agree(&record, &target).unwrap();
    assert_eq!(account(&record).failed, 0, "{}", ended.told());
    assert!(target.log.connections() < 600);
    // The last arrivals do not come to the end of their walk.
    assert!(orders(&target).len() > 550);
}

#[test]
fn what_does_not_hold_is_told_without_secrets() {
    let _shared = shared();
    let home = Home::new();
    let target = plan()
        .route(
            "/login",
            made(|_| {
                json(
                    200,
                    &[("Set-Cookie", "sid=c00kie")],
                    "{\"token\": \"t0ken\"}",
                )
            }),
        )
        .otherwise(made(|asked| {
            json(200, &[], &format!("{{\"you\": \"{}\"}}", asked.path))
        }))
        .keeping_text()
        .start();
    let plan = format!(
        "execution: [{{ users: 1, iterations: 2, hold-for: 20s, scenario: all }}]\n\
         scenarios:\n  all:\n    default-address: '{}'\n    \
         variables: {{ password: hunter22 }}\n    requests:\n    \
         - {{ url: /login, label: login, extract-jsonpath: {{ key: $.token }}, auth: {{ basic: {{ username: me, password: '${{password}}' }} }} }}\n    \
         - {{ url: '/a/${{key}}/${{password}}', label: checked, headers: {{ X-Token: '${{key}}' }}, assert: [welcome] }}\n    \
         - {{ url: /b, label: extracted, extract-jsonpath: {{ id: $.id }} }}\n    \
         - {{ url: '/never/${{id}}', label: never }}\n",
        target.url("")
    );
    let file = home.file("secrets.yaml", scenario_file("testName: secrets\n", &plan));
    let (record, _) = run_json(
        &home,
        Duration::from_secs(20),
        0,
        &[&file.to_string_lossy()],
    );
    accounts_agree(&record, &target).unwrap();
    let mut told: Vec<_> = record
        .errors
        .as_ref()
        .unwrap()
        .iter()
        .map(|row| (row.cause.as_str(), row.message.as_str(), row.count))
        .collect();
    told.sort_unstable();
    assert_eq!(
        told,
        [
            ("check", "the body does not hold \"welcome\"", 2),
            (
                "extraction",
                "the request was not sent: variable id had no value",
                2
            ),
            (
                "extraction",
                "variable id got no value: JSONPath \"$.id\" leads nowhere",
                2
            ),
        ]
    );
    // The record has the scenario too, with what its author wrote into it.
    let kept = serde_json::to_string(&(&record.errors, &record.warnings)).unwrap();
    assert!(kept.contains("/a/[redacted]/[redacted]"), "{kept}");
    for secret in ["t0ken", "hunter22", "c00kie", "bWU6aHVudGVyMjI="] {
        assert!(!kept.contains(secret), "{secret}: {kept}");
    }
}
