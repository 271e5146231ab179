//! The rate limiter: for each account and Region a bucket for each operation of which AWS documents a rate, and one for all of API Gateway's.
//!
//! - New work comes before looks for drift, and these before what is left of deletions; within each, namespaces take turns.
//! - A call waits in place. What AWS allows less than once a second takes a place in the line instead, and its pass comes back for it.
//! - A throttle halves the rate of its operation, which recovers step by step.
//!
//! The crate governor was looked at: its quotas are fixed when it is made, and whoever polls first goes first. What is left of it would be the
//! arithmetic of a bucket.

mod bucket;
mod lane;
mod line;
mod rates;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use jiff::Timestamp;
use sfe_core::operation::Operation;
use tokio::sync::Notify;

use super::caller::{Caller, Errand, Turn};
use super::clients::Calls;
use bucket::Bucket;
use lane::Lane;
use rates::Of;

pub use rates::{Chosen, Rates, Share};

/// An account and a Region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The account's twelve digits.
    pub account: String,
    /// The Region.
    pub region: String,
}

/// The process ends: no call starts any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

/// The rate limiter.
pub struct Limiter {
    rates: Rates,
    calls: Arc<dyn Calls>,
    lanes: Mutex<Lanes>,
    changed: Arc<Notify>,
}

#[derive(Default)]
struct Lanes {
    of: BTreeMap<(Place, Of), Lane>,
    closed: bool,
}

impl Limiter {
    /// One in which turns are asked for, but nobody waits in place.
    pub fn new(rates: Rates, calls: Arc<dyn Calls>) -> Self {
        Self { rates, calls, lanes: Mutex::default(), changed: Arc::default() }
    }

    /// One that lets go whoever waits in place, as long as it is there. It needs a runtime.
    pub fn start(rates: Rates, calls: Arc<dyn Calls>) -> Arc<Self> {
        let limiter = Arc::new(Self::new(rates, calls));
        tokio::spawn(dispatch(Arc::downgrade(&limiter), Arc::clone(&limiter.changed)));
        limiter
    }

    /// Waits until this call may be made.
    pub async fn wait(&self, place: &Place, caller: &Caller, operation: Operation) -> Result<(), Closed> {
        let started = tokio::time::Instant::now();
        let mut waited = false;
        for of in [Some(Of::Operation(operation)), operation.is_of_apigateway().then_some(Of::ApiGateway)] {
            let Some(of) = of else { continue };
            let receiver = self.enter(place, caller, of, Timestamp::now())?;
            let Some(receiver) = receiver else { continue };
            waited = true;
            self.changed.notify_one();
            receiver.await.map_err(|_| Closed)?;
        }
        if waited {
            self.calls.waited(operation, started.elapsed());
        }
        Ok(())
    }

    fn enter(
        &self,
        place: &Place,
        caller: &Caller,
        of: Of,
        now: Timestamp,
    ) -> Result<Option<tokio::sync::oneshot::Receiver<()>>, Closed> {
        if self.lanes().closed {
            return Err(Closed);
        }
        let entered =
            self.on(place, of, now, |lane| if lane.redeem(caller, now) { None } else { lane.enter(caller, now) });
        Ok(entered.flatten())
    }

    /// Whether it is a pass's turn.
    pub fn turn(&self, place: &Place, caller: &Caller, errand: Errand, now: Timestamp) -> Turn {
        let (of, keep) = match errand {
            Errand::Call(operation) => (Of::Operation(operation), true),
            Errand::DriftCheck => (Of::DriftCheck, false),
        };
        self.on(place, of, now, |lane| lane.turn(caller, keep, now)).unwrap_or(Turn::Now)
    }

    /// Uses a turn that a pass was given; whether it had one.
    pub fn redeem(&self, place: &Place, caller: &Caller, operation: Operation, now: Timestamp) -> bool {
        self.on(place, Of::Operation(operation), now, |lane| lane.redeem(caller, now)).unwrap_or(false)
    }

    /// A caller needs no turn any more.
    pub fn leave(&self, caller: &Caller) {
        self.lanes().of.values_mut().for_each(|lane| lane.leave(caller));
        self.changed.notify_one();
    }

    /// AWS has throttled this operation.
    pub fn throttled(&self, place: &Place, operation: Operation, now: Timestamp) {
        let own = self.rates.limit(Of::Operation(operation));
        let of = if own.is_none() && operation.is_of_apigateway() { Of::ApiGateway } else { Of::Operation(operation) };
        if let Some(assumed) = self.rates.assumed() {
            let limit = self.rates.limit(of).unwrap_or(assumed);
            let mut lanes = self.lanes();
            lanes.of.entry((place.clone(), of)).or_insert_with(|| Lane::new(Bucket::new(limit, now)));
        }
        self.on(place, of, now, |lane| {
            lane.bucket.pass(now);
            lane.bucket.throttled();
            tracing::warn!(
                operation = of.name(),
                region = place.region,
                per_second = lane.bucket.per_second(),
                "AWS throttles"
            );
        });
    }

    /// Whoever waits in place fails, and no call starts any more.
    pub fn close(&self) {
        let mut lanes = self.lanes();
        lanes.closed = true;
        lanes.of.values_mut().for_each(Lane::close);
    }

    /// Does something with a lane, if there is one, and tells the metrics of it.
    fn on<T>(&self, place: &Place, of: Of, now: Timestamp, change: impl FnOnce(&mut Lane) -> T) -> Option<T> {
        let mut lanes = self.lanes();
        let key = (place.clone(), of);
        if let Some(limit) = self.rates.limit(of) {
            lanes.of.entry(key.clone()).or_insert_with(|| Lane::new(Bucket::new(limit, now)));
        }
        let lane = lanes.of.get_mut(&key)?;
        let changed = change(lane);
        self.tell(&key, lane);
        Some(changed)
    }

    fn tell(&self, (place, of): &(Place, Of), lane: &Lane) {
        self.calls.lane(of.name(), &place.region, lane.waiting(), lane.bucket.per_second());
    }

    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets go whoever may, and tells when the next may. What was limited for a throttle alone is no longer, once that is over.
    fn dispatch(&self, now: Timestamp) -> Option<Timestamp> {
        let mut lanes = self.lanes();
        let mut next: Option<Timestamp> = None;
        for (key, lane) in &mut lanes.of {
            let was_waiting = lane.waiting();
            next = next.into_iter().chain(lane.dispatch(now)).min();
            if was_waiting > 0 {
                self.tell(key, lane);
            }
        }
        lanes
            .of
            .retain(|(_, of), lane| self.rates.limit(*of).is_some() || lane.waiting() > 0 || !lane.bucket.is_whole());
        next
    }
}

impl Drop for Limiter {
    fn drop(&mut self) {
        self.changed.notify_one();
    }
}

async fn dispatch(limiter: Weak<Limiter>, changed: Arc<Notify>) {
    loop {
        let Some(next) = limiter.upgrade().map(|limiter| limiter.dispatch(Timestamp::now())) else { return };
        let Some(at) = next else {
            changed.notified().await;
            continue;
        };
        let wait = Duration::try_from(Timestamp::now().duration_until(at)).unwrap_or_default();
        tokio::select! {
            () = tokio::time::sleep(wait.max(Duration::from_millis(1))) => {}
            () = changed.notified() => {}
        }
    }
}
