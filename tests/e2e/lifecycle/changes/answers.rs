//! One row for each field of what is answered.

use serde_json::{Value, json};

use super::rows::{Ask, Row, Then, of_route, row};

/// What is answered; the workflow fails if it is asked to.
pub fn response_rows() -> Vec<Row> {
    let fails = || Ask::post(r#"{"fail": 1}"#);
    let no_json = || Ask::post("no JSON");
    let errors = |rule: Value| json!({ "responses": { "errors": [rule] } });
    let said = |class: &str, response: Value| json!({ "responses": { class: response } });
    let mut rows = vec![
        of_route(
            "responses.errors[].match.error",
            &errors(json!({ "match": { "error": "Refus*" }, "status": 422 })),
            [Then::Answers(fails(), 422, None)],
        ),
        of_route(
            "responses.errors[].match.error",
            &errors(json!({ "match": { "error": "Other" }, "status": 422 })),
            [Then::Answers(fails(), 502, None)],
        ),
        of_route(
            "responses.errors[].match.status",
            &errors(json!({ "match": { "status": "FAILED" }, "status": 422 })),
            [Then::Answers(fails(), 422, None)],
        ),
        of_route(
            "responses.errors[].status",
            &errors(json!({ "match": { "status": "FAILED" }, "status": 423 })),
            [Then::Answers(fails(), 423, None)],
        ),
        of_route(
            "responses.errors[].body.constant",
            &errors(json!({ "match": { "status": "FAILED" }, "status": 423, "body": { "constant": { "no": 1 } } })),
            [Then::Answers(fails(), 423, Some(r#"{"no":1}"#))],
        ),
        of_route(
            "responses.errors[].body.constantJson",
            &errors(
                json!({ "match": { "status": "FAILED" }, "status": 423, "body": { "constantJson": r#"{"no":1.10}"# } }),
            ),
            [Then::Answers(fails(), 423, Some(r#"{"no":1.10}"#))],
        ),
        of_route(
            "responses.errors[].body.template",
            &errors(
                json!({ "match": { "status": "FAILED" }, "status": 423, "body": { "template": "$input.json('$.status')" } }),
            ),
            [Then::Answers(fails(), 423, Some(r#""FAILED""#))],
        ),
    ];
    for (class, ask, status, other) in [
        ("success", Ask::post("{}"), 200, 202),
        ("clientError", no_json(), 400, 418),
        // Nothing goes wrong on AWS's side here: what would be answered is read from the method.
        ("serverError", Ask::post("{}"), 500, 503),
    ] {
        let then = |status: u16, body: Option<&'static str>| match class {
            "serverError" => {
                let pointer = match status {
                    500 => "/api/methods/POST ~1x~1{p}/integration/responses/500/template",
                    _ => "/api/methods/POST ~1x~1{p}/integration/responses/503/template",
                };
                [Then::AwsHas(pointer, body.map_or("InternalServerError", |_| "said"))]
            }
            _ => [Then::Answers(ask.clone(), status, body)],
        };
        let row = |field: &str, response: Value, then| {
            of_route(&format!("responses.{class}.{field}"), &said(class, response), then)
        };
        rows.extend([
            row("status", json!({ "status": other }), then(other, None)),
            row("body.constant", json!({ "body": { "constant": { "said": 1 } } }), then(status, Some(r#"{"said":1}"#))),
            row(
                "body.constantJson",
                json!({ "body": { "constantJson": r#"{"said":1.10}"# } }),
                then(status, Some(r#"{"said":1.10}"#)),
            ),
            row(
                "body.template",
                json!({ "body": { "template": "#set($a = 'said')[\"$a\"]" } }),
                then(status, Some(r#"["said"]"#)),
            ),
        ]);
    }
    let success = |field: &str, response: Value, then: Then| {
        of_route(&format!("responses.success.{field}"), &said("success", response), [then])
    };
    let asked = |body: &str| Ask::post(body);
    let body = |field: &str, value: Value| json!({ "body": { field: value } });
    let member = |source: Value| json!({ "body": { "fields": { "a.b": source } } });
    let header = |source: Value| json!({ "headers": { "X-A": source } });
    const TEMPLATE: &str = "/api/methods/POST ~1x~1{p}/integration/responses/200/template";
    rows.extend([
        success("body.text", body("text", json!("it's")), Then::Answers(asked("{}"), 200, Some("it's"))),
        success(
            "contentType",
            json!({ "contentType": "text/html", "body": { "text": "x" } }),
            Then::AwsHas(TEMPLATE, "text/html"),
        ),
        success("body.output", body("output", json!("$.a")), Then::Answers(asked(r#"{"a":"b"}"#), 200, Some(r#""b""#))),
        success(
            "body.outputText",
            body("outputText", json!("$.a")),
            Then::Answers(asked(r#"{"a":"b"}"#), 200, Some("b")),
        ),
        success("body.empty", body("empty", json!(true)), Then::Answers(asked("{}"), 200, Some(""))),
        success(
            "statusFrom.output",
            json!({ "statusFrom": { "output": "$.s" } }),
            Then::Answers(asked(r#"{"s":203}"#), 203, None),
        ),
        success(
            "body.fields{}.output",
            member(json!({ "output": "$.a" })),
            Then::Answers(asked(r#"{"a":1}"#), 200, Some(r#"{"a":{"b":1}}"#)),
        ),
        success(
            "body.fields{}.optional",
            member(json!({ "output": "$.a", "optional": true })),
            Then::Answers(asked("{}"), 200, Some(r#"{"a":{}}"#)),
        ),
        success(
            "body.fields{}.answer",
            member(json!({ "answer": "status" })),
            Then::Answers(asked("{}"), 200, Some(r#"{"a":{"b":"SUCCEEDED"}}"#)),
        ),
        success(
            "body.fields{}.context",
            member(json!({ "context": "httpMethod" })),
            Then::Answers(asked("{}"), 200, Some(r#"{"a":{"b":"POST"}}"#)),
        ),
        success(
            "body.fields{}.path",
            member(json!({ "path": "p" })),
            Then::Answers(asked("{}"), 200, Some(r#"{"a":{"b":"of-path"}}"#)),
        ),
        success(
            "body.fields{}.query",
            member(json!({ "query": "q" })),
            Then::Answers(asked("{}"), 200, Some(r#"{"a":{"b":"of-query"}}"#)),
        ),
        success(
            "body.fields{}.header",
            member(json!({ "header": "X-H" })),
            Then::Answers(asked("{}"), 200, Some(r#"{"a":{"b":"of-header"}}"#)),
        ),
        success(
            "body.fields{}.constant",
            member(json!({ "constant": [1] })),
            Then::Answers(asked("{}"), 200, Some(r#"{"a":{"b":[1]}}"#)),
        ),
        success("headers{}.output", header(json!({ "output": "$.a" })), Then::Answers(asked("{}"), 502, None)),
        success(
            "headers{}.optional",
            header(json!({ "output": "$.a", "optional": true })),
            Then::Answers(asked("{}"), 200, None),
        ),
        success("headers{}.answer", header(json!({ "answer": "status" })), Then::AwsHas(TEMPLATE, "header.X-A")),
        success("headers{}.context", header(json!({ "context": "stage" })), Then::AwsHas(TEMPLATE, "$context.stage")),
        success("headers{}.constant", header(json!({ "constant": "said" })), Then::AwsHas(TEMPLATE, "said")),
        success("headers{}.path", header(json!({ "path": "p" })), Then::AwsHas(TEMPLATE, "path.get('p')")),
        success("headers{}.query", header(json!({ "query": "q" })), Then::AwsHas(TEMPLATE, "querystring.get('q')")),
        success("headers{}.header", header(json!({ "header": "X-H" })), Then::AwsHas(TEMPLATE, "'X-H'")),
        // Nothing is throttled here.
        of_route(
            "responses.throttling.status",
            &said("throttling", json!({ "status": 420 })),
            [Then::AwsHas("/api/methods/POST ~1x~1{p}/integration/responses/500/template", "420")],
        ),
    ]);
    rows
}

/// What the gateway answers by itself.
pub fn gateway_rows() -> Vec<Row> {
    let throttled = |said: Value| json!({ "gatewayResponses": { "THROTTLED": said } });
    let aws = |member: &'static str, value: Value| [Then::Aws(member, value)];
    const STATUS: &str = "/api/gatewayResponses/THROTTLED/status";
    const HEADERS: &str = "/api/gatewayResponses/THROTTLED/parameters";
    const BODY: &str = "/api/gatewayResponses/THROTTLED/templates";
    vec![
        row("gatewayResponses{}.status", &throttled(json!({ "status": 420 })), aws(STATUS, json!("420"))),
        row(
            "gatewayResponses{}.headers",
            &throttled(json!({ "headers": { "Retry-After": "1" } })),
            aws(HEADERS, json!({ "gatewayresponse.header.Retry-After": "'1'" })),
        ),
        row(
            "gatewayResponses{}.body.constant",
            &throttled(json!({ "body": { "constant": { "no": 1 } } })),
            aws(BODY, json!({ "application/json": r#"{"no":1}"# })),
        ),
        row(
            "gatewayResponses{}.contentType",
            &throttled(json!({ "contentType": "application/problem+json" })),
            aws(BODY, json!({ "application/problem+json": r#"{"no":1}"# })),
        ),
        row(
            "gatewayResponses{}.body.constantJson",
            &throttled(json!({ "contentType": null, "body": { "constant": null, "constantJson": "1.10" } })),
            aws(BODY, json!({ "application/json": "1.10" })),
        ),
        row(
            "gatewayResponses{}.body.text",
            &throttled(json!({ "body": { "constantJson": null, "text": "no" } })),
            aws(BODY, json!({ "text/plain; charset=utf-8": "no" })),
        ),
        row(
            "gatewayResponses{}.body.text",
            &json!({ "gatewayResponses": null }),
            aws("/api/gatewayResponses", json!({})),
        ),
    ]
}

/// Which pages of other origins may call.
pub fn cors_rows() -> Vec<Row> {
    const PREFLIGHT: &str = "/api/methods/OPTIONS ~1x~1{p}/integration/responses/204/template";
    const ANSWER: &str = "/api/methods/POST ~1x~1{p}/integration/responses/200/template";
    const ERRORS: &str = "/api/gatewayResponses/DEFAULT_4XX/parameters";
    let allow_origin = |value: &str| json!({ "gatewayresponse.header.Access-Control-Allow-Origin": value });
    let said = |field: &str, value: Value, then: Vec<Then>| {
        row(&format!("cors.{field}"), &json!({ "cors": { field: value } }), then)
    };
    vec![
        said(
            "origins",
            json!(["*"]),
            vec![Then::AwsHas(PREFLIGHT, "'*'"), Then::AwsHas(ANSWER, "'*'"), Then::Aws(ERRORS, allow_origin("'*'"))],
        ),
        said(
            "origins",
            json!(["https://a.example", "https://b.example"]),
            vec![Then::AwsHas(PREFLIGHT, "https://b.example"), Then::AwsHas(ANSWER, "https://b.example")],
        ),
        said(
            "credentials",
            json!(true),
            vec![Then::AwsHas(PREFLIGHT, "Allow-Credentials"), Then::Aws(ERRORS, Value::Null)],
        ),
        said(
            "origins",
            json!(["https://a.example"]),
            vec![Then::AwsHas("/api/gatewayResponses/DEFAULT_5XX/parameters", "https://a.example")],
        ),
        said("methods", json!(["DELETE"]), vec![Then::AwsHas(PREFLIGHT, "'DELETE'")]),
        said("headers", json!(["X-Asked"]), vec![Then::AwsHas(PREFLIGHT, "'X-Asked'")]),
        said(
            "exposedHeaders",
            json!(["X-Told"]),
            vec![Then::AwsHas(ANSWER, "'X-Told'"), Then::AwsHas(ERRORS, "'X-Told'")],
        ),
        said("maxAge", json!(600), vec![Then::AwsHas(PREFLIGHT, "'600'")]),
        row(
            "cors.origins",
            &json!({ "cors": null }),
            [Then::Aws("/api/gatewayResponses", json!({})), Then::Aws("/api/methods/OPTIONS ~1x~1{p}", Value::Null)],
        ),
    ]
}

/// The field whose row shows this one: what the classes of answers share is shown by one of them.
pub fn shown_by(field: &str) -> String {
    const CLASSES: [&str; 4] = ["errors[]", "clientError", "serverError", "throttling"];
    let shared = CLASSES.into_iter().find_map(|class| {
        let rest = field.strip_prefix("spec.routes[].responses.")?.strip_prefix(class)?;
        [".headers", ".contentType", ".body"].iter().any(|shared| rest.starts_with(shared)).then_some(rest)
    });
    shared.map_or_else(|| field.to_owned(), |rest| format!("spec.routes[].responses.success{rest}"))
}
