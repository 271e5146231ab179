//! The real reconcile on a simulated AWS account, API server, watch and clock. A seed is a life: manifests come, change and go while calls fail,
//! answers get lost, processes die, leaders change and people edit AWS by hand. Whatever happens, what the operator promises must hold.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "how a test fails")]

mod account;
mod aws;
mod dangerous;
mod foreign;
mod hands;
mod labels;
mod life;
mod network;
mod operator;
mod outages;
mod promises;
mod published;
mod run;
mod server;
mod shrink;
mod stages;
mod time;
mod unreadable;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use life::Life;
use run::Tally;

/// How many lives `make test` has.
const SEEDS: u64 = 2_000;

/// A number from the environment.
fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().expect("a number"))
}

/// `SFE_SEEDS` lives from `SFE_SEED` on. The first that breaks a promise is told as a story, with all that it doesn't need left out.
#[test]
fn no_promise_is_broken_in_any_life() {
    let (first, seeds) = (setting("SFE_SEED", 0), setting("SFE_SEEDS", SEEDS));
    let (next, broken) = (AtomicU64::new(first), AtomicU64::new(u64::MAX));
    let lived = Mutex::new(Tally::default());
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + seeds || broken.load(Ordering::Relaxed) < seed {
                        return;
                    }
                    match run::live(&Life::of(seed), false) {
                        Ok(life) => lived.lock().unwrap().add(life),
                        Err(_) => drop(broken.fetch_min(seed, Ordering::Relaxed)),
                    }
                }
            });
        }
    });
    let broken = broken.into_inner();
    assert!(broken == u64::MAX, "{}", shrink::story(&Life::of(broken)));
    let lived = lived.into_inner().unwrap();
    println!("{seeds} lives: {lived:?}");
    // Lives in which nothing happens would keep every promise.
    let seeds = usize::try_from(seeds).unwrap();
    let is_eventful = lived.writes > 40 * seeds && lived.live > seeds && lived.faults > seeds;
    assert!(seeds < 100 || is_eventful, "these lives are too quiet: {lived:?}");
}
