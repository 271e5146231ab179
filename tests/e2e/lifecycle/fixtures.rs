//! What the stories of an endpoint's life share, here and in the fault tests: manifests, operators, comparisons.

use std::collections::BTreeSet;

use kube::api::{Patch, PatchParams, ValidationDirective};
use serde_json::{Value, json};
use sfe_core::api::StateMachineType;
use sfe_core::owner::Owner;
use sfe_sandbox::Call;

use crate::operator::Operator;
use crate::world::{World, condition, is_ready, until};

/// Of a value in a message, in characters.
const SHOWN_MAX: usize = 200;

/// A STANDARD workflow: `fail` in its input makes an execution fail. With every object that an endpoint can have.
pub const ORDERS: &str = r"
apiVersion: sfe.dev/v1alpha1
kind: StepFunctionEndpoint
metadata: {name: orders}
spec:
  stateMachine:
    definition: |
      StartAt: Check
      States:
        Check:
          Type: Choice
          Choices: [{Variable: $.fail, IsPresent: true, Next: Refuse}]
          Default: Accept
        Refuse: {Type: Fail, Error: Refused, Cause: the request asked for it}
        Accept: {Type: Pass, End: true}
    logging: {level: ERROR, retentionDays: 14}
    role: {statements: [{actions: ['s3:GetObject'], resources: ['arn:aws:s3:::orders/*']}]}
  executions: {interval: 1h}
  routes:
  - {path: /orders, method: POST, auth: {type: NONE}, action: StartExecution}
";

/// What it makes in AWS, as [`World::inventory`] tells it.
pub fn objects_of_orders(namespace: &str) -> Vec<String> {
    [
        format!("log group /aws/vendedlogs/states/sfe-{namespace}-orders-logs"),
        format!("rest api {namespace}-orders"),
        format!("role sfe-{namespace}-orders-gateway"),
        format!("role sfe-{namespace}-orders-workflow"),
        format!("stage {namespace}-orders/prod"),
        format!("state machine sfe-{namespace}-orders-standard"),
    ]
    .into()
}

/// An operator of this namespace alone, which is the cluster's name in its tags too.
pub async fn start(world: &World, namespace: &str, flags: &[&str]) -> Operator {
    Operator::start(world, namespace, &[&["--cluster-id", namespace], flags].concat()).await
}

/// The same, which reaches AWS through something that a test put before it.
pub async fn start_through(world: &World, namespace: &str, aws_endpoint: &str, flags: &[&str]) -> Operator {
    Operator::launch(world, namespace, |command, address| {
        command.args(["run", "--namespace", namespace, "--cluster-id", namespace]);
        command.args(["--log-format", "text", "--listen", address]).args(flags);
        command.env("AWS_ENDPOINT_URL", aws_endpoint);
    })
    .await
}

/// Whose the AWS objects are that an operator of [`start`] makes.
pub fn owner(namespace: &str, name: &str) -> Owner {
    Owner { cluster: namespace.to_owned(), namespace: namespace.to_owned(), name: name.to_owned() }
}

/// The ARN that its state machine has.
pub fn state_machine_arn(owner: &Owner, type_: StateMachineType) -> String {
    format!("arn:aws:states:eu-central-1:000000000000:stateMachine:{}", owner.state_machine_name(type_))
}

/// Whether a call changes nothing.
pub fn is_read(call: &Call) -> bool {
    ["Get", "List", "Describe", "Filter"].iter().any(|verb| call.operation.starts_with(verb))
}

/// The names of all calls that change something.
pub fn writes(calls: &[Call]) -> Vec<&str> {
    calls.iter().filter(|call| !is_read(call)).map(|call| call.operation.as_str()).collect()
}

/// What the status tells of the API that serves, but for when it was made.
pub fn api_ids(endpoint: &Value) -> [&Value; 4] {
    ["restApiId", "stage", "deploymentId", "deploymentHash"].map(|id| &endpoint["status"]["api"][id])
}

/// Whether the stage serves what the manifest says now.
pub fn is_live(endpoint: &Value) -> bool {
    let live = condition(endpoint, "Live");
    is_ready(endpoint)
        && live["status"] == "True"
        && live["observedGeneration"] == endpoint["metadata"]["generation"]
        && condition(endpoint, "Reconciling").is_null()
        && condition(endpoint, "Stalled").is_null()
}

/// A document with a JSON merge patch (RFC 7396) applied: what kubectl and the API server do with one.
pub fn merged(document: &Value, patch: &Value) -> Value {
    let Value::Object(patch) = patch else { return patch.clone() };
    let mut merged_object = document.as_object().cloned().unwrap_or_default();
    for (key, value) in patch {
        match value {
            Value::Null => drop(merged_object.remove(key)),
            value => {
                let member = merged(document.get(key).unwrap_or(&Value::Null), value);
                merged_object.insert(key.clone(), member);
            }
        }
    }
    Value::Object(merged_object)
}

/// Where two documents differ, in lines such as `/roles/gateway/managed: ["a"] rather than []`.
pub fn differences(found: &Value, expected: &Value) -> Vec<String> {
    fn add(at: &str, found: &Value, expected: &Value, lines: &mut Vec<String>) {
        let shown = |value: &Value| value.to_string().chars().take(SHOWN_MAX).collect::<String>();
        match (found, expected) {
            (Value::Object(one), Value::Object(other)) => {
                let keys: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
                keys.into_iter().for_each(|key| add(&format!("{at}/{key}"), &found[key], &expected[key], lines));
            }
            _ if found != expected => lines.push(format!("{at}: {} rather than {}", shown(found), shown(expected))),
            _ => {}
        }
    }
    let mut lines = Vec::new();
    add("", found, expected, &mut lines);
    lines
}

/// Nothing was written to the object, its status above all.
pub fn check_same_status(after: &Value, before: &Value, what: &str) {
    let written = resource_version(after) != resource_version(before);
    let lines = differences(&after["status"], &before["status"]);
    assert!(!written, "{what}: the status was written though nothing changed: {lines:?}");
}

/// Each write of an object gives it another.
pub fn resource_version(endpoint: &Value) -> &str {
    endpoint["metadata"]["resourceVersion"].as_str().unwrap()
}

impl World {
    /// Changes a StepFunctionEndpoint by a JSON merge patch, and answers it as it then is.
    pub async fn patch(&self, namespace: &str, name: &str, patch: &Value) -> Value {
        let strict = PatchParams { field_validation: Some(ValidationDirective::Strict), ..Default::default() };
        let patched = self.endpoints(namespace).patch(name, &strict, &Patch::Merge(patch)).await;
        let patched = patched.unwrap_or_else(|error| panic!("{namespace}/{name}: {patch}: {error}"));
        serde_json::to_value(patched).unwrap()
    }

    /// Waits until the stage serves what the manifest says now, and all else is as it says too.
    pub async fn until_live(&self, namespace: &str, name: &str) -> Value {
        self.until_endpoint(namespace, name, "Live", is_live).await
    }

    /// How often an operator has looked at all that it has in AWS since this call.
    pub async fn looks_after(&self, index: u64, operator: &Operator) -> usize {
        let calls = self.calls_after(index, &operator.access_key).await;
        calls.iter().filter(|call| call.operation == "GetRestApis").count()
    }

    /// "Again: nothing". For an operator with a short --drift-interval and one endpoint alone: it looks twice more from
    /// beginning to end, and writes nothing, neither to AWS nor to the status. `what` says what came before.
    pub async fn check_rest(&self, operator: &Operator, namespace: &str, name: &str, what: &str) {
        let before = self.endpoint(namespace, name).await.unwrap();
        let from = self.last_call().await;
        // The third look begins once the second has ended, its write of the status included.
        until(&format!("{namespace}/{name}: looked at three times"), async || {
            let looks = self.looks_after(from, operator).await;
            if looks >= 3 { Ok(()) } else { Err(looks) }
        })
        .await;
        let calls = self.calls_after(from, &operator.access_key).await;
        assert_eq!(writes(&calls), [""; 0], "{what}: writes to AWS though nothing changed");
        let after = self.endpoint(namespace, name).await.unwrap();
        check_same_status(&after, &before, what);
    }
}

/// The patch of an annotation that means nothing: the operator looks at the object, and that is all.
pub fn touch() -> Value {
    json!({ "metadata": { "annotations": { "example.com/touched": "yes" } } })
}
