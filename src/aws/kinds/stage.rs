//! Stages of a REST API.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_apigateway::types::{Op, PatchOperation};
use sfe_core::kinds::stage::{Action, Observed, Stage};
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
        found.insert(name.to_owned(), Stage { deployment_id, tags });
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
            let request = request.deployment_id(deployment_id).set_tags(Some(tags));
            drop(clients.call(Operation::CreateStage, &object, request.send()).await?);
        }
        Action::UpdateStage { rest_api_id, name, deployment_id, .. } => {
            let operation =
                PatchOperation::builder().op(Op::Replace).path("/deploymentId").value(deployment_id).build();
            let request = gateway.update_stage().rest_api_id(rest_api_id).stage_name(name).patch_operations(operation);
            drop(clients.call(Operation::UpdateStage, &object, request.send()).await?);
        }
        Action::TagResource { arn, tags, .. } => {
            let tags: HashMap<String, String> = tags.clone().into_iter().collect();
            let request = gateway.tag_resource().resource_arn(arn).set_tags(Some(tags));
            drop(clients.call(Operation::TagApiGateway, &object, request.send()).await?);
        }
        Action::UntagResource { arn, keys, .. } => {
            let request = gateway.untag_resource().resource_arn(arn);
            let request = request.set_tag_keys(Some(keys.iter().cloned().collect()));
            drop(clients.call(Operation::UntagApiGateway, &object, request.send()).await?);
        }
        Action::DeleteStage { rest_api_id, name } => {
            let request = gateway.delete_stage().rest_api_id(rest_api_id).stage_name(name);
            drop(clients.call(Operation::DeleteStage, &object, request.send()).await?);
        }
    }
    Ok(Answer::Done)
}
