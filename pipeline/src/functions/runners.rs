//! The runners of a run, for people: how far each is while it goes on, how it fared once there
//! are reports. Judging them is the verdict's.

use crate::error::PipelineError;
use crate::fleet::{self, Place, RunnerPhase, RunnerStatus};
use crate::functions::dealt::dealt;
use crate::functions::public_addresses::PublicAddresses;
use crate::functions::{packed, public_addresses, reports, timelines};
use crate::runs::Run;
use crate::world::World;
use dlt_core::calls::answers::{RunnerItem, RunnerWord, RunnersAnswer};
use dlt_core::ids::{Region, RunnerId};
use dlt_core::judge::merger::Merger;
use dlt_core::judge::summary::RunnerFacts;
use dlt_core::keys;
use dlt_core::messages::runner_line::{RunnerRow, RunnerState};
use std::collections::BTreeMap;

/// What is known of a run's runners, from wherever.
#[derive(Default)]
pub struct Known<'a> {
    /// Who has a part of the load.
    pub dealt: &'a [(RunnerId, Region)],
    /// Whom the fleet knows.
    pub seen: &'a [RunnerStatus],
    /// Who reported.
    pub reported: Option<&'a BTreeMap<RunnerId, RunnerFacts>>,
    /// Their last rows under load.
    pub rows: &'a [RunnerRow],
    /// The last second of load that was heard of each.
    pub last_heard: BTreeMap<RunnerId, u64>,
    /// What time it is by the run's clock, µs; None once that does not matter.
    pub now_us: Option<u64>,
}

impl Known<'_> {
    /// The load was dealt, and there are results.
    fn is_measured(&self) -> bool {
        self.reported.is_some() && !self.dealt.is_empty()
    }
}

/// The runners of a run.
pub async fn of_run(world: &World, run: &Run) -> Result<RunnersAnswer, PipelineError> {
    if let Some(kept) = kept(world, run).await? {
        return Ok(kept);
    }
    let addresses = public_addresses::kept(world, run).await?;
    let dealt = dealt(world, run).await?;
    if run.record.status.is_terminal() {
        return of_reports(world, run, &dealt, &addresses).await;
    }
    let mut seen = Vec::new();
    for row in &run.regions {
        let place = Place::Region(&row.region);
        seen.extend(fleet::of_run(world.fleet.as_ref(), &run.test, &run.run, place).await?);
    }
    let so_far = timelines::so_far(world, run).await?;
    let known = Known {
        dealt: &dealt,
        seen: &seen,
        now_us: Some(world.now_us(run)),
        rows: &so_far.map(|timeline| timeline.runners).unwrap_or_default(),
        ..Known::default()
    };
    Ok(items(run, &known, &addresses))
}

async fn kept(world: &World, run: &Run) -> Result<Option<RunnersAnswer>, PipelineError> {
    packed::get(world, &keys::merged_runners(&run.test, &run.prefix)).await
}

/// Of a run that an older dlt ended: its reports tell, once.
async fn of_reports(
    world: &World,
    run: &Run,
    dealt: &[(RunnerId, Region)],
    addresses: &PublicAddresses,
) -> Result<RunnersAnswer, PipelineError> {
    let mut merger = Merger::default();
    reports::each_report(world, run, &mut |report| merger.add(report)).await?;
    let known = Known {
        dealt,
        reported: Some(merger.runners()),
        ..Known::default()
    };
    let made = items(run, &known, addresses);
    if !merger.runners().is_empty() {
        // Where nothing may be written, they are made anew the next time.
        let key = keys::merged_runners(&run.test, &run.prefix);
        let _ = packed::put(world, &key, &made).await;
    }
    Ok(made)
}

/// Keeps them with the run's results: once it is over, the fleet forgets them. What was kept before
/// and is not known any more stays.
pub async fn keep(
    world: &World,
    run: &Run,
    known: &Known<'_>,
    addresses: &PublicAddresses,
) -> Result<(), PipelineError> {
    let mut made = items(run, known, addresses);
    let before = kept(world, run).await?;
    for old in before.into_iter().flat_map(|before| before.runners) {
        let same = made.runners.iter_mut().find(|new| new.runner == old.runner);
        if let Some(new) = same {
            new.role = new.role.or(old.role);
            new.last_heard_s = new.last_heard_s.or(old.last_heard_s);
        }
    }
    let key = keys::merged_runners(&run.test, &run.prefix);
    packed::put(world, &key, &made).await
}

fn items(run: &Run, known: &Known<'_>, addresses: &PublicAddresses) -> RunnersAnswer {
    let mut places: Vec<(&RunnerId, &Region)> = Vec::new();
    places.extend(known.dealt.iter().map(|(runner, region)| (runner, region)));
    // Who was replaced, or never got a part of the load, is none of the run's.
    let seen = known.seen.iter().filter(|_| !known.is_measured());
    places.extend(seen.map(|seen| (&seen.runner, &seen.region)));
    let reported = known.reported.into_iter().flatten();
    places.extend(reported.map(|(runner, facts)| (runner, &facts.region)));
    // By region, else in the order in which they came.
    places.sort_by_key(|place| place.1);
    let mut runners: Vec<RunnerItem> = Vec::new();
    let mut listed = std::collections::BTreeSet::new();
    for (runner, region) in places {
        if is_known(run, known, runner) && listed.insert(runner) {
            runners.push(item(run, known, addresses, runner, region));
        }
    }
    RunnersAnswer { runners }
}

/// Whether anything is known of a runner. Who reads a folder beside the process that drives the run
/// sees no runner at all: what is not seen is no loss then.
fn is_known(run: &Run, known: &Known<'_>, runner: &RunnerId) -> bool {
    let blind = known.seen.is_empty() && known.reported.is_none();
    let told = || known.rows.iter().any(|row| row.0 == *runner) || run.lost.contains_key(runner);
    !blind || run.record.status.is_terminal() || told()
}

fn item(
    run: &Run,
    known: &Known<'_>,
    addresses: &PublicAddresses,
    runner: &RunnerId,
    region: &Region,
) -> RunnerItem {
    let seen = known.seen.iter().find(|seen| seen.runner == *runner);
    let row = known.rows.iter().find(|row| row.0 == *runner);
    let facts = known.reported.and_then(|all| all.get(runner));
    let is_measured = known.is_measured();
    let state = match (facts, seen) {
        (Some(_), _) => RunnerWord::Finished,
        (None, _) if is_measured => RunnerWord::Lost,
        (None, Some(seen)) => {
            let begins = run.start_at_us.filter(|start_us| {
                // Until then it is dealt its part of the load, at most.
                known.now_us.is_none_or(|now_us| now_us >= *start_us)
            });
            under_way(begins.is_some(), seen, row)
        }
        (None, None) => row.map_or(RunnerWord::Lost, |row| word(row.1)),
    };
    let lost = seen.and_then(RunnerStatus::loss);
    let lost = run.lost.get(runner).cloned().or(lost);
    let lost = lost.or_else(|| is_measured.then(|| "sent no report".to_owned()));
    let per_core = |facts: &RunnerFacts| {
        let share = facts.cpu_us as f64 / facts.wall_us.max(1) as f64;
        (facts.wall_us > 0).then(|| (share * 1_000.0).round() / 10.0)
    };
    RunnerItem {
        runner: runner.to_string(),
        region: region.to_string(),
        role: seen.map(|seen| seen.role),
        state,
        share_pct: share_pct(run, known, region, facts, state),
        scheduled: facts.map(|facts| facts.account.scheduled),
        dropped: facts.map(|facts| facts.account.dropped),
        last_heard_s: row
            // Before its first tick a row says 0, too.
            .filter(|row| row.2 > 0 || row.1 != RunnerState::Lost)
            .map(|row| row.2)
            .or_else(|| known.last_heard.get(runner).copied()),
        lag_p99_us: match facts {
            Some(facts) => facts.lag_p99_us,
            None => row.map(|row| row.3),
        },
        skew_us: facts.and_then(|facts| facts.start?.skew_us()),
        cpu_pct: facts.and_then(per_core),
        memory_bytes: facts.map(|facts| facts.max_rss_bytes),
        memory_limit_bytes: facts
            .map(|facts| facts.memory_limit_bytes)
            .filter(|limit| *limit > 0),
        public_address: addresses.by_runner.get(runner).cloned(),
        lost: lost.filter(|_| state == RunnerWord::Lost),
    }
}

/// A runner's part of the planned load. One that sent no report had what the others of its region
/// left, with those that are lost beside it: a region's runners are dealt alike.
fn share_pct(
    run: &Run,
    known: &Known<'_>,
    region: &Region,
    facts: Option<&RunnerFacts>,
    state: RunnerWord,
) -> Option<f64> {
    const BILLION: f64 = 1e9;
    let percent = |part: f64| (part.max(0.0) * 1e5).round() / 1e3;
    if let Some(facts) = facts {
        return Some(percent(facts.start?.share_ppb? as f64 / BILLION));
    }
    let reported = known.reported.filter(|_| state == RunnerWord::Lost)?;
    let here = || known.dealt.iter().filter(|dealt| dealt.1 == *region);
    let mut told = 0.0;
    for (runner, _) in here() {
        if let Some(facts) = reported.get(runner) {
            told += facts.start?.share_ppb? as f64 / BILLION;
        }
    }
    let silent = here().filter(|dealt| !reported.contains_key(&dealt.0));
    let asked = run.regions.iter().find(|row| row.region == *region)?.tasks;
    let band = asked as f64 / run.tasks().max(1) as f64;
    Some(percent((band - told) / silent.count().max(1) as f64))
}

/// Of a runner that the fleet knows.
fn under_way(has_begun: bool, seen: &RunnerStatus, row: Option<&RunnerRow>) -> RunnerWord {
    match &seen.phase {
        _ if seen.loss().is_some() => RunnerWord::Lost,
        RunnerPhase::Finished { .. } => RunnerWord::Finished,
        RunnerPhase::Gone { .. } => RunnerWord::Lost,
        // Of a leader the start alone tells that it is ready.
        RunnerPhase::Starting if !has_begun => RunnerWord::Starting,
        _ if !has_begun => RunnerWord::Ready,
        _ => row.map_or(RunnerWord::Loading, |row| word(row.1)),
    }
}

fn word(state: RunnerState) -> RunnerWord {
    match state {
        RunnerState::Loading => RunnerWord::Loading,
        RunnerState::Lagging => RunnerWord::Lagging,
        RunnerState::Finished => RunnerWord::Finished,
        RunnerState::Lost => RunnerWord::Lost,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::tests::example;
    use dlt_core::messages::order::Role;

    fn id(text: &str) -> RunnerId {
        RunnerId::parse(text).unwrap()
    }

    fn seen(runner: &str, phase: RunnerPhase) -> RunnerStatus {
        let run = example();
        RunnerStatus {
            run: run.run,
            runner: id(runner),
            arn: None,
            region: run.regions[0].region.clone(),
            interface: None,
            role: Role::Worker,
            since_us: 7,
            since_boot: None,
            alive: true,
            phase,
        }
    }

    fn states(run: &Run, known: &Known<'_>) -> Vec<(String, RunnerWord)> {
        let all = items(run, known, &PublicAddresses::default()).runners;
        let rows = all.into_iter().map(|item| (item.runner, item.state));
        rows.collect()
    }

    #[test]
    fn a_runner_under_way_has_the_word_of_who_knows_it_best() {
        let mut run = example();
        let address = "127.0.0.1:7".to_owned();
        let seen = [
            seen("a", RunnerPhase::Starting),
            seen("b", RunnerPhase::Ready { address }),
            seen("c", RunnerPhase::Finished { exit: 0 }),
            seen("d", RunnerPhase::Finished { exit: 2 }),
            seen(
                "e",
                RunnerPhase::Gone {
                    how: "killed by signal 9".to_owned(),
                    said: None,
                },
            ),
        ];
        let rows = [RunnerRow(id("b"), RunnerState::Lagging, 4, 120)];
        let known = Known {
            seen: &seen,
            rows: &rows,
            ..Known::default()
        };
        let words = |run: &Run| {
            let words = states(run, &known).into_iter().map(|row| row.1);
            words.collect::<Vec<_>>()
        };
        use RunnerWord::{Finished, Lagging, Loading, Lost, Ready, Starting};
        assert_eq!(words(&run), [Starting, Ready, Finished, Lost, Lost]);
        run.start_at_us = Some(1);
        assert_eq!(words(&run), [Loading, Lagging, Finished, Lost, Lost]);
        // The instant of the start is known, and lies ahead.
        let before = Known {
            now_us: Some(0),
            seen: &seen,
            rows: &rows,
            ..Known::default()
        };
        let words = states(&run, &before).into_iter().map(|row| row.1);
        let words: Vec<_> = words.collect();
        assert_eq!(words, [Starting, Ready, Finished, Lost, Lost]);
        let all = items(&run, &known, &PublicAddresses::default()).runners;
        assert_eq!(
            (all[1].last_heard_s, all[1].lag_p99_us),
            (Some(4), Some(120))
        );
        assert_eq!(all[4].lost.as_deref(), Some("killed by signal 9"));
    }

    /// Who reads a folder beside the process that drives the run sees no runner.
    #[test]
    fn a_runner_of_whom_nothing_is_known_is_not_told_to_be_lost() {
        let mut run = example();
        run.start_at_us = Some(1);
        let region = run.regions[0].region.clone();
        let dealt = [(id("a"), region.clone()), (id("b"), region)];
        let rows = [RunnerRow(id("b"), RunnerState::Loading, 4, 120)];
        let known = Known {
            dealt: &dealt,
            rows: &rows,
            ..Known::default()
        };
        assert_eq!(
            states(&run, &known),
            [("b".to_owned(), RunnerWord::Loading)]
        );
        // A fleet that knows another has lost this one.
        let seen = [seen("b", RunnerPhase::Starting)];
        let known = Known {
            seen: &seen,
            ..known
        };
        assert_eq!(states(&run, &known)[0], ("a".to_owned(), RunnerWord::Lost));
    }

    #[test]
    fn with_results_whoever_was_dealt_load_and_sent_no_report_is_lost() {
        let mut run = example();
        let region = run.regions[0].region.clone();
        let dealt = [(id("a"), region.clone()), (id("b"), region)];
        let nobody = BTreeMap::new();
        run.lost.insert(id("b"), "killed by signal 9".to_owned());
        let known = Known {
            dealt: &dealt,
            reported: Some(&nobody),
            last_heard: BTreeMap::from([(id("a"), 9)]),
            ..Known::default()
        };
        let all = items(&run, &known, &PublicAddresses::default()).runners;
        let told: Vec<_> = all
            .iter()
            .map(|item| (item.state, item.lost.as_deref()))
            .collect();
        let lost = RunnerWord::Lost;
        assert_eq!(
            told,
            [
                (lost, Some("sent no report")),
                (lost, Some("killed by signal 9"))
            ]
        );
        assert_eq!(all[0].last_heard_s, Some(9));
        // Nobody of the region reported: its band of the load was theirs, half of it each.
        let band = run.regions[0].tasks as f64 / run.tasks() as f64;
        assert_eq!(all[0].share_pct, Some((band * 50_000.0).round() / 1e3));
        // One that was replaced before the start is none of them.
        let replaced = [seen("c", RunnerPhase::Finished { exit: 0 })];
        let known = Known {
            seen: &replaced,
            ..known
        };
        assert_eq!(states(&run, &known).len(), 2);
    }
}
