//! REST APIs of API Gateway.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_apigateway::types::{EndpointConfiguration, EndpointType, Op, PatchOperation};
use sfe_core::kinds::rest_api::{Action, Desired, NO_COMPRESSION, Observed};
use sfe_core::observed::Answer;
use sfe_core::operation::Operation;
use sfe_core::owner::{Owner, Tags};
use sfe_core::policy::ResourcePolicy;

use super::super::clients::{Clients, timestamp};
use super::super::error::{Class, Error};

/// All REST APIs with the owner's tags: names are not unique, and a status can be lost.
pub async fn observe(clients: &Clients, owner: &Owner) -> Result<Vec<Observed>, Error> {
    list(clients, |_, _, tags| owner.owns(tags)).await
}

/// All REST APIs of this name that are nobody's.
pub async fn named(clients: &Clients, name: &str) -> Result<Vec<Observed>, Error> {
    list(clients, |_, found, tags| found == name && Owner::of(tags).is_none()).await
}

/// The REST API of this id, whosever it is; none if there is none.
pub async fn of_id(clients: &Clients, id: &str) -> Result<Vec<Observed>, Error> {
    list(clients, |found, _, _| found == id).await
}

/// All REST APIs of which id, name and tags say that they are meant.
async fn list(clients: &Clients, is_meant: impl Fn(&str, &str, &Tags) -> bool) -> Result<Vec<Observed>, Error> {
    let (operation, object) = (Operation::GetRestApis, "all REST APIs");
    let (mut found, mut position) = (Vec::new(), None);
    for _ in 0..super::PAGES_MAX {
        let request = clients.apigateway.get_rest_apis().limit(super::PAGE).set_position(position);
        let answer = clients.call(operation, object, request.send()).await?;
        for api in answer.items() {
            let tags: Tags = api.tags().cloned().unwrap_or_default().into_iter().collect();
            if !is_meant(api.id().unwrap_or_default(), api.name().unwrap_or_default(), &tags) {
                continue;
            }
            let lacks = |what| Error::incomplete(operation, object, what);
            found.push(Observed {
                id: api.id().ok_or_else(|| lacks("id"))?.to_owned(),
                name: api.name().unwrap_or_default().to_owned(),
                disable_execute_api_endpoint: api.disable_execute_api_endpoint(),
                endpoint_type: endpoint_type(api.endpoint_configuration()),
                minimum_compression_size: api.minimum_compression_size().unwrap_or(NO_COMPRESSION),
                binary_media_types: api.binary_media_types().iter().cloned().collect(),
                policy: ResourcePolicy::observed(api.policy()),
                created_at: api.created_date().and_then(timestamp).ok_or_else(|| lacks("creation date"))?,
                tags,
                duplicates: Vec::new(),
            });
        }
        position = answer.position;
        if position.is_none() {
            return Ok(found);
        }
    }
    Err(Error::incomplete(operation, object, "last page"))
}

/// Makes the one call that the action is named after. The intent is not AWS's: the cluster records it.
pub async fn apply(clients: &Clients, action: &Action) -> Result<Answer, Error> {
    match action {
        Action::RecordIntent => {
            let detail = "the intent is recorded in the cluster";
            Err(Error::new(Operation::CreateRestApi, "REST API", Class::Refused, detail))
        }
        Action::CreateRestApi(want) => create(clients, want).await,
        Action::UpdateRestApi { id, to, from, changes } => {
            let disabled = to.disable_execute_api_endpoint.to_string();
            let values = [
                ("name", "/name", Some(to.name.clone())),
                ("disableExecuteApiEndpoint", "/disableExecuteApiEndpoint", Some(disabled)),
                ("endpointType", "/endpointConfiguration/types/0", to.endpoint_type.map(|to| to.as_str().to_owned())),
                ("minimumCompressionSize", "/minimumCompressionSize", compression(to).map(|size| size.to_string())),
                ("policy", "/policy", to.policy.as_ref().map(ResourcePolicy::to_json)),
            ];
            let operations = values
                .into_iter()
                .filter(|(field, _, _)| changes.has(field))
                .map(|(_, path, value)| PatchOperation::builder().op(Op::Replace).path(path).set_value(value).build());
            let operations = operations.chain(binary_media_types(from, &to.binary_media_types)).collect();
            let request = clients.apigateway.update_rest_api().rest_api_id(id).set_patch_operations(Some(operations));
            drop(clients.call(Operation::UpdateRestApi, &format!("REST API {id}"), request.send()).await?);
            Ok(Answer::Done)
        }
        Action::TagResource { id, arn, tags } => {
            let tags: HashMap<String, String> = tags.clone().into_iter().collect();
            let request = clients.apigateway.tag_resource().resource_arn(arn).set_tags(Some(tags));
            drop(clients.call(Operation::TagApiGateway, &format!("REST API {id}"), request.send()).await?);
            Ok(Answer::Done)
        }
        Action::UntagResource { id, arn, keys } => {
            super::untag(clients, arn, keys, &format!("REST API {id}")).await?;
            Ok(Answer::Done)
        }
        Action::DeleteRestApi { id } => {
            let request = clients.apigateway.delete_rest_api().rest_api_id(id);
            drop(clients.call(Operation::DeleteRestApi, &format!("REST API {id}"), request.send()).await?);
            Ok(Answer::Done)
        }
    }
}

/// What makes one set of binary media types the other. Source: API Gateway, "Patch operations", UpdateRestApi.
fn binary_media_types<'a>(
    from: &'a BTreeSet<String>,
    to: &'a BTreeSet<String>,
) -> impl Iterator<Item = PatchOperation> {
    let operation = |op: Op, type_: &String| {
        let path = format!("/binaryMediaTypes/{}", type_.replace('~', "~0").replace('/', "~1"));
        PatchOperation::builder().op(op).path(path).build()
    };
    let removed = from.difference(to).map(move |type_| operation(Op::Remove, type_));
    removed.chain(to.difference(from).map(move |type_| operation(Op::Add, type_)))
}

/// As AWS spells it; without a word an API is of type EDGE. Source: API reference of EndpointConfiguration.
fn endpoint_type(found: Option<&EndpointConfiguration>) -> String {
    let found = found.and_then(|found| found.types().first()).unwrap_or(&EndpointType::Edge);
    found.as_str().to_owned()
}

/// The size that AWS is told; none switches compression off.
fn compression(want: &Desired) -> Option<i32> {
    want.minimum_compression_size.filter(|size| *size != NO_COMPRESSION)
}

async fn create(clients: &Clients, want: &Desired) -> Result<Answer, Error> {
    let (operation, object) = (Operation::CreateRestApi, format!("REST API {}", want.name));
    let tags: HashMap<String, String> = want.tags.clone().into_iter().collect();
    let request = clients
        .apigateway_once
        .create_rest_api()
        .name(&want.name)
        .endpoint_configuration(EndpointConfiguration::builder().types(want.new_endpoint_type().into()).build())
        .disable_execute_api_endpoint(want.disable_execute_api_endpoint)
        .set_minimum_compression_size(compression(want))
        .set_binary_media_types(
            (!want.binary_media_types.is_empty()).then(|| want.binary_media_types.iter().cloned().collect()),
        )
        .set_tags(Some(tags));
    let answer = clients.call(operation, &object, request.send()).await?;
    let lacks = |what| Error::incomplete(operation, &object, what);
    Ok(Answer::RestApi {
        id: answer.id().ok_or_else(|| lacks("id"))?.to_owned(),
        root_id: answer.root_resource_id().map(str::to_owned),
        created_at: answer.created_date().and_then(timestamp).ok_or_else(|| lacks("creation date"))?,
    })
}
