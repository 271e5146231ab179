use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::api::StepFunctionEndpointStatus;
use crate::desired::{GuestRoutes, Undesired, desired};
use crate::owner::Site;

fn settings() -> Settings {
    let site = Site { partition: "aws".into(), account: "000000000000".into(), region: "eu-central-1".into() };
    Settings::new("c".into(), site)
}

fn object(namespace: &str, name: &str, api: &Value) -> StepFunctionEndpoint {
    serde_json::from_value(json!({
        "apiVersion": "sfe.dev/v1alpha1", "kind": "StepFunctionEndpoint",
        "metadata": { "name": name, "namespace": namespace, "generation": 1 },
        "spec": {
            "stateMachine": { "definition": "{StartAt: A, States: {A: {Type: Succeed}}}" },
            "api": api,
            "routes": [{ "path": format!("/{namespace}/{name}"), "method": "POST", "auth": { "type": "NONE" } }],
        },
    }))
    .unwrap()
}

fn host(allowed: &Value) -> StepFunctionEndpoint {
    object("shop", "orders", &json!({ "allowedRoutes": { "namespaces": allowed } }))
}

fn selector() -> Value {
    json!({ "from": "Selector", "selector": { "matchLabels": { "team": "a" } } })
}

/// A guest of shop/orders whose role and state machine stand.
fn guest(namespace: &str, name: &str) -> StepFunctionEndpoint {
    let mut guest = object(namespace, name, &json!({ "endpointRef": { "name": "orders", "namespace": "shop" } }));
    let owner = super::super::owner(&guest, &settings());
    let site = settings().site;
    let arn = |arn: Option<crate::arn::Arn>| arn.unwrap().to_string();
    let condition = |name: &str| json!({ "type": name, "status": "True", "observedGeneration": 1, "reason": "A", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z" });
    let status = json!({
        "observedGeneration": 1,
        "conditions": [condition("RolesReady"), condition("StateMachineReady")],
        "stateMachine": { "arn": arn(site.state_machine_arn(&owner.state_machine_name(api::StateMachineType::Standard))), "type": "STANDARD" },
        "gatewayRoleArn": arn(site.role_arn(&owner.gateway_role_name())),
    });
    guest.status = serde_json::from_value(status).unwrap();
    guest
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[rstest]
#[case::nothing_said(json!({}), "abroad", &[], Admission::Forbidden)]
#[case::own_namespace(json!({}), "shop", &[], Admission::Allowed)]
#[case::same(json!({ "from": "Same" }), "abroad", &[("team", "a")], Admission::Forbidden)]
#[case::all(json!({ "from": "All" }), "abroad", &[], Admission::Allowed)]
#[case::selected(selector(), "abroad", &[("team", "a"), ("x", "y")], Admission::Allowed)]
#[case::not_selected(selector(), "abroad", &[("team", "b")], Admission::Unselected)]
#[case::own_is_not_selected(selector(), "shop", &[], Admission::Allowed)]
#[case::all_selected(json!({ "from": "Selector", "selector": {} }), "abroad", &[], Admission::Allowed)]
fn a_host_lets(
    #[case] allowed: Value,
    #[case] namespace: &str,
    #[case] found: &[(&str, &str)],
    #[case] expected: Admission,
) {
    assert_eq!(admission(&host(&allowed), namespace, Some(&labels(found))), expected);
}

#[rstest]
#[case::is_in("In", &["a", "b"], [true, false, false])]
#[case::not_in("NotIn", &["a", "b"], [false, true, true])]
#[case::exists("Exists", &[], [true, true, false])]
#[case::does_not_exist("DoesNotExist", &[], [false, false, true])]
fn a_requirement_holds(#[case] operator: &str, #[case] values: &[&str], #[case] expected: [bool; 3]) {
    let selector: api::NamespaceSelector = serde_json::from_value(
        json!({ "matchExpressions": [{ "key": "team", "operator": operator, "values": values }] }),
    )
    .unwrap();
    let found = [labels(&[("team", "a")]), labels(&[("team", "c")]), labels(&[])];
    assert_eq!(found.map(|labels| selector.selects(&labels)), expected);
}

/// A host with the guests `a` and `b` of `abroad`, of which its status tells the first.
fn fates(allowed: &Value, found: Option<Labels>) -> Vec<(String, &'static str)> {
    let mut host = host(allowed);
    let told = json!({ "guests": [{ "name": "a", "namespace": "abroad", "routesHash": "x" }] });
    host.status = serde_json::from_value::<Option<StepFunctionEndpointStatus>>(told).unwrap();
    let labels: BTreeMap<String, Labels> = found.map(|found| ("abroad".to_owned(), found)).into_iter().collect();
    let guests = admitted(&host, vec![guest("abroad", "a"), guest("abroad", "b")], &labels);
    let references = References { guests, labels, ..References::default() };
    fates_of(&host, &references)
}

fn fates_of(host: &StepFunctionEndpoint, references: &References) -> Vec<(String, &'static str)> {
    let api = desired(host, references, &settings()).unwrap().api.unwrap();
    let fate = |fate: &GuestRoutes| match fate {
        GuestRoutes::Served { .. } => "served",
        GuestRoutes::Held { .. } => "held",
        GuestRoutes::Released { .. } => "released",
        GuestRoutes::Refused { .. } => "refused",
    };
    api.guests.iter().map(|(name, found)| (name.to_string(), fate(found))).collect()
}

/// A state machine that could not be read since the manifest changed is told as it was before.
#[test]
fn what_a_guest_says_of_an_earlier_generation_does_not_count() {
    let mut guest = guest("shop", "refunds");
    let fate = |guest: &StepFunctionEndpoint| {
        fates_of(&host(&json!({})), &References { guests: vec![guest.clone()], ..References::default() })
    };
    assert_eq!(fate(&guest), [("refunds".to_owned(), "served")]);
    guest.metadata.generation = Some(2);
    let status = guest.status.as_mut().unwrap();
    (status.observed_generation, status.conditions[0].observed_generation) = (Some(2), Some(2));
    assert_eq!(fate(&guest), [("refunds".to_owned(), "held")]);
    guest.status.as_mut().unwrap().conditions[1].observed_generation = Some(2);
    assert_eq!(fate(&guest), [("refunds".to_owned(), "served")]);
}

#[rstest]
#[case::let_in(json!({ "from": "All" }), None, &[("abroad/a", "served"), ("abroad/b", "served")])]
#[case::selected(selector(), Some(labels(&[("team", "a")])), &[("abroad/a", "served"), ("abroad/b", "served")])]
#[case::not_selected_any_more(selector(), Some(labels(&[])), &[("abroad/a", "refused")])]
#[case::unread(selector(), None, &[("abroad/a", "held")])]
#[case::taken_off(json!({ "from": "Same" }), None, &[])]
fn routes_of_another_namespace_are(
    #[case] allowed: Value,
    #[case] found: Option<Labels>,
    #[case] expected: &[(&str, &str)],
) {
    let expected: Vec<_> = expected.iter().map(|(name, fate)| ((*name).to_owned(), *fate)).collect();
    assert_eq!(fates(&allowed, found), expected);
}

#[test]
fn a_guest_answers_text_where_its_hosts_api_knows_bytes() {
    let host = object("shop", "orders", &json!({ "binaryMediaTypes": ["image/png"] }));
    let guest = guest("shop", "refunds");
    let marker = super::super::owner(&guest, &settings()).marker();
    let references = References { guests: vec![guest], ..References::default() };
    let api = desired(&host, &references, &settings()).unwrap().api.unwrap();
    let theirs = api.methods.values().filter(|method| method.operation_name == marker);
    let answers = theirs.flat_map(|method| method.integration.responses.values());
    let handling: Vec<_> = answers.map(|response| response.content_handling.as_deref()).collect();
    assert_eq!(handling, [Some("CONVERT_TO_TEXT"); 2]);
}

#[test]
fn guests_of_one_name_in_two_namespaces_are_two() {
    let host = object("shop", "orders", &json!({ "allowedRoutes": { "namespaces": { "from": "All" } } }));
    let guests = vec![guest("abroad", "orders"), guest("shop", "refunds"), guest("further", "orders")];
    let markers: Vec<String> = guests.iter().map(|guest| super::super::owner(guest, &settings()).marker()).collect();
    let references = References { guests, ..References::default() };
    let api = desired(&host, &references, &settings()).unwrap().api.unwrap();
    let names: Vec<String> = api.guests.keys().map(ToString::to_string).collect();
    assert_eq!(names, ["refunds", "abroad/orders", "further/orders"], "its own namespace first");
    for marker in markers {
        assert_eq!(api.methods.values().filter(|method| method.operation_name == marker).count(), 1, "{marker}");
    }
}

/// What is told of a guest of shop/orders.
fn told(api: &Value, admission: Admission, settings: &Settings) -> String {
    let host = Host {
        name: Neighbour::new("shop", "orders", "abroad"),
        exists: true,
        admission,
        is_guest: false,
        idle: None,
        url: Some("https://secret".to_owned()),
        guest: None,
        binary_media_types: BTreeSet::new(),
    };
    let references = References { host: Some(host), ..References::default() };
    match desired(&object("abroad", "orders", api), &references, settings) {
        Ok(desired) => format!("hosted by {}", desired.hosted.unwrap().host.name),
        Err(Undesired::Invalid(mistakes)) => mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        Err(Undesired::Waiting(waits)) => waits.join(", "),
    }
}

const NOT_ALLOWED: &str = "spec.api.endpointRef.namespace: `shop`: shop/orders does not allow routes of the namespace abroad: \
                           whoever owns it allows them by `api.allowedRoutes`";

#[rstest]
#[case::allowed(Admission::Allowed, "hosted by shop/orders")]
#[case::forbidden(Admission::Forbidden, NOT_ALLOWED)]
#[case::not_selected(Admission::Unselected, NOT_ALLOWED)]
#[case::unread(
    Admission::Unknown,
    "the labels of namespace abroad can't be read, by which StepFunctionEndpoint shop/orders selects"
)]
fn a_guest_is_told(#[case] admission: Admission, #[case] expected: &str) {
    let reference = json!({ "endpointRef": { "name": "orders", "namespace": "shop" } });
    assert_eq!(told(&reference, admission, &settings()), expected);
}

#[rstest]
#[case::another_namespace(
    json!({ "endpointRef": { "name": "orders", "namespace": "shop" } }),
    "spec.api.endpointRef.namespace: `shop`: the operator works on the namespace abroad alone"
)]
#[case::itself(
    json!({ "endpointRef": { "name": "orders", "namespace": "abroad" } }),
    "spec.api.endpointRef.name: `orders`: must name another StepFunctionEndpoint"
)]
#[case::a_guest_with_guests(
    json!({ "endpointRef": { "name": "other" }, "allowedRoutes": { "namespaces": { "from": "All" } } }),
    "spec.api.allowedRoutes: not allowed with api.endpointRef: whose API it is says it"
)]
#[case::no_selector(
    json!({ "allowedRoutes": { "namespaces": { "from": "Selector" } } }),
    "spec.api.allowedRoutes.namespaces.selector: required with from: Selector"
)]
#[case::a_selector_of_none(
    json!({ "allowedRoutes": { "namespaces": { "selector": {} } } }),
    "spec.api.allowedRoutes.namespaces.selector: allowed with from: Selector alone"
)]
#[case::labels_unread(
    json!({ "allowedRoutes": { "namespaces": { "from": "Selector", "selector": {} } } }),
    "spec.api.allowedRoutes.namespaces.from: `Selector`: the operator does not read Namespaces: \
     the cluster's admin sets the chart's `namespaceSelectors: true`"
)]
#[case::values_of_nothing(
    json!({ "allowedRoutes": { "namespaces": { "from": "Selector", "selector": { "matchExpressions": [{ "key": "a", "operator": "In" }] } } } }),
    "spec.api.allowedRoutes.namespaces.selector.matchExpressions[0].values: required with In and NotIn, and not allowed otherwise"
)]
fn what_makes_no_sense_is_refused(#[case] api: Value, #[case] expected: &str) {
    let settings = Settings { namespace: Some("abroad".to_owned()), reads_namespaces: false, ..settings() };
    let said = told(&api, Admission::Allowed, &settings);
    assert!(said.contains(expected), "{said}");
}

/// A host may be about to serve the routes of the generation in between.
#[rstest]
#[case::of_now(json!({ "generation": 3 }), true)]
#[case::of_an_earlier_manifest_with_the_same_routes(json!({ "generation": 1 }), false)]
#[case::told_by_an_earlier_version(json!({}), true)]
#[case::of_other_routes(json!({ "generation": 3, "routesHash": "other" }), false)]
fn routes_are_served_as_of(#[case] told: Value, #[case] expected: bool) {
    let mut guest = guest("shop", "refunds");
    guest.metadata.generation = Some(3);
    let of_host = |guest: Option<api::GuestStatus>| References {
        host: Some(Host {
            name: Neighbour::new("shop", "orders", "shop"),
            exists: true,
            admission: Admission::Allowed,
            is_guest: false,
            idle: None,
            url: None,
            guest,
            binary_media_types: BTreeSet::new(),
        }),
        ..References::default()
    };
    let hosted = |told| desired(&guest, &of_host(told), &settings()).unwrap().hosted.unwrap();
    let untold = hosted(None);
    assert!(!untold.is_served());
    let mut status = json!({ "name": "refunds", "routesHash": untold.routes_hash });
    status.as_object_mut().unwrap().extend(told.as_object().unwrap().clone());
    assert_eq!(hosted(serde_json::from_value(status).unwrap()).is_served(), expected);
}

/// What a guest's methods left unfinished goes, unless the stage serves them.
#[test]
fn what_the_stage_serves_of_a_guest_is_kept() {
    let mut host = host(&selector());
    let told = json!({ "guests": [
        { "name": "a", "namespace": "abroad", "routesHash": "x" }, { "name": "b", "namespace": "abroad" },
    ] });
    host.status = serde_json::from_value(told).unwrap();
    let references = References { guests: vec![guest("abroad", "a"), guest("abroad", "b")], ..References::default() };
    let api = desired(&host, &references, &settings()).unwrap().api.unwrap();
    let is_served = |fate: &GuestRoutes| match fate {
        GuestRoutes::Held { kept } => kept.is_served,
        GuestRoutes::Served { .. } | GuestRoutes::Released { .. } | GuestRoutes::Refused { .. } => panic!("not held"),
    };
    assert_eq!(api.guests.values().map(is_served).collect::<Vec<_>>(), [true, false]);
}
