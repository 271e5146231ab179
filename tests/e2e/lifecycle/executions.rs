//! The ARN of an execution is in the status soon after the call that started it.

use std::time::{Duration, Instant};

use aws_sdk_sfn::types::{LogLevel, LoggingConfiguration, StateMachineType};
use serde_json::{Value, json};

use super::{check_same_status, start, touch, writes};
use crate::http;
use crate::operator::Operator;
use crate::world::{self, World, until};

/// `executions.interval` of all manifests here.
const INTERVAL: Duration = Duration::from_secs(2);
/// What a look itself and our own polling may take on a machine that does much else.
const SLACK: Duration = Duration::from_millis(1500);
const KEEP: usize = 3;

const OURS: &str = r"
apiVersion: sfe.dev/v1alpha1
kind: StepFunctionEndpoint
metadata: {name: ours}
spec:
  stateMachine:
    type: TYPE
    definition: |
      StartAt: Check
      States:
        Check:
          Type: Choice
          Choices: [{Variable: $.fail, IsPresent: true, Next: Refuse}]
          Default: Accept
        Refuse: {Type: Fail, Error: Refused, Cause: the request asked for it}
        Accept: {Type: Pass, End: true}
  executions: {keep: 3, interval: 2s}
  routes:
  - {path: /, method: POST, auth: {type: NONE}, action: StartExecution}
";

#[test]
fn a_standard_execution_is_told_within_the_interval() {
    check("executions-standard", "STANDARD", "ListExecutions", "ListExecutions");
}

#[test]
fn an_express_execution_is_told_within_the_interval() {
    check("executions-express", "EXPRESS", "Logs", "FilterLogEvents");
}

/// From the first execution to more than are kept; `look` is the operation by which they are found.
fn check(namespace: &str, type_: &str, tracking: &str, look: &str) {
    world::run(async |world| {
        let name = "ours";
        world.create_namespace(namespace);
        let operator = start(world, namespace, &[]).await;
        world.apply(namespace, &OURS.replace("TYPE", type_));
        let endpoint = world.until_live(namespace, name).await;
        let url = world.stage_url(&endpoint, "/");

        let called = Instant::now();
        let first = started(&url, "{}").await;
        let told = until_told(world, namespace, name, std::slice::from_ref(&first)).await;
        let after = called.elapsed();
        assert!(after <= INTERVAL + SLACK, "{name}: told {after:?} after the call, not within {INTERVAL:?} or so");
        assert_eq!((&told["tracking"], &told["reason"]), (&json!(tracking), &Value::Null), "{name}");

        // More than are kept, and all of them at about the same time.
        let mut newest_first = vec![first];
        for body in ["{}", r#"{"fail": true}"#, "{}", r#"{"fail": true}"#] {
            newest_first.insert(0, started(&url, body).await);
        }
        newest_first.truncate(KEEP);
        let told = until_told(world, namespace, name, &newest_first).await;
        let statuses: Vec<&Value> = recent(&told).iter().map(|execution| &execution["status"]).collect();
        assert_eq!(statuses, ["FAILED", "SUCCEEDED", "FAILED"], "{name}: {told}");
        for execution in recent(&told) {
            let (start, stop) = (execution["startDate"].as_str(), execution["stopDate"].as_str());
            assert!(
                start.is_some() && start <= stop,
                "{name}: start and end of an execution that has ended: {execution}"
            );
        }

        // Again: nothing. It looks, and what it sees is what it has told; a new start looks further back, and sees the same.
        check_no_write(world, &operator, look, "the same operator").await;
        operator.kill9();
        let operator = start(world, namespace, &[]).await;
        check_no_write(world, &operator, look, "another one").await;
    });
}

/// Three looks at executions, and nothing is written.
async fn check_no_write(world: &World, operator: &Operator, look: &str, who: &str) {
    let namespace = operator.access_key.trim_start_matches("operator-");
    let before = world.endpoint(namespace, "ours").await.unwrap();
    let from = world.last_call().await;
    let looks = async || {
        let calls = world.calls_after(from, &operator.access_key).await;
        let looks = calls.iter().filter(|call| call.operation == look).count();
        // What a look wrote is there when the next one begins.
        if looks >= 3 { Ok(calls) } else { Err(looks) }
    };
    let calls = until(&format!("{namespace}: {who}: three looks at executions"), looks).await;
    assert_eq!(writes(&calls), [""; 0], "{namespace}: {who}");
    let after = world.endpoint(namespace, "ours").await.unwrap();
    check_same_status(&after, &before, &format!("{namespace}: {who}"));
}

const EXISTING: &str = r"
apiVersion: sfe.dev/v1alpha1
kind: StepFunctionEndpoint
metadata: {name: NAME}
spec:
  stateMachine: {arn: ARN}
  executions: {interval: 1s}
  routes:
  - {path: /, method: POST, auth: {type: NONE}, action: StartExecution}
";

const UNLOGGED: &str = r"
apiVersion: sfe.dev/v1alpha1
kind: StepFunctionEndpoint
metadata: {name: unlogged}
spec:
  stateMachine:
    type: EXPRESS
    definition: '{StartAt: A, States: {A: {Type: Pass, End: true}}}'
    logging: {level: ERROR}
  executions: {interval: 1s}
  routes:
  - {path: /, method: POST, auth: {type: NONE}, action: StartExecution}
";

#[test]
fn what_is_not_tracked_says_why() {
    world::run(async |world| {
        let namespace = "executions-elsewhere";
        world.create_namespace(namespace);
        let _operator = start(world, namespace, &[]).await;
        for (name, type_) in [("standard", StateMachineType::Standard), ("express", StateMachineType::Express)] {
            let arn = existing(world, &format!("executions-{name}"), type_).await;
            world.apply(namespace, &EXISTING.replace("NAME", name).replace("ARN", &arn));
        }
        world.apply(namespace, UNLOGGED);

        let url = world.stage_url(&world.until_live(namespace, "standard").await, "/");
        let execution = started(&url, "{}").await;
        let told = until_told(world, namespace, "standard", &[execution]).await;
        assert_eq!(told["tracking"], "ListExecutions", "an existing STANDARD state machine: {told}");

        for (name, why) in
            [("express", "an existing state machine's log is not read"), ("unlogged", "`stateMachine.logging.level`")]
        {
            let told = world.until_endpoint(namespace, name, "NotTracked", |endpoint| {
                endpoint["status"]["executions"]["tracking"] == "NotTracked"
            });
            let told = told.await["status"]["executions"].clone();
            assert!(told["reason"].as_str().is_some_and(|reason| reason.contains(why)), "{name}: {told}");
            assert_eq!(told["recent"], Value::Null, "{name}: an empty list would say that none ran: {told}");
        }
        // Of an execution that can't be known nothing is told, and nothing is written.
        let endpoint = world.endpoint(namespace, "express").await.unwrap();
        started(&world.stage_url(&endpoint, "/"), "{}").await;
        let before = world.patch(namespace, "express", &touch()).await;
        let execution = started(&url, "{}").await;
        world
            .until_endpoint(namespace, "standard", "the next look at the other one", |endpoint| {
                recent(&endpoint["status"]["executions"])
                    .first()
                    .is_some_and(|newest| newest["arn"] == execution.as_str())
            })
            .await;
        let after = world.endpoint(namespace, "express").await.unwrap();
        check_same_status(&after, &before, "not tracked");
    });
}

/// A state machine that is nobody's.
async fn existing(world: &World, name: &str, type_: StateMachineType) -> String {
    let create = world.sfn.create_state_machine().name(name).r#type(type_);
    let create = create.definition(r#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}"#);
    let create = create.role_arn("arn:aws:iam::000000000000:role/nobodys");
    let create = create.logging_configuration(LoggingConfiguration::builder().level(LogLevel::Off).build());
    create.send().await.unwrap().state_machine_arn().to_owned()
}

/// Starts an execution and answers its ARN.
async fn started(url: &str, body: &str) -> String {
    let answer = http::post(url, body).send().await;
    let arn = answer.json()["executionArn"].as_str().map(str::to_owned);
    arn.unwrap_or_else(|| panic!("no execution was started: {answer:?}"))
}

fn recent(executions: &Value) -> &[Value] {
    executions["recent"].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Waits until the status tells of exactly these executions, in this order and ended, and answers `status.executions`.
async fn until_told(world: &World, namespace: &str, name: &str, arns: &[String]) -> Value {
    until(&format!("{namespace}/{name}: tells of {arns:?}"), async || {
        let endpoint = world.endpoint(namespace, name).await.ok_or(Value::Null)?;
        let executions = endpoint["status"]["executions"].clone();
        let told: Vec<_> = recent(&executions).iter().filter_map(|execution| execution["arn"].as_str()).collect();
        let ended = recent(&executions).iter().all(|execution| execution["stopDate"].is_string());
        if told == arns && ended { Ok(executions) } else { Err(executions) }
    })
    .await
}
