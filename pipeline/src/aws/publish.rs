//! real-time-data-publisher: what leaders print, from the log's subscription to the
//! scenarios' topics.

use crate::error::PipelineError;
use crate::live::iot::ticks_topic;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dlt_core::calls::live::topic_message;
use dlt_core::ids::{Region, TestId};
use dlt_core::messages::runner_line::{RunnerLine, Tick};
use flate2::read::GzDecoder;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Read as _;

/// Longest event that is unpacked, bytes: CloudWatch Logs sends at most 1 MB, packed.
const LONGEST_EVENT_BYTES: u64 = 64 * 1024 * 1024;
/// Longest message of a topic (IoT Core: 128 KB), with some room.
const LONGEST_MESSAGE_BYTES: usize = 120_000;

/// A message for a topic.
#[derive(Debug, Clone, PartialEq)]
pub struct TopicMessage {
    /// Its topic.
    pub topic: String,
    /// Its bytes.
    pub payload: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Logs {
    #[serde(default)]
    log_events: Vec<LogEvent>,
}

#[derive(Deserialize)]
struct LogEvent {
    timestamp: u64,
    message: String,
}

fn unreadable(why: &dyn std::fmt::Display) -> PipelineError {
    PipelineError::Input(format!("the log's event is unreadable: {why}"))
}

/// The messages for an event of a log's subscription: one a scenario, or more where
/// they would be too long. Lines that are no ticks are none of this function's.
pub fn messages(region: &Region, event: &Value) -> Result<Vec<TopicMessage>, PipelineError> {
    let data = event["awslogs"]["data"].as_str().unwrap_or_default();
    let packed = STANDARD.decode(data).map_err(|error| unreadable(&error))?;
    let mut text = Vec::new();
    GzDecoder::new(packed.as_slice())
        .take(LONGEST_EVENT_BYTES)
        .read_to_end(&mut text)
        .map_err(|error| unreadable(&error))?;
    let logs: Logs = serde_json::from_slice(&text).map_err(|error| unreadable(&error))?;
    let mut by_test: BTreeMap<TestId, Vec<(Tick, u64)>> = BTreeMap::new();
    for event in logs.log_events {
        if let Some(RunnerLine::LiveTick(tick)) = RunnerLine::parse(event.message.trim_end()) {
            let ticks = by_test.entry(tick.test_id.clone()).or_default();
            ticks.push((tick, event.timestamp));
        }
    }
    let mut messages = Vec::new();
    for (test, ticks) in by_test {
        pack(region, &test, &ticks, &mut messages);
    }
    Ok(messages)
}

/// As few messages as hold these ticks; a tick alone is always short enough.
fn pack(region: &Region, test: &TestId, ticks: &[(Tick, u64)], messages: &mut Vec<TopicMessage>) {
    let payload = topic_message(region, ticks).to_string();
    if payload.len() > LONGEST_MESSAGE_BYTES && ticks.len() > 1 {
        let (first, second) = ticks.split_at(ticks.len() / 2);
        pack(region, test, first, messages);
        pack(region, test, second, messages);
        return;
    }
    messages.push(TopicMessage {
        topic: ticks_topic(test),
        payload,
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use dlt_core::ids::{RunnerId, TestRunId};
    use dlt_core::measure::second::Second;
    use dlt_core::messages::runner_line::{RunnerRow, RunnerState};
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use serde_json::json;
    use std::io::Write as _;

    fn event(lines: &[String]) -> Value {
        let events: Vec<Value> = lines
            .iter()
            .map(|line| json!({ "id": "1", "timestamp": 1_772_615_703_000_u64, "message": line }))
            .collect();
        let logs = json!({ "messageType": "DATA_MESSAGE", "logEvents": events }).to_string();
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(logs.as_bytes()).unwrap();
        json!({ "awslogs": { "data": STANDARD.encode(packed.finish().unwrap()) } })
    }

    fn line(test: &str, second: u64, runners: usize) -> String {
        let row = RunnerRow(RunnerId::parse("a").unwrap(), RunnerState::Loading, 0, 0);
        let mut tick = Tick::of(
            &Second {
                second,
                ..Second::default()
            },
            TestId::parse(test).unwrap(),
            TestRunId::parse("p4TqL8vN2c").unwrap(),
            Region::parse("eu-west-1").unwrap(),
            second,
            row.clone(),
        );
        tick.runners = vec![row; runners];
        RunnerLine::LiveTick(tick).to_line()
    }

    #[test]
    fn each_scenario_s_ticks_go_to_its_topic() {
        let region = Region::parse("eu-west-1").unwrap();
        let lines = [
            line("Xk29QmWz7B", 1, 1),
            "{\"event\":\"DLT_FINISHED\"}".to_owned(),
            "hello".to_owned(),
            line("Xk29QmWz7B", 2, 1),
            line("other", 1, 1),
        ];
        let messages = messages(&region, &event(&lines)).unwrap();
        let seen: Vec<(&str, usize)> = messages
            .iter()
            .map(|message| {
                let payload: Value = serde_json::from_str(&message.payload).unwrap();
                let rows = payload["eu-west-1"].as_array().unwrap().len();
                (message.topic.as_str(), rows)
            })
            .collect();
        assert_eq!(seen, [("dlt/Xk29QmWz7B", 2), ("dlt/other", 1)]);
    }

    #[test]
    fn long_messages_are_split_and_lose_nothing() {
        let region = Region::parse("eu-west-1").unwrap();
        let lines: Vec<String> = (0..40).map(|second| line("a", second, 300)).collect();
        let messages = messages(&region, &event(&lines)).unwrap();
        assert!(messages.len() > 1);
        let mut seconds = Vec::new();
        for message in &messages {
            assert!(message.payload.len() <= LONGEST_MESSAGE_BYTES);
            let payload: Value = serde_json::from_str(&message.payload).unwrap();
            let rows = payload["eu-west-1"].as_array().unwrap();
            seconds.extend(
                rows.iter()
                    .map(|row| row["tick"]["second"].as_u64().unwrap()),
            );
        }
        assert_eq!(seconds, (0..40).collect::<Vec<_>>());
    }

    #[test]
    fn an_event_that_is_none_is_refused() {
        let region = Region::parse("eu-west-1").unwrap();
        assert!(messages(&region, &json!({ "awslogs": { "data": "!" } })).is_err());
    }
}
