//! How a request is sent and its answer read: sockets, TLS, HTTP/1.1 and HTTP/2. It knows
//! neither the schedule nor the recorder.

pub(super) mod addresses;
pub(super) mod client;
pub(super) mod connect;
pub(super) mod decode;
pub(super) mod exchange;
pub(super) mod exchange_result;
mod folding;
pub(super) mod framing;
pub(super) mod h1;
pub(super) mod h2;
pub(super) mod h2_head;
pub(super) mod hosts;
pub(super) mod kept;
pub(super) mod messages;
mod named_host;
pub(super) mod origin;
pub(super) mod policy;
pub(super) mod redact;
pub(super) mod redirect;
pub(super) mod request;
pub(super) mod request_spec;
pub(super) mod resolver;
pub(super) mod socket;
mod spellings;
pub(super) mod stamps;
pub(super) mod stream;
pub(super) mod thread_io;
pub(super) mod tls;
pub(crate) mod tunnel;
pub(super) mod way;
