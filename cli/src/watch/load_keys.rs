//! What keys change of a load that goes on: ten percent more or less of the plan, a pause, an end.
//! Asking the pipeline for it is left to `RunControl`.

use dlt_core::calls::answers::LoadWish;
use dlt_core::load::changes::{LARGEST_FACTOR, LoadChange, end_of, factor_of};

/// One step.
const STEP: f64 = 0.1;

/// How much of the planned load is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LoadKeys {
    factor: f64,
    /// What a pause goes back to.
    before_pause: f64,
    ended: bool,
}

impl Default for LoadKeys {
    fn default() -> Self {
        Self {
            factor: 1.0,
            before_pause: 1.0,
            ended: false,
        }
    }
}

impl LoadKeys {
    /// What a key asks for; None if it means nothing, or nothing now.
    pub fn wish(&self, key: u8) -> Option<LoadWish> {
        if self.ended {
            return None;
        }
        let factor = |factor: f64| LoadWish {
            // In tenths, however often it was pressed.
            factor: Some((factor * 10.0).round() / 10.0),
            end: false,
        };
        match key {
            b'+' | b'=' if self.factor < LARGEST_FACTOR => Some(factor(self.factor + STEP)),
            // A factor that others asked for need be no tenth; a step down is no pause.
            b'-' | b'_' if self.factor > STEP => Some(factor((self.factor - STEP).max(STEP))),
            b'p' | b' ' if self.factor > 0.0 => Some(factor(0.0)),
            b'p' | b' ' => Some(factor(self.before_pause)),
            b'e' => Some(LoadWish {
                factor: None,
                end: true,
            }),
            _ => None,
        }
    }

    /// What was changed so far.
    pub fn follow(&mut self, changes: &[LoadChange]) {
        self.factor = factor_of(changes);
        if self.factor > 0.0 {
            self.before_pause = self.factor;
        }
        self.ended = end_of(changes).is_some();
    }

    /// How the load stands, as the screen says it; None while it is the plan's.
    pub fn told(&self) -> Option<String> {
        match self.factor {
            _ if self.ended => Some("ending, as you asked".to_owned()),
            0.0 => Some("paused".to_owned()),
            1.0 => None,
            factor => Some(format!("{:.0} % of the plan", factor * 100.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pressed(keys: &str) -> LoadKeys {
        let mut load = LoadKeys::default();
        let mut changes = Vec::new();
        for key in keys.bytes() {
            let Some(wish) = load.wish(key) else { continue };
            changes.push(LoadChange {
                at_us: changes.len() as u64,
                factor: wish.factor.unwrap_or(0.0),
                end: wish.end,
            });
            load.follow(&changes);
        }
        load
    }

    #[test]
    fn keys_move_the_load_by_tenths_of_the_plan() {
        for (keys, told) in [
            ("", None),
            ("+", Some("110 % of the plan")),
            ("+++", Some("130 % of the plan")),
            ("+-", None),
            ("---------", Some("10 % of the plan")),
            // A tenth is the least; p pauses.
            ("-----------------", Some("10 % of the plan")),
            ("p", Some("paused")),
            ("++pp", Some("120 % of the plan")),
            ("++p+", Some("10 % of the plan")),
            ("xyz\n", None),
            ("+e", Some("ending, as you asked")),
            ("e+p-", Some("ending, as you asked")),
        ] {
            assert_eq!(pressed(keys).told().as_deref(), told, "{keys:?}");
        }
    }

    #[test]
    fn a_step_down_is_never_a_pause() {
        for asked in [0.101, 0.125, 0.14, 0.2, 0.3, 1.0] {
            let mut load = LoadKeys::default();
            load.follow(&[LoadChange {
                at_us: 1,
                factor: asked,
                end: false,
            }]);
            let wish = load.wish(b'-').and_then(|wish| wish.factor);
            assert!(
                wish.is_some_and(|factor| factor >= STEP),
                "{asked}: {wish:?}"
            );
        }
    }

    #[test]
    fn there_is_a_most() {
        let keys = pressed(&"+".repeat(200));
        assert_eq!(keys.told().as_deref(), Some("1000 % of the plan"));
    }
}
