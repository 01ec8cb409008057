//! What can be attached to a conversation by its address: the same answers as
//! the tools', and a page that explains the numbers.

use crate::backend::Backend;
use crate::refusal::Code;
use crate::tools::BUDGET;
use crate::toolset::Shown;
use rmcp::model::{
    Annotations, CacheScope, ErrorData, ReadResourceResult, Resource, ResourceContents,
    ResourceTemplate, Role,
};
use serde_json::{Map, Value, json};

/// How long a finished run, or our own page, may be kept.
const LASTING_MS: u64 = 3_600_000;

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
- `coverage`: which runners reported. `complete: false` means that load and counts are too low.
- `outcome`: did the thresholds hold. Passing and being trusted are different things.
- `view: raw` shows the API's record: there times are texts in seconds, `throughput` is a count, and \
times have no zone (they are UTC).
";

/// The page that explains the numbers.
const METRICS_URI: &str = "dlt://docs/metrics";

/// Whether what answers for an address is shown.
fn is_shown(shown: &Shown, uri: &str) -> bool {
    uri == METRICS_URI || question(uri).is_some_and(|(tool, _)| shown.find(tool).is_some())
}

/// Fixed addresses.
pub fn list(shown: &Shown) -> Vec<Resource> {
    [
        (
            "dlt://scenarios",
            "scenarios",
            "All scenarios",
            "application/json",
        ),
        (
            "dlt://stacks",
            "stacks",
            "Hub and regions",
            "application/json",
        ),
        (
            "dlt://runners",
            "runners",
            "What runs now",
            "application/json",
        ),
        (
            METRICS_URI,
            "metrics",
            "What the numbers mean, and where they mislead",
            "text/markdown",
        ),
    ]
    .into_iter()
    .filter(|row| is_shown(shown, row.0))
    .map(|(uri, name, description, kind)| {
        Resource::new(uri, name)
            .with_title(description)
            .with_mime_type(kind)
            .with_annotations(for_agents())
    })
    .collect()
}

/// Addresses with ids.
pub fn templates(shown: &Shown) -> Vec<ResourceTemplate> {
    [
        (
            "dlt://scenarios/{test_id}",
            "scenario",
            "How a scenario is set up",
        ),
        (
            "dlt://scenarios/{test_id}/runs/{test_run_id}",
            "run",
            "Results of a run",
        ),
        (
            "dlt://scenarios/{test_id}/runs/{test_run_id}/labels",
            "labels",
            "Results of a run by label",
        ),
        (
            "dlt://scenarios/{test_id}/runs/{test_run_id}/errors",
            "errors",
            "Why requests of a run failed",
        ),
    ]
    .into_iter()
    .filter(|row| is_shown(shown, row.0))
    .map(|(uri, name, description)| {
        ResourceTemplate::new(uri, name)
            .with_title(description)
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

/// The tool and its arguments that answer for an address.
fn question(uri: &str) -> Option<(&'static str, Value)> {
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

/// Reads one.
pub async fn read(
    backend: &dyn Backend,
    shown: &Shown,
    uri: &str,
) -> Result<ReadResourceResult, ErrorData> {
    let missing =
        |why: &str| ErrorData::resource_not_found(why.to_owned(), Some(json!({ "uri": uri })));
    if uri == METRICS_URI {
        let page = ResourceContents::text(METRICS, uri).with_mime_type("text/markdown");
        return Ok(ReadResourceResult::new(vec![page])
            .with_ttl_ms(LASTING_MS)
            .with_cache_scope(CacheScope::Public));
    }
    let none = || missing("no such resource: resources/list and resources/templates/list name all");
    let (tool, arguments) = question(uri).ok_or_else(none)?;
    let tool = shown.find(tool).ok_or_else(none)?;
    let arguments: Map<String, Value> = arguments.as_object().cloned().unwrap_or_default();
    let answer = tool.call(backend, arguments, BUDGET).await;
    let answer = answer.map_err(|bug| ErrorData::internal_error(bug.to_string(), None))?;
    let answer = answer.map_err(|refusal| match refusal.code {
        Code::NotFound | Code::NoResults | Code::InvalidArgument => missing(&refusal.message),
        _ => {
            let whole = serde_json::from_str(&refusal.text()).ok();
            ErrorData::internal_error(refusal.message, whole)
        }
    })?;
    let status = answer["run"]["status"].as_str().unwrap_or_default();
    // A run has causes of errors only once it has ended.
    let ended = matches!(status, "complete" | "failed" | "cancelled");
    let lasting = ended || tool.name == "get_error_breakdown";
    let text = ResourceContents::text(answer.to_string(), uri).with_mime_type("application/json");
    Ok(ReadResourceResult::new(vec![text])
        .with_ttl_ms(if lasting { LASTING_MS } else { 0 })
        .with_cache_scope(CacheScope::Private))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toolset::ToolFlags;

    #[test]
    fn what_is_hidden_has_no_address() {
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
    fn addresses_lead_to_tools_and_nowhere_else() {
        for uri in [
            "dlt://scenarios",
            "dlt://scenarios/a",
            "dlt://scenarios/a/runs/b/errors",
        ] {
            let (tool, arguments) = question(uri).unwrap();
            assert!(
                Shown::default().find(tool).is_some() && arguments.is_object(),
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
            assert!(question(uri).is_none(), "{uri}");
        }
    }
}
