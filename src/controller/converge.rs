//! The one loop: read what is unknown, derive what is next, make those calls side by side, fold each answer, and so on until nothing is
//! next. A crash anywhere loses nothing, as the next pass derives the same from what it observes.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use jiff::{SignedDuration, Timestamp};
use sfe_core::action::Action;
use sfe_core::api::{Drift, StepFunctionEndpoint, StepFunctionEndpointStatus, moment};
use sfe_core::change::cut;
use sfe_core::desired::Desired;
use sfe_core::drift;
use sfe_core::endpoint::{When, next};
use sfe_core::kinds::rest_api;
use sfe_core::next::{Next, Until};
use sfe_core::observed::{Answer, Fact, Observed, Read, reads};
use sfe_core::outcome::{Convergence, Failure, Outcome, Remedy};
use sfe_core::status::is_true;

use crate::aws::{Aws, Caller, Class, Error, Urgency};

use super::clock::Clock;
use super::cluster::{Cluster, Key, caller};
use super::context::Context;
use super::desired::Resolved;
use super::memory::Memory;
use super::turn::{self, Awaited};

/// The most calls of one pass: 100 routes take about 900. What is left is done by the next pass.
const CALLS_MAX: usize = 2_000;
/// A write that so many passes in a row have made does not take effect.
const REPEATS_MAX: u32 = 3;

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
    if let Some(convergence) = memory
        .recently_observed(now, ctx.options.pace.drift)
        .filter(|_| !requested && desired.calls.is_some()) // a deletion ends by what was read
        .and_then(|observed| nothing_to_do(desired, observed, when))
    {
        return Some(convergence);
    }
    if !requested && let Some(convergence) = still_awaits_its_turn(ctx, &memory, live, desired, now) {
        return Some(convergence);
    }
    let steady = memory.is_steady(desired) || memory.converged.is_none() && was_ready(live);
    let may_be_later = !requested && steady && says_ready(live) && live.metadata.deletion_timestamp.is_none();
    memory.postponed_to = if may_be_later { turn::drift_check(&ctx.aws, live, &desired.site, now) } else { None };
    if memory.postponed_to.is_some() {
        ctx.remember(Key::of(live), memory);
        return None;
    }
    let repeated = memory.repeated(desired);
    let pass = Pass::new(ctx, live, desired, when, steady, &repeated);
    let Ended { mut convergence, writes, awaited, cut_short, is_unclear } = pass.run().await;
    if desired.calls.is_none() {
        let settled_at = memory.made_at.map_or(began, |made_at| made_at.max(began)) + ctx.options.settle;
        wait_until_settled(&mut convergence.next, settled_at, now);
    } else if convergence.applied > 0 || is_unclear {
        memory.made_at = Some(ctx.clock.now());
    }
    memory.keep(desired, &convergence, now);
    memory.keep_turn(desired, &convergence, awaited, now);
    memory.note_writes(desired, writes);
    let is_open = !convergence.next.is_empty() || !convergence.failures.is_empty();
    memory.note_steady(desired, steady && is_open && convergence.applied == 0 && convergence.drift.is_empty());
    ctx.remember(Key::of(live), memory);
    let untold = cut_short && convergence.applied == 0 && says_ready(live); // the next process looks at it
    (!untold).then_some(convergence)
}

/// A deletion does not end before this moment: what was called for may still take effect, and what was just made may not show yet. So it is
/// looked for once more.
fn wait_until_settled(next: &mut Next<Action>, settled_at: Timestamp, now: Timestamp) {
    if next.is_empty() && now < settled_at {
        next.and(Next::wait_until("deletion", "an earlier call may still take effect", Until::Time(settled_at)));
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
    known.then(|| Convergence { observed: observed.clone(), next, failures: Vec::new(), drift: Vec::new(), applied: 0 })
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

/// Whether the status says that AWS is as this generation wants it.
fn says_ready(live: &StepFunctionEndpoint) -> bool {
    let current = |status: &StepFunctionEndpointStatus| status.observed_generation == live.metadata.generation;
    live.status.as_ref().is_some_and(|status| current(status) && is_true(status, "Ready"))
}

/// One pass over one endpoint.
struct Pass<'a, A, C, K> {
    ctx: &'a Context<A, C, K>,
    live: &'a StepFunctionEndpoint,
    desired: &'a Desired,
    when: When,
    /// Whether any difference is someone else's doing.
    steady: bool,
    repeated: &'a BTreeMap<String, u32>,
    observed: Observed,
    calls: usize,
    failures: Vec<Failure>,
    failed_reads: BTreeSet<Read>,
    /// Objects on which something failed: nothing more is done to them in this pass.
    failed_objects: BTreeSet<String>,
    applied: Vec<Action>,
    /// Whether a CreateRestApi of this pass may still take effect.
    create_in_flight: bool,
    /// Whether any write of this pass may.
    is_unclear: bool,
    drift: Option<Vec<Drift>>,
    /// The call whose turn has not come.
    awaited: Option<Awaited>,
    /// Whether a call was not made as the operator stops.
    cut_short: bool,
}

/// How a pass ended.
struct Ended {
    convergence: Convergence,
    writes: Vec<String>,
    awaited: Option<Awaited>,
    cut_short: bool,
    is_unclear: bool,
}

/// What has been answered.
enum Answered {
    Read(Read, Result<Fact, Error>),
    Applied(Action, Result<Answer, Failed>),
}

/// A write that failed.
struct Failed {
    failure: Failure,
    /// Whether it may have taken effect all the same.
    unclear: bool,
    /// Whether it was not made as the operator stops.
    not_made: bool,
}

type InFlight<'a> = FuturesUnordered<Pin<Box<dyn Future<Output = Answered> + Send + 'a>>>;

impl<'a, A: Aws, C: Cluster, K: Clock> Pass<'a, A, C, K> {
    fn new(
        ctx: &'a Context<A, C, K>,
        live: &'a StepFunctionEndpoint,
        desired: &'a Desired,
        when: When,
        steady: bool,
        repeated: &'a BTreeMap<String, u32>,
    ) -> Self {
        Self {
            ctx,
            live,
            desired,
            when,
            steady,
            repeated,
            observed: Observed::new(live.status.as_ref()),
            calls: 0,
            failures: Vec::new(),
            failed_reads: BTreeSet::new(),
            failed_objects: BTreeSet::new(),
            applied: Vec::new(),
            create_in_flight: false,
            is_unclear: false,
            drift: None,
            awaited: None,
            cut_short: false,
        }
    }

    async fn run(mut self) -> Ended {
        let mut in_flight: InFlight<'a> = FuturesUnordered::new();
        let (mut reading, mut writing) = (BTreeSet::new(), Vec::new());
        let next = loop {
            for read in self.reads_to_start(&reading) {
                reading.insert(read.clone());
                in_flight.push(self.read(read));
            }
            let next = next(self.desired, &self.observed, self.when);
            if reading.is_empty() {
                self.note_drift(&next);
            }
            // What someone else changed is told before it is put back: of a steady pass all is read first.
            let may_write = !self.desired.observed_only && (!self.steady || self.drift.is_some());
            let actions = if may_write { self.actions_to_start(&next, &writing) } else { Vec::new() };
            for action in actions {
                writing.push(action.clone());
                in_flight.push(self.apply(action));
            }
            match in_flight.next().await {
                None => break next,
                Some(Answered::Read(read, result)) => {
                    reading.remove(&read);
                    self.fold_read(read, result);
                }
                Some(Answered::Applied(action, result)) => {
                    writing.retain(|other| *other != action);
                    self.fold_applied(action, result);
                }
            }
        };
        let creates = |action: &Action| matches!(action, Action::RestApi(rest_api::Action::CreateRestApi(_)));
        if !self.create_in_flight && !self.applied.iter().any(creates) {
            self.observed.settle_intent();
        }
        let writes = self.applied.iter().filter(|action| action.changes().is_some()).map(ToString::to_string).collect();
        let convergence = Convergence {
            observed: self.observed,
            next,
            failures: self.failures,
            drift: self.drift.unwrap_or_default(),
            applied: self.applied.len(),
        };
        let (awaited, cut_short, is_unclear) = (self.awaited, self.cut_short, self.is_unclear);
        let mut ended = Ended { convergence, writes, awaited, cut_short, is_unclear };
        if let Some(awaited) = &ended.awaited {
            awaited.tell(&mut ended.convergence.next);
        }
        ended
    }

    fn may_call(&self) -> bool {
        self.calls < CALLS_MAX && !self.ctx.is_stopping()
    }

    fn reads_to_start(&self, reading: &BTreeSet<Read>) -> Vec<Read> {
        let unread = reads(self.desired, &self.observed);
        let fresh = unread.into_iter().filter(|read| !reading.contains(read) && !self.failed_reads.contains(read));
        if self.may_call() { fresh.collect() } else { Vec::new() }
    }

    /// Every action whose object is free, but only one at a time on the REST API.
    fn actions_to_start(&mut self, next: &Next<Action>, writing: &[Action]) -> Vec<Action> {
        let mut api_is_busy = writing.iter().any(Action::is_on_rest_api);
        let mut busy: BTreeSet<String> = writing.iter().map(Action::object).collect();
        let mut start = Vec::new();
        for action in &next.actions {
            let object = action.object();
            if self.failed_objects.contains(&object) || busy.contains(&object) || !self.may_call() {
                continue;
            }
            if api_is_busy && action.is_on_rest_api() || self.takes_no_effect(action) {
                continue;
            }
            if !self.has_turn(action) {
                continue;
            }
            api_is_busy |= action.is_on_rest_api();
            busy.insert(object);
            start.push(action.clone());
        }
        start
    }

    /// Whether it is the turn of a call that may take minutes to get it. Asked once a pass where it isn't.
    fn has_turn(&mut self, action: &Action) -> bool {
        let Some(call) = action.slow_call() else { return true };
        if self.awaited.as_ref().is_some_and(|awaited| awaited.operation() == call) {
            return false;
        }
        let (caller, site, now) = (self.caller(), &self.desired.site, self.ctx.clock.now());
        let awaited = Awaited::ask(&self.ctx.aws, &caller, site, call, &action.object(), now);
        let has_turn = awaited.is_none();
        self.awaited = awaited.or(self.awaited.take());
        has_turn
    }

    fn caller(&self) -> Caller {
        caller(self.live, turn::urgency(self.live, self.steady, &self.observed))
    }

    /// An action that was applied and comes back unchanged did not take effect: an error, never a hot loop.
    fn takes_no_effect(&mut self, action: &Action) -> bool {
        let again = self.applied.contains(action);
        let stuck = self.repeated.get(&action.to_string()).is_some_and(|passes| *passes >= REPEATS_MAX);
        if !again && !stuck {
            return false;
        }
        let message = format!("{} did not take effect: {}", action.name(), cut(&action.to_string(), 600));
        let remedy = if stuck {
            let hint = "find what else writes these fields, or report it if nothing does".to_owned();
            Remedy::Person { hint }
        } else {
            Remedy::Retry
        };
        self.failures.push(Failure { message, remedy });
        self.failed_objects.insert(action.object());
        true
    }

    fn read(&mut self, read: Read) -> Pin<Box<dyn Future<Output = Answered> + Send + 'a>> {
        self.calls += 1;
        let (ctx, desired, caller) = (self.ctx, self.desired, self.caller());
        Box::pin(async move {
            let result = ctx.aws.read(&caller, &desired.site, &desired.owner, &read).await;
            Answered::Read(read, result)
        })
    }

    fn apply(&mut self, action: Action) -> Pin<Box<dyn Future<Output = Answered> + Send + 'a>> {
        self.calls += 1;
        let fields: Vec<&str> =
            action.changes().into_iter().flat_map(|changes| changes.iter().map(|c| c.field)).collect();
        tracing::info!(operation = action.name(), object = action.object(), ?fields, "applying");
        let (ctx, live, desired, caller) = (self.ctx, self.live, self.desired, self.caller());
        if action == Action::RestApi(rest_api::Action::RecordIntent) {
            return Box::pin(async move {
                let result = record_intent(ctx, live).await;
                Answered::Applied(action, result)
            });
        }
        let role_made_at = self.observed.workflow_role.present().map(|role| role.created_at);
        Box::pin(async move {
            let result = ctx.aws.apply(&caller, &desired.site, &action).await;
            let result = result.map_err(|error| Failed {
                failure: failure(ctx, &error, role_made_at.or_else(|| made_at(live))),
                unclear: error.class == Class::Unclear,
                not_made: error.class == Class::NotMade,
            });
            Answered::Applied(action, result)
        })
    }

    fn fold_read(&mut self, read: Read, result: Result<Fact, Error>) {
        match result {
            Ok(fact) => self.observed.fold(fact),
            Err(error) if error.class == Class::NotMade => {
                self.cut_short = true;
                self.failed_reads.insert(read);
            }
            Err(error) => {
                self.failures.push(Failure { message: error.to_string(), remedy: error.remedy() });
                self.failed_reads.insert(read);
            }
        }
    }

    fn fold_applied(&mut self, action: Action, result: Result<Answer, Failed>) {
        match result {
            Ok(answer) => {
                self.observed.fold_answer(&action, answer);
                self.applied.push(action);
            }
            Err(Failed { not_made: true, .. }) => {
                self.cut_short = true;
                self.failed_objects.insert(action.object());
            }
            Err(Failed { failure, unclear, not_made: false }) => {
                self.is_unclear = true; // an earlier attempt of the SDK's may take effect all the same
                self.create_in_flight |=
                    unclear && matches!(action, Action::RestApi(rest_api::Action::CreateRestApi(_)));
                tracing::warn!(problem = failure.message, "a call failed");
                self.failures.push(failure);
                self.failed_objects.insert(action.object());
            }
        }
    }

    /// What someone else has changed: the first actions of a pass that should have had none. Of what is observed only, all that differs.
    fn note_drift(&mut self, next: &Next<Action>) {
        if self.drift.is_some() {
            return;
        }
        self.drift = Some(if self.desired.observed_only {
            let known = self.failures.is_empty();
            if known { drift::differences(self.desired, &self.observed, self.when) } else { Vec::new() }
        } else {
            let actions = if self.steady { &next.actions[..] } else { &[] };
            drift::rows(actions, self.when.now, drift::REPAIRED_MAX)
        });
    }
}

/// When the object was made: a role that someone else made is given as long from then.
fn made_at(live: &StepFunctionEndpoint) -> Option<Timestamp> {
    live.metadata.creation_timestamp.as_ref().map(|time| time.0)
}

/// Records the intent to create an API, under the version that was read at the start of this pass.
async fn record_intent<A: Aws, C: Cluster, K: Clock>(
    ctx: &Context<A, C, K>,
    live: &StepFunctionEndpoint,
) -> Result<Answer, Failed> {
    let now = ctx.clock.now();
    let mut status = live.status.clone().unwrap_or_default();
    status.api.get_or_insert_default().create_intended_at = Some(moment(now));
    match ctx.cluster.write_status(live, &status, true).await {
        Ok(()) => Ok(Answer::Recorded(now)),
        Err(error) => {
            let failure = Failure { message: error.to_string(), remedy: Remedy::Retry };
            Err(Failed { failure, unclear: false, not_made: false })
        }
    }
}

/// A role can't be used in its first seconds: that needs a person only when it lasts.
fn failure<A, C, K: Clock>(ctx: &Context<A, C, K>, error: &Error, role_made_at: Option<Timestamp>) -> Failure {
    let is_new = role_made_at.is_some_and(|at| ctx.clock.now() < at + ctx.options.role_grace);
    let remedy = match error.class {
        Class::RoleNotReady if !is_new => Remedy::Person {
            hint: "let `states.amazonaws.com` assume the workflow's role, and let the role write the log: see `stateMachine.role`".to_owned(),
        },
        Class::RoleNotReady
        | Class::NotFound
        | Class::AccessDenied
        | Class::Throttled
        | Class::Conflict
        | Class::Quota
        | Class::Refused
        | Class::Unclear
        | Class::NotMade => error.remedy(),
    };
    Failure { message: error.to_string(), remedy }
}
