//! The issuer's public keys by key id. They are fetched hourly and when a token names
//! an unknown id, at most once a minute, after a failure every 5 s, and by one request
//! at a time, whose answer is that of all who wait for it. If a fetch fails, the known keys stay; whether an unknown id is wrong cannot be told then.

use super::REFRESH;
use super::fetch::Fetch;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Shortest pause between two fetches for unknown ids.
const FETCH_PAUSE: Duration = Duration::from_secs(60);
/// The same after a fetch that failed: an issuer that starts after this server, or was
/// away for a moment, must not lock anybody out for a minute.
const FAILED_FETCH_PAUSE: Duration = Duration::from_secs(5);
/// Most keys that are kept: Cognito has two.
const MOST_KEYS: usize = 32;
/// Longest id for which keys are fetched, bytes.
const LONGEST_KID_BYTES: usize = 256;

/// A public RSA key for signatures.
pub(super) struct Key {
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

impl Key {
    /// Whether the signature of these bytes (RS256) is valid. Keys below 2,048 bits are
    /// never accepted.
    pub(super) fn verifies(&self, bytes: &[u8], signature: &[u8]) -> bool {
        let (n, e) = (&self.modulus, &self.exponent);
        let key = RsaPublicKeyComponents { n, e };
        key.verify(&RSA_PKCS1_2048_8192_SHA256, bytes, signature)
            .is_ok()
    }
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    #[serde(rename = "use")]
    purpose: String,
    alg: Option<String>,
    kid: String,
    n: String,
    e: String,
}

type Keys = HashMap<String, Arc<Key>>;

/// The usable keys of a key set. Others are ignored: an issuer may have keys for other
/// purposes.
fn parse(bytes: &[u8]) -> Keys {
    let keys = serde_json::from_slice::<KeySet>(bytes).map(|set| set.keys);
    let usable = keys.unwrap_or_default().into_iter().filter_map(|value| {
        let jwk: Jwk = serde_json::from_value(value).ok()?;
        let rs256 = jwk.alg.as_deref().is_none_or(|alg| alg == "RS256");
        if jwk.kty != "RSA" || jwk.purpose != "sig" || !rs256 {
            return None;
        }
        let key = Key {
            modulus: URL_SAFE_NO_PAD.decode(&jwk.n).ok()?,
            exponent: URL_SAFE_NO_PAD.decode(&jwk.e).ok()?,
        };
        Some((jwk.kid, Arc::new(key)))
    });
    usable.take(MOST_KEYS).collect()
}

/// How many usable keys the source has.
pub(super) async fn count(source: &dyn Fetch) -> Result<usize, String> {
    source.fetch().await.map(|bytes| parse(&bytes).len())
}

pub(super) type Clock = Box<dyn Fn() -> Instant + Send + Sync>;

/// Why there is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoKey {
    /// The issuer has none with this id.
    Unknown,
    /// The issuer did not answer when it was last asked.
    Unavailable,
}

/// The keys and their source.
pub(super) struct Jwks {
    source: Box<dyn Fetch>,
    clock: Clock,
    keys: Mutex<Keys>,
    /// Whether the last fetch failed; before the first one, too.
    failed: AtomicBool,
    /// When keys were last fetched for an unknown id, the end of the fetch; locked during it.
    fetched: Arc<tokio::sync::Mutex<Option<Instant>>>,
}

impl Jwks {
    /// An empty key set; nothing is fetched yet.
    pub(super) fn new(source: Box<dyn Fetch>, clock: Clock) -> Self {
        Self {
            source,
            clock,
            keys: Mutex::default(),
            failed: AtomicBool::new(true),
            fetched: Arc::default(),
        }
    }

    fn known(&self, kid: &str) -> Option<Arc<Key>> {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.get(kid).cloned()
    }

    fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    fn missing(&self) -> NoKey {
        match self.has_failed() {
            true => NoKey::Unavailable,
            false => NoKey::Unknown,
        }
    }

    /// Fetches the keys again. A document without usable keys counts as a failed fetch.
    pub(super) async fn refresh(&self) {
        let fetched = self.source.fetch().await;
        let keys = fetched.map(|bytes| parse(&bytes)).unwrap_or_default();
        self.failed.store(keys.is_empty(), Ordering::Relaxed);
        if !keys.is_empty() {
            *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = keys;
        }
    }

    /// The key with this id; an unknown id may cause a fetch.
    pub(super) async fn key(self: &Arc<Self>, kid: &str) -> Result<Arc<Key>, NoKey> {
        if let Some(key) = self.known(kid) {
            return Ok(key);
        }
        if kid.len() > LONGEST_KID_BYTES {
            return Err(NoKey::Unknown);
        }
        let mut fetched = Arc::clone(&self.fetched).lock_owned().await;
        // The previous holder of the lock may have fetched it.
        if let Some(key) = self.known(kid) {
            return Ok(key);
        }
        let pause = if self.has_failed() {
            FAILED_FETCH_PAUSE
        } else {
            FETCH_PAUSE
        };
        let now = (self.clock)();
        if fetched.is_some_and(|last| now.saturating_duration_since(last) < pause) {
            return Err(self.missing());
        }
        // A task of its own: a client that disconnects must not cancel the fetch, or
        // clients that always do so could keep new keys from being found. The lock goes with it,
        // and the pause begins when it is over: a fetch may take as long as the pause, and those who
        // waited for it would each begin another one.
        let keys = Arc::clone(self);
        let fetch = tokio::spawn(async move {
            keys.refresh().await;
            *fetched = Some((keys.clock)());
        });
        // If the task failed, the key is still unknown below.
        let _ = fetch.await;
        self.known(kid).ok_or_else(|| self.missing())
    }
}

/// Fetches the keys each hour, until they are dropped.
pub(super) fn refresh_hourly(keys: &Arc<Jwks>) {
    let keys = Arc::downgrade(keys);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(REFRESH).await;
            match keys.upgrade() {
                Some(keys) => keys.refresh().await,
                None => return,
            }
        }
    });
}

#[cfg(test)]
mod tests;
