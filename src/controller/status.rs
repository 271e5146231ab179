//! The status: one writer, the whole of it, and only when it differs; a change of state is told by an Event.

use sfe_core::api::{StepFunctionEndpoint, StepFunctionEndpointStatus};
use sfe_core::outcome::Outcome;
use sfe_core::reason::Reason;
use sfe_core::status::{status, suspended as suspended_status};

use crate::aws::Aws;

use super::clock::Clock;
use super::cluster::{Cluster, ClusterError, StateChange};
use super::context::Context;

/// The whole status after a pass.
pub fn next<A: Aws, C: Cluster, K: Clock>(
    ctx: &Context<A, C, K>,
    live: &StepFunctionEndpoint,
    outcome: &Outcome,
) -> StepFunctionEndpointStatus {
    status(live.status.as_ref(), live.metadata.generation, outcome, ctx.clock.now())
}

/// The whole status of a suspended object.
pub fn suspended<A: Aws, C: Cluster, K: Clock>(
    ctx: &Context<A, C, K>,
    live: &StepFunctionEndpoint,
) -> StepFunctionEndpointStatus {
    suspended_status(live.status.as_ref(), live.metadata.generation, ctx.clock.now())
}

/// Writes the status if it differs, and tells of a change of state. What another process has recorded since `live` was read is not written
/// over; `has_recorded` is whether this one has.
pub async fn write<A: Aws, C: Cluster, K: Clock>(
    ctx: &Context<A, C, K>,
    live: &StepFunctionEndpoint,
    status: &StepFunctionEndpointStatus,
    has_recorded: bool,
) -> Result<(), ClusterError> {
    if live.status.as_ref() == Some(status) {
        return Ok(());
    }
    ctx.cluster.write_status(live, status, !has_recorded).await?;
    if let Some(change) = change(live.status.as_ref(), status) {
        tracing::info!(reason = change.reason, note = change.note, "state changed");
        ctx.cluster.publish(live, &change).await;
    }
    Ok(())
}

/// A change of the Ready condition's state or reason.
fn change(before: Option<&StepFunctionEndpointStatus>, now: &StepFunctionEndpointStatus) -> Option<StateChange> {
    let ready =
        |status: &StepFunctionEndpointStatus| status.conditions.iter().find(|found| found.type_ == "Ready").cloned();
    let (before, now) = (before.and_then(ready), ready(now)?);
    let same = before.is_some_and(|before| before.status == now.status && before.reason == now.reason);
    let progress = [Reason::InProgress, Reason::WaitingForReference].map(Reason::as_str);
    let normal = now.status == "True" || progress.contains(&now.reason.as_str());
    (!same).then_some(StateChange { normal, reason: now.reason, note: now.message })
}
