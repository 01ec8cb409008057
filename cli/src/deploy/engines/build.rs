//! Has the image made by a build project in the account (CodeBuild), and follows the build to its
//! end. An image that is there already is not made again.

use super::source::Source;
use crate::deploy::artifacts::Artifacts;
use crate::deploy::clients::Aws;
use crate::deploy::clients::cloudformation::LOOK_PAUSE;
use crate::deploy::clients::codebuild::{Build, BuildState};
use crate::deploy::error::DeployError;
use crate::deploy::image;
use crate::deploy::terminal::Terminal;
use crate::line::Line;
use dlt_core::scenario::plan::Tool;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// How long a build may take, with its wait for a place: what the project allows, and a little.
const LONGEST_BUILD: Duration = Duration::from_secs(62 * 60);
/// Last lines of a failed build's log that are shown.
const LOG_LINES: usize = 20;

/// The image with these tools, by its digest.
pub async fn built(
    aws: &Aws,
    terminal: &mut Terminal,
    artifacts: &Artifacts,
    tools: &BTreeSet<Tool>,
    yes: bool,
) -> Result<String, DeployError> {
    let titles: Vec<&str> = tools.iter().map(|tool| tool.title()).collect();
    let what = format!("image for scripts of {}", titles.join(", "));
    let parts = artifacts.parts();
    let worker = std::fs::read(&parts.worker).map_err(|error| {
        DeployError::Local(format!(
            "{} cannot be read: {error}",
            parts.worker.display()
        ))
    })?;
    let source = Source::of(&worker, tools)?;
    let tag = format!("engines-{}", source.hash);
    if let Some(image) = there(aws, artifacts, &tag).await? {
        terminal.done(&format!("{what}: there already, {image}"));
        return Ok(image);
    }
    let key = format!("engines/{}.zip", source.hash);
    aws.put_object(artifacts.bucket(), &key, source.bytes)
        .await?;
    let parameters = BTreeMap::from([
        ("EnginesSource".to_owned(), key),
        ("EnginesTag".to_owned(), tag.clone()),
        ("Engines".to_owned(), super::names(tools)),
        (
            "EnginesArchitecture".to_owned(),
            parts.architecture()?.to_owned(),
        ),
    ]);
    let project = artifacts
        .with_builder(aws, terminal, parameters, yes)
        .await?;
    let id = aws.start_build(&project).await?;
    terminal.say(&format!(
        "{what}: build {id} in the account, some minutes; Ctrl-C does not end it"
    ));
    follow(aws, terminal, &what, &id).await?;
    let image = there(aws, artifacts, &tag).await?.ok_or_else(|| {
        DeployError::Stack(format!(
            "{what}: build {id} succeeded, but the registry has no image {tag}; look at the build in the console of CodeBuild, then run the command again"
        ))
    })?;
    terminal.done(&format!("{what}: {image}"));
    Ok(image)
}

/// The image under a tag, by its digest, if the registry has it.
async fn there(aws: &Aws, artifacts: &Artifacts, tag: &str) -> Result<Option<String>, DeployError> {
    let login = aws.registry_login().await?;
    let repository = artifacts.repository();
    let digest = image::digest_of(repository, tag, Some(login)).await?;
    Ok(digest.map(|digest| format!("{repository}@{digest}")))
}

/// Waits for a build's end; an error with the end of its log, if it did not succeed.
async fn follow(
    aws: &Aws,
    terminal: &mut Terminal,
    what: &str,
    id: &str,
) -> Result<(), DeployError> {
    let began = Instant::now();
    loop {
        let build = aws.build(id).await?;
        match build.state {
            BuildState::Succeeded => return Ok(()),
            BuildState::Ended(_) => return Err(failed(aws, terminal, what, id, &build).await),
            BuildState::InProgress => {}
        }
        let taken = began.elapsed();
        if taken > LONGEST_BUILD {
            return Err(DeployError::Stack(format!(
                "{what}: build {id} has not ended after {} min; look at it in the console of CodeBuild, then run the command again",
                taken.as_secs() / 60
            )));
        }
        terminal.live(Some(&format!(
            "  {what}: {}, {} s",
            build.phase.to_lowercase(),
            taken.as_secs()
        )));
        terminal.pause(LOOK_PAUSE, &format!("build {id}")).await?;
    }
}

async fn failed(
    aws: &Aws,
    terminal: &mut Terminal,
    what: &str,
    id: &str,
    build: &Build,
) -> DeployError {
    // What the log says helps; that it cannot be had does not matter beside the failure.
    let log = match &build.log {
        Some((group, stream)) => aws.last_lines(group, stream, LOG_LINES).await,
        None => Ok(Vec::new()),
    };
    if let Ok(lines) = log {
        let lines: Vec<Line> = lines
            .iter()
            .map(|line| Line::of(format!("  {line}")))
            .collect();
        terminal.lines(&lines);
    }
    let how = match &build.state {
        BuildState::Ended(how) => how.as_str(),
        _ => "",
    };
    DeployError::Stack(format!(
        "{what}: build {id} ended as {how}{}{}; nothing else was changed",
        if build.why.is_empty() { "" } else { ": " },
        build.why
    ))
}
