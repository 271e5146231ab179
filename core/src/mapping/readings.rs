//! Where values come from, as templates, and which of it is refused.

use rstest::rstest;
use serde_json::{Value, json};

use super::tests::{ARN, translate};

/// The templates of a route that is right, by content type, and its models.
fn translated(said: Value) -> super::Request {
    let (request, _, mistakes) = translate(said, ARN);
    assert_eq!(mistakes, Vec::<String>::new());
    request.unwrap()
}

fn with_source(source: &Value) -> Value {
    json!({
        "path": "/{id}", "input": { "fields": { "a": source } },
        "auth": { "type": "COGNITO_USER_POOLS", "userPoolArns": ["arn:aws:cognito-idp:eu-central-1:000000000000:userpool/one"] },
    })
}

fn of_a_function(key: &str) -> Value {
    let lambda = json!({ "type": "TOKEN", "functionArn": "arn:aws:lambda:eu-central-1:000000000000:function:who" });
    json!({ "auth": { "type": "CUSTOM", "lambda": lambda }, "input": { "fields": { "a": { "authorizer": key } } } })
}

#[rstest]
#[case::claim(json!({ "authorizer": "claims.cognito:username" }), "#set($found = $context.authorizer.claims.get('cognito:username'))")]
#[case::stage_variable(json!({ "stageVariable": "kind" }), "#set($found = $stageVariables['kind'])")]
#[case::context(json!({ "context": "domainName" }), "#set($value = \"$!context.domainName\")")]
#[case::user_agent(json!({ "context": "identity.userAgent" }), "#if($value != '')")]
#[case::whole(json!({ "body": "$" }), "#set($value = $input.json('$'))")]
#[case::raw(json!({ "rawBody": "TEXT" }), "#set($value = $input.body)")]
#[case::base64(json!({ "rawBody": "BASE64" }), "#set($value = $util.base64Encode($decoded).replaceAll('[^A-Za-z0-9+/=]', ''))")]
#[case::decoded(json!({ "query": "q", "decode": "BASE64" }), "#set($decoded = $util.base64Decode($value))")]
fn a_source_is_read(#[case] source: Value, #[case] line: &str) {
    let request = translated(with_source(&source));
    let template = &request.templates["application/json"];
    assert!(template.lines().any(|found| found == line), "{template}");
}

#[test]
fn what_a_function_tells_is_read() {
    let request = translated(of_a_function("x-tenant"));
    let line = "#set($found = $context.authorizer.get('x-tenant'))";
    assert!(request.templates["application/json"].lines().any(|found| found == line));
}

#[test]
fn what_every_request_has_needs_no_refusal() {
    let request = translated(with_source(&json!({ "context": "requestTime" })));
    assert!(!request.templates["application/json"].contains("$complete"));
    let request = translated(with_source(&json!({ "stageVariable": "kind", "optional": true })));
    assert!(!request.templates["application/json"].contains("$complete"));
}

#[test]
fn each_content_type_has_its_template_and_model() {
    let request = translated(json!({
        "input": { "fields": { "all": { "body": "$" } } },
        "contentTypes": {
            "application/x-www-form-urlencoded": { "fields": { "text": { "form": "text" }, "q": { "query": "q" } } },
            "application/vnd.order+json": { "fields": { "id": { "body": "$.id" } } },
            "text/xml": { "fields": { "xml": { "rawBody": "TEXT" } } },
        },
    }));
    let types: Vec<&str> = request.templates.keys().map(String::as_str).collect();
    assert_eq!(
        types,
        ["application/json", "application/vnd.order+json", "application/x-www-form-urlencoded", "text/xml"]
    );
    let draft = "http://json-schema.org/draft-04/schema#";
    assert_eq!(request.models["application/json"], json!({ "$schema": draft }));
    let read = json!({ "$schema": draft, "type": "object", "required": ["id"], "properties": { "id": {} } });
    assert_eq!(request.models["application/vnd.order+json"], read);
    assert_eq!(request.models.len(), 2);
    // The validator would ask for it whatever the content type is: the form's template does.
    assert!(request.required_parameters.is_empty());
}

#[test]
fn bytes_are_read_as_the_base64_that_api_gateway_makes_of_them() {
    let read = json!({ "fields": { "a": { "rawBody": "BASE64" } } });
    let request = translated(json!({ "input": read, "contentTypes": { "image/png": read } }));
    let (bytes, text) = (&request.templates["image/png"], &request.templates["application/json"]);
    assert!(!bytes.contains("base64Encode") && text.contains("base64Encode"), "{bytes}");
    let line = "#if($value.matches('(?:[A-Za-z0-9+/]{4})*+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?') == false)";
    assert!(bytes.lines().any(|found| found == line), "{bytes}");
}

const NO_TEXT: &str = "a body of one of api.binaryMediaTypes is bytes and no text: take all of it, such as `fields: {body: {rawBody: BASE64}}`";

#[rstest]
#[case::text(json!({ "fields": { "a": { "rawBody": "TEXT" } } }), "fields[a].rawBody: `TEXT`: ")]
#[case::member(json!({ "fields": { "a": { "body": "$.a" } } }), "fields[a].body: `$.a`: ")]
#[case::field(json!({ "fields": { "a": { "form": "a" } } }), "fields[a].form: `a`: ")]
#[case::request(json!({ "request": {} }), "request: ")]
#[case::whole(json!({}), "")]
fn nothing_else_is_read_of_bytes(#[case] input: Value, #[case] place: &str) {
    let (_, _, mistakes) = translate(json!({ "contentTypes": { "image/png": input } }), ARN);
    let dot = if place.is_empty() { ": " } else { "." };
    assert_eq!(mistakes, [format!("spec.routes[2].contentTypes[image/png]{dot}{place}{NO_TEXT}")]);
}

#[test]
fn json_is_refused_where_other_types_alone_are_said() {
    let request = translated(json!({ "contentTypes": { "text/xml": { "fields": { "a": { "rawBody": "TEXT" } } } } }));
    assert_eq!(request.templates.keys().collect::<Vec<_>>(), ["text/xml"]);
}

#[test]
fn the_envelope_is_as_cdk_has_it() {
    let request = translated(json!({
        "path": "/{id}",
        "auth": { "type": "COGNITO_USER_POOLS", "userPoolArns": ["arn:aws:cognito-idp:eu-central-1:000000000000:userpool/one"] },
        "input": { "request": { "headers": ["X-Id"], "context": ["identity.sourceIp"], "authorizer": ["claims.sub"] } },
    }));
    let template = &request.templates["application/json"];
    let parts: Vec<&str> =
        template.lines().filter_map(|line| line.strip_prefix("#set($part = '")?.strip_suffix("')")).collect();
    assert_eq!(
        parts,
        [
            r#""authorizer":{"#,
            r#""claims":{"#,
            r#""sub":"#,
            r#""body":"#,
            r#""header":{"#,
            r#""X-Id":"#,
            r#""path":{"#,
            r#""id":"#,
            r#""querystring":{"#,
            r#""requestContext":{"#,
            r#""sourceIp":"#,
        ]
    );
    let get = translated(json!({ "method": "GET", "input": { "request": {} } }));
    assert!(!get.templates["application/json"].contains("\"body\""));
}

#[test]
fn an_execution_has_the_callers_name() {
    let request = translated(json!({ "executionName": { "header": "Idempotency-Key" } }));
    let template = &request.templates["application/json"];
    let call = format!(
        r#"{{"input": "$util.escapeJavaScript($input.body).replaceAll("\\'","'")", "stateMachineArn": "{ARN}", "name": "$util.escapeJavaScript($executionName).replaceAll("\\'","'")"}}"#
    );
    assert!(template.lines().any(|line| line == call), "{template}");
    assert!(template.contains("#set($executionName = '*')"), "{template}");
    let (_, responses, _) = translate(json!({ "executionName": { "context": "requestId" } }), ARN);
    let answers = responses.unwrap().failure.template;
    assert!(
        answers.contains(r#"{"error":"InvalidName","message":"the execution\u0027s name: 1 to 80 characters"#),
        "{answers}"
    );
    let (_, responses, _) = translate(json!({}), ARN);
    assert!(!responses.unwrap().failure.template.contains("InvalidName\",\"message"));
}

#[test]
fn a_request_chooses_of_what_the_manifest_names() {
    let other = "arn:aws:states:eu-central-1:000000000000:stateMachine:b";
    let request = translated(json!({
        "path": "/{kind}", "stateMachines": { "from": { "path": "kind" }, "arns": { "a": ARN, "b": other } }
    }));
    let template = &request.templates["application/json"];
    for line in [
        "#if($value == 'b')",
        "#set($stateMachine = 'arn:aws:states:eu-central-1:000000000000:stateMachine:b')",
        "#if($stateMachine == '')",
    ] {
        assert!(template.lines().any(|found| found == line), "{line}: {template}");
    }
    assert!(!template.contains(&format!("\"stateMachineArn\": \"{ARN}\"")), "{template}");
}

#[test]
fn what_is_required_is_looked_for() {
    let request = translated(
        json!({ "requiredHeaders": ["X-Tenant"], "requiredQuery": ["page"], "requestSchema": "{type: array}" }),
    );
    assert!(request.templates["application/json"].contains("equalsIgnoreCase('X-Tenant')"));
    assert_eq!(request.required_parameters.iter().collect::<Vec<_>>(), ["method.request.querystring.page"]);
    assert_eq!(request.models["application/json"]["type"], "array");
}

const DROPPED: &str = "not allowed with method GET or HEAD, whose body API Gateway drops";

#[rstest]
#[case::no_authorizer(json!({ "input": { "fields": { "a": { "authorizer": "claims.sub" } } } }), &[
    "input.fields[a].authorizer: `claims.sub`: not allowed with auth NONE and AWS_IAM, which have no authorizer".to_owned(),
])]
#[case::no_claim(with_source(&json!({ "authorizer": "principalId" })), &[
    "input.fields[a].authorizer: `principalId`: `claims.<name>` is expected: COGNITO_USER_POOLS tells the claims of the token alone".to_owned(),
])]
#[case::no_claims(of_a_function("claims.sub"), &[
    "input.fields[a].authorizer: `claims.sub`: `<key>` is expected, `principalId` or one of the function's `context`: a Lambda authorizer \
     tells no claims".to_owned(),
])]
#[case::no_signature(json!({ "input": { "fields": { "a": { "context": "identity.userArn" } } } }), &[
    "input.fields[a].context: `identity.userArn`: allowed with auth AWS_IAM alone: only a signature tells it".to_owned(),
])]
#[case::body_of_get(json!({ "method": "GET", "input": { "fields": { "a": { "body": "$" }, "b": { "rawBody": "TEXT" }, "c": { "form": "x" } } } }), &[
    format!("input.fields[a].body: `$`: {DROPPED}"), format!("input.fields[b].rawBody: `TEXT`: {DROPPED}"), format!("input.fields[c].form: `x`: {DROPPED}"),
])]
#[case::form_of_json(json!({ "input": { "fields": { "a": { "form": "x" } } } }), &[
    "input.fields[a].form: `x`: allowed below contentTypes[application/x-www-form-urlencoded] alone".to_owned(),
])]
#[case::json_of_a_form(json!({ "contentTypes": { "application/x-www-form-urlencoded": { "fields": { "a": { "body": "$.x" } } } } }), &[
    "contentTypes[application/x-www-form-urlencoded].fields[a].body: `$.x`: not allowed for a content type that is no JSON: \
     use form for a form's field, or rawBody".to_owned(),
])]
#[case::body_of_xml(json!({ "contentTypes": { "text/xml": {} } }), &[
    "contentTypes[text/xml]: a body of this content type is no JSON: say what the document is made of, such as \
     `fields: {body: {rawBody: TEXT}}`".to_owned(),
])]
#[case::multipart(json!({ "contentTypes": { "multipart/form-data": {} } }), &[
    "contentTypes[multipart/form-data]: `multipart/form-data`: API Gateway can't read the parts of a body: take all of it, such as \
     `fields: {body: {rawBody: BASE64}}`".to_owned(),
])]
#[case::types(json!({ "contentTypes": { "application/json": {}, "Text/XML": {}, "text/*": {}, "text/xml; charset=utf-8": {} } }), &[
    "contentTypes[Text/XML]: `Text/XML`: a content type in lower case and without parameters is expected, such as `text/xml`".to_owned(),
    "contentTypes[application/json]: `application/json`: leave it out: `input` (or `output`) says what application/json becomes".to_owned(),
    "contentTypes[text/*]: `text/*`: a content type in lower case and without parameters is expected, such as `text/xml`".to_owned(),
    "contentTypes[text/xml; charset=utf-8]: `text/xml; charset=utf-8`: a content type in lower case and without parameters is expected, such as `text/xml`".to_owned(),
])]
#[case::types_of_get(json!({ "method": "GET", "contentTypes": { "application/a+json": { "constant": 1 } } }), &[format!("contentTypes: {DROPPED}")])]
#[case::types_of_nothing(json!({ "action": "SendTaskHeartbeat", "taskToken": { "query": "t" }, "contentTypes": { "text/xml": { "constant": 1 } } }), &[
    "contentTypes: leave it out: SendTaskHeartbeat has no use for it".to_owned(),
])]
#[case::told_once(json!({ "executionName": { "header": "a b" }, "input": {}, "contentTypes": { "text/xml": { "constant": 1 } } }), &[
    "executionName.header: `a b`: 1 to 128 ASCII letters, digits, `.`, `_` and `-` are allowed, as API Gateway names parameters".to_owned(),
])]
#[case::encoded(json!({ "input": { "fields": { "a": { "rawBody": "TEXT", "decode": "BASE64" }, "b": { "constant": "x", "decode": "BASE64" } } } }), &[
    "input.fields[a].decode: `BASE64`: leave it out: no client encodes what is read there".to_owned(),
    "input.fields[b].decode: `BASE64`: leave it out: no client encodes what is read there".to_owned(),
])]
#[case::no_text(json!({ "executionName": { "body": "$" } }), &[
    "executionName.body: `$`: a text is expected here: one member, or rawBody for all of the body".to_owned(),
])]
#[case::stage_variable(json!({ "input": { "fields": { "a": { "stageVariable": "a-b" } } } }), &[
    "input.fields[a].stageVariable: `a-b`: ASCII letters, digits and `_` are allowed, as API Gateway names stage variables".to_owned(),
])]
#[case::name_of_nothing(json!({ "action": "ListExecutions", "executionName": { "query": "n" }, "stateMachines": { "from": { "query": "q" }, "arns": { "a": ARN } } }), &[
    "stateMachines: leave it out: ListExecutions has no use for it".to_owned(), "executionName: leave it out: ListExecutions has no use for it".to_owned(),
])]
#[case::name(json!({ "executionName": { "constant": "a b" } }), &[
    r#"executionName.constant: `a b`: 1 to 80 characters are allowed, none of them a space, a control character or one of <>{}[]?*"#.to_owned()
        + r##""#%\^|~`$&,;:/"##,
])]
#[case::choice(json!({ "stateMachines": { "from": { "constant": "a" }, "arns": {} } }), &[
    "stateMachines.from.constant: leave it out: a constant chooses nothing".to_owned(), "stateMachines.arns: at least one is required".to_owned(),
])]
#[case::optional_choice(json!({ "stateMachines": { "from": { "query": "a", "optional": true }, "arns": { "a": ARN } } }), &[
    "stateMachines.from.optional: `true`: leave it out: without a value there is no state machine".to_owned(),
])]
#[case::schema_of_get(json!({ "method": "GET", "requestSchema": "{}" }), &[format!("requestSchema: {DROPPED}")])]
#[case::schema_of_xml(json!({ "requestSchema": "{}", "contentTypes": { "text/xml": { "constant": 1 } } }), &[
    "requestSchema: leave it out: the route takes no JSON. With contentTypes, `input` says that it does".to_owned(),
])]
#[case::twice(json!({ "input": { "request": { "headers": ["X-A", "x-a"], "context": ["accountId", "identity.accountId"] } }, "auth": { "type": "AWS_IAM" } }), &[
    "input.request.headers[1]: `x-a`: another of the list has this member's place".to_owned(),
    "input.request.context[1]: `identity.accountId`: another of the list has this member's place".to_owned(),
])]
#[case::required(json!({ "requiredHeaders": ["a b"], "requiredQuery": ["$"] }), &[
    "requiredHeaders[0]: `a b`: 1 to 128 ASCII letters, digits, `.`, `_` and `-` are allowed, as API Gateway names parameters".to_owned(),
    "requiredQuery[0]: `$`: 1 to 128 ASCII letters, digits, `.`, `_` and `-` are allowed, as API Gateway names parameters".to_owned(),
])]
fn what_makes_no_sense_is_refused(#[case] said: Value, #[case] expected: &[String]) {
    let (_, _, mistakes) = translate(said, ARN);
    let expected: Vec<String> = expected.iter().map(|mistake| format!("spec.routes[2].{mistake}")).collect();
    assert_eq!(mistakes, expected);
}

#[test]
fn a_template_of_the_manifest_sets_the_document() {
    let request = translated(json!({ "input": { "template": "#set($document = $input.json('$.a')) ## a" } }));
    let expected = [
        "#set($document = '')",
        "#set($document = $input.json('$.a')) ## a",
        "",
        r##"#set($document = "$!{document}")"##,
        "#if($document == '')",
        "#set($complete = false)",
        "#end",
        "#if($complete == true)",
        &format!(
            r#"{{"input": "$util.escapeJavaScript($document).replaceAll("\\'","'")", "stateMachineArn": "{ARN}"}}"#
        ),
        "#else",
        "{}",
        "#end",
    ];
    let lines: Vec<&str> = request.templates["application/json"].lines().collect();
    assert_eq!(lines[lines.len() - expected.len()..], expected);
    assert_eq!(request.models["application/json"], super::model::Model::any());
}

#[test]
fn a_template_that_reads_no_body_asks_nothing_of_it() {
    let request = translated(json!({ "input": { "template": "#set($document = $context.requestId)" } }));
    assert!(request.models.is_empty());
    assert!(!request.templates["application/json"].contains("$input"));
}
