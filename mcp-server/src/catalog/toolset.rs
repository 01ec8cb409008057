//! Which tools a server shows: all, unless flags say otherwise. A tool that is not shown
//! can neither be called nor read as a resource.

use crate::tools::{self, Tool};
use clap::Args;

/// The sets of `--toolsets`; each tool is in exactly one.
const SETS: [(&str, &[&str]); 3] = [
    (
        "results",
        &[
            "list_scenarios",
            "get_results",
            "get_scenario_details",
            "list_test_runs",
            "get_test_run",
            "get_latest_test_run",
            "get_baseline_test_run",
            "get_test_run_artifacts",
        ],
    ),
    ("infra", &["get_runners", "get_regional_stacks"]),
    (
        "analysis",
        &["compare_test_runs", "query_latency", "get_error_breakdown"],
    ),
];

/// Why the flags are not usable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ToolsetError {
    /// There is no set with this name.
    #[error("--toolsets: there is no {0:?}; there are all, results, infra and analysis")]
    UnknownSet(String),
    /// A flag names a tool that does not exist.
    #[error("{0}: there is no tool {1:?}; dlt-mcp schema prints those that there are")]
    UnknownTool(&'static str, String),
    /// Every tool is excluded.
    #[error("--exclude-tools leaves no tool to show")]
    NoneLeft,
}

/// Flags that select the tools to show.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Tools")]
pub struct ToolFlags {
    /// Show only these sets of tools: results, infra, analysis
    #[arg(
        long,
        env = "DLT_MCP_TOOLSETS",
        hide_env_values = true,
        value_delimiter = ',',
        value_name = "SET"
    )]
    pub toolsets: Vec<String>,
    /// Show only these tools, or these beside --toolsets
    #[arg(
        long,
        env = "DLT_MCP_TOOLS",
        hide_env_values = true,
        value_delimiter = ',',
        value_name = "TOOL"
    )]
    pub tools: Vec<String>,
    /// Never show these
    #[arg(
        long,
        env = "DLT_MCP_EXCLUDE_TOOLS",
        hide_env_values = true,
        value_delimiter = ',',
        value_name = "TOOL"
    )]
    pub exclude_tools: Vec<String>,
}

fn non_empty(values: &[String]) -> impl Iterator<Item = &str> {
    let values = values.iter().map(|value| value.trim());
    values.filter(|value| !value.is_empty())
}

/// The tools that a flag names.
fn tools_of(flag: &'static str, names: &[String]) -> Result<Vec<&'static Tool>, ToolsetError> {
    let unknown = |name: &str| ToolsetError::UnknownTool(flag, name.to_owned());
    non_empty(names)
        .map(|name| tools::find(name).ok_or_else(|| unknown(name)))
        .collect()
}

impl ToolFlags {
    /// The selected tools.
    pub fn shown(&self) -> Result<ShownTools, ToolsetError> {
        let included = tools_of("--tools", &self.tools)?;
        let excluded = tools_of("--exclude-tools", &self.exclude_tools)?;
        let mut sets: Vec<&[&str]> = Vec::new();
        for name in non_empty(&self.toolsets) {
            match SETS.iter().find(|set| set.0 == name) {
                Some(set) => sets.push(set.1),
                None if name == "all" => sets.extend(SETS.iter().map(|set| set.1)),
                None => return Err(ToolsetError::UnknownSet(name.to_owned())),
            }
        }
        let all = sets.is_empty() && included.is_empty();
        let has = |tools: &[&Tool], tool: &Tool| tools.iter().any(|it| it.name == tool.name);
        let shown: Vec<&'static Tool> = tools::all()
            .iter()
            .filter(|tool| {
                let in_set = sets.iter().any(|set| set.contains(&tool.name));
                all || in_set || has(&included, tool)
            })
            .filter(|tool| !has(&excluded, tool))
            .collect();
        if shown.is_empty() {
            return Err(ToolsetError::NoneLeft);
        }
        Ok(ShownTools(shown))
    }
}

/// The tools that a server shows, in the order of [`tools::all`].
#[derive(Debug, Clone)]
pub struct ShownTools(Vec<&'static Tool>);

impl Default for ShownTools {
    fn default() -> Self {
        Self(tools::all().iter().collect())
    }
}

impl ShownTools {
    /// Every shown tool.
    pub fn all(&self) -> impl Iterator<Item = &'static Tool> {
        self.0.iter().copied()
    }

    /// The tool with this name, if it is shown; hyphens count as underscores.
    pub fn find(&self, name: &str) -> Option<&'static Tool> {
        let tool = tools::find(name)?;
        self.0.iter().find(|it| it.name == tool.name).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(sets: &str, tools: &str, excluded: &str) -> Result<Vec<&'static str>, ToolsetError> {
        let list = |text: &str| text.split(',').map(str::to_owned).collect();
        let flags = ToolFlags {
            toolsets: list(sets),
            tools: list(tools),
            exclude_tools: list(excluded),
        };
        Ok(flags.shown()?.all().map(|tool| tool.name).collect())
    }

    #[test]
    fn each_tool_is_in_exactly_one_set() {
        let mut in_sets: Vec<&str> = SETS.iter().flat_map(|set| set.1).copied().collect();
        let mut all: Vec<&str> = tools::all().iter().map(|tool| tool.name).collect();
        in_sets.sort_unstable();
        all.sort_unstable();
        assert_eq!(in_sets, all);
    }

    #[test]
    fn sets_and_tools_are_united_and_exclusion_takes_precedence() {
        assert_eq!(shown("", "", "").unwrap().len(), 13);
        assert_eq!(shown("all", "", "").unwrap().len(), 13);
        let infra = ["get_runners", "get_regional_stacks"];
        assert_eq!(shown("infra", "", "").unwrap(), infra);
        assert_eq!(
            shown("infra", "list-scenarios", "").unwrap(),
            ["list_scenarios", "get_runners", "get_regional_stacks"]
        );
        assert_eq!(shown("", " get_results ", "").unwrap(), ["get_results"]);
        assert_eq!(
            shown("infra", "get_runners", "get-runners").unwrap(),
            ["get_regional_stacks"]
        );
        assert_eq!(shown("", "", "get_results").unwrap().len(), 12);
    }

    #[test]
    fn unknown_names_are_errors() {
        let set = ToolsetError::UnknownSet("result".to_owned());
        assert_eq!(shown("result", "", ""), Err(set));
        let tool = |flag| ToolsetError::UnknownTool(flag, "get_result".to_owned());
        assert_eq!(shown("", "get_result", ""), Err(tool("--tools")));
        assert_eq!(shown("", "", "get_result"), Err(tool("--exclude-tools")));
        let none = shown("infra", "", "get_runners,get_regional_stacks");
        assert_eq!(none, Err(ToolsetError::NoneLeft));
    }
}
