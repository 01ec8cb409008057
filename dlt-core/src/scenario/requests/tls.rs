//! `tls` of a scenario: authorities, the client's certificate, or no check at all.
//! Reading the PEM files is left to the worker.

use crate::scenario::FileCheck;
use crate::scenario::document::notes::{Node, Notes};
use crate::scenario::plan::Tls;
use crate::scenario::requests::files::file;

pub(crate) fn tls(node: &Node<'_>, files: FileCheck<'_>, notes: &mut Notes) -> Tls {
    let Some(object) = node.object(notes) else {
        return Tls::default();
    };
    object.allow_only(
        &["ca-file", "cert-file", "key-file", "insecure"],
        &[],
        notes,
    );
    let tls = Tls {
        ca_file: file(&object, "ca-file", files, notes),
        cert_file: file(&object, "cert-file", files, notes),
        key_file: file(&object, "key-file", files, notes),
        insecure: object
            .get("insecure")
            .and_then(|node| node.boolean(notes))
            .unwrap_or(false),
    };
    for (one, other) in [("cert-file", "key-file"), ("key-file", "cert-file")] {
        if object.has(one) && !object.has(other) {
            notes.fault(
                object.path_of(other),
                format!("is missing: {one} needs it, since a client certificate has both"),
            );
        }
    }
    if tls.insecure {
        notes.warn(
            &object.path_of("insecure"),
            "no certificate is verified: anyone on the way can answer for the target",
        );
        if object.has("ca-file") {
            notes.warn(
                &object.path_of("ca-file"),
                "is not used, since insecure is true",
            );
        }
    }
    tls
}
