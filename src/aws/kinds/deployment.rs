//! Deployments of a REST API.

use std::collections::BTreeMap;

use aws_sdk_apigateway::types::{Op, PatchOperation};
use sfe_core::kinds::deployment::{Action, Observed, description};
use sfe_core::observed::Answer;
use sfe_core::operation::Operation;

use super::super::clients::Clients;
use super::super::error::Error;

/// The descriptions of all deployments by id.
pub async fn observe(clients: &Clients, rest_api_id: &str) -> Result<Observed, Error> {
    let (operation, object) = (Operation::GetDeployments, format!("REST API {rest_api_id}"));
    let (mut found, mut position) = (BTreeMap::new(), None);
    for _ in 0..super::PAGES_MAX {
        let request = clients.apigateway.get_deployments().rest_api_id(rest_api_id);
        let request = request.limit(super::PAGE).set_position(position);
        let answer = clients.call(operation, &object, request.send()).await?;
        for deployment in answer.items() {
            let id = deployment.id().ok_or_else(|| Error::incomplete(operation, &object, "id"))?;
            found.insert(id.to_owned(), deployment.description().unwrap_or_default().to_owned());
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
    match action {
        Action::CreateDeployment { rest_api_id, hash } => {
            let (operation, object) = (Operation::CreateDeployment, format!("REST API {rest_api_id}"));
            let request = clients.apigateway_once.create_deployment().rest_api_id(rest_api_id);
            let answer = clients.call(operation, &object, request.description(description(hash)).send()).await?;
            Ok(Answer::Created(answer.id.ok_or_else(|| Error::incomplete(operation, &object, "id"))?))
        }
        Action::UpdateDeployment { rest_api_id, id, description } => {
            let description = PatchOperation::builder().op(Op::Replace).path("/description").value(description).build();
            let request = clients.apigateway.update_deployment().rest_api_id(rest_api_id).deployment_id(id);
            let request = request.patch_operations(description).send();
            drop(clients.call(Operation::UpdateDeployment, &format!("deployment {id}"), request).await?);
            Ok(Answer::Done)
        }
        Action::DeleteDeployment { rest_api_id, id } => {
            let request = clients.apigateway.delete_deployment().rest_api_id(rest_api_id).deployment_id(id);
            drop(clients.call(Operation::DeleteDeployment, &format!("deployment {id}"), request.send()).await?);
            Ok(Answer::Done)
        }
    }
}
