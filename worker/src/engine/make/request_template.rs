//! Makes a step's request: once before the clock starts if nothing in it varies,
//! else for each sample from the session's values.

use crate::engine::files::PlanFiles;
use crate::engine::http::request::{Endpoint, Request, RequestParts};
use crate::engine::make::form::MakeError;
use crate::engine::make::layout::Layout;
use crate::engine::make::made::MadeRequest;
use crate::engine::make::messages::MessageTemplate;
use crate::engine::make::parts::{TemplateParts, check_head, invalid_url, with_controls};
use crate::engine::make::session::{Secrets, Session};
use crate::engine::make::template::Template;
use crate::engine::make::variable_names::VariableNames;
use dlt_core::routing::Routes;
use dlt_core::scenario::plan::{Group, Step, StepKind};
use dlt_core::scenario::requests::targets::{has_host, request_target, url_value};
use std::borrow::Cow;
use std::sync::Arc;
use url::Url;

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
    parts: TemplateParts,
    /// How its head is put together; None: it is built anew each time.
    layout: Option<Layout>,
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
        let parts = TemplateParts::compile((group, routes), step, names, files)?;
        parts.collect_secrets(step, names, secrets);
        let bytes = parts.fixed_bytes();
        if let StepKind::Message(message) = &step.kind {
            let made = MessageTemplate::of(message, parts.body, names)?;
            return Ok((Self::Message(Box::new(made)), bytes));
        }
        let is_fixed = parts.is_fixed();
        let template = RequestTemplate {
            layout: Layout::of(&parts),
            parts,
        };
        if !is_fixed {
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
            Self::Varying(template) => template.parts.endpoint.as_deref(),
            Self::Message(_) => None,
        }
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

impl RequestTemplate {
    /// Makes the request with a session's values.
    pub(crate) fn make(&self, session: &Session) -> Result<MadeRequest, MakeError> {
        let checked = self.parts.check_length(session);
        checked.map_err(MakeError::Invalid)?;
        match &self.layout {
            Some(layout) => layout.make(&self.parts, session),
            None => self.build(session),
        }
    }

    /// Builds all of it anew.
    fn build(&self, session: &Session) -> Result<MadeRequest, MakeError> {
        let (url, target) = self.make_url(session)?;
        let endpoint = match &self.parts.endpoint {
            Some(endpoint) => endpoint.clone(),
            None => Arc::new(Endpoint::of(&url).map_err(MakeError::Invalid)?),
        };
        let mut headers = Vec::new();
        if let Some(auth) = &self.parts.auth {
            headers.push(("Authorization".to_owned(), auth.value(session)?));
        }
        for (name, value) in &self.parts.headers {
            let value = value.fill(session).map_err(MakeError::NoValue)?;
            headers.push((name.clone(), value));
        }
        let body = self.parts.body.make(session)?;
        if let Some(content_type) = self.parts.body.content_type() {
            content_type.add_to(&mut headers);
        }
        let request = Request::build(&RequestParts {
            method: &self.parts.method,
            url: &url,
            target: Some(&target),
            headers: &headers,
            body: body.as_ref(),
            keepalive: self.parts.keepalive,
            routes: &self.parts.routes,
        })
        .map_err(MakeError::Invalid)?;
        check_head(request.head_bytes)?;
        Ok(MadeRequest::new(endpoint, request, url))
    }

    /// The URL with a session's values, and the target that is sent.
    fn make_url(&self, session: &Session) -> Result<(Url, String), MakeError> {
        let parts = url_parts(&self.parts.url, session)?;
        let mut text = fill_url(String::new(), &parts)?;
        if !(text.starts_with("http://") || text.starts_with("https://")) {
            let base = fill_url(String::new(), &url_parts(&self.parts.base, session)?)?;
            text = match base.is_empty() {
                true => text,
                // What is relative is put behind it, as its constant part is.
                false => fill_url(base, &parts)?,
            };
        }
        if text.chars().any(char::is_control) || text.trim() != text {
            return Err(with_controls());
        }
        if !has_host(&text) {
            return Err(invalid_url("has no host, or port 0"));
        }
        // A link in an answer may have a user in it, which is not sent elsewhere.
        let mut url =
            Url::parse(&text).map_err(|error| invalid_url(&format!("is none: {error}")))?;
        if !url.has_host() || url.port() == Some(0) {
            return Err(invalid_url("has no host, or port 0"));
        }
        let target = request_target(&text).map_err(|why| invalid_url(&why))?;
        self.parts.check_target(&target)?;
        // Fragments are not sent.
        url.set_fragment(None);
        Ok((url, target))
    }
}

#[cfg(test)]
mod tests;
