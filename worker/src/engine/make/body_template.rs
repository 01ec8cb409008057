//! What a request or a message carries, with its variables. `form` writes fields and files.

use crate::engine::make::form::{FORM_TYPE, FormFields, MakeError, Multipart};
use crate::engine::make::session::Session;
use crate::engine::make::template::Template;
use std::sync::Arc;

/// A body with its variables.
#[derive(Debug)]
pub(super) enum BodyTemplate {
    None,
    Fixed(Arc<[u8]>),
    Text(Template),
    Form(FormFields),
    Multipart(Multipart),
}

/// The Content-Type of a body.
#[derive(Debug)]
pub(super) struct ContentType {
    value: String,
    /// Whether it replaces the scenario's own, which does not have the boundary.
    is_required: bool,
}

impl ContentType {
    /// Adds it to the headers of a request.
    pub(super) fn add_to(self, headers: &mut Vec<(String, String)>) {
        let own = |header: &(String, String)| header.0.eq_ignore_ascii_case("content-type");
        if self.is_required {
            headers.retain(|header| !own(header));
        }
        if !headers.iter().any(own) {
            headers.push(("Content-Type".to_owned(), self.value));
        }
    }
}

impl BodyTemplate {
    /// Whether it may differ from sample to sample.
    pub(super) fn may_vary(&self) -> bool {
        !matches!(self, Self::None | Self::Fixed(_))
    }

    /// What it says of itself.
    pub(super) fn content_type(&self) -> Option<ContentType> {
        let (value, is_required) = match self {
            Self::None | Self::Fixed(_) | Self::Text(_) => return None,
            Self::Form(_) => (FORM_TYPE.to_owned(), false),
            Self::Multipart(parts) => (parts.content_type(), true),
        };
        Some(ContentType { value, is_required })
    }

    /// The body with a session's values.
    pub(super) fn make(&self, session: &Session) -> Result<Option<Arc<[u8]>>, MakeError> {
        Ok(match self {
            Self::None => None,
            Self::Fixed(bytes) => Some(bytes.clone()),
            Self::Text(text) => {
                let text = text.fill(session).map_err(MakeError::NoValue)?;
                Some(text.into_bytes().into())
            }
            Self::Form(fields) => Some(fields.encode(session)?.into()),
            Self::Multipart(parts) => Some(parts.encode(session)?.into()),
        })
    }
}
