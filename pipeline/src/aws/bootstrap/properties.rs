//! The properties of a custom resource's request.

use crate::error::PipelineError;
use serde_json::{Map, Value};

/// A property that must be there.
pub(super) fn property<'a>(
    properties: &'a Map<String, Value>,
    name: &str,
) -> Result<&'a str, PipelineError> {
    let text = properties.get(name).and_then(Value::as_str);
    text.filter(|text| !text.is_empty()).ok_or_else(|| {
        PipelineError::Input(format!(
            "a custom resource has no property {name}; the stack's template sets it"
        ))
    })
}
