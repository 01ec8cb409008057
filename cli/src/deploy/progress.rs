//! What happens to a stack's resources, as lines: each that is done, how many, and why some
//! failed.

use super::clients::cloudformation::Event;
use crate::line::{Line, Tone};
use std::collections::{BTreeMap, BTreeSet};

/// A stack's own type in its events.
pub const STACK_TYPE: &str = "AWS::CloudFormation::Stack";
/// Most reasons of a failure that are shown.
const MOST_REASONS: usize = 8;

/// What has happened so far.
pub struct Progress {
    expected: usize,
    done: BTreeSet<String>,
    busy: BTreeMap<String, String>,
    failed: Vec<Event>,
}

impl Progress {
    /// Nothing yet, of so many resources; 0, it is not known how many.
    pub fn new(expected: usize) -> Self {
        Self {
            expected,
            done: BTreeSet::new(),
            busy: BTreeMap::new(),
            failed: Vec::new(),
        }
    }

    /// Takes an event in; the line that tells it, if it ends something.
    pub fn line(&mut self, event: &Event) -> Option<Line> {
        if event.kind == STACK_TYPE {
            return None;
        }
        if event.status.ends_with("_IN_PROGRESS") {
            self.busy.insert(event.resource.clone(), event.kind.clone());
            return None;
        }
        self.busy.remove(&event.resource);
        let (tone, sign, verb) = match &*event.status {
            "CREATE_COMPLETE" => (Tone::Good, "✔", "created"),
            "UPDATE_COMPLETE" => (Tone::Good, "✔", "changed"),
            "DELETE_COMPLETE" => (Tone::Good, "✔", "removed"),
            "DELETE_SKIPPED" => (Tone::Warn, "•", "kept"),
            status if status.ends_with("_FAILED") => {
                // What fell with another's failure is no reason of its own.
                if !event.reason.contains("cancelled") {
                    self.failed.push(event.clone());
                }
                (Tone::Bad, "✘", "failed")
            }
            _ => return None,
        };
        self.done.insert(event.resource.clone());
        Some(
            Line::of("  ")
                .tone(tone, sign)
                .plain(format!(" {verb:<8}{}", event.resource))
                .tone(Tone::Quiet, format!("  {}", event.kind)),
        )
    }

    /// The line that is drawn again and again.
    pub fn now(&self, seconds: u64) -> String {
        let busy = self.busy.keys().next().map(|name| format!(", now {name}"));
        let of = match self.expected {
            0 => String::new(),
            expected => format!(" of {expected}"),
        };
        format!(
            "  {}{of} resources, {} min {:02} s{}",
            self.done.len(),
            seconds / 60,
            seconds % 60,
            busy.unwrap_or_default()
        )
    }

    /// What failed by itself.
    pub fn into_failed(self) -> Vec<Event> {
        self.failed
    }

    /// Why it failed, if it did.
    pub fn reasons(&self) -> Vec<Line> {
        let shown = self.failed.iter().take(MOST_REASONS).map(|event| {
            Line::of("  ")
                .tone(Tone::Bad, &event.resource)
                .plain(format!(
                    " ({}): {}{}",
                    event.kind,
                    event.reason,
                    advice(&event.reason)
                ))
        });
        shown.collect()
    }
}

/// What to do about a reason that AWS gives.
fn advice(reason: &str) -> &'static str {
    let reason = reason.to_lowercase();
    if reason.contains("not authorized") || reason.contains("accessdenied") {
        " – these credentials lack a right: dlt doctor --aws lists what deploying needs"
    } else if reason.contains("limit exceeded") || reason.contains("quota") {
        " – a quota of the account is used up: Service Quotas in AWS's console raises it"
    } else if reason.contains("already exists") {
        " – something of that name is there already: another --stack NAME avoids it"
    } else if reason.contains("service linked role") {
        " – run: aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(resource: &str, status: &str, reason: &str) -> Event {
        Event {
            id: format!("{resource}-{status}"),
            resource: resource.to_owned(),
            physical_id: String::new(),
            kind: "AWS::S3::Bucket".to_owned(),
            status: status.to_owned(),
            reason: reason.to_owned(),
        }
    }

    #[test]
    fn progress_tells_ends_and_the_first_causes() {
        let mut progress = Progress::new(3);
        assert!(
            progress
                .line(&event("A", "CREATE_IN_PROGRESS", ""))
                .is_none()
        );
        assert!(
            progress
                .now(65)
                .contains("0 of 3 resources, 1 min 05 s, now A")
        );
        let line = progress.line(&event("A", "CREATE_COMPLETE", "")).unwrap();
        assert_eq!(line.render(false), "  ✔ created A  AWS::S3::Bucket");
        progress.line(&event("B", "CREATE_FAILED", "Resource creation cancelled"));
        progress.line(&event(
            "C",
            "CREATE_FAILED",
            "User is not authorized to do x",
        ));
        let reasons = progress.reasons();
        assert_eq!(reasons.len(), 1);
        let told = reasons[0].render(false);
        assert!(told.contains("C (AWS::S3::Bucket): User is not"), "{told}");
        assert!(told.contains("dlt doctor --aws"), "{told}");
    }
}
