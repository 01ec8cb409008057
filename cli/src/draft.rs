//! A scenario on its way to the API: its files sent first, its body as the
//! contract wants it. What is done with it there (kept, run, scheduled) is the
//! caller's to say.

use crate::client::{Client, ClientError, Method, understood};
use crate::source::Upload;
use dlt_core::calls::answers::{UploadAnswer, VcpuDetails};
use dlt_core::ids::{Region, TestId};
use dlt_core::scenario::{Scenario, parse_duration, show_duration};
use dlt_pipeline::local::SystemClock;
use dlt_core::keys::LARGEST_FILE_BYTES;
use dlt_pipeline::clock::random_id;
use serde_json::{Map, Value, json};

/// Letters and digits of a new id (api-behaviour.md 1).
const ID_LENGTH: usize = 10;
/// Units of durations in the contract, µs, and its largest number of each.
const UNITS: [(&str, u64, u64); 4] = [
    ("s", 1_000_000, 3_600),
    ("m", 60 * 1_000_000, 1_440),
    ("h", 3_600 * 1_000_000, 168),
    ("d", 86_400 * 1_000_000, 30),
];

/// Fields of a body that keep it from being run at once.
const WHEN: [&str; 7] = [
    "saveOnly",
    "scheduleStep",
    "scheduleDate",
    "scheduleTime",
    "recurrence",
    "cronValue",
    "cronExpiryDate",
];

/// Regions of a server, with the runners that each holds.
pub async fn regions(client: &Client) -> Result<Vec<(Region, VcpuDetails)>, ClientError> {
    let path = "/vCPUDetails";
    let answer: Map<String, Value> = client.read(path, &[]).await?;
    let mut regions = Vec::with_capacity(answer.len());
    for (name, details) in answer {
        let region = Region::parse(&name).map_err(|error| ClientError::Strange {
            what: format!("the answer to {path}"),
            why: error.to_string(),
        })?;
        regions.push((region, understood(path, details)?));
    }
    Ok(regions)
}

/// Runners that a region can hold.
pub fn capacity(details: &VcpuDetails) -> u64 {
    details.limit / details.per_task.max(1)
}

/// Runners that a region has room for now.
pub fn free(details: &VcpuDetails) -> u64 {
    details.limit.saturating_sub(details.in_use) / details.per_task.max(1)
}

/// A scenario that is ready to be posted.
#[derive(Debug)]
pub struct Draft {
    /// Its id there.
    pub test: TestId,
    /// The id was made up here, so nobody else has it.
    fresh: bool,
    /// The body; what is to be done with it is added.
    pub body: Value,
    uploads: Vec<Upload>,
}

impl Draft {
    /// A scenario under this id, or its own, or a new one.
    pub fn of(
        scenario: &Scenario,
        id: Option<TestId>,
        uploads: Vec<Upload>,
    ) -> Result<Self, ClientError> {
        let chosen = id.or_else(|| scenario.test_id.clone());
        let fresh = chosen.is_none();
        let test = match chosen {
            Some(test) => test,
            None => TestId::parse(&random_id(&SystemClock, ID_LENGTH)?)
                .map_err(|error| ClientError::Cannot(error.to_string()))?,
        };
        let mut body = scenario.body.clone();
        body["testId"] = json!(test);
        fit_durations(&mut body);
        Ok(Self {
            test,
            fresh,
            body,
            uploads,
        })
    }

    /// To be run now, whatever the file says of other times.
    pub fn at_once(mut self) -> Self {
        if let Some(body) = self.body.as_object_mut() {
            body.retain(|key, _| !WHEN.contains(&key.as_str()));
        }
        self
    }

    /// Sends the files, then the body; answers what the API says to it. Files
    /// of a scenario that is refused are taken away again.
    pub async fn post(&self, client: &Client) -> Result<Value, ClientError> {
        let posted = match self.send_files(client).await {
            Ok(()) => {
                let body = Some(&self.body);
                client.ask(Method::Post, "/scenarios", &[], body).await
            }
            Err(error) => Err(error),
        };
        if posted.is_err() && self.fresh {
            self.take_files_away(client).await;
        }
        posted
    }

    async fn send_files(&self, client: &Client) -> Result<(), ClientError> {
        let path = format!("/scenarios/{}/files", self.test);
        for upload in &self.uploads {
            let unread = |why: String| {
                ClientError::Input(format!(
                    "file {} cannot be sent: {why}",
                    upload.path.display()
                ))
            };
            let about = std::fs::metadata(&upload.path);
            let bytes = about.map_err(|error| unread(error.to_string()))?.len();
            if bytes > LARGEST_FILE_BYTES {
                return Err(unread(format!(
                    "it has {bytes} bytes; at most {LARGEST_FILE_BYTES} are taken"
                )));
            }
            let bytes = std::fs::read(&upload.path).map_err(|error| unread(error.to_string()))?;
            let asked = json!({ "name": upload.name });
            let answer = client.ask(Method::Post, &path, &[], Some(&asked)).await?;
            let place: UploadAnswer = understood(&path, answer)?;
            client.send_file(&place, bytes).await?;
        }
        Ok(())
    }

    async fn take_files_away(&self, client: &Client) {
        for upload in &self.uploads {
            let name = upload.name.replace(' ', "%20");
            let path = format!("/scenarios/{}/files/{name}", self.test);
            // Left behind they do no harm but take room.
            let _ = client.ask(Method::Delete, &path, &[], None).await;
        }
    }
}

/// The contract limits the number of each unit (`3601s` is refused): longer
/// durations are written in a larger unit, or in several.
fn fit_durations(body: &mut Value) {
    let items = body["testScenario"]["execution"].as_array_mut();
    for item in items.into_iter().flatten() {
        for key in ["ramp-up", "hold-for"] {
            if let Some(Value::String(text)) = item.get(key)
                && let Some(fitting) = fitting(text)
            {
                item[key] = json!(fitting);
            }
        }
    }
}

/// Another form of a duration that the contract would refuse; None if it takes it.
fn fitting(text: &str) -> Option<String> {
    let us = parse_duration(text)?;
    let plain: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let too_many = UNITS.iter().any(|(unit, _, most)| {
        plain
            .strip_suffix(unit)
            .and_then(|digits| digits.parse::<u64>().ok())
            .is_some_and(|number| number > *most)
    });
    if !too_many {
        return None;
    }
    let exact = UNITS
        .iter()
        .find(|(_, unit_us, most)| us % unit_us == 0 && us / unit_us <= *most)
        .map(|(unit, unit_us, _)| format!("{}{unit}", us / unit_us));
    Some(exact.unwrap_or_else(|| show_duration(us)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_get_a_unit_that_the_contract_takes() {
        for (given, wanted) in [
            ("30s", None),
            ("3600s", None),
            ("1h1s", None),
            ("500ms", None),
            ("7200s", Some("120m")),
            ("3601s", Some("1h1s")),
            ("2880m", Some("48h")),
            ("336h", Some("14d")),
            ("169 h", Some("7d1h")),
            ("uniform", None),
        ] {
            assert_eq!(fitting(given).as_deref(), wanted, "{given}");
            if let Some(wanted) = wanted {
                assert_eq!(parse_duration(given), parse_duration(wanted));
            }
        }
    }

    #[test]
    fn room_is_counted_in_runners() {
        let details = VcpuDetails {
            limit: 128,
            per_task: 2,
            in_use: 6,
        };
        assert_eq!((capacity(&details), free(&details)), (64, 61));
        let none = VcpuDetails {
            limit: 4,
            per_task: 0,
            in_use: 9,
        };
        assert_eq!(free(&none), 0);
    }
}
