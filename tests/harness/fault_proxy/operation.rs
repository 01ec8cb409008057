//! Which call of AWS a request is: service and region by its signature, the operation
//! by a header, the form or the path, and what it is about.

use super::message::Request;
use serde_json::Value;

/// A call, as the protocols of AWS's services name it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Operation {
    /// As the signature has it: `ecs`, `s3`.
    pub service: String,
    /// As the API reference has it: `RunTask`.
    pub name: String,
    /// What it is about: a table's name, the last part of an object's key. Empty where
    /// one call of the operation is like another.
    pub about: String,
}

impl std::fmt::Display for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.service, self.name)?;
        match self.about.as_str() {
            "" => Ok(()),
            about => write!(f, " {about}"),
        }
    }
}

/// Service and region of a request's signature, in its header or its query.
fn scope(request: &Request) -> Option<(String, String)> {
    let header = request.header("authorization").unwrap_or_default();
    let credential = match header.split_once("Credential=") {
        Some((_, rest)) => rest.split([',', ' ']).next()?.to_owned(),
        None => request.query("X-Amz-Credential")?,
    };
    // Key, date, region, service, `aws4_request`.
    let mut parts = credential.split('/').skip(2);
    let region = parts.next()?.to_owned();
    Some((parts.next()?.to_owned(), region))
}

/// The call and its region; None without a signature.
pub(super) fn of(request: &Request) -> Option<(Operation, String)> {
    let (service, region) = scope(request)?;
    let (name, about) = match request.header("x-amz-target") {
        Some(target) => {
            let name = target.rsplit('.').next().unwrap_or_default();
            (name.to_owned(), table(request))
        }
        None => match (action(request), service.as_str()) {
            (Some(action), _) => (action, String::new()),
            (None, "s3") => object(request),
            (None, _) => rest(request),
        },
    };
    Some((
        Operation {
            service,
            name,
            about,
        },
        region,
    ))
}

/// The table that a call of DynamoDB is about.
fn table(request: &Request) -> String {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    body["TableName"].as_str().unwrap_or_default().to_owned()
}

/// The operation of the query protocol.
fn action(request: &Request) -> Option<String> {
    let is_form = request
        .header("content-type")
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    if !is_form {
        return None;
    }
    let mut pairs = url::form_urlencoded::parse(&request.body);
    let found = pairs.find(|(name, _)| name == "Action")?;
    Some(found.1.into_owned())
}

/// A call of S3, and its kind of object: the last part of its key, of which what is
/// one run's or one runner's own is left out.
fn object(request: &Request) -> (String, String) {
    let path = request.path().trim_start_matches('/');
    let key = path.split_once('/').map_or("", |parts| parts.1);
    let name = match (request.method.as_str(), key) {
        ("GET", "") if request.query("versions").is_some() => "ListObjectVersions",
        ("GET", "") => "ListObjectsV2",
        ("HEAD", "") => "HeadBucket",
        ("DELETE", "") => "DeleteBucket",
        ("POST", "") => "DeleteObjects",
        ("GET", _) => "GetObject",
        ("HEAD", _) => "HeadObject",
        ("PUT", "") => "CreateBucket",
        ("PUT", _) => "PutObject",
        ("DELETE", _) => "DeleteObject",
        ("POST", _) => "Multipart",
        (method, _) => method,
    };
    let last = key.rsplit('/').next().unwrap_or_default();
    let about = match last.rsplit_once('.') {
        // A report's name ends in its region, a scenario's begins with its id.
        Some((stem, kind)) if stem.chars().any(|c| c.is_ascii_digit()) => format!("*.{kind}"),
        _ => last.to_owned(),
    };
    (name.to_owned(), about)
}

/// A call of a REST service, by its path.
fn rest(request: &Request) -> (String, String) {
    let first = request.path().trim_start_matches('/').split('/').next();
    let first = first.unwrap_or_default();
    let name = match (request.method.as_str(), first) {
        ("POST", "topics") => "Publish".to_owned(),
        ("PUT", "target-policies") => "AttachPolicy".to_owned(),
        ("GET", "endpoint") => "DescribeEndpoint".to_owned(),
        ("POST", "schedules") => "CreateSchedule".to_owned(),
        ("PUT", "schedules") => "UpdateSchedule".to_owned(),
        ("GET", "schedules") => "GetSchedule".to_owned(),
        ("DELETE", "schedules") => "DeleteSchedule".to_owned(),
        (method, first) => format!("{method} {first}"),
    };
    (name, String::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Request {
        let headers = headers.iter();
        Request {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: headers
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            body: body.as_bytes().to_vec(),
        }
    }

    fn told(request: &Request) -> String {
        let (operation, region) = of(request).unwrap();
        format!("{operation} in {region}")
    }

    #[test]
    fn calls_are_known_in_every_protocol() {
        let signed = |service: &str| {
            format!(
                "AWS4-HMAC-SHA256 Credential=AKIA/20260304/eu-west-1/{service}/aws4_request, \
                 SignedHeaders=host, Signature=0"
            )
        };
        let json = signed("dynamodb");
        let json = [
            ("authorization", json.as_str()),
            ("x-amz-target", "DynamoDB_20120810.PutItem"),
        ];
        let put = request("POST", "/", &json, r#"{"TableName":"history"}"#);
        assert_eq!(told(&put), "dynamodb:PutItem history in eu-west-1");
        let query = signed("cloudformation");
        let query = [
            ("authorization", query.as_str()),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        let describe = request("POST", "/", &query, "Version=1&Action=DescribeStacks");
        assert_eq!(
            told(&describe),
            "cloudformation:DescribeStacks in eu-west-1"
        );
        let s3 = signed("s3");
        let s3 = [("authorization", s3.as_str())];
        let get = request(
            "GET",
            "/bucket/start-signal/t/r/start.json?x-id=GetObject",
            &s3,
            "",
        );
        assert_eq!(told(&get), "s3:GetObject start.json in eu-west-1");
        let list = request("GET", "/bucket?list-type=2&prefix=a%2Fb", &s3, "");
        assert_eq!(told(&list), "s3:ListObjectsV2 in eu-west-1");
        let report = request("PUT", "/bucket/results/t/0f8fad-eu-west-1.xml", &s3, "");
        assert_eq!(told(&report), "s3:PutObject *.xml in eu-west-1");
        let scheduler = signed("scheduler");
        let scheduler = [("authorization", scheduler.as_str())];
        let update = request("PUT", "/schedules/a", &scheduler, "");
        assert_eq!(told(&update), "scheduler:UpdateSchedule in eu-west-1");
    }

    #[test]
    fn a_link_carries_its_signature_in_its_query() {
        let link = "/bucket/results/a.xml?X-Amz-Credential=AKIA%2F20260304%2Fus-east-1%2Fs3%2Faws4_request";
        let get = request("GET", link, &[], "");
        assert_eq!(told(&get), "s3:GetObject a.xml in us-east-1");
        assert!(of(&request("GET", "/_ministack/health", &[], "")).is_none());
    }
}
