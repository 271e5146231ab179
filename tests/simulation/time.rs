//! Time that a run moves on by itself: nothing waits for real.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use jiff::Timestamp;
use sfe::controller::Clock;

/// Milliseconds since the beginning of a run.
pub type Millis = i64;

pub const SECOND: Millis = 1_000;
pub const MINUTE: Millis = 60 * SECOND;

/// The clock of a run, and what happens when.
#[derive(Clone, Default)]
pub struct Time(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    now: Millis,
    /// How many things were ever planned: those of one moment happen in this order.
    planned: u64,
    events: BTreeMap<(Millis, u64), Event>,
}

enum Event {
    Wake(Waker),
    Happen(Box<dyn FnOnce() + Send>),
}

impl Time {
    pub fn millis(&self) -> Millis {
        self.0.lock().unwrap().now
    }

    /// Lets something happen at that moment, whatever becomes of who wanted it.
    pub fn at(&self, at: Millis, what: impl FnOnce() + Send + 'static) {
        self.0.lock().unwrap().plan(at, Event::Happen(Box::new(what)));
    }

    pub fn sleep(&self, millis: Millis) -> Sleep {
        Sleep { time: self.clone(), until: self.millis() + millis, planned: false }
    }

    /// When the next thing happens.
    pub fn next(&self) -> Option<Millis> {
        self.0.lock().unwrap().events.keys().next().map(|(at, _)| *at)
    }

    /// Moves on to that moment; everything of it and before happens.
    pub fn move_on(&self, to: Millis) {
        loop {
            let event = {
                let mut state = self.0.lock().unwrap();
                let first = state.events.first_key_value().map(|(key, _)| *key).filter(|(at, _)| *at <= to);
                let Some(key) = first else {
                    state.now = state.now.max(to);
                    return;
                };
                state.now = state.now.max(key.0);
                state.events.remove(&key)
            };
            match event {
                Some(Event::Wake(waker)) => waker.wake(),
                Some(Event::Happen(what)) => what(),
                None => {}
            }
        }
    }
}

impl State {
    fn plan(&mut self, at: Millis, event: Event) {
        self.planned += 1;
        self.events.insert((at, self.planned), event);
    }
}

/// Ends at its moment.
pub struct Sleep {
    time: Time,
    until: Millis,
    planned: bool,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let until = self.until;
        let mut state = self.time.0.lock().unwrap();
        if state.now >= until {
            return Poll::Ready(());
        }
        // Whoever polls is woken in the same way each time: one plan is enough.
        if !self.planned {
            state.plan(until, Event::Wake(context.waker().clone()));
            drop(state);
            self.planned = true;
        }
        Poll::Pending
    }
}

/// The moment as a clock tells it.
pub fn timestamp(at: Millis) -> Timestamp {
    Timestamp::from_millisecond(1_800_000_000_000 + at).unwrap()
}

impl Clock for Time {
    fn now(&self) -> Timestamp {
        timestamp(self.millis())
    }

    fn jitter(&self) -> f64 {
        0.5
    }
}
