//! What becomes of an endpoint from its first apply to its deletion, whatever happens to it, to the operator or to AWS.
//!
//! Each story has a namespace and an operator of its own, with short intervals by the operator's own flags.

mod changes;
mod crashes;
mod deletion;
mod drift;
mod executions;
mod fixtures;
mod guests;
mod letting_go;
mod mistakes;
mod outages;
mod picture;
#[allow(dead_code, reason = "what the fault tests alone use")]
pub mod turnstile;

pub use fixtures::{
    ORDERS, api_ids, check_same_status, differences, is_live, merged, objects_of_orders, owner, start, start_through,
    state_machine_arn, touch, writes,
};
