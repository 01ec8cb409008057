//! The MCP server: it lists and calls tools, resources, prompts and completions. What
//! they contain is in its own files and in `tools`; [`stdio`] and [`http`] transport
//! its messages.

pub mod completions;
pub mod http;
mod malformed;
pub mod prompts;
pub mod resources;
pub mod stdio;

use crate::backend::Backend;
use crate::catalog::definitions::{INSTRUCTIONS, NAME};
use crate::catalog::toolset::ShownTools;
use crate::compat;
use crate::refusal::{Code, Refusal};
use crate::tools::{CALL_DEADLINE, Tool};
use completions::Completions;
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CallToolResult, CompleteRequestParams,
    CompleteResult, ContentBlock, ErrorData, GetPromptRequestParams, GetPromptResponse,
    Implementation, ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult,
    ListToolsResult, PaginatedRequestParams, ReadResourceRequestParams, ReadResourceResponse,
    ServerCapabilities, ServerConfig, Tool as Definition, ToolAnnotations,
};
use rmcp::service::{RequestContext, RoleServer};
use serde_json::Value;
use std::sync::Arc;

/// How long clients may cache lists, which change only with the program.
const LIST_TTL_MS: u64 = 3_600_000;

/// The server. Clones share its state.
#[derive(Clone)]
pub struct Server {
    backend: Arc<dyn Backend>,
    completions: Arc<Completions>,
    shown: Arc<ShownTools>,
    definitions: Arc<[Definition]>,
    compat: bool,
}

impl Server {
    /// A server that reads this backend and shows these tools.
    pub fn new(backend: Arc<dyn Backend>, shown: ShownTools) -> Self {
        let compat = compat::is_on();
        Self {
            completions: Arc::new(Completions::default()),
            definitions: shown.all().map(|tool| definition(tool, compat)).collect(),
            shown: Arc::new(shown),
            compat,
            backend,
        }
    }
}

/// A definition for `tools/list`.
fn definition(tool: &Tool, compat: bool) -> Definition {
    let annotations = ToolAnnotations::from_raw(
        // The definition has it.
        None,
        Some(true),
        Some(false),
        Some(true),
        Some(false),
    );
    let definition = Definition::new(tool.name, tool.description, tool.shown_input.clone())
        .with_title(tool.title)
        .with_annotations(annotations);
    if compat && compat::has_tool(tool.name) {
        // DLT's envelope does not match the schema of answers.
        definition
    } else {
        definition.with_raw_output_schema(Arc::new(tool.output.clone()))
    }
}

/// The answer as text and as structured content: clients read one or the other.
fn result(answer: Result<Value, Refusal>) -> CallToolResult {
    match answer {
        Ok(value) => {
            let mut result = CallToolResult::success(vec![ContentBlock::text(value.to_string())]);
            result.structured_content = Some(value);
            result
        }
        // Without structured content: some clients would validate it against the schema
        // of answers and show that error instead.
        Err(refusal) => CallToolResult::error(vec![ContentBlock::text(refusal.text())]),
    }
}

/// Refuses cursors: these lists have one page.
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
        let mut implementation = Implementation::new(NAME, env!("CARGO_PKG_VERSION"));
        implementation.title = Some("Distributed load testing".to_owned());
        let mut info = ServerConfig::new(capabilities);
        info.server_info = implementation;
        info.instructions = Some(INSTRUCTIONS.to_owned());
        info
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        first_page(request.as_ref())?;
        let list = ListToolsResult::with_all_items(self.definitions.to_vec());
        Ok(list
            .with_ttl_ms(LIST_TTL_MS)
            .with_cache_scope(CacheScope::Public))
    }

    fn get_tool(&self, name: &str) -> Option<Definition> {
        let name = self.shown.find(name)?.name;
        let mut all = self.definitions.iter();
        all.find(|tool| tool.name == name).cloned()
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(tool) = self.shown.find(&request.name) else {
            let why = "unknown tool: tools/list names those that there are";
            return Err(ErrorData::invalid_params(why, None));
        };
        let arguments = request.arguments.unwrap_or_default();
        if self.compat && compat::has_tool(tool.name) {
            let envelope = compat::call(self.backend.as_ref(), tool.name, &arguments).await;
            let text = ContentBlock::text(envelope.to_string());
            return Ok(CallToolResult::success(vec![text]).into());
        }
        let answer = tokio::select! {
            answer = tool.call(self.backend.as_ref(), arguments, CALL_DEADLINE) => answer,
            () = context.ct.cancelled() => {
                Ok(Err(Refusal::new(Code::UpstreamTimeout, "cancelled")))
            }
        };
        let answer =
            answer.map_err(|panicked| ErrorData::internal_error(panicked.to_string(), None))?;
        Ok(result(answer).into())
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        first_page(request.as_ref())?;
        let list = ListResourcesResult::with_all_items(resources::list(&self.shown));
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
        let list = ListResourceTemplatesResult::with_all_items(resources::templates(&self.shown));
        Ok(list
            .with_ttl_ms(LIST_TTL_MS)
            .with_cache_scope(CacheScope::Public))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let read = resources::read(self.backend.as_ref(), &self.shown, &request.uri).await?;
        Ok(read.into())
    }

    async fn list_prompts(
        &self,
        request: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        first_page(request.as_ref())?;
        let list = ListPromptsResult::with_all_items(prompts::list(&self.shown));
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
        Ok(prompts::get(&self.shown, &request.name, &arguments)?.into())
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        let backend = self.backend.as_ref();
        let shown = &self.shown;
        Ok(self.completions.complete(backend, shown, &request).await)
    }
}
