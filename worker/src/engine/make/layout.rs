//! Lays a request out whose host never varies: the head is cut at what varies once, before the clock
//! starts, and put together for each sample. What such a head looks like is `http::request`'s: a
//! request is built with marks in place of values, and cut at them.

use crate::engine::http::request::{
    Endpoint, OwnLines, Request, RequestParts, check_value, tells_length,
};
use crate::engine::make::form::MakeError;
use crate::engine::make::made::MadeRequest;
use crate::engine::make::parts::{AuthTemplate, TemplateParts, check_head, with_controls};
use crate::engine::make::session::Session;
use crate::engine::make::template::Template;
use dlt_core::scenario::requests::targets::{authority_end, has_host, target_value};
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;
use url::Url;

/// A head, cut at what varies.
#[derive(Debug)]
pub(super) struct Layout {
    pieces: Vec<Piece>,
    target: Target,
    own: OwnLines,
    endpoint: Arc<Endpoint>,
    /// A URL of it.
    origin: Arc<Url>,
    /// About the length of a head, bytes.
    usual_bytes: usize,
}

#[derive(Debug)]
enum Piece {
    Text(String),
    Target,
    /// The value of the template's header of this number.
    Header(usize),
    Authorization,
    /// The header of a length that varies.
    Length,
}

/// Path and query with their variables.
#[derive(Debug)]
struct Target {
    text: Template,
    /// Of each value, whether a ? in it begins or belongs to a query.
    keeps_question_mark: Vec<bool>,
}

impl Target {
    /// That of a URL, and what precedes it; None if the host may vary, or if its constant text is not
    /// sent as it stands.
    fn of(url: &Template) -> Option<(Self, String)> {
        let mut texts = url.texts();
        let first = texts.next()??;
        let end = authority_end(first);
        let host = first.get(..end).filter(|_| end < first.len())?;
        let is_plain = |text: &str| {
            let sent = |byte: u8| byte.is_ascii_graphic() && byte != b'#';
            text.bytes().all(sent)
        };
        let is_absolute = first.starts_with("http://") || first.starts_with("https://");
        if !is_absolute || !has_host(first) || host.contains('\\') {
            return None;
        }
        let (mut in_query, mut keeps_question_mark) = (first.contains('?'), Vec::new());
        let mut texts = texts.peekable();
        while let Some(text) = texts.next() {
            match text {
                Some(text) => in_query |= text.contains('?'),
                None => keeps_question_mark.push(in_query || texts.peek().is_none()),
            }
        }
        if !url.texts().flatten().all(is_plain) {
            return None;
        }
        let slash = if first[end..].starts_with('/') {
            ""
        } else {
            "/"
        };
        let text = url.with_first_text(format!("{slash}{}", &first[end..]));
        Some((
            Self {
                text,
                keeps_question_mark,
            },
            host.to_owned(),
        ))
    }

    /// Puts it behind the head so far.
    fn push_to(&self, head: &mut String, session: &Session) -> Result<(), MakeError> {
        let mut keeps_question_mark = self.keeps_question_mark.iter();
        for part in self.text.pieces(session) {
            let (part, is_value) = part.map_err(MakeError::NoValue)?;
            if !is_value {
                head.push_str(&part);
                continue;
            }
            if part.bytes().any(|byte| byte.is_ascii_control()) {
                return Err(with_controls());
            }
            let keeps_question_mark = keeps_question_mark.next().copied().unwrap_or_default();
            head.push_str(&target_value(&part, keeps_question_mark));
        }
        Ok(())
    }
}

/// What stands for a value in the sample of a head; no head has it otherwise.
fn mark(number: usize) -> String {
    format!("dlt-value-{number}-of-a-layout-9e1c6f0b3a7d-")
}

/// Where a text holds another one, if it does so once.
fn only(text: &str, part: &str) -> Option<Range<usize>> {
    let at = text.find(part)?;
    (text.rfind(part) == Some(at)).then(|| at..at + part.len())
}

impl Layout {
    /// That of a step's request; None where its head has to be built anew each time.
    pub(super) fn of(parts: &TemplateParts) -> Option<Self> {
        let (target, host) = Target::of(&parts.url)?;
        let origin = Url::parse(&format!("{host}/")).ok()?;
        let endpoint = parts.endpoint.clone()?;
        let is_of_length = |name: &str| name.eq_ignore_ascii_case("content-length");
        if parts.routes.has_proxy()
            || Endpoint::of(&origin).ok().as_ref() != Some(&*endpoint)
            || parts.base.fixed() != Some("")
            || parts.headers.iter().any(|header| is_of_length(&header.0))
        {
            return None;
        }
        let (mut headers, mut marked) = (Vec::new(), vec![(mark(0), Piece::Target)]);
        if parts.auth.is_some() {
            headers.push(("Authorization".to_owned(), mark(1)));
            marked.push((mark(1), Piece::Authorization));
        }
        for (at, (name, value)) in parts.headers.iter().enumerate() {
            let value = value.fixed().map_or_else(
                || {
                    marked.push((mark(2 + at), Piece::Header(at)));
                    mark(2 + at)
                },
                str::to_owned,
            );
            headers.push((name.clone(), value));
        }
        if let Some(content_type) = parts.body.content_type() {
            content_type.add_to(&mut headers);
        }
        let body: Option<Arc<[u8]>> = match parts.body.may_vary() {
            true => Some(Arc::from(&b"?"[..])),
            false => parts.body.make(&Session::default()).ok()?,
        };
        let sample = Request::build(&RequestParts {
            method: &parts.method,
            url: &origin,
            target: Some(&mark(0)),
            headers: &headers,
            body: body.as_ref(),
            keepalive: parts.keepalive,
            routes: &parts.routes,
        });
        let sample = sample.ok()?;
        let head = std::str::from_utf8(sample.head()).ok()?;
        let mut cuts = Vec::new();
        for (mark, piece) in marked {
            cuts.push((only(head, &mark)?, piece));
        }
        if parts.body.may_vary() {
            let line = only(head, "\r\nContent-Length: 1\r\n")?;
            cuts.push((line.start + 2..line.end, Piece::Length));
        }
        Some(Self {
            pieces: cut(head, cuts),
            target,
            own: sample.own_lines(),
            endpoint,
            origin: Arc::new(origin),
            usual_bytes: head.len() + 64,
        })
    }

    /// Makes the request with a session's values.
    pub(super) fn make(
        &self,
        parts: &TemplateParts,
        session: &Session,
    ) -> Result<MadeRequest, MakeError> {
        let mut head = String::with_capacity(self.usual_bytes);
        let mut body = None;
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => head.push_str(text),
                Piece::Target => {
                    let from = head.len();
                    self.target.push_to(&mut head, session)?;
                    parts.check_target(&head[from..])?;
                }
                Piece::Header(at) => {
                    let (name, value) = &parts.headers[*at];
                    push_value(&mut head, name, value, session)?;
                }
                Piece::Authorization => match &parts.auth {
                    Some(AuthTemplate::Bearer(token)) => {
                        head.push_str("Bearer ");
                        push_value(&mut head, "Authorization", token, session)?;
                    }
                    Some(basic) => head.push_str(&basic.value(session)?),
                    None => {}
                },
                Piece::Length => {
                    body = parts.body.make(session)?;
                    let bytes = body.as_ref().map_or(0, |body| body.len());
                    if bytes > 0 || tells_length(&parts.method) {
                        // Text takes whatever is written.
                        let _ = write!(head, "Content-Length: {bytes}\r\n");
                    }
                }
            }
        }
        if !parts.body.may_vary() {
            body = parts.body.make(session)?;
        }
        let head = head.into_bytes();
        check_head(head.len())?;
        let request = Request::of_head(head, body.as_ref(), self.own, &parts.method);
        let (endpoint, origin) = (self.endpoint.clone(), self.origin.clone());
        Ok(MadeRequest::to_origin(endpoint, request, origin))
    }
}

/// Puts the value of a header behind the head so far.
fn push_value(
    head: &mut String,
    name: &str,
    value: &Template,
    session: &Session,
) -> Result<(), MakeError> {
    let from = head.len();
    value.push_to(head, session).map_err(MakeError::NoValue)?;
    check_value(name, &head[from..]).map_err(MakeError::Invalid)
}

/// A text with pieces in place of its parts.
fn cut(text: &str, mut cuts: Vec<(Range<usize>, Piece)>) -> Vec<Piece> {
    cuts.sort_by_key(|(range, _)| range.start);
    let (mut pieces, mut at) = (Vec::new(), 0);
    for (range, piece) in cuts {
        pieces.push(Piece::Text(text[at..range.start].to_owned()));
        pieces.push(piece);
        at = range.end;
    }
    pieces.push(Piece::Text(text[at..].to_owned()));
    pieces
}
