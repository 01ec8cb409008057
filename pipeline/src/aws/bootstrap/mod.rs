//! What CloudFormation has no resource for: the row by which a region is known, the
//! address of IoT Core, the first user, the console's files, and a policy that must be
//! attached to nobody when it goes. A custom resource each; every request is answered,
//! since a stack waits an hour for an answer that does not come.

mod console;
mod properties;
mod s3;
pub mod settings;

use crate::clients::http::send;
use crate::clients::{Clients, cognito, iot};
use crate::error::PipelineError;
use crate::regions::dynamodb::{RegionRow, RegionTable};
use crate::store::dynamodb::Table;
use console::Console;
use properties::property;
use serde_json::{Map, Value, json};
use settings::BootstrapSettings;

/// Attempts to answer.
const ATTEMPTS: usize = 3;
/// CloudFormation takes answers of 4,096 bytes.
const LONGEST_REASON: usize = 1_000;

/// What the custom resources are made with.
pub struct Bootstrap {
    /// Of the stack's own region.
    clients: Clients,
    /// The hub's, wherever that is.
    regions: RegionTable,
}

impl Bootstrap {
    /// For a stack.
    pub async fn of(settings: BootstrapSettings) -> Self {
        let hub = Clients::load(&settings.hub).await;
        Self {
            clients: Clients::load(&settings.region).await,
            regions: RegionTable(Table {
                client: hub.dynamodb(),
                name: settings.scenarios_table,
            }),
        }
    }

    /// Does what a custom resource's request asks, and answers it to CloudFormation.
    pub async fn answer(&self, request: &Value) -> Result<(), PipelineError> {
        let done = self.change(request).await;
        let body = reply(request, &done).to_string();
        let url = request["ResponseURL"].as_str().unwrap_or_default();
        upload(url, body).await
    }

    async fn change(&self, request: &Value) -> Result<Map<String, Value>, PipelineError> {
        let properties = request["ResourceProperties"].as_object();
        let properties = properties.cloned().unwrap_or_default();
        let deletes = request["RequestType"] == "Delete";
        let mut data = Map::new();
        match request["ResourceType"].as_str().unwrap_or_default() {
            "Custom::Region" => self.region(&properties, deletes).await?,
            "Custom::IotEndpoint" if !deletes => {
                let host = iot::endpoint(&self.clients).await?;
                data.insert("Host".to_owned(), host.into());
            }
            "Custom::WatchPolicy" => {
                let policy = property(&properties, "PolicyName")?;
                if deletes {
                    iot::detach_policy(&self.clients, policy).await?;
                }
                data.insert("PolicyName".to_owned(), policy.into());
            }
            "Custom::FirstUser" if !deletes => self.first_user(&properties).await?,
            "Custom::Console" => self.console(&properties, deletes).await?,
            // Nothing was made: users are the pool's, and go with it.
            "Custom::IotEndpoint" | "Custom::FirstUser" => {}
            other => {
                return Err(PipelineError::Input(format!(
                    "there is no custom resource {other:?}"
                )));
            }
        }
        Ok(data)
    }

    async fn region(
        &self,
        properties: &Map<String, Value>,
        deletes: bool,
    ) -> Result<(), PipelineError> {
        if deletes {
            // Whatever else is wrong with the properties: a stack must be deletable,
            // and without its name no region was registered.
            return match property(properties, "region") {
                Ok(region) => self.regions.remove(region).await,
                Err(_) => Ok(()),
            };
        }
        self.regions.put(&RegionRow::of(properties)?).await
    }

    /// Done again, as after an answer that was lost, it changes nothing.
    async fn first_user(&self, properties: &Map<String, Value>) -> Result<(), PipelineError> {
        let pool = property(properties, "UserPoolId")?;
        let email = property(properties, "Email")?;
        let group = property(properties, "Group")?;
        cognito::create_user(&self.clients, pool, email).await?;
        cognito::add_to_group(&self.clients, pool, email, group).await
    }

    async fn console(
        &self,
        properties: &Map<String, Value>,
        deletes: bool,
    ) -> Result<(), PipelineError> {
        let client = self.clients.s3();
        if deletes {
            // CloudFormation deletes no bucket with something in it.
            let bucket = property(properties, "Bucket")?;
            return s3::empty(&client, bucket).await;
        }
        Console::of(properties)?.unpack(&client).await
    }
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
