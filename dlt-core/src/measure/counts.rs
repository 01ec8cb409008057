//! Counts that another process wrote, as they are read: each within a bound that no run of ours comes
//! near. A number beyond it is refused, never cut.

use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// The most that one number of one stretch may be, and the sum of a histogram's: 9 PB, or a minute of 150
/// million users in µs. Up to there a browser's numbers are exact. Sums of two thousand of them fit 64
/// bits; what hostile ones come to beyond that stays at the most that these hold.
pub const MOST_IN_A_STRETCH: u64 = 1 << 53;

/// A number of a stretch.
pub fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    bounded(u64::deserialize(deserializer)?)
}

/// Counts by name, the names rising: what is added to them looks for its name by halves.
pub fn by_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(String, u64)>, D::Error> {
    let rows = Vec::<(String, u64)>::deserialize(deserializer)?;
    for row in &rows {
        bounded::<D::Error>(row.1)?;
    }
    match rows.is_sorted_by(|one, next| one.0 < next.0) {
        true => Ok(rows),
        false => Err(D::Error::custom("the names of counts do not rise")),
    }
}

/// The number, if it is within the bound.
pub fn bounded<E: Error>(number: u64) -> Result<u64, E> {
    match number <= MOST_IN_A_STRETCH {
        true => Ok(number),
        false => Err(E::custom(format!(
            "{number} is more than one number of a stretch may be ({MOST_IN_A_STRETCH})"
        ))),
    }
}
