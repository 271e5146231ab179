//! ConfigMaps and Secrets of `publish`, as the API server reads and writes them.

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::DynamicObject;
use kube::discovery::ApiResource;
use serde_json::{Map, Value, json};
use sfe_core::api::{PublishedKind, PublishedObject, StepFunctionEndpoint};
use sfe_core::publish::{Data, Found, owner_reference};

/// Where the API server has objects of this kind.
pub fn resource(kind: PublishedKind) -> ApiResource {
    match kind {
        PublishedKind::ConfigMap => ApiResource::erase::<ConfigMap>(&()),
        PublishedKind::Secret => ApiResource::erase::<Secret>(&()),
    }
}

/// What was read. A value that is no text is none that we wrote.
pub fn read(kind: PublishedKind, object: DynamicObject) -> Found {
    let text = |value: &Value| match kind {
        PublishedKind::ConfigMap => value.as_str().map(str::to_owned),
        PublishedKind::Secret => {
            let bytes: ByteString = serde_json::from_value(value.clone()).ok()?;
            String::from_utf8(bytes.0).ok()
        }
    };
    let members = object.data["data"].as_object().into_iter().flatten();
    Found {
        uid: object.metadata.uid.unwrap_or_default(),
        resource_version: object.metadata.resource_version.unwrap_or_default(),
        owners: object.metadata.owner_references.unwrap_or_default(),
        data: members.map(|(key, value)| (key.clone(), text(value).unwrap_or_default())).collect(),
    }
}

/// One of `owner`'s that is to be created. Not by server-side apply, which would add our ownerReference to an object that someone else has made
/// meanwhile: a create is refused then.
pub fn new(owner: &StepFunctionEndpoint, object: &PublishedObject, data: &Data) -> DynamicObject {
    let mut new = DynamicObject::new(&object.name, &resource(object.kind));
    new.metadata.owner_references = Some(vec![owner_reference(owner)]);
    new.data = json!({ "data": values(object.kind, data) });
    new
}

/// What gives it exactly these keys; labels, annotations and whatever else is on it stay.
pub fn change(kind: PublishedKind, found: &Found, data: &Data) -> Value {
    let mut values = values(kind, data);
    let gone = found.data.keys().filter(|key| !data.contains_key(*key));
    values.extend(gone.map(|key| (key.clone(), Value::Null)));
    json!({ "metadata": { "uid": found.uid, "resourceVersion": found.resource_version }, "data": values })
}

fn values(kind: PublishedKind, data: &Data) -> Map<String, Value> {
    let value = |text: &String| match kind {
        PublishedKind::ConfigMap => json!(text),
        PublishedKind::Secret => json!(ByteString(text.clone().into_bytes())),
    };
    data.iter().map(|(key, text)| (key.clone(), value(text))).collect()
}
