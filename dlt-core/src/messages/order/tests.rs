//! Orders through the environment, frames through their text.

use super::*;
use std::collections::HashMap;

#[test]
fn order_travels_through_the_environment() {
    let order = Order {
        test: TestId::parse("Xk29QmWz7B").unwrap(),
        run: TestRunId::parse("p4TqL8vN2c").unwrap(),
        tool: Some(Tool::K6),
        file_type: FileType::Zip,
        region: Region::parse("lo-home-1").unwrap(),
        prefix: RunPrefix::parse("2026-03-04T09-15-02_p4TqL8vN2c").unwrap(),
        role: Role::Leader,
        depot: "/data/dlt".to_owned(),
        hub: None,
        live: true,
        runner: Some(RunnerId::parse("lo-home-1-2").unwrap()),
        threads: Some(2),
        keep_exchanges: true,
        targets: TargetPolicy::parse(&["169.254.0.0/16"], &["*.shop.example", "::1"], ("", ""))
            .unwrap(),
        proxies: EnvironmentProxies::read(|name| match name {
            "http_proxy" => Some("http://ann:s3@proxy.test:3128".to_owned()),
            "no_proxy" => Some("*.shop.example".to_owned()),
            _ => None,
        })
        .unwrap(),
    };
    let env: HashMap<_, _> = order.to_env().into_iter().collect();
    assert_eq!(
        Order::from_env(|name| env.get(name).cloned()).unwrap(),
        order
    );
    assert_eq!((&*env["TEST_TYPE"], &*env["FILE_TYPE"]), ("k6", "zip"));
    assert_eq!(order.listens_at(), ("127.0.0.1", 0));
    assert_eq!(
        env["DLT_HTTP_PROXY"],
        "http_proxy http://ann:s3@proxy.test:3128"
    );
    assert!(!format!("{order:?}").contains("s3"));
    let usual = Order {
        tool: None,
        file_type: FileType::None,
        proxies: EnvironmentProxies::default(),
        targets: TargetPolicy::default(),
        ..order.clone()
    };
    assert_eq!(usual.to_env().len() + 4, env.len());
    let wrong = |name: &str| match name {
        "DLT_ONLY_TARGETS" => Some("http://shop.example".to_owned()),
        name => env.get(name).cloned(),
    };
    let error = Order::from_env(wrong).unwrap_err().to_string();
    assert!(
        error.starts_with("environment variable DLT_ONLY_TARGETS: \"http"),
        "{error}"
    );
    let in_a_bucket = Order {
        depot: "s3://dlt-scenarios".to_owned(),
        ..order
    };
    assert_eq!(in_a_bucket.listens_at(), ("0.0.0.0", 50_000));
    let error = Order::from_env(|_| None).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("environment variable DLT_ROLE is not set")
    );
}

#[test]
fn whose_script_it_is_is_told_in_words_that_are_known() {
    let types = |test: &str, file: &str| {
        let env = HashMap::from([
            ("TEST_TYPE", test.to_owned()),
            ("FILE_TYPE", file.to_owned()),
        ]);
        let get = |name: &str| env.get(name).cloned();
        tool(get).and_then(|tool| Ok((tool, file_type(get)?)))
    };
    let none = (None, FileType::None);
    assert_eq!(types("simple", "none").unwrap(), none);
    assert_eq!(
        (tool(|_| None).unwrap(), file_type(|_| None).unwrap()),
        none
    );
    let jmeter = (Some(Tool::Jmeter), FileType::Script);
    assert_eq!(types("jmeter", "script").unwrap(), jmeter);
    for (test, file) in [("gatling", "none"), ("k6", "tar")] {
        let error = types(test, file).unwrap_err().to_string();
        assert!(error.contains("it must be"), "{error}");
    }
}

#[test]
fn a_boot_has_a_number() {
    let id = "6fd3a1c2-09be-4e51-8d1c-0f5f5d7f0a11\n";
    assert_eq!(BootInstant::number(id), Some(0x6fd3_a1c2_09be));
    assert_eq!(BootInstant::number("none"), None);
}

#[test]
fn frames_have_their_wire_form() {
    let start = ToWorker::Start(Start {
        share: Share { index: 1, of: 3 },
        slice: Slice {
            first: 0,
            count: 3,
            of: 5,
        },
        start_at_us: 1_772_615_703_000_000,
        clock_offset_us: -12,
        clock_error_us: 40,
        boot: Some(BootInstant { boot: 5, us: 7 }),
        lead_us: Some(-3),
    });
    let text = serde_json::to_string(&start).unwrap();
    assert_eq!(
        text,
        r#"{"type":"start","share":{"index":1,"of":3},"slice":{"first":0,"count":3,"of":5},"start_at_us":1772615703000000,"clock_offset_us":-12,"clock_error_us":40,"boot":{"boot":5,"us":7},"lead_us":-3}"#
    );
    assert_eq!(serde_json::from_str::<ToWorker>(&text).unwrap(), start);
    let stop = ToWorker::Stop {
        ended: Ended::Stopped {
            reason: "cancelled".to_owned(),
        },
    };
    let text = serde_json::to_string(&stop).unwrap();
    assert_eq!(
        text,
        r#"{"type":"stop","ended":{"how":"stopped","reason":"cancelled"}}"#
    );
    assert_eq!(serde_json::from_str::<ToWorker>(&text).unwrap(), stop);
    assert_eq!(
        serde_json::to_string(&ToLeader::Ack {}).unwrap(),
        r#"{"type":"ack"}"#
    );
}
