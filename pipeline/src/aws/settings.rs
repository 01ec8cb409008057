//! A function's settings: the variables that its stack gave it.

use crate::error::PipelineError;
use dlt_core::ids::Region;
use dlt_core::target_policy::TargetPolicy;

/// What EventBridge Scheduler needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleSettings {
    /// `DLT_SCHEDULE_GROUP`.
    pub group: String,
    /// `DLT_SCHEDULE_ROLE`: the ARN of the role that wakes the API's function.
    pub role: String,
}

/// The settings of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where the hub is, and with it this function: `AWS_REGION`.
    pub region: Region,
    /// `DLT_BUCKET`.
    pub bucket: String,
    /// `DLT_SCENARIOS_TABLE`.
    pub scenarios_table: String,
    /// `DLT_HISTORY_TABLE`.
    pub history_table: String,
    /// `DLT_IOT_ENDPOINT`: the host of IoT Core's data endpoint.
    pub iot_endpoint: String,
    /// `DLT_STACK_ID`: the hub stack's ARN.
    pub stack: String,
    /// `DLT_STATE_MACHINE`: its ARN; only where executions are started.
    pub machine: Option<String>,
    /// Only where schedules are put.
    pub schedules: Option<ScheduleSettings>,
    /// `DLT_IOT_POLICY`: the policy that lets a client subscribe; only where the
    /// API answers.
    pub iot_policy: Option<String>,
    /// `DLT_WRITERS_ROLE`: the ARN of the role that writers have; only where the API
    /// answers. Without it nobody is shown secrets.
    pub writers_role: Option<String>,
    /// `DLT_VCPU_QUOTA`: vCPUs that a region's tasks may have together; absent or 0,
    /// as many as the account may.
    pub vcpu_quota: Option<u64>,
    /// `DLT_LOOKS`: looks at a running run, after which a fresh execution goes on with
    /// it; absent, as many as an execution has room for. For tests, which cannot wait
    /// for an hour.
    pub looks: Option<u64>,
    /// `DLT_MCP_ENDPOINT`: where agents ask, if they can.
    pub mcp_endpoint: Option<String>,
    /// `DLT_ALLOW_TARGETS`, `DLT_ONLY_TARGETS`: where load may be sent; only where
    /// scenarios are judged and runners launched.
    pub targets: TargetPolicy,
}

impl Settings {
    /// Reads the settings through `get`, which looks a variable up.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, PipelineError> {
        let get = |name: &str| get(name).filter(|value| !value.is_empty());
        let need = |name: &str| need(&get, name);
        let schedules = match (get("DLT_SCHEDULE_GROUP"), get("DLT_SCHEDULE_ROLE")) {
            (Some(group), Some(role)) => Some(ScheduleSettings { group, role }),
            _ => None,
        };
        Ok(Self {
            region: region("AWS_REGION", &need("AWS_REGION")?)?,
            bucket: need("DLT_BUCKET")?,
            scenarios_table: need("DLT_SCENARIOS_TABLE")?,
            history_table: need("DLT_HISTORY_TABLE")?,
            iot_endpoint: need("DLT_IOT_ENDPOINT")?,
            stack: need("DLT_STACK_ID")?,
            machine: get("DLT_STATE_MACHINE"),
            schedules,
            iot_policy: get("DLT_IOT_POLICY"),
            writers_role: get("DLT_WRITERS_ROLE"),
            vcpu_quota: get("DLT_VCPU_QUOTA")
                .map(|text| number("DLT_VCPU_QUOTA", &text))
                .transpose()?
                .filter(|quota| *quota > 0),
            looks: get("DLT_LOOKS")
                .map(|text| number("DLT_LOOKS", &text))
                .transpose()?,
            mcp_endpoint: get("DLT_MCP_ENDPOINT"),
            targets: TargetPolicy::from_env(get)
                .map_err(|faults| PipelineError::Other(format!("environment variable {faults}")))?,
        })
    }
}

/// A variable that must be set.
pub(super) fn need(
    get: &impl Fn(&str) -> Option<String>,
    name: &str,
) -> Result<String, PipelineError> {
    get(name).ok_or_else(|| {
        PipelineError::Other(format!(
            "environment variable {name} is not set; the stack's template sets it"
        ))
    })
}

/// An AWS region in a variable.
pub(super) fn region(name: &str, text: &str) -> Result<Region, PipelineError> {
    Region::parse(text).map_err(|error| {
        PipelineError::Other(format!("environment variable {name} is {text:?}: {error}"))
    })
}

fn number(name: &str, text: &str) -> Result<u64, PipelineError> {
    text.parse().map_err(|_| {
        PipelineError::Other(format!(
            "environment variable {name} is {text:?}; it must be a whole number"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let all = |name: &str| {
            let value = match name {
                "DLT_VCPU_QUOTA" | "DLT_LOOKS" => "0",
                _ if name.ends_with("_REGION") => "eu-west-1",
                _ => "x",
            };
            Some(value.to_owned())
        };
        let settings = Settings::read(all).unwrap();
        assert_eq!(settings.schedules.unwrap().group, "x");
        let bucket = |name: &str| all(name).filter(|_| name != "DLT_BUCKET");
        let error = Settings::read(bucket).unwrap_err().to_string();
        assert!(error.contains("DLT_BUCKET"), "{error}");
        let empty = |name: &str| {
            all(name).map(|value| match name {
                "DLT_STATE_MACHINE" => String::new(),
                _ => value,
            })
        };
        assert_eq!(Settings::read(empty).unwrap().machine, None);
    }
}
