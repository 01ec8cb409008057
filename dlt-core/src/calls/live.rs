//! The live events of a run: one type, inside dlt and on the wire (decision 21).
//! At home they are sent as server-sent events, on AWS over a topic; sending and
//! receiving them is left to the pipeline and its clients.

use crate::ids::{Region, TestRunId};
use crate::judge::summary::LoadSummary;
use crate::messages::runner_line::Tick;
use crate::run::Status;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// An event of GET …/live.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LiveStatus {
    /// Which run; absent while there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// Where it, or the scenario, stands.
    pub status: Status,
    /// The first event of a run tells its plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<LoadSummary>,
}

/// The data of a note.
#[derive(Serialize, Deserialize)]
struct Note {
    note: String,
}

/// An event of a live stream.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every event is a tick; a box would only move it"
)]
#[derive(Debug, Clone, PartialEq)]
pub enum LiveEvent {
    /// The run's, or the scenario's, status changed.
    Status(LiveStatus),
    /// A second of a region.
    Tick(Tick),
    /// A sentence: a runner was lost, another launched.
    Note(String),
}

impl LiveEvent {
    /// A run has a new status.
    pub fn status(run: &TestRunId, status: Status) -> Self {
        Self::Status(LiveStatus {
            run_id: Some(run.to_string()),
            status,
            load: None,
        })
    }

    /// Its name on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Status(_) => "status",
            Self::Tick(_) => "tick",
            Self::Note(_) => "note",
        }
    }

    /// Its data on the wire: JSON without line breaks.
    pub fn data(&self) -> String {
        let data = match self {
            Self::Status(status) => serde_json::to_string(status),
            Self::Tick(tick) => serde_json::to_string(tick),
            Self::Note(note) => serde_json::to_string(&Note { note: note.clone() }),
        };
        // Texts, numbers and lists alone: this cannot fail.
        data.unwrap_or_default()
    }

    /// Reads an event; None if its name is unknown or its data cannot be read.
    pub fn parse(name: &str, data: &str) -> Option<Self> {
        match name {
            "status" => serde_json::from_str(data).ok().map(Self::Status),
            "tick" => serde_json::from_str(data).ok().map(Self::Tick),
            "note" => {
                let note: Note = serde_json::from_str(data).ok()?;
                Some(Self::Note(note.note))
            }
            _ => None,
        }
    }
}

/// The message of a scenario's topic for ticks of one region, each with the time of
/// its log event, ms since the Unix epoch (dlt.md 3, api-behaviour.md 10).
pub fn topic_message(region: &Region, ticks: &[(Tick, u64)]) -> Value {
    let rows = ticks.iter().map(|(tick, at_ms)| {
        let second = &tick.second;
        let runners = tick.runner_count().max(1);
        json!({
            "testId": tick.test_id,
            "vu": second.users.div_ceil(runners),
            "succ": second.ok,
            "fail": second.failed,
            "avgRt": second.latency.mean_us().unwrap_or(0.0).round() / 1e6,
            "timestamp": (at_ms + 500) / 1_000 * 1_000,
            "tick": tick,
        })
    });
    json!({ region.as_str(): rows.collect::<Vec<_>>() })
}

/// The events in a message of a scenario's topics: ticks by region, or a status or note.
/// Rows without a tick are of another publisher, and what cannot be read is left out.
pub fn events_of_message(payload: &[u8]) -> Vec<LiveEvent> {
    let Ok(Value::Object(message)) = serde_json::from_slice(payload) else {
        return Vec::new();
    };
    if let (Some(Value::String(name)), Some(data)) = (message.get("event"), message.get("data")) {
        let event = LiveEvent::parse(name, &data.to_string());
        return event.into_iter().collect();
    }
    let rows = message.values().filter_map(Value::as_array).flatten();
    rows.filter_map(|row| Tick::deserialize(row.get("tick")?).ok())
        .map(LiveEvent::Tick)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{RunnerId, TestId};
    use crate::measure::second::Second;
    use crate::messages::runner_line::{RunnerRow, RunnerState};

    #[test]
    fn a_topic_s_message_is_what_consoles_of_dlt_read() {
        let region = Region::parse("eu-west-1").unwrap();
        let mut tick = Tick::of(
            &Second {
                users: 50,
                ok: 2,
                failed: 1,
                ..Second::default()
            },
            TestId::parse("Xk29QmWz7B").unwrap(),
            TestRunId::parse("p4TqL8vN2c").unwrap(),
            region.clone(),
            4,
            RunnerRow(RunnerId::parse("a").unwrap(), RunnerState::Loading, 4, 0),
        );
        tick.others.insert(RunnerState::Loading, 1);
        tick.second.latency.record(84_000);
        let message = topic_message(&region, &[(tick.clone(), 1_772_615_703_499)]);
        let read = events_of_message(message.to_string().as_bytes());
        assert_eq!(read, [LiveEvent::Tick(tick)]);
        let row = &message["eu-west-1"][0];
        assert_eq!(row["testId"], "Xk29QmWz7B");
        assert_eq!([&row["vu"], &row["succ"], &row["fail"]], [25, 2, 1]);
        let average = row["avgRt"].as_f64().unwrap();
        assert!((average - 0.084).abs() < 0.084 * 0.05, "{average}");
        assert_eq!(row["timestamp"], 1_772_615_703_000_u64);
        assert_eq!(row["tick"]["others"]["loading"], 1);
    }

    #[test]
    fn messages_of_topics_are_read_and_strange_ones_are_left_out() {
        let status = LiveEvent::status(&TestRunId::parse("a").unwrap(), Status::Running);
        let data: Value = serde_json::from_str(&status.data()).unwrap();
        let message = json!({ "event": status.name(), "data": data }).to_string();
        assert_eq!(events_of_message(message.as_bytes()), [status]);
        for strange in [
            "",
            "7",
            "[]",
            r#"{"event":"later","data":7}"#,
            r#"{"eu-west-1":[{"succ":1},{"tick":7},7],"version":4}"#,
        ] {
            assert_eq!(events_of_message(strange.as_bytes()), [], "{strange}");
        }
    }

    #[test]
    fn events_come_back_as_they_went() {
        let run = TestRunId::parse("p4TqL8vN2c").unwrap();
        let status = LiveEvent::status(&run, Status::Running);
        assert_eq!(
            status.data(),
            r#"{"run_id":"p4TqL8vN2c","status":"running"}"#
        );
        let note = LiveEvent::Note("a \"line\"\nand another".to_owned());
        assert!(!note.data().contains('\n'));
        for event in [status, note] {
            assert_eq!(
                LiveEvent::parse(event.name(), &event.data()),
                Some(event.clone())
            );
        }
        assert_eq!(LiveEvent::parse("later", "7"), None);
        assert_eq!(LiveEvent::parse("note", "7"), None);
    }
}
