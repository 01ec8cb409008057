//! The stored files of a run.

use super::{CallContext, Question, parse_run_id, parse_test_id};
use crate::backend::{Ask, BackendError};
use crate::clean::Text;
use crate::refusal::Refusal;
use crate::seen::run::Run;
use crate::views::answer::{Rows, ToolAnswer, Warning};
use async_trait::async_trait;
use dlt_core::calls::answers::ArtifactsAnswer;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most files that are listed.
const MOST_FILES: usize = 50;
/// Variable with the bucket's name, which older servers do not tell.
pub(crate) const BUCKET: &str = "DLT_SCENARIOS_BUCKET";

pub(super) struct GetTestRunArtifacts;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {
    #[schemars(length(min = 1, max = 128))]
    test_id: String,
    #[schemars(length(min = 1, max = 128))]
    test_run_id: String,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Output {
    /// of AWS, or none at home
    #[serde(skip_serializing_if = "Option::is_none")]
    bucket: Option<Text>,
    /// at home, on the machine that serves
    #[serde(skip_serializing_if = "Option::is_none")]
    folder: Option<Text>,
    run_prefix: Text,
    scenario_prefix: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    console_url: Option<Text>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Warning>,
    files_total: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    files: Vec<FileRow>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct FileRow {
    name: Text,
    size_bytes: u64,
}

/// The key prefix of a run's objects, made of its start time and id.
pub(crate) fn prefix(test: &str, run: &str, start: &str) -> String {
    let start = start.replacen(' ', "T", 1).replace(':', "-");
    format!("results/{test}/{start}_{run}")
}

#[async_trait]
impl Question for GetTestRunArtifacts {
    const NAME: &'static str = "get_test_run_artifacts";
    const TITLE: &'static str = "Test run artifacts";
    const DESCRIPTION: &'static str = "Where the raw files of a run lie: bucket, or folder at home; prefixes, file names and sizes.";
    type Input = Input;
    type Output = Output;

    async fn answer(
        context: &CallContext<'_>,
        input: Input,
    ) -> Result<ToolAnswer<Output>, Refusal> {
        let (test, run) = (
            parse_test_id(&input.test_id)?,
            parse_run_id(&input.test_run_id, "test_run_id")?,
        );
        let ask = Ask::Run {
            test: test.clone(),
            run: run.clone(),
        };
        let record = Run::parse(context.backend.get(&ask).await?)?;
        let ask = Ask::Artifacts {
            test: test.clone(),
            run,
        };
        let mut warnings = Vec::new();
        let listed: ArtifactsAnswer = match context.backend.get(&ask).await {
            Ok(value) => serde_json::from_value(value)
                .map_err(|error| BackendError::unreadable("artifacts", &error))?,
            Err(error) => {
                let text = format!("files cannot be listed: {error}");
                warnings.push(Warning::new("files_unavailable", &text));
                ArtifactsAnswer {
                    artifacts: Vec::new(),
                    depot: String::new(),
                }
            }
        };
        let named = std::env::var(BUCKET).ok().filter(|name| !name.is_empty());
        let told = listed.depot.strip_prefix("s3://").map(str::to_owned);
        let bucket = named.or(told);
        let folder = bucket.is_none().then_some(listed.depot.as_str());
        let folder = folder.filter(|folder| !folder.is_empty());
        let files = listed.artifacts.iter().take(MOST_FILES);
        let run_prefix = prefix(test.as_str(), &record.test_run_id, &record.start_time);
        Ok(ToolAnswer {
            rows: Some(Rows {
                field: "files",
                offset: 0,
                // There are no further pages; `files_total` says how many there are.
                total: 0,
                question_hash: context.question_hash.clone(),
                has_limit: false,
            })
            .filter(|_| !listed.artifacts.is_empty()),
            body: Output {
                console_url: bucket.as_ref().and_then(|bucket| {
                    Text::some(&format!(
                        "https://s3.console.aws.amazon.com/s3/buckets/{bucket}?prefix={run_prefix}/"
                    ))
                }),
                bucket: match (&bucket, folder) {
                    (Some(bucket), _) => Text::some(bucket),
                    (None, Some(_)) => Some("none at home".into()),
                    (None, None) => None,
                },
                folder: folder.and_then(|folder| Text::some(&format!("{folder}/{run_prefix}"))),
                run_prefix: Text::of(&run_prefix),
                scenario_prefix: Text::of(&format!("test-scenarios/{test}")),
                warnings,
                files_total: listed.artifacts.len(),
                files: files
                    .map(|file| FileRow {
                        name: Text::of(&file.name),
                        size_bytes: file.bytes,
                    })
                    .collect(),
            },
        })
    }
}
