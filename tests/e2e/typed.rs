//! Routes with `input.fields`: each value arrives as it was meant, or the request is refused.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::hostile;
use crate::http::{Request, get, post, request};
use crate::serving::{Endpoint, Failures, Members, Served, run};

const MANIFEST: &str = r##"
apiVersion: sfe.dev/v1alpha1
kind: StepFunctionEndpoint
metadata: {name: typed}
spec:
  stateMachine:
    definition: |
      StartAt: Done
      States:
        Done: {Type: Pass, End: true}
  routes:
  - {path: "/path/{value}", method: GET, auth: {type: NONE}, input: {fields: {value: {path: value}}}}
  - {path: /query, method: GET, auth: {type: NONE}, input: {fields: {value: {query: value}}}}
  - {path: /header, method: GET, auth: {type: NONE}, input: {fields: {value: {header: X-Value}}}}
  - {path: /body, method: POST, auth: {type: NONE}, input: {fields: {value: {body: $.value}}}}
  - {path: /deep, method: POST, auth: {type: NONE}, input: {fields: {value: {body: "$.user['first-name'].value"}}}}
  - path: /optional
    method: POST
    auth: {type: NONE}
    input:
      fields:
        a: {body: $.value, optional: true}
        b: {query: value, optional: true}
        c: {header: X-Value, optional: true}
        d: {constant: {"$input": "it's", "list": [1, false, ""]}}
        e.f: {body: $.nested.value, optional: true}
        e.g: {context: httpMethod}
  - path: /all/{id}
    method: PUT
    auth: {type: NONE}
    input:
      fields:
        id: {path: id}
        user.name: {body: $.name}
        user.tags: {body: $.tags}
        user.from.agent: {header: X-Value}
        user.from.page: {query: page}
        route: {context: resourcePath}
        stage: {context: stage}
        "it's": {constant: "#set($x = 1)"}
"##;

/// What must come of a request.
enum Expected {
    /// An execution whose input is an object of exactly these members.
    Input(Vec<(&'static str, Value)>),
    /// An answer from 400 to 499.
    Refused,
}
use Expected::{Input, Refused};

fn check(served: &Served, machine: &str, expected: Expected) -> Result<(), String> {
    match expected {
        Input(expected) => {
            let input = served.input(machine)?;
            let Members::<Value>(members) =
                serde_json::from_str(input).map_err(|error| format!("the input is no object: {error}: {input:?}"))?;
            let expected: Vec<_> = expected.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            match served.answer.status {
                200 if members == expected => Ok(()),
                200 => Err(format!("expected the members {expected:?}: {input:?}")),
                _ => Err(format!("expected 200: {served:?}")),
            }
        }
        Refused if (400..500).contains(&served.answer.status) => Ok(()),
        Refused => Err(format!("expected a 4xx: {served:?}")),
    }
}

/// The endpoint and what failed of it.
struct Table {
    endpoint: Endpoint,
    failures: Failures,
}

impl Table {
    async fn case(&mut self, name: &str, request: Request, expected: Expected) {
        let served = self.endpoint.call(request).await;
        let what = format!("{name}: {}", served.what);
        self.failures.note(&what, check(&served, self.endpoint.state_machine(), expected));
    }

    fn url(&self, path: &str) -> String {
        self.endpoint.url(path)
    }

    async fn strings(&mut self) {
        for (name, text) in hostile::TEXTS {
            let encoded = utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
            let meant = || Input(vec![("value", json!(text))]);
            // Without a value it is another path.
            if !text.is_empty() {
                self.case(name, get(self.url(&format!("/path/{encoded}"))), meant()).await;
            }
            self.case(name, get(self.url(&format!("/query?value={encoded}"))), meant()).await;
            // HTTP has no way to write other characters into a header, and ignores blanks around it.
            if text.chars().all(|c| matches!(c, ' '..='~')) && text.trim() == text {
                self.case(name, get(self.url("/header")).header("x-value", text), meant()).await;
            }
            // API Gateway loses U+007F when it reads a body: refused, rather than altered.
            let expected = if text.contains('\u{7f}') { Refused } else { meant() };
            let body = json!({ "value": text, text: "value" }).to_string();
            self.case(name, post(self.url("/body"), body), expected).await;
        }
    }

    async fn values(&mut self) {
        for value in [
            json!(null),
            json!(false),
            json!(true),
            json!(0),
            json!(-1.5),
            json!(1e300),
            json!(""),
            json!("\"\""),
            json!("null"),
            json!("{\"a\":1}"),
            json!([]),
            json!({}),
            json!([null, false, 0, "", [], {}, "it's \"x\" \\ é😀\u{2028}"]),
            json!({"it's": {"a\"b": ["\\'", {"$input": "#end"}]}, "\",\"x\":\"": 1, "": null}),
        ] {
            let meant = || Input(vec![("value", value.clone())]);
            let body = json!({ "value": value, "other": 1 }).to_string();
            self.case(&value.to_string(), post(self.url("/body"), body), meant()).await;
            let body = json!({ "user": { "first-name": { "value": value }, "value": 1 } }).to_string();
            self.case(&value.to_string(), post(self.url("/deep"), body), meant()).await;
            let expected = Input(optional(vec![("a", value.clone())], vec![]));
            self.case(&value.to_string(), post(self.url("/optional"), json!({"value": value}).to_string()), expected)
                .await;
            let expected = Input(optional(vec![], vec![("f", value.clone())]));
            let body = json!({"nested": {"value": value}}).to_string();
            self.case(&value.to_string(), post(self.url("/optional"), body), expected).await;
        }
    }
}

impl Table {
    async fn places(&mut self) {
        let meant = |text: &str| Input(vec![("value", json!(text))]);
        let (query, header, body) = (self.url("/query"), self.url("/header"), self.url("/body"));
        let deep = |body: Value| post(self.endpoint.url("/deep"), body.to_string());
        for (name, request, expected) in [
            ("an empty value of a query", get(format!("{query}?value=")), meant("")),
            ("another case", get(format!("{query}?Value=x")), Refused),
            ("no query", get(&query), Refused),
            ("the path's place is the path", get(self.url("/path/x?value=y")), meant("x")),
            ("a header is no query", get(&query).header("value", "x"), Refused),
            ("a query is no header", get(format!("{header}?X-Value=x")), Refused),
            ("no header", get(&header), Refused),
            ("a header as HTTP/2 sends it", get(&header).header("x-value", "x").lower_case(), meant("x")),
            ("no body", post(&body, ""), Refused),
            ("no JSON", post(&body, "value=1"), Refused),
            ("a body that is an array", post(&body, r#"[{"value":1}]"#), Refused),
            ("a body that is a string", post(&body, r#""value""#), Refused),
            ("a body that is null", post(&body, "null"), Refused),
            ("another member", post(&body, r#"{"Value":1,"values":1}"#), Refused),
            ("a deeper member", post(&body, r#"{"a":{"value":1}}"#), Refused),
            ("another content type", post(&body, r#"{"value":1}"#).header("content-type", "text/plain"), Refused),
            ("a number that no double holds", post(&body, r#"{"value":1e400}"#), Refused),
            ("one that is long", post(&body, format!("{{\"value\": [{}.5]}}", "9".repeat(400))), Refused),
            ("one below a power", post(&body, r#"{"value":{"a":-12345678901e299}}"#), Refused),
            ("one elsewhere", post(&body, r#"{"value":1,"other":1E+0309}"#), Refused),
            ("a body that is not UTF-8", post(&body, b"{\"value\":\"\xff\"}".as_slice()), Refused),
            ("a path that is not UTF-8", get(self.url("/path/%ff")), Refused),
            ("a path of half a character", get(self.url("/path/a%C3%28")), Refused),
            ("U+FFFD in a path", get(self.url("/path/%EF%BF%BD")), Refused),
            ("U+FFFD in a query", get(format!("{query}?value=%EF%BF%BD")), Refused),
            ("U+FFFD as an escape", post(&body, r#"{"value":"\ufffd"}"#), meant("\u{fffd}")),
            ("a member that is missing below", deep(json!({"user": {"first-name": {}}})), Refused),
            ("a member that is missing above", deep(json!({"user": {"value": 1}})), Refused),
            ("a key with dots", deep(json!({"user.first-name.value": 1, "user['first-name'].value": 1})), Refused),
            ("a string on the way", deep(json!({"user": "first-name"})), Refused),
            ("an array on the way", deep(json!({"user": [{"first-name": {"value": 1}}]})), Refused),
            ("null on the way", deep(json!({"user": {"first-name": null}})), Refused),
        ] {
            self.case(name, request, expected).await;
        }
    }

    async fn absence(&mut self) {
        let url = self.url("/optional");
        let nothing = || Input(optional(vec![], vec![]));
        let given = |name: &'static str| Input(optional(vec![(name, json!("it's"))], vec![]));
        for (name, request, expected) in [
            ("an empty object", post(&url, "{}"), nothing()),
            ("no body", post(&url, ""), nothing()),
            ("other members", post(&url, r#"{"a":1,"c":"x","nested":{"g":1}}"#), nothing()),
            ("a query", post(format!("{url}?value=it%27s"), "{}"), given("b")),
            ("an empty query", post(format!("{url}?value="), ""), Input(optional(vec![("b", json!(""))], vec![]))),
            ("a header", post(&url, "{}").header("x-value", "it's"), given("c")),
            ("a header as HTTP/2 sends it", post(&url, "{}").header("x-value", "it's").lower_case(), given("c")),
            ("no JSON", post(&url, "value=1"), Refused),
            ("a body that is an array", post(&url, "[]"), Refused),
            ("a string in place of an object", post(&url, r#"{"nested":"value"}"#), nothing()),
        ] {
            self.case(name, request, expected).await;
        }
    }

    async fn all_at_once(&mut self) {
        let text = r#"\'"$input#set(@@,"stateMachineArn":"x"#;
        let encoded = utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let put = request("PUT", self.url(&format!("/all/7?page={encoded}")))
            .header("content-type", "application/json")
            .header("x-value", text)
            .body(json!({"name": text, "tags": [text, {text: null}], "id": "8", "stage": "x"}).to_string());
        let user = json!({"name": text, "tags": [text, {text: null}], "from": {"agent": text, "page": text}});
        let members = vec![
            ("id", json!("7")),
            ("it's", json!("#set($x = 1)")),
            ("route", json!("/all/{id}")),
            ("stage", json!("prod")),
            ("user", user),
        ];
        self.case("all places at once", put, Input(members)).await;
    }
}

/// What comes of the route /optional: these members, and what is always there.
fn optional(given: Vec<(&'static str, Value)>, nested: Vec<(&'static str, Value)>) -> Vec<(&'static str, Value)> {
    let mut within = json!({"g": "POST"});
    for (name, value) in nested {
        within[name] = value;
    }
    let mut members = given;
    members.extend([("d", json!({"$input": "it's", "list": [1, false, ""]})), ("e", within)]);
    members
}

#[test]
fn a_value_arrives_as_it_was_meant_or_not_at_all() {
    run(async |world| {
        let mut table =
            Table { endpoint: Endpoint::apply(world, "typed", MANIFEST).await, failures: Failures::default() };
        table.strings().await;
        table.values().await;
        table.places().await;
        table.absence().await;
        table.all_at_once().await;
        table.failures.end();
    });
}
