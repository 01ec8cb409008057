//! `dlt-mcp-lambda`: the tools as a Lambda function behind a Gateway of Bedrock
//! AgentCore. Reads its settings from the environment and answers until the
//! host stops it.

use anyhow::{Context, anyhow};
use dlt_mcp::backend::of_environment;
use dlt_mcp::compat;
use dlt_mcp::lambda::runtime::Lambda;
use dlt_mcp::lambda::{Form, serve};

fn main() -> anyhow::Result<()> {
    let form = std::env::var("DLT_MCP_LAMBDA_RESULT").ok();
    let form = Form::read(form.as_deref()).map_err(|why| anyhow!(why))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start")?;
    let lambda = Lambda::of_environment()?;
    // What is missing in the settings is told to each call.
    let backend = of_environment();
    runtime.block_on(serve(&lambda, backend.as_ref(), form, compat::is_on()))?;
    Ok(())
}
