//! What a step's request is made of, with its variables, and what must hold of each request that is
//! made of it. `request_template` and `layout` put one together.

use crate::engine::files::PlanFiles;
use crate::engine::http::request::{Endpoint, basic};
use crate::engine::make::body_template::BodyTemplate;
use crate::engine::make::form::{FormFields, MakeError, Multipart};
use crate::engine::make::session::{Secrets, Session};
use crate::engine::make::template::{LONGEST_MADE_BYTES, Template, too_long};
use crate::engine::make::variable_names::{Variable, VariableNames};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dlt_core::routing::Routes;
use dlt_core::safety::{is_secret, spans};
use dlt_core::scenario::plan::{Auth, Body, Group, Step};
use dlt_core::scenario::requests::targets::{dot_segments, url_value};
use dlt_core::scenario::requests::variables::{Piece, pieces};
use std::sync::Arc;

/// Longest head of a request, bytes: no server accepts a longer one.
const LONGEST_MADE_HEAD_BYTES: usize = 256 * 1024;

/// What the request of a step is made of.
#[derive(Debug)]
pub(super) struct TemplateParts {
    pub(super) method: String,
    pub(super) keepalive: bool,
    pub(super) routes: Arc<Routes>,
    /// Precedes `url` unless the filled `url` is absolute.
    pub(super) base: Template,
    pub(super) url: Template,
    /// Parts `.` and `..` of the path that the scenario itself has.
    dot_segments: usize,
    /// Where the request goes, if that does not vary.
    pub(super) endpoint: Option<Arc<Endpoint>>,
    pub(super) headers: Vec<(String, Template)>,
    pub(super) auth: Option<AuthTemplate>,
    pub(super) body: BodyTemplate,
}

#[derive(Debug)]
pub(super) enum AuthTemplate {
    Basic(Template, Template),
    Bearer(Template),
}

impl AuthTemplate {
    /// The value of the Authorization header.
    pub(super) fn value(&self, session: &Session) -> Result<String, MakeError> {
        let fill = |template: &Template| template.fill(session).map_err(MakeError::NoValue);
        Ok(match self {
            Self::Basic(username, password) => basic(&fill(username)?, &fill(password)?),
            Self::Bearer(token) => format!("Bearer {}", fill(token)?),
        })
    }
}

/// Why a request is not made whose URL cannot be.
pub(super) fn invalid_url(why: &str) -> MakeError {
    MakeError::Invalid(format!("its URL {why}"))
}

/// The same of one with signs that no URL has.
pub(super) fn with_controls() -> MakeError {
    invalid_url("has control characters, or white space at its ends")
}

/// Refuses a head that is too long.
pub(super) fn check_head(bytes: usize) -> Result<(), MakeError> {
    match bytes > LONGEST_MADE_HEAD_BYTES {
        true => Err(MakeError::Invalid(
            "its head is longer than 256 KiB".to_owned(),
        )),
        false => Ok(()),
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

/// Parts `.` and `..` of a path whose values are words.
fn own_dot_segments(base: &Template, url: &Template) -> usize {
    let words = format!("{}{}", base.with_words(), url.with_words());
    // A whole URL in a value has a path of its own.
    let target = words
        .split_once("://")
        .map_or(words.as_str(), |(_, after)| after);
    dot_segments(target)
}

impl TemplateParts {
    pub(super) fn compile(
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
                Some(Arc::new(Endpoint::of(&step.url)?))
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

    pub(super) fn is_fixed(&self) -> bool {
        self.templates().all(|template| template.fixed().is_some())
    }

    /// Adds what stands in place of secrets: in auth, in headers, fields, parameters and parts of
    /// the body whose names say so. A target may show it under another name.
    pub(super) fn collect_secrets(
        &self,
        step: &Step,
        names: &VariableNames,
        secrets: &mut Secrets,
    ) {
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
    pub(super) fn check_length(&self, session: &Session) -> Result<(), String> {
        let bytes: usize = self.templates().map(|text| text.bytes(session)).sum();
        match bytes > LONGEST_MADE_BYTES && !self.is_fixed() {
            true => Err(too_long(LONGEST_MADE_BYTES)),
            false => Ok(()),
        }
    }

    /// Bytes of its texts that do not vary.
    pub(super) fn fixed_bytes(&self) -> usize {
        let nothing = Session::default();
        self.templates().map(|text| text.bytes(&nothing)).sum()
    }

    /// Refuses a target that values lead out of the path that it has without them.
    pub(super) fn check_target(&self, target: &str) -> Result<(), MakeError> {
        match dot_segments(target) > self.dot_segments {
            true => Err(invalid_url(
                "has a value with . or .. as a part of its path, which leads out of it",
            )),
            false => Ok(()),
        }
    }
}
