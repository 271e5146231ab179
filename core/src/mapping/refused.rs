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
    "input: at most one of constant, constantJson, fields, request and template is allowed",
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
    "responses.success.body: exactly one of constant, constantJson, text, output, outputText, fields, template and empty is required",
    "responses.serverError.body: exactly one of constant, constantJson, text, template and empty is required",
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
#[case::kinds_of_bodies(json!({ "action": "StartSyncExecution", "responses": {
    "success": { "body": { "empty": false } }, "errors": [{ "match": { "error": "*" }, "status": 500, "body": { "output": "$.a" } }],
    "clientError": { "headers": { "X-A": {} } }, "serverError": { "headers": { "X-B": { "constant": "é" } } }
} }), &[
    "responses.success.body.empty: `false`: true is allowed: leave it out otherwise",
    "responses.errors[0].body.output: `$.a`: not allowed here: an execution that failed has no output",
    "responses.clientError.headers[X-A]: `0 of them`: exactly one of context and constant is required",
    "responses.serverError.headers[X-B].constant: `\"é\"`: a string of printable ASCII is required in a header",
])]
#[case::output_of_a_start(json!({ "responses": { "success": {
    "statusFrom": { "output": "$.s" }, "headers": { "X-A": { "output": "$.a" } }, "body": { "fields": { "b": { "output": "$" } } }
} } }), &[
    "responses.success.statusFrom.output: `$.s`: not allowed with action StartExecution, which waits for no output",
    "responses.success.headers[X-A].output: `$.a`: not allowed with action StartExecution, which answers no output",
    "responses.success.body.fields[b].output: `$`: not allowed with action StartExecution, which answers no output",
])]
#[case::two_statuses(json!({ "action": "StartSyncExecution", "responses": { "success": { "status": 200, "statusFrom": { "output": "$.s" } } } }), &[
    "responses.success.status: `200`: leave it out: `statusFrom` says it",
])]
#[case::paths_of_the_output(json!({ "action": "StartSyncExecution", "responses": { "success": {
    "headers": { "X-A": { "output": "$" } }, "body": { "outputText": "$.a[0]" }
} } }), &[
    "responses.success.headers[X-A].output: `$`: a path to one member of the output is expected: `$`, then `.name` (ASCII letters, digits and `_`) or \
     `['name']` (also with `-`, `.`, `:`, `@`, `/` and spaces) for each member on the way",
    "responses.success.body.outputText: `$.a[0]`: a path to one member of the output is expected: `$`, then `.name` (ASCII letters, digits and `_`) or \
     `['name']` (also with `-`, `.`, `:`, `@`, `/` and spaces) for each member on the way",
])]
#[case::members_of_answers(json!({ "responses": { "success": {
    "headers": { "X-A": { "answer": "startDate" } },
    "body": { "fields": { "a": { "answer": "stopDate" }, "b": {}, "c": { "constant": 1, "optional": true }, "d": { "constant": 1 }, "d.e": { "constant": 1 } } }
} } }), &[
    "responses.success.headers[X-A].answer: `startDate`: not allowed in a header: it is no text",
    "responses.success.body.fields[a].answer: `stopDate`: allowed are executionArn, executionName, startDate",
    "responses.success.body.fields[b]: `0 of them`: exactly one of output, answer, path, query, header, context and constant is required",
    "responses.success.body.fields[c].optional: `true`: leave it out: only output and answer can be required",
    "responses.success.body.fields[d.e]: `d.e`: another key has this member's place: a member is a value or an object of members, not both",
])]
#[case::headers(json!({ "responses": { "success": { "headers": {
    "Content-Length": { "constant": "1" }, "Content-Type": { "constant": "text/html" }, "X-A": { "constant": 1 }, "X-B": { "constant": "a\r\nb" }, "x-a": { "constant": "a" }
} } } }), &[
    "responses.success.headers[Content-Length]: `Content-Length`: leave it out: API Gateway drops, renames or sets it itself",
    "responses.success.headers[Content-Type]: `Content-Type`: leave it out: `contentType` says it",
    "responses.success.headers[X-A].constant: `1`: a string of printable ASCII is required in a header",
    "responses.success.headers[X-B].constant: `\"a\\r\\nb\"`: a string of printable ASCII is required in a header",
    "responses.success.headers[x-a]: `x-a`: is there twice: the case of a header's name means nothing",
])]
#[case::media_types(json!({ "action": "StartSyncExecution", "responses": {
    "success": { "contentType": "text/html", "body": { "output": "$.a" } },
    "errors": [{ "match": { "error": "*" }, "status": 500, "contentType": "application/problem+json", "body": { "text": "{" } }],
    "clientError": { "contentType": "html" }, "serverError": { "contentType": "application/json", "body": { "empty": true } },
    "throttling": { "contentType": "text/plain" }
} }), &[
    "responses.success.contentType: `text/html`: the body is JSON: use text, outputText or template for another type",
    "responses.errors[0].contentType: `application/problem+json`: a text may be no JSON: use constant, constantJson, output or fields for a JSON body",
    "responses.clientError.contentType: `html`: a media type is expected, such as `text/html; charset=utf-8`",
    "responses.serverError.contentType: `application/json`: leave it out: there is no body",
    "responses.throttling.contentType: `text/plain`: the body is JSON: use text, outputText or template for another type",
])]
#[case::redirects(json!({ "action": "StartSyncExecution", "responses": {
    "success": { "status": 302 }, "errors": [{ "match": { "error": "*" }, "status": 303 }, { "match": { "error": "*" }, "status": 304 }],
    "clientError": { "status": 307, "headers": { "X-Location": { "constant": "/" } } }, "serverError": { "status": 302, "headers": { "location": { "constant": "/" } } }
} }), &[
    "responses.errors[0].status: `303`: a redirect requires the header Location: add it to `headers`",
    "responses.errors[1].status: `304`: 400 to 599 is allowed",
    "responses.success.status: `302`: a redirect requires the header Location: add it to `headers`",
    "responses.clientError.status: `307`: a redirect requires the header Location: add it to `headers`",
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
