//! Keys that come, go and cannot be had, on a clock that stands still.

use super::*;
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};

/// An issuer that says what it is told to, and counts.
#[derive(Default)]
struct Issuer {
    says: Mutex<Option<String>>,
    asked: AtomicUsize,
}

#[async_trait]
impl Fetch for Arc<Issuer> {
    async fn fetch(&self) -> Result<Vec<u8>, String> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        tokio::task::yield_now().await;
        let says = self.says.lock().unwrap().clone();
        says.map(String::into_bytes).ok_or("down".to_owned())
    }
}

impl Issuer {
    fn has(&self, kids: &[&str]) {
        let key =
            |kid: &&str| json!({"kty": "RSA", "use": "sig", "kid": kid, "n": "AQAB", "e": "AQAB"});
        let keys: Vec<Value> = kids.iter().map(key).collect();
        *self.says.lock().unwrap() = Some(json!({ "keys": keys }).to_string());
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

struct Stage {
    issuer: Arc<Issuer>,
    keys: Arc<Jwks>,
    passed: Arc<Mutex<Duration>>,
    runtime: tokio::runtime::Runtime,
}

impl Stage {
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

    fn knows(&self, kid: &str) -> bool {
        self.runtime.block_on(self.keys.key(kid)).is_some()
    }

    fn wait(&self, seconds: u64) {
        *self.passed.lock().unwrap() += Duration::from_secs(seconds);
    }
}

#[test]
fn unknown_ids_are_looked_for_once_a_minute() {
    let stage = Stage::new();
    stage.issuer.has(&["a"]);
    assert!(stage.knows("a") && stage.knows("a"));
    assert_eq!(stage.issuer.asked(), 1);
    assert!(!stage.knows("b"));
    stage.issuer.has(&["b"]);
    stage.wait(59);
    assert!(!stage.knows("b"));
    assert_eq!(stage.issuer.asked(), 1);
    stage.wait(1);
    // The old key went with the rotation.
    assert!(stage.knows("b") && !stage.knows("a"));
    assert_eq!(stage.issuer.asked(), 2);
}

#[test]
fn an_issuer_that_fails_takes_no_key_away() {
    let stage = Stage::new();
    assert!(!stage.knows("a"));
    stage.issuer.has(&["a"]);
    stage.wait(5);
    assert!(stage.knows("a"), "an issuer that comes late is seen soon");
    for bad in [None, Some("<html>"), Some("{\"keys\":[]}")] {
        *stage.issuer.says.lock().unwrap() = bad.map(str::to_owned);
        stage.runtime.block_on(stage.keys.refresh());
        assert!(stage.knows("a"), "{bad:?}");
    }
}

#[test]
fn many_at_once_ask_once() {
    let stage = Stage::new();
    stage.issuer.has(&["a"]);
    stage.runtime.block_on(async {
        let looks: Vec<_> = (0..50)
            .map(|_| {
                let keys = Arc::clone(&stage.keys);
                tokio::spawn(async move { keys.key("a").await.is_some() })
            })
            .collect();
        for look in looks {
            assert!(look.await.unwrap());
        }
    });
    assert_eq!(stage.issuer.asked(), 1);
}

#[test]
fn who_hangs_up_keeps_no_key_away() {
    let stage = Stage::new();
    stage.issuer.has(&["a"]);
    stage.runtime.block_on(async {
        let keys = Arc::clone(&stage.keys);
        let look = tokio::spawn(async move { keys.key("a").await.is_some() });
        tokio::task::yield_now().await;
        look.abort();
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        assert!(look.await.is_err_and(|error| error.is_cancelled()));
    });
    assert!(stage.knows("a"));
    assert_eq!(stage.issuer.asked(), 1);
}

#[test]
fn only_rsa_keys_that_sign_are_kept() {
    let key = |changes: Value| {
        let mut key = json!({"kty": "RSA", "use": "sig", "kid": "a", "n": "AQAB", "e": "AQAB"});
        for (name, value) in changes.as_object().unwrap() {
            key[name] = value.clone();
        }
        read(json!({ "keys": [key] }).to_string().as_bytes()).len()
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
        read(json!({ "keys": many }).to_string().as_bytes()).len(),
        MOST_KEYS
    );
}
