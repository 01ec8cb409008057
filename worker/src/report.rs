//! Composes a runner's report and timeline from what the engine measured and
//! what the system says, and stores them. Their format is defined in core.

use crate::coordinator::Coordinator;
use crate::depot::{Depot, DepotError};
use crate::engine::LoadResult;
use crate::health::Usage;
use dlt_core::ids::RunnerId;
use dlt_core::keys;
use dlt_core::measure::second::{LabelSecond, Second};
use dlt_core::messages::order::{Order, Start};
use dlt_core::messages::report::{Ended, Health, Report, StartFacts, TaskFacts};
use dlt_core::messages::timeline::{LabelSeries, TIMELINE_FORMAT, Timeline, stretch_of};
use std::time::Duration;

/// What a report says of a load beside what the engine measured.
#[derive(Debug, Default)]
pub struct RunContext {
    /// How it started; None if it never did.
    pub start: Option<Start>,
    /// Why it ended, if not as planned.
    pub ended: Option<Ended>,
    /// The runner's timeline.
    pub seconds: Vec<Second>,
    /// Seconds for which the runner made a tick.
    pub ticks: u64,
    /// Most users in a second.
    pub peak_users: u64,
    /// Load-making threads.
    pub threads: u64,
    /// What the process had used when the load began.
    pub before: Usage,
    /// What it had used when the load was over.
    pub after: Usage,
    /// How long the load took, with the answers that came after its end.
    pub wall: Duration,
    /// How long load was made; None if none was.
    pub loaded: Option<Duration>,
    /// Memory limit, bytes; 0 for none.
    pub memory_limit_bytes: u64,
    /// Warnings for people.
    pub warnings: Vec<String>,
    /// What upstream's results parser requires.
    pub task: TaskFacts,
}

impl RunContext {
    /// Takes timeline, warnings and end reason from the coordinator.
    pub fn take_from(&mut self, coordinator: &mut Coordinator) {
        self.ended = coordinator.end_reason.clone();
        let timeline = std::mem::take(&mut coordinator.timeline);
        self.ticks = timeline.seconds;
        self.peak_users = timeline.peak_users;
        self.seconds = timeline.into_stretches();
        self.warnings = coordinator.take_warnings();
    }
}

/// Stores timeline and report; returns the key of the report. The report is
/// stored last: a reader that finds it finds the timeline too.
pub async fn store(
    depot: &Depot,
    order: &Order,
    runner: &RunnerId,
    result: LoadResult,
    context: RunContext,
) -> Result<String, DepotError> {
    let (report, timeline) = compose(order, runner, result, context);
    let key = |name: fn(&_, &_, &_, &_) -> String| {
        name(&order.test, &order.prefix, runner, &order.region)
    };
    // Numbers, texts and lists alone: this cannot fail.
    let json = serde_json::to_vec(&timeline).unwrap_or_default();
    depot.store(&key(keys::timeline), json).await?;
    let report_key = key(keys::report);
    depot
        .store(&report_key, report.to_xml().into_bytes())
        .await?;
    Ok(report_key)
}

fn compose(
    order: &Order,
    runner: &RunnerId,
    result: LoadResult,
    context: RunContext,
) -> (Report, Timeline) {
    let start = context.start.map(|start| StartFacts {
        start_at_us: start.start_at_us,
        clock_offset_us: start.clock_offset_us,
        clock_error_us: start.clock_error_us,
        share_ppb: Some(start.lot().parts_per_billion()),
        first_due_us: result.first_due_us,
        first_sent_us: result.first_sent_us,
    });
    let mut warnings = context.warnings;
    warnings.extend(result.warnings);
    let report = Report {
        test: order.test.clone(),
        run: order.run.clone(),
        runner: runner.clone(),
        region: order.region.clone(),
        tally: result.tally,
        duration_us: result.last_done_us,
        loaded_us: context.loaded.map(|loaded| loaded.as_micros() as u64),
        peak_users: context.peak_users,
        // Without a thread's results no second of this report is whole.
        ticks: match result.missing_threads {
            0 => context.ticks,
            _ => 0,
        },
        start,
        ended: context.ended.unwrap_or(Ended::AsPlanned),
        health: Health {
            threads: context.threads,
            cpu_us: context.after.cpu_us.saturating_sub(context.before.cpu_us),
            wall_us: u64::try_from(context.wall.as_micros()).unwrap_or(u64::MAX),
            throttled_us: context
                .after
                .throttled_us
                .saturating_sub(context.before.throttled_us),
            max_rss_bytes: context.after.max_rss_bytes,
            memory_limit_bytes: context.memory_limit_bytes,
            ports_exhausted: result.ports_exhausted,
            files_exhausted: result.files_exhausted,
            reading: result.reading,
            bad_seconds: result.bad_seconds,
        },
        generator: result.generator,
        exchanges: result.exchanges.into_rows(),
        warnings,
        task: context.task,
    };
    let timeline = Timeline {
        format: TIMELINE_FORMAT,
        runner: runner.clone(),
        region: order.region.clone(),
        seconds: context.seconds,
        labels: result.labels.into_iter().map(fold_series).collect(),
    };
    (report, timeline)
}

/// Folds a label's seconds into the stretches of a timeline.
fn fold_series(series: LabelSeries) -> LabelSeries {
    let mut seconds: Vec<LabelSecond> = Vec::new();
    for mut second in series.seconds {
        second.second = stretch_of(second.second);
        match seconds.last_mut() {
            Some(last) if last.second == second.second => {
                last.merge(&second);
            }
            _ => seconds.push(second),
        }
    }
    LabelSeries {
        label: series.label,
        seconds,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::depot::Depot;
    use crate::tests::{order, runner};
    use dlt_core::measure::account::Account;
    use dlt_core::messages::order::Role;

    #[test]
    fn labels_fold_into_stretches() {
        let second = |second, ok| LabelSecond {
            second,
            ok,
            ..LabelSecond::default()
        };
        let series = LabelSeries {
            label: "x".to_owned(),
            seconds: vec![second(21_599, 1), second(21_600, 2), second(21_609, 3)],
        };
        let rows: Vec<_> = fold_series(series)
            .seconds
            .iter()
            .map(|row| (row.second, row.ok))
            .collect();
        assert_eq!(rows, vec![(21_599, 1), (21_600, 5)]);
    }

    #[tokio::test]
    async fn what_is_stored_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let depot = Depot::folder(folder.path().to_str().unwrap()).unwrap();
        let order = order(folder.path(), Role::Worker);
        let runner = runner(1);
        let mut result = LoadResult::default();
        result.tally.account = Account {
            scheduled: 3,
            sent: 3,
            ok: 3,
            ..Account::default()
        };
        let context = RunContext {
            ended: Some(Ended::Stopped {
                reason: "SIGTERM".to_owned(),
            }),
            seconds: vec![Second {
                sent: 3,
                ..Second::default()
            }],
            ticks: 1,
            ..RunContext::default()
        };
        let key = store(&depot, &order, &runner, result, context)
            .await
            .unwrap();
        let xml = depot.fetch(&key).await.unwrap().unwrap();
        let report = Report::from_xml(std::str::from_utf8(&xml).unwrap()).unwrap();
        assert_eq!(report.tally.account.sent, 3);
        assert_eq!(report.start, None);
        assert!(matches!(report.ended, Ended::Stopped { .. }));
        let key = keys::timeline(&order.test, &order.prefix, &runner, &order.region);
        let json = depot.fetch(&key).await.unwrap().unwrap();
        let timeline: Timeline = serde_json::from_slice(&json).unwrap();
        assert_eq!(timeline.seconds[0].sent, 3);
    }
}
