//! Why an image could not be made or brought to a registry, and what to do next.

use std::path::PathBuf;

/// It.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// A file of the image cannot be read.
    #[error("{} cannot be read: {why}; the worker's image is made of it", path.display())]
    Unreadable {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// It is no program that an image could run.
    #[error("{} is no worker for an image: {why}; give the dlt-worker of a release, which is a Linux program", path.display())]
    NotAWorker {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The worker's libraries are not those of this machine.
    #[error(
        "{} is a program for Linux on {worker}, and this machine is {here}: the libraries that it needs are not here; make its image on a Linux machine with {worker}, or with worker/Dockerfile", path.display()
    )]
    OtherMachine {
        /// The worker.
        path: PathBuf,
        /// What it runs on.
        worker: &'static str,
        /// Where dlt runs.
        here: String,
    },
    /// A library or the loader is not installed.
    #[error(
        "{name}, which {} needs, is not in {searched}; install it (it belongs to the GNU C library or to GCC's runtime), or make the image with worker/Dockerfile", needed_by.display()
    )]
    NoLibrary {
        /// Its name.
        name: String,
        /// The program or library that names it.
        needed_by: PathBuf,
        /// Where it was looked for.
        searched: String,
    },
    /// There are no certificate authorities.
    #[error(
        "no certificate authorities in {0}: without them a worker trusts no HTTPS target; install the package ca-certificates"
    )]
    NoAuthorities(String),
    /// Something is larger than an image may be.
    #[error(
        "{what} has more than {most_mib} MiB, the most that dlt puts into an image; is that the right file?"
    )]
    TooLarge {
        /// What.
        what: String,
        /// The most, MiB.
        most_mib: u64,
    },
    /// No address of a repository.
    #[error(
        "{given:?} is no repository: {why}; write it like 123456789012.dkr.ecr.eu-west-1.amazonaws.com/dlt-worker"
    )]
    Repository {
        /// As given.
        given: String,
        /// What is wrong with it.
        why: String,
    },
    /// The registry refused, or did not answer.
    #[error("{registry} did not take the image ({doing}): {why}")]
    Registry {
        /// Its host.
        registry: String,
        /// What was asked of it.
        doing: String,
        /// What it said, and what to do.
        why: String,
    },
    /// The file cannot be written.
    #[error("{} cannot be written: {why}; choose another place", path.display())]
    Output {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
}
