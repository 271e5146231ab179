//! IAM policy documents: those that the roles of an endpoint need, and how one that IAM answers is compared with them.
//!
//! Service principals are the same in every partition: `states.amazonaws.com` and `apigateway.amazonaws.com` work in
//! aws-cn and aws-us-gov too. Everything else that names a partition takes it from an ARN.

mod callers;
mod resource;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::api::{Statement, StepFunctionsAction};
use crate::arn::Arn;

pub use callers::{Callers, Cidr, Gate, Sources};
pub use resource::ResourcePolicy;

/// What Step Functions needs to write a log. None of these actions knows an ARN. Source: Step Functions developer
/// guide, "Logging using CloudWatch Logs", IAM policies.
const LOGGING_ACTIONS: [&str; 8] = [
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
];

/// An IAM policy document, compared by meaning: key order, a string or a list of that one string, the order and
/// repetitions of a list, white space and percent-encoding never matter. `Sid` does. A document that can't be read
/// equals only the same text.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyDocument(Form);

#[derive(Clone, Debug, PartialEq)]
enum Form {
    /// In normal form: keys and lists sorted, nothing twice, a list of one as its item.
    Read(Value),
    Unreadable(String),
}

impl PolicyDocument {
    /// The document that IAM answered: JSON, percent-encoded after RFC 3986. JSON as it is, as some local AWS answers
    /// it, is read too: it begins with a brace, which encoded text never does.
    pub fn observed(text: &str) -> Self {
        let is_plain = text.trim_start().starts_with('{');
        let decoded = if is_plain { Some(text.to_owned()) } else { percent_decoded(text) };
        match decoded.and_then(|json| serde_json::from_str(&json).ok()) {
            Some(document @ Value::Object(_)) => Self::of(document),
            _ => Self(Form::Unreadable(text.to_owned())),
        }
    }

    /// Compact JSON of the normal form: equal documents have the same text. A document that can't be read is as IAM
    /// answered it.
    pub fn to_json(&self) -> String {
        match &self.0 {
            Form::Read(document) => document.to_string(),
            Form::Unreadable(text) => text.clone(),
        }
    }

    /// The characters that count against IAM's quotas, which leave white space out: 2,048 for a trust policy, 10,240
    /// for all inline policies of a role together. Source: IAM user guide, "IAM and AWS STS quotas".
    pub fn size(&self) -> usize {
        self.to_json().chars().filter(|c| !c.is_whitespace()).count()
    }

    /// The statements of both: what either allows. An other that can't be read adds nothing.
    #[must_use]
    pub fn and(&self, other: Option<&Self>) -> Self {
        let statements = |document: &Self| match &document.0 {
            Form::Read(document) => items(document.get("Statement")).to_vec(),
            Form::Unreadable(_) => Vec::new(),
        };
        let mut all: Vec<Value> = statements(self);
        all.extend(other.map(statements).unwrap_or_default());
        Self::allow(all)
    }

    fn of(document: Value) -> Self {
        Self(Form::Read(normal(document)))
    }

    fn allow(statements: Vec<Value>) -> Self {
        Self::of(json!({ "Version": "2012-10-17", "Statement": statements }))
    }
}

/// Who may assume the role that calls Step Functions: API Gateway.
///
/// Without a condition: with one on the account or on the API, API Gateway's own calls are refused, as it sends neither
/// key.
pub fn gateway_trust() -> PolicyDocument {
    PolicyDocument::allow(vec![json!({
        "Effect": "Allow",
        "Principal": { "Service": "apigateway.amazonaws.com" },
        "Action": "sts:AssumeRole",
    })])
}

/// Who may assume the role that the workflow runs with: Step Functions, for the named state machines of `account` (both
/// of them during a replacement) and for no other. At least one must be named: an empty list lets nobody in.
pub fn workflow_trust(account: &str, state_machines: &BTreeSet<Arn>) -> PolicyDocument {
    PolicyDocument::allow(vec![json!({
        "Effect": "Allow",
        "Principal": { "Service": "states.amazonaws.com" },
        "Action": "sts:AssumeRole",
        "Condition": {
            "StringEquals": { "aws:SourceAccount": account },
            "ArnLike": { "aws:SourceArn": state_machines.iter().map(Arn::as_str).collect::<Vec<_>>() },
        },
    })])
}

/// The state machines that an observed trust policy names in `aws:SourceArn`. What can't be read, or is a pattern,
/// names none.
pub fn trusted_state_machines(document: &PolicyDocument) -> BTreeSet<Arn> {
    let Form::Read(document) = &document.0 else { return BTreeSet::new() };
    let mut machines = BTreeSet::new();
    for statement in items(document.get("Statement")) {
        if statement.get("Effect").and_then(Value::as_str) != Some("Allow") {
            continue;
        }
        let Some(conditions) = statement.get("Condition").and_then(Value::as_object) else { continue };
        for (operator, keys) in conditions {
            if !["ArnLike", "ArnEquals", "StringLike", "StringEquals"].contains(&operator.as_str()) {
                continue;
            }
            // Condition keys don't distinguish case. Source: IAM user guide, "IAM JSON policy elements: Condition".
            let keys =
                keys.as_object().into_iter().flatten().filter(|(key, _)| key.eq_ignore_ascii_case("aws:SourceArn"));
            machines.extend(keys.flat_map(|(_, value)| items(Some(value))).filter_map(state_machine));
        }
    }
    machines
}

/// What the gateway role may do: one statement an action, on the narrowest ARNs that IAM knows for it. No calls, no
/// statements.
pub fn gateway_permissions(calls: &BTreeSet<(StepFunctionsAction, Arn)>, functions: &BTreeSet<Arn>) -> PolicyDocument {
    let mut resources: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (action, machine) in calls {
        resources.entry(iam_action(*action)).or_default().insert(resource(*action, machine));
    }
    for function in functions {
        resources.entry("lambda:InvokeFunction").or_default().insert(function.to_string());
    }
    PolicyDocument::allow(resources.iter().map(|(action, resources)| allowing(action, resources)).collect())
}

/// What the workflow's role may do: the manifest's statements, each an Allow, and for `logging` what Step Functions
/// needs to write its log. `None` where nothing is to be allowed: IAM refuses a document without a statement.
pub fn workflow_permissions(statements: &[Statement], logging: bool) -> Option<PolicyDocument> {
    let mut allowed = Vec::with_capacity(statements.len() + 1);
    for Statement { actions, resources } in statements {
        allowed.push(allowing(actions, resources));
    }
    if logging {
        allowed.push(allowing(LOGGING_ACTIONS, "*"));
    }
    (!allowed.is_empty()).then(|| PolicyDocument::allow(allowed))
}

/// A statement that allows one or more actions on one or more resources.
fn allowing(actions: impl Serialize, resources: impl Serialize) -> Value {
    json!({ "Effect": "Allow", "Action": actions, "Resource": resources })
}

fn iam_action(action: StepFunctionsAction) -> &'static str {
    match action {
        StepFunctionsAction::StartExecution => "states:StartExecution",
        StepFunctionsAction::StartSyncExecution => "states:StartSyncExecution",
        StepFunctionsAction::DescribeExecution => "states:DescribeExecution",
        StepFunctionsAction::StopExecution => "states:StopExecution",
        StepFunctionsAction::ListExecutions => "states:ListExecutions",
        StepFunctionsAction::GetExecutionHistory => "states:GetExecutionHistory",
        StepFunctionsAction::RedriveExecution => "states:RedriveExecution",
        StepFunctionsAction::SendTaskSuccess => "states:SendTaskSuccess",
        StepFunctionsAction::SendTaskFailure => "states:SendTaskFailure",
        StepFunctionsAction::SendTaskHeartbeat => "states:SendTaskHeartbeat",
    }
}

/// The narrowest resource of an action. Source: Service authorization reference, "Actions, resources, and condition
/// keys for AWS Step Functions".
fn resource(action: StepFunctionsAction, machine: &Arn) -> String {
    match action {
        StepFunctionsAction::StartExecution
        | StepFunctionsAction::StartSyncExecution
        | StepFunctionsAction::ListExecutions => machine.as_str().to_owned(),
        StepFunctionsAction::DescribeExecution
        | StepFunctionsAction::StopExecution
        | StepFunctionsAction::GetExecutionHistory
        | StepFunctionsAction::RedriveExecution => executions(machine),
        // A call names a task token, and the reference has no resource for these actions: it asks for `*`. In practice
        // AWS checks the ARN of the state machine, or of the activity for its token (aws-cdk pull request 8486).
        StepFunctionsAction::SendTaskSuccess
        | StepFunctionsAction::SendTaskFailure
        | StepFunctionsAction::SendTaskHeartbeat => "*".to_owned(),
    }
}

/// All executions of a state machine. `stateMachine:orders` and its versions and aliases (`stateMachine:orders:live`)
/// have the same ones.
fn executions(machine: &Arn) -> String {
    let name = machine.resource().split(':').nth(1).unwrap_or_default();
    let (partition, region, account) = (machine.partition(), machine.region(), machine.account());
    format!("arn:{partition}:states:{region}:{account}:execution:{name}:*")
}

/// A list's items; a single value is a list of one, as everywhere in IAM.
fn items(value: Option<&Value>) -> &[Value] {
    match value {
        None => &[],
        Some(Value::Array(items)) => items,
        Some(single) => std::slice::from_ref(single),
    }
}

fn state_machine(value: &Value) -> Option<Arn> {
    let arn: Arn = value.as_str()?.parse().ok()?;
    let is_one = arn.service() == "states" && arn.resource().starts_with("stateMachine:");
    let is_pattern = arn.as_str().contains(['*', '?']);
    (is_one && !is_pattern).then_some(arn)
}

/// Keys and lists sorted, nothing twice, a list of one as its item. The recursion is bounded by serde_json's limit when
/// reading.
fn normal(value: Value) -> Value {
    match value {
        Value::Array(items) => {
            let sorted: BTreeMap<String, Value> =
                items.into_iter().map(normal).map(|item| (item.to_string(), item)).collect();
            let mut items: Vec<Value> = sorted.into_values().collect();
            match items.pop() {
                Some(only) if items.is_empty() => only,
                last => {
                    items.extend(last);
                    Value::Array(items)
                }
            }
        }
        // serde_json keeps the order of insertion if any crate in the build asks for it: sorted here, the text never
        // depends on that.
        Value::Object(members) => {
            let sorted: BTreeMap<String, Value> =
                members.into_iter().map(|(key, value)| (key, normal(value))).collect();
            Value::Object(Map::from_iter(sorted))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

/// The text with each `%XX` as the byte it stands for; `None` where that isn't two digits, or the bytes aren't UTF-8.
fn percent_decoded(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let (high, low) = (digit(bytes.next()?)?, digit(bytes.next()?)?);
        decoded.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn machine(name: &str) -> Arn {
        format!("arn:aws-cn:states:cn-north-1:000000000000:stateMachine:{name}").parse().unwrap()
    }

    fn check(document: &PolicyDocument, expected: &str) {
        assert_eq!(document.to_json(), expected);
        assert_eq!(&PolicyDocument::observed(expected), document, "read again");
        assert_eq!(document.size(), expected.len());
    }

    #[test]
    fn gateway_trust_has_no_condition() {
        check(
            &gateway_trust(),
            r#"{"Statement":{"Action":"sts:AssumeRole","Effect":"Allow","Principal":{"Service":"apigateway.amazonaws.com"}},"Version":"2012-10-17"}"#,
        );
    }

    #[rstest]
    #[case::one(&["a"], r#""arn:aws-cn:states:cn-north-1:000000000000:stateMachine:a""#)]
    #[case::both_during_a_replacement(
        &["b", "a"],
        r#"["arn:aws-cn:states:cn-north-1:000000000000:stateMachine:a","arn:aws-cn:states:cn-north-1:000000000000:stateMachine:b"]"#
    )]
    fn workflow_trust_names_the_machines(#[case] names: &[&str], #[case] expected: &str) {
        let machines: BTreeSet<Arn> = names.iter().map(|name| machine(name)).collect();
        let trust = workflow_trust("000000000000", &machines);
        let condition = format!(
            r#"{{"ArnLike":{{"aws:SourceArn":{expected}}},"StringEquals":{{"aws:SourceAccount":"000000000000"}}}}"#
        );
        let statement = format!(
            r#"{{"Action":"sts:AssumeRole","Condition":{condition},"Effect":"Allow","Principal":{{"Service":"states.amazonaws.com"}}}}"#
        );
        check(&trust, &format!(r#"{{"Statement":{statement},"Version":"2012-10-17"}}"#));
        assert_eq!(trusted_state_machines(&trust), machines);
        assert!(trust.size() < 2048);
    }

    #[rstest]
    #[case::another_operator_and_case(
        r#"{"Effect":"Allow","Condition":{"StringEquals":{"AWS:sourcearn":"arn:aws-cn:states:cn-north-1:000000000000:stateMachine:a"}}}"#,
        &["a"]
    )]
    #[case::a_pattern(
        r#"{"Effect":"Allow","Condition":{"ArnLike":{"aws:SourceArn":"arn:aws-cn:states:cn-north-1:000000000000:stateMachine:*"}}}"#,
        &[]
    )]
    #[case::a_denial(
        r#"{"Effect":"Deny","Condition":{"ArnLike":{"aws:SourceArn":"arn:aws-cn:states:cn-north-1:000000000000:stateMachine:a"}}}"#,
        &[]
    )]
    #[case::an_exclusion(
        r#"{"Effect":"Allow","Condition":{"ArnNotLike":{"aws:SourceArn":"arn:aws-cn:states:cn-north-1:000000000000:stateMachine:a"}}}"#,
        &[]
    )]
    #[case::anything_else(r#"[1,null,{"Effect":"Allow","Condition":{"ArnLike":[{"aws:SourceArn":{}}]}}]"#, &[])]
    fn trusted(#[case] statement: &str, #[case] names: &[&str]) {
        let document = PolicyDocument::observed(&format!(r#"{{"Statement":{statement}}}"#));
        assert_eq!(trusted_state_machines(&document), names.iter().map(|name| machine(name)).collect());
    }

    #[rstest]
    #[case::on_the_machine(StepFunctionsAction::StartExecution, "states:StartExecution", "stateMachine:a")]
    #[case::sync_on_the_machine(StepFunctionsAction::StartSyncExecution, "states:StartSyncExecution", "stateMachine:a")]
    #[case::list_on_the_machine(StepFunctionsAction::ListExecutions, "states:ListExecutions", "stateMachine:a")]
    #[case::on_executions(StepFunctionsAction::DescribeExecution, "states:DescribeExecution", "execution:a:*")]
    #[case::stop_on_executions(StepFunctionsAction::StopExecution, "states:StopExecution", "execution:a:*")]
    #[case::history_on_executions(
        StepFunctionsAction::GetExecutionHistory,
        "states:GetExecutionHistory",
        "execution:a:*"
    )]
    #[case::redrive_on_executions(StepFunctionsAction::RedriveExecution, "states:RedriveExecution", "execution:a:*")]
    #[case::success_on_all(StepFunctionsAction::SendTaskSuccess, "states:SendTaskSuccess", "*")]
    #[case::failure_on_all(StepFunctionsAction::SendTaskFailure, "states:SendTaskFailure", "*")]
    #[case::heartbeat_on_all(StepFunctionsAction::SendTaskHeartbeat, "states:SendTaskHeartbeat", "*")]
    fn the_narrowest_resource(#[case] action: StepFunctionsAction, #[case] allowed: &str, #[case] resource: &str) {
        let resource = match resource {
            "*" => resource.to_owned(),
            _ => format!("arn:aws-cn:states:cn-north-1:000000000000:{resource}"),
        };
        check(
            &gateway_permissions(&BTreeSet::from([(action, machine("a"))]), &BTreeSet::new()),
            &format!(
                r#"{{"Statement":{{"Action":"{allowed}","Effect":"Allow","Resource":"{resource}"}},"Version":"2012-10-17"}}"#
            ),
        );
    }

    #[test]
    fn one_statement_an_action() {
        let describe = StepFunctionsAction::DescribeExecution;
        let calls = BTreeSet::from([
            (StepFunctionsAction::StartExecution, machine("a")),
            (describe, machine("b")),
            (describe, machine("a:live")),
        ]);
        let of = "arn:aws-cn:states:cn-north-1:000000000000";
        let start =
            format!(r#"{{"Action":"states:StartExecution","Effect":"Allow","Resource":"{of}:stateMachine:a"}}"#);
        let describe = format!(
            r#"{{"Action":"states:DescribeExecution","Effect":"Allow","Resource":["{of}:execution:a:*","{of}:execution:b:*"]}}"#
        );
        let expected = format!(r#"{{"Statement":[{describe},{start}],"Version":"2012-10-17"}}"#);
        check(&gateway_permissions(&calls, &BTreeSet::new()), &expected);
        let function = |name: &str| format!("arn:aws:lambda:r:000000000000:function:{name}").parse::<Arn>().unwrap();
        let functions = BTreeSet::from([function("a"), function("b:live")]);
        let invoke = r#"{"Action":"lambda:InvokeFunction","Effect":"Allow","Resource":["arn:aws:lambda:r:000000000000:function:a","arn:aws:lambda:r:000000000000:function:b:live"]}"#;
        let expected = format!(r#"{{"Statement":{invoke},"Version":"2012-10-17"}}"#);
        check(&gateway_permissions(&BTreeSet::new(), &functions), &expected);
    }

    #[test]
    fn the_workflow_is_allowed_what_the_manifest_says() {
        assert_eq!(workflow_permissions(&[], false), None);
        let invoke =
            Statement { actions: vec!["lambda:InvokeFunction".to_owned()], resources: vec!["arn:x".to_owned()] };
        let manifest = r#"{"Action":"lambda:InvokeFunction","Effect":"Allow","Resource":"arn:x"}"#;
        let logs = LOGGING_ACTIONS.join(r#"",""#);
        let logs = format!(r#"{{"Action":["{logs}"],"Effect":"Allow","Resource":"*"}}"#);
        let document = |statements: &str| format!(r#"{{"Statement":{statements},"Version":"2012-10-17"}}"#);
        check(&workflow_permissions(std::slice::from_ref(&invoke), false).unwrap(), &document(manifest));
        check(&workflow_permissions(&[], true).unwrap(), &document(&logs));
        check(&workflow_permissions(&[invoke], true).unwrap(), &document(&format!("[{manifest},{logs}]")));
    }

    #[test]
    fn both_documents_are_allowed() {
        let (start, trust) = (StepFunctionsAction::StartExecution, gateway_trust());
        let calls = gateway_permissions(&BTreeSet::from([(start, machine("a"))]), &BTreeSet::new());
        let both = calls.and(Some(&trust));
        assert_eq!(both, trust.and(Some(&calls)));
        assert_eq!(both.and(Some(&calls)), both, "again: nothing");
        assert_eq!((calls.and(None), calls.and(Some(&PolicyDocument::observed("%")))), (calls.clone(), calls));
    }

    #[rstest]
    #[case::encoded("%7B%22Version%22%3A%222012-10-17%22%7D", r#"{ "Version": "2012-10-17" }"#, true)]
    #[case::encoded_in_small_letters("%7b%22a%22%3a%22%c3%a4%22%7d", r#"{"a":"ä"}"#, true)]
    #[case::a_percent_sign_in_plain_json(r#"{"a":"%7B"}"#, "%7B%22a%22%3A%22%257B%22%7D", true)]
    #[case::a_long_number(r#"{"a":8.676731761089702e+164}"#, "%7B%22a%22%3A8.676731761089702e164%7D", true)]
    #[case::another_sid(r#"{"Sid":"a"}"#, r#"{"Sid":"b"}"#, false)]
    #[case::an_empty_list_is_not_absence(r#"{"a":[]}"#, "{}", false)]
    #[case::unreadable_equals_itself("%7", "%7", true)]
    #[case::unreadable_equals_nothing_else("%7", "%", false)]
    #[case::not_an_object("[]", "%5B%5D", false)]
    #[case::not_utf_8("%7B%22a%22%3A%22%FF%22%7D", "%7B%22a%22%3A%22%FE%22%7D", false)]
    fn compares(#[case] one: &str, #[case] another: &str, #[case] equal: bool) {
        let (one, another) = (PolicyDocument::observed(one), PolicyDocument::observed(another));
        assert_eq!(one == another, equal, "{one:?} {another:?}");
    }

    /// An action and a resource of one statement among others, as lists.
    fn any_statements() -> impl Strategy<Value = Vec<(Vec<String>, Vec<String>)>> {
        let words = || prop::collection::vec("[a-c%* ä]{1,3}", 1..4);
        prop::collection::vec((words(), words()), 1..4)
    }

    fn encoded(text: &str) -> String {
        text.bytes().map(|byte| format!("%{byte:02X}")).collect()
    }

    /// The list as IAM may answer it: in any form that means the same.
    fn loosely(items: &[String]) -> Value {
        match items {
            [only] => json!(only),
            _ => json!(items),
        }
    }

    proptest! {
        #[test]
        fn order_and_form_never_matter(
            (statements, shuffled) in any_statements().prop_flat_map(|statements| {
                let lists = statements.iter().map(|(one, another)| (Just(one.clone()).prop_shuffle(), Just(another.clone()).prop_shuffle()));
                let shuffled = lists.collect::<Vec<_>>().prop_flat_map(|statements| Just(statements).prop_shuffle());
                (Just(statements), shuffled)
            })
        ) {
            let strict = statements.iter().map(|(action, resource)| json!({ "Effect": "Allow", "Action": action, "Resource": resource }));
            let strict = json!({ "Version": "2012-10-17", "Statement": strict.collect::<Vec<_>>() });
            let loose = shuffled.iter().map(|(action, resource)| {
                format!(r#"{{"Resource": {}, "Action" : {}, "Effect":"Allow"}}"#, loosely(resource), loosely(action))
            });
            let loose = format!(r#" {{"Statement": [{}], "Version": "2012-10-17"}}"#, loose.collect::<Vec<_>>().join(" , "));
            let (strict, loose) = (PolicyDocument::observed(&strict.to_string()), PolicyDocument::observed(&encoded(&loose)));
            prop_assert_eq!(&strict, &loose);
            prop_assert_eq!(strict.to_json(), loose.to_json());
            prop_assert_eq!(PolicyDocument::observed(&strict.to_json()), strict);
        }

        #[test]
        fn any_text_is_observed(text in any::<String>(), almost in "[%7BD2\\[\\]{}\":,a]{0,60}") {
            for text in [text, almost] {
                let document = PolicyDocument::observed(&text);
                prop_assert_eq!(&document, &PolicyDocument::observed(&text));
                prop_assert_eq!(trusted_state_machines(&document), BTreeSet::new());
            }
        }
    }
}
