//! Runners that were lost: kept with their run, each once, and told to whoever
//! watches. Also the run with what is seen of its runners now.

use crate::error::PipelineError;
use crate::fleet::{self, Place, RunnerStatus};
use crate::functions::decision::Input;
use crate::runs::{self, Run};
use crate::world::World;
use dlt_core::ids::RunnerId;

/// Most lost runners of whom it is kept how: a run must stay small enough for a table's
/// item though each of its runners was lost three times.
const MOST_TOLD: usize = 100;
/// What is kept of the others.
const LIKE_OTHERS: &str = "lost, as others before it";
/// Longest such sentence, characters.
const LONGEST_LOSS: usize = 400;
/// Most losses of which watchers are told one by one.
const MOST_NOTES: usize = 20;

/// A step for one region looks at that region alone.
fn place(input: &Input) -> Place<'_> {
    match &input.region {
        Some(region) => Place::Region(region),
        None => Place::Everywhere,
    }
}

/// The run, and what is seen of its runners where the step looks.
pub async fn load(world: &World, input: &Input) -> Result<(Run, Vec<RunnerStatus>), PipelineError> {
    let run = runs::need(world.runs.as_ref(), &input.test_id, &input.test_run_id).await?;
    let seen = fleet::of_run(world.fleet.as_ref(), &run.test, &run.run, place(input)).await?;
    Ok((run, seen))
}

/// Keeps lost runners with the run and tells watchers of the new ones.
pub async fn record_losses(
    world: &World,
    run: &Run,
    lost: &[(RunnerId, String)],
) -> Result<(), PipelineError> {
    let new: Vec<&(RunnerId, String)> = lost
        .iter()
        .filter(|(runner, _)| !run.lost.contains_key(runner))
        .collect();
    if new.is_empty() {
        return Ok(());
    }
    let after = world
        .change(&run.test, &run.run, &|run| {
            for (runner, how) in &new {
                let how = told(run.lost.len(), how);
                run.lost.entry(runner.clone()).or_insert(how);
            }
        })
        .await?;
    for (runner, how) in new.iter().take(MOST_NOTES) {
        let note = format!("runner {runner} was lost: {how}");
        world.note(&after, note).await;
    }
    if let Some(more) = new.len().checked_sub(MOST_NOTES).filter(|more| *more > 0) {
        world
            .note(&after, format!("{more} more runners were lost"))
            .await;
    }
    Ok(())
}

/// What is kept of how a runner was lost, `before` others having been lost.
fn told(before: usize, how: &str) -> String {
    match before < MOST_TOLD {
        true => how.chars().take(LONGEST_LOSS).collect(),
        false => LIKE_OTHERS.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::tests::example;

    #[test]
    fn a_run_that_lost_thousands_stays_small() {
        let mut run = example();
        for n in 0..3_000 {
            let runner = RunnerId::parse(&format!("{n:032x}")).unwrap();
            let how = told(run.lost.len(), &"CannotPullContainerError ".repeat(40));
            run.lost.insert(runner, how);
        }
        let bytes = serde_json::to_vec(&run).unwrap().len();
        // Beside a head of 50 KB, in an item of 400 KB.
        assert!(bytes < 250 * 1024, "{bytes} bytes");
        let told = run.lost.values().filter(|how| *how != LIKE_OTHERS);
        assert_eq!(told.count(), MOST_TOLD);
    }
}
