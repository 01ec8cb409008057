//! `dlt runs report`: saves a run's result as one HTML file. What is in it is `document`'s.

use crate::args::ReportArgs;
use crate::client::{Client, ClientError};
use crate::document;
use crate::exit::Exit;
use crate::find;
use crate::line::{Line, Tone};
use crate::output::Output;
use crate::saving::save;
use crate::units;
use serde_json::json;

/// `dlt runs report`.
pub async fn report(
    output: Output,
    client: &Client,
    args: &ReportArgs,
) -> Result<Exit, ClientError> {
    document::template()?;
    if args.output.symlink_metadata().is_ok() && !args.force {
        return Err(ClientError::Input(format!(
            "{} is there already; choose another file with -o, or replace it with --force",
            args.output.display()
        )));
    }
    let location = find::run(client, &args.run).await?;
    let document = document::document(client, &location).await?;
    save(&args.output, document.text.as_bytes())?;
    let file = args.output.display().to_string();
    if let Some(warning) = document.warning() {
        output.messages(&[Line::new().tone(Tone::Warn, format!("! {warning}"))]);
    }
    if args.json {
        output.json(&json!({
            "testId": location.test, "testRunId": location.run, "file": file,
            "bytes": document.text.len(),
        }));
    } else {
        output.data(&[Line::new()
            .tone(Tone::Good, "✔ ")
            .plain(format!(
                "{}, saved as ",
                units::bytes(document.text.len() as u64)
            ))
            .tone(Tone::Strong, file)]);
    }
    Ok(Exit::Passed)
}
