//! What the routes rely on, and what nothing relies on any more: state machines, their role and log group, the gateway role; and the stages'
//! log group.

use std::collections::BTreeSet;

use crate::action::Action;
use crate::api::StateMachineType;
use crate::arn::Arn;
use crate::change::Changes;
use crate::claim::Claim;
use crate::desired::Desired;
use crate::kinds::{log_group, rest_api::Intent, role, stage, state_machine};
use crate::next::{Next, Seen, unread};
use crate::observed::{Observed, may_exist, trust_tells};
use crate::policy::{trusted_state_machines, workflow_trust};

use super::When;

/// What the routes rely on: log groups and roles, then the state machine.
pub fn supports(desired: &Desired, observed: &Observed, released: bool) -> Next<Action> {
    let mut next = Next::nothing();
    if desired.log_group.is_some() {
        next.and(log_group(log_group::Purpose::Workflow, desired, observed));
    }
    match desired.workflow_role {
        Some(_) => next.and(workflow_role(desired, observed)),
        None => next.and(former_workflow_role(desired, observed)),
    }
    next.and(wanted_state_machine(desired, observed, next.is_empty()));
    if desired.gateway_role.is_some() {
        next.and(gateway_role(desired, observed, released));
    }
    if desired.access_log_group.is_some() {
        next.and(log_group(log_group::Purpose::Access, desired, observed));
    }
    next
}

fn log_group(purpose: log_group::Purpose, desired: &Desired, observed: &Observed) -> Next<Action> {
    let name = desired.owner.log_group_name_for(purpose);
    let (claim, want, seen) =
        (Claim::of(desired, observed), desired.log_group_for(purpose), observed.log_group(purpose));
    log_group::next(purpose, &claim, &name, want, seen).map(|action| Action::LogGroup(purpose, action))
}

/// The stages' log group once nothing is desired of it, and no stage names it any more.
pub fn former_access_log(desired: &Desired, observed: &Observed, when: When) -> Next<Action> {
    if desired.access_log_group.is_some() {
        return Next::nothing();
    }
    let next = log_group(log_group::Purpose::Access, desired, observed);
    if next.actions.is_empty() {
        return next;
    }
    let arn = desired.site.log_group_arn(&desired.owner.access_log_group_name());
    let names = |stage: &stage::Stage| {
        let destination = stage.settings.access_log.as_ref().map(|log| log.destination_arn.as_str());
        destination.is_some() && destination == arn.as_ref().map(Arn::as_str)
    };
    match (&observed.rest_api, &observed.stages) {
        // A list may lag behind the making of the API whose stage names it.
        (Seen::Absent, _) if !matches!(observed.intent, Intent::Earlier(at) if when.now < at + when.settle) => next,
        (Seen::Present(_), Seen::Present(stages)) if !stages.values().any(names) => next,
        _ => Next::wait("access log group", "the stages name another first"),
    }
}

/// Whether it is known of all that the routes rely on what there is.
pub fn is_read(desired: &Desired, observed: &Observed) -> bool {
    let machine = desired.state_machine.as_ref().map(|want| want.type_);
    (desired.gateway_role.is_none() || !observed.gateway_role.is_unknown())
        && (desired.workflow_role.is_none() || !observed.workflow_role.is_unknown())
        && (desired.log_group.is_none() || !observed.log_group.is_unknown())
        && (desired.access_log_group.is_none() || !observed.access_log_group.is_unknown())
        && machine.is_none_or(|type_| !observed.state_machine(type_).is_unknown())
}

/// What nothing relies on any more, once that is so: state machines, then their role and log group; the gateway role.
pub fn leftovers(desired: &Desired, observed: &Observed, free: bool) -> Next<Action> {
    let mut next = unwanted_state_machines(desired, observed);
    let mut beside = Next::nothing();
    if desired.gateway_role.is_none() {
        beside.and(gateway_role(desired, observed, true));
    }
    if next.is_empty() {
        if desired.workflow_role.is_none() {
            next.and(workflow_role(desired, observed));
        }
        if desired.log_group.is_none() {
            next.and(log_group(log_group::Purpose::Workflow, desired, observed));
        }
    }
    next.and(beside);
    if free || next.actions.is_empty() { next } else { Next::wait("former objects", "what relies on them moves first") }
}

/// The role trusts our state machine of either type as long as that may exist: the trust tells what may.
fn workflow_role(desired: &Desired, observed: &Observed) -> Next<Action> {
    let (owner, purpose) = (&desired.owner, role::Purpose::Workflow);
    let unread_type = [StateMachineType::Standard, StateMachineType::Express]
        .into_iter()
        .any(|type_| observed.state_machine(type_).is_unknown() && may_exist(desired, observed, type_) == Some(true));
    let is_told = observed.workflow_role.present().is_some_and(|role| trust_tells(role, &desired.site.account));
    if unread_type && !is_told {
        return unread("state machine"); // a new trust must name from the start whatever there is
    }
    let want = desired.workflow_role.as_ref().map(|want| {
        let trusted = state_machines_that_may_be(desired, observed);
        role::Desired { trust: workflow_trust(&desired.site.account, &trusted), ..want.clone() }
    });
    let name = owner.workflow_role_name();
    role::next(purpose, &Claim::of(desired, observed), &name, want.as_ref(), &observed.workflow_role)
        .map(|action| Action::Role(purpose, action))
}

/// A role of ours that is not wanted any more names the new state machine all the same before that is created: as long as there is such a
/// role, it tells which state machines may exist.
fn former_workflow_role(desired: &Desired, observed: &Observed) -> Next<Action> {
    let found = match (&observed.workflow_role, &desired.state_machine) {
        (Seen::Present(found), Some(_)) => found,
        (Seen::Unknown, Some(_)) => return unread("former role"), // or a state machine that it does not name is forgotten
        (Seen::Absent, Some(_)) | (_, None) => return Next::nothing(),
    };
    let trusted = state_machines_that_may_be(desired, observed);
    if !desired.owner.owns(&found.tags) || trusted.is_subset(&trusted_state_machines(&found.trust)) {
        return Next::nothing();
    }
    let trust = workflow_trust(&desired.site.account, &trusted);
    let changes = Changes::none().at("assumeRolePolicyDocument", &found.trust, &trust);
    let name = desired.owner.workflow_role_name();
    Next::act(Action::Role(role::Purpose::Workflow, role::Action::UpdateAssumeRolePolicy { name, trust, changes }))
}

fn state_machines_that_may_be(desired: &Desired, observed: &Observed) -> BTreeSet<Arn> {
    let wanted = desired.state_machine.as_ref().map(|want| want.type_);
    let trusted = observed.workflow_role.present().map(|role| trusted_state_machines(&role.trust)).unwrap_or_default();
    [StateMachineType::Standard, StateMachineType::Express]
        .into_iter()
        .filter_map(|type_| {
            let arn = desired.state_machine_arn(type_)?;
            let may_be = match observed.state_machine(type_) {
                Seen::Present(_) => true,
                Seen::Unknown => trusted.contains(&arn),
                Seen::Absent => false,
            };
            (wanted == Some(type_) || may_be).then_some(arn)
        })
        .collect()
}

/// The state machine, once its log group and role stand.
fn wanted_state_machine(desired: &Desired, observed: &Observed, ready: bool) -> Next<Action> {
    let Some(want) = &desired.state_machine else { return Next::nothing() };
    let next =
        state_machine::next(&Claim::of(desired, observed), &want.arn, Some(want), observed.state_machine(want.type_));
    if ready || next.actions.is_empty() {
        return next.map(|action| Action::StateMachine(want.type_, action));
    }
    let first = Next::wait("state machine", "its role and log group come first");
    Next { adoptions: next.adoptions, ..first } // what is told of it stays told
}

/// Our state machines that are not wanted.
fn unwanted_state_machines(desired: &Desired, observed: &Observed) -> Next<Action> {
    let mut next = Next::nothing();
    let wanted = desired.state_machine.as_ref().map(|want| want.type_);
    for type_ in [StateMachineType::Standard, StateMachineType::Express] {
        if wanted == Some(type_) {
            continue;
        }
        let Some(arn) = desired.state_machine_arn(type_) else { continue };
        let seen = observed.state_machine(type_);
        let gone = match (seen, may_exist(desired, observed, type_)) {
            (Seen::Unknown, Some(false)) => Next::nothing(),
            (Seen::Unknown | Seen::Absent | Seen::Present(_), _) => {
                state_machine::next(&Claim::of(desired, observed), &arn, None, seen)
            }
        };
        next.and(gone.map(|action| Action::StateMachine(type_, action)));
    }
    next
}

/// What the stage still serves keeps its permissions until the stage has moved: a policy only grows before that.
fn gateway_role(desired: &Desired, observed: &Observed, released: bool) -> Next<Action> {
    let (owner, purpose) = (&desired.owner, role::Purpose::Gateway);
    let found = observed.gateway_role.present().and_then(|role| role.permissions.as_ref());
    let want = desired.gateway_role.as_ref().map(|want| match &want.permissions {
        Some(permissions) if !released => role::Desired { permissions: Some(permissions.and(found)), ..want.clone() },
        Some(_) | None => want.clone(),
    });
    let name = owner.gateway_role_name();
    role::next(purpose, &Claim::of(desired, observed), &name, want.as_ref(), &observed.gateway_role)
        .map(|action| Action::Role(purpose, action))
}
