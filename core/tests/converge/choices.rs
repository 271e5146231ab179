//! State machines that a request chooses from: which ARNs a manifest may name there, and what the gateway's role is given.

use serde_json::{Value, json};
use sfe_core::desired::{References, Settings, Undesired, desired};
use sfe_core::limits::Limits;

use super::manifests::{Manifest, settings};

fn arn(account: &str, region: &str, name: &str) -> String {
    format!("arn:aws:states:{region}:{account}:stateMachine:{name}")
}

fn spec(arns: &Value) -> Value {
    json!({
        "stateMachine": { "definition": "{StartAt: A, States: {A: {Type: Succeed}}}" },
        "routes": [{
            "path": "/{kind}", "method": "POST", "auth": { "type": "NONE" },
            "stateMachines": { "from": { "path": "kind" }, "arns": arns },
        }],
    })
}

fn mistakes(arns: &Value, settings: &Settings) -> Vec<String> {
    match desired(&Manifest::object(&spec(arns)), &References::default(), settings) {
        Err(Undesired::Invalid(mistakes)) => mistakes.iter().map(ToString::to_string).collect(),
        Err(Undesired::Waiting(waits)) => panic!("{waits:?}"),
        Ok(_) => Vec::new(),
    }
}

#[test]
fn the_gateway_role_may_start_each_and_nothing_else() {
    let arns =
        json!({ "a": arn("000000000000", "eu-central-1", "a"), "b": arn("000000000000", "eu-central-1", "b:live") });
    let wanted = desired(&Manifest::object(&spec(&arns)), &References::default(), &settings()).unwrap();
    let permissions = wanted.gateway_role.unwrap().permissions.unwrap().to_json();
    for name in ["stateMachine:a\"", "stateMachine:b"] {
        assert!(permissions.contains(name), "{permissions}");
    }
    assert!(!permissions.contains("orders"), "its own state machine is called by no route: {permissions}");
}

#[test]
fn another_account_region_or_service_is_refused() {
    let found = mistakes(
        &json!({
            "a": arn("111111111111", "eu-central-1", "a"),
            "b": arn("000000000000", "us-east-1", "a"),
            "c": "arn:aws:lambda:eu-central-1:000000000000:function:a",
            "d": "a",
        }),
        &settings(),
    );
    let paths: Vec<&str> = found.iter().filter_map(|mistake| mistake.split_once(": ")).map(|(path, _)| path).collect();
    let at = |key: &str| format!("spec.routes[0].stateMachines.arns[{key}]");
    assert_eq!(paths, [at("a"), at("b"), at("c"), at("d")], "{found:?}");
    assert!(found[0].contains("arn:aws:states:eu-central-1:000000000000:stateMachine:<name>"), "{found:?}");
}

#[test]
fn a_namespace_chooses_of_what_it_may_name() {
    let limits = "- {namespaces: [prod], stateMachines: ['arn:aws:states:*:000000000000:stateMachine:prod-*']}";
    let settings = Settings { limits: Some(Limits::parse(limits).unwrap()), ..settings() };
    let arns = json!({
        "a": arn("000000000000", "eu-central-1", "prod-a"),
        "b": arn("000000000000", "eu-central-1", "bank"),
    });
    let found = mistakes(&arns, &settings);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("spec.routes[0].stateMachines.arns[b]: `arn:aws:states:"), "{found:?}");
    assert!(found[0].contains("the cluster's admin limits the state machines of this namespace"), "{found:?}");
}
