//! `docs/threats.md`: each row names a test, and each test that it names exists.

use crate::files;

#[test]
fn each_row_of_the_threats_is_proven_by_a_test_that_exists() {
    let document = std::fs::read_to_string(files::root().join("docs/threats.md")).unwrap();
    let sources = files::all(&[".rs", ".spec.ts", ".test.ts", ".test.tsx"]);
    let mut rows = 0;
    for line in document.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").collect();
        if cells[0].trim() == "what" {
            continue;
        }
        assert_eq!(cells.len(), 4, "{line}");
        let names: Vec<&str> = cells[3].split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "no test: {line}");
        for name in names {
            let script = format!("'{name}'");
            let exists = sources
                .iter()
                .any(|file| is_test(&file.text, name) || file.text.contains(&script));
            assert!(exists, "no test is called {name}: {line}");
        }
        rows += 1;
    }
    assert!(rows > 20, "{rows}");
}

/// Whether a source has a test of that name: a function with an attribute that makes it one.
fn is_test(source: &str, name: &str) -> bool {
    let function = format!("fn {name}(");
    source.match_indices(&function).any(|(at, _)| {
        let line = source[..at].rfind('\n').unwrap_or(0);
        let above = source[..line].lines().rev();
        let mut above = above.take_while(|line| !line.trim().is_empty());
        above.any(|line| line.contains("test]") || line.contains("tokio::test"))
    })
}
