//! The API behind API Gateway: a proxy event to a call, its answer to a response
//! (API Gateway Developer Guide, "Lambda proxy integrations in API Gateway"). Who may
//! call was decided by IAM before.

use super::{Answer, LINK_EXPIRY, answer, uploads};
use crate::error::PipelineError;
use crate::live::Subscription;
use crate::objects::{Access, Verb, body_of};
use crate::scenarios;
use crate::world::World;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dlt_core::calls::Caller as MayDo;
use dlt_core::calls::request::{Call, Request};
use dlt_core::ids::{TestId, TestRunId};
use dlt_core::refusal::Refusal;
use serde_json::{Value, json};
use std::fmt::Display;
use url::form_urlencoded;

/// Longest answer that is sent as it is, bytes: Lambda takes 6 MB. Longer ones are
/// put into the bucket, for the client to fetch.
const LONGEST_ANSWER_BYTES: usize = 5 * 1024 * 1024;
/// Where those lie; a rule of the bucket removes them after a day.
const LONG_ANSWERS: &str = "answers/";

/// A response of an API's function.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Response {
    fn json(status: u16, value: &impl Display) -> Self {
        Self {
            status,
            headers: vec![("Content-Type", "application/json".to_owned())],
            body: value.to_string(),
        }
    }

    fn link(link: String) -> Self {
        let mut response = Self::json(307, &json!({}));
        response.headers.push(("Location", link));
        response
    }

    fn refused(refusal: &Refusal) -> Self {
        Self::json(refusal.status, &Value::String(refusal.text_on_the_wire()))
    }

    /// What API Gateway takes.
    pub fn to_event(&self) -> Value {
        let mut headers = serde_json::Map::new();
        for (name, value) in self
            .headers
            .iter()
            .map(|row| (row.0, row.1.clone()))
            .chain([
                ("Access-Control-Allow-Origin", "*".to_owned()),
                (
                    "Access-Control-Allow-Headers",
                    "Origin, X-Requested-With, Content-Type, Accept".to_owned(),
                ),
                ("X-Content-Type-Options", "nosniff".to_owned()),
            ])
        {
            headers.insert(name.to_owned(), value.into());
        }
        json!({ "statusCode": self.status, "headers": headers, "body": self.body })
    }
}

/// Who asks, for what the API itself has to know of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Caller {
    /// The identity in Cognito's identity pool, if the caller has one.
    pub identity: Option<String>,
    /// Who signed the request: of a role its session.
    arn: String,
}

impl Caller {
    /// The caller of an event.
    pub fn of(event: &Value) -> Self {
        let identity = &event["requestContext"]["identity"];
        let text = |key: &str| identity[key].as_str().map(str::to_owned);
        Self {
            identity: text("cognitoIdentityId"),
            arn: text("userArn").unwrap_or_default(),
        }
    }

    /// What it may do, given the ARN of the role that writers have. IAM has let it call;
    /// whoever has another role is a reader here, whatever that role allows.
    pub fn may_do(&self, writers: Option<&str>) -> MayDo {
        let is_writer = writers.and_then(session_prefix).is_some_and(|prefix| {
            let session = self.arn.strip_prefix(&prefix);
            session.is_some_and(|session| !session.is_empty() && !session.contains('/'))
        });
        match is_writer {
            true => MayDo::Writer,
            false => MayDo::Reader,
        }
    }
}

/// What the ARNs of a role's sessions begin with (IAM User Guide, "IAM identifiers"): a
/// role's path is no part of them.
fn session_prefix(role: &str) -> Option<String> {
    let (account, role) = role.split_once(":role/")?;
    let name = role.rsplit('/').next().filter(|name| !name.is_empty())?;
    let account = account.replacen(":iam:", ":sts:", 1);
    Some(format!("{account}:assumed-role/{name}/"))
}

/// Where a browser writes the signature of a request (Signature Version 4, query parameters): it is
/// the gateway's to check, and no part of the call.
fn is_signature(name: &str) -> bool {
    let start = name.get(..6);
    start.is_some_and(|start| start.eq_ignore_ascii_case("x-amz-"))
}

/// The query of an event, as it was written in the address.
fn query(event: &Value) -> Option<String> {
    let many = event["multiValueQueryStringParameters"].as_object();
    let one = event["queryStringParameters"].as_object();
    let mut query = form_urlencoded::Serializer::new(String::new());
    if let Some(many) = many.filter(|many| !many.is_empty()) {
        for (name, values) in many.iter().filter(|pair| !is_signature(pair.0)) {
            for value in values.as_array().into_iter().flatten() {
                query.append_pair(name, value.as_str().unwrap_or_default());
            }
        }
    } else {
        for (name, value) in one?.iter().filter(|pair| !is_signature(pair.0)) {
            query.append_pair(name, value.as_str().unwrap_or_default());
        }
    }
    Some(query.finish()).filter(|query| !query.is_empty())
}

fn body(event: &Value) -> Result<Vec<u8>, Refusal> {
    let text = event["body"].as_str().unwrap_or_default();
    if event["isBase64Encoded"] != true {
        return Ok(text.as_bytes().to_vec());
    }
    STANDARD
        .decode(text)
        .map_err(|_| Refusal::new(400, "BAD_REQUEST", "the body did not arrive".to_owned()))
}

/// What a request is answered. `writers` is the ARN of the role that writers have, `allow`
/// lets the caller subscribe to live data.
pub async fn respond<A>(world: &World, event: &Value, writers: Option<&str>, allow: A) -> Response
where
    A: AsyncFnOnce() -> Result<(), PipelineError>,
{
    let body = match body(event) {
        Ok(body) => body,
        Err(refusal) => return Response::refused(&refusal),
    };
    let method = event["httpMethod"].as_str().unwrap_or_default();
    let query = query(event);
    let asked = Request {
        method,
        path: event["path"].as_str().unwrap_or_default(),
        query: query.as_deref(),
        body: &body,
    };
    let call = match Call::read(&asked) {
        None => return Response::json(403, &json!({ "message": "no such path" })),
        Some(Err(refusal)) => return Response::refused(&refusal),
        Some(Ok(call)) => call,
    };
    if let Err(why) = Caller::of(event).may_do(writers).may(&call) {
        return Response::json(403, &json!({ "message": why }));
    }
    let answered = match call {
        Call::Live { test } => live(world, &test, allow)
            .await
            .map(|topics| Answer::Json(topics.into())),
        // API Gateway would take its bytes for text: they go where the bucket takes them.
        Call::PutFile { test, name } => {
            let place = uploads::place(world, &test, &name).await;
            place.map(|place| Answer::Link(place.url))
        }
        call => answer(world, call, body_of(Vec::new())).await,
    };
    match answered {
        Ok(Answer::Json(value)) => written(world, &value).await,
        Ok(Answer::Link(link)) => Response::link(link),
        // Objects in a bucket have links.
        Ok(Answer::Stream(_)) => Response::json(500, &json!("INTERNAL_SERVER_ERROR: no link")),
        Err(refusal) => Response::refused(&refusal),
    }
}

/// A JSON answer, or where it is if it is too long to be sent.
async fn written(world: &World, value: &dlt_core::value::Value) -> Response {
    let response = Response::json(200, value);
    if response.body.len() <= LONGEST_ANSWER_BYTES {
        return response;
    }
    match store(world, response.body.as_bytes()).await {
        Ok(link) => Response::link(link),
        Err(error) => Response::refused(&error.into()),
    }
}

async fn store(world: &World, bytes: &[u8]) -> Result<String, PipelineError> {
    let id = crate::clock::random_id(world.clock.as_ref(), 32)?;
    let key = format!("{LONG_ANSWERS}{id}.json");
    world.objects.put(&key, bytes, Access::Home).await?;
    let link = world.objects.link(&key, Verb::Get, LINK_EXPIRY).await?;
    link.ok_or_else(|| PipelineError::Other("the bucket gives no links".to_owned()))
}

/// Where the client subscribes to a scenario's live data.
async fn live<A>(world: &World, test: &TestId, allow: A) -> Result<Value, Refusal>
where
    A: AsyncFnOnce() -> Result<(), PipelineError>,
{
    let item = scenarios::need(world.scenarios.as_ref(), test).await?;
    allow().await?;
    // Topics are the scenario's: one that has not run yet has them too.
    let run = match item.run {
        Some(run) => run,
        None => {
            TestRunId::parse("none").map_err(|error| PipelineError::Other(error.to_string()))?
        }
    };
    match world.live.subscribe(test, &run).await? {
        Some(Subscription::Elsewhere { endpoint, topics }) => {
            Ok(json!({ "endpoint": endpoint, "topics": topics }))
        }
        _ => Err(PipelineError::Other("this stack has no topics".to_owned()).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_with_repeated_names_and_signs() {
        let event = json!({
            "queryStringParameters": { "tags": "b", "q": "a b&c" },
            "multiValueQueryStringParameters": { "tags": ["a", "b"], "q": ["a b&c"] },
        });
        let read = query(&event).unwrap();
        let mut pairs: Vec<(String, String)> = form_urlencoded::parse(read.as_bytes())
            .into_owned()
            .collect();
        pairs.sort();
        let expected = [("q", "a b&c"), ("tags", "a"), ("tags", "b")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(pairs, expected);
        let one = json!({ "queryStringParameters": { "limit": "2" }, "multiValueQueryStringParameters": null });
        assert_eq!(query(&one).as_deref(), Some("limit=2"));
        assert_eq!(query(&json!({})), None);
    }

    #[test]
    fn a_signature_in_the_address_is_no_part_of_the_call() {
        let signed = json!({
            "limit": "2", "X-Amz-Signature": "ab", "x-amz-date": "20260304T091502Z", "X-Amz": "7",
        });
        let one = json!({ "queryStringParameters": signed });
        let many = json!({ "multiValueQueryStringParameters": {
            "X-Amz-Security-Token": ["a"], "limit": ["2"], "X-Amz": ["7"],
        } });
        for event in [one, many] {
            let mut pairs: Vec<_> = query(&event)
                .unwrap()
                .split('&')
                .map(str::to_owned)
                .collect();
            pairs.sort();
            assert_eq!(pairs, ["X-Amz=7", "limit=2"]);
        }
        let nothing = json!({ "queryStringParameters": { "X-Amz-Signature": "ab" } });
        assert_eq!(query(&nothing), None);
    }

    #[test]
    fn only_sessions_of_the_writers_role_are_writers() {
        let role = "arn:aws:iam::111122223333:role/dlt-WritersRole-1";
        let of = |arn: &str, role: Option<&str>| {
            let event = json!({ "requestContext": { "identity": { "userArn": arn } } });
            Caller::of(&event).may_do(role)
        };
        let session =
            "arn:aws:sts::111122223333:assumed-role/dlt-WritersRole-1/CognitoIdentityCredentials";
        assert_eq!(of(session, Some(role)), MayDo::Writer);
        let deep = "arn:aws:iam::111122223333:role/a/b/dlt-WritersRole-1";
        assert_eq!(of(session, Some(deep)), MayDo::Writer);
        for (arn, role) in [
            (session, None),
            (session, Some("")),
            (session, Some("arn:aws:iam::111122223333:role/")),
            (
                session,
                Some("arn:aws:iam::111122223333:role/dlt-ReadersRole-1"),
            ),
            ("", Some(role)),
            (role, Some(role)),
            ("arn:aws:iam::111122223333:user/admin", Some(role)),
            (
                "arn:aws:sts::111122223333:assumed-role/dlt-WritersRole-1",
                Some(role),
            ),
            (
                "arn:aws:sts::111122223333:assumed-role/dlt-WritersRole-1/",
                Some(role),
            ),
            (
                "arn:aws:sts::111122223333:assumed-role/dlt-WritersRole-12/s",
                Some(role),
            ),
            (
                "arn:aws:sts::999999999999:assumed-role/dlt-WritersRole-1/s",
                Some(role),
            ),
        ] {
            assert_eq!(of(arn, role), MayDo::Reader, "{arn} {role:?}");
        }
        assert_eq!(Caller::of(&json!({})).may_do(Some(role)), MayDo::Reader);
    }

    #[test]
    fn bodies_come_as_text_or_packed() {
        assert_eq!(body(&json!({ "body": "{}" })).unwrap(), b"{}");
        let packed = json!({ "body": "e30=", "isBase64Encoded": true });
        assert_eq!(body(&packed).unwrap(), b"{}");
        assert!(body(&json!({ "body": "!", "isBase64Encoded": true })).is_err());
        assert_eq!(body(&json!({ "body": null })).unwrap(), b"");
    }
}
