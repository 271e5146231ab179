//! Faults against the real thing: our binary with its SDK, a real API server, a local AWS, and something that breaks
//! between them. README.md has the table of what is done in each row, and what is asserted.
//!
//! - Each row has its own proxy, namespace and operator, and runs beside others: they wait for AWS, not for the processor,
//!   so that more of them run at once than there are processors.
//! - What is asserted is what is left in AWS and in the object. Nothing is asserted of a moment that a slow machine may
//!   not have reached, or have left.
//! - Waits are shortened by the operator's own flags. With `SFE_TEST_SOAK` set they are as long as on a bad day.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "clippy.toml allows it in tests, but not in what tests call"
)]

mod creating;
mod credentials;
mod crowds;
mod deleting;
mod denied;
mod hands;
mod microburst;
mod roles;
mod weather;
mod writing;

// The end-to-end tests' own, of which not everything is used here.
#[allow(dead_code, reason = "what the end-to-end tests alone use")]
#[path = "../e2e/lifecycle/fixtures.rs"]
mod fixtures;
#[path = "../e2e/guarded.rs"]
mod guarded;
#[allow(dead_code, reason = "what the end-to-end tests alone use")]
#[path = "../e2e/http.rs"]
mod http;
#[path = "../e2e/inventory.rs"]
mod inventory;
#[allow(dead_code, reason = "what the end-to-end tests alone use")]
#[path = "../e2e/operator.rs"]
mod operator;
#[path = "../e2e/lifecycle/picture.rs"]
mod picture;
#[allow(dead_code, reason = "what the end-to-end tests alone use")]
#[path = "../e2e/lifecycle/turnstile.rs"]
mod turnstile;
#[allow(dead_code, reason = "what the end-to-end tests alone use")]
#[path = "../e2e/world.rs"]
mod world;

use std::env;

use libtest_mimic::{Arguments, Trial};

const ROWS_AT_ONCE: usize = 8;

/// Each row as a test of its module's and its own name. The longest first, as the others fit beside them.
macro_rules! rows {
    ($($module:ident::$row:ident),* $(,)?) => {
        vec![$(Trial::test(concat!(stringify!($module), "::", stringify!($row)), || {
            world::run($module::$row);
            Ok(())
        })),*]
    };
}

fn main() {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(ROWS_AT_ONCE);
    let rows = rows![
        weather::half_of_all_calls_are_throttled,
        weather::each_call_takes_five_seconds,
        weather::a_fifth_of_all_connections_is_reset,
        crowds::a_hundred_are_deleted_at_once,
        denied::one_read_is_denied,
        creating::an_answer_is_lost_halfway,
        credentials::they_expire_and_are_renewed,
        hands::what_is_deleted_by_hand_is_made_again,
        hands::what_a_failed_look_missed_is_told,
        crowds::ten_on_one_api_change_at_once,
        deleting::recreated_while_the_old_state_machine_is_deleting,
        denied::one_write_is_denied,
        creating::a_crash_after_create_rest_api,
        creating::a_crash_between_create_deployment_and_the_stage,
        writing::a_conflict_on_the_status_after_a_create,
        roles::one_that_can_not_be_assumed_for_a_while,
        roles::one_that_never_can,
    ];
    libtest_mimic::run(&arguments, rows).exit();
}

/// Whether faults last as long as on a bad day, rather than as short as shows them.
fn is_soak() -> bool {
    env::var_os("SFE_TEST_SOAK").is_some()
}
