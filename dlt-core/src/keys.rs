//! Where every object lies. The same keys serve S3 and the folder at home
//! (contract worker.md 3.2, dlt.md 5). Nothing here reads or writes.

use crate::ids::{Region, RunPrefix, RunnerId, TestId};

/// Largest object that the control plane reads whole, bytes: a dense report of
/// 2,000 labels stays below half of it.
pub const LARGEST_OBJECT_BYTES: u64 = 128 * 1024 * 1024;
/// Largest object that a runner reads, bytes. A larger file is refused when it is
/// uploaded, so that what is accepted is what every runner takes.
pub const LARGEST_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// The `testScenario` of one region, with that region's task count and users.
pub fn scenario(test: &TestId, region: &Region) -> String {
    format!("test-scenarios/{test}-{region}.json")
}

/// Folder of the files that were uploaded for a scenario.
pub fn scenario_files(test: &TestId) -> String {
    format!("public/test-scenarios/simple/{test}/")
}

/// A file that a scenario names and that was uploaded for it.
pub fn scenario_file(test: &TestId, name: &str) -> String {
    format!("public/test-scenarios/simple/{test}/{name}")
}

/// Folder of everything that concerns the start of a run.
pub fn start_folder(test: &TestId, prefix: &RunPrefix) -> String {
    format!("start-signal/{test}/{prefix}/")
}

/// Folder of everything that concerns the starts of a scenario's runs.
pub fn start_folders(test: &TestId) -> String {
    format!("start-signal/{test}/")
}

/// Ids of the runners that were launched in a region.
pub fn launched(test: &TestId, prefix: &RunPrefix, region: &Region) -> String {
    format!("start-signal/{test}/{prefix}/{region}/launched.json")
}

/// The run's secret; readable by the task role alone.
pub fn secret(test: &TestId, prefix: &RunPrefix) -> String {
    format!("start-signal/{test}/{prefix}/secret")
}

/// The one start instant of the run, written when all leaders are ready.
pub fn start(test: &TestId, prefix: &RunPrefix) -> String {
    format!("start-signal/{test}/{prefix}/start.json")
}

/// What the requests before the load came to, with the values that they gave; written by the leader of
/// the first region, which makes them.
pub fn setup(test: &TestId, prefix: &RunPrefix) -> String {
    format!("start-signal/{test}/{prefix}/setup.json")
}

/// Written by a region's leader when the load has ended on all its runners, where the first region's
/// waits for that.
pub fn region_ended(test: &TestId, prefix: &RunPrefix, region: &Region) -> String {
    format!("start-signal/{test}/{prefix}/{region}/ended.json")
}

/// Changes of the load while it goes on, all of them so far, for the leaders.
pub fn changes(test: &TestId, prefix: &RunPrefix) -> String {
    format!("start-signal/{test}/{prefix}/changes.json")
}

/// Addresses of a region's workers, written before its leader is launched.
pub fn workers(test: &TestId, prefix: &RunPrefix, region: &Region) -> String {
    format!("start-signal/{test}/{prefix}/{region}/workers.json")
}

/// Written by a leader that is ready: which workers it is connected to.
pub fn leader_ready(test: &TestId, prefix: &RunPrefix, region: &Region) -> String {
    format!("start-signal/{test}/{prefix}/{region}/leader-ready.json")
}

/// Folder of a run's results.
pub fn results_folder(test: &TestId, prefix: &RunPrefix) -> String {
    format!("results/{test}/{prefix}/")
}

/// A runner's report.
pub fn report(test: &TestId, prefix: &RunPrefix, runner: &RunnerId, region: &Region) -> String {
    format!("results/{test}/{prefix}/{runner}-{region}.xml")
}

/// A runner's second-by-second timeline.
pub fn timeline(test: &TestId, prefix: &RunPrefix, runner: &RunnerId, region: &Region) -> String {
    format!("results/{test}/{prefix}/{runner}-{region}.timeline")
}

/// What the tool of a script printed on a runner (worker.md 3.2).
pub fn tool_log(
    test: &TestId,
    prefix: &RunPrefix,
    tool: &str,
    runner: &RunnerId,
    region: &Region,
) -> String {
    format!("results/{test}/{prefix}/{tool}-{runner}-{region}.log")
}

/// A script as DLT's clients upload it: in its tool's folder, under the scenario's id with an
/// ending (api-behaviour.md 8). None for any other name.
pub fn script(test: &TestId, tool: &str, name: &str) -> Option<String> {
    let ending = name.strip_prefix(test.as_str())?.strip_prefix('.')?;
    let is_plain = !ending.is_empty() && ending.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_plain.then(|| format!("public/test-scenarios/{tool}/{name}"))
}

/// What the keys of a scenario's scripts begin with that DLT's clients upload.
pub fn scripts(test: &TestId, tool: &str) -> String {
    format!("public/test-scenarios/{tool}/{test}.")
}

/// A region's timeline so far, which its leader replaces every 10 s under load.
/// Its name reads neither as a runner's report nor as a runner's timeline.
pub fn region_timeline(test: &TestId, prefix: &RunPrefix, region: &Region) -> String {
    format!("results/{test}/{prefix}/{region}.timeline-so-far.json")
}

/// The runners that were dealt a part of the load, written once before the start.
pub fn dealt(test: &TestId, prefix: &RunPrefix) -> String {
    format!("results/{test}/{prefix}/dealt.json")
}

/// The public addresses that the run's runners had at the start, where they have any.
pub fn public_addresses(test: &TestId, prefix: &RunPrefix) -> String {
    format!("results/{test}/{prefix}/public-addresses.json")
}

/// What the requests after the load came to.
pub fn teardown(test: &TestId, prefix: &RunPrefix) -> String {
    format!("results/{test}/{prefix}/teardown.json")
}

/// The merged timeline of the run.
pub fn merged_timeline(test: &TestId, prefix: &RunPrefix) -> String {
    format!("results/{test}/{prefix}/timeline.json.gz")
}

/// The merged label details of the run.
pub fn merged_labels(test: &TestId, prefix: &RunPrefix) -> String {
    format!("results/{test}/{prefix}/labels.json.gz")
}

/// The merged histograms of the run.
pub fn merged_histograms(test: &TestId, prefix: &RunPrefix) -> String {
    format!("results/{test}/{prefix}/histograms.json.gz")
}

/// What is stored of the run's record beside its head: results by label, errors
/// with their exchanges.
pub fn record_parts(test: &TestId, prefix: &RunPrefix) -> String {
    format!("results/{test}/{prefix}/record.json.gz")
}

/// How each runner of the run fared.
pub fn merged_runners(test: &TestId, prefix: &RunPrefix) -> String {
    format!("results/{test}/{prefix}/runners.json.gz")
}

/// The scenario as the run was started with it.
pub fn scenario_as_run(test: &TestId, prefix: &RunPrefix) -> String {
    format!("results/{test}/{prefix}/scenario.json.gz")
}

/// Splits the file name of a report (`{runner}-{region}.xml`) into its parts.
/// None for any other name.
pub fn parse_report_name(key: &str) -> Option<(RunnerId, Region)> {
    parse_runner_file(key, ".xml")
}

/// Splits the file name of a timeline (`{runner}-{region}.timeline`).
pub fn parse_timeline_name(key: &str) -> Option<(RunnerId, Region)> {
    parse_runner_file(key, ".timeline")
}

fn parse_runner_file(key: &str, suffix: &str) -> Option<(RunnerId, Region)> {
    let stem = key.rsplit('/').next()?.strip_suffix(suffix)?;
    // Both parts may hold hyphens: a region has three hyphened words, or four
    // when the second is "gov"; the longer reading wins.
    let hyphens: Vec<usize> = stem.match_indices('-').map(|(at, _)| at).collect();
    [4, 3].into_iter().find_map(|words| {
        let at = *hyphens.get(hyphens.len().checked_sub(words)?)?;
        let region = Region::parse(&stem[at + 1..]).ok()?;
        Some((RunnerId::parse(&stem[..at]).ok()?, region))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn report_names_read_back() {
        let test = TestId::parse("Xk29QmWz7B").unwrap();
        let prefix = RunPrefix::parse("2026-03-04T09-15-02_p4TqL8vN2c").unwrap();
        for (runner, region) in [
            ("lo-home-1-2", "lo-home-1"),
            ("0f8fad5bd9cb469fa165708673b5a1c2", "us-gov-east-1"),
            ("a", "eu-west-1"),
        ] {
            let runner = RunnerId::parse(runner).unwrap();
            let region = Region::parse(region).unwrap();
            let key = report(&test, &prefix, &runner, &region);
            assert_eq!(parse_report_name(&key), Some((runner, region)), "{key}");
        }
        assert_eq!(parse_report_name("results/x/labels.json.gz"), None);
        assert_eq!(parse_report_name("eu-west-1.xml"), None);
    }

    #[test]
    fn a_regions_timeline_is_no_file_of_a_runner() {
        let test = TestId::parse("Xk29QmWz7B").unwrap();
        let prefix = RunPrefix::parse("2026-03-04T09-15-02_p4TqL8vN2c").unwrap();
        for region in ["lo-home-1", "us-gov-east-1"] {
            let region = Region::parse(region).unwrap();
            let key = region_timeline(&test, &prefix, &region);
            assert!(key.starts_with(&results_folder(&test, &prefix)), "{key}");
            assert!(key.ends_with(&format!("/{region}.timeline-so-far.json")));
            assert_eq!(parse_report_name(&key), None, "{key}");
            assert_eq!(parse_timeline_name(&key), None, "{key}");
            assert_ne!(key, merged_timeline(&test, &prefix));
        }
    }
}
