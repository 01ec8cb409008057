//! The API of a CloudFormation stack that is known by its name: where it is, and why that
//! is not known. The stack's outputs say it; they are read by `aws`.

use super::api::Api;
use super::aws::{Aws, DescribedStack};
use super::cloud::Cloud;
use super::credentials::CredentialCache;
use super::settings::{Settings, region_of};
use super::stack_name::StackName;
use super::{Ask, Backend, BackendError, Reply};
use async_trait::async_trait;
use dlt_core::safety::leads_to_loopback;
use serde_json::Value;
use std::sync::Arc;
use tokio::sync::OnceCell;
use url::Url;

/// Prefix of the output with the API's address in DLT's stacks; a hash follows.
const OUTPUT: &str = "DLTApiEndpoint";
/// A parameter that a region's stack has, and a hub's has not.
const HUB_REGION: &str = "HubRegion";
/// Codes of AWS for credentials that it does not take.
const BAD_CREDENTIALS: [&str; 6] = [
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "SignatureDoesNotMatch",
    "IncompleteSignature",
    "ExpiredToken",
    "ExpiredTokenException",
];

/// Why a stack's API is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StackError {
    /// No region was named, and AWS's tools are set to none.
    #[error(
        "the AWS region of the stack {0:?} is not known: write {0}@AWS-REGION, or set AWS_REGION"
    )]
    NoRegion(String),
    /// CloudFormation has no such stack.
    #[error(
        "there is no stack {stack:?} in {region}{who}: is it in another region (NAME@AWS-REGION) \
         or account (AWS_PROFILE)?"
    )]
    NotFound {
        /// The stack.
        stack: String,
        /// Where it was looked for.
        region: String,
        /// With whose credentials, as a clause; may be empty.
        who: String,
    },
    /// The stack has no API yet, or not any more.
    #[error(
        "the stack {stack:?} in {region} is in the state {status} and has no API: try again when \
         it is complete, or look at its events in CloudFormation"
    )]
    NotReady {
        /// The stack.
        stack: String,
        /// Its region.
        region: String,
        /// Its status.
        status: String,
    },
    /// The stack is a region's, which has no API.
    #[error(
        "the stack {stack:?} in {region} only adds that region to a hub in {hub}: name the hub's \
         stack (NAME@{hub})"
    )]
    OfRegion {
        /// The stack.
        stack: String,
        /// Its region.
        region: String,
        /// The hub's region.
        hub: String,
    },
    /// The stack is another program's.
    #[error("the stack {stack:?} in {region} has no output {OUTPUT}…: it is not dlt's")]
    NotDlt {
        /// The stack.
        stack: String,
        /// Its region.
        region: String,
    },
    /// The output is not an address to which a request may be sent.
    #[error("the API of the stack {stack:?} cannot be asked: {why}")]
    Address {
        /// The stack.
        stack: String,
        /// What is wrong with its address.
        why: String,
    },
    /// The credentials have too few rights.
    #[error(
        "the stack {stack:?} in {region} may not be described{who}: these credentials need \
         cloudformation:DescribeStacks"
    )]
    Denied {
        /// The stack.
        stack: String,
        /// Its region.
        region: String,
        /// With whose credentials, as a clause; may be empty.
        who: String,
    },
    /// AWS does not take the credentials.
    #[error(
        "AWS does not accept these credentials{who} ({code}): log in again (aws sso login), or \
         choose others (AWS_PROFILE)"
    )]
    Credentials {
        /// AWS's code.
        code: String,
        /// Whose they are, as a clause; may be empty.
        who: String,
    },
    /// Anything else: no credentials, no connection, throttling.
    #[error("the stack {stack:?} cannot be looked up: {}", words(.why))]
    Lookup {
        /// The stack.
        stack: String,
        /// What happened.
        why: BackendError,
    },
}

impl StackError {
    /// Whether another name would help, rather than other circumstances.
    pub fn is_of_the_name(&self) -> bool {
        matches!(
            self,
            Self::NoRegion(_) | Self::NotFound { .. } | Self::OfRegion { .. } | Self::NotDlt { .. }
        )
    }

    fn to_backend(&self) -> BackendError {
        match self {
            // These may pass, and are told as what they are.
            Self::Lookup { why, .. } => why.clone(),
            _ => BackendError::NotConfigured(self.to_string()),
        }
    }
}

/// An error of CloudFormation in words: those of [`BackendError`] are the API's.
fn words(error: &BackendError) -> String {
    match error {
        BackendError::Throttled => "CloudFormation is throttling; try again in a moment".to_owned(),
        BackendError::Timeout => "CloudFormation did not answer in time".to_owned(),
        BackendError::Refused(code) => format!("CloudFormation refused ({code})"),
        BackendError::Unreachable(why) => format!("no connection to CloudFormation: {why}"),
        other => other.to_string(),
    }
}

/// The API of a stack, and with what it is asked.
#[derive(Debug, Clone)]
pub struct FoundApi {
    /// Address and authentication.
    pub settings: Settings,
    /// The AWS region that requests are signed for.
    pub region: String,
    /// The credentials with which the stack was found.
    pub credentials: Arc<CredentialCache>,
}

/// Finds the API of a stack.
pub async fn find(stack: &StackName, aws: &Aws) -> Result<FoundApi, StackError> {
    let lookup = |why: BackendError| StackError::Lookup {
        stack: stack.name.clone(),
        why,
    };
    let region = match &stack.region {
        Some(region) => region.clone(),
        None => {
            let configured = aws.region().await.map_err(lookup)?;
            configured.ok_or_else(|| StackError::NoRegion(stack.name.clone()))?
        }
    };
    let described = match aws.describe_stack(&stack.name, &region).await {
        Ok(described) => described,
        Err(error) => return Err(refused(stack, &region, &aws.who().await, error)),
    };
    let url = described.api(stack, &region)?;
    let endpoint = aws.endpoint().await.map_err(lookup)?;
    let base = reachable(&url, endpoint.as_deref());
    // The API's own region, should its stack have been moved behind another name.
    let region = Url::parse(&url).ok().and_then(|url| region_of(&url));
    let region = region.unwrap_or(described.region);
    let settings = Settings::of_stack(&base, &region).map_err(|why| StackError::Address {
        stack: stack.name.clone(),
        why,
    })?;
    Ok(FoundApi {
        settings,
        region,
        credentials: aws.credentials(),
    })
}

fn refused(stack: &StackName, region: &str, who: &str, error: BackendError) -> StackError {
    let (name, region, who) = (stack.name.clone(), region.to_owned(), who.to_owned());
    match error {
        // CloudFormation's code for a stack that does not exist.
        BackendError::Refused(code) if code == "ValidationError" => StackError::NotFound {
            stack: name,
            region,
            who,
        },
        BackendError::Refused(code) if BAD_CREDENTIALS.contains(&code.as_str()) => {
            StackError::Credentials { code, who }
        }
        BackendError::Denied(_) => StackError::Denied {
            stack: name,
            region,
            who,
        },
        why => StackError::Lookup { stack: name, why },
    }
}

impl DescribedStack {
    /// The address in its outputs.
    fn api(&self, stack: &StackName, region: &str) -> Result<String, StackError> {
        let (name, region) = (stack.name.clone(), region.to_owned());
        let output = self.outputs.iter().find(|row| row.0.starts_with(OUTPUT));
        if let Some((_, url)) = output {
            return Ok(url.clone());
        }
        let hub = self.parameters.iter().find(|row| row.0 == HUB_REGION);
        Err(match hub {
            Some((_, hub)) => StackError::OfRegion {
                stack: name,
                region,
                hub: hub.clone(),
            },
            // One that was created and then updated keeps its outputs.
            None if !matches!(self.status.as_str(), "CREATE_COMPLETE" | "UPDATE_COMPLETE") => {
                StackError::NotReady {
                    stack: name,
                    region,
                    status: self.status.clone(),
                }
            }
            None => StackError::NotDlt {
                stack: name,
                region,
            },
        })
    }
}

/// The address at which an API is asked. Where AWS is an emulator on this machine
/// (`AWS_ENDPOINT_URL`), the host of an API Gateway leads nowhere: its APIs are below
/// `/restapis`.
fn reachable(url: &str, endpoint: Option<&str>) -> String {
    let rewritten = || {
        let endpoint = endpoint?.trim_end_matches('/');
        let is_emulator = leads_to_loopback(&Url::parse(endpoint).ok()?) == Some(true);
        let parsed = Url::parse(url).ok()?;
        region_of(&parsed)?;
        let (id, _) = parsed.host_str()?.split_once('.')?;
        let stage = parsed.path().trim_matches('/');
        is_emulator.then(|| format!("{endpoint}/restapis/{id}/{stage}/_user_request_"))
    };
    rewritten().unwrap_or_else(|| url.to_owned())
}

/// A stack's API.
pub struct StackApi {
    stack: StackName,
    aws: Arc<Aws>,
    cloud: bool,
    api: OnceCell<Api>,
}

impl StackApi {
    /// `cloud` says whether AWS is queried for more than the API's address.
    pub fn new(stack: StackName, cloud: bool) -> Self {
        Self {
            stack,
            aws: Arc::default(),
            cloud,
            api: OnceCell::new(),
        }
    }

    /// The client of its API. A failed lookup is repeated with the next request.
    async fn api(&self) -> Result<&Api, BackendError> {
        let api = self.api.get_or_try_init(|| async {
            let found = find(&self.stack, &self.aws).await;
            let found = found.map_err(|error| error.to_backend())?;
            let api = Api::new(found.settings)?;
            Ok(api.with_credentials(found.credentials))
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

#[cfg(test)]
mod tests {
    use super::*;

    const API: &str = "https://a1b2c3d4.execute-api.eu-west-1.amazonaws.com/prod";

    #[test]
    fn an_emulator_s_apis_are_below_its_own_address() {
        let emulator = "http://127.0.0.1:4566/restapis/a1b2c3d4/prod/_user_request_";
        assert_eq!(reachable(API, Some("http://127.0.0.1:4566/")), emulator);
        assert_eq!(reachable(API, None), API);
        // A VPC endpoint or a proxy of AWS is none of an emulator.
        assert_eq!(reachable(API, Some("https://vpce.example.com")), API);
        let played = "http://127.0.0.1:81/prod";
        assert_eq!(reachable(played, Some("http://127.0.0.1:81")), played);
    }

    #[test]
    fn a_stack_without_an_api_says_what_it_is() {
        let stack = StackName::parse("load").unwrap();
        let api = |status: &str, outputs: &[(&str, &str)], parameters: &[(&str, &str)]| {
            let owned = |rows: &[(&str, &str)]| {
                let rows = rows.iter();
                rows.map(|row| (row.0.to_owned(), row.1.to_owned()))
                    .collect()
            };
            let described = DescribedStack {
                region: "eu-west-1".to_owned(),
                status: status.to_owned(),
                outputs: owned(outputs),
                parameters: owned(parameters),
            };
            described.api(&stack, "eu-west-1")
        };
        let done = "CREATE_COMPLETE";
        let outputs = [("Bucket", "b"), ("DLTApiEndpointD98B09AC", API)];
        assert_eq!(api(done, &outputs, &[]).unwrap(), API);
        let of_region = api(done, &[], &[("HubRegion", "us-east-1")]).unwrap_err();
        assert!(of_region.to_string().contains("NAME@us-east-1"));
        let coming = api("CREATE_IN_PROGRESS", &[], &[]).unwrap_err();
        assert!(!coming.is_of_the_name() && coming.to_string().contains("CREATE_IN_PROGRESS"));
        let strange = api(done, &[("Bucket", "b")], &[]).unwrap_err();
        assert!(strange.is_of_the_name() && strange.to_string().contains("not dlt's"));
    }

    #[test]
    fn refusals_of_cloudformation_are_told_by_what_to_do() {
        let stack = StackName::parse("load").unwrap();
        let refuse = |error| {
            let error = refused(&stack, "eu-west-1", " with the profile dev", error);
            (error.is_of_the_name(), error.to_string())
        };
        for (error, of_the_name, says) in [
            (
                BackendError::Refused("ValidationError".to_owned()),
                true,
                "no stack \"load\" in eu-west-1 with the profile dev",
            ),
            (
                BackendError::Denied(403),
                false,
                "cloudformation:DescribeStacks",
            ),
            (
                BackendError::Refused("ExpiredToken".to_owned()),
                false,
                "aws sso login",
            ),
            (BackendError::Throttled, false, "throttling"),
        ] {
            let (is, text) = refuse(error);
            assert_eq!(is, of_the_name, "{text}");
            assert!(text.contains(says), "{text}");
        }
    }
}
