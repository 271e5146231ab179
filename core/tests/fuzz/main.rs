//! Whatever a manifest or AWS says is read without a panic, in bounded time, and for what it is: arbitrary text, arbitrary documents, and
//! what is almost right.

#![allow(clippy::unwrap_used, clippy::panic, reason = "how a test fails")]

mod definitions;
mod documents;
mod names;
mod policies;
mod sources;
mod velocity;

use proptest::prelude::*;

/// How many cases of each property: `SFE_CASES`, else 200. `make fuzz` runs more.
pub fn cases() -> ProptestConfig {
    let cases = std::env::var("SFE_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(200);
    // A failure prints its smallest case, which becomes a test of its own beside the code.
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}
