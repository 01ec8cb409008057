//! MCP on stdin and stdout: one client, which started this process and ends it
//! by closing its end. Nothing else may be written there.

use crate::server::Server;
use rmcp::ServiceExt as _;
use rmcp::service::ServerInitializeError;
use rmcp::transport::stdio;

/// Why it ended badly.
#[derive(Debug, thiserror::Error)]
pub enum StdioError {
    /// The client began with something else than MCP.
    #[error("the client does not speak MCP: {0}")]
    Initialize(String),
    /// A bug.
    #[error("the server ended: {0}")]
    Ended(String),
}

/// Serves until the client goes.
pub async fn serve(server: Server) -> Result<(), StdioError> {
    let running = match server.serve(stdio()).await {
        Ok(running) => running,
        // A client that goes before it said anything has the right to.
        Err(ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
        Err(error) => return Err(StdioError::Initialize(error.to_string())),
    };
    let ended = running.waiting().await;
    ended.map_err(|error| StdioError::Ended(error.to_string()))?;
    Ok(())
}
