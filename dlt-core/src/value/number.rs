//! A number that keeps its text (decision 45). It becomes a machine's number only
//! where something is computed with it.

use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use std::cmp::Ordering;
use std::fmt;

/// A number of JSON (RFC 8259, 6), as it was written: `100.00`, `12e5`, or an
/// identifier with more digits than a machine's number has.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Number(Box<str>);

impl Number {
    /// A text that is a number of JSON; None if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        (length(text.as_bytes()) == Some(text.len())).then(|| Self(text.into()))
    }

    /// A text that is known to be a number of JSON.
    pub(super) fn known(text: &str) -> Self {
        debug_assert_eq!(length(text.as_bytes()), Some(text.len()), "{text}");
        Self(text.into())
    }

    /// The text, as it was written.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Its value, if it is written as a whole number of 64 bits.
    pub fn as_u64(&self) -> Option<u64> {
        self.0.parse().ok()
    }

    /// Its value, if it is written as a whole number of 64 bits with a sign.
    pub fn as_i64(&self) -> Option<i64> {
        self.0.parse().ok()
    }

    /// The nearest float; None beyond what floats have (`1e400`).
    pub fn as_f64(&self) -> Option<f64> {
        self.0.parse::<f64>().ok().filter(|value| value.is_finite())
    }

    /// Whether both have the same value, however each is written: `100.00` is `1e2`.
    pub fn has_value_of(&self, other: &Self) -> bool {
        self.0 == other.0 || Decimal::of(&self.0) == Decimal::of(&other.0)
    }

    /// Which is more, exactly, however many digits they have; of exponents beyond 62 bits only the sign
    /// counts.
    pub fn compare(&self, other: &Self) -> Ordering {
        match (self.as_i64(), other.as_i64()) {
            (Some(one), Some(other)) => one.cmp(&other),
            _ => Decimal::of(&self.0).compare(&Decimal::of(&other.0)),
        }
    }

    /// As `serde_json` holds it: exact for whole numbers of 64 bits, else the
    /// nearest float, the largest one beyond what floats have.
    pub(crate) fn to_serde(&self) -> serde_json::Number {
        if let Some(whole) = self.as_u64() {
            return whole.into();
        }
        if let Some(whole) = self.as_i64() {
            return whole.into();
        }
        let value = self.0.parse::<f64>().unwrap_or(0.0);
        let value = value.clamp(f64::MIN, f64::MAX);
        serde_json::Number::from_f64(value).unwrap_or_else(|| 0.into())
    }
}

impl From<&serde_json::Number> for Number {
    fn from(number: &serde_json::Number) -> Self {
        Self(number.to_string().into())
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Number {
    /// As a number; as raw text where `serde_json` would write it otherwise.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let plain = self.to_serde();
        if plain.to_string() == *self.0 {
            return plain.serialize(serializer);
        }
        let raw = serde_json::value::RawValue::from_string(self.0.to_string());
        raw.map_err(S::Error::custom)?.serialize(serializer)
    }
}

/// Bytes of the number that a text begins with (RFC 8259, 6).
pub(super) fn length(text: &[u8]) -> Option<usize> {
    let digits = |from: usize| {
        let rest = text.get(from..).unwrap_or_default();
        rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
    };
    let mut at = usize::from(text.first() == Some(&b'-'));
    let whole = digits(at);
    if whole == 0 || (whole > 1 && text[at] == b'0') {
        return None;
    }
    at += whole;
    if text.get(at) == Some(&b'.') {
        let fraction = digits(at + 1);
        if fraction == 0 {
            return None;
        }
        at += 1 + fraction;
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits(at + 1 + sign);
        if exponent == 0 {
            return None;
        }
        at += 1 + sign + exponent;
    }
    Some(at)
}

/// A number's value: `0.d₁d₂… × 10^exponent` without zeros at either end of the digits.
#[derive(Debug, PartialEq, Eq)]
struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    exponent: i64,
}

impl Decimal {
    fn of(text: &str) -> Self {
        let negative = text.starts_with('-');
        let text = text.trim_start_matches('-');
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let digits = all.trim_start_matches('0');
        // Beyond 64 bits an exponent only has to differ from others.
        let most = if exponent.starts_with('-') {
            i64::MIN / 2
        } else {
            i64::MAX / 2
        };
        let exponent = exponent.parse::<i64>().unwrap_or(most);
        let exponent =
            exponent.saturating_add(whole.len() as i64 - (all.len() - digits.len()) as i64);
        let digits = digits.trim_end_matches('0').as_bytes().to_vec();
        if digits.is_empty() {
            return Self {
                negative: false,
                digits,
                exponent: 0,
            };
        }
        Self {
            negative,
            digits,
            exponent,
        }
    }

    fn compare(&self, other: &Self) -> Ordering {
        let sign = |it: &Self| match (it.digits.is_empty(), it.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        // Digits behind the same point: as texts, the shorter of equal ones is less.
        let size = |it: &Self, than: &Self| {
            let exponents = it.exponent.cmp(&than.exponent);
            exponents.then_with(|| it.digits.cmp(&than.digits))
        };
        sign(self)
            .cmp(&sign(other))
            .then_with(|| match self.negative {
                true => size(other, self),
                false => size(self, other),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number(text: &str) -> Number {
        Number::parse(text).unwrap()
    }

    #[test]
    fn order_is_exact_whatever_the_digits() {
        let rising = [
            "-1e400",
            "-123456789012345678901234567891",
            "-123456789012345678901234567890",
            "-1.5",
            "-0.1",
            "-1e-400",
            "0",
            "1e-400",
            "0.1",
            "0.10000000000000000000000001",
            "1",
            "10",
            "123456789012345678901234567889",
            "123456789012345678901234567890",
            "1e400",
            "1.1e400",
        ];
        for (at, one) in rising.iter().enumerate() {
            for (other_at, other) in rising.iter().enumerate() {
                let seen = number(one).compare(&number(other));
                assert_eq!(seen, at.cmp(&other_at), "{one} {other}");
            }
        }
        for (one, other) in [("0", "-0.0"), ("100.00", "1e2"), ("5e-1", "0.5")] {
            assert_eq!(number(one).compare(&number(other)), Ordering::Equal);
        }
    }

    #[test]
    fn only_numbers_of_json_are_numbers() {
        for text in [
            "0",
            "-0",
            "1.50",
            "12e5",
            "1E+400",
            "-0.00e-0",
            "98765432109876543210",
        ] {
            assert_eq!(number(text).text(), text);
        }
        for text in [
            "", "-", "01", "1.", ".5", "+1", "1e", "1e+", "0x1f", "1_0", "NaN", "1 ",
        ] {
            assert_eq!(Number::parse(text), None, "{text}");
        }
    }

    #[test]
    fn equal_values_are_equal_however_they_are_written() {
        for (a, b) in [
            ("100.00", "1e2"),
            ("0", "-0.0e7"),
            ("0.00120", "12E-4"),
            ("123456789012345678901234", "123456789012345678901234.0"),
        ] {
            assert!(number(a).has_value_of(&number(b)), "{a} {b}");
        }
        // These have the same nearest float.
        assert!(
            !number("123456789012345678901234").has_value_of(&number("123456789012345678901235"))
        );
        assert!(!number("1e400").has_value_of(&number("1e401")));
        assert!(!number("1").has_value_of(&number("-1")));
    }

    #[test]
    fn what_is_computed_is_near() {
        assert_eq!(number("12e5").as_f64(), Some(1_200_000.0));
        assert_eq!(number("1e400").as_f64(), None);
        assert_eq!(number("18446744073709551615").as_u64(), Some(u64::MAX));
        assert_eq!(number("5.0").as_u64(), None);
        assert_eq!(number("-7").as_i64(), Some(-7));
    }

    proptest! {
        #[test]
        fn order_is_that_of_what_floats_hold(one in -1e15..1e15f64, other in -1e15..1e15f64) {
            let (a, b) = (number(&format!("{one}")), number(&format!("{other}")));
            prop_assert_eq!(a.compare(&b), one.partial_cmp(&other).unwrap());
        }

        #[test]
        fn text_survives_serde(text in "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?") {
            let written = serde_json::to_string(&number(&text)).unwrap();
            prop_assert_eq!(written, text);
        }
    }
}
