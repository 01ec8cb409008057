//! Where a region's archives, templates and images lie: the small stack that holds them,
//! and bringing them there. Everything is named by its content, so what is there already
//! is not sent again.

use super::clients::Aws;
use super::clients::cloudformation::{Stack, Template};
use super::error::DeployError;
use super::image::{self, WorkerImage};
use super::naming::{ARTIFACTS, KIND_TAG, VERSION};
use super::parameters::{Given, names};
use super::parts::{Archive, Parts, archive, console, hash};
use super::stack::{Desired, bring};
use super::terminal::Terminal;
use crate::args::StackArgs;
use crate::units;
use std::collections::BTreeMap;
use std::path::Path;

/// What `--worker-image` says for the image that dlt makes.
const OWN_IMAGE: &str = "own";

/// A region's archives, templates and images.
#[derive(Debug)]
pub struct Artifacts {
    /// Their bucket.
    bucket: String,
    /// The repository of images, `host/name`.
    repository: String,
    parts: Parts,
}

/// Makes or updates the stack; parameters that are absent keep their values.
async fn stack(
    aws: &Aws,
    terminal: &mut Terminal,
    parameters: BTreeMap<String, String>,
    yes: bool,
) -> Result<Stack, DeployError> {
    let template = dlt_infra::artifacts();
    let desired = Desired {
        name: ARTIFACTS,
        template: Template::Text(&template),
        known: &names(&template),
        parameters,
        tags: BTreeMap::from([(KIND_TAG.to_owned(), "artifacts".to_owned())]),
        output: "WorkerRepository",
        yes,
    };
    bring(aws, terminal, &desired).await
}

impl Artifacts {
    /// Makes or updates the stack that holds them.
    pub async fn bring(aws: &Aws, terminal: &mut Terminal, yes: bool) -> Result<Self, DeployError> {
        let parts = Parts::find()?;
        let stack = stack(aws, terminal, BTreeMap::new(), yes).await?;
        let output = |name: &str| {
            stack.outputs.get(name).cloned().ok_or_else(|| {
                DeployError::Stack(format!(
                    "stack {ARTIFACTS} has no output {name}: is it dlt's?"
                ))
            })
        };
        Ok(Self {
            bucket: output("ArtifactBucket")?,
            repository: output("WorkerRepository")?,
            parts,
        })
    }

    /// Adds the project that builds the image with tools, of these parameters; its name.
    pub async fn with_builder(
        &self,
        aws: &Aws,
        terminal: &mut Terminal,
        parameters: BTreeMap<String, String>,
        yes: bool,
    ) -> Result<String, DeployError> {
        let stack = stack(aws, terminal, parameters, yes).await?;
        stack.outputs.get("EnginesProject").cloned().ok_or_else(|| {
            DeployError::Stack(format!("stack {ARTIFACTS} has no output EnginesProject"))
        })
    }

    /// Their bucket.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The repository of images, `host/name`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The release's programs.
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    /// Brings what every stack needs, and sets the parameters that name it.
    pub async fn set_common(
        &self,
        aws: &Aws,
        terminal: &mut Terminal,
        given: &mut Given,
        args: &StackArgs,
        current: Option<&Stack>,
    ) -> Result<(), DeployError> {
        let functions = archive(&self.parts.functions)?;
        let functions = self.send(aws, terminal, "functions", functions).await?;
        let kept = current.and_then(|stack| stack.parameters.get("WorkerImage"));
        let named = args.worker_image.as_deref();
        let image = self.image(aws, terminal, named, kept).await?;
        for (name, value) in [
            ("ArtifactBucket", self.bucket.as_str()),
            ("Architecture", self.parts.architecture()?),
            ("FunctionsKey", &functions),
            ("WorkerImage", &image),
            ("DltVersion", VERSION),
        ] {
            given.set(name, value);
        }
        Ok(())
    }

    /// Brings the archive of the MCP server's function; its key.
    pub async fn mcp(&self, aws: &Aws, terminal: &mut Terminal) -> Result<String, DeployError> {
        let archive = archive(&self.parts.mcp)?;
        self.send(aws, terminal, "MCP server", archive).await
    }

    /// Brings the console's files: those that were named, or the release's; their key, or
    /// None where there are none.
    pub async fn console(
        &self,
        aws: &Aws,
        terminal: &mut Terminal,
        named: Option<&Path>,
    ) -> Result<Option<String>, DeployError> {
        let Some(path) = named.or(self.parts.console.as_deref()) else {
            return Ok(None);
        };
        let files = console(path)?;
        self.send(aws, terminal, "console", files).await.map(Some)
    }

    /// Brings a template; its address.
    pub async fn template(&self, aws: &Aws, name: &str, text: &str) -> Result<String, DeployError> {
        let key = format!("templates/{name}-{}.yaml", hash(text.as_bytes()));
        if !aws.has_object(&self.bucket, &key).await? {
            let bytes = text.as_bytes().to_vec();
            aws.put_object(&self.bucket, &key, bytes).await?;
        }
        Ok(aws.object_url(&self.bucket, &key))
    }

    async fn send(
        &self,
        aws: &Aws,
        terminal: &mut Terminal,
        what: &str,
        archive: Archive,
    ) -> Result<String, DeployError> {
        let key = archive.key.clone();
        if aws.has_object(&self.bucket, &key).await? {
            terminal.done(&format!("{what}: there already"));
            return Ok(key);
        }
        terminal.live(Some(&format!("  {what}: packing")));
        let bytes = archive.packed()?;
        let size = units::bytes(bytes.len() as u64);
        terminal.live(Some(&format!("  {what}: sending {size}")));
        aws.put_object(&self.bucket, &key, bytes).await?;
        terminal.done(&format!("{what}: sent, {size}"));
        Ok(key)
    }

    /// The worker's image: the one that was named, now or for the stack before; else made
    /// here and pushed.
    async fn image(
        &self,
        aws: &Aws,
        terminal: &mut Terminal,
        named: Option<&str>,
        kept: Option<&String>,
    ) -> Result<String, DeployError> {
        if let Some(image) = named.filter(|image| *image != OWN_IMAGE) {
            terminal.done(&format!("worker image: {image}, as given"));
            return Ok(image.to_owned());
        }
        // One from elsewhere was named once.
        let own = format!("{}@", self.repository);
        let others = kept.filter(|image| !image.starts_with(&own));
        if let (Some(image), None) = (others, named) {
            terminal.done(&format!(
                "worker image: {image}, as given before; --worker-image {OWN_IMAGE} makes it anew"
            ));
            return Ok(image.clone());
        }
        let image = WorkerImage::of(&self.parts.worker)?;
        let login = aws.registry_login().await?;
        let size = units::bytes(image.size_bytes());
        terminal.live(Some(&format!("  worker image: sending {size}")));
        let mut tell = |text: &str| terminal.live(Some(&format!("  worker image: {text}")));
        let pushed = image::push(&image, &self.repository, VERSION, Some(login), &mut tell).await?;
        terminal.done(&format!("worker image: {pushed}, {size}"));
        Ok(pushed)
    }
}
