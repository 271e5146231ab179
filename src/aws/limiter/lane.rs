//! A lane: one bucket, and those that wait for it. Calls wait in place; a pass that must not wait so long takes a place, goes, and comes back.

use jiff::{SignedDuration, Timestamp};
use tokio::sync::oneshot;

use super::super::caller::{Caller, Turn};
use super::bucket::Bucket;
use super::line::Line;

/// How long a turn is kept for whom it was given to.
const KEPT: SignedDuration = SignedDuration::from_secs(60);
/// How long after it should have been back a place is kept.
const GRACE: SignedDuration = SignedDuration::from_secs(120);
/// A place so far from its turn comes back before it, so that the status tells how it moves.
const FAR: SignedDuration = SignedDuration::from_secs(60);

/// One bucket, and those that wait for it.
#[derive(Debug)]
pub struct Lane {
    pub bucket: Bucket,
    calls: Line<oneshot::Sender<()>>,
    places: Line<Place>,
    kept: Vec<Kept>,
}

/// A place in the line of a pass that went.
#[derive(Debug)]
struct Place {
    caller: Caller,
    back_by: Timestamp,
}

/// A turn that was given and not used yet.
#[derive(Debug)]
struct Kept {
    caller: Caller,
    until: Timestamp,
}

impl Lane {
    /// One without anybody.
    pub fn new(bucket: Bucket) -> Self {
        Self { bucket, calls: Line::default(), places: Line::default(), kept: Vec::new() }
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.calls.len() + self.places.len()
    }

    /// A call that may be made now takes its token; another gets what tells when.
    pub fn enter(&mut self, caller: &Caller, now: Timestamp) -> Option<oneshot::Receiver<()>> {
        self.pass(now);
        if self.calls.is_empty() && self.bucket.available() > 0 {
            self.bucket.take();
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        self.calls.push(caller, sender);
        Some(receiver)
    }

    /// Lets go whoever may, and tells when the next may. Who has given up waiting takes no token.
    pub fn dispatch(&mut self, now: Timestamp) -> Option<Timestamp> {
        self.pass(now);
        while !self.calls.is_empty() && self.bucket.available() > 0 {
            if self.calls.pop().is_some_and(|sender| sender.send(()).is_ok()) {
                self.bucket.take();
            }
        }
        (!self.calls.is_empty()).then(|| self.bucket.ready_at(0))
    }

    /// Whether it is a pass's turn. One that is given is `kept`, unless what it is for begins at once.
    pub fn turn(&mut self, caller: &Caller, keep: bool, now: Timestamp) -> Turn {
        self.pass(now);
        if self.kept.iter().any(|kept| kept.caller.is_same(caller)) {
            return Turn::Now;
        }
        self.places.remove(|place| place.caller.is_same(caller) && place.caller.urgency != caller.urgency);
        if self.places.find(|place| place.caller.is_same(caller)).is_none() {
            self.places.push(caller, Place { caller: caller.clone(), back_by: now });
        }
        let places = self.places.in_order();
        let before = places.iter().position(|place| place.caller.is_same(caller)).unwrap_or_default();
        let ahead = before + self.calls.len();
        if ahead < self.bucket.available() {
            self.places.remove(|place| place.caller.is_same(caller));
            self.bucket.take();
            if keep {
                self.kept.push(Kept { caller: caller.clone(), until: now + KEPT });
            }
            return Turn::Now;
        }
        let ready_at = self.bucket.ready_at(ahead);
        let wait = now.duration_until(ready_at);
        let at = now + if wait > FAR { FAR.max(wait / 4) } else { wait };
        if let Some(place) = self.places.find(|place| place.caller.is_same(caller)) {
            place.back_by = at + GRACE;
        }
        Turn::Later { ahead, at, ready_at }
    }

    /// Uses a turn that was kept.
    pub fn redeem(&mut self, caller: &Caller, now: Timestamp) -> bool {
        self.pass(now);
        let kept = self.kept.iter().position(|kept| kept.caller.is_same(caller));
        kept.map(|index| self.kept.remove(index)).is_some()
    }

    /// A caller needs nothing of it any more.
    pub fn leave(&mut self, caller: &Caller) {
        self.places.remove(|place| place.caller.is_same(caller));
        let before = self.kept.len();
        self.kept.retain(|kept| !kept.caller.is_same(caller));
        (self.kept.len()..before).for_each(|_| self.bucket.give_back());
    }

    /// Whoever waits in place is let go without a token: the process ends.
    pub fn close(&mut self) {
        self.calls = Line::default();
    }

    /// Lets the time pass: places whose pass did not come back go, and turns that were not used.
    fn pass(&mut self, now: Timestamp) {
        self.bucket.pass(now);
        self.places.remove(|place| place.back_by < now);
        let before = self.kept.len();
        self.kept.retain(|kept| kept.until >= now);
        (self.kept.len()..before).for_each(|_| self.bucket.give_back());
    }
}

#[cfg(test)]
mod tests {
    use sfe_core::operation::{Operation, Rate};

    use super::super::super::caller::Urgency;
    use super::super::bucket::Limit;
    use super::*;

    fn after(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn caller(name: &str, urgency: Urgency) -> Caller {
        Caller { namespace: "n".to_owned(), name: name.to_owned(), urgency }
    }

    fn new(name: &str) -> Caller {
        caller(name, Urgency::New)
    }

    /// At half of AWS's rate: one every 10 seconds, three saved, 5 seconds between two.
    fn create_deployment() -> Lane {
        let rate = Operation::CreateDeployment.rate().unwrap();
        Lane::new(Bucket::new(Limit::share(rate, 0.5), after(0)))
    }

    fn later(ahead: usize, at: i64) -> Turn {
        Turn::Later { ahead, at: after(at), ready_at: after(at) }
    }

    #[test]
    fn a_place_is_kept_until_its_turn_and_the_turn_until_it_is_used() {
        let mut lane = create_deployment();
        assert_eq!(lane.turn(&new("a"), true, after(0)), Turn::Now);
        assert_eq!(lane.turn(&new("a"), true, after(1)), Turn::Now, "it is kept");
        assert_eq!(lane.turn(&new("b"), true, after(1)), later(0, 5));
        assert_eq!(lane.turn(&new("c"), true, after(1)), later(1, 10));
        assert_eq!(lane.turn(&new("c"), true, after(2)), later(1, 10), "its place is the same");
        assert_eq!(lane.waiting(), 2);
        assert_eq!(lane.turn(&new("b"), true, after(5)), Turn::Now);
        assert_eq!(lane.turn(&new("c"), true, after(6)), later(0, 10));
        assert_eq!(lane.turn(&new("c"), true, after(10)), Turn::Now);
        assert!(lane.redeem(&new("a"), after(11)) && !lane.redeem(&new("a"), after(11)), "it is used once");
    }

    #[test]
    fn who_does_not_come_back_holds_nobody_up_for_long() {
        let mut lane = create_deployment();
        for name in ["a", "b", "c", "d"] {
            lane.turn(&new(name), true, after(0));
        }
        // b, whose turn it is from 5 on, does not come: c goes when it comes.
        assert_eq!(lane.turn(&new("c"), true, after(11)), Turn::Now);
        assert_eq!(lane.turn(&new("d"), true, after(200)), Turn::Now);
        assert_eq!(lane.waiting(), 0, "b has lost its place");
    }

    #[test]
    fn a_turn_that_is_not_used_is_given_back() {
        let mut lane = create_deployment();
        for at in [0, 5, 10] {
            assert_eq!(lane.turn(&new(&format!("a{at}")), true, after(at)), Turn::Now);
        }
        let full = |lane: &mut Lane, at| {
            lane.pass(after(at));
            lane.bucket.available()
        };
        lane.leave(&new("a0"));
        lane.leave(&new("a5"));
        assert_eq!(full(&mut lane, 15), 3);
        assert!(!lane.redeem(&new("a10"), after(71)), "a minute is over");
    }

    #[test]
    fn deletes_and_drift_are_behind_new_work_however_long_they_wait() {
        let mut lane = create_deployment();
        for at in [0, 5, 10, 15] {
            assert_eq!(lane.turn(&new(&format!("first{at}")), true, after(at)), Turn::Now);
        }
        let (delete, drift) = (caller("delete", Urgency::Delete), caller("drift", Urgency::Drift));
        assert_eq!(lane.turn(&delete, true, after(16)), later(0, 20));
        assert_eq!(lane.turn(&drift, true, after(17)), later(0, 20));
        assert_eq!(lane.turn(&new("new"), true, after(18)), later(0, 20));
        assert_eq!(lane.turn(&delete, true, after(19)), later(2, 40));
        assert_eq!(lane.turn(&new("new"), true, after(20)), Turn::Now);
        assert_eq!(lane.turn(&drift, true, after(30)), Turn::Now);
        assert_eq!(lane.turn(&delete, true, after(40)), Turn::Now);
    }

    #[test]
    fn a_far_place_is_told_of_now_and_then() {
        let mut lane = Lane::new(Bucket::new(Limit::share(Operation::DeleteRestApi.rate().unwrap(), 0.5), after(0)));
        for index in 0..500 {
            lane.turn(&caller(&format!("{index}"), Urgency::Delete), true, after(0));
        }
        let Turn::Later { ahead: 498, at, ready_at } = lane.turn(&caller("499", Urgency::Delete), true, after(0))
        else {
            panic!("not in its place");
        };
        assert!(at > after(3_600) && at < after(3 * 3_600), "{at}");
        assert!(ready_at > after(8 * 3_600) && ready_at < after(9 * 3_600), "{ready_at}");
    }

    #[test]
    fn calls_wait_in_place_in_their_order_and_the_impatient_take_nothing() {
        let mut lane = Lane::new(Bucket::new(Limit::share(Rate { burst: 2, period_ms: 500 }, 0.5), after(0)));
        assert!(lane.enter(&new("a"), after(0)).is_none(), "a token is there");
        let mut delete = lane.enter(&caller("b", Urgency::Delete), after(0)).unwrap();
        let impatient = lane.enter(&new("c"), after(0)).unwrap();
        let mut urgent = lane.enter(&new("d"), after(0)).unwrap();
        drop(impatient);
        assert_eq!(lane.dispatch(after(0)), Some(after(1)));
        assert!(urgent.try_recv().is_err());
        assert_eq!(lane.dispatch(after(1)), Some(after(2)));
        assert!(urgent.try_recv().is_ok() && delete.try_recv().is_err());
        assert_eq!(lane.dispatch(after(2)), None);
        assert!(delete.try_recv().is_ok());
    }
}
