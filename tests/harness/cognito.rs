//! A user of the stack's user pool: signs in by SRP, as the command of DLT does, and
//! changes the token into credentials of AWS. Written from the protocol's description
//! (RFC 5054, and what Cognito makes of it), so that it checks the pool and not us.

use crate::emulator::Emulator;
use crate::signature::{Credentials, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rsa::BigUint;
use rsa::rand_core::{OsRng, RngCore as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The prime of 3,072 bits that Cognito's SRP uses (RFC 5054, appendix A).
const PRIME: &[u8] = b"\
    FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD\
    EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED\
    EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F\
    83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B\
    E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510\
    15728E5A8AAAC42DAD33170D04507A33A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7\
    ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864D87602733EC86A64521F2B18177B200C\
    BBE117577A615D6C770988C0BAD946E208E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF";
/// Bytes of the secret number.
const SECRET_BYTES: usize = 32;
/// What the key is derived for.
const PURPOSE: &[u8] = b"Caldera Derived Key";

/// Where users sign in, from the hub's outputs.
#[derive(Debug, Clone)]
pub struct Pool<'a> {
    /// AWS.
    pub emulator: &'a Emulator,
    /// Where it is.
    pub region: &'a str,
    /// `UserPoolId`.
    pub id: &'a str,
    /// `IdentityPoolId`.
    pub identities: &'a str,
}

/// What a user has who signed in.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// Says who it is.
    pub id: String,
    /// Says what for.
    pub access: String,
}

fn number(bytes: &[u8]) -> BigUint {
    BigUint::from_bytes_be(bytes)
}

fn from_hex(text: &str) -> BigUint {
    BigUint::parse_bytes(text.as_bytes(), 16).expect("a number in hex")
}

/// A number's bytes, with a zero before them if it looked negative otherwise.
fn padded(number: &BigUint) -> Vec<u8> {
    let mut bytes = number.to_bytes_be();
    if bytes.first().is_some_and(|first| *first >= 0x80) {
        bytes.insert(0, 0);
    }
    bytes
}

fn hash(parts: &[&[u8]]) -> Vec<u8> {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().to_vec()
}

/// The user's half of an exchange.
struct Srp {
    prime: BigUint,
    secret: BigUint,
    public: BigUint,
}

impl Srp {
    fn begin() -> Self {
        let prime = BigUint::parse_bytes(PRIME, 16).expect("a prime in hex");
        let mut bytes = [0; SECRET_BYTES];
        OsRng.fill_bytes(&mut bytes);
        let secret = number(&bytes);
        let public = number(&[2]).modpow(&secret, &prime);
        Self {
            prime,
            secret,
            public,
        }
    }

    /// The key that both ends have, if the password is right.
    fn key(&self, of_server: &BigUint, salt: &BigUint, identity: &[&[u8]]) -> Vec<u8> {
        let (two, prime) = (number(&[2]), &self.prime);
        let mix = number(&hash(&[&padded(&self.public), &padded(of_server)]));
        let multiplier = number(&hash(&[&padded(prime), &padded(&two)]));
        let password = number(&hash(&[&padded(salt), &hash(identity)]));
        let verifier = multiplier * two.modpow(&password, prime) % prime;
        let base = (of_server + prime - verifier) % prime;
        let shared = base.modpow(&(&self.secret + &mix * password), prime);
        let derived = hmac(&padded(&mix), &[&padded(&shared)]);
        hmac(&derived, &[PURPOSE, &[1]])[..16].to_vec()
    }
}

impl Pool<'_> {
    #[track_caller]
    fn call(&self, action: &str, body: &Value) -> Value {
        let action = format!("AWSCognitoIdentityProviderService.{action}");
        self.emulator
            .json(self.region, "cognito-idp", &action, body)
    }

    /// Makes a user with a password, in a group if one is named.
    ///
    /// # Panics
    /// When the pool refuses.
    #[track_caller]
    pub fn add(&self, user: &str, password: &str, group: Option<&str>) {
        let of = |more: Value| {
            let mut body = json!({ "UserPoolId": self.id, "Username": user });
            let more = more.as_object().expect("fields").clone();
            body.as_object_mut().expect("fields").extend(more);
            body
        };
        self.call("AdminCreateUser", &of(json!({"MessageAction": "SUPPRESS"})));
        let password = json!({ "Password": password, "Permanent": true });
        self.call("AdminSetUserPassword", &of(password));
        if let Some(group) = group {
            self.call("AdminAddUserToGroup", &of(json!({ "GroupName": group })));
        }
    }

    /// Signs in by SRP; who has a first password chooses `new`.
    ///
    /// # Panics
    /// When the pool refuses.
    #[track_caller]
    pub fn sign_in(&self, client: &str, user: &str, password: &str, new: &str) -> Tokens {
        let srp = Srp::begin();
        let begun = self.call(
            "InitiateAuth",
            &json!({
                "AuthFlow": "USER_SRP_AUTH",
                "ClientId": client,
                "AuthParameters": { "USERNAME": user, "SRP_A": srp.public.to_str_radix(16) },
            }),
        );
        assert_eq!(begun["ChallengeName"], "PASSWORD_VERIFIER", "{begun}");
        let told = |name: &str| begun["ChallengeParameters"][name].as_str().expect("a text");
        let (who, block) = (told("USER_ID_FOR_SRP"), told("SECRET_BLOCK"));
        // A pool's id is its region and its name.
        let pool = self.id.split_once('_').map_or("", |parts| parts.1);
        let identity = format!("{pool}{who}:{password}");
        let (of_server, salt) = (from_hex(told("SRP_B")), from_hex(told("SALT")));
        let key = srp.key(&of_server, &salt, &[identity.as_bytes()]);
        let time = jiff::Timestamp::now().strftime("%a %b %-d %H:%M:%S UTC %Y");
        let time = time.to_string();
        let block_bytes = STANDARD.decode(block).expect("base64");
        let signed: [&[u8]; 4] = [
            pool.as_bytes(),
            who.as_bytes(),
            &block_bytes,
            time.as_bytes(),
        ];
        let mut answer = self.call(
            "RespondToAuthChallenge",
            &json!({
                "ClientId": client,
                "ChallengeName": "PASSWORD_VERIFIER",
                "ChallengeResponses": {
                    "USERNAME": who,
                    "PASSWORD_CLAIM_SECRET_BLOCK": block,
                    "PASSWORD_CLAIM_SIGNATURE": STANDARD.encode(hmac(&key, &signed)),
                    "TIMESTAMP": time,
                },
            }),
        );
        if answer["ChallengeName"] == "NEW_PASSWORD_REQUIRED" {
            answer = self.call(
                "RespondToAuthChallenge",
                &json!({
                    "ClientId": client,
                    "ChallengeName": "NEW_PASSWORD_REQUIRED",
                    "Session": answer["Session"],
                    "ChallengeResponses": { "USERNAME": who, "NEW_PASSWORD": new },
                }),
            );
        }
        let token = |name: &str| {
            let token = answer["AuthenticationResult"][name].as_str();
            token
                .unwrap_or_else(|| panic!("no {name}: {answer}"))
                .to_owned()
        };
        Tokens {
            id: token("IdToken"),
            access: token("AccessToken"),
        }
    }

    /// The identity of a user who signed in, and the credentials that it gets; the
    /// error's name if it gets none.
    ///
    /// # Errors
    /// With the name of the refusal.
    pub fn credentials(&self, tokens: &Tokens) -> Result<(String, Credentials), String> {
        let provider = format!("cognito-idp.{}.amazonaws.com/{}", self.region, self.id);
        let logins = json!({ provider: tokens.id });
        let ask = |action: &str, body: &Value| {
            let action = format!("AWSCognitoIdentityService.{action}");
            self.emulator
                .ask(self.region, "cognito-identity", &action, body)
        };
        let refused = |said: Value| said["__type"].as_str().unwrap_or_default().to_owned();
        let body = json!({ "IdentityPoolId": self.identities, "Logins": logins });
        let found = ask("GetId", &body).map_err(refused)?;
        let identity = found["IdentityId"].as_str().unwrap_or_default().to_owned();
        let body = json!({ "IdentityId": identity, "Logins": logins });
        let given = ask("GetCredentialsForIdentity", &body).map_err(refused)?;
        let part = |name: &str| {
            let part = given["Credentials"][name].as_str();
            part.unwrap_or_default().to_owned()
        };
        let credentials = Credentials {
            id: part("AccessKeyId"),
            secret: part("SecretKey"),
            session: part("SessionToken"),
        };
        Ok((identity, credentials))
    }
}
