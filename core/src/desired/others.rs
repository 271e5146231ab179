//! Someone else's REST API, on which our routes are put (`api.restApiId`). Of all that is on it only what is known to be ours is ever
//! changed: methods by the markers of this endpoint and its guests, resources by their ids in the status.

use std::collections::BTreeSet;

use crate::api::{DeletionPolicy, StepFunctionEndpoint, StepFunctionEndpointSpec};
use crate::mistakes::{FieldPath, Mistakes};
use crate::owner::Owner;

use super::{References, Settings, owner, path, site};

/// Someone else's REST API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OthersApi {
    /// Its id.
    pub id: String,
    /// The `operationName`s of methods that are ours: this endpoint's and its guests', those included that go.
    pub markers: BTreeSet<String>,
}

/// The API that the manifest names.
pub fn named(object: &StepFunctionEndpoint, guests: &[StepFunctionEndpoint], settings: &Settings) -> Option<OthersApi> {
    let id = object.spec.api.as_ref()?.rest_api_id.clone()?;
    let own = owner(object, settings);
    let told = object.status.iter().flat_map(|status| &status.guests).map(|guest| Owner {
        cluster: own.cluster.clone(),
        namespace: guest.namespace.clone().unwrap_or_else(|| own.namespace.clone()),
        name: guest.name.clone(),
    });
    let guests = guests.iter().map(|guest| owner(guest, settings));
    let markers = guests.chain(told).chain([own.clone()]).map(|owner| owner.marker()).collect();
    Some(OthersApi { id, markers })
}

/// The manifest with its routes where they are on the API: below `api.parentPath`.
pub fn below(spec: &StepFunctionEndpointSpec) -> StepFunctionEndpointSpec {
    let mut spec = spec.clone();
    let parent = spec.api.as_ref().and_then(|api| api.parent_path.clone());
    if let Some(parent) = parent.filter(|parent| parent != "/") {
        for route in &mut spec.routes {
            route.path = if route.path == "/" { parent.clone() } else { format!("{parent}{}", route.path) };
        }
    }
    spec
}

/// What makes no sense, or may not be, with someone else's API.
pub fn check(
    object: &StepFunctionEndpoint,
    references: &References,
    settings: &Settings,
    at: &FieldPath,
    mistakes: &mut Mistakes,
) {
    let (spec, own) = (&object.spec, owner(object, settings));
    let api = spec.api.clone().unwrap_or_default();
    let (stage, at_api, at_stage) = (spec.stage.clone().unwrap_or_default(), at.field("api"), at.field("stage"));
    let Some(id) = &api.rest_api_id else {
        if let Some(parent) = &api.parent_path {
            mistakes.add(at_api.field("parentPath"), parent, "allowed with api.restApiId alone");
        }
        if stage.deploy.is_some() {
            mistakes.add(at_stage.field("deploy"), "Always", "an API of our own is always deployed: leave it out");
        }
        return;
    };
    let others = "not allowed with api.restApiId, whose API is someone else's";
    for (name, is_said) in [
        ("name", api.name.is_some()),
        ("disableExecuteApiEndpoint", api.disable_execute_api_endpoint.is_some()),
        ("endpointType", api.endpoint_type.is_some()),
        ("policy", api.policy.is_some()),
        ("minimumCompressionSize", api.minimum_compression_size.is_some()),
        ("binaryMediaTypes", !api.binary_media_types.is_empty()),
        ("endpointRef", api.endpoint_ref.is_some()),
    ] {
        if is_said {
            mistakes.add(at_api.field(name), "", others);
        }
    }
    if !spec.gateway_responses.is_empty() {
        mistakes.add(at.field("gatewayResponses"), "", others);
    }
    if let Some(parent) = &api.parent_path {
        mistakes.take(at_api.field("parentPath"), parent, path::check(parent));
    }
    if stage.name.is_none() {
        mistakes.add(
            at_stage.field("name"),
            "",
            "required with api.restApiId: a stage of our own, beside those of others",
        );
    }
    if stage.deploy.is_none() {
        let why = "required with api.restApiId: a deployment holds the whole API, others' unfinished methods included: `Always` allows it";
        mistakes.add(at_stage.field("deploy"), "", why);
    }
    if spec.deletion_policy == Some(DeletionPolicy::Retain) {
        let why = "not allowed with api.restApiId: methods that stay on someone else's API would be nobody's";
        mistakes.add(at.field("deletionPolicy"), "Retain", why);
    }
    let told = object.status.as_ref().and_then(|status| status.api.as_ref()).and_then(|api| api.rest_api_id.as_ref());
    if let Some(told) = told.filter(|told| *told != id) {
        let why = format!("can't be changed from {told}: delete the endpoint and apply it again");
        mistakes.add(at_api.field("restApiId"), id, why);
    }
    if let Some(Err(allowed)) = settings.limits.as_ref().map(|limits| limits.of(&own.namespace).rest_api(id)) {
        mistakes.add(at_api.field("restApiId"), id, allowed);
    }
    if let Some(first) = first(object, references, settings) {
        let why = format!(
            "StepFunctionEndpoint {first} writes on it: name that one in `api.endpointRef` in place of the API"
        );
        mistakes.add(at_api.field("restApiId"), id, why);
    }
}

/// Who names the same API and came before this object: one alone writes on an API. Who may not name it doesn't count.
fn first(object: &StepFunctionEndpoint, references: &References, settings: &Settings) -> Option<String> {
    let id = object.spec.api.as_ref()?.rest_api_id.as_ref()?;
    let age = |object: &StepFunctionEndpoint| {
        let owner = owner(object, settings);
        (object.metadata.creation_timestamp.clone(), owner.namespace, owner.name)
    };
    let may = |other: &&StepFunctionEndpoint| {
        let limits = settings.limits.as_ref();
        limits.is_none_or(|limits| limits.of(&owner(other, settings).namespace).rest_api(id).is_ok())
    };
    let is_there = |other: &&StepFunctionEndpoint| site(other, settings).region == site(object, settings).region;
    let others = references.on_same_api.iter().filter(may).filter(is_there);
    let (_, namespace, name) = others.map(age).min().filter(|first| *first < age(object))?;
    Some(format!("{namespace}/{name}"))
}

#[cfg(test)]
mod tests;
