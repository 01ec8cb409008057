//! `dlt runs load`: changes the load of a run that goes on.

use crate::args::LoadArgs;
use crate::client::{Client, ClientError, Method, understood};
use crate::exit::Exit;
use crate::find;
use crate::line::{Line, Tone};
use crate::output::Output;
use dlt_core::calls::answers::{LoadChanges, LoadWish};
use serde_json::json;

/// `dlt runs load`.
pub async fn load(output: Output, client: &Client, args: &LoadArgs) -> Result<Exit, ClientError> {
    let location = find::run(client, &args.run).await?;
    let path = format!("{}/load", location.path());
    let body = json!(LoadWish {
        factor: args.factor,
        end: args.end,
    });
    let answer = client.call(Method::Post, &path, &[], Some(&body)).await?;
    if args.json {
        output.json(&answer);
        return Ok(Exit::Passed);
    }
    let told: LoadChanges = understood(&path, answer)?;
    if let Some(last) = told.changes.last() {
        let users = match told.users {
            None => String::new(),
            Some(1) => ": 1 user".to_owned(),
            Some(users) => format!(": {users} users"),
        };
        let text = format!("run {}: load {}{users}", location.run, last.told());
        output.data(&[Line::new().tone(Tone::Good, "✔ ").plain(text)]);
    }
    Ok(Exit::Passed)
}
