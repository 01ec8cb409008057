//! A merged exact histogram as a distribution that is read backwards: from a share
//! to a time.

use crate::measure::latencies::Latencies;

/// Exact response times.
#[derive(Debug)]
pub(super) struct Distribution {
    /// Lowest and highest value of each bucket, µs, and values up to its end.
    rows: Vec<(f64, f64, f64)>,
    mean: f64,
    variance: f64,
}

impl Distribution {
    /// Of a histogram; None if it is empty.
    pub(super) fn of(latencies: &Latencies) -> Option<Self> {
        let mut up_to = 0.0;
        let rows: Vec<_> = latencies
            .buckets()
            .map(|(low, high, count)| {
                up_to += count as f64;
                // Whole microseconds: a value stands for those up to the next.
                (low as f64, high as f64 + 1.0, up_to)
            })
            .collect();
        Some(Self {
            rows,
            mean: latencies.mean_us().filter(|mean| *mean > 0.0)?,
            variance: latencies.stdev_us()?.powi(2),
        })
    }

    pub(super) fn count(&self) -> f64 {
        self.rows.last().map_or(0.0, |row| row.2)
    }

    /// Of the times, µs.
    pub(super) fn mean(&self) -> f64 {
        self.mean
    }

    /// Of the times, µs².
    pub(super) fn variance(&self) -> f64 {
        self.variance
    }

    /// The natural logarithm of the time in µs below which the share `q` lies,
    /// as if values were spread evenly over their bucket; infinite for shares
    /// that are none: nothing was measured there.
    pub(super) fn log_quantile(&self, q: f64) -> f64 {
        if q <= 0.0 {
            return f64::NEG_INFINITY;
        }
        if q >= 1.0 {
            return f64::INFINITY;
        }
        let rank = q * self.count();
        let at = self.rows.partition_point(|row| row.2 < rank);
        let before = at.checked_sub(1).map_or(0.0, |at| self.rows[at].2);
        let (low, high, up_to) = self.rows[at];
        let within = (rank - before) / (up_to - before);
        (low + within * (high - low)).max(0.5).ln()
    }

    /// The share of times below the one of this natural logarithm.
    pub(super) fn share_below(&self, log: f64) -> f64 {
        let us = log.exp();
        let at = self.rows.partition_point(|row| row.1 <= us);
        let before = at.checked_sub(1).map_or(0.0, |at| self.rows[at].2);
        let inside = self.rows.get(at).map_or(0.0, |&(low, high, up_to)| {
            let within = ((us - low) / (high - low)).clamp(0.0, 1.0);
            within * (up_to - before)
        });
        (before + inside) / self.count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Read forwards and backwards.
        #[test]
        fn shares_and_quantiles_are_each_other_s_inverse(
            values in prop::collection::vec(1u64..5_000_000, 1..60),
            q in 0.001f64..0.999,
        ) {
            let mut latencies = Latencies::default();
            values.iter().for_each(|us| latencies.record(*us));
            let times = Distribution::of(&latencies).unwrap();
            let log = times.log_quantile(q);
            prop_assert!((times.share_below(log) - q).abs() < 1e-6, "{log}");
            prop_assert!(times.log_quantile(q / 2.0) <= log);
            prop_assert_eq!(times.share_below(-1.0), 0.0);
            prop_assert_eq!(times.share_below(30.0), 1.0);
        }
    }
}
