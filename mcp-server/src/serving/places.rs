//! The places of connections. When all are taken, the connection that has been idle for longest
//! gives its place to the newcomer, or else the one whose request's body is latest: neither locks
//! anybody out. Other requests in progress, live data among them, are never ended for it. Some places
//! are kept for this machine.

use super::limits::Limits;
use super::refusals::Refusal;
use super::seen::Seen;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

/// All places.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    next: u64,
    by: HashMap<u64, Holder>,
}

#[derive(Debug)]
struct Holder {
    is_here: bool,
    seen: Arc<Seen>,
    leave: Arc<Notify>,
}

/// A place that is held.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    number: u64,
    pub(super) seen: Arc<Seen>,
    /// Its holder must leave.
    pub(super) leave: Arc<Notify>,
}

/// How a place was found.
#[derive(Debug)]
pub(super) enum Found {
    /// There was one.
    Free(Place),
    /// A connection was ended for it, as this says.
    Given(Place, Refusal),
    /// All are taken by requests in progress.
    None,
}

impl Places {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            taken: Mutex::default(),
        })
    }

    /// A place for a connection of this machine, or of another.
    pub(super) fn find(self: &Arc<Self>, is_here: bool) -> Found {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let elsewhere = taken.by.values().filter(|holder| !holder.is_here).count();
        let is_full = taken.by.len() >= self.most
            || (!is_here && elsewhere >= Limits::elsewhere(self.most).max(1));
        let ended = is_full.then(|| taken.end_one(is_here));
        if ended == Some(None) {
            return Found::None;
        }
        let (seen, leave) = (Seen::new(), Arc::new(Notify::new()));
        let number = taken.next;
        taken.next += 1;
        let holder = Holder {
            is_here,
            seen: Arc::clone(&seen),
            leave: Arc::clone(&leave),
        };
        taken.by.insert(number, holder);
        let place = Place {
            places: Arc::clone(self),
            number,
            seen,
            leave,
        };
        match ended.flatten() {
            Some(how) => Found::Given(place, how),
            None => Found::Free(place),
        }
    }

    /// Ends the connection that is missed least, if one may be.
    pub(super) fn end_one(&self) -> Option<Refusal> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.end_one(true)
    }
}

impl Taken {
    /// Ends the connection that is missed least, for a newcomer of this machine or of another, who
    /// takes none of this machine's: idle ones before those that send, others' before this machine's.
    fn end_one(&mut self, is_here: bool) -> Option<Refusal> {
        let may_leave = self.by.iter().filter_map(|(number, holder)| {
            let (sends, since) = match holder.seen.idle_since() {
                Some(since) => (false, since),
                None => (true, holder.seen.late_since()?),
            };
            (is_here || !holder.is_here).then_some((sends, holder.is_here, since, *number))
        });
        let (sends, .., number) = may_leave.min()?;
        if let Some(holder) = self.by.remove(&number) {
            holder.leave.notify_one();
        }
        Some(match sends {
            true => Refusal::LateBody,
            false => Refusal::MadeRoom,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self
            .places
            .taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        taken.by.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn found(places: &Arc<Places>, is_here: bool) -> Option<Place> {
        match places.find(is_here) {
            Found::Free(place) | Found::Given(place, _) => Some(place),
            Found::None => None,
        }
    }

    #[test]
    fn the_connection_that_is_idle_for_longest_gives_its_place() {
        let places = Places::new(3);
        let [first, second, third] = [(); 3].map(|()| found(&places, true).unwrap());
        let working = first.seen.begin();
        assert!(matches!(
            places.find(true),
            Found::Given(_, Refusal::MadeRoom)
        ));
        // `notify_one` keeps its word for whoever asks later.
        let asked = |place: &Place| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap();
            runtime.block_on(async {
                tokio::select! { biased;
                    () = place.leave.notified() => true,
                    () = std::future::ready(()) => false,
                }
            })
        };
        assert_eq!([&first, &second, &third].map(asked), [false, true, false]);
        drop(working);
    }

    #[test]
    fn requests_in_progress_are_never_ended_for_a_newcomer() {
        let places = Places::new(2);
        let held = [(); 2].map(|()| found(&places, true).unwrap());
        let working = [held[0].seen.begin(), held[1].seen.begin()];
        assert!(found(&places, true).is_none());
        drop(working);
        held[1].seen.writing(true);
        held[0].seen.writing(true);
        assert!(found(&places, true).is_none(), "answers that are not taken");
        held[1].seen.writing(false);
        assert!(found(&places, true).is_some());
    }

    /// A body that just began to wait may come at once; one that is late does not keep others out.
    #[test]
    fn a_late_body_gives_its_place_once_nobody_is_idle() {
        let places = Places::new(3);
        let held = [(); 3].map(|()| found(&places, true).unwrap());
        let working = [0, 1].map(|n| held[n].seen.begin());
        let s = |s| Some(Duration::from_secs(s));
        held[0].seen.waits_for_body(s(0));
        held[1].seen.waits_for_body(s(5));
        let third = found(&places, true).expect("the idle one goes first");
        let also_working = third.seen.begin();
        let second = found(&places, true).expect("then the late one");
        let last_working = second.seen.begin();
        assert!(found(&places, true).is_none(), "the first is in time");
        held[0].seen.waits_for_body(s(2));
        assert!(found(&places, false).is_none(), "and of this machine");
        held[0].seen.waits_for_body(None);
        assert!(found(&places, true).is_none(), "it came");
        drop((working, also_working, last_working));
    }

    #[test]
    fn others_leave_places_for_this_machine() {
        let places = Places::new(8);
        let held: Vec<Place> = (0..6).map(|_| found(&places, false).unwrap()).collect();
        let working: Vec<_> = held.iter().map(|place| place.seen.begin()).collect();
        assert!(found(&places, false).is_none(), "the last two are kept");
        let here: Vec<Place> = (0..2).map(|_| found(&places, true).unwrap()).collect();
        // Idle ones of this machine are not ended for others.
        drop(working);
        let newcomers: Vec<Place> = (0..6).map(|_| found(&places, false).unwrap()).collect();
        drop((held, newcomers));
        assert_eq!(places.taken.lock().unwrap().by.len(), here.len());
    }
}
