//! What the tests that cross rooms stand on: a target server that keeps the
//! truth, the `dlt` command run in a data folder of its own, and the processes
//! it leaves or should not leave. What is expected of `dlt` stands in the
//! tests themselves.

pub mod agentcore;
pub mod behaviour;
pub mod browser;
pub mod calm;
pub mod certificates;
pub mod cognito;
pub mod command;
pub mod cores;
pub mod deployed;
pub mod dns;
pub mod documents;
pub mod emulator;
pub mod engine;
pub mod fault_proxy;
pub mod gateway;
pub mod http;
pub mod issuer;
pub mod log;
pub mod mangle;
pub mod mcp;
pub mod mqtt;
pub mod objects;
pub mod patience;
pub mod processes;
pub mod quota;
pub mod recorder;
pub mod registry;
pub mod signature;
pub mod steady;
pub mod target;
pub mod truth;
pub mod up;
pub mod world;

mod connection;
