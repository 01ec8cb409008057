//! Random numbers that a seed determines: a stream for each user or arrival of a run. The same
//! seed gives the same streams in every version and on every machine, so the generator is part
//! of what is promised and not a library's choice. What is drawn from them is left to others.

use crate::ids::TestRunId;

/// Largest seed: whole numbers up to it are exact in every reader of JSON.
pub const LARGEST_SEED: u64 = (1 << 53) - 1;

/// What SplitMix64 adds to its state at each step: 2^64 divided by the golden ratio, odd.
const GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

/// A stream of random numbers: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014), whose state is
/// eight bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stream(u64);

impl Stream {
    /// The stream of user or arrival `number` of the run in execution item `item`, both from 0.
    /// It depends on neither runners nor threads.
    pub fn new(seed: u64, item: u64, number: u64) -> Self {
        let of_item = mix(mix(seed) ^ item.wrapping_mul(GAMMA));
        Self(mix(of_item ^ number.wrapping_mul(GAMMA)))
    }

    /// The next number, each of 64 bits equally likely.
    #[inline]
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GAMMA);
        mix(self.0)
    }

    /// The next number from 0 to 1, without 1: a multiple of 2^-53.
    #[inline]
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// The next whole number below `end`, which is not 0. By multiplication; how much more likely
    /// one number is than another is less than `end` in 2^64.
    #[inline]
    pub fn below(&mut self, end: u64) -> u64 {
        let wide = u128::from(self.bits()) * u128::from(end.max(1));
        (wide >> 64) as u64
    }
}

/// The last step of SplitMix64.
#[inline]
fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

/// The seed of a run whose scenario says none: made of the run's id, so that all of its runners
/// have the same one and nobody has to hand it out.
pub fn seed_of(run: &TestRunId) -> u64 {
    // FNV-1a, mixed: ids that differ little have seeds that differ much.
    let hash = run
        .as_str()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    mix(hash) & LARGEST_SEED
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// The first numbers of SplitMix64 with the state 1234567, as other implementations of it
    /// publish them.
    #[test]
    fn the_generator_is_splitmix64() {
        let mut stream = Stream(1_234_567);
        let first: Vec<u64> = (0..5).map(|_| stream.bits()).collect();
        assert_eq!(
            first,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423,
                4_593_380_528_125_082_431,
                16_408_922_859_458_223_821
            ]
        );
    }

    #[test]
    fn users_items_and_seeds_have_streams_of_their_own() {
        let mut first = BTreeSet::new();
        for (seed, item, number) in (0..10).flat_map(|seed| {
            (0..10).flat_map(move |item| (0..100).map(move |number| (seed, item, number)))
        }) {
            assert!(first.insert(Stream::new(seed, item, number).bits()));
            let again = Stream::new(seed, item, number).bits();
            assert!(first.contains(&again));
        }
    }

    #[test]
    fn runs_have_seeds_of_their_own_that_json_can_hold() {
        let seed = |id: &str| seed_of(&TestRunId::parse(id).unwrap());
        let seeds: BTreeSet<u64> = (0..1_000).map(|n| seed(&format!("run-{n}"))).collect();
        assert_eq!(seeds.len(), 1_000);
        assert!(seeds.iter().all(|seed| *seed <= LARGEST_SEED));
        assert_eq!(seed("a"), seed("a"));
    }

    proptest! {
        #[test]
        fn numbers_stay_in_their_range(state: u64, end in 1u64..) {
            let mut stream = Stream(state);
            prop_assert!((0.0..1.0).contains(&stream.unit()));
            prop_assert!(stream.below(end) < end);
        }
    }
}
