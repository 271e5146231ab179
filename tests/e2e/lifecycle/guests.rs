//! Several StepFunctionEndpoints on one API: they come, change and go in any order, and each keeps what is its own.

use serde_json::{Value, json};
use sfe_core::api::StateMachineType;

use super::{check_same_status, differences, is_live, owner, picture, start, state_machine_arn, writes};
use crate::http;
use crate::world::{self, World, condition, told, until};

/// `first` has the API, `second` is its guest.
const BOTH: &str = include_str!("../../../examples/4-sync-and-async-on-one-api.yaml");
const FLAGS: [&str; 4] = ["--retry-min", "100ms", "--stalled-interval", "1s"];

/// One of the example's documents.
fn document(kind_and_name: &str) -> &'static str {
    let mut documents = BOTH.split("\n---\n");
    let (kind, name) = kind_and_name.split_once(' ').unwrap();
    let is_it = |document: &&str| {
        document.contains(&format!("kind: {kind}\n")) && document.contains(&format!("metadata: {{name: {name}}}"))
    };
    documents.find(is_it).unwrap_or_else(|| panic!("no {kind_and_name} in the example"))
}

/// A guest of `first` with one route.
fn guest(name: &str, path: &str) -> String {
    json!({
        "apiVersion": "sfe.dev/v1alpha1",
        "kind": "StepFunctionEndpoint",
        "metadata": { "name": name },
        "spec": {
            "stateMachine": { "definition": "{StartAt: A, States: {A: {Type: Pass, End: true}}}" },
            "api": { "endpointRef": { "name": "first" } },
            "routes": [{ "path": path, "method": "POST", "auth": { "type": "NONE" } }],
        },
    })
    .to_string()
}

/// POST to a path of the stage that both share.
async fn post(world: &World, endpoint: &Value, path: &str) -> u16 {
    http::post(world.stage_url(endpoint, path), "{}").send().await.status
}

/// What API Gateway answers where there is no route.
const NO_ROUTE: u16 = 403;

#[test]
fn a_guest_comes_first_and_both_become_ready() {
    world::run(async |world| {
        let namespace = "guests-first";
        world.create_namespace(namespace);
        let operator = start(world, namespace, &FLAGS).await;
        world.apply(namespace, document("StepFunctionEndpoint second"));
        for missing in ["StepFunctionEndpoint first", "ConfigMap second-workflow"] {
            until_says(world, namespace, "second", "Reconciling", missing).await;
        }
        assert_eq!(world.inventory(namespace).await, [""; 0], "made for a guest without a host");

        world.apply(namespace, BOTH);
        let first = world.until_live(namespace, "first").await;
        let second = world.until_live(namespace, "second").await;
        assert_eq!(first["status"]["url"], second["status"]["url"], "one API");
        assert_eq!(post(world, &first, "/express-instance").await, 200);
        assert_eq!(post(world, &second, "/standard-instance").await, 200);
        assert_eq!(world.rest_apis(namespace).await.len(), 1);

        // The guest's definition stands in a ConfigMap: a change there is deployed like one of the manifest.
        let config_map = document("ConfigMap second-workflow").replace("ResultPath: null", "Comment: changed");
        world.apply(namespace, &config_map);
        let arn = state_machine_arn(&owner(namespace, "second"), StateMachineType::Standard);
        until("the definition of the ConfigMap is deployed", async || {
            let machine = world.sfn.describe_state_machine().state_machine_arn(&arn).send().await.unwrap();
            if machine.definition().contains("changed") { Ok(()) } else { Err(machine.definition().to_owned()) }
        })
        .await;
        world.until_live(namespace, "second").await;

        // A change of the guest's route reaches the stage of the host.
        let mut routes = second["spec"]["routes"].clone();
        routes[0]["path"] = json!("/moved");
        world.patch(namespace, "second", &json!({ "spec": { "routes": routes } })).await;
        until_served(world, namespace, "second", "/moved", 200).await;
        let second = world.until_live(namespace, "second").await;
        assert_eq!(post(world, &second, "/standard-instance").await, NO_ROUTE, "the former path");
        assert_eq!(post(world, &first, "/express-instance").await, 200, "the host's route");
        let url = format!("{}/moved", first["status"]["url"].as_str().unwrap());
        assert_eq!(second["status"]["routes"][0]["url"], url.as_str());

        // And one of the host leaves the guest's alone.
        let mut routes = first["spec"]["routes"].clone();
        routes[0]["path"] = json!("/express");
        world.patch(namespace, "first", &json!({ "spec": { "routes": routes } })).await;
        until_served(world, namespace, "first", "/express", 200).await;
        world.until_live(namespace, "first").await;
        world.until_live(namespace, "second").await;
        assert_eq!(post(world, &second, "/moved").await, 200, "the guest's route");

        // Again: nothing. A new start reads everything, and finds it as it should be.
        let both = async || {
            let (first, second) = (world.endpoint(namespace, "first"), world.endpoint(namespace, "second"));
            [first.await.unwrap(), second.await.unwrap()]
        };
        operator.kill9();
        let from = world.last_call().await;
        let flags = [&FLAGS[..], &["--drift-interval", "1s"]].concat();
        let operator = start(world, namespace, &flags).await;
        for name in ["first", "second"] {
            // The executions of this test, which were not due until now.
            let told = |endpoint: &Value| endpoint["status"]["executions"]["recent"].is_array();
            world.until_endpoint(namespace, name, "executions are told", told).await;
        }
        let before = both().await;
        until("both are looked at again and again", async || {
            let looks = world.looks_after(from, &operator).await;
            if looks >= 7 { Ok(()) } else { Err(looks) }
        })
        .await;
        let calls = world.calls_after(from, &operator.access_key).await;
        assert_eq!(writes(&calls), [""; 0], "writes to AWS though nothing changed");
        for (after, before) in both().await.iter().zip(&before) {
            check_same_status(after, before, "a new start");
        }
    });
}

#[test]
fn guests_come_collide_and_go() {
    world::run(async |world| {
        let namespace = "guests-many";
        world.create_namespace(namespace);
        let _operator = start(world, namespace, &FLAGS).await;
        world.apply(namespace, BOTH);
        world.apply(namespace, &guest("third", "/third"));
        let first = world.until_live(namespace, "first").await;
        for name in ["second", "third"] {
            world.until_live(namespace, name).await;
        }
        let guests = first["status"]["guests"].as_array().map_or(0, Vec::len);
        assert!(guests <= 2, "{}", first["status"]["guests"]);
        let all = ["/express-instance", "/standard-instance", "/third"];
        for path in all {
            assert_eq!(post(world, &first, path).await, 200, "{path}");
        }

        // One that wants the host's route is refused, with the reason, and all others go on.
        world.apply(namespace, &guest("fourth", "/express-instance"));
        let refused = until_says(world, namespace, "fourth", "Stalled", "POST /express-instance").await;
        let message = condition(&refused, "Stalled")["message"].as_str().unwrap().to_owned();
        assert!(message.contains("first") && message.contains("hint: "), "{message}");
        assert_eq!(condition(&refused, "Ready")["status"], "False");
        for path in all {
            assert_eq!(post(world, &first, path).await, 200, "{path} beside a guest that is refused");
        }
        for name in ["first", "second", "third"] {
            let endpoint = world.endpoint(namespace, name).await.unwrap();
            assert!(is_live(&endpoint), "{name} beside a guest that is refused: {}", told(&endpoint));
        }
        // And so is one that API Gateway has no place for.
        let route = |path: &str| json!([{ "path": path, "method": "GET", "auth": { "type": "NONE" } }]);
        world.patch(namespace, "fourth", &json!({ "spec": { "routes": route("/standard-instance/{other}") } })).await;
        until_says(world, namespace, "fourth", "Stalled", "/standard-instance/{other}").await;
        // Corrected, it is served like any other.
        let routes =
            json!({ "spec": { "routes": [{ "path": "/fourth", "method": "POST", "auth": { "type": "NONE" } }] } });
        world.patch(namespace, "fourth", &routes).await;
        let fourth = world.until_live(namespace, "fourth").await;
        assert_eq!(post(world, &fourth, "/fourth").await, 200);

        // A guest goes with all that is its own, and nothing else goes.
        let host = picture::of(world, &owner(namespace, "first")).await;
        let objects = world.inventory(namespace).await;
        world.delete(namespace, "second");
        world.until_gone(namespace, "second").await;
        for (path, status) in
            [("/express-instance", 200), ("/third", 200), ("/fourth", 200), ("/standard-instance", NO_ROUTE)]
        {
            assert_eq!(post(world, &first, path).await, status, "{path} after the second has gone");
        }
        let left: Vec<String> = objects.into_iter().filter(|object| !object.contains("-second-")).collect();
        assert_eq!(world.inventory(namespace).await, left);
        let mut now = picture::of(world, &owner(namespace, "first")).await;
        let methods = host["api"]["methods"].as_object().unwrap();
        let expected: Vec<&String> = methods.keys().filter(|method| !method.contains("/standard-instance")).collect();
        let found: Vec<&String> = now["api"]["methods"].as_object().unwrap().keys().collect();
        assert_eq!(found, expected, "the routes on the API");
        now["api"] = host["api"].clone();
        assert_eq!(differences(&now, &host), [""; 0], "the host's own objects");
        let first = world.until_live(namespace, "first").await;
        let names: Vec<&Value> =
            first["status"]["guests"].as_array().unwrap().iter().map(|guest| &guest["name"]).collect();
        assert_eq!(names, ["fourth", "third"]);
    });
}

#[test]
fn a_host_waits_for_its_guests() {
    world::run(async |world| {
        let namespace = "guests-last";
        world.create_namespace(namespace);
        let _operator = start(world, namespace, &FLAGS).await;
        world.apply(namespace, BOTH);
        let first = world.until_live(namespace, "first").await;
        world.until_live(namespace, "second").await;
        let before = world.inventory(namespace).await;
        world.delete(namespace, "first");
        let waits = until_says(world, namespace, "first", "Reconciling", "second").await;
        assert!(condition(&waits, "Stalled").is_null(), "{}", told(&waits));
        for path in ["/express-instance", "/standard-instance"] {
            assert_eq!(post(world, &first, path).await, 200, "{path} while the host waits to be deleted");
        }
        assert_eq!(world.inventory(namespace).await, before);
        // A guest changes as long as it is there.
        let mut routes = world.endpoint(namespace, "second").await.unwrap()["spec"]["routes"].clone();
        routes[0]["path"] = json!("/moved");
        world.patch(namespace, "second", &json!({ "spec": { "routes": routes } })).await;
        until_served(world, namespace, "second", "/moved", 200).await;
        world.until_live(namespace, "second").await;

        world.delete(namespace, "second");
        world.until_gone(namespace, "second").await;
        world.until_gone(namespace, "first").await;
        assert_eq!(world.inventory(namespace).await, [""; 0]);
    });
}

/// Waits until a condition is True with a message of these words.
async fn until_says(world: &World, namespace: &str, name: &str, type_: &str, says: &str) -> Value {
    let holds = |endpoint: &Value| {
        let found = condition(endpoint, type_);
        found["status"] == "True" && found["message"].as_str().is_some_and(|message| message.contains(says))
    };
    world.until_endpoint(namespace, name, &format!("{type_} because of {says:?}"), holds).await
}

/// Waits until POST to a path is answered so.
async fn until_served(world: &World, namespace: &str, name: &str, path: &str, status: u16) {
    until(&format!("{path} answers {status}"), async || {
        let endpoint = world.endpoint(namespace, name).await.unwrap();
        let found = post(world, &endpoint, path).await;
        if found == status { Ok(()) } else { Err((found, told(&endpoint))) }
    })
    .await;
}
