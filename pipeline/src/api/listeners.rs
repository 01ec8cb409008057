//! Places of those who listen to live data: they stay, so that nobody may take all. Some are kept
//! for this machine and some for those who may write, and one token or address has a share. What is
//! told to whom is `live`'s.

use dlt_core::calls::{Caller, Holder};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Who wants to listen.
#[derive(Debug, Clone)]
pub(super) struct Listener {
    pub(super) caller: Caller,
    /// Whose token it is; None without one.
    pub(super) holder: Option<Holder>,
    /// None where the server does not say.
    pub(super) address: Option<IpAddr>,
}

/// All places.
#[derive(Debug)]
pub(super) struct Listeners {
    most: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    next: u64,
    by: HashMap<u64, Listener>,
}

/// A place that is held, until it is dropped.
#[derive(Debug)]
pub(super) struct Permit {
    listeners: Arc<Listeners>,
    number: u64,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Full {
    #[error("{0} listen already; try again later")]
    All(usize),
    #[error("{0} of this token or address listen already, its share; close some")]
    Share(usize),
    #[error(
        "{0} listen already, and the other places are kept for those who may write and for the server's own machine; try again later"
    )]
    Kept(usize),
}

impl Listener {
    fn is_here(&self) -> bool {
        self.address.is_none_or(|address| address.is_loopback())
    }

    fn is_reader(&self) -> bool {
        self.caller == Caller::Reader
    }

    /// Whether what one takes is the other's, too. Programs of this machine without a token
    /// are not told apart.
    fn shares_with(&self, other: &Self) -> bool {
        match (&self.holder, &other.holder) {
            (Some(own), Some(theirs)) => own == theirs,
            (None, None) => !self.is_here() && self.address == other.address,
            _ => false,
        }
    }
}

impl Listeners {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            taken: Mutex::default(),
        })
    }

    /// A place, if there is one for such a listener.
    pub(super) fn take(self: &Arc<Self>, listener: Listener) -> Result<Permit, Full> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = |is: &dyn Fn(&Listener) -> bool| taken.by.values().filter(|it| is(it)).count();
        // Parts of all places, in quarters; at least one for everybody.
        let quarters = |n: usize| (self.most * n / 4).max(1);
        if taken.by.len() >= self.most {
            return Err(Full::All(self.most));
        }
        let of_share = count(&|it| listener.shares_with(it));
        if of_share >= quarters(1) {
            return Err(Full::Share(of_share));
        }
        let elsewhere = count(&|it| !it.is_here());
        let readers = count(&|it| it.is_reader());
        let both = count(&|it| it.is_reader() && !it.is_here());
        // Readers elsewhere leave a place to writers elsewhere, who leave one to this machine.
        let is_kept = !listener.is_here() && elsewhere >= quarters(3)
            || listener.is_reader() && readers >= quarters(3)
            || listener.is_reader() && !listener.is_here() && both >= quarters(2);
        if is_kept {
            return Err(Full::Kept(taken.by.len()));
        }
        let number = taken.next;
        taken.next += 1;
        taken.by.insert(number, listener);
        Ok(Permit {
            listeners: Arc::clone(self),
            number,
        })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let taken = &self.listeners.taken;
        let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.by.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener(caller: Caller, token: Option<usize>, address: &str) -> Listener {
        Listener {
            caller,
            holder: token.map(|token| Holder(token.to_string())),
            address: Some(address.parse().unwrap()),
        }
    }

    /// How many of these find a place, the permits kept.
    fn taken(
        places: &Arc<Listeners>,
        held: &mut Vec<Permit>,
        all: impl Iterator<Item = Listener>,
    ) -> usize {
        let before = held.len();
        held.extend(all.filter_map(|listener| places.take(listener).ok()));
        held.len() - before
    }

    #[test]
    fn a_token_or_an_address_has_a_share() {
        let (places, mut held) = (Listeners::new(64), Vec::new());
        let of = |n: usize, caller, token, address: &'static str| {
            (0..n).map(move |_| listener(caller, token, address))
        };
        let reader = of(70, Caller::Reader, Some(1), "192.0.2.2");
        assert_eq!(taken(&places, &mut held, reader), 16);
        // The same token from another address.
        let moved = listener(Caller::Reader, Some(1), "192.0.2.3");
        assert_eq!(places.take(moved).unwrap_err(), Full::Share(16));
        let address = of(70, Caller::Writer, None, "192.0.2.4");
        assert_eq!(taken(&places, &mut held, address), 16);
        drop(held);
        let again = listener(Caller::Reader, Some(1), "192.0.2.3");
        assert!(places.take(again).is_ok(), "places are given back");
    }

    #[test]
    fn places_are_kept_for_writers_and_for_this_machine() {
        let (places, mut held) = (Listeners::new(64), Vec::new());
        let many = |caller, from: usize, address: &'static str| {
            (from..from + 100).map(move |token| listener(caller, Some(token), address))
        };
        let readers = many(Caller::Reader, 0, "192.0.2.2");
        assert_eq!(taken(&places, &mut held, readers), 32);
        let writers = many(Caller::Writer, 100, "192.0.2.2");
        assert_eq!(taken(&places, &mut held, writers), 16);
        let here = (0..100).map(|_| listener(Caller::Writer, None, "127.0.0.1"));
        assert_eq!(taken(&places, &mut held, here), 16);
        let last = listener(Caller::Writer, None, "::1");
        assert_eq!(places.take(last).unwrap_err(), Full::All(64));
    }

    #[test]
    fn with_few_places_everybody_may_have_one() {
        for most in 1..5 {
            let reader = listener(Caller::Reader, Some(1), "192.0.2.2");
            assert!(Listeners::new(most).take(reader).is_ok(), "{most}");
        }
    }
}
