//! Proxies, with real processes: of flags, of files, of the environment of `dlt run` and of `dlt up`;
//! what the first screen and the record say of them, and what becomes of requests that they refuse.

#[path = "../../worker/src/engine/tests/relay.rs"]
mod relay;

use crate::common::{account, scenario_file};
use dlt_core::record::RunRecord;
use dlt_tests::behaviour::ok;
use dlt_tests::certificates::{Authority, Flaw};
use dlt_tests::command::Home;
use dlt_tests::patience::shared;
use dlt_tests::target::{Target, everywhere, plan};
use dlt_tests::up::Service;
use relay::{Does, Relay};
use serde_json::json;
use std::net::SocketAddr;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);
/// No resolver knows it: who reaches it went through a proxy.
const ELSEWHERE: &str = "http://shop.invalid/cart?id=7";

fn address(target: &Target) -> SocketAddr {
    let url = target.url("");
    let (_, address) = url.trim_end_matches('/').rsplit_once('/').unwrap();
    address.parse().unwrap()
}

fn ran(home: &Home, args: &[&str]) -> RunRecord {
    let ended = home.run(PATIENCE, ["run"].iter().chain(args).chain(&["--json"]));
    ended.expect_code(0);
    ended.record()
}

/// All requests were answered, and went through this proxy.
#[track_caller]
fn went(record: &RunRecord, requests: u64, proxy: &str) {
    assert_eq!(account(record).ok, requests, "{record:#?}");
    let told = serde_json::to_value(&record.generator).unwrap();
    let [row] = &told["proxies"].as_array().unwrap()[..] else {
        panic!("{told}");
    };
    let name = row[0].as_str().unwrap();
    // Behind it stands the variable that names it, if one does.
    assert_eq!(name.split(' ').next(), Some(proxy), "{told}");
    assert_eq!(row[1], requests, "{told}");
}

#[test]
fn a_proxy_of_a_flag_gets_the_whole_url_and_is_named() {
    let _shared = shared();
    let (home, proxy) = (Home::new(), everywhere(ok()));
    let url = proxy.url("").trim_end_matches('/').to_owned();
    let args = ["run", ELSEWHERE, "-n", "20", "-c", "2", "-x", &url];
    let ended = home.run(PATIENCE, args);
    ended.expect_code(0);
    assert!(
        ended.stderr.contains(&format!("through proxy {url}")),
        "{}",
        ended.told()
    );
    let hits = proxy.log.seen();
    assert_eq!(hits.len(), 20);
    assert!(hits.iter().all(|hit| hit.path == ELSEWHERE), "{hits:?}");
    let record = home
        .run(PATIENCE, ["runs", "get", "latest", "--json"])
        .record();
    went(&record, 20, &url);
}

#[test]
fn proxies_of_the_environment_are_used_as_curl_uses_them() {
    let _shared = shared();
    let (proxy, target) = (everywhere(ok()), everywhere(ok()));
    let url = proxy.url("").trim_end_matches('/').to_owned();
    let home = Home::new().with(&[("http_proxy", &url), ("no_proxy", "direct.invalid")]);
    went(&ran(&home, &[ELSEWHERE, "-n", "6"]), 6, &url);
    assert_eq!(proxy.log.count(), 6);
    // This machine is reached without it, and so is what no_proxy or a flag says.
    let record = ran(&home, &[&target.url("/"), "-n", "5"]);
    assert_eq!((account(&record).ok, target.log.count()), (5, 5));
    for args in [
        &["http://direct.invalid/", "-n", "3"][..],
        &[ELSEWHERE, "-n", "3", "--noproxy", "*"],
    ] {
        let ended = home.run(PATIENCE, ["run"].iter().chain(args).chain(&["--json"]));
        ended.expect_code(3);
        assert_eq!(account(&ended.record()).failed, 3, "{}", ended.told());
    }
    assert_eq!(proxy.log.count(), 6, "nothing more went through it");
    // One that cannot be read is no proxy that is left out.
    let home = Home::new().with(&[("http_proxy", "socks4://127.0.0.1:1")]);
    let ended = home.run(PATIENCE, ["run", ELSEWHERE, "-n", "1"]);
    ended.expect_code(2);
    assert!(ended.stderr.contains("http_proxy"), "{}", ended.told());
}

#[test]
fn a_service_makes_load_through_the_proxies_of_its_own_environment() {
    let _shared = shared();
    let proxy = everywhere(ok());
    let url = proxy.url("").trim_end_matches('/').to_owned();
    let home = Home::new().with(&[("http_proxy", &url)]);
    let service = Service::start(&home, &[]);
    service.post(&json!({
        "testId": "shop", "testName": "shop", "testDescription": "through the proxy",
        "testType": "simple", "showLive": true,
        "testTaskConfigs": [{"region": "lo-home-1", "taskCount": 2, "concurrency": 1}],
        "regionalTaskDetails": {"lo-home-1": {"dltAvailableTasks": 64}},
        "testScenario": {
            "execution": [{"iterations": 4, "ramp-up": "0s", "hold-for": "20s", "scenario": "shop"}],
            "scenarios": {"shop": {"requests": [{"url": ELSEWHERE, "method": "GET"}]}},
        },
    }));
    service.until("shop", "complete", PATIENCE);
    let record = home
        .run(PATIENCE, ["runs", "get", "latest", "--json"])
        .record();
    went(&record, 8, &url);
    let ended = service.stop();
    let told = format!("http through {url}");
    assert!(ended.stderr.contains(&told), "{}", ended.told());
}

#[test]
fn https_goes_through_a_tunnel_and_its_password_is_shown_nowhere() {
    let _shared = shared();
    let home = Home::new();
    let authority = Authority::new();
    let target = plan().tls(authority.server(Flaw::None, false)).start();
    let proxy = Relay::new(Does::Connects(address(&target), Duration::ZERO));
    let with_user = proxy.url("http").replace("//", "//ann:hunter2@");
    let url = target.url("/deep");
    let ca = authority.ca_file();
    let file = home.file(
        "tunnel.yaml",
        scenario_file(
            "testName: tunnel\n",
            &format!(
                "execution: [{{ users: 2, iterations: 5, hold-for: 30s, scenario: one }}]\n\
                 scenarios: {{ one: {{ proxy: '{with_user}', tls: {{ ca-file: '{}' }}, requests: ['{url}'] }} }}\n",
                ca.display()
            ),
        ),
    );
    let args = ["run", file.to_str().unwrap(), "--json"];
    let ended = home.run(PATIENCE, args);
    ended.expect_code(0);
    went(&ended.record(), 10, &proxy.url("http"));
    assert!(!ended.told().contains("hunter2"), "{}", ended.told());
    let asked = proxy.asked_texts();
    assert_eq!(asked.len(), 2, "a tunnel for each user");
    let begins = format!("CONNECT {} HTTP/1.1\r\n", address(&target));
    for head in asked {
        assert!(head.starts_with(&begins), "{head}");
        assert!(head.contains("\r\nProxy-Authorization: Basic YW5uOmh1bnRlcjI=\r\n"));
    }
    assert!(target.log.seen().iter().all(|hit| hit.path == "/deep"));
}

#[test]
fn socks_is_asked_for_the_name_where_it_shall_look_it_up() {
    let _shared = shared();
    let (home, target) = (Home::new(), everywhere(ok()));
    let proxy = Relay::new(Does::Socks(address(&target)));
    let url = proxy.url("socks5h");
    went(
        &ran(&home, &[ELSEWHERE, "-n", "9", "-c", "1", "-x", &url]),
        9,
        &url,
    );
    let [asked] = &proxy.asked()[..] else {
        panic!("one connection was enough");
    };
    // RFC 1928, 4: version, CONNECT, reserved, a name, its length, the name, the port.
    assert_eq!(&asked[..5], &[5, 1, 0, 3, 12]);
    assert_eq!(
        (&asked[5..17], &asked[17..]),
        (&b"shop.invalid"[..], &[0, 80][..])
    );
    assert_eq!(target.log.count(), 9);
}

/// What a proxy does not do is its own failure, not the target's.
#[test]
fn requests_that_a_proxy_refuses_have_their_own_cause() {
    let _shared = shared();
    let refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";
    for (does, cause) in [
        (Does::Says(refusal.to_vec()), "proxy"),
        (Does::Hangs(Vec::new()), "timeout-connect"),
    ] {
        let (home, proxy) = (Home::new(), Relay::new(does));
        let url = proxy.url("http").replace("//", "//ann:hunter2@");
        let file = home.file(
            "refused.yaml",
            scenario_file(
                "testName: refused\n",
                &format!(
                    "execution: [{{ users: 1, iterations: 2, hold-for: 30s, scenario: one }}]\n\
                     scenarios: {{ one: {{ proxy: '{url}', timeouts: {{ connect: 1s }}, requests: ['https://shop.invalid/'] }} }}\n",
                ),
            ),
        );
        let args = ["run", file.to_str().unwrap(), "--json"];
        let ended = home.run(PATIENCE, args);
        ended.expect_code(3);
        let record = ended.record();
        assert_eq!(account(&record).failed, 2, "{}", ended.told());
        let [row] = record.errors.as_deref().unwrap_or_default() else {
            panic!("{}", ended.told());
        };
        assert_eq!((row.cause.as_str(), row.count), (cause, 2));
        assert!(!ended.told().contains("hunter2"), "{}", ended.told());
        assert!(ended.told().contains(&proxy.address.to_string()));
    }
}
