//! Authorizers of a REST API.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_apigateway::types::{AuthorizerType, Op, PatchOperation};
use sfe_core::kinds::authorizer::{Action, Authorizer, Observed};
use sfe_core::observed::Answer;
use sfe_core::operation::Operation;

use super::super::clients::Clients;
use super::super::error::Error;

/// Where a caller's token is.
const IDENTITY_SOURCE: &str = "method.request.header.Authorization";

/// All authorizers by name.
pub async fn observe(clients: &Clients, rest_api_id: &str) -> Result<Observed, Error> {
    let (operation, object) = (Operation::GetAuthorizers, format!("REST API {rest_api_id}"));
    let (mut found, mut position) = (BTreeMap::new(), None);
    for _ in 0..super::PAGES_MAX {
        let request = clients.apigateway.get_authorizers().rest_api_id(rest_api_id);
        let request = request.limit(super::PAGE).set_position(position);
        let answer = clients.call(operation, &object, request.send()).await?;
        for authorizer in answer.items() {
            let id = authorizer.id().ok_or_else(|| Error::incomplete(operation, &object, "id"))?.to_owned();
            let provider_arns = authorizer.provider_arns().iter().cloned().collect();
            found.insert(authorizer.name().unwrap_or(&id).to_owned(), Authorizer { id, provider_arns });
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
    let (gateway, object) = (&clients.apigateway, format!("authorizer {}", action.name()));
    match action {
        Action::CreateAuthorizer { rest_api_id, name, provider_arns } => {
            let operation = Operation::CreateAuthorizer;
            let request = gateway
                .create_authorizer()
                .rest_api_id(rest_api_id)
                .name(name)
                .r#type(AuthorizerType::CognitoUserPools)
                .set_provider_arns(Some(provider_arns.iter().cloned().collect()))
                .identity_source(IDENTITY_SOURCE);
            let answer = clients.call(operation, &object, request.send()).await?;
            Ok(Answer::Created(answer.id.ok_or_else(|| Error::incomplete(operation, &object, "id"))?))
        }
        Action::UpdateAuthorizer { rest_api_id, id, to, from, .. } => {
            let operations = patch(Op::Add, to, from).chain(patch(Op::Remove, from, to)).collect();
            let request = gateway.update_authorizer().rest_api_id(rest_api_id).authorizer_id(id);
            let request = request.set_patch_operations(Some(operations));
            drop(clients.call(Operation::UpdateAuthorizer, &object, request.send()).await?);
            Ok(Answer::Done)
        }
        Action::DeleteAuthorizer { rest_api_id, id, .. } => {
            let request = gateway.delete_authorizer().rest_api_id(rest_api_id).authorizer_id(id);
            drop(clients.call(Operation::DeleteAuthorizer, &object, request.send()).await?);
            Ok(Answer::Done)
        }
    }
}

fn patch<'a>(op: Op, of: &'a BTreeSet<String>, but: &'a BTreeSet<String>) -> impl Iterator<Item = PatchOperation> + 'a {
    of.difference(but).map(move |arn| PatchOperation::builder().op(op.clone()).path("/providerARNs").value(arn).build())
}
