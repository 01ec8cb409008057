//! Whether a region's runners can reach their targets, their image and their bucket: what
//! the default route of their subnets leads to.

use super::{Finding, State};
use crate::deploy::clients::Aws;
use crate::deploy::clients::dynamodb::RegisteredRegion;
use crate::deploy::clients::signed::RouteTable;
use crate::deploy::error::DeployError;

/// Looks at the subnets of a region.
pub async fn look(aws: &Aws, row: &RegisteredRegion) -> Finding {
    let what = format!("network in {}", row.region);
    let asked = async {
        let tables = aws.route_tables().await?;
        let vpcs = aws.vpcs_of(&row.subnets).await?;
        Ok::<_, DeployError>((tables, vpcs))
    };
    match asked.await {
        Ok((tables, vpcs)) => judge(what, row, &tables, &vpcs),
        Err(error) => Finding::not_well(
            State::Doubtful,
            what,
            error.to_string(),
            "these credentials need ec2:DescribeRouteTables and ec2:DescribeSubnets there",
        ),
    }
}

fn judge(
    what: String,
    row: &RegisteredRegion,
    tables: &[RouteTable],
    vpcs: &[(String, String)],
) -> Finding {
    for subnet in &row.subnets {
        let Some((_, vpc)) = vpcs.iter().find(|(id, _)| id == subnet) else {
            return Finding::not_well(
                State::Broken,
                what,
                format!("{subnet} does not exist"),
                "deploy again with --vpc and --subnets that do",
            );
        };
        // A subnet without a table of its own has its VPC's main one.
        let own = tables.iter().find(|table| table.subnets.contains(subnet));
        let main = || {
            tables
                .iter()
                .find(|table| table.is_main && table.vpc == *vpc)
        };
        let route = own
            .or_else(main)
            .and_then(|table| table.default_route.as_deref());
        let todo = "give its route table a default route, or use other subnets: --vpc, --subnets";
        match (row.public_addresses, route) {
            (true, Some(route)) if route.starts_with("igw-") => {}
            (false, Some(route)) if !route.starts_with("igw-") => {}
            (true, other) => {
                let leads = other.unwrap_or("nowhere");
                return Finding::not_well(
                    State::Broken,
                    what,
                    format!(
                        "runners get public addresses, but {subnet}'s default route leads to {leads}, \
                         not to an internet gateway: they cannot reach anything"
                    ),
                    todo,
                );
            }
            (false, Some(_)) => {
                return Finding::not_well(
                    State::Doubtful,
                    what,
                    format!(
                        "runners get no public addresses, and {subnet}'s default route leads to an \
                         internet gateway, which serves public addresses alone: they reach targets in \
                         their own network only"
                    ),
                    "VPC endpoints for S3, ECR and CloudWatch Logs must be there: -p Endpoints=own or \
                     always makes them",
                );
            }
            (false, None) => {
                return Finding::not_well(
                    State::Doubtful,
                    what,
                    format!("{subnet} has no way to the internet: only targets in its own network"),
                    "VPC endpoints for S3, ECR and CloudWatch Logs must be there",
                );
            }
        }
    }
    let addresses = if row.public_addresses {
        "public"
    } else {
        "private"
    };
    let seen = format!("{}, {addresses} addresses", row.subnets.join(", "));
    Finding::well(what, seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(public: bool, own: Option<&str>, main: Option<&str>) -> State {
        let row = RegisteredRegion {
            region: "eu-west-1".to_owned(),
            cluster: "c".to_owned(),
            subnets: vec!["subnet-a".to_owned()],
            public_addresses: public,
            dlt_version: None,
        };
        let table = |subnets: &[&str], route: Option<&str>, is_main| RouteTable {
            subnets: subnets.iter().map(|it| (*it).to_owned()).collect(),
            is_main,
            vpc: "vpc-1".to_owned(),
            default_route: route.map(str::to_owned),
        };
        let mut tables = vec![table(&[], main, true)];
        if own.is_some() {
            tables.push(table(&["subnet-a"], own, false));
        }
        let vpcs = [("subnet-a".to_owned(), "vpc-1".to_owned())];
        judge(String::new(), &row, &tables, &vpcs).state
    }

    #[test]
    fn a_route_must_fit_the_addresses() {
        assert_eq!(judged(true, Some("igw-1"), None), State::Well);
        assert_eq!(judged(true, None, Some("igw-1")), State::Well);
        assert_eq!(judged(true, Some("nat-1"), Some("igw-1")), State::Broken);
        assert_eq!(judged(true, None, None), State::Broken);
        assert_eq!(judged(false, Some("nat-1"), None), State::Well);
        assert_eq!(judged(false, Some("igw-1"), None), State::Doubtful);
        assert_eq!(judged(false, None, None), State::Doubtful);
    }
}
