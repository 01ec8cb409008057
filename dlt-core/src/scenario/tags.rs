//! Tags: how a written tag becomes a stored one (openapi `Tag`). Stored tags
//! and filters go through the same rule, so that they match. How many tags there
//! may be is left to the readers of a body.

use crate::scenario::limits::LONGEST_TAG;

/// The stored forms: trimmed, lower-cased, white space runs to `-`, all but
/// a-z 0-9 `-` removed, runs of `-` collapsed, one `-` off each end; empty and
/// too long ones dropped; the first of equals kept.
pub fn normalise<'a>(written: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    for tag in written.into_iter().filter_map(normalise_one) {
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    tags
}

fn normalise_one(written: &str) -> Option<String> {
    let hyphened = written
        .split_whitespace()
        .collect::<Vec<_>>()
        .join("-")
        .to_lowercase();
    let mut tag = String::with_capacity(hyphened.len());
    for letter in hyphened
        .chars()
        .filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-')
    {
        if letter != '-' || !tag.ends_with('-') {
            tag.push(letter);
        }
    }
    let tag = tag.strip_prefix('-').unwrap_or(&tag);
    let tag = tag.strip_suffix('-').unwrap_or(tag);
    (1..=LONGEST_TAG)
        .contains(&tag.len())
        .then(|| tag.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tags_follow_the_contract_s_rule() {
        let long = "x".repeat(51);
        let written = [
            "Nightly",
            "  Check  out ",
            "nightly",
            "ü!",
            "--a--b--",
            "A\tB",
            long.as_str(),
            "  Big  Sale! 2026 ",
        ];
        assert_eq!(
            normalise(written),
            ["nightly", "check-out", "a-b", "big-sale-2026"]
        );
    }

    proptest! {
        #[test]
        fn a_stored_tag_stays_as_it_is(written in ".{0,80}") {
            for tag in normalise([written.as_str()]) {
                prop_assert_eq!(normalise([tag.as_str()]), vec![tag]);
            }
        }
    }
}
