//! Numbers for people: times, counts, rates, percentages, bytes. With three significant
//! digits and a unit.

/// A time in µs: `840 µs`, `1.24 ms`, `171 ms`, `2.05 s`, `1 min 12 s`.
pub fn time(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..999_500 => format!("{} ms", three_digits(us as f64 / 1e3)),
        999_500..99_950_000 => format!("{} s", three_digits(us as f64 / 1e6)),
        _ => span(us.div_ceil(1_000_000)),
    }
}

/// A time that is known to two digits, as buckets of a live histogram tell it (8 of an
/// octave, so 9 % wide): `840 µs`, `1.2 ms`, `170 ms`, `2.1 s`.
pub fn coarse_time(us: u64) -> String {
    let mut unit = 1;
    while us / unit >= 100 {
        unit *= 10;
    }
    let us = (us + unit / 2) / unit * unit;
    let two = |value: f64| match value {
        v if v < 10.0 => format!("{v:.1}"),
        v => format!("{v:.0}"),
    };
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..1_000_000 => format!("{} ms", two(us as f64 / 1e3)),
        1_000_000..100_000_000 => format!("{} s", two(us as f64 / 1e6)),
        _ => span(us / 1_000_000),
    }
}

/// A time that may be missing.
pub fn time_or_dash(us: Option<u64>) -> String {
    us.map_or_else(|| "–".to_owned(), time)
}

/// Whole seconds: `10 s`, `2 min 30 s`, `1 h 5 min`, `3 d 2 h`.
pub fn span(seconds: u64) -> String {
    let two = |big: u64, unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{big} {unit}"),
        _ => format!("{big} {unit} {small} {small_unit}"),
    };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => two(seconds / 60, "min", seconds % 60, "s"),
        3_600..86_400 => two(seconds / 3_600, "h", seconds % 3_600 / 60, "min"),
        _ => two(seconds / 86_400, "d", seconds % 86_400 / 3_600, "h"),
    }
}

/// A count with thousands separators: `1,234,567`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A count with its noun: `1 runner`, `4 runners`.
pub fn several(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(n), if n == 1 { "" } else { "s" })
}

/// A rate per second: `198/s`, `12.3/s`.
pub fn rate(per_second: f64) -> String {
    format!("{}/s", number(per_second))
}

/// A number with three significant digits: `0.25`, `12.3`, `1,234`.
pub fn number(value: f64) -> String {
    match value {
        v if v >= 99.95 => count(v.round() as u64),
        v if v <= 0.0 => "0".to_owned(),
        v => plain_decimal(&three_digits(v)),
    }
}

/// A part of a whole: `0 %`, `1.25 %`, `<0.01 %`.
pub fn percent(part: u64, whole: u64) -> String {
    if part == 0 || whole == 0 {
        return "0 %".to_owned();
    }
    let percent = part as f64 * 100.0 / whole as f64;
    match percent {
        p if p < 0.01 => "<0.01 %".to_owned(),
        // Not rounded up to 100 %: 99.996 % is not all.
        p if part < whole && p >= 99.95 => ">99.9 %".to_owned(),
        p => format!("{} %", plain_decimal(&three_digits(p))),
    }
}

/// Bytes: `412 B`, `1.24 MB`.
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 6] = ["B", "kB", "MB", "GB", "TB", "PB"];
    let mut value = n as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1_000.0;
        unit += 1;
    }
    match unit {
        0 => format!("{n} B"),
        _ => format!("{} {}", three_digits(value), UNITS[unit]),
    }
}

/// Three significant digits, for values from 0.01 to 999.
fn three_digits(value: f64) -> String {
    match value {
        v if v < 9.995 => format!("{v:.2}"),
        v if v < 99.95 => format!("{v:.1}"),
        v => format!("{v:.0}"),
    }
}

/// Without trailing zeros: `12.0` is `12`.
fn plain_decimal(text: &str) -> String {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn live_times_have_the_digits_that_buckets_know() {
        for (us, text) in [
            (0, "0 µs"),
            (87, "87 µs"),
            (847, "850 µs"),
            (996, "1.0 ms"),
            (1_244, "1.2 ms"),
            (9_960, "10 ms"),
            (17_149, "17 ms"),
            (171_493, "170 ms"),
            (2_053_000, "2.1 s"),
            (45_500_000, "46 s"),
            (123_000_000, "2 min"),
        ] {
            assert_eq!(coarse_time(us), text, "{us}");
        }
    }

    #[test]
    fn times_keep_three_digits() {
        for (us, text) in [
            (0, "0 µs"),
            (999, "999 µs"),
            (1_000, "1.00 ms"),
            (9_994, "9.99 ms"),
            (12_345, "12.3 ms"),
            (171_400, "171 ms"),
            (999_499, "999 ms"),
            (999_500, "1.00 s"),
            (2_050_000, "2.05 s"),
            (72_000_000, "72.0 s"),
            (100_000_000, "1 min 40 s"),
        ] {
            assert_eq!(time(us), text);
        }
    }

    #[test]
    fn counts_rates_and_shares() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(rate(12_345.6), "12,346/s");
        assert_eq!(rate(200.04), "200/s");
        assert_eq!(rate(12.0), "12/s");
        assert_eq!(rate(0.25), "0.25/s");
        assert_eq!(percent(1, 80), "1.25 %");
        assert_eq!(percent(1, 1_000_000), "<0.01 %");
        assert_eq!(percent(99_999, 100_000), ">99.9 %");
        assert_eq!(percent(5, 5), "100 %");
        assert_eq!(percent(1, 0), "0 %");
        assert_eq!(several(1, "runner"), "1 runner");
    }

    #[test]
    fn spans_and_bytes() {
        assert_eq!(span(59), "59 s");
        assert_eq!(span(60), "1 min");
        assert_eq!(span(3_900), "1 h 5 min");
        assert_eq!(span(266_400), "3 d 2 h");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1_240_000), "1.24 MB");
        assert_eq!(bytes(u64::MAX), "18447 PB");
    }
}
