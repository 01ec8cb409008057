//! Names as a service takes them: of letters, digits and hyphens, and not too long.

/// A name of at most `most` characters, at least 17: one that is longer is cut, and
/// told from others that are cut alike by a hash of all of it.
pub fn fitting(name: &str, most: usize) -> String {
    if name.len() <= most {
        return name.to_owned();
    }
    // FNV-1a: the same name is cut the same everywhere.
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let kept: String = name.chars().take(most.saturating_sub(17)).collect();
    format!("{kept}-{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::fitting;

    #[test]
    fn long_names_are_cut_and_stay_apart() {
        assert_eq!(fitting("scenario-a-run-b", 80), "scenario-a-run-b");
        let long = |end: &str| fitting(&format!("{}{end}", "x".repeat(128)), 64);
        assert_eq!(long("1").len(), 64);
        assert_ne!(long("1"), long("2"));
        assert_eq!(long("1"), long("1"));
    }
}
