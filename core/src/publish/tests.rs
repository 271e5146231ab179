use rstest::rstest;

use super::*;
use crate::outcome::Remedy;

fn endpoint(publish: &serde_json::Value) -> StepFunctionEndpoint {
    let spec = json!({
        "stateMachine": { "definitionFrom": { "configMapKeyRef": { "name": "source", "key": "a" } } },
        "routes": [{ "path": "/", "method": "POST", "auth": { "type": "NONE" } }],
        "publish": publish,
    });
    let mut object = StepFunctionEndpoint::new("orders", serde_json::from_value(spec).unwrap());
    object.metadata.uid = Some("u-1".to_owned());
    object
}

#[rstest]
#[case::both(json!({ "configMap": { "name": "orders-1.endpoint" }, "secret": { "name": "0" } }), "")]
#[case::none(json!({}), "spec.publish: configMap or secret is required")]
#[case::upper(json!({ "configMap": { "name": "Orders" } }), "spec.publish.configMap.name: `Orders`: allowed")]
#[case::empty_label(json!({ "secret": { "name": "a..b" } }), "spec.publish.secret.name: `a..b`: allowed")]
#[case::dash(json!({ "secret": { "name": "a-" } }), "spec.publish.secret.name: `a-`: allowed")]
#[case::path(json!({ "configMap": { "name": "../a" } }), "spec.publish.configMap.name: `../a`: allowed")]
#[case::its_own_source(json!({ "configMap": { "name": "source" } }), "spec.publish.configMap.name: `source`: stateMachine.definitionFrom reads")]
#[case::secret_of_that_name(json!({ "secret": { "name": "source" } }), "")]
fn names_are_checked(#[case] publish: serde_json::Value, #[case] expected: &str) {
    let mut mistakes = Mistakes::none();
    check(&endpoint(&publish).spec, &FieldPath::spec(), &mut mistakes);
    let told: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), usize::from(!expected.is_empty()), "{told:?}");
    assert!(told.join("; ").starts_with(expected), "{told:?}");
}

fn found(owner: Option<(&str, &str, &str)>, value: &str) -> Found {
    let reference = |(kind, name, uid): (&str, &str, &str)| OwnerReference {
        kind: kind.to_owned(),
        name: name.to_owned(),
        uid: uid.to_owned(),
        ..OwnerReference::default()
    };
    Found {
        uid: "c-1".to_owned(),
        resource_version: "7".to_owned(),
        owners: owner.map(reference).into_iter().collect(),
        data: Data::from([("url".to_owned(), value.to_owned())]),
    }
}

const OURS: Option<(&str, &str, &str)> = Some(("StepFunctionEndpoint", "orders", "u-1"));

#[rstest]
#[case::none(None, "Create")]
#[case::the_same(Some(found(OURS, "a")), "Nothing")]
#[case::edited(Some(found(OURS, "b")), "Update")]
#[case::nobodys(
    Some(found(None, "a")),
    "publish failed: ConfigMap told is not ours: it has no ownerReference to this object"
)]
#[case::anothers(Some(found(Some(("Deployment", "orders", "u-2")), "a")), "publish failed: ConfigMap told is not ours")]
#[case::of_a_namesake_that_is_gone(
    Some(found(Some(("StepFunctionEndpoint", "orders", "u-0")), "a")),
    "Retry publish failed: ConfigMap told of a former object of this name is not deleted yet"
)]
fn an_object_reads_as(#[case] found: Option<Found>, #[case] expected: &str) {
    let object = PublishedObject { kind: PublishedKind::ConfigMap, name: "told".to_owned() };
    let data = Data::from([("url".to_owned(), "a".to_owned())]);
    let said = match next(&endpoint(&json!({})), &object, &data, found.as_ref()) {
        Step::Refuse(Failure { message, remedy: Remedy::Retry, .. }) => format!("Retry {message}"),
        Step::Refuse(Failure { message, remedy: Remedy::Person { hint }, .. }) => {
            assert!(hint.starts_with("set another `spec.publish.configMap.name`"), "{hint}");
            message
        }
        step => format!("{step:?}"),
    };
    assert!(said.starts_with(expected), "{said}");
}
