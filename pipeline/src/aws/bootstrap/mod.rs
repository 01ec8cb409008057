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
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Attempts to answer.
const ATTEMPTS: usize = 3;
/// For how long a change is tried again that a busy service or a role too new to have its
/// rights refused: with one more attempt it stays within a custom resource's shortest
/// time, 120 s.
const LONGEST_TRYING: Duration = Duration::from_secs(75);
/// The first pause before a change is tried again; each next one is twice as long, up to
/// the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
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
        let done = tried_again(async || self.change(request).await).await;
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
                let policy = property(&properties, "PolicyName");
                match policy {
                    Ok(policy) if deletes => {
                        iot::detach_policy(&self.clients, policy).await?;
                    }
                    // It was never made: there is nothing to take from anybody.
                    Err(_) if deletes => {}
                    policy => {
                        data.insert("PolicyName".to_owned(), policy?.into());
                    }
                }
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
            return match property(properties, "Bucket") {
                // CloudFormation deletes no bucket with something in it.
                Ok(bucket) => s3::empty(&client, bucket).await,
                // None was filled.
                Err(_) => Ok(()),
            };
        }
        Console::of(properties)?.unpack(&client).await
    }
}

/// Does a change that leaves the same when it is done again, until it is done or what
/// stands in its way does not pass.
async fn tried_again<T>(
    change: impl AsyncFn() -> Result<T, PipelineError>,
) -> Result<T, PipelineError> {
    let (began, mut pause) = (Instant::now(), FIRST_PAUSE);
    loop {
        match change().await {
            Err(error) if passes(&error) && began.elapsed() + pause < LONGEST_TRYING => {
                sleep(pause).await;
                pause = LONGEST_PAUSE.min(pause * 2);
            }
            done => return done,
        }
    }
}

/// Whether the same may work in some seconds: the rights of this function's role are made
/// with the stack, just before the resource.
fn passes(error: &PipelineError) -> bool {
    error.may_pass() || matches!(error, PipelineError::Denied(_))
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

    async fn bootstrap() -> Bootstrap {
        let get = |name: &str| match name {
            "AWS_REGION" => Some("eu-west-1".to_owned()),
            "DLT_SCENARIOS_TABLE" => Some("scenarios".to_owned()),
            _ => None,
        };
        Bootstrap::of(BootstrapSettings::read(get).unwrap()).await
    }

    #[tokio::test]
    async fn what_was_never_made_is_deleted_without_its_properties() {
        let bootstrap = bootstrap().await;
        for kind in [
            "Region",
            "IotEndpoint",
            "WatchPolicy",
            "FirstUser",
            "Console",
        ] {
            let mut request = json!({
                "RequestType": "Delete",
                "ResourceType": format!("Custom::{kind}"),
                "ResourceProperties": { "ServiceToken": "arn" },
            });
            bootstrap.change(&request).await.unwrap();
            request["ResourceProperties"] = Value::Null;
            bootstrap.change(&request).await.unwrap();
        }
        for (kind, missing) in [("WatchPolicy", "PolicyName"), ("Console", "ArtifactBucket")] {
            let request = json!({
                "RequestType": "Create",
                "ResourceType": format!("Custom::{kind}"),
                "ResourceProperties": {},
            });
            let error = bootstrap.change(&request).await.unwrap_err().to_string();
            assert!(error.contains(missing), "{error}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_passes_is_tried_again_within_the_functions_time() {
        let refusal = |kind: usize| match kind % 3 {
            0 => PipelineError::Denied("no right yet".to_owned()),
            1 => PipelineError::Throttled("busy".to_owned()),
            _ => PipelineError::Transient("no answer".to_owned()),
        };
        let attempts = std::cell::Cell::new(0);
        let done = tried_again(async || {
            attempts.set(attempts.get() + 1);
            match attempts.get() {
                5 => Ok(attempts.get()),
                attempt => Err(refusal(attempt)),
            }
        });
        assert_eq!(done.await, Ok(5));
        let began = Instant::now();
        let refused = tried_again(async || Err::<(), _>(refusal(0))).await;
        assert_eq!(refused, Err(refusal(0)));
        let took = began.elapsed();
        assert!(
            took > LONGEST_TRYING / 2 && took < LONGEST_TRYING,
            "{took:?}"
        );
        // What does not pass is told at once.
        let began = Instant::now();
        let wrong = PipelineError::Input("no such property".to_owned());
        let refused = tried_again(async || Err::<(), _>(wrong.clone())).await;
        assert_eq!((refused, began.elapsed()), (Err(wrong), Duration::ZERO));
    }

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
