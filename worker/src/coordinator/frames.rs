//! Frames of the start connection: 4 bytes big-endian length, then JSON
//! (dlt.md 4). The decoder knows no socket, so that tests can split a stream
//! anywhere. What frames mean is decided by `rendezvous` and the coordinator.

use dlt_core::messages::order::LONGEST_FRAME_BYTES;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Bytes of the length that precedes each frame.
const LENGTH_BYTES: usize = 4;
/// Size of the read buffer, bytes: most frames fit, so that one read takes them.
const READ_BUFFER_BYTES: usize = 16 * 1024;

/// Why a connection cannot be used any longer.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The frame is longer than the limit.
    #[error("a frame of {0} bytes, but at most {LONGEST_FRAME_BYTES} are allowed")]
    TooLong(usize),
    /// The frame is no JSON of this protocol.
    #[error("a frame that is not understood: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// The peer closed the connection.
    #[error("the connection was closed")]
    Closed,
    /// The socket failed.
    #[error("the connection failed: {0}")]
    Io(#[from] std::io::Error),
    /// The peer sent or took nothing within the time limit.
    #[error("nothing for {} s", .0.as_secs())]
    Silent(Duration),
}

/// Encodes one frame, its length included.
pub fn encode<T: Serialize>(frame: &T) -> Result<Vec<u8>, FrameError> {
    let mut bytes = vec![0; LENGTH_BYTES];
    serde_json::to_writer(&mut bytes, frame)?;
    let length = bytes.len() - LENGTH_BYTES;
    match u32::try_from(length) {
        Ok(prefix) if length <= LONGEST_FRAME_BYTES => {
            bytes[..LENGTH_BYTES].copy_from_slice(&prefix.to_be_bytes());
            Ok(bytes)
        }
        _ => Err(FrameError::TooLong(length)),
    }
}

/// Decodes a byte stream, which arrives in pieces of any size, into frames.
#[derive(Debug, Default)]
pub struct FrameDecoder {
    bytes: Vec<u8>,
}

impl FrameDecoder {
    /// Adds the next bytes of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Takes the next frame, if all of it has arrived.
    pub fn next_frame<T: DeserializeOwned>(&mut self) -> Result<Option<T>, FrameError> {
        let Some(length) = self.bytes.first_chunk::<LENGTH_BYTES>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(*length) as usize;
        if length > LONGEST_FRAME_BYTES {
            return Err(FrameError::TooLong(length));
        }
        let Some(body) = self.bytes.get(LENGTH_BYTES..LENGTH_BYTES + length) else {
            return Ok(None);
        };
        let frame = serde_json::from_slice(body)?;
        self.bytes.drain(..LENGTH_BYTES + length);
        Ok(Some(frame))
    }
}

/// The reading side of a connection. `read` may be cancelled while it waits:
/// bytes that have arrived are kept for the next call.
#[derive(Debug)]
pub struct FrameReader<R> {
    stream: R,
    decoder: FrameDecoder,
    chunk: Vec<u8>,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    /// Reads frames from `stream`.
    pub fn new(stream: R) -> Self {
        Self {
            stream,
            decoder: FrameDecoder::default(),
            chunk: vec![0; READ_BUFFER_BYTES],
        }
    }

    /// The stream, for tests that write to it without splitting it.
    #[cfg(test)]
    pub(crate) fn stream(&mut self) -> &mut R {
        &mut self.stream
    }

    /// Reads the next frame without a time limit: the caller sets the deadline.
    pub async fn read<T: DeserializeOwned>(&mut self) -> Result<T, FrameError> {
        loop {
            if let Some(frame) = self.decoder.next_frame()? {
                return Ok(frame);
            }
            match self.stream.read(&mut self.chunk).await? {
                0 => return Err(FrameError::Closed),
                count => self.decoder.push(&self.chunk[..count]),
            }
        }
    }

    /// Reads the next frame within `limit`.
    pub async fn read_within<T: DeserializeOwned>(
        &mut self,
        limit: Duration,
    ) -> Result<T, FrameError> {
        tokio::time::timeout(limit, self.read())
            .await
            .unwrap_or(Err(FrameError::Silent(limit)))
    }
}

/// Writes one frame; a peer that does not take it within `limit` counts as silent.
pub async fn write<W: AsyncWrite + Unpin, T: Serialize>(
    to: &mut W,
    frame: &T,
    limit: Duration,
) -> Result<(), FrameError> {
    let bytes = encode(frame)?;
    match tokio::time::timeout(limit, to.write_all(&bytes)).await {
        Ok(written) => Ok(written?),
        Err(_) => Err(FrameError::Silent(limit)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dlt_core::messages::order::{ToLeader, ToWorker};
    use proptest::prelude::*;

    fn frames() -> impl Strategy<Value = Vec<ToWorker>> {
        let frame = prop_oneof![
            any::<u64>().prop_map(|t1_us| ToWorker::Probe { t1_us }),
            "\\PC{0,40}".prop_map(|hmac| ToWorker::Auth { hmac }),
        ];
        prop::collection::vec(frame, 0..20)
    }

    proptest! {
        /// However the stream is split, the same frames are decoded.
        #[test]
        fn any_split_of_the_bytes_gives_the_same_frames(
            frames in frames(),
            cuts in prop::collection::vec(1usize..50, 1..40),
        ) {
            let bytes: Vec<u8> = frames.iter().flat_map(|frame| encode(frame).unwrap()).collect();
            let mut decoder = FrameDecoder::default();
            let mut decoded: Vec<ToWorker> = Vec::new();
            let mut rest = bytes.as_slice();
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (now, later) = rest.split_at((*cut).min(rest.len()));
                decoder.push(now);
                rest = later;
                while let Some(frame) = decoder.next_frame().unwrap() {
                    decoded.push(frame);
                }
            }
            prop_assert_eq!(decoded, frames);
            prop_assert!(decoder.bytes.is_empty());
        }

        /// Arbitrary bytes give an error or wait for more; they never panic.
        #[test]
        fn arbitrary_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut decoder = FrameDecoder::default();
            decoder.push(&bytes);
            while let Ok(Some(_)) = decoder.next_frame::<ToLeader>() {}
        }
    }

    #[test]
    fn the_limit_holds_on_both_sides() {
        let long = ToWorker::Auth {
            hmac: "a".repeat(LONGEST_FRAME_BYTES),
        };
        assert!(matches!(encode(&long), Err(FrameError::TooLong(_))));
        let mut decoder = FrameDecoder::default();
        decoder.push(&(LONGEST_FRAME_BYTES as u32 + 1).to_be_bytes());
        assert!(matches!(
            decoder.next_frame::<ToWorker>(),
            Err(FrameError::TooLong(_))
        ));
    }

    #[tokio::test]
    async fn a_cancelled_read_loses_nothing() {
        let (mut near, far) = tokio::io::duplex(1024);
        let mut reader = FrameReader::new(far);
        let bytes = encode(&ToLeader::Ack {}).unwrap();
        near.write_all(&bytes[..7]).await.unwrap();
        let short = Duration::from_millis(1);
        assert!(reader.read_within::<ToLeader>(short).await.is_err());
        near.write_all(&bytes[7..]).await.unwrap();
        let limit = Duration::from_secs(5);
        assert_eq!(
            reader.read_within::<ToLeader>(limit).await.unwrap(),
            ToLeader::Ack {}
        );
        drop(near);
        assert!(matches!(
            reader.read_within::<ToLeader>(limit).await,
            Err(FrameError::Closed)
        ));
    }
}
