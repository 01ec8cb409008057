//! Query strings of the contract: which keys each path accepts, and which values.
//! Unknown keys are refused, whatever the method; which path has which query is
//! left to `request`.

use super::answers::Samples;
use crate::compare::Thresholds;
use crate::ids::{Region, TestId, TestRunId};
use crate::refusal::{Fault, Faults, Refusal};
use crate::scenario::tags;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// Longest `tags` value, characters.
const LONGEST_TAGS: usize = 500;
/// Runs a page without `limit`.
pub const DEFAULT_LIMIT: usize = 20;
/// Most runs a page.
pub const MOST_RUNS: usize = 100;

/// A page of runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunsQuery {
    /// 1 to [`MOST_RUNS`].
    pub limit: usize,
    /// Inclusive, `YYYY-MM-DD HH:MM:SS` UTC.
    pub from: Option<String>,
    /// Inclusive, the same form.
    pub to: Option<String>,
    /// Only the newest run; the rest of the query does not count.
    pub latest: bool,
    /// Where the page before ended.
    pub after: Option<PageToken>,
}

impl RunsQuery {
    /// The newest `limit` runs.
    pub fn first(limit: usize) -> Self {
        Self {
            limit,
            from: None,
            to: None,
            latest: false,
            after: None,
        }
    }
}

/// The last run of a page: `next_token` is its JSON in base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PageToken {
    /// The scenario's id.
    pub test_id: TestId,
    /// The run's id.
    pub test_run_id: TestRunId,
    /// Its start, `YYYY-MM-DD HH:MM:SS` UTC.
    pub start_time: String,
}

impl PageToken {
    /// The text on the wire.
    pub fn encode(&self) -> String {
        STANDARD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Reads it back; None if it is not one of ours.
    pub fn decode(text: &str) -> Option<Self> {
        serde_json::from_slice(&STANDARD.decode(text).ok()?).ok()
    }
}

/// What GET /scenarios lists.
pub(super) enum Scenarios {
    Regions,
    Listed {
        tags: Option<Vec<String>>,
        one_off: bool,
    },
}

/// The decoded (key, value) pairs of a raw query.
pub(super) fn pairs(raw: Option<&str>) -> Vec<(String, String)> {
    url::form_urlencoded::parse(raw.unwrap_or_default().as_bytes())
        .map(|(key, value)| (key.into_owned(), value.into_owned()))
        .collect()
}

/// Collects the faults of one query.
struct Reader {
    pairs: Vec<(String, String)>,
    faults: Vec<Fault>,
}

impl Reader {
    fn new(pairs: Vec<(String, String)>, known: &[&str]) -> Self {
        let mut reader = Self {
            pairs: Vec::new(),
            faults: Vec::new(),
        };
        for (key, value) in pairs {
            if !known.contains(&key.as_str()) {
                reader.fault(&key, "is not known here".to_owned());
            } else if reader.pairs.iter().any(|pair| pair.0 == key) {
                reader.fault(&key, "is given twice".to_owned());
            } else {
                reader.pairs.push((key, value));
            }
        }
        reader
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.pairs
            .iter()
            .find(|pair| pair.0 == key)
            .map(|pair| pair.1.as_str())
    }

    fn fault(&mut self, key: &str, reason: String) {
        self.faults.push(Fault {
            path: key.to_owned(),
            reason,
        });
    }

    /// `true`, `false` or absent.
    fn flag(&mut self, key: &str, absent: bool) -> bool {
        match self.get(key) {
            None => absent,
            Some("true") => true,
            Some("false") => false,
            Some(_) => {
                self.fault(key, "must be true or false".to_owned());
                absent
            }
        }
    }

    fn stamp(&mut self, key: &str) -> Option<String> {
        let text = self.get(key)?;
        match stamp(text) {
            Some(stamp) => Some(stamp),
            None => {
                self.fault(
                    key,
                    "must be a date-time like 2026-03-01T00:00:00Z".to_owned(),
                );
                None
            }
        }
    }

    fn finish<T>(self, value: T) -> Result<T, Refusal> {
        match self.faults.is_empty() {
            true => Ok(value),
            false => Err(Refusal::new(
                400,
                "INVALID_QUERY_PARAMETER",
                Faults(self.faults).to_string(),
            )),
        }
    }
}

pub(super) fn scenarios(pairs: Vec<(String, String)>) -> Result<Scenarios, Refusal> {
    let mut reader = Reader::new(pairs, &["op", "tags", "oneOff"]);
    let regions = match reader.get("op") {
        None => false,
        Some("listRegions") => true,
        Some(_) => {
            reader.fault("op", "must be listRegions".to_owned());
            false
        }
    };
    if reader
        .get("tags")
        .is_some_and(|tags| tags.chars().count() > LONGEST_TAGS)
    {
        reader.fault("tags", format!("at most {LONGEST_TAGS} characters"));
    }
    // Only an empty value lifts the filter; tags that normalise to nothing
    // match nothing (upstream lists everything then, quirk 21).
    let tags = reader
        .get("tags")
        .filter(|tags| !tags.is_empty())
        .map(|tags| tags::normalise(tags.split(',')));
    let one_off = reader.flag("oneOff", false);
    reader.finish(if regions {
        Scenarios::Regions
    } else {
        Scenarios::Listed { tags, one_off }
    })
}

/// What is wanted of a scenario.
pub(super) struct OfScenario {
    pub history: bool,
    pub latest: bool,
    pub secrets: bool,
}

/// `secrets` is for reading alone.
pub(super) fn scenario(pairs: Vec<(String, String)>, is_read: bool) -> Result<OfScenario, Refusal> {
    let known = ["history", "latest", "secrets"];
    let mut reader = Reader::new(pairs, if is_read { &known } else { &known[..2] });
    let asked = OfScenario {
        history: reader.flag("history", true),
        latest: reader.flag("latest", true),
        secrets: reader.flag("secrets", false),
    };
    reader.finish(asked)
}

/// Whether a run is wanted with secrets. Any other key is passed over, as DLT does.
pub(super) fn run(mut pairs: Vec<(String, String)>) -> Result<bool, Refusal> {
    pairs.retain(|pair| pair.0 == "secrets");
    let mut reader = Reader::new(pairs, &["secrets"]);
    let secrets = reader.flag("secrets", false);
    reader.finish(secrets)
}

pub(super) fn baseline(pairs: Vec<(String, String)>) -> Result<bool, Refusal> {
    let mut reader = Reader::new(pairs, &["data"]);
    let data = reader.flag("data", true);
    reader.finish(data)
}

/// The one key that may be there.
pub(super) fn only(pairs: Vec<(String, String)>, key: &str) -> Result<Option<String>, Refusal> {
    let reader = Reader::new(pairs, &[key]);
    let value = reader.get(key).map(str::to_owned);
    reader.finish(value)
}

/// What a run is compared with.
#[derive(Debug, Clone, PartialEq)]
pub struct CompareQuery {
    /// The run compared with.
    pub run: TestRunId,
    /// Its scenario, if it is another one.
    pub test: Option<TestId>,
    /// Only what was measured from this region; None means from all.
    pub region: Option<Region>,
    /// Which changes matter.
    pub thresholds: Thresholds,
}

/// The largest change that a threshold may call one that does not matter.
const MOST_THRESHOLD_PCT: f64 = 1_000.0;

/// A threshold in percent or percentage points, above 0.
fn threshold(reader: &mut Reader, key: &'static str, most: f64) -> Option<f64> {
    let text = reader.get(key)?.to_owned();
    match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number <= most => Some(number),
        _ => {
            reader.fault(key, format!("must be a number above 0, at most {most}"));
            None
        }
    }
}

/// The run to compare with, which must be there, its scenario, where, and which
/// changes matter.
pub(super) fn compare(pairs: Vec<(String, String)>) -> Result<CompareQuery, Refusal> {
    let mut reader = Reader::new(
        pairs,
        &[
            "with",
            "with_test",
            "region",
            "threshold_pct",
            "error_points",
        ],
    );
    let mut thresholds = Thresholds::default();
    if let Some(pct) = threshold(&mut reader, "threshold_pct", MOST_THRESHOLD_PCT) {
        thresholds.relative_pct = pct;
    }
    if let Some(points) = threshold(&mut reader, "error_points", 100.0) {
        thresholds.error_points = points;
    }
    let run = reader.get("with").map(TestRunId::parse);
    let test = reader.get("with_test").map(TestId::parse).transpose();
    let region = reader.get("region").map(Region::parse).transpose();
    match (run, test, region) {
        (Some(Ok(run)), Ok(test), Ok(region)) => {
            return reader.finish(CompareQuery {
                run,
                test,
                region,
                thresholds,
            });
        }
        (Some(Ok(_)), Err(error), _) => {
            reader.fault("with_test", format!("must be {}", error.rule));
        }
        (Some(Ok(_)), _, Err(error)) => reader.fault("region", format!("must be {}", error.rule)),
        (Some(Err(error)), ..) => reader.fault("with", format!("must be {}", error.rule)),
        (None, ..) => reader.fault(
            "with",
            "is missing: name the run to compare with".to_owned(),
        ),
    }
    let faults = Faults(reader.faults).to_string();
    Err(Refusal::new(400, "INVALID_QUERY_PARAMETER", faults))
}

/// Which histogram of a run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HistogramQuery {
    /// One label, or all.
    pub label: Option<String>,
    /// One region, or all.
    pub region: Option<Region>,
    /// Over which samples; None means ok ones, of a run of an older dlt all.
    pub of: Option<Samples>,
}

/// Which histogram: of a label or of all, from a region or from all, and over
/// which samples.
pub(super) fn histogram(pairs: Vec<(String, String)>) -> Result<HistogramQuery, Refusal> {
    let mut reader = Reader::new(pairs, &["label", "region", "of"]);
    let region = reader.get("region").map(Region::parse).transpose();
    if let Err(error) = &region {
        reader.fault("region", format!("must be {}", error.rule));
    }
    let label = reader.get("label").map(str::to_owned);
    let of = reader.get("of").map(|text| {
        let row = Samples::NAMES.into_iter().find(|row| row.0 == text);
        row.map(|row| row.1)
    });
    if of == Some(None) {
        reader.fault("of", "must be ok, failed or all".to_owned());
    }
    reader.finish(HistogramQuery {
        label,
        region: region.ok().flatten(),
        of: of.flatten(),
    })
}

mod timeline;

pub use timeline::TimelineQuery;
pub(super) use timeline::timeline;

/// No key at all.
pub(super) fn none(pairs: Vec<(String, String)>) -> Result<(), Refusal> {
    Reader::new(pairs, &[]).finish(())
}

pub(super) fn runs(pairs: Vec<(String, String)>) -> Result<RunsQuery, Refusal> {
    // The CLI of 4.2 sends startTimestamp and endTimestamp (quirk 2).
    let pairs = pairs
        .into_iter()
        .map(|(key, value)| match key.as_str() {
            "startTimestamp" => ("start_timestamp".to_owned(), value),
            "endTimestamp" => ("end_timestamp".to_owned(), value),
            _ => (key, value),
        })
        .collect();
    let known = [
        "limit",
        "start_timestamp",
        "end_timestamp",
        "latest",
        "next_token",
    ];
    let mut reader = Reader::new(pairs, &known);
    let limit = match reader.get("limit") {
        None => DEFAULT_LIMIT,
        Some(text) => match text
            .bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| text.parse().ok())
            .flatten()
        {
            Some(limit @ 1..=MOST_RUNS) => limit,
            _ => {
                reader.fault(
                    "limit",
                    format!("must be a whole number from 1 to {MOST_RUNS}"),
                );
                DEFAULT_LIMIT
            }
        },
    };
    let (from, to) = (
        reader.stamp("start_timestamp"),
        reader.stamp("end_timestamp"),
    );
    if from
        .as_ref()
        .zip(to.as_ref())
        .is_some_and(|(from, to)| from > to)
    {
        reader.fault("start_timestamp", "lies after end_timestamp".to_owned());
    }
    let latest = reader.flag("latest", false);
    let token = reader.get("next_token").map(str::to_owned);
    let query = reader.finish(RunsQuery {
        limit,
        from,
        to,
        latest,
        after: None,
    })?;
    let after = match token {
        None => None,
        Some(token) => Some(
            PageToken::decode(&token)
                .ok_or_else(|| Refusal::new(400, "BAD_REQUEST", "next_token cannot be decoded"))?,
        ),
    };
    Ok(RunsQuery { after, ..query })
}

/// A date-time as the API stores it, `YYYY-MM-DD HH:MM:SS` UTC, cut to seconds.
/// What is taken is what JavaScript's Date reads alike everywhere: ISO 8601,
/// also without time, day or month, and the form of mail headers. Without an
/// offset it is UTC.
fn stamp(text: &str) -> Option<String> {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let full = match (text.len(), digits) {
        (4, 4) => format!("{text}-01-01"),
        (7, 6) => format!("{text}-01"),
        _ => text.to_owned(),
    };
    let instant = full.parse::<Timestamp>().ok().or_else(|| {
        let civil = full.parse::<jiff::civil::DateTime>().ok();
        let zoned = match civil {
            Some(civil) => civil.to_zoned(TimeZone::UTC).ok()?,
            None => jiff::fmt::rfc2822::parse(text).ok()?,
        };
        Some(zoned.timestamp())
    })?;
    Some(instant.strftime("%Y-%m-%d %H:%M:%S").to_string())
}
