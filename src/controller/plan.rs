//! What the operator would do: the same references, reads and `next`, with predictions in place of calls.

use std::collections::BTreeSet;
use std::fmt;

use futures::future::join_all;
use sfe_core::api::StepFunctionEndpoint;
use sfe_core::desired::{Desired, Undesired};
use sfe_core::endpoint::When;
use sfe_core::next::Until;
use sfe_core::observed::{Observed, reads};
use sfe_core::predict::{self, World};

use crate::aws::{Aws, Caller};

use super::clock::Clock;
use super::cluster::Cluster;
use super::context::Context;
use super::desired;

/// A plan as a person reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Planned {
    /// One line a call, then what would be waited for.
    Actions(Vec<String>),
    /// Why nothing can be planned.
    Refused(Vec<String>),
}

impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Actions(lines) if lines.is_empty() => writeln!(f, "nothing to do"),
            Self::Actions(lines) | Self::Refused(lines) => lines.iter().try_for_each(|line| writeln!(f, "{line}")),
        }
    }
}

/// What the operator would do for this manifest.
pub async fn plan<A: Aws, C: Cluster, K: Clock>(ctx: &Context<A, C, K>, manifest: &StepFunctionEndpoint) -> Planned {
    let resolved = desired::resolve(ctx, manifest).await;
    let problems: Vec<String> = resolved.failures.iter().map(|failure| failure.message.clone()).collect();
    let desired = match resolved.result {
        Ok(desired) => desired,
        Err(Undesired::Invalid(mistakes)) => {
            return Planned::Refused(mistakes.iter().map(ToString::to_string).collect());
        }
        Err(Undesired::Waiting(waits)) => {
            let waits = waits.iter().map(|wait| format!("waiting: {wait}"));
            return Planned::Actions(waits.chain(problems).collect());
        }
    };
    let mut observed = Observed::new(manifest.status.as_ref());
    if let Err(problems) = observe(ctx, &desired, &mut observed).await {
        return Planned::Refused(problems);
    }
    let when = When { now: ctx.clock.now(), settle: ctx.options.settle };
    let world = World::observed(desired.site.clone(), when.now, &observed);
    let Some(plan) = predict::plan(&desired, observed, world, when, |_| 0) else {
        return Planned::Refused(vec!["plan failed: it has no end".to_owned()]);
    };
    let waits = plan.left.waiting.iter().filter(|wait| wait.until != Until::Sibling);
    let waits = waits.map(|wait| format!("waiting: {}: {}", wait.object, wait.why));
    let refusals = plan.left.refused.iter().map(|refusal| format!("refused: {}\nhint: {}", refusal.why, refusal.hint));
    Planned::Actions(plan.actions.iter().map(ToString::to_string).chain(waits).chain(refusals).collect())
}

/// Reads until nothing that could be read is unknown.
async fn observe<A: Aws, C: Cluster, K: Clock>(
    ctx: &Context<A, C, K>,
    desired: &Desired,
    observed: &mut Observed,
) -> Result<(), Vec<String>> {
    let (mut done, caller) = (BTreeSet::new(), Caller::operator());
    loop {
        let unread: Vec<_> = reads(desired, observed).into_iter().filter(|read| done.insert(read.clone())).collect();
        if unread.is_empty() {
            return Ok(());
        }
        let facts =
            join_all(unread.iter().map(|read| ctx.aws.read(&caller, &desired.site, &desired.owner, read))).await;
        let problems: Vec<String> =
            facts.iter().filter_map(|fact| fact.as_ref().err().map(ToString::to_string)).collect();
        if !problems.is_empty() {
            return Err(problems);
        }
        facts.into_iter().flatten().for_each(|fact| observed.fold(fact));
    }
}
