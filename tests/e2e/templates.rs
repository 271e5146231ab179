//! A manifest's own templates: they do what types can't say, and stay in their place.

use serde_json::{Value, json};

use crate::http::post;
use crate::serving::{Endpoint, Failures, run};

const HOSTILE: &str = "it's \"x\" \\ <b>& $context.requestId #stop #set($document = 1) ${q}\n";

#[test]
fn templates_of_ones_own_stay_in_their_place() {
    run(async |world| {
        let endpoint = Endpoint::apply(world, "templated", include_str!("../../examples/raw-templates.yaml")).await;
        let mut failures = Failures::default();
        for ids in [json!(["a"]), json!(["a", "b"]), json!([HOSTILE])] {
            let orders: Vec<Value> = ids.as_array().unwrap().iter().map(|id| json!({ "id": id, "x": 1 })).collect();
            let served = endpoint.call(post(endpoint.url("/orders"), json!({ "orders": orders }).to_string())).await;
            let input = served.input(endpoint.state_machine()).map(|input| serde_json::from_str::<Value>(input).ok());
            let is_right = input == Ok(Some(json!({ "ids": ids })))
                && served.answer.status == 200
                && served.answer.content_type.as_deref() == Some("text/html; charset=utf-8");
            let items = ids.as_array().unwrap().iter().map(|id| id.as_str().unwrap());
            let items: Vec<String> = items.map(|id| id.replace('&', "&amp;").replace('<', "&lt;")).collect();
            let is_listed = items.iter().all(|item| served.answer.body.contains(&format!("<li>{item}</li>")));
            failures.note(&format!("{ids}"), if is_right && is_listed { Ok(()) } else { Err(format!("{served:?}")) });
        }
        for (path, body, status, expected) in [
            ("/orders", json!({ "orders": [] }), 400, None),
            ("/orders", json!({}), 400, None),
            ("/checked", json!({ "a": [1.5, "é"] }), 200, Some(json!({ "checked": { "a": [1.5, "é"] } }))),
            ("/checked", json!({ "fail": 1 }), 422, Some(json!({ "refused": "Orders.Refused" }))),
        ] {
            let served = endpoint.call(post(endpoint.url(path), body.to_string())).await;
            let found = serde_json::from_str::<Value>(&served.answer.body).ok();
            let is_right = served.answer.status == status && (expected.is_none() || found == expected);
            failures.note(&format!("{path} {body}"), if is_right { Ok(()) } else { Err(format!("{served:?}")) });
        }
        let served = endpoint.call(post(endpoint.url("/checked"), "no JSON")).await;
        let is_right = served.answer.status == 400 && served.answer.json() == json!({ "wrong": true });
        failures.note("no JSON", if is_right { Ok(()) } else { Err(format!("{served:?}")) });
        failures.end();
    });
}
