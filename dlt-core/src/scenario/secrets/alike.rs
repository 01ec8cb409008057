//! Which stored scenario and request a posted one is: a client may have renamed, moved,
//! added or removed some, and no request may get the secrets of another.

use super::redacted;
use crate::scenario::requests::lists;
use crate::value::{Map, Value};

/// A stored plan with its scenarios and requests named and placed as in a posted one.
/// What no posted one is for certain is left out.
pub(super) fn arranged(stored: &Value, posted: &Value) -> Value {
    let mut plan = stored.clone();
    let (Some(theirs), Some(ours)) = (
        posted.get("scenarios").and_then(Value::as_object),
        stored.get("scenarios").and_then(Value::as_object),
    ) else {
        return plan;
    };
    let mut arranged = Map::new();
    for (name, posted) in theirs {
        if let Some(stored) = scenario_of(name, theirs, ours) {
            arranged.insert(name.clone(), with_requests(stored, posted));
        }
    }
    plan["scenarios"] = Value::Object(arranged);
    plan
}

/// The stored scenario of that name; of another one where only one was renamed.
fn scenario_of<'s>(name: &str, posted: &Map, stored: &'s Map) -> Option<&'s Value> {
    if let Some(same) = stored.get(name) {
        return Some(same);
    }
    let new = posted.keys().filter(|name| !stored.contains_key(*name));
    let mut gone = stored.iter().filter(|row| !posted.contains_key(row.0));
    match (new.count(), gone.next(), gone.next()) {
        (1, Some((_, renamed)), None) => Some(renamed),
        _ => None,
    }
}

/// A stored scenario with its requests where the posted one has them.
fn with_requests(stored: &Value, posted: &Value) -> Value {
    let mut scenario = stored.clone();
    for key in lists::OF_SCENARIO {
        if let Some(list) = list_arranged(&stored[key], &posted[key]) {
            scenario[key] = list;
        }
    }
    scenario
}

/// A stored list of requests in the blocks of the posted one, which hold no secrets beside those of
/// their requests. None where either is no list.
fn list_arranged(stored: &Value, posted: &Value) -> Option<Value> {
    let requests = |list: &Value| -> Option<Vec<Value>> {
        list.as_array()?;
        let requests = lists::requests(list, "").into_iter();
        Some(requests.map(|(_, request)| request.clone()).collect())
    };
    let (ours, theirs) = (requests(stored)?, requests(posted)?);
    let places = places(&ours, &theirs);
    let mut arranged = posted.clone();
    let placed = lists::requests_mut(&mut arranged, "").into_iter();
    for ((_, request), place) in placed.zip(places) {
        *request = place
            .and_then(|at| ours.get(at))
            .cloned()
            .unwrap_or_default();
    }
    Some(arranged)
}

/// For each posted request the stored one that it is.
fn places(stored: &[Value], posted: &[Value]) -> Vec<Option<usize>> {
    let shown: Vec<Value> = stored.iter().map(redacted).collect();
    let theirs: Vec<Value> = posted.iter().map(redacted).collect();
    let mut places = vec![None; posted.len()];
    let mut taken = vec![false; stored.len()];
    let whole = |request: &Value| request.clone();
    by(&whole, stored, &shown, &theirs, &mut places, &mut taken);
    by(&target, stored, &shown, &theirs, &mut places, &mut taken);
    if stored.len() == posted.len() {
        let left = |all: &[Value], is_left: &dyn Fn(usize) -> bool, request: &Value| {
            let mut rows = all.iter().enumerate().filter(|row| is_left(row.0));
            rows.any(|row| target(row.1) == target(request))
        };
        let before = places.clone();
        for (at, place) in places.iter_mut().enumerate() {
            // Its address was changed where it stood.
            if place.is_none()
                && !taken[at]
                && !left(&shown, &|n| !taken[n], &theirs[at])
                && !left(&theirs, &|n| before[n].is_none(), &shown[at])
            {
                *place = Some(at);
            }
        }
    }
    places
}

/// Where a request goes: its method and its address.
fn target(request: &Value) -> Value {
    let url = request.get("url").unwrap_or(request);
    let method = request.get("method").and_then(Value::as_str);
    Value::Array(vec![url.clone(), method.unwrap_or("GET").into()])
}

/// Places requests by what is the same of them. Of several that are the same it is told
/// by their order which is which, if there are as many as before; or it does not matter,
/// since their secrets are the same too.
fn by(
    what: &dyn Fn(&Value) -> Value,
    stored: &[Value],
    shown: &[Value],
    posted: &[Value],
    places: &mut [Option<usize>],
    taken: &mut [bool],
) {
    for at in 0..posted.len() {
        if places[at].is_some() {
            continue;
        }
        let same = what(&posted[at]);
        let here: Vec<usize> = (0..posted.len())
            .filter(|n| places[*n].is_none() && what(&posted[*n]) == same)
            .collect();
        let there: Vec<usize> = (0..shown.len())
            .filter(|n| !taken[*n] && what(&shown[*n]) == same)
            .collect();
        let equal = there.iter().all(|n| stored[*n] == stored[there[0]]);
        if there.is_empty() || !(here.len() == there.len() || equal) {
            continue;
        }
        for (n, here) in here.into_iter().enumerate() {
            let of = there[n.min(there.len() - 1)];
            (places[here], taken[of]) = (Some(of), true);
        }
    }
}
