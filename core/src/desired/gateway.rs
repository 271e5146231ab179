//! The REST API itself: its name, where it answers, and who may call beside what the routes ask for.

use crate::api;
use crate::kinds::rest_api::{Desired, NO_COMPRESSION};
use crate::mistakes::{FieldPath, Mistakes};
use crate::owner::Owner;
use crate::policy::ResourcePolicy;

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
