//! A token bucket: so many calls at once, then one a period; slower for a while after AWS has throttled. The time is an argument.

use jiff::{SignedDuration, Timestamp};
use sfe_core::operation::Rate;

/// How much a bucket allows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    /// The most calls that can be saved up.
    pub burst: f64,
    /// Calls a second in the long run.
    pub per_second: f64,
    /// The least time between two calls.
    pub spacing: SignedDuration,
}

impl Limit {
    /// Our share of what AWS allows. Where AWS allows one call at a time, a few of ours can be saved up all the same: they are never closer
    /// than AWS allows, so that one who changes an endpoint twice in a minute does not wait for a share that nobody used.
    pub fn share(rate: Rate, share: f64) -> Self {
        let per_second = share * 1_000.0 / f64::from(rate.period_ms);
        let period = SignedDuration::from_millis(i64::from(rate.period_ms));
        match rate.burst {
            1 => Self { burst: SAVED, per_second, spacing: period },
            burst => {
                Self { burst: (f64::from(burst) * share).floor().max(1.0), per_second, spacing: SignedDuration::ZERO }
            }
        }
    }

    /// So many calls a second, by a person's choice; those of four seconds at once, but one at a time of what is less than one a second.
    pub fn chosen(per_second: f64) -> Self {
        let burst = if per_second < 1.0 { 1.0 } else { per_second * 4.0 };
        Self { burst, per_second, spacing: SignedDuration::ZERO }
    }
}

/// How many calls are saved up where AWS allows one at a time.
const SAVED: f64 = 3.0;
/// One throttle in this time halves the rate; those that come with it are of the same moment.
const SAME_MOMENT: SignedDuration = SignedDuration::from_secs(1);
/// How long after a throttle, or after the last step, the rate takes its next step up.
const STEP_AFTER: SignedDuration = SignedDuration::from_secs(15);
/// By how much of the whole rate.
const STEP: f64 = 0.125;
/// The least that throttles leave of the rate.
const LEAST: f64 = 1.0 / 16.0;

/// A token bucket.
#[derive(Clone, Debug)]
pub struct Bucket {
    limit: Limit,
    /// What throttles have left of the rate: 1 is all.
    factor: f64,
    tokens: f64,
    at: Timestamp,
    taken_at: Option<Timestamp>,
    factor_at: Timestamp,
}

impl Bucket {
    /// A full one.
    pub fn new(limit: Limit, now: Timestamp) -> Self {
        Self { limit, factor: 1.0, tokens: limit.burst, at: now, taken_at: None, factor_at: now }
    }

    /// Calls a second, as it is now.
    pub fn per_second(&self) -> f64 {
        self.limit.per_second * self.factor
    }

    /// Whether the whole rate is allowed.
    pub fn is_whole(&self) -> bool {
        self.factor >= 1.0
    }

    /// Lets the time pass. A clock that was set back lets none pass.
    pub fn pass(&mut self, now: Timestamp) {
        while self.factor < 1.0 && self.factor_at + STEP_AFTER <= now {
            let step_at = self.factor_at + STEP_AFTER;
            self.fill(step_at);
            (self.factor, self.factor_at) = ((self.factor + STEP).min(1.0), step_at);
        }
        self.fill(now);
    }

    fn fill(&mut self, now: Timestamp) {
        let seconds = (now.as_duration() - self.at.as_duration()).as_secs_f64().max(0.0);
        self.tokens = (self.tokens + seconds * self.per_second()).min(self.limit.burst);
        self.at = now;
        self.taken_at = self.taken_at.map(|at| at.min(now));
        self.factor_at = self.factor_at.min(now);
    }

    /// When one more call can be made after `ahead` others: now or later. Call `pass` before.
    pub fn ready_at(&self, ahead: usize) -> Timestamp {
        let count = f64::from(u32::try_from(ahead).unwrap_or(u32::MAX)) + 1.0;
        let missing = (count - self.tokens).max(0.0);
        let filled = if missing > ROUNDING { missing / self.per_second() } else { 0.0 };
        let free = self.taken_at.map_or(self.at, |at| (at + self.spacing()).max(self.at));
        let spaced =
            (free.as_duration() - self.at.as_duration()).as_secs_f64() + self.spacing().as_secs_f64() * (count - 1.0);
        let wait = filled.max(spaced).min(WAIT_MAX_SECONDS);
        self.at + SignedDuration::from_secs_f64(wait)
    }

    fn spacing(&self) -> SignedDuration {
        self.limit.spacing.div_f64(self.factor)
    }

    /// How many calls could be made at once, but for what must lie between them; none while the last is too near. Call `pass` before.
    pub fn available(&self) -> usize {
        let is_near = self.taken_at.is_some_and(|at| self.at < at + self.spacing());
        let mut count = 0;
        while !is_near && f64::from(count) + 1.0 <= self.tokens + ROUNDING {
            count += 1;
        }
        usize::try_from(count).unwrap_or_default()
    }

    /// Takes one.
    pub fn take(&mut self) {
        self.tokens = (self.tokens - 1.0).max(0.0);
        self.taken_at = Some(self.at);
    }

    /// Gives one back that was not used.
    pub fn give_back(&mut self) {
        self.tokens = (self.tokens + 1.0).min(self.limit.burst);
    }

    /// AWS has throttled: half the rate, and nothing is left that was saved up. Call `pass` before.
    pub fn throttled(&mut self) {
        if !self.is_whole() && self.at < self.factor_at + SAME_MOMENT {
            return;
        }
        (self.factor, self.factor_at, self.tokens) = ((self.factor / 2.0).max(LEAST), self.at, 0.0);
    }
}

/// What sums of many small parts may be away from the whole.
const ROUNDING: f64 = 1e-6;
/// The longest time that is told: a day.
const WAIT_MAX_SECONDS: f64 = 86_400.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn after(seconds: f64) -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap() + SignedDuration::from_secs_f64(seconds)
    }

    /// How many calls are made between two moments by whoever calls as often as it can.
    fn calls(bucket: &mut Bucket, from: f64, to: f64) -> usize {
        let (mut count, mut now) = (0, after(from));
        loop {
            bucket.pass(now);
            now = bucket.ready_at(0).max(now);
            if now >= after(to) {
                return count;
            }
            bucket.pass(now);
            assert!(bucket.available() > 0, "not available when it is ready");
            bucket.take();
            count += 1;
        }
    }

    #[test]
    fn our_share_is_kept_and_aws_s_own_limit_at_any_moment() {
        let create_deployment = Rate { burst: 1, period_ms: 5_000 };
        let mut bucket = Bucket::new(Limit::share(create_deployment, 0.5), after(0.0));
        let mut made: Vec<f64> = Vec::new();
        let mut now = after(0.0);
        while now < after(600.0) {
            bucket.pass(now);
            now = bucket.ready_at(0).max(now);
            bucket.pass(now);
            bucket.take();
            made.push((now.as_duration() - after(0.0).as_duration()).as_secs_f64());
        }
        assert!(made.windows(2).all(|pair| pair[1] - pair[0] >= 5.0 - 1e-3), "closer than AWS allows: {made:?}");
        assert!((62..=64).contains(&made.len()), "half of AWS's rate and three saved: {}", made.len());
    }

    #[test]
    fn a_burst_is_allowed_then_the_rate() {
        let mut bucket = Bucket::new(Limit::share(Rate { burst: 40, period_ms: 100 }, 0.5), after(0.0));
        assert_eq!(calls(&mut bucket, 0.0, 0.001), 20);
        assert_eq!(calls(&mut bucket, 0.001, 10.001), 50);
    }

    #[test]
    fn a_throttle_halves_the_rate_and_it_recovers_step_by_step() {
        let mut bucket = Bucket::new(Limit::share(Rate { burst: 40, period_ms: 100 }, 0.5), after(0.0));
        let rate_at = |bucket: &mut Bucket, seconds: f64| {
            bucket.pass(after(seconds));
            bucket.per_second()
        };
        bucket.throttled();
        bucket.throttled(); // of the same moment
        assert_eq!(rate_at(&mut bucket, 0.5), 2.5);
        rate_at(&mut bucket, 2.0);
        bucket.throttled();
        let rates: Vec<f64> = [2.0, 16.0, 18.0, 33.0, 60.0, 90.0, 1_000.0].map(|at| rate_at(&mut bucket, at)).to_vec();
        assert_eq!(rates, [1.25, 1.25, 1.875, 2.5, 3.125, 4.375, 5.0]);
        for moment in 0..40 {
            bucket.pass(after(1_100.0 + f64::from(moment) * 2.0));
            bucket.throttled();
        }
        assert_eq!(bucket.per_second(), 5.0 / 16.0, "never none");
    }

    #[test]
    fn after_a_throttle_nothing_saved_is_left() {
        let mut bucket = Bucket::new(Limit::share(Rate { burst: 40, period_ms: 100 }, 0.5), after(0.0));
        bucket.throttled();
        assert_eq!(calls(&mut bucket, 0.0, 4.001), 10);
    }

    #[test]
    fn a_clock_that_is_set_back_stops_nothing_for_long() {
        let mut bucket = Bucket::new(Limit::share(Rate { burst: 1, period_ms: 5_000 }, 0.5), after(10_000.0));
        bucket.take();
        bucket.pass(after(0.0));
        assert!(bucket.ready_at(0) <= after(5.0));
        assert!((10..=12).contains(&calls(&mut bucket, 0.0, 100.0)));
    }
}
