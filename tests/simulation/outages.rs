//! Times in which calls fail, and faults that only matter together.

use fastrand::Rng;
use sfe::aws::Class;

use crate::life::{Life, NAMES, Step, What};
use crate::network::{At, Fault};
use crate::time::{MINUTE, SECOND};

const OPERATIONS: [&str; 8] = [
    "apigateway:CreateDeployment",
    "apigateway:CreateRestApi",
    "apigateway:PutIntegration",
    "apigateway:GetRestApis",
    "iam:CreateRole",
    "iam:GetRole",
    "states:CreateStateMachine",
    "states:DeleteStateMachine",
];

/// Calls of one operation, or all, fail for a while.
pub fn outage(rng: &mut Rng) -> What {
    let operation = OPERATIONS.get(rng.usize(..12)).copied();
    let class = [Class::Unclear, Class::Throttled, Class::AccessDenied, Class::Conflict][rng.usize(..4)];
    What::Outage { seconds: rng.i64(1..180), operation, class }
}

/// In some lives the answers to one operation, or to all, can't be read for so long that each endpoint that meets them is Stalled.
pub fn add_unreadable_answers(life: &mut Life, rng: &mut Rng) {
    if rng.u8(..16) == 0 {
        let operation = OPERATIONS.get(rng.usize(..12)).copied();
        let outage = What::Outage { seconds: 900, operation, class: Class::Unreadable };
        life.steps.push(Step { after: rng.i64(0..3 * SECOND), what: outage });
        life.steps.push(Step { after: 16 * MINUTE, what: What::Annotate(NAMES[0]) });
    }
}

/// In some lives the answer to a CreateRestApi can't be read, and the list that is read next doesn't show the API yet.
pub fn add_unseen_api(life: &mut Life, rng: &mut Rng) {
    if rng.u8(..8) == 0 {
        life.faults.insert(At::Of("apigateway:CreateRestApi", 0), Fault::Unreadable);
        life.faults.insert(At::Of("apigateway:GetRestApis", 1), Fault::Stale);
    }
}
