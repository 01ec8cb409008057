//! A user pool for tests: keys made here, a tiny server that shows them, and
//! tokens of any kind, good ones and forged ones. Who should be let in with
//! which stands in the tests.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::rand_core::OsRng;
use rsa::sha2::{Digest as _, Sha256};
use rsa::traits::PublicKeyParts as _;
use rsa::{Pkcs1v15Sign, RsaPrivateKey};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// `iss` of its tokens: like a real pool's, and nobody asks there.
pub const ISSUER: &str = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_TestPool1";
/// The id of the key that signs access tokens.
pub const KID: &str = "access-1";
/// Bits of keys: the fewest that are accepted.
const BITS: usize = 2_048;

/// Three pairs for the whole process, since each takes its time: the pool's,
/// the one it changes to, and a stranger's.
static KEYS: LazyLock<[RsaPrivateKey; 3]> =
    LazyLock::new(|| [(); 3].map(|()| RsaPrivateKey::new(&mut OsRng, BITS).expect("a key")));

/// Whose key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signer {
    /// The pool's own.
    Pool,
    /// The one that the pool changes to.
    Next,
    /// Somebody else's.
    Stranger,
}

impl Signer {
    fn key(self) -> &'static RsaPrivateKey {
        &KEYS[self as usize]
    }

    /// The public key as a JWK.
    pub fn jwk(self, kid: &str) -> Value {
        let key = self.key();
        let number = |n: &rsa::BigUint| URL_SAFE_NO_PAD.encode(n.to_bytes_be());
        json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid,
            "n": number(key.n()), "e": number(key.e())})
    }

    fn sign(self, bytes: &[u8]) -> Vec<u8> {
        let digest = Sha256::digest(bytes);
        let padding = Pkcs1v15Sign::new::<Sha256>();
        self.key().sign(padding, &digest).expect("a signature")
    }
}

/// Seconds since 1970.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs().cast_signed())
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// A token with this header and these claims.
pub fn token(signer: Signer, header: &Value, claims: &Value) -> String {
    let signed = format!("{}.{}", encoded(header), encoded(claims));
    let signature = signer.sign(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// A token with a signature that is just these bytes.
pub fn forged(header: &Value, claims: &Value, signature: &[u8]) -> String {
    let signature = URL_SAFE_NO_PAD.encode(signature);
    format!("{}.{}.{signature}", encoded(header), encoded(claims))
}

/// A token signed with a shared secret (HS256), with this key id.
pub fn by_secret(secret: &[u8], kid: &str, claims: &Value) -> String {
    let header = json!({"alg": "HS256", "kid": kid});
    let signed = format!("{}.{}", encoded(&header), encoded(claims));
    // HMAC, RFC 2104: blocks of 64 bytes.
    let mut block = Sha256::digest(secret).to_vec();
    block.resize(64, 0);
    let padded = |pad: u8| block.iter().map(|byte| byte ^ pad).collect::<Vec<u8>>();
    let inner = Sha256::digest([padded(0x36), signed.clone().into_bytes()].concat());
    let outer = Sha256::digest([padded(0x5c), inner.to_vec()].concat());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(outer))
}

/// What the issuer says at a path; `None` is a 503.
type Pages = Arc<Mutex<Vec<(String, Option<String>)>>>;

/// The server with the keys.
#[derive(Debug)]
pub struct Issuer {
    address: String,
    pages: Pages,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Issuer {
    /// A server that shows these keys.
    ///
    /// # Panics
    /// When no port is free.
    pub fn start(keys: &[Value]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let issuer = Self {
            address,
            pages: Pages::default(),
            asked: Arc::default(),
        };
        issuer.show(keys);
        let (pages, asked) = (Arc::clone(&issuer.pages), Arc::clone(&issuer.asked));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // A client that goes early is no fault of the test.
                let _ = answer(stream, &pages, &asked);
            }
        });
        issuer
    }

    /// Says this at that path from now on; `None` is a failure.
    pub fn say(&self, path: &str, text: Option<String>) {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        pages.retain(|page| page.0 != path);
        pages.push((path.to_owned(), text));
    }

    /// Shows these keys from now on.
    pub fn show(&self, keys: &[Value]) {
        self.say("/jwks.json", Some(json!({ "keys": keys }).to_string()));
    }

    /// Where the keys are.
    pub fn jwks_url(&self) -> String {
        format!("http://{}/jwks.json", self.address)
    }

    /// Paths that were asked for, in order.
    pub fn asked(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.clone()
    }
}

fn answer(mut stream: TcpStream, pages: &Pages, asked: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let pages = pages.lock().unwrap_or_else(PoisonError::into_inner);
    let page = pages.iter().find(|page| page.0 == path);
    let (status, body) = match page {
        Some((_, Some(text))) => ("200 OK", text.clone()),
        Some((_, None)) => ("503 Service Unavailable", String::new()),
        None => ("404 Not Found", String::new()),
    };
    drop(pages);
    let mut all = asked.lock().unwrap_or_else(PoisonError::into_inner);
    all.push(path);
    drop(all);
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}
