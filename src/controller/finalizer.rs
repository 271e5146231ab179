//! The finalizer: it keeps a deleted manifest until every AWS object of it was seen to be gone.

use sfe_core::api::StepFunctionEndpoint;
use sfe_core::outcome::Outcome;

use crate::aws::{Aws, Urgency};

use super::clock::Clock;
use super::cluster::{Cluster, ClusterError, Key, caller};
use super::context::Context;
use super::desired::Resolved;

/// The name of ours.
const FINALIZER: &str = "sfe.dev/aws";

/// Whether the object bears ours.
pub fn is_set(live: &StepFunctionEndpoint) -> bool {
    live.metadata.finalizers.iter().flatten().any(|name| name == FINALIZER)
}

/// Sets ours where something is about to be made, and answers the object as it then stands.
pub async fn ensure<A: Aws, C: Cluster, K: Clock>(
    ctx: &Context<A, C, K>,
    live: StepFunctionEndpoint,
    desired: &Resolved,
) -> Result<StepFunctionEndpoint, ClusterError> {
    let makes_something = desired.result.as_ref().is_ok_and(|desired| !desired.observed_only);
    if is_set(&live) || !makes_something {
        return Ok(live);
    }
    let names = live.metadata.finalizers.iter().flatten().cloned().chain([FINALIZER.to_owned()]);
    let written = ctx.cluster.set_finalizers(&live, names.collect()).await?;
    Ok(written)
}

/// Takes ours away once the deletion has converged: every object was seen to be gone.
pub async fn release<A: Aws, C: Cluster, K: Clock>(
    ctx: &Context<A, C, K>,
    live: &StepFunctionEndpoint,
    outcome: &Outcome,
) -> Result<(), ClusterError> {
    let deleted = outcome.desired.as_ref().is_ok_and(|desired| desired.calls.is_none());
    let seen_gone = deleted && outcome.convergence.is_some() && outcome.is_converged();
    if live.metadata.deletion_timestamp.is_none() || !seen_gone {
        return Ok(());
    }
    ctx.aws.leave(&caller(live, Urgency::Delete));
    let key = Key::of(live);
    let Some(live) = ctx.cluster.get(&key).await? else { return Ok(()) };
    let names = live.metadata.finalizers.iter().flatten().filter(|name| *name != FINALIZER).cloned();
    ctx.cluster.set_finalizers(&live, names.collect()).await?;
    ctx.forget(&key);
    Ok(())
}
