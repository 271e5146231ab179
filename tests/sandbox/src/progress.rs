use std::time::{Duration, Instant};

use crate::error::Error;

const HEARTBEAT: Duration = Duration::from_secs(10);

/// Runs a step that takes long enough for a person to wonder: says on standard error that it starts, that it still
/// runs, and how it ended.
pub(crate) async fn step<T>(name: &str, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let start = Instant::now();
    eprintln!("sandbox: {name} ...");
    tokio::pin!(work);
    let mut heartbeat = tokio::time::interval(HEARTBEAT);
    heartbeat.tick().await; // the first comes at once
    loop {
        tokio::select! {
            outcome = &mut work => {
                let word = if outcome.is_ok() { "done" } else { "failed" };
                eprintln!("sandbox: {name}: {word} after {} s", start.elapsed().as_secs());
                return outcome;
            }
            _ = heartbeat.tick() => eprintln!("sandbox: {name}: still at it after {} s", start.elapsed().as_secs()),
        }
    }
}
