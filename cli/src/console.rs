//! The files of the web console, which this program holds if they were there when it was
//! built. How they get to a browser is the pipeline's.

use dlt_pipeline::api::pages::Page;
use rust_embed::RustEmbed;

/// What `npm run build` makes of `console/`.
#[derive(RustEmbed)]
#[folder = "../console/dist"]
#[allow_missing = true]
struct Files;

/// What is shown if there are none.
const MISSING: &str = include_str!("console/missing.html");

/// Whether there are files.
pub fn is_built() -> bool {
    Files::get("index.html").is_some()
}

/// The document of `dlt runs report` without its numbers: no page of the console.
const REPORT: &str = "report.html";

/// That document, if there are files.
pub fn report_template() -> Option<String> {
    let file = Files::get(REPORT)?;
    String::from_utf8(file.data.into_owned()).ok()
}

/// The file of a path. What begins with a dot is the build's own.
pub fn page(name: &str) -> Option<Page> {
    let is_page = !name.starts_with('.') && name != REPORT;
    if let Some(file) = Files::get(name).filter(|_| is_page) {
        return Some(Page {
            content_type: content_type(file.metadata.mimetype()).into(),
            bytes: file.data,
        });
    }
    (name == "index.html").then(|| Page {
        bytes: MISSING.as_bytes().into(),
        content_type: "text/html; charset=utf-8".into(),
    })
}

/// A media type as it is sent: all texts are UTF-8, which a browser does not assume.
fn content_type(kind: &str) -> String {
    match kind.starts_with("text/") {
        true => format!("{kind}; charset=utf-8"),
        false => kind.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_sent_as_utf8() {
        assert_eq!(content_type("text/plain"), "text/plain; charset=utf-8");
        assert_eq!(content_type("image/svg+xml"), "image/svg+xml");
    }

    #[test]
    fn there_is_always_a_first_page() {
        let first = page("index.html").unwrap();
        assert!(first.content_type.starts_with("text/html"));
        for none in ["../Cargo.toml", "no-such.js", REPORT] {
            assert!(page(none).is_none(), "{none}");
        }
    }
}
