//! What a manifest asks for: a validated value, or every way in which the manifest is wrong. After this nothing can fail for the
//! manifest's sake.

mod access_log;
mod authorization;
mod bounds;
mod callers;
mod cross_origin;
mod executions;
mod gateway;
mod gateway_responses;
mod hosted;
mod keys;
mod others;
mod path;
mod retention;
mod roles;
mod routes;
mod stage;
mod unwanted;
mod workflow;

use std::collections::BTreeMap;

use crate::api::{self, StateMachineType, StepFunctionEndpoint};
use crate::arn::Arn;
use crate::kinds::{
    self, account, authorizer, gateway_response, log_group, method, model, rest_api, role, state_machine,
};
use crate::limits::Limits;
use crate::mistakes::{FieldPath, Mistakes};
use crate::owner::{Owner, Site, Tags};
use crate::policy::Callers;
use crate::publish;
use crate::tags;

pub use bounds::referenced_state_machine;
pub use executions::Executions;
pub use hosted::{Admission, Host, Hosted, Labels, Neighbour, admission, admitted, selects_by_labels};
pub use keys::{Keys, Values};
pub use others::OthersApi;
pub use path::{RouteKey, collision as paths_collide};
pub use routes::Routes;
pub use unwanted::{Unwanted, deleted};

/// What the operator itself was told.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The UID of the kube-system namespace, or `--cluster-id`.
    pub cluster: String,
    /// The account whose credentials the operator has, and the Region of manifests that name none.
    pub site: Site,
    /// The ARN of the managed policy that bounds every role that the operator makes.
    pub permissions_boundary: Option<String>,
    /// The role that API Gateway is given to write logs by, where the account has none in a Region.
    pub cloudwatch_role: Option<Arn>,
    /// What each namespace may refer to; anything, without it.
    pub limits: Option<Limits>,
    /// The one namespace that the operator works on; all, without it.
    pub namespace: Option<String>,
    /// Whether it reads the labels of Namespaces.
    pub reads_namespaces: bool,
}

impl Settings {
    /// Those of a cluster whose admin forbids nothing.
    pub fn new(cluster: String, site: Site) -> Self {
        Self {
            cluster,
            site,
            permissions_boundary: None,
            cloudwatch_role: None,
            limits: None,
            namespace: None,
            reads_namespaces: true,
        }
    }
}

/// What other objects say that a manifest refers to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct References {
    /// The text of `definitionFrom`, or why it can't be read yet.
    pub definition: Option<Result<String, String>>,
    /// The type of `stateMachine.arn`, or why it can't be read yet.
    pub state_machine_type: Option<Result<StateMachineType, String>>,
    /// The StepFunctionEndpoint of `api.endpointRef`.
    pub host: Option<Host>,
    /// The StepFunctionEndpoints that name this one in their `api.endpointRef`, oldest first.
    pub guests: Vec<StepFunctionEndpoint>,
    /// The StepFunctionEndpoints that name the same `api.restApiId`.
    pub on_same_api: Vec<StepFunctionEndpoint>,
    /// The labels of their namespaces, where they could be read and decide.
    pub labels: BTreeMap<String, Labels>,
    /// The values of `apiKeys`.
    pub api_key_values: Values,
}

/// What the AWS objects of one endpoint should be. Deletion is the same with nothing wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Desired {
    /// Whose they are.
    pub owner: Owner,
    /// Where they are.
    pub site: Site,
    /// The tags of each of them.
    pub tags: Tags,
    /// The role that API Gateway assumes, if it is ours.
    pub gateway_role: Option<role::Desired>,
    /// The role that the workflow runs with, if it is ours.
    pub workflow_role: Option<role::Desired>,
    /// The workflow's log group, if it is ours.
    pub log_group: Option<log_group::Desired>,
    /// The stages' log group, if it is ours.
    pub access_log_group: Option<log_group::Desired>,
    /// The state machine, if it is ours.
    pub state_machine: Option<state_machine::Desired>,
    /// The REST API, if it is ours.
    pub api: Option<Api>,
    /// Someone else's API from which everything of ours goes.
    pub leaves: Option<OthersApi>,
    /// The API keys with their usage plan.
    pub keys: Option<Keys>,
    /// Whether there may be keys or plans of ours: they are read for that alone.
    pub may_have_keys: bool,
    /// Who serves our routes, if it is another.
    pub hosted: Option<Hosted>,
    /// What the routes call, for the status.
    pub calls: Option<Calls>,
    /// How executions are recorded.
    pub executions: Executions,
    /// The StepFunctionEndpoints for which all of this stays, though it is to be deleted.
    pub kept_for: Vec<String>,
    /// Whether what has the same name and nobody's tags is taken over.
    pub adopts: bool,
    /// Whether nothing of this is to be written to AWS, and differences are told alone.
    pub observed_only: bool,
    /// What becomes of everything of ours once nothing is wanted.
    pub unwanted: Unwanted,
}

/// The REST API with everything of ours on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Api {
    /// Whose it is, if it is not ours.
    pub others: Option<OthersApi>,
    /// The API itself; of someone else's its id alone.
    pub rest_api: rest_api::Desired,
    /// Who may call, where lists say it: its policy follows from them and from all methods.
    pub callers: Option<Callers>,
    /// The methods by path and HTTP method.
    pub methods: BTreeMap<RouteKey, method::Desired>,
    /// The authorizers by name.
    pub authorizers: authorizer::Desired,
    /// The models by name.
    pub models: model::Desired,
    /// What the gateway answers by itself, by type.
    pub gateway_responses: gateway_response::Desired,
    /// The stage.
    pub stage: kinds::stage::Desired,
    /// Further stages, which serve the same.
    pub further_stages: Vec<kinds::stage::Desired>,
    /// What a stage that logs needs of the account.
    pub account: Option<account::Desired>,
    /// The StepFunctionEndpoints whose routes are served, or kept as they are.
    pub guests: BTreeMap<Neighbour, GuestRoutes>,
}

impl Api {
    /// All stages, the first one first.
    pub fn stages(&self) -> impl Iterator<Item = &kinds::stage::Desired> {
        [&self.stage].into_iter().chain(&self.further_stages)
    }

    /// The same with these gateway responses, and the model that marks it for them.
    fn with_gateway_responses(mut self, gateway_responses: gateway_response::Desired) -> Self {
        if !gateway_responses.is_empty() {
            self.models.insert(gateway_response::MARKER.to_owned(), gateway_response::marker());
        }
        Self { gateway_responses, ..self }
    }
}

/// What becomes of a guest's routes.
#[derive(Clone, Debug, PartialEq)]
pub enum GuestRoutes {
    /// They are among the methods; this is their hash, and the generation of the guest's manifest.
    Served { kept: Kept, hash: String, generation: Option<i64> },
    /// It isn't ready, or its manifest is wrong: its methods stay as they are.
    Held { kept: Kept },
    /// It is deleted, and its routes are retained: the methods with its marker stay without it.
    Released { marker: String },
    /// They collide with others, or its namespace is not selected any more: its methods stay as they are.
    Refused { kept: Kept, why: String },
}

/// Methods that stay as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The marker that they bear.
    pub marker: String,
    /// Whether the stage serves them, as far as is known. Where it doesn't, one that was left unfinished goes.
    pub is_served: bool,
}

/// What the routes call.
#[derive(Clone, Debug, PartialEq)]
pub struct Calls {
    /// The state machine.
    pub state_machine: Arn,
    /// Its type.
    pub type_: StateMachineType,
    /// The role that API Gateway assumes.
    pub gateway_role: Arn,
    /// The log group from which executions can be known, if events are written there.
    pub log_group: Option<String>,
    /// The routes in the manifest's order.
    pub routes: Vec<RouteKey>,
}

/// Why there is nothing that could be converged to.
#[derive(Clone, Debug, PartialEq)]
pub enum Undesired {
    /// The manifest is wrong: a person must change it.
    Invalid(Mistakes),
    /// What it refers to isn't there yet.
    Waiting(Vec<String>),
}

impl Desired {
    /// Nothing: what a deletion converges to. A guest's objects stay until its host has dropped its routes.
    pub fn nothing(owner: Owner, site: Site, host: Option<Host>) -> Self {
        Self {
            tags: owner.tags(),
            owner,
            site,
            gateway_role: None,
            workflow_role: None,
            log_group: None,
            access_log_group: None,
            state_machine: None,
            api: None,
            leaves: None,
            keys: None,
            may_have_keys: false,
            hosted: host.map(|host| Hosted { host, routes_hash: None, generation: None }),
            calls: None,
            executions: Executions::none(),
            kept_for: Vec::new(),
            adopts: false,
            observed_only: false,
            unwanted: Unwanted::Deleted,
        }
    }

    /// The same with the tags on each object.
    fn tagged(mut self) -> Self {
        for role in self.gateway_role.iter_mut().chain(&mut self.workflow_role) {
            role.tags.clone_from(&self.tags);
        }
        for log_group in self.log_group.iter_mut().chain(&mut self.access_log_group) {
            log_group.tags.clone_from(&self.tags);
        }
        if let Some(state_machine) = &mut self.state_machine {
            state_machine.tags.clone_from(&self.tags);
        }
        if let Some(api) = &mut self.api {
            api.rest_api.tags.clone_from(&self.tags);
            for stage in [&mut api.stage].into_iter().chain(&mut api.further_stages) {
                stage.tags.clone_from(&self.tags);
            }
        }
        self
    }

    /// Someone else's API, if our routes are on one or leave it.
    pub fn others_api(&self) -> Option<&OthersApi> {
        self.api.as_ref().and_then(|api| api.others.as_ref()).or(self.leaves.as_ref())
    }

    /// Whether a role is wanted for this purpose.
    pub fn wants_role(&self, purpose: role::Purpose) -> bool {
        match purpose {
            role::Purpose::Gateway => self.gateway_role.is_some(),
            role::Purpose::Workflow => self.workflow_role.is_some(),
        }
    }

    /// The log group that is wanted for this purpose.
    pub fn log_group_for(&self, purpose: log_group::Purpose) -> Option<&log_group::Desired> {
        match purpose {
            log_group::Purpose::Workflow => self.log_group.as_ref(),
            log_group::Purpose::Access => self.access_log_group.as_ref(),
        }
    }

    /// The ARN that our state machine of this type has.
    pub fn state_machine_arn(&self, type_: StateMachineType) -> Option<Arn> {
        self.site.state_machine_arn(&self.owner.state_machine_name(type_))
    }
}

/// The owner of an object's AWS objects.
pub fn owner(object: &StepFunctionEndpoint, settings: &Settings) -> Owner {
    Owner {
        cluster: settings.cluster.clone(),
        namespace: object.metadata.namespace.clone().unwrap_or_default(),
        name: object.metadata.name.clone().unwrap_or_default(),
    }
}

/// Where an object's AWS objects are: in the Region of the manifest, else of the state machine's ARN, else of the operator.
pub fn site(object: &StepFunctionEndpoint, settings: &Settings) -> Site {
    let arn: Option<Arn> = object.spec.state_machine.arn.as_ref().and_then(|arn| arn.parse().ok());
    let region = object.spec.region.clone().or_else(|| arn.map(|arn| arn.region().to_owned()));
    Site { region: region.unwrap_or_else(|| settings.site.region.clone()), ..settings.site.clone() }
}

/// Where an object's AWS objects were made, as its status tells; the Region can't be changed after that.
pub fn made_at(object: &StepFunctionEndpoint, settings: &Settings) -> Site {
    let status = object.status.as_ref().and_then(|status| status.state_machine.as_ref());
    let region = status.and_then(|machine| machine.arn.parse().ok()).map(|arn: Arn| arn.region().to_owned());
    let site = site(object, settings);
    Site { region: region.unwrap_or_else(|| site.region.clone()), ..site }
}

/// What the manifest asks for, or all that is wrong with it, or what it waits for.
pub fn desired(
    object: &StepFunctionEndpoint,
    references: &References,
    settings: &Settings,
) -> Result<Desired, Undesired> {
    let (owner, site, spec) = (owner(object, settings), site(object, settings), others::below(&object.spec));
    let spec = &spec;
    let (mut mistakes, mut waiting) = (Mistakes::none(), Vec::new());
    let at = FieldPath::spec();
    check_region(spec, &site, &made_at(object, settings), &at, &mut mistakes);
    bounds::check(spec, &owner, settings, &at, &mut mistakes);
    stage::check_all(spec, &site, &at, &mut mistakes);
    if let Some(spec) = &spec.api {
        gateway::check(spec, &at.field("api"), &mut mistakes);
    }
    callers::check(spec, &site, &at, &mut mistakes);
    let workflow =
        workflow::parse(spec, references, &owner, &site, &at.field("stateMachine"), &mut mistakes, &mut waiting);
    let role_arn = roles::gateway_arn(spec, &owner, &site, &at.field("gatewayRole"), &mut mistakes);
    let adopts = object.adopts().unwrap_or_else(|found| {
        mistakes.add(FieldPath::annotation(api::ADOPT), found, "allowed are \"true\" and \"false\"");
        false
    });
    let executions = executions::parse(spec.executions.as_ref(), &at.field("executions"), &mut mistakes);
    // The routes are checked also where the state machine or the role is wrong, as far as the type is known.
    let machine = workflow::target(spec, references, &owner, &site);
    let role = role_arn.clone().or_else(|| site.role_arn(&owner.gateway_role_name()));
    let target = machine.as_ref().zip(role.as_ref()).map(|((arn, type_), role)| ((arn, *type_), role));
    let binary_media_types = gateway::binary_media_types(spec, references.host.as_ref());
    let routes = routes::parse(spec, &owner, target, &binary_media_types, &at.field("routes"), &mut mistakes);
    if let Some(routes) = &routes {
        callers::check_routes(spec, routes, &at, &mut mistakes);
    }
    let gateway_responses = gateway_responses::parse(spec, &at, &mut mistakes);
    let calls = routes.as_ref().map(|routes| routes.calls.clone()).unwrap_or_default();
    let gateway_role = roles::gateway(spec, &owner, &calls, &at.field("gatewayRole"), &mut mistakes);
    others::check(object, references, settings, &at, &mut mistakes);
    publish::check(spec, &at, &mut mistakes);
    tags::check(spec, &at, &mut mistakes);
    hosted::check_allowed_routes(spec, settings, &at, &mut mistakes);
    keys::check(spec, references, &at, &mut mistakes);
    let told = (&mut mistakes, &mut waiting);
    let hosted = hosted::parse(object, references, (&owner, settings), routes.as_ref(), &at, told);
    let is_guest = spec.api.as_ref().is_some_and(|api| api.endpoint_ref.is_some());
    let api = routes
        .filter(|_| !is_guest)
        .map(|routes| own_api(object, &site, routes, references, settings).with_gateway_responses(gateway_responses));
    if !mistakes.is_empty() {
        return Err(Undesired::Invalid(mistakes));
    }
    let keys = keys::desired(spec, &references.api_key_values, &owner, &mut waiting);
    match (workflow, role_arn, executions) {
        (Some(workflow), Some(role_arn), Some(executions)) if waiting.is_empty() => {
            let calls = workflow.calls(role_arn, spec);
            let workflow::Workflow { state_machine, role, log_group, .. } = workflow;
            let desired = Desired {
                tags: tags::all(&owner, &spec.tags),
                gateway_role: gateway_role.map(|role| bounds::bounded(role, settings)),
                workflow_role: role.map(|role| bounds::bounded(role, settings)),
                log_group,
                access_log_group: stage::access_log_group(spec, &owner),
                state_machine,
                api,
                leaves: None,
                keys,
                may_have_keys: keys::may_exist(object),
                hosted,
                calls: Some(calls),
                executions,
                kept_for: Vec::new(),
                adopts,
                observed_only: object.is_observed_only(),
                unwanted: Unwanted::Deleted,
                owner,
                site,
            };
            Ok(desired.tagged())
        }
        _ => Err(Undesired::Waiting(waiting)),
    }
}

/// The whole of one Region: `region` and `stateMachine.arn` must not name two, nor another than before.
fn check_region(
    spec: &api::StepFunctionEndpointSpec,
    site: &Site,
    made_at: &Site,
    at: &FieldPath,
    mistakes: &mut Mistakes,
) {
    if made_at.region != site.region {
        let allowed = format!("can't be changed from {}: delete the endpoint and apply it again", made_at.region);
        mistakes.add(at.field("region"), &site.region, allowed);
    }
    let arn: Option<Arn> = spec.state_machine.arn.as_ref().and_then(|arn| arn.parse().ok());
    if let (Some(region), Some(arn)) = (&spec.region, arn)
        && arn.region() != site.region
    {
        mistakes.add(at.field("region"), region, format!("must be the Region of stateMachine.arn, {}", arn.region()));
    }
}

/// Our own API: the manifest's routes and, beside them, its guests'.
fn own_api(
    object: &StepFunctionEndpoint,
    site: &Site,
    own: Routes,
    references: &References,
    settings: &Settings,
) -> Api {
    let (owner, spec) = (owner(object, settings), &object.spec);
    let (routes, guests) = routes::with_guests(own, object, site, references, settings);
    let stage = stage::desired(spec.stage.as_ref(), &routes.throttling, &owner, site);
    let further = |spec| stage::desired(Some(&api::Stage::from(spec)), &routes.throttling, &owner, site);
    let further_stages: Vec<_> = spec.stages.iter().map(further).collect();
    let logs = [&stage].into_iter().chain(&further_stages).any(|stage| stage.settings.logs());
    let cloudwatch_role_arn = settings.cloudwatch_role.clone();
    Api {
        others: others::named(object, &references.guests, settings),
        rest_api: gateway::desired(spec.api.as_ref(), &owner),
        callers: spec.api.as_ref().and_then(|api| callers::callers(api.policy.as_ref()?)),
        methods: routes.methods,
        authorizers: routes.authorizers,
        models: routes.models,
        gateway_responses: BTreeMap::new(),
        account: logs.then_some(account::Desired { cloudwatch_role_arn }),
        stage,
        further_stages,
        guests,
    }
}
