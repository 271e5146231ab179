//! Until when this replica may act. Every write goes through one of these gates right before it is sent, each attempt of it.
//!
//! The one leader renews a Lease; another replica may take it once its duration has passed without a renewal. Why two never act at once:
//!
//! - A renewal that was *asked for* at `t` changes the Lease at `t` or later, and the other sees the change later still. It waits the whole
//!   duration from when it saw it, by its own clock, and so takes the Lease after `t + duration` at the earliest.
//! - This replica begins nothing from `t + renew deadline` on, and is gone at `t + duration - MARGIN`. What was begun has the time between.
//! - No clock is compared with another machine's. Each measures a duration alone, and `MARGIN` is more than two clocks drift apart in it.
//! - The time is looked at right before each attempt, and not by a task, which may run late: a process that was stopped (SIGSTOP) and goes on
//!   finds the time passed; what it had begun and not sent yet, as it still connected, is not sent any more (`within`). CLOCK_MONOTONIC runs on meanwhile. It stands still while a machine is suspended; the wall clock does not, and so
//!   both must agree that there is time left. A wall clock that jumps ahead closes the fence for nothing, which is safe.
//! - Once closed it stays closed. The process ends, and the next begins as a follower.
//!
//! What no clock can help: between the look and the bytes on the wire the process may be stopped as well: that one call is in flight. And a virtual
//! machine whose host stops it, both clocks included, goes on with the time left that it had, until its clocks are set.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime};

/// More than the clocks of two machines drift apart within the longest Lease, 5 minutes: Linux slews by at most 0.05 %.
pub const MARGIN: Duration = Duration::from_secs(1);

/// A moment by both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// CLOCK_MONOTONIC, counted from any beginning.
    pub monotonic: Duration,
    /// CLOCK_REALTIME.
    pub wall: SystemTime,
}

impl Moment {
    /// How long it is until this moment is over by one of the clocks.
    fn left(self, now: Self) -> Duration {
        let wall = self.wall.duration_since(now.wall).unwrap_or_default();
        self.monotonic.saturating_sub(now.monotonic).min(wall)
    }

    fn after(self, duration: Duration) -> Self {
        Self { monotonic: self.monotonic + duration, wall: self.wall + duration }
    }
}

/// Both clocks.
pub trait Clocks: Send + Sync {
    /// Now.
    fn now(&self) -> Moment;
}

/// The machine's clocks.
#[derive(Debug)]
pub struct MachineClocks {
    start: Instant,
}

impl Default for MachineClocks {
    fn default() -> Self {
        Self { start: Instant::now() }
    }
}

impl Clocks for MachineClocks {
    fn now(&self) -> Moment {
        Moment { monotonic: self.start.elapsed(), wall: SystemTime::now() }
    }
}

/// For how long a Lease is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// How long after a renewal another may take it.
    pub duration: Duration,
    /// How long after a renewal nothing more begins.
    pub renew_deadline: Duration,
}

/// This replica must not act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fenced {
    /// It does not lead, or not for long enough.
    #[error("not sent: this replica does not lead")]
    Closed,
    /// It led when this began.
    #[error("given up: another replica may lead by now")]
    Ended,
}

/// Until when this replica may act.
pub struct Fence {
    clocks: Arc<dyn Clocks>,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// There is no election: this is the only replica.
    Open,
    /// It has not led yet.
    Following,
    /// Nothing begins after the first moment; nothing is left at the second.
    Leading { until: Moment, end: Moment },
    /// It has led and does no more.
    Over { end: Moment },
}

impl Fence {
    /// Always open: nothing is elected.
    pub fn open() -> Self {
        Self { clocks: Arc::new(MachineClocks::default()), state: Mutex::new(State::Open) }
    }

    /// Closed until [`renewed`](Self::renewed).
    pub fn following(clocks: Arc<dyn Clocks>) -> Self {
        Self { clocks, state: Mutex::new(State::Following) }
    }

    /// By the clocks of this fence.
    pub fn now(&self) -> Moment {
        self.clocks.now()
    }

    /// Nothing may be sent where this fails, and what may must be sent at once.
    pub fn check(&self) -> Result<(), Fenced> {
        match self.state() {
            State::Open | State::Leading { .. } => Ok(()),
            State::Following | State::Over { .. } => Err(Fenced::Closed),
        }
    }

    /// Whether the Lease is held, as far as this replica knows.
    pub fn is_leading(&self) -> bool {
        matches!(self.state(), State::Leading { .. })
    }

    /// Whether the Lease was held and is not any more.
    pub fn is_over(&self) -> bool {
        matches!(self.state(), State::Over { .. })
    }

    /// How long something may still begin.
    pub fn left(&self) -> Duration {
        match self.state() {
            State::Open => Duration::MAX,
            State::Leading { until, .. } => until.left(self.now()),
            State::Following | State::Over { .. } => Duration::ZERO,
        }
    }

    /// How long what has begun may still take.
    pub fn left_to_end(&self) -> Duration {
        match self.state() {
            State::Open => Duration::MAX,
            State::Leading { end, .. } | State::Over { end } => end.left(self.now()),
            State::Following => Duration::ZERO,
        }
    }

    /// Waits for what was begun, as long as no other may lead. An attempt that was still connecting when the process was stopped is not sent when
    /// it goes on: the time is looked at before each of its steps.
    pub async fn within<T>(&self, begun: impl Future<Output = T>) -> Result<T, Fenced> {
        let mut begun = pin!(begun);
        let step = |context: &mut Context<'_>| match self.left_to_end() {
            Duration::ZERO => Poll::Ready(Err(Fenced::Ended)),
            _ => begun.as_mut().poll(context).map(Ok),
        };
        poll_fn(step).await
    }

    /// The Lease was renewed by a request that was sent no earlier than `asked`.
    pub fn renewed(&self, asked: Moment, term: Term) {
        let until = asked.after(term.renew_deadline);
        let end = asked.after(term.duration.saturating_sub(MARGIN));
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = match current(*state, self.clocks.now()) {
            State::Following | State::Leading { .. } => State::Leading { until, end },
            other @ (State::Open | State::Over { .. }) => other,
        };
    }

    /// The Lease was found to be another's, or gone.
    pub fn lost(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = match *state {
            State::Leading { end, .. } => State::Over { end },
            other @ (State::Open | State::Following | State::Over { .. }) => other,
        };
    }

    fn state(&self) -> State {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = current(*state, self.clocks.now());
        *state
    }
}

/// A fence whose time has passed is closed for good.
fn current(state: State, now: Moment) -> State {
    match state {
        State::Leading { until, end } if until.left(now).is_zero() => State::Over { end },
        other => other,
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// Clocks that a test sets: `monotonic` and `wall` in milliseconds from their beginning.
    #[derive(Default)]
    pub struct SetClocks(Mutex<(u64, u64)>);

    impl SetClocks {
        /// Both clocks go on.
        pub fn pass(&self, ms: u64) {
            self.pass_each(ms, ms);
        }

        /// Each clock goes on by itself.
        pub fn pass_each(&self, monotonic_ms: u64, wall_ms: u64) {
            let mut now = self.0.lock().unwrap();
            *now = (now.0 + monotonic_ms, now.1 + wall_ms);
        }
    }

    impl Clocks for SetClocks {
        fn now(&self) -> Moment {
            let (monotonic, wall) = *self.0.lock().unwrap();
            let day = Duration::from_secs(24 * 60 * 60);
            Moment {
                monotonic: Duration::from_millis(monotonic),
                wall: SystemTime::UNIX_EPOCH + day + Duration::from_millis(wall),
            }
        }
    }

    /// 15 s, of which something may begin in the first 10.
    pub const TERM: Term = Term { duration: Duration::from_secs(15), renew_deadline: Duration::from_secs(10) };

    fn fence() -> (Arc<SetClocks>, Fence) {
        let clocks = Arc::new(SetClocks::default());
        (Arc::clone(&clocks), Fence::following(clocks))
    }

    #[test]
    fn a_follower_does_nothing() {
        let (clocks, fence) = fence();
        assert_eq!((fence.check(), fence.is_leading(), fence.left()), (Err(Fenced::Closed), false, Duration::ZERO));
        // What another's Lease says does not end what never began.
        fence.lost();
        fence.renewed(clocks.now(), TERM);
        assert_eq!(fence.check(), Ok(()));
    }

    #[test]
    fn a_term_counts_from_when_the_renewal_was_asked_for() {
        let (clocks, fence) = fence();
        let asked = clocks.now();
        clocks.pass(3_000); // the API server took its time
        fence.renewed(asked, TERM);
        assert_eq!((fence.left(), fence.left_to_end()), (Duration::from_secs(7), Duration::from_secs(11)));
        clocks.pass(6_999);
        assert_eq!(fence.check(), Ok(()));
        clocks.pass(1);
        assert_eq!((fence.check(), fence.left()), (Err(Fenced::Closed), Duration::ZERO));
        assert_eq!(fence.left_to_end(), Duration::from_secs(4), "what has begun may end, with a second to spare");
    }

    #[test]
    fn each_renewal_gives_a_term() {
        let (clocks, fence) = fence();
        for _ in 0..5 {
            fence.renewed(clocks.now(), TERM);
            clocks.pass(9_999);
            assert_eq!(fence.check(), Ok(()));
        }
    }

    #[test]
    fn a_closed_fence_stays_closed() {
        let (clocks, fence) = fence();
        fence.renewed(clocks.now(), TERM);
        // Stopped for so long, and nobody has looked meanwhile: the answer to a renewal is the first thing that is seen.
        clocks.pass(10_000);
        fence.renewed(clocks.now(), TERM);
        assert_eq!(fence.check(), Err(Fenced::Closed));
    }

    #[test]
    fn what_another_has_is_lost_at_once() {
        let (clocks, fence) = fence();
        fence.renewed(clocks.now(), TERM);
        fence.lost();
        assert_eq!((fence.check(), fence.left_to_end()), (Err(Fenced::Closed), Duration::from_secs(14)));
        fence.renewed(clocks.now(), TERM);
        assert_eq!(fence.check(), Err(Fenced::Closed));
    }

    #[test]
    fn either_clock_closes_it() {
        let (clocks, fence) = fence();
        fence.renewed(clocks.now(), TERM);
        clocks.pass_each(1, 10_000); // the machine was suspended: its monotonic clock stood still
        assert_eq!(fence.check(), Err(Fenced::Closed));

        let (clocks, fence) = self::fence();
        fence.renewed(clocks.now(), TERM);
        clocks.pass_each(9_999, 0);
        assert_eq!(fence.check(), Ok(()));
        clocks.pass_each(1, 0); // someone set the wall clock back
        assert_eq!(fence.check(), Err(Fenced::Closed));
    }

    #[tokio::test]
    async fn what_has_begun_goes_on_until_another_may_lead() {
        let (clocks, fence) = fence();
        fence.renewed(clocks.now(), TERM);
        let steps = Mutex::new(0);
        // Each step takes 5 s, and lets others run.
        let begun = async {
            for _ in 0..3 {
                *steps.lock().unwrap() += 1;
                clocks.pass(5_000);
                tokio::task::yield_now().await;
            }
        };
        assert_eq!(fence.within(begun).await, Err(Fenced::Ended));
        assert_eq!(*steps.lock().unwrap(), 3, "none after 14 s");
        assert_eq!(fence.within(async { *steps.lock().unwrap() += 1 }).await, Err(Fenced::Ended));
        assert_eq!(*steps.lock().unwrap(), 3);
        assert_eq!(Fence::open().within(async { 7 }).await, Ok(7));
    }

    #[test]
    fn without_an_election_it_is_open() {
        let fence = Fence::open();
        fence.lost();
        assert_eq!((fence.check(), fence.is_leading(), fence.left()), (Ok(()), false, Duration::MAX));
    }
}
