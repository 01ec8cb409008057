//! The request that follows a redirect.

use super::{Sent, SentRequest, Walker};
use crate::engine::http::redirect::{self, Hop};
use crate::engine::http::request::RequestParts;

impl Walker {
    #[cold]
    pub(super) fn next_hop(
        &self,
        sent: &SentRequest<'_>,
        status: u16,
        location: &[u8],
    ) -> Result<Hop, String> {
        let Sent::Request(made) = sent.what else {
            return Err("it is not followed".to_owned());
        };
        let (body, headers) = (made.request.body(), made.request.own_headers());
        let body = body.as_ref();
        let plan = self.group.plan();
        let keepalive = plan.connection_policy.keeps();
        let routes = &self.group.prepared().routes;
        let parts = match sent.redirect {
            None => RequestParts {
                method: &plan.steps[sent.n].method,
                url: made.url(),
                target: None,
                headers: &headers,
                body,
                keepalive,
                routes,
            },
            Some(hop) => RequestParts {
                method: &hop.method,
                url: &hop.url,
                target: None,
                headers: &hop.headers,
                body: body.filter(|_| hop.with_body),
                keepalive,
                routes,
            },
        };
        redirect::follow(&parts, status, location)
    }
}
