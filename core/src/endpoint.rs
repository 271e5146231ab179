//! One endpoint as a whole: what is next, from what is desired and what is observed. Pure; deletion is the same with nothing desired.
//!
//! - What serves is made first, then deployed, then the stage moves, and only then goes what nothing served relies on any more.
//! - A deployment is made of a finished API alone: CreateDeployment fails on a method without integration.

mod callers;
mod gateway;
mod guests;
mod keys;
mod letting_go;
mod others;
mod workflow;

use jiff::{SignedDuration, Timestamp};

use crate::action::Action;
use crate::claim::Claim;
use crate::desired::{Api, Desired, Unwanted};
use crate::kinds::{role, state_machine};
use crate::next::{Next, Seen, Until};
use crate::observed::Observed;
use crate::policy::PolicyDocument;
use crate::reason::Reason;

pub use gateway::{Live, is_released, live, snapshot, stage_stands};
pub use guests::placed;

/// The times that decide. Both are when this pass began, before its reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct When {
    /// Now.
    pub now: Timestamp,
    /// How long after an intent to create an API "not found" settles it.
    pub settle: SignedDuration,
}

/// What is next. All three lists empty is what converged means.
pub fn next(desired: &Desired, observed: &Observed, when: When) -> Next<Action> {
    let desired = &*placed(desired, observed);
    match desired.unwanted {
        Unwanted::Deleted => {}
        Unwanted::Released => return letting_go::next(desired, observed, when),
        Unwanted::Left => return hosted(desired),
    }
    let released = released(desired, observed);
    let mut next = workflow::supports(desired, observed, released);
    let (ready, settled) = (next.is_empty(), next.refused.is_empty() && workflow::is_read(desired, observed));
    next.and(workflow::leftovers(desired, observed, released && ready));
    next.and(workflow::former_access_log(desired, observed, when));
    let makes_api = desired.api.as_ref().is_some_and(|api| api.others.is_none());
    if !settled && makes_api && observed.rest_api.is_absent() {
        next.and(Next::wait("REST API", "none is made beside what is not known to be ours"));
    } else {
        next.and(gateway::api(desired, observed, when, ready));
    }
    next.and(hosted(desired));
    if !desired.kept_for.is_empty() {
        let why = format!("StepFunctionEndpoints on its API go first: {}", desired.kept_for.join(", "));
        next.and(Next::wait_until("deletion", &why, Until::Cluster));
    }
    next
}

/// Whether nothing that is served relies on what isn't desired: the stage serves what is, or there is none any more.
fn released(desired: &Desired, observed: &Observed) -> bool {
    let by_host = match &desired.hosted {
        None => true,
        Some(hosted) if hosted.routes_hash.is_some() => hosted.is_served(),
        Some(hosted) => hosted.host.guest.is_none() || !hosted.host.exists,
    };
    let by_own_api = match &desired.api {
        None if desired.leaves.is_some() => others::serves_nothing(desired, observed),
        None => observed.rest_api.is_absent(),
        Some(api) => live(api, observed).is_some() && serves_alone(api, desired, observed),
    };
    by_host && by_own_api
}

/// Whether no other stage of ours is left, which would still serve what was desired before.
fn serves_alone(api: &Api, desired: &Desired, observed: &Observed) -> bool {
    let ours = observed.stages.present().into_iter().flatten().filter(|(_, stage)| desired.owner.owns(&stage.tags));
    ours.into_iter().all(|(name, _)| api.stages().any(|stage| stage.name == *name))
}

/// A part of an endpoint, for the conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Both roles.
    Roles,
    /// The state machine and its log group.
    StateMachine,
    /// The API, its resources and methods.
    Routes,
    /// What the stages serve.
    Stage,
}

impl Part {
    /// All parts in the order in which they become ready.
    pub const ALL: [Self; 4] = [Self::Roles, Self::StateMachine, Self::Routes, Self::Stage];
}

/// Whether a part is as desired; None while it isn't known.
pub fn is_ready(part: Part, desired: &Desired, observed: &Observed) -> Option<bool> {
    let owner = &desired.owner;
    match part {
        Part::Roles => {
            let mut ready = true;
            for (purpose, want) in
                [(role::Purpose::Gateway, &desired.gateway_role), (role::Purpose::Workflow, &desired.workflow_role)]
            {
                let Some(want) = want else { continue };
                match observed.role(purpose) {
                    Seen::Unknown => return None,
                    Seen::Absent => ready = false,
                    Seen::Present(found) => {
                        // The policies while something is replaced allow more than what is desired: ready all the same.
                        ready &= owner.owns(&found.tags)
                            && found.managed_policy_arns == want.managed_policy_arns
                            && allows(found.permissions.as_ref(), want.permissions.as_ref());
                    }
                }
            }
            Some(ready)
        }
        Part::StateMachine => {
            let Some(want) = &desired.state_machine else { return Some(true) };
            match observed.state_machine(want.type_) {
                Seen::Unknown => None,
                seen => {
                    Some(state_machine::next(&Claim::of(desired, observed), &want.arn, Some(want), seen).is_empty())
                }
            }
        }
        Part::Routes => match (&desired.api, &observed.rest_api) {
            (None, _) => Some(released(desired, observed)),
            (Some(_), Seen::Unknown) => None,
            (Some(_), Seen::Absent) => Some(false),
            (Some(_), Seen::Present(_)) if observed.resources.is_unknown() => None,
            (Some(api), Seen::Present(found)) => Some(gateway::routes(api, desired, observed, &found.id).is_empty()),
        },
        Part::Stage => match (&desired.api, &observed.rest_api) {
            (None, _) => Some(released(desired, observed)),
            (Some(_), Seen::Unknown) => None,
            (Some(_), Seen::Absent) => Some(false),
            (Some(_), Seen::Present(_)) if observed.stages.is_unknown() || observed.deployments.is_unknown() => None,
            (Some(api), Seen::Present(_)) => Some(live(api, observed).is_some()),
        },
    }
}

/// Whether what is found allows all that is wanted.
fn allows(found: Option<&PolicyDocument>, want: Option<&PolicyDocument>) -> bool {
    match (found, want) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(found), Some(want)) => want.and(Some(found)) == found.and(None),
    }
}

/// What we wait for while another serves our routes.
fn hosted(desired: &Desired) -> Next<Action> {
    let Some(hosted) = &desired.hosted else { return Next::nothing() };
    let (name, served) = (&hosted.host.name, hosted.host.guest.as_ref());
    let idle = hosted.host.idle.map(|why| format!(", and {why}")).unwrap_or_default();
    match (&hosted.routes_hash, served) {
        (Some(_), Some(guest)) if guest.refused.is_some() => Next::refuse(
            Reason::RouteConflict,
            format!(
                "StepFunctionEndpoint {name} does not serve these routes: {}",
                guest.refused.as_deref().unwrap_or_default()
            ),
            "change `spec.routes` of one of the two".to_owned(),
        ),
        (Some(_), Some(_)) if hosted.is_served() => Next::nothing(),
        (Some(_), _) => {
            Next::wait_until("routes", &format!("StepFunctionEndpoint {name} has to serve them{idle}"), Until::Cluster)
        }
        (None, Some(_)) if hosted.host.exists => {
            Next::wait_until("routes", &format!("StepFunctionEndpoint {name} has to drop them{idle}"), Until::Cluster)
        }
        (None, _) => Next::nothing(),
    }
}
