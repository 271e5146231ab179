//! Models of a REST API.

use std::collections::BTreeMap;

use aws_sdk_apigateway::types::{Op, PatchOperation};
use sfe_core::kinds::model::{Action, Observed};
use sfe_core::observed::Answer;
use sfe_core::operation::Operation;

use super::super::clients::Clients;
use super::super::error::Error;

/// All models by name. A schema that isn't JSON is none of ours, and kept as a text.
pub async fn observe(clients: &Clients, rest_api_id: &str) -> Result<Observed, Error> {
    let (operation, object) = (Operation::GetModels, format!("REST API {rest_api_id}"));
    let (mut found, mut position) = (BTreeMap::new(), None);
    for _ in 0..super::PAGES_MAX {
        let request = clients.apigateway.get_models().rest_api_id(rest_api_id);
        let request = request.limit(super::PAGE).set_position(position);
        let answer = clients.call(operation, &object, request.send()).await?;
        for model in answer.items() {
            let text = model.schema().unwrap_or_default();
            let schema = serde_json::from_str(text).unwrap_or_else(|_| text.into());
            found.insert(model.name().unwrap_or_default().to_owned(), schema);
        }
        position = answer.position;
        if position.is_none() {
            return Ok(found);
        }
    }
    Err(Error::incomplete(operation, &object, "last page"))
}

/// Makes the one call that the action is named after.
pub async fn apply(clients: &Clients, action: &Action) -> Result<Answer, Error> {
    let (gateway, object) = (&clients.apigateway, format!("model {}", action.name()));
    match action {
        Action::CreateModel { rest_api_id, name, schema } => {
            let request = gateway.create_model().rest_api_id(rest_api_id).name(name);
            let request = request.content_type("application/json").schema(schema.to_string());
            drop(clients.call(Operation::CreateModel, &object, request.send()).await?);
        }
        Action::UpdateModel { rest_api_id, name, schema, .. } => {
            let operation = PatchOperation::builder().op(Op::Replace).path("/schema").value(schema.to_string()).build();
            let request = gateway.update_model().rest_api_id(rest_api_id).model_name(name).patch_operations(operation);
            drop(clients.call(Operation::UpdateModel, &object, request.send()).await?);
        }
        Action::DeleteModel { rest_api_id, name } => {
            let request = gateway.delete_model().rest_api_id(rest_api_id).model_name(name);
            drop(clients.call(Operation::DeleteModel, &object, request.send()).await?);
        }
    }
    Ok(Answer::Done)
}
