//! TLS: own authority, client certificates, no verification; and each way in
//! which a handshake fails.

use super::*;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use std::net::SocketAddr;
use std::path::PathBuf;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::oneshot as once;

/// An authority, and certificates from it as files.
pub(super) struct Authority {
    folder: tempfile::TempDir,
    certificate: rcgen::Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let authority = Self {
            folder: tempfile::tempdir().unwrap(),
            certificate,
            issuer: Issuer::new(params, key),
        };
        std::fs::write(authority.path("ca"), authority.certificate.pem()).unwrap();
        authority
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.pem"))
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        Some(self.path(name).to_str().unwrap().to_owned())
    }

    /// A certificate for `host`, also written as `{name}.pem` and `{name}-key.pem`.
    pub(super) fn issue(
        &self,
        name: &str,
        host: &str,
        expired: bool,
    ) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        if expired {
            params.not_before = rcgen::date_time_ymd(2001, 1, 1);
            params.not_after = rcgen::date_time_ymd(2002, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        std::fs::write(self.path(name), certificate.pem()).unwrap();
        std::fs::write(self.path(&format!("{name}-key")), key.serialize_pem()).unwrap();
        let der = PrivatePkcs8KeyDer::from(key.serialize_der());
        (certificate.der().clone(), der.into())
    }
}

/// A TLS target that answers every request with 200; ends when dropped.
pub(super) struct Secure {
    pub(super) address: SocketAddr,
    _end: once::Sender<()>,
}

pub(super) fn secure(
    authority: &Authority,
    host: &str,
    expired: bool,
    wants_client: bool,
) -> Secure {
    let shown = authority.issue("server", host, expired);
    secure_with(authority, shown, wants_client)
}

fn secure_with(
    authority: &Authority,
    shown: (CertificateDer<'static>, PrivateKeyDer<'static>),
    wants_client: bool,
) -> Secure {
    let (certificate, key) = shown;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = if wants_client {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(authority.certificate.der().clone()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        builder.with_client_cert_verifier(verifier.build().unwrap())
    } else {
        builder.with_no_client_auth()
    };
    let config = builder.with_single_cert(vec![certificate], key).unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let (end, ended) = once::channel();
    let (sender, address) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            sender.send(listener.local_addr().unwrap()).unwrap();
            let serve = async {
                while let Ok((stream, _)) = listener.accept().await {
                    let acceptor = acceptor.clone();
                    tokio::spawn(async move {
                        let mut stream = acceptor.accept(stream).await?;
                        let mut some = [0; 4096];
                        while stream.read(&mut some).await? > 0 {
                            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                            stream.write_all(answer).await?;
                            stream.flush().await?;
                        }
                        io::Result::Ok(())
                    });
                }
            };
            tokio::select! {
                () = serve => {}
                _ = ended => {}
            }
        });
    });
    Secure {
        address: address.recv().unwrap(),
        _end: end,
    }
}

fn load(target: &Secure, tls: Tls) -> LoadResult {
    let plain = Target::plain();
    let mut step = step(&plain, "/x");
    step.url = format!("https://localhost:{}/", target.address.port())
        .parse()
        .unwrap();
    let mut group = rounds(2.0, 3, vec![step]);
    group.tls = tls;
    run(group, 1)
}

#[track_caller]
fn fails(result: &LoadResult, message: &str) {
    assert_eq!(result.tally.account.ok, 0);
    let (key, _) = result.tally.errors.iter().next().unwrap();
    assert_eq!(key.cause, Cause::Tls, "{key:?}");
    assert!(key.message.contains(message), "{}", key.message);
}

#[test]
fn an_own_authority_is_trusted_and_connections_are_kept() {
    let authority = Authority::new();
    let target = secure(&authority, "localhost", false, false);
    let tls = Tls {
        ca_file: authority.text("ca"),
        ..Tls::default()
    };
    let result = load(&target, tls);
    assert_eq!(result.tally.account.ok, 6, "{:?}", result.tally.errors);
    assert_eq!(result.tally.phases.connect.count(), 2);
    fails(&load(&target, Tls::default()), "unknown authority");
}

#[test]
fn certificates_are_verified_unless_the_scenario_says_otherwise() {
    let authority = Authority::new();
    let ours = Tls {
        ca_file: authority.text("ca"),
        ..Tls::default()
    };
    let target = secure(&authority, "elsewhere.example", false, false);
    fails(&load(&target, ours.clone()), "for another name");
    let target = secure(&authority, "localhost", true, false);
    fails(&load(&target, ours), "has expired");
    let insecure = Tls {
        insecure: true,
        ..Tls::default()
    };
    let result = load(&target, insecure);
    assert_eq!(result.tally.account.ok, 6, "{:?}", result.tally.errors);
    assert!(result.warnings[0].contains("not verified"));
}

#[test]
fn client_certificates_are_shown() {
    let authority = Authority::new();
    authority.issue("client", "client.example", false);
    let target = secure(&authority, "localhost", false, true);
    let mut tls = Tls {
        ca_file: authority.text("ca"),
        cert_file: authority.text("client"),
        key_file: authority.text("client-key"),
        ..Tls::default()
    };
    let result = load(&target, tls.clone());
    assert_eq!(result.tally.account.ok, 6, "{:?}", result.tally.errors);
    tls.cert_file = None;
    tls.key_file = None;
    let result = load(&target, tls);
    assert_eq!(result.tally.account.ok, 0);
    // The alert may be overtaken by the reset that follows it.
    let failures = failed(&result, Cause::Tls) + failed(&result, Cause::Reset);
    assert_eq!(failures, result.tally.account.failed);
}

#[test]
fn a_target_without_tls_is_a_failed_handshake() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let target = Secure {
        address: listener.local_addr().unwrap(),
        _end: once::channel().0,
    };
    std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        let mut held = Vec::new();
        while let Ok((mut stream, _)) = listener.accept() {
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
            held.push(stream);
        }
    });
    let result = load(&target, Tls::default());
    assert_eq!(failed(&result, Cause::Tls), 6, "{:?}", result.tally.errors);
}

#[test]
fn certificates_are_read_before_a_redirect_may_need_them() {
    let target = Target::plain();
    let mut kept = step(&target, "/");
    kept.follow_redirects = false;
    let followed = step(&target, "/");
    let group = |steps| users(1.0, 100, steps);
    let warm = |groups: Vec<Group>| {
        let spec = spec(groups, 1, Instant::now());
        let prepared = PreparedLoad::new(&spec, Resolver::system(TargetPolicy::default())).unwrap();
        let warm = |group: &walk::prepare::PreparedGroup| group.tls.is_warm();
        prepared.groups.iter().map(warm).collect::<Vec<bool>>()
    };
    assert_eq!(warm(vec![group(vec![kept.clone()])]), [false]);
    let both = group(vec![kept, followed.clone()]);
    assert_eq!(warm(vec![both, group(vec![followed])]), [true, true]);
}

/// A certificate that a server signed for itself, also written as `{name}.pem`.
fn self_signed(
    authority: &Authority,
    name: &str,
    host: &str,
    is_ca: bool,
    expired: bool,
) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
    let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
    if is_ca {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    if expired {
        params.not_before = rcgen::date_time_ymd(2001, 1, 1);
        params.not_after = rcgen::date_time_ymd(2002, 1, 1);
    }
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    std::fs::write(authority.path(name), certificate.pem()).unwrap();
    let der = PrivatePkcs8KeyDer::from(key.serialize_der());
    (certificate.der().clone(), der.into())
}

#[test]
fn a_servers_own_certificate_is_trusted_as_it_is() {
    let folder = Authority::new();
    let named = |name: &str| Tls {
        ca_file: folder.text(name),
        ..Tls::default()
    };
    for is_ca in [true, false] {
        let shown = self_signed(&folder, "own", "localhost", is_ca, false);
        let target = secure_with(&folder, shown, false);
        let result = load(&target, named("own"));
        assert_eq!(
            result.tally.account.ok, 6,
            "{is_ca}: {:?}",
            result.tally.errors
        );
        // Another one is not.
        self_signed(&folder, "other", "localhost", is_ca, false);
        assert_eq!(load(&target, named("other")).tally.account.ok, 0);
        let shown = self_signed(&folder, "name", "elsewhere.example", is_ca, false);
        let target = secure_with(&folder, shown, false);
        fails(&load(&target, named("name")), "is for another name");
        let shown = self_signed(&folder, "old", "localhost", is_ca, true);
        let target = secure_with(&folder, shown, false);
        fails(&load(&target, named("old")), "has expired");
    }
    let shown = self_signed(&folder, "own", "localhost", true, false);
    let target = secure_with(&folder, shown, false);
    fails(&load(&target, named("ca")), "certificate is ");
}

/// Certificate authorities are read while there is time: what `begin` prepares finds them there.
#[test]
fn a_warm_up_reads_what_tls_needs_and_looks_up_no_name() {
    let mut one = step(&Target::plain(), "/");
    one.url = "https://shop.test/".parse().unwrap();
    let spec = spec(vec![rounds(1.0, 1, vec![one])], 1, Instant::now());
    warm_up(&spec);
    let group = &spec.plan.groups[0];
    let known = |spec: &LoadSpec| {
        spec.inputs
            .tls
            .get(&group.tls, group.http, &spec.inputs.files)
    };
    assert!(known(&spec).is_warm());
    let nobody = Resolver::of(|_, _| Err(std::io::ErrorKind::NotFound.into()));
    let prepared = PreparedLoad::new(&spec, nobody).unwrap();
    assert!(Arc::ptr_eq(&prepared.groups[0].tls, &known(&spec)));

    let resolver = Resolver::without_names(TargetPolicy::default());
    let look_up = |host: &str| {
        let endpoint = http::request::Endpoint {
            https: true,
            host: host.to_owned(),
            port: 443,
        };
        resolver.look_up(&endpoint)
    };
    // The system's resolver knows it.
    let kind = look_up("localhost").unwrap_err().kind();
    assert_eq!(kind, std::io::ErrorKind::NotFound);
    for address in ["127.0.0.1", "::1"] {
        assert_eq!(look_up(address).unwrap()[0].ip().to_string(), address);
    }
}
