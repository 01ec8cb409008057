//! `mcpb`: the MCP server as one file that desktop hosts install with a click,
//! and its entry for the MCP registry. The list of tools is the program's own.

use crate::step::target_folder;
use crate::step::{self, cargo};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Where the file will be fetched from, and whose it is.
#[derive(Debug, clap::Args)]
pub struct Place {
    /// GitHub owner, for the registry's name; without it no server.json is made.
    #[arg(long, requires = "url")]
    owner: Option<String>,
    /// Where the .mcpb will lie; the registry wants "mcp" in it.
    #[arg(long, requires = "owner")]
    url: Option<String>,
}

/// Builds, writes the manifest, packs.
pub fn pack(place: &Place) -> Result<bool> {
    let build = [
        "build",
        "--profile",
        "dist",
        "--package",
        "dlt-mcp",
        "--bin",
        "dlt-mcp",
    ];
    if step::check(cargo(&build))?.failed > 0 {
        return Ok(false);
    }
    let target = target_folder()?;
    let program = target.join("dist").join("dlt-mcp");
    let folder = target.join("mcpb");
    fs::create_dir_all(folder.join("server"))?;
    fs::copy(&program, folder.join("server").join("dlt-mcp"))?;
    let said = Command::new(&program).arg("schema").output()?;
    let tools: Value = serde_json::from_slice(&said.stdout).context("dlt-mcp schema")?;
    write(&folder.join("manifest.json"), &manifest(&tools))?;
    let file = target.join("dlt-mcp.mcpb");
    // Keeps the program's right to be run.
    let zip = ["-m", "zipfile", "-c"];
    let mut python = Command::new("python3");
    python.current_dir(&folder).args(zip).arg(&file);
    if !python
        .args(["manifest.json", "server/"])
        .status()?
        .success()
    {
        bail!("python3 could not pack {}", file.display());
    }
    println!("{}", file.display());
    if let (Some(owner), Some(url)) = (&place.owner, &place.url) {
        let entry = target.join("server.json");
        write(&entry, &registry(owner, url, &sha256(&file)?))?;
        println!("{}", entry.display());
    }
    Ok(true)
}

fn write(path: &Path, value: &Value) -> Result<()> {
    fs::write(path, format!("{value:#}\n")).with_context(|| path.display().to_string())
}

fn sha256(file: &Path) -> Result<String> {
    let said = Command::new("sha256sum").arg(file).output()?;
    let text = String::from_utf8(said.stdout)?;
    Ok(text.split(' ').next().unwrap_or_default().to_owned())
}

fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

fn manifest(tools: &Value) -> Value {
    let rows = tools.as_array().into_iter().flatten();
    let tools: Vec<Value> = rows
        .map(|tool| json!({ "name": tool["name"], "description": tool["description"] }))
        .collect();
    let system = if cfg!(target_os = "macos") {
        "darwin"
    } else {
        "linux"
    };
    json!({
        "manifest_version": "0.2",
        "name": "dlt-mcp",
        "display_name": "Distributed load testing",
        "version": version(),
        "description": "Ask distributed load tests from an agent, read-only",
        "author": { "name": "dlt" },
        "license": "Apache-2.0",
        "server": {
            "type": "binary",
            "entry_point": "server/dlt-mcp",
            "mcp_config": {
                "command": "${__dirname}/server/dlt-mcp",
                "args": ["stdio"],
                "env": {
                    "DLT_API_URL": "${user_config.api_url}",
                    "DLT_API_TOKEN": "${user_config.api_token}",
                },
            },
        },
        "tools": tools,
        "user_config": {
            "api_url": {
                "type": "string",
                "title": "API",
                "description": "Base URL of the load-testing API",
                "default": "http://127.0.0.1:7600/api",
                "required": true,
            },
            "api_token": {
                "type": "string",
                "title": "Token",
                "description": "Bearer token, if the API wants one",
                "sensitive": true,
                "required": false,
            },
        },
        "compatibility": { "platforms": [system] },
    })
}

fn registry(owner: &str, url: &str, sha256: &str) -> Value {
    json!({
        "$schema": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
        "name": format!("io.github.{owner}/dlt-mcp"),
        "description": "Ask distributed load tests from an agent, read-only",
        "version": version(),
        "packages": [{
            "registryType": "mcpb",
            "identifier": url,
            "fileSha256": sha256,
            "transport": { "type": "stdio" },
            "environmentVariables": [
                { "name": "DLT_API_URL", "description": "Base URL of the load-testing API", "isRequired": true },
                { "name": "DLT_API_TOKEN", "description": "Bearer token, if the API wants one", "isSecret": true },
            ],
        }],
    })
}
