//! Authorizers of a REST API.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_apigateway::types::{AuthorizerType, Op, PatchOperation};
use sfe_core::change::Changes;
use sfe_core::kinds::authorizer::{Action, Authorizer, Observed, Settings};
use sfe_core::observed::Answer;
use sfe_core::operation::Operation;

use super::super::clients::Clients;
use super::super::error::Error;

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
            let name = authorizer.name().unwrap_or(&id).to_owned();
            found.insert(name, Authorizer { id, settings: settings(authorizer) });
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
        Action::CreateAuthorizer { rest_api_id, name, settings } => {
            let operation = Operation::CreateAuthorizer;
            let request = gateway
                .create_authorizer()
                .rest_api_id(rest_api_id)
                .name(name)
                .r#type(AuthorizerType::from(settings.type_.as_str()))
                .set_provider_arns(list(&settings.provider_arns))
                .set_authorizer_uri(settings.uri.clone())
                .set_authorizer_credentials(settings.credentials.clone())
                .set_identity_source(identity_source(settings))
                .set_identity_validation_expression(settings.identity_validation_expression.clone())
                .set_authorizer_result_ttl_in_seconds(settings.result_ttl_seconds);
            let answer = clients.call(operation, &object, request.send()).await?;
            Ok(Answer::Created(answer.id.ok_or_else(|| Error::incomplete(operation, &object, "id"))?))
        }
        Action::UpdateAuthorizer { rest_api_id, id, to, from, changes, .. } => {
            let request = gateway.update_authorizer().rest_api_id(rest_api_id).authorizer_id(id);
            let request = request.set_patch_operations(Some(patches(to, from, changes)));
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

fn settings(found: &aws_sdk_apigateway::types::Authorizer) -> Settings {
    let sources = found.identity_source().unwrap_or_default().split(',').map(str::trim);
    let said = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    Settings {
        type_: found.r#type().map(AuthorizerType::as_str).unwrap_or_default().to_owned(),
        provider_arns: found.provider_arns().iter().cloned().collect(),
        uri: said(found.authorizer_uri()),
        credentials: said(found.authorizer_credentials()),
        identity_sources: sources.filter(|source| !source.is_empty()).map(str::to_owned).collect(),
        identity_validation_expression: said(found.identity_validation_expression()),
        result_ttl_seconds: found.authorizer_result_ttl_in_seconds(),
    }
}

fn list(arns: &BTreeSet<String>) -> Option<Vec<String>> {
    (!arns.is_empty()).then(|| arns.iter().cloned().collect())
}

fn identity_source(settings: &Settings) -> Option<String> {
    let sources: Vec<&str> = settings.identity_sources.iter().map(String::as_str).collect();
    (!sources.is_empty()).then(|| sources.join(","))
}

fn patches(to: &Settings, from: &Settings, changes: &Changes) -> Vec<PatchOperation> {
    let values = [
        ("type", Some(to.type_.clone())),
        ("authorizerUri", to.uri.clone()),
        ("authorizerCredentials", to.credentials.clone()),
        ("identitySource", identity_source(to)),
        ("identityValidationExpression", to.identity_validation_expression.clone()),
        ("authorizerResultTtlInSeconds", to.result_ttl_seconds.map(|ttl| ttl.to_string())),
    ];
    let changed = values.into_iter().filter(|(field, _)| changes.has(field));
    // An empty value takes a field away: the documentation of UpdateAuthorizer has `replace` alone for all of them.
    let replaced = changed.map(|(field, value)| {
        let value = value.unwrap_or_default();
        PatchOperation::builder().op(Op::Replace).path(format!("/{field}")).value(value).build()
    });
    let pools = patch(Op::Add, &to.provider_arns, &from.provider_arns).chain(patch(
        Op::Remove,
        &from.provider_arns,
        &to.provider_arns,
    ));
    replaced.chain(pools).collect()
}

fn patch<'a>(op: Op, of: &'a BTreeSet<String>, but: &'a BTreeSet<String>) -> impl Iterator<Item = PatchOperation> + 'a {
    of.difference(but).map(move |arn| PatchOperation::builder().op(op.clone()).path("/providerARNs").value(arn).build())
}
