//! Certificates of an authority of the tests' own, as PEM files for the client
//! and as configurations for targets.

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An authority with its files.
#[derive(Debug)]
pub struct Authority {
    folder: tempfile::TempDir,
    issuer: Issuer<'static, KeyPair>,
    root: CertificateDer<'static>,
}

/// What is wrong with a target's certificate, if anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing.
    None,
    /// Its time is over.
    Expired,
    /// It names another host.
    WrongHost,
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("a key")
}

impl Authority {
    /// A new authority, in a folder that goes with it.
    ///
    /// # Panics
    /// When keys or files cannot be made.
    pub fn new() -> Self {
        let key = new_key();
        let mut params = CertificateParams::new(Vec::new()).expect("authority parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params
            .self_signed(&key)
            .expect("the authority's certificate");
        let folder = tempfile::tempdir().expect("a folder for certificates");
        std::fs::write(folder.path().join("ca.pem"), certificate.pem()).expect("ca.pem");
        Self {
            folder,
            issuer: Issuer::new(params, key),
            root: certificate.der().clone(),
        }
    }

    /// The authority's certificate.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    fn issue(&self, names: &[&str], flaw: Flaw) -> (rcgen::Certificate, KeyPair) {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("certificate parameters");
        if flaw == Flaw::Expired {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2021, 1, 1);
        }
        let key = new_key();
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        (certificate, key)
    }

    /// A client's certificate and key as files.
    ///
    /// # Panics
    /// When files cannot be written.
    pub fn client_files(&self) -> (PathBuf, PathBuf) {
        let (certificate, key) = self.issue(&["client.test"], Flaw::None);
        let at = |name: &str| -> PathBuf { Path::join(self.folder.path(), name) };
        std::fs::write(at("client.pem"), certificate.pem()).expect("client.pem");
        std::fs::write(at("client.key"), key.serialize_pem()).expect("client.key");
        (at("client.pem"), at("client.key"))
    }

    /// A target's configuration.
    ///
    /// # Panics
    /// When the certificate cannot be used.
    pub fn server(&self, flaw: Flaw, wants_client: bool) -> Arc<ServerConfig> {
        let names: &[&str] = match flaw {
            Flaw::WrongHost => &["elsewhere.test"],
            _ => &["127.0.0.1", "localhost"],
        };
        self.server_for(names, flaw, wants_client)
    }

    /// The configuration of a target with these names.
    ///
    /// # Panics
    /// When the certificate cannot be used.
    pub fn server_for(&self, names: &[&str], flaw: Flaw, wants_client: bool) -> Arc<ServerConfig> {
        let (certificate, key) = self.issue(names, flaw);
        let chain = vec![certificate.der().clone()];
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .expect("protocol versions");
        let builder = if wants_client {
            let mut roots = RootCertStore::empty();
            roots.add(self.root.clone()).expect("the authority as root");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .expect("a verifier of clients");
            builder.with_client_cert_verifier(verifier)
        } else {
            builder.with_no_client_auth()
        };
        Arc::new(
            builder
                .with_single_cert(chain, key)
                .expect("the target's certificate"),
        )
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}
