//! What routes become, as text: a change of a template is a change here. That these texts do what they should was seen by rendering
//! them with Apache Velocity 1.7 and with LocalStack's engine, for hostile values of each kind.

use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::mistakes::Mistake;

pub(super) const ARN: &str = "arn:aws:states:eu-central-1:000000000000:stateMachine:existing";

/// A route of `POST /` without authorization, unless `said` says otherwise.
fn route(said: Value) -> Route {
    let mut whole = json!({ "path": "/", "method": "POST", "auth": { "type": "NONE" } });
    for (key, value) in said.as_object().unwrap() {
        whole[key] = value.clone();
    }
    serde_json::from_value(whole).unwrap()
}

/// The line that looks for a number that no double holds.
const NUMBER_LOST: &str = r"#if($input.body.matches('(?s).*[\[:,\s]-?(?:[0-9.]+[eE][+]?0*(?:30[1-9]|3[1-9][0-9]|[4-9][0-9]{2}|[1-9][0-9]{3,})|[0-9]{9,}(?:[.][0-9]*)?[eE][+]?0*[1-9][0-9]{2}|[0-9]{201,}[.eE]).*') == true)";

pub(super) fn translate(said: Value, arn: &str) -> (Option<Request>, Option<Responses>, Vec<String>) {
    let (route, arn) = (route(said), arn.parse().unwrap());
    let action = route.action.unwrap_or(StepFunctionsAction::StartExecution);
    let binary_media_types = BTreeSet::from(["image/png".to_owned(), "multipart/mixed".to_owned()]);
    let call = Call { action, state_machine: &arn, path: &route.path, binary_media_types: &binary_media_types };
    let (at, mut mistakes) = (FieldPath::spec().field("routes").index(2), Mistakes::none());
    let request = request(&route, &call, &at, &mut mistakes);
    let responses = responses(&route, &call, &at, &mut mistakes);
    (request, responses, mistakes.iter().map(Mistake::to_string).collect())
}

pub(super) fn translated(said: Value) -> (Request, Responses) {
    let (request, responses, mistakes) = translate(said, ARN);
    assert_eq!(mistakes, Vec::<String>::new());
    (request.unwrap(), responses.unwrap())
}

impl Request {
    /// The template of JSON bodies.
    fn json(&self) -> &str {
        &self.templates["application/json"]
    }
}

/// The lines of a template that are expected.
fn check(template: &str, expected: &[&str]) {
    assert_eq!(template.trim_end_matches('\n').lines().collect::<Vec<_>>(), expected);
}

/// The same of one that may refuse a request: the last of what is expected is the call.
fn check_refusing(template: &str, expected: &[&str]) {
    let (call, before) = expected.split_last().unwrap();
    let refusal = ["#if($complete == true)", call, "#else", "{}", "#end"];
    check(template, &[&["#set($complete = true)"], before, &refusal].concat());
}

/// The lines of an answer's template, a directive behind what is printed on a line of its own. The template has no line break there: it
/// would be part of the body.
fn answer_lines(template: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    for line in template.trim_end_matches('\n').lines() {
        match ["#elseif(", "#else", "#end"].iter().find_map(|directive| line.rfind(directive)) {
            Some(at) if at > 0 => lines.extend([&line[..at], &line[at..]]),
            Some(_) | None => lines.push(line),
        }
    }
    lines
}

#[test]
fn a_constant_is_the_input_and_the_answer() {
    let (request, responses) = translated(json!({
        "input": { "constant": { "prefix": "prod" } },
        "responses": { "success": { "status": 200, "body": { "constant": { "done": true } } } }
    }));
    check(
        request.json(),
        &[
            r#"{"input": "{\"prefix\":\"prod\"}", "stateMachineArn": "arn:aws:states:eu-central-1:000000000000:stateMachine:existing"}"#,
        ],
    );
    assert_eq!((request.required_parameters.len(), request.path_parameters.len(), request.models.len()), (0, 0, 0));
    assert_eq!(responses.success, Response { status: 200, template: r#"{"done":true}"#.to_owned() });
}

#[test]
fn fields_come_from_path_and_body() {
    let (request, _) = translated(json!({
        "path": "/recipes/{id}/move",
        "input": { "fields": { "id": { "path": "id" }, "user_id": { "body": "$.user_id" } } }
    }));
    check_refusing(
        request.json(),
        &[
            r"#if($input.body.matches('(?s).*\uFFFD.*') == true)",
            "#set($complete = false)",
            "#end",
            r"#if($input.body.matches('(?s).*\x7F.*') == true)",
            "#set($complete = false)",
            "#end",
            NUMBER_LOST,
            "#set($complete = false)",
            "#end",
            r#"#set($quote = '"')"#,
            "#set($text = '{')",
            "#set($comma = '')",
            "#set($value = '')",
            "#set($value = $input.params().path.get('id'))",
            "#if($value.matches('.*%(?![0-9A-Fa-f]{2}).*') == false)",
            "#set($value = $util.urlDecode($value.replace('+', '%2B')))",
            "#end",
            r"#if($value.matches('(?s).*\uFFFD.*') == true)",
            "#set($complete = false)",
            "#end",
            r#"#set($part = '"id":')"#,
            r#"#set($value = $util.escapeJavaScript($value).replaceAll("\\'","'"))"#,
            r#"#set($text = "${text}${comma}${part}${quote}${value}${quote}")"#,
            "#set($comma = ',')",
            "#set($value = '')",
            "#set($given = false)",
            "#set($value = $input.json('$.user_id'))",
            "#if($value != '')",
            "#set($given = true)",
            "#end",
            r#"#if($value == '""')"#,
            "#if($input.path('$.user_id').length() != 0)",
            "#set($given = false)",
            "#end",
            "#end",
            "#if($given == true)",
            r#"#set($part = '"user_id":')"#,
            r#"#set($text = "${text}${comma}${part}${value}")"#,
            "#set($comma = ',')",
            "#else",
            "#set($complete = false)",
            "#end",
            r#"#set($text = "${text}}")"#,
            r#"{"input": "$util.escapeJavaScript($text).replaceAll("\\'","'")", "stateMachineArn": "arn:aws:states:eu-central-1:000000000000:stateMachine:existing"}"#,
        ],
    );
    assert_eq!(request.path_parameters, BTreeSet::from(["id".to_owned()]));
    assert_eq!(
        request.models.get("application/json"),
        Some(&json!({
            "$schema": "http://json-schema.org/draft-04/schema#",
            "type": "object",
            "required": ["user_id"],
            "properties": { "user_id": {} }
        }))
    );
}

#[rstest]
#[case::start(json!({}))]
#[case::sync(json!({ "action": "StartSyncExecution" }))]
#[case::no_choice(json!({ "input": {} }))]
#[case::of_a_get(json!({ "method": "GET" }))]
fn the_whole_body_is_the_input(#[case] said: Value) {
    let (request, _) = translated(said);
    let input = r#"{"input": "$util.escapeJavaScript($input.body).replaceAll("\\'","'")", "stateMachineArn": "#;
    check_refusing(
        request.json(),
        &[
            r"#if($input.body.matches('(?s).*\uFFFD.*') == true)",
            "#set($complete = false)",
            "#end",
            &format!("{input}\"{ARN}\"}}"),
        ],
    );
    assert_eq!(request.models, BTreeMap::new());
}

#[rstest]
#[case::of_the_machine(ARN)]
#[case::of_an_alias("arn:aws:states:eu-central-1:000000000000:stateMachine:existing:live")]
fn an_execution_is_named_never_its_arn(#[case] arn: &str) {
    let said =
        json!({ "method": "GET", "path": "/{name}", "action": "DescribeExecution", "execution": { "path": "name" } });
    let (request, _, mistakes) = translate(said, arn);
    assert_eq!(mistakes, Vec::<String>::new());
    check_refusing(
        request.unwrap().json(),
        &[
            "#set($value = '')",
            "#set($value = $input.params().path.get('name'))",
            "#if($value.matches('.*%(?![0-9A-Fa-f]{2}).*') == false)",
            "#set($value = $util.urlDecode($value.replace('+', '%2B')))",
            "#end",
            r"#if($value.matches('(?s).*\uFFFD.*') == true)",
            "#set($complete = false)",
            "#end",
            "#set($execution = $value)",
            r#"{"executionArn": "arn:aws:states:eu-central-1:000000000000:execution:existing:$util.escapeJavaScript($execution).replaceAll("\\'","'")"}"#,
        ],
    );
}

#[test]
fn a_header_is_found_in_any_case() {
    let (request, _) = translated(json!({ "action": "SendTaskHeartbeat", "taskToken": { "header": "X-Token" } }));
    check_refusing(
        request.json(),
        &[
            "#set($value = '')",
            "#set($given = false)",
            "#foreach($name in $input.params().header.keySet())",
            "#if($name.equalsIgnoreCase('X-Token') == true)",
            "#set($given = true)",
            "#set($value = $input.params().header.get($name))",
            "#end",
            "#end",
            r"#if($value.matches('(?s).*\uFFFD.*') == true)",
            "#set($complete = false)",
            "#end",
            "#set($taskToken = $value)",
            "#if($given == false)",
            "#set($complete = false)",
            "#end",
            r#"{"taskToken": "$util.escapeJavaScript($taskToken).replaceAll("\\'","'")"}"#,
        ],
    );
    // The validator matches a name by its case, and HTTP/2 sends lower case: the template itself refuses a request without it.
    assert_eq!(request.required_parameters, BTreeSet::new());
}

#[test]
fn what_is_optional_may_be_left_out() {
    let (request, _) = translated(json!({
        "path": "/{e}", "action": "StopExecution", "execution": { "path": "e" },
        "error": { "query": "error", "optional": true }, "cause": { "constant": "it's $cause" }
    }));
    check_refusing(
        request.json(),
        &[
            "#set($value = '')",
            "#set($value = $input.params().path.get('e'))",
            "#if($value.matches('.*%(?![0-9A-Fa-f]{2}).*') == false)",
            "#set($value = $util.urlDecode($value.replace('+', '%2B')))",
            "#end",
            r"#if($value.matches('(?s).*\uFFFD.*') == true)",
            "#set($complete = false)",
            "#end",
            "#set($execution = $value)",
            "#set($value = '')",
            "#set($given = false)",
            "#if($input.params().querystring.containsKey('error') == true)",
            "#set($given = true)",
            "#set($value = $input.params().querystring.get('error'))",
            "#end",
            r"#if($value.matches('(?s).*\uFFFD.*') == true)",
            "#set($complete = false)",
            "#end",
            "#set($error = $value)",
            "#set($errorGiven = $given)",
            r##"{"executionArn": "arn:aws:states:eu-central-1:000000000000:execution:existing:$util.escapeJavaScript($execution).replaceAll("\\'","'")", "cause": "it\u0027s \u0024cause"#if($errorGiven == true), "error": "$util.escapeJavaScript($error).replaceAll("\\'","'")"#end}"##,
        ],
    );
    assert!(request.required_parameters.is_empty());
}

#[test]
fn a_dotted_key_nests() {
    let (request, _) = translated(json!({
        "input": { "fields": {
            "user.id": { "context": "requestId" }, "user.q": { "query": "q", "optional": true }, "x": { "constant": ["$x"] }
        } }
    }));
    check_refusing(
        request.json(),
        &[
            r#"#set($quote = '"')"#,
            "#set($text = '{')",
            "#set($comma = '')",
            r#"#set($part = '"user":{')"#,
            r#"#set($text = "${text}${comma}${part}")"#,
            "#set($comma = '')",
            r#"#set($value = "$context.requestId")"#,
            r#"#set($part = '"id":')"#,
            r#"#set($value = $util.escapeJavaScript($value).replaceAll("\\'","'"))"#,
            r#"#set($text = "${text}${comma}${part}${quote}${value}${quote}")"#,
            "#set($comma = ',')",
            "#set($value = '')",
            "#set($given = false)",
            "#if($input.params().querystring.containsKey('q') == true)",
            "#set($given = true)",
            "#set($value = $input.params().querystring.get('q'))",
            "#end",
            r"#if($value.matches('(?s).*\uFFFD.*') == true)",
            "#set($complete = false)",
            "#end",
            "#if($given == true)",
            r#"#set($part = '"q":')"#,
            r#"#set($value = $util.escapeJavaScript($value).replaceAll("\\'","'"))"#,
            r#"#set($text = "${text}${comma}${part}${quote}${value}${quote}")"#,
            "#set($comma = ',')",
            "#end",
            r#"#set($text = "${text}}")"#,
            "#set($comma = ',')",
            r#"#set($part = '"x":["\u0024x"]')"#,
            r#"#set($text = "${text}${comma}${part}")"#,
            "#set($comma = ',')",
            r#"#set($text = "${text}}")"#,
            r#"{"input": "$util.escapeJavaScript($text).replaceAll("\\'","'")", "stateMachineArn": "arn:aws:states:eu-central-1:000000000000:stateMachine:existing"}"#,
        ],
    );
}

#[test]
fn texts_of_the_body_must_be_strings() {
    let (request, _) = translated(json!({
        "action": "SendTaskFailure", "taskToken": { "body": "$.task.token" }, "error": { "body": "$.error", "optional": true }
    }));
    let task = json!({ "type": "object", "required": ["token"], "properties": { "token": { "type": "string" } } });
    assert_eq!(
        request.models.get("application/json"),
        Some(&json!({
            "$schema": "http://json-schema.org/draft-04/schema#",
            "type": "object",
            "required": ["task"],
            "properties": { "task": task, "error": { "type": "string" } }
        }))
    );
    for line in ["#if($json.startsWith('\"') == true)", "#set($value = $input.path('$.task.token'))"] {
        assert!(request.json().lines().any(|found| found == line), "{line}");
    }
}

#[test]
fn a_failed_execution_is_never_a_success() {
    let (_, responses) = translated(json!({
        "action": "StartSyncExecution",
        "responses": { "success": { "body": { "constant": { "done": true } } }, "errors": [
            { "match": { "error": "Validation*" }, "status": 422 },
            { "match": { "error": "*", "status": "TIMED_OUT" }, "status": 503, "body": { "constant": "later" } }
        ] }
    }));
    let (_, decision) = responses.success.template.split_once("#set($failure = $text)\n").unwrap();
    assert_eq!(
        answer_lines(decision),
        [
            "#if($status == 'SUCCEEDED')",
            r#"{"done":true}"#,
            "#elseif($error.matches('(?s)Validation.*') == true)",
            "#set($code = 422)",
            "$failure",
            "#elseif($error.matches('(?s).*') == true && $status == 'TIMED_OUT')",
            "#set($code = 503)",
            r#""later""#,
            "#elseif($status == 'TIMED_OUT')",
            "#set($code = 504)",
            "$failure",
            "#else",
            "#set($code = 502)",
            "$failure",
            "#end",
            "#if($code != 0)",
            "#set($context.responseOverride.status = $code)",
            "#end",
        ],
    );
}

#[test]
fn a_failed_execution_that_was_asked_for_is_a_success_unless_it_matches() {
    let said = |errors: Value| json!({ "action": "DescribeExecution", "execution": { "query": "e" }, "responses": { "errors": errors } });
    let (_, plain) = translated(said(json!([])));
    assert!(!plain.success.template.contains("responseOverride") && plain.success.template.ends_with("\n$text"));
    let (_, responses) = translated(said(json!([{ "match": { "status": "ABORTED" }, "status": 410 }])));
    let (_, decision) = responses.success.template.split_once("#set($failed = false)\n").unwrap();
    assert_eq!(
        answer_lines(decision),
        [
            "#if($status == 'FAILED' || $status == 'TIMED_OUT' || $status == 'ABORTED')",
            "#set($failed = true)",
            "#end",
            "#if($failed == true && $status == 'ABORTED')",
            "#set($code = 410)",
            "$failure",
            "#else",
            "$text",
            "#end",
            "#if($code != 0)",
            "#set($context.responseOverride.status = $code)",
            "#end",
        ],
    );
}

#[rstest]
#[case::defaults(json!({}), 500, &[
    "400 default", "404 default", "409 default", "429 default", r#"500 {"error":"InternalServerError"}"#,
])]
#[case::of_the_caller(json!({ "clientError": { "status": 422, "body": { "constant": "no" } } }), 500, &[
    r#"422 "no""#, r#"422 "no""#, r#"422 "no""#, "429 default", r#"500 {"error":"InternalServerError"}"#,
])]
#[case::of_the_server(json!({ "serverError": { "status": 503, "body": { "constantJson": "[1.10]" } } }), 503, &[
    "400 default", "404 default", "409 default", "503 [1.10]", "503 [1.10]",
])]
#[case::its_status(json!({ "serverError": { "status": 503 } }), 503, &[
    "400 default", "404 default", "409 default", "503 default", r#"503 {"error":"InternalServerError"}"#,
])]
#[case::its_body(json!({ "serverError": { "body": { "constant": {} } } }), 500, &[
    "400 default", "404 default", "409 default", "429 {}", "500 {}",
])]
fn failures_are_told_apart(#[case] said: Value, #[case] status: u16, #[case] answers: &[&str]) {
    let (_, responses) = translated(json!({ "responses": said }));
    assert_eq!(responses.failure.status, status);
    let (_, decision) = responses.failure.template.split_once("\n#set($code = ").unwrap();
    let (default, decision) = decision.split_once(")\n").unwrap();
    let default_body = r#"{"error":"$util.escapeJavaScript($type).replaceAll("\\'","'")"}"#;
    let mut found = Vec::new();
    let mut code = default;
    for line in answer_lines(decision) {
        if let Some(set) = line.strip_prefix("#set($code = ") {
            code = set.trim_end_matches(')');
        } else if line == "#else" {
            code = default;
        } else if !line.starts_with('#') {
            found.push(format!("{code} {}", if line == default_body { "default" } else { line }));
        }
    }
    assert_eq!(found, answers);
}

/// How often a template holds what Velocity reads as more than text.
fn velocity(template: &str) -> Vec<usize> {
    ["$", "#", "'", "\\\\"].iter().map(|found| template.matches(found).count()).collect()
}

/// What of a text may stand in a header.
fn printable(text: &str) -> String {
    text.chars().filter(|c| matches!(c, ' '..='~')).chain(['x']).collect()
}

/// Everything that a manifest can put into templates, with `key` and `text` wherever it takes any text.
fn with(key: &str, text: &str) -> Vec<String> {
    let json = json!({ key: [text] });
    let said = [
        json!({ "input": { "constant": json } }),
        json!({ "input": { "constantJson": json.to_string() } }),
        json!({ "input": { "fields": { key: { "constant": text }, format!("{key}z.{key}"): { "query": "q" } } } }),
        json!({ "action": "SendTaskFailure", "taskToken": { "query": "t" }, "error": { "constant": text }, "cause": { "constant": key } }),
        json!({ "action": "StartSyncExecution", "responses": {
            "success": { "body": { "constant": json } },
            "errors": [{ "match": { "status": "FAILED" }, "status": 500, "body": { "constantJson": json.to_string() } }],
            "clientError": { "body": { "constant": text } }, "serverError": { "body": { "constant": json } }
        } }),
        json!({ "action": "StartSyncExecution", "responses": {
            "success": { "body": { "fields": { key: { "constant": text }, format!("{key}z.{key}"): { "output": "$.a" } } } },
            "errors": [{ "match": { "status": "FAILED" }, "status": 500, "body": { "text": format!("x{text}") } }],
            "clientError": { "headers": { "X-A": { "constant": printable(text) } } }, "serverError": { "body": { "text": format!("{key}x") } }
        } }),
    ];
    let templates = said.map(|said| {
        let (request, responses) = translated(said);
        [request.json().to_owned(), responses.success.template, responses.failure.template]
    });
    templates.into_iter().flatten().collect()
}

proptest! {
    #[test]
    fn nothing_of_a_manifest_means_anything_to_velocity(key in "[^.]{1,20}", text in any::<String>()) {
        for (found, harmless) in with(&key, &text).iter().zip(with("key", "text")) {
            prop_assert_eq!(velocity(found), velocity(&harmless));
        }
    }

    #[test]
    fn velocitys_own_words_mean_nothing(key in "[$#'\"\\\\{}()!a-z]{1,12}", text in "[$#'\"\\\\{}()!a-z*@\\[\\]]{0,24}") {
        for (found, harmless) in with(&key, &text).iter().zip(with("key", "text")) {
            prop_assert_eq!(velocity(found), velocity(&harmless));
        }
    }

    #[test]
    fn a_constant_input_is_exact(key in any::<String>(), text in any::<String>(), number in any::<i64>()) {
        let constant = json!({ key: [text, number] });
        let (request, responses) = translated(json!({
            "input": { "constant": constant }, "responses": { "success": { "body": { "constant": constant } } }
        }));
        let call: Value = serde_json::from_str(request.json()).unwrap();
        prop_assert_eq!(&call, &json!({ "input": constant.to_string(), "stateMachineArn": ARN }));
        prop_assert_eq!(serde_json::from_str::<Value>(&responses.success.template).unwrap(), constant);
    }
}
