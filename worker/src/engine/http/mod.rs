//! How a request is made and its answer read. Knows sockets, TLS and HTTP/1.1;
//! knows neither the schedule nor what is remembered.

pub(super) mod addresses;
pub(super) mod ask;
pub(super) mod client;
pub(super) mod connect;
pub(super) mod decode;
pub(super) mod exchange;
pub(super) mod h1;
pub(super) mod hosts;
pub(super) mod kept;
pub(super) mod origin;
pub(super) mod redact;
pub(super) mod redirect;
pub(super) mod request;
pub(super) mod resolver;
pub(super) mod socket;
pub(super) mod stamps;
pub(super) mod tls;
