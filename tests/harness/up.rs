//! `dlt up` as a service of a data folder: started, asked, killed, started
//! again. What it should answer stands in the tests.

use crate::command::{Ended, Home, Running};
use crate::http::{self, Event, Reply};
use crate::patience;
use crate::processes::Signal;
use serde_json::Value;
use std::sync::mpsc;
use std::time::Duration;

/// How long it may take to come up or to go.
const PATIENCE: Duration = Duration::from_secs(60);

/// Longest life of a service under test, and so the deadline of its end.
const LONGEST_LIFE: Duration = Duration::from_secs(900);

/// A running `dlt up`.
#[derive(Debug)]
pub struct Service<'a> {
    home: &'a Home,
    args: Vec<String>,
    running: Option<Running>,
    /// `host:port`.
    pub address: String,
}

impl<'a> Service<'a> {
    /// Starts it on a free port with these further arguments, and waits until
    /// it answers.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn start(home: &'a Home, args: &[&str]) -> Self {
        let mut service = Self {
            home,
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            running: None,
            address: String::new(),
        };
        service.restart();
        service
    }

    /// Starts it again after [`Self::kill`].
    ///
    /// # Panics
    /// When it does not come up.
    pub fn restart(&mut self) {
        let mut args = vec![
            "up".to_owned(),
            "--listen".to_owned(),
            "127.0.0.1:0".to_owned(),
        ];
        args.extend(self.args.iter().cloned());
        let running = self.home.start(args);
        let pid = running.pid();
        let card = self.home.path().join("server.json");
        let api = patience::until("dlt up answers", PATIENCE, || {
            let card: Value = serde_json::from_slice(&std::fs::read(&card).ok()?).ok()?;
            (card["pid"] == pid).then(|| card["api"].as_str().map(str::to_owned))?
        });
        self.running = Some(running);
        self.address = api
            .trim_start_matches("http://")
            .trim_end_matches("/api")
            .to_owned();
    }

    /// Where its API lies, like `http://127.0.0.1:7600/api`.
    pub fn api(&self) -> String {
        format!("http://{}/api", self.address)
    }

    /// Kills it (SIGKILL); its runners live on.
    ///
    /// # Panics
    /// When it was not running.
    pub fn kill(&mut self) {
        let running = self.running.take().expect("a running dlt up");
        running.signal(Signal::Kill);
        let ended = running.wait(LONGEST_LIFE);
        assert_eq!(ended.code, None, "{}", ended.told());
    }

    /// Stops it as Ctrl-C does and waits for its end.
    ///
    /// # Panics
    /// When it was not running, or does not end.
    pub fn stop(mut self) -> Ended {
        let running = self.running.take().expect("a running dlt up");
        running.signal(Signal::Interrupt);
        running.wait(LONGEST_LIFE)
    }

    /// Asks the API; `path` is below its base.
    ///
    /// # Panics
    /// When there is no answer.
    #[track_caller]
    pub fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Reply {
        let body = body.map(Value::to_string).unwrap_or_default();
        let headers = [("content-type", "application/json")];
        let target = format!("/api{path}");
        http::send(&self.address, method, &target, &headers, body.as_bytes())
    }

    /// The JSON of a GET that must succeed.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn get(&self, path: &str) -> Value {
        let reply = self.ask("GET", path, None);
        assert_eq!(reply.status, 200, "{path}: {:?}", reply.json());
        reply.json()
    }

    /// Posts a scenario that must be accepted.
    ///
    /// # Panics
    /// When it is not.
    #[track_caller]
    pub fn post(&self, body: &Value) -> Value {
        let reply = self.ask("POST", "/scenarios", Some(body));
        assert_eq!(reply.status, 200, "{:?}", reply.json());
        reply.json()
    }

    /// A scenario's status.
    #[track_caller]
    pub fn status(&self, test: &str) -> String {
        let scenario = self.get(&format!("/scenarios/{test}?history=false&latest=false"));
        scenario["status"].as_str().unwrap_or_default().to_owned()
    }

    /// Waits until a scenario has this status.
    ///
    /// # Panics
    /// When it does not come in time.
    #[track_caller]
    pub fn until(&self, test: &str, wanted: &str, patience: Duration) {
        self.until_any(test, &[wanted], patience);
    }

    /// Waits until a scenario has one of these statuses; which.
    ///
    /// # Panics
    /// When none comes in time.
    #[track_caller]
    pub fn until_any(&self, test: &str, wanted: &[&str], patience: Duration) -> String {
        patience::until(&format!("{test} is {wanted:?}"), patience, || {
            let status = self.status(test);
            wanted.contains(&status.as_str()).then_some(status)
        })
    }

    /// Live events of a scenario from now on.
    pub fn listen(&self, test: &str) -> mpsc::Receiver<Event> {
        http::listen(&self.address, &format!("/api/scenarios/{test}/live"))
    }
}
