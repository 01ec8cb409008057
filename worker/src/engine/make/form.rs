//! Bodies that are made of fields and files: form-urlencoded, as a browser's form
//! sends them, or multipart/form-data.

use crate::engine::files::PlanFiles;
use crate::engine::make::session::Session;
use crate::engine::make::template::Template;
use crate::engine::make::variable_names::VariableNames;
use dlt_core::scenario::plan::Upload;
use std::path::Path;
use std::sync::Arc;
use url::form_urlencoded::Serializer;

/// The Content-Type of [`FormFields::encode`].
pub(crate) const FORM_TYPE: &str = "application/x-www-form-urlencoded";

/// The fields of a form, in order.
#[derive(Debug, Default)]
pub(crate) struct FormFields(pub(crate) Vec<(String, Template)>);

/// The fields and files of a multipart body.
#[derive(Debug)]
pub(crate) struct Multipart {
    boundary: String,
    pub(crate) fields: FormFields,
    /// The parts of the files and the end of the body, which never vary.
    files: Vec<u8>,
}

/// Why a request cannot be made.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum MakeError {
    /// The variable of this slot has no value.
    NoValue(usize),
    /// The result cannot be sent.
    Invalid(String),
}

impl FormFields {
    pub(crate) fn compile(
        fields: &[(String, String)],
        names: &VariableNames,
    ) -> Result<Self, String> {
        let compiled = fields
            .iter()
            .map(|(name, text)| Ok((name.clone(), Template::compile(text, names)?)));
        compiled.collect::<Result<_, String>>().map(Self)
    }

    /// Encodes them as a browser's form does.
    pub(crate) fn encode(&self, session: &Session) -> Result<Vec<u8>, MakeError> {
        let mut encoded = Serializer::new(String::new());
        for (name, template) in &self.0 {
            let value = template.fill(session).map_err(MakeError::NoValue)?;
            encoded.append_pair(name, &value);
        }
        Ok(encoded.finish().into_bytes())
    }
}

impl Multipart {
    /// Compiles the fields, and finds a boundary that no file contains.
    pub(crate) fn compile(
        fields: &[(String, String)],
        uploads: &[Upload],
        names: &VariableNames,
        files: &PlanFiles,
    ) -> Result<Self, String> {
        let mut contents: Vec<(&Upload, Arc<[u8]>)> = Vec::new();
        for upload in uploads {
            let bytes = files.get(&upload.path);
            contents.push((upload, bytes.map_err(|why| format!("upload-files: {why}"))?));
        }
        let boundary = (0u32..)
            .map(|n| format!("----dlt-boundary-{n:08x}"))
            .find(|boundary| contents.iter().all(|(_, bytes)| !contains(bytes, boundary)))
            .unwrap_or_default();
        let mut parts = Vec::new();
        for (upload, bytes) in contents {
            let name = Path::new(&upload.path)
                .file_name()
                .map(|name| escape(&name.to_string_lossy()))
                .unwrap_or_default();
            let (param, mime_type) = (&upload.param, &upload.mime_type);
            let head = format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"{param}\"; filename=\"{name}\"\r\nContent-Type: {mime_type}\r\n\r\n"
            );
            parts.extend_from_slice(head.as_bytes());
            parts.extend_from_slice(&bytes);
            parts.extend_from_slice(b"\r\n");
        }
        parts.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        Ok(Self {
            boundary,
            fields: FormFields::compile(fields, names)?,
            files: parts,
        })
    }

    pub(crate) fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={}", self.boundary)
    }

    pub(crate) fn encode(&self, session: &Session) -> Result<Vec<u8>, MakeError> {
        let mut body = Vec::new();
        for (name, template) in &self.fields.0 {
            let value = template.fill(session).map_err(MakeError::NoValue)?;
            if contains(value.as_bytes(), &self.boundary) {
                return Err(MakeError::Invalid(format!(
                    "field {name} holds the boundary of its form"
                )));
            }
            let part = format!(
                "--{}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n",
                self.boundary
            );
            body.extend_from_slice(part.as_bytes());
        }
        body.extend_from_slice(&self.files);
        Ok(body)
    }
}

fn contains(bytes: &[u8], boundary: &str) -> bool {
    bytes
        .windows(boundary.len())
        .any(|window| window == boundary.as_bytes())
}

/// Escapes a file name as browsers do between quotes.
fn escape(name: &str) -> String {
    name.replace('"', "%22")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}
