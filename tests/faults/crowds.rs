//! Many at once: on one REST API, which takes one writer at a time, and on many that all go.

use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::{Value, json};

use crate::fixtures::{is_live, start, start_through, writes};
use crate::http;
use crate::is_soak;
use crate::turnstile::{Nth, Release, Side, Turnstile};
use crate::world::{World, until_within};

const DEADLINE: Duration = Duration::from_secs(480);
const ROLE: &str = "arn:aws:iam::000000000000:role/existing";
/// As many as take half a minute beside the other rows, on two processors.
const CROWD: usize = 100;
/// Of which the operator works on 32 at a time.
const CROWD_OF_A_SOAK: usize = 200;
/// What API Gateway answers where there is no route.
const NO_ROUTE: u16 = 403;

/// An existing state machine, so that an endpoint is made of little else than its routes.
async fn existing(world: &World, name: &str) -> String {
    let create = world.sfn.create_state_machine().name(name).role_arn(ROLE);
    let create = create.definition(r#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}"#);
    create.send().await.unwrap().state_machine_arn
}

/// One with as few objects as can be: a route, on an API of its own or on that of `host`.
fn manifest(name: &str, state_machine: &str, host: Option<&str>, path: &str) -> Value {
    let mut manifest = json!({
        "apiVersion": "sfe.dev/v1alpha1",
        "kind": "StepFunctionEndpoint",
        "metadata": { "name": name },
        "spec": {
            "stateMachine": { "arn": state_machine },
            "gatewayRole": { "arn": ROLE },
            "executions": { "keep": 0 },
            "routes": [{ "path": path, "method": "POST", "auth": { "type": "NONE" } }],
        },
    });
    if let Some(host) = host {
        manifest["spec"]["api"] = json!({ "endpointRef": { "name": host } });
    }
    manifest
}

fn list(manifests: &[Value]) -> String {
    json!({ "apiVersion": "v1", "kind": "List", "items": manifests }).to_string()
}

/// Waits until all of them serve what their manifest says now.
async fn until_all_live(world: &World, namespace: &str, count: usize) -> Vec<Value> {
    until_within(DEADLINE, &format!("{namespace}: {count} Live"), async || {
        let found = world.endpoints(namespace).list(&kube::api::ListParams::default()).await.unwrap();
        let found: Vec<Value> = found.items.into_iter().map(|object| serde_json::to_value(object).unwrap()).collect();
        let live = found.iter().filter(|endpoint| is_live(endpoint)).count();
        if live == count && found.len() == count {
            return Ok(found);
        }
        let other = found.iter().find(|endpoint| !is_live(endpoint)).map(crate::world::told);
        Err(format!("{live} of {}: {other:?}", found.len()))
    })
    .await
}

/// The first has the API, nine are its guests. AWS refuses a second writer, and each deployment takes 5 s of its time.
pub async fn ten_on_one_api_change_at_once(world: &'static World) {
    let namespace = "faults-ten";
    world.create_namespace(namespace);
    let state_machine = existing(world, namespace).await;
    let turnstile = Turnstile::open(world.sandbox.aws_address()).await;
    turnstile.one_writer_at_a_time();
    let flags = ["--retry-min", "100ms", "--retry-max", "1s"];
    let operator = start_through(world, namespace, turnstile.endpoint(), &flags).await;
    let names: Vec<String> = (0..10).map(|number| format!("e{number}")).collect();
    let host = |name: &str| Some("e0").filter(|host| *host != name);
    let all: Vec<Value> =
        names.iter().map(|name| manifest(name, &state_machine, host(name), &format!("/before/{name}"))).collect();
    world.apply(namespace, &list(&all));
    let before = until_all_live(world, namespace, names.len()).await;
    let url = |path: &str| world.stage_url(&before[0], path);
    for name in &names {
        assert_eq!(http::post(url(&format!("/before/{name}")), "{}").send().await.status, 200, "{name}");
    }

    // The first write waits until all ten manifests have changed: at once, however slow the machine.
    let from = world.last_call().await;
    let mut held = turnstile.hold(Nth::Write(1), Side::Before);
    let changes = names.iter().map(|name| async move {
        let route = json!({ "path": format!("/after/{name}"), "method": "POST", "auth": { "type": "NONE" } });
        world.patch(namespace, name, &json!({ "spec": { "routes": [route] } })).await
    });
    join_all(changes).await;
    held.reached().await;
    held.release(Release::Pass);
    until_all_live(world, namespace, names.len()).await;
    for name in &names {
        let [before, after] = [format!("/before/{name}"), format!("/after/{name}")];
        assert_eq!(http::post(url(&after), "{}").send().await.status, 200, "{name}");
        assert_eq!(http::post(url(&before), "{}").send().await.status, NO_ROUTE, "{name}");
    }
    let calls = world.calls_after(from, &operator.access_key).await;
    let deployments = writes(&calls).iter().filter(|made| **made == "CreateDeployment").count();
    println!("{namespace}: {deployments} deployments, {} calls", calls.len());
    assert!((1..=3).contains(&deployments), "{deployments} deployments for one change of ten");
    let log = operator.log();
    assert!(!log.contains("ConflictException"), "{log}");
    assert_eq!(world.rest_apis(namespace).await.len(), 1);
}

/// All are gone, nothing of them is left, and each API was deleted once.
pub async fn a_hundred_are_deleted_at_once(world: &'static World) {
    let namespace = "faults-hundred";
    let count = if is_soak() { CROWD_OF_A_SOAK } else { CROWD };
    world.create_namespace(namespace);
    let state_machine = existing(world, namespace).await;
    let operator = start(world, namespace, &["--drift-interval", "1h"]).await;
    let all: Vec<Value> =
        (0..count).map(|number| manifest(&format!("e{number}"), &state_machine, None, "/orders")).collect();
    let began = Instant::now();
    world.apply(namespace, &list(&all));
    until_all_live(world, namespace, count).await;
    let created = began.elapsed();
    assert_eq!(world.inventory(namespace).await.len(), 2 * count, "an API and a stage of each");

    let from = world.last_call().await;
    let began = Instant::now();
    world.kubectl(["delete", "sfe", "--all", "--namespace", namespace, "--wait=false"]);
    until_within(DEADLINE, &format!("{namespace}: none"), async || {
        let left = world.endpoints(namespace).list(&kube::api::ListParams::default()).await.unwrap().items.len();
        if left == 0 { Ok(()) } else { Err(left) }
    })
    .await;
    println!("{namespace}: {count} created in {created:?}, deleted in {:?}", began.elapsed());
    assert_eq!(world.inventory(namespace).await, [""; 0], "left in AWS");
    let calls = world.calls_after(from, &operator.access_key).await;
    let deleted = writes(&calls).iter().filter(|made| **made == "DeleteRestApi").count();
    // But for those that took so long that the SDK asked again.
    assert!((count..=count + count / 10).contains(&deleted), "{deleted} deletions of {count} APIs");
}
