//! One pass: read what is unknown, derive what is next, make those calls side by side, fold each answer, and so on until nothing is next.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use jiff::Timestamp;
use sfe_core::action::Action;
use sfe_core::api::{Drift, StepFunctionEndpoint, moment};
use sfe_core::change::cut;
use sfe_core::desired::Desired;
use sfe_core::drift;
use sfe_core::endpoint::{When, next};
use sfe_core::kinds::rest_api;
use sfe_core::next::Next;
use sfe_core::observed::{Answer, Fact, Observed, Read, reads};
use sfe_core::outcome::{Convergence, Failure};
use sfe_core::reason::Reason;
use sfe_core::recall::{self, Part};

use crate::aws::{Aws, Caller, Class, Error};

use super::clock::Clock;
use super::cluster::{Cluster, caller};
use super::context::Context;
use super::turn::{self, Awaited};
use super::unreadable::Unreadable;

/// The most calls of one pass: 100 routes take about 900. What is left is done by the next pass.
const CALLS_MAX: usize = 2_000;
/// A write that so many passes in a row have made does not take effect.
const REPEATS_MAX: u32 = 3;

/// One pass over one endpoint.
pub struct Pass<'a, A, C, K> {
    ctx: &'a Context<A, C, K>,
    live: &'a StepFunctionEndpoint,
    desired: &'a Desired,
    when: When,
    /// Whether any difference is someone else's doing.
    steady: bool,
    repeated: &'a BTreeMap<String, u32>,
    unreadable: Unreadable,
    observed: Observed,
    /// What of that an earlier pass has read.
    recalled: BTreeSet<Part>,
    /// The id of the REST API that it has read, until that was read again.
    recalled_api: Option<String>,
    calls: usize,
    failures: Vec<Failure>,
    failed_reads: BTreeSet<Read>,
    /// Objects on which something failed: nothing more is done to them in this pass.
    failed_objects: BTreeSet<String>,
    applied: Vec<Action>,
    /// Whether a CreateRestApi of this pass may still take effect.
    create_in_flight: bool,
    /// Whether any write of this pass may: where it failed, an earlier attempt of the SDK's may take effect all the same.
    is_unclear: bool,
    /// Whether the answer of any write got lost.
    is_lost: bool,
    drift: Option<Vec<Drift>>,
    /// The call whose turn has not come.
    awaited: Option<Awaited>,
    /// Whether a call was not made as the operator stops.
    cut_short: bool,
}

/// How a pass ended.
pub struct Ended {
    pub convergence: Convergence,
    pub writes: Vec<String>,
    pub awaited: Option<Awaited>,
    pub cut_short: bool,
    pub is_unclear: bool,
    /// Whether the answer of any write got lost: it may take effect a while later.
    pub is_lost: bool,
    /// The calls whose answers could not be read, in this pass and those before it.
    pub unreadable: Unreadable,
}

/// What has been answered.
enum Answered {
    Read(Read, Result<Fact, Error>),
    Applied(Action, Result<Answer, Failed>),
}

/// A write that failed.
struct Failed {
    failure: Failure,
    /// What AWS answered; none for a write to the cluster.
    error: Option<Box<Error>>,
}

type InFlight<'a> = FuturesUnordered<Pin<Box<dyn Future<Output = Answered> + Send + 'a>>>;

impl<'a, A: Aws, C: Cluster, K: Clock> Pass<'a, A, C, K> {
    pub fn new(
        ctx: &'a Context<A, C, K>,
        live: &'a StepFunctionEndpoint,
        desired: &'a Desired,
        when: When,
        steady: bool,
        (repeated, unreadable): (&'a BTreeMap<String, u32>, Unreadable),
        (told, recent): (Observed, Option<Observed>),
    ) -> Self {
        let recalled = if recent.is_some() { Part::ALL.into() } else { BTreeSet::new() };
        let recalled_api = recent.as_ref().and_then(|recent| Some(recent.rest_api.present()?.id.clone()));
        Self {
            ctx,
            live,
            desired,
            when,
            steady,
            repeated,
            unreadable,
            observed: match recent {
                Some(recent) => recent.recalled(told),
                None => told,
            },
            recalled,
            recalled_api,
            calls: 0,
            failures: Vec::new(),
            failed_reads: BTreeSet::new(),
            failed_objects: BTreeSet::new(),
            applied: Vec::new(),
            create_in_flight: false,
            is_unclear: false,
            is_lost: false,
            drift: None,
            awaited: None,
            cut_short: false,
        }
    }

    pub async fn run(mut self) -> Ended {
        let mut in_flight: InFlight<'a> = FuturesUnordered::new();
        let (mut reading, mut writing) = (BTreeSet::new(), Vec::new());
        let next = loop {
            for read in self.reads_to_start(&reading) {
                reading.insert(read.clone());
                in_flight.push(self.read(read));
            }
            let next = next(self.desired, &self.observed, self.when);
            if self.must_read_before(&next) {
                continue;
            }
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
            recorded: self.applied.contains(&Action::RestApi(rest_api::Action::RecordIntent)),
        };
        let Self { awaited, cut_short, is_unclear, is_lost, unreadable, .. } = self;
        let mut ended = Ended { convergence, writes, awaited, cut_short, is_unclear, is_lost, unreadable };
        if let Some(awaited) = &ended.awaited {
            awaited.tell(&mut ended.convergence.next);
        }
        ended
    }

    /// Whether something is to be written of which no more is known than what an earlier pass has read: that is forgotten.
    fn must_read_before(&mut self, next: &Next<Action>) -> bool {
        let before = self.recalled.len();
        for part in next.actions.iter().flat_map(recall::before) {
            if self.recalled.remove(&part) {
                self.observed.forget(part);
            }
        }
        self.recalled.len() < before
    }

    /// What an earlier pass has read on one REST API tells nothing of another that is found in its place.
    fn check_recalled_api(&mut self) {
        let Some(recalled) = self.recalled_api.take() else { return };
        if self.observed.rest_api.present().is_none_or(|found| found.id != recalled) {
            self.observed.forget_all_on_rest_api();
        }
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
        self.failures.push(if stuck {
            let hint = "find what else writes these fields, or report it if nothing does".to_owned();
            Failure::person(Reason::WriteWithoutEffect, message, hint)
        } else {
            Failure::retry(Reason::WriteWithoutEffect, message)
        });
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
                error: Some(Box::new(error)),
            });
            Answered::Applied(action, result)
        })
    }

    fn fold_read(&mut self, read: Read, result: Result<Fact, Error>) {
        match result {
            Ok(fact) => {
                self.unreadable.read(&format!("{read:?}"));
                self.observed.fold(fact);
                if read == Read::RestApis {
                    self.check_recalled_api();
                }
            }
            Err(error) if error.class == Class::NotMade => {
                self.cut_short = true;
                self.failed_reads.insert(read);
            }
            Err(error) => {
                let remedy = self.unreadable.remedy(format!("{read:?}"), &error);
                self.failures.push(Failure { remedy, ..error.failure() });
                self.failed_reads.insert(read);
            }
        }
    }

    fn fold_applied(&mut self, action: Action, result: Result<Answer, Failed>) {
        match result {
            Ok(answer) => {
                self.unreadable.read(&call(&action));
                self.observed.fold_answer(&action, answer);
                self.applied.push(action);
            }
            Err(Failed { error: Some(error), .. }) if error.class == Class::NotMade => {
                self.cut_short = true;
                self.failed_objects.insert(action.object());
            }
            Err(Failed { mut failure, error }) => {
                let unconfirmed = error.as_ref().is_some_and(|error| error.class.is_unconfirmed());
                if let Some(error) = error.filter(|error| error.class == Class::Unreadable) {
                    failure.remedy = self.unreadable.remedy(call(&action), &error);
                }
                self.is_unclear = true;
                self.is_lost |= unconfirmed;
                self.create_in_flight |=
                    unconfirmed && matches!(action, Action::RestApi(rest_api::Action::CreateRestApi(_)));
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
            let rows = || drift::repaired(self.desired, &self.observed, next, self.when);
            if self.steady { rows() } else { Vec::new() }
        });
    }
}

/// A write as every pass names it, whatever it changes.
fn call(action: &Action) -> String {
    format!("{} {}", action.name(), action.object())
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
            let failure = error.failure(None);
            Err(Failed { failure, error: None })
        }
    }
}

/// A role can't be used in its first seconds: that needs a person only when it lasts.
fn failure<A, C, K: Clock>(ctx: &Context<A, C, K>, error: &Error, role_made_at: Option<Timestamp>) -> Failure {
    let is_new = role_made_at.is_some_and(|at| ctx.clock.now() < at + ctx.options.role_grace);
    match error.class {
        Class::RoleNotReady if !is_new => {
            let hint = "let `states.amazonaws.com` assume the workflow's role, and let the role write the log: see `stateMachine.role`";
            Failure::person(error.reason(), error.to_string(), hint.to_owned())
        }
        Class::RoleNotReady
        | Class::NotFound
        | Class::AccessDenied
        | Class::Throttled
        | Class::Conflict
        | Class::ValueTaken
        | Class::Quota
        | Class::InvalidDefinition
        | Class::Refused
        | Class::Unclear
        | Class::Unreadable
        | Class::NoCredentials
        | Class::InvalidCredentials
        | Class::NotMade => error.failure(),
    }
}
