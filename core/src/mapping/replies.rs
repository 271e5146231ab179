//! How answers are put together of parts: as text, as in `tests`.

use rstest::rstest;
use serde_json::{Value, json};

use super::tests::translated;

/// The template of a success of StartSyncExecution, from where it is one.
fn succeeded(success: &Value) -> String {
    let said = json!({ "path": "/{id}", "action": "StartSyncExecution", "responses": { "success": success } });
    let (_, responses) = translated(said);
    let (_, template) = responses.success.template.split_once("#if($status == 'SUCCEEDED')\n").unwrap();
    template.split_once("#elseif($status == 'TIMED_OUT')").unwrap().0.to_owned()
}

/// The lines behind the reading of the output.
fn behind_the_output(template: &str) -> Vec<&str> {
    template.split_once("#set($document = $value)\n").unwrap().1.lines().collect()
}

#[test]
fn a_part_is_a_string_a_number_or_a_boolean() {
    let template = succeeded(&json!({ "body": { "output": "$.order['x-id']" } }));
    assert_eq!(
        behind_the_output(&template),
        [
            "#set($parsed = '')",
            "#if($document != '')",
            "#set($parsed = $util.parseJson($document))",
            "#end",
            r#"#set($value = "$!{parsed.get('order').get('x-id')}")"#,
            r#"#set($length = "$!{parsed.get('order').get('x-id').length()}")"#,
            "#set($given = false)",
            "#if($length != '')",
            "#set($given = true)",
            "#elseif($value.matches('true|false|-?[0-9]+(?:[.][0-9]+)?(?:[eE][+-]?[0-9]+)?') == true)",
            "#set($given = true)",
            "#elseif($value != '')",
            "#set($complete = false)",
            "#end",
            "#if($given == false)",
            "#set($complete = false)",
            "#end",
            "#set($body = $value)",
            "#if($length != '')",
            "#set($quote = '\"')",
            r#"#set($value = $util.escapeJavaScript($value).replaceAll("\\'","'"))"#,
            r#"#set($body = "${quote}${value}${quote}")"#,
            "#end",
            "#if($complete == true)",
            "$body#else",
            "#set($code = 502)",
            r#"{"error":"UnexpectedOutput"}#end"#,
        ],
    );
}

#[test]
fn nothing_but_printable_ascii_gets_into_a_header() {
    let template = succeeded(
        &json!({ "status": 302, "headers": { "Location": { "output": "$.to" } }, "body": { "empty": true } }),
    );
    let lines = behind_the_output(&template);
    let from = lines.iter().position(|line| line.contains("$header0")).unwrap();
    assert_eq!(
        lines[from..],
        [
            "#set($header0 = '')",
            "#if($value.matches('[ -~]+') == true)",
            "#set($header0 = $value)",
            "#end",
            "#if($header0 == '')",
            "#set($complete = false)",
            "#end",
            "#if($complete == true)",
            "#if($header0 != '')",
            "#set($context.responseOverride.header.Location = $header0)",
            "#end",
            "#else",
            "#set($code = 502)",
            r#"{"error":"UnexpectedOutput"}#end"#,
        ],
    );
}

#[test]
fn what_the_request_said_is_told_as_it_is_or_not_at_all() {
    let said = json!({ "fields": { "q": { "query": "q" } } });
    let template = succeeded(&json!({ "headers": { "X-Id": { "path": "id" } }, "body": said }));
    let not_utf_8 =
        ["#if($value.matches('(?s).*\\uFFFD.*') == true)", "#set($value = '')", "#set($given = false)", "#end"];
    let path = [
        "#set($value = '')",
        "#set($value = $input.params().path.get('id'))",
        "#if($value.matches('.*%(?![0-9A-Fa-f]{2}).*') == false)",
        "#set($value = $util.urlDecode($value.replace('+', '%2B')))",
        "#end",
        "#set($given = true)",
    ];
    let header = ["#set($header0 = '')", "#if($value.matches('[ -~]+') == true)", "#set($header0 = $value)", "#end"];
    let query = [
        "#set($value = '')",
        "#set($given = false)",
        "#if($input.params().querystring.containsKey('q') == true)",
        "#set($given = true)",
        "#set($value = $input.params().querystring.get('q'))",
        "#end",
    ];
    let lines: Vec<&str> = template.lines().collect();
    let expected = [&path[..], &not_utf_8, &header].concat();
    assert_eq!(lines[..expected.len()], expected);
    assert!(template.contains(&[&query[..], &not_utf_8, &["#if($given == true)"]].concat().join("\n")), "{template}");
    assert!(!template.contains("$complete"), "nothing of that is missing: {template}");
}

#[test]
fn members_nest_by_the_dots_of_their_keys() {
    let constant = |value: i32| json!({ "constant": value });
    let fields =
        json!({ "a": constant(1), "b.c": constant(2), "b.d.e": constant(3), "b.f": constant(4), "g": constant(5) });
    let template = succeeded(&json!({ "body": { "fields": fields } }));
    let parts: Vec<&str> =
        template.lines().filter_map(|line| line.strip_prefix("#set($part = '")?.strip_suffix("')")).collect();
    assert_eq!(parts, [r#""a":1"#, r#""b":{"#, r#""c":2"#, r#""d":{"#, r#""e":3"#, r#""f":4"#, r#""g":5"#]);
    let ends = template.lines().filter(|line| *line == "#set($text = \"${text}}\")").count();
    assert_eq!(ends, 3, "of d, of b and of all");
}

#[rstest]
#[case::text(json!({ "body": { "text": "50 % + $x\n" } }), &[
    "#set($context.responseOverride.header.Content-Type = $util.urlDecode('text/plain; charset=utf-8'))",
    "$util.urlDecode('50 %25 %2B %24x%0A')",
])]
#[case::headers(json!({ "headers": { "Cache-Control": { "constant": "no-store" } }, "body": { "constant": 1 } }), &[
    "#set($context.responseOverride.header.Cache-Control = $util.urlDecode('no-store'))", "1",
])]
#[case::nothing(json!({ "body": { "empty": true } }), &[])]
fn what_is_known_needs_no_check(#[case] said: Value, #[case] lines: &[&str]) {
    assert_eq!(succeeded(&said).lines().collect::<Vec<_>>(), lines);
}

#[test]
fn a_status_of_the_output_is_a_whole_number_within_its_bounds() {
    let template = succeeded(&json!({ "statusFrom": { "output": "$.s" }, "body": { "outputText": "$.b" } }));
    let status = "#set($isStatus = false)\n#if($length == '')\n#if($value.matches('[2-5][0-9][0-9]') == true)\n\
                  #set($isStatus = true)\n#set($code = $parsed.get('s'))\n#end\n#end\n\
                  #if($isStatus == false)\n#set($complete = false)\n#end\n#if($complete == true)\n";
    assert!(template.contains(status), "{template}");
    assert!(
        template.contains("#if($code != 204 && $code != 304)\n$body#end\n#else\n#set($code = 502)\n"),
        "{template}"
    );
}

#[test]
fn what_redirects_a_failure_is_no_second_response_of_that_status() {
    let to =
        |to: &str| json!({ "status": 303, "headers": { "Location": { "constant": to } }, "body": { "empty": true } });
    let said = json!({ "responses": { "success": to("/yes"), "clientError": to("/no"), "serverError": to("/wait") } });
    let (_, responses) = translated(said);
    assert_eq!((responses.success.status, responses.failure.status), (303, 500));
    assert!(
        responses.failure.template.contains("Location = $util.urlDecode('/wait'))"),
        "{}",
        responses.failure.template
    );
}

#[test]
fn throttling_may_be_answered_by_itself() {
    let said = json!({ "responses": { "serverError": { "status": 503 }, "throttling": { "headers": { "Retry-After": { "constant": "2" } } } } });
    let (_, responses) = translated(said);
    let (_, throttled) = responses.failure.template.split_once("KmsThrottlingException')\n").unwrap();
    let lines: Vec<&str> = throttled.lines().take(2).collect();
    let header = "#set($context.responseOverride.header.Retry-After = $util.urlDecode('2'))";
    assert_eq!(lines, ["#set($code = 429)", header]);
}

#[test]
fn an_execution_is_told_by_its_name() {
    let said =
        json!({ "responses": { "success": { "body": { "fields": { "run": { "answer": "executionName" } } } } } });
    let (_, responses) = translated(said);
    let name = "#set($value = $value.replaceAll('^(?:[^:]*:){7}', ''))\n#set($value = $value.replaceAll(':.*', ''))\n";
    assert!(responses.success.template.contains(name), "{}", responses.success.template);
}

#[rstest]
#[case::of_a_named_execution(json!({ "action": "StopExecution", "execution": { "query": "e" } }), true)]
#[case::of_our_own(json!({ "action": "StartExecution" }), false)]
fn an_invalid_arn_is_the_callers_where_the_caller_names_it(#[case] said: Value, #[case] client: bool) {
    let (_, responses) = translated(said);
    assert_eq!(responses.failure.template.contains("$type == 'InvalidArn'"), client);
}

#[rstest]
#[case::no_content(json!({ "responses": { "success": { "status": 204 } } }), "#set($body = '')")]
#[case::the_service_answers(json!({ "action": "ListExecutions" }), "#set($answer = '{}')\n#set($json = $input.json('$'))\n#if($json != '' && $json != '\"\"')\n#set($answer = $json)\n#end\n$answer")]
fn a_success_reads_as(#[case] said: Value, #[case] template: &str) {
    let (_, responses) = translated(said);
    assert_eq!(responses.success.template, template);
}

#[test]
fn a_template_of_the_manifest_is_printed_for_its_own_case() {
    let template = succeeded(&json!({ "body": { "template": "<p>$x</p> ## it's" }, "contentType": "text/html" }));
    assert_eq!(
        template,
        "#set($context.responseOverride.header.Content-Type = $util.urlDecode('text/html'))\n<p>$x</p> ## it's\n"
    );
}
