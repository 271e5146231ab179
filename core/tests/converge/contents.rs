//! A route that takes other content types than JSON: its call is JSON all the same, and stays so.

use std::collections::BTreeMap;

use serde_json::json;
use sfe_core::api::HttpMethod;
use sfe_core::desired::{References, desired};
use sfe_core::kinds::method::{self, Integration, Observed, Place, Settings};

use super::manifests::{Manifest, settings};

#[test]
fn the_content_type_of_the_call_is_put_back() {
    let spec = json!({
        "stateMachine": { "definition": "{StartAt: A, States: {A: {Type: Succeed}}}" },
        "routes": [{
            "path": "/", "method": "POST", "auth": { "type": "NONE" },
            "contentTypes": { "text/xml": { "fields": { "xml": { "rawBody": "TEXT" } } } },
        }],
    });
    let wanted = desired(&Manifest::object(&spec), &References::default(), &settings()).unwrap();
    let api = wanted.api.unwrap();
    let want = api.methods.values().next().unwrap();
    let at = Place {
        rest_api_id: "a".to_owned(),
        resource_id: "r".to_owned(),
        path: "/".to_owned(),
        method: HttpMethod::Post,
    };
    let next = |integration: &Integration| {
        let responses = integration.responses.keys().copied().collect();
        let found = Observed { settings: Settings::default(), integration: Some(integration.clone()), responses };
        method::next(&at, want, &Settings::default(), Some(&found)).actions
    };
    assert_eq!(next(&want.integration), []);
    let drifted = Integration { other_settings: BTreeMap::new(), ..want.integration.clone() };
    let actions = next(&drifted);
    let [method::Action::PutIntegration { integration, changes, .. }] = actions.as_slice() else {
        panic!("one write was expected: {actions:?}")
    };
    assert!(changes.has("integration"), "{changes:?}");
    let set = integration.other_settings.get("integration.request.header.Content-Type");
    assert_eq!(set.map(String::as_str), Some("'application/x-amz-json-1.0'"));
}
