//! Bodies that are made of fields and files: as a browser's form sends them,
//! or as multipart/form-data.

use crate::engine::files::Files;
use crate::engine::make::session::{Names, Session};
use crate::engine::make::template::Template;
use dlt_core::scenario::plan::Upload;
use std::path::Path;
use std::sync::Arc;
use url::form_urlencoded::Serializer;

/// The Content-Type of [`Fields::encode`].
pub(crate) const FORM_TYPE: &str = "application/x-www-form-urlencoded";

/// Fields of a form, in order.
#[derive(Debug, Default)]
pub(crate) struct Fields(pub(crate) Vec<(String, Template)>);

/// Fields and files.
#[derive(Debug)]
pub(crate) struct Multipart {
    boundary: String,
    pub(crate) fields: Fields,
    /// The files' parts and the end, which never change.
    files: Vec<u8>,
}

/// Why there is no body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unmade {
    /// A variable has no value.
    Missing(usize),
    /// What came of it cannot be sent.
    Wrong(String),
}

impl Fields {
    /// Compiles fields.
    pub(crate) fn compile(fields: &[(String, String)], names: &Names) -> Result<Self, String> {
        let compiled = fields
            .iter()
            .map(|(name, text)| Ok((name.clone(), Template::compile(text, names)?)));
        compiled.collect::<Result<_, String>>().map(Self)
    }

    /// As a browser's form sends them.
    pub(crate) fn encode(&self, session: &Session) -> Result<Vec<u8>, Unmade> {
        let mut encoded = Serializer::new(String::new());
        for (name, template) in &self.0 {
            let value = template.fill(session).map_err(Unmade::Missing)?;
            encoded.append_pair(name, &value);
        }
        Ok(encoded.finish().into_bytes())
    }
}

impl Multipart {
    /// Reads the files and finds a boundary that is in none of them.
    pub(crate) fn compile(
        fields: &[(String, String)],
        uploads: &[Upload],
        names: &Names,
        files: &Files,
    ) -> Result<Self, String> {
        let mut contents: Vec<(&Upload, Arc<[u8]>)> = Vec::new();
        for upload in uploads {
            let bytes = files.get(&upload.path);
            contents.push((upload, bytes.map_err(|why| format!("upload-files: {why}"))?));
        }
        let boundary = (0u32..)
            .map(|n| format!("----dlt-boundary-{n:08x}"))
            .find(|boundary| contents.iter().all(|(_, bytes)| !holds(bytes, boundary)))
            .unwrap_or_default();
        let mut parts = Vec::new();
        for (upload, bytes) in contents {
            let name = Path::new(&upload.path)
                .file_name()
                .map(|name| quoted(&name.to_string_lossy()))
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
            fields: Fields::compile(fields, names)?,
            files: parts,
        })
    }

    /// Its Content-Type.
    pub(crate) fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={}", self.boundary)
    }

    /// The whole body.
    pub(crate) fn encode(&self, session: &Session) -> Result<Vec<u8>, Unmade> {
        let mut body = Vec::new();
        for (name, template) in &self.fields.0 {
            let value = template.fill(session).map_err(Unmade::Missing)?;
            if holds(value.as_bytes(), &self.boundary) {
                return Err(Unmade::Wrong(format!(
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

fn holds(bytes: &[u8], boundary: &str) -> bool {
    bytes
        .windows(boundary.len())
        .any(|window| window == boundary.as_bytes())
}

/// A file's name as browsers write it between quotes.
fn quoted(name: &str) -> String {
    name.replace('"', "%22")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}
