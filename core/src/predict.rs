//! What AWS would hold after an action: a plan folds these predictions in place of calls. Ids that AWS will choose read
//! `known-after-apply-<n>`.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::action::Action;
use crate::api::StateMachineType;
use crate::desired::Desired;
use crate::endpoint::{When, next};
use crate::kinds::{
    account, api_key, authorizer, deployment, gateway_response, log_group, method, model, request_validator, resource,
    rest_api, role, stage, state_machine, usage_plan,
};
use crate::next::{Next, Seen};
use crate::observed::{Answer, Fact, Observed, Read, reads};
use crate::owner::{Owner, Site};

/// The most actions of one plan: 100 routes take about 900.
const ACTIONS_MAX: usize = 4_000;

/// AWS as it would be. Every object is known: present or absent.
#[derive(Clone, Debug, PartialEq)]
pub struct World {
    site: Site,
    now: Timestamp,
    /// How many ids were given.
    ids: usize,
    /// The role that API Gateway assumes.
    pub gateway_role: Option<role::Observed>,
    /// The role that the workflow runs with.
    pub workflow_role: Option<role::Observed>,
    /// The state machine's log group.
    pub log_group: Option<log_group::Observed>,
    /// The stages' log group.
    pub access_log_group: Option<log_group::Observed>,
    /// Our state machine of type STANDARD.
    pub standard: Option<state_machine::Observed>,
    /// Our state machine of type EXPRESS.
    pub express: Option<state_machine::Observed>,
    /// The REST API.
    pub rest_api: Option<rest_api::Observed>,
    /// Its resources with their methods.
    pub resources: resource::Observed,
    /// Its authorizers.
    pub authorizers: authorizer::Observed,
    /// Its request validator.
    pub request_validator: request_validator::Observed,
    /// Its models.
    pub models: model::Observed,
    /// Its gateway responses.
    pub gateway_responses: gateway_response::Observed,
    /// Its deployments.
    pub deployments: deployment::Observed,
    /// Its stages.
    pub stages: stage::Observed,
    /// API Gateway's settings of the account.
    pub account: account::Observed,
    /// API keys.
    pub api_keys: api_key::Observed,
    /// Usage plans.
    pub usage_plans: usage_plan::Observed,
    /// The ids of the keys of each plan.
    pub usage_plan_keys: BTreeMap<String, BTreeSet<String>>,
}

/// The actions that lead from what is observed to what is desired.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// In the order in which they would be made.
    pub actions: Vec<Action>,
    /// What is left when nothing more can be done: waits and refusals.
    pub left: Next<Action>,
    /// What would then be known.
    pub observed: Observed,
    /// AWS as it would then be.
    pub world: World,
}

/// Plans with the same `next` as the operator; `choose` picks one of the actions that are ready, by its index. None if it does not end.
pub fn plan(
    desired: &Desired,
    mut observed: Observed,
    mut world: World,
    when: When,
    mut choose: impl FnMut(&[Action]) -> usize,
) -> Option<Plan> {
    let mut actions = Vec::new();
    while actions.len() < ACTIONS_MAX {
        let unread = reads(desired, &observed);
        if !unread.is_empty() {
            for read in unread {
                observed.fold(world.read(&read));
            }
            continue;
        }
        let next = next(desired, &observed, when);
        let Some(action) = next.actions.get(choose(&next.actions).min(next.actions.len().saturating_sub(1))) else {
            return Some(Plan { actions, left: next, observed, world });
        };
        let answer = world.apply(action);
        observed.fold_answer(action, answer);
        actions.push(action.clone());
    }
    None
}

impl World {
    /// Where nothing exists.
    pub fn empty(site: Site, now: Timestamp) -> Self {
        Self {
            site,
            now,
            ids: 0,
            gateway_role: None,
            workflow_role: None,
            log_group: None,
            access_log_group: None,
            standard: None,
            express: None,
            rest_api: None,
            resources: BTreeMap::new(),
            authorizers: BTreeMap::new(),
            request_validator: None,
            models: BTreeMap::new(),
            gateway_responses: BTreeMap::new(),
            deployments: BTreeMap::new(),
            stages: BTreeMap::new(),
            account: account::Observed::default(),
            api_keys: BTreeMap::new(),
            usage_plans: BTreeMap::new(),
            usage_plan_keys: BTreeMap::new(),
        }
    }

    /// As it was observed; what is unknown is taken for absent.
    pub fn observed(site: Site, now: Timestamp, observed: &Observed) -> Self {
        Self {
            gateway_role: observed.gateway_role.present().cloned(),
            workflow_role: observed.workflow_role.present().cloned(),
            log_group: observed.log_group.present().cloned(),
            access_log_group: observed.access_log_group.present().cloned(),
            standard: observed.standard.present().cloned(),
            express: observed.express.present().cloned(),
            rest_api: observed.rest_api.present().or_else(|| sole(&observed.namesakes)).cloned(),
            resources: observed.resources.present().cloned().unwrap_or_default(),
            authorizers: observed.authorizers.present().cloned().unwrap_or_default(),
            request_validator: observed.request_validator.present().cloned().unwrap_or_default(),
            models: observed.models.present().cloned().unwrap_or_default(),
            gateway_responses: observed.gateway_responses.present().cloned().unwrap_or_default(),
            deployments: observed.deployments.present().cloned().unwrap_or_default(),
            stages: observed.stages.present().cloned().unwrap_or_default(),
            account: observed.account.present().cloned().unwrap_or_default(),
            api_keys: observed.api_keys.present().cloned().unwrap_or_default(),
            usage_plan_keys: keys_of_plan(observed),
            usage_plans: observed.usage_plans.present().cloned().unwrap_or_default(),
            ..Self::empty(site, now)
        }
    }

    /// Whether nothing exists.
    pub fn is_empty(&self) -> bool {
        let Self { gateway_role, workflow_role, log_group, access_log_group, standard, express, rest_api, .. } = self;
        let has_keys = !self.api_keys.is_empty() || !self.usage_plans.is_empty();
        gateway_role.is_none()
            && workflow_role.is_none()
            && log_group.is_none()
            && access_log_group.is_none()
            && standard.is_none()
            && express.is_none()
            && rest_api.is_none()
            && !has_keys
    }

    /// What a read would tell.
    pub fn read(&self, read: &Read) -> Fact {
        match read {
            Read::Role(purpose, _) => {
                let role = self.role(*purpose).clone();
                Fact::Role(*purpose, seen(role.map(|role| role::Observed { inline_policies: None, ..role })))
            }
            Read::RolePolicies(purpose, _) => {
                let ours = self.role(*purpose).as_ref().and_then(|role| role.permissions.as_ref());
                Fact::RolePolicies(*purpose, ours.map(|_| role::INLINE_POLICY.to_owned()).into_iter().collect())
            }
            Read::LogGroup(purpose, _) => {
                let found = match purpose {
                    log_group::Purpose::Workflow => &self.log_group,
                    log_group::Purpose::Access => &self.access_log_group,
                };
                Fact::LogGroup(*purpose, seen(found.clone()), self.access_log_group.is_some())
            }
            Read::StateMachine(type_, _) => Fact::StateMachine(*type_, seen(self.state_machine(*type_).clone())),
            Read::RestApis => Fact::RestApis(self.rest_apis()),
            Read::RestApisNamed(name) => {
                let nobodys = |api: &&rest_api::Observed| Owner::of(&api.tags).is_none() && api.name == *name;
                Fact::RestApisNamed(self.rest_api.iter().filter(nobodys).cloned().collect())
            }
            Read::RestApi(id) => {
                Fact::RestApis(self.rest_api.iter().filter(|found| found.id == *id).cloned().collect())
            }
            Read::Resources(_) => Fact::Resources(self.resources.clone()),
            Read::Authorizers(_) => Fact::Authorizers(self.authorizers.clone()),
            Read::RequestValidators(_) => Fact::RequestValidator(self.request_validator.clone()),
            Read::Models(_) => Fact::Models(self.models.clone()),
            Read::GatewayResponses(_) => Fact::GatewayResponses(self.gateway_responses.clone()),
            Read::Deployments(_) => Fact::Deployments(self.deployments.clone()),
            Read::Stages(_) => Fact::Stages(self.stages.clone()),
            Read::Account => Fact::Account(self.account.clone()),
            Read::ApiKeys => {
                let ours = self.api_keys.iter().filter(|(_, key)| Owner::of(&key.tags).is_some());
                Fact::ApiKeys(ours.map(|(id, key)| (id.clone(), key.clone())).collect())
            }
            Read::UsagePlans => {
                let ours = self.usage_plans.iter().filter(|(_, plan)| Owner::of(&plan.tags).is_some());
                Fact::UsagePlans(ours.map(|(id, plan)| (id.clone(), plan.clone())).collect())
            }
            Read::UsagePlanKeys(id) => Fact::UsagePlanKeys(self.usage_plan_keys.get(id).cloned().unwrap_or_default()),
        }
    }

    fn rest_apis(&self) -> Vec<rest_api::Observed> {
        let ours = |api: &&rest_api::Observed| Owner::of(&api.tags).is_some();
        let Some(kept) = self.rest_api.as_ref().filter(ours) else { return Vec::new() };
        let alone = rest_api::Observed { duplicates: Vec::new(), ..kept.clone() };
        let younger = |id: &String| rest_api::Observed { id: id.clone(), created_at: Timestamp::MAX, ..alone.clone() };
        [alone.clone()].into_iter().chain(kept.duplicates.iter().map(younger)).collect()
    }

    fn role(&self, purpose: role::Purpose) -> &Option<role::Observed> {
        match purpose {
            role::Purpose::Gateway => &self.gateway_role,
            role::Purpose::Workflow => &self.workflow_role,
        }
    }

    fn role_mut(&mut self, purpose: role::Purpose) -> &mut Option<role::Observed> {
        match purpose {
            role::Purpose::Gateway => &mut self.gateway_role,
            role::Purpose::Workflow => &mut self.workflow_role,
        }
    }

    fn state_machine(&self, type_: StateMachineType) -> &Option<state_machine::Observed> {
        match type_ {
            StateMachineType::Standard => &self.standard,
            StateMachineType::Express => &self.express,
        }
    }

    fn id(&mut self) -> String {
        self.ids += 1;
        format!("known-after-apply-{}", self.ids)
    }

    /// Does what AWS would do, and answers what it would answer.
    pub fn apply(&mut self, action: &Action) -> Answer {
        match action {
            Action::Role(purpose, action) => self.apply_role(*purpose, action),
            Action::LogGroup(purpose, action) => {
                let group = match purpose {
                    log_group::Purpose::Workflow => &mut self.log_group,
                    log_group::Purpose::Access => &mut self.access_log_group,
                };
                match action {
                    log_group::Action::DeleteLogGroup { .. } => *group = None,
                    action => change(group, |seen| log_group::fold(seen, action)),
                }
                Answer::Done
            }
            Action::StateMachine(type_, action) => {
                let machine = match type_ {
                    StateMachineType::Standard => &mut self.standard,
                    StateMachineType::Express => &mut self.express,
                };
                *machine = match action {
                    state_machine::Action::CreateStateMachine(want) => Some(state_machine::predicted(want)),
                    state_machine::Action::UpdateStateMachine { to: want, .. } => machine
                        .take()
                        .map(|found| state_machine::Observed { tags: found.tags, ..state_machine::predicted(want) }),
                    state_machine::Action::TagResource { tags, .. } => machine.take().map(|mut found| {
                        found.tags.extend(tags.clone());
                        found
                    }),
                    state_machine::Action::UntagResource { keys, .. } => machine.take().map(|mut found| {
                        found.tags.retain(|key, _| !keys.contains(key));
                        found
                    }),
                    state_machine::Action::DeleteStateMachine { .. } => None,
                };
                Answer::Done
            }
            Action::RestApi(action) => self.apply_rest_api(action),
            Action::Resource(action) => {
                let id = self.id();
                resource::fold(&mut self.resources, action, Some(id.clone()));
                Answer::Created(id)
            }
            Action::Authorizer(action) => {
                let id = self.id();
                authorizer::fold(&mut self.authorizers, action, Some(id.clone()));
                Answer::Created(id)
            }
            Action::RequestValidator(action) => {
                let id = self.id();
                request_validator::fold(&mut self.request_validator, action, Some(id.clone()));
                Answer::Created(id)
            }
            Action::Model(action) => {
                model::fold(&mut self.models, action);
                Answer::Done
            }
            Action::GatewayResponse(action) => {
                gateway_response::fold(&mut self.gateway_responses, action);
                Answer::Done
            }
            Action::Method(action) => {
                self.apply_method(action);
                Answer::Done
            }
            Action::Deployment(action) => {
                let id = self.id();
                deployment::fold(&mut self.deployments, action, Some(id.clone()));
                Answer::Created(id)
            }
            Action::Stage(action) => {
                stage::fold(&mut self.stages, action);
                Answer::Done
            }
            Action::Account(account::Action::UpdateAccount { cloudwatch_role_arn }) => {
                self.account.cloudwatch_role_arn = Some(cloudwatch_role_arn.to_string());
                Answer::Done
            }
            Action::ApiKey(action) => self.apply_api_key(action),
            Action::UsagePlan(action) => self.apply_usage_plan(action),
        }
    }

    /// A key that is deleted is in no plan any more; one that is let go is there still, and nobody's.
    fn apply_api_key(&mut self, action: &api_key::Action) -> Answer {
        if matches!(action, api_key::Action::CreateApiKey(_)) {
            let id = self.id();
            api_key::fold(&mut self.api_keys, action, Some(id.clone()));
            return Answer::Created(id);
        }
        match action {
            api_key::Action::UntagResource { id, keys, .. } => {
                if let Some(key) = self.api_keys.get_mut(id) {
                    key.tags.retain(|tag, _| !keys.contains(tag));
                }
            }
            action => api_key::fold(&mut self.api_keys, action, None),
        }
        if let api_key::Action::DeleteApiKey { id } = action {
            self.usage_plan_keys.values_mut().for_each(|keys| keys.retain(|key| key != id));
        }
        Answer::Done
    }

    fn apply_usage_plan(&mut self, action: &usage_plan::Action) -> Answer {
        if matches!(action, usage_plan::Action::CreateUsagePlan { .. }) {
            let id = self.id();
            usage_plan::fold(&mut self.usage_plans, action, Some(id.clone()));
            return Answer::Created(id);
        }
        match action {
            usage_plan::Action::UntagResource { id, keys, .. } => {
                if let Some(plan) = self.usage_plans.get_mut(id) {
                    plan.tags.retain(|tag, _| !keys.contains(tag));
                }
            }
            usage_plan::Action::CreateUsagePlanKey { id, key_id } => {
                self.usage_plan_keys.entry(id.clone()).or_default().insert(key_id.clone());
            }
            action => usage_plan::fold(&mut self.usage_plans, action, None),
        }
        Answer::Done
    }

    fn apply_role(&mut self, purpose: role::Purpose, action: &role::Action) -> Answer {
        let (now, site) = (self.now, self.site.clone());
        let role = self.role_mut(purpose);
        match action {
            role::Action::CreateRole(want) => {
                let Some(arn) = site.role_arn(&want.name) else { return Answer::Done };
                *role = Some(role::created(want, arn.clone(), now));
                Answer::Role { arn, created_at: now }
            }
            role::Action::DeleteRole { .. } => {
                *role = None;
                Answer::Done
            }
            action => {
                change(role, |seen| role::fold(seen, action));
                Answer::Done
            }
        }
    }

    fn apply_rest_api(&mut self, action: &rest_api::Action) -> Answer {
        match action {
            rest_api::Action::RecordIntent => Answer::Recorded(self.now),
            rest_api::Action::CreateRestApi(want) => {
                let (id, root_id, created_at) = (self.id(), self.id(), self.now);
                if let Some(first) = &mut self.rest_api {
                    first.duplicates.push(id.clone()); // names are not unique, and there is no token
                    return Answer::RestApi { id, root_id: Some(root_id), created_at };
                }
                self.rest_api = Some(rest_api::created(want, id.clone(), created_at));
                let root = resource::Resource { id: root_id.clone(), methods: BTreeMap::new() };
                self.resources = BTreeMap::from([("/".to_owned(), root)]);
                Answer::RestApi { id, root_id: Some(root_id), created_at }
            }
            rest_api::Action::UpdateRestApi { .. } => {
                change(&mut self.rest_api, |seen| rest_api::fold(seen, action));
                Answer::Done
            }
            rest_api::Action::TagResource { tags, .. } => {
                if let Some(found) = &mut self.rest_api {
                    found.tags.extend(tags.clone());
                }
                Answer::Done
            }
            rest_api::Action::UntagResource { keys, .. } => {
                if let Some(found) = &mut self.rest_api {
                    found.tags.retain(|key, _| !keys.contains(key));
                }
                Answer::Done
            }
            rest_api::Action::DeleteRestApi { id } => {
                match self.rest_api.as_mut().filter(|kept| kept.id != *id) {
                    Some(kept) => kept.duplicates.retain(|duplicate| duplicate != id),
                    None => {
                        let roles = (self.gateway_role.take(), self.workflow_role.take());
                        let machines = (self.standard.take(), self.express.take());
                        *self = Self {
                            ids: self.ids,
                            gateway_role: roles.0,
                            workflow_role: roles.1,
                            standard: machines.0,
                            express: machines.1,
                            log_group: self.log_group.take(),
                            access_log_group: self.access_log_group.take(),
                            account: self.account.clone(),
                            api_keys: std::mem::take(&mut self.api_keys),
                            usage_plans: std::mem::take(&mut self.usage_plans),
                            usage_plan_keys: std::mem::take(&mut self.usage_plan_keys),
                            ..Self::empty(self.site.clone(), self.now)
                        };
                    }
                }
                Answer::Done
            }
        }
    }

    /// An integration that is put anew is taken to have lost its responses: the worse of what AWS may do.
    fn apply_method(&mut self, action: &method::Action) {
        let Some(resource) = self.resources.get_mut(&action.at().path) else { return };
        if let method::Action::PutIntegration { integration, .. } = action
            && let Some(found) = resource.methods.get_mut(&action.at().method)
        {
            found.integration = Some(integration.clone());
            return;
        }
        method::fold(&mut resource.methods, action);
    }
}

/// The keys of the plan of which they were read.
fn keys_of_plan(observed: &Observed) -> BTreeMap<String, BTreeSet<String>> {
    let kept = observed.usage_plans.present().and_then(usage_plan::kept);
    let keys = observed.usage_plan_keys.present();
    kept.zip(keys).map(|((id, _), keys)| (id.clone(), keys.clone())).into_iter().collect()
}

/// The API that may be taken over.
fn sole(namesakes: &Seen<Vec<rest_api::Observed>>) -> Option<&rest_api::Observed> {
    match namesakes.present().map(Vec::as_slice) {
        Some([one]) => Some(one),
        Some(_) | None => None,
    }
}

fn seen<T>(object: Option<T>) -> Seen<T> {
    object.map_or(Seen::Absent, Seen::Present)
}

fn change<T: Clone>(object: &mut Option<T>, fold: impl FnOnce(&mut Seen<T>)) {
    let mut seen = seen(object.take());
    fold(&mut seen);
    *object = seen.present().cloned();
}
