//! Identifiers, parsed once and then trusted. What they name is defined elsewhere;
//! making new ones needs randomness, so that is the pipeline's job.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {text:?} is not valid: {rule}")]
pub struct IdError {
    /// Which kind of identifier was expected.
    pub what: &'static str,
    /// What was given, cut to 64 characters.
    pub text: String,
    /// The rule that it breaks.
    pub rule: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Parses the text; the error names the rule that it breaks.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                let check: fn(&str) -> bool = $check;
                if check(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(IdError {
                        what: $what,
                        text: text.chars().take(64).collect(),
                        rule: $rule,
                    })
                }
            }

            /// The text as it stands on the wire.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::parse(&text)
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::parse(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    };
}

fn letters_digits_hyphens(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

id!(
    /// A scenario's identifier; `testId` on the wire (openapi `TestId`).
    TestId, "testId", "1 to 128 letters, digits or hyphens",
    |text| letters_digits_hyphens(text, 128)
);
id!(
    /// One run of a scenario; `testRunId` on the wire (openapi `TestRunId`).
    TestRunId, "testRunId", "1 to 128 letters, digits or hyphens",
    |text| letters_digits_hyphens(text, 128)
);
id!(
    /// One load-making task: unique within its run. On AWS the last part of the
    /// task's ARN, at home `{region}-{number}`.
    RunnerId, "runner id", "1 to 64 letters, digits or hyphens",
    |text| letters_digits_hyphens(text, 64)
);
id!(
    /// A region's name: `xx[-gov]-word-digit` (openapi `Region`).
    Region, "region", "two lower-case letters, optional -gov, a hyphen, lower-case letters, a hyphen, one digit, like lo-home-1",
    is_region
);
id!(
    /// The folder of one run: `YYYY-MM-DDTHH-MM-SS_<testRunId>`, UTC start second.
    RunPrefix, "run prefix", "YYYY-MM-DDTHH-MM-SS_<testRunId>",
    is_prefix
);

fn is_region(text: &str) -> bool {
    let mut parts: Vec<&str> = text.split('-').collect();
    if parts.len() == 4 && parts[1] == "gov" {
        parts.remove(1);
    }
    let [country, word, digit] = parts.as_slice() else {
        return false;
    };
    let lower = |part: &str| part.bytes().all(|b| b.is_ascii_lowercase());
    country.len() == 2
        && lower(country)
        && !word.is_empty()
        && word.len() <= 32
        && lower(word)
        && digit.len() == 1
        && digit.bytes().all(|b| b.is_ascii_digit())
}

fn is_prefix(text: &str) -> bool {
    const SHAPE: &[u8] = b"dddd-dd-ddTdd-dd-dd_";
    let Some((stamp, run)) = text.as_bytes().split_at_checked(SHAPE.len()) else {
        return false;
    };
    stamp.iter().zip(SHAPE).all(|(byte, shape)| match shape {
        b'd' => byte.is_ascii_digit(),
        exact => byte == exact,
    }) && std::str::from_utf8(run).is_ok_and(|run| letters_digits_hyphens(run, 128))
}

impl RunPrefix {
    /// The prefix of a run that starts at the given UTC second.
    ///
    /// `start` is `YYYY-MM-DD HH:MM:SS`, the API's time form.
    pub fn of(start: &str, run: &TestRunId) -> Result<Self, IdError> {
        Self::parse(&format!(
            "{}_{run}",
            start.replace(' ', "T").replace(':', "-")
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_follow_the_contract_pattern() {
        for good in ["eu-west-1", "us-gov-east-1", "lo-home-1", "ap-southeast-2"] {
            assert!(Region::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "local",
            "eu-west-12",
            "EU-west-1",
            "eu--1",
            "eu-west-",
            "",
            "eu-gov-1-1",
            "us-gov-a-b-1",
        ] {
            assert!(Region::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn prefix_is_made_of_start_second_and_run() {
        let run = TestRunId::parse("p4TqL8vN2c").unwrap();
        let prefix = RunPrefix::of("2026-03-04 09:15:02", &run).unwrap();
        assert_eq!(prefix.as_str(), "2026-03-04T09-15-02_p4TqL8vN2c");
        assert!(RunPrefix::parse("2026-03-04T09-15-02_").is_err());
        assert!(RunPrefix::parse("2026-03-04 09:15:02_x").is_err());
    }

    #[test]
    fn ids_refuse_paths_and_say_why() {
        let error = TestId::parse("../etc").unwrap_err();
        assert_eq!(
            error.to_string(),
            "testId \"../etc\" is not valid: 1 to 128 letters, digits or hyphens"
        );
        assert!(serde_json::from_str::<RunnerId>("\"a b\"").is_err());
    }
}
