//! Each file of examples/, applied as it is, and called.

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::http::{Request, get, post, request};
use crate::lifecycle::is_live;
use crate::serving::{Endpoint, NAMESPACE, Served, run};
use crate::world::{World, until};

const EXISTING: &str = "arn:aws:states:eu-central-1:000000000000:stateMachine:existing";

/// Sends a request, and compares the answer and the inputs of the executions that were started, byte for byte.
async fn check(endpoint: &Endpoint, machine: &str, request: Request, status: u16, body: &str, inputs: &[&str]) {
    let served = endpoint.call(request).await;
    let what = &served.what;
    // LocalStack's engine leaves the end of a line behind a directive, which Velocity takes away.
    assert_eq!((served.answer.status, served.answer.body.trim()), (status, body), "{what}: {served:?}");
    assert_eq!(served.answer.content_type.as_deref(), Some("application/json"), "{what}: {served:?}");
    assert_eq!(served.sent.len(), inputs.len(), "{what}: {served:?}");
    if let [input] = inputs {
        assert_eq!(served.input(machine).as_deref(), Ok(*input), "{what}: {served:?}");
    }
}

#[test]
fn an_existing_state_machine_gets_a_constant() {
    run(async |world| {
        let machine =
            world.sfn.create_state_machine().name("existing").role_arn("arn:aws:iam::000000000000:role/existing");
        machine.definition(r#"{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}"#).send().await.unwrap();
        let endpoint =
            Endpoint::apply(world, "trigger", include_str!("../../examples/1-existing-state-machine.yaml")).await;
        for body in [r#"{"prefix":"mine","x":"'"}"#, "", "[1]"] {
            let answered = r#"{"done":true}"#;
            check(&endpoint, EXISTING, post(endpoint.url("/"), body), 200, answered, &[r#"{"prefix":"prod"}"#]).await;
        }
    });
}

#[test]
fn path_and_body_make_the_input() {
    run(async |world| {
        let manifest = include_str!("../../examples/2-path-and-body-with-cognito.yaml");
        let endpoint = Endpoint::apply(world, "recipes", manifest).await;
        let url = endpoint.url("/recipes/7/move");
        let sent = r#"{"user_id":"O'Brien \"x\""}"#;
        let served = endpoint.call(post(&url, sent)).await;
        assert_eq!(served.answer.status, 200, "{served:?}");
        let input = served.input(endpoint.state_machine());
        assert_eq!(input, Ok(r#"{"id":"7","user_id":"O'Brien \"x\""}"#), "{served:?}");
        for (request, status) in [
            (post(&url, r#"{"user":"x"}"#), 400),
            (post(&url, ""), 400),
            (post(&url, "no JSON"), 400),
            (post(&url, sent).header("content-type", "text/plain"), 415),
        ] {
            let served = endpoint.call(request).await;
            assert_eq!((served.answer.status, served.sent.len()), (status, 0), "{}: {served:?}", served.what);
        }

        // LocalStack lets everyone in: that a user's token is asked for is read from the method.
        let method = endpoint.method("POST", "/recipes/{id}/move").await;
        assert_eq!(method.authorization_type(), Some("COGNITO_USER_POOLS"));
        let authorizers = world.apigateway.get_authorizers().rest_api_id(&endpoint.api_id).send().await.unwrap();
        let [authorizer] = authorizers.items() else { panic!("one authorizer was expected: {authorizers:?}") };
        assert_eq!(
            (authorizer.id(), authorizer.provider_arns()),
            (method.authorizer_id(), POOL.map(str::to_owned).as_slice())
        );
        let role = role_name(&endpoint);
        let attached = world.iam.list_attached_role_policies().role_name(role).send().await.unwrap();
        let attached: Vec<_> = attached.attached_policies().iter().filter_map(|policy| policy.policy_arn()).collect();
        assert_eq!(attached, ["arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"]);
    });
}

#[test]
fn whoever_fires_may_forget() {
    run(async |world| {
        let manifest = include_str!("../../examples/3-fire-and-forget.yaml");
        let endpoint = Endpoint::apply(world, "webhook", manifest).await;
        let (machine, submitted) = (endpoint.state_machine(), r#"{"status":"webhook submitted"}"#);
        let hook = |body: &str| post(endpoint.url("/"), body);
        for body in [r#"{"id": 1.10, "who": "O'Brien \"x\""}"#, r#"["'"]"#] {
            check(&endpoint, machine, hook(body), 200, submitted, &[body]).await;
        }
        check(&endpoint, machine, hook(""), 200, submitted, &["{}"]).await;
        check(&endpoint, machine, hook("no JSON"), 400, r#"{"error":"InvalidExecutionInput"}"#, &["no JSON"]).await;

        // The start fails: someone deleted the state machine. Asked to look, the operator brings it back.
        world.sfn.delete_state_machine().state_machine_arn(machine).send().await.unwrap();
        check(&endpoint, machine, hook("{}"), 500, r#"{"status":"webhook failed"}"#, &["{}"]).await;
        let look = json!({ "metadata": { "annotations": { "sfe.dev/requestedAt": "now" } } });
        world.patch(NAMESPACE, "webhook", &look).await;
        let is_back = |endpoint: &Value| endpoint["status"]["lastHandledReconcileAt"] == "now" && is_live(endpoint);
        world.until_endpoint(NAMESPACE, "webhook", "the state machine is back", is_back).await;
        check(&endpoint, machine, hook("{}"), 200, submitted, &["{}"]).await;
    });
}

#[test]
fn one_api_serves_both_kinds_and_polling() {
    run(async |world| {
        let manifest = include_str!("../../examples/4-sync-and-async-on-one-api.yaml");
        let first = Endpoint::apply(world, "first", manifest).await;
        let second = Endpoint::ready(world, "second").await;
        assert_eq!(first.api_id, second.api_id, "one API");

        let machine = first.state_machine();
        let run = |body: &str| post(first.url("/express-instance"), body);
        let greeted = r#"{"greeting":"hello","input":{"a":"it's"}}"#;
        let served = first.call(run(r#"{"a":"it's"}"#)).await;
        assert_eq!((served.answer.status, served.answer.json()), (200, serde_json::from_str(greeted).unwrap()));
        assert_eq!(served.input(machine), Ok(r#"{"a":"it's"}"#));
        let failed = r#"{"status":"FAILED","error":"ValidationFailed","cause":"the request asked for it"}"#;
        check(&first, machine, run(r#"{"fail":1}"#), 422, failed, &[r#"{"fail":1}"#]).await;
        let crashed = r#"{"status":"FAILED","error":"Crashed","cause":"{\"a\": \"it's JSON\"}"}"#;
        check(&first, machine, run(r#"{"crash":1}"#), 502, crashed, &[r#"{"crash":1}"#]).await;

        let machine = second.state_machine();
        let served = second.call(post(second.url("/standard-instance"), r#"{"n":1.10}"#)).await;
        assert_eq!(served.input(machine), Ok(r#"{"n":1.10}"#));
        let started = served.answer.json();
        let execution = started["executionArn"].as_str().unwrap_or_else(|| panic!("{served:?}"));
        let members: Vec<&str> = started.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!((served.answer.status, members), (200, vec!["executionArn", "startDate"]), "{served:?}");
        let name = execution.rsplit(':').next().unwrap();
        let ended = until("the execution has ended", async || {
            let served = second.call(get(second.url(&format!("/standard-instance/{name}")))).await;
            let answer = served.answer.json();
            if answer["status"] == "RUNNING" { Err(answer) } else { Ok(served) }
        })
        .await;
        let answer = ended.answer.json();
        let told = json!({"name": name, "status": "SUCCEEDED", "output": {"n": 1.1}, "startDate": answer["startDate"], "stopDate": answer["stopDate"]});
        assert_eq!((ended.answer.status, &answer), (200, &told), "{ended:?}");
        let sent = vec![("executionArn".to_owned(), execution.to_owned())];
        assert_eq!((ended.one().action.as_str(), &ended.one().members), ("DescribeExecution", &Some(sent)));
        let served = second.call(get(second.url("/standard-instance/nobody"))).await;
        let unknown = (404, r#"{"error":"ExecutionDoesNotExist"}"#);
        assert_eq!((served.answer.status, served.answer.body.trim()), unknown, "{served:?}");
    });
}

const SLOW: &str = r#"
apiVersion: sfe.dev/v1alpha1
kind: StepFunctionEndpoint
metadata: {name: slow}
spec:
  stateMachine:
    type: EXPRESS
    definition: |
      StartAt: Wait
      TimeoutSeconds: 1
      States:
        Wait: {Type: Wait, Seconds: 4, End: true}
  routes:
  - {path: /default, method: POST, auth: {type: NONE}}
  - path: /matched
    method: POST
    auth: {type: NONE}
    responses: {errors: [{match: {status: TIMED_OUT}, status: 503, body: {constant: {retry: true}}}]}
"#;

#[test]
fn a_workflow_that_takes_too_long_is_no_success() {
    run(async |world| {
        let endpoint = Endpoint::apply(world, "slow", SLOW).await;
        let served = endpoint.call(post(endpoint.url("/default"), "{}")).await;
        assert_eq!((served.answer.status, &served.answer.json()["status"]), (504, &json!("TIMED_OUT")), "{served:?}");
        let machine = endpoint.state_machine();
        check(&endpoint, machine, post(endpoint.url("/matched"), "{}"), 503, r#"{"retry":true}"#, &["{}"]).await;
    });
}

#[test]
fn every_action_is_locked_down() {
    run(async |world| {
        let manifest = include_str!("../../examples/5-every-action-locked-down.yaml");
        let endpoint = Endpoint::apply(world, "approvals", manifest).await;
        let machine = endpoint.state_machine();
        let executions = format!("{}:*", machine.replacen(":stateMachine:", ":execution:", 1));
        let mut allowed = Vec::new();
        for (method, path, action, resource) in [
            ("POST", "/approvals", "StartExecution", machine),
            ("GET", "/approvals", "ListExecutions", machine),
            ("GET", "/approvals/{name}", "DescribeExecution", &executions),
            ("DELETE", "/approvals/{name}", "StopExecution", &executions),
            ("GET", "/approvals/{name}/history", "GetExecutionHistory", &executions),
            ("POST", "/approvals/{name}/redrive", "RedriveExecution", &executions),
            // They are about a token: IAM knows no ARN for them.
            ("POST", "/tasks/success", "SendTaskSuccess", "*"),
            ("POST", "/tasks/failure", "SendTaskFailure", "*"),
            ("POST", "/tasks/heartbeat", "SendTaskHeartbeat", "*"),
        ] {
            // LocalStack lets everyone in: that a signature is asked for is read from the method.
            let found = endpoint.method(method, path).await;
            assert_eq!(found.authorization_type(), Some("AWS_IAM"), "{method} {path}");
            let integration = found.method_integration().expect("no integration");
            let uri = format!("arn:aws:apigateway:eu-central-1:states:action/{action}");
            assert_eq!(integration.uri(), Some(uri.as_str()), "{method} {path}");
            assert_eq!(integration.credentials(), endpoint.object["status"]["gatewayRoleArn"].as_str());
            allowed.push(json!({"Effect": "Allow", "Action": format!("states:{action}"), "Resource": resource}));
        }
        allowed.sort_by_key(|statement| statement["Action"].to_string());
        assert_eq!(gateway_policy(world, &endpoint).await, json!({"Version": "2012-10-17", "Statement": allowed}));
    });
}

#[test]
fn a_waiting_task_is_answered_by_its_token() {
    run(async |world| {
        sqs(world, "CreateQueue", &json!({"QueueName": "approvals"})).await;
        let manifest = include_str!("../../examples/5-every-action-locked-down.yaml");
        let endpoint = Endpoint::apply(world, "approvals", manifest).await;
        let one = |name: &str| endpoint.url(&format!("/approvals/{name}"));

        let (name, token) = ask(world, &endpoint).await;
        // LocalStack takes a heartbeat only of a task with HeartbeatSeconds.
        let beat = post(endpoint.url(&format!("/tasks/heartbeat?token={token}")), "");
        let refused = answers(&endpoint, beat, 400, "SendTaskHeartbeat", &[("taskToken", &token)]).await;
        assert_eq!(refused, json!({"error": "InvalidToken"}));
        let output = r#"{"granted": 1.10, "by": "O'Brien \"x\""}"#;
        let grant = || post(endpoint.url("/tasks/success"), output);
        let sent = [("taskToken", token.as_str()), ("output", output)];
        answers(&endpoint, grant().header("x-task-token", token.as_str()), 200, "SendTaskSuccess", &sent).await;
        let told = ended(&endpoint, &name, "granted").await;
        assert_eq!((&told["status"], &told["output"]), (&json!("SUCCEEDED"), &serde_json::from_str(output).unwrap()));
        for request in [grant(), grant().header("x-task-token", "nonsense")] {
            answered(&endpoint, request, 400).await;
        }

        let (name, token) = ask(world, &endpoint).await;
        let deny = json!({"token": token, "error": "Denied", "cause": "no \"money\""}).to_string();
        let sent = [("taskToken", token.as_str()), ("error", "Denied"), ("cause", "no \"money\"")];
        answers(&endpoint, post(endpoint.url("/tasks/failure"), deny), 200, "SendTaskFailure", &sent).await;
        let told = ended(&endpoint, &name, "denied").await;
        let why = (&json!("FAILED"), &json!("Denied"), &json!("no \"money\""));
        assert_eq!((&told["status"], &told["error"], &told["cause"]), why);

        let (name, token) = ask(world, &endpoint).await;
        let execution = format!("{}:{name}", endpoint.state_machine().replacen(":stateMachine:", ":execution:", 1));
        let this = ("executionArn", execution.as_str());
        let stop = request("DELETE", format!("{}?cause=it%27s", one(&name)));
        answers(&endpoint, stop, 200, "StopExecution", &[this, ("error", "Withdrawn"), ("cause", "it's")]).await;
        // LocalStack stops it only when the task is answered, whatever the answer.
        world.sfn.send_task_success().task_token(token).output("{}").send().await.unwrap();
        assert_eq!(ended(&endpoint, &name, "withdrawn").await["status"], "ABORTED");
        let history = answers(&endpoint, get(one(&name) + "/history"), 200, "GetExecutionHistory", &[this]).await;
        assert_eq!(history["events"][0]["type"], "ExecutionStarted", "{history}");
        let machine = [("stateMachineArn", endpoint.state_machine())];
        let list = answers(&endpoint, get(endpoint.url("/approvals")), 200, "ListExecutions", &machine).await;
        assert_eq!(list["executions"].as_array().map(Vec::len), Some(3), "{list}");
        // LocalStack doesn't know this action, which the answer doesn't tell a caller.
        let redrive = answers(&endpoint, post(one(&name) + "/redrive", ""), 500, "RedriveExecution", &[this]).await;
        assert_eq!(redrive, json!({"error": "InternalServerError"}));
    });
}

/// Starts an approval, and waits for its message: the execution's name, and the task's token.
async fn ask(world: &World, endpoint: &Endpoint) -> (String, String) {
    let served = endpoint.call(post(endpoint.url("/approvals"), "{}")).await;
    let started = served.answer.json();
    let execution = started["executionArn"].as_str().unwrap_or_else(|| panic!("{served:?}"));
    let queue = json!({"QueueUrl": "https://sqs.eu-central-1.amazonaws.com/000000000000/approvals"});
    let message = until("the workflow has asked", async || {
        let answer = sqs(world, "ReceiveMessage", &queue).await;
        let body = answer["Messages"][0]["Body"].as_str().map(str::to_owned);
        body.ok_or(answer)
    })
    .await;
    let message: Value = serde_json::from_str(&message).unwrap();
    let name = execution.rsplit(':').next().unwrap_or_default();
    (name.to_owned(), message["token"].as_str().unwrap_or_else(|| panic!("no token: {message}")).to_owned())
}

/// What became of an execution, once it has ended.
async fn ended(endpoint: &Endpoint, name: &str, why: &str) -> Value {
    until(&format!("the execution has ended: {why}"), async || {
        let answer = endpoint.call(get(endpoint.url(&format!("/approvals/{name}")))).await.answer.json();
        if answer["status"] == "RUNNING" { Err(answer) } else { Ok(answer) }
    })
    .await
}

/// Sends a request, and compares the status and the one call that was made, byte for byte.
async fn answers(endpoint: &Endpoint, request: Request, status: u16, action: &str, sent: &[(&str, &str)]) -> Value {
    let served = answered(endpoint, request, status).await;
    let sent: Vec<_> = sent.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    let made = served.one();
    assert_eq!((made.action.as_str(), made.members.as_ref()), (action, Some(&sent)), "{}: {served:?}", served.what);
    served.answer.json()
}

/// Sends a request until the answer has this status. LocalStack looks for a token in all executions, and fails with 500
/// on one that is just being started, by another test.
async fn answered(endpoint: &Endpoint, request: Request, status: u16) -> Served {
    let served = until("LocalStack knows its executions", async || {
        let served = endpoint.call(request.clone()).await;
        if served.answer.status == 500 && status != 500 { Err(served) } else { Ok(served) }
    })
    .await;
    assert_eq!(served.answer.status, status, "{}: {served:?}", served.what);
    served
}

/// A call of the queue that the workflow writes to, which belongs to no endpoint.
pub async fn sqs(world: &World, operation: &str, body: &Value) -> Value {
    let credential =
        "AWS4-HMAC-SHA256 Credential=test/20260101/eu-central-1/sqs/aws4_request, SignedHeaders=host, Signature=0";
    let request = request("POST", world.sandbox.aws_endpoint())
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", format!("AmazonSQS.{operation}"))
        .header("authorization", credential)
        .body(body.to_string());
    let answer = request.send().await;
    assert_eq!(answer.status, 200, "{operation}: {answer:?}");
    answer.json()
}

const POOL: [&str; 1] = ["arn:aws:cognito-idp:eu-central-1:000000000000:userpool/eu-central-1_abc"];

/// The name of the role that API Gateway assumes.
fn role_name(endpoint: &Endpoint) -> &str {
    let arn = endpoint.object["status"]["gatewayRoleArn"].as_str();
    arn.and_then(|arn| arn.rsplit('/').next()).expect("no status.gatewayRoleArn")
}

/// What that role may do, as IAM has it.
pub async fn gateway_policy(world: &World, endpoint: &Endpoint) -> Value {
    let role = role_name(endpoint);
    let names = world.iam.list_role_policies().role_name(role).send().await.unwrap();
    let [name] = names.policy_names() else { panic!("one inline policy was expected: {names:?}") };
    let policy = world.iam.get_role_policy().role_name(role).policy_name(name).send().await.unwrap();
    let document = percent_decode_str(policy.policy_document()).decode_utf8().unwrap();
    serde_json::from_str(&document).unwrap_or_else(|error| panic!("the policy is no JSON: {error}: {document}"))
}
