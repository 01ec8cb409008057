//! Messages of streams with the values of variables: what is sent, and what an awaited one has to
//! hold.

use crate::engine::http::messages::Payload;
use crate::engine::make::body_template::BodyTemplate;
use crate::engine::make::form::MakeError;
use crate::engine::make::session::Session;
use crate::engine::make::template::{LONGEST_MADE_BYTES, Template, too_long};
use crate::engine::make::variable_names::VariableNames;
use dlt_core::scenario::plan::Message;

/// A message with its variables.
#[derive(Debug)]
pub(crate) struct MessageTemplate {
    body: BodyTemplate,
    holding: Option<Template>,
    pub(crate) awaits: bool,
}

impl MessageTemplate {
    pub(super) fn of(
        message: &Message,
        body: BodyTemplate,
        names: &VariableNames,
    ) -> Result<Self, String> {
        let holding = message.holding.as_ref();
        let holding = holding.map(|text| Template::compile(text, names));
        Ok(Self {
            body,
            holding: holding.transpose()?,
            awaits: message.awaits,
        })
    }

    /// What is sent, with a session's values; None if nothing is.
    pub(crate) fn payload(&self, session: &Session) -> Result<Option<Payload>, MakeError> {
        Ok(match &self.body {
            BodyTemplate::Text(text) => {
                if text.bytes(session) > LONGEST_MADE_BYTES {
                    return Err(MakeError::Invalid(too_long(LONGEST_MADE_BYTES)));
                }
                Some(Payload::Text(
                    text.fill(session).map_err(MakeError::NoValue)?,
                ))
            }
            BodyTemplate::Fixed(bytes) => Some(Payload::Binary(bytes.clone())),
            _ => None,
        })
    }

    /// What the awaited message has to hold.
    pub(crate) fn holding(&self, session: &Session) -> Result<Option<String>, MakeError> {
        let filled = self.holding.as_ref().map(|text| text.fill(session));
        filled.transpose().map_err(MakeError::NoValue)
    }
}
