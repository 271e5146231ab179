//! Every AWS call that the operator makes, reads included: its name, how often AWS allows it, and what IAM asks for it.
//!
//! One list: a call that isn't in it can't be made, and the operator's own IAM policy and rate limits are derived from it.

mod needs;
mod permission;
mod policy;

use std::fmt;

pub use permission::{Limit, Permission, Resource};
pub use policy::{Policy, Scope, matches, policy};

/// The list: each operation as the code, and as IAM's documentation and the metrics name it. API Gateway's IAM actions are HTTP verbs, and
/// its names here are those of its API.
macro_rules! operations {
    ($($operation:ident => $service:literal $name:literal,)*) => {
        /// One operation of AWS's API.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Operation {
            $(#[doc = concat!("`", $service, ":", $name, "`")] $operation,)*
        }

        impl Operation {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$operation,)*];

            /// The service and the operation, such as `states:CreateStateMachine`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$operation => concat!($service, ":", $name),)*
                }
            }
        }
    };
}

operations! {
    GetCallerIdentity => "sts" "GetCallerIdentity",
    GetRole => "iam" "GetRole",
    GetRolePolicy => "iam" "GetRolePolicy",
    ListAttachedRolePolicies => "iam" "ListAttachedRolePolicies",
    ListRolePolicies => "iam" "ListRolePolicies",
    CreateRole => "iam" "CreateRole",
    UpdateAssumeRolePolicy => "iam" "UpdateAssumeRolePolicy",
    PutRolePolicy => "iam" "PutRolePolicy",
    DeleteRolePolicy => "iam" "DeleteRolePolicy",
    AttachRolePolicy => "iam" "AttachRolePolicy",
    DetachRolePolicy => "iam" "DetachRolePolicy",
    PutRolePermissionsBoundary => "iam" "PutRolePermissionsBoundary",
    DeleteRolePermissionsBoundary => "iam" "DeleteRolePermissionsBoundary",
    DeleteRole => "iam" "DeleteRole",
    TagRole => "iam" "TagRole",
    UntagRole => "iam" "UntagRole",
    DescribeLogGroups => "logs" "DescribeLogGroups",
    ListTagsOfLogGroup => "logs" "ListTagsForResource",
    FilterLogEvents => "logs" "FilterLogEvents",
    CreateLogGroup => "logs" "CreateLogGroup",
    PutRetentionPolicy => "logs" "PutRetentionPolicy",
    DeleteLogGroup => "logs" "DeleteLogGroup",
    TagLogGroup => "logs" "TagResource",
    UntagLogGroup => "logs" "UntagResource",
    DescribeStateMachine => "states" "DescribeStateMachine",
    ListTagsOfStateMachine => "states" "ListTagsForResource",
    ListExecutions => "states" "ListExecutions",
    CreateStateMachine => "states" "CreateStateMachine",
    UpdateStateMachine => "states" "UpdateStateMachine",
    DeleteStateMachine => "states" "DeleteStateMachine",
    TagStateMachine => "states" "TagResource",
    UntagStateMachine => "states" "UntagResource",
    GetAccount => "apigateway" "GetAccount",
    UpdateAccount => "apigateway" "UpdateAccount",
    GetRestApis => "apigateway" "GetRestApis",
    CreateRestApi => "apigateway" "CreateRestApi",
    UpdateRestApi => "apigateway" "UpdateRestApi",
    DeleteRestApi => "apigateway" "DeleteRestApi",
    TagApiGateway => "apigateway" "TagResource",
    UntagApiGateway => "apigateway" "UntagResource",
    GetResources => "apigateway" "GetResources",
    CreateResource => "apigateway" "CreateResource",
    DeleteResource => "apigateway" "DeleteResource",
    GetAuthorizers => "apigateway" "GetAuthorizers",
    CreateAuthorizer => "apigateway" "CreateAuthorizer",
    UpdateAuthorizer => "apigateway" "UpdateAuthorizer",
    DeleteAuthorizer => "apigateway" "DeleteAuthorizer",
    GetRequestValidators => "apigateway" "GetRequestValidators",
    CreateRequestValidator => "apigateway" "CreateRequestValidator",
    UpdateRequestValidator => "apigateway" "UpdateRequestValidator",
    DeleteRequestValidator => "apigateway" "DeleteRequestValidator",
    GetModels => "apigateway" "GetModels",
    CreateModel => "apigateway" "CreateModel",
    UpdateModel => "apigateway" "UpdateModel",
    DeleteModel => "apigateway" "DeleteModel",
    GetGatewayResponses => "apigateway" "GetGatewayResponses",
    PutGatewayResponse => "apigateway" "PutGatewayResponse",
    DeleteGatewayResponse => "apigateway" "DeleteGatewayResponse",
    PutMethod => "apigateway" "PutMethod",
    DeleteMethod => "apigateway" "DeleteMethod",
    UpdateMethod => "apigateway" "UpdateMethod",
    PutIntegration => "apigateway" "PutIntegration",
    UpdateIntegration => "apigateway" "UpdateIntegration",
    PutMethodResponse => "apigateway" "PutMethodResponse",
    DeleteMethodResponse => "apigateway" "DeleteMethodResponse",
    PutIntegrationResponse => "apigateway" "PutIntegrationResponse",
    DeleteIntegrationResponse => "apigateway" "DeleteIntegrationResponse",
    GetDeployments => "apigateway" "GetDeployments",
    CreateDeployment => "apigateway" "CreateDeployment",
    UpdateDeployment => "apigateway" "UpdateDeployment",
    DeleteDeployment => "apigateway" "DeleteDeployment",
    GetStages => "apigateway" "GetStages",
    CreateStage => "apigateway" "CreateStage",
    UpdateStage => "apigateway" "UpdateStage",
    DeleteStage => "apigateway" "DeleteStage",
    GetApiKeys => "apigateway" "GetApiKeys",
    CreateApiKey => "apigateway" "CreateApiKey",
    UpdateApiKey => "apigateway" "UpdateApiKey",
    DeleteApiKey => "apigateway" "DeleteApiKey",
    GetUsagePlans => "apigateway" "GetUsagePlans",
    CreateUsagePlan => "apigateway" "CreateUsagePlan",
    UpdateUsagePlan => "apigateway" "UpdateUsagePlan",
    DeleteUsagePlan => "apigateway" "DeleteUsagePlan",
    GetUsagePlanKeys => "apigateway" "GetUsagePlanKeys",
    CreateUsagePlanKey => "apigateway" "CreateUsagePlanKey",
}

/// How often AWS allows a call in one account and Region: so many at once, and then one every `period_ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// The most calls at once.
    pub burst: u32,
    /// The time after which one more is allowed, in milliseconds.
    pub period_ms: u32,
}

/// All calls to API Gateway's management API together. Source: API Gateway quotas, 10 requests a second with a burst of 40, which AWS doesn't
/// raise.
pub const APIGATEWAY: Rate = Rate { burst: 40, period_ms: 100 };

/// From this period on a call's turn can take minutes, so that a pass asks for it before it starts, in place of waiting.
const SLOW_MS: u32 = 1_001;

impl Operation {
    /// The service, such as `states`.
    pub fn service(self) -> &'static str {
        self.parts().0
    }

    /// The operation alone, such as `CreateStateMachine`.
    pub fn action(self) -> &'static str {
        self.parts().1
    }

    fn parts(self) -> (&'static str, &'static str) {
        self.name().split_once(':').unwrap_or(("", self.name()))
    }

    /// The operation of this service and name, as an SDK knows them.
    pub fn find(service: &str, action: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|operation| operation.service() == service && operation.action() == action)
    }

    /// Whether it counts against [`APIGATEWAY`] as well.
    pub fn is_of_apigateway(self) -> bool {
        self.service() == "apigateway"
    }

    /// Whether it reads and never writes.
    pub fn is_read(self) -> bool {
        ["Get", "List", "Describe", "Filter"].iter().any(|verb| self.action().starts_with(verb))
    }

    /// Whether its turn can take minutes.
    pub fn is_slow(self) -> bool {
        self.rate().is_some_and(|rate| rate.period_ms >= SLOW_MS)
    }

    /// What AWS documents for this operation alone; nothing where it doesn't. Sources: API Gateway quotas, "Amazon API Gateway account-level
    /// quotas, per Region"; Step Functions quotas, "Quotas related to API action throttling" (of the Regions with the lower ones).
    pub fn rate(self) -> Option<Rate> {
        let rate = |burst, period_ms| Some(Rate { burst, period_ms });
        match self {
            Self::CreateRestApi => rate(1, 3_000),
            Self::DeleteRestApi => rate(1, 30_000),
            Self::CreateDeployment => rate(1, 5_000),
            Self::UpdateUsagePlan | Self::UpdateAccount => rate(1, 20_000),
            Self::CreateResource | Self::DeleteResource | Self::CreateApiKey | Self::DeleteApiKey => rate(5, 200),
            Self::GetResources => rate(5, 400),
            Self::CreateStateMachine | Self::UpdateStateMachine | Self::DeleteStateMachine => rate(100, 1_000),
            Self::DescribeStateMachine => rate(200, 50),
            Self::ListTagsOfStateMachine => rate(100, 1_000),
            Self::ListExecutions => rate(200, 200),
            Self::GetCallerIdentity
            | Self::GetRole
            | Self::GetRolePolicy
            | Self::ListAttachedRolePolicies
            | Self::ListRolePolicies
            | Self::CreateRole
            | Self::UpdateAssumeRolePolicy
            | Self::PutRolePolicy
            | Self::DeleteRolePolicy
            | Self::AttachRolePolicy
            | Self::DetachRolePolicy
            | Self::PutRolePermissionsBoundary
            | Self::DeleteRolePermissionsBoundary
            | Self::DeleteRole
            | Self::TagRole
            | Self::UntagRole
            | Self::DescribeLogGroups
            | Self::ListTagsOfLogGroup
            | Self::FilterLogEvents
            | Self::CreateLogGroup
            | Self::PutRetentionPolicy
            | Self::DeleteLogGroup
            | Self::TagLogGroup
            | Self::UntagLogGroup
            | Self::TagStateMachine
            | Self::UntagStateMachine
            | Self::TagApiGateway
            | Self::UntagApiGateway
            | Self::GetAccount
            | Self::GetRestApis
            | Self::UpdateRestApi
            | Self::GetAuthorizers
            | Self::CreateAuthorizer
            | Self::UpdateAuthorizer
            | Self::DeleteAuthorizer
            | Self::GetRequestValidators
            | Self::CreateRequestValidator
            | Self::UpdateRequestValidator
            | Self::DeleteRequestValidator
            | Self::GetModels
            | Self::CreateModel
            | Self::UpdateModel
            | Self::DeleteModel
            | Self::GetGatewayResponses
            | Self::PutGatewayResponse
            | Self::DeleteGatewayResponse
            | Self::PutMethod
            | Self::DeleteMethod
            | Self::UpdateMethod
            | Self::PutIntegration
            | Self::UpdateIntegration
            | Self::PutMethodResponse
            | Self::DeleteMethodResponse
            | Self::PutIntegrationResponse
            | Self::DeleteIntegrationResponse
            | Self::GetDeployments
            | Self::UpdateDeployment
            | Self::DeleteDeployment
            | Self::GetStages
            | Self::CreateStage
            | Self::UpdateStage
            | Self::DeleteStage
            | Self::GetApiKeys
            | Self::UpdateApiKey
            | Self::GetUsagePlans
            | Self::CreateUsagePlan
            | Self::DeleteUsagePlan
            | Self::GetUsagePlanKeys
            | Self::CreateUsagePlanKey => None,
        }
    }
}

/// The service and the operation, such as `states:CreateStateMachine`.
impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_is_named_once_and_found_by_its_name() {
        let names: BTreeSet<&str> = Operation::ALL.iter().map(|operation| operation.name()).collect();
        assert_eq!(names.len(), Operation::ALL.len());
        for operation in Operation::ALL.iter().copied() {
            assert_eq!(Operation::find(operation.service(), operation.action()), Some(operation));
        }
        assert_eq!(Operation::find("states", "StartExecution"), None);
    }

    #[test]
    fn a_turn_is_asked_for_what_aws_allows_less_than_once_a_second() {
        let slow: Vec<&str> =
            Operation::ALL.iter().filter(|operation| operation.is_slow()).map(|operation| operation.action()).collect();
        assert_eq!(slow, ["UpdateAccount", "CreateRestApi", "DeleteRestApi", "CreateDeployment", "UpdateUsagePlan"]);
        assert!(Operation::ALL.iter().all(|operation| !operation.is_slow() || operation.is_of_apigateway()));
    }
}
