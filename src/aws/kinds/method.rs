//! Methods of a REST API with their integrations and responses.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_apigateway::types::{
    Integration as SdkIntegration, IntegrationResponse as SdkIntegrationResponse, IntegrationType, Method, Op,
    PatchOperation,
};
use sfe_core::api::HttpMethod;
use sfe_core::kinds::method::{
    Action, Integration, IntegrationKind, IntegrationResponse, Observed, Place, RETAINED, Settings,
};
use sfe_core::observed::Answer;
use sfe_core::operation::Operation;

use super::super::clients::Clients;
use super::super::error::Error;

/// How long API Gateway waits for the service unless it is told otherwise, in milliseconds.
const TIMEOUT_MS: i32 = 29_000;

/// The HTTP method of AWS's spelling; none for one that API Gateway doesn't document.
pub fn name(text: &str) -> Option<HttpMethod> {
    HttpMethod::ALL.into_iter().find(|method| method.as_str() == text)
}

/// A method as GetResources embeds it.
pub fn observed(found: &Method) -> Observed {
    Observed {
        settings: Settings {
            operation_name: found.operation_name().map(str::to_owned),
            authorization_type: found.authorization_type().unwrap_or("NONE").to_owned(),
            authorizer_id: found.authorizer_id().map(str::to_owned),
            authorization_scopes: found.authorization_scopes().iter().cloned().collect(),
            request_parameters: sorted(found.request_parameters()),
            request_validator_id: found.request_validator_id().filter(|id| !id.is_empty()).map(str::to_owned),
            request_models: sorted(found.request_models()),
            api_key_required: found.api_key_required().unwrap_or(false),
        },
        responses: found
            .method_responses()
            .into_iter()
            .flatten()
            .filter_map(|(status, _)| status.parse().ok())
            .collect(),
        integration: found.method_integration().map(integration),
    }
}

fn integration(found: &SdkIntegration) -> Integration {
    let responses = found.integration_responses().into_iter().flatten();
    Integration {
        kind: match found.r#type() {
            Some(IntegrationType::Mock) => IntegrationKind::Mock,
            _ => IntegrationKind::Aws, // any other is among the other settings
        },
        uri: found.uri().unwrap_or_default().to_owned(),
        credentials: found.credentials().unwrap_or_default().to_owned(),
        passthrough_behavior: found.passthrough_behavior().unwrap_or_default().to_owned(),
        request_templates: sorted(found.request_templates()),
        other_settings: other_settings(found),
        responses: responses.filter_map(|(status, found)| Some((status.parse().ok()?, response(found)))).collect(),
    }
}

/// Whatever is set on an integration beyond what ours have.
fn other_settings(found: &SdkIntegration) -> BTreeMap<String, String> {
    let mut others = sorted(found.request_parameters());
    let mut note = |field: &str, value: Option<&str>, ours: &[&str]| {
        if let Some(value) = value.filter(|value| !value.is_empty() && !ours.contains(value)) {
            others.insert(field.to_owned(), value.to_owned());
        }
    };
    note("type", found.r#type().map(IntegrationType::as_str), &["AWS", "MOCK"]);
    note("httpMethod", found.http_method(), &["POST"]);
    note("contentHandling", found.content_handling().map(|handling| handling.as_str()), &[]);
    note("connectionType", found.connection_type().map(|connection| connection.as_str()), &["INTERNET"]);
    let timeout = Some(found.timeout_in_millis()).filter(|ms| *ms != 0 && *ms != TIMEOUT_MS).map(|ms| ms.to_string());
    note("timeoutInMillis", timeout.as_deref(), &[]);
    others
}

fn response(found: &SdkIntegrationResponse) -> IntegrationResponse {
    IntegrationResponse {
        selection_pattern: found.selection_pattern().filter(|pattern| !pattern.is_empty()).map(str::to_owned),
        content_handling: found.content_handling().map(|handling| handling.as_str().to_owned()),
        templates: sorted(found.response_templates()),
    }
}

fn sorted<T: Clone>(map: Option<&HashMap<String, T>>) -> BTreeMap<String, T> {
    map.cloned().unwrap_or_default().into_iter().collect()
}

fn unsorted<T: Clone>(map: &BTreeMap<String, T>) -> Option<HashMap<String, T>> {
    Some(map.clone().into_iter().collect())
}

/// Makes the one call that the action is named after.
pub async fn apply(clients: &Clients, action: &Action) -> Result<Answer, Error> {
    let Place { rest_api_id, resource_id, path, method } = action.at();
    let (gateway, object, http_method) = (&clients.apigateway, format!("method {method} {path}"), method.as_str());
    match action {
        Action::PutMethod { at, settings } => drop(put_method(clients, at, settings, &object).await?),
        Action::DeleteMethod { .. } => {
            let request = gateway.delete_method().rest_api_id(rest_api_id).resource_id(resource_id);
            drop(clients.call(Operation::DeleteMethod, &object, request.http_method(http_method).send()).await?);
        }
        Action::UpdateMethod { .. } => {
            let name = PatchOperation::builder().op(Op::Replace).path("/operationName").value(RETAINED).build();
            let request = gateway.update_method().rest_api_id(rest_api_id).resource_id(resource_id);
            let request = request.http_method(http_method).patch_operations(name);
            drop(clients.call(Operation::UpdateMethod, &object, request.send()).await?);
        }
        Action::PutIntegration { integration, .. } => {
            let request = gateway
                .put_integration()
                .rest_api_id(rest_api_id)
                .resource_id(resource_id)
                .http_method(http_method)
                .passthrough_behavior(&integration.passthrough_behavior)
                .set_request_templates(unsorted(&integration.request_templates))
                .set_request_parameters(mapped(&integration.other_settings))
                .set_content_handling(
                    integration.other_settings.get("contentHandling").map(|said| said.as_str().into()),
                )
                .timeout_in_millis(TIMEOUT_MS);
            let request = match integration.kind {
                IntegrationKind::Mock => request.r#type(IntegrationType::Mock),
                IntegrationKind::Aws => request
                    .r#type(IntegrationType::Aws)
                    .integration_http_method("POST")
                    .uri(&integration.uri)
                    .credentials(&integration.credentials),
            };
            drop(clients.call(Operation::PutIntegration, &object, request.send()).await?);
        }
        Action::UpdateIntegration { to, from, .. } => {
            let request = gateway.update_integration().rest_api_id(rest_api_id).resource_id(resource_id);
            let request = request.http_method(http_method).set_patch_operations(Some(patch(from, to)));
            drop(clients.call(Operation::UpdateIntegration, &object, request.send()).await?);
        }
        Action::PutMethodResponse { status, .. } => {
            let request = gateway.put_method_response().rest_api_id(rest_api_id).resource_id(resource_id);
            let request = request.http_method(http_method).status_code(status.to_string());
            drop(clients.call(Operation::PutMethodResponse, &object, request.send()).await?);
        }
        Action::DeleteMethodResponse { status, .. } => {
            let request = gateway.delete_method_response().rest_api_id(rest_api_id).resource_id(resource_id);
            let request = request.http_method(http_method).status_code(status.to_string());
            drop(clients.call(Operation::DeleteMethodResponse, &object, request.send()).await?);
        }
        Action::PutIntegrationResponse { status, response, .. } => {
            let request = gateway.put_integration_response().rest_api_id(rest_api_id).resource_id(resource_id);
            let request = request
                .http_method(http_method)
                .status_code(status.to_string())
                .set_selection_pattern(response.selection_pattern.clone())
                .set_content_handling(response.content_handling.as_deref().map(Into::into))
                .set_response_templates(unsorted(&response.templates));
            drop(clients.call(Operation::PutIntegrationResponse, &object, request.send()).await?);
        }
        Action::DeleteIntegrationResponse { status, .. } => {
            let request = gateway.delete_integration_response().rest_api_id(rest_api_id).resource_id(resource_id);
            let request = request.http_method(http_method).status_code(status.to_string());
            drop(clients.call(Operation::DeleteIntegrationResponse, &object, request.send()).await?);
        }
    }
    Ok(Answer::Done)
}

/// What makes one integration the other, whose other settings are the same. Source: API Gateway, "Patch operations", UpdateIntegration.
fn patch(from: &Integration, to: &Integration) -> Vec<PatchOperation> {
    let operation = |op: Op, path: &str| PatchOperation::builder().op(op).path(path);
    let fields = [("/uri", &from.uri, &to.uri), ("/credentials", &from.credentials, &to.credentials)];
    let changed = fields.into_iter().filter(|(_, from, to)| from != to);
    let mut patch: Vec<PatchOperation> =
        changed.map(|(path, _, to)| operation(Op::Replace, path).value(to).build()).collect();
    let path = |media_type: &str| format!("/requestTemplates/{}", media_type.replace('~', "~0").replace('/', "~1"));
    for media_type in from.request_templates.keys().filter(|known| !to.request_templates.contains_key(*known)) {
        patch.push(operation(Op::Remove, &path(media_type)).build());
    }
    for (media_type, template) in &to.request_templates {
        match from.request_templates.get(media_type) {
            Some(known) if known == template => {}
            Some(_) => patch.push(operation(Op::Replace, &path(media_type)).value(template).build()),
            None => patch.push(operation(Op::Add, &path(media_type)).value(template).build()),
        }
    }
    patch
}

/// The parameters of the call that the integration sets; none where there are none.
fn mapped(settings: &BTreeMap<String, String>) -> Option<HashMap<String, String>> {
    let mapped = settings.iter().filter(|(name, _)| name.starts_with("integration.request."));
    let mapped: HashMap<_, _> = mapped.map(|(name, value)| (name.clone(), value.clone())).collect();
    (!mapped.is_empty()).then_some(mapped)
}

async fn put_method(clients: &Clients, at: &Place, settings: &Settings, object: &str) -> Result<(), Error> {
    let scopes: Vec<String> = settings.authorization_scopes.iter().cloned().collect();
    let request = clients
        .apigateway
        .put_method()
        .rest_api_id(&at.rest_api_id)
        .resource_id(&at.resource_id)
        .http_method(at.method.as_str())
        .set_operation_name(settings.operation_name.clone())
        .authorization_type(&settings.authorization_type)
        .set_authorizer_id(settings.authorizer_id.clone())
        .set_authorization_scopes((!scopes.is_empty()).then_some(scopes))
        .set_request_parameters(unsorted(&settings.request_parameters))
        .set_request_validator_id(settings.request_validator_id.clone())
        .set_request_models(unsorted(&settings.request_models))
        .api_key_required(settings.api_key_required);
    clients.call(Operation::PutMethod, object, request.send()).await.map(drop)
}
