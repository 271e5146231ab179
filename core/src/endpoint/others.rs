//! Our routes on someone else's REST API, beside what is there.
//!
//! - Nothing is written where a method of ours would take the place of another, or would make another unreachable.
//! - Of what is there, only what is known to be ours is changed: methods by marker, authorizers, validator and models by their names once no
//!   method uses them, resources by their ids in the status, deployments by our marker in their description, stages by their tags.
//! - A deployment holds the whole API. AWS documents no call that tells whether what is on it is what a stage serves: GetDeployment answers
//!   paths, methods, authorization types and API keys alone. So it is made where the manifest says so, and for a stage of our own only: to
//!   move another's stage would undo what its owner deploys or rolls back.

use std::collections::{BTreeMap, BTreeSet};

use crate::action::Action;
use crate::api::HttpMethod;
use crate::change::Changes;
use crate::desired::{Api, Desired, OthersApi, RouteKey, paths_collide};
use crate::kinds::{account, authorizer, deployment, method, model, request_validator, resource, stage};
use crate::next::{Next, Seen, Until, unread};
use crate::observed::Observed;
use crate::owner::{MARKER, Owner};
use crate::reason::Reason;

use super::gateway::{Used, routes, served, trusted};
use super::keys;

/// What is next for our routes on it.
pub fn next(api: &Api, others: &OthersApi, desired: &Desired, observed: &Observed, ready: bool) -> Next<Action> {
    let id = &others.id;
    let found = match &observed.rest_api {
        Seen::Unknown => return unread("REST API"),
        Seen::Present(found) => found,
        Seen::Absent => {
            let hint = format!(
                "correct `api.restApiId`, or `region`: `aws apigateway get-rest-api --rest-api-id {id}` has to find it"
            );
            return Next::refuse(Reason::ReferenceNotFound, format!("REST API does not exist: {id}"), hint);
        }
    };
    if let Some(Owner { cluster, namespace, name }) = Owner::of(&found.tags) {
        return Next::refuse(
            Reason::OwnershipConflict,
            format!(
                "REST API is another StepFunctionEndpoint's: {id} belongs to {namespace}/{name} of the cluster {cluster}"
            ),
            "name that one in `api.endpointRef` in place of `api.restApiId`".to_owned(),
        );
    }
    let (Some(_), Some(stages)) = (observed.resources.present(), observed.stages.present()) else {
        return unread("routes");
    };
    let mut next = conflicts(api, others, observed);
    let is_theirs = |name: &String| stages.get(name).is_some_and(|stage| !desired.owner.owns(&stage.tags));
    for want in api.stages().filter(|want| is_theirs(&want.name)) {
        next.and(Next::refuse(
            Reason::OwnershipConflict,
            format!("stage is not ours: {} exists on REST API {id} without this endpoint's tags", want.name),
            "give the stage another name: one of someone else's is never moved".to_owned(),
        ));
    }
    if !next.is_empty() {
        return next;
    }
    next.and(trusted(api, observed, id, routes(api, desired, observed, id)));
    if let Some((method, path)) = unfinished(others, observed) {
        let why = format!(
            "{method} {path}, which is someone else's, has no integration yet: API Gateway deploys none without"
        );
        next.and(Next::wait_until("deployment", &why, Until::Aws));
    }
    next.and(served(api, desired, observed, id, ready && next.is_empty()));
    next.and(account::next(api.account.as_ref(), &observed.account).map(Action::Account));
    next
}

/// Where our routes have no place.
fn conflicts(api: &Api, others: &OthersApi, observed: &Observed) -> Next<Action> {
    let mut next = Next::nothing();
    let strange = |found: &method::Observed| {
        let name = found.settings.operation_name.as_ref();
        name.is_some_and(|name| name.starts_with(MARKER)) && is_theirs(others, found)
    };
    if let Some((path, method, _)) = observed.methods().find(|(_, _, found)| strange(found)) {
        next.and(Next::refuse(
            Reason::OwnershipConflict,
            format!("REST API has routes of another StepFunctionEndpoint: {method} {path} of {}", others.id),
            "name that one in `api.endpointRef`, or remove its routes: one alone writes on an API".to_owned(),
        ));
    }
    let keys: Vec<&RouteKey> = api.methods.keys().collect();
    for (method, path) in taken(&keys, others, observed) {
        next.and(Next::refuse(
            Reason::RouteConflict,
            format!("route is someone else's: {method} {path} is on REST API {} already", others.id),
            "change the route, or `api.parentPath`: it is not touched".to_owned(),
        ));
    }
    if let Some((one, other)) = collision(&keys, observed) {
        next.and(Next::refuse(
            Reason::RouteConflict,
            format!("route has no place: {other} can't stand beside {one} on REST API {}", others.id),
            "use the same {name}: API Gateway allows one below each resource".to_owned(),
        ));
    }
    next
}

/// Those of these routes in whose place is a method of someone else's.
pub(super) fn taken<'a>(
    keys: &'a [&RouteKey],
    others: &'a OthersApi,
    observed: &'a Observed,
) -> impl Iterator<Item = (HttpMethod, &'a str)> {
    let is_wanted = |path: &str, method: HttpMethod| keys.iter().any(|key| key.path == path && key.method == method);
    let theirs = observed.methods().filter(|(_, _, found)| is_theirs(others, found));
    theirs.filter(move |(path, method, _)| is_wanted(path, *method)).map(|(path, method, _)| (method, path))
}

/// What is there or among these routes that can't stand side by side.
pub(super) fn collision(keys: &[&RouteKey], observed: &Observed) -> Option<(String, String)> {
    let there = observed.resources.present().into_iter().flat_map(|found| found.keys().map(String::as_str));
    paths_collide(there.chain(keys.iter().map(|key| key.path.as_str())))
}

/// Whether a method has no marker of ours.
fn is_theirs(others: &OthersApi, found: &method::Observed) -> bool {
    !found.settings.operation_name.as_ref().is_some_and(|name| others.markers.contains(name))
}

/// A method of someone else's that API Gateway would not deploy.
fn unfinished<'a>(others: &OthersApi, observed: &'a Observed) -> Option<(HttpMethod, &'a str)> {
    let theirs = |found: &method::Observed| found.integration.is_none() && is_theirs(others, found);
    observed.methods().find(|(_, _, found)| theirs(found)).map(|(path, method, _)| (method, path))
}

/// Whether no stage of ours is on it any more.
pub fn serves_nothing(desired: &Desired, observed: &Observed) -> bool {
    observed.rest_api.is_absent()
        || observed.stages.present().is_some_and(|stages| stages.values().all(|stage| !desired.owner.owns(&stage.tags)))
}

/// What takes everything of ours off: our stages first, so that it stops serving at once, and the rest as nothing refers to it any more.
pub fn leave(others: &OthersApi, desired: &Desired, observed: &Observed) -> Next<Action> {
    let id = &others.id;
    match &observed.rest_api {
        Seen::Unknown => return unread("REST API"),
        Seen::Absent => return keys::leave(desired, observed), // gone with all that was on it
        Seen::Present(found) if Owner::of(&found.tags).is_some() => return keys::leave(desired, observed), // never written by us
        Seen::Present(_) => {}
    }
    let (Some(stages), Some(resources), Some(authorizers), Some(validator), Some(deployments)) = (
        observed.stages.present(),
        observed.resources.present(),
        observed.authorizers.present(),
        observed.request_validator.present(),
        observed.deployments.present(),
    ) else {
        return unread("routes");
    };
    let unread_models = BTreeMap::new();
    let models = match (&observed.models, validator) {
        (Seen::Present(models), _) => models,
        (Seen::Unknown | Seen::Absent, None) => &unread_models,
        (Seen::Unknown | Seen::Absent, Some(_)) => return unread("model"),
    };
    let Some(attached) = keys::attached(desired, observed, id) else { return unread("usage plan") };
    let mut gone = stage::prune(id, &desired.owner, &attached, stages).map(Action::Stage);
    gone.and(keys::leave(desired, observed));
    if !gone.is_empty() {
        return gone;
    }
    let mut next = Next::nothing();
    for (path, method, found) in observed.methods() {
        let at = resources.get(path).map(|resource| method::Place {
            rest_api_id: id.clone(),
            resource_id: resource.id.clone(),
            path: path.to_owned(),
            method,
        });
        if let Some(at) = at.filter(|_| !is_theirs(others, found)) {
            next.and(Next::act(Action::Method(method::Action::DeleteMethod { at, changes: Changes::none() })));
        }
    }
    // Authorizers, validator and models are named by what they are alone. So without a sign that we were ever here they are not ours: another
    // cluster's operator may be about to use its own.
    let marker = desired.owner.marker();
    let made = |resource: &resource::Resource| observed.made_resources.contains(&resource.id);
    let deployed = |text: &String| deployment::is_marked(text, &marker);
    if resources.values().any(made) || deployments.values().any(deployed) {
        let used = Used::of(None, observed);
        next.and(authorizer::next(id, &BTreeMap::new(), authorizers, &used.authorizers).map(Action::Authorizer));
        let in_use = used.validator || models.keys().any(|name| model::is_ours(name));
        next.and(request_validator::next(id, false, validator, in_use).map(Action::RequestValidator));
        next.and(model::next(id, &BTreeMap::new(), models, &used.models).map(Action::Model));
    }
    if !next.is_empty() {
        return next;
    }
    let staying: BTreeSet<String> =
        observed.methods().flat_map(|(path, _, _)| resource::with_parents(path)).map(str::to_owned).collect();
    next.and(resource::next(id, &staying, resources, made).map(Action::Resource));
    if !next.is_empty() {
        return next;
    }
    let in_service: Vec<&str> = stages.values().map(|stage| stage.deployment_id.as_str()).collect();
    deployment::prune(id, deployments, &in_service, &marker).map(Action::Deployment)
}
