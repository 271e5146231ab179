//! The status, from what it was and how the pass ended. Pure: the time is an argument.

use std::collections::BTreeSet;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::api::{
    ApiStatus, GuestStatus, RouteStatus, StageStatus, StateMachineStatus, StepFunctionEndpointStatus, moment,
};
use crate::desired::{Api, Calls, Desired, GuestRoutes, Neighbour};
use crate::drift;
use crate::endpoint::{self, Part};
use crate::kinds::{api_key, rest_api::Intent, usage_plan};
use crate::next::Seen;
use crate::observed::Observed;
use crate::outcome::{Convergence, Outcome};
use crate::reason::Reason;
use crate::request_id;

/// The most that a status may take as JSON, in bytes.
const STATUS_BYTES_MAX: usize = 16 * 1024;

/// The whole status after a pass. What was not read keeps what the previous status says of it.
pub fn status(
    previous: Option<&StepFunctionEndpointStatus>,
    generation: Option<i64>,
    outcome: &Outcome,
    now: Timestamp,
) -> StepFunctionEndpointStatus {
    let mut status = previous.cloned().unwrap_or_default();
    status.observed_generation = generation;
    status.last_handled_reconcile_at = outcome.requested_at.clone().or(status.last_handled_reconcile_at);
    remove(&mut status, "Suspended");
    if let Some(convergence) = &outcome.convergence {
        let adoptions = convergence.next.adoptions.iter();
        let rows = adoptions.flat_map(|adoption| drift::fields(&adoption.object, &adoption.changes, now)).collect();
        status.adoption = drift::since(rows, &status.adoption);
        if let Ok(desired) = &outcome.desired {
            let desired = endpoint::placed(desired, &convergence.observed);
            tell_objects(&mut status, &desired, &convergence.observed);
            tell_parts(&mut status, &desired, convergence, generation, now);
        }
        if outcome.desired.as_ref().is_ok_and(|desired| desired.observed_only) {
            if convergence.failures.is_empty() {
                status.drift = drift::since(convergence.drift.clone(), &status.drift);
            }
        } else if !convergence.drift.is_empty() {
            let put_back = is_true(&status, "Ready");
            let before = if put_back { &[][..] } else { &status.drift };
            status.drift = drift::since(convergence.drift.clone(), before);
        } else if previous.and_then(|previous| previous.observed_generation) != generation {
            status.drift.clear();
        }
    }
    if let Ok(desired) = &outcome.desired {
        tell_executions(&mut status, desired, outcome);
        if desired.observed_only {
            let message = "nothing is written to AWS: `spec.managementPolicy` is Observe";
            set(&mut status, "ObservedOnly", true, Reason::Observe, message, generation, now);
        } else {
            remove(&mut status, "ObservedOnly");
        }
    }
    if let Some(publication) = &outcome.publication {
        status.published = publication.recorded();
    }
    tell_readiness(&mut status, outcome, generation, now);
    bounded(status)
}

/// The whole status of an object that is suspended. As Flux does with its own objects, it says of AWS what it said before, and of that
/// generation: nothing was compared with this one, and a Ready that nobody has checked must not count for it. Nothing is in progress either.
pub fn suspended(
    previous: Option<&StepFunctionEndpointStatus>,
    generation: Option<i64>,
    now: Timestamp,
) -> StepFunctionEndpointStatus {
    let mut status = previous.cloned().unwrap_or_default();
    remove(&mut status, "Reconciling");
    let message = "nothing is read or written in AWS until `spec.suspend` is false";
    set(&mut status, "Suspended", true, Reason::Suspended, message, generation, now);
    status
}

/// Ids, ARNs and URLs.
fn tell_objects(status: &mut StepFunctionEndpointStatus, desired: &Desired, observed: &Observed) {
    if let Some(calls) = &desired.calls {
        let known = match &desired.state_machine {
            Some(want) => observed.state_machine(want.type_).present().is_some(),
            None => true,
        };
        if known {
            status.state_machine =
                Some(StateMachineStatus { arn: calls.state_machine.to_string(), type_: calls.type_ });
        }
        status.gateway_role_arn = Some(calls.gateway_role.to_string());
        status.log_group = calls.log_group.clone();
        status.access_log_group = desired.access_log_group.as_ref().map(|group| group.name.clone());
        status.workflow_role_arn = desired.state_machine.as_ref().map(|want| want.role_arn.to_string());
    }
    if desired.may_have_keys {
        tell_keys(status, desired, observed);
    }
    match &desired.api {
        Some(api) => tell_api(status, desired, api, observed),
        None => {
            if observed.rest_api.is_absent() {
                status.api = None;
            }
            status.guests.clear();
            status.stages.clear();
            status.url = desired.hosted.as_ref().and_then(|hosted| hosted.host.url.clone());
        }
    }
    status.routes = routes(status.url.as_deref(), desired.calls.as_ref());
}

/// The routes and their URLs below that of the stage.
pub fn routes(url: Option<&str>, calls: Option<&Calls>) -> Vec<RouteStatus> {
    match (url, calls) {
        (Some(url), Some(calls)) => calls
            .routes
            .iter()
            .map(|route| RouteStatus { method: route.method, url: format!("{url}{}", route.path) })
            .collect(),
        (None, _) | (_, None) => Vec::new(),
    }
}

/// From before the first key is made on, so that they are found again whatever the manifest then says.
fn tell_keys(status: &mut StepFunctionEndpointStatus, desired: &Desired, observed: &Observed) {
    let told = status.api_keys.get_or_insert_default();
    if let Some(plans) = observed.usage_plans.present() {
        told.usage_plan_id = usage_plan::kept(plans).map(|(id, _)| id.clone());
    }
    if let Some(found) = observed.api_keys.present() {
        let wanted = desired.keys.iter().flat_map(|keys| &keys.keys);
        told.ids = wanted.filter_map(|want| Some((want.key.clone(), api_key::find(want, found)?.clone()))).collect();
    }
}

fn tell_api(status: &mut StepFunctionEndpointStatus, desired: &Desired, api: &Api, observed: &Observed) {
    let mut told = status.api.clone().unwrap_or_default();
    match &observed.rest_api {
        Seen::Present(found) => {
            told.rest_api_id = Some(found.id.clone());
            // It stays: for a while after it a list that doesn't show the API yet must not make another.
            if let Intent::Recorded(at) = observed.intent {
                told.create_intended_at = Some(moment(at));
            }
        }
        Seen::Unknown | Seen::Absent => {
            told.create_intended_at = match observed.intent {
                Intent::None => None,
                Intent::Earlier(at) | Intent::Recorded(at) => Some(moment(at)),
            };
        }
    }
    if observed.rest_api.is_absent() {
        told = ApiStatus { create_intended_at: told.create_intended_at, ..ApiStatus::default() };
    }
    if api.others.is_some() {
        told.resource_ids = made(observed, &told.resource_ids);
    }
    let stage = observed.stages.present().and_then(|stages| stages.get(&api.stage.name));
    if let (Some(stage), Some(deployments)) = (stage, observed.deployments.present()) {
        told.stage = Some(api.stage.name.clone());
        told.deployment_id = Some(stage.deployment_id.clone());
        told.deployment_hash = crate::kinds::deployment::hash_of(deployments, &stage.deployment_id).map(str::to_owned);
    }
    // What is known to serve, which is the former stage until the new one stands.
    let found = observed.rest_api.present();
    let disabled = found.map_or(api.rest_api.disable_execute_api_endpoint, |found| found.disable_execute_api_endpoint);
    let serves = told.rest_api_id.as_ref().zip(told.stage.as_ref()).filter(|_| !disabled);
    status.url = serves.map(|(id, stage)| desired.site.stage_url(id, stage));
    if let (Some(id), Some(stages)) = (&told.rest_api_id, observed.stages.present()) {
        let there = api.further_stages.iter().filter(|want| stages.contains_key(&want.name));
        let url = |name: &str| (!disabled).then(|| desired.site.stage_url(id, name));
        let further = there.map(|want| StageStatus { name: want.name.clone(), url: url(&want.name) });
        status.stages = further.collect();
    }
    status.api = Some(told);
    let live = endpoint::live(api, observed).is_some();
    let done = live
        && endpoint::stage_stands(api, observed)
        && !observed.methods().any(|(_, _, found)| endpoint::is_released(api, found));
    let previous = std::mem::take(&mut status.guests);
    status.guests = api
        .guests
        .iter()
        .filter_map(|(name, fate)| tell_guest(name, fate, done, previous.iter().find(|guest| name.is(guest))))
        .chain(previous.iter().filter(|guest| !live && !api.guests.keys().any(|name| name.is(guest))).cloned())
        .collect();
}

/// The resources that we made and that are still there, as far as is known.
fn made(observed: &Observed, before: &[String]) -> Vec<String> {
    let known: BTreeSet<&String> = observed.made_resources.iter().chain(before).collect();
    let is_there = |id: &String| {
        observed.resources.present().is_none_or(|found| found.values().any(|resource| resource.id == *id))
    };
    known.into_iter().filter(|id| is_there(id)).cloned().collect()
}

/// What a guest is told: the hash that the stage serves, which is the former one until the stage has moved, and of which generation; nothing,
/// once it is let go.
fn tell_guest(name: &Neighbour, fate: &GuestRoutes, done: bool, previous: Option<&GuestStatus>) -> Option<GuestStatus> {
    let before = previous.map(|guest| (guest.routes_hash.clone(), guest.generation)).unwrap_or_default();
    let ((routes_hash, generation), refused) = match fate {
        GuestRoutes::Served { hash, generation, .. } if done => ((Some(hash.clone()), *generation), None),
        GuestRoutes::Released { .. } if done => return None,
        GuestRoutes::Served { .. } | GuestRoutes::Held { .. } => (before, None),
        GuestRoutes::Released { .. } => return previous.cloned(),
        GuestRoutes::Refused { why, .. } => (before, Some(why.clone())),
    };
    let Neighbour { namespace, name } = name.clone();
    Some(GuestStatus { name, namespace, routes_hash, generation, refused })
}

/// The conditions of the parts; one that is not known keeps its previous state.
fn tell_parts(
    status: &mut StepFunctionEndpointStatus,
    desired: &Desired,
    convergence: &Convergence,
    generation: Option<i64>,
    now: Timestamp,
) {
    let several = desired.api.as_ref().is_some_and(|api| !api.further_stages.is_empty());
    let (live, not_live) = if several {
        ("all stages serve this generation", "not all stages serve this generation yet")
    } else {
        ("the stage serves this generation", "the stage does not serve this generation yet")
    };
    for part in Part::ALL {
        let Some(ready) = endpoint::is_ready(part, desired, &convergence.observed) else { continue };
        let (name, yes, no) = match part {
            Part::Roles => {
                ("RolesReady", "the roles are as the manifest says", "the roles are not as the manifest says yet")
            }
            Part::StateMachine => (
                "StateMachineReady",
                "the state machine is as the manifest says",
                "the state machine is not as the manifest says yet",
            ),
            Part::Routes => {
                ("RoutesReady", "the routes are as the manifest says", "the routes are not as the manifest says yet")
            }
            Part::Stage => ("Live", live, not_live),
        };
        let (reason, message) = if ready { (Reason::UpToDate, yes) } else { (Reason::InProgress, no) };
        set(status, name, ready, reason, message, generation, now);
    }
}

fn tell_executions(status: &mut StepFunctionEndpointStatus, desired: &Desired, outcome: &Outcome) {
    if desired.executions.keep == 0 {
        status.executions = None;
    } else if let Some(executions) = &outcome.executions {
        status.executions = Some(executions.clone());
    }
}

/// Ready, Reconciling and Stalled. The latter two are there only while they hold, as kstatus wants it.
fn tell_readiness(status: &mut StepFunctionEndpointStatus, outcome: &Outcome, generation: Option<i64>, now: Timestamp) {
    if outcome.is_converged() && (outcome.convergence.is_some() || is_true(status, "Ready")) {
        remove(status, "Reconciling");
        remove(status, "Stalled");
        set(status, "Ready", true, Reason::UpToDate, "AWS is as the manifest says", generation, now);
        return;
    }
    let problem = outcome.problem();
    let reason = outcome.reason();
    let (holds, gone) = if outcome.is_stalled() { ("Stalled", "Reconciling") } else { ("Reconciling", "Stalled") };
    remove(status, gone);
    set(status, holds, true, reason, &problem, generation, now);
    set(status, "Ready", false, reason, &problem, generation, now);
}

/// Whether a condition holds.
pub fn is_true(status: &StepFunctionEndpointStatus, name: &str) -> bool {
    status.conditions.iter().any(|condition| condition.type_ == name && condition.status == "True")
}

fn remove(status: &mut StepFunctionEndpointStatus, name: &str) {
    status.conditions.retain(|condition| condition.type_ != name);
}

/// Sets a condition; the time of its last transition changes with its state alone.
fn set(
    status: &mut StepFunctionEndpointStatus,
    name: &str,
    holds: bool,
    reason: Reason,
    message: &str,
    generation: Option<i64>,
    now: Timestamp,
) {
    let state = if holds { "True" } else { "False" };
    let previous = status.conditions.iter().find(|condition| condition.type_ == name && condition.status == state);
    let said = previous.map(|condition| &condition.message).filter(|said| request_id::is_same(said, message));
    let condition = Condition {
        type_: name.to_owned(),
        status: state.to_owned(),
        reason: reason.to_string(),
        message: said.map_or_else(|| message.to_owned(), Clone::clone),
        observed_generation: generation,
        last_transition_time: previous.map_or(Time(now), |condition| condition.last_transition_time.clone()),
    };
    match status.conditions.iter_mut().find(|condition| condition.type_ == name) {
        Some(found) => *found = condition,
        None => status.conditions.push(condition),
    }
    status.conditions.sort_by_key(|condition| rank(&condition.type_));
}

/// The order in which a person reads the conditions.
fn rank(name: &str) -> usize {
    const ORDER: [&str; 9] = [
        "Ready",
        "Reconciling",
        "Stalled",
        "Suspended",
        "ObservedOnly",
        "RolesReady",
        "StateMachineReady",
        "RoutesReady",
        "Live",
    ];
    ORDER.iter().position(|known| *known == name).unwrap_or(ORDER.len())
}

/// The same within 16 KiB: the longest lists lose their last items.
fn bounded(mut status: StepFunctionEndpointStatus) -> StepFunctionEndpointStatus {
    fn size<T: serde::Serialize>(value: &T) -> usize {
        serde_json::to_string(value).map_or(0, |text| text.len())
    }
    while size(&status) > STATUS_BYTES_MAX {
        let executions = status.executions.as_ref().map_or(0, |executions| size(&executions.recent));
        let (routes, drift) = (size(&status.routes), size(&status.drift));
        let popped = if routes >= executions && routes >= drift {
            status.routes.pop().is_some()
        } else if executions >= drift {
            status.executions.as_mut().and_then(|executions| executions.recent.pop()).is_some()
        } else {
            status.drift.pop().is_some()
        };
        if !popped {
            break;
        }
    }
    status
}

#[cfg(test)]
mod tests;
