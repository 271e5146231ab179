//! The time and chance, so that tests can choose both.

use jiff::Timestamp;

/// The time, and a number for jitter.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Timestamp;

    /// A number between 0 and 1, so that many retries don't fall together.
    fn jitter(&self) -> f64;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn jitter(&self) -> f64 {
        f64::from(Timestamp::now().subsec_nanosecond() % 1000) / 1000.0
    }
}
