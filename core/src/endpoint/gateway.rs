//! The REST API with everything on it, and what its stage serves.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::action::Action;
use crate::api::HttpMethod;
use crate::change::Changes;
use crate::claim::Claim;
use crate::desired::{Api, Desired, GuestRoutes, RouteKey};
use crate::kinds::{
    account, authorizer, deployment, gateway_response, method, model, request_validator, resource, rest_api, stage,
};
use crate::next::{Next, Seen, Until, unread};
use crate::observed::Observed;
use crate::owner::{MARKER, Owner, hash};
use crate::reason::Reason;

use super::{When, callers, keys, others};

/// The deployment that the stage serves, if it holds what is desired now, and the further stages serve such a one too.
pub fn live<'a>(api: &Api, observed: &'a Observed) -> Option<Live<'a>> {
    let (deployments, stages) = (observed.deployments.present()?, observed.stages.present()?);
    let hash = snapshot(api, observed)?;
    let served = |want: &stage::Desired| {
        let deployment_id = &stages.get(&want.name)?.deployment_id;
        (deployment::hash_of(deployments, deployment_id)? == hash).then_some(deployment_id)
    };
    let deployment_id = served(&api.stage)?;
    let all = api.further_stages.iter().all(|want| served(want).is_some());
    all.then_some(Live { deployment_id, hash })
}

/// What a stage serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live<'a> {
    /// The deployment's id.
    pub deployment_id: &'a str,
    /// The hash of what it holds.
    pub hash: String,
}

/// The REST API of ours with everything on it.
pub fn api(desired: &Desired, observed: &Observed, when: When, ready: bool) -> Next<Action> {
    let Some(api) = &desired.api else {
        return match &desired.leaves {
            Some(others) => others::leave(others, desired, observed),
            None => unwanted_api(desired, observed, when),
        };
    };
    if let Some(others) = &api.others {
        return others::next(api, others, desired, observed, ready);
    }
    let (seen, claim) = (&observed.rest_api, Claim::of(desired, observed));
    let want = match callers::rest_api(api, observed) {
        Ok(want) => want,
        Err(next) => return next,
    };
    if desired.adopts
        && seen.is_absent()
        && let Some(next) = rest_api::adopt(&claim, &want, &observed.namesakes)
    {
        return next.map(Action::RestApi);
    }
    if let Some(refusal) = reads_otherwise(api, observed) {
        return refusal;
    }
    let mut next = rest_api::next(Some(&want), seen, observed.intent, when.now, when.settle).map(Action::RestApi);
    let Some(found) = seen.present() else { return next };
    next.and(rest_api::tagged(&claim, &api.rest_api, found).map(Action::RestApi));
    next.and(trusted(api, observed, &found.id, routes(api, desired, observed, &found.id)));
    next.and(served(api, desired, observed, &found.id, ready && next.is_empty()));
    let complete = next.is_empty();
    next.and(account::next(api.account.as_ref(), &observed.account).map(Action::Account));
    if complete {
        for id in &found.duplicates {
            next.and(Next::act(Action::RestApi(rest_api::Action::DeleteRestApi { id: id.clone() })));
        }
    }
    next
}

/// A method that stays as it is reads its bodies, and answers, by the binary media types of the time when it was made: they can't change under it.
fn reads_otherwise(api: &Api, observed: &Observed) -> Option<Next<Action>> {
    let found = observed.rest_api.present()?;
    if found.binary_media_types == api.rest_api.binary_media_types {
        return None;
    }
    let Some(_) = observed.resources.present() else { return Some(unread("routes")) };
    let (path, method, _) = observed.methods().find(|(_, _, found)| is_held(api, found))?;
    Some(Next::refuse(
        Reason::AttachedEndpointConflict,
        format!("REST API failed: binaryMediaTypes can't change while {method} {path} of a guest stays as it is"),
        "see in `status.guests` why it does, correct or delete that guest, or take the change of `api.binaryMediaTypes` back".to_owned(),
    ))
}

/// An API of ours that is not wanted any more: its stages go first, so that it stops serving at once, however long its own delete queues.
fn unwanted_api(desired: &Desired, observed: &Observed, when: When) -> Next<Action> {
    let next = rest_api::next(None, &observed.rest_api, observed.intent, when.now, when.settle).map(Action::RestApi);
    let Some(found) = observed.rest_api.present() else {
        let mut next = next;
        if observed.rest_api.is_absent() {
            next.and(keys::leave(desired, observed));
        }
        return next;
    };
    if desired.hosted.as_ref().is_some_and(|hosted| hosted.routes_hash.is_some() && hosted.host.guest.is_none()) {
        return Next::wait_until(
            "former REST API",
            "the other StepFunctionEndpoint serves the routes first",
            Until::Cluster,
        );
    }
    let Some(stages) = observed.stages.present() else { return unread("stage") };
    let Some(attached) = keys::attached(desired, observed, &found.id) else { return unread("usage plan") };
    let mut first = stage::prune(&found.id, &desired.owner, &attached, stages).map(Action::Stage);
    first.and(keys::leave(desired, observed));
    if first.is_empty() { next } else { first }
}

/// Resources, what methods share, and methods; then what none of them uses any more.
pub fn routes(api: &Api, desired: &Desired, observed: &Observed, id: &str) -> Next<Action> {
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
    let mut used = Used::of(Some(api), observed);
    let may_go = |resource: &resource::Resource| api.others.is_none() || observed.made_resources.contains(&resource.id);
    // The mark goes once no gateway response of ours is left.
    if observed.gateway_responses.present().is_none_or(|found| !found.is_empty()) {
        used.models.insert(gateway_response::MARKER.to_owned());
    }
    let mut next = existing_authorizers(api, authorizers);
    let role_stands = desired.gateway_role.is_none() || observed.gateway_role.present().is_some();
    let wanted = authorizer::next(id, &api.authorizers, authorizers, &used.authorizers);
    next.and(if role_stands || !wanted.actions.iter().any(authorizer::Action::puts_role) {
        wanted.map(Action::Authorizer)
    } else {
        Next::wait("authorizer", "the gateway role comes first")
    });
    // The validator stands where there is any model.
    let validated = api.methods.values().any(|method| method.validated) || !api.models.is_empty();
    let validator_in_use = used.validator || models.keys().any(|name| model::is_ours(name));
    next.and(request_validator::next(id, validated, validator, validator_in_use).map(Action::RequestValidator));
    if !validated || validator.is_some() {
        next.and(model::next(id, &api.models, models, &used.models).map(Action::Model));
    }
    if models.contains_key(gateway_response::MARKER) {
        next.and(match &observed.gateway_responses {
            Seen::Present(found) => {
                gateway_response::next(id, &api.gateway_responses, found).map(Action::GatewayResponse)
            }
            Seen::Unknown | Seen::Absent => unread("gateway response"),
        });
    } else if !api.gateway_responses.is_empty() {
        next.and(Next::wait("gateway response", "the model that marks the API comes first"));
    }
    next.and(resource::next(id, &wanted_paths(api, observed), resources, may_go).map(Action::Resource));
    next.and(methods(api, desired, observed, id));
    next
}

/// The authorizers that methods name by their ids, each with its type as a method spells it.
fn existing<'m>(methods: impl Iterator<Item = &'m method::Desired>) -> impl Iterator<Item = (&'m str, &'m String)> {
    methods.filter_map(|want| match &want.authorization {
        method::Authorization::Existing { type_, authorizer_id, .. } => Some((type_.as_str(), authorizer_id)),
        method::Authorization::None
        | method::Authorization::AwsIam
        | method::Authorization::Cognito { .. }
        | method::Authorization::Custom { .. } => None,
    })
}

/// An authorizer that a method names by its id must be there, and check what the method says: API Gateway would take any.
fn existing_authorizers(api: &Api, found: &authorizer::Observed) -> Next<Action> {
    let hint = "set `auth.authorizerId` to the id of an authorizer that `aws apigateway get-authorizers` tells";
    let mut next = Next::nothing();
    for (reason, why) in wrong_authorizers(api.methods.values(), found) {
        next.and(Next::refuse(reason, format!("authorizer failed: {why}"), hint.to_owned()));
    }
    next
}

/// Returns why the authorizers that these methods name by their ids can't be used.
pub(super) fn wrong_authorizers<'m>(
    methods: impl Iterator<Item = &'m method::Desired>,
    found: &authorizer::Observed,
) -> impl Iterator<Item = (Reason, String)> {
    let named: BTreeSet<(&str, &String)> = existing(methods).collect();
    named.into_iter().filter_map(|(type_, id)| {
        authorizer::why_unusable(type_, id, found.values().find(|authorizer| authorizer.id == *id))
    })
}

/// What methods of the API refer to.
#[derive(Default)]
pub(super) struct Used {
    pub authorizers: BTreeSet<String>,
    pub models: BTreeSet<String>,
    pub validator: bool,
}

impl Used {
    pub fn of(api: Option<&Api>, observed: &Observed) -> Self {
        let named = existing(api.into_iter().flat_map(|api| api.methods.values())).map(|(_, id)| id.clone()).collect();
        let mut used = Self { authorizers: named, ..Self::default() };
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

/// Whether a method is one of a guest whose methods stay as they are.
fn is_held(api: &Api, found: &method::Observed) -> bool {
    api.guests.values().any(|guest| match guest {
        GuestRoutes::Served { .. } | GuestRoutes::Released { .. } => false,
        GuestRoutes::Held { kept } | GuestRoutes::Refused { kept, .. } => {
            found.settings.operation_name.as_ref() == Some(&kept.marker) && (kept.is_served || found.is_finished())
        }
    })
}

/// A method that stays as it is and isn't finished: with a deployment it would answer no more.
fn half_changed<'o>(api: &Api, observed: &'o Observed) -> Option<(&'o str, HttpMethod)> {
    let mut held = observed.methods().filter(|(_, _, found)| is_held(api, found));
    held.find(|(_, _, found)| !found.is_finished()).map(|(path, method, _)| (path, method))
}

/// Whether a method bears the marker of a guest whose methods are let go.
pub fn is_released(api: &Api, found: &method::Observed) -> bool {
    api.guests.values().any(|guest| match guest {
        GuestRoutes::Served { .. } | GuestRoutes::Held { .. } | GuestRoutes::Refused { .. } => false,
        GuestRoutes::Released { marker } => found.settings.operation_name.as_ref() == Some(marker),
    })
}

/// Whether a method is ours: on an API of ours any with a marker, on someone else's one with a marker of this endpoint or its guests.
fn is_ours(api: &Api, found: &method::Observed) -> bool {
    found.settings.operation_name.as_ref().is_some_and(|name| match &api.others {
        None => name.starts_with(MARKER),
        Some(others) => others.markers.contains(name),
    })
}

/// Whether a method that is not wanted goes: any of ours but those that are held, or let go.
pub(super) fn goes(api: &Api, found: &method::Observed) -> bool {
    is_ours(api, found) && !is_held(api, found) && !is_released(api, found)
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
        if is_ours(api, found) && !api.methods.contains_key(&key) && !is_held(api, found) {
            next.and(place(path, method).map_or_else(Next::nothing, |(at, _)| {
                Next::act(Action::Method(if is_released(api, found) {
                    method::Action::UpdateMethod { at }
                } else {
                    method::Action::DeleteMethod { at, changes: Changes::none() }
                }))
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
        method::Authorization::Custom { authorizer } => {
            let found = observed.authorizers.present()?.get(authorizer)?;
            ("CUSTOM", Some(found.id.clone()), BTreeSet::new())
        }
        method::Authorization::Existing { type_, authorizer_id, scopes } => {
            let mut found = observed.authorizers.present()?.values();
            found.find(|authorizer| authorizer.id == *authorizer_id)?;
            (type_.as_str(), Some(authorizer_id.clone()), scopes.clone())
        }
    };
    let request_validator_id = match (want.validated, observed.request_validator.present()?) {
        (false, _) => None,
        (true, found) => Some(found.as_ref()?.id.clone()),
    };
    let mut request_models = want.other_models.clone();
    request_models.extend(want.model.iter().map(|name| ("application/json".to_owned(), name.clone())));
    if let Some(models) = request_models.values().next().and(Some(&observed.models)) {
        let models = models.present()?;
        request_models.values().all(|name| models.contains_key(name)).then_some(())?;
    }
    Some(method::Settings {
        operation_name: Some(want.operation_name.clone()),
        authorization_type: authorization_type.to_owned(),
        authorizer_id,
        authorization_scopes,
        request_parameters: want.request_parameters.clone(),
        request_validator_id,
        request_models,
        api_key_required: want.api_key_required,
    })
}

/// The hash of all that a deployment of the finished API holds of ours: what is wanted, and what is kept for guests. None until each method
/// is finished that is kept.
pub fn snapshot(api: &Api, observed: &Observed) -> Option<String> {
    let marker = Owner::of(&api.stage.tags).map(|owner| owner.marker()).unwrap_or_default();
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
        if !found.is_finished() {
            return None;
        }
        methods.push(Method(key, found.settings.clone(), found.integration.as_ref()?));
    }
    methods.sort_by(|one, other| one.0.cmp(other.0));
    let mut parts = vec![serde_json::to_string(&(methods, &api.authorizers, &api.models)).ok()?];
    if !api.gateway_responses.is_empty() {
        parts.push(serde_json::to_string(&api.gateway_responses).ok()?);
    }
    let policy = rest_api::deployed_policy(&callers::rest_api(api, observed).ok()?, observed.rest_api.present()?);
    parts.extend(policy.map(|policy| policy.to_json()));
    let binary_media_types = &api.rest_api.binary_media_types;
    if !binary_media_types.is_empty() {
        parts.push(serde_json::to_string(binary_media_types).ok()?);
    }
    let hash = hash(parts.iter().map(String::as_str));
    // Beside the deployments of others, those of another cluster's operator included, ours are told by our marker.
    Some(if api.others.is_some() { format!("{marker} {hash}") } else { hash })
}

/// The same, but where something has to be written and the deployment of what is desired was made already: that is not relied on, first of
/// all, as afterwards nothing would tell any more.
pub fn trusted(api: &Api, observed: &Observed, id: &str, routes: Next<Action>) -> Next<Action> {
    let (Some(hash), Some(deployments)) = (snapshot(api, observed), observed.deployments.present()) else {
        return routes;
    };
    let distrusts = deployment::distrust(id, &hash, deployments);
    if routes.actions.is_empty() || distrusts.is_empty() { routes } else { distrusts.map(Action::Deployment) }
}

/// Whether our stages do what is desired beside serving a deployment.
pub fn stage_stands(api: &Api, observed: &Observed) -> bool {
    let found = |want: &stage::Desired| observed.stages.present()?.get(&want.name);
    let stands = |want| found(want).is_some_and(|found| found.settings == wanted_stage(want, api, observed).settings);
    api.stages().all(stands)
}

/// A stage as it is desired. What it does for methods that stay as they are stays too: those of a guest that isn't ready, and others'.
fn wanted_stage(want: &stage::Desired, api: &Api, observed: &Observed) -> stage::Desired {
    let mut want = want.clone();
    let found = observed.stages.present().and_then(|stages| stages.get(&want.name));
    if !account::can_log(&observed.account) {
        let found = found.map(|found| found.settings.clone()).unwrap_or_default();
        want.settings = want.settings.with_logs_of(&found);
    }
    let Some(found) = found else { return want };
    let is_ours = |found: &method::Observed| {
        let name = found.settings.operation_name.as_ref();
        name.is_some_and(|name| name.starts_with(MARKER)) && !is_held(api, found)
    };
    for (path, method, _) in observed.methods().filter(|(_, _, found)| !is_ours(found)) {
        let one = stage::Methods::one(path, method);
        if let Some(settings) = found.settings.methods.get(&one) {
            want.settings.methods.entry(one).or_insert_with(|| settings.clone());
        }
    }
    want
}

/// Keys that the stages ask for, deployment and stages, once everything else is finished; then what no stage serves.
pub(super) fn served(api: &Api, desired: &Desired, observed: &Observed, id: &str, ready: bool) -> Next<Action> {
    let keys = keys::next(api, desired, observed, id, live(api, observed).is_some());
    // The plan names the stages: what changes on one that stands waits for the keys, and a new one goes before them.
    let waits = desired.keys.is_some() && !keys.is_empty() && !keys::stages_come_first(api, observed);
    let mut next = deployed(api, desired, observed, id, ready && !waits);
    next.and(keys);
    next
}

fn deployed(api: &Api, desired: &Desired, observed: &Observed, id: &str, ready: bool) -> Next<Action> {
    let owner = &desired.owner;
    let (Some(deployments), Some(stages)) = (observed.deployments.present(), observed.stages.present()) else {
        return unread("stage");
    };
    let Some(hash) = ready.then(|| snapshot(api, observed)).flatten() else {
        if live(api, observed).is_some() {
            return Next::nothing();
        }
        return match half_changed(api, observed) {
            None => Next::wait("deployment", "all that it holds comes first"),
            Some((path, method)) => {
                let why = format!(
                    "{method} {path} of a guest is half changed: that StepFunctionEndpoint has to become ready"
                );
                Next::wait_until("deployment", &why, Until::Cluster)
            }
        };
    };
    let mut next = deployment::next(id, &hash, deployments).map(Action::Deployment);
    let Some(deployment_id) = deployment::find(deployments, &hash) else { return next };
    for want in api.stages() {
        let want = wanted_stage(want, api, observed);
        next.and(stage::next(id, &Claim::of(desired, observed), &want, deployment_id, stages).map(Action::Stage));
    }
    if !next.is_empty() {
        return next;
    }
    let Some(mut stays) = keys::attached(desired, observed, id) else { return unread("usage plan") };
    stays.extend(api.stages().map(|stage| stage.name.clone()));
    next.and(stage::prune(id, owner, &stays, stages).map(Action::Stage));
    let served: Vec<&str> = stages.values().map(|stage| stage.deployment_id.as_str()).collect();
    let mark = if api.others.is_some() { owner.marker() } else { String::new() };
    next.and(deployment::prune(id, deployments, &served, &mark).map(Action::Deployment));
    next
}
