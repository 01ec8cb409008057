//! A proxy in front of an emulator of AWS that does to calls what a network and a busy
//! service do: refuse, fail, delay, or do what was asked and lose the answer. It knows
//! the service and the operation of each call; what it does to which one is the
//! tests' to say.

mod message;
mod operation;

use message::{Answer, Request};
pub use operation::Operation;
use serde_json::json;
use std::collections::BTreeSet;
use std::io::BufReader;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock};
use std::time::{Duration, Instant};

/// What is done to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is not done; the service's own error of too many calls.
    Throttle,
    /// It is not done; an answer that no service wrote, as a load balancer's is.
    Unavailable,
    /// It is done, so much later.
    Delay(Duration),
    /// It is done; the connection is closed instead of an answer.
    DropAnswer,
    /// It is not done, and not answered until the faults are cleared: whoever asked can be
    /// ended at this very point.
    HoldBefore,
    /// The same once it is done.
    HoldAfter,
}

/// A call that came by.
#[derive(Debug, Clone)]
pub struct Call {
    /// Which.
    pub operation: Operation,
    /// The region of its signature.
    pub region: String,
    /// What was done to it, if anything.
    pub fault: Option<Fault>,
    /// What the emulator answered, if it was asked.
    pub status: Option<u16>,
}

/// Calls to which something is done, the next so many.
struct Rule {
    /// Empty: all calls of every service.
    service: String,
    name: String,
    /// Of objects and tables, those about which a call is; empty: all.
    about: String,
    /// Calls that come by before it begins.
    skip: u32,
    left: u32,
    fault: Fault,
}

#[derive(Default)]
struct Now {
    rules: Vec<Rule>,
    /// The call that is held.
    held: Option<Operation>,
    /// Kinds of calls that lost an answer, while each is to lose one.
    dropped: Option<BTreeSet<Operation>>,
    calls: Vec<Call>,
}

#[derive(Default)]
struct State {
    upstream: OnceLock<String>,
    says_tls: AtomicBool,
    now: Mutex<Now>,
    /// Told when no call is to be held any more.
    released: Condvar,
}

/// The proxy; it serves as long as the tests run.
pub struct FaultProxy {
    state: Arc<State>,
    /// `host:port`.
    pub address: String,
}

fn lock(state: &State) -> MutexGuard<'_, Now> {
    state.now.lock().expect("no test panics in here")
}

impl FaultProxy {
    /// Begins to listen; whom it passes calls on to is said later.
    ///
    /// # Panics
    /// When there is no port to be had.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                // An error is the end of one connection, which its client sees.
                std::thread::spawn(move || serve(&state, stream));
            }
        });
        Self { state, address }
    }

    /// Passes calls on to this `host:port` from now on.
    pub fn pass_on_to(&self, upstream: &str) {
        let _ = self.state.upstream.set(upstream.to_owned());
    }

    /// Says of every call from now on that it came by TLS, as calls of AWS do: without
    /// it an emulator that judges rights keeps a bucket closed that wants TLS.
    pub fn say_tls(&self) {
        self.state.says_tls.store(true, Ordering::Relaxed);
    }

    /// What AWS's tools set to ask through it.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Does this to the next `times` calls of an operation.
    pub fn fault(&self, service: &str, name: &str, times: u32, fault: Fault) {
        self.fault_about(service, name, "", times, fault);
    }

    /// The same to those about one kind of object, or one table.
    pub fn fault_about(&self, service: &str, name: &str, about: &str, times: u32, fault: Fault) {
        self.fault_after(0, service, name, about, times, fault);
    }

    /// The same once `skip` of them have come by.
    pub fn fault_after(
        &self,
        skip: u32,
        service: &str,
        name: &str,
        about: &str,
        times: u32,
        fault: Fault,
    ) {
        lock(&self.state).rules.push(Rule {
            service: service.to_owned(),
            name: name.to_owned(),
            about: about.to_owned(),
            skip,
            left: times,
            fault,
        });
    }

    /// From now on the first call of each kind is done and loses its answer.
    pub fn drop_one_answer_of_each(&self) {
        lock(&self.state).dropped = Some(BTreeSet::new());
    }

    /// Holds the call that comes after `skip` others, of whatever kind.
    pub fn hold(&self, skip: u32, fault: Fault) {
        self.fault_after(skip, "", "", "", 1, fault);
    }

    /// The call that is held now.
    pub fn held(&self) -> Option<Operation> {
        lock(&self.state).held.clone()
    }

    /// Does nothing to any call from now on; what is held loses its connection.
    pub fn clear(&self) {
        let mut now = lock(&self.state);
        now.rules.clear();
        now.dropped = None;
        now.held = None;
        self.state.released.notify_all();
    }

    /// The calls since they were last taken.
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.state).calls.clone()
    }

    /// The calls since the last time this was asked.
    pub fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut lock(&self.state).calls)
    }
}

/// What is to be done to a call now.
fn fault_of(now: &mut Now, operation: &Operation) -> Option<Fault> {
    let rule = now.rules.iter_mut().find(|rule| {
        rule.left > 0
            && (rule.service.is_empty() || rule.service == operation.service)
            && (rule.name.is_empty() || rule.name == operation.name)
            && (rule.about.is_empty() || rule.about == operation.about)
    });
    if let Some(rule) = rule {
        if rule.skip > 0 {
            rule.skip -= 1;
            return None;
        }
        rule.left -= 1;
        return Some(rule.fault);
    }
    let is_first = now.dropped.as_mut()?.insert(operation.clone());
    is_first.then_some(Fault::DropAnswer)
}

/// Passes a connection's requests on until it is closed, or an answer is lost.
fn serve(state: &State, stream: TcpStream) -> std::io::Result<()> {
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    while let Some(request) = Request::read(&mut reader, &mut writer)? {
        let Some((operation, region)) = operation::of(&request) else {
            ask(state, &request)?.write(&mut writer, &request.method)?;
            continue;
        };
        let fault = fault_of(&mut lock(state), &operation);
        let mut call = Call {
            operation,
            region,
            fault,
            status: None,
        };
        if let Some(Fault::Delay(time)) = fault {
            crate::patience::pass_until(Instant::now() + time);
        }
        if fault == Some(Fault::HoldBefore) {
            return hold(state, call, &writer);
        }
        let answer = match fault {
            Some(Fault::Throttle) => throttled(&call.operation),
            Some(Fault::Unavailable) => unavailable(),
            _ => {
                let answer = ask(state, &request)?;
                call.status = Some(answer.status);
                answer
            }
        };
        if fault == Some(Fault::HoldAfter) {
            return hold(state, call, &writer);
        }
        lock(state).calls.push(call);
        if fault == Some(Fault::DropAnswer) {
            return writer.shutdown(std::net::Shutdown::Both);
        }
        answer.write(&mut writer, &request.method)?;
    }
    Ok(())
}

/// Keeps a call without an answer until the faults are cleared, then closes its connection.
fn hold(state: &State, call: Call, writer: &TcpStream) -> std::io::Result<()> {
    let mut now = lock(state);
    now.held = Some(call.operation.clone());
    now.calls.push(call);
    while now.held.is_some() {
        now = state.released.wait(now).expect("no test panics in here");
    }
    drop(now);
    writer.shutdown(std::net::Shutdown::Both)
}

/// What the emulator answers.
fn ask(state: &State, request: &Request) -> std::io::Result<Answer> {
    let upstream = state.upstream.get().expect("calls come after pass_on_to");
    let mut stream = TcpStream::connect(upstream)?;
    let mut request = request.clone();
    if state.says_tls.load(Ordering::Relaxed) {
        let header = ("x-forwarded-proto".to_owned(), "https".to_owned());
        request.headers.push(header);
    }
    request.write(&mut stream)?;
    Answer::read(&mut BufReader::new(stream), &request.method)
}

fn answer(status: u16, headers: &[(&str, &str)], body: String) -> Answer {
    let headers = headers.iter();
    Answer {
        status,
        headers: headers
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        body: body.into_bytes(),
    }
}

/// The error of too many calls, as the service's protocol has it.
fn throttled(operation: &Operation) -> Answer {
    let message = "Rate exceeded";
    match operation.service.as_str() {
        "s3" => answer(
            503,
            &[("content-type", "application/xml")],
            format!("<Error><Code>SlowDown</Code><Message>{message}</Message></Error>"),
        ),
        "cloudformation" | "sts" | "iam" => answer(
            400,
            &[("content-type", "text/xml")],
            format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code>\
                 <Message>{message}</Message></Error></ErrorResponse>"
            ),
        ),
        "scheduler" | "iotdata" | "iotdevicegateway" | "execute-api" | "iot" => answer(
            429,
            &[
                ("content-type", "application/json"),
                ("x-amzn-errortype", "ThrottlingException"),
            ],
            json!({ "message": message }).to_string(),
        ),
        _ => answer(
            400,
            &[("content-type", "application/x-amz-json-1.1")],
            json!({ "__type": "ThrottlingException", "message": message }).to_string(),
        ),
    }
}

/// What a load balancer says of a service behind it.
fn unavailable() -> Answer {
    answer(
        503,
        &[("content-type", "text/plain")],
        "Service Unavailable".to_owned(),
    )
}
