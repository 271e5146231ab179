//! What of an endpoint's AWS objects is known, which reads would tell more, and how answers fold into it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::action::Action;
use crate::api::{Drift, HttpMethod, StateMachineType, StepFunctionEndpointStatus};
use crate::arn::Arn;
use crate::desired::{Desired, Unwanted};
use crate::kinds::{
    account, api_key, authorizer, deployment, gateway_response, log_group, method, model, request_validator, resource,
    rest_api, role, stage, state_machine, usage_plan,
};
use crate::next::Seen;
use crate::policy::{trusted_state_machines, workflow_trust};
use crate::tags;

/// What is known of the objects of one endpoint.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// The role that API Gateway assumes.
    pub gateway_role: Seen<role::Observed>,
    /// The role that the workflow runs with.
    pub workflow_role: Seen<role::Observed>,
    /// The state machine's log group.
    pub log_group: Seen<log_group::Observed>,
    /// The stages' log group.
    pub access_log_group: Seen<log_group::Observed>,
    /// Our state machine of type STANDARD.
    pub standard: Seen<state_machine::Observed>,
    /// Our state machine of type EXPRESS.
    pub express: Seen<state_machine::Observed>,
    /// The REST API with our tags.
    pub rest_api: Seen<rest_api::Observed>,
    /// The REST APIs of the wanted name that are nobody's.
    pub namesakes: Seen<Vec<rest_api::Observed>>,
    /// What the status has told of the objects that are to be taken over.
    pub told_adoption: Vec<Drift>,
    /// Whether a CreateRestApi was about to be made.
    pub intent: rest_api::Intent,
    /// The API's resources and methods.
    pub resources: Seen<resource::Observed>,
    /// The API's authorizers.
    pub authorizers: Seen<authorizer::Observed>,
    /// The API's request validator of ours.
    pub request_validator: Seen<request_validator::Observed>,
    /// The API's models.
    pub models: Seen<model::Observed>,
    /// The API's gateway responses.
    pub gateway_responses: Seen<gateway_response::Observed>,
    /// The API's deployments.
    pub deployments: Seen<deployment::Observed>,
    /// The API's stages.
    pub stages: Seen<stage::Observed>,
    /// What API Gateway holds of the account; read for a stage that logs alone.
    pub account: Seen<account::Observed>,
    /// Our API keys.
    pub api_keys: Seen<api_key::Observed>,
    /// Our usage plans.
    pub usage_plans: Seen<usage_plan::Observed>,
    /// The ids of the keys of the usage plan that is kept, others' included.
    pub usage_plan_keys: Seen<BTreeSet<String>>,
    /// The ids of the resources that we made on someone else's API, as far as is known.
    pub made_resources: BTreeSet<String>,
    /// The REST API that the status names.
    pub rest_api_in_status: Option<String>,
}

/// One read. What it answers is a Fact.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Read {
    /// A role with our inline policy and its attached policies.
    Role(role::Purpose, String),
    /// The names of all inline policies of a role.
    RolePolicies(role::Purpose, String),
    /// A log group with its tags; that of the state machine tells also whether there is one of the stages.
    LogGroup(log_group::Purpose, String),
    /// A state machine with its tags.
    StateMachine(StateMachineType, Arn),
    /// All REST APIs with the owner's tags.
    RestApis,
    /// All REST APIs of this name that are nobody's.
    RestApisNamed(String),
    /// The REST API of this id, whosever it is.
    RestApi(String),
    /// An API's resources with methods, integrations and responses.
    Resources(String),
    /// An API's authorizers.
    Authorizers(String),
    /// An API's request validators.
    RequestValidators(String),
    /// An API's models.
    Models(String),
    /// An API's gateway responses.
    GatewayResponses(String),
    /// An API's deployments.
    Deployments(String),
    /// An API's stages.
    Stages(String),
    /// API Gateway's settings of the account.
    Account,
    /// All API keys with the owner's tags.
    ApiKeys,
    /// All usage plans with the owner's tags.
    UsagePlans,
    /// The keys of the usage plan of this id.
    UsagePlanKeys(String),
}

/// What a read told.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// Of `Read::Role`.
    Role(role::Purpose, Seen<role::Observed>),
    /// Of `Read::RolePolicies`.
    RolePolicies(role::Purpose, BTreeSet<String>),
    /// Of `Read::LogGroup`, with whether there is one of the stages.
    LogGroup(log_group::Purpose, Seen<log_group::Observed>, bool),
    /// Of `Read::StateMachine`.
    StateMachine(StateMachineType, Seen<state_machine::Observed>),
    /// Of `Read::RestApis`: those with the owner's tags alone.
    RestApis(Vec<rest_api::Observed>),
    /// Of `Read::RestApisNamed`.
    RestApisNamed(Vec<rest_api::Observed>),
    /// Of `Read::Resources`.
    Resources(resource::Observed),
    /// Of `Read::Authorizers`.
    Authorizers(authorizer::Observed),
    /// Of `Read::RequestValidators`.
    RequestValidator(request_validator::Observed),
    /// Of `Read::Models`.
    Models(model::Observed),
    /// Of `Read::GatewayResponses`.
    GatewayResponses(gateway_response::Observed),
    /// Of `Read::Deployments`.
    Deployments(deployment::Observed),
    /// Of `Read::Stages`.
    Stages(stage::Observed),
    /// Of `Read::Account`.
    Account(account::Observed),
    /// Of `Read::ApiKeys`.
    ApiKeys(api_key::Observed),
    /// Of `Read::UsagePlans`.
    UsagePlans(usage_plan::Observed),
    /// Of `Read::UsagePlanKeys`: their ids.
    UsagePlanKeys(BTreeSet<String>),
}

/// What AWS answered to an action that it confirmed.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Nothing that isn't in the action.
    Done,
    /// The id that AWS chose.
    Created(String),
    /// The role that was created.
    Role { arn: Arn, created_at: Timestamp },
    /// The REST API that was created, with the id of its root resource.
    RestApi { id: String, root_id: Option<String>, created_at: Timestamp },
    /// When the intent was recorded.
    Recorded(Timestamp),
}

impl Observed {
    /// Nothing is known but what the status recorded.
    pub fn new(status: Option<&StepFunctionEndpointStatus>) -> Self {
        let api = status.and_then(|status| status.api.as_ref());
        Self {
            intent: match api.and_then(|api| api.create_intended_at.as_ref()) {
                Some(at) => rest_api::Intent::Earlier(at.0),
                None => rest_api::Intent::None,
            },
            made_resources: api.map(|api| api.resource_ids.iter().cloned().collect()).unwrap_or_default(),
            told_adoption: status.map(|status| status.adoption.clone()).unwrap_or_default(),
            rest_api_in_status: api.and_then(|api| api.rest_api_id.clone()),
            ..Self::default()
        }
    }

    /// Our state machine of this type.
    pub fn state_machine(&self, type_: StateMachineType) -> &Seen<state_machine::Observed> {
        match type_ {
            StateMachineType::Standard => &self.standard,
            StateMachineType::Express => &self.express,
        }
    }

    fn state_machine_mut(&mut self, type_: StateMachineType) -> &mut Seen<state_machine::Observed> {
        match type_ {
            StateMachineType::Standard => &mut self.standard,
            StateMachineType::Express => &mut self.express,
        }
    }

    /// One of the roles.
    pub fn role(&self, purpose: role::Purpose) -> &Seen<role::Observed> {
        match purpose {
            role::Purpose::Gateway => &self.gateway_role,
            role::Purpose::Workflow => &self.workflow_role,
        }
    }

    fn role_mut(&mut self, purpose: role::Purpose) -> &mut Seen<role::Observed> {
        match purpose {
            role::Purpose::Gateway => &mut self.gateway_role,
            role::Purpose::Workflow => &mut self.workflow_role,
        }
    }

    /// One of the log groups.
    pub fn log_group(&self, purpose: log_group::Purpose) -> &Seen<log_group::Observed> {
        match purpose {
            log_group::Purpose::Workflow => &self.log_group,
            log_group::Purpose::Access => &self.access_log_group,
        }
    }

    fn log_group_mut(&mut self, purpose: log_group::Purpose) -> &mut Seen<log_group::Observed> {
        match purpose {
            log_group::Purpose::Workflow => &mut self.log_group,
            log_group::Purpose::Access => &mut self.access_log_group,
        }
    }

    /// Folds what a read told.
    pub fn fold(&mut self, fact: Fact) {
        match fact {
            Fact::Role(purpose, seen) => *self.role_mut(purpose) = seen,
            Fact::RolePolicies(purpose, names) => {
                if let Some(found) = self.role_mut(purpose).present_mut() {
                    found.inline_policies = Some(names);
                }
            }
            Fact::LogGroup(purpose, seen, has_access_log) => {
                *self.log_group_mut(purpose) = seen;
                if !has_access_log && self.access_log_group.is_unknown() {
                    self.access_log_group = Seen::Absent;
                }
            }
            Fact::StateMachine(type_, seen) => *self.state_machine_mut(type_) = seen,
            Fact::RestApis(found) => self.rest_api = rest_api::choose(found, self.rest_api_in_status.as_deref()),
            Fact::RestApisNamed(found) => self.namesakes = Seen::Present(found),
            Fact::Resources(found) => self.resources = Seen::Present(found),
            Fact::Authorizers(found) => self.authorizers = Seen::Present(found),
            Fact::RequestValidator(found) => self.request_validator = Seen::Present(found),
            Fact::Models(found) => self.models = Seen::Present(found),
            Fact::GatewayResponses(found) => self.gateway_responses = Seen::Present(found),
            Fact::Deployments(found) => self.deployments = Seen::Present(found),
            Fact::Stages(found) => self.stages = Seen::Present(found),
            Fact::Account(found) => self.account = Seen::Present(found),
            Fact::ApiKeys(found) => self.api_keys = Seen::Present(found),
            Fact::UsagePlans(found) => self.usage_plans = Seen::Present(found),
            Fact::UsagePlanKeys(found) => self.usage_plan_keys = Seen::Present(found),
        }
    }

    /// Folds what AWS answered to an action, so that nothing is read twice; an unclear answer makes its object Unknown.
    pub fn fold_answer(&mut self, action: &Action, answer: Answer) {
        let id = match &answer {
            Answer::Created(id) => Some(id.clone()),
            Answer::Done | Answer::Role { .. } | Answer::RestApi { .. } | Answer::Recorded(_) => None,
        };
        match action {
            Action::Role(purpose, role::Action::CreateRole(want)) => {
                *self.role_mut(*purpose) = match answer {
                    Answer::Role { arn, created_at } => Seen::Present(role::created(want, arn, created_at)),
                    Answer::Done | Answer::Created(_) | Answer::RestApi { .. } | Answer::Recorded(_) => Seen::Unknown,
                };
            }
            Action::Role(purpose, action) => role::fold(self.role_mut(*purpose), action),
            Action::LogGroup(purpose, action) => log_group::fold(self.log_group_mut(*purpose), action),
            Action::Account(action) => account::fold(&mut self.account, action),
            Action::StateMachine(type_, action) => state_machine::fold(self.state_machine_mut(*type_), action),
            Action::RestApi(action) => self.fold_rest_api(action, answer),
            Action::Resource(action) => {
                self.made_resources.extend(id.clone());
                on(&mut self.resources, |found| resource::fold(found, action, id));
            }
            Action::Authorizer(action) => on(&mut self.authorizers, |found| authorizer::fold(found, action, id)),
            Action::RequestValidator(action) => {
                on(&mut self.request_validator, |found| request_validator::fold(found, action, id));
            }
            Action::Model(action) => on(&mut self.models, |found| model::fold(found, action)),
            Action::GatewayResponse(action) => {
                on(&mut self.gateway_responses, |found| gateway_response::fold(found, action));
            }
            Action::Method(action) => self.fold_method(action),
            Action::Deployment(action) => {
                on(&mut self.deployments, |found| deployment::fold(found, action, id));
                // Read once more before a stage serves it: a call that nobody waits for any more, or someone's hand, may have changed what it
                // was made of.
                if matches!(action, deployment::Action::CreateDeployment { .. }) {
                    self.resources = Seen::Unknown;
                }
            }
            Action::Stage(action) => on(&mut self.stages, |found| stage::fold(found, action)),
            Action::ApiKey(action) => on(&mut self.api_keys, |found| api_key::fold(found, action, id)),
            Action::UsagePlan(action) => self.fold_usage_plan(action, id),
        }
    }

    /// A new API is known to be empty: nothing on it needs reading, if the answer told the root resource.
    fn fold_rest_api(&mut self, action: &rest_api::Action, answer: Answer) {
        match (action, answer) {
            (rest_api::Action::CreateRestApi(want), Answer::RestApi { id, root_id, created_at }) => {
                self.rest_api = Seen::Present(rest_api::created(want, id, created_at));
                self.resources = match root_id {
                    Some(id) => Seen::Present(BTreeMap::from([(
                        "/".to_owned(),
                        resource::Resource { id, methods: BTreeMap::new() },
                    )])),
                    None => Seen::Unknown,
                };
                self.authorizers = Seen::Present(BTreeMap::new());
                self.request_validator = Seen::Present(None);
                self.models = Seen::Present(BTreeMap::new());
                self.gateway_responses = Seen::Present(BTreeMap::new());
                self.deployments = Seen::Present(BTreeMap::new());
                self.stages = Seen::Present(BTreeMap::new());
            }
            (rest_api::Action::RecordIntent, Answer::Recorded(at)) => self.intent = rest_api::Intent::Recorded(at),
            (rest_api::Action::TagResource { id, tags, .. }, _) if self.rest_api.present().is_none() => {
                let taken = self.namesakes.present().and_then(|found| found.iter().find(|api| api.id == *id)).cloned();
                self.rest_api = match taken {
                    Some(mut found) => {
                        found.tags.extend(tags.clone());
                        Seen::Present(found)
                    }
                    None => Seen::Unknown,
                };
            }
            (rest_api::Action::UntagResource { keys, .. }, _) if tags::let_go(keys) => {
                rest_api::fold(&mut self.rest_api, action);
                self.stages = Seen::Unknown; // those of the next, if there are several
            }
            (rest_api::Action::DeleteRestApi { id }, _) if self.is_duplicate(id) => {
                if let Some(found) = self.rest_api.present_mut() {
                    found.duplicates.retain(|duplicate| duplicate != id);
                }
            }
            (action, _) => rest_api::fold(&mut self.rest_api, action),
        }
    }

    /// A new plan is known to have no keys; of another plan than before they are not known.
    fn fold_usage_plan(&mut self, action: &usage_plan::Action, id: Option<String>) {
        match action {
            usage_plan::Action::CreateUsagePlan { .. } => self.usage_plan_keys = Seen::Present(BTreeSet::new()),
            usage_plan::Action::CreateUsagePlanKey { key_id, .. } => {
                on(&mut self.usage_plan_keys, |found| found.extend([key_id.clone()]));
            }
            usage_plan::Action::UntagResource { .. } | usage_plan::Action::DeleteUsagePlan { .. } => {
                self.usage_plan_keys = Seen::Unknown;
            }
            usage_plan::Action::UpdateUsagePlan { .. } => {}
        }
        on(&mut self.usage_plans, |found| usage_plan::fold(found, action, id));
    }

    fn is_duplicate(&self, id: &str) -> bool {
        self.rest_api.present().is_some_and(|found| found.duplicates.iter().any(|duplicate| duplicate == id))
    }

    fn fold_method(&mut self, action: &method::Action) {
        let told = match self.resources.present_mut().and_then(|found| found.get_mut(&action.at().path)) {
            Some(resource) => method::fold(&mut resource.methods, action),
            None => false,
        };
        if !told {
            self.resources = Seen::Unknown;
        }
    }

    /// An intent of this pass whose call was not made, or was clearly refused, leaves nothing in flight.
    pub fn settle_intent(&mut self) {
        if let rest_api::Intent::Recorded(_) = self.intent {
            self.intent = rest_api::Intent::None;
        }
    }

    /// Every method of the API with its path.
    pub fn methods(&self) -> impl Iterator<Item = (&str, HttpMethod, &method::Observed)> {
        self.resources.present().into_iter().flatten().flat_map(|(path, resource)| {
            resource.methods.iter().map(move |(method, found)| (path.as_str(), *method, found))
        })
    }
}

fn on<T>(seen: &mut Seen<T>, fold: impl FnOnce(&mut T)) {
    if let Some(found) = seen.present_mut() {
        fold(found);
    }
}

/// The reads that would tell what is not known yet and is needed, as far as their inputs are known: side by side, they never write.
pub fn reads(desired: &Desired, observed: &Observed) -> BTreeSet<Read> {
    let owner = &desired.owner;
    let mut reads = BTreeSet::new();
    if desired.unwanted == Unwanted::Left {
        return reads;
    }
    for (purpose, name) in
        [(role::Purpose::Gateway, owner.gateway_role_name()), (role::Purpose::Workflow, owner.workflow_role_name())]
    {
        match observed.role(purpose) {
            Seen::Unknown => drop(reads.insert(Read::Role(purpose, name))),
            Seen::Present(found)
                if desired.unwanted == Unwanted::Deleted
                    && !desired.wants_role(purpose)
                    && owner.owns(&found.tags)
                    && found.inline_policies.is_none() =>
            {
                reads.insert(Read::RolePolicies(purpose, name));
            }
            Seen::Present(_) | Seen::Absent => {}
        }
    }
    // That of the stages is read alone where the other's read has found it.
    for purpose in
        log_group::Purpose::ALL.into_iter().filter(|purpose| observed.log_group(*purpose).is_unknown()).take(1)
    {
        reads.insert(Read::LogGroup(purpose, owner.log_group_name_for(purpose)));
    }
    for type_ in [StateMachineType::Standard, StateMachineType::Express] {
        if observed.state_machine(type_).is_unknown() && may_exist(desired, observed, type_) == Some(true) {
            reads.extend(desired.state_machine_arn(type_).map(|arn| Read::StateMachine(type_, arn)));
        }
    }
    if desired.api.as_ref().is_some_and(|api| api.account.is_some()) && observed.account.is_unknown() {
        reads.insert(Read::Account);
    }
    if desired.may_have_keys {
        reads.extend(reads_of_keys(desired, observed));
    }
    let others = desired.others_api();
    match &observed.rest_api {
        Seen::Unknown => drop(reads.insert(others.map_or(Read::RestApis, |others| Read::RestApi(others.id.clone())))),
        Seen::Absent => {
            let ours = desired.api.as_ref().filter(|_| desired.adopts && others.is_none());
            let name = ours.map(|api| api.rest_api.name.clone());
            reads.extend(name.filter(|_| observed.namesakes.is_unknown()).map(Read::RestApisNamed));
        }
        Seen::Present(found) => reads.extend(reads_on(desired, observed, &found.id)),
    }
    reads
}

fn reads_of_keys(desired: &Desired, observed: &Observed) -> Vec<Read> {
    let mut reads = Vec::new();
    if observed.api_keys.is_unknown() {
        reads.push(Read::ApiKeys);
    }
    let kept = match &observed.usage_plans {
        Seen::Unknown => {
            reads.push(Read::UsagePlans);
            None
        }
        Seen::Absent => None,
        Seen::Present(found) => usage_plan::kept(found).map(|(id, _)| id.clone()),
    };
    let wants_keys = desired.keys.is_some() && observed.usage_plan_keys.is_unknown();
    reads.extend(kept.filter(|_| wants_keys).map(Read::UsagePlanKeys));
    reads
}

/// Whether a role's trust is as we wrote it. One that someone else edited, or that was adopted, tells nothing of what may exist.
pub fn trust_tells(role: &role::Observed, account: &str) -> bool {
    let trusted = trusted_state_machines(&role.trust);
    !trusted.is_empty() && role.trust == workflow_trust(account, &trusted)
}

/// Whether our machine of this type may exist; None while the workflow role, which tells, is not read. The role's trust policy names a
/// machine from before it is created until it is gone, so that a machine of the other type needs no read of its own while there is a role.
pub fn may_exist(desired: &Desired, observed: &Observed, type_: StateMachineType) -> Option<bool> {
    let wanted = desired.state_machine.as_ref().map(|machine| machine.type_);
    if wanted == Some(type_) || wanted.is_none() || desired.workflow_role.is_none() {
        return Some(true);
    }
    match &observed.workflow_role {
        Seen::Unknown => None,
        Seen::Absent => Some(true),
        Seen::Present(found) if !trust_tells(found, &desired.site.account) => Some(true),
        Seen::Present(found) => {
            let trusted = trusted_state_machines(&found.trust);
            Some(desired.state_machine_arn(type_).is_some_and(|arn| trusted.contains(&arn)))
        }
    }
}

fn reads_on(desired: &Desired, observed: &Observed, rest_api_id: &str) -> Vec<Read> {
    let mut reads = Vec::new();
    let id = || rest_api_id.to_owned();
    if observed.stages.is_unknown() {
        reads.push(Read::Stages(id()));
    }
    if desired.api.is_none() && desired.leaves.is_none() {
        return reads; // to be deleted with everything on it
    }
    if observed.resources.is_unknown() {
        reads.push(Read::Resources(id()));
    }
    if observed.authorizers.is_unknown() {
        reads.push(Read::Authorizers(id()));
    }
    if observed.request_validator.is_unknown() {
        reads.push(Read::RequestValidators(id()));
    }
    let wants_models = desired.api.as_ref().is_some_and(|api| !api.models.is_empty());
    let models_may_exist = wants_models || matches!(observed.request_validator, Seen::Present(Some(_)));
    if observed.models.is_unknown() && models_may_exist {
        reads.push(Read::Models(id()));
    }
    let is_marked = observed.models.present().is_some_and(|models| models.contains_key(gateway_response::MARKER));
    let wants_any = desired.api.as_ref().is_some_and(|api| !api.gateway_responses.is_empty());
    if observed.gateway_responses.is_unknown() && (is_marked || wants_any) {
        reads.push(Read::GatewayResponses(id()));
    }
    if observed.deployments.is_unknown() {
        reads.push(Read::Deployments(id()));
    }
    reads
}
