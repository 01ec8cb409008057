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
    let shown = shown(found);
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

/// Why a region whose stack is of this dlt cannot be used by a hub of the dlt `hub`:
/// it is newer, and may expect what the hub does not know. An unknown one can.
pub fn too_new(hub: &str, region: Option<&str>) -> Option<String> {
    let (hub, found) = (first_version(hub)?, region.and_then(first_version)?);
    (found > hub).then(|| {
        format!(
            "its stack is of dlt {}, this hub's of {}: update the hub with `dlt deploy hub`",
            shown(found),
            shown(hub)
        )
    })
}

/// What is told of a region whose stack is of an older dlt than the hub's.
pub fn outdated(hub: &str, region: Option<&str>) -> Option<String> {
    let (hub, found) = (first_version(hub)?, region.and_then(first_version)?);
    (found < hub).then(|| {
        format!(
            "its stack is of dlt {}, this hub's of {}: update it with `dlt deploy region`",
            shown(found),
            shown(hub)
        )
    })
}

fn shown((major, minor, patch): Version) -> String {
    format!("{major}.{minor}.{patch}")
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
    fn older_regions_are_told_and_newer_ones_refused() {
        let told = |found| (too_new("1.2.0", found), outdated("1.2.0", found));
        assert_eq!(told(Some("1.2.0")), (None, None));
        assert_eq!(told(None), (None, None));
        assert_eq!(told(Some("")), (None, None));
        let (new, old) = told(Some("1.10.0"));
        assert!(new.unwrap().contains("dlt 1.10.0") && old.is_none());
        let (new, old) = told(Some("v1.1.9"));
        assert!(new.is_none() && old.unwrap().contains("dlt 1.1.9"));
    }

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
