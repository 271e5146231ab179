//! Whatever AWS answers, or whoever stands in front of it, is read without a panic; what can't be read is an error that a person can
//! read, and no object is ever told to be absent for it.

use std::sync::{Arc, Mutex};

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sfn::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use jiff::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::Value;
use sfe_core::api::{ExecutionStatus, StateMachineType};
use sfe_core::executions::Source;
use sfe_core::kinds::log_group::Purpose as LogGroupPurpose;
use sfe_core::kinds::role::Purpose;
use sfe_core::next::Seen;
use sfe_core::observed::{Fact, Read};
use sfe_core::owner::{Owner, Site};

use super::clients::Uncounted;
use super::{Aws, Caller, Class, Error, Rates, SdkAws, Share};
use crate::fence::Fence;

const ARN: &str = "arn:aws:states:eu-central-1:000000000000:stateMachine:a";

/// Right answers of every operation that is read.
const SAMPLES: [&str; 21] = [
    r#"{"stateMachineArn":"arn:aws:states:eu-central-1:000000000000:stateMachine:a","name":"a","status":"ACTIVE","type":"STANDARD","definition":"{\"StartAt\":\"A\"}","roleArn":"arn:aws:iam::000000000000:role/a","creationDate":1.5,"loggingConfiguration":{"level":"ALL","includeExecutionData":true,"destinations":[{"cloudWatchLogsLogGroup":{"logGroupArn":"arn:aws:logs:eu-central-1:000000000000:log-group:a:*"}}]}}"#,
    r#"{"tags":[{"key":"sfe.dev/name","value":"a"},{"key":"b"}]}"#,
    r#"{"executions":[{"executionArn":"arn:a","stateMachineArn":"arn:b","name":"a","status":"FAILED","startDate":1.5,"stopDate":1e9}],"nextToken":"n"}"#,
    r#"{"events":[{"message":"{\"type\":\"ExecutionStarted\",\"execution_arn\":\"a\"}","timestamp":1700000000000},{"message":"{\"type\":\"ExecutionFailed\",\"execution_arn\":\"a\"}","timestamp":9223372036854775807}],"nextToken":"n"}"#,
    r#"{"logGroups":[{"logGroupName":"/aws/vendedlogs/a","arn":"arn:a","retentionInDays":7}],"nextToken":"n"}"#,
    r#"{"tags":{"sfe.dev/cluster":"c","sfe.dev/namespace":"n","sfe.dev/name":"a"}}"#,
    r#"{"item":[{"id":"a","name":"a","createdDate":1.5,"tags":{"sfe.dev/cluster":"c","sfe.dev/namespace":"n","sfe.dev/name":"a"},"disableExecuteApiEndpoint":true,"endpointConfiguration":{"types":["EDGE","X"]},"minimumCompressionSize":0,"policy":"{\\\"Statement\\\":[\\\"a\\\\/b\\\"]}"}],"position":"p"}"#,
    r#"{"item":[{"id":"a","path":"/","resourceMethods":{"POST":{"httpMethod":"POST","operationName":"a","requestParameters":{"a":true},"methodResponses":{"200":{},"x":{}},"methodIntegration":{"type":"AWS","uri":"a","httpMethod":"POST","timeoutInMillis":29000,"integrationResponses":{"200":{"selectionPattern":"2","responseTemplates":{"application/json":"x"}},"-1":{}}}},"X":{}}}]}"#,
    r#"{"item":[{"id":"a","name":"a","providerARNs":["arn:a"],"type":"COGNITO_USER_POOLS"}]}"#,
    r#"{"item":[{"id":"a","name":"sfe","validateRequestBody":true,"validateRequestParameters":true}]}"#,
    r#"{"item":[{"id":"a","name":"a","schema":"{\"type\":\"object\"}","contentType":"application/json"}]}"#,
    r#"{"item":[{"responseType":"THROTTLED","statusCode":"429","defaultResponse":false,"responseParameters":{"a":"b"},"responseTemplates":{"application/json":"x"}}]}"#,
    r#"{"item":[{"id":"a","description":"d","createdDate":1e300,"stageName":"prod","deploymentId":"a","tags":{"a":"b"}}]}"#,
    r#"<GetRoleResponse><GetRoleResult><Role><Path>/sfe/</Path><RoleName>a</RoleName><RoleId>a</RoleId><Arn>arn:aws:iam::000000000000:role/sfe/a</Arn><CreateDate>2026-01-01T00:00:00Z</CreateDate><AssumeRolePolicyDocument>%7B%22Version%22%3A%22a%22%7D</AssumeRolePolicyDocument><Tags><member><Key>k</Key><Value>v</Value></member></Tags><PermissionsBoundary><PermissionsBoundaryArn>arn:b</PermissionsBoundaryArn></PermissionsBoundary></Role></GetRoleResult></GetRoleResponse>"#,
    r#"<GetRolePolicyResponse><GetRolePolicyResult><RoleName>a</RoleName><PolicyName>sfe</PolicyName><PolicyDocument>%7B%7D</PolicyDocument></GetRolePolicyResult></GetRolePolicyResponse>"#,
    r#"<ListAttachedRolePoliciesResponse><ListAttachedRolePoliciesResult><AttachedPolicies><member><PolicyArn>arn:p</PolicyArn></member></AttachedPolicies><IsTruncated>true</IsTruncated><Marker>m</Marker></ListAttachedRolePoliciesResult></ListAttachedRolePoliciesResponse>"#,
    r#"<ListRolePoliciesResponse><ListRolePoliciesResult><PolicyNames><member>sfe</member></PolicyNames><IsTruncated>false</IsTruncated></ListRolePoliciesResult></ListRolePoliciesResponse>"#,
    r#"{"cloudwatchRoleArn":"arn:aws:iam::000000000000:role/a","throttleSettings":{"burstLimit":5000,"rateLimit":1e4},"features":["UsagePlans"]}"#,
    r#"{"item":[{"id":"a","name":"n-a-k","enabled":true,"tags":{"sfe.dev/cluster":"c","sfe.dev/namespace":"n","sfe.dev/name":"a"}}],"position":"p"}"#,
    r#"{"item":[{"id":"a","name":"n-a","apiStages":[{"apiId":"a","stage":"prod"}],"throttle":{"rateLimit":0.5,"burstLimit":1},"quota":{"limit":9,"offset":1,"period":"WEEK"},"tags":{"sfe.dev/cluster":"c","sfe.dev/namespace":"n","sfe.dev/name":"a"}}],"position":"p"}"#,
    r#"{"item":[{"id":"a","type":"API_KEY","name":"n-a-k"}],"position":"p"}"#,
];

const ERRORS: [&str; 8] = [
    r#"{"__type":"StateMachineDoesNotExist","message":"no"}"#,
    r#"{"__type":"com.amazonaws#AccessDeniedException","Message":"no\nno"}"#,
    r#"{"__type":"ResourceNotFoundException"}"#,
    r#"{"__type":"ThrottlingException","message":null}"#,
    r#"{"message":"Invalid API identifier","__type":"NotFoundException"}"#,
    "<ErrorResponse><Error><Code>NoSuchEntity</Code><Message>no</Message></Error></ErrorResponse>",
    "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>",
    "<html>502 Bad Gateway</html>",
];

/// One answer: its status and its body.
type Answer = (u16, String);

/// Answers one after the other, and the last one for ever.
#[derive(Debug)]
struct Script(Mutex<Vec<Answer>>);

impl HttpConnector for Script {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        let mut answers = self.0.lock().unwrap();
        let (status, body) = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status.try_into().unwrap(), body.into())))
    }
}

fn aws(answers: Vec<Answer>) -> SdkAws {
    let connector = SharedHttpConnector::new(Script(Mutex::new(answers)));
    let client = http_client_fn(move |_: &HttpConnectorSettings, _| connector.clone());
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("a", "b", None, None, "test")))
        .retry_config(RetryConfig::disabled())
        .http_client(client)
        .build();
    let rates = Rates { share: Share::Off, ..Rates::default() };
    SdkAws::new(&config, "eu-central-1", Arc::new(Uncounted), Arc::new(Fence::open()), rates)
}

fn owner() -> Owner {
    Owner { cluster: "c".to_owned(), namespace: "n".to_owned(), name: "a".to_owned() }
}

fn site() -> Site {
    Site { partition: "aws".to_owned(), account: "000000000000".to_owned(), region: "eu-central-1".to_owned() }
}

fn reads() -> [Read; 16] {
    let id = || "a".to_owned();
    [
        Read::Role(Purpose::Gateway, id()),
        Read::RolePolicies(Purpose::Gateway, id()),
        Read::LogGroup(LogGroupPurpose::Workflow, "/aws/vendedlogs/a".to_owned()),
        Read::StateMachine(StateMachineType::Standard, ARN.parse().unwrap()),
        Read::RestApis,
        Read::Resources(id()),
        Read::Authorizers(id()),
        Read::RequestValidators(id()),
        Read::Models(id()),
        Read::GatewayResponses(id()),
        Read::Deployments(id()),
        Read::Stages(id()),
        Read::Account,
        Read::ApiKeys,
        Read::UsagePlans,
        Read::UsagePlanKeys(id()),
    ]
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn read(answers: Vec<Answer>, read: &Read) -> Result<Fact, Error> {
    block_on(async { aws(answers).read(&Caller::operator(), &site(), &owner(), read).await })
}

fn executions(answers: Vec<Answer>, source: &Source) -> Result<Vec<ExecutionStatus>, Error> {
    block_on(async { aws(answers).executions(&Caller::operator(), &site(), source).await })
}

/// Text that takes the place of a value, the name of a field or markup.
fn piece() -> impl Strategy<Value = String> {
    const PIECES: &str = "null true -1 1e400 9223372036854775808 {} [] [[]] { } [ ] , : \" \\ \\u0000 \\ud800 < > </ <a> <!-- &amp; &x; ]]> %7B %zz \
                          %ff +inf NaN 99999999999999999999 2026-13-45T99:99:99Z arn: arn:aws:iam::x:y é 😀 DELETING EXPRESS sfe";
    let pieces: Vec<&'static str> = PIECES.split_whitespace().collect();
    prop_oneof![4 => select(pieces).prop_map(str::to_owned), 1 => any::<String>(), 1 => Just(String::new())]
}

/// A body that was right: what is between its quotes and brackets is replaced or taken away, or it ends somewhere.
fn spoiled(body: &str, changes: &[(Index, String)], end: Option<Index>) -> String {
    let mut parts: Vec<String> = body.split_inclusive(['"', '<', '>', ',', ':']).map(str::to_owned).collect();
    for (at, piece) in changes.iter().filter(|_| !body.is_empty()) {
        let at = at.index(parts.len());
        let delimiter = parts[at].pop().filter(|c| "\"<>,:".contains(*c));
        parts[at] = piece.clone();
        parts[at].extend(delimiter);
    }
    let whole = parts.concat();
    let places: Vec<usize> = whole.char_indices().map(|(at, _)| at).collect();
    match end {
        Some(end) if !places.is_empty() => whole[..places[end.index(places.len())]].to_owned(),
        Some(_) | None => whole,
    }
}

fn any_answer() -> impl Strategy<Value = Answer> {
    let status = prop_oneof![12 => Just(200_u16), 1 => select(vec![202, 204, 301, 400, 401, 403, 404, 409, 413, 429, 500, 502, 503])];
    let body =
        prop_oneof![8 => select(SAMPLES.as_slice()), 2 => select(ERRORS.as_slice()), 1 => Just(""), 1 => Just("{}")];
    let spoils = (vec((any::<Index>(), piece()), 0..4), prop::option::weighted(0.1, any::<Index>()));
    prop_oneof![
        12 => (status.clone(), body, spoils).prop_map(|(status, body, (changes, end))| (status, spoiled(body, &changes, end))),
        1 => (status, any::<String>()),
    ]
}

fn cases() -> ProptestConfig {
    let cases = std::env::var("SFE_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(200);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// What is said of an error goes into the status: short, on one line, and with what helps.
fn check_error(error: &Error) -> Result<(), TestCaseError> {
    let text = error.to_string();
    prop_assert!(text.chars().count() < 500 && !text.contains(char::is_control), "{:?}", text);
    let _ = error.remedy();
    Ok(())
}

fn is_absent(fact: &Fact) -> bool {
    matches!(fact, Fact::Role(_, Seen::Absent) | Fact::StateMachine(_, Seen::Absent))
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn any_answers_are_read(answers in vec(any_answer(), 1..4), kind in 0..16_usize) {
        let all_well = answers.iter().all(|(status, _)| (200..300).contains(status));
        let none_of_ours = answers.iter().all(|(status, _)| *status >= 500);
        match read(answers, &reads()[kind]) {
            Ok(fact) => {
                prop_assert!(!none_of_ours, "a failed call told something: {:?}", fact);
                prop_assert!(!all_well || !is_absent(&fact), "an answer told of absence: {:?}", fact);
            }
            Err(error) => check_error(&error)?,
        }
    }

    /// Right answers of the operation itself, each with something wrong.
    #[test]
    fn a_spoiled_answer_is_read(kind in 0..16_usize, changes in vec((any::<Index>(), piece()), 0..3), which in any::<Index>(), end in prop::option::weighted(0.1, any::<Index>())) {
        let mut answers = answers_of(kind);
        let at = which.index(answers.len());
        answers[at].1 = spoiled(&answers[at].1, &changes, end);
        match read(answers, &reads()[kind]) {
            Ok(fact) => prop_assert!(!is_absent(&fact), "an answer told of absence: {:?}", fact),
            Err(error) => {
                check_error(&error)?;
                prop_assert_eq!(error.class, Class::Unreadable);
            }
        }
    }

    #[test]
    fn any_events_are_read(answers in vec(any_answer(), 1..3), logs in any::<bool>()) {
        let source = match logs {
            true => Source::Logs { log_group: "a".to_owned(), since: Timestamp::UNIX_EPOCH },
            false => Source::ListExecutions { state_machine: ARN.parse().unwrap(), keep: 10 },
        };
        match executions(answers, &source) {
            Ok(found) => prop_assert!(found.len() <= 100),
            Err(error) => check_error(&error)?,
        }
    }
}

/// The right answers to each of [`reads`], call by call.
fn answers_of(kind: usize) -> Vec<Answer> {
    let of: &[usize] = match kind {
        0 => &[13, 14, 15, 16],
        1 => &[16],
        2 => &[4, 5],
        3 => &[0, 1],
        4 => &[6],
        5 => &[7],
        6 => &[8],
        7 => &[9],
        8 => &[10],
        9 => &[11],
        10 | 11 => &[12],
        12 => &[17],
        13 => &[18],
        14 => &[19],
        _ => &[20],
    };
    of.iter()
        .map(|sample| (200, SAMPLES[*sample].replace(r#","position":"p""#, "").replace("<Marker>m</Marker>", "")))
        .collect()
}

/// The names of the members on which a read depends: without one the answer can't be read.
const REQUIRED: [&str; 5] = ["id", "path", "type", "createdDate", "stageName"];

/// The pointers to all members of objects in a document, with their names.
fn members(document: &Value, at: &str, found: &mut Vec<(String, String)>) {
    let escaped = |name: &str| name.replace('~', "~0").replace('/', "~1");
    match document {
        Value::Object(of) => {
            for (name, member) in of {
                let at = format!("{at}/{}", escaped(name));
                members(member, &at, found);
                found.push((at, name.clone()));
            }
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| members(item, &format!("{at}/{index}"), found));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Each member of a JSON document by itself as null, with the names of what is null; and all optional ones at once, from the innermost out.
fn with_nulls(body: &str) -> Vec<(Vec<String>, String)> {
    let Ok(document) = serde_json::from_str::<Value>(body) else { return Vec::new() };
    let mut all = Vec::new();
    members(&document, "", &mut all);
    let null = |of: &[(String, String)]| {
        let mut document = document.clone();
        of.iter().for_each(|(at, _)| document.pointer_mut(at).into_iter().for_each(|member| *member = Value::Null));
        (of.iter().map(|(_, name)| name.clone()).collect(), document.to_string())
    };
    let optional: Vec<_> = all.iter().filter(|(_, name)| !REQUIRED.contains(&name.as_str())).cloned().collect();
    let each = all.iter().map(std::slice::from_ref);
    each.chain((1..=optional.len()).map(|many| &optional[..many])).map(null).collect()
}

#[test]
fn a_null_in_place_of_any_value_is_read() {
    let mut cases = 0;
    for (kind, of) in reads().iter().enumerate() {
        let answers = answers_of(kind);
        for (index, (_, body)) in answers.iter().enumerate() {
            for (names, body) in with_nulls(body) {
                let mut answers = answers.clone();
                answers[index].1.clone_from(&body);
                match read(answers, of) {
                    Ok(fact) => assert!(!is_absent(&fact), "an answer told of absence: {body}"),
                    Err(error) => {
                        assert!(names.iter().any(|name| REQUIRED.contains(&name.as_str())), "{error}: {body}");
                        assert_eq!(error.class, Class::Unreadable, "{error}: {body}");
                    }
                }
                cases += 1;
            }
        }
    }
    assert!(cases > 200, "{cases}");
    let sources = [
        (2, Source::ListExecutions { state_machine: ARN.parse().unwrap(), keep: 10 }),
        (3, Source::Logs { log_group: "a".to_owned(), since: Timestamp::UNIX_EPOCH }),
    ];
    for (sample, source) in sources {
        for (_, body) in with_nulls(SAMPLES[sample]) {
            executions(vec![(200, body.clone())], &source).unwrap_or_else(|error| panic!("{error}: {body}"));
        }
    }
}

#[test]
fn an_empty_template_is_there() {
    let body = answers_of(5)[0].1.replace(r#""application/json":"x""#, r#""application/json":null"#);
    let Ok(Fact::Resources(found)) = read(vec![(200, body)], &reads()[5]) else { panic!("not read") };
    let integration = found["/"].methods[&sfe_core::api::HttpMethod::Post].integration.as_ref().unwrap();
    assert_eq!(integration.responses[&200].templates["application/json"], "", "it differs from no template");
}

#[test]
fn what_a_deletion_waits_for_is_counted() {
    let deleting = SAMPLES[0].replace("ACTIVE", "DELETING");
    let read = |executions: Answer| {
        let answers = vec![(200, deleting.clone()), (200, SAMPLES[1].to_owned()), executions];
        match read(answers, &reads()[3]) {
            Ok(Fact::StateMachine(_, Seen::Present(found))) => (found.deleting, found.running),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(read((200, SAMPLES[2].to_owned())), (true, Some(1)));
    assert_eq!(read((400, ERRORS[1].to_owned())), (true, None), "a message alone depends on it");
}

#[test]
fn right_answers_are_understood() {
    for (kind, of) in reads().iter().enumerate() {
        let fact = read(answers_of(kind), of).unwrap_or_else(|error| panic!("{of:?}: {error}"));
        assert!(!is_absent(&fact), "{fact:?}");
    }
    for (kind, body) in [(0, ERRORS[5]), (3, ERRORS[0])] {
        assert!(is_absent(&read(vec![(if kind == 0 { 404 } else { 400 }, body.to_owned())], &reads()[kind]).unwrap()));
        let failed = read(vec![(503, body.to_owned())], &reads()[kind]);
        assert_eq!(failed.map_err(|error| error.class), Err(Class::Unclear), "a failed call tells nothing");
    }
}
