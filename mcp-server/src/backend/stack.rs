//! The API of a CloudFormation stack that is known by its name: its address is looked up
//! with the first request.

use super::api::Api;
use super::aws::Aws;
use super::cloud::Cloud;
use super::settings::{STACK, Settings};
use super::{Ask, Backend, BackendError, Reply};
use async_trait::async_trait;
use serde_json::Value;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// Prefix of the output with the API's address in DLT's stacks; a hash follows.
const OUTPUT: &str = "DLTApiEndpoint";

/// A stack's API.
pub struct StackApi {
    name: String,
    aws: Arc<Aws>,
    cloud: bool,
    api: OnceCell<Api>,
}

impl StackApi {
    /// `cloud` says whether AWS is queried for more than the API's address.
    pub fn new(name: String, cloud: bool) -> Self {
        Self {
            name,
            aws: Arc::default(),
            cloud,
            api: OnceCell::new(),
        }
    }

    /// The client of its API. A failed lookup is repeated with the next request.
    async fn api(&self) -> Result<&Api, BackendError> {
        let api = self.api.get_or_try_init(|| async {
            let url = self.aws.output(&self.name, OUTPUT).await.map_err(|error| {
                let of_stack = |why: &str| {
                    BackendError::NotConfigured(format!("{STACK}: the stack {:?} {why}", self.name))
                };
                match &error {
                    // CloudFormation's code for a stack that does not exist.
                    BackendError::Refused(code) if code == "ValidationError" => {
                        of_stack("is not in this account and region")
                    }
                    BackendError::Denied(_) => {
                        of_stack("may not be described: cloudformation:DescribeStacks is needed")
                    }
                    _ => error,
                }
            })?;
            let url = url.ok_or_else(|| {
                BackendError::NotConfigured(format!(
                    "{STACK}: the stack {:?} has no output {OUTPUT}…: is it DLT's?",
                    self.name
                ))
            })?;
            let api = Api::new(Settings::of_stack(&url)?)?;
            Ok(api.with_credentials(self.aws.credentials()))
        });
        api.await
    }
}

#[async_trait]
impl Backend for StackApi {
    async fn get(&self, ask: &Ask) -> Result<Value, BackendError> {
        self.api().await?.get(ask).await
    }

    async fn raw(&self, ask: &Ask) -> Result<Reply, BackendError> {
        self.api().await?.raw(ask).await
    }

    fn cloud(&self) -> Option<&dyn Cloud> {
        self.cloud.then_some(self.aws.as_ref())
    }
}
