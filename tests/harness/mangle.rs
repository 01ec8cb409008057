//! Requests that no client of ours sends: a good scenario body bent, broken and
//! drowned, and methods, paths and queries at random. Made by proptest from a
//! seed, so each can be made again; what must hold of the answers stands in the
//! tests.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

/// The variable that chooses the seed.
const SEED: &str = "DLT_FUZZ_SEED";
/// The seed otherwise.
const DEFAULT_SEED: u64 = 20_260_304;

/// A request.
#[derive(Debug, Clone)]
pub struct Mangled {
    /// Method.
    pub method: &'static str,
    /// Path and query.
    pub target: String,
    /// Body.
    pub body: Vec<u8>,
}

/// What makes the requests, from the seed that it prints.
pub fn runner(cases: u32) -> TestRunner {
    let seed = std::env::var(SEED).ok().and_then(|text| text.parse().ok());
    let seed: u64 = seed.unwrap_or(DEFAULT_SEED);
    #[expect(clippy::print_stdout, reason = "shown with a test that failed")]
    {
        println!("{SEED}={seed}");
    }
    let mut bytes = [0u8; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config {
        cases,
        max_shrink_iters: 2_000,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

/// Any request: mostly mangled bodies of POST /scenarios.
pub fn requests(good: &Value) -> impl Strategy<Value = Mangled> + use<> {
    let post = bodies(good.clone()).prop_map(|body| Mangled {
        method: "POST",
        target: "/scenarios".to_owned(),
        body,
    });
    let other = (
        select(vec![
            "GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "QUERY", "get",
        ]),
        paths(),
        proptest::option::of(queries()),
        prop_oneof![
            3 => Just(Vec::new()),
            1 => Just(b"{}".to_vec()),
            1 => Just(b"[\"p4TqL8vN2c\"]".to_vec()),
            1 => Just(b"[\"other\"]".to_vec()),
            1 => Just(b"{\"testRunId\":\"nope\"}".to_vec()),
            1 => bodies(good.clone()),
            2 => proptest::collection::vec(any::<u8>(), 0..200),
        ],
    )
        .prop_map(|(method, path, query, body)| Mangled {
            method,
            target: match query {
                Some(query) => format!("{path}?{query}"),
                None => path,
            },
            body,
        });
    prop_oneof![3 => post, 2 => other]
}

fn paths() -> impl Strategy<Value = String> {
    let words = vec![
        "scenarios",
        "Xk29QmWz7B",
        "testruns",
        "p4TqL8vN2c",
        "baseline",
        "files",
        "live",
        "timeline",
        "histogram",
        "errors",
        "artifacts",
        "investigations",
        "tasks",
        "regions",
        "vCPUDetails",
        "stack-info",
        "agent-spaces",
        "openapi.json",
        "region-lo-home-1",
        "nope",
        "..",
        "%2e%2e",
        "%00",
        "%ff",
        "a_b",
        "",
    ];
    let known = select(vec![
        "/scenarios",
        "/scenarios/Xk29QmWz7B",
        "/scenarios/Xk29QmWz7B/testruns",
        "/scenarios/Xk29QmWz7B/testruns/p4TqL8vN2c",
        "/scenarios/Xk29QmWz7B/baseline",
        "/scenarios/Xk29QmWz7B/files",
    ]);
    prop_oneof![
        3 => known.prop_map(str::to_owned),
        3 => proptest::collection::vec(select(words), 0..7)
            .prop_map(|parts| format!("/{}", parts.join("/"))),
        1 => "/[!-~]{0,60}".prop_map(|path| path.replace('?', "")),
    ]
}

fn queries() -> impl Strategy<Value = String> {
    let keys = select(vec![
        "op",
        "tags",
        "history",
        "latest",
        "limit",
        "start_timestamp",
        "end_timestamp",
        "next_token",
        "data",
        "label",
        "name",
        "more",
        "",
    ]);
    let values = prop_oneof![
        select(vec![
            "true",
            "false",
            "listRegions",
            "",
            "1",
            "0",
            "-1",
            "101",
            "99999999999999999999",
            "2026-03-01T00:00:00Z",
            "%00",
            "%ff%fe",
            "e30=",
            "nightly,,%20",
            "../../etc/passwd",
        ])
        .prop_map(str::to_owned),
        "[ -~]{0,40}".prop_map(|text| text.replace([' ', '#'], "+")),
    ];
    proptest::collection::vec((keys, values), 0..4).prop_map(|pairs| {
        let pairs: Vec<String> = pairs
            .into_iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        pairs.join("&")
    })
}

/// A change of a value somewhere in the body.
#[derive(Debug, Clone)]
enum Bend {
    Replace(Value),
    Drop,
    Rename(String),
    Swap(Index),
    /// So many arrays or objects around it.
    Nest(usize, bool),
}

/// A change of the text.
#[derive(Debug, Clone)]
enum Break {
    Cut(Index),
    Insert(Index, Vec<u8>),
    /// A key of the root once more.
    Double(Index),
    Append(Vec<u8>),
}

fn bodies(good: Value) -> impl Strategy<Value = Vec<u8>> {
    (
        proptest::collection::vec((any::<Index>(), bends()), 0..4),
        proptest::option::weighted(0.3, breaks()),
    )
        .prop_map(move |(changes, broken)| {
            let mut body = good.clone();
            for (at, change) in &changes {
                bend(&mut body, at, change);
            }
            let text = body.to_string().into_bytes();
            match broken {
                None => text,
                Some(how) => break_text(text, &body, &how),
            }
        })
}

fn bends() -> impl Strategy<Value = Bend> {
    prop_oneof![
        4 => strange_values().prop_map(Bend::Replace),
        2 => Just(Bend::Drop),
        1 => "[a-zA-Z_.\\[\\]\u{0}-\u{1f}é🚀]{0,12}".prop_map(Bend::Rename),
        1 => any::<Index>().prop_map(Bend::Swap),
        1 => (select(vec![1usize, 5, 63, 64, 120]), any::<bool>())
            .prop_map(|(depth, lists)| Bend::Nest(depth, lists)),
    ]
}

fn strange_values() -> impl Strategy<Value = Value> {
    prop_oneof![
        select(vec![
            json!(null),
            json!(true),
            json!(false),
            json!(0),
            json!(-1),
            json!(1.5),
            json!(1e308),
            json!(5e-324),
            json!(u64::MAX),
            json!(i64::MIN),
            json!(25_001),
            json!(""),
            json!(" "),
            json!("\u{0}"),
            json!("\u{1b}[2J"),
            json!("\u{2028}"),
            json!("0"),
            json!("-1"),
            json!("99999999999999999999"),
            json!("1e9"),
            json!("0s"),
            json!("31d"),
            json!("1h30m"),
            json!("simple"),
            json!("k6"),
            json!("lo-home-2"),
            json!("us-gov-west-1"),
            json!([]),
            json!({}),
            json!([[]]),
            json!([null]),
            json!({"a": {"b": []}}),
            json!("create"),
            json!("http://"),
            json!("http://[::1"),
            json!("file:///etc/passwd"),
            json!("${x}"),
        ]),
        any::<i64>().prop_map(|number| json!(number)),
        any::<f64>().prop_map(|number| json!(number)),
        "\\PC{0,30}".prop_map(|text| json!(text)),
        select(vec![255usize, 256, 2_049, 65_537]).prop_map(|size| json!("x".repeat(size))),
        select(vec![101usize, 2_000]).prop_map(|size| json!(vec![json!({"url": "x"}); size])),
    ]
}

fn breaks() -> impl Strategy<Value = Break> {
    let rubbish = proptest::collection::vec(any::<u8>(), 1..20);
    prop_oneof![
        2 => any::<Index>().prop_map(Break::Cut),
        2 => (any::<Index>(), rubbish.clone()).prop_map(|(at, bytes)| Break::Insert(at, bytes)),
        1 => any::<Index>().prop_map(|at| Break::Insert(at, vec![0xff, 0xc0, 0x80])),
        1 => any::<Index>().prop_map(Break::Double),
        1 => rubbish.prop_map(Break::Append),
        1 => Just(Break::Append(b"]".repeat(10_000))),
    ]
}

/// The places of a value, outermost first.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    let mut go = |key: &str, inner: &Value| {
        let escaped = key.replace('~', "~0").replace('/', "~1");
        let place = format!("{at}/{escaped}");
        found.push(place.clone());
        places(inner, &place, found);
    };
    match value {
        Value::Object(object) => object.iter().for_each(|(key, inner)| go(key, inner)),
        Value::Array(items) => {
            for (at, inner) in items.iter().enumerate().take(20) {
                go(&at.to_string(), inner);
            }
        }
        _ => {}
    }
}

fn bend(body: &mut Value, at: &Index, change: &Bend) {
    let mut all = Vec::new();
    places(body, "", &mut all);
    let Some(place) = all.get(at.index(all.len().max(1))).cloned() else {
        return;
    };
    let other = match change {
        Bend::Swap(other) => body.pointer(&all[other.index(all.len())]).cloned(),
        _ => None,
    };
    let (parent, key) = place.rsplit_once('/').unwrap_or_default();
    let key = key.replace("~1", "/").replace("~0", "~");
    match (change, body.pointer_mut(parent)) {
        (Bend::Drop, Some(Value::Object(object))) => drop(object.shift_remove(&key)),
        (Bend::Drop, Some(Value::Array(items))) => items.clear(),
        (Bend::Rename(name), Some(Value::Object(object))) => {
            let value = object.shift_remove(&key).unwrap_or_default();
            object.insert(name.clone(), value);
        }
        _ => {
            if let Some(value) = body.pointer_mut(&place) {
                bend_value(value, change, other);
            }
        }
    }
}

fn bend_value(value: &mut Value, change: &Bend, other: Option<Value>) {
    match change {
        Bend::Replace(with) => with.clone_into(value),
        Bend::Nest(depth, lists) => {
            for _ in 0..*depth {
                let inner = value.take();
                *value = match lists {
                    true => json!([inner]),
                    false => json!({"a": inner}),
                };
            }
        }
        Bend::Swap(_) => *value = other.unwrap_or_default(),
        Bend::Drop | Bend::Rename(_) => *value = Value::Null,
    }
}

fn break_text(mut text: Vec<u8>, body: &Value, how: &Break) -> Vec<u8> {
    match how {
        Break::Cut(at) => text.truncate(at.index(text.len())),
        Break::Insert(at, bytes) => {
            let at = at.index(text.len());
            text.splice(at..at, bytes.iter().copied());
        }
        Break::Double(at) => {
            let object = body.as_object().filter(|object| !object.is_empty());
            let key = object.and_then(|object| object.keys().nth(at.index(object.len())));
            if let Some(key) = key {
                let doubled = format!("{{{}:1,", json!(key));
                text.splice(0..1, doubled.into_bytes());
            }
        }
        Break::Append(bytes) => text.extend_from_slice(bytes),
    }
    text
}
