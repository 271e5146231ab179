//! Of what a request becomes, beside the six places that are as old as the table.

use serde_json::{Value, json};

use super::{Ask, EXISTING_MACHINE, POOLS, Row, Then, of_route};
use crate::lifecycle::merged;

/// What else a request becomes. What LocalStack can't tell of a request is looked for in the template.
pub fn rows() -> Vec<Row> {
    const TEMPLATE: &str = "/api/methods/POST ~1x~1{p}/integration/template";
    let reads = |field: &str, said: &Value, part: &'static str| of_route(field, said, [Then::AwsHas(TEMPLATE, part)]);
    let input = |source: Value| json!({ "input": { "fields": { "a": source } } });
    let request = |said: Value| json!({ "input": { "request": said } });
    let cognito =
        |said: &Value| merged(&json!({ "auth": { "type": "COGNITO_USER_POOLS", "userPoolArns": POOLS } }), said);
    let refuses = |field: &str, said: &Value, ask: Ask| of_route(field, said, [Then::Answers(ask, 400, None)]);
    let choice = json!({ "stateMachines": { "from": { "path": "p" }, "arns": { "of-path": EXISTING_MACHINE } } });
    vec![
        reads("input.fields{}.rawBody", &input(json!({ "rawBody": "BASE64" })), "$util.base64Encode("),
        reads(
            "input.fields{}.authorizer",
            &cognito(&input(json!({ "authorizer": "claims.sub" }))),
            "claims.get('sub')",
        ),
        reads("input.fields{}.stageVariable", &input(json!({ "stageVariable": "v" })), "$stageVariables['v']"),
        reads("input.fields{}.decode", &input(json!({ "query": "q", "decode": "BASE64" })), "$util.base64Decode("),
        reads("input.request.headers", &request(json!({ "headers": ["X-H"] })), "equalsIgnoreCase('X-H')"),
        reads("input.request.context", &request(json!({ "context": ["path"] })), "$!context.path"),
        reads(
            "input.request.authorizer",
            &cognito(&request(json!({ "authorizer": ["claims.sub"] }))),
            "claims.get('sub')",
        ),
        of_route(
            "contentTypes{}.constant",
            &json!({ "contentTypes": { "text/xml": { "constant": 1 } } }),
            [Then::Aws(TEMPLATE, Value::Null), Then::Answers(Ask::post("{}"), 415, None)],
        ),
        refuses("requestSchema", &json!({ "requestSchema": "{type: array}" }), Ask::post("{}")),
        refuses("requiredHeaders", &json!({ "requiredHeaders": ["X-Absent"] }), Ask::post("{}")),
        refuses("requiredQuery", &json!({ "requiredQuery": ["absent"] }), Ask::post("{}")),
        reads("stateMachines.from.path", &choice, "#if($value == 'of-path')"),
        of_route(
            "stateMachines.arns",
            &merged(&choice, &json!({ "stateMachines": { "arns": { "other": format!("{EXISTING_MACHINE}-other") } } })),
            [Then::AwsHas("/roles/gateway/permissions", "changes-existing-other")],
        ),
    ]
}
