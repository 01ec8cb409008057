//! Which of the tools a server shows: all of them, unless it was told to show
//! fewer. What is not shown cannot be called either, nor read as a resource.

use crate::tools::{self, Tool};
use clap::Args;

/// What people need, told apart by what it is about. Each tool is in one.
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

/// Names in the settings that are nobody's, or too many of them left out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ToolsetError {
    /// No such set.
    #[error("--toolsets: there is no {0:?}; there are all, results, infra and analysis")]
    Set(String),
    /// No such tool.
    #[error("{0}: there is no tool {1:?}; dlt-mcp schema prints those that there are")]
    Tool(&'static str, String),
    /// A server without tools.
    #[error("--exclude-tools leaves no tool to show")]
    Nothing,
}

/// Which tools to show.
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

fn words(all: &[String]) -> impl Iterator<Item = &str> {
    let words = all.iter().map(|word| word.trim());
    words.filter(|word| !word.is_empty())
}

/// Tools by their names as somebody wrote them.
fn named(flag: &'static str, all: &[String]) -> Result<Vec<&'static Tool>, ToolsetError> {
    words(all)
        .map(|name| tools::find(name).ok_or_else(|| ToolsetError::Tool(flag, name.to_owned())))
        .collect()
}

impl ToolFlags {
    /// The tools that are left.
    pub fn shown(&self) -> Result<Shown, ToolsetError> {
        let asked = named("--tools", &self.tools)?;
        let hidden = named("--exclude-tools", &self.exclude_tools)?;
        let mut sets: Vec<&[&str]> = Vec::new();
        for name in words(&self.toolsets) {
            match SETS.iter().find(|set| set.0 == name) {
                Some(set) => sets.push(set.1),
                None if name == "all" => sets.extend(SETS.iter().map(|set| set.1)),
                None => return Err(ToolsetError::Set(name.to_owned())),
            }
        }
        let everything = sets.is_empty() && asked.is_empty();
        let has = |tools: &[&Tool], tool: &Tool| tools.iter().any(|it| it.name == tool.name);
        let shown: Vec<&'static Tool> = tools::all()
            .iter()
            .filter(|tool| {
                let in_set = sets.iter().any(|set| set.contains(&tool.name));
                everything || in_set || has(&asked, tool)
            })
            .filter(|tool| !has(&hidden, tool))
            .collect();
        match shown.is_empty() {
            true => Err(ToolsetError::Nothing),
            false => Ok(Shown(shown)),
        }
    }
}

/// The tools that a server shows, the primary ones first.
#[derive(Debug, Clone)]
pub struct Shown(Vec<&'static Tool>);

impl Default for Shown {
    fn default() -> Self {
        Self(tools::all().iter().collect())
    }
}

impl Shown {
    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &'static Tool> {
        self.0.iter().copied()
    }

    /// The one of this name, if it is shown; hyphens count as underscores.
    pub fn find(&self, name: &str) -> Option<&'static Tool> {
        let tool = tools::find(name)?;
        self.0.iter().find(|it| it.name == tool.name).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(sets: &str, tools: &str, hidden: &str) -> Result<Vec<&'static str>, ToolsetError> {
        let list = |text: &str| text.split(',').map(str::to_owned).collect();
        let flags = ToolFlags {
            toolsets: list(sets),
            tools: list(tools),
            exclude_tools: list(hidden),
        };
        Ok(flags.shown()?.all().map(|tool| tool.name).collect())
    }

    #[test]
    fn each_tool_is_in_one_set() {
        let mut in_sets: Vec<&str> = SETS.iter().flat_map(|set| set.1).copied().collect();
        let mut all: Vec<&str> = tools::all().iter().map(|tool| tool.name).collect();
        in_sets.sort_unstable();
        all.sort_unstable();
        assert_eq!(in_sets, all);
    }

    #[test]
    fn sets_and_tools_add_up_and_exclusion_wins() {
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
    fn what_is_misspelled_is_told() {
        let set = ToolsetError::Set("result".to_owned());
        assert_eq!(shown("result", "", ""), Err(set));
        let tool = |flag| ToolsetError::Tool(flag, "get_result".to_owned());
        assert_eq!(shown("", "get_result", ""), Err(tool("--tools")));
        assert_eq!(shown("", "", "get_result"), Err(tool("--exclude-tools")));
        let nothing = shown("infra", "", "get_runners,get_regional_stacks");
        assert_eq!(nothing, Err(ToolsetError::Nothing));
    }
}
