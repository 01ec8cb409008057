//! What ECS says of the task that this process is in: its id, its size and its
//! address, from the task metadata endpoint version 4 (Amazon ECS Developer
//! Guide, "Task metadata endpoint version 4 for Fargate").

use dlt_core::ids::RunnerId;
use serde::Deserialize;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The variable that holds the endpoint's address.
pub const METADATA_URI: &str = "ECS_CONTAINER_METADATA_URI_V4";
/// How long one answer may take.
const LONGEST_ANSWER: Duration = Duration::from_secs(2);
/// The endpoint may come up after the container.
const ATTEMPTS: u32 = 10;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(500);
/// Longest answer that is read, bytes.
const LONGEST_ANSWER_BYTES: u64 = 1024 * 1024;

/// A task of ECS.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// The last part of its ARN.
    pub runner: RunnerId,
    /// vCPUs that it may use, if it says so.
    pub cpus: Option<f64>,
    /// Memory that it may use, MiB, if it says so.
    pub memory_mib: Option<u64>,
    /// Its address in its subnet, if it says so.
    pub address: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(rename = "TaskARN")]
    task_arn: String,
    #[serde(default)]
    limits: Limits,
    #[serde(default)]
    containers: Vec<Container>,
}

#[derive(Deserialize, Default)]
struct Limits {
    #[serde(rename = "CPU")]
    cpu: Option<f64>,
    #[serde(rename = "Memory")]
    memory: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Container {
    #[serde(default)]
    networks: Vec<Network>,
}

#[derive(Deserialize)]
struct Network {
    #[serde(rename = "IPv4Addresses", default)]
    addresses: Vec<String>,
}

/// The task behind this endpoint.
///
/// # Errors
/// When it does not answer, or its answer names no task; with the reason.
pub async fn task(endpoint: &str) -> Result<Task, String> {
    let mut why = String::new();
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            tokio::time::sleep(BETWEEN_ATTEMPTS).await;
        }
        match tokio::time::timeout(LONGEST_ANSWER, ask(endpoint)).await {
            Ok(Ok(body)) => return read(&body),
            Ok(Err(error)) => why = error,
            Err(_) => why = "no answer in time".to_owned(),
        }
    }
    Err(format!("the task metadata of ECS cannot be read: {why}"))
}

/// One answer's body. HTTP/1.0, so that the connection's end is the answer's.
async fn ask(endpoint: &str) -> Result<Vec<u8>, String> {
    let url = url::Url::parse(endpoint).map_err(|error| format!("{endpoint}: {error}"))?;
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or(80);
    let failed = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect((host, port)).await.map_err(failed)?;
    let path = url.path().trim_end_matches('/');
    let request = format!("GET {path}/task HTTP/1.0\r\nHost: {host}:{port}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.map_err(failed)?;
    let mut answer = Vec::new();
    let mut limited = stream.take(LONGEST_ANSWER_BYTES);
    limited.read_to_end(&mut answer).await.map_err(failed)?;
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let head = response.parse(&answer).map_err(|error| error.to_string())?;
    match (head, response.code) {
        (httparse::Status::Complete(length), Some(200)) => Ok(answer[length..].to_vec()),
        (_, code) => Err(format!("status {}", code.unwrap_or(0))),
    }
}

fn read(body: &[u8]) -> Result<Task, String> {
    let wrong = |why: String| format!("the task metadata of ECS is unreadable: {why}");
    let answer: Answer = serde_json::from_slice(body).map_err(|error| wrong(error.to_string()))?;
    let id = answer.task_arn.rsplit('/').next().unwrap_or_default();
    let mut networks = answer.containers.into_iter().flat_map(|it| it.networks);
    let address = networks.find_map(|network| network.addresses.into_iter().next());
    Ok(Task {
        runner: RunnerId::parse(id).map_err(|error| wrong(format!("TaskARN: {error}")))?,
        cpus: answer.limits.cpu,
        memory_mib: answer.limits.memory,
        address,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    const ANSWER: &str = r#"{
        "Cluster": "dlt",
        "TaskARN": "arn:aws:ecs:eu-west-1:1:task/dlt/0f8fad5bd9cb469fa165708673b5a1c2",
        "Limits": { "CPU": 0.5, "Memory": 1024 },
        "Containers": [{ "Name": "worker", "Networks": [
            { "NetworkMode": "awsvpc", "IPv4Addresses": ["10.0.1.7"] }
        ] }]
    }"#;

    /// Answers each request with the next of these.
    async fn endpoint(answers: &'static [&'static str]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = [0; 1024];
                let n = stream.read(&mut request).await.unwrap();
                assert!(request[..n].starts_with(b"GET /v4/token/task HTTP/1.0\r\n"));
                let body = format!("{answer}\r\n\r\n{ANSWER}");
                stream.write_all(body.as_bytes()).await.unwrap();
            }
        });
        format!("http://{address}/v4/token")
    }

    #[tokio::test]
    async fn a_task_is_asked_until_it_says_who_it_is() {
        let endpoint = endpoint(&["HTTP/1.1 404 Not Found", "HTTP/1.0 200 OK"]).await;
        let task = task(&endpoint).await.unwrap();
        assert_eq!(task.runner.as_str(), "0f8fad5bd9cb469fa165708673b5a1c2");
        assert_eq!((task.cpus, task.memory_mib), (Some(0.5), Some(1024)));
        assert_eq!(task.address.as_deref(), Some("10.0.1.7"));
    }

    #[test]
    fn an_answer_without_a_task_is_refused() {
        assert!(read(b"{}").unwrap_err().contains("TaskARN"));
        let few = read(br#"{"TaskARN":"a/b/c"}"#).unwrap();
        assert_eq!((few.cpus, few.address), (None, None));
    }
}
