//! `dlt doctor --aws`: looks at a deployed hub from outside and says of each thing whether
//! it is well and, if not, what to do. It changes nothing, but for `--stop-orphans`.

mod networks;
mod orphans;
mod rights;

use super::clients::Aws;
use super::clients::cloudformation::Stack;
use super::clients::dynamodb::RegisteredRegion;
use super::naming::{HubName, VERSION};
use super::parameters::check_version;
use crate::args::DoctorArgs;
use crate::client::place::ServerName;
use crate::client::{ApiOptions, Client};
use crate::doctor::findings::told;
pub use crate::doctor::findings::{Finding, State};
use crate::draft::{self, capacity, free};
use crate::exit::Exit;
use crate::output::Output;
use crate::units;
use dlt_core::calls::answers::StackInfo;

/// Looks at everything, and tells it.
pub async fn doctor(output: Output, name: &HubName, args: &DoctorArgs) -> Exit {
    let mut findings = Vec::new();
    look(&mut findings, name, args).await;
    told(output, &findings, args.json)
}

/// Looks at one thing after the other, until one is missing that all others need.
async fn look(findings: &mut Vec<Finding>, name: &HubName, args: &DoctorArgs) {
    let caller = async {
        let aws = Aws::load(name.region.as_deref()).await?;
        let caller = aws.caller().await?;
        Ok::<_, super::error::DeployError>((aws, caller))
    };
    let (aws, caller) = match caller.await {
        Ok(found) => found,
        Err(error) => {
            findings.push(Finding::not_well(
                State::Broken,
                "credentials",
                error.to_string(),
                "log in as for AWS's own tools: aws sso login, or AWS_PROFILE",
            ));
            return;
        }
    };
    let seen = format!("account {}, {}", caller.account, caller.arn);
    findings.push(Finding::well("credentials", seen));
    findings.push(rights::look(&aws, &caller.arn).await);
    let hub = match name.hub(&aws).await {
        Ok(hub) => hub,
        Err(error) => {
            findings.push(Finding::not_well(
                State::Broken,
                format!("hub {} in {}", name.name, aws.region),
                error.to_string(),
                "dlt deploy hub makes it; --stack NAME@AWS-REGION names another one",
            ));
            return;
        }
    };
    findings.push(stack(
        &format!("hub {} in {}", hub.name, aws.region),
        &hub,
        "hub",
    ));
    let client = api_answers(findings, &format!("{}@{}", hub.name, aws.region)).await;
    let regions = match hub.outputs.get("ScenariosTable") {
        Some(table) => aws.registered_regions(table).await,
        None => Ok(Vec::new()),
    };
    match regions {
        Ok(regions) => {
            look_at_regions(findings, &aws, name, client.as_ref(), &regions, args).await;
        }
        Err(error) => findings.push(Finding::not_well(
            State::Doubtful,
            "regions",
            error.to_string(),
            "these credentials need dynamodb:Scan on the table of scenarios",
        )),
    }
}

/// A stack's status and version.
fn stack(what: &str, stack: &Stack, kind: &str) -> Finding {
    let version = stack
        .parameters
        .get("DltVersion")
        .map_or("", String::as_str);
    let seen = format!("{}, dlt {version}", stack.status);
    let not_well = |state, seen: String, todo: String| Finding::not_well(state, what, seen, todo);
    match &*stack.status {
        "CREATE_COMPLETE" | "UPDATE_COMPLETE" if version == VERSION => Finding::well(what, seen),
        _ if check_version(Some(stack)).is_err() => not_well(
            State::Doubtful,
            format!("{seen}; this command is {VERSION}"),
            "it was deployed by a newer dlt: use that one".to_owned(),
        ),
        "CREATE_COMPLETE" | "UPDATE_COMPLETE" => not_well(
            State::Doubtful,
            format!("{seen}; this command is {VERSION}"),
            format!("dlt deploy {kind} brings it to {VERSION}"),
        ),
        "UPDATE_ROLLBACK_COMPLETE" => not_well(
            State::Doubtful,
            format!("{seen}: an update was taken back, it is as before"),
            format!("dlt deploy {kind} tries again, and says what fails"),
        ),
        "UPDATE_ROLLBACK_FAILED" => not_well(
            State::Broken,
            format!("{seen}: {}", stack.reason),
            format!(
                "mend that, then aws cloudformation continue-update-rollback --stack-name {}",
                stack.name
            ),
        ),
        status if status.ends_with("IN_PROGRESS") => not_well(
            State::Doubtful,
            seen,
            "look again when it is done".to_owned(),
        ),
        _ => not_well(
            State::Broken,
            format!("{seen}: {}", stack.reason),
            format!("dlt deploy {kind} mends it"),
        ),
    }
}

/// Whether the API answers; its client, if it does.
async fn api_answers(findings: &mut Vec<Finding>, stack: &str) -> Option<Client> {
    let api = ApiOptions {
        server: ServerName::Stack(stack.to_owned()),
        ..ApiOptions::default()
    };
    let asked = async {
        let client = api.client().await?;
        let info: StackInfo = client.read("/stack-info", &[]).await?;
        Ok::<_, crate::client::ClientError>((client, info))
    };
    match asked.await {
        Ok((client, info)) => {
            let version = info.dlt_version.unwrap_or_default();
            findings.push(Finding::well("API", format!("answers, dlt {version}")));
            Some(client)
        }
        Err(error) => {
            findings.push(Finding::not_well(
                State::Broken,
                "API",
                error.to_string(),
                "these credentials need execute-api:Invoke; the log of the function api says more",
            ));
            None
        }
    }
}

async fn look_at_regions(
    findings: &mut Vec<Finding>,
    home: &Aws,
    hub: &HubName,
    client: Option<&Client>,
    regions: &[RegisteredRegion],
    args: &DoctorArgs,
) {
    if regions.is_empty() {
        findings.push(Finding::not_well(
            State::Broken,
            "regions",
            "none is registered: there is nowhere to run",
            "dlt deploy hub registers its own region again",
        ));
    }
    let room = match client {
        Some(client) => draft::regions(client).await.unwrap_or_else(|error| {
            findings.push(Finding::not_well(
                State::Doubtful,
                "room",
                error.to_string(),
                "the API reads the account's quota: the log of the function api says more",
            ));
            Vec::new()
        }),
        None => Vec::new(),
    };
    for row in regions {
        let aws = home.in_region(&row.region);
        if row.region != home.region {
            findings.push(region_stack(&aws, hub, row).await);
        }
        if let Some((_, vcpus)) = room.iter().find(|(name, _)| name.as_str() == row.region) {
            findings.push(quota(&row.region, capacity(vcpus), free(vcpus)));
        }
        findings.push(networks::look(&aws, row).await);
        findings.extend(orphans::look(&aws, client, row, args.stop_orphans).await);
    }
}

async fn region_stack(aws: &Aws, hub: &HubName, row: &RegisteredRegion) -> Finding {
    let what = format!("region {}", row.region);
    match aws.stack(&hub.region_stack()).await {
        Ok(Some(found)) => stack(&what, &found, &format!("region {}", row.region)),
        Ok(None) => Finding::not_well(
            State::Broken,
            what,
            format!(
                "is registered, but there is no stack {} there",
                hub.region_stack()
            ),
            format!("dlt deploy region {}", row.region),
        ),
        Err(error) => Finding::not_well(
            State::Doubtful,
            what,
            error.to_string(),
            "these credentials need cloudformation:DescribeStacks there",
        ),
    }
}

fn quota(region: &str, capacity: u64, free: u64) -> Finding {
    let what = format!("room in {region}");
    let seen = format!(
        "{} of {} runners",
        units::count(free),
        units::count(capacity)
    );
    if free > 0 {
        return Finding::well(what, seen);
    }
    Finding::not_well(
        State::Doubtful,
        what,
        seen,
        "what runs there must end first, or Service Quotas, Fargate vCPUs (L-3032A538), be raised",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_of_another_version_is_told() {
        let of = |status: &str, version: &str| {
            let made = Stack {
                status: status.to_owned(),
                parameters: [("DltVersion".to_owned(), version.to_owned())].into(),
                ..Stack::default()
            };
            let found = stack("hub", &made, "hub");
            assert_eq!(found.todo.is_none(), found.state == State::Well);
            (found.state, found.todo.unwrap_or_default())
        };
        assert_eq!(of("CREATE_COMPLETE", VERSION).0, State::Well);
        for (status, version, state, todo) in [
            ("UPDATE_COMPLETE", "0.0.1", State::Doubtful, "brings it to"),
            ("UPDATE_COMPLETE", "99.0.0", State::Doubtful, "use that one"),
            ("UPDATE_IN_PROGRESS", VERSION, State::Doubtful, "look again"),
            (
                "UPDATE_ROLLBACK_COMPLETE",
                VERSION,
                State::Doubtful,
                "tries again",
            ),
            (
                "UPDATE_ROLLBACK_FAILED",
                VERSION,
                State::Broken,
                "continue-update-rollback",
            ),
            ("DELETE_FAILED", VERSION, State::Broken, "mends it"),
        ] {
            let found = of(status, version);
            assert_eq!(found.0, state, "{status}");
            assert!(found.1.contains(todo), "{status}: {}", found.1);
        }
    }
}
