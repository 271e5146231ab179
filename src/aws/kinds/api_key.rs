//! API keys. A value goes to AWS and never comes back: no read asks for it, and what is told of a failure leaves it out.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_apigateway::types::{Op, PatchOperation};
use sfe_core::kinds::api_key::{Action, ApiKey, Desired, Observed};
use sfe_core::observed::Answer;
use sfe_core::operation::Operation;
use sfe_core::owner::{Owner, Tags};

use super::super::clients::Clients;
use super::super::error::{Class, Error};

/// All API keys with the owner's tags: their names can be changed.
pub async fn observe(clients: &Clients, owner: &Owner) -> Result<Observed, Error> {
    let (operation, object) = (Operation::GetApiKeys, "all API keys");
    let (mut found, mut position) = (BTreeMap::new(), None);
    for _ in 0..super::PAGES_MAX {
        let request = clients.apigateway.get_api_keys().limit(super::PAGE).set_position(position);
        let answer = clients.call(operation, object, request.send()).await?;
        for key in answer.items() {
            let tags: Tags = key.tags().cloned().unwrap_or_default().into_iter().collect();
            if owner.owns(&tags) {
                let id = key.id().ok_or_else(|| Error::incomplete(operation, object, "id"))?;
                let name = key.name().unwrap_or_default().to_owned();
                found.insert(id.to_owned(), ApiKey { name, enabled: key.enabled(), tags });
            }
        }
        position = answer.position;
        if position.is_none() {
            return Ok(found);
        }
    }
    Err(Error::incomplete(operation, object, "last page"))
}

/// Makes the one call that the action is named after.
pub async fn apply(clients: &Clients, action: &Action) -> Result<Answer, Error> {
    let (gateway, object) = (&clients.apigateway, action.object());
    match action {
        Action::CreateApiKey(want) => return create(clients, want, &object).await,
        Action::UpdateApiKey { id, name, changes } => {
            let fields = [("name", "/name", name.as_str()), ("enabled", "/enabled", "true")];
            let patch = |(_, path, value)| PatchOperation::builder().op(Op::Replace).path(path).value(value).build();
            let patches = fields.into_iter().filter(|(field, ..)| changes.has(field)).map(patch).collect();
            let request = gateway.update_api_key().api_key(id).set_patch_operations(Some(patches));
            drop(clients.call(Operation::UpdateApiKey, &object, request.send()).await?);
        }
        Action::UntagResource { arn, keys, .. } => {
            super::untag(clients, arn, keys, &object).await?;
        }
        Action::DeleteApiKey { id } => {
            let request = gateway.delete_api_key().api_key(id);
            drop(clients.call(Operation::DeleteApiKey, &object, request.send()).await?);
        }
    }
    Ok(Answer::Done)
}

async fn create(clients: &Clients, want: &Desired, object: &str) -> Result<Answer, Error> {
    let operation = Operation::CreateApiKey;
    let Some(value) = &want.value else {
        return Err(Error::new(operation, object, Class::NotMade, "its value is not made yet"));
    };
    let tags: HashMap<String, String> = want.tags.clone().into_iter().collect();
    let request = clients.apigateway_once.create_api_key().name(&want.name).value(value.expose());
    let request = request.enabled(true).set_tags(Some(tags));
    let answer = clients.call(operation, object, request.send()).await;
    let answer = answer.map_err(|error| Error { detail: error.detail.replace(value.expose(), "<value>"), ..error })?;
    answer.id().map(|id| Answer::Created(id.to_owned())).ok_or_else(|| Error::incomplete(operation, object, "id"))
}
