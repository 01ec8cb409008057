//! The corpus: a file of lines for each target in `worker/fuzz`, each line an input with Rust's
//! escapes, so that it can be read, searched and reviewed. `cargo xtask fuzz` writes it.

use std::path::{Path, PathBuf};

/// Where the corpus of a target lies.
pub fn path(target: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    folder.join(format!("{target}.corpus"))
}

/// The inputs of a target; none where it has no corpus yet.
pub fn read(target: &str) -> std::io::Result<Vec<Vec<u8>>> {
    let path = path(target);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = std::fs::read_to_string(path)?;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            unescaped(line).ok_or_else(|| std::io::Error::other(format!("no input: {line}")))
        })
        .collect()
}

/// What `escape_ascii` of the standard library made, and the characters that need no escape.
fn unescaped(line: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(line.len());
    let mut rest = line.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        bytes.push(match rest.next()? {
            b't' => b'\t',
            b'r' => b'\r',
            b'n' => b'\n',
            b'x' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            sign @ (b'\\' | b'\'' | b'"') => sign,
            _ => return None,
        });
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_escaped_comes_back(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            prop_assert_eq!(unescaped(&bytes.escape_ascii().to_string()), Some(bytes));
        }
    }

    #[test]
    fn a_line_that_is_no_input_is_told() {
        for line in ["\\", "\\x1", "\\xzz", "\\q"] {
            assert_eq!(unescaped(line), None, "{line}");
        }
        assert_eq!(unescaped("é\\x00"), Some(b"\xc3\xa9\0".to_vec()));
    }
}
