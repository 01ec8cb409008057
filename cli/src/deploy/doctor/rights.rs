//! Whether the caller may deploy: IAM's policy simulator is asked, where it may be.

use super::{Finding, State};
use crate::deploy::clients::Aws;

/// What deploying, using and removing dlt takes, an action for each thing done.
const NEEDED: [&str; 22] = [
    "apigateway:POST",
    "cloudformation:CreateChangeSet",
    "cloudformation:DeleteStack",
    "cloudformation:DescribeStacks",
    "cloudformation:ExecuteChangeSet",
    "cognito-idp:CreateUserPool",
    "dynamodb:CreateTable",
    "dynamodb:Scan",
    "ec2:CreateVpc",
    "ec2:DescribeRouteTables",
    "ecr:GetAuthorizationToken",
    "ecr:PutImage",
    "ecs:CreateCluster",
    "ecs:RegisterTaskDefinition",
    "ecs:StopTask",
    "execute-api:Invoke",
    "iam:CreateRole",
    "iam:PassRole",
    "lambda:CreateFunction",
    "logs:CreateLogGroup",
    "s3:PutObject",
    "states:CreateStateMachine",
];

/// Looks at the caller's rights.
pub async fn look(aws: &Aws, arn: &str) -> Finding {
    const WHAT: &str = "rights to deploy";
    // The account's root user may do all, and has no policies.
    if arn.ends_with(":root") {
        return Finding::well(WHAT, "all: this is the account's root user");
    }
    let decisions = match aws.may(arn, &NEEDED).await {
        Ok(decisions) => decisions,
        Err(error) => {
            return Finding::not_well(
                State::Doubtful,
                WHAT,
                format!("cannot be tried: {error}"),
                format!(
                    "iam:SimulatePrincipalPolicy lets dlt try them; deploying needs, among others, {}",
                    NEEDED.join(", ")
                ),
            );
        }
    };
    let denied = decisions.iter().filter(|it| !it.allowed);
    let denied: Vec<&str> = denied.map(|it| it.action.as_str()).collect();
    if denied.is_empty() {
        return Finding::well(
            WHAT,
            format!("{} actions tried, all allowed", decisions.len()),
        );
    }
    Finding::not_well(
        State::Doubtful,
        WHAT,
        format!(
            "denied, or allowed for single resources alone: {}",
            denied.join(", ")
        ),
        "deploying and removing need them; using what is deployed needs execute-api:Invoke and \
         cloudformation:DescribeStacks alone",
    )
}
