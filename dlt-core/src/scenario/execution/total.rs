//! `total-requests` of an execution item: a number of requests over the whole run. Users
//! share them, which is left to the engine; arrivals are planned up to that number.

use super::Amount;
use crate::load::Model;
use crate::scenario::document::notes::{Notes, Object};
use crate::scenario::limits::{LONGEST_US, MOST_TOTAL_REQUESTS};
use crate::scenario::show_duration;

pub(super) const KEY: &str = "total-requests";

/// Reads it, and cuts arrivals to that number.
pub(super) fn total_requests(
    object: &Object<'_>,
    amount: Option<Amount>,
    notes: &mut Notes,
) -> (Option<u64>, Option<Amount>) {
    let node = object.get(KEY);
    let Some(total) = node.and_then(|node| node.whole(1..=MOST_TOTAL_REQUESTS, notes)) else {
        return (None, amount);
    };
    let curve = match amount {
        Some(Amount::WholeRun(Model::Arrivals(curve))) => curve,
        users => return (Some(total), users),
    };
    let planned = curve.total_arrivals();
    if planned < total {
        let path = object.path_of(KEY);
        if object.has("hold-for") || object.has("stages") {
            let reason = format!("is not reached: the load is over after {planned} arrivals");
            notes.warn(&path, &reason);
        } else {
            let longest = show_duration(LONGEST_US);
            notes.fault(
                path,
                format!("needs more time than {longest}, the longest load: raise arrivals"),
            );
        }
    }
    let cut = Model::Arrivals(curve.cut_after(total));
    (Some(total), Some(Amount::WholeRun(cut)))
}

#[cfg(test)]
mod tests;
