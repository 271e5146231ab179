//! An AWS account at the level of one call, with its habits: names that are not unique, deletes that take their time, roles that can't be
//! assumed yet, stages that serve snapshots. Source: ../shared facts as cited in docs, AWS API references of each operation.

mod api;
mod iam;
mod keys;
mod machine;

use std::collections::BTreeMap;

use sfe::aws::Class;
use sfe_core::action::Action;
use sfe_core::kinds::{account, log_group, role, stage};
use sfe_core::next::Seen;
use sfe_core::observed::{Answer, Fact, Read};
use sfe_core::owner::{Owner, Site, Tags};

pub use api::{RestApi, api_of_authorizer, api_of_model, api_of_stage, api_of_validator, is_finished, is_our_method};
pub use machine::Machine;

use crate::time::{Millis, SECOND, timestamp};

/// What a call is refused with.
pub type Refused = (Class, String);

/// Everything that the account holds.
#[derive(Clone, Debug)]
pub struct Account {
    pub site: Site,
    pub now: Millis,
    /// How long a new role can't be assumed.
    pub propagation: Millis,
    /// How long the delete of a state machine takes.
    pub deleting: Millis,
    pub roles: BTreeMap<String, role::Observed>,
    pub log_groups: BTreeMap<String, log_group::Observed>,
    /// By ARN.
    pub machines: BTreeMap<String, Machine>,
    /// By id.
    pub apis: BTreeMap<String, RestApi>,
    /// The role by which API Gateway writes logs.
    pub cloudwatch_role: Option<String>,
    pub keys: keys::Keys,
    /// The first write that touched what is not ours.
    pub trespass: Option<String>,
    /// The first log group that was deleted while a stage logged to it.
    pub severed: Option<String>,
    /// The first deployment that was made too soon.
    pub hasty: Option<String>,
    ids: usize,
}

impl Account {
    pub fn new(site: Site) -> Self {
        Self {
            site,
            now: 0,
            propagation: 7 * SECOND,
            deleting: 20 * SECOND,
            roles: BTreeMap::new(),
            log_groups: BTreeMap::new(),
            machines: BTreeMap::new(),
            apis: BTreeMap::new(),
            cloudwatch_role: None,
            keys: keys::Keys::default(),
            trespass: None,
            severed: None,
            hasty: None,
            ids: 0,
        }
    }

    /// Time passes: what was being deleted goes.
    pub fn catch_up(&mut self, now: Millis) {
        self.now = now;
        self.machines.retain(|_, machine| machine.gone_at.is_none_or(|at| now < at));
    }

    pub fn read(&self, owner: &Owner, read: &Read) -> Result<Fact, Refused> {
        Ok(match read {
            Read::Role(purpose, name) => Fact::Role(*purpose, seen(self.roles.get(name).cloned())),
            Read::RolePolicies(purpose, name) => {
                let role = self.roles.get(name).ok_or_else(|| not_found("role", name))?;
                let ours = role.permissions.as_ref().map(|_| role::INLINE_POLICY.to_owned());
                Fact::RolePolicies(*purpose, ours.into_iter().collect())
            }
            Read::LogGroup(purpose, name) => {
                let has_access_log = self.log_groups.contains_key(&owner.access_log_group_name());
                Fact::LogGroup(*purpose, seen(self.log_groups.get(name).cloned()), has_access_log)
            }
            Read::StateMachine(type_, arn) => {
                let found = self.machines.get(arn.as_str()).map(|machine| machine.observed.clone());
                Fact::StateMachine(*type_, seen(found))
            }
            Read::RestApis => {
                let ours = self.apis.values().filter(|api| owner.owns(&api.tags));
                Fact::RestApis(ours.map(|api| api.observed.clone()).collect())
            }
            Read::RestApisNamed(name) => {
                let nobodys =
                    self.apis.values().filter(|api| Owner::of(&api.tags).is_none() && api.observed.name == *name);
                Fact::RestApisNamed(nobodys.map(|api| api.observed.clone()).collect())
            }
            Read::RestApi(id) => {
                Fact::RestApis(self.apis.get(id).map(|api| api.observed.clone()).into_iter().collect())
            }
            Read::Resources(id) => Fact::Resources(self.api(id)?.resources.clone()),
            Read::Authorizers(id) => Fact::Authorizers(self.api(id)?.authorizers.clone()),
            Read::RequestValidators(id) => Fact::RequestValidator(self.api(id)?.validator.clone()),
            Read::Models(id) => Fact::Models(self.api(id)?.models.clone()),
            Read::GatewayResponses(id) => Fact::GatewayResponses(self.api(id)?.gateway_responses.clone()),
            Read::Deployments(id) => Fact::Deployments(self.api(id)?.deployments()),
            Read::Stages(id) => Fact::Stages(self.api(id)?.stages.clone()),
            Read::Account => Fact::Account(account::Observed { cloudwatch_role_arn: self.cloudwatch_role.clone() }),
            Read::ApiKeys => Fact::ApiKeys(self.keys.of(owner)),
            Read::UsagePlans => Fact::UsagePlans(self.keys.plans_of(owner)),
            Read::UsagePlanKeys(id) => Fact::UsagePlanKeys(self.keys.bound.get(id).cloned().unwrap_or_default()),
        })
    }

    /// Does what the call says, or refuses it.
    pub fn apply(&mut self, action: &Action) -> Result<Answer, Refused> {
        match action {
            Action::Role(_, action) => self.apply_role(action),
            Action::LogGroup(_, action) => self.apply_log_group(action),
            Action::Account(action) => self.apply_account(action),
            Action::StateMachine(_, action) => self.apply_state_machine(action),
            Action::RestApi(action) => self.apply_rest_api(action),
            Action::Resource(action) => self.apply_resource(action),
            Action::Authorizer(action) => self.apply_authorizer(action),
            Action::RequestValidator(action) => self.apply_validator(action),
            Action::Model(action) => self.apply_model(action),
            Action::GatewayResponse(action) => self.apply_gateway_response(action),
            Action::Method(action) => self.apply_method(action),
            Action::Deployment(action) => self.apply_deployment(action),
            Action::Stage(action) => self.apply_stage(action),
            Action::ApiKey(action) => self.apply_api_key(action),
            Action::UsagePlan(action) => self.apply_usage_plan(action),
        }
    }

    fn apply_account(&mut self, action: &account::Action) -> Result<Answer, Refused> {
        let account::Action::UpdateAccount { cloudwatch_role_arn } = action;
        let before = self.cloudwatch_role.replace(cloudwatch_role_arn.to_string());
        if before.is_some_and(|before| before != cloudwatch_role_arn.as_str()) {
            self.trespass.get_or_insert("the account's role for logs was replaced".to_owned());
        }
        Ok(Answer::Done)
    }

    fn apply_log_group(&mut self, action: &log_group::Action) -> Result<Answer, Refused> {
        let name = action.log_group().to_owned();
        match (action, self.log_groups.get_mut(&name)) {
            (log_group::Action::CreateLogGroup(_), Some(_)) => return Err(exists("log group", &name)),
            (log_group::Action::CreateLogGroup(want), None) => {
                let created = log_group::Observed { retention_days: None, tags: want.tags.clone() };
                self.log_groups.insert(name, created);
            }
            (_, None) => return Err(not_found("log group", &name)),
            (log_group::Action::PutRetentionPolicy { retention_days, .. }, Some(found)) => {
                found.retention_days = Some(*retention_days);
                self.check_ours(&self.log_groups[&name].tags.clone(), action_name(&name));
            }
            (log_group::Action::TagResource { .. } | log_group::Action::UntagResource { .. }, Some(found)) => {
                let before = found.tags.clone();
                let mut changed = Seen::Present(found.clone());
                log_group::fold(&mut changed, action);
                found.tags = changed.present().map(|group| group.tags.clone()).unwrap_or_default();
                self.check_ours(&before, action_name(&name));
            }
            (log_group::Action::DeleteLogGroup { .. }, Some(_)) => {
                let stages = self.apis.values().flat_map(|api| api.stages.values());
                let logs = |stage: &stage::Stage| {
                    let to = stage.settings.access_log.as_ref().map(|log| log.destination_arn.ends_with(&name));
                    to == Some(true)
                };
                if stages.into_iter().any(logs) {
                    self.severed.get_or_insert(format!("{name} was deleted while a stage logs to it"));
                }
                let gone = self.log_groups.remove(&name);
                self.check_ours(&gone.map(|gone| gone.tags).unwrap_or_default(), action_name(&name));
            }
        }
        Ok(Answer::Done)
    }

    /// Notes a write on what doesn't carry an owner's tags.
    pub fn check_ours(&mut self, tags: &Tags, what: String) {
        if !is_ours(tags) {
            self.trespass.get_or_insert(what);
        }
    }

    pub fn id(&mut self) -> String {
        self.ids += 1;
        format!("id{}", self.ids)
    }

    pub fn api(&self, id: &str) -> Result<&RestApi, Refused> {
        self.apis.get(id).ok_or_else(|| not_found("REST API", id))
    }

    fn api_mut(&mut self, id: &str) -> Result<&mut RestApi, Refused> {
        self.apis.get_mut(id).ok_or_else(|| not_found("REST API", id))
    }

    /// Everything that carries the owner's tags, as a person names it.
    pub fn owned_by(&self, owner: &Owner) -> Vec<String> {
        let ours = |tags: &Tags| owner.owns(tags);
        let roles = self.roles.iter().filter(|(_, role)| ours(&role.tags)).map(|(name, _)| format!("role {name}"));
        let groups = self.log_groups.iter().filter(|(_, group)| ours(&group.tags));
        let groups = groups.map(|(name, _)| format!("log group {name}"));
        let machines = self.machines.iter().filter(|(_, machine)| ours(&machine.observed.tags));
        let machines = machines.map(|(arn, _)| format!("state machine {arn}"));
        let apis = self.apis.iter().filter(|(_, api)| ours(&api.tags)).map(|(id, _)| format!("REST API {id}"));
        let keys = self.keys.of(owner).into_keys().map(|id| format!("API key {id}"));
        let plans = self.keys.plans_of(owner).into_keys().map(|id| format!("usage plan {id}"));
        roles.chain(groups).chain(machines).chain(apis).chain(keys).chain(plans).collect()
    }

    /// The one API of an owner.
    pub fn api_of(&self, owner: &Owner) -> Option<&RestApi> {
        self.apis.values().find(|api| owner.owns(&api.tags))
    }

    pub fn created_now(&self) -> jiff::Timestamp {
        timestamp(self.now)
    }
}

/// The cluster id of the operators under test; whatever bears another, or none, is someone else's.
pub const CLUSTER: &str = "c1";

pub fn is_ours(tags: &Tags) -> bool {
    tags.get("sfe.dev/cluster").is_some_and(|cluster| cluster == CLUSTER)
}

fn action_name(name: &str) -> String {
    format!("{name} was written or deleted")
}

fn seen<T>(object: Option<T>) -> Seen<T> {
    object.map_or(Seen::Absent, Seen::Present)
}

fn not_found(kind: &str, name: &str) -> Refused {
    (Class::NotFound, format!("there is no {kind} {name}"))
}

fn exists(kind: &str, name: &str) -> Refused {
    (Class::Conflict, format!("{kind} {name} exists"))
}

fn refused(why: impl Into<String>) -> Refused {
    (Class::Conflict, why.into())
}
