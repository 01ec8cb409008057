//! Keys that are pressed while a run is shown on a terminal. The terminal gives them at once and does
//! not show them; Ctrl-C stays a signal. What a key does is `load_keys`'.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::termios::{
    LocalModes, OptionalActions, Termios, isatty, tcgetattr, tcgetpgrp, tcsetattr,
};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc;

/// Between two looks whether keys are still wanted.
const LOOK: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};
/// Most keys that wait.
const LONGEST_QUEUE: usize = 16;

/// How the terminal was before; also for the panic hook, when nothing is dropped.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// Keys, until it is dropped.
#[derive(Debug)]
pub struct Keys {
    pressed: mpsc::Receiver<u8>,
    ended: Arc<AtomicBool>,
}

impl Keys {
    /// Listens; None where standard input is no terminal, or not this command's: a command in the
    /// background must not read.
    pub fn listen() -> Option<Self> {
        let stdin = rustix::stdio::stdin();
        if !isatty(stdin) || !is_in_front() {
            return None;
        }
        let before = tcgetattr(stdin).ok()?;
        *lock() = Some(before);
        let (sender, pressed) = mpsc::channel(LONGEST_QUEUE);
        let ended = Arc::new(AtomicBool::new(false));
        // From here on its end gives the terminal back.
        let keys = Self {
            pressed,
            ended: ended.clone(),
        };
        at_once();
        std::thread::Builder::new()
            .name("keys".to_owned())
            .spawn(move || read(&sender, &ended))
            .ok()?;
        Some(keys)
    }

    /// The next key; pending for ever where nobody types any more.
    pub async fn next(this: &mut Option<Self>) -> u8 {
        match this {
            Some(keys) => match keys.pressed.recv().await {
                Some(key) => key,
                None => std::future::pending().await,
            },
            None => std::future::pending().await,
        }
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        restore();
    }
}

fn lock() -> MutexGuard<'static, Option<Termios>> {
    BEFORE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets the terminal give keys at once, unless it does or was given back: a shell sets it as it was
/// when it stops this command (Ctrl-Z).
fn at_once() {
    let stdin = rustix::stdio::stdin();
    let before = lock();
    let Some(before) = before.as_ref().filter(|_| is_in_front()) else {
        return;
    };
    let line_by_line = LocalModes::ICANON | LocalModes::ECHO;
    let now = tcgetattr(stdin);
    if now.is_ok_and(|now| now.local_modes.intersects(line_by_line)) {
        let mut wanted = before.clone();
        wanted.local_modes.remove(line_by_line);
        // A terminal that is gone gives no keys.
        let _ = tcsetattr(stdin, OptionalActions::Now, &wanted);
    }
}

/// Gives the terminal back as it was. In the background it is the shell's, which has it as it likes.
pub fn restore() {
    let mut before = lock();
    if let Some(before) = before.take().filter(|_| is_in_front()) {
        // A terminal that is gone needs nothing.
        let _ = tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &before);
    }
}

/// Whether this command is in the foreground of its terminal.
fn is_in_front() -> bool {
    tcgetpgrp(rustix::stdio::stdin()).is_ok_and(|group| group == rustix::process::getpgrp())
}

/// Whether bytes are part of an escape sequence (ECMA-48): arrow keys and terminals' own answers
/// send them, and no person means a key by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escapes {
    None,
    /// After ESC.
    Begun,
    /// In a control sequence, up to its last byte.
    Control,
    /// In a string, up to BEL or ESC and a backslash.
    Text,
}

impl Escapes {
    /// Whether the next byte is a key.
    fn is_key(&mut self, byte: u8) -> bool {
        let before = *self;
        *self = match (before, byte) {
            (_, 0x1b) => Self::Begun,
            (Self::Begun, b'[' | b'O') => Self::Control,
            (Self::Begun, b']' | b'P' | b'X' | b'^' | b'_') => Self::Text,
            (Self::Control, 0x40..=0x7e) | (Self::Text, 0x07) => Self::None,
            (Self::Control | Self::Text, _) => before,
            (Self::Begun | Self::None, _) => Self::None,
        };
        before == Self::None && *self == Self::None
    }
}

fn read(sender: &mpsc::Sender<u8>, ended: &AtomicBool) {
    let stdin = rustix::stdio::stdin();
    let mut some = [0; 16];
    let mut escapes = Escapes::None;
    while !ended.load(Ordering::Relaxed) {
        let mut ready = [PollFd::new(&stdin, PollFlags::IN)];
        match poll(&mut ready, Some(&LOOK)) {
            Ok(0) | Err(Errno::INTR) => {
                at_once();
                continue;
            }
            Ok(_) => {}
            Err(_) => return,
        }
        if !is_in_front() {
            // Put into the background: who reads then is stopped. It may come back.
            let _ = poll(&mut [], Some(&LOOK));
            continue;
        }
        match rustix::io::read(stdin, &mut some) {
            Ok(0) | Err(_) => return,
            Ok(count) => {
                for key in some[..count].iter().filter(|byte| escapes.is_key(**byte)) {
                    // More than a few that nobody takes up are dropped.
                    let _ = sender.try_send(*key);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_terminals_send_by_themselves_is_no_key() {
        for (bytes, keys) in [
            (&b"+-pe"[..], "+-pe"),
            (b"\x1b[A+\x1b[1;5B-", "+-"),
            (b"\x1bOP+", "+"),
            (b"\x1b]0;e\x07+", "+"),
            (b"\x1b]11;rgb:1e1e/1e1e/1e1e\x1b\\p", "p"),
            (b"\x1bPeee\x1b\\-", "-"),
        ] {
            let mut escapes = Escapes::None;
            let told = bytes.iter().filter(|byte| escapes.is_key(**byte));
            let told: String = told.map(|byte| char::from(*byte)).collect();
            assert_eq!(told, keys, "{bytes:?}");
        }
    }
}
