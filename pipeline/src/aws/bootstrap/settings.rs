//! The settings of the function that answers CloudFormation: fewer than those of the
//! others, and known in a further region's stack, too. What a custom resource is about
//! stands in its request.

use crate::aws::settings::{need, region};
use crate::error::PipelineError;
use dlt_core::ids::Region;

/// The settings of `bootstrap`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootstrapSettings {
    /// Where it runs (`AWS_REGION`).
    pub region: Region,
    /// Where the hub is: `DLT_HUB_REGION`, in the hub its own region.
    pub hub: Region,
    /// `DLT_SCENARIOS_TABLE`, which has the rows of regions.
    pub scenarios_table: String,
}

impl BootstrapSettings {
    /// Reads the settings through `get`, which looks a variable up.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, PipelineError> {
        let get = |name: &str| get(name).filter(|value| !value.is_empty());
        let own = region("AWS_REGION", &need(&get, "AWS_REGION")?)?;
        Ok(Self {
            hub: match get("DLT_HUB_REGION") {
                Some(hub) => region("DLT_HUB_REGION", &hub)?,
                None => own.clone(),
            },
            region: own,
            scenarios_table: need(&get, "DLT_SCENARIOS_TABLE")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_further_region_knows_its_hub() {
        let own = |name: &str| match name {
            "AWS_REGION" => Some("eu-west-1".to_owned()),
            "DLT_SCENARIOS_TABLE" => Some("scenarios".to_owned()),
            _ => None,
        };
        let hub = BootstrapSettings::read(own).unwrap();
        assert_eq!(hub.hub, hub.region);
        let further = |name: &str| match name {
            "DLT_HUB_REGION" => Some("us-east-1".to_owned()),
            _ => own(name),
        };
        let further = BootstrapSettings::read(further).unwrap();
        assert_eq!(further.hub.as_str(), "us-east-1");
        assert_eq!(further.region, hub.region);
        let error = BootstrapSettings::read(|_| None).unwrap_err().to_string();
        assert!(error.contains("AWS_REGION"), "{error}");
    }
}
