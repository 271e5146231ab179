//! When a pass is made and what is remembered of it: as little is read as tells what to do, and what is waited for is not asked again. A crash
//! anywhere loses nothing, as the next pass derives the same from what it observes.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sfe_core::action::Action;
use sfe_core::api::{StepFunctionEndpoint, StepFunctionEndpointStatus};
use sfe_core::desired::Desired;
use sfe_core::endpoint::{When, next};
use sfe_core::next::{Next, Until};
use sfe_core::observed::{Observed, reads};
use sfe_core::outcome::{Convergence, Outcome};
use sfe_core::status::is_true;

use crate::aws::{Aws, Urgency};

use super::clock::Clock;
use super::cluster::{Cluster, Key, caller};
use super::context::Context;
use super::desired::Resolved;
use super::memory::Memory;
use super::pass::{Ended, Pass};
use super::turn;

/// Brings AWS to what is desired as far as this pass gets; None if nothing is desired that could be told, or AWS was just found to be so.
pub async fn run<A: Aws, C: Cluster, K: Clock>(
    ctx: &Context<A, C, K>,
    live: &StepFunctionEndpoint,
    desired: &Resolved,
) -> Option<Convergence> {
    let Ok(desired) = &desired.result else {
        ctx.aws.leave(&caller(live, Urgency::New)); // nobody waits behind a turn that is not taken
        return None;
    };
    let (now, mut memory) = (ctx.clock.now(), ctx.memory(&Key::of(live)));
    let began = ctx.began(now);
    let requested = live.is_look_requested();
    if !requested && memory.is_fresh(desired, now, ctx.options.pace.drift) && says_ready(live) {
        return None;
    }
    let when = When { now, settle: ctx.options.settle };
    let recent = memory.recently_observed(now, ctx.options.pace.drift);
    let may_recall = !requested && desired.calls.is_some() && !desired.observed_only && desired.others_api().is_none();
    let recent = recent.filter(|_| may_recall);
    if let Some(convergence) = recent.and_then(|(observed, _)| nothing_to_do(desired, observed, when)) {
        return Some(convergence);
    }
    if !requested && let Some(convergence) = still_awaits_its_turn(ctx, &memory, live, desired, now) {
        return Some(convergence);
    }
    let recent = recent.cloned();
    let steady = memory.is_steady(desired) || memory.converged.is_none() && was_ready(live);
    let may_be_later = !requested && steady && says_ready(live) && live.metadata.deletion_timestamp.is_none();
    memory.postponed_to = if may_be_later { turn::drift_check(&ctx.aws, live, &desired.site, now) } else { None };
    if memory.postponed_to.is_some() {
        ctx.remember(Key::of(live), memory);
        return None;
    }
    let repeated = memory.repeated(desired);
    let observed_at = recent.as_ref().map_or(now, |(_, at)| *at);
    let told = Observed { in_doubt: memory.is_in_doubt(was_seen(live)), ..Observed::new(live.status.as_ref()) };
    let known = (told, recent.map(|(observed, _)| observed));
    let unreadable = std::mem::take(&mut memory.unreadable);
    let pass = Pass::new(ctx, live, desired, when, steady, (&repeated, unreadable), known);
    let Ended { mut convergence, writes, awaited, cut_short, is_unclear, is_lost, unreadable } = pass.run().await;
    memory.unreadable = unreadable;
    if desired.calls.is_none() {
        let settled_at = memory.made_at.map_or(began, |made_at| made_at.max(began)) + ctx.options.settle;
        wait_until_settled(&mut convergence.next, "deletion", settled_at, now);
    } else if let Some(lost_at) = memory.lost_at {
        wait_until_settled(&mut convergence.next, "AWS", lost_at + ctx.options.settle, now);
    }
    if desired.calls.is_some() && (convergence.applied > 0 || is_unclear) {
        memory.made_at = Some(ctx.clock.now());
    }
    if is_lost {
        memory.lost_at = Some(ctx.clock.now());
    }
    let done = convergence.failures.is_empty() && convergence.next.is_empty();
    if done {
        memory.unreadable.clear();
    }
    let looked = done && convergence.applied == 0 && observed_at == now && now >= began + ctx.options.settle;
    memory.note_doubt(is_unclear, was_seen(live), looked);
    memory.keep(&convergence, observed_at);
    memory.keep_turn(desired, &convergence, awaited, now);
    memory.note_writes(desired, writes);
    let is_open = !convergence.next.is_empty() || !convergence.failures.is_empty();
    memory.note_steady(desired, steady && is_open && convergence.applied == 0 && !is_lost);
    ctx.remember(Key::of(live), memory);
    let untold = cut_short && convergence.applied == 0 && says_ready(live); // the next process looks at it
    (!untold).then_some(convergence)
}

/// Nothing is finished before this moment: a call whose answer got lost may still take effect, and what was just made may not show yet. So it
/// is looked for once more.
fn wait_until_settled(next: &mut Next<Action>, what: &str, settled_at: Timestamp, now: Timestamp) {
    if next.is_empty() && now < settled_at {
        next.and(Next::wait_until(what, "an earlier call may still take effect", Until::Time(settled_at)));
    }
}

/// How the last pass ended, where all it waits for is its turn and that has not come: it needs no reading.
fn still_awaits_its_turn<A: Aws, C, K>(
    ctx: &Context<A, C, K>,
    memory: &Memory,
    live: &StepFunctionEndpoint,
    desired: &Desired,
    now: Timestamp,
) -> Option<Convergence> {
    let kept_for = match live.metadata.deletion_timestamp {
        Some(_) => SignedDuration::from_hours(24), // what serves nothing any more can wait
        None => ctx.options.pace.drift,
    };
    let (awaited, convergence) = memory.awaits_turn(desired, now, kept_for)?;
    let awaited = awaited.ask_again(&ctx.aws, &desired.site, now)?;
    let mut convergence = convergence.clone();
    awaited.tell(&mut convergence.next);
    Some(convergence)
}

/// Where what was just observed leaves nothing to do but waiting, it needs no reading.
fn nothing_to_do(desired: &Desired, observed: &Observed, when: When) -> Option<Convergence> {
    let next = next(desired, observed, when);
    let known = reads(desired, observed).is_empty() && next.actions.is_empty() && next.refused.is_empty();
    let (failures, drift) = (Vec::new(), Vec::new());
    known.then(|| Convergence { observed: observed.clone(), next, failures, drift, applied: 0, recorded: false })
}

/// When to look again, and what is remembered until then.
pub fn requeue<A: Aws, C: Cluster, K: Clock>(ctx: &Context<A, C, K>, key: &Key, outcome: &Outcome) -> Duration {
    let (now, mut memory, desired) = (ctx.clock.now(), ctx.memory(key), outcome.desired.as_ref().ok());
    memory.note(desired, outcome.convergence.as_ref(), outcome.must_retry(), now);
    let pace = ctx.options.pace;
    let after = outcome.requeue(pace, memory.attempts.saturating_sub(1), ctx.clock.jitter(), now);
    let due = desired.map_or(SignedDuration::MAX, |desired| memory.due_in(desired, now, pace.drift));
    ctx.remember(key.clone(), memory);
    Duration::try_from(after.min(due)).unwrap_or(Duration::from_secs(1))
}

/// Whether the status tells that AWS was as this generation wants it. Where other objects have a say it can't.
fn was_ready(live: &StepFunctionEndpoint) -> bool {
    let alone = live.spec.state_machine.definition_from.is_none()
        && live.spec.api.as_ref().is_none_or(|api| api.endpoint_ref.is_none());
    alone && says_ready(live) && live.status.as_ref().is_some_and(|status| status.guests.is_empty())
}

/// Whether a pass ended for it before, perhaps one of another process: the CRD's default for what nobody has seen is -1.
fn was_seen(live: &StepFunctionEndpoint) -> bool {
    let generation = live.status.as_ref().and_then(|status| status.observed_generation);
    generation.is_some_and(|generation| generation >= 0)
}

/// Whether the status says that AWS is as this generation wants it.
fn says_ready(live: &StepFunctionEndpoint) -> bool {
    let current = |status: &StepFunctionEndpointStatus| status.observed_generation == live.metadata.generation;
    live.status.as_ref().is_some_and(|status| current(status) && is_true(status, "Ready"))
}
