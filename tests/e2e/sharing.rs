//! One API for several namespaces, and routes on someone else's. The operator works on all namespaces, so that these tests have a world of
//! their own.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_apigateway::types::{IntegrationType, Method, Stage};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::http;
use crate::lifecycle::is_live;
use crate::operator::Operator;
use crate::world::{World, condition, run_in, told, until};

static WORLD: OnceCell<World> = OnceCell::const_new();
static OPERATOR: OnceCell<Operator> = OnceCell::const_new();

const EXAMPLE: &str = include_str!("../../examples/6-one-api-across-namespaces.yaml");
/// What API Gateway answers where there is no route.
const NO_ROUTE: u16 = 403;

/// Runs a test beside the one operator of all namespaces.
fn run(test: impl AsyncFnOnce(&'static World)) {
    run_in(&WORLD, async |world| {
        let start = async || {
            Operator::launch(world, "sharing", |command, address| {
                command.args(["run", "--namespace-selectors", "--cluster-id", "sharing", "--retry-min", "100ms"]);
                command.args(["--log-format", "text", "--listen", address]);
            })
            .await
        };
        OPERATOR.get_or_init(start).await;
        test(world).await;
    });
}

/// POST to a path of the stage that both share.
async fn post(world: &World, endpoint: &Value, path: &str) -> (u16, Value) {
    let answer = http::post(world.stage_url(endpoint, path), "{}").send().await;
    (answer.status, serde_json::from_str(&answer.body).unwrap_or_default())
}

async fn until_served(world: &World, endpoint: &Value, path: &str, status: u16) {
    until(&format!("{path} answers {status}"), async || {
        let found = post(world, endpoint, path).await.0;
        if found == status { Ok(()) } else { Err(found) }
    })
    .await;
}

/// Waits until a condition is True with a message of these words.
async fn until_says(world: &World, namespace: &str, name: &str, type_: &str, says: &str) -> Value {
    let holds = |endpoint: &Value| {
        let found = condition(endpoint, type_);
        found["status"] == "True" && found["message"].as_str().is_some_and(|message| message.contains(says))
    };
    world.until_endpoint(namespace, name, &format!("{type_} because of {says:?}"), holds).await
}

fn moved(path: &str) -> Value {
    json!({ "spec": { "routes": [{ "path": path, "method": "POST", "auth": { "type": "NONE" } }] } })
}

#[test]
fn a_namespace_is_let_by_its_label_and_taken_off_by_the_host_alone() {
    run(async |world| {
        world.kubectl_with(["apply", "-f", "-"], EXAMPLE).unwrap();
        let host = world.until_endpoint("shop", "orders", "live", is_live).await;
        let guest = world.until_endpoint("refunds", "orders", "live", is_live).await;
        assert_eq!(host["status"]["url"], guest["status"]["url"], "one API");
        assert_eq!(post(world, &host, "/orders").await, (200, json!({ "by": "shop" })));
        assert_eq!(post(world, &guest, "/refunds").await, (200, json!({ "by": "refunds" })));
        world
            .until_endpoint("shop", "orders", "its guest is told", |host| {
                let guests = &host["status"]["guests"];
                guests[0]["namespace"] == "refunds" && guests[0]["name"] == "orders" && guests[1].is_null()
            })
            .await;

        // A namespace without the label is refused, makes nothing in AWS, holds nothing, and learns nothing of the host.
        world.create_namespace("strangers");
        let strangers = EXAMPLE.split("\n---\n").last().unwrap().replace("refunds", "strangers");
        world.kubectl_with(["apply", "-f", "-"], &strangers).unwrap();
        let why = "shop/orders does not allow routes of the namespace strangers";
        let refused = until_says(world, "strangers", "orders", "Stalled", why).await;
        assert!(refused["status"]["url"].is_null(), "{}", told(&refused));
        assert!(refused["metadata"]["finalizers"].is_null(), "nothing is made for it");
        assert_eq!(post(world, &host, "/strangers").await.0, NO_ROUTE);
        assert!(!world.endpoint("shop", "orders").await.unwrap()["status"].to_string().contains("strangers"));

        // The label goes: what is served stays as it is, nothing new is served, and both statuses say why.
        world.kubectl(["label", "namespace", "refunds", "shop.example.com/routes-"]);
        until_says(world, "refunds", "orders", "Stalled", "does not allow routes of the namespace refunds").await;
        let told = |host: &Value| host["status"]["guests"][0]["refused"].is_string();
        world.until_endpoint("shop", "orders", "it tells of the guest", told).await;
        world.patch("refunds", "orders", &moved("/returns")).await;
        world.patch("shop", "orders", &moved("/bought")).await;
        until_served(world, &host, "/bought", 200).await;
        assert_eq!(post(world, &guest, "/refunds").await.0, 200, "a label takes nothing off");
        assert_eq!(post(world, &guest, "/returns").await.0, NO_ROUTE);

        // It comes back, and with it what has changed meanwhile.
        world.kubectl(["label", "namespace", "refunds", "shop.example.com/routes=allowed"]);
        until_served(world, &guest, "/returns", 200).await;
        world.until_endpoint("refunds", "orders", "live", is_live).await;
        assert_eq!(post(world, &guest, "/refunds").await.0, NO_ROUTE);

        // The host's own manifest takes it off.
        let same =
            json!({ "spec": { "api": { "allowedRoutes": { "namespaces": { "from": "Same", "selector": null } } } } });
        world.patch("shop", "orders", &same).await;
        until_served(world, &guest, "/returns", NO_ROUTE).await;
        until_says(world, "refunds", "orders", "Stalled", "does not allow routes of the namespace refunds").await;
        assert_eq!(post(world, &host, "/bought").await.0, 200);
        let all = json!({ "spec": { "api": { "allowedRoutes": { "namespaces": { "from": "All" } } } } });
        world.patch("shop", "orders", &all).await;
        until_served(world, &guest, "/returns", 200).await;

        // The host waits for its guest, whatever its namespace, and goes after it.
        for name in [("refunds", "orders"), ("strangers", "orders")] {
            world.until_endpoint(name.0, name.1, "live", is_live).await;
        }
        world.delete("shop", "orders");
        until_says(world, "shop", "orders", "Reconciling", "refunds/orders, strangers/orders").await;
        assert_eq!(post(world, &guest, "/returns").await.0, 200);
        world.delete("refunds", "orders");
        world.until_gone("refunds", "orders").await;
        world.delete("strangers", "orders");
        world.until_gone("strangers", "orders").await;
        world.until_gone("shop", "orders").await;
        for namespace in ["shop", "refunds", "strangers"] {
            assert_eq!(world.inventory(namespace).await, [""; 0], "left behind");
        }
    });
}

const BESIDE: &str = include_str!("../../examples/7-beside-others-on-their-api.yaml");
/// Of someone else's API.
const THEIRS: &str = "a1b2c3d4e5";

/// Someone else's API: GET /status answers 200, and a stage of theirs serves it.
async fn place_theirs(world: &World) {
    let gateway = &world.apigateway;
    // LocalStack gives an API the id that this tag says.
    let created = gateway.create_rest_api().name("theirs").tags("_custom_id_", THEIRS).send().await.unwrap();
    assert_eq!(created.id(), Some(THEIRS));
    let root = created.root_resource_id().unwrap();
    let status =
        gateway.create_resource().rest_api_id(THEIRS).parent_id(root).path_part("status").send().await.unwrap();
    method_of_theirs(world, status.id().unwrap(), "GET").await;
    finish(world, status.id().unwrap(), "GET").await;
    gateway.create_deployment().rest_api_id(THEIRS).stage_name("live").description("by hand").send().await.unwrap();
}

/// A method without integration.
async fn method_of_theirs(world: &World, resource: &str, method: &str) {
    let put = world.apigateway.put_method().rest_api_id(THEIRS).resource_id(resource).http_method(method);
    put.authorization_type("NONE").send().await.unwrap();
}

/// A mock that answers 200.
async fn finish(world: &World, resource: &str, method: &str) {
    let gateway = &world.apigateway;
    let put = gateway.put_method_response().rest_api_id(THEIRS).resource_id(resource).http_method(method);
    put.status_code("200").send().await.unwrap();
    let put = gateway.put_integration().rest_api_id(THEIRS).resource_id(resource).http_method(method);
    put.r#type(IntegrationType::Mock)
        .request_templates("application/json", r#"{"statusCode": 200}"#)
        .send()
        .await
        .unwrap();
    let put = gateway.put_integration_response().rest_api_id(THEIRS).resource_id(resource).http_method(method);
    put.status_code("200").send().await.unwrap();
}

/// A method in a fixed order.
fn told_of(found: &Method) -> String {
    let integration = found.method_integration();
    let templates: BTreeMap<_, _> = integration.and_then(|one| one.request_templates()).into_iter().flatten().collect();
    let responses = integration.and_then(|one| one.integration_responses()).into_iter().flatten();
    let responses: BTreeMap<_, _> = responses
        .map(|(status, response)| {
            let templates: BTreeMap<_, _> = response.response_templates().into_iter().flatten().collect();
            (status, format!("{:?} {templates:?}", response.selection_pattern()))
        })
        .collect();
    let uri = integration.and_then(|one| one.uri());
    let settings = (found.operation_name(), found.authorization_type(), found.authorizer_id());
    let statuses: BTreeSet<_> = found.method_responses().into_iter().flatten().map(|(status, _)| status).collect();
    format!("{settings:?} {statuses:?} {uri:?} {templates:?} {responses:?}")
}

/// Everything on their API, as API Gateway tells it: resources with methods, authorizers, validators, models, deployments, stages.
async fn theirs(world: &World) -> [String; 6] {
    let gateway = &world.apigateway;
    let resources = gateway.get_resources().rest_api_id(THEIRS).embed("methods").limit(500).send().await.unwrap();
    let mut resources = resources.items().to_vec();
    resources.sort_by_key(|resource| resource.path().map(str::to_owned));
    let told = resources.iter().map(|resource| {
        let methods = resource.resource_methods().into_iter().flatten();
        let methods: BTreeMap<_, _> = methods.map(|(name, found)| (name, told_of(found))).collect();
        format!("{:?} {:?} {methods:?}", resource.path(), resource.id())
    });
    let authorizers = gateway.get_authorizers().rest_api_id(THEIRS).send().await.unwrap();
    let validators = gateway.get_request_validators().rest_api_id(THEIRS).send().await.unwrap();
    let models = gateway.get_models().rest_api_id(THEIRS).send().await.unwrap();
    let deployments = gateway.get_deployments().rest_api_id(THEIRS).send().await.unwrap();
    let stages = gateway.get_stages().rest_api_id(THEIRS).send().await.unwrap();
    let stage = |found: &Stage| {
        let tags: BTreeMap<_, _> = found.tags().into_iter().flatten().collect();
        format!("{:?} {:?} {tags:?} {:?}", found.stage_name(), found.deployment_id(), found.last_updated_date())
    };
    [
        told.collect::<Vec<_>>().join("\n"),
        authorizers.items().iter().map(|found| format!("{:?} {:?}", found.id(), found.name())).collect(),
        validators.items().iter().map(|found| format!("{:?} {:?}", found.id(), found.name())).collect(),
        models.items().iter().map(|found| format!("{:?} {:?}", found.id(), found.name())).collect(),
        deployments.items().iter().map(|found| format!("{:?} {:?}", found.id(), found.description())).collect(),
        stages.item().iter().map(stage).collect(),
    ]
}

#[test]
fn routes_stand_beside_those_of_others_and_go_without_a_trace() {
    run(async |world| {
        let namespace = "beside";
        world.create_namespace(namespace);
        place_theirs(world).await;
        let before = theirs(world).await;
        let status = world.sandbox.stage_url(THEIRS, "live", "/status");
        let ask = async || http::get(status.clone()).send().await.status;
        assert_eq!(ask().await, 200);

        world.apply(namespace, BESIDE);
        let ours = world.until_endpoint(namespace, "beside", "live", is_live).await;
        assert_eq!(ours["status"]["url"], "https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com/orders");
        assert_eq!(post(world, &ours, "/orders/one").await, (200, json!({ "ordered": true })));
        assert_eq!(
            ours["status"]["api"]["resourceIds"].as_array().map(Vec::len),
            Some(3),
            "/orders, /orders/{{tenant}}, checked"
        );
        let with_ours = theirs(world).await;
        assert!(with_ours[0].contains(before[0].lines().last().unwrap()), "their method: {}", with_ours[0]);
        assert!(with_ours[4].contains("by hand") && with_ours[5].contains("live"));

        // A second one on it is refused, with what to do.
        let second =
            BESIDE.replace("name: beside", "name: second").replace("name: orders, deploy", "name: second, deploy");
        world.apply(namespace, &second);
        until_says(world, namespace, "second", "Stalled", "StepFunctionEndpoint beside/beside writes on it").await;
        world.delete(namespace, "second");
        world.until_gone(namespace, "second").await;

        // A guest whose route is theirs is refused alone: its host goes on.
        let guest = json!({
            "apiVersion": "sfe.dev/v1alpha1", "kind": "StepFunctionEndpoint", "metadata": { "name": "guest" },
            "spec": {
                "stateMachine": { "type": "EXPRESS", "definition": "{StartAt: A, States: {A: {Type: Succeed}}}" },
                "api": { "endpointRef": { "name": "beside" } },
                "routes": [{ "path": "/status", "method": "GET", "auth": { "type": "NONE" } }],
            },
        });
        world.apply(namespace, &guest.to_string());
        until_says(world, namespace, "guest", "Stalled", "GET /status is there already").await;
        assert_eq!(theirs(world).await, with_ours);
        let extra =
            json!({ "spec": { "routes": [{ "path": "/extra", "method": "POST", "auth": { "type": "NONE" } }] } });
        world.patch(namespace, "beside", &extra).await;
        until_served(world, &ours, "/orders/one/extra", 200).await;
        world.apply(namespace, BESIDE);
        until_served(world, &ours, "/orders/one", 200).await;
        world.delete(namespace, "guest");
        world.until_gone(namespace, "guest").await;
        world.until_endpoint(namespace, "beside", "live", is_live).await;
        let with_ours = theirs(world).await;

        // A route of theirs is not taken, and nothing is written meanwhile.
        let clash = json!({ "spec": { "api": { "parentPath": "/" }, "routes": [{ "path": "/status", "method": "GET", "auth": { "type": "NONE" }, "input": { "constant": {} } }] } });
        world.patch(namespace, "beside", &clash).await;
        until_says(world, namespace, "beside", "Stalled", "route is someone else's: GET /status").await;
        assert_eq!(theirs(world).await, with_ours);
        assert_eq!(post(world, &ours, "/orders/one").await.0, 200, "it goes on serving");

        // A method that someone else has not finished is waited for: API Gateway deploys none without integration.
        let resources = world.apigateway.get_resources().rest_api_id(THEIRS).send().await.unwrap();
        let status = resources.items().iter().find(|resource| resource.path() == Some("/status")).unwrap();
        let status = status.id().unwrap();
        method_of_theirs(world, status, "PUT").await;
        let moved = json!({ "spec": { "api": { "parentPath": "/orders" }, "routes": [{ "path": "/new", "method": "POST", "auth": { "type": "NONE" } }] } });
        world.patch(namespace, "beside", &moved).await;
        until_says(world, namespace, "beside", "Reconciling", "PUT /status").await;
        assert_eq!(post(world, &ours, "/orders/one").await.0, 200, "until then as before");
        finish(world, status, "PUT").await;
        until_served(world, &ours, "/orders/new", 200).await;
        world.until_endpoint(namespace, "beside", "live", is_live).await;
        let delete = world.apigateway.delete_method().rest_api_id(THEIRS).resource_id(status).http_method("PUT");
        delete.send().await.unwrap();

        // The API can't be changed.
        let other = json!({ "spec": { "api": { "restApiId": "b2b2b2b2b2" } } }).to_string();
        let patch = ["patch", "sfe", "beside", "--namespace", namespace, "--type", "merge", "--patch", &other];
        let said = world.kubectl_with(patch, "").unwrap_err();
        assert!(said.contains("api.restApiId can't be changed"), "{said}");

        // All of ours goes, to the last resource; theirs is as it was.
        world.delete(namespace, "beside");
        world.until_gone(namespace, "beside").await;
        assert_eq!(theirs(world).await, before);
        assert_eq!(ask().await, 200);
        assert_eq!(world.inventory(namespace).await, [""; 0], "left behind");
    });
}
