//! AccessDenied on one action: a person is told which, and nothing is made, changed or deleted because of it.

use serde_json::{Value, json};
use sfe_core::kinds::role::INLINE_POLICY;
use sfe_core::operation::Operation;

use crate::fixtures::{ORDERS, differences, is_live, objects_of_orders, owner, start_through, writes};
use crate::microburst::{Microburst, error};
use crate::operator::Operator;
use crate::picture;
use crate::world::{World, condition, is_ready, until};

const FLAGS: [&str; 8] =
    ["--drift-interval", "300ms", "--stalled-interval", "300ms", "--retry-min", "100ms", "--retry-max", "1s"];

/// What the operator looks with at an endpoint that serves, by microburst's name of the service.
const READS: [(&str, &str); 13] = [
    ("apigateway", "GetRestApis"),
    ("apigateway", "GetResources"),
    ("apigateway", "GetAuthorizers"),
    ("apigateway", "GetRequestValidators"),
    ("apigateway", "GetModels"),
    ("apigateway", "GetDeployments"),
    ("apigateway", "GetStages"),
    ("iam", "GetRole"),
    ("iam", "GetRolePolicy"),
    ("iam", "ListAttachedRolePolicies"),
    ("logs", "DescribeLogGroups"),
    ("stepfunctions", "DescribeStateMachine"),
    ("stepfunctions", "ListTagsForResource"),
];

/// With a field of the body, for which there are a model and a request validator too.
fn orders() -> String {
    ORDERS.replace("action: StartExecution}", "action: StartExecution, input: {fields: {id: {body: $.id}}}}")
}

/// The rule that one action is denied, as its service says that.
fn denied(service: &str, operation: &str) -> Value {
    let message = "User: the operator is not authorized to perform this action";
    let (code, status) = match service {
        "iam" => ("AccessDenied", 403),
        "apigateway" => ("AccessDeniedException", 403),
        _ => ("AccessDeniedException", 400),
    };
    json!([error(service, operation, code, status, message)])
}

/// The action as IAM names it.
fn action(service: &str, operation: &str) -> String {
    format!("{}:{operation}", if service == "stepfunctions" { "states" } else { service })
}

/// The action as a policy names it: API Gateway's are HTTP verbs.
fn permission(action: &str) -> String {
    let (service, operation) = action.split_once(':').unwrap();
    let permission = Operation::find(service, operation).unwrap().permissions()[0];
    format!("{}:{}", permission.resource.service(), permission.action)
}

/// Waits until a person is told which action to allow, and that is all that is wrong.
async fn until_denied(world: &World, namespace: &str, service: &str, operation: &str) -> Value {
    let action = action(service, operation);
    let permission = permission(&action);
    let says = |endpoint: &Value| {
        let stalled = condition(endpoint, "Stalled");
        let message = stalled["message"].as_str().unwrap_or_default();
        stalled["status"] == "True"
            && message.contains(&format!("{action} failed: "))
            && message.contains(&format!("hint: allow `{permission}` on "))
    };
    world.until_endpoint(namespace, "orders", &format!("Stalled because of {action}"), says).await
}

/// Each of all reads, of an endpoint that serves: it serves on, and AWS stays as it was. So it does when a read is denied
/// before anything is made, or while it is deleted.
pub async fn one_read_is_denied(world: &'static World) {
    let namespace = "faults-denied-read";
    world.create_namespace(namespace);
    let proxy = Microburst::start(world).await;
    let operator = start_through(world, namespace, proxy.endpoint(), &FLAGS).await;
    let from = world.last_call().await;
    proxy.rules(&denied("apigateway", "GetRestApis")).await;
    world.apply(namespace, &orders());
    until_denied(world, namespace, "apigateway", "GetRestApis").await;
    let calls = world.calls_after(from, &operator.access_key).await;
    assert!(!writes(&calls).contains(&"CreateRestApi"), "an API was made though there may be one: {calls:?}");
    proxy.no_rules().await;
    let serving = world.until_live(namespace, "orders").await;
    assert_eq!(world.inventory(namespace).await, objects_of_orders(namespace));

    let owner = owner(namespace, "orders");
    let before = picture::of(world, &owner).await;
    for (service, operation) in READS {
        let from = world.last_call().await;
        proxy.rules(&denied(service, operation)).await;
        let stalled = until_denied(world, namespace, service, operation).await;
        for known in ["url", "api", "routes", "stateMachine", "gatewayRoleArn", "workflowRoleArn", "logGroup"] {
            assert_eq!(stalled["status"][known], serving["status"][known], "status.{known} without {operation}");
        }
        proxy.no_rules().await;
        world.until_endpoint(namespace, "orders", &format!("Ready with {operation} again"), is_ready).await;
        let calls = world.calls_after(from, &operator.access_key).await;
        assert_eq!(writes(&calls), [""; 0], "something was written because {operation} was denied");
        assert_eq!(differences(&picture::of(world, &owner).await, &before), [""; 0], "{operation}");
    }

    // What can't be seen may still be there: the object stays until it can.
    for (service, operation) in
        [("apigateway", "GetRestApis"), ("iam", "GetRole"), ("iam", "ListRolePolicies"), ("logs", "DescribeLogGroups")]
    {
        world.apply(namespace, &orders());
        world.until_live(namespace, "orders").await;
        proxy.rules(&denied(service, operation)).await;
        world.delete(namespace, "orders");
        until_denied(world, namespace, service, operation).await;
        proxy.no_rules().await;
        world.until_gone(namespace, "orders").await;
        assert_eq!(world.inventory(namespace).await, [""; 0], "left in AWS, where {operation} was denied");
    }
}

/// Whether a call makes or deletes an object that an endpoint has one of.
fn is_replacement(call: &str) -> bool {
    let object = call.strip_prefix("Create").or_else(|| call.strip_prefix("Delete"));
    let objects = ["RestApi", "Stage", "Deployment", "Role", "StateMachine", "LogGroup"];
    object.is_some_and(|object| objects.contains(&object))
}

/// A write of each kind, to an endpoint that serves and changes: what can be done is done, and nothing in another way.
pub async fn one_write_is_denied(world: &'static World) {
    let namespace = "faults-denied-write";
    world.create_namespace(namespace);
    let proxy = Microburst::start(world).await;
    let operator = start_through(world, namespace, proxy.endpoint(), &FLAGS).await;
    world.apply(namespace, &orders());
    let mut serving = world.until_live(namespace, "orders").await;
    let objects = objects_of_orders(namespace);
    let definition = "{StartAt: A, States: {A: {Type: Pass, End: true}}}";
    let route = &serving["spec"]["routes"][0];
    let added = json!({ "path": "/added", "method": "POST", "auth": { "type": "NONE" } });
    let statements = json!([{ "actions": ["s3:PutObject"], "resources": ["arn:aws:s3:::orders/*"] }]);
    let changes = [
        ("stepfunctions", "UpdateStateMachine", json!({ "stateMachine": { "definition": definition } })),
        ("iam", "PutRolePolicy", json!({ "stateMachine": { "role": { "statements": statements } } })),
        ("logs", "PutRetentionPolicy", json!({ "stateMachine": { "logging": { "retentionDays": 30 } } })),
        ("apigateway", "CreateDeployment", json!({ "routes": [route, added] })),
    ];
    for (service, operation, change) in changes {
        let from = world.last_call().await;
        proxy.rules(&denied(service, operation)).await;
        world.patch(namespace, "orders", &json!({ "spec": change })).await;
        let stalled = until_denied(world, namespace, service, operation).await;
        assert_eq!(stalled["status"]["url"], serving["status"]["url"], "{operation}");
        assert_eq!(condition(&stalled, "Ready")["status"], "False");
        assert_eq!(world.inventory(namespace).await, objects, "{operation}");
        let calls = world.calls_after(from, &operator.access_key).await;
        let replaced: Vec<&str> = writes(&calls).into_iter().filter(|made| is_replacement(made)).collect();
        assert_eq!(replaced, [""; 0], "made or deleted because {operation} was denied");
        proxy.no_rules().await;
        serving = world.until_live(namespace, "orders").await;
        assert_eq!(world.inventory(namespace).await, objects, "{operation}");
    }
    what_is_not_put_back_is_told(world, &proxy, &operator, namespace).await;

    for (service, operation) in
        [("apigateway", "DeleteRestApi"), ("stepfunctions", "DeleteStateMachine"), ("iam", "DeleteRole")]
    {
        world.apply(namespace, &orders());
        world.until_live(namespace, "orders").await;
        proxy.rules(&denied(service, operation)).await;
        world.delete(namespace, "orders");
        until_denied(world, namespace, service, operation).await;
        proxy.no_rules().await;
        world.until_gone(namespace, "orders").await;
        assert_eq!(world.inventory(namespace).await, [""; 0], "left in AWS, where {operation} was denied");
    }
}

/// What is taken away by hand and can't be put back is told with when that was found, and so is what is taken away after it.
async fn what_is_not_put_back_is_told(world: &World, proxy: &Microburst, operator: &Operator, namespace: &str) {
    let role = owner(namespace, "orders").gateway_role_name();
    let (service, operation) = ("iam", "PutRolePolicy");
    proxy.rules(&denied(service, operation)).await;
    world.iam.delete_role_policy().role_name(&role).policy_name(INLINE_POLICY).send().await.unwrap();
    let stalled = until_denied(world, namespace, service, operation).await;
    let drift = &stalled["status"]["drift"];
    let object = format!("role {role}");
    assert_eq!((&drift[0]["object"], &drift[0]["field"]), (&json!(object), &json!("policyDocument")), "{drift}");

    let tries = || operator.log().matches("a call failed").count();
    let before = tries();
    until("it was tried twice more", async || if tries() >= before + 2 { Ok(()) } else { Err(tries()) }).await;
    let again = world.endpoint(namespace, "orders").await.unwrap();
    assert_eq!(&again["status"]["drift"], drift, "found again, but once is enough to tell");

    world.iam.delete_role().role_name(&role).send().await.unwrap();
    let is_told = |endpoint: &Value| {
        let drift = &endpoint["status"]["drift"][0];
        drift["object"] == object.as_str() && drift["found"] == "needs iam:CreateRole"
    };
    world.until_endpoint(namespace, "orders", "the loss of the role is told", is_told).await;
    proxy.no_rules().await;
    world
        .until_endpoint(namespace, "orders", "put back, and told", |endpoint| is_live(endpoint) && is_told(endpoint))
        .await;
    assert_eq!(world.inventory(namespace).await, objects_of_orders(namespace));
}
