//! The request that follows a redirect.

use super::{SentRequest, Walker};
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
        let Some(made) = sent.made else {
            return Err("it is not followed".to_owned());
        };
        let body = made.body.as_ref();
        let plan = self.group.plan();
        let keepalive = plan.connection_policy.keeps();
        let routes = &self.group.prepared().routes;
        let parts = match sent.redirect {
            None => RequestParts {
                method: &plan.steps[sent.n].method,
                url: &made.url,
                target: None,
                headers: &made.headers,
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
