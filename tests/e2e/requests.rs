//! What a request becomes: content types, the envelope, names of executions, validation and the choice of a state machine.

use std::collections::BTreeMap;

use aws_sdk_apigateway::types::{Op, PatchOperation};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use sfe_sandbox::{Params, Rendering};

use crate::hostile;
use crate::http::{Request, get, post, request};
use crate::serving::{Endpoint, Failures, NAMESPACE, Served, run};
use crate::world::{World, until};

const FORM: &str = "application/x-www-form-urlencoded";

/// The input of the one execution of this state machine, or of none if it is refused with this status.
fn check(served: &Served, machine: &str, expected: Result<Value, u16>) -> Result<(), String> {
    match expected {
        Ok(expected) => {
            let input = served.input(machine)?;
            let found: Value = serde_json::from_str(input).map_err(|error| format!("{error}: {input:?}"))?;
            match served.answer.status {
                200 if found == expected => Ok(()),
                _ => Err(format!("expected 200 with the input {expected}: {served:?}")),
            }
        }
        Err(status) if served.answer.status == status => Ok(()),
        Err(status) => Err(format!("expected {status}: {served:?}")),
    }
}

async fn check_all(endpoint: &Endpoint, cases: Vec<(&str, Request, Result<Value, u16>)>) {
    let mut failures = Failures::default();
    for (name, request, expected) in cases {
        let served = endpoint.call(request).await;
        failures.note(name, check(&served, endpoint.state_machine(), expected));
    }
    failures.end();
}

/// As RFC 4648 has it.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let encode = |chunk: &[u8]| {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        let digit = |at: usize| char::from(DIGITS[(bits >> (18 - 6 * at)) as usize & 63]);
        (0..4).map(|at| if at <= chunk.len() { digit(at) } else { '=' }).collect::<String>()
    };
    bytes.chunks(3).map(encode).collect()
}

#[test]
fn a_body_of_another_type_arrives_as_it_was_sent() {
    run(async |world| {
        let endpoint = Endpoint::apply(world, "incoming", include_str!("../../examples/content-types.yaml")).await;
        let (slack, form) = (endpoint.url("/slack"), endpoint.url("/form"));
        let typed = |url: &str, type_: &str, body: &[u8]| post(url, body).header("content-type", type_);
        let signed = |body: &[u8]| {
            typed(&slack, FORM, body).header("x-slack-signature", "v0=a2").header("X-Slack-Request-Timestamp", "153")
        };
        let raw = |body: &str| {
            Ok(json!({ "signature": "v0=a2", "timestamp": "153", "body": body, "base64": base64(body.as_bytes()) }))
        };
        let text = |value: &str| Ok(json!({ "text": value }));
        let order =
            |token: &str| typed(&form, "application/vnd.order+json", json!({ "token": token }).to_string().as_bytes());
        let parts = "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\né'\r\n--x--\r\n";
        let mut cases = vec![
            ("signed", signed(b"token=a%20b&text=it's+%22x%22"), raw("token=a%20b&text=it's+%22x%22")),
            ("as good as none", signed(b"{}"), Err(400)),
            ("no body", signed(b""), Err(400)),
            ("not UTF-8", signed(b"a=\xff"), Err(400)),
            ("no signature", typed(&slack, FORM, b"a=b"), Err(400)),
            ("JSON where it is not said", typed(&slack, "application/json", b"{}"), Err(415)),
            ("no type is JSON", signed(b"a=b").without("content-type"), Err(415)),
            ("a field", typed(&form, FORM, b"x=1&text=a+%26%3d%C3%A9&token"), text("a &=é")),
            ("two fields", typed(&form, FORM, b"channel_name=c&text=t"), Ok(json!({ "text": "t", "channel": "c" }))),
            ("an encoded name", typed(&form, FORM, b"te%78t=t"), text("t")),
            ("a field without a value", typed(&form, FORM, b"text"), text("")),
            ("a field twice", typed(&form, FORM, b"text=a&text=b"), Err(400)),
            ("no such field", typed(&form, FORM, b"Text=a&=text"), Err(400)),
            ("no percent-encoding", typed(&form, FORM, b"text=%zz"), Err(400)),
            ("a field that is not UTF-8", typed(&form, FORM, b"text=%ff"), Err(400)),
            ("no form", typed(&form, FORM, b""), Err(400)),
            (
                "XML",
                typed(&form, "text/xml", "<a b=\"'\">é\n</a>".as_bytes()),
                Ok(json!({ "xml": "<a b=\"'\">é\n</a>" })),
            ),
            (
                "parts",
                typed(&form, "multipart/form-data", parts.as_bytes()),
                Ok(json!({ "parts": base64(parts.as_bytes()), "type": "multipart/form-data" })),
            ),
            ("base64", order("aXQncyDDqQ=="), Ok(json!({ "token": "it's é" }))),
            ("nothing in base64", order(""), Ok(json!({ "token": "" }))),
            ("no base64", order("aXQncy"), Err(400)),
            ("base64 of bytes", order("/w=="), Err(400)),
            ("no such member", typed(&form, "application/vnd.order+json", b"{}"), Err(400)),
            ("another type", typed(&form, "text/plain", b"x"), Err(415)),
        ];
        for (name, text) in hostile::TEXTS {
            let encoded = utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
            let body = if text.is_empty() { "x" } else { text };
            cases.push((name, signed(body.as_bytes()), raw(body)));
            let meant = Ok(json!({ "text": text }));
            cases.push((name, typed(&form, FORM, format!("a=b&text={encoded}").as_bytes()), meant));
        }
        check_all(&endpoint, cases).await;

        // A JSON body as one member, beside the request's id.
        for (body, status) in [
            (r#"{"a":[1,"it's"],"b":null}"#, 200),
            (r#""x""#, 200),
            ("[]", 200),
            ("false", 200),
            ("x=1", 400),
            ("1e400", 400),
            ("[1e400]", 400),
            ("{", 400),
        ] {
            let served = endpoint.call(post(&form, body)).await;
            assert_eq!(served.answer.status, status, "{body}: {served:?}");
            if status == 200 {
                let input: Value = serde_json::from_str(served.input(endpoint.state_machine()).unwrap()).unwrap();
                assert_eq!(input["payload"], serde_json::from_str::<Value>(body).unwrap(), "{served:?}");
                assert!(input["id"].as_str().is_some_and(|id| !id.is_empty()), "{served:?}");
            }
        }
    });
}

#[test]
fn bytes_arrive_as_they_were_sent() {
    run(async |world| {
        let endpoint = Endpoint::apply(world, "uploads", include_str!("../../examples/binary-bodies.yaml")).await;
        let (image, form) = (endpoint.url("/images/a.png"), endpoint.url("/forms"));
        let typed = |method: &str, url: &str, type_: &str, body: &[u8]| {
            request(method, url).header("content-type", type_).body(body.to_vec())
        };
        let png = |body: &[u8]| typed("PUT", &image, "image/png", body);
        let kept = |body: &[u8]| Ok(json!({ "name": "a.png", "image": base64(body) }));
        let every_byte: Vec<u8> = (0..=255).collect();
        let boundary = "multipart/form-data"; // LocalStack finds no template for a type with parameters
        let parts = b"--x\r\nContent-Disposition: form-data; name=\"a\"; filename=\"a.png\"\r\n\r\n\x89PNG\xff\x00\r\n--x--\r\n";
        let cases = vec![
            ("every byte", png(&every_byte), kept(&every_byte)),
            ("one byte", png(b"\xff"), kept(b"\xff")),
            ("two bytes", png(b"\xc3\x28"), kept(b"\xc3\x28")),
            ("a BOM", png(b"\xef\xbb\xbf"), kept(b"\xef\xbb\xbf")),
            ("what base64 looks like", png(b"e30="), kept(b"e30=")),
            ("no empty body, though it reads so", png(b"{}"), kept(b"{}")),
            ("no body", png(b""), Err(400)),
            ("an answer where bytes are accepted", png(b"x").header("accept", "image/png"), kept(b"x")),
            ("text", typed("PUT", &image, "text/plain", b"it's"), Ok(json!({ "text": "it's" }))),
            ("no text", typed("PUT", &image, "text/plain", b"\xff"), Err(400)),
            ("another type", typed("PUT", &image, "image/webp", b"x"), Err(415)),
            ("parts", typed("POST", &form, boundary, parts), Ok(json!({ "type": boundary, "parts": base64(parts) }))),
            ("JSON beside", post(&form, r#"{"a":"it's"}"#), Ok(json!({ "json": { "a": "it's" } }))),
            ("no JSON", post(&form, "x"), Err(400)),
        ];
        check_all(&endpoint, cases).await;
        let served = endpoint.call(png(b"x").header("accept", "image/png")).await;
        let answer: Value = serde_json::from_str(&served.answer.body).unwrap();
        assert_eq!(answer, kept(b"x").unwrap(), "JSON is answered as it is: {served:?}");

        // Someone lets API Gateway take all of it for text.
        let patch = |op: Op, path: &str| PatchOperation::builder().op(op).path(path).build();
        let update = world.apigateway.update_rest_api().rest_api_id(&endpoint.api_id);
        let update = update.patch_operations(patch(Op::Remove, "/binaryMediaTypes/image~1png"));
        update.patch_operations(patch(Op::Add, "/binaryMediaTypes/text~1plain")).send().await.unwrap();
        let look = json!({ "metadata": { "annotations": { "sfe.dev/requestedAt": "now" } } });
        world.patch(NAMESPACE, "uploads", &look).await;
        until("drift is repaired", async || {
            let api = world.apigateway.get_rest_api().rest_api_id(&endpoint.api_id).send().await.unwrap();
            let mut found = api.binary_media_types().to_vec();
            found.sort();
            if found == ["image/png", "multipart/form-data"] { Ok(()) } else { Err(found) }
        })
        .await;
    });
}

#[test]
fn the_request_is_one_object() {
    run(async |world| {
        let endpoint = Endpoint::apply(world, "envelope", include_str!("../../examples/request-envelope.yaml")).await;
        let url = endpoint.url("/orders/7%2Fa?q=it%27s&%22x%22=%24input");
        let put = request("PUT", &url).header("content-type", "application/json").header("cookie", "secret");
        let served = endpoint.call(put.header("x-tenant", "\"t\"").body(r#"{"a": "it's"}"#)).await;
        let input: Value = serde_json::from_str(served.input(endpoint.state_machine()).unwrap()).unwrap();
        let known = &input["requestContext"];
        assert_eq!(input["body"], json!({ "a": "it's" }), "{served:?}");
        assert_eq!(input["path"], json!({ "id": "7/a" }), "{served:?}");
        assert_eq!(input["querystring"], json!({ "q": "it's", "\"x\"": "$input" }), "{served:?}");
        assert_eq!(input["header"], json!({ "X-Tenant": "\"t\"" }), "{served:?}");
        assert_eq!(
            (&known["httpMethod"], &known["resourcePath"], &known["stage"], &known["sourceIp"]),
            (&json!("PUT"), &json!("/orders/{id}"), &json!("prod"), &json!("127.0.0.1")),
            "{served:?}"
        );
        let served = endpoint.call(get(endpoint.url("/orders/7"))).await;
        let input: Value = serde_json::from_str(served.input(endpoint.state_machine()).unwrap()).unwrap();
        assert_eq!(
            (&input["querystring"], input.get("body"), &input["header"]),
            (&json!({}), None, &json!({})),
            "{served:?}"
        );
        for wrong in [
            post(endpoint.url("/orders/7?q=%EF%BF%BD"), "{}"),
            post(endpoint.url("/orders/7"), "x=1"),
            post(endpoint.url("/orders/%ff"), "{}"),
        ] {
            let served = endpoint.call(wrong).await;
            assert_eq!(served.answer.status, 400, "{}: {served:?}", served.what);
        }

        // LocalStack has no authorizers and no claims: the template that AWS has is rendered with some.
        let served = endpoint.call(get(endpoint.url("/mine/a/b"))).await;
        assert_eq!(served.answer.status, 400, "{served:?}");
        let method = endpoint.method("GET", "/mine/{rest+}").await;
        let templates = method.method_integration().and_then(|found| found.request_templates()).unwrap();
        let render = async |context: Value, kind: Option<&str>| {
            let rendering = Rendering {
                template: &templates["application/json"],
                params: Params { path: BTreeMap::from([("rest".to_owned(), "a/b".to_owned())]), ..Params::default() },
                context,
                stage_variables: kind.iter().map(|kind| ("kind".to_owned(), (*kind).to_owned())).collect(),
                ..Rendering::default()
            };
            let rendered = world.sandbox.render(&rendering).await.unwrap();
            let call: Value = serde_json::from_str(&rendered.text).unwrap();
            call["input"].as_str().map(|input| serde_json::from_str::<Value>(input).unwrap())
        };
        let claims = json!({ "authorizer": { "claims": { "sub": "it's \"me\"" } } });
        let user = json!({ "user": "it's \"me\"", "rest": "a/b" });
        assert_eq!(render(claims.clone(), None).await, Some(user));
        let user = json!({ "user": "it's \"me\"", "rest": "a/b", "kind": "x=y" });
        assert_eq!(render(claims, Some("x=y")).await, Some(user));
        assert_eq!(render(json!({ "authorizer": { "claims": {} } }), Some("x")).await, None);
    });
}

#[test]
fn a_repeat_starts_nothing_new() {
    run(async |world| {
        let endpoint = Endpoint::apply(world, "named", include_str!("../../examples/execution-name.yaml")).await;
        let job = |key: &str, body: &str| post(endpoint.url("/jobs"), body).header("idempotency-key", key);
        let first = endpoint.call(job("order-1", r#"{"a":1}"#).lower_case()).await;
        assert_eq!(first.answer.status, 200, "{first:?}");
        let again = endpoint.call(job("order-1", r#"{"a":1}"#)).await;
        let started = |served: &Served| served.answer.json()["executionArn"].clone();
        assert_eq!((again.answer.status, started(&again)), (200, started(&first)), "{again:?}");
        assert!(started(&first).as_str().is_some_and(|arn| arn.ends_with(":order-1")), "{first:?}");

        let other = endpoint.call(job("order-1", r#"{"a":2}"#)).await;
        let conflict = json!({ "error": "ExecutionAlreadyExists", "name": "order-1" });
        assert_eq!((other.answer.status, other.answer.json()), (409, conflict), "{other:?}");
        let status = endpoint.call(get(endpoint.url("/jobs/order-1"))).await;
        assert_eq!((status.answer.status, &status.answer.json()["name"]), (200, &json!("order-1")), "{status:?}");
        for wrong in ["a b", "a/b", "*", "#if", "$x", "a:b", &"x".repeat(81), "\"", "a,b"] {
            let refused = endpoint.call(job(wrong, "{}")).await;
            let told = refused.answer.json();
            assert_eq!((refused.answer.status, &told["error"]), (400, &json!("InvalidName")), "{wrong}: {refused:?}");
            assert!(told["message"].as_str().is_some_and(|why| why.contains("1 to 80 characters")), "{refused:?}");
        }
        let longest = endpoint.call(job(&"x".repeat(80), "{}")).await;
        assert_eq!(longest.answer.status, 200, "{longest:?}");
        let unnamed = endpoint.call(post(endpoint.url("/jobs"), "{}")).await;
        assert_eq!(unnamed.answer.status, 400, "{unnamed:?}");
        for name in ["order-1", &"x".repeat(80)] {
            let stopped = endpoint.call(request("DELETE", endpoint.url(&format!("/jobs/{name}")))).await;
            assert_eq!(stopped.answer.status, 200, "{stopped:?}");
        }
    });
}

#[test]
fn what_is_wrong_starts_nothing() {
    run(async |world| {
        let endpoint = Endpoint::apply(world, "validated", include_str!("../../examples/validation.yaml")).await;
        let url = endpoint.url("/orders?shop=one");
        let right = r#"{"id":"a-1","items":[{"count":2}]}"#;
        let order = |body: &str| post(&url, body).header("x-tenant", "t");
        let items = |body: &str| post(endpoint.url("/items"), body);
        let meant = || Ok(serde_json::from_str(right).unwrap());
        let cases = vec![
            ("right", order(right), meant()),
            ("a header as HTTP/2 sends it", order(right).lower_case(), meant()),
            ("no header", post(&url, right), Err(400)),
            ("no parameter", post(endpoint.url("/orders"), right).header("x-tenant", "t"), Err(400)),
            ("no item", order(r#"{"id":"a-1","items":[]}"#), Err(400)),
            ("a wrong item", order(r#"{"id":"a-1","items":[{"count":0}]}"#), Err(400)),
            ("a wrong id", order(r#"{"id":"A","items":[{"count":2}]}"#), Err(400)),
            ("more members", order(r#"{"id":"a-1","items":[{"count":2}],"x":1}"#), Err(400)),
            ("no JSON", order("x"), Err(400)),
            ("nothing", order(""), Err(400)),
            ("both", items(r#"{"count":1,"x":2}"#), Ok(json!({ "count": 1 }))),
            ("by the schema", items(r#"{"count":"1"}"#), Err(400)),
            ("by what is read", items(r#"{"x":2}"#), Err(400)),
        ];
        check_all(&endpoint, cases).await;
    });
}

#[test]
fn the_request_chooses_a_state_machine() {
    run(async |world| {
        for name in ["machines-orders", "machines-refunds"] {
            create(world, name).await;
        }
        let endpoint = Endpoint::apply(world, "machines", include_str!("../../examples/several-machines.yaml")).await;
        let arn = |name: &str| format!("arn:aws:states:eu-central-1:000000000000:stateMachine:machines-{name}");
        for kind in ["orders", "refunds"] {
            let served = endpoint.call(post(endpoint.url(&format!("/start/{kind}")), r#"{"a":"it's"}"#)).await;
            assert_eq!((served.answer.status, served.input(&arn(kind))), (200, Ok(r#"{"a":"it's"}"#)), "{served:?}");
        }
        for kind in ["Orders", "orders%20", "x", &utf8_percent_encode(&arn("orders"), NON_ALPHANUMERIC).to_string()] {
            let served = endpoint.call(post(endpoint.url(&format!("/start/{kind}")), "{}")).await;
            assert_eq!(served.answer.status, 400, "{kind}: {served:?}");
        }
        let served = endpoint.call(post(endpoint.url("/start"), "{}")).await;
        assert_eq!((served.answer.status, served.input(endpoint.state_machine())), (200, Ok("{}")), "{served:?}");

        // LocalStack gives a template no stage variables: the one that AWS has is rendered with those of the stage, and with others.
        let stage = world.apigateway.get_stage().rest_api_id(&endpoint.api_id).stage_name("prod").send().await.unwrap();
        let variables: BTreeMap<String, String> = stage.variables().cloned().unwrap_or_default().into_iter().collect();
        assert_eq!(variables, BTreeMap::from([("kind".to_owned(), "refunds".to_owned())]));
        let method = endpoint.method("POST", "/begin").await;
        let templates = method.method_integration().and_then(|found| found.request_templates()).unwrap();
        let kind = |kind: &str| BTreeMap::from([("kind".to_owned(), kind.to_owned())]);
        for (stage_variables, chosen) in [
            (variables, Some(arn("refunds"))),
            (kind("orders"), Some(arn("orders"))),
            (kind("Orders"), None),
            (kind(&arn("orders")), None),
            (BTreeMap::new(), None),
        ] {
            let template = &templates["application/json"];
            let rendering = Rendering { template, body: "{}", stage_variables, ..Rendering::default() };
            let rendered = world.sandbox.render(&rendering).await.unwrap();
            let call: Value = serde_json::from_str(&rendered.text).unwrap();
            assert_eq!(call["stateMachineArn"].as_str(), chosen.as_deref(), "{}", rendered.text);
        }

        // LocalStack lets every role start everything: what the gateway's role allows is read from it.
        let role = endpoint.object["status"]["gatewayRoleArn"].as_str().and_then(|arn| arn.rsplit('/').next()).unwrap();
        let policies = world.iam.list_role_policies().role_name(role).send().await.unwrap();
        let policy = policies.policy_names().first().unwrap();
        let policy = world.iam.get_role_policy().role_name(role).policy_name(policy).send().await.unwrap();
        for name in ["orders", "refunds"] {
            assert!(policy.policy_document().contains(&format!("machines-{name}")), "{}", policy.policy_document());
        }
    });
}

async fn create(world: &World, name: &str) {
    let machine = world.sfn.create_state_machine().name(name).role_arn("arn:aws:iam::000000000000:role/existing");
    machine.definition(r#"{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}"#).send().await.unwrap();
}
