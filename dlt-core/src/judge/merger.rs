//! Adding reports up, one by one: each report's histograms are added to its
//! region's and dropped. The run's are added from the regions' at the end,
//! label by label, so that no second copy of all labels is ever held. Judging
//! the sums is left to `outcome` and `verdict`.

use super::outcome::{self, Measured, Outcome, ThresholdResult};
use super::summary::errors::Errors;
use super::summary::runner::everyone_silent;
use super::summary::warnings::{self, Warnings};
use super::summary::{
    AccountSummary, Block, Blocks, Coverage, ErrorRow, ExchangeRow, LoadSummary, RunFacts,
    RunnerFacts, StartSummary, coverage, load, results,
};
use super::verdict::{self, Verdict};
use crate::ids::{Region, RunnerId};
use crate::measure::account::Account;
use crate::measure::generator::{Generator, GeneratorSums};
use crate::measure::kept::KeptExchanges;
use crate::measure::reading::Reading;
use crate::measure::tally::{
    LabelTally, MOST_LABELS, OTHER_LABEL, Phases, TimesOver, TransactionTally,
};
use crate::messages::histograms::{HISTOGRAMS_FORMAT, LabelHistograms, RunHistograms};
use crate::messages::report::{Ended, Report};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Most sentences of scripts that one outcome has: they hold last lines of tools.
const MOST_SCRIPT_SENTENCES: usize = 3;

/// A finished run's one result.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Did it pass.
    pub outcome: Outcome,
    /// May one believe it.
    pub verdict: Verdict,
    /// Where every request went.
    pub account: AccountSummary,
    /// Which runners reported.
    pub coverage: Coverage,
    /// How evenly it started.
    pub start: StartSummary,
    /// What requests were sent to; empty if no report has it.
    pub generator: Generator,
    /// What was planned.
    pub load: LoadSummary,
    /// Exact numbers, times in µs.
    pub blocks: Blocks,
    /// Failures by cause.
    pub errors: Vec<ErrorRow>,
    /// Exchanges of a run that is tried once; of others there are none.
    pub exchanges: Vec<ExchangeRow>,
    /// Compatible results: by region and `total` (openapi `ResultsByRegion`).
    pub results: Value,
    /// Reports by region.
    pub complete_tasks: BTreeMap<String, u64>,
    /// succ / throughput · 100 with 2 decimals; None without samples.
    pub succ_percent: Option<String>,
    /// Sentences for people.
    pub warnings: Vec<String>,
}

/// Merges reports one by one, so a thousand need not be held at once.
#[derive(Debug, Default)]
pub struct Merger {
    regions: BTreeMap<Region, RegionSums>,
    /// Labels kept apart, over all regions.
    labels: BTreeSet<String>,
    overflowed: u64,
    times_over: TimesOver,
    account: Account,
    reading: Reading,
    generator: GeneratorSums,
    errors: Errors,
    exchanges: KeptExchanges,
    transactions: BTreeMap<String, TransactionTally>,
    runners: BTreeMap<RunnerId, RunnerFacts>,
    warnings: Warnings,
}

#[derive(Debug, Default)]
struct RegionSums {
    labels: BTreeMap<String, LabelSums>,
    /// Bytes of answers that belong to no label.
    bytes_beside: u64,
    phases: Phases,
    /// Sum of the runners' peaks.
    users: u64,
    runners: u64,
}

#[derive(Debug, Default)]
struct LabelSums {
    tally: LabelTally,
    /// Sum of the peaks of the runners that had samples of it.
    users: u64,
}

impl LabelSums {
    fn merge(&mut self, other: &Self) {
        self.tally.merge(&other.tally);
        self.users += other.users;
    }
}

impl Merger {
    /// Adds a report. Its histograms are merged and dropped. A runner's second
    /// report is not counted again.
    pub fn add(&mut self, report: &Report) {
        if self.runners.contains_key(&report.runner) {
            self.warnings.add(
                &report.runner,
                "a runner reported twice; its first report counts",
            );
            return;
        }
        self.runners
            .insert(report.runner.clone(), RunnerFacts::of(report));
        self.account.merge(&report.tally.account);
        self.reading.merge(&report.health.reading);
        self.generator.add(&report.generator);
        self.errors.add(report);
        let kept = report.exchanges.iter().cloned();
        kept.for_each(|exchange| self.exchanges.add(exchange));
        for warning in &report.warnings {
            self.warnings.add(&report.runner, warning);
        }
        for (name, tally) in &report.tally.transactions {
            let known = self.transactions.entry(name.clone()).or_default();
            known.merge(tally);
        }
        self.overflowed += report.tally.overflowed;
        self.times_over.merge(report.tally.times_over);
        let region = self.regions.entry(report.region.clone()).or_default();
        region.runners += 1;
        region.users += report.peak_users;
        region.phases.merge(&report.tally.phases);
        region.bytes_beside += report.tally.bytes_beside;
        for (label, tally) in &report.tally.labels {
            let mut label = label.as_str();
            if !self.labels.contains(label) {
                if self.labels.len() < MOST_LABELS {
                    self.labels.insert(label.to_owned());
                } else if label != OTHER_LABEL {
                    self.overflowed += tally.ok + tally.failed;
                    label = OTHER_LABEL;
                }
            }
            if !region.labels.contains_key(label) {
                region.labels.insert(label.to_owned(), LabelSums::default());
            }
            if let Some(sums) = region.labels.get_mut(label) {
                sums.tally.merge(tally);
                sums.users += report.peak_users;
            }
        }
    }

    /// The one result.
    pub fn finish(mut self, facts: &RunFacts<'_>) -> Summary {
        self.put_times_together();
        let longest = self.runners.values().map(RunnerFacts::loaded_us).max();
        // Rates are over the time in which load was made: a last answer that
        // came late took nothing away from it.
        let duration_us = match (longest.unwrap_or(0), facts.plan.end_us()) {
            (longest, 0) => longest,
            (longest, planned) => longest.min(planned),
        };
        let sums = self.sum_up(facts, duration_us);
        let coverage = coverage::coverage(facts, &self.runners);
        let start = coverage::start(facts.start_at_us, &self.runners);
        let verdict = verdict::judge(&verdict::Evidence {
            runners: &self.runners,
            coverage: &coverage,
            account: &self.account,
            plan: facts.plan,
            changes: facts.changes,
            lag_p99_us: sums.phases.lag.quantile_us(0.99),
            reading: &self.reading,
            connects: sums.phases.connect.count(),
            skew_p99_us: start.skew_p99_us,
        });
        let errors = std::mem::take(&mut self.errors).rows(start.start_at);
        let load = load::planned(facts.plan, facts.tasks, facts.changes);
        let outcome = outcome::decide(outcome::Ending {
            thresholds: facts.thresholds,
            results: sums.thresholds,
            finished: sums.overall.ok + sums.overall.failed,
            account: &self.account,
            failure: facts.failure,
            cancelled: facts.cancelled,
            silent: silent(&self.runners),
            everyone_silent: everyone_silent(&self.runners),
            of_scripts: of_scripts(&self.runners),
            answered: sums
                .overall
                .outcomes
                .iter()
                .any(|row| row.outcome.status.is_some()),
            reported: !self.runners.is_empty(),
            complete: coverage.complete,
            stopped: self.runners.values().any(RunnerFacts::was_stopped),
            worst: worst(&errors),
            users: load.users.unwrap_or(0),
            users_of_runner: load.users.unwrap_or(0) / facts.tasks.max(1),
        });
        Summary {
            outcome,
            verdict,
            account: AccountSummary::new(self.account, load::lost(facts, &self.runners)),
            load,
            blocks: sums.blocks,
            results: sums.results,
            complete_tasks: self
                .regions
                .iter()
                .map(|(region, sums)| (region.to_string(), sums.runners))
                .collect(),
            succ_percent: results::succ_percent(&sums.overall),
            warnings: self.sentences(facts),
            errors,
            exchanges: self
                .exchanges
                .into_rows()
                .into_iter()
                .map(|kept| ExchangeRow::of(kept, start.start_at))
                .collect(),
            generator: self.generator.rows(),
            coverage,
            start,
        }
    }

    /// What is kept of each runner that reported.
    pub fn runners(&self) -> &BTreeMap<RunnerId, RunnerFacts> {
        &self.runners
    }

    /// The merged histograms, as they are stored.
    pub fn histograms(&mut self) -> RunHistograms {
        self.put_times_together();
        let regions = self.regions.iter().map(|(region, part)| {
            let labels = part.labels.iter();
            let labels = labels.map(|(label, sums)| LabelHistograms::of(label, &sums.tally));
            (region.clone(), labels.collect())
        });
        RunHistograms {
            format: HISTOGRAMS_FORMAT,
            regions: regions.collect(),
        }
    }

    /// Where one report does not keep ok and failed samples apart, no part of the
    /// run does, so that all its times are of the same samples.
    fn put_times_together(&mut self) {
        if self.times_over == TimesOver::Ok {
            return;
        }
        let labels = self
            .regions
            .values_mut()
            .flat_map(|part| part.labels.values_mut());
        labels.for_each(|label| label.tally.put_together());
    }

    fn sentences(&self, facts: &RunFacts<'_>) -> Vec<String> {
        let mut sentences = self.warnings.sentences(self.runners.len());
        if self.overflowed > 0 {
            sentences.push(format!(
                "{} requests had labels beyond the {MOST_LABELS} that are kept apart; they are \
                 counted under {OTHER_LABEL}. Give requests that vary one label",
                self.overflowed
            ));
        }
        if self.times_over == TimesOver::All {
            sentences.push(
                "some reports were written by an older dlt, which did not keep failed requests \
                 apart: response times, and thresholds on them, are over all requests"
                    .to_owned(),
            );
        }
        let all_silent = everyone_silent(&self.runners);
        for (runner, seen) in &self.runners {
            match &seen.ended {
                Ended::Stopped { reason } if !facts.cancelled => {
                    sentences.push(format!(
                        "{runner} was stopped before its planned end: {reason}"
                    ));
                }
                Ended::TargetSilent { message, .. } if !all_silent => {
                    // The message is its region's; the count is its own.
                    let begun = seen.account.begun();
                    sentences.push(format!(
                        "{runner} gave up after {begun} requests: {message}"
                    ));
                }
                _ => {}
            }
        }
        if !facts.dealt.is_empty() {
            let dealt: BTreeSet<&RunnerId> = facts.dealt.iter().map(|row| &row.0).collect();
            let unknown: Vec<&RunnerId> = self
                .runners
                .keys()
                .filter(|runner| !dealt.contains(runner))
                .collect();
            if !unknown.is_empty() {
                sentences.push(format!(
                    "reports of runners that had no part of the load are merged too: {}",
                    warnings::named(&unknown)
                ));
            }
        }
        sentences
    }

    fn sum_up(&self, facts: &RunFacts<'_>, duration_us: u64) -> Sums {
        let mut sums = Sums::default();
        let finished = self.account.ok + self.account.failed;
        let seconds = results::test_duration(duration_us, finished);
        let mut by_region = Map::new();
        for (region, part) in &self.regions {
            let mut overall = LabelTally::default();
            part.labels
                .values()
                .for_each(|label| overall.merge(&label.tally));
            overall.bytes_received += part.bytes_beside;
            sums.overall.merge(&overall);
            sums.phases.merge(&part.phases);
            let block = Block::of_whole(&overall, &part.phases);
            sums.blocks.regions.insert(region.to_string(), block);
            let rows = part
                .labels
                .iter()
                .map(|(label, label_sums)| (label.as_str(), label_sums));
            let labels = busiest(rows.map(|(label, part)| {
                let entry = results::label(label, &part.tally, part.users, seconds);
                (part.tally.ok + part.tally.failed, entry)
            }));
            let entry = results::whole(&overall, part.users, seconds, labels);
            by_region.insert(region.to_string(), entry);
        }
        self.add_labels(facts, duration_us, seconds, &mut sums, &mut by_region);
        sums
    }

    /// The labels over all regions, and what rests on them.
    fn add_labels(
        &self,
        facts: &RunFacts<'_>,
        duration_us: u64,
        seconds: u64,
        sums: &mut Sums,
        by_region: &mut Map<String, Value>,
    ) {
        let whole = Measured {
            samples: &sums.overall,
            account: &self.account,
            duration_us,
        };
        sums.thresholds = facts
            .thresholds
            .iter()
            .map(|threshold| threshold.judge(threshold.label.is_none().then_some(&whole)))
            .collect();
        let mut blocks = Vec::new();
        let mut entries = Vec::new();
        for label in self.seen_labels() {
            let mut merged = LabelSums::default();
            self.regions
                .values()
                .filter_map(|part| part.labels.get(label))
                .for_each(|part| merged.merge(part));
            let count = merged.tally.ok + merged.tally.failed;
            let entry = results::label(label, &merged.tally, merged.users, seconds);
            entries.push((count, entry));
            blocks.push((count, Block::of_label(label, &merged.tally)));
            let measured = Measured {
                samples: &merged.tally,
                ..whole
            };
            for (threshold, result) in facts.thresholds.iter().zip(&mut sums.thresholds) {
                if threshold.label.as_deref() == Some(label) {
                    *result = threshold.judge(Some(&measured));
                }
            }
        }
        for (name, tally) in &self.transactions {
            let block = Block::of_transaction(name, tally);
            sums.blocks.transactions.push(block);
            let measured = Measured {
                samples: &tally.samples,
                ..whole
            };
            for (threshold, result) in facts.thresholds.iter().zip(&mut sums.thresholds) {
                if threshold.label.as_ref() == Some(name) {
                    *result = threshold.judge(Some(&measured));
                }
            }
        }
        sums.blocks.labels = busiest(blocks.into_iter());
        sums.blocks.total = Block::of_whole(&sums.overall, &sums.phases);
        sums.blocks.loaded_us = duration_us;
        sums.blocks.times_over = self.times_over;
        let users = self.regions.values().map(|part| part.users).sum();
        let total = results::whole(&sums.overall, users, seconds, busiest(entries.into_iter()));
        // Nothing measured is shown as nothing, not as zeros.
        if sums.overall.ok + sums.overall.failed > 0 {
            by_region.insert("total".to_owned(), total);
            sums.results = Value::Object(std::mem::take(by_region));
        }
    }

    fn seen_labels(&self) -> BTreeSet<&str> {
        self.regions
            .values()
            .flat_map(|part| part.labels.keys().map(String::as_str))
            .collect()
    }
}

/// What comes of the histograms.
#[derive(Debug)]
struct Sums {
    overall: LabelTally,
    phases: Phases,
    blocks: Blocks,
    results: Value,
    thresholds: Vec<ThresholdResult>,
}

impl Default for Sums {
    fn default() -> Self {
        Self {
            overall: LabelTally::default(),
            phases: Phases::default(),
            blocks: Blocks::default(),
            results: Value::Object(Map::new()),
            thresholds: Vec::new(),
        }
    }
}

/// Most samples first; equals stay in the order of their labels.
fn busiest<T>(rows: impl Iterator<Item = (u64, T)>) -> Vec<T> {
    let mut rows: Vec<(u64, T)> = rows.collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.0));
    rows.into_iter().map(|row| row.1).collect()
}

/// Why the target is called silent, if a runner reports so: a whole sentence,
/// cause and advice included.
fn silent(runners: &BTreeMap<RunnerId, RunnerFacts>) -> Option<String> {
    runners.values().find_map(|runner| match &runner.ended {
        Ended::TargetSilent { message, .. } => Some(message.clone()),
        _ => None,
    })
}

/// What failed of the runners' scripts and their tools: each sentence once, with the runners that say it.
fn of_scripts(runners: &BTreeMap<RunnerId, RunnerFacts>) -> Vec<String> {
    let mut said: BTreeMap<&str, Vec<&RunnerId>> = BTreeMap::new();
    for (id, runner) in runners {
        let tool = match &runner.ended {
            Ended::ToolFailed { message } => Some(message.as_str()),
            _ => None,
        };
        for message in tool.into_iter().chain(runner.script_failed.as_deref()) {
            said.entry(message).or_default().push(id);
        }
    }
    let sentence = |(message, who): (&str, Vec<&RunnerId>)| match who.len() == runners.len() {
        true => message.to_owned(),
        false => format!("{message} (on {})", warnings::named(&who)),
    };
    let all = said.into_iter().map(sentence);
    all.take(MOST_SCRIPT_SENTENCES).collect()
}

/// Cause and sentence of the most frequent error.
fn worst(errors: &[ErrorRow]) -> Option<(String, String)> {
    let worst = errors.iter().max_by_key(|row| row.count)?;
    let all: u64 = errors.iter().map(|row| row.count).sum();
    // One that is not most of them explains nothing.
    (2 * worst.count > all).then(|| (worst.cause.clone(), worst.message.clone()))
}

#[cfg(test)]
mod tests;
