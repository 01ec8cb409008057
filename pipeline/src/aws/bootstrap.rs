//! What CloudFormation has no resource for: the row by which a region is known, and
//! the address of IoT Core. A custom resource each; every request is answered, since
//! a stack waits an hour for an answer that does not come.

use super::Worlds;
use crate::clients::http::send;
use crate::clients::iot;
use crate::error::PipelineError;
use crate::regions::dynamodb::RegionRow;
use serde_json::{Map, Value, json};

/// Attempts to answer.
const ATTEMPTS: usize = 3;
/// CloudFormation takes answers of 4,096 bytes.
const LONGEST_REASON: usize = 1_000;

/// Does what a custom resource's request asks, and answers it to CloudFormation.
pub async fn answer(worlds: &Worlds, request: &Value) -> Result<(), PipelineError> {
    let done = change(worlds, request).await;
    let body = reply(request, &done).to_string();
    let url = request["ResponseURL"].as_str().unwrap_or_default();
    upload(url, body).await
}

/// The answer's body.
fn reply(request: &Value, done: &Result<Map<String, Value>, PipelineError>) -> Value {
    let field = |name: &str| request[name].as_str().unwrap_or_default();
    let id = match field("PhysicalResourceId") {
        "" => field("LogicalResourceId"),
        id => id,
    };
    let mut reply = json!({
        "PhysicalResourceId": id,
        "StackId": field("StackId"),
        "RequestId": field("RequestId"),
        "LogicalResourceId": field("LogicalResourceId"),
    });
    match done {
        Ok(data) => {
            reply["Status"] = "SUCCESS".into();
            reply["Data"] = Value::Object(data.clone());
        }
        Err(error) => {
            let reason: String = error.to_string().chars().take(LONGEST_REASON).collect();
            reply["Status"] = "FAILED".into();
            reply["Reason"] = reason.into();
        }
    }
    reply
}

async fn change(worlds: &Worlds, request: &Value) -> Result<Map<String, Value>, PipelineError> {
    let properties = request["ResourceProperties"].as_object();
    let properties = properties.cloned().unwrap_or_default();
    let deletes = request["RequestType"] == "Delete";
    let mut data = Map::new();
    match request["ResourceType"].as_str().unwrap_or_default() {
        "Custom::Region" => {
            let row = RegionRow::of(&properties)?;
            if deletes {
                worlds.region_table().remove(&row.info.region).await?;
            } else {
                worlds.region_table().put(&row).await?;
            }
        }
        "Custom::IotEndpoint" if !deletes => {
            let host = iot::endpoint(worlds.clients()).await?;
            data.insert("Host".to_owned(), host.into());
        }
        "Custom::IotEndpoint" => {}
        other => {
            return Err(PipelineError::Input(format!(
                "there is no custom resource {other:?}"
            )));
        }
    }
    Ok(data)
}

/// Uploads an answer, and again if that fails.
async fn upload(url: &str, body: String) -> Result<(), PipelineError> {
    // The address is signed for a request without a content type.
    let headers = [("content-type".to_owned(), String::new())];
    let mut failure = None;
    for _ in 0..ATTEMPTS {
        match send("PUT", url, &headers, body.clone()).await {
            Ok((200..300, _)) => return Ok(()),
            Ok((status, _)) => failure = Some(format!("status {status}")),
            Err(error) => failure = Some(error.to_string()),
        }
    }
    Err(PipelineError::Transient(format!(
        "CloudFormation was not answered: {}",
        failure.unwrap_or_default()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_and_keeps_its_resource() {
        let request = json!({
            "RequestId": "r", "StackId": "s", "LogicalResourceId": "Region",
            "PhysicalResourceId": "p",
        });
        let failed = reply(&request, &Err(PipelineError::Input("no".repeat(9_000))));
        assert_eq!(
            (&failed["Status"], &failed["PhysicalResourceId"]),
            (&json!("FAILED"), &json!("p"))
        );
        assert!(failed.to_string().len() < 4_096);
        let made = reply(&json!({ "LogicalResourceId": "Region" }), &Ok(Map::new()));
        assert_eq!(
            (&made["Status"], &made["PhysicalResourceId"]),
            (&json!("SUCCESS"), &json!("Region"))
        );
    }
}
