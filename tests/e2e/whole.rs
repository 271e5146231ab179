//! A route without `input`: the body is the input, to the last character, or the request is refused.

use serde_json::json;

use crate::hostile;
use crate::http::{Request, post};
use crate::serving::{Endpoint, Failures, Served, run};

const MANIFEST: &str = r#"
apiVersion: sfe.dev/v1alpha1
kind: StepFunctionEndpoint
metadata: {name: whole}
spec:
  stateMachine:
    definition: |
      StartAt: Done
      States:
        Done: {Type: Pass, End: true}
  routes:
  - {path: /, method: POST, auth: {type: NONE}}
"#;

/// What must come of a body.
#[derive(Clone, Copy)]
enum Expected {
    /// An execution starts with it.
    Started,
    /// It reaches Step Functions as it is, which refuses it.
    RefusedByStepFunctions,
    /// It doesn't leave the gateway.
    RefusedByGateway(u16),
}
use Expected::{RefusedByGateway, RefusedByStepFunctions, Started};

fn check(served: &Served, machine: &str, body: &str, expected: Expected) -> Result<(), String> {
    let status = served.answer.status;
    match expected {
        RefusedByGateway(refused) if (status, served.sent.len()) == (refused, 0) => return Ok(()),
        RefusedByGateway(refused) => return Err(format!("expected {refused} and nothing sent: {served:?}")),
        Started | RefusedByStepFunctions => {}
    }
    let input = served.input(machine)?;
    if input != body {
        return Err(format!("altered: {body:?} became {input:?}"));
    }
    match expected {
        Started if status == 200 && served.answer.json()["executionArn"].is_string() => Ok(()),
        RefusedByStepFunctions
            if status == 400 && served.answer.json() == json!({"error": "InvalidExecutionInput"}) =>
        {
            Ok(())
        }
        Started | RefusedByStepFunctions | RefusedByGateway(_) => Err(format!("wrong answer: {served:?}")),
    }
}

/// Documents whose text is not what comes of reading and writing them.
const TEXTS: [(&str, &str); 15] = [
    ("1.10", r#"{"price":1.10}"#),
    ("1e400", r#"{"n":1e400}"#),
    ("a number of 40 digits", r#"{"n":1234567890123456789012345678901234567890}"#),
    ("minus zero", r#"[-0, -0.0, 1E+2]"#),
    ("repeated keys", r#"{"a":1,"a":2,"a":1}"#),
    ("unsorted keys", r#"{"b":1,"a":2}"#),
    ("white space", " \n {\t\"a\" :\r\n [ 1 ,2 ] } \n"),
    ("escapes", r#"{"\u0061\/":"\ud83d\ude00\b\u2028\u007F"}"#),
    ("raw U+007F and U+2028", "{\"a\u{7f}\":\"\u{2028}\u{7f}\"}"),
    ("a string", r#""it's""#),
    ("a number", "1.0"),
    ("null", "null"),
    ("false", "false"),
    ("an array", "[]"),
    ("nesting", r#"{"a":{"b":[{"c":null},[[]]]}}"#),
];

/// What is no JSON: it is never read as something else.
const NO_JSON: [(&str, &str); 11] = [
    ("words", "token=x&y"),
    ("an apostrophe alone", "it's"),
    ("a quote alone", "\""),
    ("a backslash alone", "\\"),
    ("the end of the string", r#"","stateMachineArn":"x"#),
    ("an object and more", r#"{}, "admin": true"#),
    ("an object and a member", r#"{}","name":"x"#),
    ("single quotes", "{'a':1}"),
    ("an apostrophe escaped as JavaScript has it", r#"{"a":"it\'s"}"#),
    ("a raw control character", "{\"a\":\"\u{1}\"}"),
    ("a template", "$input.body #set($x = 1)"),
];

#[test]
fn a_body_arrives_as_it_is_or_not_at_all() {
    run(async |world| {
        let endpoint = Endpoint::apply(world, "whole", MANIFEST).await;
        let machine = endpoint.state_machine();
        let mut failures = Failures::default();
        let mut case = async |name: &str, request: Request, body: &str, expected: Expected| {
            let served = endpoint.call(request).await;
            failures.note(name, check(&served, machine, body, expected));
        };
        let to = |body: &str| post(endpoint.url("/"), body);
        for (name, text) in hostile::TEXTS {
            let body = json!({ "text": text, text: text.len() }).to_string();
            case(name, to(&body), &body, Started).await;
        }
        for (name, body) in TEXTS {
            case(name, to(body), body, Started).await;
        }
        let large = json!({ "text": "'\"\\é".repeat(30 * 1024) }).to_string();
        assert!(large.len() > 200 * 1024, "{}", large.len());
        case("200 KiB", to(&large), &large, Started).await;
        case("no body", to(""), "{}", Started).await;
        for (name, body) in NO_JSON {
            case(name, to(body), body, RefusedByStepFunctions).await;
        }
        let escaped = r#"{"a":"\ufffd"}"#;
        case("U+FFFD as an escape", to(escaped), escaped, Started).await;
        let body = r#"{"a":1}"#;
        for content_type in ["text/plain", "application/xml", "application/x-www-form-urlencoded", "text/json"] {
            let request = to(body).header("content-type", content_type);
            case(content_type, request, body, RefusedByGateway(415)).await;
        }
        case("no content type", to(body).without("content-type"), body, Started).await;
        for body in [b"{\"a\":\"\xff\"}".as_slice(), b"\xed\xa0\x80", "{\"a\":\"\u{fffd}\"}".as_bytes()] {
            let request = post(endpoint.url("/"), body);
            let served = endpoint.call(request).await;
            let refused =
                served.answer.status == 400 && served.sent.iter().all(|sent| sent.members == Some(Vec::new()));
            let why = format!("expected 400 and no input sent: {served:?}");
            failures.note("not UTF-8, or what stands for it", if refused { Ok(()) } else { Err(why) });
        }
        failures.end();
    });
}
