//! The API as commands ask it: one client, whether a server answers or the data
//! folder itself, in this process, through the very same functions. Which of
//! them is chosen in `place`; what answers mean is the commands' own.

pub mod at_rest;
pub mod auth;
pub mod error;
pub mod events;
pub mod place;
pub mod remote;
#[cfg(feature = "aws")]
mod sigv4;

pub use error::ClientError;
pub use place::Asking;

use at_rest::AtRest;
use dlt_core::calls::answers::UploadAnswer;
use events::Events;
use remote::Remote;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::Arc;

/// What is done to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Looks; asked again when the network fails.
    Get,
    /// Does something; never asked twice.
    Post,
    /// Puts something.
    Put,
    /// Takes something away.
    Delete,
}

impl Method {
    /// The word on the wire.
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

/// Who answers.
#[derive(Debug)]
enum Backend {
    /// A server, over HTTP.
    Remote(Remote),
    /// The data folder, in this process: nothing runs there.
    AtRest(AtRest),
}

/// The API.
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

    /// The API of a data folder at rest.
    pub fn at_rest(home: AtRest) -> Self {
        Self {
            backend: Arc::new(Backend::AtRest(home)),
        }
    }

    /// Whether the data folder answers itself, so that nothing runs there.
    pub fn is_at_rest(&self) -> bool {
        matches!(self.backend.as_ref(), Backend::AtRest(_))
    }

    /// Asks, and answers the API's own JSON.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        query: Query<'_>,
        body: Option<&Value>,
    ) -> Result<Value, ClientError> {
        match self.backend.as_ref() {
            Backend::Remote(remote) => remote.ask(method, path, query, body).await,
            Backend::AtRest(home) => home.ask(method, path, query, body).await,
        }
    }

    /// Looks at a path.
    pub async fn get(&self, path: &str, query: Query<'_>) -> Result<Value, ClientError> {
        self.ask(Method::Get, path, query, None).await
    }

    /// Looks at a path whose answer has this form.
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

    /// Sends a file to where the API said it shall go.
    pub async fn send_file(&self, to: &UploadAnswer, bytes: Vec<u8>) -> Result<(), ClientError> {
        match self.backend.as_ref() {
            Backend::Remote(remote) => remote.send_file(to, bytes).await,
            Backend::AtRest(home) => home.put_file(&to.url, bytes).await,
        }
    }

    /// A scenario's live events; None if nobody tells them here.
    pub async fn events(&self, test: &str) -> Result<Option<Events>, ClientError> {
        match self.backend.as_ref() {
            Backend::Remote(remote) => remote.events(test).await,
            Backend::AtRest(_) => Ok(None),
        }
    }
}

/// An answer in the form that its path promises.
pub fn understood<T: DeserializeOwned>(path: &str, answer: Value) -> Result<T, ClientError> {
    serde_json::from_value(answer).map_err(|error| ClientError::Strange {
        what: format!("the answer to {path}"),
        why: error.to_string(),
    })
}
