//! Tails of the normal and of Student's distribution. Confidence is handed around
//! as a normal deviate `z` (1.96 for 95 %), so that intervals with known and with
//! estimated variances go together.

/// The normal deviate of a two-sided 95 % interval.
pub(super) const Z_95: f64 = 1.959_964;

/// Student's deviate with the tail of the normal deviate `z`: Wallace's
/// approximation (Annals of Mathematical Statistics 30, 1959), inverted. At 95 %
/// too large by 1.2 % with 3 degrees of freedom and by 0.2 % with 6, at 99 % by
/// 3.6 % and 0.7 %.
pub(super) fn student(z: f64, freedom: f64) -> f64 {
    let u = z * (8.0 * freedom + 3.0) / (8.0 * freedom + 1.0);
    (freedom * (u * u / freedom).exp_m1()).sqrt()
}

/// The normal deviate with the tail of Student's `t`: Wallace's approximation.
pub(super) fn normal(t: f64, freedom: f64) -> f64 {
    let u = (freedom * (t * t / freedom).ln_1p()).sqrt();
    u * (8.0 * freedom + 1.0) / (8.0 * freedom + 3.0)
}

/// The chance of a normal deviate at least as far from 0 as `z`: Abramowitz and
/// Stegun 7.1.26, whose error is below 1.5e-7.
pub(super) fn two_sided(z: f64) -> f64 {
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let poly = t
        * (0.254_829_592
            + t * (-0.284_496_736
                + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
    (poly * (-x * x).exp()).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against tables of the t distribution, two-sided 95 % and 99 %.
    #[test]
    fn deviates_are_those_of_the_tables() {
        for (freedom, at_95, at_99) in [
            (3.0, 3.182, 5.841),
            (6.0, 2.447, 3.707),
            (10.0, 2.228, 3.169),
            (30.0, 2.042, 2.750),
        ] {
            for (z, table) in [(Z_95, at_95), (2.575_829, at_99)] {
                let t = student(z, freedom);
                assert!((t / table - 1.0).abs() < 0.04, "{freedom}: {t} {table}");
                assert!((normal(t, freedom) - z).abs() < 1e-9);
            }
        }
        assert!((student(Z_95, 1e6) - Z_95).abs() < 1e-4);
        assert!((two_sided(Z_95) - 0.05).abs() < 1e-5);
        assert!((two_sided(0.0) - 1.0).abs() < 1e-6);
    }
}
