//! A scenario to be posted to the API: its files are uploaded first, and its body follows
//! the contract. Whether it is stored, started or scheduled is set by the caller.

use crate::client::{Client, ClientError, Method, understood};
use crate::source::Upload;
use dlt_core::calls::answers::{UploadAnswer, VcpuDetails};
use dlt_core::ids::{Region, TestId};
use dlt_core::keys::LARGEST_FILE_BYTES;
use dlt_core::scenario::kept::with_nulls;
use dlt_core::scenario::{Scenario, parse_duration, show_duration};
use dlt_core::value::Value as Written;
use dlt_pipeline::clock::SystemClock;
use dlt_pipeline::clock::random_id;
use serde_json::json;

/// Characters of a new id (api-behaviour.md 1).
const ID_LENGTH: usize = 10;
/// Units of durations in the contract, in µs, and the largest number of each.
const UNITS: [(&str, u64, u64); 4] = [
    ("s", 1_000_000, 3_600),
    ("m", 60 * 1_000_000, 1_440),
    ("h", 3_600 * 1_000_000, 168),
    ("d", 86_400 * 1_000_000, 30),
];

/// Fields of a body that prevent an immediate run.
const NOT_NOW: [&str; 7] = [
    "saveOnly",
    "scheduleStep",
    "scheduleDate",
    "scheduleTime",
    "recurrence",
    "cronValue",
    "cronExpiryDate",
];

/// Regions of a server, with their capacity and use.
pub async fn regions(client: &Client) -> Result<Vec<(Region, VcpuDetails)>, ClientError> {
    let path = "/vCPUDetails";
    let answer = client.get(path, &[]).await?;
    let mut regions = Vec::new();
    let rows = answer.as_object().ok_or_else(|| ClientError::Unreadable {
        what: format!("the answer to {path}"),
        why: "it is no object".to_owned(),
    })?;
    for (name, details) in rows {
        let region = Region::parse(name).map_err(|error| ClientError::Unreadable {
            what: format!("the answer to {path}"),
            why: error.to_string(),
        })?;
        regions.push((region, understood(path, details.clone())?));
    }
    Ok(regions)
}

/// Most runners of a region.
pub fn capacity(details: &VcpuDetails) -> u64 {
    details.limit / details.per_task.max(1)
}

/// Runners that can be added to a region now.
pub fn free(details: &VcpuDetails) -> u64 {
    details.limit.saturating_sub(details.in_use) / details.per_task.max(1)
}

/// A scenario that is ready to be posted.
#[derive(Debug)]
pub struct Draft {
    /// Its id.
    pub test: TestId,
    /// Whether the id is new, so that no stored scenario has it.
    is_new: bool,
    /// The body, without what to do with it.
    pub body: Written,
    uploads: Vec<Upload>,
}

impl Draft {
    /// A draft with this id, or else the scenario's own, or else a new one.
    pub fn of(
        scenario: &Scenario,
        id: Option<TestId>,
        uploads: Vec<Upload>,
    ) -> Result<Self, ClientError> {
        let chosen = id.or_else(|| scenario.test_id.clone());
        let is_new = chosen.is_none();
        let test = match chosen {
            Some(test) => test,
            None => TestId::parse(&random_id(&SystemClock, ID_LENGTH)?)
                .map_err(|error| ClientError::Cannot(error.to_string()))?,
        };
        let mut body = scenario.body.clone();
        body["testId"] = json!(test).into();
        fit_durations(&mut body);
        with_nulls(&mut body);
        Ok(Self {
            test,
            is_new,
            body,
            uploads,
        })
    }

    /// The draft without its schedule: it is started when it is posted.
    pub fn run_now(mut self) -> Self {
        if let Some(body) = self.body.as_object_mut() {
            body.retain(|key, _| !NOT_NOW.contains(&key.as_str()));
        }
        self
    }

    /// Uploads the files and posts the body; the API's answer. If a new scenario is
    /// refused, its files are deleted again.
    pub async fn post(&self, client: &Client) -> Result<Written, ClientError> {
        let posted = match self.upload_files(client).await {
            Ok(()) => {
                let path = "/scenarios";
                client.call(Method::Post, path, &[], Some(&self.body)).await
            }
            Err(error) => Err(error),
        };
        if posted.is_err() && self.is_new {
            self.delete_files(client).await;
        }
        posted
    }

    async fn upload_files(&self, client: &Client) -> Result<(), ClientError> {
        let path = format!("/scenarios/{}/files", self.test);
        for upload in &self.uploads {
            let cannot_send = |why: String| {
                ClientError::Input(format!(
                    "file {} cannot be sent: {why}",
                    upload.path.display()
                ))
            };
            let metadata = std::fs::metadata(&upload.path);
            let bytes = metadata
                .map_err(|error| cannot_send(error.to_string()))?
                .len();
            if bytes > LARGEST_FILE_BYTES {
                return Err(cannot_send(format!(
                    "it has {bytes} bytes; at most {LARGEST_FILE_BYTES} are taken"
                )));
            }
            let bytes = std::fs::read(&upload.path);
            let bytes = bytes.map_err(|error| cannot_send(error.to_string()))?;
            let body = json!({ "name": upload.name });
            let answer = client.call(Method::Post, &path, &[], Some(&body)).await?;
            let target: UploadAnswer = understood(&path, answer)?;
            client.send_file(&target, bytes).await?;
        }
        Ok(())
    }

    async fn delete_files(&self, client: &Client) {
        for upload in &self.uploads {
            let name = upload.name.replace(' ', "%20");
            let path = format!("/scenarios/{}/files/{name}", self.test);
            // A file that cannot be deleted only takes space.
            let _ = client.call(Method::Delete, &path, &[], None).await;
        }
    }
}

/// The contract limits the number of each unit (`3601s` is refused). Longer durations are
/// written in a larger unit, or in several.
fn fit_durations(body: &mut Written) {
    let items = body["testScenario"]["execution"].as_array_mut();
    for item in items.into_iter().flatten() {
        for key in ["ramp-up", "hold-for"] {
            if let Some(Written::String(text)) = item.get(key)
                && let Some(fitting) = fitting(text)
            {
                item[key] = fitting.into();
            }
        }
    }
}

/// An equal duration that the contract accepts; None if it accepts the text as it is.
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
    fn durations_get_a_unit_that_the_contract_accepts() {
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
    fn capacity_is_counted_in_runners() {
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
