//! Which labels two runs share, and which of them can be judged. Judging them is
//! left to the module above.

use super::Side;
use crate::ids::Region;
use crate::judge::summary::Block;
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

impl Labels {
    /// None in a region: seconds of labels are kept over all regions only.
    pub(super) fn of(base: &Side<'_>, candidate: &Side<'_>, region: Option<&Region>) -> Self {
        let blocks = |side: &Side<'_>| -> BTreeMap<String, Block> {
            let summary = side.record.summary.as_ref().filter(|_| region.is_none());
            let labels = summary.map(|summary| summary.labels.as_slice());
            labels
                .unwrap_or_default()
                .iter()
                .filter_map(|block| Some((block.label.clone()?, block.clone())))
                .collect()
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
