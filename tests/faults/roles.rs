//! A new role can't be assumed for some seconds, in the words of one that never can: only time tells them apart.

use std::time::Duration;

use serde_json::{Value, json};

use crate::fixtures::{ORDERS, is_live, objects_of_orders, start_through, writes};
use crate::is_soak;
use crate::microburst::{Microburst, error};
use crate::world::{World, condition, told, until_within};

const DEADLINE: Duration = Duration::from_secs(480);

/// What Step Functions says of a role that it can't assume.
fn not_assumable() -> Value {
    let message = "Neither the global service principal states.amazonaws.com, nor the regional one is authorized to \
                   assume the provided role.";
    json!([error("stepfunctions", "CreateStateMachine", "AccessDeniedException", 400, message)])
}

/// All that is made before the state machine.
fn without_state_machine(namespace: &str) -> Vec<String> {
    objects_of_orders(namespace)
        .into_iter()
        .filter(|object| object.starts_with("role ") || object.starts_with("log group "))
        .collect()
}

/// For 60 s; here for as many refusals as it gets in five of them. It goes on by itself, and nobody is called.
pub async fn one_that_can_not_be_assumed_for_a_while(world: &'static World) {
    let namespace = "faults-role-late";
    world.create_namespace(namespace);
    let proxy = Microburst::start(world).await;
    proxy.rules(&not_assumable()).await;
    let from = world.last_call().await;
    // As many tries as in 60 s with the operator's own settings: after 1, 2, 4, 8, 16 and 32 s.
    let pace = if is_soak() { ["1s", "1m"] } else { ["100ms", "6s"] };
    let flags = ["--retry-min", pace[0], "--retry-max", pace[1], "--drift-interval", "1h"];
    let operator = start_through(world, namespace, proxy.endpoint(), &flags).await;
    world.apply(namespace, ORDERS);
    until_within(DEADLINE, "six refusals", async || {
        check_not_stalled(world, namespace).await;
        let fired = proxy.fired().await;
        if fired >= 6 { Ok(()) } else { Err(fired) }
    })
    .await;
    let waiting = world.endpoint(namespace, "orders").await.unwrap();
    let message = condition(&waiting, "Reconciling")["message"].as_str().unwrap_or_default();
    assert!(message.contains("assume the provided role"), "it says what it waits for: {}", told(&waiting));
    let objects = world.inventory(namespace).await;
    assert!(without_state_machine(namespace).iter().all(|object| objects.contains(object)), "{objects:?}");
    assert!(!objects.iter().any(|object| object.starts_with("stage ")), "it serves what can't run: {objects:?}");

    proxy.no_rules().await;
    until_within(DEADLINE, "Live", async || {
        check_not_stalled(world, namespace).await;
        let endpoint = world.endpoint(namespace, "orders").await.unwrap();
        if is_live(&endpoint) { Ok(()) } else { Err(told(&endpoint)) }
    })
    .await;
    assert_eq!(world.inventory(namespace).await, objects_of_orders(namespace));
    // The role was left alone meanwhile, and nothing of it was made again.
    let calls = world.calls_after(from, &operator.access_key).await;
    let made = writes(&calls);
    let count = |operation: &str| made.iter().filter(|made| **made == operation).count();
    assert_eq!((count("CreateRole"), count("DeleteRole"), count("CreateStateMachine")), (2, 0, 1), "{made:?}");
}

async fn check_not_stalled(world: &World, namespace: &str) {
    if let Some(endpoint) = world.endpoint(namespace, "orders").await {
        assert!(condition(&endpoint, "Stalled").is_null(), "nobody can help: {}", told(&endpoint));
    }
}

/// Stalled once the time is over that a new role is given, by default 5 minutes, saying why and what to do. Once a person
/// has done that, it goes on.
pub async fn one_that_never_can(world: &'static World) {
    let namespace = "faults-role-never";
    world.create_namespace(namespace);
    let proxy = Microburst::start(world).await;
    proxy.rules(&not_assumable()).await;
    let pace = if is_soak() { ["5m", "1m"] } else { ["3s", "500ms"] };
    let flags =
        ["--role-grace", pace[0], "--retry-max", pace[1], "--stalled-interval", "500ms", "--retry-min", "100ms"];
    let _operator = start_through(world, namespace, proxy.endpoint(), &flags).await;
    let applied = jiff::Timestamp::now();
    world.apply(namespace, ORDERS);
    let stalled = until_within(DEADLINE, "Stalled", async || {
        let endpoint = world.endpoint(namespace, "orders").await.unwrap();
        if condition(&endpoint, "Stalled")["status"] == "True" { Ok(endpoint) } else { Err(told(&endpoint)) }
    })
    .await;
    let message = condition(&stalled, "Stalled")["message"].as_str().unwrap();
    for part in ["states:CreateStateMachine failed", "assume the provided role", "hint: ", "stateMachine.role"] {
        assert!(message.contains(part), "{part} is not in: {message}");
    }
    assert_eq!(condition(&stalled, "Ready")["status"], "False");
    // Not before the role's time was over, by the API server's clock of whole seconds; within a minute of it.
    let since: jiff::Timestamp =
        condition(&stalled, "Stalled")["lastTransitionTime"].as_str().unwrap().parse().unwrap();
    let grace: jiff::SignedDuration = pace[0].parse().unwrap();
    let after = since.duration_since(applied);
    assert!(after > grace - jiff::SignedDuration::from_secs(1), "Stalled too soon, after {after}");
    assert!(after < grace + jiff::SignedDuration::from_mins(1), "Stalled too late, after {after}");
    let objects = world.inventory(namespace).await;
    assert!(!objects.iter().any(|object| object.starts_with("stage ")), "it serves what can't run: {objects:?}");

    proxy.no_rules().await;
    world.until_live(namespace, "orders").await;
    assert_eq!(world.inventory(namespace).await, objects_of_orders(namespace));
}
