//! What the operator leaves alone, lets go, and takes over: suspend, observe, retain, adopt, and what a cluster's admin forbids.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{ORDERS, api_ids, is_live, objects_of_orders, owner, picture, start, touch, writes};
use crate::http;
use crate::operator::Operator;
use crate::world::{self, World, condition, told, until};

const NONE: [String; 0] = [];
/// After that long both drift and executions would have been looked at.
const DUE: Duration = Duration::from_millis(1500);

fn suspend(suspend: bool) -> Value {
    json!({ "spec": { "suspend": suspend } })
}

fn request_look(value: &str) -> Value {
    json!({ "metadata": { "annotations": { "sfe.dev/requestedAt": value } } })
}

/// How many days the workflow's log is kept; none for ever.
async fn retention(world: &World, namespace: &str) -> Value {
    picture::of(world, &owner(namespace, "orders")).await["logGroup"]["retentionInDays"].clone()
}

/// Someone lets the log grow for ever.
async fn edit_by_hand(world: &World, namespace: &str) {
    let group = owner(namespace, "orders").log_group_name();
    world.logs.delete_retention_policy().log_group_name(group).send().await.unwrap();
}

/// Changes the object, and waits until the operator has seen that while it is suspended.
async fn change_suspended(world: &World, namespace: &str, patch: &Value) -> Value {
    let generation = world.patch(namespace, "orders", patch).await["metadata"]["generation"].clone();
    let is_told = |endpoint: &Value| {
        let suspended = condition(endpoint, "Suspended");
        suspended["status"] == "True" && suspended["observedGeneration"] == generation
    };
    world.until_endpoint(namespace, "orders", "Suspended", is_told).await
}

async fn calls(world: &World, operator: &Operator, from: u64) -> Vec<String> {
    let calls = world.calls_after(from, &operator.access_key).await;
    calls.into_iter().map(|call| call.operation).collect()
}

#[test]
fn nothing_is_read_or_written_while_suspended() {
    world::run(async |world| {
        let namespace = "suspended";
        world.create_namespace(namespace);
        let operator = start(world, namespace, &["--drift-interval", "100ms"]).await;
        world.apply(namespace, &ORDERS.replace("interval: 1h", "interval: 1s"));
        let live = world.until_live(namespace, "orders").await;
        let url = world.stage_url(&live, "/orders");

        let suspended = change_suspended(world, namespace, &suspend(true)).await;
        for type_ in ["Ready", "Live"] {
            assert_eq!(condition(&suspended, type_), condition(&live, type_), "what {type_} said stays");
        }
        assert_eq!(suspended["status"]["observedGeneration"], live["status"]["observedGeneration"]);
        let from = world.last_call().await;
        let as_declared = picture::of(world, &owner(namespace, "orders")).await;
        edit_by_hand(world, namespace).await;
        let mut edited = as_declared.clone();
        edited["logGroup"]["retentionInDays"] = Value::Null;

        // Each change is seen, longer than the time after which drift and executions would be looked at.
        let changed = Instant::now();
        for days in [30, 60, 90, 120] {
            let patch = json!({ "spec": { "stateMachine": { "logging": { "retentionDays": days } } } });
            change_suspended(world, namespace, &patch).await;
        }
        until("drift and executions would be due", async || match changed.elapsed() {
            long if long > DUE => Ok(()),
            short => Err(short),
        })
        .await;
        world.patch(namespace, "orders", &request_look("while suspended")).await;
        let last = change_suspended(world, namespace, &json!({ "spec": { "stage": { "name": "v2" } } })).await;
        assert_eq!(calls(world, &operator, from).await, NONE, "AWS calls while suspended");
        assert_eq!(picture::of(world, &owner(namespace, "orders")).await, edited, "AWS while suspended");
        assert!(last["status"]["lastHandledReconcileAt"].is_null(), "a look that was not made is answered");
        assert_eq!(http::post(url.as_str(), "{}").send().await.status, 200, "what serves goes on serving");

        world.patch(namespace, "orders", &suspend(false)).await;
        let resumed = world.until_live(namespace, "orders").await;
        assert!(condition(&resumed, "Suspended").is_null(), "{}", told(&resumed));
        assert_eq!(resumed["status"]["lastHandledReconcileAt"], "while suspended");
        assert_eq!((retention(world, namespace).await, &resumed["status"]["api"]["stage"]), (json!(120), &json!("v2")));

        // A deletion ends the suspension: nothing is left behind.
        change_suspended(world, namespace, &suspend(true)).await;
        world.delete(namespace, "orders");
        world.until_gone(namespace, "orders").await;
        assert_eq!(world.inventory(namespace).await, NONE, "left by the deletion of a suspended object");
    });
}

fn observe(policy: &str) -> Value {
    json!({ "spec": { "managementPolicy": policy } })
}

/// The rows of `status.drift` as `object field: found`.
fn drift(endpoint: &Value) -> Vec<String> {
    let rows = endpoint["status"]["drift"].as_array().into_iter().flatten();
    let text = |row: &Value, member: &str| row[member].as_str().unwrap_or_default().to_owned();
    rows.map(|row| format!("{} {}: {}", text(row, "object"), text(row, "field"), text(row, "found"))).collect()
}

#[test]
fn what_is_observed_only_is_told_and_never_written() {
    world::run(async |world| {
        let namespace = "observed";
        world.create_namespace(namespace);
        let operator = start(world, namespace, &["--drift-interval", "300ms", "--stalled-interval", "300ms"]).await;

        // Nothing is there: the status tells what would be made.
        let from = world.last_call().await;
        world.apply(namespace, &ORDERS.replace("  routes:", "  managementPolicy: Observe\n  routes:"));
        let differs = |endpoint: &Value| condition(endpoint, "Stalled")["reason"] == "DriftDetected";
        let endpoint = world.until_endpoint(namespace, "orders", "DriftDetected", differs).await;
        let (owner, rows) = (owner(namespace, "orders"), drift(&endpoint));
        let needs = [
            format!("role {} : needs iam:CreateRole, iam:PutRolePolicy", owner.gateway_role_name()),
            format!("log group {} : needs logs:CreateLogGroup, logs:PutRetentionPolicy", owner.log_group_name()),
            format!("REST API {namespace}-orders : needs apigateway:CreateRestApi"),
            "stage prod : needs apigateway:CreateStage".to_owned(),
        ];
        assert!(needs.iter().all(|row| rows.contains(row)), "{needs:#?} in {rows:#?}");
        let message = condition(&endpoint, "Stalled")["message"].as_str().unwrap().to_owned();
        assert!(message.contains("observed only") && message.contains("hint: "), "{message}");
        assert_eq!(condition(&endpoint, "ObservedOnly")["status"], "True");
        assert!(endpoint["metadata"]["finalizers"].is_null(), "nothing of it is in AWS: {}", endpoint["metadata"]);
        world.check_rest(&operator, namespace, "orders", "observed, and nothing there").await;
        world.delete(namespace, "orders");
        world.until_gone(namespace, "orders").await;
        assert_eq!(world.inventory(namespace).await, NONE);
        assert_eq!(writes(&world.calls_after(from, &operator.access_key).await), [""; 0]);

        // What it has made itself, it observes like anything else.
        world.apply(namespace, ORDERS);
        let live = world.until_live(namespace, "orders").await;
        let from = world.last_call().await;
        world.patch(namespace, "orders", &observe("Observe")).await;
        let observed = |endpoint: &Value| is_live(endpoint) && condition(endpoint, "ObservedOnly")["status"] == "True";
        world.until_endpoint(namespace, "orders", "observed and as declared", observed).await;
        edit_by_hand(world, namespace).await;
        let edited = picture::of(world, &owner).await;
        let endpoint = world.until_endpoint(namespace, "orders", "DriftDetected", differs).await;
        assert_eq!(drift(&endpoint), [format!("log group {} retentionInDays: none", owner.log_group_name())]);
        assert_eq!(endpoint["status"]["drift"][0]["expected"], "14");
        world.check_rest(&operator, namespace, "orders", "observed and edited by hand").await;
        world.delete(namespace, "orders");
        world.until_gone(namespace, "orders").await;
        assert_eq!(writes(&world.calls_after(from, &operator.access_key).await), [""; 0]);
        assert_eq!(picture::of(world, &owner).await, edited, "AWS after the deletion of an observed object");
        let url = world.stage_url(&live, "/orders");
        assert_eq!(http::post(url.as_str(), "{}").send().await.status, 200, "what serves goes on serving");

        // Its tags stay: an object of the same name takes all of it up again.
        world.apply(namespace, ORDERS);
        let again = world.until_live(namespace, "orders").await;
        assert_eq!((&again["status"]["url"], retention(world, namespace).await), (&live["status"]["url"], json!(14)));
        world.delete(namespace, "orders");
        world.until_gone(namespace, "orders").await;
        assert_eq!(world.inventory(namespace).await, NONE);
    });
}

/// What all the world sees of an endpoint, without whose it is.
async fn seen(world: &World, namespace: &str) -> Value {
    let mut seen = picture::of(world, &owner(namespace, "orders")).await;
    for place in ["/roles/gateway", "/roles/workflow", "/logGroup", "/stateMachines/STANDARD"] {
        let tags = seen.pointer_mut(place).and_then(Value::as_object_mut).and_then(|found| found.remove("tags"));
        assert!(tags.is_some(), "no {place}: {seen}");
    }
    seen
}

/// Every tag of ours that is left on the objects of an endpoint and on this API.
async fn tags(world: &World, namespace: &str, api: &str) -> Vec<String> {
    let picture = picture::of(world, &owner(namespace, "orders")).await;
    let mut left: Vec<String> = ["/roles/gateway", "/roles/workflow", "/logGroup", "/stateMachines/STANDARD"]
        .into_iter()
        .filter_map(|place| picture.pointer(&format!("{place}/tags"))?.as_object())
        .flat_map(|tags| tags.keys().cloned())
        .collect();
    let found = world.apigateway.get_rest_api().rest_api_id(api).send().await.unwrap();
    left.extend(found.tags().into_iter().flat_map(|tags| tags.keys().cloned()));
    for stage in world.apigateway.get_stages().rest_api_id(api).send().await.unwrap().item() {
        left.extend(stage.tags().into_iter().flat_map(|tags| tags.keys().cloned()));
    }
    left
}

#[test]
fn what_is_retained_serves_on_and_is_nobodys() {
    world::run(async |world| {
        let namespace = "retained";
        world.create_namespace(namespace);
        let operator = start(world, namespace, &["--stalled-interval", "300ms"]).await;
        world.apply(namespace, &ORDERS.replace("  routes:", "  deletionPolicy: Retain\n  routes:"));
        let live = world.until_live(namespace, "orders").await;
        let (url, api) = (world.stage_url(&live, "/orders"), live["status"]["api"]["restApiId"].as_str().unwrap());
        let before = seen(world, namespace).await;
        let from = world.last_call().await;
        world.delete(namespace, "orders");
        world.until_gone(namespace, "orders").await;

        let written = world.calls_after(from, &operator.access_key).await;
        assert!(writes(&written).iter().all(|name| name.starts_with("Untag")), "{:?}", writes(&written));
        assert_eq!(tags(world, namespace, api).await, NONE, "tags that were left");
        let mut after = seen(world, namespace).await;
        assert!(after["api"].is_null(), "the API still has an owner");
        after["api"] = before["api"].clone(); // it is found by its tags alone
        assert_eq!(after, before, "AWS after a deletion that retains");
        assert_eq!(world.inventory(namespace).await, objects_of_orders(namespace));
        assert_eq!(http::post(url.as_str(), "{}").send().await.status, 200, "what serves goes on serving");

        // An object of the same name finds what is not its own any more: it touches none of it, and makes nothing beside it.
        let from = world.last_call().await;
        world.apply(namespace, ORDERS);
        let stalled = |endpoint: &Value| condition(endpoint, "Stalled")["status"] == "True";
        world.until_endpoint(namespace, "orders", "Stalled", stalled).await;
        world.check_rest(&operator, namespace, "orders", "what is there is not ours").await;
        assert_eq!(writes(&world.calls_after(from, &operator.access_key).await), [""; 0]);
        world.delete(namespace, "orders");
        world.until_gone(namespace, "orders").await;
        assert_eq!(seen(world, namespace).await["roles"], before["roles"]);
        assert_eq!(world.inventory(namespace).await, objects_of_orders(namespace));
    });
}

#[test]
fn what_is_nobodys_is_adopted_once_the_status_has_told_what_that_changes() {
    world::run(async |world| {
        let namespace = "adopted";
        world.create_namespace(namespace);
        let operator = start(world, namespace, &["--stalled-interval", "300ms", "--retry-min", "100ms"]).await;
        world.apply(namespace, &ORDERS.replace("  routes:", "  deletionPolicy: Retain\n  routes:"));
        let live = world.until_live(namespace, "orders").await;
        let url = world.stage_url(&live, "/orders");
        world.delete(namespace, "orders");
        world.until_gone(namespace, "orders").await;
        edit_by_hand(world, namespace).await;
        let let_go = seen(world, namespace).await;

        // While it only observes there is time to read.
        let from = world.last_call().await;
        let adopting = ORDERS.replace("{name: orders}", "{name: orders, annotations: {sfe.dev/adopt: 'true'}}");
        world.apply(namespace, &adopting.replace("  routes:", "  managementPolicy: Observe\n  routes:"));
        let tells = |endpoint: &Value| {
            endpoint["status"]["adoption"].is_array() && condition(endpoint, "Stalled")["reason"] == "DriftDetected"
        };
        let told = world.until_endpoint(namespace, "orders", "tells what it adopts", tells).await;
        world.check_rest(&operator, namespace, "orders", "observed, and to be adopted").await;
        assert_eq!(seen(world, namespace).await, let_go, "changed before it was told");
        let owner = owner(namespace, "orders");
        let rows: Vec<String> = told["status"]["adoption"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| format!("{} {}: {}", row["object"], row["field"], row["found"]).replace('"', ""))
            .collect();
        let (api, group) = (&live["status"]["api"]["restApiId"], owner.log_group_name());
        for row in [
            format!("role {} tags: none", owner.gateway_role_name()),
            format!("role {} tags: none", owner.workflow_role_name()),
            format!("log group {group} tags: none"),
            format!("log group {group} retentionInDays: none"),
            format!("state machine {} tags: none", owner.state_machine_name(sfe_core::api::StateMachineType::Standard)),
            format!("REST API {api} tags: none").replace('"', ""),
        ] {
            assert!(rows.contains(&row), "{row}: {rows:#?}");
        }

        world.patch(namespace, "orders", &observe("Full")).await;
        let adopted = world.until_live(namespace, "orders").await;
        assert!(adopted["status"]["adoption"].is_null(), "{}", adopted["status"]["adoption"]);
        assert_eq!(api_ids(&adopted), api_ids(&live), "another API, stage or deployment");
        let calls = world.calls_after(from, &operator.access_key).await;
        let made: Vec<&str> = writes(&calls).into_iter().filter(|name| !name.starts_with("Tag")).collect();
        assert_eq!(made, ["PutRetentionPolicy"], "written beside tags");
        assert_eq!(http::post(url.as_str(), "{}").send().await.status, 200);
        world.delete(namespace, "orders");
        world.until_gone(namespace, "orders").await;
        assert_eq!(world.inventory(namespace).await, NONE, "adopted, and yet not all its own");
    });
}

#[test]
fn a_guests_routes_are_retained_on_the_api_of_its_host() {
    world::run(async |world| {
        let namespace = "guests-retained";
        world.create_namespace(namespace);
        let _operator = start(world, namespace, &["--retry-min", "100ms"]).await;
        let guest = ORDERS.replace("name: orders", "name: guest").replace("path: /orders", "path: /guest");
        let guest =
            guest.replace("  routes:", "  deletionPolicy: Retain\n  api: {endpointRef: {name: orders}}\n  routes:");
        world.apply(namespace, ORDERS);
        world.apply(namespace, &guest);
        let endpoint = world.until_live(namespace, "guest").await;
        let url = world.stage_url(&endpoint, "/guest");
        world.delete(namespace, "guest");
        world.until_gone(namespace, "guest").await;
        assert_eq!(http::post(url.as_str(), "{}").send().await.status, 200, "a retained route is served");
        let host = world.until_live(namespace, "orders").await;
        assert!(host["status"]["guests"].is_null(), "{}", host["status"]["guests"]);
        let methods = picture::of(world, &owner(namespace, "orders")).await["api"]["methods"].clone();
        assert_eq!(methods["POST /guest"]["operationName"], "retained");

        // It isn't the host's to undo, and goes with the host's API.
        world.patch(namespace, "orders", &request_look("1")).await;
        let is_answered = |endpoint: &Value| endpoint["status"]["lastHandledReconcileAt"] == "1" && is_live(endpoint);
        world.until_endpoint(namespace, "orders", "looked at", is_answered).await;
        assert_eq!(picture::of(world, &owner(namespace, "orders")).await["api"]["methods"], methods);
        world.delete(namespace, "orders");
        world.until_gone(namespace, "orders").await;
        let left = [
            format!("log group /aws/vendedlogs/states/sfe-{namespace}-guest-logs"),
            format!("role sfe-{namespace}-guest-gateway"),
            format!("role sfe-{namespace}-guest-workflow"),
            format!("state machine sfe-{namespace}-guest-standard"),
        ];
        assert_eq!(world.inventory(namespace).await, left);
    });
}

#[test]
fn a_look_that_is_asked_for_is_made_at_once_and_once() {
    world::run(async |world| {
        let namespace = "requested";
        world.create_namespace(namespace);
        let operator = start(world, namespace, &["--drift-interval", "1h"]).await;
        world.apply(namespace, ORDERS);
        world.until_live(namespace, "orders").await;
        edit_by_hand(world, namespace).await;

        world.patch(namespace, "orders", &request_look("2027-01-15T08:00:00Z")).await;
        let is_answered = |endpoint: &Value| {
            endpoint["status"]["lastHandledReconcileAt"] == "2027-01-15T08:00:00Z" && is_live(endpoint)
        };
        let looked = world.until_endpoint(namespace, "orders", "looked at", is_answered).await;
        assert_eq!(looked["status"]["drift"][0]["field"], "retentionInDays", "{}", looked["status"]["drift"]);
        assert_eq!(retention(world, namespace).await, 14, "found, but not put back");

        // The same value again asks for nothing; another does.
        let from = world.last_call().await;
        world.patch(namespace, "orders", &touch()).await;
        world.patch(namespace, "orders", &request_look("again")).await;
        let is_answered = |endpoint: &Value| endpoint["status"]["lastHandledReconcileAt"] == "again";
        world.until_endpoint(namespace, "orders", "looked at again", is_answered).await;
        until("it has looked once", async || match world.looks_after(from, &operator).await {
            1 => Ok(()),
            looks => Err(looks),
        })
        .await;
        let calls = world.calls_after(from, &operator.access_key).await;
        assert_eq!(writes(&calls), [""; 0], "written though nothing had changed");
        assert_eq!(world.inventory(namespace).await, objects_of_orders(namespace));
    });
}

#[test]
fn a_namespace_refers_to_nothing_that_its_limits_forbid() {
    const BOUNDARY: &str = "arn:aws:iam::000000000000:policy/limited-boundary";
    world::run(async |world| {
        let namespace = "limited";
        world.create_namespace(namespace);
        let document =
            r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}"#;
        let policy = world.iam.create_policy().policy_name("limited-boundary").policy_document(document);
        policy.send().await.unwrap();
        let limits = world.sandbox.directory().join("limits.yaml");
        let rule = format!(
            "- namespaces: ['{namespace}']\n  stateMachines: ['arn:aws:states:*:000000000000:stateMachine:limited-*']\n"
        );
        std::fs::write(&limits, rule).unwrap();

        // Roles that were made without it get the boundary.
        let operator = start(world, namespace, &[]).await;
        world.apply(namespace, ORDERS);
        world.until_live(namespace, "orders").await;
        operator.stop();
        let flags = ["--permissions-boundary", BOUNDARY, "--limits", limits.to_str().unwrap()];
        let operator = start(world, namespace, &flags).await;
        until("both roles are bounded", async || {
            let roles = picture::of(world, &owner(namespace, "orders")).await["roles"].clone();
            let bounded = ["gateway", "workflow"].iter().all(|role| roles[role]["boundary"] == BOUNDARY);
            if bounded { Ok(()) } else { Err(roles) }
        })
        .await;
        world.until_live(namespace, "orders").await;

        let others = json!({
            "apiVersion": "sfe.dev/v1alpha1",
            "kind": "StepFunctionEndpoint",
            "metadata": { "name": "others" },
            "spec": {
                "stateMachine": { "arn": "arn:aws:states:eu-central-1:000000000000:stateMachine:secret" },
                "gatewayRole": { "permissionsBoundaryArn": "arn:aws:iam::aws:policy/AdministratorAccess" },
                "routes": [{ "path": "/", "method": "POST", "auth": { "type": "NONE" } }],
            },
        });
        let from = world.last_call().await;
        world.apply(namespace, &others.to_string());
        let stalled = |endpoint: &Value| condition(endpoint, "Stalled")["reason"] == "InvalidManifest";
        let refused = world.until_endpoint(namespace, "others", "refused", stalled).await;
        let message = condition(&refused, "Stalled")["message"].as_str().unwrap();
        for part in [
            "spec.stateMachine.arn: `arn:aws:states:eu-central-1:000000000000:stateMachine:secret`: ",
            "allowed are arn:aws:states:*:000000000000:stateMachine:limited-*",
            "spec.gatewayRole.permissionsBoundaryArn: `arn:aws:iam::aws:policy/AdministratorAccess`: ",
            BOUNDARY,
        ] {
            assert!(message.contains(part), "{part}: {message}");
        }
        let called = calls(world, &operator, from).await;
        let about_it: Vec<&String> = called.iter().filter(|name| *name == "DescribeStateMachine").collect();
        assert!(about_it.is_empty(), "another's state machine was looked at: {called:?}");
        assert_eq!(writes(&world.calls_after(from, &operator.access_key).await), [""; 0]);
    });
}
