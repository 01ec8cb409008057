//! HdrHistogram's V2 wire form with DEFLATE, base64 outside: what reports
//! carry, readable by every HDR library. Decoding adds straight into the pages,
//! which is what makes merging a thousand reports cheap. Compressed bytes may
//! differ between libraries; counts may not.
//!
//! Format: HdrHistogram `EncodableHistogram` V2: big-endian header (cookie,
//! payload length, normalizing offset, digits, lowest, highest, ratio), then
//! zig-zag LEB128 counts in which a negative number is a run of zeros.

use super::{Exact, HALF, HIGHEST_US, Latencies};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::bufread::ZlibDecoder;
use flate2::write::ZlibEncoder;
use std::io::{Read as _, Write as _};

const COOKIE_V2: u32 = 0x1c84_9313;
const COOKIE_V2_COMPRESSED: u32 = 0x1c84_9314;
const HEADER_BYTES: usize = 40;
const DIGITS: u32 = 3;
/// Indices of the layout: 23 half-octaves of 1,024 counters.
const INDICES: usize = 23 * HALF as usize;
/// A dense histogram of 64-bit counts is at most nine bytes an index.
const LONGEST_PAYLOAD: u64 = (INDICES * 9 + HEADER_BYTES) as u64;

/// Why a text is not one of our histograms.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("histogram is unreadable: {0}")]
pub struct DecodeError(pub &'static str);

impl Latencies {
    /// The counts as base64 of compressed V2. The exact integers travel beside.
    pub fn to_base64(&self) -> String {
        let plain = self.to_v2();
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        let compressed = encoder
            .write_all(&plain)
            .and_then(|()| encoder.finish())
            .unwrap_or_default();
        let mut framed = Vec::with_capacity(compressed.len() + 8);
        framed.extend_from_slice(&COOKIE_V2_COMPRESSED.to_be_bytes());
        framed.extend_from_slice(&(compressed.len() as u32).to_be_bytes());
        framed.extend_from_slice(&compressed);
        STANDARD.encode(framed)
    }

    fn to_v2(&self) -> Vec<u8> {
        let mut payload = Vec::with_capacity(512);
        let mut next = 0;
        for (index, count) in self.rows() {
            if index > next {
                put_zigzag(&mut payload, -((index - next) as i64));
            }
            put_zigzag(&mut payload, count as i64);
            next = index + 1;
        }
        let mut out = Vec::with_capacity(HEADER_BYTES + payload.len());
        out.extend_from_slice(&COOKIE_V2.to_be_bytes());
        out.extend_from_slice(&(payload.len() as u32).to_be_bytes());
        out.extend_from_slice(&0u32.to_be_bytes());
        out.extend_from_slice(&DIGITS.to_be_bytes());
        out.extend_from_slice(&1u64.to_be_bytes());
        out.extend_from_slice(&HIGHEST_US.to_be_bytes());
        out.extend_from_slice(&1f64.to_be_bytes());
        out.extend_from_slice(&payload);
        out
    }

    /// Adds a histogram in wire form with its exact integers. On an error
    /// nothing has been added.
    pub fn merge_base64(&mut self, text: &str, exact: &Exact) -> Result<(), DecodeError> {
        let framed = STANDARD
            .decode(text.trim())
            .map_err(|_| DecodeError("not base64"))?;
        let plain = inflate(&framed)?;
        let rows = counts(&plain)?;
        let total: u64 = rows.iter().map(|row| row.1).fold(0, u64::saturating_add);
        if total != exact.count {
            return Err(DecodeError(
                "its counts do not add up to the count beside it",
            ));
        }
        // An empty histogram has no smallest value: its 0 must not become the minimum.
        if total > 0 {
            for (index, count) in rows {
                self.bump(index, count);
            }
            self.add_exact(exact);
        }
        Ok(())
    }
}

fn inflate(framed: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let (cookie, rest) = be_u32(framed)?;
    if cookie != COOKIE_V2_COMPRESSED {
        return Err(DecodeError("not compressed V2"));
    }
    let (length, body) = be_u32(rest)?;
    if length as usize != body.len() {
        return Err(DecodeError("cut short"));
    }
    let mut plain = Vec::new();
    ZlibDecoder::new(body)
        .take(LONGEST_PAYLOAD + 1)
        .read_to_end(&mut plain)
        .map_err(|_| DecodeError("DEFLATE stream is damaged"))?;
    if plain.len() as u64 > LONGEST_PAYLOAD {
        return Err(DecodeError("larger than any histogram of ours"));
    }
    Ok(plain)
}

fn counts(plain: &[u8]) -> Result<Vec<(usize, u64)>, DecodeError> {
    let (cookie, rest) = be_u32(plain)?;
    let (length, rest) = be_u32(rest)?;
    let (_offset, rest) = be_u32(rest)?;
    let (digits, _) = be_u32(rest)?;
    if cookie != COOKIE_V2 || digits != DIGITS || plain.get(16..24) != Some(&1u64.to_be_bytes()) {
        return Err(DecodeError("not V2 with 3 digits from 1 µs"));
    }
    let mut payload = plain.get(HEADER_BYTES..).ok_or(DecodeError("cut short"))?;
    if payload.len() != length as usize {
        return Err(DecodeError("cut short"));
    }
    let mut rows = Vec::with_capacity(payload.len());
    let mut index = 0usize;
    while !payload.is_empty() {
        let value = take_zigzag(&mut payload)?;
        if value < 0 {
            index = index.saturating_add(value.unsigned_abs() as usize);
            continue;
        }
        if index >= INDICES {
            return Err(DecodeError("more counters than the layout has"));
        }
        if value > 0 {
            rows.push((index, value as u64));
        }
        index += 1;
    }
    Ok(rows)
}

fn be_u32(bytes: &[u8]) -> Result<(u32, &[u8]), DecodeError> {
    let (head, rest) = bytes
        .split_first_chunk::<4>()
        .ok_or(DecodeError("cut short"))?;
    Ok((u32::from_be_bytes(*head), rest))
}

fn put_zigzag(out: &mut Vec<u8>, value: i64) {
    let mut bits = ((value << 1) ^ (value >> 63)) as u64;
    // HDR's LEB128-64b9B: at most nine bytes, the ninth whole.
    for _ in 0..8 {
        if bits < 0x80 {
            out.push(bits as u8);
            return;
        }
        out.push(bits as u8 | 0x80);
        bits >>= 7;
    }
    out.push(bits as u8);
}

#[inline]
fn take_zigzag(bytes: &mut &[u8]) -> Result<i64, DecodeError> {
    // Most counts of most histograms are one byte.
    if let Some((&byte, rest)) = bytes.split_first()
        && byte < 0x80
    {
        *bytes = rest;
        return Ok(i64::from(byte >> 1) ^ -i64::from(byte & 1));
    }
    take_long_zigzag(bytes)
}

fn take_long_zigzag(bytes: &mut &[u8]) -> Result<i64, DecodeError> {
    let mut bits = 0u64;
    for place in 0..9 {
        let (&byte, rest) = bytes.split_first().ok_or(DecodeError("cut short"))?;
        *bytes = rest;
        let (part, last) = if place == 8 {
            (byte, true)
        } else {
            (byte & 0x7f, byte < 0x80)
        };
        bits |= u64::from(part) << (7 * place);
        if last {
            break;
        }
    }
    Ok((bits >> 1) as i64 ^ -((bits & 1) as i64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hdrhistogram::Histogram;
    use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};
    use proptest::prelude::*;

    fn of(values: &[u64]) -> Latencies {
        let mut latencies = Latencies::default();
        values.iter().for_each(|&value| latencies.record(value));
        latencies
    }

    proptest! {
        #[test]
        fn wire_form_reads_back(values in prop::collection::vec(0u64..5_000_000_000, 0..300)) {
            let latencies = of(&values);
            let mut back = Latencies::default();
            back.merge_base64(&latencies.to_base64(), &latencies.exact()).unwrap();
            prop_assert_eq!(back, latencies);
        }

        /// The `hdrhistogram` crate reads ours and we read its.
        #[test]
        fn other_libraries_agree(values in prop::collection::vec(0u64..HIGHEST_US, 1..300)) {
            let latencies = of(&values);
            let mut theirs = Histogram::<u64>::new_with_bounds(1, HIGHEST_US, 3).unwrap();
            values.iter().for_each(|&value| theirs.record(value).unwrap());
            let bytes = STANDARD.decode(latencies.to_base64()).unwrap();
            let read: Histogram<u64> = Deserializer::new().deserialize(&mut bytes.as_slice()).unwrap();
            prop_assert_eq!(&read, &theirs);
            let mut wire = Vec::new();
            V2DeflateSerializer::new().serialize(&theirs, &mut wire).unwrap();
            let mut back = Latencies::default();
            back.merge_base64(&STANDARD.encode(&wire), &latencies.exact()).unwrap();
            prop_assert_eq!(back, latencies);
        }

        #[test]
        fn damage_is_an_error_and_adds_nothing(
            values in prop::collection::vec(0u64..100_000, 1..100),
            at in 0usize..10_000,
            byte: u8,
        ) {
            let latencies = of(&values);
            let mut bytes = STANDARD.decode(latencies.to_base64()).unwrap();
            let at = at % bytes.len();
            bytes[at] = byte;
            let mut back = Latencies::default();
            if back.merge_base64(&STANDARD.encode(&bytes), &latencies.exact()).is_err() {
                prop_assert_eq!(back, Latencies::default());
            }
        }
    }
}
