//! Content-Encoding: gzip and deflate, with a limit, so that a small answer cannot
//! become a large one. Only bodies that are checked or saved are decoded.

use crate::engine::http::kept::KeptResponse;
use dlt_core::measure::tally::LONGEST_EXCHANGE_BYTES;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use std::borrow::Cow;
use std::io::Read;

/// Longest body once decoded, bytes: four times what is kept of one.
pub(crate) const LONGEST_DECODED_BYTES: usize = 16 * 1024 * 1024;
/// Most encodings applied to one body; more than one is rare.
const MOST_CODINGS: usize = 4;

/// Why a body cannot be decoded.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum DecodeError {
    /// It is longer than a limit.
    TooLarge(&'static str),
    /// Its bytes or its encoding are invalid.
    Invalid(String),
}

/// Removes the encodings of a body.
pub(crate) fn decode(kept: &KeptResponse) -> Result<Cow<'_, [u8]>, DecodeError> {
    if kept.overlong {
        return Err(DecodeError::TooLarge(
            "a body of more than 4 MiB to be checked",
        ));
    }
    let mut body = Cow::Borrowed(kept.body.as_slice());
    let codings = kept.encoding.split(|byte| *byte == b',');
    let codings: Vec<&[u8]> = codings
        .map(<[u8]>::trim_ascii)
        .filter(|coding| !coding.is_empty())
        .collect();
    if codings.len() > MOST_CODINGS {
        return Err(DecodeError::Invalid(
            "too many Content-Encodings".to_owned(),
        ));
    }
    // The last coding was applied last. An empty body needs no decoding.
    for coding in codings.into_iter().rev() {
        let name = coding.to_ascii_lowercase();
        let bytes: &[u8] = &body;
        let plain = match name.as_slice() {
            b"identity" => continue,
            _ if bytes.is_empty() => continue,
            b"gzip" | b"x-gzip" => bounded(MultiGzDecoder::new(bytes)),
            // Deflate is zlib by the standard, and raw deflate with some servers.
            b"deflate" => bounded(ZlibDecoder::new(bytes)).or_else(|why| match why {
                DecodeError::Invalid(_) => bounded(DeflateDecoder::new(bytes)),
                too_large => Err(too_large),
            }),
            _ => {
                let name = String::from_utf8_lossy(coding).escape_debug().to_string();
                return Err(DecodeError::Invalid(format!(
                    "Content-Encoding {name}, which cannot be decoded; ask for gzip in Accept-Encoding"
                )));
            }
        };
        body = Cow::Owned(plain.map_err(|why| match why {
            DecodeError::Invalid(_) => {
                let name = String::from_utf8_lossy(coding).into_owned();
                DecodeError::Invalid(format!("a body that is not {name} as it says"))
            }
            too_large => too_large,
        })?);
    }
    Ok(body)
}

/// Replaces the captured body by the decoded one, for people.
pub(crate) fn decode_captured(captured: &mut Vec<u8>, kept: &KeptResponse) {
    let blank = captured.windows(4).position(|four| four == b"\r\n\r\n");
    if let (Some(at), Ok(Cow::Owned(body))) = (blank, decode(kept)) {
        captured.truncate(at + 4);
        let room = LONGEST_EXCHANGE_BYTES.saturating_sub(captured.len());
        captured.extend_from_slice(&body[..body.len().min(room)]);
    }
}

fn bounded(decoder: impl Read) -> Result<Vec<u8>, DecodeError> {
    let mut plain = Vec::new();
    decoder
        .take(LONGEST_DECODED_BYTES as u64 + 1)
        .read_to_end(&mut plain)
        .map_err(|error| DecodeError::Invalid(error.to_string()))?;
    if plain.len() > LONGEST_DECODED_BYTES {
        return Err(DecodeError::TooLarge(
            "a body of more than 16 MiB once decoded",
        ));
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use proptest::prelude::*;
    use std::io::Write as _;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn kept(encoding: &str, body: Vec<u8>) -> KeptResponse {
        KeptResponse {
            encoding: encoding.as_bytes().to_vec(),
            body,
            ..KeptResponse::default()
        }
    }

    #[test]
    fn every_usual_encoding_is_decoded() {
        let text = b"hello hello hello".as_slice();
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(text).unwrap();
        let mut raw = DeflateEncoder::new(Vec::new(), Compression::fast());
        raw.write_all(text).unwrap();
        for (encoding, body) in [
            ("", text.to_vec()),
            ("identity", text.to_vec()),
            ("GZIP", gzip(text)),
            ("gzip, x-gzip", gzip(&gzip(text))),
            ("deflate", zlib.finish().unwrap()),
            ("deflate", raw.finish().unwrap()),
        ] {
            let kept = kept(encoding, body);
            assert_eq!(decode(&kept).unwrap(), text, "{encoding}");
        }
        assert_eq!(decode(&kept("gzip", Vec::new())).unwrap(), b"".as_slice());
    }

    #[test]
    fn bombs_and_wrong_encodings_are_refused() {
        let bomb = gzip(&vec![0; LONGEST_DECODED_BYTES + 1]);
        assert!(bomb.len() < 100_000);
        assert!(matches!(
            decode(&kept("gzip", bomb)),
            Err(DecodeError::TooLarge(_))
        ));
        for encoding in ["gzip", "deflate", "br", "a,b,c,d,e"] {
            let body = b"\xffnot that".to_vec();
            let kept = kept(encoding, body);
            let result = decode(&kept);
            assert!(matches!(result, Err(DecodeError::Invalid(_))), "{encoding}");
        }
        let mut cut = gzip(b"hello");
        cut.truncate(cut.len() - 3);
        assert!(decode(&kept("gzip", cut)).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_give_a_result(body in prop::collection::vec(any::<u8>(), 0..200)) {
            for encoding in ["gzip", "deflate"] {
                let _ = decode(&kept(encoding, body.clone()));
            }
        }
    }
}
