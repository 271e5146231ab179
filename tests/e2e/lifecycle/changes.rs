//! A change of any field of the spec reaches AWS, and what is served, without anyone touching AWS.
//!
//! The rows are data: one for each field of the CRD, which a test counts.

mod answers;
mod rows;
mod stage_rows;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_sfn::types::StateMachineType as SdkType;
use serde_json::{Value, json};
use sfe_sandbox::IntegrationRequest;
use tokio::sync::oneshot::{self, error::TryRecvError};

use self::answers::{cors_rows, gateway_rows, response_rows, shown_by};
use self::rows::{Ask, EXCEPTED, Row, Then, guest_rows, route_rows, workflow_rows};
use self::stage_rows::{access_rows, stage_rows};
use super::{ORDERS, check_same_status, owner, picture, start, touch, writes};
use crate::http::{self, Answer};
use crate::operator::Operator;
use crate::world::{self, World, told, until};

#[test]
fn every_field_has_a_row() {
    let crd: Value = serde_saphyr::from_str(include_str!("../../../crds/stepfunctionendpoints.yaml")).unwrap();
    let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    let mut fields = BTreeSet::new();
    leaves(schema, "spec".to_owned(), &mut fields);
    fields.retain(|field| !is_shown_elsewhere(field));
    let rows = [
        workflow_rows(),
        stage_rows(),
        route_rows(),
        access_rows(),
        response_rows(),
        gateway_rows(),
        cors_rows(),
        guest_rows(),
    ]
    .concat();
    let rows: BTreeSet<String> = rows.into_iter().map(|row| shown_by(&row.field)).collect();
    let fields: BTreeSet<String> = fields.iter().map(|field| shown_by(field)).collect();
    let excepted: BTreeSet<String> = EXCEPTED.iter().map(|(field, _)| (*field).to_owned()).collect();
    let covered: BTreeSet<String> = rows.union(&excepted).cloned().collect();
    assert_eq!(fields.difference(&covered).collect::<Vec<_>>(), [""; 0], "fields of the CRD without a row");
    assert_eq!(covered.difference(&fields).collect::<Vec<_>>(), [""; 0], "rows of no field of the CRD");
    assert_eq!(rows.intersection(&excepted).collect::<Vec<_>>(), [""; 0], "excepted, and yet there is a row");
}

/// Whether a field is of the same type as another that has a row. How each of them is served is shown by `requests` and `hostile`.
fn is_shown_elsewhere(field: &str) -> bool {
    let kinds = ["rawBody", "form", "authorizer", "stageVariable", "decode"];
    let is_one_of = |kinds: &[&str]| field.rsplit('.').next().is_some_and(|last| kinds.contains(&last));
    let below = |prefix: &str| field.strip_prefix("spec.routes[].").is_some_and(|field| field.starts_with(prefix));
    is_one_of(&kinds) && !below("input.")
        || below("output.request.")
        || below("contentTypes{}.") && field != "spec.routes[].contentTypes{}.constant"
        || below("stateMachines.from.") && !is_one_of(&["path"])
        || field.starts_with("spec.stages[].") && !is_one_of(&["name"])
}

/// Every field that holds a value: `spec.routes[].input.fields{}.body`.
fn leaves(schema: &Value, path: String, fields: &mut BTreeSet<String>) {
    if let Some(properties) = schema["properties"].as_object() {
        for (name, member) in properties {
            leaves(member, format!("{path}.{name}"), fields);
        }
        return;
    }
    let (items, values) = (&schema["items"], &schema["additionalProperties"]);
    if items["properties"].is_object() {
        leaves(items, path + "[]", fields);
    } else if values["properties"].is_object() {
        leaves(values, path + "{}", fields);
    } else {
        fields.insert(path);
    }
}

#[test]
fn of_the_workflow_its_roles_and_the_api() {
    world::run(async |world| {
        let namespace = "changes-workflow";
        let table = Table::start(world, namespace).await;
        let config_map = json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": { "name": "workflow" },
            "data": { "one": rows::DEFINITION, "two": rows::DEFINITION.replace("Pass", "Succeed").replace(", End: true", "") },
        });
        world.apply(namespace, &config_map.to_string());
        let config_map = super::merged(&config_map, &json!({ "metadata": { "name": "other" } }));
        world.apply(namespace, &config_map.to_string());
        let create = world.sfn.create_state_machine().name("changes-existing").r#type(SdkType::Standard);
        let create = create.definition(r#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}"#);
        create.role_arn(rows::EXISTING_ROLE).send().await.unwrap();
        table.check("subject", &rows::subject("subject", &json!({})), workflow_rows()).await;
        table.check_rest("subject").await;
    });
}

#[test]
fn of_the_stage() {
    world::run(async |world| {
        let table = Table::start(world, "changes-stage").await;
        crate::settings::let_api_gateway_log(world, "eu-central-1").await;
        table.check("subject", &rows::subject("subject", &json!({})), stage_rows()).await;
        table.check_rest("subject").await;
    });
}

#[test]
fn of_a_route() {
    world::run(async |world| {
        let table = Table::start(world, "changes-route").await;
        let rows = [route_rows(), access_rows()].concat();
        table.check("subject", &rows::subject("subject", &json!({})), rows).await;
        table.check_rest("subject").await;
    });
}

#[test]
fn of_a_response() {
    world::run(async |world| {
        let table = Table::start(world, "changes-response").await;
        let express = json!({ "spec": { "stateMachine": { "type": "EXPRESS", "definition": rows::FAILING } } });
        table.check("subject", &rows::subject("subject", &express), response_rows()).await;
        table.check_rest("subject").await;
    });
}

#[test]
fn of_what_the_gateway_answers() {
    world::run(async |world| {
        let table = Table::start(world, "changes-gateway").await;
        table.check("subject", &rows::subject("subject", &json!({})), gateway_rows()).await;
        table.check_rest("subject").await;
    });
}

#[test]
fn of_who_may_call() {
    world::run(async |world| {
        let table = Table::start(world, "changes-cors").await;
        table.check("subject", &rows::subject("subject", &json!({})), cors_rows()).await;
        table.check_rest("subject").await;
    });
}

#[test]
fn of_who_serves() {
    world::run(async |world| {
        let table = Table::start(world, "changes-host").await;
        for host in ["one", "other"] {
            let routes =
                json!({ "spec": { "routes": [{ "path": "/own", "method": "POST", "auth": { "type": "NONE" } }] } });
            world.apply(table.namespace, &rows::subject(host, &routes).to_string());
        }
        let guest = json!({ "spec": { "api": { "endpointRef": { "name": "one" } } } });
        table.check("subject", &rows::subject("subject", &guest), guest_rows()).await;
    });
}

#[test]
fn the_same_manifest_again_changes_nothing() {
    world::run(async |world| {
        let namespace = "changes-none";
        world.create_namespace(namespace);
        let operator = start(world, namespace, &["--drift-interval", "500ms"]).await;
        world.apply(namespace, ORDERS);
        let endpoint = world.until_live(namespace, "orders").await;
        let from = world.last_call().await;
        let said = world.apply(namespace, ORDERS);
        assert!(said.contains("unchanged"), "{said}");
        let again = world.endpoint(namespace, "orders").await.unwrap();
        check_same_status(&again, &endpoint, "applied again");
        world.check_rest(&operator, namespace, "orders", "applied again").await;
        world.patch(namespace, "orders", &touch()).await;
        world.check_rest(&operator, namespace, "orders", "touched").await;

        // Another way to write the same definition is another generation, and the same in AWS.
        let definition: Value =
            serde_saphyr::from_str(endpoint["spec"]["stateMachine"]["definition"].as_str().unwrap()).unwrap();
        let definition = serde_json::to_string_pretty(&definition).unwrap();
        world.patch(namespace, "orders", &json!({ "spec": { "stateMachine": { "definition": definition } } })).await;
        let rewritten = world.until_live(namespace, "orders").await;
        assert_ne!(rewritten["metadata"]["generation"], endpoint["metadata"]["generation"]);
        world.check_rest(&operator, namespace, "orders", "written in another way").await;
        // An operator that knows nothing of all this.
        operator.kill9();
        let operator = start(world, namespace, &["--drift-interval", "500ms"]).await;
        // It looks at executions at once, which was not due since the creation.
        let told = |endpoint: &Value| endpoint["status"]["executions"].is_object();
        world.until_endpoint(namespace, "orders", "executions are told", told).await;
        world.check_rest(&operator, namespace, "orders", "a new start").await;
        let calls = world.calls_after(from, &operator.access_key).await;
        assert_eq!(writes(&calls), [""; 0], "writes to AWS though nothing changed");
    });
}

#[test]
fn what_serves_is_never_down_while_it_changes() {
    world::run(async |world| {
        let namespace = "changes-live";
        world.create_namespace(namespace);
        let operator = start(world, namespace, &["--retry-min", "100ms"]).await;
        world.apply(namespace, ORDERS);
        let endpoint = world.until_live(namespace, "orders").await;
        let url = world.stage_url(&endpoint, "/orders");
        let (stop, mut stopped) = oneshot::channel();
        let callers = tokio::spawn(async move {
            // So often that a gap shows, and so seldom that others get on.
            let mut pace = tokio::time::interval(Duration::from_millis(50));
            let mut answers = Vec::new();
            while stopped.try_recv() == Err(TryRecvError::Empty) {
                pace.tick().await;
                answers.push(http::post(url.as_str(), "{}").try_send().await);
            }
            answers
        });
        let route = &endpoint["spec"]["routes"][0];
        let added = json!({ "path": "/orders/{id}", "method": "GET", "auth": { "type": "NONE" }, "action": "DescribeExecution", "execution": { "path": "id" } });
        let locked = super::merged(route, &json!({ "auth": { "type": "AWS_IAM" } }));
        for change in [
            json!({ "routes": [route, added] }),
            json!({ "routes": [route], "stateMachine": { "type": "EXPRESS" } }),
            json!({ "gatewayRole": { "arn": rows::EXISTING_ROLE } }),
            json!({ "stateMachine": { "type": "STANDARD", "logging": null } }),
            json!({ "routes": [locked], "gatewayRole": null }),
            json!({ "api": { "name": "renamed" } }),
        ] {
            world.patch(namespace, "orders", &json!({ "spec": change })).await;
            world.until_live(namespace, "orders").await;
        }
        operator.kill9();
        stop.send(()).unwrap();
        let answers = callers.await.unwrap();
        let failed: Vec<_> =
            answers.iter().filter(|answer| answer.as_ref().map(|answer| answer.status) != Ok(200)).collect();
        assert!(failed.is_empty() && answers.len() > 20, "{} of {} calls: {failed:?}", failed.len(), answers.len());
    });
}

/// A namespace with an operator, for the rows of one table.
struct Table {
    world: &'static World,
    namespace: &'static str,
    operator: Operator,
    /// The index of the last request of any API that was looked at.
    requests_seen: Cell<u64>,
}

impl Table {
    async fn start(world: &'static World, namespace: &'static str) -> Self {
        world.create_namespace(namespace);
        let operator = start(world, namespace, &["--retry-min", "100ms"]).await;
        Self { world, namespace, operator, requests_seen: Cell::new(0) }
    }

    /// Applies a manifest, then each row's patch, and checks that all of the row holds once the change is live.
    async fn check(&self, name: &str, manifest: &Value, rows: Vec<Row>) {
        self.world.apply(self.namespace, &manifest.to_string());
        self.world.until_live(self.namespace, name).await;
        for row in rows {
            let before = self.world.endpoint(self.namespace, name).await.unwrap();
            let patched = self.world.patch(self.namespace, name, &row.patch).await;
            let (was, is) = (&before["metadata"]["generation"], &patched["metadata"]["generation"]);
            assert_ne!(was, is, "{}: the row changes nothing: {}", row.field, row.patch);
            let live = self.world.until_live(self.namespace, name).await;
            for then in &row.then {
                self.holds(&row, name, &live, then).await;
            }
        }
    }

    /// Again: nothing. An operator that knows nothing of all these changes finds what the last one wants.
    async fn check_rest(self, name: &str) {
        self.operator.kill9();
        let operator = start(self.world, self.namespace, &["--drift-interval", "500ms"]).await;
        // It looks at executions at once, where they are wanted.
        let has_looked = |endpoint: &Value| {
            let executions = (&endpoint["spec"]["executions"]["keep"], &endpoint["status"]["executions"]);
            *executions.0 == 0 || executions.1.is_object()
        };
        self.world.until_endpoint(self.namespace, name, "executions are told", has_looked).await;
        self.world.check_rest(&operator, self.namespace, name, "after all rows").await;
    }

    async fn holds(&self, row: &Row, name: &str, live: &Value, then: &Then) {
        let what = format!("{}: {}", row.field, row.patch);
        match then {
            Then::Aws(pointer, value) => {
                let picture = picture::of(self.world, &owner(self.namespace, name)).await;
                let found = picture.pointer(pointer).unwrap_or(&Value::Null);
                assert_eq!(found, value, "{what}: {pointer} in AWS: {picture}");
            }
            Then::AwsHas(pointer, part) => {
                let picture = picture::of(self.world, &owner(self.namespace, name)).await;
                let found = picture.pointer(pointer).unwrap_or(&Value::Null).to_string();
                assert!(found.contains(part), "{what}: {part} is not in {pointer} in AWS: {found}");
            }
            Then::Status(pointer, value) => {
                let found = live["status"].pointer(pointer).unwrap_or(&Value::Null);
                assert_eq!(found, value, "{what}: {pointer} in the status: {}", live["status"]);
            }
            Then::Sends(ask, action, members) => {
                let (answer, sent) = self.sent(live, ask).await;
                assert_eq!(sent.0, *action, "{what}: {ask:?}: {answer:?}: {sent:?}");
                for (member, value) in members {
                    let found = sent.1[member.as_str()].as_str();
                    let holds = match value {
                        None => found.is_none(),
                        Some(value) => found.is_some_and(|found| found.ends_with(value)),
                    };
                    assert!(holds, "{what}: {ask:?}: {member} must be {value:?}: {sent:?}");
                }
            }
            Then::Answers(ask, status, body) => {
                let answer = self.ask(live, ask).await;
                assert_eq!(answer.status, *status, "{what}: {ask:?}: {answer:?}");
                if let Some(body) = body {
                    assert_eq!(answer.body.trim(), *body, "{what}: {ask:?}");
                }
            }
            Then::Tells => {
                let answer = self.ask(live, &Ask::post("{}")).await.json();
                until(&format!("{what}: the execution is told"), async || {
                    let endpoint = self.world.endpoint(self.namespace, name).await.unwrap();
                    let newest = &endpoint["status"]["executions"]["recent"][0]["arn"];
                    if *newest == answer["executionArn"] { Ok(()) } else { Err(told(&endpoint)) }
                })
                .await;
            }
            Then::SameApi(host) => {
                let host = self.world.endpoint(self.namespace, host).await.unwrap();
                assert_eq!(live["status"]["url"], host["status"]["url"], "{what}: who serves");
            }
            Then::Lacks(host, ask) => {
                let host = self.world.endpoint(self.namespace, host).await.unwrap();
                until(&format!("{what}: the former host no longer answers {ask:?}"), async || {
                    let answer = self.ask(&host, ask).await;
                    if answer.status == rows::NO_ROUTE { Ok(()) } else { Err(answer) }
                })
                .await;
            }
        }
    }

    async fn ask(&self, live: &Value, ask: &Ask) -> Answer {
        let url = self.world.stage_url(live, &format!("{}?q=of-query", ask.path));
        let request =
            http::request(ask.method, url).header("content-type", "application/json").header("x-h", "of-header");
        request.body(ask.body.clone()).send().await
    }

    /// The answer, and the action and members of the one call that left the gateway.
    async fn sent(&self, live: &Value, ask: &Ask) -> (Answer, (String, Value)) {
        let url = live["status"]["url"].as_str().unwrap().trim_start_matches("https://");
        let api_id = url.split('.').next().unwrap();
        self.requests(api_id).await;
        let answer = self.ask(live, ask).await;
        let sent = self.requests(api_id).await;
        let [sent] = sent.as_slice() else { panic!("{ask:?}: one call was expected: {sent:?}: {answer:?}") };
        let members: BTreeMap<String, Value> = serde_json::from_str(&sent.body).unwrap();
        (answer, (sent.action.clone().unwrap_or_default(), json!(members)))
    }
    /// What the gateway sent for one API since this was asked last.
    async fn requests(&self, api_id: &str) -> Vec<IntegrationRequest> {
        let mut requests = self.world.sandbox.requests_after(self.requests_seen.get()).await.unwrap();
        self.requests_seen.set(requests.last().map_or(self.requests_seen.get(), |request| request.index));
        requests.retain(|request| request.api_id == api_id);
        requests
    }
}
