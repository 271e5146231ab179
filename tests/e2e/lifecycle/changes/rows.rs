//! One row for each field of the spec: a change, and what must be so afterwards.

mod requests;

use serde_json::{Value, json};

use crate::lifecycle::merged;

/// A change of one field.
#[derive(Clone)]
pub struct Row {
    pub field: String,
    /// A JSON merge patch of the object as the rows before left it.
    pub patch: Value,
    pub then: Vec<Then>,
}

/// What must be so once the change is live.
#[derive(Clone)]
pub enum Then {
    /// A value of the picture of AWS, by its pointer; null is nothing.
    Aws(&'static str, Value),
    /// A part of it.
    AwsHas(&'static str, &'static str),
    /// A value of the status.
    Status(&'static str, Value),
    /// A request makes the gateway send this action with members that end so; None: without the member.
    Sends(Ask, &'static str, Vec<(String, Option<String>)>),
    /// A request is answered so.
    Answers(Ask, u16, Option<&'static str>),
    /// An execution is in the status soon after it was started.
    Tells,
    /// It has the URL of another endpoint.
    SameApi(&'static str),
    /// Another endpoint's stage has no such route.
    Lacks(&'static str, Ask),
}

/// A request, which has the query `q=of-query` and the header `X-H: of-header` too.
#[derive(Clone, Debug)]
pub struct Ask {
    pub method: &'static str,
    pub path: &'static str,
    pub body: String,
}

impl Ask {
    /// To the one route of [`subject`].
    pub fn post(body: &str) -> Self {
        Self::to("POST", "/x/of-path", body)
    }

    fn to(method: &'static str, path: &'static str, body: &str) -> Self {
        Self { method, path, body: body.to_owned() }
    }
}

/// Why a field has no row.
pub const EXCEPTED: [(&str, &str); 35] = [
    ("spec.deletionPolicy", "it changes nothing before the deletion: see letting_go"),
    ("spec.managementPolicy", "with Observe nothing is written: see letting_go"),
    ("spec.suspend", "while it is true nothing is written: see letting_go"),
    ("spec.publish.configMap.name", "it is written to the cluster: see publishing"),
    ("spec.publish.secret.name", "likewise"),
    ("spec.tags", "it is on every object: see settings"),
    ("spec.region", "it can't be changed: see mistakes"),
    ("spec.routes[].auth.authorizerId", "it names an authorizer that someone made: see access"),
    ("spec.api.restApiId", "it can't be changed: see sharing"),
    ("spec.api.parentPath", "it takes someone else's API: see sharing"),
    ("spec.stage.deploy", "likewise"),
    ("spec.api.policy.allow.accounts", "it takes a route with AWS_IAM: see settings"),
    ("spec.api.policy.allow.vpcs", "it takes a private API: see core/src/policy/callers/tests.rs"),
    ("spec.api.policy.allow.vpcEndpoints", "likewise"),
    ("spec.api.policy.deny.vpcs", "likewise"),
    ("spec.api.policy.deny.vpcEndpoints", "likewise"),
    ("spec.api.endpointRef.namespace", "it takes an operator of several namespaces: see sharing"),
    ("spec.api.allowedRoutes.namespaces.from", "it says who may, and makes nothing: see sharing"),
    ("spec.api.allowedRoutes.namespaces.selector.matchLabels", "likewise"),
    ("spec.api.allowedRoutes.namespaces.selector.matchExpressions[].key", "likewise"),
    ("spec.api.allowedRoutes.namespaces.selector.matchExpressions[].operator", "likewise"),
    ("spec.api.allowedRoutes.namespaces.selector.matchExpressions[].values", "likewise"),
    ("spec.routes[].execution.optional", "true is a mistake, and false the default"),
    ("spec.routes[].taskToken.optional", "true is a mistake, and false the default"),
    ("spec.routes[].input.fields{}.form", "only below contentTypes: see requests"),
    ("spec.apiKeys[].name", "its value is in a Secret: see keys"),
    ("spec.apiKeys[].valueFrom.secretKeyRef.name", "likewise"),
    ("spec.apiKeys[].valueFrom.secretKeyRef.key", "likewise"),
    ("spec.apiKeys[].writeTo.secretKeyRef.name", "likewise"),
    ("spec.apiKeys[].writeTo.secretKeyRef.key", "likewise"),
    ("spec.usagePlan.throttle.rateLimit", "it is for the keys: see keys"),
    ("spec.usagePlan.throttle.burstLimit", "likewise"),
    ("spec.usagePlan.quota.limit", "likewise"),
    ("spec.usagePlan.quota.period", "likewise"),
    ("spec.usagePlan.quota.offset", "likewise"),
];

pub const DEFINITION: &str = "{StartAt: A, States: {A: {Type: Pass, Comment: one, End: true}}}";
/// Fails with the error Refused if `fail` is in its input.
pub const FAILING: &str = "{StartAt: Check, States: {Check: {Type: Choice, Choices: [{Variable: $.fail, IsPresent: true, Next: Refuse}], \
                           Default: Accept}, Refuse: {Type: Fail, Error: Refused}, Accept: {Type: Pass, End: true}}}";
pub const EXISTING_ROLE: &str = "arn:aws:iam::000000000000:role/nobodys";
const EXISTING_MACHINE: &str = "arn:aws:states:eu-central-1:000000000000:stateMachine:changes-existing";
const READ_ONLY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";
pub const POOLS: [&str; 2] = [
    "arn:aws:cognito-idp:eu-central-1:000000000000:userpool/eu-central-1_one",
    "arn:aws:cognito-idp:eu-central-1:000000000000:userpool/eu-central-1_two",
];
/// What API Gateway answers where there is no route.
pub const NO_ROUTE: u16 = 403;

/// The manifest that the rows change.
pub fn subject(name: &str, patch: &Value) -> Value {
    let manifest = json!({
        "apiVersion": "sfe.dev/v1alpha1",
        "kind": "StepFunctionEndpoint",
        "metadata": { "name": name },
        "spec": {
            "stateMachine": { "definition": DEFINITION },
            "executions": { "interval": "1h" },
            "routes": [plain_route()],
        },
    });
    merged(&manifest, patch)
}

fn plain_route() -> Value {
    json!({ "path": "/x/{p}", "method": "POST", "auth": { "type": "NONE" } })
}

pub fn row(field: &str, patch: &Value, then: impl Into<Vec<Then>>) -> Row {
    Row { field: format!("spec.{field}"), patch: json!({ "spec": patch }), then: then.into() }
}

/// A row of a field of the one route: whatever earlier rows did to it is undone.
pub fn of_route(field: &str, patch: &Value, then: impl Into<Vec<Then>>) -> Row {
    row(&format!("routes[].{field}"), &json!({ "routes": [merged(&plain_route(), patch)] }), then)
}

/// Of the state machine with its role and log group, of the API with its stage and role, of executions.
pub fn workflow_rows() -> Vec<Row> {
    let machine = |patch: Value| json!({ "stateMachine": patch });
    let role = |patch: Value| json!({ "stateMachine": { "role": patch } });
    let gateway = |patch: Value| json!({ "gatewayRole": patch });
    let statement =
        |action: &str, resource: &str| json!({ "statements": [{ "actions": [action], "resources": [resource] }] });
    let serves = || Then::Answers(Ask::post("{}"), 200, None);
    vec![
        row("executions.interval", &json!({ "executions": { "interval": "1s" } }), [Then::Tells]),
        row("executions.keep", &json!({ "executions": { "keep": 0 } }), [Then::Status("/executions", Value::Null)]),
        row(
            "stateMachine.definition",
            &machine(
                json!({ "definition": DEFINITION.replace("one", "${WORD}"), "definitionSubstitutions": { "WORD": "two" } }),
            ),
            [Then::Aws("/stateMachines/STANDARD/definition/States/A/Comment", json!("two"))],
        ),
        row(
            "stateMachine.definitionSubstitutions",
            &machine(json!({ "definitionSubstitutions": { "WORD": "three" } })),
            [Then::Aws("/stateMachines/STANDARD/definition/States/A/Comment", json!("three"))],
        ),
        row(
            "stateMachine.definitionFrom.configMapKeyRef.name",
            &machine(json!({
                "definition": null,
                "definitionSubstitutions": null,
                "definitionFrom": { "configMapKeyRef": { "name": "workflow", "key": "one" } },
            })),
            [Then::Aws("/stateMachines/STANDARD/definition/States/A/Comment", json!("one"))],
        ),
        row(
            "stateMachine.definitionFrom.configMapKeyRef.key",
            &machine(json!({ "definitionFrom": { "configMapKeyRef": { "key": "two" } } })),
            [Then::Aws("/stateMachines/STANDARD/definition/States/A/Type", json!("Succeed"))],
        ),
        row(
            "stateMachine.logging.level",
            &machine(json!({ "logging": { "level": "FATAL" } })),
            [
                Then::Aws("/stateMachines/STANDARD/level", json!("FATAL")),
                Then::Aws("/logGroup/retentionInDays", json!(30)),
            ],
        ),
        row(
            "stateMachine.logging.includeExecutionData",
            &machine(json!({ "logging": { "includeExecutionData": true } })),
            [Then::Aws("/stateMachines/STANDARD/includeExecutionData", json!(true))],
        ),
        row(
            "stateMachine.logging.retentionDays",
            &machine(json!({ "logging": { "retentionDays": 7 } })),
            [Then::Aws("/logGroup/retentionInDays", json!(7))],
        ),
        row(
            "stateMachine.role.statements[].actions",
            &role(statement("s3:GetObject", "*")),
            [Then::AwsHas("/roles/workflow/permissions", "s3:GetObject")],
        ),
        row(
            "stateMachine.role.statements[].resources",
            &role(statement("s3:GetObject", "arn:aws:s3:::orders/*")),
            [Then::AwsHas("/roles/workflow/permissions", "arn:aws:s3:::orders/*")],
        ),
        row(
            "stateMachine.role.managedPolicyArns",
            &role(json!({ "managedPolicyArns": [READ_ONLY] })),
            [Then::Aws("/roles/workflow/managed", json!([READ_ONLY]))],
        ),
        row(
            "stateMachine.role.permissionsBoundaryArn",
            &role(json!({ "permissionsBoundaryArn": READ_ONLY })),
            [Then::Aws("/roles/workflow/boundary", json!(READ_ONLY))],
        ),
        row(
            "stateMachine.role.arn",
            &role(
                json!({ "arn": EXISTING_ROLE, "statements": null, "managedPolicyArns": null, "permissionsBoundaryArn": null }),
            ),
            [
                Then::Aws("/stateMachines/STANDARD/roleArn", json!(EXISTING_ROLE)),
                Then::Aws("/roles/workflow", Value::Null),
            ],
        ),
        row(
            "stateMachine.type",
            &machine(json!({ "type": "EXPRESS", "role": null })),
            [
                Then::Aws("/stateMachines/STANDARD", Value::Null),
                Then::AwsHas("/stateMachines/EXPRESS/roleArn", "-workflow-"),
                serves(),
            ],
        ),
        row("api.name", &json!({ "api": { "name": "renamed" } }), [Then::Aws("/api/name", json!("renamed"))]),
        row(
            "api.disableExecuteApiEndpoint",
            &json!({ "api": { "disableExecuteApiEndpoint": true } }),
            [Then::Aws("/api/disableExecuteApiEndpoint", json!(true)), Then::Status("/url", Value::Null)],
        ),
        row(
            "api.disableExecuteApiEndpoint",
            &json!({ "api": null }),
            [Then::Aws("/api/disableExecuteApiEndpoint", json!(false)), serves()],
        ),
        row(
            "stage.name",
            &json!({ "stage": { "name": "blue" } }),
            [Then::Status("/api/stage", json!("blue")), Then::Aws("/api/stages/prod", Value::Null), serves()],
        ),
        row(
            "gatewayRole.statements[].actions",
            &gateway(statement("s3:GetObject", "*")),
            [Then::AwsHas("/roles/gateway/permissions", "s3:GetObject")],
        ),
        row(
            "gatewayRole.statements[].resources",
            &gateway(statement("s3:GetObject", "arn:aws:s3:::orders/*")),
            [Then::AwsHas("/roles/gateway/permissions", "arn:aws:s3:::orders/*")],
        ),
        row(
            "gatewayRole.managedPolicyArns",
            &gateway(json!({ "managedPolicyArns": [READ_ONLY] })),
            [Then::Aws("/roles/gateway/managed", json!([READ_ONLY]))],
        ),
        row(
            "gatewayRole.permissionsBoundaryArn",
            &gateway(json!({ "permissionsBoundaryArn": READ_ONLY })),
            [Then::Aws("/roles/gateway/boundary", json!(READ_ONLY))],
        ),
        row(
            "gatewayRole.arn",
            &gateway(
                json!({ "arn": EXISTING_ROLE, "statements": null, "managedPolicyArns": null, "permissionsBoundaryArn": null }),
            ),
            [
                Then::Aws("/api/methods/POST ~1x~1{p}/integration/credentials", json!(EXISTING_ROLE)),
                Then::Aws("/roles/gateway", Value::Null),
                serves(),
            ],
        ),
        row(
            "stateMachine.arn",
            &machine(json!({ "arn": EXISTING_MACHINE, "definitionFrom": null, "type": null, "logging": null })),
            [
                Then::Sends(
                    Ask::post("{}"),
                    "StartExecution",
                    vec![("stateMachineArn".to_owned(), Some(EXISTING_MACHINE.to_owned()))],
                ),
                Then::Aws("/stateMachines", json!({ "STANDARD": null, "EXPRESS": null })),
                Then::Aws("/roles/workflow", Value::Null),
                Then::Aws("/logGroup", Value::Null),
            ],
        ),
    ]
}

/// What a route calls, with what, and for whom.
pub fn route_rows() -> Vec<Row> {
    let body = r#"{"b": "of-body"}"#;
    let sends = |member: &str, value: &str| vec![(member.to_owned(), Some(value.to_owned()))];
    let stop = json!({ "action": "StopExecution", "execution": { "query": "q" } });
    let success = json!({ "action": "SendTaskSuccess", "taskToken": { "query": "q" }, "output": { "constant": {} } });
    let pools = |pools: &[&str]| json!({ "auth": { "type": "COGNITO_USER_POOLS", "userPoolArns": pools } });
    let mut rows = vec![
        of_route(
            "path",
            &json!({ "path": "/y/{p}" }),
            [
                Then::Answers(Ask::to("POST", "/y/of-path", "{}"), 200, None),
                Then::Answers(Ask::post("{}"), NO_ROUTE, None),
            ],
        ),
        of_route(
            "method",
            &json!({ "method": "PUT" }),
            [
                Then::Answers(Ask::to("PUT", "/x/of-path", "{}"), 200, None),
                Then::Answers(Ask::post("{}"), NO_ROUTE, None),
            ],
        ),
        of_route(
            "action",
            &json!({ "action": "ListExecutions" }),
            [Then::Sends(Ask::post(body), "ListExecutions", Vec::new())],
        ),
        of_route(
            "auth.type",
            &json!({ "auth": { "type": "AWS_IAM" } }),
            [Then::Aws("/api/methods/POST ~1x~1{p}/authorizationType", json!("AWS_IAM"))],
        ),
        of_route(
            "auth.type",
            &pools(&POOLS[..1]),
            [
                Then::Aws("/api/methods/POST ~1x~1{p}/authorizationType", json!("COGNITO_USER_POOLS")),
                Then::AwsHas("/api/authorizers", "_one"),
            ],
        ),
        of_route("auth.userPoolArns", &pools(&POOLS), [Then::AwsHas("/api/authorizers", "_two")]),
        of_route(
            "auth.scopes",
            &merged(&pools(&POOLS), &json!({ "auth": { "scopes": ["orders/write"] } })),
            [Then::Aws("/api/methods/POST ~1x~1{p}/scopes", json!(["orders/write"]))],
        ),
        of_route(
            "passthroughBehavior",
            &json!({ "passthroughBehavior": "WHEN_NO_TEMPLATES" }),
            [
                Then::Aws("/api/methods/POST ~1x~1{p}/integration/passthroughBehavior", json!("WHEN_NO_TEMPLATES")),
                Then::Aws("/api/authorizers", json!({})),
            ],
        ),
    ];
    // A document that is the same whatever is asked.
    for (field, route, action) in
        [("input", plain_route(), "StartExecution"), ("output", success.clone(), "SendTaskSuccess")]
    {
        let constant = merged(&route, &json!({ field: { "constant": { "c": 1 } } }));
        let text = merged(&route, &json!({ field: { "constant": null, "constantJson": r#"{"n": 1.10}"# } }));
        let ask = || Ask::post(body);
        rows.push(of_route(
            &format!("{field}.constant"),
            &constant,
            [Then::Sends(ask(), action, sends(field, r#"{"c":1}"#))],
        ));
        rows.push(of_route(
            &format!("{field}.constantJson"),
            &text,
            [Then::Sends(ask(), action, sends(field, "1.10}"))],
        ));
        let template = r##"#set($document = '{"n":1.20}')"##;
        let template = merged(&route, &json!({ field: { "constant": null, "template": template } }));
        rows.push(of_route(
            &format!("{field}.template"),
            &template,
            [Then::Sends(ask(), action, sends(field, "1.20}"))],
        ));
    }
    // One value, from each place that it can be taken from.
    for (field, member, route, action) in [
        ("execution", "executionArn", &stop, "StopExecution"),
        ("error", "error", &stop, "StopExecution"),
        ("cause", "cause", &stop, "StopExecution"),
        ("taskToken", "taskToken", &success, "SendTaskSuccess"),
        ("executionName", "name", &json!({}), "StartExecution"),
        ("input.fields{}", "input", &json!({}), "StartExecution"),
        ("output.fields{}", "output", &merged(&success, &json!({ "output": null })), "SendTaskSuccess"),
    ] {
        let document = field.strip_suffix(".fields{}");
        let said = |source: &Value| match document {
            Some(document) => json!({ document: { "fields": { "a": source, "z": { "constant": 1 } } } }),
            None => json!({ field: merged(&json!({ "query": null }), source) }),
        };
        for (place, source, value) in [
            ("path", json!({ "path": "p" }), "of-path"),
            ("query", json!({ "query": "q" }), "of-query"),
            ("header", json!({ "header": "X-H" }), "of-header"),
            ("body", json!({ "body": "$.b" }), "of-body"),
            ("context", json!({ "context": "httpMethod" }), "POST"),
            ("constant", json!({ "constant": "of-constant" }), "of-constant"),
        ] {
            let value = if document.is_some() { format!(r#"{{"a":"{value}","z":1}}"#) } else { value.to_owned() };
            // The route that is patched names another place, which is taken away first.
            let route = merged(&merged(route, &json!({ field: null })), &said(&source));
            let then = Then::Sends(Ask::post(body), action, sends(member, &value));
            rows.push(of_route(&format!("{field}.{place}"), &route, [then]));
        }
        if EXCEPTED.iter().all(|(excepted, _)| *excepted != format!("spec.routes[].{field}.optional")) {
            let optional = merged(route, &said(&json!({ "query": "absent", "optional": true })));
            let without = document.map(|_| r#"{"z":1}"#.to_owned());
            let then = Then::Sends(Ask::post(body), action, vec![(member.to_owned(), without)]);
            rows.push(of_route(&format!("{field}.optional"), &optional, [then]));
        }
    }
    rows.extend(requests::rows());
    rows
}

/// Whose API serves the routes.
pub fn guest_rows() -> Vec<Row> {
    let served = |host: &'static str, former: &'static str| {
        [Then::SameApi(host), Then::Answers(Ask::post("{}"), 200, None), Then::Lacks(former, Ask::post("{}"))]
    };
    let reference = |patch: Value| json!({ "api": patch });
    vec![
        row("api.endpointRef.name", &reference(json!({ "endpointRef": { "name": "other" } })), served("other", "one")),
        row(
            "api.endpointRef.name",
            &json!({ "api": null }),
            [
                Then::AwsHas("/api/name", "subject"),
                Then::Answers(Ask::post("{}"), 200, None),
                Then::Lacks("other", Ask::post("{}")),
            ],
        ),
        row(
            "api.endpointRef.name",
            &reference(json!({ "endpointRef": { "name": "one" } })),
            [Then::SameApi("one"), Then::Answers(Ask::post("{}"), 200, None), Then::Aws("/api", Value::Null)],
        ),
    ]
}
