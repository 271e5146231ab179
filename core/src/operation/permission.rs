//! What IAM asks for an operation. Source: Service Authorization Reference, "Actions, resources, and condition keys" of each service.
//!
//! - What changes something is limited to objects with the tags of this cluster, and what creates something to such that get them.
//! - What reads is limited by name alone: under a condition on its tags a read of what is gone would be denied, and denied isn't absent.

use super::Operation;

/// One IAM action on some resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    /// The action without its service, such as `CreateStateMachine`; of API Gateway the HTTP verb.
    pub action: &'static str,
    /// On what.
    pub resource: Resource,
    /// And where.
    pub limit: Limit,
}

/// The resources of a permission. Its service is that of their ARNs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// All roles: IAM knows no path, and so no ARN, of a role that does not exist.
    AnyRole,
    /// Roles that are named like ours, in any path: someone else's may be in the way.
    NamedRoles,
    /// Our roles.
    Roles,
    /// The roles that may be passed: ours, and those that manifests refer to.
    PassedRoles,
    /// All state machines: a manifest may refer to any.
    AnyStateMachine,
    /// State machines that are named like ours.
    StateMachines,
    /// All log groups: they are looked for by the beginning of their name.
    AnyLogGroup,
    /// Log groups that are named like ours.
    LogGroups,
    /// API Gateway's settings of the account, where the operator may set its role for CloudWatch Logs.
    Account,
    /// That role.
    CloudWatchRole,
    /// What is under this path of API Gateway, such as `/restapis/*/stages`.
    ApiGateway(&'static str),
    /// The same on the APIs of others that manifests name.
    OthersApis(&'static str),
}

/// Under which condition something is permitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Limit {
    /// Under none.
    None,
    /// That the new object gets the cluster's tag.
    RequestTag,
    /// That the object has the cluster's tag. On API Gateway what stands on an API inherits the API's tags.
    ResourceTag,
    /// That the role is passed to API Gateway or to Step Functions.
    PassedToService,
    /// That it is on an API of someone else's that a manifest may name.
    OthersApi,
    /// That the operator was told a role to set (`--cloudwatch-role-arn`): IAM knows no condition for it.
    CloudWatchRole,
}

impl Resource {
    /// The service of these resources, as it begins the names of IAM's actions.
    pub fn service(self) -> &'static str {
        match self {
            Self::AnyRole | Self::NamedRoles | Self::Roles | Self::PassedRoles | Self::CloudWatchRole => "iam",
            Self::AnyStateMachine | Self::StateMachines => "states",
            Self::AnyLogGroup | Self::LogGroups => "logs",
            Self::Account | Self::ApiGateway(_) | Self::OthersApis(_) => "apigateway",
        }
    }
}

/// Roles are passed by whoever names them in a call.
const PASS_ROLE: Permission =
    Permission { action: "PassRole", resource: Resource::PassedRoles, limit: Limit::PassedToService };
/// Tags of a new API or stage are set by this: it can't be limited to what carries our tags already.
const SET_TAGS: Permission =
    Permission { action: "PUT", resource: Resource::ApiGateway("/tags/*"), limit: Limit::None };

impl Operation {
    /// All that IAM asks for this operation; nothing for GetCallerIdentity, which needs no permission.
    pub fn permissions(self) -> Vec<Permission> {
        let alone = |resource, limit| vec![Permission { action: self.action(), resource, limit }];
        let tagged = |action, resource| {
            let limit = Limit::RequestTag;
            vec![Permission { action: self.action(), resource, limit }, Permission { action, resource, limit }]
        };
        let by_tag = if self.is_read() { Limit::None } else { Limit::ResourceTag };
        let on = |path| vec![self.on(path, by_tag)];
        match self {
            Self::GetCallerIdentity => Vec::new(),
            Self::GetRole => alone(Resource::AnyRole, Limit::None),
            Self::GetRolePolicy | Self::ListAttachedRolePolicies | Self::ListRolePolicies => {
                alone(Resource::NamedRoles, Limit::None)
            }
            Self::CreateRole => tagged("TagRole", Resource::Roles),
            Self::UpdateAssumeRolePolicy
            | Self::PutRolePolicy
            | Self::DeleteRolePolicy
            | Self::AttachRolePolicy
            | Self::DetachRolePolicy
            | Self::PutRolePermissionsBoundary
            | Self::DeleteRolePermissionsBoundary
            | Self::UntagRole
            | Self::DeleteRole => alone(Resource::Roles, Limit::ResourceTag),
            Self::TagRole => alone(Resource::Roles, Limit::RequestTag),
            Self::DescribeLogGroups => alone(Resource::AnyLogGroup, Limit::None),
            Self::ListTagsOfLogGroup | Self::FilterLogEvents => alone(Resource::LogGroups, Limit::None),
            Self::CreateLogGroup => tagged("TagResource", Resource::LogGroups),
            Self::PutRetentionPolicy | Self::UntagLogGroup | Self::DeleteLogGroup => {
                alone(Resource::LogGroups, Limit::ResourceTag)
            }
            Self::TagLogGroup => alone(Resource::LogGroups, Limit::RequestTag),
            Self::DescribeStateMachine | Self::ListExecutions => alone(Resource::AnyStateMachine, Limit::None),
            Self::ListTagsOfStateMachine => alone(Resource::StateMachines, Limit::None),
            Self::CreateStateMachine => [tagged("TagResource", Resource::StateMachines), vec![PASS_ROLE]].concat(),
            Self::UpdateStateMachine => [alone(Resource::StateMachines, Limit::ResourceTag), vec![PASS_ROLE]].concat(),
            Self::UntagStateMachine | Self::DeleteStateMachine => alone(Resource::StateMachines, Limit::ResourceTag),
            Self::TagStateMachine => alone(Resource::StateMachines, Limit::RequestTag),
            Self::GetAccount => on("/account"),
            Self::UpdateAccount => vec![
                Permission { action: "PATCH", resource: Resource::Account, limit: Limit::CloudWatchRole },
                Permission { resource: Resource::CloudWatchRole, ..PASS_ROLE },
            ],
            Self::GetRestApis => on("/restapis"),
            Self::CreateRestApi => vec![self.on("/restapis", Limit::RequestTag), SET_TAGS],
            Self::UpdateRestApi => {
                // A resource policy needs this too. A new API gets its policy by an update, as an API that isn't there yet has no tags.
                let policy = Permission { action: "UpdateRestApiPolicy", ..self.on("/restapis/*", by_tag) };
                vec![self.on("/restapis/*", by_tag), policy]
            }
            Self::DeleteRestApi => on("/restapis/*"),
            Self::TagApiGateway => vec![SET_TAGS],
            Self::UntagApiGateway => vec![Permission { action: "DELETE", ..SET_TAGS }],
            Self::GetResources => on("/restapis/*/resources"),
            Self::CreateResource | Self::DeleteResource => on("/restapis/*/resources/*"),
            Self::GetAuthorizers => on("/restapis/*/authorizers"),
            Self::CreateAuthorizer => [on("/restapis/*/authorizers"), vec![PASS_ROLE]].concat(),
            Self::UpdateAuthorizer => [on("/restapis/*/authorizers/*"), vec![PASS_ROLE]].concat(),
            Self::DeleteAuthorizer => on("/restapis/*/authorizers/*"),
            Self::GetRequestValidators | Self::CreateRequestValidator => on("/restapis/*/requestvalidators"),
            Self::UpdateRequestValidator | Self::DeleteRequestValidator => on("/restapis/*/requestvalidators/*"),
            Self::GetModels | Self::CreateModel => on("/restapis/*/models"),
            Self::UpdateModel | Self::DeleteModel => on("/restapis/*/models/*"),
            Self::GetGatewayResponses => on("/restapis/*/gatewayresponses"),
            Self::PutGatewayResponse | Self::DeleteGatewayResponse => on("/restapis/*/gatewayresponses/*"),
            Self::PutMethod | Self::UpdateMethod | Self::DeleteMethod => on("/restapis/*/resources/*/methods/*"),
            Self::PutIntegration | Self::UpdateIntegration => {
                [on("/restapis/*/resources/*/methods/*/integration"), vec![PASS_ROLE]].concat()
            }
            Self::PutMethodResponse | Self::DeleteMethodResponse => on("/restapis/*/resources/*/methods/*/responses/*"),
            Self::PutIntegrationResponse | Self::DeleteIntegrationResponse => {
                on("/restapis/*/resources/*/methods/*/integration/responses/*")
            }
            Self::GetDeployments | Self::CreateDeployment => on("/restapis/*/deployments"),
            Self::UpdateDeployment | Self::DeleteDeployment => on("/restapis/*/deployments/*"),
            Self::GetStages => on("/restapis/*/stages"),
            Self::CreateStage => [on("/restapis/*/stages"), vec![SET_TAGS]].concat(),
            Self::UpdateStage | Self::DeleteStage => on("/restapis/*/stages/*"),
            Self::GetApiKeys => on("/apikeys"),
            Self::CreateApiKey => vec![self.on("/apikeys", Limit::RequestTag), SET_TAGS],
            Self::UpdateApiKey | Self::DeleteApiKey => on("/apikeys/*"),
            Self::GetUsagePlans => on("/usageplans"),
            Self::CreateUsagePlan => vec![self.on("/usageplans", Limit::RequestTag), SET_TAGS],
            Self::UpdateUsagePlan | Self::DeleteUsagePlan => on("/usageplans/*"),
            Self::GetUsagePlanKeys | Self::CreateUsagePlanKey => on("/usageplans/*/keys"),
        }
    }

    /// What IAM asks beside that for an API of someone else's, which has none of our tags: for what is made, changed and deleted on it, and
    /// never for the API itself. A stage has tags of its own, so that only its creation is here.
    pub fn permissions_on_others_apis(self) -> Vec<Permission> {
        let on_an_api = |permission: &Permission| match permission.resource {
            Resource::ApiGateway(path) if permission.limit == Limit::ResourceTag => {
                let is_below = path.starts_with("/restapis/*/") && path != "/restapis/*/stages/*";
                is_below.then_some(Permission {
                    resource: Resource::OthersApis(path),
                    limit: Limit::OthersApi,
                    ..*permission
                })
            }
            _ => None,
        };
        self.permissions().iter().filter_map(on_an_api).collect()
    }

    /// API Gateway's IAM actions are the HTTP verbs of its operations.
    fn on(self, path: &'static str, limit: Limit) -> Permission {
        const VERBS: [(&str, &str); 4] = [("Get", "GET"), ("Create", "POST"), ("Put", "PUT"), ("Update", "PATCH")];
        let verb = VERBS.iter().find(|(prefix, _)| self.action().starts_with(prefix));
        let action = verb.map_or("DELETE", |(_, verb)| verb);
        Permission { action, resource: Resource::ApiGateway(path), limit }
    }
}
