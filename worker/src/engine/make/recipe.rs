//! How a step's request is made: once before the clock starts if nothing in
//! it changes, else for each sample from the session's values.

use crate::engine::files::Files;
use crate::engine::http::request::{Endpoint, Parts, Request};
use crate::engine::make::form::{FORM_TYPE, Fields, Multipart, Unmade};
use crate::engine::make::session::{Names, Secrets, Session};
use crate::engine::make::template::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dlt_core::safety::is_secret;
use dlt_core::scenario::plan::{Auth, Body, Group, Step};
use std::sync::Arc;
use url::Url;

/// Longest head that is made of values, bytes: no server takes more.
const LONGEST_MADE_HEAD_BYTES: usize = 256 * 1024;

/// A request with what it was made of, which redirects need.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) endpoint: Endpoint,
    pub(crate) request: Request,
    pub(crate) url: Url,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<Arc<[u8]>>,
}

/// A step's request.
#[derive(Debug)]
pub(crate) enum Shape {
    /// Always the same.
    Fixed(Box<Made>),
    /// Made for each sample.
    Varying(Box<Recipe>),
}

/// What a request is made of.
#[derive(Debug)]
pub(crate) struct Recipe {
    method: String,
    keepalive: bool,
    /// Stands before `url` unless that turns out to be absolute.
    base: Template,
    url: Template,
    /// Where it goes, if that does not vary.
    pub(crate) endpoint: Option<Endpoint>,
    headers: Vec<(String, Template)>,
    auth: Option<AuthRecipe>,
    content: Content,
}

#[derive(Debug)]
enum AuthRecipe {
    Basic(Template, Template),
    Bearer(Template),
}

#[derive(Debug)]
enum Content {
    None,
    Fixed(Arc<[u8]>),
    Text(Template),
    Form(Fields),
    Multipart(Multipart),
}

impl Shape {
    /// Prepares a step's request and notes what in it is secret.
    pub(crate) fn of(
        group: &Group,
        step: &Step,
        names: &Names,
        files: &Files,
        secrets: &mut Secrets,
    ) -> Result<Self, String> {
        let recipe = Recipe::of(group, step, names, files)?;
        recipe.secrets(step, names, secrets);
        if !recipe.is_fixed() {
            return Ok(Self::Varying(Box::new(recipe)));
        }
        match recipe.make(&Session::default()) {
            Ok(made) => Ok(Self::Fixed(Box::new(made))),
            Err(Unmade::Wrong(why)) => Err(why),
            Err(Unmade::Missing(slot)) => Err(format!("variable {} varies", names.name(slot))),
        }
    }

    /// Where it goes, if that is known beforehand.
    pub(crate) fn endpoint(&self) -> Option<&Endpoint> {
        match self {
            Self::Fixed(made) => Some(&made.endpoint),
            Self::Varying(recipe) => recipe.endpoint.as_ref(),
        }
    }
}

impl Recipe {
    fn of(group: &Group, step: &Step, names: &Names, files: &Files) -> Result<Self, String> {
        let compile = |text: &str| Template::compile(text, names);
        let (base, url) = match &step.url_text {
            Some(text) => (compile(&text.base)?, compile(&text.text)?),
            None => (Template::default(), compile(step.url.as_str())?),
        };
        let mut headers = Vec::new();
        for (name, value) in &step.headers {
            headers.push((name.clone(), compile(value)?));
        }
        let auth = match &step.auth {
            Some(Auth::Basic { username, password }) => {
                Some(AuthRecipe::Basic(compile(username)?, compile(password)?))
            }
            Some(Auth::Bearer(token)) => Some(AuthRecipe::Bearer(compile(token)?)),
            None => None,
        };
        let content = match &step.body {
            Body::None => Content::None,
            Body::Text(text) => Content::Text(compile(text)?),
            Body::File(path) => {
                let bytes = files.get(path);
                Content::Fixed(bytes.map_err(|why| format!("body-file {why}"))?)
            }
            Body::Form(fields) => Content::Form(Fields::compile(fields, names)?),
            Body::Multipart(fields, uploads) => {
                Content::Multipart(Multipart::compile(fields, uploads, names, files)?)
            }
        };
        Ok(Self {
            method: step.method.clone(),
            keepalive: group.keepalive,
            base,
            url,
            endpoint: match step.host_is_fixed() {
                true => Some(Endpoint::of(&step.url)?),
                false => None,
            },
            headers,
            auth,
            content,
        })
    }

    fn templates(&self) -> impl Iterator<Item = &Template> {
        let headers = self.headers.iter().map(|header| &header.1);
        let auth: &[&Template] = match &self.auth {
            Some(AuthRecipe::Basic(username, password)) => &[username, password],
            Some(AuthRecipe::Bearer(token)) => &[token],
            None => &[],
        };
        let auth: Vec<&Template> = auth.to_vec();
        let fields = self.fields().iter().map(|field| &field.1);
        let text = match &self.content {
            Content::Text(text) => Some(text),
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
        match &self.content {
            Content::Form(fields) => &fields.0,
            Content::Multipart(multipart) => &multipart.fields.0,
            _ => &[],
        }
    }

    fn is_fixed(&self) -> bool {
        self.templates().all(|template| template.fixed().is_some())
    }

    /// What stands where secrets stand.
    fn secrets(&self, step: &Step, names: &Names, secrets: &mut Secrets) {
        match &self.auth {
            Some(AuthRecipe::Basic(_, secret) | AuthRecipe::Bearer(secret)) => {
                secret.is_secret(secrets);
            }
            None => {}
        }
        let headers = self.headers.iter().filter(|header| is_secret(&header.0));
        let fields = self.fields().iter().filter(|field| is_secret(&field.0));
        for (_, template) in headers.chain(fields) {
            template.is_secret(secrets);
        }
        let url = step.url_text.as_ref().map_or("", |text| text.text.as_str());
        for pair in url.split(['?', '&', '#']) {
            if let Some((name, value)) = pair.split_once('=')
                && is_secret(name)
                && let Ok(template) = Template::compile(value, names)
            {
                template.is_secret(secrets);
            }
        }
    }

    /// Makes the request of a session.
    pub(crate) fn make(&self, session: &Session) -> Result<Made, Unmade> {
        let fill = |template: &Template| template.fill(session).map_err(Unmade::Missing);
        let url = self.url(session)?;
        let endpoint = match &self.endpoint {
            Some(endpoint) => endpoint.clone(),
            None => Endpoint::of(&url).map_err(Unmade::Wrong)?,
        };
        let mut headers = Vec::new();
        if let Some(auth) = &self.auth {
            let value = match auth {
                AuthRecipe::Basic(username, password) => {
                    let pair = format!("{}:{}", fill(username)?, fill(password)?);
                    format!("Basic {}", STANDARD.encode(pair))
                }
                AuthRecipe::Bearer(token) => format!("Bearer {}", fill(token)?),
            };
            headers.push(("Authorization".to_owned(), value));
        }
        for (name, value) in &self.headers {
            headers.push((name.clone(), fill(value)?));
        }
        let (body, content_type) = self.body(session)?;
        if let Some((content_type, needed)) = content_type {
            let own = |header: &(String, String)| header.0.eq_ignore_ascii_case("content-type");
            if needed {
                // Only this one knows the boundary.
                headers.retain(|header| !own(header));
            }
            if !headers.iter().any(own) {
                headers.push(("Content-Type".to_owned(), content_type));
            }
        }
        let request = Request::build(&Parts {
            method: &self.method,
            url: &url,
            headers: &headers,
            body: body.as_ref(),
            keepalive: self.keepalive,
        })
        .map_err(Unmade::Wrong)?;
        if request.head_bytes > LONGEST_MADE_HEAD_BYTES {
            return Err(Unmade::Wrong("its head is longer than 256 KiB".to_owned()));
        }
        Ok(Made {
            endpoint,
            request,
            url,
            headers,
            body,
        })
    }

    fn url(&self, session: &Session) -> Result<Url, Unmade> {
        let fill = |template: &Template| template.fill(session).map_err(Unmade::Missing);
        let mut text = fill(&self.url)?;
        if !(text.starts_with("http://") || text.starts_with("https://")) {
            text.insert_str(0, &fill(&self.base)?);
        }
        let wrong = |why: &str| Unmade::Wrong(format!("its URL {why}"));
        // The URL standard drops these in silence.
        if text.chars().any(char::is_control) || text.trim() != text {
            return Err(wrong("has control characters, or white space at its ends"));
        }
        let mut url = Url::parse(&text).map_err(|error| wrong(&format!("is none: {error}")))?;
        if !url.has_host() || url.port() == Some(0) {
            return Err(wrong("has no host, or port 0"));
        }
        // A fragment is never sent.
        url.set_fragment(None);
        Ok(url)
    }

    /// The body with its Content-Type, and whether no other will do.
    #[expect(
        clippy::type_complexity,
        reason = "used once, one line below its only caller"
    )]
    fn body(
        &self,
        session: &Session,
    ) -> Result<(Option<Arc<[u8]>>, Option<(String, bool)>), Unmade> {
        Ok(match &self.content {
            Content::None => (None, None),
            Content::Fixed(bytes) => (Some(bytes.clone()), None),
            Content::Text(text) => {
                let text = text.fill(session).map_err(Unmade::Missing)?;
                (Some(text.into_bytes().into()), None)
            }
            Content::Form(fields) => {
                let body = fields.encode(session)?;
                (Some(body.into()), Some((FORM_TYPE.to_owned(), false)))
            }
            Content::Multipart(parts) => {
                let body = parts.encode(session)?;
                (Some(body.into()), Some((parts.content_type(), true)))
            }
        })
    }
}
