//! One API for several namespaces. The operator works on all of them, so that these tests have a world of their own.

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
