use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::api::StepFunctionEndpoint;
use crate::desired::{References, Settings, Undesired, desired};

const ARN: &str = "arn:aws:states:eu-central-1:000000000000:stateMachine:a";

fn mistakes(api: &Value, routes: &Value) -> Vec<String> {
    let object: StepFunctionEndpoint = serde_json::from_value(json!({
        "apiVersion": "sfe.dev/v1alpha1",
        "kind": "StepFunctionEndpoint",
        "metadata": { "name": "a", "namespace": "n" },
        "spec": { "stateMachine": { "arn": ARN }, "api": api, "routes": routes },
    }))
    .unwrap();
    let references =
        References { state_machine_type: Some(Ok(crate::api::StateMachineType::Standard)), ..References::default() };
    let site =
        Site { partition: "aws".to_owned(), region: "eu-central-1".to_owned(), account: "000000000000".to_owned() };
    match desired(&object, &references, &Settings::new("c".to_owned(), site)) {
        Err(Undesired::Invalid(mistakes)) => mistakes.iter().map(ToString::to_string).collect(),
        Ok(_) => Vec::new(),
        Err(Undesired::Waiting(why)) => why,
    }
}

fn open() -> Value {
    json!([{ "path": "/a/{id}", "method": "POST", "auth": { "type": "NONE" } }])
}

#[rstest]
#[case::a_range(json!({ "allow": { "cidrs": ["192.0.2.0/24"] } }), &[])]
#[case::a_denied_part(json!({ "allow": { "cidrs": ["192.0.2.0/24"] }, "deny": { "cidrs": ["192.0.2.8/32"] } }), &[])]
#[case::vpcs_of_an_api_that_may_be_private(json!({ "allow": { "vpcs": ["vpc-1a2b3c4d"], "vpcEndpoints": ["vpce-1a2b3c4d"] } }), &[])]
#[case::no_document(
    json!({ "document": "{}" }),
    &["spec.api.policy.document: `{}`: a policy has a `Statement`, each with `Effect` Allow or Deny"]
)]
#[case::both(
    json!({ "document": "Statement: [{Effect: Deny}]", "allow": { "cidrs": ["::/0"] } }),
    &["spec.api.policy.allow: not allowed with document, which says all: leave one out"]
)]
#[case::empty(
    json!({ "allow": {}, "deny": { "cidrs": [] } }),
    &[
        "spec.api.policy.allow: one of cidrs, vpcs, vpcEndpoints and accounts is required: leave it out, or name one",
        "spec.api.policy.deny: one of cidrs, vpcs and vpcEndpoints is required: leave it out, or name one",
    ]
)]
#[case::several_at_once(
    json!({ "allow": { "cidrs": ["192.0.2.1/24"], "vpcs": ["vpce-1"], "vpcEndpoints": ["vpc-1a2b3c4d"] } }),
    &[
        "spec.api.policy.allow.vpcs[0]: `vpce-1`: must be an id such as vpc-1a2b3c4d",
        "spec.api.policy.allow.vpcEndpoints[0]: `vpc-1a2b3c4d`: must be an id such as vpce-1a2b3c4d",
        "spec.api.policy.allow.cidrs[0]: `192.0.2.1/24`: the range is 192.0.2.0/24: set the bits after its length to zero",
    ]
)]
#[case::denied_altogether(
    json!({ "allow": { "cidrs": ["192.0.2.0/25"], "vpcs": ["vpc-1a2b3c4d"] }, "deny": { "cidrs": ["192.0.2.0/24"], "vpcs": ["vpc-1a2b3c4d"] } }),
    &[
        "spec.api.policy.allow.cidrs[0]: `192.0.2.0/25`: all of it is denied by 192.0.2.0/24: leave one of the two out",
        "spec.api.policy.allow.vpcs[0]: `vpc-1a2b3c4d`: is denied too: leave one of the two out",
    ]
)]
#[case::accounts_of_nothing_that_is_signed(
    json!({ "allow": { "accounts": ["1111", "000000000000"] }, "deny": { "cidrs": ["x"] } }),
    &[
        "spec.api.policy.allow.accounts[0]: `1111`: must be the twelve digits of an account",
        "spec.api.policy.allow.accounts[1]: `000000000000`: is the API's own account, in which IAM policies alone decide who may call: leave it out",
        "spec.api.policy.allow.accounts: `1111`: no route has auth AWS_IAM, by which alone the account of a caller is known: set it, or leave this out",
        "spec.api.policy.deny.cidrs[0]: `x`: allowed are ranges such as 192.0.2.0/24, 192.0.2.1/32 and 2001:db8::/32",
    ]
)]
fn lists_read(#[case] policy: Value, #[case] says: &[&str]) {
    assert_eq!(mistakes(&json!({ "policy": policy }), &open()), says);
}

#[test]
fn an_api_that_is_said_to_be_public_knows_no_vpc() {
    let api = json!({ "endpointType": "REGIONAL", "policy": { "deny": { "vpcs": ["vpc-1a2b3c4d"] } } });
    let says = "spec.api.policy.deny.vpcs: `vpc-1a2b3c4d`: an API of type REGIONAL does not know the VPC of a caller, a private one does: leave it out";
    assert_eq!(mistakes(&api, &open()), [says]);
}

#[test]
fn a_route_that_would_open_another_is_refused() {
    let routes = json!([
        { "path": "/a/{id}", "method": "POST", "auth": { "type": "NONE" } },
        { "path": "/a/{id}/b", "method": "POST", "auth": { "type": "AWS_IAM" } },
    ]);
    let api = json!({ "policy": { "allow": { "cidrs": ["192.0.2.0/24"], "accounts": ["111122223333"] } } });
    let says = "spec.api.policy: POST /a/{id} would open POST /a/{id}/b, as a `*` of a policy goes beyond a `/`: set the same `auth` for both, or change one path";
    assert_eq!(mistakes(&api, &routes), [says]);
    assert_eq!(mistakes(&json!({}), &routes), Vec::<String>::new());
}
