//! The issuer's keys, by their ids. Fetched by one at a time, again when an
//! unknown id comes, but not at the whim of whoever sends such ids; an issuer
//! that cannot be reached takes no known key away.

use super::REFRESH;
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Between two looks for unknown ids.
const BETWEEN_LOOKS: Duration = Duration::from_secs(60);
/// The same while there is no key at all, so that an issuer that comes late
/// does not keep everybody out for a minute.
const BETWEEN_FIRST_LOOKS: Duration = Duration::from_secs(5);
/// Most keys that are kept: Cognito has two.
const MOST_KEYS: usize = 32;
/// Longest id that is looked for, bytes.
const LONGEST_KID_BYTES: usize = 256;

/// Gets one document, whichever it was made for.
#[async_trait]
pub(super) trait Fetch: Send + Sync {
    /// Its bytes, or why there are none.
    async fn fetch(&self) -> Result<Vec<u8>, String>;
}

/// A public RSA key that signs.
pub(super) struct Key {
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

impl Key {
    /// Whether this is its signature of these bytes (RS256). Keys below 2,048
    /// bits sign nothing.
    pub(super) fn signed(&self, bytes: &[u8], signature: &[u8]) -> bool {
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

/// The keys of a document that can be used here; others are no fault, for an
/// issuer may have them for others.
fn read(bytes: &[u8]) -> Keys {
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

/// How many usable keys there are.
pub(super) async fn count(source: &dyn Fetch) -> Result<usize, String> {
    source.fetch().await.map(|bytes| read(&bytes).len())
}

/// Tells what time it is.
pub(super) type Clock = Box<dyn Fn() -> Instant + Send + Sync>;

/// The keys and where they come from.
pub(super) struct Jwks {
    source: Box<dyn Fetch>,
    clock: Clock,
    keys: Mutex<Keys>,
    /// When an unknown id last had us look; held while somebody looks.
    looked: tokio::sync::Mutex<Option<Instant>>,
}

impl Jwks {
    /// No keys yet.
    pub(super) fn new(source: Box<dyn Fetch>, clock: Clock) -> Self {
        Self {
            source,
            clock,
            keys: Mutex::default(),
            looked: tokio::sync::Mutex::default(),
        }
    }

    fn known(&self, kid: &str) -> Option<Arc<Key>> {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.get(kid).cloned()
    }

    fn is_empty(&self) -> bool {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.is_empty()
    }

    /// Fetches the keys anew. A document without usable keys is a failure.
    pub(super) async fn refresh(&self) {
        let Ok(bytes) = self.source.fetch().await else {
            return;
        };
        let keys = read(&bytes);
        if !keys.is_empty() {
            *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = keys;
        }
    }

    /// The key with this id, looked for where it comes from if need be.
    pub(super) async fn key(self: &Arc<Self>, kid: &str) -> Option<Arc<Key>> {
        if let Some(key) = self.known(kid) {
            return Some(key);
        }
        if kid.len() > LONGEST_KID_BYTES {
            return None;
        }
        let mut looked = self.looked.lock().await;
        // Whoever held the lock may have found it.
        if let Some(key) = self.known(kid) {
            return Some(key);
        }
        let pause = match self.is_empty() {
            true => BETWEEN_FIRST_LOOKS,
            false => BETWEEN_LOOKS,
        };
        let now = (self.clock)();
        if looked.is_some_and(|last| now.saturating_duration_since(last) < pause) {
            return None;
        }
        *looked = Some(now);
        // Not this request's alone: if its sender goes, the look goes on, else
        // whoever hangs up each time would keep new keys away from everybody.
        let keys = Arc::clone(self);
        let look = tokio::spawn(async move { keys.refresh().await });
        // A look that broke found nothing, which is seen below.
        let _ = look.await;
        self.known(kid)
    }
}

/// Fetches the keys each hour for as long as somebody has them.
pub(super) fn keep_fresh(keys: &Arc<Jwks>) {
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
