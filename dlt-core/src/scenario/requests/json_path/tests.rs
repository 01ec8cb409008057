//! What is found, next to `serde_json_path` and to the standard, and what is given up.

use super::*;
use crate::scenario::requests::budget::{Budget, MOST_NODES, OverBudget};
use proptest::prelude::*;
use serde_json_path::JsonPath;

fn look_up(path: &str, json: &str) -> Result<Vec<String>, OverBudget> {
    let value = Value::from_json(json).unwrap();
    assert!(JsonPath::parse(path).is_ok(), "{path}");
    let path = parse(path).unwrap_or_else(|| panic!("{path}"));
    let found = find(&path, &value, &Budget::new(&|| true))?;
    Ok(found.into_iter().map(Value::to_string).collect())
}

/// As the library finds it.
fn by_library(path: &str, json: &str) -> Vec<String> {
    let value = Value::from_json(json).unwrap().to_serde();
    let path = JsonPath::parse(path).unwrap();
    path.query(&value)
        .iter()
        .map(|node| node.to_string())
        .collect()
}

const STORE: &str = r#"{"store":{"book":[
    {"category":"reference","author":"Nigel Rees","title":"Sayings","price":8.95},
    {"category":"fiction","author":"Evelyn Waugh","title":"Sword","price":12.99},
    {"category":"fiction","author":"Herman Melville","title":"Moby","isbn":"0-553-21311-3","price":8.99},
    {"category":"fiction","author":"J. R. R. Tolkien","title":"Rings","isbn":"0-395-19395-8","price":22.99}],
    "bicycle":{"color":"red","price":399,"a b":[true,null,{"'":1,"\\":2,"é":3}]}},"limit":10,"pattern":"J.*n"}"#;

#[test]
fn everything_of_the_standard_is_found_as_the_library_finds_it() {
    for path in [
        "$",
        "$.store.book[*].author",
        "$..author",
        "$.store.*",
        "$.store..price",
        "$..book[2]",
        "$..book[-1]",
        "$..book[0,1]",
        "$..book[:2]",
        "$..book[::2]",
        "$..book[::-1]",
        "$..book[-2:]",
        "$..book[3:0:-2]",
        "$..book[5:1:-1]",
        "$..book[1:99]",
        "$..book[0:0:0]",
        "$..book[?@.isbn]",
        "$..book[?!@.isbn]",
        "$..book[?@.price < 10]",
        "$..book[?@.price<$.limit].title",
        "$..book[? @.price > 9 && @.price <= 12.99 ]",
        "$..book[?@.category == 'reference' || @.author == \"J. R. R. Tolkien\"]",
        "$..book[?(@.price >= 8.95 && !(@.isbn))].title",
        "$..*",
        "$.store['book'][0]['title']",
        "$ ['store'] [ 'bicycle' , \"book\" ]",
        "$.store..['price', 'color']",
        "$..['a b'][2][\"'\"]",
        "$..['a b'][2]['\\\\']",
        "$..['a b'][2]['\\u00e9']",
        "$..['a b'][2].é",
        "$..['a b'][?@ == null]",
        "$..['a b'][?@ == true]",
        "$..book[?length(@.title) == 4].title",
        "$[?count(@.*) == 2]",
        "$[?count(@..price) > 3]",
        "$..book[?match(@.isbn, '0-3.*')].title",
        "$..book[?search(@.author, 'e[rv]')].title",
        "$..book[?match(@.author, $.pattern)].title",
        "$..book[?!match(@.author, '[A-H].*')].title",
        "$..book[?match(@.author, 'J')].title",
        "$..book[?value(@..isbn) == '0-395-19395-8'].title",
        "$..book[?length(value(@..title)) != 4]",
        "$..book[?@.absent == @.missing].title",
        "$..book[?@.price == 8.950]",
        "$.store[?@[0]]",
        "$.store[?@[?@.price > 20]]",
        "$..[?@.price]",
        "$..[0,'price']",
        "$.limit.x",
        "$[0]",
        "$..book[?search(@.title, '[')]",
        "$..book[?length(@) > 4].title",
        "$..book[?@['price']!=8.95]",
        "$..book[?@.price == 8.95 && @.title == 'x' || @.title == 'Sayings']",
        "$..book[?1 < 2].price",
    ] {
        assert_eq!(look_up(path, STORE), Ok(by_library(path, STORE)), "{path}");
    }
}

/// Where the library is not what the standard says (RFC 9535, 2.3.5.3, table 11).
#[test]
fn comparisons_are_the_standards() {
    let json = r#"{"obj":{"x":"y"},"arr":[2,3]}"#;
    for (test, holds) in [
        ("$.absent1 == $.absent2", true),
        ("$.absent1 <= $.absent2", true),
        ("$.absent == 'g'", false),
        ("$.absent1 != $.absent2", false),
        ("$.absent != 'g'", true),
        ("1 <= 2", true),
        ("1 > 2", false),
        ("13 == '13'", false),
        ("'a' <= 'b'", true),
        ("'a' > 'b'", false),
        ("$.obj == $.arr", false),
        ("$.obj != $.arr", true),
        ("$.obj == $.obj", true),
        ("$.arr == $.arr", true),
        ("$.obj == 17", false),
        ("$.obj != 17", true),
        ("$.obj <= $.arr", false),
        ("$.obj < $.arr", false),
        ("$.obj <= $.obj", true),
        ("$.arr <= $.arr", true),
        ("$.arr > $.obj", false),
        ("1 <= $.arr", false),
        ("1 >= $.arr", false),
        ("true <= true", true),
        ("true > true", false),
        ("true > false", false),
        ("100 == 1e2", true),
        ("1.0 == 1", true),
        ("-0 == 0", true),
    ] {
        let found = look_up(&format!("$[?{test}]"), json).unwrap().len();
        assert_eq!(found, if holds { 2 } else { 0 }, "{test}");
    }
}

#[test]
fn what_takes_for_ever_or_all_memory_is_given_up() {
    // 241 bytes.
    let small = format!("{}1{}", "[".repeat(120), "]".repeat(120));
    let list = format!("[{}]", vec!["{\"a\":[1,2,3]}"; 3_000].join(","));
    for (path, json, over) in [
        (format!("${}", "..*".repeat(20)), &small, OverBudget::Nodes),
        (
            format!("${}", "..[*,*]".repeat(9)),
            &small,
            OverBudget::Nodes,
        ),
        (
            format!("$[{}]", vec!["*"; 400].join(",")),
            &list,
            OverBudget::Nodes,
        ),
        ("$[?$[?$[?@.b]]]".to_owned(), &list, OverBudget::Steps),
        ("$[?count($..*) > 0]".to_owned(), &list, OverBudget::Steps),
    ] {
        assert_eq!(look_up(&path, json), Err(over), "{path}");
    }
    // Regular expressions that the answer itself gives.
    let text = "1".repeat(400_000);
    let json =
        format!(r#"{{"t":"{text}","p":"[01]*1([01]{{3000}})2","q":"([01]{{0,90}}1){{30}}2"}}"#);
    for path in [
        "$[?search($.t, '[01]*1([01]{8000})2')]",
        "$[?search($.t, '([01]{0,200}1){30}2')]",
    ] {
        assert_eq!(look_up(path, &json), Err(OverBudget::Steps), "{path}");
    }
    // Those that are too large once compiled match nothing.
    assert_eq!(look_up("$[?match($.t, $.p)]", &json), Ok(vec![]));
    let late = Budget::new(&|| false);
    let value = Value::from_json(&list).unwrap();
    let found = find(&parse("$..a").unwrap(), &value, &late);
    assert_eq!(found, Err(OverBudget::Time));
}

#[test]
fn long_lists_are_found_to_their_limit() {
    let json = format!("[{}1]", "1,".repeat(MOST_NODES - 1));
    assert_eq!(look_up("$[*]", &json).unwrap().len(), MOST_NODES);
    let json = format!("[{}1]", "1,".repeat(MOST_NODES));
    assert_eq!(look_up("$[*]", &json), Err(OverBudget::Nodes));
}

/// A JSONPath of all kinds of segments and filters.
fn any_path() -> impl Strategy<Value = String> {
    let name = prop_oneof![Just("a"), Just("b"), Just("c")];
    let selector = prop_oneof![
        name.clone().prop_map(|name| format!("'{name}'")),
        Just("*".to_owned()),
        (-3i64..4).prop_map(|at| at.to_string()),
        (
            prop::option::of(-4i64..5),
            prop::option::of(-4i64..5),
            prop::option::of(-2i64..3)
        )
            .prop_map(|(start, end, step)| {
                let text = |part: Option<i64>| part.map(|n| n.to_string()).unwrap_or_default();
                format!("{}:{}:{}", text(start), text(end), step.unwrap_or(1))
            }),
        Just("?@.a".to_owned()),
        Just("?@.a == 1 || @.b == 'x'".to_owned()),
        Just("?(@.a < 2 && !@.c)".to_owned()),
        Just("?@ != $.a".to_owned()),
        Just("?count(@.*) >= 2".to_owned()),
        Just("?length(@) == 1".to_owned()),
        Just("?search(@, 'x|y')".to_owned()),
        Just("?value(@..b) == 1".to_owned()),
        Just("?@[?@.a]".to_owned()),
    ];
    let segment = prop_oneof![
        name.prop_map(|name| format!(".{name}")),
        Just(".*".to_owned()),
        Just("..*".to_owned()),
        prop::collection::vec(selector.clone(), 1..3)
            .prop_map(|all| format!("[{}]", all.join(" , "))),
        selector.prop_map(|one| format!("..[{one}]")),
    ];
    prop::collection::vec(segment, 0..4).prop_map(|all| format!("${}", all.concat()))
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::json;
    let leaf = prop_oneof![
        Just(json!(null)),
        Just(json!(true)),
        (0i64..4).prop_map(|n| json!(n)),
        Just(json!(1.5)),
        "[xy]{0,2}".prop_map(|text| json!(text)),
    ];
    leaf.prop_recursive(4, 40, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            prop::collection::vec(("[abc]", inner), 0..4)
                .prop_map(|pairs| serde_json::Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_path_finds_what_the_library_finds(path in any_path(), json in any_json()) {
        let json = json.to_string();
        prop_assert_eq!(look_up(&path, &json), Ok(by_library(&path, &json)));
    }

    /// Every text that is a JSONPath can be read.
    #[test]
    fn what_the_library_reads_is_read(text in "\\$([.\\[\\]*?@a0-9'\"\\\\,: ()!=<>&|$-]|\\.\\.|count\\(|match\\(|true|1\\.5e3){0,14}") {
        if JsonPath::parse(&text).is_ok() {
            prop_assert!(parse(&text).is_some(), "{text}");
        }
    }
}
