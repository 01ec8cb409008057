//! Live data on AWS: topics of IoT Core. Clients subscribe there themselves; what
//! leaders print comes from the publisher function, statuses and notes from here.

use crate::error::PipelineError;
use crate::live::{Drained, Live, Subscription};
use crate::runs::Run;
use async_trait::async_trait;
use aws_sdk_iotdataplane::Client;
use aws_sdk_iotdataplane::primitives::Blob;
use dlt_core::calls::live::LiveEvent;
use dlt_core::ids::{TestId, TestRunId};
use serde_json::{Value, json};

/// Topics of this stack's IoT endpoint.
#[derive(Debug, Clone)]
pub struct Iot {
    /// Who publishes.
    pub client: Client,
    /// Whom browsers connect to.
    pub endpoint: String,
}

/// The topic of a scenario's ticks, which DLT's consoles read too (dlt.md 3).
pub fn ticks_topic(test: &TestId) -> String {
    format!("dlt/{test}")
}

/// The topic of its statuses and notes.
pub fn events_topic(test: &TestId) -> String {
    format!("dlt/{test}/events")
}

#[async_trait]
impl Live for Iot {
    async fn publish(&self, run: &Run, event: LiveEvent) {
        // `showLive`: what is not shown is not paid for either.
        if !run.live {
            return;
        }
        let data: Value = serde_json::from_str(&event.data()).unwrap_or_default();
        let payload = json!({ "event": event.name(), "data": data }).to_string();
        let publish = self.client.publish().topic(events_topic(&run.test));
        // What watchers miss is in the record: a run does not depend on it.
        let _ = publish.payload(Blob::new(payload)).send().await;
    }

    async fn subscribe(
        &self,
        test: &TestId,
        _: &TestRunId,
    ) -> Result<Option<Subscription>, PipelineError> {
        Ok(Some(Subscription::Elsewhere {
            endpoint: self.endpoint.clone(),
            topics: vec![ticks_topic(test), events_topic(test)],
        }))
    }

    /// Lines are in CloudWatch Logs, where nobody counts them: a runner's own
    /// report says what it could not tell.
    async fn drain(&self, _: &TestRunId) -> Result<Drained, PipelineError> {
        Ok(Drained::default())
    }
}
