//! The few calls whose SDKs would take longer to build than all others together: who the
//! caller is (STS), what it may do (IAM), how subnets reach the internet (EC2), and the
//! password of a registry (ECR). Signed by the MCP server's signer.

use super::Aws;
use crate::client::transport;
use crate::deploy::error::DeployError;
use base64::Engine as _;
use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;
use serde_json::{Value, json};

/// The end of AWS's host names in a region.
pub fn suffix(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    }
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The account's number.
    pub account: String,
    /// The user's or role's ARN.
    pub arn: String,
}

/// What the policy simulator says of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Like `cloudformation:CreateChangeSet`.
    pub action: String,
    /// Whether it is allowed.
    pub allowed: bool,
}

/// A route table, as far as it matters: whose subnets, and where the internet is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RouteTable {
    /// Subnets that use it; none for those without a table of their own.
    pub subnets: Vec<String>,
    /// Whether it is its VPC's main table.
    pub is_main: bool,
    /// Its VPC.
    pub vpc: String,
    /// What `0.0.0.0/0` leads to, like `igw-…` or `nat-…`.
    pub default_route: Option<String>,
}

impl Aws {
    /// One call in AWS's query protocol; the answer is XML.
    async fn query(
        &self,
        service: &str,
        action: &str,
        version: &str,
        parameters: &[(String, String)],
    ) -> Result<String, DeployError> {
        let what = format!("{}, {action}", service.to_uppercase());
        let mut pairs = vec![("Action", action), ("Version", version)];
        pairs.extend(parameters.iter().map(|(name, value)| (&**name, &**value)));
        let body = transport::form(&pairs);
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let (status, text) = self.send(service, &what, &headers, body).await?;
        if status == 200 {
            return Ok(text);
        }
        let code = element(&text, "Code").unwrap_or_default();
        let message = element(&text, "Message").unwrap_or_default();
        Err(DeployError::refused(&what, &code, &message))
    }

    /// One call in AWS's JSON protocol; `target` is the service's name for itself and the action.
    pub(super) async fn json(
        &self,
        service: &str,
        target: &str,
        body: &Value,
    ) -> Result<Value, DeployError> {
        let (_, action) = target.rsplit_once('.').unwrap_or_default();
        let what = format!("{}, {action}", service.to_uppercase());
        let headers = [
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", target),
        ];
        let (status, text) = self
            .send(service, &what, &headers, body.to_string())
            .await?;
        let answer: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        if status == 200 {
            return Ok(answer);
        }
        let field = |name: &str| answer[name].as_str().unwrap_or_default();
        // The namespace before `#` is no part of the code.
        let code = field("__type").rsplit('#').next().unwrap_or_default();
        Err(DeployError::refused(&what, code, field("message")))
    }

    async fn send(
        &self,
        service: &str,
        what: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Result<(u16, String), DeployError> {
        // IAM has one address for all regions of a partition (AWS General Reference).
        let (host, region) = match service {
            "iam" if self.region.starts_with("cn-") => {
                ("iam.cn-north-1.amazonaws.com.cn".to_owned(), "cn-north-1")
            }
            "iam" if self.region.starts_with("us-gov-") => {
                ("iam.us-gov.amazonaws.com".to_owned(), "us-gov-west-1")
            }
            "iam" => ("iam.amazonaws.com".to_owned(), "us-east-1"),
            "ecr" => (
                format!("api.ecr.{}.{}", self.region, suffix(&self.region)),
                &*self.region,
            ),
            _ => (
                format!("{service}.{}.{}", self.region, suffix(&self.region)),
                &*self.region,
            ),
        };
        let url = match self.endpoint() {
            Some(endpoint) => format!("{}/", endpoint.trim_end_matches('/')),
            None => format!("https://{host}/"),
        };
        let credentials = dlt_mcp::backend::credentials::CredentialCache::default()
            .get()
            .await
            .map_err(|error| DeployError::NotConfigured(error.to_string()))?;
        transport::signed_post(&url, (service, region), credentials, headers, body)
            .await
            .map_err(|why| DeployError::Unreachable {
                what: what.to_owned(),
                why,
            })
    }

    /// Who calls (STS GetCallerIdentity).
    pub async fn caller(&self) -> Result<Caller, DeployError> {
        let text = self
            .query("sts", "GetCallerIdentity", "2011-06-15", &[])
            .await?;
        match (element(&text, "Account"), element(&text, "Arn")) {
            (Some(account), Some(arn)) => Ok(Caller { account, arn }),
            _ => Err(DeployError::Unreadable(
                "STS, GetCallerIdentity: the answer names no account".to_owned(),
            )),
        }
    }

    /// What a user or role may do (IAM SimulatePrincipalPolicy).
    pub async fn may(&self, arn: &str, actions: &[&str]) -> Result<Vec<Decision>, DeployError> {
        let source = match role_of(arn) {
            Some(role) => self.role_arn(role).await?,
            None => arn.to_owned(),
        };
        let mut parameters = vec![("PolicySourceArn".to_owned(), source)];
        for (n, action) in actions.iter().enumerate() {
            parameters.push((
                format!("ActionNames.member.{}", n + 1),
                (*action).to_owned(),
            ));
        }
        let action = "SimulatePrincipalPolicy";
        let text = self.query("iam", action, "2010-05-08", &parameters).await?;
        let names = elements(&text, "EvalActionName");
        let decisions = elements(&text, "EvalDecision");
        let rows = names.into_iter().zip(decisions);
        Ok(rows
            .map(|(action, decision)| Decision {
                action,
                allowed: decision == "allowed",
            })
            .collect())
    }

    /// A role's ARN with its path, which a session's lacks (IAM GetRole).
    async fn role_arn(&self, name: &str) -> Result<String, DeployError> {
        let parameters = [("RoleName".to_owned(), name.to_owned())];
        let text = self
            .query("iam", "GetRole", "2010-05-08", &parameters)
            .await?;
        element(&text, "Arn").ok_or_else(|| {
            DeployError::Unreadable("IAM, GetRole: the answer names no role".to_owned())
        })
    }

    /// Makes the role with which ECS acts for the account, without which no cluster is
    /// made; one that is there is fine (IAM CreateServiceLinkedRole).
    pub async fn make_ecs_role(&self) -> Result<(), DeployError> {
        let service = ("AWSServiceName".to_owned(), "ecs.amazonaws.com".to_owned());
        let action = "CreateServiceLinkedRole";
        match self.query("iam", action, "2010-05-08", &[service]).await {
            // AWS's code for a name that is taken.
            Err(DeployError::Refused { code, .. }) if code == "InvalidInput" => Ok(()),
            made => made.map(drop),
        }
    }

    /// The regions that are enabled for the account (EC2 DescribeRegions).
    pub async fn enabled_regions(&self) -> Result<Vec<String>, DeployError> {
        let text = self
            .query("ec2", "DescribeRegions", "2016-11-15", &[])
            .await?;
        Ok(elements(&text, "regionName"))
    }

    /// The route tables of this region's VPCs (EC2 DescribeRouteTables).
    pub async fn route_tables(&self) -> Result<Vec<RouteTable>, DeployError> {
        let text = self
            .query("ec2", "DescribeRouteTables", "2016-11-15", &[])
            .await?;
        Ok(route_tables(&text))
    }

    /// The VPC of each subnet (EC2 DescribeSubnets).
    pub async fn vpcs_of(&self, subnets: &[String]) -> Result<Vec<(String, String)>, DeployError> {
        let rows = subnets.iter().enumerate();
        let parameters: Vec<(String, String)> = rows
            .map(|(n, subnet)| (format!("SubnetId.{}", n + 1), subnet.clone()))
            .collect();
        let text = self
            .query("ec2", "DescribeSubnets", "2016-11-15", &parameters)
            .await?;
        let ids = elements(&text, "subnetId");
        Ok(ids.into_iter().zip(elements(&text, "vpcId")).collect())
    }

    /// User and password of the account's registry in this region (ECR
    /// GetAuthorizationToken).
    pub async fn registry_login(&self) -> Result<(String, String), DeployError> {
        let what = "ECR, GetAuthorizationToken";
        let action = "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken";
        let answer = self.json("ecr", action, &json!({})).await?;
        let token = answer["authorizationData"][0]["authorizationToken"].as_str();
        let token = token.and_then(|it| base64::prelude::BASE64_STANDARD.decode(it).ok());
        let token = token.and_then(|it| String::from_utf8(it).ok());
        token
            .as_deref()
            .and_then(|it| it.split_once(':'))
            .map(|(user, password)| (user.to_owned(), password.to_owned()))
            .ok_or_else(|| DeployError::Unreadable(format!("{what}: the answer has no token")))
    }
}

/// The role of an assumed role's session, whose policies decide:
/// `arn:aws:sts::123456789012:assumed-role/NAME/SESSION`.
fn role_of(arn: &str) -> Option<&str> {
    let (_, rest) = arn.split_once(":assumed-role/")?;
    rest.split('/').next()
}

/// The texts of all elements of this name, in order.
fn elements(xml: &str, name: &str) -> Vec<String> {
    let mut reader = Reader::from_str(xml);
    let (mut found, mut inside) = (Vec::new(), None::<String>);
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag)) if tag.local_name().as_ref() == name => {
                inside = Some(String::new());
            }
            Ok(Event::Text(text)) => {
                if let Some(so_far) = inside.as_mut() {
                    so_far.push_str(&text);
                }
            }
            Ok(Event::GeneralRef(entity)) => {
                if let Some(so_far) = inside.as_mut() {
                    so_far.push_str(resolve_predefined_entity(&entity).unwrap_or_default());
                }
            }
            Ok(Event::End(tag)) if tag.local_name().as_ref() == name => {
                found.extend(inside.take());
            }
            Ok(Event::Eof) | Err(_) => return found,
            Ok(_) => {}
        }
    }
}

fn element(xml: &str, name: &str) -> Option<String> {
    elements(xml, name).into_iter().next()
}

/// Reads DescribeRouteTables' answer: items of `routeTableSet`, each with sets of its own.
fn route_tables(xml: &str) -> Vec<RouteTable> {
    let mut reader = Reader::from_str(xml);
    let mut path: Vec<String> = Vec::new();
    let mut tables = Vec::new();
    let (mut table, mut destination) = (RouteTable::default(), String::new());
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag)) => {
                path.push(tag.local_name().as_ref().to_owned());
            }
            Ok(Event::Text(text)) => {
                let text = text.to_string();
                let inner: Vec<&str> = path.iter().skip(2).map(String::as_str).collect();
                match inner[..] {
                    ["item", "vpcId"] => table.vpc = text,
                    ["item", "associationSet", "item", "subnetId"] => table.subnets.push(text),
                    ["item", "associationSet", "item", "main"] => table.is_main |= text == "true",
                    ["item", "routeSet", "item", "destinationCidrBlock"] => destination = text,
                    [
                        "item",
                        "routeSet",
                        "item",
                        "gatewayId" | "natGatewayId" | "transitGatewayId" | "instanceId"
                        | "networkInterfaceId",
                    ] if destination == "0.0.0.0/0" => {
                        table.default_route = Some(text);
                    }
                    _ => {}
                }
            }
            Ok(Event::End(_)) => {
                let depth = path.len();
                if depth == 3 && path[2] == "item" {
                    tables.push(std::mem::take(&mut table));
                } else if depth == 5 && path[3] == "routeSet" {
                    destination.clear();
                }
                path.pop();
            }
            Ok(Event::Eof) | Err(_) => return tables,
            Ok(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assumed_role_is_judged_by_its_role() {
        let sso = "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Admin_1/me@example.com";
        assert_eq!(role_of(sso), Some("AWSReservedSSO_Admin_1"));
        assert_eq!(role_of("arn:aws:iam::123456789012:user/me"), None);
    }

    #[test]
    fn answers_of_the_query_protocol_are_read() {
        let xml = "<R xmlns='https://iam'><Results><member><EvalActionName>a:B</EvalActionName>\
                   <EvalDecision>allowed</EvalDecision></member><member><EvalActionName>a:C\
                   </EvalActionName><EvalDecision>implicitDeny</EvalDecision></member></Results></R>";
        assert_eq!(elements(xml, "EvalDecision"), ["allowed", "implicitDeny"]);
        assert_eq!(element(xml, "EvalActionName").as_deref(), Some("a:B"));
        assert_eq!(element("<A>", "A"), None);
        let quoted = element("<M>the &quot;x&quot; of &lt;y&gt;</M>", "M");
        assert_eq!(quoted.as_deref(), Some("the \"x\" of <y>"));
    }

    #[test]
    fn a_route_to_the_internet_is_found() {
        let xml = "<DescribeRouteTablesResponse><routeTableSet><item><vpcId>vpc-1</vpcId><routeSet>\
            <item><destinationCidrBlock>192.168.0.0/16</destinationCidrBlock><gatewayId>local\
            </gatewayId></item><item><destinationCidrBlock>0.0.0.0/0</destinationCidrBlock>\
            <gatewayId>igw-1</gatewayId></item></routeSet><associationSet><item><subnetId>subnet-1\
            </subnetId><main>false</main></item></associationSet></item><item><vpcId>vpc-1</vpcId>\
            <routeSet><item><destinationCidrBlock>192.168.0.0/16</destinationCidrBlock><gatewayId>\
            local</gatewayId></item></routeSet><associationSet><item><main>true</main></item>\
            </associationSet></item></routeTableSet></DescribeRouteTablesResponse>";
        let tables = route_tables(xml);
        assert_eq!(tables.len(), 2);
        assert_eq!(tables[0].subnets, ["subnet-1"]);
        assert_eq!(tables[0].default_route.as_deref(), Some("igw-1"));
        assert_eq!(
            (tables[1].default_route.as_deref(), tables[1].is_main),
            (None, true)
        );
    }
}
