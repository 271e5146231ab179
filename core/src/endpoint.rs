//! One endpoint as a whole: what is next, from what is desired and what is observed. Pure; deletion is the same with nothing desired.
//!
//! - What serves is made first, then deployed, then the stage moves, and only then goes what nothing served relies on any more.
//! - A deployment is made of a finished API alone: CreateDeployment fails on a method without integration.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::action::Action;
use crate::api::{HttpMethod, StateMachineType};
use crate::change::Changes;
use crate::desired::{Api, Desired, GuestRoutes, RouteKey};
use crate::kinds::{
    authorizer, deployment, log_group, method, model, request_validator, resource, rest_api, role, stage, state_machine,
};
use crate::next::{Next, Seen, Until, unread};
use crate::observed::{Observed, may_exist};
use crate::owner::{MARKER, hash};
use crate::policy::{PolicyDocument, trusted_state_machines, workflow_trust};

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
    let released = released(desired, observed);
    let mut next = supports(desired, observed, released);
    let ready = next.is_empty();
    next.and(leftovers(desired, observed, released && ready));
    next.and(api(desired, observed, when, ready));
    next.and(hosted(desired));
    next
}

/// Whether nothing that is served relies on what isn't desired: the stage serves what is, or there is none any more.
fn released(desired: &Desired, observed: &Observed) -> bool {
    let by_host = match &desired.hosted {
        None => true,
        Some(hosted) => {
            let served = hosted.host.guest.as_ref();
            match &hosted.routes_hash {
                Some(hash) => served.is_some_and(|guest| guest.routes_hash.as_ref() == Some(hash)),
                None => served.is_none() || !hosted.host.exists,
            }
        }
    };
    let by_own_api = match &desired.api {
        None => observed.rest_api.is_absent(),
        Some(api) => live(api, observed).is_some() && serves_alone(api, desired, observed),
    };
    by_host && by_own_api
}

/// Whether no other stage of ours is left, which would still serve what was desired before.
fn serves_alone(api: &Api, desired: &Desired, observed: &Observed) -> bool {
    let ours = observed.stages.present().into_iter().flatten().filter(|(_, stage)| desired.owner.owns(&stage.tags));
    ours.into_iter().all(|(name, _)| *name == api.stage.name)
}

/// The deployment that the stage serves, if it holds what is desired now.
pub fn live<'a>(api: &Api, observed: &'a Observed) -> Option<Live<'a>> {
    let hash = snapshot(api, observed)?;
    let deployments = observed.deployments.present()?;
    let stage = observed.stages.present()?.get(&api.stage.name)?;
    let served = deployment::hash_of(deployments, &stage.deployment_id)?;
    (served == hash).then_some(Live { deployment_id: &stage.deployment_id, hash })
}

/// What a stage serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live<'a> {
    /// The deployment's id.
    pub deployment_id: &'a str,
    /// The hash of what it holds.
    pub hash: String,
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
    /// What the stage serves.
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
                seen => Some(state_machine::next(owner, &want.arn, Some(want), seen).is_empty()),
            }
        }
        Part::Routes => match (&desired.api, &observed.rest_api) {
            (None, _) => Some(released(desired, observed)),
            (Some(_), Seen::Unknown) => None,
            (Some(_), Seen::Absent) => Some(false),
            (Some(_), Seen::Present(_)) if observed.resources.is_unknown() => None,
            (Some(api), Seen::Present(found)) => Some(routes(api, desired, observed, &found.id).is_empty()),
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

/// What the routes rely on: log group and roles, then the state machine.
fn supports(desired: &Desired, observed: &Observed, released: bool) -> Next<Action> {
    let mut next = Next::nothing();
    if let Some(want) = &desired.log_group {
        next.and(log_group::next(&desired.owner, &want.name, Some(want), &observed.log_group).map(Action::LogGroup));
    }
    match desired.workflow_role {
        Some(_) => next.and(workflow_role(desired, observed)),
        None => next.and(former_workflow_role(desired, observed)),
    }
    next.and(wanted_state_machine(desired, observed, next.is_empty()));
    if desired.gateway_role.is_some() {
        next.and(gateway_role(desired, observed, released));
    }
    next
}

/// What nothing relies on any more, once that is so: state machines, then their role and log group; the gateway role.
fn leftovers(desired: &Desired, observed: &Observed, free: bool) -> Next<Action> {
    let owner = &desired.owner;
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
            next.and(log_group::next(owner, &owner.log_group_name(), None, &observed.log_group).map(Action::LogGroup));
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
    if unread_type && observed.workflow_role.is_absent() {
        return unread("state machine"); // a new role must name from the start whatever there is
    }
    let want = desired.workflow_role.as_ref().map(|want| {
        let trusted = state_machines_that_may_be(desired, observed);
        role::Desired { trust: workflow_trust(&desired.site.account, &trusted), ..want.clone() }
    });
    let name = owner.workflow_role_name();
    role::next(purpose, owner, &name, want.as_ref(), &observed.workflow_role)
        .map(|action| Action::Role(purpose, action))
}

/// A role of ours that is not wanted any more names the new state machine all the same before that is created: as long as there is such a
/// role, it tells which state machines may exist.
fn former_workflow_role(desired: &Desired, observed: &Observed) -> Next<Action> {
    let (Some(found), Some(_)) = (observed.workflow_role.present(), &desired.state_machine) else {
        return Next::nothing();
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

fn state_machines_that_may_be(desired: &Desired, observed: &Observed) -> BTreeSet<crate::arn::Arn> {
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
    let next = state_machine::next(&desired.owner, &want.arn, Some(want), observed.state_machine(want.type_));
    if ready || next.actions.is_empty() {
        return next.map(|action| Action::StateMachine(want.type_, action));
    }
    Next::wait("state machine", "its role and log group come first")
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
                state_machine::next(&desired.owner, &arn, None, seen)
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
    role::next(purpose, owner, &name, want.as_ref(), &observed.gateway_role).map(|action| Action::Role(purpose, action))
}

/// The REST API of ours with everything on it.
fn api(desired: &Desired, observed: &Observed, when: When, ready: bool) -> Next<Action> {
    let Some(api) = &desired.api else { return unwanted_api(desired, observed, when) };
    let seen = &observed.rest_api;
    let mut next =
        rest_api::next(Some(&api.rest_api), seen, observed.intent, when.now, when.settle).map(Action::RestApi);
    let Some(found) = seen.present() else { return next };
    next.and(routes(api, desired, observed, &found.id));
    next.and(served(api, desired, observed, &found.id, ready && next.is_empty()));
    if next.is_empty() {
        for id in &found.duplicates {
            next.and(Next::act(Action::RestApi(rest_api::Action::DeleteRestApi { id: id.clone() })));
        }
    }
    next
}

/// An API of ours that is not wanted any more: its stages go first, so that it stops serving at once, however long its own delete queues.
fn unwanted_api(desired: &Desired, observed: &Observed, when: When) -> Next<Action> {
    let next = rest_api::next(None, &observed.rest_api, observed.intent, when.now, when.settle).map(Action::RestApi);
    let Some(found) = observed.rest_api.present() else { return next };
    if desired.hosted.as_ref().is_some_and(|hosted| hosted.routes_hash.is_some() && hosted.host.guest.is_none()) {
        return Next::wait_until(
            "former REST API",
            "the other StepFunctionEndpoint serves the routes first",
            Until::Cluster,
        );
    }
    let Some(stages) = observed.stages.present() else { return unread("stage") };
    let stages = stage::prune(&found.id, &desired.owner, None, stages).map(Action::Stage);
    if stages.is_empty() { next } else { stages }
}

/// Resources, what methods share, and methods; then what none of them uses any more.
fn routes(api: &Api, desired: &Desired, observed: &Observed, id: &str) -> Next<Action> {
    let (Some(resources), Some(authorizers), Some(validator)) =
        (observed.resources.present(), observed.authorizers.present(), observed.request_validator.present())
    else {
        return unread("routes");
    };
    let unread_models = BTreeMap::new();
    let models = match (&observed.models, validator) {
        (Seen::Present(models), _) => models,
        (Seen::Unknown | Seen::Absent, None) if api.models.is_empty() => &unread_models,
        (Seen::Unknown | Seen::Absent, _) => return unread("model"),
    };
    let used = Used::of(observed);
    let mut next = Next::nothing();
    next.and(authorizer::next(id, &api.authorizers, authorizers, &used.authorizers).map(Action::Authorizer));
    let validated = api.methods.values().any(|method| method.validated);
    let validator_in_use = used.validator || models.keys().any(|name| model::is_ours(name));
    next.and(request_validator::next(id, validated, validator, validator_in_use).map(Action::RequestValidator));
    if !validated || validator.is_some() {
        next.and(model::next(id, &api.models, models, &used.models).map(Action::Model));
    }
    next.and(resource::next(id, &wanted_paths(api, observed), resources).map(Action::Resource));
    next.and(methods(api, desired, observed, id));
    next
}

/// What methods of the API refer to.
#[derive(Default)]
struct Used {
    authorizers: BTreeSet<String>,
    models: BTreeSet<String>,
    validator: bool,
}

impl Used {
    fn of(observed: &Observed) -> Self {
        let mut used = Self::default();
        for (_, _, found) in observed.methods() {
            used.authorizers.extend(found.settings.authorizer_id.clone());
            used.models.extend(found.settings.request_models.values().cloned());
            used.validator |= found.settings.request_validator_id.is_some();
        }
        used
    }
}

/// Every path that a wanted method has, or a method that stays.
fn wanted_paths(api: &Api, observed: &Observed) -> resource::Desired {
    let wanted = api.methods.keys().map(|key| key.path.as_str());
    let staying = observed.methods().map(|(path, _, _)| path);
    wanted.chain(staying).flat_map(resource::with_parents).map(str::to_owned).collect()
}

/// Whether a method bears the marker of a guest whose methods stay as they are.
fn is_held(api: &Api, found: &method::Observed) -> bool {
    api.guests.values().any(|guest| match guest {
        GuestRoutes::Served { .. } => false,
        GuestRoutes::Held { marker } | GuestRoutes::Refused { marker, .. } => {
            found.settings.operation_name.as_ref() == Some(marker)
        }
    })
}

/// Wanted methods whose resource and authorizer exist, and methods of ours that are not wanted.
fn methods(api: &Api, desired: &Desired, observed: &Observed, id: &str) -> Next<Action> {
    let mut next = Next::nothing();
    let place = |path: &str, method: HttpMethod| {
        let resource = observed.resources.present()?.get(path)?;
        let (rest_api_id, resource_id, path) = (id.to_owned(), resource.id.clone(), path.to_owned());
        Some((method::Place { rest_api_id, resource_id, path, method }, resource.methods.get(&method)))
    };
    let role_stands = desired.gateway_role.is_none() || observed.gateway_role.present().is_some();
    for (key, want) in &api.methods {
        next.and(match (place(&key.path, key.method), settings(want, observed)) {
            (Some((at, found)), Some(settings)) => {
                let next = method::next(&at, want, &settings, found);
                let puts_role = |action: &method::Action| matches!(action, method::Action::PutIntegration { .. });
                if role_stands || !next.actions.iter().any(puts_role) {
                    next.map(Action::Method)
                } else {
                    Next::wait("method", "the gateway role comes first")
                }
            }
            (None, _) | (_, None) => Next::wait("method", "its resource, authorizer, validator and model come first"),
        });
    }
    for (path, method, found) in observed.methods() {
        let key = RouteKey { path: path.to_owned(), method };
        let ours = found.settings.operation_name.as_ref().is_some_and(|name| name.starts_with(MARKER));
        if ours && !api.methods.contains_key(&key) && !is_held(api, found) {
            next.and(place(path, method).map_or_else(Next::nothing, |(at, _)| {
                Next::act(Action::Method(method::Action::DeleteMethod { at, changes: Changes::none() }))
            }));
        }
    }
    next
}

/// A method's own settings with the ids of what it names; None until all of it exists.
fn settings(want: &method::Desired, observed: &Observed) -> Option<method::Settings> {
    let (authorization_type, authorizer_id, authorization_scopes) = match &want.authorization {
        method::Authorization::None => ("NONE", None, BTreeSet::new()),
        method::Authorization::AwsIam => ("AWS_IAM", None, BTreeSet::new()),
        method::Authorization::Cognito { authorizer, scopes } => {
            let found = observed.authorizers.present()?.get(authorizer)?;
            ("COGNITO_USER_POOLS", Some(found.id.clone()), scopes.clone())
        }
    };
    let request_validator_id = match (want.validated, observed.request_validator.present()?) {
        (false, _) => None,
        (true, found) => Some(found.as_ref()?.id.clone()),
    };
    let request_models = match &want.model {
        None => BTreeMap::new(),
        Some(name) => {
            observed.models.present()?.get(name)?;
            BTreeMap::from([("application/json".to_owned(), name.clone())])
        }
    };
    Some(method::Settings {
        operation_name: Some(want.operation_name.clone()),
        authorization_type: authorization_type.to_owned(),
        authorizer_id,
        authorization_scopes,
        request_parameters: want.request_parameters.clone(),
        request_validator_id,
        request_models,
        api_key_required: false,
    })
}

/// The hash of all that a deployment of the finished API holds of ours: what is wanted, and what is kept for guests.
pub fn snapshot(api: &Api, observed: &Observed) -> Option<String> {
    #[derive(Serialize)]
    struct Method<'a>(&'a RouteKey, method::Settings, &'a method::Integration);
    let mut keys = BTreeMap::new();
    for (path, method, found) in observed.methods().filter(|(_, _, found)| is_held(api, found)) {
        keys.insert(RouteKey { path: path.to_owned(), method }, found);
    }
    let mut methods = Vec::new();
    for (key, want) in &api.methods {
        methods.push(Method(key, settings(want, observed)?, &want.integration));
    }
    for (key, found) in keys.iter().filter(|(key, _)| !api.methods.contains_key(*key)) {
        methods.push(Method(key, found.settings.clone(), found.integration.as_ref()?));
    }
    methods.sort_by(|one, other| one.0.cmp(other.0));
    let text = serde_json::to_string(&(methods, &api.authorizers, &api.models)).ok()?;
    Some(hash([text.as_str()]))
}

/// Deployment and stage, once everything else is finished; then what the stage does not serve.
fn served(api: &Api, desired: &Desired, observed: &Observed, id: &str, ready: bool) -> Next<Action> {
    let owner = &desired.owner;
    let (Some(deployments), Some(stages)) = (observed.deployments.present(), observed.stages.present()) else {
        return unread("stage");
    };
    let Some(hash) = snapshot(api, observed).filter(|_| ready) else {
        return if live(api, observed).is_some() {
            Next::nothing()
        } else {
            Next::wait("deployment", "all that it holds comes first")
        };
    };
    let mut next = deployment::next(id, &hash, deployments).map(Action::Deployment);
    let Some(deployment_id) = deployment::find(deployments, &hash) else { return next };
    next.and(stage::next(id, owner, &api.stage, deployment_id, stages).map(Action::Stage));
    if !next.is_empty() {
        return next;
    }
    next.and(stage::prune(id, owner, Some(&api.stage.name), stages).map(Action::Stage));
    let served: Vec<&str> = stages.values().map(|stage| stage.deployment_id.as_str()).collect();
    next.and(deployment::prune(id, deployments, &served).map(Action::Deployment));
    next
}

/// What we wait for while another serves our routes.
fn hosted(desired: &Desired) -> Next<Action> {
    let Some(hosted) = &desired.hosted else { return Next::nothing() };
    let (name, served) = (&hosted.host.name, hosted.host.guest.as_ref());
    match (&hosted.routes_hash, served) {
        (Some(_), Some(guest)) if guest.refused.is_some() => Next::refuse(
            format!(
                "StepFunctionEndpoint {name} does not serve these routes: {}",
                guest.refused.as_deref().unwrap_or_default()
            ),
            "change `spec.routes` of one of the two".to_owned(),
        ),
        (Some(hash), Some(guest)) if guest.routes_hash.as_ref() == Some(hash) => Next::nothing(),
        (Some(_), _) => {
            Next::wait_until("routes", &format!("StepFunctionEndpoint {name} has to serve them"), Until::Cluster)
        }
        (None, Some(_)) if hosted.host.exists => {
            Next::wait_until("routes", &format!("StepFunctionEndpoint {name} has to drop them"), Until::Cluster)
        }
        (None, _) => Next::nothing(),
    }
}
