//! Routes: each becomes a method with its integration; what they share, authorizers and models, is named after what it holds.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::{
    PassthroughBehavior, Route, StateMachineType, StepFunctionEndpoint, StepFunctionEndpointSpec, StepFunctionsAction,
    Throttling,
};
use crate::arn::Arn;
use crate::kinds::method::{CONVERT_TO_TEXT, Integration, IntegrationKind, IntegrationResponse};
use crate::kinds::{authorizer, method, model};
use crate::mapping::{self, Call};
use crate::mistakes::{FieldPath, Mistakes};
use crate::owner::{Owner, Site, hash};

use super::{
    Admission, GuestRoutes, Kept, Neighbour, References, RouteKey, Settings, admission, authorization, bounds, callers,
    cross_origin, path, stage,
};

/// The routes of one endpoint, or of several on one API.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Routes {
    /// The methods by path and HTTP method.
    pub methods: BTreeMap<RouteKey, method::Desired>,
    /// The authorizers by name.
    pub authorizers: authorizer::Desired,
    /// The models by name.
    pub models: model::Desired,
    /// How many requests of single routes are let through.
    pub throttling: BTreeMap<RouteKey, Throttling>,
    /// What the gateway role must allow.
    pub calls: Calls,
    /// The content types whose bodies are bytes, on all of the API.
    pub binary_media_types: BTreeSet<String>,
}

/// What API Gateway calls by the gateway role.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calls {
    /// Actions on state machines.
    pub actions: BTreeSet<(StepFunctionsAction, Arn)>,
    /// Lambda functions that say who may call.
    pub functions: BTreeSet<Arn>,
}

impl Routes {
    /// The hash of all that a stage serves for these routes.
    pub fn hash(&self) -> String {
        let methods: Vec<_> = self.methods.iter().collect();
        let text = serde_json::to_string(&(methods, &self.authorizers, &self.models)).unwrap_or_default();
        let throttling: Vec<_> = self.throttling.iter().collect();
        let throttling = serde_json::to_string(&throttling).ok().filter(|_| !self.throttling.is_empty());
        hash([text.as_str()].into_iter().chain(throttling.as_deref()))
    }
}

/// The content type of answers, and of requests that say nothing else.
pub(super) const JSON: &str = "application/json";
/// Which answers of the service are a success, as a regular expression over the HTTP status.
const SUCCESS: &str = r"2\d{2}";

/// The manifest's routes on an API with these binary media types; `target` is the state machine and the role that calls it, None if they could not be told. Every mistake is
/// found with or without it, but for those that depend on the state machine's type.
pub fn parse(
    spec: &StepFunctionEndpointSpec,
    owner: &Owner,
    target: Option<((&Arn, StateMachineType), &Arn)>,
    binary_media_types: &BTreeSet<String>,
    at: &FieldPath,
    mistakes: &mut Mistakes,
) -> Option<Routes> {
    let before = mistakes.iter().count();
    if spec.routes.is_empty() {
        mistakes.add(at.clone(), "", "at least one route is required");
    }
    let mut routes = Routes { binary_media_types: binary_media_types.clone(), ..Routes::default() };
    for (index, route) in spec.routes.iter().enumerate() {
        let at = at.index(index);
        let key = RouteKey { path: route.path.clone(), method: route.method };
        mistakes.take(at.field("path"), &route.path, path::check(&route.path));
        if routes.methods.contains_key(&key) {
            mistakes.add(at.clone(), format!("{} {}", key.method, key.path), "is there twice");
        }
        add(route, key, owner, target, &at, mistakes, &mut routes);
    }
    if let Some(cors) = &spec.cors {
        cross_origin::allow(cors, &spec.routes, owner, at, mistakes, &mut routes.methods);
    }
    if let Some((one, other)) = path::collision(spec.routes.iter().map(|route| route.path.as_str())) {
        mistakes.add(
            at.clone(),
            format!("{one}, {other}"),
            "API Gateway allows one {name} below each resource: use the same name",
        );
    }
    if !binary_media_types.is_empty() {
        answer_text(&mut routes);
    }
    (mistakes.iter().count() == before && target.is_some()).then_some(routes)
}

/// To a caller whose Accept header names a binary media type API Gateway would give an answer as the bytes of which it were the base64. Source:
/// developer guide, "Content type conversions in API Gateway".
fn answer_text(routes: &mut Routes) {
    let integrations = routes.methods.values_mut().map(|method| &mut method.integration);
    for response in integrations.flat_map(|integration| integration.responses.values_mut()) {
        response.content_handling = Some(CONVERT_TO_TEXT.to_owned());
    }
}

fn add(
    route: &Route,
    key: RouteKey,
    owner: &Owner,
    target: Option<((&Arn, StateMachineType), &Arn)>,
    at: &FieldPath,
    mistakes: &mut Mistakes,
    routes: &mut Routes,
) {
    let role = target.map(|(_, role)| role);
    let authorization = authorization::parse(&route.auth, role, &at.field("auth"), mistakes, routes);
    if let Some(throttling) = &route.throttling {
        stage::check_route(throttling, route.method, &at.field("throttling"), mistakes);
        routes.throttling.insert(key.clone(), throttling.clone());
    }
    let Some(((state_machine, type_), role)) = target else { return };
    let action = route.action.unwrap_or_else(|| default_action(type_));
    if !serves(type_, action) {
        mistakes.add(at.field("action"), action.as_str(), format!("{} state machines don't have it", type_.as_str()));
    }
    let call = Call { action, state_machine, path: &route.path, binary_media_types: &routes.binary_media_types };
    let chosen = route.state_machines.as_ref().map(|choice| {
        let at = at.field("stateMachines");
        mapping::chosen(choice, state_machine, &at, mistakes)
    });
    let request = mapping::request(route, &call, at, mistakes);
    let responses = mapping::responses(route, &call, at, mistakes);
    let (Some(authorization), Some(request), Some(responses)) = (authorization, request, responses) else { return };
    let mut models = BTreeMap::new();
    for (content_type, schema) in request.models {
        let name = model::name(&schema);
        routes.models.insert(name.clone(), schema);
        models.insert(content_type, name);
    }
    let path_parameters = mapping::path_parameters(&key.path).map(|name| format!("method.request.path.{name}"));
    let request_parameters: BTreeMap<String, bool> =
        path_parameters.chain(request.required_parameters.iter().cloned()).map(|name| (name, true)).collect();
    let validated = !models.is_empty() || !request.required_parameters.is_empty();
    match chosen {
        None => drop(routes.calls.actions.insert((action, state_machine.clone()))),
        Some(chosen) => routes.calls.actions.extend(chosen.into_values().map(|arn| (action, arn))),
    }
    routes.methods.insert(
        key,
        method::Desired {
            operation_name: owner.marker(),
            authorization,
            api_key_required: route.api_key_required.unwrap_or(false),
            request_parameters,
            validated,
            model: models.remove(JSON),
            other_models: models,
            integration: Integration {
                kind: IntegrationKind::Aws,
                uri: method::integration_uri(state_machine, action.as_str()),
                credentials: role.to_string(),
                passthrough_behavior: passthrough(route.passthrough_behavior),
                request_templates: request.templates,
                other_settings: other_settings(route, &routes.binary_media_types),
                responses: BTreeMap::from([
                    (responses.success.status, response(Some(SUCCESS), responses.success.template)),
                    (responses.failure.status, response(None, responses.failure.template)),
                ]),
            },
        },
    );
}

/// The call is JSON whatever the request was, whose content type API Gateway would pass on. Bytes reach a template in base64.
fn other_settings(route: &Route, binary_media_types: &BTreeSet<String>) -> BTreeMap<String, String> {
    let types = &route.content_types;
    let header = ("integration.request.header.Content-Type", "'application/x-amz-json-1.0'");
    let header = (!types.is_empty()).then_some(header);
    let takes_bytes = types.keys().any(|type_| binary_media_types.contains(type_));
    let handling = takes_bytes.then_some(("contentHandling", CONVERT_TO_TEXT));
    header.into_iter().chain(handling).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

pub(super) fn response(pattern: Option<&str>, template: String) -> IntegrationResponse {
    IntegrationResponse {
        selection_pattern: pattern.map(str::to_owned),
        content_handling: None,
        templates: BTreeMap::from([(JSON.to_owned(), template)]),
    }
}

/// WHEN_NO_MATCH, AWS's third word, would hand the caller's body to Step Functions as the call itself: it can't be said.
fn passthrough(said: Option<PassthroughBehavior>) -> String {
    match said {
        None | Some(PassthroughBehavior::Never) => "NEVER".to_owned(),
        Some(PassthroughBehavior::WhenNoTemplates) => "WHEN_NO_TEMPLATES".to_owned(),
    }
}

fn default_action(type_: StateMachineType) -> StepFunctionsAction {
    match type_ {
        StateMachineType::Standard => StepFunctionsAction::StartExecution,
        StateMachineType::Express => StepFunctionsAction::StartSyncExecution,
    }
}

/// Whether state machines of this type have the action. Source: Step Functions API reference, the notes of each action.
fn serves(type_: StateMachineType, action: StepFunctionsAction) -> bool {
    match action {
        StepFunctionsAction::StartExecution => true,
        StepFunctionsAction::StartSyncExecution => type_ == StateMachineType::Express,
        StepFunctionsAction::DescribeExecution
        | StepFunctionsAction::StopExecution
        | StepFunctionsAction::ListExecutions
        | StepFunctionsAction::GetExecutionHistory
        | StepFunctionsAction::RedriveExecution
        | StepFunctionsAction::SendTaskSuccess
        | StepFunctionsAction::SendTaskFailure
        | StepFunctionsAction::SendTaskHeartbeat => type_ == StateMachineType::Standard,
    }
}

/// The routes of our API: its own and, oldest first, those of each guest that is ready and collides with none before it.
pub fn with_guests(
    own: Routes,
    host: &StepFunctionEndpoint,
    site: &Site,
    references: &References,
    settings: &Settings,
) -> (Routes, BTreeMap<Neighbour, GuestRoutes>) {
    let (mut all, mut fates) = (own, BTreeMap::new());
    let owner = super::owner(host, settings);
    for guest in
        references.guests.iter().filter(|guest| guest.metadata.deletion_timestamp.is_none() || guest.is_retained())
    {
        let guest_owner = super::owner(guest, settings);
        let marker = guest_owner.marker();
        let name = Neighbour::new(&guest_owner.namespace, &guest_owner.name, &owner.namespace);
        if guest.metadata.deletion_timestamp.is_some() {
            fates.insert(name, GuestRoutes::Released { marker });
            continue;
        }
        let told = host.status.iter().flat_map(|status| &status.guests).find(|guest| name.is(guest));
        let kept = Kept { marker, is_served: told.is_some_and(|guest| guest.routes_hash.is_some()) };
        let admission = admission(host, &guest_owner.namespace, references.labels.get(&guest_owner.namespace));
        let is_let = match admission {
            Admission::Allowed => true,
            Admission::Unknown => false,
            Admission::Forbidden => continue,
            Admission::Unselected => {
                let why = format!("`api.allowedRoutes` does not select the namespace {}", guest_owner.namespace);
                fates.insert(name, GuestRoutes::Refused { kept, why });
                continue;
            }
        };
        let fate = match ready(guest, &guest_owner, &all.binary_media_types, settings).filter(|_| is_let) {
            None => GuestRoutes::Held { kept },
            Some(_) if super::site(guest, settings).region != site.region => GuestRoutes::Refused {
                kept,
                why: format!("its Region differs from that of {}: {}", owner.name, site.region),
            },
            Some(routes) => {
                let hash = routes.hash();
                match conflict(&all, &routes).map_or_else(|| with(&all, routes, &host.spec), Err) {
                    Err(why) => GuestRoutes::Refused { kept, why },
                    Ok(both) => {
                        all = both;
                        GuestRoutes::Served { kept, hash, generation: guest.metadata.generation }
                    }
                }
            }
        };
        fates.insert(name, fate);
    }
    (all, fates)
}

/// Those of the API with a guest's, unless the host's policy can't be made for both.
fn with(all: &Routes, guest: Routes, host: &StepFunctionEndpointSpec) -> Result<Routes, String> {
    let mut both = all.clone();
    both.methods.extend(guest.methods);
    both.authorizers.extend(guest.authorizers);
    both.models.extend(guest.models);
    both.throttling.extend(guest.throttling);
    match callers::obstacle(host, &both) {
        Some(why) => Err(format!("the host's `api.policy` can't be made for them: {why}")),
        None => Ok(both),
    }
}

/// A guest's routes as it wants them now, once its roles and state machine stand as its manifest says; None before, or if that is wrong,
/// or while nothing may be written for it.
fn ready(
    guest: &StepFunctionEndpoint,
    owner: &Owner,
    binary_media_types: &BTreeSet<String>,
    settings: &Settings,
) -> Option<Routes> {
    let status = guest.status.as_ref().filter(|_| !guest.is_suspended() && !guest.is_observed_only())?;
    // What could not be read says what it said of the generation before.
    let is_true = |name: &str| {
        let mut of_now = status.conditions.iter().filter(|told| told.observed_generation == guest.metadata.generation);
        of_now.any(|condition| condition.type_ == name && condition.status == "True")
    };
    if status.observed_generation != guest.metadata.generation
        || !is_true("RolesReady")
        || !is_true("StateMachineReady")
    {
        return None;
    }
    let state_machine = status.state_machine.as_ref()?;
    let arn: Arn = state_machine.arn.parse().ok()?;
    let role: Arn = status.gateway_role_arn.as_ref()?.parse().ok()?;
    if !bounds::may_call(owner, &arn, &role, settings) || !bounds::may_choose(&guest.spec, owner, settings) {
        return None;
    }
    let target = Some(((&arn, state_machine.type_), &role));
    let at = FieldPath::spec().field("routes");
    parse(&guest.spec, owner, target, binary_media_types, &at, &mut Mistakes::none())
}

pub(super) fn conflict(before: &Routes, routes: &Routes) -> Option<String> {
    if let Some(key) = routes.methods.keys().find(|key| before.methods.contains_key(*key)) {
        let why = format!("{} {} is served for another StepFunctionEndpoint of this API", key.method, key.path);
        let preflights = [before, routes].into_iter().filter_map(|routes| routes.methods.get(key));
        let is_of_cors = preflights.into_iter().any(|method| method.integration.kind == IntegrationKind::Mock);
        return Some(if is_of_cors { why + ": a path with `cors` can't be shared" } else { why });
    }
    let paths = before.methods.keys().chain(routes.methods.keys()).map(|key| key.path.as_str());
    path::collision(paths).map(|(one, other)| {
        format!("{other} can't stand beside {one} of this API: API Gateway allows one {{name}} below each resource")
    })
}
