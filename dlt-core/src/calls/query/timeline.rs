//! The query of a timeline: which seconds, how coarse, which labels.

use super::Reader;
use crate::messages::timeline::MOST_TIMELINE_LABELS;
use crate::messages::timeline::window::Window;
use crate::refusal::Refusal;

/// Longest number, digits.
const LONGEST_NUMBER: usize = 15;

/// A part of a timeline.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TimelineQuery {
    /// Labels, at most [`MOST_TIMELINE_LABELS`].
    pub labels: Vec<String>,
    /// Which seconds, and how coarse.
    pub window: Window,
}

/// A whole number of seconds.
fn seconds(reader: &mut Reader, key: &str) -> Option<u64> {
    let text = reader.get(key)?;
    let is_number = (1..=LONGEST_NUMBER).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| is_number);
    if number.is_none() {
        reader.fault(key, "must be a whole number of seconds".to_owned());
    }
    number
}

/// Which part of a timeline; only `label` may be there several times.
pub(in super::super) fn timeline(pairs: Vec<(String, String)>) -> Result<TimelineQuery, Refusal> {
    let (labels, pairs): (Vec<_>, Vec<_>) = pairs.into_iter().partition(|pair| pair.0 == "label");
    let mut labels: Vec<String> = labels.into_iter().map(|pair| pair.1).collect();
    labels.sort_unstable();
    labels.dedup();
    let mut reader = Reader::new(pairs, &["from_s", "to_s", "step_s"]);
    if labels.len() > MOST_TIMELINE_LABELS {
        reader.fault("label", format!("at most {MOST_TIMELINE_LABELS} of them"));
    }
    let whole = Window::default();
    let window = Window {
        from_s: seconds(&mut reader, "from_s").unwrap_or(whole.from_s),
        to_s: seconds(&mut reader, "to_s").unwrap_or(whole.to_s),
        step_s: seconds(&mut reader, "step_s").unwrap_or(whole.step_s),
    };
    if window.step_s == 0 {
        reader.fault("step_s", "must be at least 1".to_owned());
    }
    if window.from_s >= window.to_s {
        reader.fault("from_s", "must lie before to_s".to_owned());
    }
    reader.finish(TimelineQuery { labels, window })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::query::pairs;

    #[test]
    fn a_part_of_a_timeline_is_asked_for() {
        let query = timeline(pairs(Some(
            "label=b&label=a&label=b&from_s=10&to_s=20&step_s=5",
        )));
        let window = Window {
            from_s: 10,
            to_s: 20,
            step_s: 5,
        };
        let labels = vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(query.unwrap(), TimelineQuery { labels, window });
        assert_eq!(timeline(Vec::new()).unwrap(), TimelineQuery::default());
    }

    #[test]
    fn what_is_no_part_is_refused_with_its_name() {
        for (query, named) in [
            ("from_s=-1", "from_s"),
            ("from_s=1.5", "from_s"),
            ("to_s=", "to_s"),
            ("to_s=0", "from_s"),
            ("from_s=7&to_s=7", "from_s"),
            ("step_s=0", "step_s"),
            ("step_s=99999999999999999999999", "step_s"),
            ("step_s=1&step_s=2", "step_s"),
            ("region=lo-home-1", "region"),
        ] {
            let refusal = timeline(pairs(Some(query))).unwrap_err();
            assert_eq!(refusal.status, 400, "{query}");
            assert!(refusal.text.starts_with(named), "{query}: {}", refusal.text);
        }
        let labels: Vec<_> = (0..=MOST_TIMELINE_LABELS)
            .map(|at| format!("label={at}"))
            .collect();
        assert!(timeline(pairs(Some(&labels.join("&")))).is_err());
    }
}
