//! The calls of IoT Core's control plane that the stack needs: where its data
//! endpoint is, and which identities may subscribe. Signed here: its SDK has some
//! 270 operations, and takes as long to build as all others.

use super::Clients;
use super::signed::Signed;
use crate::error::PipelineError;
use serde_json::{Value, json};

/// Identities of one page of a policy's (ListTargetsForPolicy takes 250).
const PAGE: usize = 250;

/// The host of the account's data endpoint in the hub's region (DescribeEndpoint).
pub async fn endpoint(clients: &Clients) -> Result<String, PipelineError> {
    let path = "/endpoint?endpointType=iot:Data-ATS".to_owned();
    let answer = call(clients, "GET", path, None).await?;
    let host = answer["endpointAddress"].as_str().map(str::to_owned);
    host.ok_or_else(|| PipelineError::Other("IoT Core names no data endpoint".to_owned()))
}

/// Lets an identity of Cognito subscribe as a policy says (AttachPolicy).
pub async fn attach_policy(
    clients: &Clients,
    policy: &str,
    identity: &str,
) -> Result<(), PipelineError> {
    let path = format!("/target-policies/{policy}");
    let body = json!({ "target": identity }).to_string();
    call(clients, "PUT", path, Some(body)).await.map(drop)
}

/// Takes a policy from every identity that has it: one that is attached cannot be
/// deleted (ListTargetsForPolicy, DetachPolicy). How many had it.
pub async fn detach_policy(clients: &Clients, policy: &str) -> Result<usize, PipelineError> {
    let mut detached = 0;
    loop {
        // The first page each time: those of the last one are gone.
        let path = format!("/policy-targets/{policy}?pageSize={PAGE}");
        let page = call(clients, "POST", path, None).await?;
        let targets = page["targets"].as_array().cloned().unwrap_or_default();
        let targets: Vec<&str> = targets.iter().filter_map(Value::as_str).collect();
        if targets.is_empty() {
            return Ok(detached);
        }
        for target in targets {
            let path = format!("/target-policies/{policy}");
            let body = json!({ "target": target }).to_string();
            call(clients, "POST", path, Some(body)).await?;
            detached += 1;
        }
    }
}

async fn call(
    clients: &Clients,
    method: &'static str,
    path: String,
    body: Option<String>,
) -> Result<Value, PipelineError> {
    let request = Signed {
        // IoT Core's control plane signs as this.
        service: "iot",
        host: "iot",
        region: None,
        method,
        path,
        headers: Vec::new(),
        body: body.unwrap_or_default(),
    };
    let answered = request.answer(clients).await;
    answered.map_err(|refused| refused.error)
}
