//! The API of a server, over HTTP, with deadlines, retries and size limits. Plain HTTP is
//! allowed to this machine only, so that no secret crosses a network unencrypted.

use super::auth::Auth;
use super::error::network_cause;
use super::events::{Events, LiveAnswer, SentEvents};
use super::{ClientError, Method, Query};
use dlt_core::calls::answers::UploadAnswer;
use dlt_core::safety::leads_to_loopback;
use dlt_core::value::Value;
use dlt_mcp::backend::retry::is_transient;
use dlt_pipeline::local::ServerCard;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue, LOCATION};
use reqwest::{Request, Response, Url};
use std::fmt::Display;
use std::hash::{BuildHasher, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;
use tokio::time::Instant;

/// How long connecting may take.
const CONNECT_DEADLINE: Duration = Duration::from_secs(10);
/// How long nothing may come of an answer: then the server counts as mute, whatever is asked. A
/// GET's further attempts are within it.
const MUTE_DEADLINE: Duration = Duration::from_secs(20);
/// The slowest way to a server that is waited for: a long scenario takes its time.
const SLOWEST_BYTES_PER_S: u64 = 64 * 1024;
/// How long a call may take, its answer included.
const CALL_DEADLINE: Duration = Duration::from_secs(120);
/// How long a file may take, up or down.
const FILE_DEADLINE: Duration = Duration::from_secs(600);
/// Most attempts of a GET.
const TRIES: u32 = 3;
/// Pause before the second attempt; twice as long before the third.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// Largest answer that is read, bytes.
const LARGEST_ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// What is said of a longer one.
const TOO_LONG: &str = "it is longer than 64 MiB";

/// A server.
#[derive(Debug)]
pub struct Remote {
    http: reqwest::Client,
    base: RwLock<String>,
    auth: Auth,
    /// The data folder through whose card it was found.
    folder: Option<PathBuf>,
}

impl Remote {
    /// The server at this address.
    pub fn new(api: &str, auth: Auth) -> Result<Self, ClientError> {
        let base = base(api)?;
        Ok(Self {
            http: http(leads_to_loopback(&base) == Some(true))?,
            base: RwLock::new(base.as_str().trim_end_matches('/').to_owned()),
            auth,
            folder: None,
        })
    }

    /// The service of a data folder, at the address in its card. No credentials are sent
    /// to it, whatever the card says.
    pub fn of_folder(dir: &Path) -> Option<Self> {
        let card = ServerCard::read(dir).filter(ServerCard::is_of_a_process)?;
        let remote = Self::new(&card.api, Auth::None).ok()?;
        Some(Self {
            folder: Some(dir.to_owned()),
            ..remote
        })
    }

    /// The API's base URL.
    pub fn base(&self) -> String {
        let base = self.base.read().unwrap_or_else(PoisonError::into_inner);
        base.clone()
    }

    /// Reads the card again: a restarted service may have another address.
    fn refresh_address(&self) {
        let current = self.folder.as_deref().and_then(Self::of_folder);
        if let Some(current) = current {
            let mut base = self.base.write().unwrap_or_else(PoisonError::into_inner);
            *base = current.base();
        }
    }

    /// Sends a request; the answer's JSON.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        query: Query<'_>,
        body: Option<&(dyn Display + Sync)>,
    ) -> Result<Value, ClientError> {
        let bytes = match method {
            Method::Get => self.get(path, query, CALL_DEADLINE).await?,
            _ => {
                let request = self
                    .request(method, path, query, body, CALL_DEADLINE)
                    .await?;
                let bytes = request.body().and_then(|body| body.as_bytes());
                let sending = bytes.map_or(0, <[u8]>::len) as u64 / SLOWEST_BYTES_PER_S;
                let answer_by = Instant::now() + MUTE_DEADLINE + Duration::from_secs(sending);
                self.send(request, answer_by).await?
            }
        };
        serde_json::from_slice(&bytes).map_err(|error| ClientError::Unreadable {
            what: format!("the answer of {} to {path}", self.base()),
            why: error.to_string(),
        })
    }

    /// The bytes of a path.
    pub async fn bytes(&self, path: &str, query: Query<'_>) -> Result<Vec<u8>, ClientError> {
        self.get(path, query, FILE_DEADLINE).await
    }

    /// A GET, retried while errors may be transient.
    async fn get(
        &self,
        path: &str,
        query: Query<'_>,
        deadline: Duration,
    ) -> Result<Vec<u8>, ClientError> {
        let mut tried = 1;
        let answer_by = Instant::now() + MUTE_DEADLINE;
        loop {
            let request = self
                .request(Method::Get, path, query, None, deadline)
                .await?;
            match self.send(request, answer_by).await {
                Err(error)
                    if error.is_transient() && tried < TRIES && Instant::now() < answer_by =>
                {
                    tokio::time::sleep(with_jitter(FIRST_PAUSE * 2u32.pow(tried - 1))).await;
                    tried += 1;
                }
                other => return other,
            }
        }
    }

    /// Sends a file to the address that the API answered: to a path of the API with our
    /// credentials; to another address without, since it contains its own.
    pub async fn send_file(&self, to: &UploadAnswer, bytes: Vec<u8>) -> Result<(), ClientError> {
        let method = reqwest::Method::from_bytes(to.method.as_bytes())
            .map_err(|error| self.unreadable("the method of an upload", &error))?;
        let is_api_path = to.url.starts_with('/');
        let url = if is_api_path {
            self.url(&to.url, &[])?
        } else {
            base(&to.url)?
        };
        let mut request = Request::new(method, url);
        request.headers_mut().insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/octet-stream"),
        );
        *request.body_mut() = Some(bytes.into());
        *request.timeout_mut() = Some(FILE_DEADLINE);
        if is_api_path {
            self.auth.authenticate(&mut request).await?;
        }
        // An upload is answered when all of it is there.
        let answer_by = Instant::now() + FILE_DEADLINE;
        self.send(request, answer_by).await.map(|_| ())
    }

    /// Whether it is on AWS.
    pub fn is_on_aws(&self) -> bool {
        self.auth.is_of_aws()
    }

    /// A scenario's live events, if this server has a stream of them or says where it is.
    pub async fn events(&self, test: &str) -> Result<LiveAnswer, ClientError> {
        let url = self.url(&format!("/scenarios/{test}/live"), &[])?;
        let mut request = Request::new(reqwest::Method::GET, url);
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        self.auth.authenticate(&mut request).await?;
        // Only the response's head has a deadline: the stream lasts as long as a run.
        let response = self
            .answered(request, Instant::now() + MUTE_DEADLINE)
            .await?;
        let is_stream = response
            .headers()
            .get(CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
        match response.status().as_u16() {
            200 if is_stream => Ok(LiveAnswer::Events(Events::Sent(SentEvents::of(response)))),
            200 => self.topics(response).await,
            status if is_transient(status) => Err(self.refused(response).await),
            _ => Ok(LiveAnswer::Nothing),
        }
    }

    /// The events of the topics that an answer names.
    #[cfg(feature = "aws")]
    async fn topics(&self, response: Response) -> Result<LiveAnswer, ClientError> {
        use super::iot::{TopicEvents, Topics};
        let body = tokio::time::timeout(CALL_DEADLINE, self.body(response)).await;
        let body = body.map_err(|_| self.no_answer(CALL_DEADLINE))??;
        let (Auth::Signature(signer), Ok(topics)) =
            (&self.auth, serde_json::from_slice::<Topics>(&body))
        else {
            return Ok(LiveAnswer::Nothing);
        };
        Ok(match TopicEvents::subscribe(&topics, signer).await {
            Ok(events) => LiveAnswer::Events(Events::Topics(Box::new(events))),
            Err(error) => LiveAnswer::Unavailable {
                why: error.to_string(),
                is_transient: error.is_transient(),
            },
        })
    }

    /// Topics are AWS's, which this build does not ask.
    #[cfg(not(feature = "aws"))]
    async fn topics(&self, _: Response) -> Result<LiveAnswer, ClientError> {
        Ok(LiveAnswer::Nothing)
    }

    fn url(&self, path: &str, query: Query<'_>) -> Result<Url, ClientError> {
        let mut url = Url::parse(&format!("{}{path}", self.base()))
            .map_err(|error| self.unreadable("a path of this API", &error))?;
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
        body: Option<&(dyn Display + Sync)>,
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
        self.auth.authenticate(&mut request).await?;
        Ok(request)
    }

    /// The answer's head, which must come by `answer_by`.
    async fn answered(
        &self,
        request: Request,
        answer_by: Instant,
    ) -> Result<Response, ClientError> {
        let asked_at = Instant::now();
        match tokio::time::timeout_at(answer_by, self.http.execute(request)).await {
            Ok(answer) => answer.map_err(|error| self.unreachable(error)),
            Err(_) => Err(self.no_answer(asked_at.elapsed())),
        }
    }

    /// The body of an answer with status 200; other statuses are errors.
    async fn send(&self, request: Request, answer_by: Instant) -> Result<Vec<u8>, ClientError> {
        let is_get = request.method() == reqwest::Method::GET;
        let response = self.answered(request, answer_by).await?;
        match response.status().as_u16() {
            200 => self.body(response).await,
            303 | 307 if is_get => self.follow(&response).await,
            _ => Err(self.refused(response).await),
        }
    }

    /// The bytes at the link that an API on AWS answers instead of a file, or of an answer
    /// longer than a function may give. The link has its own signature, so our credentials
    /// are not sent along; it is followed no further.
    async fn follow(&self, response: &Response) -> Result<Vec<u8>, ClientError> {
        let location = response.headers().get(LOCATION);
        let location = location.and_then(|value| value.to_str().ok());
        let wrong = |why: &str| self.unreadable("a redirect", &why);
        let url = location.ok_or_else(|| wrong("it says not where to"))?;
        let url = Url::parse(url).map_err(|error| wrong(&error.to_string()))?;
        let is_here = leads_to_loopback(&url) == Some(true);
        let api_is_here =
            Url::parse(&self.base()).is_ok_and(|it| leads_to_loopback(&it) == Some(true));
        match url.scheme() {
            "https" => {}
            "http" if is_here && api_is_here => {}
            _ => return Err(wrong("it leads to plain http")),
        }
        // Without the query, which has the signature.
        let origin = url.origin().ascii_serialization();
        let mut request = Request::new(reqwest::Method::GET, url);
        *request.timeout_mut() = Some(FILE_DEADLINE);
        let unreachable = |why: String| ClientError::Unreachable {
            api: origin.clone(),
            why,
        };
        let response = tokio::time::timeout(MUTE_DEADLINE, self.http.execute(request)).await;
        let response = response
            .map_err(|_| unreachable(nothing_came(MUTE_DEADLINE)))?
            .map_err(|error| unreachable(network_cause(&error.without_url())))?;
        match response.status().as_u16() {
            200 => self.body(response).await,
            status => {
                let body = self.body(response).await?;
                Err(ClientError::of_answer(&origin, status, &body))
            }
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
        let is_told = |bytes: u64| bytes > LARGEST_ANSWER_BYTES as u64;
        let mut is_too_long = response.content_length().is_some_and(is_told);
        while !is_too_long {
            let chunk = tokio::time::timeout(MUTE_DEADLINE, response.chunk()).await;
            let chunk = chunk.map_err(|_| self.no_answer(MUTE_DEADLINE))?;
            let Some(chunk) = chunk.map_err(|error| self.unreachable(error))? else {
                return Ok(body);
            };
            body.extend_from_slice(&chunk);
            is_too_long = body.len() > LARGEST_ANSWER_BYTES;
        }
        Err(self.unreadable("an answer", &TOO_LONG))
    }

    fn unreachable(&self, error: reqwest::Error) -> ClientError {
        let api = self.base();
        self.refresh_address();
        ClientError::Unreachable {
            api,
            // An address may have a signature in it.
            why: network_cause(&error.without_url()),
        }
    }

    fn no_answer(&self, deadline: Duration) -> ClientError {
        ClientError::Unreachable {
            api: self.base(),
            why: nothing_came(deadline),
        }
    }

    fn unreadable(&self, what: &str, why: &impl ToString) -> ClientError {
        ClientError::Unreadable {
            what: format!("{what} ({})", self.base()),
            why: why.to_string(),
        }
    }
}

fn nothing_came(within: Duration) -> String {
    format!("nothing came within {:.0} s", within.as_secs_f64())
}

/// Between half and one and a half times the pause, so that clients which failed together
/// do not retry together.
fn with_jitter(pause: Duration) -> Duration {
    // A new hasher has random keys.
    let random = std::hash::RandomState::new().build_hasher().finish();
    pause.mul_f64(0.5 + (random % 1_000) as f64 / 1_000.0)
}

/// The base URL of an API, checked.
fn base(api: &str) -> Result<Url, ClientError> {
    let refuse = |why: String| ClientError::Address {
        api: api.to_owned(),
        why,
    };
    let mut url = Url::parse(api.trim())
        .map_err(|error| refuse(format!("{error}; write it like https://host/prod")))?;
    let loopback = leads_to_loopback(&url) == Some(true);
    match url.scheme() {
        "https" => {}
        "http" if loopback => {}
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
    // The API of dlt up is below /api, which users often leave out.
    if loopback && url.path() == "/" {
        url.set_path("/api");
    }
    Ok(url)
}

/// Makes ring the crypto of clients that are not told which.
pub fn use_ring() {
    // An error means that it is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// An HTTP client. It follows no redirects by itself, which would send credentials to
/// another server.
fn http(loopback: bool) -> Result<reqwest::Client, ClientError> {
    use_ring();
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("dlt/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_DEADLINE)
        .redirect(reqwest::redirect::Policy::none());
    if loopback {
        builder = builder.no_proxy();
    }
    builder
        .build()
        .map_err(|error| ClientError::Cannot(format!("no HTTPS client: {}", network_cause(&error))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_only() {
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
    fn pauses_have_jitter() {
        for _ in 0..100 {
            let pause = with_jitter(Duration::from_millis(100));
            assert!((50..150).contains(&pause.as_millis()), "{pause:?}");
        }
    }
}
