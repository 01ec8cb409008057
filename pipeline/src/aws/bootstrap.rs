//! What CloudFormation has no resource for: the row by which a region is known, and
//! the address of IoT Core. A custom resource each; every request is answered, since
//! a stack waits an hour for an answer that does not come.

use super::{Worlds, iot};
use crate::error::{PipelineError, Source};
use crate::regions::dynamodb::RegionRow;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// How long the answer's upload may take, with its repeats.
const LONGEST_ANSWER: Duration = Duration::from_secs(20);
const ATTEMPTS: usize = 3;
/// CloudFormation takes answers of 4,096 bytes.
const LONGEST_REASON: usize = 1_000;

/// Does what a custom resource's request asks, and answers it to CloudFormation.
pub async fn answer(worlds: &Worlds, request: &Value) -> Result<(), PipelineError> {
    let done = change(worlds, request).await;
    let body = reply(request, &done).to_string();
    let url = request["ResponseURL"].as_str().unwrap_or_default();
    send(url, body).await
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

async fn send(url: &str, body: String) -> Result<(), PipelineError> {
    let failed = |error: reqwest::Error| {
        PipelineError::Transient(format!(
            "CloudFormation was not answered: {}",
            Source::of(error)
        ))
    };
    let client = reqwest::Client::builder()
        .timeout(LONGEST_ANSWER)
        .build()
        .map_err(failed)?;
    let mut result = Ok(());
    for _ in 0..ATTEMPTS {
        // The address is signed for a request without a content type.
        let put = client.put(url).body(body.clone());
        let put = put.header("content-type", "");
        result = match put
            .send()
            .await
            .and_then(reqwest::Response::error_for_status)
        {
            Ok(_) => return Ok(()),
            Err(error) => Err(failed(error)),
        };
    }
    result
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
