//! A few cases of each target in the usual tests; `DLT_FUZZ_CASES` sets how many.

use super::*;

/// Cases of each target unless `DLT_FUZZ_CASES` says otherwise.
const CASES: u64 = 300;

#[test]
fn what_must_hold_holds_for_the_corpus_and_for_cases_made_of_it() {
    let cases = std::env::var("DLT_FUZZ_CASES").ok();
    let cases = cases.map_or(CASES, |text| {
        text.parse().expect("DLT_FUZZ_CASES is a number")
    });
    for target in targets() {
        let corpus = corpus::read(target.name).unwrap();
        assert!(!corpus.is_empty(), "{} has a corpus", target.name);
        for input in &corpus {
            held(target, input, "of the corpus");
        }
        for seed in 0..cases {
            let case = Mutator::new(seed).case(&corpus);
            held(target, &case, &format!("seed {seed}"));
        }
    }
}

fn held(target: Target, input: &[u8], of: &str) {
    let result = std::panic::catch_unwind(|| (target.run)(input));
    assert!(
        result.is_ok(),
        "{} {of}: {}",
        target.name,
        input.escape_ascii()
    );
}

#[test]
fn names_are_told_apart_and_each_corpus_has_its_target() {
    let mut names: Vec<&str> = targets().iter().map(|target| target.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), targets().len());
    let folder = corpus::path("x").parent().unwrap().to_owned();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(names.contains(&name), "{name} is no target");
    }
}
