//! What of an endpoint's AWS objects is known, which reads would tell more, and how answers fold into it.

mod reads;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::action::Action;
use crate::api::{Drift, HttpMethod, StateMachineType, StepFunctionEndpointStatus};
use crate::arn::Arn;
use crate::kinds::{
    account, api_key, authorizer, deployment, gateway_response, log_group, method, model, request_validator, resource,
    rest_api, role, stage, state_machine, usage_plan,
};
use crate::next::Seen;
use crate::tags;

pub use reads::{may_exist, reads, trust_tells};

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
    /// Whether a call may have taken effect that nobody saw: then nothing but a read of its own tells that something can't be there.
    pub in_doubt: bool,
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
