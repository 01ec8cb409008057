//! The TLS configuration of a group: read and warmed up before the clock starts.
//! Each thread has its own copy, so that threads share no session store.

use crate::engine::files::PlanFiles;
use crate::engine::tls_reasons::{self, certificate_reason};
use dlt_core::scenario::plan::{HttpChoice, Tls};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore,
    SignatureScheme,
};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio_rustls::TlsConnector;

/// HTTP/2 in ALPN (RFC 9113, 3.2).
pub(super) const H2: &[u8] = b"h2";
/// Sessions that a thread keeps for resumption.
const SESSIONS: usize = 256;

/// The TLS configuration of a group, read beforehand or when a redirect first
/// needs it.
#[derive(Debug)]
pub(crate) struct TlsConfig {
    settings: Tls,
    http: HttpChoice,
    files: Arc<PlanFiles>,
    config: OnceLock<Result<Arc<ClientConfig>, String>>,
}

/// One configuration for all groups with the same settings, so that certificate
/// authorities are read once, however often a load is prepared.
#[derive(Debug, Default)]
pub(crate) struct TlsConfigs {
    made: Mutex<Vec<Arc<TlsConfig>>>,
}

impl TlsConfigs {
    /// The configuration for these settings; `files` holds the PEM files.
    pub(crate) fn get(
        &self,
        settings: &Tls,
        http: HttpChoice,
        files: &Arc<PlanFiles>,
    ) -> Arc<TlsConfig> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same =
            |config: &&Arc<TlsConfig>| config.settings == *settings && config.http == http;
        if let Some(known) = made.iter().find(is_same) {
            return known.clone();
        }
        let config = Arc::new(TlsConfig::new(settings, http, files.clone()));
        made.push(config.clone());
        config
    }
}

impl TlsConfig {
    /// A configuration of which nothing is read yet.
    pub(crate) fn new(settings: &Tls, http: HttpChoice, files: Arc<PlanFiles>) -> Self {
        Self {
            settings: settings.clone(),
            http,
            files,
            config: OnceLock::new(),
        }
    }

    /// Reads the files and makes keys once, so that the first handshake of the run
    /// is as fast as the others.
    pub(crate) fn warm_up(&self) -> Result<(), String> {
        let config = self.client_config()?;
        let name = ServerName::try_from("warm.up").map_err(|error| error.to_string())?;
        ClientConnection::new(config, name)
            .map(drop)
            .map_err(|error| tls_reasons::reason(&error))
    }

    /// Whether everything is read.
    #[cfg(test)]
    pub(crate) fn is_warm(&self) -> bool {
        self.config.get().is_some()
    }

    /// A connector for one thread, with a session store of its own.
    pub(crate) fn connector(&self) -> Result<TlsConnector, String> {
        let mut config = ClientConfig::clone(&*self.client_config()?);
        config.resumption = Resumption::in_memory_sessions(SESSIONS);
        Ok(TlsConnector::from(Arc::new(config)))
    }

    fn client_config(&self) -> Result<Arc<ClientConfig>, String> {
        self.config
            .get_or_init(|| {
                let mut config = configure(&self.settings, &self.files)?;
                config.alpn_protocols = alpn(self.http);
                Ok(Arc::new(config))
            })
            .clone()
    }
}

fn configure(settings: &Tls, files: &PlanFiles) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| tls_reasons::reason(&error))?;
    let builder = if settings.insecure {
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AcceptAnyCertificate(provider)))
    } else {
        let roots = Arc::new(roots(settings.ca_file.as_deref(), files)?);
        let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider)
            .build()
            .map_err(|_| {
                "this machine has no certificate authorities; name some in tls.ca-file".to_owned()
            })?;
        match &settings.ca_file {
            None => builder.with_webpki_verifier(verifier),
            Some(path) => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(OwnCertificates {
                    chain: verifier,
                    named: certificates("tls.ca-file", path, files)?,
                })),
        }
    };
    Ok(match (&settings.cert_file, &settings.key_file) {
        (Some(cert_file), Some(key_file)) => {
            let chain = certificates("tls.cert-file", cert_file, files)?;
            let key = files
                .get(key_file)
                .map_err(|why| format!("tls.key-file {why}"))?;
            let key = PrivateKeyDer::from_pem_slice(&key).map_err(|_| {
                format!("tls.key-file {key_file} holds no PEM key that can be read")
            })?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| match error {
                    rustls::Error::InvalidCertificate(bad) => {
                        format!("tls.cert-file {cert_file} {}", certificate_reason(&bad))
                    }
                    _ => format!("tls.key-file {key_file} does not belong to tls.cert-file {cert_file}, or is of a kind that dlt does not have"),
                })?
        }
        (None, None) => builder.with_no_client_auth(),
        (Some(_), None) => return Err("tls.cert-file needs tls.key-file beside it".to_owned()),
        (None, Some(_)) => return Err("tls.key-file needs tls.cert-file beside it".to_owned()),
    })
}

/// What is offered to the server by ALPN, the first one preferred (RFC 7301).
fn alpn(http: HttpChoice) -> Vec<Vec<u8>> {
    let offered: &[&[u8]] = match http {
        HttpChoice::Auto => &[H2, b"http/1.1"],
        HttpChoice::Http1 => &[b"http/1.1"],
        HttpChoice::Http2 => &[H2],
    };
    offered.iter().map(|name| name.to_vec()).collect()
}

/// The system's certificate authorities and those of `ca_file`.
fn roots(ca_file: Option<&str>, files: &PlanFiles) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    // Certificates that rustls does not accept are skipped, as by every client.
    // An empty store is an error when it is used.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = ca_file {
        for certificate in certificates("tls.ca-file", path, files)? {
            roots.add(certificate).map_err(|error| match error {
                rustls::Error::InvalidCertificate(bad) => {
                    format!("tls.ca-file {path} {}", certificate_reason(&bad))
                }
                other => format!("tls.ca-file {path}: {}", tls_reasons::reason(&other)),
            })?;
        }
    }
    Ok(roots)
}

fn certificates(
    key: &str,
    path: &str,
    files: &PlanFiles,
) -> Result<Vec<CertificateDer<'static>>, String> {
    let bytes = files.get(path).map_err(|why| format!("{key} {why}"))?;
    let certificates = CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| format!("{key} {path} is damaged: its PEM cannot be read"))?;
    if certificates.is_empty() {
        return Err(format!(
            "{key} {path} holds no PEM certificate (-----BEGIN CERTIFICATE-----)"
        ));
    }
    Ok(certificates)
}

/// Accepts what a chain to an authority proves, and exactly the certificates of
/// `tls.ca-file`, as curl does: one that a server signed for itself is often that of an
/// authority, which no chain accepts as a server's.
#[derive(Debug)]
struct OwnCertificates {
    chain: Arc<WebPkiServerVerifier>,
    named: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for OwnCertificates {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self.chain.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        match verified {
            // Found only after the certificate's time was found to be good.
            Err(rustls::Error::InvalidCertificate(bad))
                if is_of_authority(&bad) && self.named.iter().any(|known| known == end_entity) =>
            {
                let certificate = ParsedCertificate::try_from(end_entity)?;
                verify_server_name(&certificate, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chain.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chain.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}

/// Whether all that is wrong is that an authority's certificate is shown by a server.
fn is_of_authority(error: &CertificateError) -> bool {
    match error {
        CertificateError::Other(other) => matches!(
            other.0.downcast_ref::<webpki::Error>(),
            Some(webpki::Error::CaUsedAsEndEntity)
        ),
        _ => false,
    }
}

/// Accepts every certificate: the scenario's explicit choice (`tls.insecure`).
#[derive(Debug)]
struct AcceptAnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
