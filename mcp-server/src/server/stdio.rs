//! MCP on stdin and stdout, for one client, which starts this process and ends it by
//! closing stdin. Nothing else may be written to stdout.

use super::Server;
use super::malformed::LONGEST_REQUEST_BYTES;
use rmcp::ServiceExt as _;
use rmcp::service::{RoleServer, ServerInitializeError};
use rmcp::transport::async_rw::AsyncRwTransport;
use rmcp::transport::stdio;
use tokio::io::{AsyncRead, AsyncWrite};

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
    let (read, write) = stdio();
    serve_on(server, read, write).await
}

/// A line may be as long as a message over HTTP: a longer one is read past and not kept, for its values
/// would take a hundred times its length.
async fn serve_on(
    server: Server,
    read: impl AsyncRead + Send + Unpin + 'static,
    write: impl AsyncWrite + Send + Unpin + 'static,
) -> Result<(), StdioError> {
    let lines = AsyncRwTransport::<RoleServer, _, _>::new(read, write)
        .with_max_line_length(LONGEST_REQUEST_BYTES);
    let running = match server.serve(lines).await {
        Ok(running) => running,
        // A client may close the connection without any message.
        Err(ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
        Err(error) => return Err(StdioError::Initialize(error.to_string())),
    };
    let ended = running.waiting().await;
    ended.map_err(|error| StdioError::Ended(error.to_string()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::{BackendError, Unconfigured};
    use crate::catalog::toolset::ShownTools;
    use serde_json::json;
    use std::sync::Arc;
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

    /// Ten megabytes of values would take a gigabyte.
    #[test]
    fn a_line_that_is_too_long_is_read_past_and_the_next_is_answered() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let (client, own) = tokio::io::duplex(64 * 1024);
        let (read, write) = tokio::io::split(own);
        let backend = Arc::new(Unconfigured(BackendError::Throttled));
        let server = Server::new(backend, ShownTools::default());
        let client = async move {
            let (answers, mut asks) = tokio::io::split(client);
            let zeros = format!("[{}0]\n", "0,".repeat(5_000_000));
            let members = format!("{{\"id\": 7, {}\"a\":0}}\n", "\"a\":0,".repeat(100_000));
            let hello = json!({
                "jsonrpc": "2.0", "id": 1, "method": "initialize",
                "params": {
                    "protocolVersion": "2025-06-18", "capabilities": {},
                    "clientInfo": { "name": "test", "version": "1" }
                }
            });
            for line in [zeros, members, format!("{hello}\n")] {
                asks.write_all(line.as_bytes()).await.unwrap();
            }
            let mut lines = BufReader::new(answers).lines();
            lines.next_line().await.unwrap().unwrap()
        };
        let both = async { tokio::join!(serve_on(server, read, write), client) };
        let (served, answer) = runtime.block_on(both);
        served.unwrap();
        assert!(answer.contains("\"id\":1"), "{answer}");
        assert!(answer.contains("serverInfo"), "{answer}");
    }
}
