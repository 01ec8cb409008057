//! What is requested once per run, beside its load, as far as the control plane has to do with it: whether
//! the requests before the load went well, and what is told of both. Who makes them is the leader of the
//! first region; no value of a variable is read here.

use crate::error::PipelineError;
use crate::runs::Run;
use crate::world::World;
use dlt_core::ids::Region;
use dlt_core::keys;
use dlt_core::messages::setup::{OnceFacts, SetupFile, SetupState};
use dlt_core::record::RunRecord;

/// What came of the requests of a run that are made once.
#[derive(Debug, Default)]
pub struct Once {
    /// Before the load.
    setup: Option<OnceFacts>,
    /// After it.
    teardown: Option<OnceFacts>,
}

impl Once {
    /// Puts it into a record.
    pub fn apply(self, record: &mut RunRecord) {
        record.setup = self.setup;
        record.teardown = self.teardown;
    }
}

/// The other regions, which the first one's leader waits for before it makes the requests after the load.
pub fn others(run: &Run, region: &Region) -> Vec<Region> {
    let all = run.regions.iter().map(|row| &row.region);
    let is_first = run.regions.first().is_some_and(|row| row.region == *region);
    match is_first && run.teardown_us > 0 {
        true => all.skip(1).cloned().collect(),
        false => Vec::new(),
    }
}

/// How the requests before the load stand; None where none are made, or not yet.
async fn setup(world: &World, run: &Run) -> Result<Option<SetupState>, PipelineError> {
    if run.setup_us == 0 {
        return Ok(None);
    }
    let key = keys::setup(&run.test, &run.prefix);
    let Some(bytes) = world.objects.get(&key).await? else {
        return Ok(None);
    };
    // What is wrong with it may show a value, and is not told.
    let file: SetupFile = serde_json::from_slice(&bytes)
        .map_err(|_| PipelineError::Other(format!("object {key} is unreadable")))?;
    Ok(Some(file.state))
}

/// An error with its runner's sentence where a request before the load failed: the run makes no load.
pub async fn refuse_failed(world: &World, run: &Run) -> Result<(), PipelineError> {
    match setup(world, run).await? {
        Some(SetupState::Failed { facts }) => Err(PipelineError::Provisioning(
            facts.failure.unwrap_or_default(),
        )),
        _ => Ok(()),
    }
}

/// What came of them, for the record, and sentences for people: a failed teardown changes no number.
pub async fn told(world: &World, run: &Run) -> Result<(Once, Vec<String>), PipelineError> {
    let setup = match setup(world, run).await? {
        Some(SetupState::Done { facts, .. } | SetupState::Failed { facts }) => Some(facts),
        Some(SetupState::Begun) | None => None,
    };
    let mut warnings = Vec::new();
    let mut teardown: Option<OnceFacts> = None;
    if run.teardown_us > 0 {
        let key = keys::teardown(&run.test, &run.prefix);
        teardown = match world.objects.get(&key).await? {
            None => None,
            Some(bytes) => serde_json::from_slice(&bytes).ok(),
        };
        // Before the load there is something to undo only where a setup went well.
        let is_due = run.start_at_us.is_some()
            || setup.as_ref().is_some_and(|facts| facts.failure.is_none());
        match &teardown {
            Some(OnceFacts {
                failure: Some(why), ..
            }) => warnings.push(format!(
                "teardown failed, which changes no number: {why}; look what is left at the target"
            )),
            None if is_due => warnings.push("what came of teardown is not known: the runner that makes its requests, the leader of the first region, was lost or ended before; look what is left at the target".to_owned()),
            _ => {}
        }
    }
    Ok((Once { setup, teardown }, warnings))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::tests::example;

    #[test]
    fn the_first_regions_leader_waits_for_the_others_where_there_is_a_teardown() {
        let mut run = example();
        let (first, second) = (run.regions[0].region.clone(), run.regions[1].region.clone());
        assert!(others(&run, &first).is_empty());
        run.teardown_us = 1;
        assert_eq!(others(&run, &first), std::slice::from_ref(&second));
        assert!(others(&run, &second).is_empty());
    }

    #[cfg(feature = "local")]
    #[tokio::test]
    async fn what_came_of_setup_and_teardown_is_told() {
        use crate::local::testing::{Still, world};
        use crate::objects::Access;
        let folder = tempfile::tempdir().unwrap();
        let database = crate::store::sqlite::Database::open(folder.path(), &[]).unwrap();
        let clock = Still::at("2026-03-04T09:20:00Z");
        let world = world(database, &clock, folder.path());
        let mut run = example();
        (run.setup_us, run.teardown_us) = (1, 1);
        let (_, warnings) = told(&world, &run).await.unwrap();
        assert!(warnings.is_empty(), "nothing was begun: {warnings:?}");
        refuse_failed(&world, &run).await.unwrap();

        let put = async |key: &str, text: &str| {
            let put = world.objects.put(key, text.as_bytes(), Access::Home);
            put.await.unwrap();
        };
        let setup_key = keys::setup(&run.test, &run.prefix);
        put(
            &setup_key,
            r#"{"runner":"r1","state":{"word":"done","facts":{"requests":2,"took_us":7},"given":[]}}"#,
        )
        .await;
        refuse_failed(&world, &run).await.unwrap();
        let (once, warnings) = told(&world, &run).await.unwrap();
        assert_eq!(once.setup.map(|facts| facts.requests), Some(2));
        assert!(warnings[0].contains("not known"), "{warnings:?}");

        let teardown_key = keys::teardown(&run.test, &run.prefix);
        put(
            &teardown_key,
            r#"{"requests":1,"took_us":7,"failure":"no"}"#,
        )
        .await;
        let (once, warnings) = told(&world, &run).await.unwrap();
        assert_eq!(once.teardown.map(|facts| facts.requests), Some(1));
        assert!(warnings[0].contains("teardown failed"), "{warnings:?}");

        put(
            &setup_key,
            r#"{"runner":"r1","state":{"word":"failed","facts":{"requests":1,"took_us":7,"failure":"setup failed"}}}"#,
        )
        .await;
        let error = refuse_failed(&world, &run).await.unwrap_err().to_string();
        assert!(error.contains("setup failed"), "{error}");
        // Secrets that it may hold are not told where it cannot be read.
        put(&setup_key, r#"{"runner":"r1","state":"S3CRET"}"#).await;
        let error = refuse_failed(&world, &run).await.unwrap_err().to_string();
        assert!(!error.contains("S3CRET"), "{error}");
    }
}
