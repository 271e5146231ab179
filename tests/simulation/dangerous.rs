//! Moments that chance meets rarely, each by a life of its own.

use std::collections::BTreeMap;

use rstest::rstest;
use serde_json::{Value, json};

use crate::life::{Life, NAMES, Step, What};
use crate::network::{At, Fault};
use crate::shrink;
use crate::time::{Millis, SECOND};

fn spec(type_: &str) -> Value {
    json!({
        "stateMachine": { "type": type_, "definition": "StartAt: A\nStates: {A: {Type: Pass, End: true}}" },
        "executions": { "keep": 0 },
        "routes": [{ "path": "/orders", "method": "POST", "auth": { "type": "NONE" }, "action": "StartExecution" }],
    })
}

fn life(steps: Vec<(Millis, What)>, faults: &[(At, Fault)]) -> Life {
    Life {
        seed: 0,
        propagation: SECOND,
        deleting: SECOND,
        foreign: None,
        steps: steps.into_iter().map(|(after, what)| Step { after, what }).collect(),
        faults: BTreeMap::from_iter(faults.iter().copied()),
    }
}

fn check(life: &Life) {
    if crate::run::live(life, false).is_err() {
        panic!("{}", shrink::story(life));
    }
}

/// What was sent before an object was deleted may take effect when its finalizer would be gone: it would belong to nobody.
#[rstest]
fn a_create_that_comes_late_outlives_no_object(
    #[values("iam:CreateRole", "logs:CreateLogGroup", "states:CreateStateMachine", "apigateway:CreateRestApi")]
    operation: &'static str,
    #[values(0, 1, 2)] number: usize,
    #[values(Fault::Late, Fault::CrashAfter)] fault: Fault,
    #[values(100, 700, 1_500, 3_000)] after: Millis,
) {
    let steps = vec![(0, What::Apply(NAMES[0], spec("EXPRESS"))), (after, What::Delete(NAMES[0]))];
    check(&life(steps, &[(At::Of(operation, number), fault)]));
}

/// A write whose answer got lost may take effect after all was found as it should be: nothing is called ready before that.
#[rstest]
fn a_write_that_comes_late_undoes_nothing(
    #[values("iam:CreateRole", "iam:PutRolePolicy", "states:CreateStateMachine", "apigateway:PutIntegration")]
    operation: &'static str,
    #[values(0, 1, 2)] number: usize,
    #[values(500, 1_000, 1_500, 2_500)] after: Millis,
) {
    let steps = vec![(0, What::Apply(NAMES[0], spec("EXPRESS"))), (after, What::Apply(NAMES[0], spec("STANDARD")))];
    check(&life(steps, &[(At::Of(operation, number), Fault::Late)]));
}

/// A read that doesn't show yet what was just made must not be taken for its absence.
#[rstest]
fn what_was_just_made_is_not_taken_for_absent(
    #[values(
        "iam:GetRole",
        "logs:DescribeLogGroups",
        "states:DescribeStateMachine",
        "apigateway:GetRestApis",
        "apigateway:GetStages"
    )]
    operation: &'static str,
    #[values(0, 1, 2, 3, 4, 5)] number: usize,
    #[values(true, false)] deleted: bool,
    #[values(3_000, 9_000, 13_000)] after: Millis,
) {
    let then = if deleted { What::Delete(NAMES[0]) } else { What::Apply(NAMES[0], spec("STANDARD")) };
    let steps = vec![(0, What::Apply(NAMES[0], spec("EXPRESS"))), (after, then)];
    check(&life(steps, &[(At::Of(operation, number), Fault::Stale)]));
}
