//! Whole objects deleted by hand are made again and told. What is edited by hand is shown by the end-to-end tests.

use std::pin::Pin;

use serde_json::{Value, json};
use sfe_core::api::StateMachineType;
use sfe_core::kinds::role::INLINE_POLICY;

use crate::fixtures::{
    ORDERS, differences, is_live, objects_of_orders, owner, start, start_through, state_machine_arn,
};
use crate::http;
use crate::picture;
use crate::turnstile::Turnstile;
use crate::world::{World, condition, told, until};

const FLAGS: [&str; 4] = ["--drift-interval", "500ms", "--create-settle", "1s"];

/// One deletion, and what the status then says of it: the object, its field, and what was found.
struct Deletion<'a> {
    what: &'static str,
    delete: Pin<Box<dyn Future<Output = ()> + 'a>>,
    object: String,
    field: &'static str,
    found: &'static str,
}

/// The API, the state machine, the log group, both roles, and a policy edited.
pub async fn what_is_deleted_by_hand_is_made_again(world: &'static World) {
    let namespace = "faults-hands";
    world.create_namespace(namespace);
    let operator = start(world, namespace, &FLAGS).await;
    world.apply(namespace, ORDERS);
    let endpoint = world.until_live(namespace, "orders").await;
    let owner = owner(namespace, "orders");
    let as_declared = picture::of(world, &owner).await;
    let (gateway_role, workflow_role) = (owner.gateway_role_name(), owner.workflow_role_name());
    let (machine, group) = (state_machine_arn(&owner, StateMachineType::Standard), owner.log_group_name());
    let id = endpoint["status"]["api"]["restApiId"].as_str().unwrap().to_owned();
    let deletions = [
        Deletion {
            what: "the state machine",
            delete: Box::pin(async {
                world.sfn.delete_state_machine().state_machine_arn(&machine).send().await.unwrap();
            }),
            object: format!("state machine {}", machine.rsplit(':').next().unwrap()),
            field: "",
            found: "needs states:CreateStateMachine",
        },
        Deletion {
            what: "the log group",
            delete: Box::pin(async {
                world.logs.delete_log_group().log_group_name(&group).send().await.unwrap();
            }),
            object: format!("log group {group}"),
            field: "",
            found: "needs logs:CreateLogGroup",
        },
        Deletion {
            what: "the gateway role",
            delete: Box::pin(delete_role(world, &gateway_role)),
            object: format!("role {gateway_role}"),
            field: "",
            found: "needs iam:CreateRole",
        },
        Deletion {
            what: "the workflow role",
            delete: Box::pin(delete_role(world, &workflow_role)),
            object: format!("role {workflow_role}"),
            field: "",
            found: "needs iam:CreateRole",
        },
        Deletion {
            what: "a statement of the gateway role's policy",
            delete: Box::pin(async {
                let none =
                    r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}"#;
                let put = world.iam.put_role_policy().role_name(&gateway_role).policy_name(INLINE_POLICY);
                put.policy_document(none).send().await.unwrap();
            }),
            object: format!("role {gateway_role}"),
            field: "policyDocument",
            found: "Deny",
        },
        Deletion {
            what: "the API",
            delete: Box::pin(async {
                world.apigateway.delete_rest_api().rest_api_id(&id).send().await.unwrap();
            }),
            object: "REST API".to_owned(),
            field: "",
            found: "needs ",
        },
    ];
    for deletion in deletions {
        let what = deletion.what;
        operator.signal("-STOP"); // what takes two calls to delete is not repaired between them
        deletion.delete.await;
        operator.signal("-CONT");
        let is_told = |drift: &&Value| {
            drift["object"] == deletion.object.as_str()
                && drift["field"] == deletion.field
                && drift["found"].as_str().is_some_and(|found| found.contains(deletion.found))
        };
        let (endpoint, drift) = until(&format!("{what}: made again, and told"), async || {
            let endpoint = world.endpoint(namespace, "orders").await.unwrap();
            let drift = endpoint["status"]["drift"].as_array().and_then(|drift| drift.iter().find(is_told)).cloned();
            match drift.filter(|_| is_live(&endpoint)) {
                Some(drift) => Ok((endpoint, drift)),
                None => Err(format!("{}; {}", endpoint["status"]["drift"], told(&endpoint))),
            }
        })
        .await;
        assert!(drift["expected"] != "" && drift["at"].as_str().is_some_and(|at| at.contains('T')), "{what}: {drift}");
        let found = picture::of(world, &owner).await;
        assert_eq!(differences(&found, &as_declared), [""; 0], "{what}: told, but not made again");
        assert_eq!(world.inventory(namespace).await, objects_of_orders(namespace), "{what}");
        let answer = http::post(world.stage_url(&endpoint, "/orders"), "{}").send().await;
        assert_eq!(answer.status, 200, "{what}: {answer:?}");
    }
    let now = world.endpoint(namespace, "orders").await.unwrap();
    assert_ne!(now["status"]["url"], endpoint["status"]["url"], "another API has another URL");
    world.check_rest(&operator, namespace, "orders", "after all of it").await;
}

async fn delete_role(world: &World, name: &str) {
    let iam = &world.iam;
    iam.delete_role_policy().role_name(name).policy_name(INLINE_POLICY).send().await.unwrap();
    iam.delete_role().role_name(name).send().await.unwrap();
}

/// A look fails just then: what was changed meanwhile is told by the next one all the same.
pub async fn what_a_failed_look_missed_is_told(world: &'static World) {
    let namespace = "faults-missed";
    world.create_namespace(namespace);
    let turnstile = Turnstile::open(world.sandbox.aws_address()).await;
    let flags = [&FLAGS[..], &["--retry-min", "100ms", "--retry-max", "500ms"]].concat();
    let _operator = start_through(world, namespace, turnstile.endpoint(), &flags).await;
    world.apply(namespace, ORDERS);
    let endpoint = world.until_live(namespace, "orders").await;
    let id = endpoint["status"]["api"]["restApiId"].as_str().unwrap();
    let look = format!("GET /restapis/{id}/stages");
    turnstile.answer(move |call| {
        let gone = json!({ "__type": "NotFoundException", "message": "Invalid Rest API Id specified" });
        (call.what == look).then_some((404, gone))
    });
    let failed = |endpoint: &Value| {
        let message = condition(endpoint, "Reconciling")["message"].as_str();
        message.is_some_and(|message| message.contains("apigateway:GetStages failed"))
    };
    world.until_endpoint(namespace, "orders", "a look has failed", failed).await;
    world.apigateway.delete_stage().rest_api_id(id).stage_name("prod").send().await.unwrap();
    turnstile.answer_none();
    world
        .until_endpoint(namespace, "orders", "the stage stands again, and its loss is told", |endpoint| {
            let drift = &endpoint["status"]["drift"][0];
            is_live(endpoint) && drift["object"] == "stage prod" && drift["found"] == "needs apigateway:CreateStage"
        })
        .await;
    assert_eq!(world.inventory(namespace).await, objects_of_orders(namespace));
}
