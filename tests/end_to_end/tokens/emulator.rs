//! Tokens that an emulator of Cognito writes, not we: of a user, of an app for
//! itself, and an ID token. Installed by `cargo xtask test --full` only.

use super::{RESOURCE, api, check, with};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dlt_tests::emulator::Emulator;
use dlt_tests::http;
use dlt_tests::mcp::HttpServer;
use dlt_tests::patience;
use serde_json::{Value, json};

/// User pools of the emulator.
struct Cognito(Emulator);

impl Cognito {
    /// One call of the user pools' API.
    fn call(&self, action: &str, body: &Value) -> Value {
        let action = format!("AWSCognitoIdentityProviderService.{action}");
        self.0.json("eu-west-1", "cognito-idp", &action, body)
    }

    fn client(&self, body: &Value) -> Value {
        self.call("CreateUserPoolClient", body)["UserPoolClient"].clone()
    }

    /// Access and ID token of a user in the group `testers`.
    fn user(&self, pool: &str, client: &str) -> Value {
        let who = json!({"UserPoolId": pool, "Username": "somebody"});
        let with = |more: Value| {
            let mut all = who.clone();
            for (name, value) in more.as_object().unwrap() {
                all[name] = value.clone();
            }
            all
        };
        self.call(
            "AdminCreateUser",
            &with(json!({"MessageAction": "SUPPRESS"})),
        );
        let password = json!({"Password": "Correct-horse-9", "Permanent": true});
        self.call("AdminSetUserPassword", &with(password));
        self.call(
            "CreateGroup",
            &json!({"UserPoolId": pool, "GroupName": "testers"}),
        );
        self.call(
            "AdminAddUserToGroup",
            &with(json!({"GroupName": "testers"})),
        );
        let login = json!({"ClientId": client, "AuthFlow": "USER_PASSWORD_AUTH",
            "AuthParameters": {"USERNAME": "somebody", "PASSWORD": "Correct-horse-9"}});
        self.call("InitiateAuth", &login)["AuthenticationResult"].clone()
    }

    /// The token of an app for itself.
    fn machine(&self, client: &Value) -> String {
        let [id, secret] = ["ClientId", "ClientSecret"].map(|name| client[name].as_str().unwrap());
        let basic = format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("authorization", basic.as_str()),
        ];
        let body = b"grant_type=client_credentials&scope=dlt-mcp-gateway%2Fread";
        let reply = http::send(&self.0.address, "POST", "/oauth2/token", &headers, body);
        reply.json()["access_token"].as_str().unwrap().to_owned()
    }
}

#[test]
#[ignore = "needs an emulator of Cognito; cargo xtask test --full installs it"]
fn tokens_of_cognito_are_what_we_think_they_are() {
    let _shared = patience::shared();
    let (cognito, backend) = (Cognito(Emulator::start()), api());
    let made = cognito.call("CreateUserPool", &json!({"PoolName": "dlt"}));
    let pool = made["UserPool"]["Id"].as_str().unwrap();
    let scopes = json!([{"ScopeName": "read", "ScopeDescription": "read"}]);
    let server = json!({"UserPoolId": pool, "Identifier": "dlt-mcp-gateway", "Name": "dlt",
        "Scopes": scopes});
    cognito.call("CreateResourceServer", &server);
    let web = cognito.client(&json!({"UserPoolId": pool, "ClientName": "web",
        "ExplicitAuthFlows": ["ALLOW_USER_PASSWORD_AUTH"]}));
    let machine = cognito.client(&json!({"UserPoolId": pool, "ClientName": "m2m",
        "GenerateSecret": true, "AllowedOAuthFlows": ["client_credentials"],
        "AllowedOAuthFlowsUserPoolClient": true,
        "AllowedOAuthScopes": ["dlt-mcp-gateway/read"]}));
    let [web_id, machine_id] = [&web, &machine].map(|it| it["ClientId"].as_str().unwrap());
    let user = cognito.user(pool, web_id);
    let token = |name: &str| user[name].as_str().unwrap();

    let discovery = format!("/{pool}/.well-known/openid-configuration");
    let issuer = http::send(&cognito.0.address, "GET", &discovery, &[], b"").json();
    let issuer = issuer["issuer"].as_str().unwrap().to_owned();
    let keys = format!("http://{}/{pool}/.well-known/jwks.json", cognito.0.address);
    let clients = format!("{web_id},{machine_id}");
    let common = [
        "--issuer",
        &issuer,
        "--jwks-url",
        &keys,
        "--allowed-client",
        &clients,
        "--resource",
        RESOURCE,
    ];
    let env = [("DLT_API_URL", backend.url("/api"))];
    let env = env.each_ref().map(|(name, value)| (*name, value.as_str()));
    let started = |more: &[&str]| HttpServer::start(&[&common[..], more].concat(), &env);

    let server = started(&["--scope-exempt-client", web_id, "--oauth-facade"]);
    assert_eq!(with(&server, token("AccessToken")).status, 200);
    assert_eq!(with(&server, &cognito.machine(&machine)).status, 200);
    check("ID token", &with(&server, token("IdToken")), 401);
    let facade = "/.well-known/oauth-authorization-server";
    let facade = http::send(&server.address, "GET", facade, &[], b"").json();
    assert_eq!(facade["code_challenge_methods_supported"], json!(["S256"]));

    let server = started(&[
        "--scope-exempt-client",
        web_id,
        "--allowed-group",
        "testers",
    ]);
    assert_eq!(with(&server, token("AccessToken")).status, 200);
    check("no group", &with(&server, &cognito.machine(&machine)), 403);
    check("no scope", &with(&started(&[]), token("AccessToken")), 403);
}
