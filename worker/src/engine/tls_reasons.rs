//! What TLS says went wrong, as sentences for people: none of the library's own texts,
//! which name its types, reaches a user. Equal faults have equal sentences.

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage, PeerIncompatible};

/// The server has no version of HTTP in common with the scenario.
const NO_VERSION: &str =
    "it speaks no version of HTTP that was offered (ALPN); http: auto offers HTTP/2 and HTTP/1.1";

/// Why TLS with a peer failed; "it" is the peer.
pub(crate) fn reason(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(bad) => format!("its certificate {}", certificate_reason(bad)),
        Error::AlertReceived(alert) => alert_reason(*alert),
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "it answered with something that is not TLS; does it speak http there?".to_owned()
        }
        Error::InvalidMessage(_)
        | Error::InappropriateMessage { .. }
        | Error::InappropriateHandshakeMessage { .. }
        | Error::PeerMisbehaved(_)
        | Error::PeerSentOversizedRecord
        | Error::BadMaxFragmentSize => {
            "it broke the rules of TLS in its answer; is it a TLS server?".to_owned()
        }
        Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13)
        | Error::PeerIncompatible(PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig) => {
            "it speaks neither TLS 1.2 nor TLS 1.3".to_owned()
        }
        Error::PeerIncompatible(_) => {
            "it offers no version, cipher or curve that dlt has (TLS 1.2 and 1.3)".to_owned()
        }
        Error::NoCertificatesPresented => "it showed no certificate".to_owned(),
        Error::UnsupportedNameType => "its name is none for TLS".to_owned(),
        Error::DecryptError | Error::EncryptError => {
            "a message could not be decrypted: it was damaged on its way".to_owned()
        }
        Error::NoApplicationProtocol => NO_VERSION.to_owned(),
        Error::FailedToGetCurrentTime | Error::FailedToGetRandomBytes => {
            "this machine gives no time or no random numbers".to_owned()
        }
        Error::HandshakeNotComplete => "the handshake was not completed".to_owned(),
        Error::InconsistentKeys(_) => "the key does not belong to the certificate".to_owned(),
        _ => "the handshake failed for a reason that TLS does not name".to_owned(),
    }
}

/// What is wrong with a certificate; the text goes on after "its certificate" or a
/// file's name.
pub(crate) fn certificate_reason(error: &CertificateError) -> String {
    use CertificateError as Bad;
    let text = match error {
        Bad::BadEncoding => "is damaged: it is no X.509",
        // The contexts carry the time of the check or lists of names, which vary.
        Bad::Expired | Bad::ExpiredContext { .. } => "has expired",
        Bad::NotValidYet | Bad::NotValidYetContext { .. } => "is not valid yet",
        Bad::NotValidForName | Bad::NotValidForNameContext { .. } => "is for another name",
        Bad::UnknownIssuer => "is from an unknown authority (tls.ca-file names further ones)",
        Bad::Revoked => "was revoked by its authority",
        Bad::UnhandledCriticalExtension => "has a critical extension that dlt does not know",
        Bad::UnknownRevocationStatus
        | Bad::ExpiredRevocationList
        | Bad::ExpiredRevocationListContext { .. } => "may have been revoked: that cannot be told",
        Bad::BadSignature => "has a signature that is not its authority's",
        Bad::UnsupportedSignatureAlgorithmContext { .. }
        | Bad::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "is signed in a way that dlt does not accept, like SHA-1"
        }
        Bad::InvalidPurpose | Bad::InvalidPurposeContext { .. } => {
            "is not meant for servers (extended key usage)"
        }
        Bad::InvalidOcspResponse => "came with a damaged proof that it was not revoked",
        Bad::ApplicationVerificationFailure => "was refused",
        Bad::Other(other) => match other.0.downcast_ref::<webpki::Error>() {
            Some(error) => webpki_reason(error),
            None => "is invalid",
        },
        _ => "is invalid",
    };
    text.to_owned()
}

fn webpki_reason(error: &webpki::Error) -> &'static str {
    use webpki::Error as Bad;
    match error {
        Bad::CaUsedAsEndEntity => {
            "is that of an authority, not of a server (name exactly this one in tls.ca-file if it is meant)"
        }
        Bad::EndEntityUsedAsCa => "was issued by a certificate that is no authority's",
        Bad::PathLenConstraintViolated | Bad::MaximumPathDepthExceeded => {
            "has a chain of more authorities than they allow"
        }
        Bad::NameConstraintViolation
        | Bad::MalformedNameConstraint
        | Bad::InvalidNetworkMaskConstraint
        | Bad::MaximumNameConstraintComparisonsExceeded => {
            "is for a name that its authority may not vouch for"
        }
        Bad::MaximumPathBuildCallsExceeded | Bad::MaximumSignatureChecksExceeded => {
            "has a chain that is too large to be checked"
        }
        Bad::UnsupportedCertVersion => "is of an old kind: X.509 before version 3",
        Bad::UnsupportedCriticalExtension => "has a critical extension that dlt does not know",
        Bad::InvalidCertValidity => "ends before it begins",
        Bad::EmptyEkuExtension => "says that it is meant for nothing (extended key usage)",
        _ => "is damaged: it is no X.509 that can be read",
    }
}

fn alert_reason(alert: AlertDescription) -> String {
    use AlertDescription as Alert;
    let text = match alert {
        Alert::CloseNotify | Alert::UserCanceled => "it ended the handshake",
        Alert::HandshakeFailure | Alert::InsufficientSecurity => {
            "it refused the handshake: no version, cipher or certificate in common"
        }
        Alert::ProtocolVersion => "it refuses TLS 1.2 and 1.3",
        Alert::CertificateRequired | Alert::NoCertificate => {
            "it wants a client certificate (tls.cert-file and tls.key-file)"
        }
        Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateRevoked
        | Alert::CertificateExpired
        | Alert::CertificateUnknown
        | Alert::UnknownCA => "it does not accept the client certificate (tls.cert-file)",
        Alert::AccessDenied => "it denies access to this client certificate",
        Alert::UnrecognisedName => "it does not know the host's name",
        Alert::InternalError => "it says that it failed by itself",
        Alert::NoApplicationProtocol => NO_VERSION,
        other => return format!("it sent the TLS alert {}", u8::from(other)),
    };
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::OtherError;
    use std::sync::Arc;

    #[test]
    fn no_text_of_the_library_is_shown() {
        let others = [
            webpki::Error::CaUsedAsEndEntity,
            webpki::Error::UnsupportedCertVersion,
            webpki::Error::BadDerTime,
            webpki::Error::PathLenConstraintViolated,
        ];
        let of_webpki = others
            .map(|error| CertificateError::Other(OtherError(Arc::new(error))))
            .map(Error::InvalidCertificate);
        let errors = [
            Error::InvalidCertificate(CertificateError::BadEncoding),
            Error::InvalidCertificate(CertificateError::UnhandledCriticalExtension),
            Error::InvalidMessage(InvalidMessage::InvalidContentType),
            Error::InvalidMessage(InvalidMessage::MessageTooShort),
            Error::PeerIncompatible(PeerIncompatible::NoCipherSuitesInCommon),
            Error::General("SomeThing(Broke)".to_owned()),
            Error::DecryptError,
        ];
        let alerts = (0..=255u8).map(|code| Error::AlertReceived(AlertDescription::from(code)));
        for error in errors.into_iter().chain(of_webpki).chain(alerts) {
            let said = reason(&error);
            // Names of types have a capital inside a word, or brackets at once.
            let words = said.split(' ');
            for word in words {
                let inner = word.get(1..).unwrap_or_default();
                let camel = inner.contains(|c: char| c.is_ascii_uppercase())
                    && word.contains(|c: char| c.is_ascii_lowercase());
                assert!(!camel && !word.contains("::"), "{error:?}: {said}");
            }
            assert!(said.len() < 160, "{said}");
        }
    }
}
