//! Executions, read when they are due.

use sfe_core::api::{ExecutionsStatus, StepFunctionEndpoint};
use sfe_core::executions::{source, told};
use sfe_core::outcome::Convergence;

use crate::aws::{Aws, Urgency};

use super::clock::Clock;
use super::cluster::{Cluster, Key, caller};
use super::context::Context;
use super::desired::Resolved;

/// The newest executions, unless they were read less than `executions.interval` ago. A pass that writes to AWS leaves them to the next:
/// what it made has not run yet.
pub async fn look<A: Aws, C: Cluster, K: Clock>(
    ctx: &Context<A, C, K>,
    live: &StepFunctionEndpoint,
    desired: &Resolved,
    convergence: Option<&Convergence>,
) -> Option<ExecutionsStatus> {
    let desired = desired.result.as_ref().ok()?;
    let (key, now) = (Key::of(live), ctx.clock.now());
    let mut memory = ctx.memory(&key);
    let due = live.is_look_requested() || memory.executions_at.is_none_or(|at| now >= at + desired.executions.interval);
    if desired.executions.keep == 0 || desired.calls.is_none() || !due || ctx.is_stopping() {
        return None;
    }
    let last = memory.executions_at.replace(now);
    ctx.remember(key, memory);
    if convergence.is_some_and(|convergence| convergence.applied > 0 || !convergence.failures.is_empty()) {
        return None;
    }
    // What is observed only may not exist at all.
    let absent = |convergence: &Convergence| {
        let machine = desired.state_machine.as_ref();
        machine.is_some_and(|machine| convergence.observed.state_machine(machine.type_).present().is_none())
    };
    if desired.observed_only && convergence.is_some_and(absent) {
        return None;
    }
    let previous = live.status.as_ref().and_then(|status| status.executions.as_ref());
    let source = source(desired, last, now);
    let found = match &source {
        Ok(source) => ctx
            .aws
            .executions(&caller(live, Urgency::Drift), &desired.site, source)
            .await
            .map_err(|error| error.to_string()),
        Err(_) => Ok(Vec::new()),
    };
    Some(told(&source, found, previous, desired.executions.keep))
}
