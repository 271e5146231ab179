//! One pass over one manifest: a table of contents.

use std::sync::Arc;
use std::time::Duration;

use sfe_core::api::StepFunctionEndpoint;
use sfe_core::outcome::Outcome;
use tracing::Instrument as _;

use crate::aws::{Aws, Caller, Urgency};

use super::clock::Clock;
use super::cluster::{Cluster, ClusterError, Key, caller};
use super::context::Context;
use super::{converge, desired, executions, finalizer, keys, publish, status};

/// Brings AWS to what the manifest says, or tells in its status why not. Answers when to look again; never, once it is gone.
pub async fn reconcile<A: Aws, C: Cluster, K: Clock>(
    key: Key,
    ctx: Arc<Context<A, C, K>>,
) -> Result<Option<Duration>, ClusterError> {
    if ctx.is_stopping() {
        return Ok(None); // the next process starts with it
    }
    let span = tracing::info_span!("reconcile", endpoint = %key);
    pass(&key, &ctx).instrument(span).await
}

async fn pass<A: Aws, C: Cluster, K: Clock>(
    key: &Key,
    ctx: &Context<A, C, K>,
) -> Result<Option<Duration>, ClusterError> {
    let Some(live) = ctx.cluster.get(key).await?.filter(is_ours_to_touch) else {
        //  1 from the API server, never from the cache
        ctx.forget(key);
        let (namespace, name) = (key.namespace.clone(), key.name.clone());
        ctx.aws.leave(&Caller { namespace, name, urgency: Urgency::Delete });
        return Ok(None);
    };
    if live.is_suspended() {
        ctx.aws.leave(&caller(&live, Urgency::New));
        status::write(ctx, &live, &status::suspended(ctx, &live), false).await?; //  no read, no write until its next change
        return Ok(None);
    }
    let desired = desired::resolve(ctx, &live).await; //                             2 references, then validation: a value, or all mistakes
    let live = finalizer::ensure(ctx, live, &desired).await?; //                     3 before the first AWS write
    let (live, desired) = keys::prepare(ctx, live, desired).await?; //               4 Secrets and the status before the first API key
    let convergence = converge::run(ctx, &live, &desired).await; //                  5 observe; then next, apply, fold until nothing is next
    let executions = executions::look(ctx, &live, &desired, convergence.as_ref()).await; // 6 when they are due
    let outcome = Outcome {
        desired: desired.result,
        convergence,
        executions,
        publication: None,
        failures: desired.failures,
        requested_at: live.requested_at(),
    };
    let outcome = publish::run(ctx, &live, outcome).await; //                        7 in the cluster, once it is live
    let status = status::next(ctx, &live, &outcome); //                              8 pure: the time is an argument
    status::write(ctx, &live, &status, outcome.has_recorded()).await?; //            9 server-side apply, only when it differs
    finalizer::release(ctx, &live, &outcome).await?; //                              10 once every object was seen to be gone
    Ok(Some(converge::requeue(ctx, key, &outcome))) //                               11 soon, at a known time, or at the next drift check
}

/// An object that is being deleted without our finalizer holds nothing of ours any more.
fn is_ours_to_touch(live: &StepFunctionEndpoint) -> bool {
    live.metadata.deletion_timestamp.is_none() || finalizer::is_set(live)
}
