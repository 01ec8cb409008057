//! What fuzzing feeds to the start connection: frames of any bytes, in any pieces.

use super::frames::{FrameDecoder, encode};
use dlt_core::messages::order::{ToLeader, ToWorker};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A name, and what is done with an input.
pub(crate) type Target = (&'static str, fn(&[u8]));

/// The targets.
pub(crate) const TARGETS: &[Target] = &[("frames", |data| {
    same::<ToWorker>(data);
    same::<ToLeader>(data);
})];

/// The frames up to the first that cannot be read, each as it would be sent, and whether there was
/// one.
fn frames<'a, T: DeserializeOwned + Serialize>(
    pieces: impl Iterator<Item = &'a [u8]>,
) -> (Vec<Vec<u8>>, bool) {
    let mut decoder = FrameDecoder::default();
    let mut all = Vec::new();
    for piece in pieces {
        decoder.push(piece);
        loop {
            match decoder.next_frame::<T>() {
                Ok(Some(frame)) => all.push(encode(&frame).expect("what was read can be sent")),
                Ok(None) => break,
                Err(_) => return (all, true),
            }
        }
    }
    (all, false)
}

fn same<T: DeserializeOwned + Serialize>(data: &[u8]) {
    let at_once = frames::<T>(std::iter::once(data));
    assert_eq!(frames::<T>(data.chunks(1)), at_once);
    // What is sent is read as the same.
    let sent = at_once.0.concat();
    assert_eq!(frames::<T>(std::iter::once(&sent[..])), (at_once.0, false));
}
