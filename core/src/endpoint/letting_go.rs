//! A deletion that retains: everything stays as it is, serving, and our tags come off. Nothing of it is taken for ours later.
//!
//! The REST API is last. Until then an object of the same name, were it made anew in the middle, would find its API and make no second one,
//! and would find the rest to be nobody's: it would touch none of it. What bears no tags (methods, deployments, authorizers) is ours by its
//! API alone, and stays as it is.

use crate::action::Action;
use crate::api::StateMachineType;
use crate::desired::Desired;
use crate::kinds::{log_group, rest_api, role, stage, state_machine};
use crate::next::{Next, Seen, unread};
use crate::observed::Observed;
use crate::tags;

use super::{When, hosted, keys};

/// What is next until nothing carries our tags.
pub fn next(desired: &Desired, observed: &Observed, when: When) -> Next<Action> {
    let next = hosted(desired); // who serves our routes lets those go first
    if !next.is_empty() {
        return next;
    }
    let mut next = beside_api(desired, observed);
    next.and(keys::release(desired, observed));
    if !next.is_empty() {
        return next;
    }
    api(desired, observed, when)
}

/// Roles, log groups and state machines; keys and plan, which have tags of their own, are not on the API either.
fn beside_api(desired: &Desired, observed: &Observed) -> Next<Action> {
    let (owner, site) = (&desired.owner, &desired.site);
    let mut next = Next::nothing();
    for (purpose, name) in
        [(role::Purpose::Gateway, owner.gateway_role_name()), (role::Purpose::Workflow, owner.workflow_role_name())]
    {
        let released = role::release(purpose, owner, &name, observed.role(purpose));
        next.and(released.map(|action| Action::Role(purpose, action)));
    }
    for purpose in log_group::Purpose::ALL {
        let name = owner.log_group_name_for(purpose);
        if let Some(arn) = site.log_group_arn(&name) {
            let released = log_group::release(purpose, owner, &name, &arn, observed.log_group(purpose));
            next.and(released.map(|action| Action::LogGroup(purpose, action)));
        }
    }
    for type_ in [StateMachineType::Standard, StateMachineType::Express] {
        if let Some(arn) = desired.state_machine_arn(type_) {
            let released = state_machine::release(owner, &arn, observed.state_machine(type_));
            next.and(released.map(|action| Action::StateMachine(type_, action)));
        }
    }
    next
}

/// The stages, then the API. One whose creation may still be in flight is waited for: it will carry our tags.
fn api(desired: &Desired, observed: &Observed, when: When) -> Next<Action> {
    let Some(found) = observed.rest_api.present() else {
        return rest_api::next(None, &observed.rest_api, observed.intent, when.now, when.settle).map(Action::RestApi);
    };
    let Seen::Present(stages) = &observed.stages else { return unread("stage") };
    let stages = stage::release(&found.id, &desired.owner, &desired.site, stages).map(Action::Stage);
    if !stages.is_empty() || desired.leaves.is_some() {
        return stages; // someone else's API has no tags of ours
    }
    let (id, arn) = (found.id.clone(), desired.site.rest_api_arn(&found.id));
    Next::act(Action::RestApi(rest_api::Action::UntagResource { id, arn, keys: tags::of_ours(&found.tags) }))
}
