//! The answer of every tool that shows one run: what it was, whether its numbers can be
//! trusted, whether it passed, and its numbers in total, by region and by label. Which
//! run and which part of it is shown is decided in the tools.

use super::{is_false, warnings};
use crate::clean::Text;
use crate::refusal::Refusal;
use crate::seen::beside::Beside;
use crate::seen::live::Live;
use crate::seen::numbers::Numbers;
use crate::seen::run::{self, Method, Run};
use crate::units::{rounded, utc_time};
use crate::views::answer::{Rows, ToolAnswer, Warning};
use crate::views::apart::{self, OnceView};
use crate::views::coverage::CoverageView;
use crate::views::live::LiveView;
use crate::views::load::{Account, LoadView, StartView};
use crate::views::numbers_row::NumbersRow;
use crate::views::raw::{self, Cut};
use dlt_core::judge::outcome::Outcome;
use dlt_core::judge::summary::many_failed;
use dlt_core::judge::verdict::Trust;
use dlt_core::measure::generator::OTHER_ADDRESSES;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Labels without `limit`.
const DEFAULT_LIMIT: usize = 10;
/// Most regions, reasons and thresholds that are listed: a run has few.
const MOST_REGIONS: usize = 20;
const MOST_REASONS: usize = 6;
const MOST_THRESHOLDS: usize = 15;
/// Most addresses that are listed, those with most requests.
const MOST_ADDRESSES: usize = 8;

/// How labels are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SortBy {
    #[default]
    P95,
    P99,
    ErrorPct,
    Rps,
    Requests,
    Label,
}

/// Which part of a run is shown.
#[derive(Debug, Default)]
pub(crate) struct Slice {
    pub region: Option<String>,
    pub label_contains: Option<String>,
    pub sort_by: SortBy,
    pub limit: Option<usize>,
    pub offset: usize,
    pub question_hash: String,
}

/// The answer.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Output {
    run: Head,
    verdict: VerdictView,
    coverage: CoverageView,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<OutcomeView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<StartView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    load: Option<LoadView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<Account>,
    /// of an active run, whose totals and regions are so far
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<LiveView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    totals: Option<NumbersRow>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    regions: Vec<NumbersRow>,
    /// if there were several
    #[serde(skip_serializing_if = "Vec::is_empty")]
    addresses: Vec<AddressRow>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    proxies: Vec<ProxyRow>,
    /// requests counts them
    #[serde(skip_serializing_if = "Vec::is_empty")]
    transactions: Vec<NumbersRow>,
    #[serde(skip_serializing_if = "Option::is_none")]
    once_per_run: Option<OnceView>,
    percentile_method: Method,
    times_of: TimesOf,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Warning>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Text>,
    labels_total: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<Map<String, Value>>,
    // Lists that are not whole on this page.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    raw_cut: Vec<Cut>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    labels: Vec<NumbersRow>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Head {
    test_id: Text,
    test_run_id: Text,
    name: Text,
    status: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_s: Option<f64>,
    #[serde(skip_serializing_if = "is_false")]
    active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_reason: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<Text>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct AddressRow {
    address: Text,
    requests: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ProxyRow {
    proxy: Text,
    requests: u64,
}

impl Output {
    /// Replaces what stands in the API's record by a page of it, cleaned; the number of parts on it
    /// and before, if more follow.
    pub(crate) fn show_raw(&mut self, record: &Value, offset: usize) -> Option<usize> {
        let page = raw::page(record, offset);
        self.raw = Some(page.record);
        self.raw_cut = page.cut;
        self.labels.clear();
        self.regions.clear();
        self.addresses.clear();
        self.proxies.clear();
        self.transactions.clear();
        self.warnings.retain(|warning| !warning.is(apart::CUT));
        (page.end < page.total).then_some(page.end)
    }

    /// Says where the next page begins.
    pub(crate) fn continue_at(&mut self, cursor: Option<String>) {
        self.next_cursor = cursor;
    }
}

/// Which answers percentiles are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum TimesOf {
    /// Ok ones.
    Ok,
    /// All, failed ones too.
    All,
}

/// May the numbers be believed.
#[derive(Debug, Serialize, JsonSchema)]
struct VerdictView {
    trust: TrustView,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<Text>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum TrustView {
    Trusted,
    Degraded,
    Untrusted,
    Unknown,
}

#[derive(Debug, Serialize, JsonSchema)]
struct OutcomeView {
    word: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    passed: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Text>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    thresholds: Vec<ThresholdRow>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ThresholdRow {
    expression: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    observed: Option<Text>,
    passed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Text>,
}

impl VerdictView {
    fn of(run: &Run) -> Self {
        let Some(verdict) = &run.verdict else {
            let why = if run.is_active() {
                "it is judged when the run ends"
            } else {
                "this server does not judge its load generator"
            };
            return Self {
                trust: TrustView::Unknown,
                reasons: vec![Text::from(why)],
            };
        };
        let reasons = verdict.reasons.iter().take(MOST_REASONS);
        Self {
            trust: match verdict.trust {
                Trust::Trusted => TrustView::Trusted,
                Trust::Degraded => TrustView::Degraded,
                Trust::Untrusted => TrustView::Untrusted,
            },
            reasons: reasons.map(|reason| Text::of(&reason.message)).collect(),
        }
    }
}

impl OutcomeView {
    fn of(outcome: &Outcome) -> Self {
        let reason = outcome.reason.as_deref().and_then(Text::some);
        let rows = outcome.thresholds.iter().take(MOST_THRESHOLDS);
        Self {
            word: outcome.word.name().into(),
            passed: outcome.passed,
            reason: match reason {
                None if outcome.passed.is_none() => {
                    Some("no thresholds: nothing was judged".into())
                }
                reason => reason,
            },
            thresholds: rows
                .map(|row| ThresholdRow {
                    expression: Text::of(&row.expression),
                    observed: row.observed.as_deref().map(Text::of),
                    passed: row.passed,
                    reason: row.reason.as_deref().map(Text::of),
                })
                .collect(),
        }
    }
}

fn head(run: &Run) -> Head {
    Head {
        test_id: Text::of(&run.test_id),
        test_run_id: Text::of(&run.test_run_id),
        name: Text::of(&run.test_name),
        status: Text::of(&run.status),
        start: utc_time(&run.start_time),
        end: utc_time(&run.end_time),
        duration_s: run.seconds().map(rounded),
        active: run.is_active(),
        error_reason: run.error_reason.as_deref().and_then(Text::some),
        note: run.note.as_deref().and_then(Text::some),
    }
}

/// The labels of the slice, sorted.
fn labels(run: &Run, slice: &Slice) -> Vec<NumbersRow> {
    let needle = slice.label_contains.as_deref().map(str::to_lowercase);
    let seconds = run.seconds();
    let mut rows: Vec<(String, Numbers)> = run
        .labels(slice.region.as_deref())
        .into_iter()
        .filter(|(label, _)| {
            let label = label.to_lowercase();
            needle.as_ref().is_none_or(|needle| label.contains(needle))
        })
        .collect();
    let key = |numbers: &Numbers| match slice.sort_by {
        SortBy::P95 => numbers.p95_ms.unwrap_or(-1.0),
        SortBy::P99 => numbers.p99_ms.unwrap_or(-1.0),
        SortBy::ErrorPct => numbers.failed as f64 / numbers.requests.max(1) as f64,
        SortBy::Rps | SortBy::Requests => numbers.requests as f64,
        SortBy::Label => 0.0,
    };
    rows.sort_by(|a, b| key(&b.1).total_cmp(&key(&a.1)).then_with(|| a.0.cmp(&b.0)));
    let row = |(label, mut numbers): (String, Numbers)| {
        // To save tokens, a label's times of failed requests are shown only if many failed.
        let many = many_failed(numbers.failed, numbers.requests);
        numbers.failed_times = numbers.failed_times.filter(|_| many);
        NumbersRow::of(&numbers, seconds).of_label(&label)
    };
    rows.into_iter().map(row).collect()
}

/// The answer for this part of a run.
pub(crate) fn answer(
    run: &Run,
    beside: &Beside,
    slice: &Slice,
) -> Result<ToolAnswer<Output>, Refusal> {
    let live = beside.live.as_ref();
    let seconds = match live {
        Some(live) => Some(live.at_s as f64),
        None => run.seconds(),
    };
    let (total, regions) = numbers(run, live, slice.region.as_deref())?;
    let start_at_us = run.start.map(|start| start.start_at).filter(|at| *at > 0);
    let start_at_us = start_at_us.or(live.map(|live| live.start_at_us));
    let row =
        |(name, numbers): &(String, Numbers)| NumbersRow::of(numbers, seconds).in_region(name);
    let all = labels(run, slice);
    let limit = slice.limit.unwrap_or(DEFAULT_LIMIT);
    let (transactions, cut) = match slice.offset {
        0 => apart::transactions(
            run,
            slice.region.as_deref(),
            slice.label_contains.as_deref(),
            slice.limit,
        ),
        // They stand on the first page.
        _ => (Vec::new(), None),
    };
    let mut told = warnings::of_run(run, live, total.as_ref(), slice.region.as_deref());
    told.extend(cut);
    Ok(ToolAnswer {
        rows: Some(Rows {
            field: "labels",
            offset: slice.offset,
            total: all.len(),
            question_hash: slice.question_hash.clone(),
            has_limit: slice.limit.is_some(),
        }),
        body: Output {
            run: head(run),
            verdict: VerdictView::of(run),
            coverage: CoverageView::of(run, &beside.runners, start_at_us),
            outcome: run.outcome.as_ref().map(OutcomeView::of),
            start: run.start.as_ref().and_then(StartView::of),
            load: LoadView::of(run, &beside.runners),
            account: run.account.map(Account::from),
            live: live.map(|live| LiveView::of(live, &beside.runners, planned_s(run))),
            totals: total
                .as_ref()
                .map(|numbers| NumbersRow::of(numbers, seconds)),
            // A single region's numbers are the totals.
            regions: match regions.len() {
                1 => Vec::new(),
                _ => regions.iter().take(MOST_REGIONS).map(row).collect(),
            },
            addresses: addresses(run),
            proxies: proxies(run),
            transactions,
            once_per_run: OnceView::of(run),
            percentile_method: match live {
                Some(_) => Method::CoarseMerge,
                None => run.method(),
            },
            times_of: match total.as_ref().is_some_and(Numbers::is_mixed) {
                true => TimesOf::All,
                false => TimesOf::Ok,
            },
            warnings: told,
            next: next_call(run, total.as_ref()),
            labels_total: all.len(),
            raw: None,
            raw_cut: Vec::new(),
            next_cursor: None,
            labels: all.into_iter().skip(slice.offset).take(limit).collect(),
        },
    })
}

/// The numbers of a whole, if it has any, and those of its regions by name.
type WholeAndRegions = (Option<Numbers>, Vec<(String, Numbers)>);

/// The numbers of the run, or of one region, and those of all regions; of a run in progress so far.
fn numbers(
    run: &Run,
    live: Option<&Live>,
    region: Option<&str>,
) -> Result<WholeAndRegions, Refusal> {
    let regions = match live {
        Some(live) => live
            .regions
            .iter()
            .map(|(name, second)| (name.clone(), Numbers::of_second(second)))
            .collect(),
        None => run.regions(),
    };
    let whole = match live {
        Some(live) => Some(Numbers::of_second(&live.total)),
        None => run.total(),
    };
    let Some(name) = region.filter(|_| whole.is_some()) else {
        let shown = regions.into_iter().filter(|_| region.is_none());
        return Ok((whole, shown.collect()));
    };
    let found = regions.iter().find(|row| row.0 == name);
    match found {
        Some(row) => Ok((Some(row.1), Vec::new())),
        None => Err(run::unknown_region(&regions)),
    }
}

/// Requests by address, if there were several; a single one is in the scenario.
fn addresses(run: &Run) -> Vec<AddressRow> {
    let rows = match &run.generator {
        Some(generator) if generator.has_several_addresses() => &generator.addresses,
        _ => return Vec::new(),
    };
    let (known, mut other): (Vec<_>, Vec<_>) =
        rows.iter().partition(|row| row.0 != OTHER_ADDRESSES);
    other.extend(known.iter().skip(MOST_ADDRESSES));
    let other: u64 = other.iter().map(|row| row.1).sum();
    let row = |address: &str, requests| AddressRow {
        address: Text::of(address),
        requests,
    };
    let known = known.iter().take(MOST_ADDRESSES);
    let mut rows: Vec<AddressRow> = known
        .map(|(address, requests)| row(address, *requests))
        .collect();
    rows.extend((other > 0).then(|| row(OTHER_ADDRESSES, other)));
    rows
}

/// Requests by the proxy that they went through.
fn proxies(run: &Run) -> Vec<ProxyRow> {
    let rows = run
        .generator
        .iter()
        .flat_map(|generator| &generator.proxies);
    let row = |(proxy, requests): &(String, u64)| ProxyRow {
        proxy: Text::of(proxy),
        requests: *requests,
    };
    rows.take(MOST_ADDRESSES).map(row).collect()
}

/// How long the load is to be.
fn planned_s(run: &Run) -> Option<u64> {
    let load = run.load.as_ref()?;
    let last = load.planned.last()?.0;
    let step = match load.planned.as_slice() {
        [.., before, last] => last.0 - before.0,
        _ => 1,
    };
    Some(last + step)
}

/// The most useful next call.
fn next_call(run: &Run, total: Option<&Numbers>) -> Option<Text> {
    if run.is_active() && total.is_some() {
        return Some("numbers are so far: call again for newer ones".into());
    }
    let Some(total) = total else {
        return Some(if run.is_active() {
            "call get_runners to see its runners come up".into()
        } else {
            "call list_test_runs for other runs, get_scenario_details for the target".into()
        });
    };
    Some(match total.failed {
        0 => "call compare_test_runs for regressions, query_latency for a label's distribution"
            .into(),
        _ => "call get_error_breakdown for why requests failed".into(),
    })
}
