//! Nothing of what callers send, workflows hold or the operator signs with is told by the operator, however much it logs.

use std::fs;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::http::{self, post};
use crate::operator::Operator;
use crate::serving::{Failures, cut};
use crate::world::{World, condition, run, until};

const NAMESPACE: &str = "secretive";

/// What must be nowhere, each by where it comes from. Written so that no escaping changes them.
const MARKERS: [(&str, &str); 9] = [
    ("a body", "markedbody7391"),
    ("a header", "markedheader7391"),
    ("a query", "markedquery7391"),
    ("a path", "markedpath7391"),
    ("a workflow's output", "markedoutput7391"),
    ("a workflow's error", "markederror7391"),
    ("an API key's value", "markedapikeyofcallers7391"),
    ("the secret key", "markedsecretkey7391"),
    ("the session token", "markedsessiontoken7391"),
];

const MANIFEST: &str = r#"
apiVersion: sfe.dev/v1alpha1
kind: StepFunctionEndpoint
metadata: {name: polled}
spec:
  stateMachine:
    definition: |
      StartAt: Choose
      States:
        Choose: {Type: Choice, Choices: [{Variable: $.fail, BooleanEquals: true, Next: Failed}], Default: Done}
        Failed: {Type: Fail, Error: Wrong, CausePath: $.cause}
        Done: {Type: Pass, Parameters: {"made.$": "States.Format('markedoutput{}', $.number)"}, End: true}
  executions: {interval: 1s}
  routes:
  - {path: /, method: POST, auth: {type: NONE}}
  - path: /all/{id}
    method: POST
    auth: {type: NONE}
    input: {fields: {id: {path: id}, q: {query: q}, h: {header: X-Value}, b: {body: $.b}, fail: {body: $.fail}, cause: {body: $.cause}}}
---
apiVersion: sfe.dev/v1alpha1
kind: StepFunctionEndpoint
metadata: {name: logged}
spec:
  apiKeys: [{name: one, valueFrom: {secretKeyRef: {name: of-callers, key: apiKey}}}]
  stateMachine:
    type: EXPRESS
    logging: {level: ALL, includeExecutionData: true}
    definition: |
      StartAt: Done
      States:
        Done: {Type: Pass, End: true}
  executions: {interval: 1s}
  routes:
  - {path: /, method: POST, auth: {type: NONE}, apiKeyRequired: true}
---
apiVersion: v1
kind: Secret
metadata: {name: of-callers}
stringData: {apiKey: markedapikeyofcallers7391}
"#;

fn marker(of: &str) -> &'static str {
    MARKERS.iter().find(|(name, _)| *name == of).map_or_else(|| panic!("no marker: {of}"), |(_, marker)| marker)
}

/// Our crates at the level of single values, all others at that of their decisions.
async fn start(world: &World) -> Operator {
    Operator::launch(world, NAMESPACE, |command, address| {
        command.args(["run", "--namespace", NAMESPACE, "--log-format", "json", "--listen", address]);
        command.args(["--log", "debug,sfe=trace,sfe_core=trace"]);
        command.env("AWS_SECRET_ACCESS_KEY", marker("the secret key"));
        command.env("AWS_SESSION_TOKEN", marker("the session token"));
    })
    .await
}

/// Sends each marker to where callers' values go, and waits until the operator has seen the executions that come of it.
async fn call(world: &World) {
    let (polled, logged) = (world.until_ready(NAMESPACE, "polled").await, world.until_ready(NAMESPACE, "logged").await);
    let [body, header, query, path] = ["a body", "a header", "a query", "a path"].map(marker);
    let key = marker("an API key's value");
    let encoded = utf8_percent_encode(path, NON_ALPHANUMERIC);
    let typed = |body: Value| {
        let url = world.stage_url(&polled, &format!("/all/{encoded}?q={query}"));
        post(url, body.to_string()).header("x-value", header).header("authorization", header)
    };
    let whole = json!({ "number": "7391", "text": body, "fail": false });
    for (request, status) in [
        (post(world.stage_url(&polled, "/"), whole.to_string()), 200),
        (typed(json!({ "b": body, "fail": true, "cause": marker("a workflow's error") })), 200),
        (typed(json!({ "b": body })), 400),
        (post(world.stage_url(&logged, "/"), whole.to_string()).header("x-api-key", key), 200),
        (post(world.stage_url(&logged, "/"), format!("{{{body}")).header("x-api-key", key), 400),
    ] {
        let answer = request.send().await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
    for (name, executions) in [("polled", 2), ("logged", 1)] {
        let ended = |object: &Value| {
            let recent = object["status"]["executions"]["recent"]
                .as_array()
                .map_or(0, |recent| recent.iter().filter(|execution| execution["stopDate"].is_string()).count());
            recent == executions
        };
        world.until_endpoint(NAMESPACE, name, "its executions are told", ended).await;
    }
}

#[test]
fn what_callers_send_and_what_the_operator_signs_with_is_told_nowhere() {
    run(async |world| {
        world.create_namespace(NAMESPACE);
        let operator = start(world).await;
        world.apply(NAMESPACE, MANIFEST);
        call(world).await;
        let seen = world.endpoint(NAMESPACE, "polled").await.unwrap();
        assert_eq!(condition(&seen, "Ready")["status"], "True");
        let page = async |path: &str| {
            let url = format!("http://{}{path}", operator.address);
            until(path, async || http::get(url.as_str()).try_send().await).await.body
        };
        let process = format!("/proc/{}", operator.pid());
        let told = [
            ("the log", operator.log()),
            ("/metrics", page("/metrics").await),
            ("/healthz", page("/healthz").await),
            ("/readyz", page("/readyz").await),
            (
                "the objects",
                world.kubectl(["get", "sfe", "--namespace", NAMESPACE, "--output", "json", "--show-managed-fields"]),
            ),
            ("the Events", world.kubectl(["get", "events", "--namespace", NAMESPACE, "--output", "json"])),
            (
                "argv",
                fs::read(format!("{process}/cmdline")).map(|argv| String::from_utf8_lossy(&argv).into_owned()).unwrap(),
            ),
        ];
        // That what is searched is what it should be: each tells of the operator's work.
        for ((what, text), sign) in
            told.iter().zip(["AWS call", "sfe_aws_calls", "", "", "\"recent\"", "UpToDate", "sfe=trace"])
        {
            assert!(text.contains(sign), "{what} doesn't tell of {sign:?}: {text}");
        }
        let environment = fs::read(format!("{process}/environ")).unwrap();
        assert!(
            String::from_utf8_lossy(&environment).contains(marker("the secret key")),
            "the operator had other credentials"
        );
        let mut failures = Failures::default();
        for (what, text) in &told {
            for (of, marker) in MARKERS {
                let found = text.lines().find(|line| line.contains(marker));
                failures.note(what, found.map_or(Ok(()), |line| Err(format!("{of} is in it: {}", cut(line)))));
            }
        }
        failures.end();
    });
}
