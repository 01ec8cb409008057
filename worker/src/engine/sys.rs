//! The few system calls that the standard library does not offer: timers as
//! descriptors, the thread's timer slack, and reads with the kernel's time of
//! receipt. The only file of the engine with `unsafe`. Timers serve `pace`,
//! stamps serve `http`.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;
use tokio::io::unix::AsyncFd;
use tokio::io::{Interest, ReadBuf};

/// A timer on the monotonic clock, whose descriptor becomes readable.
#[derive(Debug)]
pub(super) struct TimerFd(OwnedFd);

impl TimerFd {
    /// A timer, not armed, registered with the current runtime.
    pub(super) fn polled() -> io::Result<AsyncFd<Self>> {
        #[expect(
            unsafe_code,
            reason = "the timer owns its descriptor and never gives out another"
        )]
        let polled = unsafe { AsyncFd::register_with_interest(Self::new()?, Interest::READABLE) };
        polled.map_err(io::Error::from)
    }

    fn new() -> io::Result<Self> {
        #[expect(unsafe_code, reason = "timerfd_create takes no pointers")]
        let fd = unsafe {
            libc::timerfd_create(
                libc::CLOCK_MONOTONIC,
                libc::TFD_NONBLOCK | libc::TFD_CLOEXEC,
            )
        };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        #[expect(
            unsafe_code,
            reason = "the descriptor was just made and nobody else owns it"
        )]
        let owned = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Self(owned))
    }

    /// Becomes readable once, `after` from now; clears an expiry that was not read.
    pub(super) fn arm(&self, after: Duration) -> io::Result<()> {
        let spec = libc::itimerspec {
            it_interval: timespec(Duration::ZERO),
            // Zero disarms it, so the shortest time is a nanosecond.
            it_value: timespec(after.max(Duration::from_nanos(1))),
        };
        #[expect(
            unsafe_code,
            reason = "spec outlives the call; a null old value is allowed"
        )]
        let done =
            unsafe { libc::timerfd_settime(self.0.as_raw_fd(), 0, &spec, std::ptr::null_mut()) };
        if done == 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    }
}

impl AsRawFd for TimerFd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

fn timespec(duration: Duration) -> libc::timespec {
    libc::timespec {
        tv_sec: duration.as_secs() as libc::time_t,
        tv_nsec: libc::c_long::from(duration.subsec_nanos() as i32),
    }
}

/// Gives memory that was freed back to the system, as far as the allocator does so when asked.
pub(super) fn give_memory_back() {
    #[cfg(target_env = "gnu")]
    #[expect(unsafe_code, reason = "malloc_trim has no safe form in std or libc")]
    // SAFETY: it takes a number, and may be called at any time by any thread (malloc_trim(3)).
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Sets this thread's timer slack to its minimum: sleeps end up to 50 µs late otherwise.
pub(super) fn minimize_timer_slack() {
    #[expect(unsafe_code, reason = "prctl with numbers alone")]
    // A kernel that refuses leaves the default slack: wake-ups are later, and the
    // lag histogram shows it.
    let _ = unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1, 0, 0, 0) };
}

/// Buffer for the one control message that is asked for: a header and a timespec,
/// aligned as `cmsghdr` requires.
#[repr(C, align(8))]
struct Control([MaybeUninit<u8>; 64]);

/// Asks the kernel to stamp what this socket receives, with nanoseconds of
/// CLOCK_REALTIME (SO_TIMESTAMPNS, socket(7); for TCP since Linux 4.14).
pub(super) fn enable_stamps(socket: BorrowedFd<'_>) -> io::Result<()> {
    let on: libc::c_int = 1;
    #[expect(
        unsafe_code,
        reason = "the option is an int that outlives the call, of the size given"
    )]
    let done = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_TIMESTAMPNS,
            (&raw const on).cast(),
            size_of_val(&on) as libc::socklen_t,
        )
    };
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Reads what a socket holds into the rest of a buffer: how many bytes, and when the kernel
/// received the last of them (ns since the Unix epoch), if it says so. Bytes beyond them are not
/// touched: writing zeros to a large buffer before each read would cost as much as the read.
#[inline]
pub(super) fn receive(
    socket: BorrowedFd<'_>,
    buffer: &mut ReadBuf<'_>,
) -> io::Result<(usize, Option<u64>)> {
    let mut control = Control([MaybeUninit::uninit(); 64]);
    let mut message = MaybeUninit::<libc::msghdr>::zeroed();
    #[expect(
        unsafe_code,
        reason = "a msghdr of zeros is valid; its pointers lead to locals and to a buffer of the \
                  length given, all alive during the call; control messages are read only as far \
                  as the kernel says that it wrote them, and as many bytes of the buffer count as \
                  written"
    )]
    unsafe {
        let unfilled = buffer.unfilled_mut();
        let mut vector = libc::iovec {
            iov_base: unfilled.as_mut_ptr().cast(),
            iov_len: unfilled.len(),
        };
        let header = message.assume_init_mut();
        header.msg_iov = &raw mut vector;
        header.msg_iovlen = 1;
        header.msg_control = control.0.as_mut_ptr().cast();
        header.msg_controllen = size_of::<Control>() as _;
        let read = libc::recvmsg(socket.as_raw_fd(), header, 0);
        if read < 0 {
            return Err(io::Error::last_os_error());
        }
        let first = libc::CMSG_FIRSTHDR(header);
        let stamp = match first.as_ref() {
            Some(control)
                if control.cmsg_level == libc::SOL_SOCKET
                    && control.cmsg_type == libc::SCM_TIMESTAMPNS =>
            {
                let time = libc::CMSG_DATA(first).cast::<libc::timespec>();
                let time = time.read_unaligned();
                Some(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
            }
            _ => None,
        };
        let read = read as usize;
        buffer.assume_init(read);
        buffer.advance(read);
        Ok((read, stamp))
    }
}
