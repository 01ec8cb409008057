//! A part of a timeline, coarser: what a chart of so many pixels needs. Stretches are added,
//! never thinned out, so counts and distributions of a window stay whole.

use super::{LabelSeries, RunTimeline, resolution_s};
use crate::measure::second::{LabelSecond, Second};
use std::collections::BTreeMap;

/// How far a region's timeline so far may lie behind another's, seconds: it is stored every 10 s.
const LONGEST_BEHIND_S: u64 = 20;

/// Which stretches, and how coarse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// First second.
    pub from_s: u64,
    /// The second after the last.
    pub to_s: u64,
    /// Length of a stretch, seconds, at least 1; rounded up to a multiple of what is stored, which
    /// is 1 s, after 6 h 10 s, after 3 days 60 s.
    pub step_s: u64,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            from_s: 0,
            to_s: u64::MAX,
            step_s: 1,
        }
    }
}

impl Window {
    fn has(&self, second: u64) -> bool {
        (self.from_s..self.to_s).contains(&second)
    }

    /// How long the stretch is that a second belongs to: whole ones of what is stored.
    fn length_at(&self, second: u64) -> u64 {
        self.step_s.max(1).next_multiple_of(resolution_s(second))
    }

    /// Where that stretch begins.
    fn start_of(&self, second: u64) -> u64 {
        second - second % self.length_at(second)
    }

    fn seconds(&self, seconds: &[Second]) -> Vec<Second> {
        let mut stretches: Vec<Second> = Vec::new();
        for second in seconds.iter().filter(|row| self.has(row.second)) {
            let start = self.start_of(second.second);
            match stretches.last_mut() {
                Some(last) if last.second == start => last.extend(second),
                _ => stretches.push(Second {
                    second: start,
                    ..second.clone()
                }),
            }
        }
        stretches
    }

    /// A label's stretches.
    pub fn label(&self, series: &LabelSeries) -> LabelSeries {
        let mut stretches: Vec<LabelSecond> = Vec::new();
        for second in series.seconds.iter().filter(|row| self.has(row.second)) {
            let start = self.start_of(second.second);
            match stretches.last_mut() {
                Some(last) if last.second == start => last.merge(second),
                _ => stretches.push(LabelSecond {
                    second: start,
                    ..second.clone()
                }),
            }
        }
        LabelSeries {
            label: series.label.clone(),
            seconds: stretches,
        }
    }
}

impl RunTimeline {
    /// The stretches of a window, without labels.
    pub fn window(&self, window: &Window) -> Self {
        let regions = self.regions.iter();
        let regions = regions.map(|(region, rows)| (region.clone(), window.seconds(rows)));
        Self {
            format: self.format,
            start_at_us: self.start_at_us,
            regions: regions.collect(),
            labels: Vec::new(),
            runners: Vec::new(),
        }
    }

    /// Where what happened in a window ends: the second after the last one in which something did.
    /// The stretch that it lies in is cut short by it.
    pub fn end_s(&self, window: &Window) -> u64 {
        let seconds = self.regions.values().flatten();
        let busy = seconds.filter(|row| {
            window.has(row.second) && row.scheduled + row.ok + row.failed + row.users > 0
        });
        let ends = busy.map(|row| row.second + resolution_s(row.second));
        ends.max().unwrap_or(0)
    }

    /// The last second that counts in the sum of a run in progress: regions are stored each at its
    /// own time, and beyond the earliest the sum would be of some alone. One that is not stored any
    /// more, since its leader is lost, holds the others back no longer than that.
    pub fn told_s(&self) -> u64 {
        let ends = self.regions.values();
        let ends = ends.map(|rows| rows.last().map_or(0, |row| row.second));
        let latest = ends.clone().max().unwrap_or(0);
        let earliest = ends.min().unwrap_or(0);
        earliest.max(latest.saturating_sub(LONGEST_BEHIND_S))
    }

    /// All regions added, stretch by stretch.
    pub fn total(&self) -> Vec<Second> {
        let mut total: BTreeMap<u64, Second> = BTreeMap::new();
        for second in self.regions.values().flatten() {
            let row = total.entry(second.second).or_insert_with(|| Second {
                second: second.second,
                ..Second::default()
            });
            row.merge(second);
        }
        total.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Region;
    use crate::messages::timeline::TIMELINE_FORMAT;
    use proptest::prelude::*;

    fn second(second: u64, ok: u64) -> Second {
        let mut row = Second {
            second,
            users: ok + 1,
            ok,
            runners: 2,
            ..Second::default()
        };
        (0..ok).for_each(|at| row.latency.record(100 + second * 7 + at));
        row
    }

    fn timeline(regions: &[&[u64]]) -> RunTimeline {
        let rows = regions.iter().enumerate().map(|(at, counts)| {
            let rows = (0..).zip(*counts).map(|(at, ok)| second(at, *ok)).collect();
            (Region::parse(&format!("lo-home-{at}")).unwrap(), rows)
        });
        RunTimeline {
            format: TIMELINE_FORMAT,
            regions: rows.collect(),
            ..RunTimeline::default()
        }
    }

    #[test]
    fn a_stretch_adds_flows_and_keeps_the_last_users() {
        let timeline = timeline(&[&[1, 2, 3, 4, 5]]);
        let window = Window {
            from_s: 1,
            to_s: 5,
            step_s: 2,
        };
        let rows = timeline.window(&window).regions.into_values().next();
        let rows = rows.unwrap();
        let told = rows.iter().map(|row| (row.second, row.ok, row.users));
        let told: Vec<_> = told.collect();
        assert_eq!(told, [(0, 2, 3), (2, 7, 5), (4, 5, 6)]);
        assert!(rows.iter().all(|row| row.runners == 2));
        assert_eq!(timeline.window(&Window::default()), timeline);
        assert_eq!(
            (timeline.end_s(&window), timeline.end_s(&Window::default())),
            (5, 5)
        );
        let early = Window { to_s: 3, ..window };
        assert_eq!(timeline.end_s(&early), 3);
        assert_eq!(timeline.total()[4].runners, 2);
    }

    #[test]
    fn a_region_that_is_stored_later_holds_the_sum_back_for_a_while() {
        let told = |one: usize, other: usize| timeline(&[&vec![1; one], &vec![1; other]]).told_s();
        assert_eq!(told(31, 40), 30);
        assert_eq!(told(21, 40), 20);
        // Not heard of any more: 19 would be too long ago.
        assert_eq!(told(11, 40), 19);
        assert_eq!(told(0, 5), 0);
        assert_eq!(timeline(&[]).told_s(), 0);
    }

    /// A constant load is constant, however long the run and whatever the step.
    #[test]
    fn stretches_are_as_long_as_they_say() {
        let stored = (0..30_000).filter(|at| at % resolution_s(*at) == 0);
        let rows: Vec<Second> = stored
            .map(|at| second_of(at, 5 * resolution_s(at)))
            .collect();
        let region = Region::parse("lo-home-1").unwrap();
        let timeline = RunTimeline {
            regions: BTreeMap::from([(region, rows)]),
            ..RunTimeline::default()
        };
        for step_s in [1, 2, 7, 26, 60, 87] {
            let window = Window {
                step_s,
                ..Window::default()
            };
            let total = timeline.window(&window).total();
            // The last one, and the one before the change at 6 h, may be cut short.
            for pair in total.windows(2).filter(|pair| pair[1].second != 21_600) {
                let length = pair[1].second - pair[0].second;
                assert_eq!(length, window.length_at(pair[0].second), "{step_s}");
                assert_eq!(pair[0].ok, 5 * length, "{step_s} {}", pair[0].second);
            }
        }
    }

    fn second_of(second: u64, ok: u64) -> Second {
        Second {
            second,
            ok,
            ..Second::default()
        }
    }

    proptest! {
        /// However it is cut and added, no request and no response time is lost.
        #[test]
        fn windows_of_any_step_hold_everything(
            counts in prop::collection::vec(prop::collection::vec(0u64..5, 0..40), 1..4),
            cut in 0u64..45, step_s in 1u64..50,
        ) {
            let slices: Vec<&[u64]> = counts.iter().map(Vec::as_slice).collect();
            let timeline = timeline(&slices);
            let parts = [(0, cut), (cut, u64::MAX)].map(|(from_s, to_s)| {
                timeline.window(&Window { from_s, to_s, step_s })
            });
            let sum = |rows: Vec<Second>| {
                let mut all = Second::default();
                rows.iter().for_each(|row| all.merge(row));
                (all.ok, all.latency)
            };
            let mut rows = parts[0].total();
            rows.extend(parts[1].total());
            prop_assert!(rows.iter().all(|row| row.second % step_s == 0));
            prop_assert_eq!(sum(rows), sum(timeline.total()));
        }
    }
}
