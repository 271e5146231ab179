//! What other workloads are told of an endpoint. No garbage collector runs here: that what is published goes with its owner is read from its
//! ownerReference.

use serde_json::{Value, json};

use crate::http::post;
use crate::operator::Operator;
use crate::serving::{Endpoint, NAMESPACE, run};
use crate::world::{self, World, condition, is_ready, told, until};

const EXAMPLE: &str = include_str!("../../examples/publish.yaml");

/// A ConfigMap or Secret; none where there is none.
fn read(world: &World, namespace: &str, object: &str) -> Option<Value> {
    let found = world.kubectl(["get", object, "--namespace", namespace, "--ignore-not-found", "--output", "json"]);
    (!found.is_empty()).then(|| serde_json::from_str(&found).unwrap())
}

/// Waits until it holds what it should.
async fn until_read(world: &World, namespace: &str, object: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    until(&format!("{object}: {what}"), async || match read(world, namespace, object) {
        Some(found) if holds(&found) => Ok(found),
        other => Err(other),
    })
    .await
}

async fn until_gone(world: &World, namespace: &str, object: &str) {
    until(&format!("{object} is gone"), async || read(world, namespace, object).map_or(Ok(()), Err)).await;
}

/// A manifest of one route that publishes so.
fn manifest(name: &str, publish: &Value) -> String {
    json!({
        "apiVersion": "sfe.dev/v1alpha1",
        "kind": "StepFunctionEndpoint",
        "metadata": { "name": name },
        "spec": {
            "stateMachine": { "definition": "{StartAt: A, States: {A: {Type: Pass, End: true}}}" },
            "executions": { "keep": 0 },
            "routes": [{ "path": "/", "method": "POST", "auth": { "type": "NONE" } }],
            "publish": publish,
        },
    })
    .to_string()
}

fn published(publish: &Value) -> Value {
    json!({ "spec": { "publish": publish } })
}

#[test]
fn other_workloads_find_the_endpoint() {
    run(async |world| {
        let endpoint = Endpoint::apply(world, "told", EXAMPLE).await;
        let config_map = "configmap/orders-endpoint";
        let found = read(world, NAMESPACE, config_map).unwrap();
        let (status, data) = (&endpoint.object["status"], &found["data"]);
        assert_eq!(data["url"], status["url"]);
        assert_eq!(serde_json::from_str::<Value>(data["routes"].as_str().unwrap()).unwrap(), status["routes"]);
        assert_eq!(status["routes"].as_array().unwrap().len(), 2);
        let ids = ["restApiId", "stageName", "region", "accountId", "stateMachineArn", "stateMachineType"];
        let said = ids.map(|key| data[key].as_str().unwrap_or_default());
        let arn = endpoint.state_machine();
        assert_eq!(said, [&endpoint.api_id, "prod", "eu-central-1", "000000000000", arn, "EXPRESS"]);
        assert_eq!(data.as_object().unwrap().len(), 8, "{data}");
        let owner = &found["metadata"]["ownerReferences"][0];
        let uid = &endpoint.object["metadata"]["uid"];
        assert_eq!((&owner["uid"], &owner["kind"]), (uid, &json!("StepFunctionEndpoint")), "{found}");
        assert_eq!(status["published"], json!([{ "kind": "ConfigMap", "name": "orders-endpoint" }]));
        assert_eq!(endpoint.call(post(endpoint.url("/orders"), "{}")).await.answer.status, 200);

        // A look that finds nothing writes nothing.
        let look = json!({ "metadata": { "annotations": { "sfe.dev/requestedAt": "1" } } });
        world.patch(NAMESPACE, "told", &look).await;
        let answered = |object: &Value| object["status"]["lastHandledReconcileAt"] == "1";
        world.until_endpoint(NAMESPACE, "told", "looked at", answered).await;
        let version = |found: &Value| found["metadata"]["resourceVersion"].clone();
        assert_eq!(version(&read(world, NAMESPACE, config_map).unwrap()), version(&found));

        // Edited or deleted by hand, it is put back; what others have beside the data stays.
        let edit = r#"{"metadata": {"labels": {"team": "a"}}, "data": {"url": "https://elsewhere", "more": "1"}}"#;
        world.kubectl(["patch", config_map, "--namespace", NAMESPACE, "--type", "merge", "--patch", edit]);
        let again = until_read(world, NAMESPACE, config_map, "put back", |found| found["data"] == *data).await;
        assert_eq!(again["metadata"]["labels"]["team"], "a");
        world.kubectl(["delete", config_map, "--namespace", NAMESPACE]);
        until_read(world, NAMESPACE, config_map, "made again", |found| found["data"] == *data).await;

        // Another stage has another URL.
        world.patch(NAMESPACE, "told", &json!({ "spec": { "stage": { "name": "v2" } } })).await;
        let moved = |found: &Value| {
            found["data"]["stageName"] == "v2" && found["data"]["url"].as_str().is_some_and(|url| url.ends_with("/v2"))
        };
        until_read(world, NAMESPACE, config_map, "moved", moved).await;

        // Another name: the former one goes. And then there is none.
        world.patch(NAMESPACE, "told", &published(&json!({ "configMap": { "name": "orders-url" } }))).await;
        until_read(world, NAMESPACE, "configmap/orders-url", "made", moved).await;
        until_gone(world, NAMESPACE, config_map).await;
        world.patch(NAMESPACE, "told", &published(&Value::Null)).await;
        until_gone(world, NAMESPACE, "configmap/orders-url").await;
        let none = |object: &Value| is_ready(object) && object["status"]["published"].is_null();
        world.until_endpoint(NAMESPACE, "told", "nothing is recorded", none).await;
    });
}

/// Stalled with these words, and live.
async fn until_refused(world: &World, name: &str, says: &[&str]) -> Value {
    let refused = |endpoint: &Value| {
        let text = condition(endpoint, "Stalled")["message"].as_str().unwrap_or_default();
        condition(endpoint, "Live")["status"] == "True" && says.iter().all(|part| text.contains(part))
    };
    world.until_endpoint(NAMESPACE, name, &format!("live, and says {says:?}"), refused).await
}

#[test]
fn what_can_not_be_published_is_told_and_the_rest_serves() {
    run(async |world| {
        let of_others = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "of-others" }, "data": { "a": "b" } });
        world.apply(NAMESPACE, &of_others.to_string());
        let before = read(world, NAMESPACE, "configmap/of-others").unwrap();
        world.apply(NAMESPACE, &manifest("untold", &json!({ "configMap": { "name": "of-others" } })));
        let says = [
            "publish failed: ConfigMap of-others is not ours: it has no ownerReference to this object",
            "hint: set another `spec.publish.configMap.name`, or delete ConfigMap of-others",
        ];
        let endpoint = until_refused(world, "untold", &says).await;
        assert_eq!(post(world.stage_url(&endpoint, "/"), "{}").send().await.status, 200, "{}", told(&endpoint));
        assert_eq!(read(world, NAMESPACE, "configmap/of-others").unwrap(), before);

        world.patch(NAMESPACE, "untold", &published(&Value::Null)).await;
        world.until_ready(NAMESPACE, "untold").await;
        assert_eq!(read(world, NAMESPACE, "configmap/of-others").unwrap(), before);

        let refused = world.try_apply(NAMESPACE, &manifest("nowhere", &json!({}))).unwrap_err();
        assert!(refused.contains("configMap or secret is required"), "{refused}");
        world.apply(NAMESPACE, &manifest("nowhere", &json!({ "configMap": { "name": "Orders" } })));
        let invalid = |object: &Value| {
            let text = condition(object, "Stalled")["message"].as_str().unwrap_or_default();
            text.contains("spec.publish.configMap.name: `Orders`: allowed are")
        };
        world.until_endpoint(NAMESPACE, "nowhere", "the name is refused", invalid).await;
    });
}

#[test]
fn a_secret_tells_those_who_may_read_it() {
    const HERE: &str = "confided";
    world::run(async |world| {
        world.create_namespace(HERE);
        let operator = Operator::start_as_chart(world, HERE).await;
        world.apply(
            HERE,
            &manifest("confided", &json!({ "secret": { "name": "first" }, "configMap": { "name": "first" } })),
        );
        let endpoint = world.until_ready(HERE, "confided").await;
        let url = |found: &Value| {
            // kubectl decodes what the API server tells in base64.
            let template = "go-template={{.data.url | base64decode}}";
            let name = found["metadata"]["name"].as_str().unwrap().to_owned();
            world.kubectl(["get", "secret", &name, "--namespace", HERE, "--output", template])
        };
        let first = read(world, HERE, "secret/first").unwrap();
        assert_eq!(Some(url(&first).as_str()), endpoint["status"]["url"].as_str());
        assert_eq!(first["metadata"]["ownerReferences"][0]["uid"], endpoint["metadata"]["uid"]);
        assert_eq!(first["type"], "Opaque");

        world.patch(HERE, "confided", &published(&json!({ "secret": { "name": "second" }, "configMap": null }))).await;
        let second = until_read(world, HERE, "secret/second", "made", |found| !found["data"]["url"].is_null()).await;
        assert_eq!(url(&second), endpoint["status"]["url"].as_str().unwrap());
        until_gone(world, HERE, "secret/first").await;
        until_gone(world, HERE, "configmap/first").await;

        // What someone wrote into it is put back when it is looked at next.
        let edit = r#"{"stringData": {"url": "https://elsewhere", "more": "1"}}"#;
        world.kubectl(["patch", "secret/second", "--namespace", HERE, "--type", "merge", "--patch", edit]);
        let look = json!({ "metadata": { "annotations": { "sfe.dev/requestedAt": "1" } } });
        world.patch(HERE, "confided", &look).await;
        until_read(world, HERE, "secret/second", "put back", |found| found["data"] == second["data"]).await;

        // Deleted, the endpoint leaves it to the garbage collector.
        world.delete(HERE, "confided");
        world.until_gone(HERE, "confided").await;
        assert!(operator.stop().success());
    });
}
