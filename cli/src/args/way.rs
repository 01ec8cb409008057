//! The arguments that say which way connections take. What they mean is `dlt_core::routing`'s.

use clap::Args;

/// Which way connections take to their target.
#[derive(Debug, Args, Default)]
pub struct WayFlags {
    /// Addresses for connections to a host and port (*: any host), as curl has it; TLS, Host and labels stay
    /// those of the URL; may be given several times
    #[arg(
        long,
        value_name = "HOST:PORT:ADDRESS[,ADDRESS]",
        help_heading = "Connection"
    )]
    pub resolve: Vec<String>,
    /// Another host and port for connections to the first (empty: any, or the same), as curl has it, or
    /// unix:/PATH behind the second colon for a Unix socket; may be given several times
    #[arg(
        long,
        value_name = "HOST1:PORT1:HOST2:PORT2",
        help_heading = "Connection"
    )]
    pub connect_to: Vec<String>,
    /// Proxy for all requests: http://, socks5:// or socks5h:// (the proxy looks names up), with USER:PASSWORD@
    /// where it asks for them [env: http_proxy, https_proxy, all_proxy]
    #[arg(short = 'x', long, value_name = "URL", help_heading = "Connection")]
    pub proxy: Option<String>,
    /// Hosts that are reached without a proxy: names with all below them, addresses, ranges, * for all
    /// [env: no_proxy]
    #[arg(
        long,
        alias = "no-proxy",
        value_name = "LIST",
        help_heading = "Connection"
    )]
    pub noproxy: Option<String>,
}
