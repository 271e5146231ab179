//! The sources of a route: what is taken renders to a template that can't print an unescaped value, what is refused is refused with a
//! mistake.

use std::collections::BTreeSet;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use sfe_core::api::{Route, StepFunctionsAction};
use sfe_core::mapping::{self, Call, Request};
use sfe_core::mistakes::{FieldPath, Mistakes};

use super::cases;
use super::documents::{document, text};
use super::velocity::printed;

const WORDS: &[&str] =
    &["a", "$x", "it's", "#end", "\\", "\"", "${input}", "'", "\\'", "</script>", "\u{2028}", "$input.body", "a.b"];

/// A name that is right, almost right or anything.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![5 => "[a-zA-Z][a-zA-Z0-9._-]{0,8}", 2 => text(), 1 => "[a-z']{1,6}", 1 => "x{126,130}"]
}

fn body_path() -> impl Strategy<Value = String> {
    let step = prop_oneof![
        6 => "\\.[a-zA-Z_][a-zA-Z0-9_]{0,5}",
        4 => "\\['[a-zA-Z0-9_.:@/ -]{1,8}'\\]",
        2 => select(vec![".", "..a", "[0]", "[*]", "[?(@.a)]", ".length()", "['']", "['a\"b']", "['a'b']", "[\"a\"]", "['a']['", "['$']", ".1a", ".a-b", ".é", "[-1:]", ".*"])
            .prop_map(str::to_owned),
        1 => text(),
    ];
    let start = select(vec!["$", "$", "$", "$", "", "$$", "@"]);
    prop_oneof![9 => (start, vec(step, 0..4)).prop_map(|(start, steps)| start.to_owned() + &steps.concat()), 1 => text()]
}

fn source() -> impl Strategy<Value = Value> {
    let context = select(vec![
        "requestId",
        "requestTimeEpoch",
        "httpMethod",
        "resourcePath",
        "identity.sourceIp",
        "stage",
        "path",
        "domainName",
        "identity.userAgent",
        "identity.userArn",
    ]);
    let key = prop_oneof![4 => "claims\\.[a-z:]{1,6}", 1 => name()];
    let place = prop_oneof![
        4 => body_path().prop_map(|path| json!({ "body": path })),
        3 => prop_oneof![4 => Just("id".to_owned()), 1 => name()].prop_map(|name| json!({ "path": name })),
        3 => name().prop_map(|name| json!({ "query": name })),
        3 => name().prop_map(|name| json!({ "header": name })),
        2 => context.prop_map(|name| json!({ "context": name })),
        2 => key.prop_map(|key| json!({ "authorizer": key })),
        2 => prop_oneof!["[a-zA-Z0-9_]{1,8}", name()].prop_map(|name| json!({ "stageVariable": name })),
        1 => Just(json!({ "body": "$" })),
        2 => select(vec!["TEXT", "BASE64"]).prop_map(|form| json!({ "rawBody": form })),
        3 => name().prop_map(|name| json!({ "form": name })),
        3 => document(WORDS).prop_map(|value| json!({ "constant": value })),
        1 => (name(), name()).prop_map(|(one, other)| json!({ "query": one, "header": other })),
        1 => Just(json!({})),
    ];
    let decoded = prop::bool::weighted(0.1);
    (place, prop::option::weighted(0.3, any::<bool>()), decoded).prop_map(|(mut place, optional, decoded)| {
        if decoded {
            place["decode"] = json!("BASE64");
        }
        // Only what can be absent can be optional, most of the time.
        if let Some(optional) = optional {
            place["optional"] = json!(optional);
        }
        place
    })
}

fn input() -> impl Strategy<Value = Value> {
    let key = prop_oneof![6 => "[a-z]{1,3}(\\.[a-z]{1,3})?", 3 => text(), 1 => "k{127,130}"];
    prop_oneof![
        8 => btree_map(key, source(), 1..6).prop_map(|fields| json!({ "fields": fields })),
        2 => document(WORDS).prop_map(|value| json!({ "constant": value })),
        2 => prop_oneof![document(WORDS).prop_map(|value| serde_json::to_string_pretty(&value).unwrap()), text()]
            .prop_map(|text| json!({ "constantJson": text })),
        1 => Just(json!({})),
        1 => Just(json!({ "constant": 1, "fields": {} })),
        2 => (vec(name(), 0..3), vec("claims\\.[a-z:]{1,6}", 0..2))
            .prop_map(|(headers, claims)| json!({ "request": { "headers": headers, "context": ["requestId", "identity.userAgent"], "authorizer": claims } })),
    ]
}

/// Of a route whose fields are right by themselves.
fn around() -> impl Strategy<Value = Value> {
    let types = select(vec![
        "application/x-www-form-urlencoded",
        "text/xml",
        "application/a+json",
        "multipart/form-data",
        "Text/XML",
        "a",
    ]);
    let cognito = json!({ "type": "COGNITO_USER_POOLS", "userPoolArns": [] });
    let auth = select(vec![json!({ "type": "NONE" }), cognito, json!({ "type": "AWS_IAM" })]);
    let choice = (source(), name()).prop_map(|(from, key)| {
        json!({ "from": from, "arns": { key: "arn:aws:states:eu-central-1:000000000000:stateMachine:b" } })
    });
    let schema = select(vec!["{type: object}", "{\"required\":[\"a\"]}", "{const: 1}", "{"]);
    (
        auth,
        prop::option::weighted(0.5, btree_map(types, input(), 1..3)),
        prop::option::weighted(0.2, source()),
        prop::option::weighted(0.2, choice),
        prop::option::weighted(0.2, schema),
        vec(name(), 0..2),
    )
        .prop_map(|(auth, types, name, choice, schema, required)| {
            let mut route = json!({ "auth": auth, "requiredHeaders": required, "requiredQuery": required });
            for (field, said) in [
                ("contentTypes", types.map(|types| json!(types))),
                ("executionName", name),
                ("stateMachines", choice),
                ("requestSchema", schema.map(|schema| json!(schema))),
            ] {
                if let Some(said) = said {
                    route[field] = said;
                }
            }
            route
        })
}

fn route() -> impl Strategy<Value = Value> {
    let action = select(vec![
        "StartExecution",
        "StartExecution",
        "StartSyncExecution",
        "SendTaskSuccess",
        "SendTaskFailure",
        "SendTaskHeartbeat",
        "DescribeExecution",
        "StopExecution",
    ]);
    (action, input(), source(), source(), source(), select(vec!["POST", "POST", "PUT", "GET"])).prop_map(
        |(action, input, first, error, cause, method)| {
            let mut route =
                json!({ "path": "/x/{id}", "method": method, "auth": { "type": "NONE" }, "action": action });
            match action {
                "StartExecution" | "StartSyncExecution" => route["input"] = input,
                "SendTaskSuccess" => (route["taskToken"], route["output"]) = (first, input),
                "SendTaskFailure" => (route["taskToken"], route["error"], route["cause"]) = (first, error, cause),
                "SendTaskHeartbeat" => route["taskToken"] = first,
                "StopExecution" => (route["execution"], route["error"], route["cause"]) = (first, error, cause),
                _ => route["execution"] = first,
            }
            route
        },
    )
}

fn translate(route: &Value) -> Result<Request, Vec<String>> {
    let route: Route = serde_json::from_value(route.clone()).unwrap();
    let arn = "arn:aws:states:eu-central-1:000000000000:stateMachine:a".parse().unwrap();
    let action = route.action.unwrap_or(StepFunctionsAction::StartExecution);
    let call = Call { action, state_machine: &arn, path: &route.path, binary_media_types: &BTreeSet::new() };
    let mut mistakes = Mistakes::none();
    let request = mapping::request(&route, &call, &FieldPath::spec().field("routes").index(0), &mut mistakes);
    let mistakes: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    assert_eq!(request.is_some(), mistakes.is_empty(), "a template or mistakes: {mistakes:?}");
    request.ok_or(mistakes)
}

/// What a call of each action may have for members.
const MEMBERS: [&str; 7] = ["name", "input", "output", "stateMachineArn", "executionArn", "taskToken", "error"];

fn check(route: &Value) -> Result<(), TestCaseError> {
    let request = match translate(route) {
        Ok(request) => request,
        Err(mistakes) => {
            for mistake in mistakes {
                prop_assert!(mistake.chars().count() < 1000 && !mistake.contains(char::is_control), "{:?}", mistake);
            }
            return Ok(());
        }
    };
    for (type_, template) in &request.templates {
        check_template(route, type_, template)?;
    }
    for name in &request.required_parameters {
        prop_assert!(name.starts_with("method.request.querystring."));
    }
    Ok(())
}

fn check_template(route: &Value, type_: &str, template: &str) -> Result<(), TestCaseError> {
    let documents = printed(template).map_err(|why| TestCaseError::fail(format!("{why}\n{template}")))?;
    prop_assert!((1..=2).contains(&documents.len()), "{}", template);
    let members: Vec<&String> = documents[0].as_object().into_iter().flat_map(|call| call.keys()).collect();
    let known = |name: &&String| MEMBERS.contains(&name.as_str()) || name.as_str() == "cause";
    prop_assert!(!members.is_empty() && members.iter().all(known), "{:?}", members);
    let refusal = json!({});
    prop_assert!(documents.get(1).is_none_or(|found| *found == refusal));
    // What the manifest says arrives as it says it. A null there is nothing said.
    if let Some(constant) =
        route.pointer("/input/constant").filter(|constant| type_ == "application/json" && !constant.is_null())
    {
        let said: Value = serde_json::from_str(documents[0]["input"].as_str().unwrap_or_default()).unwrap();
        prop_assert_eq!(&said, constant);
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn any_route(route in route()) {
        check(&route)?;
    }

    #[test]
    fn any_route_with_all_around_it(route in route(), around in around()) {
        let mut route = route;
        for (field, said) in around.as_object().unwrap() {
            route[field] = said.clone();
        }
        check(&route)?;
    }

    #[test]
    fn any_body_path(path in body_path(), text in any::<bool>(), optional in any::<bool>()) {
        let source = json!({ "body": path, "optional": optional });
        let mut route = json!({ "path": "/", "method": "POST", "auth": { "type": "NONE" }, "action": "SendTaskFailure", "taskToken": { "query": "t" } });
        if text {
            route["cause"] = source;
        } else {
            route["action"] = json!("StartExecution");
            route.as_object_mut().unwrap().remove("taskToken");
            route["input"] = json!({ "fields": { "a": source } });
        }
        check(&route)?;
    }

    /// Of many routes enough are right.
    #[test]
    fn a_right_path_is_taken(names in vec("[a-zA-Z_][a-zA-Z0-9_]{0,5}", 1..5), quoted in vec("[a-zA-Z0-9_.:@/ -]{1,8}", 0..3)) {
        let path: String = names.iter().map(|name| format!(".{name}")).chain(quoted.iter().map(|name| format!("['{name}']"))).collect();
        let route = json!({ "path": "/", "method": "POST", "auth": { "type": "NONE" }, "input": { "fields": { "a": { "body": format!("${path}") } } } });
        let request = translate(&route).map_err(|mistakes| TestCaseError::fail(mistakes.join("\n")))?;
        let mut schema = request.models["application/json"].clone();
        for name in names.iter().chain(&quoted) {
            prop_assert_eq!(&schema["required"], &json!([name]));
            schema = schema["properties"][name].take();
        }
        check(&route)?;
    }
}
