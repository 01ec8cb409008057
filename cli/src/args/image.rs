//! The arguments of `dlt image`.

use clap::Args;
use std::path::PathBuf;

/// Flags of `dlt image`.
#[derive(Debug, Args)]
#[command(after_help = IMAGE_HELP)]
pub struct ImageArgs {
    /// The program dlt-worker of a release
    #[arg(value_name = "WORKER")]
    pub worker: PathBuf,
    /// Write an OCI archive, which docker load, podman load and skopeo read
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Push it to this repository, with the password in DLT_REGISTRY_PASSWORD
    #[arg(long, value_name = "HOST/NAME")]
    pub push: Option<String>,
    /// Tag of the image [default: the version of dlt]
    #[arg(long, value_name = "TAG", default_value = env!("CARGO_PKG_VERSION"), hide_default_value = true)]
    pub tag: String,
    /// Name to sign in with; AWS is ECR's
    #[arg(long, value_name = "NAME", default_value = "AWS", requires = "push")]
    pub user: String,
}

const IMAGE_HELP: &str = "\
Examples:
  dlt image dlt-worker                                 what it would be: digest and size
  dlt image dlt-worker --output dlt-worker.tar         a file for docker load
  DLT_REGISTRY_PASSWORD=$(aws ecr get-login-password) \\
  dlt image dlt-worker --push 123456789012.dkr.ecr.eu-west-1.amazonaws.com/dlt-worker

The image holds the worker, its loader and libraries and the certificate authorities
of this machine. The same ones give the same digest.";
