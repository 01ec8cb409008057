//! The calls of a user pool that the stack needs: its first user, and the group that
//! user is in. Signed here, like IoT Core's: two calls are not worth an SDK.

use super::Clients;
use super::signed::Signed;
use crate::error::PipelineError;
use serde_json::{Value, json};

/// What the user pool's calls begin with.
const PREFIX: &str = "AWSCognitoIdentityProviderService";

/// Makes a user who gets a first password by e-mail; nothing if there is one by that
/// name (AdminCreateUser).
pub async fn create_user(clients: &Clients, pool: &str, email: &str) -> Result<(), PipelineError> {
    let body = json!({
        "UserPoolId": pool,
        "Username": email,
        "UserAttributes": [
            { "Name": "email", "Value": email },
            // Who runs the stack says so; without it there is no way to a new password.
            { "Name": "email_verified", "Value": "true" },
        ],
        "DesiredDeliveryMediums": ["EMAIL"],
    });
    call(
        clients,
        "AdminCreateUser",
        &body,
        Some("UsernameExistsException"),
    )
    .await
}

/// Puts a user into a group; nothing if they are in it (AdminAddUserToGroup).
pub async fn add_to_group(
    clients: &Clients,
    pool: &str,
    user: &str,
    group: &str,
) -> Result<(), PipelineError> {
    let body = json!({ "UserPoolId": pool, "Username": user, "GroupName": group });
    call(clients, "AdminAddUserToGroup", &body, None).await
}

/// One call; `fine` is the exception that is as good as an answer.
async fn call(
    clients: &Clients,
    action: &str,
    body: &Value,
    fine: Option<&str>,
) -> Result<(), PipelineError> {
    let header = |name: &str, value: String| (name.to_owned(), value);
    let request = Signed {
        service: "cognito-idp",
        host: "cognito-idp",
        region: None,
        method: "POST",
        path: "/".to_owned(),
        headers: vec![
            header("content-type", "application/x-amz-json-1.1".to_owned()),
            header("x-amz-target", format!("{PREFIX}.{action}")),
        ],
        body: body.to_string(),
    };
    match request.answer(clients).await {
        Err(refused) if fine.is_some_and(|fine| refused.code == fine) => Ok(()),
        answered => answered.map(drop).map_err(|refused| refused.error),
    }
}
