//! Stages of a REST API.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_apigateway::types::{MethodSetting, Op, PatchOperation};
use sfe_core::change::Changes;
use sfe_core::kinds::stage::{AccessLog, Action, MethodSettings, Methods, OFF, Observed, Settings, Stage};
use sfe_core::observed::Answer;
use sfe_core::operation::Operation;

use super::super::clients::Clients;
use super::super::error::Error;

/// All stages by name; API Gateway answers them in one page.
pub async fn observe(clients: &Clients, rest_api_id: &str) -> Result<Observed, Error> {
    let (operation, object) = (Operation::GetStages, format!("REST API {rest_api_id}"));
    let request = clients.apigateway.get_stages().rest_api_id(rest_api_id);
    let answer = clients.call(operation, &object, request.send()).await?;
    let mut found = BTreeMap::new();
    for stage in answer.item() {
        let name = stage.stage_name().ok_or_else(|| Error::incomplete(operation, &object, "stage name"))?;
        let tags = stage.tags().cloned().unwrap_or_default().into_iter().collect();
        let deployment_id = stage.deployment_id().unwrap_or_default().to_owned();
        found.insert(name.to_owned(), Stage { deployment_id, settings: settings(stage), tags });
    }
    Ok(found)
}

/// Makes the one call that the action is named after.
pub async fn apply(clients: &Clients, action: &Action) -> Result<Answer, Error> {
    let (gateway, object) = (&clients.apigateway, format!("stage {}", action.name()));
    match action {
        Action::CreateStage { rest_api_id, want, deployment_id } => {
            let tags: HashMap<String, String> = want.tags.clone().into_iter().collect();
            let request = gateway.create_stage().rest_api_id(rest_api_id).stage_name(&want.name);
            let variables = want.settings.variables.clone().into_iter().collect();
            let request = request.deployment_id(deployment_id).set_tags(Some(tags)).set_variables(Some(variables));
            let request = request.tracing_enabled(want.settings.tracing_enabled);
            drop(clients.call(Operation::CreateStage, &object, request.send()).await?);
        }
        Action::UpdateStage { rest_api_id, name, deployment_id, to, from, changes } => {
            let request = gateway.update_stage().rest_api_id(rest_api_id).stage_name(name);
            let request = request.set_patch_operations(Some(patches(deployment_id, to, from, changes)));
            drop(clients.call(Operation::UpdateStage, &object, request.send()).await?);
        }
        Action::TagResource { arn, tags, .. } => {
            let tags: HashMap<String, String> = tags.clone().into_iter().collect();
            let request = gateway.tag_resource().resource_arn(arn).set_tags(Some(tags));
            drop(clients.call(Operation::TagApiGateway, &object, request.send()).await?);
        }
        Action::UntagResource { arn, keys, .. } => {
            super::untag(clients, arn, keys, &object).await?;
        }
        Action::DeleteStage { rest_api_id, name } => {
            let request = gateway.delete_stage().rest_api_id(rest_api_id).stage_name(name);
            drop(clients.call(Operation::DeleteStage, &object, request.send()).await?);
        }
    }
    Ok(Answer::Done)
}

fn settings(found: &aws_sdk_apigateway::types::Stage) -> Settings {
    let methods = found.method_settings().into_iter().flatten();
    Settings {
        tracing_enabled: found.tracing_enabled(),
        variables: found.variables().cloned().unwrap_or_default().into_iter().collect(),
        access_log: access_log(found),
        methods: methods.map(|(key, setting)| (Methods::of_key(key), method_settings(setting))).collect(),
    }
}

/// None where it goes nowhere; a log group's ARN may end in `:*`.
fn access_log(found: &aws_sdk_apigateway::types::Stage) -> Option<AccessLog> {
    let found = found.access_log_settings()?;
    let destination_arn = found.destination_arn()?.trim_end_matches(":*").to_owned();
    Some(AccessLog { destination_arn, format: found.format().unwrap_or_default().to_owned() })
}

fn method_settings(found: &MethodSetting) -> MethodSettings {
    MethodSettings {
        rate_limit: found.throttling_rate_limit(),
        burst_limit: found.throttling_burst_limit(),
        metrics_enabled: found.metrics_enabled(),
        logging_level: found.logging_level().unwrap_or(OFF).to_owned(),
        data_trace_enabled: found.data_trace_enabled(),
    }
}

/// The field of a stage, which is taken off as a whole and set in parts.
const ACCESS_LOG: &str = "accessLogSettings";

fn patches(deployment_id: &str, to: &Settings, from: &Settings, changes: &Changes) -> Vec<PatchOperation> {
    let mut patches = Vec::new();
    let mut replace = |path: &str, value: String| {
        patches.push(PatchOperation::builder().op(Op::Replace).path(path).value(value).build());
    };
    if changes.has("deploymentId") {
        replace("/deploymentId", deployment_id.to_owned());
    }
    if changes.has("tracingEnabled") {
        replace("/tracingEnabled", to.tracing_enabled.to_string());
    }
    if let Some(AccessLog { destination_arn, format }) = to.access_log.as_ref().filter(|_| changes.has(ACCESS_LOG)) {
        replace("/accessLogSettings/destinationArn", destination_arn.clone());
        replace("/accessLogSettings/format", format.clone());
    }
    for (name, value) in to.variables.iter().filter(|(name, value)| from.variables.get(*name) != Some(value)) {
        replace(&format!("/variables/{name}"), value.clone());
    }
    for (methods, settings) in to.methods.iter().filter(|(methods, want)| from.methods.get(*methods) != Some(want)) {
        let key = methods.key();
        let MethodSettings { rate_limit, burst_limit, metrics_enabled, logging_level, data_trace_enabled } = settings;
        for (field, value) in [
            ("throttling/rateLimit", rate_limit.to_string()),
            ("throttling/burstLimit", burst_limit.to_string()),
            ("metrics/enabled", metrics_enabled.to_string()),
            ("logging/loglevel", logging_level.clone()),
            ("logging/dataTrace", data_trace_enabled.to_string()),
        ] {
            replace(&format!("/{key}/{field}"), value);
        }
    }
    let variables = from.variables.keys().filter(|name| !to.variables.contains_key(*name));
    let variables = variables.map(|name| format!("/variables/{name}"));
    let methods = from.methods.keys().filter(|methods| !to.methods.contains_key(methods));
    let access_log = (changes.has(ACCESS_LOG) && to.access_log.is_none()).then(|| format!("/{ACCESS_LOG}"));
    let gone = variables.chain(methods.map(|methods| format!("/{}", methods.key()))).chain(access_log);
    patches.extend(gone.map(|path| PatchOperation::builder().op(Op::Remove).path(path).build()));
    patches
}
