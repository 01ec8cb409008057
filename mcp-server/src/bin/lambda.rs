//! `dlt-mcp-lambda`: the tools as a Lambda function behind a Gateway of Bedrock AgentCore.
//! Settings come from the environment.

use anyhow::{Context, anyhow};
use dlt_mcp::backend::environment;
use dlt_mcp::compat;
use dlt_mcp::lambda::runtime::RuntimeApi;
use dlt_mcp::lambda::{Format, serve};

fn main() -> anyhow::Result<()> {
    let format = std::env::var("DLT_MCP_LAMBDA_RESULT").ok();
    let format = Format::parse(format.as_deref()).map_err(|why| anyhow!(why))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start")?;
    let api = RuntimeApi::from_env()?;
    // If settings are missing, the answer to each call says so.
    let backend = environment::from_env();
    runtime.block_on(serve(&api, backend.as_ref(), format, compat::is_on()))?;
    Ok(())
}
