//! Frames of the start connection: 4 bytes big-endian length, then JSON
//! (dlt.md 4). Cutting a byte stream into frames is arithmetic and stands
//! apart from the socket. What frames mean is the rendezvous's affair.

use dlt_core::messages::order::LONGEST_FRAME_BYTES;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Bytes of the length before each frame.
const HEAD_BYTES: usize = 4;
/// How much is read at once.
const READ_BYTES: usize = 16 * 1024;

/// Why a connection is of no more use.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// A frame above the limit.
    #[error("a frame of {0} bytes, but at most {LONGEST_FRAME_BYTES} are allowed")]
    TooLong(usize),
    /// Not one of ours.
    #[error("a frame that is not understood: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// The peer is gone.
    #[error("the connection was closed")]
    Closed,
    /// The socket failed.
    #[error("the connection failed: {0}")]
    Io(#[from] std::io::Error),
    /// Nothing within the time allowed.
    #[error("nothing for {} s", .0.as_secs())]
    Silent(Duration),
}

/// One frame as bytes.
pub fn encode<T: Serialize>(frame: &T) -> Result<Vec<u8>, FrameError> {
    let mut bytes = vec![0; HEAD_BYTES];
    serde_json::to_writer(&mut bytes, frame)?;
    let length = bytes.len() - HEAD_BYTES;
    match u32::try_from(length) {
        Ok(head) if length <= LONGEST_FRAME_BYTES => {
            bytes[..HEAD_BYTES].copy_from_slice(&head.to_be_bytes());
            Ok(bytes)
        }
        _ => Err(FrameError::TooLong(length)),
    }
}

/// Cuts a byte stream, however it arrives, into frames.
#[derive(Debug, Default)]
pub struct Cutter {
    bytes: Vec<u8>,
}

impl Cutter {
    /// The next bytes of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole frame, if it is there.
    pub fn cut<T: DeserializeOwned>(&mut self) -> Result<Option<T>, FrameError> {
        let Some(head) = self.bytes.first_chunk::<HEAD_BYTES>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(*head) as usize;
        if length > LONGEST_FRAME_BYTES {
            return Err(FrameError::TooLong(length));
        }
        let Some(body) = self.bytes.get(HEAD_BYTES..HEAD_BYTES + length) else {
            return Ok(None);
        };
        let frame = serde_json::from_slice(body)?;
        self.bytes.drain(..HEAD_BYTES + length);
        Ok(Some(frame))
    }
}

/// The reading side of a connection. `read` may be dropped while it waits:
/// what has arrived is kept.
#[derive(Debug)]
pub struct FrameReader<R> {
    from: R,
    cutter: Cutter,
    chunk: Vec<u8>,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    /// Frames from a stream.
    pub fn new(from: R) -> Self {
        Self {
            from,
            cutter: Cutter::default(),
            chunk: vec![0; READ_BYTES],
        }
    }

    /// The stream itself, to write to where it was not split.
    #[cfg(test)]
    pub(crate) fn stream(&mut self) -> &mut R {
        &mut self.from
    }

    /// The next frame; waits as long as it takes, so callers set the deadline.
    pub async fn read<T: DeserializeOwned>(&mut self) -> Result<T, FrameError> {
        loop {
            if let Some(frame) = self.cutter.cut()? {
                return Ok(frame);
            }
            match self.from.read(&mut self.chunk).await? {
                0 => return Err(FrameError::Closed),
                count => self.cutter.push(&self.chunk[..count]),
            }
        }
    }

    /// The next frame, within `limit`.
    pub async fn read_within<T: DeserializeOwned>(
        &mut self,
        limit: Duration,
    ) -> Result<T, FrameError> {
        tokio::time::timeout(limit, self.read())
            .await
            .unwrap_or(Err(FrameError::Silent(limit)))
    }
}

/// Writes one frame; a peer that does not take it within `limit` is silent.
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
        /// However the stream is cut, the same frames come out.
        #[test]
        fn any_split_of_the_bytes_gives_the_same_frames(
            frames in frames(),
            cuts in prop::collection::vec(1usize..50, 1..40),
        ) {
            let bytes: Vec<u8> = frames.iter().flat_map(|frame| encode(frame).unwrap()).collect();
            let mut cutter = Cutter::default();
            let mut seen: Vec<ToWorker> = Vec::new();
            let mut rest = bytes.as_slice();
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (now, later) = rest.split_at((*cut).min(rest.len()));
                cutter.push(now);
                rest = later;
                while let Some(frame) = cutter.cut().unwrap() {
                    seen.push(frame);
                }
            }
            prop_assert_eq!(seen, frames);
            prop_assert!(cutter.bytes.is_empty());
        }

        /// Bytes from a stranger give an error or wait for more; never a panic.
        #[test]
        fn noise_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut cutter = Cutter::default();
            cutter.push(&bytes);
            while let Ok(Some(_)) = cutter.cut::<ToLeader>() {}
        }
    }

    #[test]
    fn the_limit_counts_on_both_sides() {
        let long = ToWorker::Auth {
            hmac: "a".repeat(LONGEST_FRAME_BYTES),
        };
        assert!(matches!(encode(&long), Err(FrameError::TooLong(_))));
        let mut cutter = Cutter::default();
        cutter.push(&(LONGEST_FRAME_BYTES as u32 + 1).to_be_bytes());
        assert!(matches!(
            cutter.cut::<ToWorker>(),
            Err(FrameError::TooLong(_))
        ));
    }

    #[tokio::test]
    async fn a_dropped_read_loses_nothing() {
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
