//! An Action is one write: a plain value named after its AWS operation, from which the printed plan, the metric and the order on one API
//! are derived.

use std::fmt;

use crate::api::StateMachineType;
use crate::change::{Changes, cut};
use crate::kinds::{
    authorizer, deployment, log_group, method, model, request_validator, resource, rest_api, role, stage, state_machine,
};

/// One write, of one kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// On an IAM role.
    Role(role::Purpose, role::Action),
    /// On the log group.
    LogGroup(log_group::Action),
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
    /// On a method of the API.
    Method(method::Action),
    /// On a deployment of the API.
    Deployment(deployment::Action),
    /// On a stage of the API.
    Stage(stage::Action),
}

impl Action {
    /// The AWS operation as IAM and the metrics name it, such as `states:CreateStateMachine`.
    pub fn operation(&self) -> &'static str {
        match self {
            Self::Role(_, action) => role_operation(action),
            Self::LogGroup(log_group::Action::CreateLogGroup(_)) => "logs:CreateLogGroup",
            Self::LogGroup(log_group::Action::PutRetentionPolicy { .. }) => "logs:PutRetentionPolicy",
            Self::LogGroup(log_group::Action::DeleteLogGroup { .. }) => "logs:DeleteLogGroup",
            Self::StateMachine(_, state_machine::Action::CreateStateMachine(_)) => "states:CreateStateMachine",
            Self::StateMachine(_, state_machine::Action::UpdateStateMachine { .. }) => "states:UpdateStateMachine",
            Self::LogGroup(log_group::Action::TagResource { .. }) => "logs:TagResource",
            Self::StateMachine(_, state_machine::Action::TagResource { .. }) => "states:TagResource",
            Self::RestApi(rest_api::Action::TagResource { .. }) => "apigateway:TagResource",
            Self::Stage(stage::Action::TagResource { .. }) => "apigateway:TagResource",
            Self::LogGroup(log_group::Action::UntagResource { .. }) => "logs:UntagResource",
            Self::StateMachine(_, state_machine::Action::UntagResource { .. }) => "states:UntagResource",
            Self::StateMachine(_, state_machine::Action::DeleteStateMachine { .. }) => "states:DeleteStateMachine",
            Self::RestApi(rest_api::Action::RecordIntent) => "sfe:RecordIntent",
            Self::RestApi(rest_api::Action::CreateRestApi(_)) => "apigateway:CreateRestApi",
            Self::RestApi(rest_api::Action::UpdateRestApi { .. }) => "apigateway:UpdateRestApi",
            Self::RestApi(rest_api::Action::UntagResource { .. }) => "apigateway:UntagResource",
            Self::RestApi(rest_api::Action::DeleteRestApi { .. }) => "apigateway:DeleteRestApi",
            Self::Resource(resource::Action::CreateResource { .. }) => "apigateway:CreateResource",
            Self::Resource(resource::Action::DeleteResource { .. }) => "apigateway:DeleteResource",
            Self::Authorizer(authorizer::Action::CreateAuthorizer { .. }) => "apigateway:CreateAuthorizer",
            Self::Authorizer(authorizer::Action::UpdateAuthorizer { .. }) => "apigateway:UpdateAuthorizer",
            Self::Authorizer(authorizer::Action::DeleteAuthorizer { .. }) => "apigateway:DeleteAuthorizer",
            Self::RequestValidator(action) => validator_operation(action),
            Self::Model(model::Action::CreateModel { .. }) => "apigateway:CreateModel",
            Self::Model(model::Action::UpdateModel { .. }) => "apigateway:UpdateModel",
            Self::Model(model::Action::DeleteModel { .. }) => "apigateway:DeleteModel",
            Self::Method(action) => method_operation(action),
            Self::Deployment(deployment::Action::CreateDeployment { .. }) => "apigateway:CreateDeployment",
            Self::Deployment(deployment::Action::DeleteDeployment { .. }) => "apigateway:DeleteDeployment",
            Self::Stage(stage::Action::CreateStage { .. }) => "apigateway:CreateStage",
            Self::Stage(stage::Action::UpdateStage { .. }) => "apigateway:UpdateStage",
            Self::Stage(stage::Action::UntagResource { .. }) => "apigateway:UntagResource",
            Self::Stage(stage::Action::DeleteStage { .. }) => "apigateway:DeleteStage",
        }
    }

    /// The object that is written, as a person names it. After a failure nothing more is done to the same object in that pass.
    pub fn object(&self) -> String {
        match self {
            Self::Role(_, action) => format!("role {}", action.role()),
            Self::LogGroup(action) => format!("log group {}", action.log_group()),
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
            Self::Method(action) => {
                let method::Place { path, method, .. } = action.at();
                format!("method {method} {path}")
            }
            Self::Deployment(deployment::Action::CreateDeployment { hash, .. }) => format!("deployment of {hash}"),
            Self::Deployment(deployment::Action::DeleteDeployment { id, .. }) => format!("deployment {id}"),
            Self::Stage(action) => format!("stage {}", action.name()),
        }
    }

    /// Whether this writes to a REST API: API Gateway answers ConflictException to two at a time on one.
    pub fn is_on_rest_api(&self) -> bool {
        match self {
            Self::Role(..) | Self::LogGroup(_) | Self::StateMachine(..) => false,
            Self::RestApi(_)
            | Self::Resource(_)
            | Self::Authorizer(_)
            | Self::RequestValidator(_)
            | Self::Model(_)
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
                | method::Action::PutIntegrationResponse { changes, .. } => Some(changes),
                method::Action::PutMethod { .. }
                | method::Action::UpdateMethod { .. }
                | method::Action::PutMethodResponse { .. }
                | method::Action::DeleteMethodResponse { .. }
                | method::Action::DeleteIntegrationResponse { .. } => None,
            },
            Self::LogGroup(log_group::Action::PutRetentionPolicy { changes, .. })
            | Self::StateMachine(_, state_machine::Action::UpdateStateMachine { changes, .. })
            | Self::RestApi(rest_api::Action::UpdateRestApi { changes, .. })
            | Self::Authorizer(authorizer::Action::UpdateAuthorizer { changes, .. })
            | Self::RequestValidator(request_validator::Action::UpdateRequestValidator { changes, .. })
            | Self::Model(model::Action::UpdateModel { changes, .. })
            | Self::Stage(stage::Action::UpdateStage { changes, .. }) => Some(changes),
            Self::LogGroup(_)
            | Self::StateMachine(..)
            | Self::RestApi(_)
            | Self::Resource(_)
            | Self::Authorizer(_)
            | Self::RequestValidator(_)
            | Self::Model(_)
            | Self::Deployment(_)
            | Self::Stage(_) => None,
        }
    }
}

fn role_operation(action: &role::Action) -> &'static str {
    match action {
        role::Action::CreateRole(_) => "iam:CreateRole",
        role::Action::UpdateAssumeRolePolicy { .. } => "iam:UpdateAssumeRolePolicy",
        role::Action::PutRolePolicy { .. } => "iam:PutRolePolicy",
        role::Action::DeleteRolePolicy { .. } => "iam:DeleteRolePolicy",
        role::Action::AttachRolePolicy { .. } => "iam:AttachRolePolicy",
        role::Action::DetachRolePolicy { .. } => "iam:DetachRolePolicy",
        role::Action::PutRolePermissionsBoundary { .. } => "iam:PutRolePermissionsBoundary",
        role::Action::DeleteRolePermissionsBoundary { .. } => "iam:DeleteRolePermissionsBoundary",
        role::Action::TagRole { .. } => "iam:TagRole",
        role::Action::UntagRole { .. } => "iam:UntagRole",
        role::Action::DeleteRole { .. } => "iam:DeleteRole",
    }
}

fn validator_operation(action: &request_validator::Action) -> &'static str {
    match action {
        request_validator::Action::CreateRequestValidator { .. } => "apigateway:CreateRequestValidator",
        request_validator::Action::UpdateRequestValidator { .. } => "apigateway:UpdateRequestValidator",
        request_validator::Action::DeleteRequestValidator { .. } => "apigateway:DeleteRequestValidator",
    }
}

fn method_operation(action: &method::Action) -> &'static str {
    match action {
        method::Action::PutMethod { .. } => "apigateway:PutMethod",
        method::Action::DeleteMethod { .. } => "apigateway:DeleteMethod",
        method::Action::UpdateMethod { .. } => "apigateway:UpdateMethod",
        method::Action::PutIntegration { .. } => "apigateway:PutIntegration",
        method::Action::PutMethodResponse { .. } => "apigateway:PutMethodResponse",
        method::Action::DeleteMethodResponse { .. } => "apigateway:DeleteMethodResponse",
        method::Action::PutIntegrationResponse { .. } => "apigateway:PutIntegrationResponse",
        method::Action::DeleteIntegrationResponse { .. } => "apigateway:DeleteIntegrationResponse",
    }
}

/// One line of a plan: the operation, the object and what differs.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.operation(), self.object())?;
        match self.changes() {
            Some(changes) if !changes.is_empty() => write!(f, ": {}", cut(&changes.to_string(), 400)),
            Some(_) | None => Ok(()),
        }
    }
}
