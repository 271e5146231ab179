//! What a caller is answered: bodies, statuses and headers of each class.

use serde_json::{Value, json};
use sfe_sandbox::Rendering;

use crate::examples::sqs;
use crate::http::{Answer, Request, get, post, request};
use crate::serving::{Endpoint, Failures, run};
use crate::world::{World, until};

/// The answer to a JSON body.
async fn answer(endpoint: &Endpoint, path: &str, body: &Value) -> Answer {
    endpoint.call(post(endpoint.url(path), body.to_string())).await.answer
}

/// Status, media type and body. LocalStack's engine leaves the end of a line behind a directive, which Velocity takes away.
fn told(answer: &Answer) -> (u16, &str, &str) {
    (answer.status, answer.content_type.as_deref().unwrap_or_default(), answer.body.trim())
}

#[test]
fn a_part_of_the_output_is_told_as_it_is_or_not_at_all() {
    run(async |world| {
        let endpoint = Endpoint::apply(world, "answers", include_str!("../../examples/answers.yaml")).await;
        let unexpected = (502, "application/json", r#"{"error":"UnexpectedOutput"}"#);
        let mut failures = Failures::default();
        for id in [
            json!("O'Brien \"x\" \\ </p> $context.requestId #set($a = 1) ${x} %41+ é 😀 \u{2028}\n\t"),
            json!(""),
            json!(" "),
            json!("true"),
            json!("7"),
            json!(7),
            json!(-1.5),
            json!(1e22),
            json!(true),
            json!(false),
        ] {
            let sent = json!({"order": {"id": id}});
            let part = answer(&endpoint, "/part", &sent).await;
            let is_right = part.status == 200 && serde_json::from_str::<Value>(&part.body).ok() == Some(id.clone());
            failures.note(&format!("/part {id}"), if is_right { Ok(()) } else { Err(format!("{part:?}")) });
            let text = answer(&endpoint, "/text", &sent).await;
            let whole = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
            let number = text.body.trim().parse::<f64>().ok();
            let is_right = text.body.trim() == whole.trim() || id.is_number() && number == id.as_f64();
            failures.note(&format!("/text {id}"), if is_right { Ok(()) } else { Err(format!("{text:?}")) });
        }
        for (path, sent) in ["/part", "/text"].into_iter().flat_map(|path| {
            let outputs = [
                json!({}),
                json!({"order": null}),
                json!({"order": "id"}),
                json!({"order": [7]}),
                json!({"order": {"id": null}}),
                json!({"order": {"id": {"a": 1}}}),
                json!({"order": {"id": {}}}),
                json!({"order": {"id": [1, "x"]}}),
                json!({"order": {"id": []}}),
                json!({"order.id": 7}),
            ];
            outputs.map(|sent| (path, sent))
        }) {
            let answer = answer(&endpoint, path, &sent).await;
            let result = if told(&answer) == unexpected { Ok(()) } else { Err(format!("{answer:?}")) };
            failures.note(&format!("{path} {sent}"), result);
        }
        failures.end();
        let text = answer(&endpoint, "/text", &json!({"order": {"id": "<b>"}})).await;
        assert_eq!(told(&text), (200, "text/plain; charset=utf-8", "<b>"));
        for path in ["/part", "/text", "/nothing"] {
            let failed = answer(&endpoint, path, &json!({"fail": 1, "order": {"id": 1}})).await;
            assert_eq!(failed.status, 502, "{path}: {failed:?}");
        }
        let nothing = answer(&endpoint, "/nothing", &json!({})).await;
        assert_eq!((nothing.status, nothing.body.trim()), (204, ""));
    });
}

#[test]
fn an_answer_is_composed_of_several_places() {
    run(async |world| {
        let endpoint = Endpoint::apply(world, "answers", include_str!("../../examples/answers.yaml")).await;
        let order = json!({"order": {"id": "it's \"7\"", "url": "/orders/7?a=b%20c"}, "note": "by\thand"});
        let made = answer(&endpoint, "/orders", &order).await;
        let body = made.json();
        let run = body["run"].as_str().unwrap_or_else(|| panic!("{made:?}"));
        let request = made.header("x-request-id").unwrap_or_else(|| panic!("no X-Request-Id: {made:?}"));
        let expected = json!({"order": {"id": "it's \"7\"", "note": "by\thand"}, "all": order, "run": run, "request": request, "currency": "EUR"});
        assert_eq!((made.status, &body), (201, &expected));
        assert!(!run.is_empty() && !run.contains(':'), "no name: {run}");
        let headers = ["location", "cache-control", "x-note"].map(|name| made.header(name));
        // A tab is no printable ASCII.
        assert_eq!(headers, [Some("/orders/7?a=b%20c"), Some("no-store"), None]);
        let plain = answer(&endpoint, "/orders", &json!({"order": {"id": 1, "url": "/1"}, "note": 5})).await;
        assert_eq!((plain.json()["order"].clone(), plain.header("x-note")), (json!({"id": 1, "note": 5}), Some("5")));

        let unexpected = (502, "application/json", r#"{"error":"UnexpectedOutput"}"#);
        for url in [json!("/a\r\nSet-Cookie: a=b"), json!("/a\nb"), json!("/é"), json!(""), json!(null), json!(["/"])]
        {
            let refused = answer(&endpoint, "/orders", &json!({"order": {"id": 1, "url": url}})).await;
            assert_eq!(
                (told(&refused), refused.header("location"), refused.header("set-cookie")),
                (unexpected, None, None)
            );
        }
        let failed = answer(&endpoint, "/orders", &json!({"fail": 1, "order": {"id": 1, "url": "/1"}})).await;
        let problem = r#"{"detail":"it's not for sale","help":"/help","title":"Orders.Refused"}"#;
        assert_eq!(told(&failed), (422, "application/problem+json", problem));
        assert_eq!((failed.header("x-error"), failed.header("location")), (Some("Orders.Refused"), None));

        let to = endpoint.url("/start/it's%20%22a%22+1?reference=%C3%A9%0A'");
        let asked = post(to, "{}").header("x-correlation-id", "a \"b\" 'c'");
        let started = endpoint.call(asked).await.answer;
        let body = started.json();
        let echoed = ["tenant", "reference", "correlation"].map(|said| body[said].as_str());
        assert_eq!(echoed, [Some("it's \"a\"+1"), Some("é\n'"), Some("a \"b\" 'c'")], "{started:?}");
        assert_eq!(started.header("x-correlation-id"), Some("a \"b\" 'c'"));
        let silent = answer(&endpoint, "/start/%C3%A9", &json!({})).await;
        assert_eq!((&silent.json()["tenant"], silent.header("x-correlation-id")), (&json!("é"), None));
        assert!(["reference", "correlation"].iter().all(|said| silent.json().get(said).is_none()), "{silent:?}");
        assert_eq!((started.status, started.header("x-execution")), (202, body["execution"].as_str()));
        assert!(body["started"].is_number() && started.header("x-execution").is_some(), "{started:?}");
    });
}

#[test]
fn the_output_may_choose_the_status() {
    run(async |world| {
        let endpoint = Endpoint::apply(world, "answers", include_str!("../../examples/answers.yaml")).await;
        let html = "text/html; charset=utf-8";
        let proxied = async |status: Value, body: &str| {
            answer(&endpoint, "/proxy", &json!({"statusCode": status, "body": body})).await
        };
        for status in [200, 201, 404, 418, 599] {
            let page = format!("<p>it's \"{status}\"</p>");
            assert_eq!(told(&proxied(json!(status), &page).await), (status, html, page.as_str()));
        }
        let unexpected = (502, "application/json", r#"{"error":"UnexpectedOutput"}"#);
        for status in [
            json!(99),
            json!(100),
            json!(199),
            json!(600),
            json!(2000),
            json!(-200),
            json!(200.5),
            json!("200"),
            json!(null),
            json!([200]),
            json!(true),
        ] {
            assert_eq!(told(&proxied(status.clone(), "x").await), unexpected, "{status}");
        }
        let empty = proxied(json!(204), "gone").await;
        assert_eq!((empty.status, empty.body.trim()), (204, ""));
        let moved = json!({"statusCode": 302, "body": "", "headers": {"location": "https://example.com/?a=b&c=%20"}});
        let moved = answer(&endpoint, "/proxy", &moved).await;
        assert_eq!((moved.status, moved.header("location")), (302, Some("https://example.com/?a=b&c=%20")));
        // A failed workflow is no success, whatever its input said.
        let failed = answer(&endpoint, "/proxy", &json!({"fail": 1, "statusCode": 200, "body": "fine"})).await;
        assert_eq!(told(&failed), (500, html, r"<p>It's broken: 100 % $sorry #1 \o/</p>"));
    });
}

#[test]
fn a_link_leads_where_its_task_is() {
    run(async |world| {
        sqs(world, "CreateQueue", &json!({"QueueName": "links"})).await;
        let endpoint = Endpoint::apply(world, "links", include_str!("../../examples/approval-links.yaml")).await;
        let token = async || {
            endpoint.call(post(endpoint.url("/approvals"), "{}")).await;
            let queue = json!({"QueueUrl": "https://sqs.eu-central-1.amazonaws.com/000000000000/links"});
            let message = until("the workflow has asked", async || {
                let answer = sqs(world, "ReceiveMessage", &queue).await;
                answer["Messages"][0]["Body"].as_str().map(str::to_owned).ok_or(answer)
            })
            .await;
            let message: Value = serde_json::from_str(&message).unwrap();
            message["token"].as_str().unwrap().to_owned()
        };
        // LocalStack looks for a token in all executions, and fails on one that another test just starts.
        let follow = async |path: &str| {
            until("LocalStack knows its executions", async || {
                let answer = endpoint.call(get(endpoint.url(path))).await.answer;
                if answer.status >= 500 { Err(answer) } else { Ok(answer) }
            })
            .await
        };
        let granted = follow(&format!("/approve?token={}", token().await)).await;
        assert_eq!((granted.status, granted.header("location")), (303, Some("https://example.com/approved")));
        let expired = follow("/approve?token=nonsense").await;
        assert_eq!((expired.status, expired.header("location")), (303, Some("https://example.com/expired")));
        let rejected = follow(&format!("/reject?token={}", token().await)).await;
        assert_eq!(told(&rejected), (200, "text/html; charset=utf-8", "<h1>It's rejected.</h1>"));
        let expired = follow("/reject?token=nonsense").await;
        assert_eq!(told(&expired), (410, "text/plain; charset=utf-8", "This link was used before."));
        throttled(world, &endpoint).await;
    });
}

/// LocalStack throttles nothing: what it would be answered is rendered from the template that API Gateway has.
async fn throttled(world: &World, endpoint: &Endpoint) {
    let method = endpoint.method("GET", "/approve").await;
    let integration = method.method_integration().expect("no integration");
    let responses = integration.integration_responses().expect("no responses");
    // The redirect of a success and that of a failure are two responses.
    let template = &responses["503"].response_templates().expect("no templates")["application/json"];
    for (type_, status, retry_after) in [
        ("ThrottlingException", 429, Some("60")),
        ("com.amazonaws.states#ExecutionLimitExceeded", 429, Some("60")),
        ("InternalFailure", 503, None),
        ("TaskDoesNotExist", 303, None),
    ] {
        let body = json!({"__type": type_}).to_string();
        let rendering = Rendering { template, body: &body, ..Rendering::default() };
        let rendered = world.sandbox.render(&rendering).await.unwrap();
        let found = (rendered.status_override, rendered.headers.get("Retry-After").map(String::as_str));
        assert_eq!(found, (Some(status), retry_after), "{type_}: {rendered:?}");
    }
}

#[test]
fn the_gateway_refuses_in_the_manifests_words() {
    run(async |world| {
        let manifest = include_str!("../../examples/gateway-responses.yaml");
        let endpoint = Endpoint::apply(world, "refusals", manifest).await;
        let found = world.apigateway.get_gateway_responses().rest_api_id(&endpoint.api_id).send().await.unwrap();
        let customized = found.items().iter().filter(|found| !found.default_response());
        let mut customized: Vec<_> = customized
            .map(|found| {
                let type_ = found.response_type().map(|type_| type_.as_str().to_owned()).unwrap_or_default();
                let parameters: Vec<_> = found.response_parameters().into_iter().flatten().collect();
                let templates: Vec<_> = found.response_templates().into_iter().flatten().collect();
                format!("{type_} {:?} {parameters:?} {templates:?}", found.status_code())
            })
            .collect();
        customized.sort();
        // LocalStack ignores headers and bodies of these: what is served of them is the status alone.
        assert_eq!(
            customized,
            [
                r#"BAD_REQUEST_PARAMETERS Some("422") [] [("application/json", "{\"message\":$context.error.messageString}")]"#,
                r#"DEFAULT_5XX None [] [("application/problem+json", "{\"title\":\"internal error\"}")]"#,
                r#"MISSING_AUTHENTICATION_TOKEN Some("404") [] [("text/plain; charset=utf-8", "There is nothing here.")]"#,
                r#"THROTTLED Some("429") [("gatewayresponse.header.Retry-After", "'1'")] [("application/json", "{\"error\":\"too many requests\",\"help\":\"/limits\"}")]"#,
            ]
        );
        assert_eq!(answer(&endpoint, "/jobs", &json!({})).await.status, 422, "a required parameter is missing");
        assert_eq!(answer(&endpoint, "/nowhere", &json!({})).await.status, 404);
    });
}

/// A request as a browser sends it for a page of this origin.
fn of_page(request: Request, origin: &str) -> Request {
    request.header("origin", origin)
}

/// The question that a browser asks before such a request.
fn preflight(url: String, origin: &str) -> Request {
    let asked = of_page(request("OPTIONS", url), origin).header("access-control-request-method", "POST");
    asked.header("access-control-request-headers", "content-type")
}

/// The headers that a browser looks at.
const ALLOWED: [&str; 6] = ["Origin", "Credentials", "Methods", "Headers", "Max-Age", "Expose"];

/// What an answer tells a browser, by the ends of the headers' names.
fn told_to_browsers(answer: &Answer) -> [Option<&str>; ALLOWED.len()] {
    ALLOWED.map(|name| match name {
        "Max-Age" => answer.header("access-control-max-age"),
        "Expose" => answer.header("access-control-expose-headers"),
        name => answer.header(&format!("access-control-allow-{name}")),
    })
}

#[test]
fn pages_of_the_named_origins_may_call() {
    run(async |world| {
        let endpoint = Endpoint::apply(world, "pages", include_str!("../../examples/cors.yaml")).await;
        let yes = Some("true");
        let headers = Some("Content-Type,X-Csrf-Token");
        let methods = [("/orders/7", "POST,PUT"), ("/any", "DELETE,GET,HEAD,OPTIONS,PATCH,POST,PUT")];
        for (path, methods) in methods {
            for origin in ["https://example.com", "http://localhost:3000"] {
                for lower_case in [false, true] {
                    let asked = preflight(endpoint.url(path), origin);
                    let served = endpoint.call(if lower_case { asked.lower_case() } else { asked }).await;
                    assert!(served.sent.is_empty(), "a preflight reached the workflow: {served:?}");
                    let answer = served.answer;
                    assert_eq!((answer.status, answer.body.trim()), (204, ""), "{path} {origin}");
                    let expected = [Some(origin), yes, Some(methods), headers, Some("600"), None];
                    assert_eq!(told_to_browsers(&answer), expected, "{path} {origin}");
                    assert_eq!(answer.header("vary"), Some("Origin"), "{path} {origin}");
                }
            }
        }
        let exposed = Some("X-Request-Id");
        for origin in
            ["https://example.com.evil.example", "https://EXAMPLE.com", "http://localhost", "null", "*", "$origin"]
        {
            let asked = endpoint.call(preflight(endpoint.url("/orders/7"), origin)).await.answer;
            assert_eq!((asked.status, told_to_browsers(&asked)[0]), (204, None), "{origin}");
            let called = endpoint.call(of_page(post(endpoint.url("/orders/7"), "{}"), origin)).await.answer;
            assert_eq!(told_to_browsers(&called), [None, yes, None, None, None, exposed], "{origin}");
            assert_eq!((called.status, called.header("vary")), (200, Some("Origin")), "{origin}");
        }
        let origin = "https://example.com";
        for (body, status) in [(r#"{"a":1}"#, 200), (r#"{"fail":1}"#, 502), ("no JSON", 400)] {
            let called = endpoint.call(of_page(post(endpoint.url("/orders/7"), body), origin)).await.answer;
            assert_eq!(called.status, status, "{called:?}");
            assert_eq!(told_to_browsers(&called), [Some(origin), yes, None, None, None, exposed], "{called:?}");
            assert_eq!(called.header("x-request-id").is_some(), status == 200, "{called:?}");
            if status == 200 {
                assert_eq!(called.body.trim(), body);
            }
        }
        // No page: it goes on as before.
        let called = answer(&endpoint, "/orders/7", &json!({"a": 1})).await;
        assert_eq!((called.status, told_to_browsers(&called)[0]), (200, None));
        for (method, path, type_) in
            [("OPTIONS", "/orders/{id}", "NONE"), ("OPTIONS", "/any", "NONE"), ("ANY", "/any", "AWS_IAM")]
        {
            assert_eq!(endpoint.method(method, path).await.authorization_type(), Some(type_), "{method} {path}");
        }
        let found = world.apigateway.get_gateway_responses().rest_api_id(&endpoint.api_id).send().await.unwrap();
        // Several origins can't be told apart there, and credentials forbid `*`.
        assert!(found.items().iter().all(aws_sdk_apigateway::types::GatewayResponse::default_response), "{found:?}");
    });
}

#[test]
fn any_page_may_call() {
    run(async |world| {
        let endpoint = Endpoint::apply(world, "widgets", include_str!("../../examples/cors.yaml")).await;
        let headers = Some("Authorization,Content-Type,X-Amz-Date,X-Amz-Security-Token,X-Api-Key");
        let asked = endpoint.call(preflight(endpoint.url("/jobs"), "https://anyone.example")).await.answer;
        assert_eq!((asked.status, asked.header("vary")), (204, None));
        assert_eq!(told_to_browsers(&asked), [Some("*"), None, Some("POST"), headers, None, None]);
        let called = endpoint.call(of_page(post(endpoint.url("/jobs"), "{}"), "https://anyone.example")).await.answer;
        assert_eq!((called.status, told_to_browsers(&called)), (200, [Some("*"), None, None, None, None, None]));
        let own = endpoint.call(preflight(endpoint.url("/own"), "https://anyone.example")).await;
        assert_eq!((own.answer.status, own.sent.len()), (200, 1), "{own:?}");
        assert_eq!(told_to_browsers(&own.answer)[0], Some("*"));
        // LocalStack ignores headers of these.
        let found = world.apigateway.get_gateway_responses().rest_api_id(&endpoint.api_id).send().await.unwrap();
        let customized = found.items().iter().filter(|found| !found.default_response());
        let mut customized: Vec<_> = customized
            .map(|found| {
                let type_ = found.response_type().map(|type_| type_.as_str().to_owned()).unwrap_or_default();
                let parameters: std::collections::BTreeMap<_, _> =
                    found.response_parameters().into_iter().flatten().collect();
                format!("{type_} {:?} {parameters:?}", found.status_code())
            })
            .collect();
        customized.sort();
        assert_eq!(
            customized,
            [
                r#"DEFAULT_4XX None {"gatewayresponse.header.Access-Control-Allow-Origin": "'*'"}"#,
                r#"DEFAULT_5XX None {"gatewayresponse.header.Access-Control-Allow-Origin": "'*'"}"#,
                r#"THROTTLED Some("429") {"gatewayresponse.header.Access-Control-Allow-Origin": "'*'", "gatewayresponse.header.Retry-After": "'1'"}"#,
            ]
        );
    });
}
