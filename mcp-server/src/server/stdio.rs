//! MCP on stdin and stdout, for one client, which starts this process and ends it by
//! closing stdin. Nothing else may be written to stdout.

use super::Server;
use rmcp::ServiceExt as _;
use rmcp::service::ServerInitializeError;
use rmcp::transport::stdio;

/// Why the server failed.
#[derive(Debug, thiserror::Error)]
pub enum StdioError {
    /// The client's first message was not an MCP initialization.
    #[error("the client does not speak MCP: {0}")]
    Initialize(String),
    /// The server's task failed, by a bug.
    #[error("the server ended: {0}")]
    Ended(String),
}

/// Serves until the client closes stdin.
pub async fn serve(server: Server) -> Result<(), StdioError> {
    let running = match server.serve(stdio()).await {
        Ok(running) => running,
        // A client may close the connection without any message.
        Err(ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
        Err(error) => return Err(StdioError::Initialize(error.to_string())),
    };
    let ended = running.waiting().await;
    ended.map_err(|error| StdioError::Ended(error.to_string()))?;
    Ok(())
}
