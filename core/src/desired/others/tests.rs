use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::desired::{Undesired, desired};
use crate::limits::Limits;
use crate::owner::Site;

const LIMITS: &str =
    "- {namespaces: [shop], restApis: [a1]}\n- {namespaces: [other]}\n- {namespaces: [admin], restApis: ['*']}";

fn settings(limits: &str) -> Settings {
    let site = Site { partition: "aws".into(), account: "000000000000".into(), region: "eu-central-1".into() };
    Settings { limits: Limits::parse(limits).ok().filter(|_| !limits.is_empty()), ..Settings::new("c".into(), site) }
}

fn object(namespace: &str, name: &str, created: u8, fields: &Value) -> StepFunctionEndpoint {
    let mut object = json!({
        "apiVersion": "sfe.dev/v1alpha1", "kind": "StepFunctionEndpoint",
        "metadata": { "name": name, "namespace": namespace, "creationTimestamp": format!("2026-01-01T00:00:{created:02}Z") },
        "spec": {
            "stateMachine": { "definition": "{StartAt: A, States: {A: {Type: Succeed}}}" },
            "api": { "restApiId": "a1" },
            "stage": { "name": "ours", "deploy": "Always" },
            "routes": [{ "path": "/", "method": "POST", "auth": { "type": "NONE" } },
                       { "path": "/b/{id}", "method": "POST", "auth": { "type": "NONE" } }],
        },
    });
    for (field, value) in fields.as_object().unwrap() {
        object["spec"][field] = value.clone();
    }
    serde_json::from_value(object).unwrap()
}

/// The routes' places, or the mistakes.
fn told(object: &StepFunctionEndpoint, on_same_api: Vec<StepFunctionEndpoint>, limits: &str) -> String {
    let references = References { on_same_api, ..References::default() };
    match desired(object, &references, &settings(limits)) {
        Ok(desired) => {
            let api = desired.api.unwrap();
            let paths: Vec<&str> = api.methods.keys().map(|key| key.path.as_str()).collect();
            format!("{}: {}", api.others.map_or("ours".to_owned(), |others| others.id), paths.join(", "))
        }
        Err(Undesired::Invalid(mistakes)) => mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        Err(Undesired::Waiting(waits)) => waits.join(", "),
    }
}

#[rstest]
#[case::at_the_root(json!({}), "a1: /, /b/{id}")]
#[case::also_at_the_root(json!({ "api": { "restApiId": "a1", "parentPath": "/" } }), "a1: /, /b/{id}")]
#[case::below(json!({ "api": { "restApiId": "a1", "parentPath": "/team/{x}" } }), "a1: /team/{x}, /team/{x}/b/{id}")]
#[case::with_a_name(
    json!({ "api": { "restApiId": "a1", "name": "n" } }),
    "spec.api.name: not allowed with api.restApiId, whose API is someone else's"
)]
#[case::with_its_settings(
    json!({ "api": { "restApiId": "a1", "disableExecuteApiEndpoint": true } }),
    "spec.api.disableExecuteApiEndpoint: not allowed with api.restApiId, whose API is someone else's"
)]
#[case::a_wrong_path(
    json!({ "api": { "restApiId": "a1", "parentPath": "team" } }),
    "spec.routes[0].path: `team`: must start with /; spec.routes[1].path: `team/b/{id}`: must start with /; spec.api.parentPath: `team`: must start with /"
)]
#[case::a_name_twice_in_the_path(
    json!({ "api": { "restApiId": "a1", "parentPath": "/{id}" } }),
    "spec.routes[1].path: `/{id}/b/{id}`: {id} stands twice in the path"
)]
#[case::no_stage(
    json!({ "stage": { "deploy": "Always" } }),
    "spec.stage.name: required with api.restApiId: a stage of our own, beside those of others"
)]
#[case::not_allowed_to_deploy(
    json!({ "stage": { "name": "ours" } }),
    "spec.stage.deploy: required with api.restApiId: a deployment holds the whole API, others' unfinished methods included: `Always` allows it"
)]
#[case::retained(
    json!({ "deletionPolicy": "Retain" }),
    "spec.deletionPolicy: `Retain`: not allowed with api.restApiId: methods that stay on someone else's API would be nobody's"
)]
#[case::a_path_of_an_api_of_our_own(
    json!({ "api": { "parentPath": "/team" }, "stage": null }),
    "spec.api.parentPath: `/team`: allowed with api.restApiId alone"
)]
#[case::deploy_of_an_api_of_our_own(
    json!({ "api": null }),
    "spec.stage.deploy: `Always`: an API of our own is always deployed: leave it out"
)]
fn a_manifest_reads_as(#[case] fields: Value, #[case] expected: &str) {
    assert_eq!(told(&object("shop", "a", 1, &fields), Vec::new(), ""), expected);
}

#[test]
fn a_guest_names_no_api() {
    let said = told(
        &object("shop", "a", 1, &json!({ "api": { "restApiId": "a1", "endpointRef": { "name": "b" } } })),
        Vec::new(),
        "",
    );
    assert!(said.contains("spec.api.endpointRef: not allowed with api.restApiId"), "{said}");
}

#[rstest]
#[case::named("shop", "a1: /, /b/{id}")]
#[case::any("admin", "a1: /, /b/{id}")]
#[case::none_by_default(
    "other",
    "spec.api.restApiId: `a1`: the cluster's admin limits the REST APIs of this namespace: allowed are none"
)]
fn limits_name_the_apis(#[case] namespace: &str, #[case] expected: &str) {
    assert_eq!(told(&object(namespace, "a", 1, &json!({})), Vec::new(), LIMITS), expected);
}

const SECOND: &str = "spec.api.restApiId: `a1`: StepFunctionEndpoint shop/first writes on it: name that one in `api.endpointRef` in place of the API";

#[rstest]
#[case::the_second(2, object("shop", "first", 1, &json!({})), SECOND)]
#[case::the_first(1, object("shop", "second", 2, &json!({})), "a1: /, /b/{id}")]
#[case::at_the_same_time(1, object("shop", "first", 1, &json!({})), "a1: /, /b/{id}")]
#[case::one_that_may_not(2, object("other", "first", 1, &json!({})), "a1: /, /b/{id}")]
#[case::in_another_region(2, object("shop", "first", 1, &json!({ "region": "eu-west-1" })), "a1: /, /b/{id}")]
fn one_alone_writes_on_an_api(#[case] created: u8, #[case] other: StepFunctionEndpoint, #[case] expected: &str) {
    assert_eq!(told(&object("shop", "a", created, &json!({})), vec![other], LIMITS), expected);
}

#[test]
fn another_api_than_before_is_refused() {
    let mut object = object("shop", "a", 1, &json!({}));
    object.status = serde_json::from_value(json!({ "api": { "restApiId": "b2" } })).unwrap();
    let said = told(&object, Vec::new(), "");
    assert_eq!(said, "spec.api.restApiId: `a1`: can't be changed from b2: delete the endpoint and apply it again");
}

#[test]
fn what_is_ours_is_known_also_of_a_guest_that_is_gone() {
    let mut host = object("shop", "a", 1, &json!({}));
    host.status =
        serde_json::from_value(json!({ "guests": [{ "name": "gone" }, { "name": "gone", "namespace": "far" }] }))
            .unwrap();
    let guest = object("shop", "guest", 1, &json!({}));
    let found = named(&host, &[guest], &settings("")).unwrap().markers;
    let marker = |namespace: &str, name: &str| {
        Owner { cluster: "c".into(), namespace: namespace.into(), name: name.into() }.marker()
    };
    let expected = [marker("shop", "a"), marker("shop", "guest"), marker("shop", "gone"), marker("far", "gone")];
    assert_eq!(found, BTreeSet::from(expected));
}
