//! One row for each field of the stage, and for who may call a route and how often.

use serde_json::{Value, json};

use super::rows::{Ask, POOLS, Row, Then, of_route, row};
use crate::lifecycle::merged;

const STREAM: &str = "arn:aws:firehose:eu-central-1:000000000000:deliverystream/amazon-apigateway-a";

/// What the stage does beside serving a deployment, and the API beside its routes.
pub fn stage_rows() -> Vec<Row> {
    let api = |api: Value| json!({ "api": api });
    let deny = "Statement: [{Effect: Deny, Principal: '*', Action: 'execute-api:Invoke', Resource: 'execute-api:/*', Condition: {NotIpAddress: {'aws:SourceIp': 192.0.2.0/24}}}]";
    vec![
        row(
            "api.endpointType",
            &api(json!({ "endpointType": "EDGE" })),
            [Then::Aws("/api/endpointType", json!("EDGE"))],
        ),
        row(
            "api.minimumCompressionSize",
            &api(json!({ "minimumCompressionSize": 1024, "endpointType": "REGIONAL" })),
            [Then::Aws("/api/minimumCompressionSize", json!(1024)), Then::Aws("/api/endpointType", json!("REGIONAL"))],
        ),
        row(
            "api.minimumCompressionSize",
            &api(json!({ "minimumCompressionSize": -1 })),
            [Then::Aws("/api/minimumCompressionSize", Value::Null)],
        ),
        row(
            "api.binaryMediaTypes",
            &api(json!({ "binaryMediaTypes": ["image/webp"] })),
            [Then::AwsHas("/api/binaryMediaTypes", "image/webp")],
        ),
        row(
            "api.binaryMediaTypes",
            &api(json!({ "binaryMediaTypes": null })),
            [Then::Aws("/api/binaryMediaTypes", Value::Null)],
        ),
        row(
            "api.policy.document",
            &api(json!({ "policy": { "document": deny } })),
            [Then::AwsHas("/api/policy", "NotIpAddress")],
        ),
        row(
            "api.policy.document",
            &api(json!({ "policy": { "document": null } })),
            [Then::Aws("/api/policy", Value::Null)],
        ),
        row(
            "api.policy.allow.cidrs",
            &api(json!({ "policy": { "allow": { "cidrs": ["192.0.2.0/24"] } } })),
            [Then::AwsHas("/api/policy", "NotIpAddress"), Then::AwsHas("/api/policy", "Allow")],
        ),
        row(
            "api.policy.deny.cidrs",
            &api(json!({ "policy": { "allow": null, "deny": { "cidrs": ["198.51.100.0/24"] } } })),
            [Then::AwsHas("/api/policy", "198.51.100.0/24"), Then::AwsHas("/api/policy", "Allow")],
        ),
        row(
            "api.policy.deny.cidrs",
            &api(json!({ "policy": { "deny": null } })),
            [Then::Aws("/api/policy", Value::Null)],
        ),
        row(
            "stage.throttling.rateLimit",
            &json!({ "stage": { "throttling": { "rateLimit": 0.5, "burstLimit": 3 } } }),
            [Then::Aws("/api/settings/prod/methods/*~1*/throttlingRateLimit", json!(0.5))],
        ),
        row(
            "stage.throttling.burstLimit",
            &json!({ "stage": { "throttling": { "burstLimit": 4 } } }),
            [Then::Aws("/api/settings/prod/methods/*~1*/throttlingBurstLimit", json!(4))],
        ),
        row(
            "stage.metricsEnabled",
            &json!({ "stage": { "metricsEnabled": true, "throttling": null } }),
            [
                Then::Aws("/api/settings/prod/methods/*~1*/metricsEnabled", json!(true)),
                Then::Aws("/api/settings/prod/methods/*~1*/throttlingRateLimit", json!(-1.0)),
            ],
        ),
        row(
            "stage.executionLog.level",
            &json!({ "stage": { "executionLog": { "level": "ERROR" } } }),
            [Then::Aws("/api/settings/prod/methods/*~1*/loggingLevel", json!("ERROR"))],
        ),
        row(
            "stage.executionLog.dataTraceEnabled",
            &json!({ "stage": { "executionLog": { "dataTraceEnabled": true } } }),
            [Then::Aws("/api/settings/prod/methods/*~1*/dataTraceEnabled", json!(true))],
        ),
        row(
            "stage.accessLog.retentionDays",
            &json!({ "stage": { "accessLog": { "retentionDays": 14 }, "executionLog": null } }),
            [
                Then::Aws("/accessLogGroup/retentionInDays", json!(14)),
                Then::AwsHas("/api/settings/prod/accessLog/destinationArn", "-access"),
                Then::AwsHas("/api/settings/prod/accessLog/format", "$context.extendedRequestId"),
            ],
        ),
        row(
            "stage.accessLog.format",
            &json!({ "stage": { "accessLog": { "format": "$context.requestId $context.status" } } }),
            [Then::Aws("/api/settings/prod/accessLog/format", json!("$context.requestId $context.status"))],
        ),
        row(
            "stage.accessLog.destinationArn",
            &json!({ "stage": { "accessLog": { "retentionDays": null, "destinationArn": STREAM } } }),
            [
                Then::Aws("/api/settings/prod/accessLog/destinationArn", json!(STREAM)),
                Then::Aws("/accessLogGroup", Value::Null),
            ],
        ),
        row(
            "stages[].name",
            &json!({ "stages": [{ "name": "beta", "accessLog": {} }], "stage": { "accessLog": null } }),
            [
                Then::Aws("/api/settings/prod/accessLog", Value::Null),
                Then::AwsHas("/api/settings/beta/accessLog/destinationArn", "-access"),
                Then::Aws("/accessLogGroup/retentionInDays", json!(30)),
                Then::Status("/stages/0/name", json!("beta")),
            ],
        ),
        row(
            "stages[].name",
            &json!({ "stages": null }),
            [Then::Aws("/api/settings/beta", Value::Null), Then::Aws("/accessLogGroup", Value::Null)],
        ),
        row(
            "stage.tracingEnabled",
            &json!({ "stage": { "tracingEnabled": true, "metricsEnabled": null, "executionLog": null } }),
            [
                Then::Aws("/api/settings/prod/tracingEnabled", json!(true)),
                Then::Aws("/api/settings/prod/methods", json!({})),
            ],
        ),
        row(
            "stage.variables",
            &json!({ "stage": { "variables": { "a": "b?c", "d": "e" }, "tracingEnabled": null } }),
            [
                Then::Aws("/api/settings/prod/variables", json!({ "a": "b?c", "d": "e" })),
                Then::Aws("/api/settings/prod/tracingEnabled", json!(false)),
            ],
        ),
        row(
            "stage.variables",
            &json!({ "stage": { "variables": { "d": null } } }),
            [Then::Aws("/api/settings/prod/variables", json!({ "a": "b?c" }))],
        ),
    ]
}

/// Who may call a route, and how often.
pub fn access_rows() -> Vec<Row> {
    let pools = json!({ "auth": { "type": "COGNITO_USER_POOLS", "userPoolArns": POOLS } });
    let function = "arn:aws:lambda:eu-central-1:000000000000:function:may";
    let asks = |lambda: &Value| {
        let lambda = merged(&json!({ "functionArn": function }), lambda);
        json!({ "auth": { "type": "CUSTOM", "lambda": lambda } })
    };
    vec![
        of_route(
            "apiKeyRequired",
            &json!({ "apiKeyRequired": true }),
            [
                Then::Aws("/api/methods/POST ~1x~1{p}/apiKeyRequired", json!(true)),
                Then::Answers(Ask::post("{}"), 403, None),
            ],
        ),
        of_route(
            "apiKeyRequired",
            &json!({ "apiKeyRequired": null }),
            [
                Then::Aws("/api/methods/POST ~1x~1{p}/apiKeyRequired", json!(false)),
                Then::Answers(Ask::post("{}"), 200, None),
            ],
        ),
        of_route(
            "auth.authorizerResultTtlInSeconds",
            &merged(&pools, &json!({ "auth": { "authorizerResultTtlInSeconds": 61 } })),
            [Then::AwsHas("/api/authorizers", "\"authorizerResultTtlInSeconds\":61")],
        ),
        of_route(
            "auth.lambda.functionArn",
            &asks(&json!({ "type": "TOKEN" })),
            [
                Then::Aws("/api/methods/POST ~1x~1{p}/authorizationType", json!("CUSTOM")),
                Then::AwsHas("/api/authorizers", "functions/arn:aws:lambda:eu-central-1:000000000000:function:may/"),
                Then::AwsHas("/roles/gateway/permissions", "arn:aws:lambda:eu-central-1:000000000000:function:may"),
            ],
        ),
        of_route(
            "auth.lambda.identityValidationExpression",
            &asks(&json!({ "type": "TOKEN", "identityValidationExpression": "^x$" })),
            [Then::AwsHas("/api/authorizers", "^x$")],
        ),
        of_route(
            "auth.lambda.identitySources",
            &asks(&json!({ "type": "TOKEN", "identitySources": ["method.request.header.X-Token"] })),
            [Then::AwsHas("/api/authorizers", "method.request.header.X-Token")],
        ),
        of_route(
            "auth.lambda.type",
            &asks(&json!({ "type": "REQUEST", "identitySources": ["method.request.header.X-Token"] })),
            [Then::AwsHas("/api/authorizers", "\"REQUEST\"")],
        ),
        of_route(
            "throttling.rateLimit",
            &json!({ "throttling": { "rateLimit": 0.5, "burstLimit": 1 } }),
            [Then::Aws("/api/settings/prod/methods/~01x~01{p}~1POST/throttlingRateLimit", json!(0.5))],
        ),
        of_route(
            "throttling.burstLimit",
            &json!({ "throttling": { "rateLimit": 0.5, "burstLimit": 2 } }),
            [Then::Aws("/api/settings/prod/methods/~01x~01{p}~1POST/throttlingBurstLimit", json!(2))],
        ),
        of_route(
            "throttling.rateLimit",
            &json!({ "throttling": null }),
            [Then::Aws("/api/settings/prod/methods", json!({})), Then::Aws("/api/authorizers", json!({}))],
        ),
    ]
}
