//! What Step Functions can answer but a local one never does, shown on the templates that AWS has of a Ready endpoint.

use serde_json::{Value, json};
use sfe_sandbox::Rendering;

use crate::hostile;
use crate::serving::{Endpoint, Failures, run};
use crate::world::World;

const MANIFEST: &str = r#"
apiVersion: sfe.dev/v1alpha1
kind: StepFunctionEndpoint
metadata: {name: rendered}
spec:
  stateMachine:
    type: EXPRESS
    definition: |
      StartAt: Done
      States:
        Done: {Type: Pass, End: true}
  routes:
  - {path: /sync, method: POST, auth: {type: NONE}, action: StartSyncExecution}
  - path: /sync/said
    method: POST
    auth: {type: NONE}
    action: StartSyncExecution
    responses:
      success: {status: 201, body: {constant: {done: "it's"}}}
      errors:
      - {match: {error: "Validation*", status: FAILED}, status: 422}
      - {match: {error: "*.Retry"}, status: 409, body: {constant: {retry: true}}}
      - {match: {status: TIMED_OUT}, status: 503}
      clientError: {status: 418, body: {constant: {whose: yours}}}
      serverError: {status: 599, body: {constant: {whose: ours}}}
  - {path: /start, method: POST, auth: {type: NONE}, action: StartExecution}
---
apiVersion: sfe.dev/v1alpha1
kind: StepFunctionEndpoint
metadata: {name: polled}
spec:
  stateMachine:
    definition: |
      StartAt: Done
      States:
        Done: {Type: Pass, End: true}
  routes:
  - {path: "/{name}", method: GET, auth: {type: NONE}, action: DescribeExecution, execution: {path: name}}
  - path: /said/{name}
    method: GET
    auth: {type: NONE}
    action: DescribeExecution
    execution: {path: name}
    responses: {errors: [{match: {status: ABORTED}, status: 410}, {match: {error: "*"}, status: 502, body: {constant: {}}}]}
"#;

/// One of the two integration responses of a method, as API Gateway has it.
struct Response {
    status: u16,
    template: String,
}

/// What answers a service's 2xx, and what answers anything else.
async fn responses(endpoint: &Endpoint, method: &str, path: &str) -> (Response, Response) {
    let found = endpoint.method(method, path).await;
    let integration = found.method_integration().expect("no integration");
    let responses = integration.integration_responses().into_iter().flatten();
    let (mut success, mut failure) = (Vec::new(), Vec::new());
    for (status, response) in responses {
        let templates = response.response_templates().expect("no response templates");
        assert_eq!(templates.len(), 1, "with several the client's Accept header chooses: {templates:?}");
        let one = Response { status: status.parse().unwrap(), template: templates["application/json"].clone() };
        match response.selection_pattern().filter(|pattern| !pattern.is_empty()) {
            None => failure.push(one),
            Some(pattern) => {
                assert_eq!(pattern, r"2\d{2}", "{method} {path}");
                success.push(one);
            }
        }
    }
    let counts = (success.len(), failure.len());
    assert_eq!(counts, (1, 1), "one for success, and one default for all else: {method} {path}");
    (success.remove(0), failure.remove(0))
}

/// Renders a template with what a service answered, and compares the status and the document that the caller gets.
async fn check(world: &World, response: &Response, answered: &str, status: u16, body: &Value) -> Result<(), String> {
    let rendering = Rendering { template: &response.template, body: answered, ..Rendering::default() };
    let rendered = world.sandbox.render(&rendering).await.map_err(|error| format!("{answered}: {error}"))?;
    let got = rendered.status_override.unwrap_or(response.status);
    match serde_json::from_str::<Value>(&rendered.text) {
        Ok(document) if got == status && document == *body => Ok(()),
        _ => Err(format!("{answered} became {got} {:?}, expected {status} {body}", rendered.text)),
    }
}

#[test]
fn an_execution_that_did_not_succeed_is_no_success() {
    run(async |world| {
        let endpoint = Endpoint::apply(world, "rendered", MANIFEST).await;
        let (plain, _) = responses(&endpoint, "POST", "/sync").await;
        let (said, _) = responses(&endpoint, "POST", "/sync/said").await;
        let mut failures = Failures::default();
        let mut case = async |name: &str, response: &Response, answered: Value, status: u16, body: Value| {
            failures.note(name, check(world, response, &answered.to_string(), status, &body).await);
        };
        let done = json!({"done": "it's"});
        for (status, answer) in [("ABORTED", 502), ("FAILED", 502), ("TIMED_OUT", 504), ("RUNNING", 502), ("NEW", 502)]
        {
            let answered = json!({"executionArn": "arn", "status": status, "output": "{}"});
            case(status, &plain, answered.clone(), answer, json!({"status": status})).await;
            let answer = if status == "TIMED_OUT" { 503 } else { answer };
            case(status, &said, answered, answer, json!({"status": status})).await;
        }
        for status in ["succeeded", "SUCCEEDED ", "", "NOT SUCCEEDED", "'SUCCEEDED'"] {
            let answered = json!({"status": status, "output": "{}"});
            case("almost SUCCEEDED", &plain, answered.clone(), 502, json!({"status": status})).await;
            case("almost SUCCEEDED", &said, answered, 502, json!({"status": status})).await;
        }
        for answered in [json!({"output": "{}"}), json!({}), json!([]), json!("SUCCEEDED"), json!(["SUCCEEDED"])] {
            case("no status", &plain, answered.clone(), 502, json!({})).await;
            case("no status", &said, answered, 502, json!({})).await;
        }
        let answered = json!({"status": true, "output": "{}"});
        case("a status that is no text", &plain, answered, 502, json!({"status": true})).await;

        case("no output", &plain, json!({"status": "SUCCEEDED"}), 200, Value::Null).await;
        case("no output, but a constant", &said, json!({"status": "SUCCEEDED"}), 201, done.clone()).await;
        for (name, text) in hostile::TEXTS {
            let document = json!({"text": text, text: [1.5, null]});
            let answered = json!({"status": "SUCCEEDED", "output": document.to_string()});
            case(name, &plain, answered.clone(), 200, document).await;
            case(name, &said, answered, 201, done.clone()).await;
            let failed = json!({"status": "FAILED", "error": text, "cause": text});
            case(name, &plain, failed.clone(), 502, failed.clone()).await;
            case(name, &said, failed.clone(), 502, failed).await;
            let failed = json!({"status": "FAILED", "error": format!("Validation{text}"), "cause": text});
            case(name, &said, failed.clone(), 422, failed).await;
        }
        for (error, status, body) in [
            ("Validation", 422, json!({"status": "FAILED", "error": "Validation"})),
            ("MyValidation", 502, json!({"status": "FAILED", "error": "MyValidation"})),
            ("validation", 502, json!({"status": "FAILED", "error": "validation"})),
            ("My.Retry", 409, json!({"retry": true})),
            ("MyXRetry", 502, json!({"status": "FAILED", "error": "MyXRetry"})),
            ("My.Retry.Not", 502, json!({"status": "FAILED", "error": "My.Retry.Not"})),
            ("Validation.Retry", 422, json!({"status": "FAILED", "error": "Validation.Retry"})),
        ] {
            case(error, &said, json!({"status": "FAILED", "error": error}), status, body).await;
        }
        let late = json!({"status": "TIMED_OUT", "error": "Validation.Retry"});
        case("the first match answers", &said, late, 409, json!({"retry": true})).await;
        let cause = json!({"status": "FAILED", "cause": r#"{"a": "it's \"JSON\""}"#});
        case("a cause without an error", &plain, cause.clone(), 502, cause).await;
        failures.end();
    });
}

#[test]
fn polling_tells_what_became_of_it() {
    run(async |world| {
        let endpoint = {
            Endpoint::apply(world, "rendered", MANIFEST).await;
            Endpoint::ready(world, "polled").await
        };
        let (plain, _) = responses(&endpoint, "GET", "/{name}").await;
        let (said, _) = responses(&endpoint, "GET", "/said/{name}").await;
        let mut failures = Failures::default();
        for (name, answered, told, status, body) in [
            ("running", json!({"status": "RUNNING"}), json!({"status": "RUNNING"}), 200, json!({"status": "RUNNING"})),
            ("aborted", json!({"status": "ABORTED"}), json!({"status": "ABORTED"}), 410, json!({"status": "ABORTED"})),
            (
                "failed",
                json!({"status": "FAILED", "error": "it's", "cause": "{\"a\": \"\\\"\"}"}),
                json!({"status": "FAILED", "error": "it's", "cause": "{\"a\": \"\\\"\"}"}),
                502,
                json!({}),
            ),
            (
                "succeeded",
                json!({"status": "SUCCEEDED", "output": "{\"a\":[1,null,\"it's\"]}", "input": "{}", "executionArn": "arn"}),
                json!({"status": "SUCCEEDED", "output": {"a": [1, null, "it's"]}}),
                200,
                json!({"status": "SUCCEEDED", "output": {"a": [1, null, "it's"]}}),
            ),
            (
                "no output",
                json!({"status": "SUCCEEDED"}),
                json!({"status": "SUCCEEDED"}),
                200,
                json!({"status": "SUCCEEDED"}),
            ),
        ] {
            failures.note(name, check(world, &plain, &answered.to_string(), 200, &told).await);
            failures.note(name, check(world, &said, &answered.to_string(), status, &body).await);
        }
        failures.end();
    });
}

#[test]
fn an_error_of_aws_tells_a_caller_its_name_at_most() {
    run(async |world| {
        let endpoint = Endpoint::apply(world, "rendered", MANIFEST).await;
        let polled = Endpoint::ready(world, "polled").await;
        let (_, start) = responses(&endpoint, "POST", "/start").await;
        let (_, sync) = responses(&endpoint, "POST", "/sync").await;
        let (_, said) = responses(&endpoint, "POST", "/sync/said").await;
        let (_, describe) = responses(&polled, "GET", "/{name}").await;
        let mut failures = Failures::default();
        let ours = || json!({"error": "InternalServerError"});
        let named = |name: &str| json!({"error": name});
        // The status for a start, and for a poll, which names the execution.
        for (name, started, polled) in [
            ("ThrottlingException", (429, named("ThrottlingException")), (429, named("ThrottlingException"))),
            (
                "TooManyRequestsException",
                (429, named("TooManyRequestsException")),
                (429, named("TooManyRequestsException")),
            ),
            ("ExecutionLimitExceeded", (429, named("ExecutionLimitExceeded")), (429, named("ExecutionLimitExceeded"))),
            ("InvalidExecutionInput", (400, named("InvalidExecutionInput")), (400, named("InvalidExecutionInput"))),
            ("InvalidName", (400, named("InvalidName")), (400, named("InvalidName"))),
            ("ValidationException", (400, named("ValidationException")), (400, named("ValidationException"))),
            ("InvalidArn", (500, ours()), (400, named("InvalidArn"))),
            ("ExecutionDoesNotExist", (404, named("ExecutionDoesNotExist")), (404, named("ExecutionDoesNotExist"))),
            ("ExecutionAlreadyExists", (409, named("ExecutionAlreadyExists")), (409, named("ExecutionAlreadyExists"))),
            ("StateMachineDoesNotExist", (500, ours()), (500, ours())),
            ("StateMachineDeleting", (500, ours()), (500, ours())),
            ("AccessDeniedException", (500, ours()), (500, ours())),
            ("AccessDenied", (500, ours()), (500, ours())),
            ("UnrecognizedClientException", (500, ours()), (500, ours())),
            ("KmsAccessDeniedException", (500, ours()), (500, ours())),
            ("ServiceUnavailable", (500, ours()), (500, ours())),
            ("SomethingNew", (500, ours()), (500, ours())),
            ("", (500, ours()), (500, ours())),
        ] {
            for type_ in [name.to_owned(), format!("com.amazonaws.swf.service.v2.model#{name}")] {
                let denied = "User: arn:aws:sts::000000000000:assumed-role/sfe/gateway is not authorized to perform: it on resource: arn:aws:states:eu-central-1:000000000000:stateMachine:secret";
                let answered = json!({"__type": type_, "message": denied, "Message": denied}).to_string();
                for response in [&start, &sync] {
                    failures.note(&type_, check(world, response, &answered, started.0, &started.1).await);
                }
                failures.note(&type_, check(world, &describe, &answered, polled.0, &polled.1).await);
                let whose = if started.0 < 500 && started.0 != 429 { (418, "yours") } else { (599, "ours") };
                failures.note(&type_, check(world, &said, &answered, whose.0, &json!({"whose": whose.1})).await);
            }
        }
        for answered in [
            "",
            "{}",
            "null",
            "[]",
            "\"ThrottlingException\"",
            "ThrottlingException",
            "<html>502 Bad Gateway</html>",
            "upstream connect error: arn:aws:states:secret",
            r#"{"message": "arn:aws:states:secret"}"#,
            r#"{"Type": "ThrottlingException"}"#,
            r#"{"__type": null}"#,
            r#"{"__type": ["InvalidName"]}"#,
            r#"{"__type": {"a": "InvalidName"}}"#,
            r#"{"__type": "x\",\"y\":\"InvalidName"}"#,
            r#"{"__type": "InvalidName#it's"}"#,
            r#"{"__type": "invalidname"}"#,
        ] {
            for response in [&start, &sync, &describe] {
                failures.note("no known error", check(world, response, answered, 500, &ours()).await);
            }
            failures.note("no known error", check(world, &said, answered, 599, &json!({"whose": "ours"})).await);
        }
        failures.end();
    });
}
