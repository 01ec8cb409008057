//! Versions of stacks: whether a region's is one that this hub can work with
//! (api-behaviour.md 9). Finding stacks is the pipeline's job.

/// The DLT version whose clients and regions are served.
pub const HUB_VERSION: &str = "4.2.3";
/// The oldest version of a region.
pub const LEAST_REGION_VERSION: &str = "4.1.0";

type Version = (u64, u64, u64);

/// Why a region of this version cannot be used; None if it can.
pub fn incompatibility(version: Option<&str>) -> Option<String> {
    let Some(found) = version.and_then(first_version) else {
        return Some("its version is not known".to_owned());
    };
    let shown = format!("{}.{}.{}", found.0, found.1, found.2);
    if first_version(LEAST_REGION_VERSION).is_some_and(|least| found < least) {
        return Some(format!(
            "version {shown} is older than {LEAST_REGION_VERSION}"
        ));
    }
    if first_version(HUB_VERSION).is_some_and(|hub| found > hub) {
        return Some(format!("version {shown} is newer than {HUB_VERSION}"));
    }
    None
}

/// The first `N.N.N` in a text.
fn first_version(text: &str) -> Option<Version> {
    text.split(|c: char| !c.is_ascii_digit() && c != '.')
        .find_map(|word| {
            let mut numbers = word.split('.').map(str::parse::<u64>);
            let three = (numbers.next()?, numbers.next()?, numbers.next()?);
            match three {
                (Ok(major), Ok(minor), Ok(patch)) => Some((major, minor, patch)),
                _ => None,
            }
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_between_the_least_and_the_hub_version_are_compatible() {
        for good in ["v4.2.3", "4.1.0", "custom-v4.1.12", "v4.2.0-rc1"] {
            assert_eq!(incompatibility(Some(good)), None, "{good}");
        }
        for (bad, why) in [
            (Some("v4.0.9"), "version 4.0.9 is older than 4.1.0"),
            (Some("4.2.4"), "version 4.2.4 is newer than 4.2.3"),
            (Some("v5.0.0"), "version 5.0.0 is newer than 4.2.3"),
            (Some("4.2"), "its version is not known"),
            (Some(""), "its version is not known"),
            (None, "its version is not known"),
        ] {
            assert_eq!(incompatibility(bad).as_deref(), Some(why));
        }
    }
}
