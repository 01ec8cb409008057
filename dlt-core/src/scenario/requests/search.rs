//! Regular expressions on answers, within a budget. The crate `regex` is fast on
//! nearly all texts and slow on some, by as much as the expression is large, and
//! cannot be interrupted. So it is only used where its slowest way is short; longer
//! texts are searched by a lazy automaton, step by step (`regex-automata`). What is
//! found is the same.

use crate::scenario::requests::budget::{Budget, OverBudget};
use regex::bytes::Regex;
use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson::pikevm::PikeVM;
use regex_automata::nfa::thompson::{self, NFA, WhichCaptures};
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input, MatchKind};
use std::ops::Range;
use std::sync::OnceLock;

/// Up to so many states times bytes `regex` is used: a third of a second at worst.
const LARGEST_DIRECT: u64 = 16_000_000;
/// As much, where the automaton cannot be used: with Unicode's word boundaries on a
/// text that is not ASCII.
const LARGEST_WITHOUT_AUTOMATON: u64 = 8 * LARGEST_DIRECT;
/// Bytes of the automaton's states that are kept at once.
const AUTOMATON_BYTES: usize = 2 * 1024 * 1024;
/// Bytes that are searched between two looks at the budget, and their steps.
const BYTES_PER_LOOK: usize = 4_096;
const STEPS_PER_LOOK: u64 = 512;

/// A compiled expression with what is needed to search step by step.
#[derive(Debug, Clone)]
pub(crate) struct Searcher {
    regex: Regex,
    nfa: NFA,
    /// Made when a text is first too long for `regex`; None: it cannot be made.
    stepwise: OnceLock<Option<Box<Stepwise>>>,
}

/// The automata that find where a match ends, where it begins, and its groups.
#[derive(Debug, Clone)]
struct Stepwise {
    forward: DFA,
    reverse: DFA,
    groups: PikeVM,
}

/// Why a search by the automaton has no result.
enum Broken {
    /// The budget is used up.
    Over(OverBudget),
    /// The automaton cannot go on at this byte.
    Unable,
}

impl From<OverBudget> for Broken {
    fn from(over: OverBudget) -> Self {
        Self::Over(over)
    }
}

impl Searcher {
    /// Of an expression that `regex` has compiled; None if it is too large.
    pub(crate) fn of(regex: Regex, largest_bytes: usize) -> Option<Self> {
        let nfa = compile(regex.as_str(), false, Some(largest_bytes))?;
        Some(Self {
            regex,
            nfa,
            stepwise: OnceLock::new(),
        })
    }

    pub(crate) fn regex(&self) -> &Regex {
        &self.regex
    }

    /// Whether the slowest way through a text, `times` over, is short.
    fn is_short(&self, text: &[u8], times: usize, most: u64) -> bool {
        let states = self.nfa.states().len() as u64;
        let steps = states.saturating_mul(text.len() as u64 + 1);
        steps.saturating_mul(times as u64) <= most
    }

    /// Whether it matches somewhere.
    pub(crate) fn is_match(&self, text: &[u8], budget: &Budget<'_>) -> Result<bool, OverBudget> {
        budget.spend_bytes(text.len())?;
        budget.look()?;
        if self.is_short(text, 1, LARGEST_DIRECT) {
            return Ok(self.regex.is_match(text));
        }
        let found = self.stepwise().ok_or(Broken::Unable).and_then(|stepwise| {
            let mut cache = stepwise.forward.create_cache();
            stepwise.end(&mut cache, text, 0, budget)
        });
        match found {
            Ok(end) => Ok(end.is_some()),
            Err(Broken::Over(over)) => Err(over),
            Err(Broken::Unable) if self.is_short(text, 1, LARGEST_WITHOUT_AUTOMATON) => {
                Ok(self.regex.is_match(text))
            }
            Err(Broken::Unable) => Err(OverBudget::Steps),
        }
    }

    /// Where the group of the n-th match lies, from 1.
    pub(crate) fn group(
        &self,
        text: &[u8],
        nth: usize,
        group: usize,
        budget: &Budget<'_>,
    ) -> Result<Option<Range<usize>>, OverBudget> {
        budget.spend_bytes(text.len())?;
        budget.look()?;
        if self.is_short(text, nth, LARGEST_DIRECT) {
            return Ok(self.direct(text, nth, group));
        }
        let stepwise = self.stepwise().ok_or(Broken::Unable);
        match stepwise.and_then(|stepwise| stepwise.group(&self.nfa, text, nth, group, budget)) {
            Ok(found) => Ok(found),
            Err(Broken::Over(over)) => Err(over),
            Err(Broken::Unable) if self.is_short(text, nth, LARGEST_WITHOUT_AUTOMATON) => {
                Ok(self.direct(text, nth, group))
            }
            Err(Broken::Unable) => Err(OverBudget::Steps),
        }
    }

    fn direct(&self, text: &[u8], nth: usize, group: usize) -> Option<Range<usize>> {
        let found = self.regex.captures_iter(text).nth(nth.checked_sub(1)?)?;
        found.get(group).map(|found| found.range())
    }

    fn stepwise(&self) -> Option<&Stepwise> {
        let made = self.stepwise.get_or_init(|| {
            let reverse = compile(self.regex.as_str(), true, None)?;
            let states = self.nfa.states().len();
            Some(Box::new(Stepwise {
                forward: automaton(self.nfa.clone(), MatchKind::LeftmostFirst, states)?,
                reverse: automaton(reverse, MatchKind::All, states)?,
                groups: PikeVM::new_from_nfa(self.nfa.clone()).ok()?,
            }))
        });
        made.as_deref()
    }
}

/// As `regex::bytes` compiles it.
fn compile(text: &str, reverse: bool, largest_bytes: Option<usize>) -> Option<NFA> {
    let groups = match reverse {
        true => WhichCaptures::None,
        false => WhichCaptures::All,
    };
    let config = thompson::Config::new()
        .utf8(false)
        .reverse(reverse)
        .which_captures(groups)
        .nfa_size_limit(largest_bytes);
    let mut compiler = thompson::Compiler::new();
    compiler
        .configure(config)
        .syntax(syntax::Config::new().utf8(false));
    compiler.build(text).ok()
}

/// A lazy automaton that gives up instead of making a state for every few bytes: the
/// larger the expression, the more a state costs.
fn automaton(nfa: NFA, kind: MatchKind, states: usize) -> Option<DFA> {
    let config = DFA::config()
        .match_kind(kind)
        .cache_capacity(AUTOMATON_BYTES)
        .skip_cache_capacity_check(true)
        .minimum_cache_clear_count(Some(1))
        .minimum_bytes_per_state(Some(states.max(10)))
        .unicode_word_boundary(true);
    DFA::builder().configure(config).build_from_nfa(nfa).ok()
}

impl Stepwise {
    /// The end of the leftmost match that begins at `from` or later.
    fn end(
        &self,
        cache: &mut Cache,
        text: &[u8],
        from: usize,
        budget: &Budget<'_>,
    ) -> Result<Option<usize>, Broken> {
        let dfa = &self.forward;
        let input = Input::new(text).span(from..text.len());
        let start = dfa.start_state_forward(cache, &input);
        let mut state = start.map_err(|_| Broken::Unable)?;
        let mut end = None;
        cache.search_start(from);
        for (at, byte) in text.iter().enumerate().skip(from) {
            if (at - from).is_multiple_of(BYTES_PER_LOOK) {
                budget.spend(STEPS_PER_LOOK)?;
                cache.search_update(at);
            }
            state = step(dfa.next_state(cache, state, *byte))?;
            if state.is_match() {
                // Matches are told one byte late.
                end = Some(at);
            } else if state.is_dead() {
                cache.search_finish(at);
                return Ok(end);
            } else if state.is_quit() {
                return Err(Broken::Unable);
            }
        }
        cache.search_finish(text.len());
        state = step(dfa.next_eoi_state(cache, state))?;
        Ok(if state.is_match() {
            Some(text.len())
        } else {
            end
        })
    }

    /// Where the match begins that ends at `end`, not before `from`.
    fn begin(
        &self,
        cache: &mut Cache,
        text: &[u8],
        from: usize,
        end: usize,
        budget: &Budget<'_>,
    ) -> Result<usize, Broken> {
        let dfa = &self.reverse;
        let input = Input::new(text).span(from..end).anchored(Anchored::Yes);
        let start = dfa.start_state_reverse(cache, &input);
        let mut state = start.map_err(|_| Broken::Unable)?;
        let mut begin = None;
        cache.search_start(end);
        for at in (from..end).rev() {
            if (end - at).is_multiple_of(BYTES_PER_LOOK) {
                budget.spend(STEPS_PER_LOOK)?;
                cache.search_update(at);
            }
            state = step(dfa.next_state(cache, state, text[at]))?;
            if state.is_match() {
                begin = Some(at + 1);
            } else if state.is_dead() {
                cache.search_finish(at);
                return begin.ok_or(Broken::Unable);
            } else if state.is_quit() {
                return Err(Broken::Unable);
            }
        }
        cache.search_finish(from);
        // What stands before the search may decide about its first byte.
        state = match from.checked_sub(1) {
            Some(before) => step(dfa.next_state(cache, state, text[before]))?,
            None => step(dfa.next_eoi_state(cache, state))?,
        };
        if state.is_match() {
            begin = Some(from);
        }
        begin.ok_or(Broken::Unable)
    }

    fn group(
        &self,
        nfa: &NFA,
        text: &[u8],
        nth: usize,
        group: usize,
        budget: &Budget<'_>,
    ) -> Result<Option<Range<usize>>, Broken> {
        let (mut ahead, mut back) = (self.forward.create_cache(), self.reverse.create_cache());
        let (mut from, mut last_end, mut number) = (0, None, 0);
        loop {
            if from > text.len() {
                return Ok(None);
            }
            budget.spend(1)?;
            let Some(end) = self.end(&mut ahead, text, from, budget)? else {
                return Ok(None);
            };
            let begin = self.begin(&mut back, text, from, end, budget)?;
            if begin == end && last_end == Some(end) {
                // An empty match right behind another is none.
                from += 1;
                continue;
            }
            (from, last_end) = (end, Some(end));
            number += 1;
            if number < nth {
                continue;
            }
            if group == 0 {
                return Ok(Some(begin..end));
            }
            let steps = nfa.states().len() as u64 * (end - begin + 1) as u64;
            if steps > LARGEST_DIRECT {
                return Err(OverBudget::Steps.into());
            }
            let mut cache = self.groups.create_cache();
            let mut found = self.groups.create_captures();
            let input = Input::new(text).span(begin..end).anchored(Anchored::Yes);
            self.groups.captures(&mut cache, input, &mut found);
            return Ok(found.get_group(group).map(|span| span.range()));
        }
    }
}

/// A state, or that the automaton has given up: it made too many.
fn step<E>(state: Result<LazyStateID, E>) -> Result<LazyStateID, Broken> {
    state.map_err(|_| Broken::Over(OverBudget::Steps))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PLENTY: fn() -> bool = || true;

    fn searcher(pattern: &str) -> Searcher {
        Searcher::of(Regex::new(pattern).unwrap(), 1 << 20).unwrap()
    }

    /// Each of these took `regex` tens of seconds or more.
    #[test]
    fn expressions_that_take_for_ever_are_given_up() {
        let zeros = "0".repeat(1_000_000);
        let bits: String = (0..1_000_000u32)
            .map(|n| {
                if n.wrapping_mul(2_654_435_761) & 64 == 0 {
                    '0'
                } else {
                    '1'
                }
            })
            .collect();
        for (pattern, text) in [
            ("[01]*1([01]{8000})2", &bits),
            ("([01]{0,200}1){30}2", &bits),
            ("(?:0?){5000}0{5000}1", &zeros),
        ] {
            let searcher = searcher(pattern);
            let budget = Budget::new(&PLENTY);
            let found = searcher.group(text.as_bytes(), 1, 0, &budget);
            assert_eq!(found, Err(OverBudget::Steps), "{pattern}");
            let found = searcher.is_match(text.as_bytes(), &Budget::new(&PLENTY));
            assert_eq!(found, Err(OverBudget::Steps), "{pattern}");
        }
        // Each match looks at the whole rest of the text.
        let letters = "A".repeat(400_000);
        let quadratic = searcher(".*[^A-Z]|[A-Z]");
        let found = quadratic.group(letters.as_bytes(), 10_000, 0, &Budget::new(&PLENTY));
        assert_eq!(found, Err(OverBudget::Steps));
    }

    #[test]
    fn usual_expressions_on_long_answers_are_found() {
        let mut page = "<li class=\"item\">näme</li>\n".repeat(150_000);
        page.push_str("<input name=\"csrf\" value=\"t0k3n\">");
        for (pattern, group, expected) in [
            (r#"name="csrf" value="([^"]+)""#, 1, "t0k3n"),
            (r#"(?i)NAME="(\w+)""#, 1, "csrf"),
            (r#"(?s).*value="([^"]+)">$"#, 0, page.as_str()),
            (r"\bt0k3n\b", 0, "t0k3n"),
        ] {
            let found = searcher(pattern).group(page.as_bytes(), 1, group, &Budget::new(&PLENTY));
            // Unicode's word boundaries need `regex`, which takes it up to a limit.
            let range = found.unwrap_or_else(|over| panic!("{pattern}: {over}"));
            assert_eq!(&page[range.unwrap()], expected, "{pattern}");
        }
        let nth = searcher("<li").group(page.as_bytes(), 10_000, 0, &Budget::new(&PLENTY));
        assert_eq!(nth.unwrap().unwrap().start, 9_999 * 28);
    }

    #[test]
    fn time_is_looked_at() {
        let text = "a".repeat(3_000_000);
        let over = || false;
        let found = searcher("a+b").is_match(text.as_bytes(), &Budget::new(&over));
        assert_eq!(found, Err(OverBudget::Time));
    }

    proptest! {
        /// Step by step the same is found as by `regex`.
        #[test]
        fn both_ways_find_the_same(
            pattern in "(\\^|\\$|\\\\b|[ab.]|[ab]\\*|\\(a\\|b\\)|\\(b\\?\\)|\\(ab\\*\\?\\)|\\[\\^a\\]|a\\{2\\}|\\|){0,6}",
            text in "[ab\n é]{0,24}",
            nth in 1usize..5,
            group in 0usize..3,
        ) {
            let Ok(regex) = Regex::new(&pattern) else { return Ok(()) };
            let Some(searcher) = Searcher::of(regex, 1 << 20) else { return Ok(()) };
            let stepwise = searcher.stepwise().expect("an automaton");
            let budget = Budget::new(&PLENTY);
            match stepwise.group(&searcher.nfa, text.as_bytes(), nth, group, &budget) {
                Ok(found) => prop_assert_eq!(found, searcher.direct(text.as_bytes(), nth, group)),
                // Word boundaries beside what is not ASCII.
                Err(Broken::Unable) => prop_assert!(pattern.contains("\\b") && !text.is_ascii()),
                Err(Broken::Over(over)) => prop_assert!(false, "{over}"),
            }
        }
    }
}
