//! MCP resources: answers of tools under fixed URIs, and a page that explains the
//! numbers.

use crate::backend::Backend;
use crate::catalog::toolset::ShownTools;
use crate::refusal::Code;
use crate::tools::CALL_DEADLINE;
use rmcp::model::{
    Annotations, CacheScope, ErrorData, ReadResourceResult, Resource, ResourceContents,
    ResourceTemplate, Role,
};
use serde_json::{Map, Value, json};

/// How long clients may cache what no longer changes.
const UNCHANGING_TTL_MS: u64 = 3_600_000;

/// What the numbers mean, and where they mislead.
const METRICS: &str = "\
# Numbers of load tests

- `requests`: finished requests, ok and failed. `rps`: requests per second of the measured time.
- `error_pct`: failed of finished. A status from 400 up fails unless the scenario expects it.
- `avg_ms`, `p50_ms` … `p99_9_ms`, `max_ms`: response times of ok answers; `failed_p50_ms` and \
`failed_p95_ms` are of failed requests, and query_latency has `of` for either or both. The warnings \
`many_failures` and `times_over_all` say where that matters, or where failed requests are among the \
times. In open load (arrivals) they count from \
when a request was due, in closed load (users) from when it was sent: the two cannot be compared.
- `percentile_method`: `hdr_merge` are percentiles of merged histograms, exact to 0.1 %. `task_mean` are \
means of runners' percentiles, as older servers keep them: not percentiles at all. Never average \
percentiles yourself; call query_latency.
- `account`: scheduled = sent + unconnected + dropped; sent + unconnected = ok + failed + unfinished. \
`sent` is what the target can have seen, `unconnected` found no connection. Outside of the sums: \
`resent` (repeated on a fresh connection), `lost` (planned requests of lost runners, an estimate).
- `verdict`: may the measurement be believed. `untrusted`: the load generator was the limit; say \
nothing about the target. `degraded`: believe the shape, not the last digit.
- `coverage`: which runners reported. `complete: false` means that load and counts are too low; \
`missing` has each lost runner's part of the planned load, and when it was lost.
- `load`: what was asked (`journeys` are walks through all steps, each with its requests), `started` \
(requests that came due), `dropped`, `lost`; `per_runner` has the least and the most of any runner.
- `active: true`: the run has not ended. Its numbers are of its first seconds, up to `live.as_of`, and \
`percentile_method: coarse_merge` is exact to 5 %; `live.recent` is of the newest seconds alone.
- `outcome`: did the thresholds hold; `finished` means that none was set, and `passed` is absent then. \
Passing and being trusted are different things.
- Comparisons: `real` is a change beyond chance, `large` one that reaches the threshold; only both together are worse or better.
- `view: raw` shows the API's record: there times are texts in seconds, `throughput` is a count, and \
times have no zone (they are UTC).
";

/// The page that explains the numbers.
const METRICS_URI: &str = "dlt://docs/metrics";

/// Whether the tool behind a URI is shown.
fn is_shown(shown: &ShownTools, uri: &str) -> bool {
    uri == METRICS_URI || tool_call(uri).is_some_and(|(tool, _)| shown.find(tool).is_some())
}

/// Resources with fixed URIs.
pub fn list(shown: &ShownTools) -> Vec<Resource> {
    [
        (
            "dlt://scenarios",
            "scenarios",
            "All scenarios",
            "What can be run: ids, status, tags, schedules, how each last run ended",
            "application/json",
        ),
        (
            "dlt://stacks",
            "stacks",
            "Hub and regions",
            "What is deployed: versions, regions, whether they fit the hub",
            "application/json",
        ),
        (
            "dlt://runners",
            "runners",
            "What runs now",
            "Active runs with their start and runners, and the room left in each region",
            "application/json",
        ),
        (
            METRICS_URI,
            "metrics",
            "What the numbers mean",
            "Every field of answers explained, and where numbers mislead",
            "text/markdown",
        ),
    ]
    .into_iter()
    .filter(|row| is_shown(shown, row.0))
    .map(|(uri, name, title, description, kind)| {
        Resource::new(uri, name)
            .with_title(title)
            .with_description(description)
            .with_mime_type(kind)
            .with_annotations(for_agents())
    })
    .collect()
}

/// Resources whose URIs contain ids.
pub fn templates(shown: &ShownTools) -> Vec<ResourceTemplate> {
    [
        (
            "dlt://scenarios/{test_id}",
            "scenario",
            "How a scenario is set up",
            "Regions, load, requests, thresholds, schedule and baseline of one scenario, secrets redacted",
        ),
        (
            "dlt://scenarios/{test_id}/runs/{test_run_id}",
            "run",
            "Results of a run",
            "Verdict, coverage, outcome, load and numbers of one run; of an active one so far",
        ),
        (
            "dlt://scenarios/{test_id}/runs/{test_run_id}/labels",
            "labels",
            "Results of a run by label",
            "The same with up to 100 labels, by name",
        ),
        (
            "dlt://scenarios/{test_id}/runs/{test_run_id}/errors",
            "errors",
            "Why requests of a run failed",
            "Causes of one run's failures with counts, labels, regions and an example",
        ),
    ]
    .into_iter()
    .filter(|row| is_shown(shown, row.0))
    .map(|(uri, name, title, description)| {
        ResourceTemplate::new(uri, name)
            .with_title(title)
            .with_description(description)
            .with_mime_type("application/json")
            .with_annotations(for_agents())
    })
    .collect()
}

fn for_agents() -> Annotations {
    let mut annotations = Annotations::default();
    annotations.audience = Some(vec![Role::Assistant]);
    annotations
}

/// The tool and arguments whose answer a URI stands for.
fn tool_call(uri: &str) -> Option<(&'static str, Value)> {
    let path = uri.strip_prefix("dlt://")?;
    let parts: Vec<&str> = path.split('/').collect();
    Some(match parts.as_slice() {
        ["scenarios"] => ("list_scenarios", json!({"limit": 100})),
        ["stacks"] => ("get_regional_stacks", json!({})),
        ["runners"] => ("get_runners", json!({})),
        ["scenarios", test] => ("get_scenario_details", json!({"test_id": test})),
        ["scenarios", test, "runs", run] => {
            ("get_results", json!({"test_id": test, "test_run_id": run}))
        }
        ["scenarios", test, "runs", run, "labels"] => (
            "get_results",
            json!({"test_id": test, "test_run_id": run, "limit": 100, "sort_by": "label"}),
        ),
        ["scenarios", test, "runs", run, "errors"] => (
            "get_error_breakdown",
            json!({"test_id": test, "test_run_id": run}),
        ),
        _ => return None,
    })
}

/// Reads a resource.
pub async fn read(
    backend: &dyn Backend,
    shown: &ShownTools,
    uri: &str,
) -> Result<ReadResourceResult, ErrorData> {
    let not_found =
        |why: &str| ErrorData::resource_not_found(why.to_owned(), Some(json!({ "uri": uri })));
    if uri == METRICS_URI {
        let page = ResourceContents::text(METRICS, uri).with_mime_type("text/markdown");
        return Ok(ReadResourceResult::new(vec![page])
            .with_ttl_ms(UNCHANGING_TTL_MS)
            .with_cache_scope(CacheScope::Public));
    }
    let unknown =
        || not_found("no such resource: resources/list and resources/templates/list name all");
    let (tool, arguments) = tool_call(uri).ok_or_else(unknown)?;
    let tool = shown.find(tool).ok_or_else(unknown)?;
    let arguments: Map<String, Value> = arguments.as_object().cloned().unwrap_or_default();
    let answer = tool.call(backend, arguments, CALL_DEADLINE).await;
    let answer =
        answer.map_err(|panicked| ErrorData::internal_error(panicked.to_string(), None))?;
    let answer = answer.map_err(|refusal| match refusal.code {
        Code::NotFound | Code::NoResults | Code::InvalidArgument => not_found(&refusal.message),
        _ => {
            let data = serde_json::from_str(&refusal.text()).ok();
            ErrorData::internal_error(refusal.message, data)
        }
    })?;
    let status = answer["run"]["status"].as_str().unwrap_or_default();
    let has_ended = matches!(status, "complete" | "failed" | "cancelled");
    // Causes of an active run are those so far, and say so.
    let warnings = answer["warnings"].to_string();
    let passing = ["so_far", "errors_unavailable"];
    let may_change = passing.iter().any(|code| warnings.contains(code));
    let is_final = has_ended || tool.name == "get_error_breakdown" && !may_change;
    let text = ResourceContents::text(answer.to_string(), uri).with_mime_type("application/json");
    Ok(ReadResourceResult::new(vec![text])
        .with_ttl_ms(if is_final { UNCHANGING_TTL_MS } else { 0 })
        .with_cache_scope(CacheScope::Private))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::toolset::ToolFlags;

    #[test]
    fn hidden_tools_have_no_resources() {
        let flags = ToolFlags {
            exclude_tools: vec!["get_results".to_owned(), "get_runners".to_owned()],
            ..ToolFlags::default()
        };
        let shown = flags.shown().unwrap();
        let uris: Vec<String> = list(&shown).iter().map(|it| it.uri.clone()).collect();
        assert_eq!(
            uris,
            ["dlt://scenarios", "dlt://stacks", "dlt://docs/metrics"]
        );
        let templates = templates(&shown);
        let names: Vec<&str> = templates.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["scenario", "errors"]);
    }

    #[test]
    fn only_known_uris_are_tool_calls() {
        for uri in [
            "dlt://scenarios",
            "dlt://scenarios/a",
            "dlt://scenarios/a/runs/b/errors",
        ] {
            let (tool, arguments) = tool_call(uri).unwrap();
            assert!(
                ShownTools::default().find(tool).is_some() && arguments.is_object(),
                "{uri}"
            );
        }
        for uri in [
            "",
            "file:///etc/passwd",
            "dlt://",
            "dlt://scenarios/a/b",
            "dlt://docs/other",
        ] {
            assert!(tool_call(uri).is_none(), "{uri}");
        }
    }
}
