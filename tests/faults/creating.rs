//! Creating breaks in the middle: at the call that has no token, and between a snapshot and the stage that serves it.

use serde_json::{Value, json};

use crate::fixtures::{ORDERS, objects_of_orders, owner, start_through, writes};
use crate::http;
use crate::microburst::Microburst;
use crate::operator::Operator;
use crate::picture;
use crate::turnstile::{Nth, Release, Side, Turnstile};
use crate::world::{World, is_ready};

const FLAGS: [&str; 8] =
    ["--retry-min", "100ms", "--retry-max", "1s", "--create-settle", "1s", "--drift-interval", "1h"];

async fn check_serves(world: &World, endpoint: &Value, path: &str, status: u16, what: &str) {
    let answer = http::post(world.stage_url(endpoint, path), "{}").send().await;
    assert_eq!(answer.status, status, "{what}: {path}: {answer:?}");
}

/// How often a call has reached AWS.
async fn count(world: &World, from: u64, operator: &Operator, operation: &str) -> usize {
    let calls = world.calls_after(from, &operator.access_key).await;
    writes(&calls).into_iter().filter(|made| *made == operation).count()
}

async fn delete(world: &World, namespace: &str, what: &str) {
    world.delete(namespace, "orders");
    world.until_gone(namespace, "orders").await;
    assert_eq!(world.inventory(namespace).await, [""; 0], "left in AWS after {what}");
}

/// AWS has made the API, and the operator died before it heard so.
pub async fn a_crash_after_create_rest_api(world: &'static World) {
    let namespace = "faults-crash";
    world.create_namespace(namespace);
    let turnstile = Turnstile::open(world.sandbox.aws_address()).await;
    let mut held = turnstile.hold(Nth::Named("POST /restapis"), Side::After);
    let from = world.last_call().await;
    let operator = start_through(world, namespace, turnstile.endpoint(), &FLAGS).await;
    world.apply(namespace, ORDERS);
    held.reached().await;
    let in_aws = picture::api_id(world, &owner(namespace, "orders")).await.unwrap();
    operator.kill9();
    held.release(Release::Lose);
    let endpoint = world.endpoint(namespace, "orders").await.unwrap();
    let api = &endpoint["status"]["api"];
    assert!(api["createIntendedAt"].is_string() && api["restApiId"].is_null(), "the intent alone is known: {api}");

    let operator = start_through(world, namespace, turnstile.endpoint(), &FLAGS).await;
    let endpoint = world.until_live(namespace, "orders").await;
    assert_eq!(endpoint["status"]["api"]["restApiId"], in_aws.as_str(), "the API of before the crash");
    assert_eq!(world.inventory(namespace).await, objects_of_orders(namespace));
    assert_eq!(count(world, from, &operator, "CreateRestApi").await, 1);
    check_serves(world, &endpoint, "/orders", 200, "after the crash").await;
    delete(world, namespace, "a crash").await;
}

/// The answers of CreateRestApi and of what else creates: their connection breaks halfway, AWS having done it.
pub async fn an_answer_is_lost_halfway(world: &'static World) {
    let namespace = "faults-answers";
    world.create_namespace(namespace);
    let proxy = Microburst::start(world).await;
    let operator = start_through(world, namespace, proxy.endpoint(), &FLAGS).await;
    for (service, operation) in [
        ("apigateway", "CreateRestApi"),
        ("apigateway", "CreateDeployment"),
        ("apigateway", "CreateStage"),
        ("apigateway", "CreateResource"),
        ("apigateway", "PutMethod"),
        ("apigateway", "PutIntegration"),
        ("stepfunctions", "CreateStateMachine"),
        ("iam", "CreateRole"),
        ("logs", "CreateLogGroup"),
    ] {
        let before = proxy.fired().await;
        let lost = json!({ "service": service, "operation": operation, "times": 1, "response": { "abort_frac": 0.5 } });
        proxy.rules(&json!([lost])).await;
        let from = world.last_call().await;
        world.apply(namespace, ORDERS);
        let endpoint = world.until_live(namespace, "orders").await;
        assert_eq!(proxy.fired().await, before + 1, "{operation}: not lost");
        assert_eq!(world.inventory(namespace).await, objects_of_orders(namespace), "{operation}");
        for once in ["CreateRestApi", "CreateDeployment"] {
            assert_eq!(count(world, from, &operator, once).await, 1, "{once} where the answer of {operation} was lost");
        }
        check_serves(world, &endpoint, "/orders", 200, operation).await;
        delete(world, namespace, &format!("the answer of {operation} was lost")).await;
    }
}

/// The snapshot is made and the stage serves the former one, at the moment of the crash. The stage is moved to that
/// snapshot, and no other is made.
pub async fn a_crash_between_create_deployment_and_the_stage(world: &'static World) {
    let namespace = "faults-deployment";
    world.create_namespace(namespace);
    let turnstile = Turnstile::open(world.sandbox.aws_address()).await;
    let mut operator = start_through(world, namespace, turnstile.endpoint(), &FLAGS).await;
    world.apply(namespace, ORDERS);
    let first = world.until_live(namespace, "orders").await;
    let id = first["status"]["api"]["restApiId"].as_str().unwrap();
    let deployments = async || {
        let found = world.apigateway.get_deployments().rest_api_id(id).send().await.unwrap();
        found.items().iter().filter_map(|deployment| deployment.id().map(str::to_owned)).collect::<Vec<_>>()
    };
    // Right after the snapshot, then right before the stage moves.
    let moments = [
        (Nth::NamedWithEnd("POST /restapis/", "/deployments"), Side::After, "/orders", "/jobs"),
        (Nth::NamedWithEnd("PATCH /restapis/", "/stages/prod"), Side::Before, "/jobs", "/orders"),
    ];
    for (nth, side, former, path) in moments {
        let from = world.last_call().await;
        let before = deployments().await;
        let mut held = turnstile.hold(nth, side);
        let mut route = first["spec"]["routes"][0].clone();
        route["path"] = json!(path);
        world.patch(namespace, "orders", &json!({ "spec": { "routes": [route] } })).await;
        let what = format!("a crash at {}", held.reached().await);
        operator.kill9();
        held.release(Release::Lose);
        let made: Vec<String> = deployments().await.into_iter().filter(|id| !before.contains(id)).collect();
        assert_eq!(made.len(), 1, "{what}: {made:?}");
        check_serves(world, &first, former, 200, &what).await;

        operator = start_through(world, namespace, turnstile.endpoint(), &FLAGS).await;
        let now = world.until_live(namespace, "orders").await;
        check_serves(world, &now, path, 200, &what).await;
        assert_eq!(now["status"]["api"]["deploymentId"], made[0].as_str(), "{what}: another snapshot serves");
        assert_eq!(now["status"]["url"], first["status"]["url"], "{what}");
        assert_eq!(count(world, from, &operator, "CreateDeployment").await, 1, "{what}");
        assert_eq!(deployments().await, made, "{what}: the former snapshot is left");
        assert!(is_ready(&now));
    }
    assert_eq!(world.inventory(namespace).await, objects_of_orders(namespace));
}
