//! The server of a CloudFormation stack. Where its API is and with which credentials it is
//! asked, is found by `dlt_mcp`; here it becomes a server, or an error of the command.

use super::ClientError;
#[cfg(feature = "aws")]
use super::auth::Auth;
use super::remote::Remote;

/// The server of a stack, `NAME` or `NAME@AWS-REGION`.
#[cfg(feature = "aws")]
pub async fn remote(stack: &str) -> Result<Remote, ClientError> {
    use dlt_mcp::backend::aws::Aws;
    use dlt_mcp::backend::sigv4::Signer;
    use dlt_mcp::backend::stack::find;
    use dlt_mcp::backend::stack_name::StackName;

    let stack = StackName::parse(stack)
        .map_err(|why| ClientError::Input(format!("--stack (DLT_STACK_NAME): {why}")))?;
    let found = find(&stack, &Aws::default()).await;
    let found = found.map_err(|error| match error.is_of_the_name() {
        true => ClientError::Input(error.to_string()),
        false => ClientError::Credentials(error.to_string()),
    })?;
    let signer = Signer::new(found.credentials, found.region);
    Remote::new(
        found.settings.base.as_str(),
        Auth::Signature(Box::new(signer)),
    )
}

/// This build cannot ask AWS.
#[cfg(not(feature = "aws"))]
pub async fn remote(_: &str) -> Result<Remote, ClientError> {
    Err(ClientError::Input(
        "--stack (DLT_STACK_NAME) asks AWS, and this dlt was built without that; take a released \
         dlt, or build it with cargo build --release --features aws"
            .to_owned(),
    ))
}
