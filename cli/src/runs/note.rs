//! `dlt runs note`: what a person has to say about a run.

use crate::args::NoteArgs;
use crate::client::{Client, ClientError, Method};
use crate::exit::Exit;
use crate::find;
use crate::line::{Line, Tone};
use crate::output::Output;
use serde_json::json;

/// `dlt runs note`.
pub async fn note(output: Output, client: &Client, args: &NoteArgs) -> Result<Exit, ClientError> {
    let location = find::run(client, &args.run).await?;
    let path = format!("{}/note", location.path());
    let body = json!({ "note": args.text });
    let answer = client.call(Method::Put, &path, &[], Some(&body)).await?;
    if args.json {
        output.json(&answer);
    } else {
        let kept = match answer["note"].as_str().unwrap_or_default() {
            "" => "has no note now",
            _ => "has this note now",
        };
        let run = format!("run {} {kept}", location.run);
        output.data(&[Line::new().tone(Tone::Good, "✔ ").plain(run)]);
    }
    Ok(Exit::Passed)
}
