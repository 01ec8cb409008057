//! The numbers of a run in progress: its seconds so far, added. Leaders store them every ten
//! seconds, at home and on AWS alike. Percentiles come from added histograms.

use crate::backend::{Ask, Backend};
use crate::seen::run::Run;
use dlt_core::calls::answers::TimelineAnswer;
use dlt_core::ids::{TestId, TestRunId};
use dlt_core::measure::second::Second;
use dlt_core::messages::timeline::resolution_s;

/// One stretch for the whole run: longer than any run.
const WHOLE_S: u64 = 1_000_000_000;
/// How far back the newest seconds are asked for: regions tell theirs each at its own time.
const BACK_S: u64 = 40;
/// How many of them are the newest.
const RECENT_S: u64 = 10;

/// What a run in progress measured so far.
#[derive(Debug, Clone)]
pub(crate) struct Live {
    /// The start instant, µs since the Unix epoch.
    pub start_at_us: u64,
    /// How many seconds of load there are.
    pub at_s: u64,
    /// All of them added, over all regions.
    pub total: Second,
    /// By region.
    pub regions: Vec<(String, Second)>,
    /// The newest seconds added, and how many these are.
    pub recent: Option<(Second, u64)>,
}

impl Live {
    /// Of a run that has not ended; None while nothing was told, or if the server tells nothing.
    pub async fn of(backend: &dyn Backend, run: &Run) -> Option<Self> {
        if !run.is_active() {
            return None;
        }
        let whole = seconds(backend, run, 0, WHOLE_S).await?;
        let mut live = Self::of_whole(whole)?;
        let from_s = live.at_s.saturating_sub(BACK_S);
        let newest = seconds(backend, run, from_s, 1).await;
        live.recent = newest.and_then(|newest| recent(&newest.total));
        Some(live)
    }

    fn of_whole(answer: TimelineAnswer) -> Option<Self> {
        let added = |rows: Vec<Second>| {
            let mut rows = rows.into_iter();
            let mut sum = rows.next()?;
            rows.for_each(|row| sum.extend(&row));
            Some(sum)
        };
        Some(Self {
            start_at_us: answer.start_at_us,
            at_s: Some(answer.end_s).filter(|end| *end > 0)?,
            total: added(answer.total)?,
            regions: answer
                .regions
                .into_iter()
                .filter_map(|(region, rows)| Some((region, added(rows)?)))
                .collect(),
            recent: None,
        })
    }

    /// What it measured, or what one region did.
    pub fn part(&self, region: Option<&str>) -> Option<&Second> {
        match region {
            None => Some(&self.total),
            Some(name) => {
                let found = self.regions.iter().find(|row| row.0 == name);
                found.map(|row| &row.1)
            }
        }
    }
}

async fn seconds(
    backend: &dyn Backend,
    run: &Run,
    from_s: u64,
    step_s: u64,
) -> Option<TimelineAnswer> {
    let ask = Ask::Timeline {
        test: TestId::parse(&run.test_id).ok()?,
        run: TestRunId::parse(&run.test_run_id).ok()?,
        from_s,
        step_s,
    };
    // Without it the answer says that there are no numbers yet.
    serde_json::from_value(backend.get(&ask).await.ok()?).ok()
}

/// The newest of these seconds.
fn recent(rows: &[Second]) -> Option<(Second, u64)> {
    let last = rows.last()?;
    let end = last.second + resolution_s(last.second);
    let from = end.saturating_sub(RECENT_S.max(resolution_s(last.second)));
    let mut newest = rows.iter().filter(|row| row.second >= from);
    let first = newest.next()?;
    let mut sum = first.clone();
    newest.for_each(|row| sum.extend(row));
    Some((sum, end - first.second))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: u64, ok: u64, failed: u64, us: u64) -> Second {
        let mut row = Second {
            second,
            users: ok,
            ok,
            failed,
            ..Second::default()
        };
        (0..ok).for_each(|_| row.latency.record(us));
        row
    }

    #[test]
    fn seconds_are_added_and_the_newest_stand_apart() {
        let rows: Vec<Second> = (0..60).map(|at| second(at, at, 1, 1_000 * at)).collect();
        let (sum, seconds) = recent(&rows).unwrap();
        assert_eq!(
            (seconds, sum.ok, sum.failed, sum.users),
            (10, (50..60).sum(), 10, 59)
        );
        // Percentiles are of all times, no mean of percentiles.
        let middle = sum.latency.quantile_us(0.5).unwrap();
        assert!((52_000.0..58_000.0).contains(&middle), "{middle}");
        assert!(recent(&[]).is_none());
        // After six hours a row is ten seconds long.
        let late: Vec<Second> = (0..3).map(|at| second(21_600 + 10 * at, 7, 0, 1)).collect();
        let (sum, seconds) = recent(&late).unwrap();
        assert_eq!((seconds, sum.ok), (10, 7));
    }

    #[test]
    fn a_run_of_which_nothing_was_told_has_no_numbers() {
        let nothing = TimelineAnswer {
            format: 2,
            start_at_us: 0,
            end_s: 0,
            total: Vec::new(),
            regions: std::collections::BTreeMap::new(),
            labels: Vec::new(),
        };
        assert!(Live::of_whole(nothing.clone()).is_none());
        let told = TimelineAnswer {
            end_s: 3,
            total: vec![second(0, 4, 1, 10)],
            regions: [("a".to_owned(), vec![second(0, 3, 0, 10)])].into(),
            ..nothing
        };
        let live = Live::of_whole(told).unwrap();
        assert_eq!(live.part(Some("a")).map(|it| it.ok), Some(3));
        assert_eq!(live.part(None).map(|it| it.failed), Some(1));
        assert!(live.part(Some("b")).is_none());
    }
}
