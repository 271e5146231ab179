//! What someone changes by hand in AWS is put back, and the status says what it was.

use std::pin::Pin;

use aws_sdk_apigateway::types::{IntegrationType, Op, PatchOperation};
use serde_json::Value;
use sfe_core::api::StateMachineType;
use sfe_core::kinds::role::INLINE_POLICY;

use super::{ORDERS, api_ids, differences, is_live, owner, picture, start, state_machine_arn, writes};
use crate::http;
use crate::world::{self, told, until};

const NAMESPACE: &str = "drift";
const FLAGS: [&str; 2] = ["--drift-interval", "500ms"];
const READ_ONLY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";

/// One change by hand, and what the status then says of it.
struct Edit<'a> {
    what: &'static str,
    edit: Pin<Box<dyn Future<Output = ()> + 'a>>,
    object: String,
    field: &'static str,
    /// Parts of `expected` and of `found`.
    expected: &'a str,
    found: &'a str,
}

#[test]
fn what_is_changed_by_hand_is_put_back_and_told() {
    world::run(async |world| {
        world.create_namespace(NAMESPACE);
        let operator = start(world, NAMESPACE, &FLAGS).await;
        world.apply(NAMESPACE, ORDERS);
        let endpoint = world.until_live(NAMESPACE, "orders").await;
        let (owner, url) = (owner(NAMESPACE, "orders"), world.stage_url(&endpoint, "/orders"));
        let id = picture::api_id(world, &owner).await.unwrap();
        let (gateway_role, workflow_role) = (owner.gateway_role_name(), owner.workflow_role_name());
        let (machine, group) = (state_machine_arn(&owner, StateMachineType::Standard), owner.log_group_name());
        let (gateway, iam) = (&world.apigateway, &world.iam);
        let resources = gateway.get_resources().rest_api_id(&id).send().await.unwrap();
        let resource = |path: &str| {
            let found = resources.items().iter().find(|resource| resource.path() == Some(path));
            found.and_then(|resource| resource.id()).unwrap().to_owned()
        };
        let (root, orders) = (resource("/"), resource("/orders"));
        let as_declared = picture::of(world, &owner).await;
        let deployment = endpoint["status"]["api"]["deploymentId"].as_str().unwrap();

        // Nobody else's route is ours to remove. It stays through all that follows. While it is made there is a moment in
        // which it is nothing but an empty resource, which the operator doesn't see here.
        operator.kill9();
        let manual = gateway.create_resource().rest_api_id(&id).parent_id(&root).path_part("manual").send().await;
        let manual = manual.unwrap().id.unwrap();
        let method = gateway.put_method().rest_api_id(&id).resource_id(&manual).http_method("GET");
        method.authorization_type("NONE").send().await.unwrap();
        let integration = gateway.put_integration().rest_api_id(&id).resource_id(&manual).http_method("GET");
        integration.r#type(IntegrationType::Mock).send().await.unwrap();
        let with_manual = picture::of(world, &owner).await;
        let added = differences(&with_manual, &as_declared);
        assert!(added.len() == 1 && added[0].starts_with("/api/methods/GET /manual: "), "{added:?}");
        let operator = start(world, NAMESPACE, &FLAGS).await;
        // It looks at executions at once, which was not due since the creation.
        let has_looked = |endpoint: &Value| endpoint["status"]["executions"].is_object();
        world.until_endpoint(NAMESPACE, "orders", "executions are told", has_looked).await;
        world.check_rest(&operator, NAMESPACE, "orders", "a route made by hand").await;

        let replace =
            |path: &str, value: &str| PatchOperation::builder().op(Op::Replace).path(path).value(value).build();
        let role = |name: &str| format!("role {name}");
        let edits = [
            Edit {
                what: "the stage moved to another deployment",
                edit: Box::pin(async {
                    let other =
                        gateway.create_deployment().rest_api_id(&id).description("by hand").send().await.unwrap();
                    let other = replace("/deploymentId", other.id().unwrap());
                    let edit = gateway.update_stage().rest_api_id(&id).stage_name("prod");
                    edit.patch_operations(other).send().await.unwrap();
                }),
                object: "stage prod".to_owned(),
                field: "deploymentId",
                expected: deployment,
                found: "",
            },
            Edit {
                what: "the integration's credentials",
                edit: Box::pin(async {
                    let edit = gateway.update_integration().rest_api_id(&id).resource_id(&orders).http_method("POST");
                    let other = replace("/credentials", "arn:aws:iam::000000000000:role/other");
                    edit.patch_operations(other).send().await.unwrap();
                }),
                object: "method POST /orders".to_owned(),
                field: "credentials",
                expected: &gateway_role,
                found: "arn:aws:iam::000000000000:role/other",
            },
            Edit {
                what: "the stage deleted",
                edit: Box::pin(async {
                    gateway.delete_stage().rest_api_id(&id).stage_name("prod").send().await.unwrap();
                }),
                object: "stage prod".to_owned(),
                field: "",
                expected: "as declared",
                found: "needs apigateway:CreateStage",
            },
            Edit {
                what: "the workflow role's inline policy deleted",
                edit: Box::pin(async {
                    let delete = iam.delete_role_policy().role_name(&workflow_role).policy_name(INLINE_POLICY);
                    delete.send().await.unwrap();
                }),
                object: role(&workflow_role),
                field: "policyDocument",
                expected: "Statement",
                found: "none",
            },
            Edit {
                what: "a managed policy attached to the gateway role",
                edit: Box::pin(async {
                    iam.attach_role_policy().role_name(&gateway_role).policy_arn(READ_ONLY).send().await.unwrap();
                }),
                object: role(&gateway_role),
                field: "",
                expected: "as declared",
                found: "needs iam:DetachRolePolicy",
            },
            Edit {
                what: "the trust policy widened",
                edit: Box::pin(async {
                    let anyone = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}"#;
                    let edit = iam.update_assume_role_policy().role_name(&gateway_role).policy_document(anyone);
                    edit.send().await.unwrap();
                }),
                object: role(&gateway_role),
                field: "assumeRolePolicyDocument",
                expected: "apigateway.amazonaws.com",
                found: "AWS",
            },
            Edit {
                what: "the definition edited",
                edit: Box::pin(async {
                    let edit = world.sfn.update_state_machine().state_machine_arn(&machine);
                    let edit = edit.definition(r#"{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}"#);
                    edit.send().await.unwrap();
                }),
                object: format!("state machine {}", machine.rsplit(':').next().unwrap()),
                field: "definition",
                expected: "Check",
                found: "Succeed",
            },
            Edit {
                what: "the log kept for ever",
                edit: Box::pin(async {
                    world.logs.delete_retention_policy().log_group_name(&group).send().await.unwrap();
                }),
                object: format!("log group {group}"),
                field: "retentionInDays",
                expected: "14",
                found: "none",
            },
            Edit {
                what: "the API renamed",
                edit: Box::pin(async {
                    let edit = gateway.update_rest_api().rest_api_id(&id);
                    edit.patch_operations(replace("/name", "by hand")).send().await.unwrap();
                }),
                object: format!("REST API {id}"),
                field: "name",
                expected: "drift-orders",
                found: "by hand",
            },
            Edit {
                what: "a route of ours deleted",
                edit: Box::pin(async {
                    let delete = gateway.delete_method().rest_api_id(&id).resource_id(&orders).http_method("POST");
                    delete.send().await.unwrap();
                }),
                object: "method POST /orders".to_owned(),
                field: "",
                expected: "as declared",
                found: "needs apigateway:PutMethod",
            },
        ];
        for edit in edits {
            let what = edit.what;
            edit.edit.await;
            let told = async || {
                let endpoint = world.endpoint(NAMESPACE, "orders").await.unwrap();
                let found = drift(&endpoint, &edit.object, edit.field).filter(|_| is_live(&endpoint)).cloned();
                found.ok_or_else(|| format!("{}; {}", endpoint["status"]["drift"], told(&endpoint)))
            };
            let drift = until(&format!("{what}: told of {} {:?}", edit.object, edit.field), told).await;
            let has = |member: &str, part: &str| drift[member].as_str().is_some_and(|text| text.contains(part));
            let is_told = has("expected", edit.expected) && has("found", edit.found) && has("at", "T");
            assert!(is_told, "{what}: expected {}, found {}: {drift}", edit.expected, edit.found);
            let found = picture::of(world, &owner).await;
            assert_eq!(differences(&found, &with_manual), [""; 0], "{what}: told, but not put back");
            let answer = http::post(url.as_str(), "{}").send().await;
            assert_eq!(answer.status, 200, "{what}: {answer:?}");
        }
        world.check_rest(&operator, NAMESPACE, "orders", "after all repairs").await;
        let manual = "/api/methods/GET ~1manual";
        let now = picture::of(world, &owner).await;
        assert_eq!(now.pointer(manual), with_manual.pointer(manual), "the route made by hand is gone");
    });
}

#[test]
fn what_is_lost_or_there_twice_is_found_again() {
    world::run(async |world| {
        let namespace = "lost";
        world.create_namespace(namespace);
        let operator = start(world, namespace, &FLAGS).await;
        world.apply(namespace, ORDERS);
        let endpoint = world.until_live(namespace, "orders").await;
        let owner = owner(namespace, "orders");
        let before = picture::of(world, &owner).await;

        // A second API that bears our tags, and is older in no way: the one that serves is kept.
        let create = world.apigateway.create_rest_api().name("twin");
        let twin = create.set_tags(Some(owner.tags().into_iter().collect())).send().await.unwrap();
        until("the twin is removed", async || {
            let found = world.rest_apis(namespace).await;
            if found.iter().any(|(id, _)| Some(id.as_str()) == twin.id()) { Err(found) } else { Ok(()) }
        })
        .await;
        assert_eq!(differences(&picture::of(world, &owner).await, &before), [""; 0], "what serves is kept");
        world.check_rest(&operator, namespace, "orders", "after the twin").await;

        // The status is lost: with the operator running, and while it is away.
        let from = world.last_call().await;
        let lose = || {
            let patch = ["patch", "sfe", "orders", "--namespace", namespace, "--subresource=status", "--type=json"];
            let remove = r#"[{"op": "remove", "path": "/status"}]"#;
            world.kubectl(patch.into_iter().chain(["--patch", remove]));
        };
        lose();
        let found = world.until_live(namespace, "orders").await;
        assert_eq!(api_ids(&found), api_ids(&endpoint), "a lost status");
        operator.kill9();
        lose();
        let operator = start(world, namespace, &FLAGS).await;
        let found = world.until_live(namespace, "orders").await;
        assert_eq!(api_ids(&found), api_ids(&endpoint), "a lost status and a new start");
        let calls = world.calls_after(from, &operator.access_key).await;
        assert_eq!(writes(&calls), [""; 0], "written to AWS because the status was lost");
        assert_eq!(differences(&picture::of(world, &owner).await, &before), [""; 0], "after a lost status");

        // Deleting finds everything by name and tags, too.
        lose();
        world.delete(namespace, "orders");
        world.until_gone(namespace, "orders").await;
        assert_eq!(world.inventory(namespace).await, [""; 0]);
    });
}

/// What the status says of one field of one object.
fn drift<'a>(endpoint: &'a Value, object: &str, field: &str) -> Option<&'a Value> {
    let mut drift = endpoint["status"]["drift"].as_array()?.iter();
    drift.find(|drift| drift["object"] == object && drift["field"] == field)
}
