//! The few calls into the kernel for which the standard library has no name:
//! timers as descriptors and the thread's timer slack. The only file of the
//! engine with `unsafe`; what timers are used for is `pace`'s affair.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A timer that becomes readable, on the monotonic clock.
#[derive(Debug)]
pub(super) struct TimerFd(OwnedFd);

impl TimerFd {
    /// A timer, not armed, of the current runtime's poller.
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

    /// Readable once, `after` from now; forgets an expiry that was not read.
    pub(super) fn arm(&self, after: Duration) -> io::Result<()> {
        self.set(after, Duration::ZERO)
    }

    /// Readable every `period`, from one period from now.
    pub(super) fn arm_every(&self, period: Duration) -> io::Result<()> {
        self.set(period, period)
    }

    fn set(&self, first: Duration, period: Duration) -> io::Result<()> {
        let spec = libc::itimerspec {
            it_interval: timespec(period),
            // Zero would disarm it: the nearest instant is a nanosecond away.
            it_value: timespec(first.max(Duration::from_nanos(1))),
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

    /// Expiries since the last read; 0 if there is none.
    pub(super) fn read(&self) -> io::Result<u64> {
        let mut count = [0u8; 8];
        #[expect(unsafe_code, reason = "the buffer is the 8 bytes a timer writes")]
        let read =
            unsafe { libc::read(self.0.as_raw_fd(), count.as_mut_ptr().cast(), count.len()) };
        match read {
            8 => Ok(u64::from_ne_bytes(count)),
            _ => match io::Error::last_os_error() {
                error if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
                error => Err(error),
            },
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

/// Lets this thread's sleeps end when asked and not up to 50 µs later.
pub(super) fn least_timer_slack() {
    #[expect(unsafe_code, reason = "prctl with numbers alone")]
    // A kernel that refuses leaves the default slack: later wake-ups, which
    // the lag histogram shows.
    let _ = unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1, 0, 0, 0) };
}
