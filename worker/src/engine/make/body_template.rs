//! What a request or a message carries, with its variables. `form` writes fields and files.

use crate::engine::make::form::{FormFields, Multipart};
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
