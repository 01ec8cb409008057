//! The options of a curl command (curl's manual page) as a request.

use super::options::{KNOWN, PLAIN, WITHOUT_USE};
use super::{Imported, ImportedBody, address, named_once};
use crate::scenario::plan::HttpChoice;
use crate::scenario::requests::headers::is_token;
use base64::Engine as _;

const METHODS: [&str; 7] = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"];
/// Longest name of a header or field: it becomes a key of YAML, which has at most 1,024 characters (YAML
/// 1.2.2, 7.4).
const LONGEST_NAME: usize = 1_000;
/// Headers that follow from the request itself.
const FROM_THE_REQUEST: [&str; 3] = ["content-length", "connection", "transfer-encoding"];

/// A command under way.
#[derive(Default)]
struct Command {
    request: Imported,
    url: Option<String>,
    method: Option<String>,
    data: Vec<String>,
    file: Option<String>,
    fields: Vec<(String, String)>,
    uploads: Vec<(String, String, Option<String>)>,
    /// Content-Type, Accept and the like where no header says them.
    implied: Vec<(&'static str, String)>,
    /// Headers of curl's own that were taken out.
    taken_out: Vec<String>,
    /// `-U`: the user and the password of the proxy.
    proxy_user: Option<String>,
    is_get: bool,
    globs: bool,
}

/// Reads the words after `curl`.
pub(super) fn options(words: &[String]) -> Result<Imported, String> {
    let mut command = Command {
        globs: true,
        ..Command::default()
    };
    let mut words = words.iter().map(String::as_str);
    let mut only_urls = false;
    while let Some(word) = words.next() {
        if only_urls || !word.starts_with('-') || word == "-" {
            command.url(word)?;
        } else if word == "--" {
            only_urls = true;
        } else if word.starts_with("--") {
            let (name, glued) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (word, None),
            };
            let mut value = || glued.or_else(|| words.next());
            command.option(name, &mut value)?;
        } else {
            command.cluster(word, &mut words)?;
        }
    }
    command.ended()
}

impl Command {
    /// `-sSL`, `-XPOST`: letters without a value, at the end one that may have one.
    fn cluster<'w>(
        &mut self,
        word: &'w str,
        words: &mut impl Iterator<Item = &'w str>,
    ) -> Result<(), String> {
        let mut rest = &word[1..];
        while let Some(letter) = rest.chars().next() {
            rest = &rest[letter.len_utf8()..];
            let name = format!("-{letter}");
            let mut glued = (!rest.is_empty()).then_some(rest);
            let mut took = false;
            let mut value = || {
                took = true;
                glued.take().or_else(|| words.next())
            };
            self.option(&name, &mut value)?;
            if took {
                return Ok(());
            }
        }
        Ok(())
    }

    fn option<'w>(
        &mut self,
        name: &str,
        value: &mut dyn FnMut() -> Option<&'w str>,
    ) -> Result<(), String> {
        let is = |row: &&(&str, &str)| name == row.0 || name == row.1;
        let mut need = || value().ok_or_else(|| format!("{name} needs a value"));
        if PLAIN.iter().any(|row| is(&row)) {
            return Ok(());
        }
        if WITHOUT_USE.iter().any(|row| is(&row)) {
            let given = need()?;
            self.request.left_out.push(format!("{name} {given}"));
            return Ok(());
        }
        let row = KNOWN.iter().find(|row| name == row.0 || name == row.1);
        let Some((_, long, has_value)) = row else {
            return Err(format!(
                "{name} is an option of curl that dlt does not have, or that is not known; leave it out if the test \
                 is meant without it"
            ));
        };
        let given = if *has_value { need()? } else { "" };
        match *long {
            "--data" | "--data-ascii" | "--data-raw" | "--data-binary" | "--data-urlencode"
            | "--json" | "--form" | "--form-string" | "--upload-file" => self.content(long, given),
            long => self.of_request(long, given),
        }
    }

    fn of_request(&mut self, long: &str, given: &str) -> Result<(), String> {
        let request = &mut self.request;
        let text = given.to_owned();
        match long {
            "--request" => self.method = Some(given.to_ascii_uppercase()),
            "--header" => return self.header(given),
            "--user-agent" => request.headers.push(("User-Agent".to_owned(), text)),
            "--referer" => request.headers.push(("Referer".to_owned(), text)),
            "--cookie" if !given.contains('=') => {
                return Err(format!(
                    "-b {given} is a file of cookies, which is not read; paste them like -b 'name=value'"
                ));
            }
            "--cookie" => request.headers.push(("Cookie".to_owned(), text)),
            "--user" => {
                let (user, password) = given.split_once(':').ok_or_else(|| {
                    format!("-u {given} asks for a password; write it like -u {given}:PASSWORD")
                })?;
                request.user = Some((user.to_owned(), password.to_owned()));
            }
            "--oauth2-bearer" => {
                let value = format!("Bearer {given}");
                request.headers.push(("Authorization".to_owned(), value));
            }
            "--max-time" => request.limits[0] = Some(text),
            "--connect-timeout" => request.limits[1] = Some(text),
            "--cacert" => request.tls_files[0] = Some(text),
            "--cert" => request.tls_files[1] = Some(text),
            "--key" => request.tls_files[2] = Some(text),
            "--resolve" => request.elsewhere[0].push(text),
            "--connect-to" => request.elsewhere[1].push(text),
            "--noproxy" => request.no_proxy = Some(text),
            "--proxy" if given.contains("://") => request.proxy = Some(text),
            "--proxy" => request.proxy = Some(format!("http://{given}")),
            "--socks5" => request.proxy = Some(format!("socks5://{given}")),
            "--socks5-hostname" => request.proxy = Some(format!("socks5h://{given}")),
            "--proxy-user" => self.proxy_user = Some(text),
            "--url" => return self.url(given),
            "--head" => self.method = self.method.take().or(Some("HEAD".to_owned())),
            "--get" => self.is_get = true,
            "--location" => request.follows = true,
            "--insecure" => request.insecure = true,
            "--compressed" => self.imply("Accept-Encoding", "gzip, deflate"),
            "--globoff" => self.globs = false,
            "--basic" => {}
            "--max-redirs" => request.left_out.push(format!(
                "--max-redirs {given} (max-redirects of a scenario says it)"
            )),
            // What dlt does by itself: over https the server chooses.
            "--http2" => {}
            "--http1.1" => request.http = Some(HttpChoice::Http1),
            "--http2-prior-knowledge" => request.http = Some(HttpChoice::Http2),
            other => request
                .left_out
                .push(format!("{other} (HTTP/1.1 or HTTP/2 is sent)")),
        }
        Ok(())
    }

    fn imply(&mut self, name: &'static str, value: &str) {
        if !self.implied.iter().any(|row| row.0 == name) {
            self.implied.push((name, value.to_owned()));
        }
    }

    fn header(&mut self, line: &str) -> Result<(), String> {
        // curl's way of an empty one; `Name:` takes out what curl would send by itself.
        let is_empty_one = line.ends_with(';') && !line.contains(':');
        let line =
            line.strip_suffix(';')
                .map_or(line.to_owned(), |name| match name.contains(':') {
                    true => line.to_owned(),
                    // curl's way of an empty one.
                    false => format!("{name}:"),
                });
        let (name, value) = line
            .split_once(':')
            .filter(|(name, _)| !name.trim().is_empty())
            .ok_or_else(|| format!("the header {line:?} has no colon"))?;
        let name = name.trim();
        if !name.bytes().all(is_token) || name.len() > LONGEST_NAME {
            return Err(format!(
                "{:?} is no name of a header: letters, digits and !#$%&'*+-.^_`|~ are allowed, at most {LONGEST_NAME}",
                cut(name)
            ));
        }
        if FROM_THE_REQUEST
            .iter()
            .any(|own| name.eq_ignore_ascii_case(own))
        {
            let left_out = &mut self.request.left_out;
            left_out.push(format!("the header {name} (it follows from the request)"));
            return Ok(());
        }
        if value.trim().is_empty() && !is_empty_one {
            let left_out = &mut self.request.left_out;
            left_out.push(format!("-H {name}: (it takes out a header of curl's own)"));
            self.taken_out.push(name.to_owned());
            return Ok(());
        }
        let pair = (name.to_owned(), value.trim().to_owned());
        self.request.headers.push(pair);
        Ok(())
    }

    fn content(&mut self, long: &str, given: &str) -> Result<(), String> {
        let file = given.strip_prefix('@').filter(|_| long != "--data-raw");
        match (long, file) {
            ("--form" | "--form-string", _) => return self.field(long, given),
            ("--upload-file", _) => {
                self.file = Some(given.to_owned());
                self.method = self.method.take().or(Some("PUT".to_owned()));
                return Ok(());
            }
            ("--data-urlencode", _) => self.data.push(encoded(given)?),
            (_, Some(file)) => {
                if long == "--data" || long == "--data-ascii" {
                    let note = "that curl takes line breaks out of the file: it is sent as it is";
                    self.request.left_out.push(note.to_owned());
                }
                self.file = Some(file.to_owned());
            }
            (_, None) => self.data.push(given.to_owned()),
        }
        if long == "--json" {
            self.imply("Content-Type", "application/json");
            self.imply("Accept", "application/json");
        }
        self.imply("Content-Type", "application/x-www-form-urlencoded");
        Ok(())
    }

    fn field(&mut self, long: &str, given: &str) -> Result<(), String> {
        let (name, value) = given
            .split_once('=')
            .ok_or_else(|| format!("-F {given} is no NAME=VALUE"))?;
        // As it stands in a file, quoted.
        if format!("{name:?}").len() > LONGEST_NAME {
            return Err(format!(
                "-F {:?}…: the name of a field is longer than a file can have it ({LONGEST_NAME} characters)",
                cut(name)
            ));
        }
        let name = name.to_owned();
        match value.strip_prefix('@').filter(|_| long == "--form") {
            None if long == "--form" && value.starts_with('<') => Err(format!(
                "-F {given} takes its value from a file; paste the value"
            )),
            None if long == "--form" && (value.contains(';') || value.starts_with('"')) => {
                Err(format!(
                    "-F {given}: a type or quotes of a field are not done by dlt; if they are its text, use --form-string"
                ))
            }
            None => {
                self.fields.push((name, value.to_owned()));
                Ok(())
            }
            Some(file) => {
                let mut parts = file.split(';');
                let path = parts.next().unwrap_or_default().to_owned();
                let mut mime = None;
                for part in parts {
                    match part.split_once('=') {
                        Some(("type", kind)) => mime = Some(kind.to_owned()),
                        _ => {
                            return Err(format!(
                                "-F {given}: ;{part} is not done by dlt; leave it out"
                            ));
                        }
                    }
                }
                self.uploads.push((name, path, mime));
                Ok(())
            }
        }
    }

    fn url(&mut self, word: &str) -> Result<(), String> {
        match &self.url {
            Some(url) => Err(format!(
                "there are two URLs, {url} and {word}: paste one command at a time"
            )),
            None => {
                self.url = Some(word.to_owned());
                Ok(())
            }
        }
    }

    fn ended(mut self) -> Result<Imported, String> {
        let written = self.url.take().ok_or("the curl command names no URL")?;
        let (mut url, user) = address(&written)?;
        let rest = url.split_once("://").map_or("", |(_, rest)| rest);
        let path = rest.find('/').map_or("", |at| &rest[at..]);
        if self.globs && path.contains(['{', '[']) {
            return Err(format!(
                "{written} is several URLs for curl; write one, or give -g if it is one"
            ));
        }
        let mut kinds = [
            !self.data.is_empty(),
            self.file.is_some(),
            !(self.fields.is_empty() && self.uploads.is_empty()),
        ];
        if self.is_get && kinds[0] {
            let sign = if url.contains('?') { '&' } else { '?' };
            url = format!("{url}{sign}{}", self.data.join("&"));
            kinds[0] = false;
            self.implied.retain(|row| row.0 != "Content-Type");
        }
        if kinds.iter().filter(|kind| **kind).count() > 1 {
            return Err("the body is of several kinds (-d, a file, -F): keep one".to_owned());
        }
        let mut request = self.request;
        if let Some(user) = self.proxy_user {
            request.proxy = Some(with_user(request.proxy, &user)?);
        }
        if kinds[2] && self.uploads.is_empty() {
            return Err(
                "-F without a file is multipart/form-data, which dlt sends only with a file; use -d NAME=VALUE if urlencoded will do"
                    .to_owned(),
            );
        }
        request.body = match kinds {
            [true, ..] => ImportedBody::Text(self.data.join("&")),
            [_, true, _] => ImportedBody::File(self.file.unwrap_or_default()),
            [.., true] => ImportedBody::Form(named_once(self.fields)?, self.uploads),
            _ => ImportedBody::None,
        };
        let usual = match request.body {
            ImportedBody::None => "GET",
            _ => "POST",
        };
        request.method = self.method.unwrap_or_else(|| usual.to_owned());
        if !METHODS.contains(&request.method.as_str()) {
            return Err(format!(
                "the method {} is not one of {}",
                request.method,
                METHODS.join(", ")
            ));
        }
        for (name, value) in self.implied {
            let has = |row: &(String, String)| row.0.eq_ignore_ascii_case(name);
            let is_out = self
                .taken_out
                .iter()
                .any(|out| out.eq_ignore_ascii_case(name));
            if !is_out && !request.headers.iter().any(has) {
                request.headers.push((name.to_owned(), value));
            }
        }
        request.url = url;
        request.user = request.user.or(user);
        one_authorization(&mut request)?;
        Ok(request)
    }
}

/// A proxy's URL with its user and password.
fn with_user(proxy: Option<String>, user: &str) -> Result<String, String> {
    let Some((scheme, rest)) = proxy.as_deref().and_then(|it| it.split_once("://")) else {
        return Err("-U is the user of a proxy, and no proxy (-x) is given".to_owned());
    };
    if rest.contains('@') {
        return Err("-U is given beside a user in the proxy's URL: keep one".to_owned());
    }
    let (name, password) = user
        .split_once(':')
        .ok_or("-U asks for a password; write it like -U USER:PASSWORD")?;
    let (name, password) = (percent_encoded(name), percent_encoded(password));
    Ok(format!("{scheme}://{name}:{password}@{rest}"))
}

/// A text as a message has it.
fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}

/// User and password beside a header that says them: one is kept if they are the same.
fn one_authorization(request: &mut Imported) -> Result<(), String> {
    let Some((user, password)) = &request.user else {
        return Ok(());
    };
    let code = base64::prelude::BASE64_STANDARD.encode(format!("{user}:{password}"));
    let is = |row: &(String, String)| row.0.eq_ignore_ascii_case("authorization");
    match request.headers.iter().find(|row| is(row)) {
        Some((_, value)) if *value != format!("Basic {code}") => {
            Err("a user is given beside a header Authorization: keep one".to_owned())
        }
        _ => {
            request.headers.retain(|row| !is(row));
            Ok(())
        }
    }
}

/// The value of `--data-urlencode`: `content`, `=content`, `name=content`.
fn encoded(given: &str) -> Result<String, String> {
    match given.find(['=', '@']) {
        Some(at) if given[at..].starts_with('@') => Err(format!(
            "--data-urlencode {given} takes its value from a file; paste the value"
        )),
        Some(0) => Ok(percent_encoded(&given[1..])),
        Some(at) => Ok(format!(
            "{}={}",
            &given[..at],
            percent_encoded(&given[at + 1..])
        )),
        None => Ok(percent_encoded(given)),
    }
}

/// A text with all signs percent-encoded that stand for something in URLs.
fn percent_encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}
