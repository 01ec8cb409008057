//! Key rotation and failing issuers, on a clock that the tests move.

use super::*;
use async_trait::async_trait;
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};

/// An issuer with a settable document, which counts its fetches.
#[derive(Default)]
struct Issuer {
    document: Mutex<Option<String>>,
    fetches: AtomicUsize,
    /// How long a fetch takes on the clock of the tests.
    takes: Mutex<Duration>,
    passed: Mutex<Option<Arc<Mutex<Duration>>>>,
}

#[async_trait]
impl Fetch for Arc<Issuer> {
    async fn fetch(&self) -> Result<Vec<u8>, String> {
        self.fetches.fetch_add(1, Ordering::Relaxed);
        tokio::task::yield_now().await;
        if let Some(passed) = &*self.passed.lock().unwrap() {
            *passed.lock().unwrap() += *self.takes.lock().unwrap();
        }
        let document = self.document.lock().unwrap().clone();
        document.map(String::into_bytes).ok_or("down".to_owned())
    }
}

impl Issuer {
    fn set_keys(&self, kids: &[&str]) {
        let key =
            |kid: &&str| json!({"kty": "RSA", "use": "sig", "kid": kid, "n": "AQAB", "e": "AQAB"});
        let keys: Vec<Value> = kids.iter().map(key).collect();
        *self.document.lock().unwrap() = Some(json!({ "keys": keys }).to_string());
    }

    fn fetches(&self) -> usize {
        self.fetches.load(Ordering::Relaxed)
    }
}

struct Fixture {
    issuer: Arc<Issuer>,
    keys: Arc<Jwks>,
    passed: Arc<Mutex<Duration>>,
    runtime: tokio::runtime::Runtime,
}

impl Fixture {
    fn new() -> Self {
        let (issuer, passed) = (Arc::new(Issuer::default()), Arc::new(Mutex::default()));
        let (start, clock) = (Instant::now(), Arc::clone(&passed));
        let clock = Box::new(move || start + *clock.lock().unwrap());
        Self {
            keys: Arc::new(Jwks::new(Box::new(Arc::clone(&issuer)), clock)),
            issuer,
            passed,
            runtime: tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap(),
        }
    }

    fn has_key(&self, kid: &str) -> bool {
        self.runtime.block_on(self.keys.key(kid)).is_ok()
    }

    fn wait(&self, seconds: u64) {
        *self.passed.lock().unwrap() += Duration::from_secs(seconds);
    }
}

#[test]
fn unknown_ids_cause_one_fetch_a_minute() {
    let fixture = Fixture::new();
    fixture.issuer.set_keys(&["a"]);
    assert!(fixture.has_key("a") && fixture.has_key("a"));
    assert_eq!(fixture.issuer.fetches(), 1);
    assert!(!fixture.has_key("b"));
    fixture.issuer.set_keys(&["b"]);
    fixture.wait(59);
    assert!(!fixture.has_key("b"));
    assert_eq!(fixture.issuer.fetches(), 1);
    fixture.wait(1);
    // The old key is gone after the rotation.
    assert!(fixture.has_key("b") && !fixture.has_key("a"));
    assert_eq!(fixture.issuer.fetches(), 2);
}

#[test]
fn keys_stay_while_the_issuer_fails() {
    let fixture = Fixture::new();
    assert!(!fixture.has_key("a"));
    fixture.issuer.set_keys(&["a"]);
    fixture.wait(5);
    assert!(
        fixture.has_key("a"),
        "a late issuer is asked again after 5 s"
    );
    for bad in [None, Some("<html>"), Some("{\"keys\":[]}")] {
        *fixture.issuer.document.lock().unwrap() = bad.map(str::to_owned);
        fixture.runtime.block_on(fixture.keys.refresh());
        assert!(fixture.has_key("a"), "{bad:?}");
    }
}

#[test]
fn an_id_is_unknown_only_when_the_issuer_says_so() {
    let fixture = Fixture::new();
    let why = |kid: &str| fixture.runtime.block_on(fixture.keys.key(kid)).err();
    assert_eq!(why("b"), Some(NoKey::Unavailable), "nobody answered yet");
    assert_eq!(why("b"), Some(NoKey::Unavailable), "within the pause, too");
    fixture.issuer.set_keys(&["a"]);
    fixture.wait(5);
    assert_eq!(why("b"), Some(NoKey::Unknown));
    assert_eq!(why(&"b".repeat(1_000)), Some(NoKey::Unknown));
    for bad in [None, Some("<html>"), Some("{\"keys\":[]}")] {
        *fixture.issuer.document.lock().unwrap() = bad.map(str::to_owned);
        fixture.wait(60);
        assert_eq!(why("b"), Some(NoKey::Unavailable), "{bad:?}");
        assert_eq!(why("a"), None, "known keys stay: {bad:?}");
    }
    // It is asked again soon, not a minute later.
    fixture.issuer.set_keys(&["b"]);
    fixture.wait(5);
    assert_eq!(why("b"), None);
}

#[test]
fn concurrent_requests_share_one_fetch() {
    let fixture = Fixture::new();
    fixture.issuer.set_keys(&["a"]);
    fixture.runtime.block_on(async {
        let requests: Vec<_> = (0..50)
            .map(|_| {
                let keys = Arc::clone(&fixture.keys);
                tokio::spawn(async move { keys.key("a").await.is_ok() })
            })
            .collect();
        for request in requests {
            assert!(request.await.unwrap());
        }
    });
    assert_eq!(fixture.issuer.fetches(), 1);
}

/// A fetch takes as long as the pause after a failed one: nobody waits for more than one.
#[test]
fn who_waits_for_a_fetch_that_fails_is_answered_with_it() {
    let fixture = Fixture::new();
    *fixture.issuer.takes.lock().unwrap() = Duration::from_secs(5);
    *fixture.issuer.passed.lock().unwrap() = Some(Arc::clone(&fixture.passed));
    let ask = || {
        fixture.runtime.block_on(async {
            let requests: Vec<_> = (0..20)
                .map(|n| {
                    let keys = Arc::clone(&fixture.keys);
                    tokio::spawn(async move { keys.key(&format!("k{n}")).await.err() })
                })
                .collect();
            for request in requests {
                assert_eq!(request.await.unwrap(), Some(NoKey::Unavailable));
            }
        });
        fixture.issuer.fetches()
    };
    assert_eq!(ask(), 1);
    fixture.wait(4);
    assert_eq!(ask(), 1, "the pause begins at the end of the fetch");
    fixture.wait(1);
    assert_eq!(ask(), 2);
}

#[test]
fn a_cancelled_request_does_not_cancel_the_fetch() {
    let fixture = Fixture::new();
    fixture.issuer.set_keys(&["a"]);
    fixture.runtime.block_on(async {
        let keys = Arc::clone(&fixture.keys);
        let request = tokio::spawn(async move { keys.key("a").await.is_ok() });
        tokio::task::yield_now().await;
        request.abort();
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        assert!(request.await.is_err_and(|error| error.is_cancelled()));
    });
    assert!(fixture.has_key("a"));
    assert_eq!(fixture.issuer.fetches(), 1);
}

#[test]
fn only_rsa_keys_for_signatures_are_kept() {
    let key = |changes: Value| {
        let mut key = json!({"kty": "RSA", "use": "sig", "kid": "a", "n": "AQAB", "e": "AQAB"});
        for (name, value) in changes.as_object().unwrap() {
            key[name] = value.clone();
        }
        parse(json!({ "keys": [key] }).to_string().as_bytes()).len()
    };
    assert_eq!(key(json!({"alg": "RS256"})), 1);
    for bad in [
        json!({"kty": "oct"}),
        json!({"kty": "EC"}),
        json!({"use": "enc"}),
        json!({"use": null}),
        json!({"alg": "RS512"}),
        json!({"n": "+/="}),
        json!({"kid": null}),
    ] {
        assert_eq!(key(bad.clone()), 0, "{bad}");
    }
    let many: Vec<Value> = (0..100)
        .map(
            |n| json!({"kty": "RSA", "use": "sig", "kid": n.to_string(), "n": "AQAB", "e": "AQAB"}),
        )
        .collect();
    assert_eq!(
        parse(json!({ "keys": many }).to_string().as_bytes()).len(),
        MOST_KEYS
    );
}
