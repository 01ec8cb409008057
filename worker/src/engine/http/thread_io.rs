//! What all connections of a load thread share.

use crate::engine::clock::RunClock;
use crate::engine::http::origin::Origins;
use crate::engine::http::stamps::Stamps;
use crate::engine::memory::{KeptRoom, Memory};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use tokio::sync::Notify;

/// Size of a thread's one read buffer, bytes.
const READ_BUFFER_BYTES: usize = 64 * 1024;

/// What all connections of a thread share.
#[derive(Debug)]
pub(crate) struct ThreadIo {
    pub(crate) clock: RunClock,
    /// Every read goes into it and is parsed from it at once.
    pub(crate) buffer: RefCell<Box<[u8]>>,
    /// Brings the kernel's times of receipt onto the run's clock.
    pub(crate) stamps: Stamps,
    pub(crate) origins: Origins,
    pub(crate) memory: Memory,
    /// For what is kept of answers.
    pub(crate) room: Rc<KeptRoom>,
    /// Streams of messages that are open.
    pub(crate) open_streams: Cell<u64>,
    /// Notified when none is open any more.
    pub(crate) streams_left: Notify,
}

impl ThreadIo {
    /// That of one of `threads` threads.
    pub(crate) fn new(clock: RunClock, origins: Origins, memory: &Memory, threads: u64) -> Self {
        Self {
            memory: memory.clone(),
            room: memory.kept_room(threads),
            clock,
            buffer: RefCell::new(vec![0; READ_BUFFER_BYTES].into()),
            stamps: Stamps::new(clock),
            origins,
            open_streams: Cell::new(0),
            streams_left: Notify::new(),
        }
    }
}
