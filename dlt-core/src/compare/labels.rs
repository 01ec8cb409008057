//! Which labels two runs share, and which of them can be judged. Judging them is
//! left to the module above.

use super::Side;
use crate::ids::Region;
use crate::judge::summary::{Block, Distribution};
use std::collections::BTreeMap;

/// Labels with fewer requests in either run are not tested: no quantile of them
/// can be told.
const LEAST_REQUESTS: u64 = 10;
/// Most labels that are compared, busiest first.
const MOST_LABELS: usize = 100;

/// Labels of both runs.
pub(super) struct Labels {
    /// Judged, with the blocks of base and candidate, busiest first.
    pub(super) both: Vec<(String, Block, Block)>,
    /// Of the candidate alone.
    pub(super) added: Vec<String>,
    /// Of the base alone.
    pub(super) removed: Vec<String>,
    /// Of too few requests.
    pub(super) few: Vec<String>,
    /// Those beyond [`MOST_LABELS`].
    pub(super) rest: Vec<String>,
}

fn in_all(side: &Side<'_>) -> BTreeMap<String, Block> {
    let summary = side.record.summary.as_ref();
    let labels = summary.map(|summary| summary.labels.as_slice());
    labels
        .unwrap_or_default()
        .iter()
        .filter_map(|block| Some((block.label.clone()?, block.clone())))
        .collect()
}

/// Records keep labels over all regions; histograms have them by region. Unreadable ones are none.
fn in_region(side: &Side<'_>, region: &Region) -> BTreeMap<String, Block> {
    let stored = side.histograms.and_then(|all| all.regions.get(region));
    let named = stored.into_iter().flatten().filter_map(|row| {
        let times = row.times().ok()?;
        let (ok, failed) = (times.ok.count(), times.failed.count());
        let of = Distribution::of(&times.ok);
        let block = Block {
            label: Some(row.label.clone()),
            count: ok + failed,
            ok,
            failed,
            mean_us: of.mean_us,
            p50_us: of.p50_us,
            p95_us: of.p95_us,
            p99_us: of.p99_us,
            ..Block::default()
        };
        Some((row.label.clone(), block))
    });
    named.collect()
}

impl Labels {
    /// In a region from the exact histograms, where they are kept.
    pub(super) fn of(base: &Side<'_>, candidate: &Side<'_>, region: Option<&Region>) -> Self {
        let blocks = |side: &Side<'_>| match region {
            None => in_all(side),
            Some(region) => in_region(side, region),
        };
        let (a, b) = (blocks(base), blocks(candidate));
        let only = |these: &BTreeMap<String, Block>, those: &BTreeMap<String, Block>| {
            let names = these.keys().filter(|name| !those.contains_key(*name));
            names.take(MOST_LABELS).cloned().collect()
        };
        let mut both: Vec<(String, Block, Block)> = a
            .iter()
            .filter_map(|(name, block)| Some((name.clone(), block.clone(), b.get(name)?.clone())))
            .collect();
        both.sort_by_key(|row| std::cmp::Reverse(row.1.count + row.2.count));
        let rest = both.split_off(both.len().min(MOST_LABELS));
        let (both, few): (Vec<_>, Vec<_>) = both
            .into_iter()
            .partition(|row| row.1.count.min(row.2.count) >= LEAST_REQUESTS);
        Self {
            added: only(&b, &a),
            removed: only(&a, &b),
            both,
            few: few.into_iter().map(|row| row.0).collect(),
            rest: rest.into_iter().map(|row| row.0).collect(),
        }
    }
}
