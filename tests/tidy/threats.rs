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
            let (rust, script) = (format!("fn {name}("), format!("'{name}'"));
            let exists = sources
                .iter()
                .any(|file| file.text.contains(&rust) || file.text.contains(&script));
            assert!(exists, "no test is called {name}: {line}");
        }
        rows += 1;
    }
    assert!(rows > 20, "{rows}");
}
