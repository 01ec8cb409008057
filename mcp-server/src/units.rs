//! Units of answers: milliseconds and percent with three decimals, times in UTC.

use crate::clean::Text;

/// The latest time that jiff can format, milliseconds since 1970.
const LATEST_MS: u64 = 253_402_300_799_000;

/// Rounded to three decimals: of milliseconds, to the microsecond.
pub(crate) fn rounded(number: f64) -> f64 {
    let number = (number * 1e3).round() / 1e3;
    // -0 is written as 0.
    if number == 0.0 { 0.0 } else { number }
}

/// Microseconds in milliseconds.
pub(crate) fn ms(us: u64) -> f64 {
    rounded(us as f64 / 1e3)
}

/// `part` in percent of `whole`; None if `whole` is 0.
pub(crate) fn percent(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| rounded(part as f64 * 100.0 / whole as f64))
}

/// Microseconds before or after, in milliseconds.
pub(crate) fn ms_signed(us: i64) -> f64 {
    rounded(us as f64 / 1e3)
}

/// An instant, ms since the Unix epoch, in RFC 3339; None before it is known.
pub(crate) fn instant(ms: u64) -> Option<Text> {
    let ms = i64::try_from(ms.min(LATEST_MS)).ok().filter(|ms| *ms > 0)?;
    let instant = jiff::Timestamp::from_millisecond(ms).ok()?;
    Text::some(&instant.to_string())
}

/// A time of the API (`YYYY-MM-DD HH:MM:SS`, UTC) in RFC 3339; None if empty. Text that is
/// no time stays as it is.
pub(crate) fn utc_time(text: &str) -> Option<Text> {
    if let Ok(instant) = text.parse::<jiff::Timestamp>() {
        return Text::some(&instant.to_string());
    }
    match text.parse::<jiff::civil::DateTime>() {
        Ok(civil) => Text::some(&format!("{civil}Z")),
        Err(_) => Text::some(text),
    }
}

/// A local time of a time zone, in RFC 3339 UTC.
pub(crate) fn local_time(text: &str, zone: &str) -> Option<Text> {
    let zone = if zone.is_empty() { "UTC" } else { zone };
    let civil = text.parse::<jiff::civil::DateTime>().ok();
    match civil.and_then(|civil| civil.in_tz(zone).ok()) {
        Some(zoned) => Text::some(&zoned.timestamp().to_string()),
        None => Text::some(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_utc() {
        let text = |time: Option<Text>| {
            time.map(|time| time.as_str().to_owned())
                .unwrap_or_default()
        };
        assert_eq!(
            text(utc_time("2026-03-01 12:00:05")),
            "2026-03-01T12:00:05Z"
        );
        assert_eq!(
            text(utc_time("2026-01-12T10:00:00.000Z")),
            "2026-01-12T10:00:00Z"
        );
        assert_eq!(text(utc_time("")), "");
        let berlin = local_time("2026-07-01 09:00:00", "Europe/Berlin");
        assert_eq!(text(berlin), "2026-07-01T07:00:00Z");
        assert_eq!(text(local_time("soon", "Nowhere")), "soon");
    }

    #[test]
    fn numbers_have_three_decimals() {
        assert_eq!(ms(153_087), 153.087);
        assert_eq!(rounded(1.0 / 3.0), 0.333);
        assert_eq!(percent(19, 1_994), Some(0.953));
        assert_eq!(percent(0, 0), None);
    }
}
