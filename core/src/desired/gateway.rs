//! The REST API itself: its name, where it answers, and who may call beside what the routes ask for.

use std::collections::BTreeSet;

use crate::api;
use crate::kinds::rest_api::{Desired, NO_COMPRESSION};
use crate::mistakes::{FieldPath, Mistakes};
use crate::owner::Owner;
use crate::policy::ResourcePolicy;

use super::Host;

/// The largest `minimumCompressionSize`, in bytes. Source: API reference of CreateRestApi.
const COMPRESSION_BYTES_MAX: i32 = 10_485_760;

/// Each value that AWS would refuse.
pub fn check(spec: &api::Api, at: &FieldPath, mistakes: &mut Mistakes) {
    if let Some(size) = spec.minimum_compression_size
        && !(NO_COMPRESSION..=COMPRESSION_BYTES_MAX).contains(&size)
    {
        let allowed =
            format!("allowed are 0 to {COMPRESSION_BYTES_MAX} bytes, and {NO_COMPRESSION} for no compression");
        mistakes.add(at.field("minimumCompressionSize"), size, allowed);
    }
    for (index, text) in spec.binary_media_types.iter().enumerate() {
        mistakes.take(at.field("binaryMediaTypes").index(index), text, binary_media_type(text));
    }
}

/// The content types whose bodies are bytes on the API that the routes are on: a guest's are its host's.
pub fn binary_media_types(spec: &api::StepFunctionEndpointSpec, host: Option<&Host>) -> BTreeSet<String> {
    match &spec.api {
        Some(api) if api.endpoint_ref.is_some() => host.map(|host| host.binary_media_types.clone()).unwrap_or_default(),
        Some(api) => api.binary_media_types.iter().cloned().collect(),
        None => BTreeSet::new(),
    }
}

/// As bytes a body of JSON could not be read, nor an answer of Step Functions.
fn binary_media_type(text: &str) -> Result<(), &'static str> {
    let is_part = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "!#&^_.+-".contains(c))
    };
    match text.split_once('/') {
        Some((_, "*")) => Err("name each type: what it covers could be JSON, which would be no text any more"),
        Some((_, name)) if name == "json" || name.ends_with("+json") || name.starts_with("x-amz-json") => {
            Err("JSON is text: as bytes no body of it could be read, nor the answer of Step Functions")
        }
        Some((one, other)) if is_part(one) && is_part(other) => Ok(()),
        _ => Err("a content type in lower case and without parameters is expected, such as `image/png`"),
    }
}

/// The REST API. A policy that lists make is not among it, as all methods decide about it.
pub fn desired(spec: Option<&api::Api>, owner: &Owner) -> Desired {
    let spec = spec.cloned().unwrap_or_default();
    let name = spec.rest_api_id.or(spec.name).unwrap_or_else(|| format!("{}-{}", owner.namespace, owner.name));
    let policy = spec.policy.and_then(|policy| match policy.document {
        Some(document) => ResourcePolicy::parse(&document).ok(),
        None if policy.allow.is_some() || policy.deny.is_some() => None,
        None => Some(ResourcePolicy::default()),
    });
    Desired {
        disable_execute_api_endpoint: spec.disable_execute_api_endpoint.unwrap_or(false),
        endpoint_type: spec.endpoint_type,
        minimum_compression_size: spec.minimum_compression_size,
        binary_media_types: spec.binary_media_types.into_iter().collect(),
        policy,
        ..Desired::new(name, owner.tags())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn spec(value: &Value) -> api::Api {
        serde_json::from_value(value.clone()).unwrap()
    }

    #[rstest]
    #[case::too_large(
        json!({ "minimumCompressionSize": 10_485_761 }),
        "spec.api.minimumCompressionSize: `10485761`: allowed are 0 to 10485760 bytes, and -1 for no compression"
    )]
    #[case::too_small(
        json!({ "minimumCompressionSize": -2 }),
        "spec.api.minimumCompressionSize: `-2`: allowed are 0 to 10485760 bytes, and -1 for no compression"
    )]
    #[case::all_as_bytes(
        json!({ "binaryMediaTypes": ["*/*"] }),
        "spec.api.binaryMediaTypes[0]: `*/*`: name each type: what it covers could be JSON, which would be no text any more"
    )]
    #[case::json_as_bytes(
        json!({ "binaryMediaTypes": ["image/png", "application/json"] }),
        "spec.api.binaryMediaTypes[1]: `application/json`: JSON is text: as bytes no body of it could be read, nor the answer of Step Functions"
    )]
    #[case::another_json_as_bytes(
        json!({ "binaryMediaTypes": ["application/problem+json"] }),
        "spec.api.binaryMediaTypes[0]: `application/problem+json`: JSON is text: as bytes no body of it could be read, nor the answer of Step Functions"
    )]
    #[case::no_type(
        json!({ "binaryMediaTypes": ["Image/PNG; q=1"] }),
        "spec.api.binaryMediaTypes[0]: `Image/PNG; q=1`: a content type in lower case and without parameters is expected, such as `image/png`"
    )]
    fn what_aws_would_refuse_is_refused(#[case] api: Value, #[case] says: &str) {
        let mut mistakes = Mistakes::none();
        check(&spec(&api), &FieldPath::spec().field("api"), &mut mistakes);
        assert_eq!(mistakes.iter().map(ToString::to_string).collect::<Vec<_>>(), [says]);
    }

    #[test]
    fn what_is_not_said_stays_and_nothing_can_be_said() {
        let owner = Owner { cluster: "c".to_owned(), namespace: "n".to_owned(), name: "a".to_owned() };
        let of = |api: Value| desired(Some(&spec(&api)), &owner);
        assert_eq!(of(json!({})), Desired::new("n-a".to_owned(), owner.tags()));
        assert_eq!(of(json!({ "policy": {} })).policy, Some(ResourcePolicy::default()));
        assert_eq!(of(json!({ "minimumCompressionSize": -1 })).minimum_compression_size, Some(NO_COMPRESSION));
    }
}
