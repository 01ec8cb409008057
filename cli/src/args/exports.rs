//! `-o FORMAT[=PATH]`: in which formats a result is written, and where. Writing it is
//! left to `exports`.

use std::path::PathBuf;

/// A format of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// The run record.
    Json,
    /// A row for all, one a region, one a label.
    Csv,
    /// The document of `dlt runs report`.
    Html,
    /// Thresholds as test cases.
    Junit,
    /// A page of Markdown.
    Markdown,
}

/// A format and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// In which format.
    pub format: ExportFormat,
    /// The file; None is stdout.
    pub path: Option<PathBuf>,
}

const FORMATS: [(&str, ExportFormat); 5] = [
    ("json", ExportFormat::Json),
    ("csv", ExportFormat::Csv),
    ("html", ExportFormat::Html),
    ("junit", ExportFormat::Junit),
    ("md", ExportFormat::Markdown),
];

/// Reads `FORMAT[=PATH]`.
pub fn export(text: &str) -> Result<Export, String> {
    let (name, path) = match text.split_once('=') {
        Some((name, path)) => (name, Some(path)),
        None => (text, None),
    };
    let known = FORMATS.iter().find(|row| row.0 == name);
    let Some((_, format)) = known else {
        let ending = PathBuf::from(text);
        let ending = ending
            .extension()
            .and_then(|it| it.to_str())
            .unwrap_or_default();
        let of_ending = match ending {
            "xml" => "junit",
            "htm" => "html",
            ending => ending,
        };
        let hint = match FORMATS.iter().find(|row| row.0 == of_ending) {
            Some((format, _)) => format!("; for a file write -o {format}={text}"),
            None => "; write it like -o junit=result.xml".to_owned(),
        };
        let names: Vec<&str> = FORMATS.iter().map(|row| row.0).collect();
        return Err(format!("the format is one of {}{hint}", names.join(", ")));
    };
    match path {
        Some("") => Err(format!("names no file behind =; {name} alone is stdout")),
        path => Ok(Export {
            format: *format,
            path: path.filter(|path| *path != "-").map(PathBuf::from),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_go_to_stdout_or_to_a_file() {
        let of = |format, path: Option<&str>| {
            Ok(Export {
                format,
                path: path.map(PathBuf::from),
            })
        };
        assert_eq!(export("json"), of(ExportFormat::Json, None));
        assert_eq!(export("md=-"), of(ExportFormat::Markdown, None));
        assert_eq!(
            export("junit=a=b.xml"),
            of(ExportFormat::Junit, Some("a=b.xml"))
        );
        for (wrong, says) in [
            ("result.xml", "-o junit=result.xml"),
            ("out/r.html", "-o html=out/r.html"),
            ("yaml", "json, csv, html, junit, md"),
            ("csv=", "names no file"),
        ] {
            let why = export(wrong).unwrap_err();
            assert!(why.contains(says), "{wrong}: {why}");
        }
    }
}
