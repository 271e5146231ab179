//! What becomes of AWS when the watched namespace is deleted, with the rights that the chart gives.

use serde_json::{Value, json};

use crate::operator::Operator;
use crate::world::{World, run, until};

const NAMESPACE: &str = "vanishing";
const NAMES: [&str; 3] = ["owner", "attached", "keyed"];

/// Every kind of object in the namespace that the operator reads or writes: a deletion must need none of them.
const MANIFESTS: &str = r#"
apiVersion: v1
kind: ConfigMap
metadata: {name: definition}
data: {asl: "{StartAt: Echo, States: {Echo: {Type: Pass, End: true}}}"}
---
apiVersion: sfe.dev/v1alpha1
kind: StepFunctionEndpoint
metadata: {name: owner}
spec:
  publish: {configMap: {name: owner-url}, secret: {name: owner-url}}
  stateMachine: {type: EXPRESS, definitionFrom: {configMapKeyRef: {name: definition, key: asl}}}
  routes: [{path: /owner, method: POST, auth: {type: NONE}}]
---
apiVersion: sfe.dev/v1alpha1
kind: StepFunctionEndpoint
metadata: {name: attached}
spec:
  api: {endpointRef: {name: owner}}
  stateMachine: {type: EXPRESS, definition: "{StartAt: Echo, States: {Echo: {Type: Pass, End: true}}}"}
  routes: [{path: /attached, method: POST, auth: {type: NONE}}]
---
apiVersion: sfe.dev/v1alpha1
kind: StepFunctionEndpoint
metadata: {name: keyed}
spec:
  apiKeys: [{name: one, writeTo: {secretKeyRef: {name: keyed-one, key: apiKey}}}]
  stateMachine: {type: EXPRESS, definition: "{StartAt: Echo, States: {Echo: {Type: Pass, End: true}}}"}
  routes: [{path: /keyed, method: POST, auth: {type: NONE}, apiKeyRequired: true}]
"#;

/// Deletes all objects of these kinds in the namespace, as a namespace controller does: it doesn't wait for finalizers.
fn delete_all(world: &World, kinds: &str) {
    world.kubectl(["delete", kinds, "--all", "--namespace", NAMESPACE, "--wait=false"]);
}

/// Ends the deletion of the namespace, as a namespace controller does once nothing is left in it.
fn finalize(world: &World) {
    let found = world.kubectl(["get", "namespace", NAMESPACE, "--output", "json"]);
    let mut namespace: Value = serde_json::from_str(&found).unwrap();
    namespace["spec"]["finalizers"] = json!([]);
    let path = format!("/api/v1/namespaces/{NAMESPACE}/finalize");
    world.kubectl_with(["replace", "--raw", &path, "--filename", "-"], &namespace.to_string()).unwrap();
}

/// No controller manager runs in a sandbox: the test deletes in its place, and the rights before all else.
#[test]
fn a_watched_namespace_that_is_deleted_leaves_nothing_in_aws() {
    run(async |world| {
        world.create_namespace(NAMESPACE);
        let operator = Operator::start_as_chart(world, NAMESPACE).await;
        world.apply(NAMESPACE, MANIFESTS);
        for name in NAMES {
            world.until_ready(NAMESPACE, name).await;
        }
        assert_ne!(world.inventory(NAMESPACE).await, [""; 0]);

        world.kubectl(["delete", "namespace", NAMESPACE, "--wait=false"]);
        delete_all(world, "rolebindings,roles");
        let account = format!("system:serviceaccount:{NAMESPACE}-operator:sfe-stepfunction-endpoint");
        let asked = ["auth", "can-i", "get", "secrets", "--namespace", NAMESPACE, "--as", &account];
        until("the rights in the namespace are gone", async || match world.kubectl_with(asked, "") {
            Ok(answer) => Err(answer),
            Err(_) => Ok(()),
        })
        .await;
        delete_all(world, "configmaps,secrets,serviceaccounts");
        // A process without any memory takes over, and starts with the rights that are left.
        assert!(operator.stop().success());
        let operator = Operator::start_as_installed(world, NAMESPACE).await;
        delete_all(world, "stepfunctionendpoints");
        for name in NAMES {
            world.until_gone(NAMESPACE, name).await;
        }
        assert_eq!(world.inventory(NAMESPACE).await, [""; 0]);
        finalize(world);
        let name = format!("namespace/{NAMESPACE}");
        let left = || world.kubectl(["get", &name, "--ignore-not-found", "--output", "name"]);
        until("the namespace is gone", async || Some(left()).filter(String::is_empty).ok_or_else(left)).await;
        assert!(operator.stop().success());
    });
}
