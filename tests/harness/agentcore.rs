//! A Gateway of Bedrock AgentCore, as the stack's template declares it: it lets in whom
//! the declaration lets in, by the user pool's own keys, and passes tools on to the
//! function that the declaration names, with that function's settings and role. What
//! agents ask stands in the tests.

use crate::emulator::Emulator;
use crate::gateway::Gateway;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::sha2::{Digest as _, Sha256};
use rsa::{BigUint, Pkcs1v15Sign, RsaPublicKey};
use serde_json::Value;
use std::collections::BTreeMap;
use url::Url;

/// It.
pub struct AgentCore<'a> {
    emulator: &'a Emulator,
    region: &'a str,
    /// The authorizer's settings.
    authorizer: Value,
    /// Names of the tools that it offers.
    pub tools: Vec<String>,
    gateway: Gateway,
}

fn decoded(part: &str) -> Option<Value> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

fn texts(list: &Value) -> Vec<&str> {
    let list = list.as_array().into_iter().flatten();
    list.filter_map(Value::as_str).collect()
}

/// Whether a token has a claim that the authorizer wants, as AgentCore compares lists.
fn has_claim(rule: &Value, claims: &Value) -> bool {
    let name = rule["InboundTokenClaimName"].as_str().unwrap_or_default();
    let wanted = &rule["AuthorizingClaimMatchValue"];
    assert_eq!(wanted["ClaimMatchOperator"], "CONTAINS_ANY", "{rule}");
    let wanted = texts(&wanted["ClaimMatchValue"]["MatchValueStringList"]);
    texts(&claims[name]).iter().any(|it| wanted.contains(it))
}

impl<'a> AgentCore<'a> {
    /// The Gateway that a stack of the emulator's has declared.
    ///
    /// # Panics
    /// When it has none, or its function does not start.
    pub fn of(emulator: &'a Emulator, region: &'a str) -> Self {
        let declared = emulator.declared("Gateway");
        assert_eq!(declared["AuthorizerType"], "CUSTOM_JWT");
        let target = emulator.declared("GatewayTarget");
        let lambda = &target["TargetConfiguration"]["Mcp"]["Lambda"];
        let tools = lambda["ToolSchema"]["InlinePayload"].as_array();
        let tools = tools.expect("tools").iter();
        let name = lambda["LambdaArn"].as_str().expect("its function");
        let name = name.rsplit(':').next().unwrap_or_default();
        let path = format!("/2015-03-31/functions/{name}/configuration");
        let function = emulator.rest(region, "lambda", "GET", &path, b"").json();
        let mut environment = BTreeMap::new();
        for (name, value) in function["Environment"]["Variables"]
            .as_object()
            .expect("settings")
        {
            let value = value.as_str().unwrap_or_default();
            environment.insert(name.clone(), value.to_owned());
        }
        // The API's own address leads out of here.
        let api = Url::parse(&environment["DLT_API_URL"]).expect("the API's address");
        let id = api.host_str().and_then(|host| host.split('.').next());
        let path = format!("/restapis/{}{}", id.unwrap_or_default(), api.path());
        let base = format!("{}{path}/_user_request_", emulator.endpoint());
        environment.insert("DLT_API_URL".to_owned(), base);
        environment.insert("DLT_API_REGION".to_owned(), region.to_owned());
        let role = function["Role"].as_str().expect("its role");
        environment.extend(emulator.session(region, role));
        Self {
            emulator,
            region,
            authorizer: declared["AuthorizerConfiguration"]["CustomJWTAuthorizer"].clone(),
            tools: tools
                .filter_map(|tool| tool["Name"].as_str().map(str::to_owned))
                .collect(),
            gateway: Gateway::with(&environment),
        }
    }

    /// A tool, for whoever shows this token; none, if it lets nobody in with it.
    pub fn ask(&self, token: &str, tool: &str, arguments: &Value) -> Option<Value> {
        self.admits(token)
            .then(|| self.gateway.call(tool, arguments))
    }

    /// A page of the pool's, whose address leads out of here.
    fn page(&self, url: &str) -> Value {
        let url = Url::parse(url).expect("an address");
        self.emulator
            .rest(self.region, "cognito-idp", "GET", url.path(), b"")
            .json()
    }

    fn admits(&self, token: &str) -> bool {
        self.claims(token).is_some_and(|claims| {
            let clients = texts(&self.authorizer["AllowedClients"]);
            let client = claims["client_id"].as_str().unwrap_or_default();
            let expiry = claims["exp"].as_i64().unwrap_or_default();
            let rules = self.authorizer["CustomClaims"].as_array();
            let mut rules = rules.into_iter().flatten();
            clients.contains(&client)
                && expiry > crate::issuer::now()
                && rules.all(|rule| has_claim(rule, &claims))
        })
    }

    /// The claims of a token that the pool has signed.
    fn claims(&self, token: &str) -> Option<Value> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let (header, claims) = (decoded(header)?, decoded(claims)?);
        let discovery = self.page(self.authorizer["DiscoveryUrl"].as_str()?);
        let keys = self.page(discovery["jwks_uri"].as_str()?);
        let mut keys = keys["keys"].as_array()?.iter();
        let key = keys.find(|key| key["kid"] == header["kid"])?;
        let part = |name: &str| {
            let bytes = URL_SAFE_NO_PAD.decode(key[name].as_str()?).ok()?;
            Some(BigUint::from_bytes_be(&bytes))
        };
        let key = RsaPublicKey::new(part("n")?, part("e")?).ok()?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let digest = Sha256::digest(signed.as_bytes());
        let padding = Pkcs1v15Sign::new::<Sha256>();
        key.verify(padding, &digest, &signature).ok()?;
        (claims["iss"] == discovery["issuer"]).then_some(claims)
    }
}
