//! A scenario file made of what one has: a URL, or a curl command as browsers copy it. The
//! file is text with comments; that it is a good one is judged by whoever reads it. What
//! changes the meaning of a request and cannot be kept is a fault, never left out.

mod curl;
mod options;
mod shell;
/// The fields of a form, which a scenario has once each.
fn named_once(fields: Vec<(String, String)>) -> Result<Vec<(String, String)>, String> {
    let is_again =
        |(at, row): &(usize, &(String, String))| fields[..*at].iter().any(|it| it.0 == row.0);
    match fields.iter().enumerate().find(is_again) {
        Some((_, (name, _))) => Err(format!(
            "-F gives the field {name:?} twice, and a form of dlt has each once; keep one"
        )),
        None => Ok(fields),
    }
}

#[cfg(test)]
mod tests;
mod written;

use crate::scenario::plan::HttpChoice;
use curl::options;
use shell::words;

/// Most characters of a pasted command.
const LONGEST_COMMAND: usize = 1_000_000;

/// A request, as it was pasted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// The URL, with its scheme and without user and password.
    pub url: String,
    /// The method.
    pub method: String,
    /// Headers in order; a name may be repeated.
    pub headers: Vec<(String, String)>,
    /// What is sent.
    pub body: ImportedBody,
    /// User and password of basic auth.
    pub user: Option<(String, String)>,
    /// Whether redirects are followed.
    pub follows: bool,
    /// Whether any certificate is accepted.
    pub insecure: bool,
    /// The version of HTTP, where it is not left to the server.
    pub http: Option<HttpChoice>,
    /// PEM files: authorities, the client's certificate, its key.
    pub tls_files: [Option<String>; 3],
    /// `resolve` and `connect-to`: where connections go instead.
    pub elsewhere: [Vec<String>; 2],
    /// The proxy's URL.
    pub proxy: Option<String>,
    /// What is reached without it.
    pub no_proxy: Option<String>,
    /// Time limits in seconds: of the whole request, of connecting.
    pub limits: [Option<String>; 2],
    /// What was left out since a load test has no use for it, as sentences.
    pub left_out: Vec<String>,
}

/// What a pasted request sends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ImportedBody {
    /// Nothing.
    #[default]
    None,
    /// A text.
    Text(String),
    /// A file of this machine.
    File(String),
    /// Fields and files (param, path, Content-Type) of a form.
    Form(Vec<(String, String)>, Vec<(String, String, Option<String>)>),
}

impl Imported {
    /// Reads one text: a URL, or a curl command with its quotes.
    pub fn from_text(text: &str) -> Result<Self, String> {
        if text.chars().nth(LONGEST_COMMAND).is_some() {
            return Err(format!("it has more than {LONGEST_COMMAND} characters"));
        }
        let text = text.trim();
        let text = text.strip_prefix("$ ").unwrap_or(text).trim_start();
        match words(text)? {
            words if words.is_empty() => Err("nothing was given".to_owned()),
            words if is_curl(&words[0]) => Self::from_words(&words),
            words if words.len() > 1 => Err(format!(
                "{:?} is neither a URL, which has no spaces, nor a curl command",
                text.chars().take(80).collect::<String>()
            )),
            _ => Self::of_url(text),
        }
    }

    /// Reads words that a shell has split: a URL alone, or `curl` and what follows.
    pub fn from_words(words: &[String]) -> Result<Self, String> {
        match words {
            [] => Err("nothing was given".to_owned()),
            [first, rest @ ..] if is_curl(first) => options(rest),
            [one] => Self::from_text(one),
            [_, second, ..] => Err(format!(
                "{second:?} is one too many: give a URL, or a command that begins with curl"
            )),
        }
    }

    fn of_url(url: &str) -> Result<Self, String> {
        let (url, user) = address(url)?;
        Ok(Self {
            url,
            user,
            method: "GET".to_owned(),
            follows: true,
            ..Self::default()
        })
    }

    /// The scenario file, commented.
    pub fn to_yaml(&self) -> String {
        written::file(self)
    }
}

/// Whether a word is the program curl.
pub fn is_curl(word: &str) -> bool {
    word == "curl" || word == "curl.exe" || (word.ends_with("/curl") && !word.contains("://"))
}

/// A URL with its scheme, without a fragment; user and password beside it.
fn address(text: &str) -> Result<(String, Option<(String, String)>), String> {
    let whole = match text.contains("://") {
        true => text.to_owned(),
        false => format!("http://{text}"),
    };
    let shown: String = text.chars().take(80).collect();
    let scheme = whole
        .split("://")
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    if !matches!(scheme.as_str(), "http" | "https") {
        return Err(format!(
            "{shown:?} cannot be tested: only http:// and https:// can"
        ));
    }
    if let Err(error) = url::Url::parse(&whole) {
        return Err(format!("{shown:?} is no URL: {error}"));
    }
    let (plain, user) = super::requests::targets::without_user(&whole);
    // It is never sent.
    let plain = plain.split('#').next().unwrap_or_default();
    Ok((plain.to_owned(), user))
}
