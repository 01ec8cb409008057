//! Clocks that jump and machines that sleep: the wall clock is set ahead or back at any
//! point, everything stands still for any time. No runner is ended for that, and
//! nothing that was measured is lost.

use crate::outages::Hits;
use crate::play::{Action, Play, Plot, play};
use crate::rng::Rng;
use crate::state::{Faults, lock};
use crate::{check, lost_nothing, number, random_plot};

/// What happens to the clocks.
#[derive(Debug, Clone, Copy)]
pub enum ClockFault {
    /// The wall clock is set by so much, µs.
    Set(i64),
    /// Everything stands still for so long, µs: a laptop's lid was closed.
    Pause(u64),
}

/// What enough seeds must have met, each at least once.
const EXPECTED: [&str; 9] = [
    "set ahead before the start",
    "set ahead under load",
    "set back before the start",
    "set back under load",
    "stood still before the start",
    "stood still under load",
    "stood still over the planned end",
    "stood still past the time at which runners are ended",
    "late runners were asked again and ended by themselves",
];

impl Play {
    /// Plans what happens to the clocks.
    pub fn plan_clock_faults(&mut self, faults: &[(u64, ClockFault)]) {
        for (at_us, fault) in faults {
            self.plan(*at_us, Action::Clock(*fault));
        }
    }

    pub fn strike(&mut self, fault: ClockFault) {
        let mut state = lock(&self.sim.0);
        let run = &state.runs[self.run.run.as_str()];
        let ended = run.record.status.is_terminal();
        let overdue_us = run.graceful_stop_us + self.world.pace.overdue_us;
        let end_us = run.start_at_us.map(|start_us| start_us + run.planned_us);
        let now_us = state.now_us;
        let loads = end_us.is_some_and(|end_us| now_us < end_us) && !ended;
        state.tell(format!("clocks: {fault:?}"));
        match fault {
            ClockFault::Set(by_us) => {
                state.wall_offset_us += by_us;
                let what = match (by_us > 0, end_us.is_none(), loads) {
                    (true, true, _) => 0,
                    (true, false, true) => 1,
                    (false, true, _) => 2,
                    (false, false, true) => 3,
                    _ => return,
                };
                state.hit(EXPECTED[what]);
            }
            ClockFault::Pause(length_us) => {
                state.now_us += length_us;
                // Whoever drives may be the first to run again.
                let first_us = state.rng.between(0, 2_000_000);
                state.frozen_until_us = state.now_us + first_us;
                let over_us = now_us + length_us;
                match end_us {
                    None => state.hit(EXPECTED[4]),
                    Some(end_us) if loads && over_us < end_us => state.hit(EXPECTED[5]),
                    Some(end_us) if loads && over_us < end_us + overdue_us => {
                        state.hit(EXPECTED[6]);
                    }
                    Some(_) if loads => state.hit(EXPECTED[7]),
                    Some(_) => {}
                }
            }
        }
    }
}

fn random_faults(rng: &mut Rng) -> Vec<(u64, ClockFault)> {
    (0..rng.between(1, 5))
        .map(|_| {
            let at_us = rng.between(0, 40_000_000);
            // From a blink to hours.
            let length_us = 100_000 << rng.between(0, 18);
            let fault = match rng.between(0, 3) {
                0 => ClockFault::Set(length_us as i64),
                1 => ClockFault::Set(-(length_us as i64)),
                _ => ClockFault::Pause(length_us),
            };
            (at_us, fault)
        })
        .collect()
}

#[test]
fn whatever_happens_to_clocks_nothing_that_was_measured_is_lost() {
    let replay = number("DLT_SIM_SEED");
    let first = replay.unwrap_or(1);
    let seeds = match replay {
        Some(_) => 1,
        None => number("DLT_SIM_RUNS").unwrap_or(1_000).max(1_000),
    };
    let mut hits = Hits::new();
    for seed in (0..seeds).map(|n| first.wrapping_add(n)) {
        let mut rng = Rng::new(seed ^ 0x000C_10C5);
        let base = random_plot(seed);
        let alone = rng.chance(0.7);
        let plot = Plot {
            clocks: random_faults(&mut rng),
            faults: match alone {
                true => Faults::default(),
                false => base.faults.clone(),
            },
            ..base
        };
        let outcome = play(&plot);
        if replay.is_some() {
            println!("{plot:#?}\n{}", outcome.log.join("\n"));
        }
        check(&plot, &outcome);
        for (what, count) in &outcome.hits {
            *hits.entry(what).or_default() += count;
        }
        if !alone || outcome.run.start_at_us.is_none() {
            continue;
        }
        lost_nothing(seed, &outcome);
        if outcome.run.late.end_us.is_some() {
            *hits.entry(EXPECTED[8]).or_default() += 1;
        }
    }
    println!("{hits:#?}");
    for what in EXPECTED {
        let met = hits.get(what).is_some_and(|count| *count > 0);
        assert!(met || replay.is_some(), "never: {what}");
    }
}
