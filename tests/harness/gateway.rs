//! A client shaped like a Gateway of Bedrock AgentCore: it calls the program of
//! the Lambda through a Runtime API of its own, with the tool's name in the
//! client context, and reads the answer as the Gateway does: any JSON.

use crate::mcp::mcp_binary;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// What the target is called: no underscore may be in it.
const TARGET: &str = "dlt";

/// Context and payload of a call.
type Call = (String, String);

/// The Lambda's program and what stands around it.
#[derive(Debug)]
pub struct Gateway {
    child: Child,
    calls: mpsc::Sender<Call>,
    answers: mpsc::Receiver<Value>,
}

impl Gateway {
    /// Starts the program with a variable that says where the API is.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(api: &str) -> Self {
        Self::with(&BTreeMap::from([(
            "DLT_API_URL".to_owned(),
            api.to_owned(),
        )]))
    }

    /// Starts the program with these variables, which a template gives it.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn with(environment: &BTreeMap<String, String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address").to_string();
        let (calls, waiting) = mpsc::channel();
        let (answered, answers) = mpsc::channel();
        let waiting = Arc::new(Mutex::new(waiting));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (waiting, answered) = (Arc::clone(&waiting), answered.clone());
                std::thread::spawn(move || serve(&stream, &waiting, &answered));
            }
        });
        let child = Command::new(mcp_binary().with_file_name("dlt-mcp-lambda"))
            .env("AWS_LAMBDA_RUNTIME_API", address)
            .env("AWS_LAMBDA_FUNCTION_NAME", "dlt-mcp")
            .envs(environment)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the Lambda's program can be started");
        Self {
            child,
            calls,
            answers,
        }
    }

    /// One invocation with this client context; what was answered.
    ///
    /// # Panics
    /// When nothing was.
    #[track_caller]
    pub fn invoke(&self, context: &Value, payload: &str) -> Value {
        let call = (context.to_string(), payload.to_owned());
        self.calls.send(call).expect("a Runtime API");
        self.answers.recv_timeout(PATIENCE).expect("an answer")
    }

    /// A tool with arguments, as a Gateway calls it.
    ///
    /// # Panics
    /// When nothing was answered.
    #[track_caller]
    pub fn call(&self, tool: &str, arguments: &Value) -> Value {
        let context = json!({"custom": {
            "bedrockAgentCoreToolName": format!("{TARGET}___{tool}"),
            "bedrockAgentCoreMessageVersion": "1.0",
            "bedrockAgentCoreTargetId": "T",
        }});
        self.invoke(&context, &arguments.to_string())
    }

    /// Whether the program still runs.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Answers one connection of the program: hands out calls, takes answers.
fn serve(
    stream: &TcpStream,
    waiting: &Mutex<mpsc::Receiver<Call>>,
    answered: &mpsc::Sender<Value>,
) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let (line, body) = request(&mut reader)?;
        let (status, headers, answer) = if line.ends_with("/invocation/next HTTP/1.1") {
            // Gone when the test is over.
            let (context, payload) = waiting.lock().ok()?.recv().ok()?;
            let headers = format!(
                "lambda-runtime-aws-request-id: 8476a536\r\n\
                 lambda-runtime-deadline-ms: 4102444800000\r\n\
                 lambda-runtime-client-context: {context}\r\n"
            );
            ("200 OK", headers, payload)
        } else {
            let told = line.starts_with("POST ") && line.contains("/8476a536/response ");
            let body = if told {
                serde_json::from_slice(&body).ok()
            } else {
                None
            };
            answered
                .send(body.unwrap_or_else(|| json!({ "not answered": line })))
                .ok()?;
            ("202 Accepted", String::new(), String::new())
        };
        let length = answer.len();
        let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n");
        let mut stream = stream;
        stream.write_all((head + &answer).as_bytes()).ok()?;
    }
}

/// The first line and the body of a request; none when there is no more.
fn request(reader: &mut BufReader<&TcpStream>) -> Option<(String, Vec<u8>)> {
    let mut first = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if first.is_empty() {
            line.clone_into(&mut first);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((first, body))
}
