//! `dlt image`: the worker's image without a deployment. How it is made and brought to a
//! registry is `deploy::image`'s.

use crate::args::ImageArgs;
use crate::deploy::image::{self, ImageError, WorkerImage};
use crate::exit::Exit;
use crate::line::{Line, Tone};
use crate::output::Output;
use crate::units;

/// The variable with the registry's password.
const PASSWORD: &str = "DLT_REGISTRY_PASSWORD";

/// `dlt image`.
pub async fn image(output: Output, args: &ImageArgs) -> Exit {
    match make(output, args).await {
        Ok(lines) => {
            output.data(&lines);
            Exit::Passed
        }
        Err(error) => {
            output.error(&error.to_string());
            exit_of(&error)
        }
    }
}

async fn make(output: Output, args: &ImageArgs) -> Result<Vec<Line>, ImageError> {
    let made = WorkerImage::of(&args.worker)?;
    let size = units::bytes(made.size_bytes());
    let mut lines = vec![Line::of("image  ").plain(format!("{}, {size}", made.digest()))];
    if let Some(path) = &args.output {
        made.write(path, &args.tag)?;
        lines.push(Line::of("file   ").plain(path.to_string_lossy()));
    }
    if let Some(repository) = &args.push {
        let password = std::env::var(PASSWORD).ok().filter(|text| !text.is_empty());
        let credentials = password.map(|password| (args.user.clone(), password));
        let mut tell = |text: &str| output.messages(&[Line::new().tone(Tone::Quiet, text)]);
        let pushed = image::push(&made, repository, &args.tag, credentials, &mut tell).await?;
        lines.push(Line::of("pushed ").plain(pushed));
    }
    Ok(lines)
}

fn exit_of(error: &ImageError) -> Exit {
    match error {
        ImageError::Registry { .. } => Exit::CouldNotRun,
        ImageError::Output { .. } => Exit::Unwritten,
        _ => Exit::BadInput,
    }
}
