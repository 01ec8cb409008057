//! Brings an image to a registry, with the crate oci-client: what the registry has stays,
//! what fails for a moment is tried again. Errors name the registry and never what the
//! client signed in with.

use super::error::ImageError;
use super::{Blob, MANIFEST_TYPE, WorkerImage};
use dlt_core::safety::is_loopback;
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::errors::{OciDistributionError, OciErrorCode};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference, RegistryOperation};
use reqwest::header::HeaderValue;
use std::time::Duration;

/// How long a registry may take to be connected to.
const CONNECT_DEADLINE: Duration = Duration::from_secs(15);
/// How long one request may take: ten MiB over a slow line.
const REQUEST_DEADLINE: Duration = Duration::from_secs(300);
/// Most attempts for each part.
const TRIES: u32 = 5;
/// The first pause between attempts; each next one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(300);
/// Longest text of a registry's answer that is shown, characters.
const LONGEST_SHOWN: usize = 300;

/// Pushes it to `repository` (`host[:port]/name`); answers by which name it can be pulled
/// and is never another: `host/name@sha256:…`. Credentials are a name and a password.
pub async fn push(
    image: &WorkerImage,
    repository: &str,
    tag: &str,
    credentials: Option<(String, String)>,
    progress: &mut dyn FnMut(&str),
) -> Result<String, ImageError> {
    let registry = Registry::of(repository, tag, credentials)?;
    registry.sign_in(progress).await?;
    registry.blob("the layer", &image.layer, progress).await?;
    registry.blob("the config", &image.config, progress).await?;
    registry.manifest(&image.manifest, tag, progress).await?;
    Ok(format!("{repository}@{}", image.digest()))
}

/// The digest of the image under a tag, `sha256:…`; None if there is none.
pub async fn digest_of(
    repository: &str,
    tag: &str,
    credentials: Option<(String, String)>,
) -> Result<Option<String>, ImageError> {
    let registry = Registry::of(repository, tag, credentials)?;
    let ask = || async {
        let (reference, auth) = (&registry.reference, &registry.auth);
        match registry.client.fetch_manifest_digest(reference, auth).await {
            Ok(digest) => Ok(Some(digest)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    };
    registry
        .tried("looking for an image", &mut |_| (), ask)
        .await
}

/// Whether a registry says that it has no such image.
fn is_absent(error: &OciDistributionError) -> bool {
    match error {
        OciDistributionError::ServerError { code, .. } => *code == 404,
        OciDistributionError::RegistryError { envelope, .. } => {
            envelope.errors.iter().any(|error| {
                matches!(
                    error.code,
                    OciErrorCode::ManifestUnknown | OciErrorCode::NameUnknown
                )
            })
        }
        _ => false,
    }
}

struct Registry<'a> {
    client: Client,
    auth: RegistryAuth,
    reference: Reference,
    host: &'a str,
}

impl<'a> Registry<'a> {
    fn of(
        repository: &'a str,
        tag: &str,
        credentials: Option<(String, String)>,
    ) -> Result<Self, ImageError> {
        let (host, name) = parts(repository)?;
        Ok(Self {
            client: client(host)?,
            auth: match credentials {
                Some((name, password)) => RegistryAuth::Basic(name, password),
                None => RegistryAuth::Anonymous,
            },
            reference: reference(repository, host, name, tag)?,
            host,
        })
    }

    /// First of all, so that a wrong password is told as what it is.
    async fn sign_in(&self, progress: &mut dyn FnMut(&str)) -> Result<(), ImageError> {
        let operation = RegistryOperation::Push;
        let ask = || self.client.auth(&self.reference, &self.auth, operation);
        self.tried("signing in", progress, ask).await.map(|_| ())
    }

    async fn blob(
        &self,
        what: &str,
        blob: &Blob,
        progress: &mut dyn FnMut(&str),
    ) -> Result<(), ImageError> {
        let ask = || self.client.blob_exists(&self.reference, &blob.digest);
        let doing = format!("looking for {what}");
        if self.tried(&doing, progress, ask).await? {
            progress(&format!("{what} is there already"));
            return Ok(());
        }
        let size = crate::units::bytes(blob.bytes.len() as u64);
        progress(&format!("uploading {what}, {size}"));
        let send = || {
            let bytes = blob.bytes.clone();
            self.client.push_blob(&self.reference, bytes, &blob.digest)
        };
        let doing = format!("uploading {what}");
        self.tried(&doing, progress, send).await.map(|_| ())
    }

    /// Last, since it names the others.
    async fn manifest(
        &self,
        manifest: &Blob,
        tag: &str,
        progress: &mut dyn FnMut(&str),
    ) -> Result<(), ImageError> {
        let accepted = [MANIFEST_TYPE];
        let there = self
            .client
            .pull_manifest_raw(&self.reference, &self.auth, &accepted);
        // Whatever goes wrong with this question: it is then pushed, and that tells why.
        if there
            .await
            .is_ok_and(|(_, digest)| digest == manifest.digest)
        {
            progress(&format!("the tag {tag} is this image already"));
            return Ok(());
        }
        progress(&format!("tagging it {tag}"));
        let send = || {
            let kind = HeaderValue::from_static(MANIFEST_TYPE);
            self.client
                .push_manifest_raw(&self.reference, manifest.bytes.clone(), kind)
        };
        self.tried("tagging", progress, send).await.map(|_| ())
    }

    async fn tried<T, F>(
        &self,
        doing: &str,
        progress: &mut dyn FnMut(&str),
        mut ask: impl FnMut() -> F,
    ) -> Result<T, ImageError>
    where
        F: Future<Output = Result<T, OciDistributionError>>,
    {
        let mut tried = 1;
        loop {
            let answer = tokio::time::timeout(REQUEST_DEADLINE, ask()).await;
            let (why, again) = match answer {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(error)) => (told(&error), is_transient(&error)),
                Err(_) => (format!("no answer within {REQUEST_DEADLINE:?}"), true),
            };
            if !again || tried == TRIES {
                return Err(ImageError::Registry {
                    registry: self.host.to_owned(),
                    doing: doing.to_owned(),
                    why,
                });
            }
            progress(&format!("{doing} failed ({why}); trying again"));
            tokio::time::sleep(FIRST_PAUSE * 2u32.pow(tried - 1)).await;
            tried += 1;
        }
    }
}

fn client(host: &str) -> Result<Client, ImageError> {
    crate::client::remote::use_ring();
    let loopback = is_loopback(bare(host));
    let config = ClientConfig {
        protocol: match loopback {
            true => ClientProtocol::Http,
            false => ClientProtocol::Https,
        },
        // One request a blob, as containerd does it: what ECR is used to.
        use_monolithic_push: true,
        connect_timeout: Some(CONNECT_DEADLINE),
        user_agent: concat!("dlt/", env!("CARGO_PKG_VERSION")),
        ..ClientConfig::default()
    };
    Client::try_from(config).map_err(|error| ImageError::Registry {
        registry: host.to_owned(),
        doing: "making an HTTPS client".to_owned(),
        why: told(&error),
    })
}

/// Host, with its port, and name.
fn parts(repository: &str) -> Result<(&str, &str), ImageError> {
    let refused = |why: &str| ImageError::Repository {
        given: repository.to_owned(),
        why: why.to_owned(),
    };
    if repository.contains("://") {
        return Err(refused("it begins with a scheme"));
    }
    match repository.split_once('/') {
        Some((host, name)) if is_host(host) && !name.is_empty() => Ok((host, name)),
        _ => Err(refused("it does not begin with a registry's host")),
    }
}

/// Docker takes a first part without dot and port for a name at its own hub; here it is
/// a slip.
fn is_host(host: &str) -> bool {
    host == "localhost" || host.contains('.') || host.contains(':')
}

/// Without its port.
fn bare(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((bare, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => bare,
        _ => host,
    }
}

fn reference(repository: &str, host: &str, name: &str, tag: &str) -> Result<Reference, ImageError> {
    // Read as others would read it, so that what they refuse is refused here.
    let read: Result<Reference, _> = format!("{repository}:{tag}").parse();
    match read {
        Ok(read) if (read.registry(), read.repository()) == (host, name) => Ok(read),
        Ok(_) => Err(ImageError::Repository {
            given: repository.to_owned(),
            why: "it names a tag or a digest itself".to_owned(),
        }),
        Err(error) => Err(ImageError::Repository {
            given: format!("{repository}:{tag}"),
            why: error.to_string(),
        }),
    }
}

/// Whether the same request may succeed later.
fn is_transient(error: &OciDistributionError) -> bool {
    match error {
        OciDistributionError::RequestError(error) => match error.status() {
            Some(status) => status.is_server_error() || status == 429 || status == 408,
            None => !error.is_builder(),
        },
        OciDistributionError::ServerError { code, .. } => *code >= 500 || matches!(code, 408 | 429),
        OciDistributionError::RegistryError { envelope, .. } => envelope
            .errors
            .iter()
            .any(|error| matches!(error.code, OciErrorCode::Toomanyrequests)),
        _ => false,
    }
}

/// What went wrong, without addresses: those of uploads have tokens in them.
fn told(error: &OciDistributionError) -> String {
    const SIGN_IN: &str = "it does not accept the name and password, or they may not push there; \
        those for ECR are made anew each 12 hours";
    let text = match error {
        OciDistributionError::RequestError(error) => {
            let mut cause: &dyn std::error::Error = error;
            while let Some(next) = cause.source() {
                cause = next;
            }
            match error.status() {
                Some(status) if matches!(status.as_u16(), 401 | 403) => SIGN_IN.to_owned(),
                Some(status) => format!("it answered {status}"),
                None => format!("{cause}; is the address right, and does it answer?"),
            }
        }
        OciDistributionError::ServerError { code, message, .. } => match code {
            401 | 403 => SIGN_IN.to_owned(),
            _ => format!("it answered {code} {message}"),
        },
        OciDistributionError::RegistryError { envelope, .. } => {
            let said: Vec<String> = envelope
                .errors
                .iter()
                .map(|error| format!("{:?}: {}", error.code, error.message))
                .collect();
            said.join("; ")
        }
        OciDistributionError::UnauthorizedError { .. }
        | OciDistributionError::AuthenticationFailure(_) => SIGN_IN.to_owned(),
        other => other.to_string(),
    };
    text.chars().take(LONGEST_SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_are_host_and_name() {
        for (given, host, name) in [
            ("127.0.0.1:5000/dlt/worker", "127.0.0.1:5000", "dlt/worker"),
            ("localhost/worker", "localhost", "worker"),
            (
                "123456789012.dkr.ecr.eu-west-1.amazonaws.com/dlt-worker",
                "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
                "dlt-worker",
            ),
        ] {
            let found = parts(given).unwrap();
            assert_eq!(found, (host, name));
            let reference = reference(given, host, name, "v1").unwrap();
            assert_eq!(reference.whole(), format!("{given}:v1"));
        }
        for wrong in [
            "worker",
            "dlt/worker",
            "https://host.example/worker",
            "host.example/",
            "",
        ] {
            let error = parts(wrong).unwrap_err().to_string();
            assert!(error.contains("write it like"), "{wrong}: {error}");
        }
        for (wrong, tag) in [
            ("host.example/worker", "no tag"),
            ("host.example/Worker", "v1"),
            ("host.example/worker:v1", "v2"),
            ("host.example/worker", ""),
        ] {
            let (host, name) = parts(wrong).unwrap();
            assert!(reference(wrong, host, name, tag).is_err(), "{wrong}:{tag}");
        }
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for (host, loopback) in [
            ("127.0.0.1:5000", true),
            ("localhost", true),
            ("[::1]:5000", true),
            ("[::1]", true),
            ("127.0.0.1.example.com", false),
            ("192.168.1.7:5000", false),
        ] {
            assert_eq!(is_loopback(bare(host)), loopback, "{host}");
        }
    }

    #[test]
    fn what_may_pass_is_tried_again_and_what_is_refused_is_not() {
        let server = |code| OciDistributionError::ServerError {
            code,
            url: "https://host.example/v2/upload?_state=secret".to_owned(),
            message: "busy".to_owned(),
        };
        assert!(is_transient(&server(503)) && is_transient(&server(429)));
        assert!(!is_transient(&server(400)) && !is_transient(&server(403)));
        assert_eq!(told(&server(503)), "it answered 503 busy");
        assert!(told(&server(403)).contains("each 12 hours"));
        let refused = OciDistributionError::AuthenticationFailure("secret".to_owned());
        assert!(!is_transient(&refused));
        assert!(!told(&refused).contains("secret"));
    }
}
