//! HTTP/2: many requests on one connection. Framing, header compression and flow control
//! are the crate `h2`'s; here stand the limits it gets, which connection a request takes
//! (`pool`), what is measured of it (`meter`, `frames`), and what its errors mean
//! (`errors`). A task of its own drives each connection; requests are not spawned.

mod connection;
mod errors;
mod exchange;
mod frames;
mod meter;
mod pool;

pub(crate) use self::connection::H2Connection;
pub(super) use self::errors::Again;
pub(super) use self::exchange::exchange;
pub(crate) use self::pool::{Lease, Pool, Shared};
