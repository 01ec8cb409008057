//! The API of a server, over HTTP: where it is, what it is shown, how long it
//! may take, and what is asked again. Plain HTTP goes to this machine only:
//! nothing secret crosses a network unencrypted.

use super::auth::Auth;
use super::error::passes;
use super::events::Events;
use super::{ClientError, Method, Query};
use dlt_core::calls::answers::UploadAnswer;
use dlt_pipeline::local::ServerCard;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use reqwest::{Request, Response, Url};
use serde_json::Value;
use std::hash::{BuildHasher, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

/// How long a connection may take to come up.
const CONNECT_DEADLINE: Duration = Duration::from_secs(10);
/// How long a look may take, its answer included.
const LOOK_DEADLINE: Duration = Duration::from_secs(30);
/// How long a change may take: starting a run launches runners.
const CHANGE_DEADLINE: Duration = Duration::from_secs(60);
/// How long a file may take, in or out.
const FILE_DEADLINE: Duration = Duration::from_secs(600);
/// How often a look is tried.
const TRIES: u32 = 3;
/// Wait before the second try; twice as long before the third.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// Largest answer that is taken in, bytes.
const LARGEST_ANSWER_BYTES: usize = 512 * 1024 * 1024;

/// A server.
#[derive(Debug)]
pub struct Remote {
    http: reqwest::Client,
    base: RwLock<String>,
    auth: Auth,
    /// The data folder that it serves, if that is how it was found.
    folder: Option<PathBuf>,
}

impl Remote {
    /// The server at this address.
    pub fn new(api: &str, auth: Auth) -> Result<Self, ClientError> {
        let base = base(api)?;
        Ok(Self {
            http: http(is_loopback(&base))?,
            base: RwLock::new(base.as_str().trim_end_matches('/').to_owned()),
            auth,
            folder: None,
        })
    }

    /// The service of a data folder, where its card says that it is. It needs
    /// no credentials, and whatever the card says, none go there.
    pub fn of_folder(dir: &Path) -> Option<Self> {
        let card = ServerCard::read(dir).filter(ServerCard::is_of_a_process)?;
        let remote = Self::new(&card.api, Auth::None).ok()?;
        Some(Self {
            folder: Some(dir.to_owned()),
            ..remote
        })
    }

    /// The address below which its paths lie.
    pub fn base(&self) -> String {
        let base = self.base.read().unwrap_or_else(PoisonError::into_inner);
        base.clone()
    }

    /// A service that was started again may be at another address by now.
    fn find_again(&self) {
        let again = self.folder.as_deref().and_then(Self::of_folder);
        if let Some(again) = again {
            let mut base = self.base.write().unwrap_or_else(PoisonError::into_inner);
            *base = again.base();
        }
    }

    /// Asks, and answers its JSON.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        query: Query<'_>,
        body: Option<&Value>,
    ) -> Result<Value, ClientError> {
        let bytes = match method {
            Method::Get => self.look(path, query, LOOK_DEADLINE).await?,
            _ => {
                let request = self
                    .request(method, path, query, body, CHANGE_DEADLINE)
                    .await?;
                self.whole(request).await?
            }
        };
        serde_json::from_slice(&bytes).map_err(|error| ClientError::Strange {
            what: format!("the answer of {} to {path}", self.base()),
            why: error.to_string(),
        })
    }

    /// The bytes of a path.
    pub async fn bytes(&self, path: &str, query: Query<'_>) -> Result<Vec<u8>, ClientError> {
        self.look(path, query, FILE_DEADLINE).await
    }

    /// Looks, and looks again while that may help.
    async fn look(
        &self,
        path: &str,
        query: Query<'_>,
        deadline: Duration,
    ) -> Result<Vec<u8>, ClientError> {
        let mut tried = 1;
        loop {
            let request = self
                .request(Method::Get, path, query, None, deadline)
                .await?;
            match self.whole(request).await {
                Err(error) if error.may_pass() && tried < TRIES => {
                    tokio::time::sleep(spread(FIRST_WAIT * 2u32.pow(tried - 1))).await;
                    tried += 1;
                }
                other => return other,
            }
        }
    }

    /// Sends a file to where the API said: under our base as ourselves; to
    /// another address without credentials, since that one holds its own.
    pub async fn send_file(&self, to: &UploadAnswer, bytes: Vec<u8>) -> Result<(), ClientError> {
        let method = reqwest::Method::from_bytes(to.method.as_bytes())
            .map_err(|error| self.strange("the method of an upload", &error))?;
        let ours = to.url.starts_with('/');
        let url = match ours {
            true => self.url(&to.url, &[])?,
            false => base(&to.url)?,
        };
        let mut request = Request::new(method, url);
        request.headers_mut().insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/octet-stream"),
        );
        *request.body_mut() = Some(bytes.into());
        *request.timeout_mut() = Some(FILE_DEADLINE);
        if ours {
            self.auth.show(&mut request).await?;
        }
        self.whole(request).await.map(|_| ())
    }

    /// A scenario's live events; None if this server tells none.
    pub async fn events(&self, test: &str) -> Result<Option<Events>, ClientError> {
        let url = self.url(&format!("/scenarios/{test}/live"), &[])?;
        let mut request = Request::new(reqwest::Method::GET, url);
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        self.auth.show(&mut request).await?;
        // Only the beginning has a deadline: the stream lasts as long as a run.
        let sent = tokio::time::timeout(LOOK_DEADLINE, self.http.execute(request)).await;
        let response = match sent {
            Ok(sent) => sent.map_err(|error| self.unreachable(&error))?,
            Err(_) => return Err(self.silent(LOOK_DEADLINE)),
        };
        let streams = response
            .headers()
            .get(CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
        match response.status().as_u16() {
            200 if streams => Ok(Some(Events::of(response))),
            status if passes(status) => Err(self.refused(response).await),
            _ => Ok(None),
        }
    }

    fn url(&self, path: &str, query: Query<'_>) -> Result<Url, ClientError> {
        let mut url = Url::parse(&format!("{}{path}", self.base()))
            .map_err(|error| self.strange("a path of this API", &error))?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    async fn request(
        &self,
        method: Method,
        path: &str,
        query: Query<'_>,
        body: Option<&Value>,
        deadline: Duration,
    ) -> Result<Request, ClientError> {
        let verb = match method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut request = Request::new(verb, self.url(path, query)?);
        *request.timeout_mut() = Some(deadline);
        if let Some(body) = body {
            let json = HeaderValue::from_static("application/json");
            request.headers_mut().insert(CONTENT_TYPE, json);
            *request.body_mut() = Some(body.to_string().into());
        }
        self.auth.show(&mut request).await?;
        Ok(request)
    }

    /// The whole body of a good answer; anything but 200 is a refusal.
    async fn whole(&self, request: Request) -> Result<Vec<u8>, ClientError> {
        let response = self
            .http
            .execute(request)
            .await
            .map_err(|error| self.unreachable(&error))?;
        match response.status().as_u16() {
            200 => self.body(response).await,
            _ => Err(self.refused(response).await),
        }
    }

    async fn refused(&self, response: Response) -> ClientError {
        let status = response.status().as_u16();
        match self.body(response).await {
            Ok(body) => ClientError::of_answer(&self.base(), status, &body),
            Err(error) => error,
        }
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>, ClientError> {
        let mut body = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| self.unreachable(&error))?
        {
            if body.len() + chunk.len() > LARGEST_ANSWER_BYTES {
                let limit = format!("it is longer than {LARGEST_ANSWER_BYTES} bytes");
                return Err(self.strange("an answer", &limit));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn unreachable(&self, error: &reqwest::Error) -> ClientError {
        let api = self.base();
        self.find_again();
        ClientError::Unreachable {
            api,
            why: root_cause(error),
        }
    }

    fn silent(&self, deadline: Duration) -> ClientError {
        ClientError::Unreachable {
            api: self.base(),
            why: format!("nothing came within {} s", deadline.as_secs()),
        }
    }

    fn strange(&self, what: &str, why: &impl ToString) -> ClientError {
        ClientError::Strange {
            what: format!("{what} ({})", self.base()),
            why: why.to_string(),
        }
    }
}

/// The innermost cause: what is around it only names layers.
fn root_cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "it took too long".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// Somewhere between half and one and a half times as long, so that clients
/// that failed together do not come back together.
fn spread(wait: Duration) -> Duration {
    // Each of these hashers has keys of its own.
    let random = std::hash::RandomState::new().build_hasher().finish();
    wait.mul_f64(0.5 + (random % 1_000) as f64 / 1_000.0)
}

/// The base of an API, checked.
fn base(api: &str) -> Result<Url, ClientError> {
    let refuse = |why: String| ClientError::Address {
        api: api.to_owned(),
        why,
    };
    let mut url = Url::parse(api.trim())
        .map_err(|error| refuse(format!("{error}; write it like https://host/prod")))?;
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => {
            return Err(refuse(
                "plain http goes to this machine only; use https".to_owned(),
            ));
        }
        other => return Err(refuse(format!("{other} is neither https nor http"))),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse(
            "it must not hold a password; put a token into DLT_API_TOKEN".to_owned(),
        ));
    }
    if url.fragment().is_some() {
        return Err(refuse("it must not hold a #".to_owned()));
    }
    // What dlt up says is with /api; people leave it out.
    if is_loopback(&url) && url.path() == "/" {
        url.set_path("/api");
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback()),
        None => false,
    }
}

/// A client that follows no redirect, so that what we show a server is never
/// shown to another.
fn http(here: bool) -> Result<reqwest::Client, ClientError> {
    // A second installation changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("dlt/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_DEADLINE)
        .redirect(reqwest::redirect::Policy::none());
    if here {
        builder = builder.no_proxy();
    }
    builder
        .build()
        .map_err(|error| ClientError::Cannot(format!("no HTTPS client: {}", root_cause(&error))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_stays_on_this_machine() {
        for (api, wanted) in [
            ("http://127.0.0.1:7600/api", "http://127.0.0.1:7600/api"),
            ("http://localhost:7600", "http://localhost:7600/api"),
            ("http://[::1]:7600/", "http://[::1]:7600/api"),
            ("https://dlt.example/prod/", "https://dlt.example/prod"),
            ("https://dlt.example", "https://dlt.example"),
        ] {
            let remote = Remote::new(api, Auth::None).unwrap();
            assert_eq!(remote.base(), wanted);
        }
        for bad in [
            "http://dlt.example/prod",
            "http://192.168.1.7/api",
            "http://127.0.0.1.evil.example/api",
            "http://localhost@evil.example/",
            "https://me:secret@dlt.example/",
            "ftp://dlt.example",
            "dlt.example",
            "",
        ] {
            assert!(Remote::new(bad, Auth::None).is_err(), "{bad}");
        }
    }

    #[test]
    fn waits_are_spread() {
        for _ in 0..100 {
            let wait = spread(Duration::from_millis(100));
            assert!((50..150).contains(&wait.as_millis()), "{wait:?}");
        }
    }
}
