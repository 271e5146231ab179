//! What an earlier pass observed tells whether there is anything to do, and what. What is about to be written is read again before.

use crate::action::Action;
use crate::api::StateMachineType;
use crate::kinds::{authorizer, log_group, model, request_validator, resource, role};
use crate::next::Seen;
use crate::observed::Observed;

/// A part of what is observed that is read again before it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// A role with its policies.
    Role(role::Purpose),
    /// A log group.
    LogGroup(log_group::Purpose),
    /// Our state machine of this type.
    StateMachine(StateMachineType),
    /// The REST API. Where it is ours still, everything on it is.
    RestApi,
    /// Its resources with their methods.
    Resources,
    /// API Gateway's settings of the account.
    Account,
    /// Our API keys.
    ApiKeys,
    /// Our usage plans, with the keys of the one that is kept.
    UsagePlans,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Role(role::Purpose::Gateway),
        Self::Role(role::Purpose::Workflow),
        Self::LogGroup(log_group::Purpose::Workflow),
        Self::LogGroup(log_group::Purpose::Access),
        Self::StateMachine(StateMachineType::Standard),
        Self::StateMachine(StateMachineType::Express),
        Self::RestApi,
        Self::Resources,
        Self::Account,
        Self::ApiKeys,
        Self::UsagePlans,
    ];
}

/// What must have been read in the same pass as this is done.
pub fn before(action: &Action) -> Vec<Part> {
    match action {
        Action::Role(purpose, _) => vec![Part::Role(*purpose)],
        Action::LogGroup(purpose, _) => vec![Part::LogGroup(*purpose)],
        Action::StateMachine(type_, _) => vec![Part::StateMachine(*type_)],
        Action::Account(_) => vec![Part::Account],
        Action::ApiKey(_) => vec![Part::ApiKeys],
        Action::UsagePlan(_) => vec![Part::RestApi, Part::ApiKeys, Part::UsagePlans],
        // What a method uses is deleted: by then none may.
        Action::Authorizer(authorizer::Action::DeleteAuthorizer { .. })
        | Action::RequestValidator(request_validator::Action::DeleteRequestValidator { .. })
        | Action::Model(model::Action::DeleteModel { .. })
        | Action::Resource(resource::Action::DeleteResource { .. }) => vec![Part::RestApi, Part::Resources],
        // All methods are read after a deployment was made of them, and before its stage serves it.
        Action::RestApi(_)
        | Action::Resource(_)
        | Action::Authorizer(_)
        | Action::RequestValidator(_)
        | Action::Model(_)
        | Action::Method(_)
        | Action::GatewayResponse(_)
        | Action::Deployment(_)
        | Action::Stage(_) => vec![Part::RestApi],
    }
}

impl Observed {
    /// The same, but for what the status says by now.
    pub fn recalled(self, status: Self) -> Self {
        let Self { intent, told_adoption, rest_api_in_status, in_doubt, .. } = status;
        Self { intent, told_adoption, rest_api_in_status, in_doubt, ..self }
    }

    /// This part is to be read again.
    pub fn forget(&mut self, part: Part) {
        match part {
            Part::Role(role::Purpose::Gateway) => self.gateway_role = Seen::Unknown,
            Part::Role(role::Purpose::Workflow) => self.workflow_role = Seen::Unknown,
            Part::LogGroup(log_group::Purpose::Workflow) => self.log_group = Seen::Unknown,
            Part::LogGroup(log_group::Purpose::Access) => self.access_log_group = Seen::Unknown,
            Part::Account => self.account = Seen::Unknown,
            Part::StateMachine(StateMachineType::Standard) => self.standard = Seen::Unknown,
            Part::StateMachine(StateMachineType::Express) => self.express = Seen::Unknown,
            Part::RestApi => self.rest_api = Seen::Unknown,
            Part::Resources => self.resources = Seen::Unknown,
            Part::ApiKeys => self.api_keys = Seen::Unknown,
            Part::UsagePlans => {
                self.usage_plans = Seen::Unknown;
                self.usage_plan_keys = Seen::Unknown;
            }
        }
    }

    /// All that stands on a REST API is to be read again.
    pub fn forget_all_on_rest_api(&mut self) {
        self.resources = Seen::Unknown;
        self.authorizers = Seen::Unknown;
        self.request_validator = Seen::Unknown;
        self.models = Seen::Unknown;
        self.deployments = Seen::Unknown;
        self.stages = Seen::Unknown;
    }
}
