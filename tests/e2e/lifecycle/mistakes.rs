//! Whoever writes a wrong manifest is told all that is wrong with it, and nothing happens in AWS.

use aws_sdk_sfn::types::{LogLevel, LoggingConfiguration, StateMachineType as SdkType};
use serde_json::{Value, json};
use sfe_core::api::StateMachineType;
use sfe_core::kinds::role::INLINE_POLICY;
use sfe_core::owner::ROLE_PATH;

use super::{ORDERS, differences, merged, owner, picture, start, state_machine_arn, touch, writes};
use crate::http;
use crate::operator::Operator;
use crate::world::{self, World, condition, told};

/// A manifest that is right, as the cases here change it.
fn right(name: &str) -> Value {
    json!({
        "apiVersion": "sfe.dev/v1alpha1",
        "kind": "StepFunctionEndpoint",
        "metadata": { "name": name },
        "spec": {
            "stateMachine": { "definition": "{StartAt: A, States: {A: {Type: Pass, End: true}}}" },
            "routes": [{ "path": "/", "method": "POST", "auth": { "type": "NONE" } }],
        },
    })
}

/// A patch of the one route.
fn route(patch: &Value) -> Value {
    let route = merged(&right("")["spec"]["routes"][0], patch);
    json!({ "spec": { "routes": [route] } })
}

#[test]
fn what_the_schema_refuses_is_never_stored() {
    const POOL: &str = "arn:aws:cognito-idp:eu-central-1:000000000000:userpool/eu-central-1_abc";
    const ARN: &str = "arn:aws:states:eu-central-1:000000000000:stateMachine:existing";
    world::run(async |world| {
        let namespace = "mistakes-schema";
        world.create_namespace(namespace);
        let source = |source: Value| route(&json!({ "input": { "fields": { "a": source } } }));
        let cases = [
            (json!({ "spec": { "stateMachin": {} } }), r#"unknown field "spec.stateMachin""#),
            (route(&json!({ "respones": {} })), r#"unknown field "spec.routes[0].respones""#),
            (route(&json!({ "method": "FETCH" })), "spec.routes[0].method: Unsupported value"),
            (route(&json!({ "action": "Start" })), "spec.routes[0].action: Unsupported value"),
            (route(&json!({ "auth": null })), "spec.routes[0].auth: Required value"),
            (route(&json!({ "path": "orders" })), "spec.routes[0].path"),
            (
                route(&json!({ "auth": { "type": "COGNITO_USER_POOLS" } })),
                "userPoolArns is required with type COGNITO_USER_POOLS",
            ),
            (route(&json!({ "auth": { "userPoolArns": [POOL] } })), "spec.routes[0].auth: Invalid value"),
            (route(&json!({ "auth": { "scopes": ["a/b"] } })), "scopes is allowed with type COGNITO_USER_POOLS alone"),
            (route(&json!({ "auth": { "type": "CUSTOM" } })), "lambda is required with type CUSTOM"),
            (
                route(&json!({ "auth": { "authorizerId": "a" } })),
                "authorizerId is allowed with types COGNITO_USER_POOLS and CUSTOM",
            ),
            (
                route(&json!({ "auth": { "authorizerResultTtlInSeconds": 1 } })),
                "authorizerResultTtlInSeconds is allowed with userPoolArns and lambda",
            ),
            (
                route(
                    &json!({ "auth": { "type": "CUSTOM", "lambda": { "type": "REQUEST", "functionArn": "a", "identityValidationExpression": "x" } } }),
                ),
                "identityValidationExpression is allowed with type TOKEN alone",
            ),
            (
                source(json!({ "query": "a", "header": "a" })),
                "exactly one of body, rawBody, form, path, query, header, context, authorizer, stageVariable and constant",
            ),
            (source(json!({ "context": "identity.apiKey" })), "context: Unsupported value"),
            (
                route(&json!({ "input": { "constantJson": "{}", "fields": { "a": { "query": "a" } } } })),
                "at most one of constant, constantJson, fields, request and template",
            ),
            (
                route(&json!({ "responses": { "success": { "status": 500 } } })),
                "spec.routes[0].responses.success.status",
            ),
            (
                route(
                    &json!({ "action": "StartSyncExecution", "responses": { "errors": [{ "match": {}, "status": 500 }] } }),
                ),
                "error, status or both are required",
            ),
            (route(&json!({ "passthroughBehavior": "WHEN_NO_MATCH" })), "passthroughBehavior: Unsupported value"),
            (json!({ "spec": { "routes": [] } }), "spec.routes: Invalid value"),
            (json!({ "spec": { "routes": null } }), "spec.routes: Required value"),
            (
                json!({ "spec": { "routes": [right("")["spec"]["routes"][0], right("")["spec"]["routes"][0]] } }),
                "spec.routes[1]: Duplicate value",
            ),
            (
                json!({ "spec": { "stateMachine": { "arn": ARN } } }),
                "exactly one of arn, definition and definitionFrom",
            ),
            (
                json!({ "spec": { "stateMachine": { "definition": null } } }),
                "exactly one of arn, definition and definitionFrom",
            ),
            (
                json!({ "spec": { "stateMachine": { "definition": null, "arn": ARN, "type": "EXPRESS" } } }),
                "leave them out with arn",
            ),
            (json!({ "spec": { "stateMachine": { "type": "express" } } }), "spec.stateMachine.type: Unsupported value"),
            (
                json!({ "spec": { "stateMachine": { "logging": { "retentionDays": 7 } } } }),
                "spec.stateMachine.logging.level: Required value",
            ),
            (
                json!({ "spec": { "gatewayRole": { "arn": "arn:aws:iam::000000000000:role/a", "managedPolicyArns": ["arn:aws:iam::aws:policy/A"] } } }),
                "spec.gatewayRole: Invalid value",
            ),
            (
                json!({ "spec": { "api": { "name": "a", "endpointRef": { "name": "b" } } } }),
                "leave them out with endpointRef",
            ),
            (
                json!({ "spec": { "api": { "allowedRoutes": { "namespaces": { "from": "Selector" } } } } }),
                "selector is required with from: Selector",
            ),
            (
                json!({ "spec": { "api": { "allowedRoutes": { "namespaces": { "from": "All", "selector": {} } } } } }),
                "selector is required with from: Selector, and not allowed otherwise",
            ),
            (json!({ "spec": { "api": { "endpointType": "PRIVATE" } } }), "spec.api.endpointType: Unsupported value"),
            (json!({ "spec": { "api": { "policy": {}, "endpointRef": { "name": "b" } } } }), "spec.api: Invalid value"),
            (json!({ "spec": { "stage": { "name": "a b" } } }), "spec.stage.name"),
            (
                json!({ "spec": { "stage": { "executionLog": { "level": "OFF", "dataTraceEnabled": true } } } }),
                "dataTraceEnabled is allowed with levels ERROR and INFO",
            ),
            (json!({ "spec": { "executions": { "keep": 26 } } }), "spec.executions.keep"),
            (json!({ "spec": { "executions": { "interval": "1 minute" } } }), "spec.executions.interval"),
            (json!({ "spec": { "region": "Frankfurt" } }), "spec.region"),
        ];
        let mut wrong = Vec::new();
        for (patch, says) in cases {
            match world.try_apply(namespace, &merged(&right("refused"), &patch).to_string()) {
                Ok(_) => wrong.push(format!("{patch} was stored, rather than refused with {says}")),
                Err(said) if said.contains(says) => {}
                Err(said) => wrong.push(format!("{patch}: {says} was expected: {said}")),
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

/// Wrong in every way that only the operator can see; what it says must hold all these lines.
fn workflow_mistakes() -> (Value, Vec<&'static str>) {
    let wrong = json!({ "spec": { "stateMachine": {
        "type": "EXPRESS",
        "definition": r#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": "${NOBODY}", "Next": "Nowhere"}, "Lost": {"Type": "Succeed"}}}"#,
        "definitionSubstitutions": { "UNUSED": "x" },
        "role": { "arn": "arn:aws:iam::111111111111:role/elsewhere", "statements": null },
        "logging": { "level": "ALL", "retentionDays": 2 },
    } } });
    let lines = vec![
        "spec.stateMachine.definition: `${NOBODY}`: must be one of the substitutions",
        "spec.stateMachine.definition: `Nowhere`: States.A.Next must be a state",
        "must all be reachable from StartAt, unlike: Lost",
        "spec.stateMachine.definitionSubstitutions[UNUSED]: must be used",
        "spec.stateMachine.role.arn: `arn:aws:iam::111111111111:role/elsewhere`: must be in the operator's account",
        "spec.stateMachine.logging.retentionDays: `2`: allowed are",
    ];
    (wrong, lines)
}

fn other_mistakes() -> (Value, Vec<&'static str>) {
    let wrong = json!({ "spec": {
        "stateMachine": { "type": "EXPRESS" },
        "gatewayRole": { "managedPolicyArns": ["ReadOnlyAccess"], "statements": [{ "actions": ["s3"], "resources": ["b"] }] },
        "executions": { "interval": "2h" },
    } });
    let lines = vec![
        "spec.gatewayRole.managedPolicyArns[0]: `ReadOnlyAccess`: must be a managed policy's ARN",
        "spec.gatewayRole.statements[0].actions[0]: `s3`: must be an IAM action",
        "spec.gatewayRole.statements[0].resources[0]: `b`: must be an ARN or `*`",
        "spec.executions.interval: `2h`: allowed are 1s to 1h",
    ];
    (wrong, lines)
}

fn route_mistakes() -> (Value, Vec<&'static str>) {
    let none = json!({ "type": "NONE" });
    let pools = json!({ "type": "COGNITO_USER_POOLS", "userPoolArns": ["pool"] });
    let wrong = json!({ "spec": { "stateMachine": { "type": "EXPRESS" }, "routes": [
        { "path": "/a/{id}", "method": "GET", "auth": none, "action": "DescribeExecution", "execution": { "path": "name" } },
        { "path": "/a/{other}/b", "method": "POST", "auth": pools, "input": { "fields": { "x": { "body": "$.." } } } },
        { "path": "/b c", "method": "POST", "auth": none, "responses": { "errors": [{ "match": { "error": "a\"b" }, "status": 500 }] } },
    ] } });
    let lines = vec![
        "spec.routes[0].action: `DescribeExecution`: EXPRESS state machines don't have it",
        "spec.routes[0].execution.path: `name`: a parameter of the route's path is required",
        "spec.routes: `/a/{id}, /a/{other}`: API Gateway allows one {name} below each resource",
        "spec.routes[1].auth.userPoolArns[0]: `pool`: must be a user pool's ARN",
        "spec.routes[1].input.fields[x].body: `$..`: a path to one member of the body is expected",
        "spec.routes[2].path: `/b c`: b c: allowed are letters",
    ];
    (wrong, lines)
}

/// Everything of one endpoint is in one Region: it can't move, or what is in the former one would be left there.
fn another_region() -> (Value, Vec<&'static str>) {
    let wrong = json!({ "spec": { "region": "us-east-1" } });
    (wrong, vec!["spec.region: `us-east-1`: can't be changed from eu-central-1"])
}

/// Starts an operator that looks soon again at what a person must correct.
async fn operator(world: &World, namespace: &str) -> Operator {
    world.create_namespace(namespace);
    start(world, namespace, &["--stalled-interval", "500ms", "--drift-interval", "1s", "--retry-min", "100ms"]).await
}

#[test]
fn every_mistake_is_told_and_nothing_happens_in_aws() {
    world::run(async |world| {
        let namespace = "mistakes-manifest";
        let operator = operator(world, namespace).await;
        let from = world.last_call().await;
        let cases = [("workflow", workflow_mistakes()), ("others", other_mistakes()), ("routes", route_mistakes())];
        let mut wrong = Vec::new();
        for (name, (patch, lines)) in &cases {
            world.apply(namespace, &merged(&right(name), patch).to_string());
            wrong.extend(missing(&until_stalled(world, namespace, name).await, lines));
        }
        // All at once: one mistake hides none of the others.
        let all = cases.iter().fold(right("all"), |all, (_, (patch, _))| merged(&all, patch));
        world.apply(namespace, &all.to_string());
        let lines: Vec<&str> = cases.iter().flat_map(|(_, (_, lines))| lines.iter().copied()).collect();
        wrong.extend(missing(&until_stalled(world, namespace, "all").await, &lines));
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        let calls = world.calls_after(from, &operator.access_key).await;
        assert_eq!(calls, [], "AWS was called for a manifest that is wrong");
        assert_eq!(world.inventory(namespace).await, [""; 0]);
        for name in ["workflow", "others", "routes", "all"] {
            world.delete(namespace, name);
            world.until_gone(namespace, name).await;
        }
    });
}

async fn until_stalled(world: &World, namespace: &str, name: &str) -> Value {
    let stalled = |endpoint: &Value| {
        endpoint["status"]["observedGeneration"] == endpoint["metadata"]["generation"]
            && condition(endpoint, "Stalled")["status"] == "True"
            && condition(endpoint, "Ready")["status"] == "False"
            && condition(endpoint, "Reconciling").is_null()
    };
    world.until_endpoint(namespace, name, "Stalled", stalled).await
}

/// The lines that the message lacks, and the hint if it lacks that.
fn missing(endpoint: &Value, lines: &[&str]) -> Vec<String> {
    let message = condition(endpoint, "Stalled")["message"].as_str().unwrap_or_default();
    let lacks = lines.iter().chain(&["\nhint: "]).filter(|line| !message.contains(**line));
    lacks.map(|line| format!("{}: {line:?} is not in: {message}", endpoint["metadata"]["name"])).collect()
}

#[test]
fn what_serves_goes_on_while_its_manifest_is_wrong() {
    world::run(async |world| {
        let namespace = "mistakes-later";
        let operator = operator(world, namespace).await;
        world.apply(namespace, ORDERS);
        let endpoint = world.until_live(namespace, "orders").await;
        let (owner, url) = (owner(namespace, "orders"), world.stage_url(&endpoint, "/orders"));
        let before = picture::of(world, &owner).await;
        let from = world.last_call().await;
        for (patch, lines) in [another_region(), workflow_mistakes(), other_mistakes(), route_mistakes()] {
            world.patch(namespace, "orders", &patch).await;
            let stalled = until_stalled(world, namespace, "orders").await;
            let region = lines.iter().filter(|line| line.contains("region")).copied().collect::<Vec<_>>();
            assert_eq!(missing(&stalled, &region), [""; 0]);
            assert_eq!(
                stalled["status"]["url"],
                endpoint["status"]["url"],
                "the URL is still served: {}",
                told(&stalled)
            );
            assert_eq!(http::post(url.as_str(), "{}").send().await.status, 200, "while stalled: {}", told(&stalled));
        }
        assert_eq!(writes(&world.calls_after(from, &operator.access_key).await), [""; 0], "for a wrong manifest");
        let found = picture::of(world, &owner).await;
        assert_eq!(differences(&found, &before), [""; 0], "AWS was changed for a wrong manifest");

        // Corrected by putting the manifest back; all is as it was, so there is nothing to do.
        let back = json!([{ "op": "replace", "path": "/spec", "value": endpoint["spec"] }]).to_string();
        world.kubectl(["patch", "sfe", "orders", "--namespace", namespace, "--type", "json", "--patch", &back]);
        world.until_live(namespace, "orders").await;
        assert_eq!(differences(&picture::of(world, &owner).await, &before), [""; 0], "after a corrected mistake");
        world.check_rest(&operator, namespace, "orders", "after a corrected mistake").await;
        assert_eq!(writes(&world.calls_after(from, &operator.access_key).await), [""; 0]);

        // What was made goes where it was made, whatever the manifest says at the end.
        let (patch, _) = another_region();
        world.patch(namespace, "orders", &patch).await;
        until_stalled(world, namespace, "orders").await;
        world.delete(namespace, "orders");
        world.until_gone(namespace, "orders").await;
        assert_eq!(world.inventory(namespace).await, [""; 0]);
    });
}

#[test]
fn what_a_manifest_refers_to_is_waited_for() {
    world::run(async |world| {
        let namespace = "mistakes-references";
        let _operator = operator(world, namespace).await;
        let arn = "arn:aws:states:eu-central-1:000000000000:stateMachine:mistakes-references";
        let existing =
            merged(&right("existing"), &json!({ "spec": { "stateMachine": { "definition": null, "arn": arn } } }));
        let from_config_map =
            json!({ "definition": null, "definitionFrom": { "configMapKeyRef": { "name": "workflow", "key": "a" } } });
        let from_config_map = merged(&right("configured"), &json!({ "spec": { "stateMachine": from_config_map } }));
        world.apply(namespace, &existing.to_string());
        world.apply(namespace, &from_config_map.to_string());
        until_waiting(world, namespace, "existing", &format!("state machine {arn}")).await;
        until_waiting(world, namespace, "configured", "ConfigMap workflow").await;
        let config_map =
            json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "workflow" }, "data": { "b": "" } });
        world.apply(namespace, &config_map.to_string());
        until_waiting(world, namespace, "configured", "has no key a").await;
        assert_eq!(world.inventory(namespace).await, [""; 0], "made while something is missing");

        let data = json!({ "data": { "a": "{StartAt: A, States: {A: {Type: Succeed}}}" } });
        world.apply(namespace, &merged(&config_map, &data).to_string());
        let create = world.sfn.create_state_machine().name("mistakes-references").r#type(SdkType::Standard);
        let create = create.definition(r#"{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}"#);
        create.role_arn("arn:aws:iam::000000000000:role/nobodys").send().await.unwrap();
        for name in ["existing", "configured"] {
            let endpoint = world.until_live(namespace, name).await;
            let answer = http::post(world.stage_url(&endpoint, "/"), "{}").send().await;
            assert_eq!(answer.status, 200, "{name}: {answer:?}");
        }

        // What goes again leaves what was made of it, which serves on, and can be deleted.
        world.kubectl(["delete", "configmap", "workflow", "--namespace", namespace]);
        world.sfn.delete_state_machine().state_machine_arn(arn).send().await.unwrap();
        until_waiting(world, namespace, "configured", "ConfigMap workflow").await;
        let endpoint = world.endpoint(namespace, "configured").await.unwrap();
        let answer = http::post(world.stage_url(&endpoint, "/"), "{}").send().await;
        assert_eq!(answer.status, 200, "without its ConfigMap: {answer:?}");
        world.patch(namespace, "existing", &touch()).await;
        until_waiting(world, namespace, "existing", &format!("state machine {arn}")).await;
        for name in ["existing", "configured"] {
            world.delete(namespace, name);
            world.until_gone(namespace, name).await;
        }
        assert_eq!(world.inventory(namespace).await, [""; 0]);
    });
}

async fn until_waiting(world: &World, namespace: &str, name: &str, says: &str) {
    let waiting = |endpoint: &Value| {
        let reconciling = condition(endpoint, "Reconciling");
        reconciling["status"] == "True"
            && condition(endpoint, "Stalled").is_null()
            && reconciling["message"].as_str().is_some_and(|message| message.contains(says))
    };
    world.until_endpoint(namespace, name, &format!("waits and says {says:?}"), waiting).await;
}

#[test]
fn what_is_not_ours_is_not_touched() {
    world::run(async |world| {
        let namespace = "mistakes-foreign";
        let operator = operator(world, namespace).await;
        let foreign = ["gateway", "workflow", "log", "machine"];
        let mut before = Vec::new();
        for name in foreign {
            make_foreign(world, namespace, name).await;
            before.push(picture::of(world, &owner(namespace, name)).await);
        }
        let from = world.last_call().await;
        for name in foreign {
            world.apply(namespace, &ORDERS.replace("name: orders", &format!("name: {name}")));
        }
        for (name, before) in foreign.into_iter().zip(&before) {
            let stalled = until_stalled(world, namespace, name).await;
            let object = object_name(namespace, name);
            let wrong = missing(&stalled, &[&format!("{object} exists without this endpoint's tags"), "sfe.dev/adopt"]);
            assert!(wrong.is_empty(), "{}", wrong.join("\n"));
            let after = picture::of(world, &owner(namespace, name)).await;
            let place = place(name);
            assert_eq!(after.pointer(place), before.pointer(place), "{name}: {object} is not ours, and was changed");
            assert_eq!(after.pointer("/api/stages/prod"), None, "{name}: it serves though it can't work: {after}");
        }
        let calls = world.calls_after(from, &operator.access_key).await;
        let deletions: Vec<&str> = writes(&calls).into_iter().filter(|name| name.contains("Delete")).collect();
        assert_eq!(deletions, [""; 0], "something was deleted for the sake of what is not ours");

        // Both ways of the hint: the object is handed over, or goes. Then all goes on by itself.
        let group = object_name(namespace, "log");
        world.logs.delete_log_group().log_group_name(group).send().await.unwrap();
        let gateway_role = object_name(namespace, "gateway");
        for (key, value) in owner(namespace, "gateway").tags() {
            let tag = aws_sdk_iam::types::Tag::builder().key(key).value(value).build().unwrap();
            world.iam.tag_role().role_name(&gateway_role).tags(tag).send().await.unwrap();
        }
        let machine = state_machine_arn(&owner(namespace, "machine"), StateMachineType::Standard);
        world.sfn.delete_state_machine().state_machine_arn(machine).send().await.unwrap();
        for name in ["log", "gateway", "machine"] {
            let endpoint = world.until_live(namespace, name).await;
            let answer = http::post(world.stage_url(&endpoint, "/orders"), "{}").send().await;
            assert_eq!(answer.status, 200, "{name}: {answer:?}");
        }
        // Deleting leaves what never was ours.
        for name in foreign {
            world.delete(namespace, name);
            world.until_gone(namespace, name).await;
        }
        assert_eq!(world.inventory(namespace).await, ["role sfe-mistakes-foreign-workflow-workflow"]);
        let after = picture::of(world, &owner(namespace, "workflow")).await;
        assert_eq!(after["roles"]["workflow"], before[1]["roles"]["workflow"], "the role is not ours, and was changed");
    });
}

/// The name of the object that someone else made.
fn object_name(namespace: &str, name: &str) -> String {
    let owner = owner(namespace, name);
    match name {
        "gateway" => owner.gateway_role_name(),
        "workflow" => owner.workflow_role_name(),
        "log" => owner.log_group_name(),
        _ => owner.state_machine_name(StateMachineType::Standard),
    }
}

/// Where it is in the picture.
fn place(name: &str) -> &'static str {
    match name {
        "gateway" => "/roles/gateway",
        "workflow" => "/roles/workflow",
        "log" => "/logGroup",
        _ => "/stateMachines/STANDARD",
    }
}

async fn make_foreign(world: &World, namespace: &str, name: &str) {
    let object = object_name(namespace, name);
    match name {
        "gateway" | "workflow" => {
            let trust = r#"{"Version": "2012-10-17", "Statement": []}"#;
            let create = world.iam.create_role().role_name(&object).path(ROLE_PATH).assume_role_policy_document(trust);
            create.send().await.unwrap();
            let policy =
                r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}"#;
            let put = world.iam.put_role_policy().role_name(&object).policy_name(INLINE_POLICY).policy_document(policy);
            put.send().await.unwrap();
        }
        "log" => drop(world.logs.create_log_group().log_group_name(&object).send().await.unwrap()),
        _ => {
            let create = world.sfn.create_state_machine().name(&object).r#type(SdkType::Standard);
            let create = create.definition(r#"{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}"#);
            let create = create.logging_configuration(LoggingConfiguration::builder().level(LogLevel::Off).build());
            create.role_arn("arn:aws:iam::000000000000:role/nobodys").send().await.unwrap();
        }
    }
}
