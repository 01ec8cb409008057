//! A client of the API, with the same functions whether a server answers or the data
//! folder in this process. Which of them it is, is chosen in `place`.

pub mod at_rest;
pub mod auth;
pub mod error;
pub mod events;
#[cfg(feature = "aws")]
mod iot;
#[cfg(feature = "aws")]
mod mqtt;
pub mod place;
pub mod remote;
mod stack;
#[cfg(feature = "aws")]
pub mod transport;

pub use error::ClientError;
pub use place::ApiOptions;

use at_rest::AtRest;
use dlt_core::calls::answers::UploadAnswer;
use dlt_core::value::Value;
use events::LiveAnswer;
use remote::Remote;
use serde::de::DeserializeOwned;
use std::fmt::Display;
use std::sync::Arc;

/// An HTTP method. Only GET is retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Creates or starts.
    Post,
    /// Stores.
    Put,
    /// Deletes.
    Delete,
}

impl Method {
    /// Its name in HTTP.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// A query's keys and values.
pub type Query<'a> = &'a [(&'a str, &'a str)];

/// What answers.
#[derive(Debug)]
enum Backend {
    /// A server, over HTTP.
    Remote(Remote),
    /// The data folder, in this process; no server uses it.
    AtRest(AtRest),
}

/// A client of the API.
#[derive(Debug, Clone)]
pub struct Client {
    backend: Arc<Backend>,
}

impl Client {
    /// The API of a server.
    pub fn remote(remote: Remote) -> Self {
        Self {
            backend: Arc::new(Backend::Remote(remote)),
        }
    }

    /// The API of a data folder that no server uses.
    pub fn at_rest(home: AtRest) -> Self {
        Self {
            backend: Arc::new(Backend::AtRest(home)),
        }
    }

    /// Whether the data folder answers in this process.
    pub fn is_at_rest(&self) -> bool {
        matches!(self.backend.as_ref(), Backend::AtRest(_))
    }

    /// Sends a request; the answer's JSON.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        query: Query<'_>,
        body: Option<&(dyn Display + Sync)>,
    ) -> Result<Value, ClientError> {
        match self.backend.as_ref() {
            Backend::Remote(remote) => remote.call(method, path, query, body).await,
            Backend::AtRest(home) => home.call(method, path, query, body).await,
        }
    }

    /// The JSON of a path.
    pub async fn get(&self, path: &str, query: Query<'_>) -> Result<Value, ClientError> {
        self.call(Method::Get, path, query, None).await
    }

    /// The JSON of a path, as a value of this type.
    pub async fn read<T: DeserializeOwned>(
        &self,
        path: &str,
        query: Query<'_>,
    ) -> Result<T, ClientError> {
        understood(path, self.get(path, query).await?)
    }

    /// The bytes of a path.
    pub async fn bytes(&self, path: &str, query: Query<'_>) -> Result<Vec<u8>, ClientError> {
        match self.backend.as_ref() {
            Backend::Remote(remote) => remote.bytes(path, query).await,
            Backend::AtRest(home) => home.bytes(path, query).await,
        }
    }

    /// Sends a file to the address that the API answered.
    pub async fn send_file(&self, to: &UploadAnswer, bytes: Vec<u8>) -> Result<(), ClientError> {
        match self.backend.as_ref() {
            Backend::Remote(remote) => remote.send_file(to, bytes).await,
            Backend::AtRest(home) => home.put_file(&to.url, bytes).await,
        }
    }

    /// Whether the server is a stack on AWS, where things take longer.
    pub fn is_on_aws(&self) -> bool {
        matches!(self.backend.as_ref(), Backend::Remote(remote) if remote.is_on_aws())
    }

    /// A scenario's live events, if there is a stream of them.
    pub async fn events(&self, test: &str) -> Result<LiveAnswer, ClientError> {
        match self.backend.as_ref() {
            Backend::Remote(remote) => remote.events(test).await,
            Backend::AtRest(_) => Ok(LiveAnswer::Nothing),
        }
    }
}

/// An answer as a value of this type; `path` is named in the error.
pub fn understood<T: DeserializeOwned>(path: &str, answer: Value) -> Result<T, ClientError> {
    answer.read().map_err(|error| ClientError::Unreadable {
        what: format!("the answer to {path}"),
        why: error.to_string(),
    })
}
