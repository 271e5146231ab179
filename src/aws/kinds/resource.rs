//! Resources of a REST API, read with their methods.

use std::collections::BTreeMap;

use sfe_core::kinds::resource::{Action, Observed, Resource, path_part};
use sfe_core::observed::Answer;
use sfe_core::operation::Operation;

use super::super::clients::Clients;
use super::super::error::Error;
use super::method;

/// All resources with methods, integrations and responses: one call for each 500.
pub async fn observe(clients: &Clients, rest_api_id: &str) -> Result<Observed, Error> {
    let (operation, object) = (Operation::GetResources, format!("REST API {rest_api_id}"));
    let (mut found, mut position) = (BTreeMap::new(), None);
    for _ in 0..super::PAGES_MAX {
        let request = clients.apigateway.get_resources().rest_api_id(rest_api_id).embed("methods");
        let request = request.limit(super::PAGE).set_position(position);
        let answer = clients.call(operation, &object, request.send()).await?;
        for resource in answer.items() {
            let (Some(id), Some(path)) = (resource.id(), resource.path()) else {
                return Err(Error::incomplete(operation, &object, "path"));
            };
            let methods = resource.resource_methods().into_iter().flatten();
            let methods = methods.filter_map(|(name, found)| Some((method::name(name)?, method::observed(found))));
            found.insert(path.to_owned(), Resource { id: id.to_owned(), methods: methods.collect() });
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
    let object = format!("resource {}", action.path());
    match action {
        Action::CreateResource { rest_api_id, parent_id, path } => {
            let operation = Operation::CreateResource;
            let request = clients.apigateway.create_resource().rest_api_id(rest_api_id).parent_id(parent_id);
            let request = request.path_part(path_part(path));
            let answer = clients.call(operation, &object, request.send()).await?;
            Ok(Answer::Created(answer.id.ok_or_else(|| Error::incomplete(operation, &object, "id"))?))
        }
        Action::DeleteResource { rest_api_id, resource_id, .. } => {
            let request = clients.apigateway.delete_resource().rest_api_id(rest_api_id).resource_id(resource_id);
            drop(clients.call(Operation::DeleteResource, &object, request.send()).await?);
            Ok(Answer::Done)
        }
    }
}
