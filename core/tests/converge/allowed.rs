//! What IAM would say: each call of a life, on the resource that it touches, against the policy that `sfe policy` prints. IAM's names are told
//! here from its documentation, and not by the list that the policy is made of.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;
use sfe_core::action::Action;
use sfe_core::kinds::{
    account, api_key, authorizer, deployment, gateway_response, log_group, method, model, request_validator, resource,
    rest_api, role, stage, state_machine, usage_plan,
};
use sfe_core::observed::Read;
use sfe_core::operation::{Operation, Scope, matches, policy};
use sfe_core::owner::{ROLE_PATH, Tags};
use sfe_core::predict::World;

use crate::manifests::{CLOUDWATCH_ROLE, EXISTING_ROLES, settings};
use crate::others;

/// One check that IAM makes.
#[derive(Clone)]
struct Check {
    action: String,
    resource: String,
    keys: BTreeMap<String, String>,
}

static OURS: LazyLock<Value> = LazyLock::new(|| of_cluster(&settings().cluster));
static ANOTHERS: LazyLock<Value> = LazyLock::new(|| of_cluster("another"));

fn of_cluster(cluster: &str) -> Value {
    let site = settings().site;
    let scope = Scope {
        partition: site.partition,
        account: site.account,
        regions: vec![site.region],
        cluster: cluster.to_owned(),
        passed_roles: EXISTING_ROLES.iter().map(|role| (*role).to_owned()).collect(),
        rest_apis: if cluster == settings().cluster { vec![others::API.to_owned()] } else { Vec::new() },
        cloudwatch_role: (cluster == settings().cluster).then(|| CLOUDWATCH_ROLE.to_owned()),
    };
    serde_json::to_value(policy(Operation::ALL, &scope)).unwrap()
}

/// Whether the operator may do this, and the operator of another cluster may not.
pub fn check(action: &Action, world: &World) -> Result<(), String> {
    let checks = checks(action, world);
    if let Some(denied) = checks.iter().find(|check| !check.is_allowed_by(&OURS)) {
        return Err(format!("{action} is denied: {} on {} with {:?}", denied.action, denied.resource, denied.keys));
    }
    // Tags on API Gateway are all that can't be limited by tags.
    let limited: Vec<&Check> = checks.iter().filter(|check| !check.resource.contains("::/tags/")).collect();
    let anothers = limited.iter().all(|check| check.is_allowed_by(&ANOTHERS));
    if anothers && !limited.is_empty() { Err(format!("{action} is allowed to another cluster")) } else { Ok(()) }
}

/// Whether the operator may read this.
pub fn check_read(read: &Read) -> Result<(), String> {
    let site = settings().site;
    let iam = |action: &str, name: &str| (format!("iam:{action}"), role_arn(name));
    let api = |path: String| ("apigateway:GET".to_owned(), gateway_arn(&path));
    let calls = match read {
        Read::Role(_, name) => {
            ["GetRole", "GetRolePolicy", "ListAttachedRolePolicies"].map(|action| iam(action, name)).to_vec()
        }
        Read::RolePolicies(_, name) => vec![iam("ListRolePolicies", name)],
        Read::LogGroup(_, name) => {
            let any = format!("arn:aws:logs:{}:{}:log-group:", site.region, site.account);
            let group = site.log_group_arn(name).unwrap().to_string();
            vec![("logs:DescribeLogGroups".to_owned(), any), ("logs:ListTagsForResource".to_owned(), group)]
        }
        Read::StateMachine(_, arn) => ["DescribeStateMachine", "ListTagsForResource", "ListExecutions"]
            .map(|action| (format!("states:{action}"), arn.to_string()))
            .to_vec(),
        Read::RestApis | Read::RestApisNamed(_) | Read::RestApi(_) => vec![api("/restapis".to_owned())],
        Read::Resources(id) => vec![api(format!("/restapis/{id}/resources"))],
        Read::Authorizers(id) => vec![api(format!("/restapis/{id}/authorizers"))],
        Read::RequestValidators(id) => vec![api(format!("/restapis/{id}/requestvalidators"))],
        Read::Models(id) => vec![api(format!("/restapis/{id}/models"))],
        Read::GatewayResponses(id) => vec![api(format!("/restapis/{id}/gatewayresponses"))],
        Read::Deployments(id) => vec![api(format!("/restapis/{id}/deployments"))],
        Read::Account => vec![api("/account".to_owned())],
        Read::ApiKeys => vec![api("/apikeys".to_owned())],
        Read::UsagePlans => vec![api("/usageplans".to_owned())],
        Read::UsagePlanKeys(id) => vec![api(format!("/usageplans/{id}/keys"))],
        Read::Stages(id) => vec![api(format!("/restapis/{id}/stages"))],
    };
    let checks = calls.into_iter().map(|(action, resource)| Check { action, resource, keys: BTreeMap::new() });
    match checks.into_iter().find(|check| !check.is_allowed_by(&OURS)) {
        Some(denied) => Err(format!("{read:?} is denied: {} on {}", denied.action, denied.resource)),
        None => Ok(()),
    }
}

impl Check {
    fn new(action: &str, resource: String) -> Self {
        Self { action: action.to_owned(), resource, keys: BTreeMap::new() }
    }

    /// With the tags of the request or of the resource.
    fn tagged(mut self, whose: &str, tags: &Tags) -> Self {
        self.keys.extend(tags.iter().map(|(key, value)| (format!("aws:{whose}Tag/{key}"), value.clone())));
        self
    }

    fn passing(role: &str, service: &str) -> Self {
        let mut check = Self::new("iam:PassRole", role.to_owned());
        check.keys.insert("iam:PassedToService".to_owned(), service.to_owned());
        check
    }

    fn is_allowed_by(&self, policy: &Value) -> bool {
        let list = |value: &Value| -> Vec<String> { serde_json::from_value(value.clone()).unwrap() };
        policy["Statement"].as_array().unwrap().iter().any(|statement| {
            assert_eq!(statement["Effect"], "Allow");
            let conditions = statement["Condition"].as_object().into_iter().flatten();
            let mut keys = conditions.flat_map(|(operator, keys)| {
                assert_eq!(operator, "StringEquals");
                keys.as_object().unwrap()
            });
            list(&statement["Action"]).contains(&self.action)
                && list(&statement["Resource"]).iter().any(|pattern| matches(pattern, &self.resource))
                && keys.all(|(key, values)| self.keys.get(key).is_some_and(|found| list(values).contains(found)))
        })
    }
}

fn role_arn(name: &str) -> String {
    format!("arn:aws:iam::{}:role{ROLE_PATH}{name}", settings().site.account)
}

fn gateway_arn(path: &str) -> String {
    format!("arn:aws:apigateway:{}::{path}", settings().site.region)
}

fn checks(action: &Action, world: &World) -> Vec<Check> {
    let nothing = Tags::new();
    match action {
        Action::Role(purpose, action) => {
            let found = match purpose {
                role::Purpose::Gateway => &world.gateway_role,
                role::Purpose::Workflow => &world.workflow_role,
            };
            on_role(action, found.as_ref().map_or(&nothing, |role| &role.tags))
        }
        Action::LogGroup(purpose, action) => {
            let group = match purpose {
                log_group::Purpose::Workflow => &world.log_group,
                log_group::Purpose::Access => &world.access_log_group,
            };
            let arn = settings().site.log_group_arn(action.log_group()).unwrap().to_string();
            let tags = group.as_ref().map_or(&nothing, |group| &group.tags);
            match action {
                log_group::Action::CreateLogGroup(want) => ["logs:CreateLogGroup", "logs:TagResource"]
                    .map(|action| Check::new(action, arn.clone()).tagged("Request", &want.tags))
                    .into(),
                log_group::Action::PutRetentionPolicy { .. } => {
                    vec![Check::new("logs:PutRetentionPolicy", arn).tagged("Resource", tags)]
                }
                log_group::Action::TagResource { tags, .. } => {
                    vec![Check::new("logs:TagResource", arn).tagged("Request", tags)]
                }
                log_group::Action::UntagResource { .. } => {
                    vec![Check::new("logs:UntagResource", arn).tagged("Resource", tags)]
                }
                log_group::Action::DeleteLogGroup { .. } => {
                    vec![Check::new("logs:DeleteLogGroup", arn).tagged("Resource", tags)]
                }
            }
        }
        Action::StateMachine(_, action) => {
            let arn = action.arn().to_string();
            let found = if arn.contains("-express-") { &world.express } else { &world.standard };
            let tags = found.as_ref().map_or(&nothing, |machine| &machine.tags);
            match action {
                state_machine::Action::CreateStateMachine(want) => {
                    let tagged = |action| Check::new(action, arn.clone()).tagged("Request", &want.tags);
                    let passed = Check::passing(want.role_arn.as_str(), "states.amazonaws.com");
                    vec![tagged("states:CreateStateMachine"), tagged("states:TagResource"), passed]
                }
                state_machine::Action::UpdateStateMachine { to, .. } => {
                    let passed = Check::passing(to.role_arn.as_str(), "states.amazonaws.com");
                    vec![Check::new("states:UpdateStateMachine", arn).tagged("Resource", tags), passed]
                }
                state_machine::Action::TagResource { tags, .. } => {
                    vec![Check::new("states:TagResource", arn).tagged("Request", tags)]
                }
                state_machine::Action::UntagResource { .. } => {
                    vec![Check::new("states:UntagResource", arn).tagged("Resource", tags)]
                }
                state_machine::Action::DeleteStateMachine { .. } => {
                    vec![Check::new("states:DeleteStateMachine", arn).tagged("Resource", tags)]
                }
            }
        }
        Action::Account(account::Action::UpdateAccount { cloudwatch_role_arn }) => vec![
            Check::new("apigateway:PATCH", gateway_arn("/account")),
            Check::passing(cloudwatch_role_arn.as_str(), "apigateway.amazonaws.com"),
        ],
        action => on_api(action, world),
    }
}

fn on_role(action: &role::Action, tags: &Tags) -> Vec<Check> {
    let arn = role_arn(action.role());
    let change = |name: &str| vec![Check::new(&format!("iam:{name}"), arn.clone()).tagged("Resource", tags)];
    match action {
        role::Action::CreateRole(want) => ["iam:CreateRole", "iam:TagRole"]
            .map(|action| Check::new(action, arn.clone()).tagged("Request", &want.tags))
            .into(),
        role::Action::UpdateAssumeRolePolicy { .. } => change("UpdateAssumeRolePolicy"),
        role::Action::PutRolePolicy { .. } => change("PutRolePolicy"),
        role::Action::DeleteRolePolicy { .. } => change("DeleteRolePolicy"),
        role::Action::AttachRolePolicy { .. } => change("AttachRolePolicy"),
        role::Action::DetachRolePolicy { .. } => change("DetachRolePolicy"),
        role::Action::PutRolePermissionsBoundary { .. } => change("PutRolePermissionsBoundary"),
        role::Action::DeleteRolePermissionsBoundary { .. } => change("DeleteRolePermissionsBoundary"),
        role::Action::TagRole { tags, .. } => vec![Check::new("iam:TagRole", arn.clone()).tagged("Request", tags)],
        role::Action::UntagRole { .. } => change("UntagRole"),
        role::Action::DeleteRole { .. } => change("DeleteRole"),
    }
}

/// What stands on an API inherits its tags.
fn on_api(action: &Action, world: &World) -> Vec<Check> {
    let is_theirs = world.rest_api.as_ref().is_some_and(|api| api.id == others::API);
    let ours = if is_theirs { Tags::new() } else { Tags::from([("sfe.dev/cluster".to_owned(), settings().cluster)]) };
    let on = |verb: &str, path: String| {
        vec![Check::new(&format!("apigateway:{verb}"), gateway_arn(&path)).tagged("Resource", &ours)]
    };
    let tags = |verb: &str, arn: &str| {
        let path = format!("/tags/{}", arn.replace([':', '/'], "%"));
        Check::new(&format!("apigateway:{verb}"), gateway_arn(&path))
    };
    let set_tags = |arn: String| tags("PUT", &arn);
    match action {
        Action::RestApi(rest_api::Action::CreateRestApi(want)) => {
            let create = Check::new("apigateway:POST", gateway_arn("/restapis")).tagged("Request", &want.tags);
            vec![create, set_tags(gateway_arn("/restapis/new"))]
        }
        Action::RestApi(rest_api::Action::TagResource { arn, .. })
        | Action::Stage(stage::Action::TagResource { arn, .. }) => vec![tags("PUT", arn)],
        Action::RestApi(rest_api::Action::UntagResource { arn, .. })
        | Action::Stage(stage::Action::UntagResource { arn, .. }) => vec![tags("DELETE", arn)],
        Action::RestApi(rest_api::Action::UpdateRestApi { id, changes, .. }) => {
            let mut checks = on("PATCH", format!("/restapis/{id}"));
            if changes.has("policy") {
                checks.extend(on("UpdateRestApiPolicy", format!("/restapis/{id}")));
            }
            checks
        }
        Action::RestApi(rest_api::Action::DeleteRestApi { id }) => on("DELETE", format!("/restapis/{id}")),
        Action::Resource(resource::Action::CreateResource { rest_api_id: id, parent_id, .. }) => {
            on("POST", format!("/restapis/{id}/resources/{parent_id}"))
        }
        Action::Resource(resource::Action::DeleteResource { rest_api_id: id, resource_id, .. }) => {
            on("DELETE", format!("/restapis/{id}/resources/{resource_id}"))
        }
        Action::Authorizer(authorizer::Action::CreateAuthorizer { rest_api_id, settings, .. }) => {
            let create = on("POST", format!("/restapis/{rest_api_id}/authorizers"));
            [create, passing(settings)].concat()
        }
        Action::Authorizer(authorizer::Action::UpdateAuthorizer { rest_api_id, id, to, .. }) => {
            let update = on("PATCH", format!("/restapis/{rest_api_id}/authorizers/{id}"));
            [update, passing(to)].concat()
        }
        Action::Authorizer(authorizer::Action::DeleteAuthorizer { rest_api_id, id, .. }) => {
            on("DELETE", format!("/restapis/{rest_api_id}/authorizers/{id}"))
        }
        Action::RequestValidator(request_validator::Action::CreateRequestValidator { rest_api_id }) => {
            on("POST", format!("/restapis/{rest_api_id}/requestvalidators"))
        }
        Action::RequestValidator(request_validator::Action::UpdateRequestValidator { rest_api_id, id, .. }) => {
            on("PATCH", format!("/restapis/{rest_api_id}/requestvalidators/{id}"))
        }
        Action::RequestValidator(request_validator::Action::DeleteRequestValidator { rest_api_id, id }) => {
            on("DELETE", format!("/restapis/{rest_api_id}/requestvalidators/{id}"))
        }
        Action::Model(model::Action::CreateModel { rest_api_id, .. }) => {
            on("POST", format!("/restapis/{rest_api_id}/models"))
        }
        Action::Model(model::Action::UpdateModel { rest_api_id, name, .. }) => {
            on("PATCH", format!("/restapis/{rest_api_id}/models/{name}"))
        }
        Action::Model(model::Action::DeleteModel { rest_api_id, name }) => {
            on("DELETE", format!("/restapis/{rest_api_id}/models/{name}"))
        }
        Action::GatewayResponse(gateway_response::Action::PutGatewayResponse { rest_api_id, type_, .. }) => {
            on("PUT", format!("/restapis/{rest_api_id}/gatewayresponses/{type_}"))
        }
        Action::GatewayResponse(gateway_response::Action::DeleteGatewayResponse { rest_api_id, type_ }) => {
            on("DELETE", format!("/restapis/{rest_api_id}/gatewayresponses/{type_}"))
        }
        Action::Method(action) => on_method(action, &on),
        Action::Deployment(deployment::Action::CreateDeployment { rest_api_id, .. }) => {
            on("POST", format!("/restapis/{rest_api_id}/deployments"))
        }
        Action::Deployment(deployment::Action::UpdateDeployment { rest_api_id, id, .. }) => {
            on("PATCH", format!("/restapis/{rest_api_id}/deployments/{id}"))
        }
        Action::Deployment(deployment::Action::DeleteDeployment { rest_api_id, id }) => {
            on("DELETE", format!("/restapis/{rest_api_id}/deployments/{id}"))
        }
        Action::Stage(stage::Action::CreateStage { rest_api_id, want, .. }) => {
            let mut checks = on("POST", format!("/restapis/{rest_api_id}/stages"));
            checks.push(set_tags(gateway_arn(&format!("/restapis/{rest_api_id}/stages/{}", want.name))));
            checks
        }
        Action::Stage(stage::Action::UpdateStage { rest_api_id, name, .. }) => {
            of_stage(on("PATCH", format!("/restapis/{rest_api_id}/stages/{name}")), name, world)
        }
        Action::Stage(stage::Action::DeleteStage { rest_api_id, name }) => {
            of_stage(on("DELETE", format!("/restapis/{rest_api_id}/stages/{name}")), name, world)
        }
        Action::ApiKey(action) => on_key(action, world, tags),
        Action::UsagePlan(action) => on_plan(action, world, tags),
        Action::RestApi(rest_api::Action::RecordIntent)
        | Action::Role(..)
        | Action::LogGroup(..)
        | Action::Account(_)
        | Action::StateMachine(..) => Vec::new(),
    }
}

fn on_key(action: &api_key::Action, world: &World, tagging: impl Fn(&str, &str) -> Check) -> Vec<Check> {
    let of = |verb: &str, id: &String| {
        let tags = world.api_keys.get(id).map(|key| key.tags.clone()).unwrap_or_default();
        vec![
            Check::new(&format!("apigateway:{verb}"), gateway_arn(&format!("/apikeys/{id}"))).tagged("Resource", &tags),
        ]
    };
    match action {
        api_key::Action::CreateApiKey(want) => {
            let create = Check::new("apigateway:POST", gateway_arn("/apikeys")).tagged("Request", &want.tags);
            vec![create, tagging("PUT", &gateway_arn("/apikeys/new"))]
        }
        api_key::Action::UpdateApiKey { id, .. } => of("PATCH", id),
        api_key::Action::UntagResource { arn, .. } => vec![tagging("DELETE", arn)],
        api_key::Action::DeleteApiKey { id } => of("DELETE", id),
    }
}

fn on_plan(action: &usage_plan::Action, world: &World, tagging: impl Fn(&str, &str) -> Check) -> Vec<Check> {
    let of = |verb: &str, id: &String, below: &str| {
        let tags = world.usage_plans.get(id).map(|plan| plan.tags.clone()).unwrap_or_default();
        let path = gateway_arn(&format!("/usageplans/{id}{below}"));
        vec![Check::new(&format!("apigateway:{verb}"), path).tagged("Resource", &tags)]
    };
    match action {
        usage_plan::Action::CreateUsagePlan { want, .. } => {
            let create = Check::new("apigateway:POST", gateway_arn("/usageplans")).tagged("Request", &want.tags);
            vec![create, tagging("PUT", &gateway_arn("/usageplans/new"))]
        }
        usage_plan::Action::UpdateUsagePlan { id, .. } => of("PATCH", id, ""),
        usage_plan::Action::CreateUsagePlanKey { id, .. } => of("POST", id, "/keys"),
        usage_plan::Action::UntagResource { arn, .. } => vec![tagging("DELETE", arn)],
        usage_plan::Action::DeleteUsagePlan { id } => of("DELETE", id, ""),
    }
}

fn passing(settings: &authorizer::Settings) -> Vec<Check> {
    settings.credentials.iter().map(|role| Check::passing(role, "apigateway.amazonaws.com")).collect()
}

/// A stage has tags of its own, beside those of its API.
fn of_stage(checks: Vec<Check>, name: &str, world: &World) -> Vec<Check> {
    let tags = world.stages.get(name).map(|stage| stage.tags.clone()).unwrap_or_default();
    checks.into_iter().map(|check| check.tagged("Resource", &tags)).collect()
}

fn on_method(action: &method::Action, on: &impl Fn(&str, String) -> Vec<Check>) -> Vec<Check> {
    let method::Place { rest_api_id, resource_id, method, .. } = action.at();
    let base = format!("/restapis/{rest_api_id}/resources/{resource_id}/methods/{method}");
    match action {
        method::Action::PutMethod { .. } => on("PUT", base),
        method::Action::UpdateMethod { .. } => on("PATCH", base),
        method::Action::DeleteMethod { .. } => on("DELETE", base),
        method::Action::PutIntegration { integration, .. } => {
            let mut checks = on("PUT", format!("{base}/integration"));
            if !integration.credentials.is_empty() {
                checks.push(Check::passing(&integration.credentials, "apigateway.amazonaws.com"));
            }
            checks
        }
        method::Action::UpdateIntegration { to, .. } => {
            let mut checks = on("PATCH", format!("{base}/integration"));
            checks.push(Check::passing(&to.credentials, "apigateway.amazonaws.com"));
            checks
        }
        method::Action::PutMethodResponse { status, .. } => on("PUT", format!("{base}/responses/{status}")),
        method::Action::DeleteMethodResponse { status, .. } => on("DELETE", format!("{base}/responses/{status}")),
        method::Action::PutIntegrationResponse { status, .. } => {
            on("PUT", format!("{base}/integration/responses/{status}"))
        }
        method::Action::DeleteIntegrationResponse { status, .. } => {
            on("DELETE", format!("{base}/integration/responses/{status}"))
        }
    }
}
