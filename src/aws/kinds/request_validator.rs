//! The request validator of a REST API.

use aws_sdk_apigateway::types::{Op, PatchOperation};
use sfe_core::kinds::request_validator::{Action, NAME, Observed, RequestValidator};
use sfe_core::observed::Answer;
use sfe_core::operation::Operation;

use super::super::clients::Clients;
use super::super::error::Error;

/// Ours, if there is one.
pub async fn observe(clients: &Clients, rest_api_id: &str) -> Result<Observed, Error> {
    let (operation, object) = (Operation::GetRequestValidators, format!("REST API {rest_api_id}"));
    let mut position = None;
    for _ in 0..super::PAGES_MAX {
        let request = clients.apigateway.get_request_validators().rest_api_id(rest_api_id);
        let request = request.limit(super::PAGE).set_position(position);
        let answer = clients.call(operation, &object, request.send()).await?;
        if let Some(found) = answer.items().iter().find(|found| found.name() == Some(NAME)) {
            return Ok(Some(RequestValidator {
                id: found.id().ok_or_else(|| Error::incomplete(operation, &object, "id"))?.to_owned(),
                validate_request_body: found.validate_request_body(),
                validate_request_parameters: found.validate_request_parameters(),
            }));
        }
        position = answer.position;
        if position.is_none() {
            return Ok(None);
        }
    }
    Err(Error::incomplete(operation, &object, "last page"))
}

/// Makes the one call that the action is named after.
pub async fn apply(clients: &Clients, action: &Action) -> Result<Answer, Error> {
    let (gateway, object) = (&clients.apigateway, format!("request validator {NAME}"));
    match action {
        Action::CreateRequestValidator { rest_api_id } => {
            let operation = Operation::CreateRequestValidator;
            let request = gateway
                .create_request_validator()
                .rest_api_id(rest_api_id)
                .name(NAME)
                .validate_request_body(true)
                .validate_request_parameters(true);
            let answer = clients.call(operation, &object, request.send()).await?;
            Ok(Answer::Created(answer.id.ok_or_else(|| Error::incomplete(operation, &object, "id"))?))
        }
        Action::UpdateRequestValidator { rest_api_id, id, changes } => {
            let fields = ["validateRequestBody", "validateRequestParameters"];
            let operations = fields
                .into_iter()
                .filter(|field| changes.has(field))
                .map(|field| PatchOperation::builder().op(Op::Replace).path(format!("/{field}")).value("true").build());
            let request = gateway.update_request_validator().rest_api_id(rest_api_id).request_validator_id(id);
            let request = request.set_patch_operations(Some(operations.collect()));
            drop(clients.call(Operation::UpdateRequestValidator, &object, request.send()).await?);
            Ok(Answer::Done)
        }
        Action::DeleteRequestValidator { rest_api_id, id } => {
            let request = gateway.delete_request_validator().rest_api_id(rest_api_id).request_validator_id(id);
            drop(clients.call(Operation::DeleteRequestValidator, &object, request.send()).await?);
            Ok(Answer::Done)
        }
    }
}
