//! The known word that a mistyped one most likely means.

/// The candidate that a mistyped word most likely means.
pub(crate) fn nearest<'c>(word: &str, candidates: &[&'c str]) -> Option<&'c str> {
    if word.len() > 40 {
        return None;
    }
    let plain = |text: &str| -> Vec<u8> {
        text.bytes()
            .filter(|b| !matches!(b, b'-' | b'_' | b' '))
            .map(|b| b.to_ascii_lowercase())
            .collect()
    };
    let word = plain(word);
    let allowed = if word.len() < 5 { 1 } else { 2 };
    candidates
        .iter()
        .map(|candidate| (edits(&word, &plain(candidate)), *candidate))
        .filter(|&(edits, _)| edits <= allowed)
        .min_by_key(|&(edits, _)| edits)
        .map(|(_, candidate)| candidate)
}

/// Letters to insert, remove or replace to make `b` of `a` (Levenshtein).
fn edits(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(left != right);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistyped_words_find_their_neighbour() {
        let known = ["hold-for", "ramp-up", "users", "url"];
        assert_eq!(nearest("hold_for", &known), Some("hold-for"));
        assert_eq!(nearest("holdfor", &known), Some("hold-for"));
        assert_eq!(nearest("rampup", &known), Some("ramp-up"));
        assert_eq!(nearest("user", &known), Some("users"));
        assert_eq!(nearest("uri", &known), Some("url"));
        assert_eq!(nearest("colour", &known), None);
        assert_eq!(edits(b"kitten", b"sitting"), 3);
    }
}
