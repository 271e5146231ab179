//! What is refused, and with which words.

use rstest::rstest;
use serde_json::{Value, json};

use super::tests::{ARN, translate};

#[rstest]
#[case::no_use(json!({ "action": "ListExecutions", "input": {}, "output": {}, "execution": { "query": "e" }, "taskToken": { "query": "e" },
    "error": { "query": "e" }, "cause": { "query": "e" } }), &[
    "input: leave it out: ListExecutions has no use for it", "execution: leave it out: ListExecutions has no use for it",
    "taskToken: leave it out: ListExecutions has no use for it", "output: leave it out: ListExecutions has no use for it",
    "error: leave it out: ListExecutions has no use for it", "cause: leave it out: ListExecutions has no use for it",
])]
#[case::no_execution(json!({ "action": "StopExecution" }), &["execution: required: StopExecution is about one"])]
#[case::no_token(json!({ "action": "SendTaskSuccess" }), &["taskToken: required: SendTaskSuccess is about one"])]
#[case::optional_token(json!({ "action": "SendTaskHeartbeat", "taskToken": { "query": "t", "optional": true } }), &[
    "taskToken.optional: `true`: leave it out: SendTaskHeartbeat requires the taskToken",
])]
#[case::number(json!({ "action": "SendTaskHeartbeat", "taskToken": { "constant": 5 } }), &["taskToken.constant: `5`: a string is required here"])]
#[case::two_documents(json!({ "input": { "constant": 1, "constantJson": "1" } }), &[
    "input: at most one of constant, constantJson, fields and request is allowed",
])]
#[case::no_json(json!({ "input": { "constantJson": "{" } }), &[
    "input.constantJson: `{`: one JSON document is expected: EOF while parsing an object at line 1 column 1",
])]
#[case::no_fields(json!({ "input": { "fields": {} } }), &["input.fields: at least one member is required"])]
#[case::keys(json!({ "input": { "fields": { "a": { "constant": 1 }, "a.b": { "constant": 1 }, "c..d": { "constant": 1 } } } }), &[
    "input.fields[a.b]: `a.b`: another key has this member's place: a member is a value or an object of members, not both",
    "input.fields[c..d]: `c..d`: a name is required before and behind each dot",
])]
#[case::sources(json!({ "input": { "fields": { "a": {}, "b": { "path": "x", "query": "x" } } } }), &[
    "input.fields[a]: `0 of them`: exactly one of body, rawBody, form, path, query, header, context, authorizer, stageVariable and constant is required",
    "input.fields[b]: `2 of them`: exactly one of body, rawBody, form, path, query, header, context, authorizer, stageVariable and constant is required",
])]
#[case::parameter(json!({ "path": "/{id}/{rest+}", "input": { "fields": { "a": { "path": "id" }, "b": { "path": "rest" }, "c": { "path": "i" } } } }), &[
    "input.fields[c].path: `i`: a parameter of the route's path is required, such as `{i}` in it",
])]
#[case::always_there(json!({ "path": "/{id}", "input": { "fields": { "a": { "path": "id", "optional": true }, "b": { "context": "stage", "optional": true } } } }), &[
    "input.fields[a].optional: `true`: leave it out: what every request has is never absent",
    "input.fields[b].optional: `true`: leave it out: what every request has is never absent",
])]
#[case::get(json!({ "method": "GET", "input": { "fields": { "a": { "body": "$.a" } } } }), &[
    "input.fields[a].body: `$.a`: not allowed with method GET or HEAD, whose body API Gateway drops",
])]
#[case::names(json!({ "input": { "fields": { "a": { "header": "a b" }, "b": { "query": "$x" }, "c": { "path": "a\u{0}b" } } } }), &[
    "input.fields[a].header: `a b`: 1 to 128 ASCII letters, digits, `.`, `_` and `-` are allowed, as API Gateway names parameters",
    "input.fields[b].query: `$x`: 1 to 128 ASCII letters, digits, `.`, `_` and `-` are allowed, as API Gateway names parameters",
    "input.fields[c].path: `a b`: 1 to 128 ASCII letters, digits, `.`, `_` and `-` are allowed, as API Gateway names parameters",
])]
#[case::statuses(json!({ "responses": { "success": { "status": 400 }, "clientError": { "status": 399 }, "serverError": { "status": 600 } } }), &[
    "responses.success.status: `400`: 200 to 399 is allowed", "responses.clientError.status: `399`: 400 to 599 is allowed",
    "responses.serverError.status: `600`: 400 to 599 is allowed",
])]
#[case::no_body(json!({ "responses": { "success": { "status": 204, "body": { "constant": 1 } } } }), &[
    "responses.success.body: leave it out: an answer with status 204 has no body",
])]
#[case::bodies(json!({ "responses": { "success": { "body": {} }, "serverError": { "body": { "constant": 1, "constantJson": "1" } } } }), &[
    "responses.success.body: exactly one of constant and constantJson is required",
    "responses.serverError.body: exactly one of constant and constantJson is required",
])]
#[case::no_outcome(json!({ "responses": { "errors": [{ "match": { "error": "*" }, "status": 500 }] } }), &[
    "responses.errors: not allowed with action StartExecution, which knows no outcome",
])]
#[case::errors(json!({ "action": "StartSyncExecution", "responses": { "errors": [
    { "match": {}, "status": 500 }, { "match": { "error": "(a)" }, "status": 200 }, { "match": { "status": "ABORTED" }, "status": 500 }
] } }), &[
    "responses.errors[0].match: error, status or both are required",
    "responses.errors[1].match.error: `(a)`: 1 to 256 ASCII letters, digits, spaces and `._:/@-` are allowed, with `*` for any other characters",
    "responses.errors[1].status: `200`: 400 to 599 is allowed",
    "responses.errors[2].match.status: `ABORTED`: FAILED or TIMED_OUT: an execution that StartSyncExecution waits for can't be stopped",
])]
fn mistakes_are_all_found(#[case] said: Value, #[case] expected: &[&str]) {
    let (_, _, mistakes) = translate(said, ARN);
    let expected: Vec<String> = expected.iter().map(|mistake| format!("spec.routes[2].{mistake}")).collect();
    assert_eq!(mistakes, expected);
}

#[rstest]
#[case::document(json!({ "input": { "constant": "x".repeat(262_143) } }), "spec.routes[2].input.constant: `262145 bytes`: at most 262144 bytes")]
#[case::template(json!({ "input": { "constant": "é".repeat(60_000) } }), "spec.routes[2]: `a template of 360102 bytes`: at most 300000 bytes")]
#[case::answer(json!({ "responses": { "success": { "body": { "constant": "é".repeat(60_000) } } } }), "spec.routes[2].responses: `a template of 360002 bytes`")]
#[case::key(json!({ "input": { "fields": { "k".repeat(129): { "constant": 1 } } } }), "spec.routes[2].input.fields[kkkkkkkkkk")]
fn sizes_are_bounded(#[case] said: Value, #[case] expected: &str) {
    let (_, _, mistakes) = translate(said, ARN);
    assert!(mistakes.len() == 1 && mistakes[0].starts_with(expected), "{mistakes:?}");
}
