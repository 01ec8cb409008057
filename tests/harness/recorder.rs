//! Holds every answer of a real server against the documents: the schema of
//! its path, method and status must fit in each document that knows the path.

use crate::documents::{Document, Operation};
use crate::http::{self, Reply};
use crate::up::Service;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeSet;

/// Documents, and what was asked so far.
#[derive(Debug)]
pub struct Recorder {
    documents: Vec<Document>,
    seen: RefCell<BTreeSet<(Operation, u16)>>,
}

impl Recorder {
    /// Judges by these documents.
    pub fn new(documents: Vec<Document>) -> Self {
        Self {
            documents,
            seen: RefCell::default(),
        }
    }

    /// Asks a server and judges its answer; `path` is below the API's base.
    ///
    /// # Panics
    /// When the answer fits no schema.
    #[track_caller]
    pub fn ask(
        &self,
        server: &Service<'_>,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Reply {
        let body = body.map(Value::to_string).unwrap_or_default();
        // The prefix that DLT's clients have; the other one is the same.
        let target = format!("/prod{path}");
        let reply = http::send(&server.address, method, &target, &[], body.as_bytes());
        self.judge(method, path, &reply);
        reply
    }

    /// As [`Self::ask`], for a GET that must succeed.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn get(&self, server: &Service<'_>, path: &str) -> Value {
        let reply = self.ask(server, "GET", path, None);
        assert_eq!(reply.status, 200, "{path}: {}", reply.json());
        reply.json()
    }

    /// Judges an answer.
    ///
    /// # Panics
    /// When it fits no schema.
    #[track_caller]
    pub fn judge(&self, method: &str, path: &str, reply: &Reply) {
        let path = path.split('?').next().unwrap_or_default();
        let mut known = false;
        for document in &self.documents {
            let Some(template) = document.template(path) else {
                continue;
            };
            let operation = Operation {
                template: template.to_owned(),
                method: method.to_lowercase(),
            };
            known = true;
            self.judge_by(document, operation, reply);
        }
        assert!(
            known || reply.status == 403,
            "{method} {path} is in no document, yet answered {}",
            reply.status
        );
    }

    #[track_caller]
    fn judge_by(&self, document: &Document, operation: Operation, reply: &Reply) {
        let name = document.name;
        let status = reply.status;
        let Some(content) = document.answer(&operation, status) else {
            // A method that a path does not have is answered alike everywhere.
            let told = reply.json();
            let refused = status == 405
                && document.request(&operation).is_none()
                && told
                    .as_str()
                    .is_some_and(|text| text.starts_with("METHOD_NOT_ALLOWED: "));
            assert!(refused, "{name} has no {status} for {operation:?}: {told}");
            return;
        };
        let faults = document.faults(&content["schema"], &reply.json(), true);
        assert!(
            faults.is_empty(),
            "{operation:?} {status} against {name}:\n{}\n{}",
            faults.join("\n"),
            String::from_utf8_lossy(&reply.body)
        );
        self.seen.borrow_mut().insert((operation, status));
    }

    /// The operations of a document that were not answered with success yet.
    pub fn not_seen(&self, document: &Document) -> Vec<Operation> {
        let seen = self.seen.borrow();
        let mut left = document.operations();
        left.retain(|operation| !seen.contains(&(operation.clone(), 200)));
        left
    }

    /// The documents.
    pub fn documents(&self) -> &[Document] {
        &self.documents
    }
}
