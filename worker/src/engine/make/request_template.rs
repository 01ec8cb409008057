//! Makes a step's request: once before the clock starts if nothing in it varies,
//! else for each sample from the session's values.

use crate::engine::files::PlanFiles;
use crate::engine::http::request::{Endpoint, Request, RequestParts};
use crate::engine::make::body_template::BodyTemplate;
use crate::engine::make::form::{FORM_TYPE, FormFields, MakeError, Multipart};
use crate::engine::make::messages::MessageTemplate;
use crate::engine::make::session::{Secrets, Session};
use crate::engine::make::template::{LONGEST_MADE_BYTES, Template, too_long};
use crate::engine::make::variable_names::{Variable, VariableNames};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dlt_core::routing::Routes;
use dlt_core::safety::{is_secret, spans};
use dlt_core::scenario::plan::{Auth, Body, Group, Step, StepKind};
use dlt_core::scenario::requests::targets::{dot_segments, has_host, request_target, url_value};
use dlt_core::scenario::requests::variables::{Piece, pieces};
use std::borrow::Cow;
use std::sync::Arc;
use url::Url;

/// Longest head of a request, bytes: no server accepts a longer one.
const LONGEST_MADE_HEAD_BYTES: usize = 256 * 1024;

/// A request with the parts that it was made of, which redirects need.
#[derive(Debug)]
pub(crate) struct MadeRequest {
    pub(crate) endpoint: Endpoint,
    pub(crate) request: Request,
    pub(crate) url: Url,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<Arc<[u8]>>,
}

/// A step's request.
#[derive(Debug)]
pub(crate) enum StepRequest {
    /// Made beforehand.
    Fixed(Box<MadeRequest>),
    /// Made for each sample.
    Varying(Box<RequestTemplate>),
    /// A message on the stream that another step opened.
    Message(Box<MessageTemplate>),
}

/// A step's request with its variables.
#[derive(Debug)]
pub(crate) struct RequestTemplate {
    method: String,
    keepalive: bool,
    routes: Arc<Routes>,
    /// Precedes `url` unless the filled `url` is absolute.
    base: Template,
    url: Template,
    /// Parts `.` and `..` of the path that the scenario itself has.
    dot_segments: usize,
    /// Where the request goes, if that does not vary.
    pub(crate) endpoint: Option<Endpoint>,
    headers: Vec<(String, Template)>,
    auth: Option<AuthTemplate>,
    body: BodyTemplate,
}

#[derive(Debug)]
enum AuthTemplate {
    Basic(Template, Template),
    Bearer(Template),
}

impl StepRequest {
    /// Prepares a step's request and adds its secrets to `secrets`; and the bytes of its texts, as
    /// far as they do not vary.
    pub(crate) fn of(
        (group, routes): (&Group, &Arc<Routes>),
        step: &Step,
        names: &VariableNames,
        files: &PlanFiles,
        secrets: &mut Secrets,
    ) -> Result<(Self, usize), String> {
        let template = RequestTemplate::compile((group, routes), step, names, files)?;
        template.collect_secrets(step, names, secrets);
        let bytes = template.fixed_bytes();
        if let StepKind::Message(message) = &step.kind {
            let made = MessageTemplate::of(message, template.body, names)?;
            return Ok((Self::Message(Box::new(made)), bytes));
        }
        if !template.is_fixed() {
            return Ok((Self::Varying(Box::new(template)), bytes));
        }
        match template.make(&Session::default()) {
            Ok(made) => Ok((Self::Fixed(Box::new(made)), bytes)),
            Err(MakeError::Invalid(why)) => Err(why),
            Err(MakeError::NoValue(slot)) => Err(format!("variable {} varies", names.name(slot))),
        }
    }

    /// Where the request goes, if that does not vary.
    pub(crate) fn endpoint(&self) -> Option<&Endpoint> {
        match self {
            Self::Fixed(made) => Some(&made.endpoint),
            Self::Varying(template) => template.endpoint.as_ref(),
            Self::Message(_) => None,
        }
    }
}

/// A URL's text with the values of variables that never change, each as it may stand
/// where it stands.
fn url_with_constants(text: &str, names: &VariableNames) -> Result<String, String> {
    // With a word in place of each value that is not known yet.
    let (mut filled, mut so_far) = (String::new(), String::new());
    let mut pieces = pieces(text).peekable();
    while let Some(piece) = pieces.next() {
        match piece {
            Piece::Text(text) | Piece::Open(text) => {
                filled.push_str(text);
                so_far.push_str(text);
            }
            Piece::Variable(name) => match names.variable(name) {
                Some(Variable::Constant(value)) => {
                    let value = url_value(&so_far, value, pieces.peek().is_none())
                        .map_err(|why| format!("the value of ${{{name}}} {why}"))?;
                    filled.push_str(&value);
                    so_far.push_str(&value);
                }
                _ => {
                    filled.push_str(&format!("${{{name}}}"));
                    so_far.push_str("word");
                }
            },
        }
    }
    Ok(filled)
}

/// Adds a value of the scenario's text, its variables included.
fn add_value(value: &str, names: &VariableNames, secrets: &mut Secrets) {
    if let Ok(template) = Template::compile(value, names) {
        template.add_to_secrets(secrets);
    }
}

/// The parts of a URL with a session's values: evaluated once, for functions count.
fn url_parts<'a>(
    template: &'a Template,
    session: &'a Session,
) -> Result<Vec<(Cow<'a, str>, bool)>, MakeError> {
    let parts = template.pieces(session);
    parts.collect::<Result<_, _>>().map_err(MakeError::NoValue)
}

/// Puts the parts of a URL behind `text`, the URL so far.
fn fill_url(mut text: String, parts: &[(Cow<'_, str>, bool)]) -> Result<String, MakeError> {
    for (at, (part, is_value)) in parts.iter().enumerate() {
        if *is_value {
            let value = url_value(&text, part, at + 1 == parts.len())
                .map_err(|why| MakeError::Invalid(format!("a value of its URL {why}")))?;
            text.push_str(&value);
        } else {
            text.push_str(part);
        }
    }
    Ok(text)
}

/// Parts `.` and `..` of a path whose values are words.
fn own_dot_segments(base: &Template, url: &Template) -> usize {
    let words = format!("{}{}", base.with_words(), url.with_words());
    // A whole URL in a value has a path of its own.
    let target = words
        .split_once("://")
        .map_or(words.as_str(), |(_, after)| after);
    dot_segments(target)
}

impl RequestTemplate {
    fn compile(
        (group, routes): (&Group, &Arc<Routes>),
        step: &Step,
        names: &VariableNames,
        files: &PlanFiles,
    ) -> Result<Self, String> {
        let compile = |text: &str| Template::compile(text, names);
        let (base, url) = match &step.url_text {
            Some(text) => (
                compile(&url_with_constants(&text.base, names)?)?,
                compile(&url_with_constants(&text.text, names)?)?,
            ),
            None => (Template::default(), compile(step.url.as_str())?),
        };
        let mut headers = Vec::new();
        for (name, value) in &step.headers {
            headers.push((name.clone(), compile(value)?));
        }
        let auth = match &step.auth {
            Some(Auth::Basic { username, password }) => {
                Some(AuthTemplate::Basic(compile(username)?, compile(password)?))
            }
            Some(Auth::Bearer(token)) => Some(AuthTemplate::Bearer(compile(token)?)),
            None => None,
        };
        let body = match &step.body {
            Body::None => BodyTemplate::None,
            Body::Text(text) => BodyTemplate::Text(compile(text)?),
            Body::File(path) => {
                let bytes = files.get(path);
                BodyTemplate::Fixed(bytes.map_err(|why| format!("body-file {why}"))?)
            }
            Body::Form(fields) => BodyTemplate::Form(FormFields::compile(fields, names)?),
            Body::Multipart(fields, uploads) => {
                BodyTemplate::Multipart(Multipart::compile(fields, uploads, names, files)?)
            }
        };
        Ok(Self {
            method: step.method.clone(),
            keepalive: group.connection_policy.keeps(),
            routes: routes.clone(),
            dot_segments: own_dot_segments(&base, &url),
            base,
            url,
            endpoint: if step.host_is_fixed() {
                Some(Endpoint::of(&step.url)?)
            } else {
                None
            },
            headers,
            auth,
            body,
        })
    }

    fn templates(&self) -> impl Iterator<Item = &Template> {
        let headers = self.headers.iter().map(|header| &header.1);
        let auth: &[&Template] = match &self.auth {
            Some(AuthTemplate::Basic(username, password)) => &[username, password],
            Some(AuthTemplate::Bearer(token)) => &[token],
            None => &[],
        };
        let auth: Vec<&Template> = auth.to_vec();
        let fields = self.fields().iter().map(|field| &field.1);
        let text = match &self.body {
            BodyTemplate::Text(text) => Some(text),
            _ => None,
        };
        [&self.base, &self.url]
            .into_iter()
            .chain(headers)
            .chain(auth)
            .chain(fields)
            .chain(text)
    }

    fn fields(&self) -> &[(String, Template)] {
        match &self.body {
            BodyTemplate::Form(fields) => &fields.0,
            BodyTemplate::Multipart(multipart) => &multipart.fields.0,
            _ => &[],
        }
    }

    fn is_fixed(&self) -> bool {
        self.templates().all(|template| template.fixed().is_some())
    }

    /// Adds what stands in place of secrets: in auth, in headers, fields, parameters and parts of
    /// the body whose names say so. A target may show it under another name.
    fn collect_secrets(&self, step: &Step, names: &VariableNames, secrets: &mut Secrets) {
        match &self.auth {
            Some(AuthTemplate::Basic(user, secret)) => {
                secret.add_to_secrets(secrets);
                // As it is sent, and as a target may show it.
                if let (Some(user), Some(secret)) = (user.fixed(), secret.fixed()) {
                    secrets.add_text(&STANDARD.encode(format!("{user}:{secret}")));
                }
            }
            Some(AuthTemplate::Bearer(secret)) => secret.add_to_secrets(secrets),
            None => {}
        }
        let headers = self.headers.iter().filter(|header| is_secret(&header.0));
        let fields = self.fields().iter().filter(|field| is_secret(&field.0));
        for (_, template) in headers.chain(fields) {
            template.add_to_secrets(secrets);
        }
        let cookies = step
            .headers
            .iter()
            .filter(|header| header.0.eq_ignore_ascii_case("cookie"));
        let pairs = cookies.flat_map(|header| header.1.split(';'));
        for (_, value) in pairs.filter_map(|pair| pair.split_once('=')) {
            add_value(value.trim(), names, secrets);
        }
        if let Body::Text(text) = &step.body {
            for span in spans(text) {
                let value = &text[span.range];
                add_value(value, names, secrets);
                // What the target reads of it.
                if let Ok(plain) = serde_json::from_str::<String>(&format!("\"{value}\"")) {
                    add_value(&plain, names, secrets);
                }
                let mut decoded = url::form_urlencoded::parse(value.as_bytes());
                if let Some((plain, _)) = decoded.next().filter(|_| value.contains(['%', '+'])) {
                    add_value(&plain, names, secrets);
                }
            }
        }
        let fixed = step.url.as_str();
        let url = step
            .url_text
            .as_ref()
            .map_or(fixed, |text| text.text.as_str());
        for pair in url.split(['?', '&', '#']) {
            if let Some((name, value)) = pair.split_once('=')
                && is_secret(name)
            {
                add_value(value, names, secrets);
            }
        }
    }

    /// Whether all texts together stay within their limit: before any of them is put together.
    fn check_length(&self, session: &Session) -> Result<(), String> {
        let bytes: usize = self.templates().map(|text| text.bytes(session)).sum();
        match bytes > LONGEST_MADE_BYTES && !self.is_fixed() {
            true => Err(too_long(LONGEST_MADE_BYTES)),
            false => Ok(()),
        }
    }

    /// Bytes of its texts that do not vary.
    fn fixed_bytes(&self) -> usize {
        let nothing = Session::default();
        self.templates().map(|text| text.bytes(&nothing)).sum()
    }

    /// Makes the request with a session's values.
    pub(crate) fn make(&self, session: &Session) -> Result<MadeRequest, MakeError> {
        self.check_length(session).map_err(MakeError::Invalid)?;
        let fill = |template: &Template| template.fill(session).map_err(MakeError::NoValue);
        let (url, target) = self.make_url(session)?;
        let endpoint = match &self.endpoint {
            Some(endpoint) => endpoint.clone(),
            None => Endpoint::of(&url).map_err(MakeError::Invalid)?,
        };
        let mut headers = Vec::new();
        if let Some(auth) = &self.auth {
            let value = match auth {
                AuthTemplate::Basic(username, password) => {
                    let pair = format!("{}:{}", fill(username)?, fill(password)?);
                    format!("Basic {}", STANDARD.encode(pair))
                }
                AuthTemplate::Bearer(token) => format!("Bearer {}", fill(token)?),
            };
            headers.push(("Authorization".to_owned(), value));
        }
        for (name, value) in &self.headers {
            headers.push((name.clone(), fill(value)?));
        }
        let (body, content_type) = self.make_body(session)?;
        if let Some((content_type, is_required)) = content_type {
            let own = |header: &(String, String)| header.0.eq_ignore_ascii_case("content-type");
            if is_required {
                // The scenario's own value does not have the boundary.
                headers.retain(|header| !own(header));
            }
            if !headers.iter().any(own) {
                headers.push(("Content-Type".to_owned(), content_type));
            }
        }
        let request = Request::build(&RequestParts {
            method: &self.method,
            url: &url,
            target: Some(&target),
            headers: &headers,
            body: body.as_ref(),
            keepalive: self.keepalive,
            routes: &self.routes,
        })
        .map_err(MakeError::Invalid)?;
        if request.head_bytes > LONGEST_MADE_HEAD_BYTES {
            return Err(MakeError::Invalid(
                "its head is longer than 256 KiB".to_owned(),
            ));
        }
        Ok(MadeRequest {
            endpoint,
            request,
            url,
            headers,
            body,
        })
    }

    /// The URL with a session's values, and the target that is sent.
    fn make_url(&self, session: &Session) -> Result<(Url, String), MakeError> {
        let invalid = |why: &str| MakeError::Invalid(format!("its URL {why}"));
        let parts = url_parts(&self.url, session)?;
        let mut text = fill_url(String::new(), &parts)?;
        if !(text.starts_with("http://") || text.starts_with("https://")) {
            let base = fill_url(String::new(), &url_parts(&self.base, session)?)?;
            text = match base.is_empty() {
                true => text,
                // What is relative is put behind it, as its constant part is.
                false => fill_url(base, &parts)?,
            };
        }
        if text.chars().any(char::is_control) || text.trim() != text {
            return Err(invalid(
                "has control characters, or white space at its ends",
            ));
        }
        if !has_host(&text) {
            return Err(invalid("has no host, or port 0"));
        }
        // A link in an answer may have a user in it, which is not sent elsewhere.
        let mut url = Url::parse(&text).map_err(|error| invalid(&format!("is none: {error}")))?;
        if !url.has_host() || url.port() == Some(0) {
            return Err(invalid("has no host, or port 0"));
        }
        let target = request_target(&text).map_err(|why| invalid(&why))?;
        if dot_segments(&target) > self.dot_segments {
            return Err(invalid(
                "has a value with . or .. as a part of its path, which leads out of it",
            ));
        }
        // Fragments are not sent.
        url.set_fragment(None);
        Ok((url, target))
    }

    /// The body with its Content-Type, and whether that one is required.
    #[expect(
        clippy::type_complexity,
        reason = "used once, one line below its only caller"
    )]
    fn make_body(
        &self,
        session: &Session,
    ) -> Result<(Option<Arc<[u8]>>, Option<(String, bool)>), MakeError> {
        Ok(match &self.body {
            BodyTemplate::None => (None, None),
            BodyTemplate::Fixed(bytes) => (Some(bytes.clone()), None),
            BodyTemplate::Text(text) => {
                let text = text.fill(session).map_err(MakeError::NoValue)?;
                (Some(text.into_bytes().into()), None)
            }
            BodyTemplate::Form(fields) => {
                let body = fields.encode(session)?;
                (Some(body.into()), Some((FORM_TYPE.to_owned(), false)))
            }
            BodyTemplate::Multipart(parts) => {
                let body = parts.encode(session)?;
                (Some(body.into()), Some((parts.content_type(), true)))
            }
        })
    }
}
