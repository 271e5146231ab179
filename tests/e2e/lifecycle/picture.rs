//! What AWS holds for one endpoint, in a form by which two moments can be compared: no ids and no times.

use std::collections::BTreeMap;

use aws_sdk_apigateway::types::{Authorizer, AuthorizerType, EndpointType, Method, Stage};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use sfe_core::api::StateMachineType;
use sfe_core::kinds::role::INLINE_POLICY;
use sfe_core::owner::Owner;

use super::fixtures::state_machine_arn;
use crate::world::World;

/// ```text
/// {"api": {"name": "shop-orders", "disableExecuteApiEndpoint": false,
///          "authorizers": {"sfe-cognito-...": {"type": "COGNITO_USER_POOLS", ...}}, "stages": {"prod": "sfe 0123456789"}, "settings": {"prod": {"tracingEnabled": false, ...}},
///          "methods": {"POST /orders": {"authorizationType": "NONE", "authorizer": null, "scopes": [], ...}}},
///  "roles": {"gateway": {"trust": {...}, "permissions": {...}, "inline": [...], "managed": [...], "boundary": null}, "workflow": ...},
///  "logGroup": {"retentionInDays": 14, "tags": {...}}, "accessLogGroup": null,
///  "stateMachines": {"STANDARD": {"definition": {...}, "roleArn": "arn:...", "level": "ERROR", ...}, "EXPRESS": null}}
/// ```
pub async fn of(world: &World, owner: &Owner) -> Value {
    json!({
        "api": api(world, owner).await,
        "roles": {
            "gateway": role(world, &owner.gateway_role_name()).await,
            "workflow": role(world, &owner.workflow_role_name()).await,
        },
        "logGroup": log_group(world, &owner.log_group_name()).await,
        "accessLogGroup": log_group(world, &owner.access_log_group_name()).await,
        "stateMachines": {
            "STANDARD": state_machine(world, &state_machine_arn(owner, StateMachineType::Standard)).await,
            "EXPRESS": state_machine(world, &state_machine_arn(owner, StateMachineType::Express)).await,
        },
    })
}

/// The id of the one REST API that is tagged with this owner.
pub async fn api_id(world: &World, owner: &Owner) -> Option<String> {
    let apis = world.apigateway.get_rest_apis().limit(500).send().await.unwrap();
    let mut ours = apis.items().iter().filter(|api| {
        let tags: BTreeMap<String, String> = api.tags().cloned().unwrap_or_default().into_iter().collect();
        owner.owns(&tags)
    });
    let found = ours.next()?;
    assert!(ours.next().is_none(), "several REST APIs belong to {owner:?}");
    found.id().map(str::to_owned)
}

async fn api(world: &World, owner: &Owner) -> Value {
    let Some(id) = api_id(world, owner).await else { return Value::Null };
    let gateway = &world.apigateway;
    let api = gateway.get_rest_api().rest_api_id(&id).send().await.unwrap();
    let authorizers = gateway.get_authorizers().rest_api_id(&id).send().await.unwrap();
    let names: BTreeMap<&str, &str> =
        authorizers.items().iter().filter_map(|found| found.id().zip(found.name())).collect();
    let authorizers: Map<String, Value> = authorizers
        .items()
        .iter()
        .map(|found| (found.name().unwrap_or_default().to_owned(), authorizer(found)))
        .collect();
    let responses = gateway.get_gateway_responses().rest_api_id(&id).send().await.unwrap();
    let responses: Map<String, Value> = responses
        .items()
        .iter()
        .filter(|found| !found.default_response())
        .map(|found| {
            let parameters: BTreeMap<_, _> = found.response_parameters().into_iter().flatten().collect();
            let templates: BTreeMap<_, _> = found.response_templates().into_iter().flatten().collect();
            let said = json!({ "status": found.status_code(), "parameters": parameters, "templates": templates });
            (found.response_type().map(|type_| type_.as_str().to_owned()).unwrap_or_default(), said)
        })
        .collect();
    let resources = gateway.get_resources().rest_api_id(&id).embed("methods").limit(500).send().await.unwrap();
    let mut methods = Map::new();
    for resource in resources.items() {
        for (name, found) in resource.resource_methods().into_iter().flatten() {
            methods.insert(format!("{name} {}", resource.path().unwrap_or_default()), method(found, &names));
        }
    }
    let deployments = gateway.get_deployments().rest_api_id(&id).send().await.unwrap();
    let served = |id: Option<&str>| {
        let found = deployments.items().iter().find(|deployment| deployment.id() == id);
        found.and_then(|deployment| deployment.description()).map(str::to_owned)
    };
    let stages = gateway.get_stages().rest_api_id(&id).send().await.unwrap();
    let settings: Map<String, Value> = stages
        .item()
        .iter()
        .map(|stage| (stage.stage_name().unwrap_or_default().to_owned(), settings(stage)))
        .collect();
    let stages: Map<String, Value> = stages
        .item()
        .iter()
        .map(|stage| (stage.stage_name().unwrap_or_default().to_owned(), json!(served(stage.deployment_id()))))
        .collect();
    json!({
        "name": api.name(),
        "disableExecuteApiEndpoint": api.disable_execute_api_endpoint(),
        "endpointType": api.endpoint_configuration().and_then(|found| found.types().first()).map(EndpointType::as_str),
        "minimumCompressionSize": api.minimum_compression_size(),
        "binaryMediaTypes": Some(api.binary_media_types().join(" ")).filter(|types| !types.is_empty()),
        "policy": api.policy().filter(|policy| !policy.is_empty()),
        "authorizers": authorizers,
        "methods": methods,
        "gatewayResponses": responses,
        "stages": stages,
        "settings": settings,
    })
}

fn settings(found: &Stage) -> Value {
    let variables: BTreeMap<_, _> = found.variables().cloned().unwrap_or_default().into_iter().collect();
    let methods: Map<String, Value> = found
        .method_settings()
        .into_iter()
        .flatten()
        .map(|(key, found)| {
            let settings = json!({
                "throttlingRateLimit": found.throttling_rate_limit(),
                "throttlingBurstLimit": found.throttling_burst_limit(),
                "metricsEnabled": found.metrics_enabled(),
                "loggingLevel": found.logging_level(),
                "dataTraceEnabled": found.data_trace_enabled(),
            });
            (key.clone(), settings)
        })
        .collect();
    let access_log = found.access_log_settings();
    let access_log = access_log.map(|log| json!({ "destinationArn": log.destination_arn(), "format": log.format() }));
    json!({
        "tracingEnabled": found.tracing_enabled(),
        "variables": variables,
        "methods": methods,
        "accessLog": access_log,
    })
}

fn authorizer(found: &Authorizer) -> Value {
    json!({
        "type": found.r#type().map(AuthorizerType::as_str),
        "providerARNs": found.provider_arns(),
        "authorizerUri": found.authorizer_uri(),
        "authorizerCredentials": found.authorizer_credentials(),
        "identitySource": found.identity_source(),
        "identityValidationExpression": found.identity_validation_expression(),
        "authorizerResultTtlInSeconds": found.authorizer_result_ttl_in_seconds(),
    })
}

fn method(found: &Method, authorizers: &BTreeMap<&str, &str>) -> Value {
    let integration = found.method_integration().map(|found| {
        let responses = found.integration_responses().into_iter().flatten();
        let responses: Map<String, Value> = responses
            .map(|(status, found)| {
                let template = found.response_templates().and_then(|templates| templates.get("application/json"));
                (status.clone(), json!({ "pattern": found.selection_pattern(), "template": template }))
            })
            .collect();
        json!({
            "uri": found.uri(),
            "credentials": found.credentials(),
            "passthroughBehavior": found.passthrough_behavior(),
            "template": found.request_templates().and_then(|templates| templates.get("application/json")),
            "responses": responses,
        })
    });
    let parameters: BTreeMap<_, _> = found.request_parameters().cloned().unwrap_or_default().into_iter().collect();
    let models: BTreeMap<_, _> = found.request_models().cloned().unwrap_or_default().into_iter().collect();
    json!({
        "operationName": found.operation_name(),
        "authorizationType": found.authorization_type(),
        "apiKeyRequired": found.api_key_required(),
        "authorizer": found.authorizer_id().map(|id| authorizers.get(id)),
        "scopes": found.authorization_scopes(),
        "parameters": parameters,
        "models": models,
        "integration": integration,
    })
}

async fn role(world: &World, name: &str) -> Value {
    let Ok(answer) = world.iam.get_role().role_name(name).send().await else { return Value::Null };
    let role = answer.role().unwrap();
    let permissions = world.iam.get_role_policy().role_name(name).policy_name(INLINE_POLICY).send().await;
    let inline = world.iam.list_role_policies().role_name(name).send().await.unwrap();
    let attached = world.iam.list_attached_role_policies().role_name(name).send().await.unwrap();
    let mut managed: Vec<_> = attached.attached_policies().iter().filter_map(|policy| policy.policy_arn()).collect();
    managed.sort_unstable();
    let tags: BTreeMap<_, _> = role.tags().iter().map(|tag| (tag.key(), tag.value())).collect();
    json!({
        "arn": role.arn(),
        "trust": role.assume_role_policy_document().map(document),
        "permissions": permissions.ok().map(|answer| document(answer.policy_document())),
        "inline": inline.policy_names(),
        "managed": managed,
        "boundary": role.permissions_boundary().and_then(|boundary| boundary.permissions_boundary_arn()),
        "tags": tags,
    })
}

/// A policy document, which IAM answers percent-encoded.
fn document(text: &str) -> Value {
    let text = percent_decode_str(text).decode_utf8().unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("a policy is no JSON: {error}: {text}"))
}

async fn log_group(world: &World, name: &str) -> Value {
    let groups = world.logs.describe_log_groups().log_group_name_prefix(name).send().await.unwrap();
    let found = groups.log_groups().iter().find(|group| group.log_group_name() == Some(name));
    let Some(group) = found else { return Value::Null };
    let arn = format!("arn:aws:logs:eu-central-1:000000000000:log-group:{name}");
    let tags = world.logs.list_tags_for_resource().resource_arn(arn).send().await.unwrap();
    let tags: BTreeMap<_, _> = tags.tags().cloned().unwrap_or_default().into_iter().collect();
    json!({ "retentionInDays": group.retention_in_days(), "tags": tags })
}

async fn state_machine(world: &World, arn: &str) -> Value {
    let Ok(machine) = world.sfn.describe_state_machine().state_machine_arn(arn).send().await else {
        return Value::Null;
    };
    let logging = machine.logging_configuration();
    let tags = world.sfn.list_tags_for_resource().resource_arn(arn).send().await.unwrap();
    let tags: BTreeMap<_, _> = tags.tags().iter().filter_map(|tag| tag.key().zip(tag.value())).collect();
    json!({
        "definition": serde_json::from_str::<Value>(machine.definition()).unwrap(),
        "roleArn": machine.role_arn(),
        "level": logging.and_then(|logging| logging.level()).map(|level| level.as_str()),
        "includeExecutionData": logging.is_some_and(|logging| logging.include_execution_data()),
        "tags": tags,
    })
}
