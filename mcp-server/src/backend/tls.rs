//! TLS of every HTTP client in this package: ring, and the system's root certificates.

use super::BackendError;
use std::sync::Arc;

/// A configuration for HTTPS clients.
pub(crate) fn client_config() -> Result<rustls::ClientConfig, BackendError> {
    let error = |error: rustls::Error| BackendError::NotConfigured(error.to_string());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    // An empty store is fine as long as only plain http to this machine is used.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    Ok(rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(error)?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
