//! The server as MCP clients meet it: lists what there is, calls tools, reads
//! resources. What is said is the other modules'; how bytes travel is the
//! transports'.

use crate::backend::Backend;
use crate::completions::Completions;
use crate::published::{INSTRUCTIONS, NAME};
use crate::refusal::{Code, Refusal};
use crate::tools::{self, Tool};
use crate::{compat, prompts, resources};
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CallToolResult, CompleteRequestParams,
    CompleteResult, ContentBlock, ErrorData, GetPromptRequestParams, GetPromptResponse,
    Implementation, ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult,
    ListToolsResult, PaginatedRequestParams, ReadResourceRequestParams, ReadResourceResponse,
    ServerCapabilities, ServerConfig, Tool as Definition, ToolAnnotations,
};
use rmcp::service::{RequestContext, RoleServer};
use serde_json::Value;
use std::sync::{Arc, OnceLock};

/// Lists change only with the program: clients may keep them for so long.
const LIST_TTL_MS: u64 = 3_600_000;

/// The server. Clones share everything.
#[derive(Clone)]
pub struct Server {
    backend: Arc<dyn Backend>,
    completions: Arc<Completions>,
    compat: bool,
}

impl Server {
    /// A server that asks there.
    pub fn new(backend: Arc<dyn Backend>) -> Self {
        Self {
            completions: Arc::new(Completions::default()),
            compat: compat::is_on(),
            backend,
        }
    }
}

/// A definition for `tools/list`.
fn definition(tool: &Tool) -> Definition {
    let annotations = ToolAnnotations::from_raw(
        Some(tool.title.to_owned()),
        Some(true),
        Some(false),
        Some(true),
        Some(false),
    );
    Definition::new(tool.name, tool.description, tool.input.clone())
        .with_title(tool.title)
        .with_raw_output_schema(Arc::new(tool.output.clone()))
        .with_annotations(annotations)
}

fn definitions() -> &'static [Definition] {
    static DEFINITIONS: OnceLock<Vec<Definition>> = OnceLock::new();
    DEFINITIONS.get_or_init(|| tools::all().iter().map(definition).collect())
}

/// The same JSON twice: clients read either.
fn result(answer: Result<Value, Refusal>) -> CallToolResult {
    match answer {
        Ok(value) => {
            let mut result = CallToolResult::success(vec![ContentBlock::text(value.to_string())]);
            result.structured_content = Some(value);
            result
        }
        // No structured content: some clients hold it against the schema of
        // answers even then, and show that complaint instead.
        Err(refusal) => CallToolResult::error(vec![ContentBlock::text(refusal.text())]),
    }
}

/// We page nothing here, so any cursor is a wrong one.
fn first_page(request: Option<&PaginatedRequestParams>) -> Result<(), ErrorData> {
    match request.and_then(|request| request.cursor.as_ref()) {
        None => Ok(()),
        Some(_) => Err(ErrorData::invalid_params("this list has one page", None)),
    }
}

impl rmcp::ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_resources()
            .enable_prompts()
            .enable_completions()
            .build();
        let mut who = Implementation::new(NAME, env!("CARGO_PKG_VERSION"));
        who.title = Some("Distributed load testing".to_owned());
        let mut info = ServerConfig::new(capabilities);
        info.server_info = who;
        info.instructions = Some(INSTRUCTIONS.to_owned());
        info
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        first_page(request.as_ref())?;
        let mut tools = definitions().to_vec();
        // Envelopes fit no schema of answers.
        for tool in &mut tools {
            if self.compat && compat::knows(&tool.name) {
                tool.output_schema = None;
            }
        }
        let list = ListToolsResult::with_all_items(tools);
        Ok(list
            .with_ttl_ms(LIST_TTL_MS)
            .with_cache_scope(CacheScope::Public))
    }

    fn get_tool(&self, name: &str) -> Option<Definition> {
        let name = tools::find(name)?.name;
        definitions().iter().find(|tool| tool.name == name).cloned()
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(tool) = tools::find(&request.name) else {
            return Err(ErrorData::invalid_params("unknown tool", None));
        };
        let arguments = request.arguments.unwrap_or_default();
        if self.compat && compat::knows(tool.name) {
            let envelope = compat::call(self.backend.as_ref(), tool.name, &arguments).await;
            let text = ContentBlock::text(envelope.to_string());
            return Ok(CallToolResult::success(vec![text]).into());
        }
        let answer = tokio::select! {
            answer = tool.call(self.backend.as_ref(), arguments) => answer,
            () = context.ct.cancelled() => Err(Refusal::new(Code::UpstreamTimeout, "cancelled")),
        };
        Ok(result(answer).into())
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        first_page(request.as_ref())?;
        let list = ListResourcesResult::with_all_items(resources::list());
        Ok(list
            .with_ttl_ms(LIST_TTL_MS)
            .with_cache_scope(CacheScope::Public))
    }

    async fn list_resource_templates(
        &self,
        request: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        first_page(request.as_ref())?;
        let list = ListResourceTemplatesResult::with_all_items(resources::templates());
        Ok(list
            .with_ttl_ms(LIST_TTL_MS)
            .with_cache_scope(CacheScope::Public))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let read = resources::read(self.backend.as_ref(), &request.uri).await?;
        Ok(read.into())
    }

    async fn list_prompts(
        &self,
        request: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        first_page(request.as_ref())?;
        let list = ListPromptsResult::with_all_items(prompts::list());
        Ok(list
            .with_ttl_ms(LIST_TTL_MS)
            .with_cache_scope(CacheScope::Public))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        Ok(prompts::get(&request.name, &arguments)?.into())
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        let backend = self.backend.as_ref();
        Ok(self.completions.complete(backend, &request).await)
    }
}
