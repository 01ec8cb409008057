//! The API of a CloudFormation stack that is known by its name: where it is, is
//! asked when the first question comes.

use super::api::Api;
use super::aws::Aws;
use super::cloud::Cloud;
use super::settings::{STACK, Settings};
use super::{Ask, Backend, BackendError, Reply};
use async_trait::async_trait;
use serde_json::Value;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// How the keys begin under which DLT's stacks put out where their API is; a
/// hash follows.
const OUTPUT: &str = "DLTApiEndpoint";

/// A stack's API.
pub struct OfStack {
    name: String,
    aws: Arc<Aws>,
    cloud: bool,
    api: OnceCell<Api>,
}

impl OfStack {
    /// Nothing is asked yet; `cloud` says whether AWS is asked for more than
    /// where the API is.
    pub fn new(name: String, cloud: bool) -> Self {
        Self {
            name,
            aws: Arc::default(),
            cloud,
            api: OnceCell::new(),
        }
    }

    /// Its API. What fails is tried again with the next question.
    pub async fn api(&self) -> Result<&Api, BackendError> {
        let found = self.api.get_or_try_init(|| async {
            let url = self.aws.output(&self.name, OUTPUT).await.map_err(|error| {
                let told = |why: &str| {
                    BackendError::NotConfigured(format!("{STACK}: the stack {:?} {why}", self.name))
                };
                match &error {
                    // CloudFormation says so of a stack that is not there.
                    BackendError::Refused(code) if code == "ValidationError" => {
                        told("is not in this account and region")
                    }
                    BackendError::Denied(_) => {
                        told("may not be described: cloudformation:DescribeStacks is needed")
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
            let api = Api::new(Settings::of_api(&url)?)?;
            Ok(api.with_login(self.aws.login()))
        });
        found.await
    }
}

#[async_trait]
impl Backend for OfStack {
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
