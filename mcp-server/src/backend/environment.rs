//! The backend that the environment's variables name: an API by its address, or the
//! API of a CloudFormation stack.

use super::api::Api;
use super::settings::{self, ApiLocation};
use super::stack_name::StackName;
use super::{Backend, BackendError, Unconfigured};
use std::sync::Arc;

/// The backend of this process's environment. If variables are missing or wrong, every
/// request to it fails with that error.
pub fn from_env() -> Arc<dyn Backend> {
    let backend = from_variables(|name| std::env::var(name).ok());
    backend.unwrap_or_else(|error| Arc::new(Unconfigured(error)))
}

/// The backend that these variables name.
pub fn from_variables(
    get: impl Fn(&str) -> Option<String>,
) -> Result<Arc<dyn Backend>, BackendError> {
    let cloud = settings::cloud_enabled(&get)?;
    check_features(&get)?;
    Ok(match ApiLocation::from_variables(get)? {
        ApiLocation::Address(settings) => Arc::new(with_cloud(Api::new(settings)?, cloud)),
        ApiLocation::Stack(name) => stack_api(name, cloud)?,
    })
}

#[cfg(feature = "aws")]
fn stack_api(name: StackName, cloud: bool) -> Result<Arc<dyn Backend>, BackendError> {
    Ok(Arc::new(super::stack::StackApi::new(name, cloud)))
}

#[cfg(not(feature = "aws"))]
fn stack_api(_: StackName, _: bool) -> Result<Arc<dyn Backend>, BackendError> {
    Err(BackendError::NotConfigured(format!(
        "{} needs the feature aws, without which this program was built: set {}",
        settings::STACK,
        settings::URL
    )))
}

#[cfg(feature = "aws")]
fn with_cloud(api: Api, cloud: bool) -> Api {
    if !cloud {
        return api;
    }
    let aws = super::aws::Aws::default();
    api.with_credentials(aws.credentials())
        .with_cloud(Arc::new(aws))
}

#[cfg(not(feature = "aws"))]
fn with_cloud(api: Api, _: bool) -> Api {
    api
}

/// Checks that this program was built with what the variables ask for.
fn check_features(get: impl Fn(&str) -> Option<String>) -> Result<(), BackendError> {
    let on = get(settings::CLOUD).is_some_and(|value| value.trim() == "on");
    if on && cfg!(not(feature = "aws")) {
        return Err(BackendError::NotConfigured(format!(
            "{} is on, but this program was built without the feature aws",
            settings::CLOUD
        )));
    }
    Ok(())
}
