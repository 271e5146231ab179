//! Deleting leaves nothing behind in AWS, whenever it comes, and takes things away in the right order.

use serde_json::Value;

use super::turnstile::{Nth, Passed, Release, Side, Turnstile};
use super::{ORDERS, objects_of_orders, start_through};
use crate::world::{self, World};

const NONE: [String; 0] = [];

#[test]
fn nothing_is_left_and_nothing_goes_before_what_relies_on_it() {
    world::run(async |world| {
        let namespace = "deletion-order";
        world.create_namespace(namespace);
        let turnstile = Turnstile::open(world.sandbox.aws_address()).await;
        let _operator = start_through(world, namespace, turnstile.endpoint(), &[]).await;
        world.apply(namespace, ORDERS);
        world.until_live(namespace, "orders").await;
        assert_eq!(world.inventory(namespace).await, objects_of_orders(namespace));

        let before = turnstile.calls().len();
        world.delete(namespace, "orders");
        world.until_gone(namespace, "orders").await;
        assert_eq!(world.inventory(namespace).await, NONE, "left in AWS");

        let calls = turnstile.calls().split_off(before);
        let all: Vec<&str> = calls.iter().filter(|call| call.is_write).map(|call| call.what.as_str()).collect();
        let at = |start: &str, end: &str| {
            let found = all.iter().position(|what| what.starts_with(start) && what.contains(end));
            found.unwrap_or_else(|| panic!("{start} {end} was not called: {all:#?}"))
        };
        let (stage, api) = (at("DELETE", "/stages/prod"), all.iter().position(|what| is_rest_api_deletion(what)));
        let api = api.unwrap_or_else(|| panic!("the REST API was not deleted: {all:#?}"));
        let (gateway, workflow) = (at("DeleteRole ", "-gateway-"), at("DeleteRole ", "-workflow-"));
        let (machine, group) = (at("DeleteStateMachine", "-standard-"), at("DeleteLogGroup", "-logs-"));
        for (first, then, what) in [
            (stage, api, "the stage before the REST API"),
            (api, gateway, "the REST API before the role that it assumes"),
            (api, machine, "the REST API before the state machine that it calls"),
            (machine, workflow, "the state machine before its role"),
            (machine, group, "the state machine before its log group"),
        ] {
            assert!(first < then, "{what}: {all:#?}");
        }
    });
}

/// `DELETE /restapis/ID`
fn is_rest_api_deletion(what: &str) -> bool {
    what.strip_prefix("DELETE /restapis/").is_some_and(|id| !id.contains('/'))
}

#[test]
fn nothing_is_left_of_what_is_deleted_while_it_is_made() {
    world::run(async |world| {
        let namespace = "deletion-early";
        world.create_namespace(namespace);
        let turnstile = Turnstile::open(world.sandbox.aws_address()).await;
        let flags = ["--retry-min", "100ms", "--create-settle", "1s"];
        let _operator = start_through(world, namespace, turnstile.endpoint(), &flags).await;

        // How many calls it takes when nobody interferes.
        world.apply(namespace, ORDERS);
        world.until_live(namespace, "orders").await;
        let writes: Vec<Passed> = turnstile.calls().into_iter().filter(|call| call.is_write).collect();
        delete(world, namespace, "at rest").await;
        let count = writes.len();
        assert!(count >= 12, "fewer calls than this test is about: {writes:#?}");

        for number in 1..=count {
            // Every other one has taken effect in AWS already.
            let side = if number % 2 == 0 { Side::After } else { Side::Before };
            let mut held = turnstile.hold(Nth::Write(number), side);
            world.apply(namespace, ORDERS);
            let what = format!("write {number} of {count} ({side:?} {})", held.reached().await);
            world.delete(namespace, "orders");
            held.release(Release::Pass);
            until_gone(world, namespace, &what).await;
        }
    });
}

async fn delete(world: &World, namespace: &str, what: &str) {
    world.delete(namespace, "orders");
    until_gone(world, namespace, what).await;
}

async fn until_gone(world: &World, namespace: &str, what: &str) {
    let gone = async || match world.endpoint(namespace, "orders").await {
        None => Ok(()),
        Some(object) => Err::<(), Value>(object["status"].clone()),
    };
    world::until(&format!("deleted during {what}: gone"), gone).await;
    assert_eq!(world.inventory(namespace).await, NONE, "left in AWS by a deletion during {what}");
}
