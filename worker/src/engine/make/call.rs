//! Functions in texts, `${__UUID}`, evaluated anew for each request. Which ones there are is
//! `dlt_core`'s.

use crate::engine::make::session::Session;
use dlt_core::load::share::Lot;
use dlt_core::scenario::requests::functions::Function;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A function where it stands in a text.
#[derive(Debug, Clone)]
pub(crate) enum Call {
    Uuid,
    /// Milliseconds since 1970, divided by this.
    Epoch(u64),
    /// By a format of strftime.
    Date(String),
    /// From the first to the second.
    Random(i64, i64),
    ThreadNumber,
    /// The number of the call, by which a session counts.
    CountOfUser(usize),
    /// Of all users: how often it was evaluated by this runner, and which numbers of the run
    /// are the runner's.
    CountOfAll(Arc<AtomicU64>, Lot),
}

impl Call {
    /// Call `number` of a group, on a runner with this part of the run.
    pub(crate) fn new(function: Function, number: usize, lot: Lot) -> Self {
        match function {
            Function::Uuid => Self::Uuid,
            Function::Epoch(by) => Self::Epoch(by),
            Function::Date(format) => Self::Date(format),
            Function::Random(least, most) => Self::Random(least, most),
            Function::ThreadNumber => Self::ThreadNumber,
            Function::Counter { by_user: true } => Self::CountOfUser(number),
            Function::Counter { by_user: false } => Self::CountOfAll(Arc::default(), lot),
        }
    }

    /// Its value for the next request of a session.
    pub(crate) fn value(&self, session: &Session) -> String {
        match self {
            Self::Uuid => uuid::Builder::from_random_bytes(rand::random())
                .into_uuid()
                .to_string(),
            Self::Epoch(by) => {
                let now_ms = Timestamp::now().as_millisecond();
                (u64::try_from(now_ms).unwrap_or(0) / by).to_string()
            }
            Self::Date(format) => Timestamp::now()
                .to_zoned(TimeZone::UTC)
                .strftime(format)
                .to_string(),
            Self::Random(least, most) => rand::random_range(*least..=*most).to_string(),
            Self::ThreadNumber => (session.number + 1).to_string(),
            Self::CountOfUser(call) => session.count(*call).to_string(),
            Self::CountOfAll(count, lot) => {
                let before = count.fetch_add(1, Ordering::Relaxed);
                (lot.nth(before) + 1).to_string()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::make::template::Template;
    use crate::engine::make::variable_names::VariableNames;
    use dlt_core::load::share::{Lot, Share, Slice};
    use std::collections::BTreeSet;

    /// Texts of so many evaluations, by users in turn.
    fn values(text: &str, names: &VariableNames, users: u64, times: usize) -> Vec<String> {
        let template = Template::compile(text, names).unwrap();
        assert!(template.fixed().is_none());
        let sessions: Vec<_> = (0..users)
            .map(|user| names.session(|| user).unwrap())
            .collect();
        let turns = sessions.iter().cycle().take(times);
        turns
            .map(|session| template.fill(session).unwrap())
            .collect()
    }

    #[test]
    fn numbers_of_users_and_counts() {
        let names = VariableNames::default();
        let of = |text| values(text, &names, 2, 4);
        assert_eq!(of("u${__threadNum}"), ["u1", "u2", "u1", "u2"]);
        assert_eq!(of("${__counter(TRUE)}"), ["1", "1", "2", "2"]);
        assert_eq!(of("${__counter(FALSE)}"), ["1", "2", "3", "4"]);
        // Each place counts for itself.
        assert_eq!(
            of("${__counter(FALSE)}/${__counter(FALSE)}"),
            ["1/1", "2/2", "3/3", "4/4"]
        );
    }

    /// Runners, in regions, give out each number once.
    #[test]
    fn a_count_of_all_is_one_of_the_run() {
        let mut all = BTreeSet::new();
        for (first, count) in [(0, 1), (1, 2)] {
            let slice = Slice {
                first,
                count,
                of: 3,
            };
            for index in 0..count {
                let share = Share { index, of: count };
                let names = VariableNames::default().on(Lot { slice, share });
                all.extend(values("${__counter(FALSE)}", &names, 3, 10));
            }
        }
        let numbers: BTreeSet<u64> = all.iter().map(|text| text.parse().unwrap()).collect();
        assert_eq!(numbers, (1..=30).collect());
    }

    #[test]
    fn random_values_stay_in_their_range_and_differ() {
        let names = VariableNames::default();
        let of = |text, times| -> BTreeSet<String> {
            values(text, &names, 1, times).into_iter().collect()
        };
        let dice: BTreeSet<String> = (-2..=2).map(|n: i64| n.to_string()).collect();
        assert_eq!(of("${__Random(-2,2)}", 500), dice);
        assert_eq!(of("${__Random(7,7)}", 5).len(), 1);
        let uuids = of("${__UUID}", 100);
        assert_eq!(uuids.len(), 100);
        for uuid in uuids {
            let parts: Vec<usize> = uuid.split('-').map(str::len).collect();
            assert_eq!(parts, [8, 4, 4, 4, 12], "{uuid}");
            let version = (uuid.as_bytes()[14], uuid.as_bytes()[19]);
            assert!(version.0 == b'4' && b"89ab".contains(&version.1), "{uuid}");
        }
    }

    #[test]
    fn times_are_of_now_and_of_utc() {
        let names = VariableNames::default();
        let before = jiff::Timestamp::now();
        let text = "${__time} ${__time(/1000)} ${__time(yyyy-MM-dd'T'HH:mm:ss.SSSX)}";
        let read = values(text, &names, 1, 1).remove(0);
        let after = jiff::Timestamp::now();
        let parts: Vec<&str> = read.split(' ').collect();
        let ms: i64 = parts[0].parse().unwrap();
        assert!(before.as_millisecond() <= ms && ms <= after.as_millisecond());
        let seconds: i64 = parts[1].parse().unwrap();
        assert!(before.as_second() <= seconds && seconds <= after.as_second());
        let date: jiff::Timestamp = parts[2].parse().unwrap();
        assert!(
            before.as_millisecond() <= date.as_millisecond() && date <= after,
            "{read}"
        );
    }
}
