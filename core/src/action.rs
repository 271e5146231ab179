//! An Action is one write: a plain value named after its AWS operation, from which the printed plan, the metric and the order on one API
//! are derived.

use std::fmt;

use crate::api::StateMachineType;
use crate::change::{Changes, cut};
use crate::kinds::{
    account, api_key, authorizer, deployment, gateway_response, log_group, method, model, request_validator, resource,
    rest_api, role, stage, state_machine, usage_plan,
};
use crate::operation::Operation;

/// One write, of one kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// On an IAM role.
    Role(role::Purpose, role::Action),
    /// On a log group.
    LogGroup(log_group::Purpose, log_group::Action),
    /// On a state machine.
    StateMachine(StateMachineType, state_machine::Action),
    /// On the REST API itself.
    RestApi(rest_api::Action),
    /// On a resource of the API.
    Resource(resource::Action),
    /// On an authorizer of the API.
    Authorizer(authorizer::Action),
    /// On the API's request validator.
    RequestValidator(request_validator::Action),
    /// On a model of the API.
    Model(model::Action),
    /// On a gateway response of the API.
    GatewayResponse(gateway_response::Action),
    /// On a method of the API.
    Method(method::Action),
    /// On a deployment of the API.
    Deployment(deployment::Action),
    /// On a stage of the API.
    Stage(stage::Action),
    /// On API Gateway's settings of the account.
    Account(account::Action),
    /// On an API key.
    ApiKey(api_key::Action),
    /// On a usage plan.
    UsagePlan(usage_plan::Action),
}

impl Action {
    /// The AWS operation as it is told, such as `states:CreateStateMachine`; the record of an intent, which is none of AWS's, as
    /// `sfe:RecordIntent`.
    pub fn name(&self) -> &'static str {
        self.operation().map_or("sfe:RecordIntent", Operation::name)
    }

    /// The AWS operation; none for the record of an intent, which the cluster makes.
    pub fn operation(&self) -> Option<Operation> {
        Some(match self {
            Self::Role(_, action) => role_operation(action),
            Self::LogGroup(_, log_group::Action::CreateLogGroup(_)) => Operation::CreateLogGroup,
            Self::LogGroup(_, log_group::Action::PutRetentionPolicy { .. }) => Operation::PutRetentionPolicy,
            Self::LogGroup(_, log_group::Action::DeleteLogGroup { .. }) => Operation::DeleteLogGroup,
            Self::StateMachine(_, state_machine::Action::CreateStateMachine(_)) => Operation::CreateStateMachine,
            Self::StateMachine(_, state_machine::Action::UpdateStateMachine { .. }) => Operation::UpdateStateMachine,
            Self::LogGroup(_, log_group::Action::TagResource { .. }) => Operation::TagLogGroup,
            Self::StateMachine(_, state_machine::Action::TagResource { .. }) => Operation::TagStateMachine,
            Self::RestApi(rest_api::Action::TagResource { .. }) => Operation::TagApiGateway,
            Self::Stage(stage::Action::TagResource { .. }) => Operation::TagApiGateway,
            Self::LogGroup(_, log_group::Action::UntagResource { .. }) => Operation::UntagLogGroup,
            Self::StateMachine(_, state_machine::Action::UntagResource { .. }) => Operation::UntagStateMachine,
            Self::StateMachine(_, state_machine::Action::DeleteStateMachine { .. }) => Operation::DeleteStateMachine,
            Self::RestApi(rest_api::Action::RecordIntent) => return None,
            Self::RestApi(rest_api::Action::CreateRestApi(_)) => Operation::CreateRestApi,
            Self::RestApi(rest_api::Action::UpdateRestApi { .. }) => Operation::UpdateRestApi,
            Self::RestApi(rest_api::Action::UntagResource { .. }) => Operation::UntagApiGateway,
            Self::RestApi(rest_api::Action::DeleteRestApi { .. }) => Operation::DeleteRestApi,
            Self::Resource(resource::Action::CreateResource { .. }) => Operation::CreateResource,
            Self::Resource(resource::Action::DeleteResource { .. }) => Operation::DeleteResource,
            Self::Authorizer(authorizer::Action::CreateAuthorizer { .. }) => Operation::CreateAuthorizer,
            Self::Authorizer(authorizer::Action::UpdateAuthorizer { .. }) => Operation::UpdateAuthorizer,
            Self::Authorizer(authorizer::Action::DeleteAuthorizer { .. }) => Operation::DeleteAuthorizer,
            Self::RequestValidator(action) => validator_operation(action),
            Self::Model(model::Action::CreateModel { .. }) => Operation::CreateModel,
            Self::Model(model::Action::UpdateModel { .. }) => Operation::UpdateModel,
            Self::Model(model::Action::DeleteModel { .. }) => Operation::DeleteModel,
            Self::GatewayResponse(gateway_response::Action::PutGatewayResponse { .. }) => Operation::PutGatewayResponse,
            Self::GatewayResponse(gateway_response::Action::DeleteGatewayResponse { .. }) => {
                Operation::DeleteGatewayResponse
            }
            Self::Method(action) => method_operation(action),
            Self::Deployment(deployment::Action::CreateDeployment { .. }) => Operation::CreateDeployment,
            Self::Deployment(deployment::Action::UpdateDeployment { .. }) => Operation::UpdateDeployment,
            Self::Deployment(deployment::Action::DeleteDeployment { .. }) => Operation::DeleteDeployment,
            Self::Stage(stage::Action::CreateStage { .. }) => Operation::CreateStage,
            Self::Stage(stage::Action::UpdateStage { .. }) => Operation::UpdateStage,
            Self::Stage(stage::Action::UntagResource { .. }) => Operation::UntagApiGateway,
            Self::Stage(stage::Action::DeleteStage { .. }) => Operation::DeleteStage,
            Self::Account(account::Action::UpdateAccount { .. }) => Operation::UpdateAccount,
            Self::ApiKey(api_key::Action::CreateApiKey(_)) => Operation::CreateApiKey,
            Self::ApiKey(api_key::Action::UpdateApiKey { .. }) => Operation::UpdateApiKey,
            Self::ApiKey(api_key::Action::UntagResource { .. }) => Operation::UntagApiGateway,
            Self::ApiKey(api_key::Action::DeleteApiKey { .. }) => Operation::DeleteApiKey,
            Self::UsagePlan(action) => plan_operation(action),
        })
    }

    /// The call whose turn must have come before this is done, as it may take minutes. An intent is recorded only for a call that is made at
    /// once.
    pub fn slow_call(&self) -> Option<Operation> {
        let call = match self {
            Self::RestApi(rest_api::Action::RecordIntent) => Some(Operation::CreateRestApi),
            action => action.operation(),
        };
        call.filter(|operation| operation.is_slow())
    }

    /// The object that is written, as a person names it. After a failure nothing more is done to the same object in that pass.
    pub fn object(&self) -> String {
        match self {
            Self::Role(_, action) => format!("role {}", action.role()),
            Self::LogGroup(purpose, action) => format!("{} {}", purpose.object(), action.log_group()),
            Self::StateMachine(_, action) => {
                format!("state machine {}", action.arn().resource().trim_start_matches("stateMachine:"))
            }
            Self::RestApi(action) => match action {
                rest_api::Action::RecordIntent => "REST API".to_owned(),
                rest_api::Action::CreateRestApi(want) => format!("REST API {}", want.name),
                rest_api::Action::UpdateRestApi { id, .. }
                | rest_api::Action::TagResource { id, .. }
                | rest_api::Action::UntagResource { id, .. }
                | rest_api::Action::DeleteRestApi { id } => format!("REST API {id}"),
            },
            Self::Resource(action) => format!("resource {}", action.path()),
            Self::Authorizer(action) => format!("authorizer {}", action.name()),
            Self::RequestValidator(_) => format!("request validator {}", request_validator::NAME),
            Self::Model(action) => format!("model {}", action.name()),
            Self::GatewayResponse(action) => format!("gateway response {}", action.type_()),
            Self::Method(action) => {
                let method::Place { path, method, .. } = action.at();
                format!("method {method} {path}")
            }
            Self::Deployment(deployment::Action::CreateDeployment { hash, .. }) => format!("deployment of {hash}"),
            Self::Deployment(
                deployment::Action::UpdateDeployment { id, .. } | deployment::Action::DeleteDeployment { id, .. },
            ) => format!("deployment {id}"),
            Self::Stage(action) => format!("stage {}", action.name()),
            Self::Account(_) => "account settings of API Gateway".to_owned(),
            Self::ApiKey(action) => action.object(),
            Self::UsagePlan(action) => action.object(),
        }
    }

    /// Whether this writes to a REST API: API Gateway answers ConflictException to two at a time on one.
    pub fn is_on_rest_api(&self) -> bool {
        match self {
            Self::Role(..)
            | Self::LogGroup(..)
            | Self::StateMachine(..)
            | Self::Account(_)
            | Self::ApiKey(_)
            | Self::UsagePlan(usage_plan::Action::CreateUsagePlanKey { .. }) => false,
            // A plan names a stage: what becomes of both at a time isn't documented.
            Self::UsagePlan(_)
            | Self::RestApi(_)
            | Self::Resource(_)
            | Self::Authorizer(_)
            | Self::RequestValidator(_)
            | Self::Model(_)
            | Self::GatewayResponse(_)
            | Self::Method(_)
            | Self::Deployment(_)
            | Self::Stage(_) => true,
        }
    }

    /// What differs, for an action that puts something back.
    pub fn changes(&self) -> Option<&Changes> {
        match self {
            Self::Role(_, action) => match action {
                role::Action::UpdateAssumeRolePolicy { changes, .. }
                | role::Action::PutRolePolicy { changes, .. }
                | role::Action::PutRolePermissionsBoundary { changes, .. } => Some(changes),
                role::Action::CreateRole(_)
                | role::Action::DeleteRolePolicy { .. }
                | role::Action::AttachRolePolicy { .. }
                | role::Action::DetachRolePolicy { .. }
                | role::Action::DeleteRolePermissionsBoundary { .. }
                | role::Action::TagRole { .. }
                | role::Action::UntagRole { .. }
                | role::Action::DeleteRole { .. } => None,
            },
            Self::Method(action) => match action {
                method::Action::DeleteMethod { changes, .. }
                | method::Action::PutIntegration { changes, .. }
                | method::Action::UpdateIntegration { changes, .. }
                | method::Action::PutIntegrationResponse { changes, .. } => Some(changes),
                method::Action::PutMethod { .. }
                | method::Action::UpdateMethod { .. }
                | method::Action::PutMethodResponse { .. }
                | method::Action::DeleteMethodResponse { .. }
                | method::Action::DeleteIntegrationResponse { .. } => None,
            },
            Self::LogGroup(_, log_group::Action::PutRetentionPolicy { changes, .. })
            | Self::StateMachine(_, state_machine::Action::UpdateStateMachine { changes, .. })
            | Self::RestApi(rest_api::Action::UpdateRestApi { changes, .. })
            | Self::Authorizer(authorizer::Action::UpdateAuthorizer { changes, .. })
            | Self::RequestValidator(request_validator::Action::UpdateRequestValidator { changes, .. })
            | Self::Model(model::Action::UpdateModel { changes, .. })
            | Self::GatewayResponse(gateway_response::Action::PutGatewayResponse { changes, .. })
            | Self::Stage(stage::Action::UpdateStage { changes, .. })
            | Self::ApiKey(api_key::Action::UpdateApiKey { changes, .. })
            | Self::UsagePlan(usage_plan::Action::UpdateUsagePlan { changes, .. }) => Some(changes),
            Self::LogGroup(..)
            | Self::StateMachine(..)
            | Self::Account(_)
            | Self::RestApi(_)
            | Self::Resource(_)
            | Self::Authorizer(_)
            | Self::RequestValidator(_)
            | Self::Model(_)
            | Self::GatewayResponse(_)
            | Self::Deployment(_)
            | Self::Stage(_)
            | Self::ApiKey(_)
            | Self::UsagePlan(_) => None,
        }
    }
}

fn role_operation(action: &role::Action) -> Operation {
    match action {
        role::Action::CreateRole(_) => Operation::CreateRole,
        role::Action::UpdateAssumeRolePolicy { .. } => Operation::UpdateAssumeRolePolicy,
        role::Action::PutRolePolicy { .. } => Operation::PutRolePolicy,
        role::Action::DeleteRolePolicy { .. } => Operation::DeleteRolePolicy,
        role::Action::AttachRolePolicy { .. } => Operation::AttachRolePolicy,
        role::Action::DetachRolePolicy { .. } => Operation::DetachRolePolicy,
        role::Action::PutRolePermissionsBoundary { .. } => Operation::PutRolePermissionsBoundary,
        role::Action::DeleteRolePermissionsBoundary { .. } => Operation::DeleteRolePermissionsBoundary,
        role::Action::TagRole { .. } => Operation::TagRole,
        role::Action::UntagRole { .. } => Operation::UntagRole,
        role::Action::DeleteRole { .. } => Operation::DeleteRole,
    }
}

fn plan_operation(action: &usage_plan::Action) -> Operation {
    match action {
        usage_plan::Action::CreateUsagePlan { .. } => Operation::CreateUsagePlan,
        usage_plan::Action::UpdateUsagePlan { .. } => Operation::UpdateUsagePlan,
        usage_plan::Action::CreateUsagePlanKey { .. } => Operation::CreateUsagePlanKey,
        usage_plan::Action::UntagResource { .. } => Operation::UntagApiGateway,
        usage_plan::Action::DeleteUsagePlan { .. } => Operation::DeleteUsagePlan,
    }
}

fn validator_operation(action: &request_validator::Action) -> Operation {
    match action {
        request_validator::Action::CreateRequestValidator { .. } => Operation::CreateRequestValidator,
        request_validator::Action::UpdateRequestValidator { .. } => Operation::UpdateRequestValidator,
        request_validator::Action::DeleteRequestValidator { .. } => Operation::DeleteRequestValidator,
    }
}

fn method_operation(action: &method::Action) -> Operation {
    match action {
        method::Action::PutMethod { .. } => Operation::PutMethod,
        method::Action::DeleteMethod { .. } => Operation::DeleteMethod,
        method::Action::UpdateMethod { .. } => Operation::UpdateMethod,
        method::Action::PutIntegration { .. } => Operation::PutIntegration,
        method::Action::UpdateIntegration { .. } => Operation::UpdateIntegration,
        method::Action::PutMethodResponse { .. } => Operation::PutMethodResponse,
        method::Action::DeleteMethodResponse { .. } => Operation::DeleteMethodResponse,
        method::Action::PutIntegrationResponse { .. } => Operation::PutIntegrationResponse,
        method::Action::DeleteIntegrationResponse { .. } => Operation::DeleteIntegrationResponse,
    }
}

/// One line of a plan: the operation, the object and what differs.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name(), self.object())?;
        match self.changes() {
            Some(changes) if !changes.is_empty() => write!(f, ": {}", cut(&changes.to_string(), 400)),
            Some(_) | None => Ok(()),
        }
    }
}
