//! Gateway responses of a REST API.

use std::collections::BTreeMap;

use aws_sdk_apigateway::types::GatewayResponseType;
use sfe_core::kinds::gateway_response::{Action, GatewayResponse, Observed};
use sfe_core::observed::Answer;
use sfe_core::operation::Operation;

use super::super::clients::Clients;
use super::super::error::Error;

/// All that are customized, by type.
pub async fn observe(clients: &Clients, rest_api_id: &str) -> Result<Observed, Error> {
    let (operation, object) = (Operation::GetGatewayResponses, format!("REST API {rest_api_id}"));
    let (mut found, mut position) = (BTreeMap::new(), None);
    for _ in 0..super::PAGES_MAX {
        let request = clients.apigateway.get_gateway_responses().rest_api_id(rest_api_id);
        let request = request.limit(super::PAGE).set_position(position);
        let answer = clients.call(operation, &object, request.send()).await?;
        for response in answer.items().iter().filter(|response| !response.default_response()) {
            let type_ = response.response_type().map(GatewayResponseType::as_str).unwrap_or_default();
            let sorted = |map: Option<&std::collections::HashMap<String, String>>| {
                map.cloned().unwrap_or_default().into_iter().collect()
            };
            let one = GatewayResponse {
                status: response.status_code().filter(|code| !code.is_empty()).map(str::to_owned),
                parameters: sorted(response.response_parameters()),
                templates: sorted(response.response_templates()),
            };
            found.insert(type_.to_owned(), one);
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
    let (gateway, object) = (&clients.apigateway, format!("gateway response {}", action.type_()));
    let type_ = GatewayResponseType::from(action.type_());
    match action {
        Action::PutGatewayResponse { rest_api_id, to, .. } => {
            let request = gateway
                .put_gateway_response()
                .rest_api_id(rest_api_id)
                .response_type(type_)
                .set_status_code(to.status.clone())
                .set_response_parameters(Some(to.parameters.clone().into_iter().collect()))
                .set_response_templates(Some(to.templates.clone().into_iter().collect()));
            drop(clients.call(Operation::PutGatewayResponse, &object, request.send()).await?);
        }
        Action::DeleteGatewayResponse { rest_api_id, .. } => {
            let request = gateway.delete_gateway_response().rest_api_id(rest_api_id).response_type(type_);
            drop(clients.call(Operation::DeleteGatewayResponse, &object, request.send()).await?);
        }
    }
    Ok(Answer::Done)
}
