//! Think times: pauses of one length, or of lengths that are drawn anew for each pause. The
//! stream that they are drawn from is the caller's.

use crate::random::Stream;
use crate::scenario::execution::durations::{parse_duration, show_duration};
use crate::scenario::limits::LONGEST_THINK_TIME_US;
use std::fmt;

/// How long a pause is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThinkTime {
    /// Always so long, µs.
    Fixed(u64),
    /// Every length from the least to the most is equally likely, µs.
    Uniform {
        /// The shortest.
        least_us: u64,
        /// The longest.
        most_us: u64,
    },
    /// Exponential: as between events that come independently of each other.
    Exponential {
        /// The mean, µs.
        mean_us: u64,
    },
    /// Normal. What would be below 0 is 0.
    Normal {
        /// The mean, µs.
        mean_us: u64,
        /// The standard deviation, µs.
        deviation_us: u64,
    },
}

impl Default for ThinkTime {
    fn default() -> Self {
        Self::Fixed(0)
    }
}

impl ThinkTime {
    /// Whether its length is drawn.
    pub fn is_random(&self) -> bool {
        !matches!(self, Self::Fixed(_))
    }

    /// The length of the next pause, µs; at most a day.
    #[inline]
    pub fn draw_us(&self, stream: &mut Stream) -> u64 {
        match *self {
            Self::Fixed(us) => us,
            _ => self.drawn_us(stream),
        }
    }

    fn drawn_us(&self, stream: &mut Stream) -> u64 {
        let us = match *self {
            Self::Fixed(us) => return us,
            Self::Uniform { least_us, most_us } => {
                return least_us + stream.below(most_us.saturating_sub(least_us) + 1);
            }
            Self::Exponential { mean_us } => -(mean_us as f64) * (1.0 - stream.unit()).ln(),
            Self::Normal {
                mean_us,
                deviation_us,
            } => mean_us as f64 + deviation_us as f64 * normal(stream),
        };
        us.round().clamp(0.0, LONGEST_THINK_TIME_US as f64) as u64
    }

    /// Reads `uniform(1s, 2s)` and the like; None if the text has no brackets and may be a
    /// length alone.
    pub fn parse(text: &str) -> Option<Result<Self, String>> {
        let (name, rest) = text.split_once('(')?;
        Some(Self::of_parts(name.trim(), rest))
    }

    fn of_parts(name: &str, rest: &str) -> Result<Self, String> {
        let inside = rest.trim().strip_suffix(')').ok_or(HOW)?;
        let lengths: Vec<Option<u64>> = inside.split(',').map(parse_duration).collect();
        let name = name.to_ascii_lowercase();
        let read = match (name.as_str(), &lengths[..]) {
            ("uniform", [Some(least), Some(most)]) if least > most => {
                return Err(format!(
                    "is uniform from {} down to {}: the shortest stands first (a mean and a deviation, as Taurus has it, are written uniform(MEAN - DEVIATION, MEAN + DEVIATION))",
                    show_duration(*least),
                    show_duration(*most)
                ));
            }
            ("uniform", [Some(least), Some(most)]) => Self::Uniform {
                least_us: *least,
                most_us: *most,
            },
            ("exponential", [Some(mean)]) => Self::Exponential { mean_us: *mean },
            ("normal" | "gaussian", [Some(mean), Some(deviation)]) => Self::Normal {
                mean_us: *mean,
                deviation_us: *deviation,
            },
            ("poisson", _) => return Err(POISSON.to_owned()),
            _ => return Err(HOW.to_owned()),
        };
        match lengths.iter().flatten().max() {
            Some(us) if *us > LONGEST_THINK_TIME_US => Err(format!(
                "has {}; at most {} are allowed",
                show_duration(*us),
                show_duration(LONGEST_THINK_TIME_US)
            )),
            _ => Ok(read),
        }
    }
}

const HOW: &str = "must be a duration like 500ms, or one that varies: uniform(1s, 3s), exponential(2s), normal(2s, 500ms)";
/// Of JMeter's timer, whose number of milliseconds is Poisson distributed.
const POISSON: &str = "is JMeter's Poisson timer, whose pauses hardly vary (2 s by some 45 ms): write exponential(2s) for events that come independently of each other, or normal(2s, 45ms)";

/// A normal deviate: Box and Muller (Annals of Mathematical Statistics 29, 1958). The second one
/// that the method gives is not kept, so that a pause takes two numbers from its stream.
fn normal(stream: &mut Stream) -> f64 {
    let radius = (-2.0 * (1.0 - stream.unit()).ln()).sqrt();
    radius * (2.0 * std::f64::consts::PI * stream.unit()).cos()
}

impl fmt::Display for ThinkTime {
    /// As scenarios write it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = show_duration;
        match *self {
            Self::Fixed(us) => write!(f, "{}", show(us)),
            Self::Uniform { least_us, most_us } => {
                write!(f, "uniform({}, {})", show(least_us), show(most_us))
            }
            Self::Exponential { mean_us } => write!(f, "exponential({})", show(mean_us)),
            Self::Normal {
                mean_us,
                deviation_us,
            } => write!(f, "normal({}, {})", show(mean_us), show(deviation_us)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DRAWS: usize = 20_000;

    fn draws(time: ThinkTime) -> Vec<f64> {
        let mut stream = Stream::new(7, 0, 0);
        (0..DRAWS)
            .map(|_| time.draw_us(&mut stream) as f64)
            .collect()
    }

    /// The distance of Kolmogorov and Smirnov: the largest difference between the share of
    /// draws up to a value and the chance of them.
    fn distance(mut drawn: Vec<f64>, chance: impl Fn(f64) -> f64) -> f64 {
        drawn.sort_by(f64::total_cmp);
        let count = drawn.len() as f64;
        drawn
            .iter()
            .enumerate()
            .map(|(at, value)| {
                let expected = chance(*value);
                (expected - at as f64 / count)
                    .abs()
                    .max(((at + 1) as f64 / count - expected).abs())
            })
            .fold(0.0, f64::max)
    }

    /// The normal distribution by the trapezoidal rule, whose error here is below 1e-9.
    fn normal_chance(z: f64) -> f64 {
        const STEPS: usize = 2_000;
        let width = z / STEPS as f64;
        let density = |x: f64| (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
        let inner: f64 = (1..STEPS).map(|at| density(at as f64 * width)).sum();
        0.5 + width * (inner + (density(0.0) + density(z)) / 2.0)
    }

    /// What is drawn is distributed as it says. The limit is that of a test that errs once in a
    /// thousand; with this seed the draws are always the same.
    #[test]
    fn draws_have_the_distribution_that_is_written() {
        let limit = 1.95 / (DRAWS as f64).sqrt();
        let uniform = ThinkTime::Uniform {
            least_us: 1_000_000,
            most_us: 3_000_000,
        };
        let far = distance(draws(uniform), |us| (us - 1e6) / 2e6);
        assert!(far < limit, "{far}");
        let exponential = ThinkTime::Exponential { mean_us: 2_000_000 };
        let far = distance(draws(exponential), |us| 1.0 - (-us / 2e6).exp());
        assert!(far < limit, "{far}");
        let normal = ThinkTime::Normal {
            mean_us: 2_000_000,
            deviation_us: 250_000,
        };
        let far = distance(draws(normal), |us| normal_chance((us - 2e6) / 250e3));
        assert!(far < limit, "{far}");
        // The test itself tells distributions apart.
        let far = distance(draws(normal), |us| normal_chance((us - 2.02e6) / 250e3));
        assert!(far > limit, "{far}");
    }

    #[test]
    fn a_normal_pause_is_cut_at_nothing() {
        let time = ThinkTime::Normal {
            mean_us: 0,
            deviation_us: 1_000,
        };
        let none = draws(time).iter().filter(|us| **us == 0.0).count() as f64;
        let share = none / DRAWS as f64;
        assert!((0.48..0.52).contains(&share), "{share}");
    }

    #[test]
    fn what_is_not_understood_is_told_how_to_write() {
        for (text, told) in [
            ("uniform(2s, 1s)", "the shortest stands first"),
            ("uniform(1s)", "must be a duration"),
            ("uniform(1s, 2s", "must be a duration"),
            ("uniform(1s, 2s) ms", "must be a duration"),
            ("poisson(2s, 1s)", "exponential(2s)"),
            ("exponential()", "must be a duration"),
            ("exponential(-1s)", "must be a duration"),
            ("exponential(25h)", "at most 1d"),
            ("normal(1s, 2s, 3s)", "must be a duration"),
            ("(1s)", "must be a duration"),
        ] {
            let why = ThinkTime::parse(text).unwrap().unwrap_err();
            assert!(why.contains(told), "{text}: {why}");
        }
        assert_eq!(ThinkTime::parse("500ms"), None);
    }

    fn any_time() -> impl Strategy<Value = ThinkTime> {
        let us = 0..LONGEST_THINK_TIME_US / 1_000;
        let us = us.prop_map(|ms| ms * 1_000);
        prop_oneof![
            (us.clone(), us.clone()).prop_map(|(a, b)| ThinkTime::Uniform {
                least_us: a.min(b),
                most_us: a.max(b),
            }),
            us.clone()
                .prop_map(|mean_us| ThinkTime::Exponential { mean_us }),
            (us.clone(), us).prop_map(|(mean_us, deviation_us)| ThinkTime::Normal {
                mean_us,
                deviation_us,
            }),
        ]
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(time in any_time()) {
            prop_assert_eq!(ThinkTime::parse(&time.to_string()), Some(Ok(time)));
        }

        #[test]
        fn a_pause_is_at_most_a_day(time in any_time(), number: u64) {
            let us = time.draw_us(&mut Stream::new(1, 2, number));
            prop_assert!(us <= LONGEST_THINK_TIME_US);
            if let ThinkTime::Uniform { least_us, most_us } = time {
                prop_assert!((least_us..=most_us).contains(&us));
            }
        }

        #[test]
        fn any_text_is_answered(text in "[a-z(0-9s,. )]{0,40}") {
            let _ = ThinkTime::parse(&text);
        }
    }
}
