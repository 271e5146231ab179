//! DeleteStateMachine is asynchronous in AWS, which it isn't in LocalStack: the name stays taken until it is over.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use sfe_core::api::StateMachineType;

use crate::fixtures::{ORDERS, objects_of_orders, owner, start_through, state_machine_arn};
use crate::http;
use crate::turnstile::{Passed, Turnstile};
use crate::world::{World, condition, until};

/// What AWS answers of a state machine that is being deleted.
struct Deleting {
    arn: String,
    /// DescribeStateMachine's answer, once a deletion was asked for.
    told: Mutex<Option<Value>>,
    /// What it says until then.
    active: Value,
}

impl Deleting {
    fn answer(&self, call: &Passed) -> Option<(u16, Value)> {
        let (operation, object) = call.what.split_once(' ')?;
        let name = self.arn.rsplit(':').next()?;
        let mut told = self.told.lock().unwrap();
        let refused = |message: &str| Some((400, json!({ "__type": "StateMachineDeleting", "message": message })));
        match (operation, &*told) {
            ("DeleteStateMachine", _) if object == self.arn => {
                let mut deleting = self.active.clone();
                deleting["status"] = json!("DELETING");
                *told = Some(deleting);
                Some((200, json!({})))
            }
            ("DescribeStateMachine", Some(deleting)) if object == self.arn => Some((200, deleting.clone())),
            ("CreateStateMachine", Some(_)) if object == name => refused("State machine is being deleted"),
            ("UpdateStateMachine", Some(_)) if object == self.arn => refused("State machine is being deleted"),
            _ => None,
        }
    }
}

/// Deleted, it waits for that, and says so. Without its finalizer it is gone and recreated meanwhile: it waits again, makes
/// nothing twice, and has its state machine in the end.
pub async fn recreated_while_the_old_state_machine_is_deleting(world: &'static World) {
    let namespace = "faults-deleting";
    world.create_namespace(namespace);
    let turnstile = Turnstile::open(world.sandbox.aws_address()).await;
    let flags = ["--retry-min", "100ms", "--retry-max", "500ms", "--create-settle", "1s"];
    let _operator = start_through(world, namespace, turnstile.endpoint(), &flags).await;
    world.apply(namespace, ORDERS);
    world.until_live(namespace, "orders").await;
    let arn = state_machine_arn(&owner(namespace, "orders"), StateMachineType::Standard);
    let machine = world.sfn.describe_state_machine().state_machine_arn(&arn).send().await.unwrap();
    let active = json!({
        "stateMachineArn": arn, "name": machine.name(), "status": "ACTIVE", "type": "STANDARD",
        "definition": machine.definition(), "roleArn": machine.role_arn(), "creationDate": machine.creation_date().secs(),
    });
    let deleting = Arc::new(Deleting { arn: arn.clone(), told: Mutex::default(), active });
    let aws = Arc::clone(&deleting);
    turnstile.answer(move |call| aws.answer(call));

    world.delete(namespace, "orders");
    let says = |endpoint: &Value| {
        condition(endpoint, "Stalled").is_null()
            && condition(endpoint, "Reconciling")["message"]
                .as_str()
                .is_some_and(|message| message.contains("AWS is still deleting it"))
    };
    world.until_endpoint(namespace, "orders", "waits for the deletion", says).await;
    let left = world.inventory(namespace).await;
    assert!(left.iter().any(|object| object.starts_with("role ") && object.ends_with("-workflow")), "{left:?}");
    assert!(!left.iter().any(|object| object.starts_with("stage ")), "it doesn't serve any more: {left:?}");

    // Someone who doesn't want to wait takes the finalizer away, and applies the manifest again.
    let patch = r#"[{"op": "remove", "path": "/metadata/finalizers"}]"#;
    world.kubectl(["patch", "sfe", "orders", "--namespace", namespace, "--type=json", "--patch", patch]);
    world.until_gone(namespace, "orders").await;
    let before = turnstile.calls().len();
    world.apply(namespace, ORDERS);
    world.until_endpoint(namespace, "orders", "waits for the deletion of its forerunner's", says).await;
    // It looks again and again, and goes on waiting.
    until("three more looks", async || {
        let calls = turnstile.calls().split_off(before);
        let looks = calls.iter().filter(|call| call.what == format!("DescribeStateMachine {arn}")).count();
        if looks >= 4 { Ok(()) } else { Err(looks) }
    })
    .await;
    let calls = turnstile.calls().split_off(before);
    let machine: Vec<&str> = calls
        .iter()
        .filter(|call| call.is_write && call.what.contains("StateMachine "))
        .map(|call| call.what.as_str())
        .collect();
    assert_eq!(machine, [""; 0], "the old state machine was written to");
    let waiting = world.endpoint(namespace, "orders").await.unwrap();
    assert!(says(&waiting), "{}", crate::world::told(&waiting));

    // AWS has deleted it.
    world.sfn.delete_state_machine().state_machine_arn(&arn).send().await.unwrap();
    turnstile.answer_none();
    let endpoint = world.until_live(namespace, "orders").await;
    assert_eq!(world.inventory(namespace).await, objects_of_orders(namespace));
    let answer = http::post(world.stage_url(&endpoint, "/orders"), "{}").send().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    world.delete(namespace, "orders");
    world.until_gone(namespace, "orders").await;
    assert_eq!(world.inventory(namespace).await, [""; 0]);
}
