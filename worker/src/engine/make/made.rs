//! A request that was made, with what redirects, cookies and records need of it.

use crate::engine::http::request::{Endpoint, Request};
use std::sync::{Arc, OnceLock};
use url::{Position, Url};

/// A request, where it goes, and its URL.
#[derive(Debug)]
pub(crate) struct MadeRequest {
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) request: Request,
    url: RequestUrl,
}

/// The URL of a request.
#[derive(Debug)]
enum RequestUrl {
    Known(Url),
    /// That of the request's target, parsed when first asked for: most samples need none.
    OfTarget {
        /// A URL with the same user, host and port.
        origin: Arc<Url>,
        url: OnceLock<Url>,
    },
}

impl MadeRequest {
    /// A request whose URL is known.
    pub(super) fn new(endpoint: Arc<Endpoint>, request: Request, url: Url) -> Self {
        Self {
            endpoint,
            request,
            url: RequestUrl::Known(url),
        }
    }

    /// A request to the host of `origin`.
    pub(super) fn to_origin(endpoint: Arc<Endpoint>, request: Request, origin: Arc<Url>) -> Self {
        let url = RequestUrl::OfTarget {
            origin,
            url: OnceLock::new(),
        };
        Self {
            endpoint,
            request,
            url,
        }
    }

    /// Its URL, without a fragment.
    pub(crate) fn url(&self) -> &Url {
        match &self.url {
            RequestUrl::Known(url) => url,
            RequestUrl::OfTarget { origin, url } => url.get_or_init(|| {
                let host = &origin[..Position::BeforePath];
                let parsed = Url::parse(&format!("{host}{}", self.request.target()));
                // Behind a host any path is one.
                parsed.unwrap_or_else(|_| Url::clone(origin))
            }),
        }
    }
}
