//! Random manifests: each field is set or not, in the ways that differ.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};
use sfe_core::api::{ApiKey, StateMachineType, StepFunctionEndpoint};
use sfe_core::desired::{self, Desired, References, Settings};
use sfe_core::kinds::api_key;
use sfe_core::owner::Site;

/// A manifest that is valid.
#[derive(Clone, Debug)]
pub struct Manifest {
    spec: Value,
    referenced: StateMachineType,
}

/// The roles that manifests refer to.
pub const EXISTING_ROLES: [&str; 2] = ["arn:aws:iam::000000000000:role/mine", "arn:aws:iam::000000000000:role/gateway"];

/// The role that the operator gives API Gateway for logs.
pub const CLOUDWATCH_ROLE: &str = "arn:aws:iam::000000000000:role/logs";

pub fn settings() -> Settings {
    let site = Site { partition: "aws".into(), account: "000000000000".into(), region: "eu-central-1".into() };
    Settings { cloudwatch_role: CLOUDWATCH_ROLE.parse().ok(), ..Settings::new("c1".into(), site) }
}

impl Manifest {
    pub fn object(spec: &Value) -> StepFunctionEndpoint {
        serde_json::from_value(json!({
            "apiVersion": "sfe.dev/v1alpha1",
            "kind": "StepFunctionEndpoint",
            "metadata": { "name": "orders", "namespace": "prod", "generation": 1 },
            "spec": spec,
            "status": { "apiKeys": {} },
        }))
        .unwrap()
    }

    pub fn desired(&self) -> Desired {
        let references = References {
            state_machine_type: Some(Ok(self.referenced)),
            api_key_values: Self::object(&self.spec).spec.api_keys.iter().map(value).collect(),
            ..References::default()
        };
        match desired::desired(&Self::object(&self.spec), &references, &settings()) {
            Ok(desired) => desired,
            Err(error) => panic!("the generator made a manifest that is refused: {error:?}\n{}", self.spec),
        }
    }

    /// The same without one field.
    pub fn without(mut self, field: &str) -> Self {
        self.spec.as_object_mut().unwrap().remove(field);
        self
    }

    /// The same with another value of one field.
    pub fn with(mut self, field: &str, value: Value) -> Self {
        self.spec[field] = value;
        self
    }

    pub fn nothing() -> Desired {
        Self::deleted(&json!({}))
    }

    /// What the deletion of a manifest with these fields leads to.
    pub fn deleted(fields: &Value) -> Desired {
        let mut spec = json!({ "stateMachine": {}, "routes": [] });
        spec.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        desired::deleted(&Self::object(&spec), &settings(), None)
    }
}

/// The value of a key, which its reference spells out.
fn value(key: &ApiKey) -> (String, Result<Option<api_key::Value>, String>) {
    let text = &key.value_from.as_ref().unwrap().secret_key_ref.key;
    (key.name.clone(), Ok(Some(api_key::Value::parse(text.as_bytes()).unwrap())))
}

pub fn manifest() -> impl Strategy<Value = Manifest> {
    let express = any::<bool>();
    express.prop_flat_map(|express| {
        let answers = (gateway_responses(), cors(), tags(), keys());
        let stages = (stage(), stages());
        (state_machine(express), routes(express), gateway_role(), api(), stages, answers).prop_map(
            move |(state_machine, routes, gateway_role, api, (stage, stages), answers)| {
                let (gateway_responses, cors, tags, keys) = answers;
                let asks = routes.iter().any(|route| route["apiKeyRequired"] == true);
                let mut spec =
                    Map::from_iter([("stateMachine".into(), state_machine), ("routes".into(), routes.into())]);
                spec.extend(gateway_role.map(|role| ("gatewayRole".into(), role)));
                spec.extend(api.map(|api| ("api".into(), api)));
                spec.extend(stage.map(|stage| ("stage".into(), stage)));
                spec.extend(stages.map(|stages| ("stages".into(), stages)));
                spec.extend(gateway_responses.map(|said| ("gatewayResponses".into(), said)));
                spec.extend(cors.map(|said| ("cors".into(), said)));
                spec.extend(tags.map(|said| ("tags".into(), said)));
                spec.extend(keys.filter(|_| asks).into_iter().flatten());
                let referenced = if express { StateMachineType::Express } else { StateMachineType::Standard };
                Manifest { spec: Value::Object(spec), referenced }
            },
        )
    })
}

fn gateway_responses() -> impl Strategy<Value = Option<Value>> {
    proptest::option::of(select(vec![
        json!({ "THROTTLED": { "headers": { "Retry-After": "1" } } }),
        json!({ "THROTTLED": { "status": 420 }, "DEFAULT_4XX": { "body": { "text": "no" } } }),
    ]))
}

fn tags() -> impl Strategy<Value = Option<Value>> {
    proptest::option::of(select(vec![
        json!({ "team": "a" }),
        json!({ "Team": "a" }),
        json!({ "team": "b", "Cost Center": "" }),
    ]))
}

/// `apiKeys` and `usagePlan`.
fn keys() -> impl Strategy<Value = Option<Map<String, Value>>> {
    let key = |name: &str, value: &str| json!({ "name": name, "valueFrom": { "secretKeyRef": { "name": "s", "key": value } } });
    let plan = json!({ "throttle": { "rateLimit": 0.5, "burstLimit": 1 }, "quota": { "limit": 9, "period": "DAY" } });
    let several = json!([key("a", "another-value-of-a-key"), key("b", "one-value-of-another-key")]);
    proptest::option::of(select(vec![
        Map::from_iter([("apiKeys".to_owned(), json!([key("a", "one-value-of-one-key-1")]))]),
        Map::from_iter([("apiKeys".to_owned(), several), ("usagePlan".to_owned(), plan)]),
    ]))
}

fn cors() -> impl Strategy<Value = Option<Value>> {
    proptest::option::of(select(vec![
        json!({ "origins": ["*"] }),
        json!({ "origins": ["https://a.example", "https://b.example"], "credentials": true, "maxAge": 60 }),
    ]))
}

fn state_machine(express: bool) -> impl Strategy<Value = Value> {
    let definition =
        select(vec!["StartAt: A\nStates: {A: {Type: Pass, End: true}}", "StartAt: B\nStates: {B: {Type: Succeed}}"]);
    let role = proptest::option::of(select(vec![
        json!({ "arn": EXISTING_ROLES[0] }),
        json!({ "statements": [{ "actions": ["s3:GetObject"], "resources": ["*"] }] }),
        json!({ "managedPolicyArns": ["arn:aws:iam::aws:policy/A"], "permissionsBoundaryArn": "arn:aws:iam::aws:policy/B" }),
    ]));
    let logging = proptest::option::of(select(vec![
        json!({ "level": "ALL" }),
        json!({ "level": "ERROR", "includeExecutionData": true, "retentionDays": 14 }),
        json!({ "level": "OFF" }),
    ]));
    let ours = (definition, role, logging).prop_map(move |(definition, role, logging)| {
        let type_ = if express { "EXPRESS" } else { "STANDARD" };
        let mut machine = Map::from_iter([("type".into(), json!(type_)), ("definition".into(), json!(definition))]);
        machine.extend(role.map(|role| ("role".into(), role)));
        machine.extend(logging.map(|logging| ("logging".into(), logging)));
        Value::Object(machine)
    });
    prop_oneof![
        4 => ours,
        1 => Just(json!({ "arn": "arn:aws:states:eu-central-1:000000000000:stateMachine:existing" })),
    ]
}

fn routes(express: bool) -> impl Strategy<Value = Vec<Value>> {
    let none = json!({ "type": "NONE" });
    let cognito = |pool: &str| json!({ "type": "COGNITO_USER_POOLS", "userPoolArns": [format!("arn:aws:cognito-idp:eu-central-1:000000000000:userpool/{pool}")] });
    let lambda = |ttl: u32| {
        let function = "arn:aws:lambda:eu-central-1:000000000000:function:may";
        json!({ "type": "CUSTOM", "authorizerResultTtlInSeconds": ttl, "lambda": { "type": "TOKEN", "functionArn": function } })
    };
    let mut pool = vec![
        json!({ "path": "/l", "method": "POST", "auth": lambda(0) }),
        json!({ "path": "/l", "method": "PUT", "auth": lambda(60) }),
        json!({ "path": "/", "method": "POST", "auth": none, "apiKeyRequired": true }),
        json!({ "path": "/", "method": "GET", "auth": { "type": "AWS_IAM" }, "action": "StartExecution" }),
        json!({ "path": "/a/{id}/b", "method": "POST", "auth": cognito("one"), "input": { "fields": { "id": { "path": "id" }, "x": { "body": "$.x" } } } }),
        json!({ "path": "/a/s", "method": "PUT", "auth": none, "throttling": { "rateLimit": 0.5, "burstLimit": 1 } }),
        json!({ "path": "/a", "method": "PUT", "auth": cognito("two"), "input": { "fields": { "q": { "query": "q" } } } }),
        json!({ "path": "/c", "method": "ANY", "auth": none, "action": "StartExecution", "responses": { "success": { "status": 202 } } }),
        json!({ "path": "/c/d/e", "method": "POST", "auth": cognito("one"), "input": { "fields": { "y": { "body": "$.y" } } } }),
    ];
    pool.push(json!({
        "path": "/f", "method": "POST", "auth": none, "input": { "fields": { "x": { "body": "$" } } }, "requestSchema": "{type: object}",
        "contentTypes": {
            "application/x-www-form-urlencoded": { "fields": { "a": { "form": "a" } } },
            "image/png": { "fields": { "a": { "rawBody": "BASE64" } } },
            "application/vnd.a+json": { "fields": { "z": { "body": "$.z" } } },
        },
    }));
    pool.push(json!({
        "path": "/g/{kind}", "method": "POST", "auth": none, "action": "StartExecution", "executionName": { "query": "name" },
        "stateMachines": { "from": { "path": "kind" }, "arns": { "b": "arn:aws:states:eu-central-1:000000000000:stateMachine:b" } },
    }));
    if !express {
        pool.push(json!({ "path": "/a/{id}", "method": "GET", "auth": none, "action": "DescribeExecution", "execution": { "path": "id" } }));
        pool.push(json!({ "path": "/t", "method": "POST", "auth": none, "action": "SendTaskSuccess", "taskToken": { "query": "t" } }));
    }
    let changed = |route: &Value| {
        let mut route = route.clone();
        route["input"] = json!({ "constant": { "v": 2 } });
        if matches!(route["action"].as_str(), Some("DescribeExecution" | "SendTaskSuccess")) {
            route.as_object_mut().unwrap().remove("input");
            route["responses"] = json!({ "serverError": { "status": 503 } });
        }
        route
    };
    let count = pool.len();
    (subsequence(pool, 1..=count), proptest::collection::vec(any::<bool>(), count)).prop_map(move |(routes, change)| {
        routes.iter().zip(change).map(|(route, change)| if change { changed(route) } else { route.clone() }).collect()
    })
}

fn gateway_role() -> impl Strategy<Value = Option<Value>> {
    proptest::option::of(select(vec![
        json!({ "arn": EXISTING_ROLES[1] }),
        json!({ "managedPolicyArns": ["arn:aws:iam::aws:policy/A", "arn:aws:iam::aws:policy/C"] }),
        json!({ "statements": [{ "actions": ["s3:GetObject"], "resources": ["*"] }] }),
    ]))
}

fn api() -> impl Strategy<Value = Option<Value>> {
    let policy = |effect: &str| json!({ "document": format!("Statement: [{{Effect: {effect}, Principal: '*', Resource: 'execute-api:/*'}}]") });
    proptest::option::of(select(vec![
        json!({ "name": "other" }),
        json!({ "disableExecuteApiEndpoint": true, "policy": policy("Deny") }),
        json!({ "endpointType": "EDGE", "policy": policy("Allow") }),
        json!({ "endpointType": "REGIONAL", "minimumCompressionSize": 5, "policy": {} }),
        json!({ "policy": { "allow": { "cidrs": ["192.0.2.0/24", "198.51.100.0/24"] } } }),
        json!({ "binaryMediaTypes": ["image/png", "application/x-www-form-urlencoded.v2"] }),
        json!({ "binaryMediaTypes": ["image/png", "image/jpeg"] }),
        json!({ "policy": { "allow": { "cidrs": ["192.0.2.0/24"] }, "deny": { "cidrs": ["192.0.2.7/32"] } } }),
    ]))
}

/// None has a name that the first stage may have.
fn stages() -> impl Strategy<Value = Option<Value>> {
    let throttling = json!({ "rateLimit": 1, "burstLimit": 1 });
    proptest::option::of(select(vec![
        json!([{ "name": "beta", "accessLog": {} }]),
        json!([{ "name": "beta", "variables": { "a": "x" }, "throttling": throttling }, { "name": "gamma" }]),
        json!([{ "name": "gamma", "tracingEnabled": true, "executionLog": { "level": "ERROR" } }]),
    ]))
}

fn stage() -> impl Strategy<Value = Option<Value>> {
    let throttling = json!({ "rateLimit": 10, "burstLimit": 5 });
    proptest::option::of(select(vec![
        json!({ "name": "main" }),
        json!({ "name": "v2", "executionLog": { "level": "ERROR" } }),
        json!({ "accessLog": {} }),
        json!({ "name": "main", "accessLog": { "retentionDays": 7 }, "executionLog": { "level": "INFO" }, "metricsEnabled": true }),
        json!({ "accessLog": { "format": "$context.requestId", "destinationArn": "arn:aws:logs:eu-central-1:000000000000:log-group:theirs" } }),
        json!({ "throttling": throttling, "tracingEnabled": true, "variables": { "a": "b" } }),
        json!({ "name": "main", "metricsEnabled": true, "variables": { "a": "c", "d": "e" } }),
    ]))
}
