//! What was sent, as its end is handled: a step's own request, that of a redirect, or a message.

use crate::engine::http::redirect::Hop;
use crate::engine::http::request::Request;
use crate::engine::make::made::MadeRequest;
use url::Url;

/// What a step sends.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sent<'a> {
    /// Its own request, which redirects may follow.
    Request(&'a MadeRequest),
    /// A message on the stream that was opened with this URL.
    Message(&'a Url),
}

/// A request of a step that was sent: the first, or that of a redirect.
pub(super) struct SentRequest<'a> {
    /// The number of the step.
    pub(super) n: usize,
    pub(super) label: usize,
    pub(super) what: Sent<'a>,
    /// The redirect that led to it.
    pub(super) redirect: Option<&'a Hop>,
    pub(super) hops: u32,
    /// As it was sent.
    pub(super) request: &'a Request,
    pub(super) due_us: u64,
    pub(super) sent_us: u64,
    /// Whether a user of closed load waits for it.
    pub(super) closed: bool,
}

impl SentRequest<'_> {
    pub(super) fn url(&self) -> &Url {
        match (self.redirect, self.what) {
            (Some(hop), _) => &hop.url,
            (None, Sent::Request(made)) => made.url(),
            (None, Sent::Message(url)) => url,
        }
    }
}
