//! Bodies: encoded ones, whatever they hold, and their charsets.

use crate::engine::check::charset::{body_as_utf8, head_as_utf8};
use crate::engine::fuzz::input::Input;
use crate::engine::http::decode::{DecodeError, LONGEST_DECODED_BYTES, decode};
use crate::engine::http::kept::KeptResponse;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use std::borrow::Cow;
use std::io::Write as _;

const ENCODINGS: [&str; 10] = [
    "gzip",
    "deflate",
    "x-gzip",
    "gzip, gzip",
    "deflate, gzip",
    "gzip, deflate",
    "identity",
    "br",
    "gzip,gzip,gzip,gzip",
    ",,gzip,",
];

fn kept(encoding: &[u8], body: &[u8]) -> KeptResponse {
    let mut kept = KeptResponse::default();
    kept.encoding = encoding.to_vec();
    kept.body = body.to_vec();
    kept
}

/// Any bytes, said to be encoded somehow.
pub(super) fn any(data: &[u8]) {
    let mut input = Input(data);
    let choice = input.below(ENCODINGS.len() + 1);
    let encoding = match ENCODINGS.get(choice) {
        Some(encoding) => encoding.as_bytes(),
        None => input.line(),
    };
    let kept = kept(encoding, input.0);
    let decoded = decode(&kept);
    if let Ok(plain) = &decoded {
        assert!(plain.len() <= LONGEST_DECODED_BYTES.max(input.0.len()));
    }
    // Raw deflate by another library.
    if encoding == b"deflate" && !input.0.is_empty() && !looks_like_zlib(input.0) {
        let limit = LONGEST_DECODED_BYTES;
        let other = miniz_oxide::inflate::decompress_to_vec_with_limit(input.0, limit);
        match (decoded, other) {
            (Ok(plain), Ok(other)) => assert_eq!(*plain, other),
            (Err(_), Err(_)) => {}
            (ours, other) => panic!("{:?} but {:?}", ours.map(Cow::into_owned), other.is_ok()),
        }
    }
}

/// The two bytes that begin zlib (RFC 1950, 2.2).
fn looks_like_zlib(bytes: &[u8]) -> bool {
    matches!(bytes, [method, flags, ..] if method & 15 == 8
        && (u16::from(*method) << 8 | u16::from(*flags)).is_multiple_of(31))
}

fn packed_by(coding: &str, plain: &[u8], level: Compression) -> Vec<u8> {
    let mut out = Vec::new();
    let written = match coding {
        "gzip" => {
            let mut encoder = GzEncoder::new(&mut out, level);
            encoder
                .write_all(plain)
                .and_then(|()| encoder.finish().map(|_| ()))
        }
        "zlib" => {
            let mut encoder = ZlibEncoder::new(&mut out, level);
            encoder
                .write_all(plain)
                .and_then(|()| encoder.finish().map(|_| ()))
        }
        _ => {
            let mut encoder = DeflateEncoder::new(&mut out, level);
            encoder
                .write_all(plain)
                .and_then(|()| encoder.finish().map(|_| ()))
        }
    };
    written.expect("memory takes it");
    out
}

/// A body that is packed, and the same cut short or changed.
pub(super) fn packed(data: &[u8]) {
    let mut input = Input(data);
    let (coding, says) =
        [("gzip", "gzip"), ("zlib", "deflate"), ("raw", "deflate")][input.below(3)];
    let level = Compression::new(u32::from(input.byte()) % 10);
    let (cut, repeated) = (input.byte(), 1 + input.below(8));
    let plain = input.0.repeat(repeated);
    let packed = packed_by(coding, &plain, level);
    let says = says.as_bytes();
    assert_eq!(
        decode(&kept(says, &packed)).as_deref(),
        Ok(plain.as_slice())
    );
    if coding != "gzip" {
        return;
    }
    // In two members (RFC 1952, 2.2).
    let twice = [packed.as_slice(), &packed].concat();
    let both = [plain.as_slice(), &plain].concat();
    assert_eq!(decode(&kept(says, &twice)).as_deref(), Ok(both.as_slice()));
    let cut = 1 + usize::from(cut) % (packed.len() - 1);
    let short = decode(&kept(says, &packed[..cut])).map(Cow::into_owned);
    assert!(
        matches!(short, Err(DecodeError::Invalid(_))),
        "cut at {cut}: {short:?}"
    );
}

/// Any bytes in any charset become UTF-8; UTF-8 stays as it is.
pub(super) fn charset(data: &[u8]) {
    let mut input = Input(data);
    let content_type = input.line();
    let body = input.0;
    let borrowed = body_as_utf8(Cow::Borrowed(body), content_type).into_owned();
    let owned = body_as_utf8(Cow::Owned(body.to_vec()), content_type);
    assert_eq!(owned, borrowed);
    assert_ne!(
        (borrowed == body, std::str::from_utf8(&borrowed).is_err()),
        (false, true)
    );
    if std::str::from_utf8(content_type).is_ok() {
        assert_eq!(&*head_as_utf8(content_type), content_type);
    }
    assert!(std::str::from_utf8(&head_as_utf8(body)).is_ok());
}
