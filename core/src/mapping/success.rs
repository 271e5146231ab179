//! The integration response for what Step Functions answers with 2xx. A failed execution is among that: only one that succeeded is
//! let through.

use crate::api::{Body, ErrorMatch, ErrorResponse, FailedStatus, Responses, StepFunctionsAction};
use crate::mistakes::{FieldPath, Mistakes};

use super::glob::Glob;
use super::json::Json;
use super::source::BodyPath;
use super::vtl::Template;
use super::{Call, Response, bounded, object, read};

/// What a failed execution is answered with, as API Gateway itself answers for a failed or a late backend.
const BAD_GATEWAY: u16 = 502;
const GATEWAY_TIMEOUT: u16 = 504;

/// What `responses` say of the action's own answer; `at` is their field path, such as `spec.routes[2].responses`.
pub(super) fn success(said: &Responses, call: &Call, at: &FieldPath, mistakes: &mut Mistakes) -> Option<Response> {
    let success = said.success.clone().unwrap_or_default();
    let at_success = at.field("success");
    let status = status(success.status.unwrap_or(200), 200..=399, &at_success.field("status"), mistakes);
    let constant = body(success.body.as_ref(), &at_success.field("body"), mistakes);
    let rules = rules(&said.errors, call, &at.field("errors"), mistakes);
    let (status, constant, rules) = (status?, constant?, rules?);
    let bodiless = matches!(status, 204 | 304);
    if bodiless && constant.is_some() {
        mistakes.add(at_success.field("body"), "", format!("leave it out: an answer with status {status} has no body"));
        return None;
    }
    let body = match constant {
        Some(json) => Answer::Constant(json),
        None if bodiless => Answer::Nothing,
        None => Answer::Service,
    };
    let mut template = Template::new();
    match call.action {
        StepFunctionsAction::StartSyncExecution => sync(&body, &rules, &mut template),
        StepFunctionsAction::DescribeExecution if !rules.is_empty() => describe(&body, &rules, &mut template),
        StepFunctionsAction::StartExecution
        | StepFunctionsAction::DescribeExecution
        | StepFunctionsAction::StopExecution
        | StepFunctionsAction::ListExecutions
        | StepFunctionsAction::GetExecutionHistory
        | StepFunctionsAction::RedriveExecution
        | StepFunctionsAction::SendTaskSuccess
        | StepFunctionsAction::SendTaskFailure
        | StepFunctionsAction::SendTaskHeartbeat => {
            prepare(&body, call.action, &mut template);
            print(&body, call.action, &mut template);
        }
    }
    Some(Response { status, template: bounded(template.finish(), at, mistakes)? })
}

/// A status within its range.
pub(super) fn status(
    status: u16,
    allowed: std::ops::RangeInclusive<u16>,
    at: &FieldPath,
    mistakes: &mut Mistakes,
) -> Option<u16> {
    if allowed.contains(&status) {
        return Some(status);
    }
    mistakes.add(at.clone(), status, format!("{} to {} is allowed", allowed.start(), allowed.end()));
    None
}

/// A body's document; without a body, there is none.
pub(super) fn body(body: Option<&Body>, at: &FieldPath, mistakes: &mut Mistakes) -> Option<Option<Json>> {
    let Some(Body { constant, constant_json }) = body else { return Some(None) };
    match (constant, constant_json) {
        (Some(value), None) => Some(Some(Json::of(value))),
        (None, Some(text)) => mistakes.take(at.field("constantJson"), text, Json::parse(text)).map(Some),
        (Some(_), Some(_)) | (None, None) => {
            mistakes.add(at.clone(), "", "exactly one of constant and constantJson is required");
            None
        }
    }
}

/// What is answered when nothing failed.
enum Answer {
    Nothing,
    Constant(Json),
    /// What the action answers.
    Service,
}

/// One entry of `errors`.
struct Rule {
    error: Option<Glob>,
    execution: Option<FailedStatus>,
    status: u16,
    body: Option<Json>,
}

fn rules(errors: &[ErrorResponse], call: &Call, at: &FieldPath, mistakes: &mut Mistakes) -> Option<Vec<Rule>> {
    let has_outcome =
        matches!(call.action, StepFunctionsAction::StartSyncExecution | StepFunctionsAction::DescribeExecution);
    if !errors.is_empty() && !has_outcome {
        let allowed = format!("not allowed with action {}, which knows no outcome", call.action.as_str());
        mistakes.add(at.clone(), "", allowed);
        return None;
    }
    let rules: Vec<Option<Rule>> =
        errors.iter().enumerate().map(|(index, error)| rule(error, call, &at.index(index), mistakes)).collect();
    rules.into_iter().collect()
}

fn rule(said: &ErrorResponse, call: &Call, at: &FieldPath, mistakes: &mut Mistakes) -> Option<Rule> {
    let ErrorResponse { match_: ErrorMatch { error, status: execution }, status: http, body: said_body } = said;
    let at_match = at.field("match");
    if error.is_none() && execution.is_none() {
        mistakes.add(at_match.clone(), "", "error, status or both are required");
        return None;
    }
    let error = match error {
        None => Some(None),
        Some(text) => mistakes.take(at_match.field("error"), text, Glob::parse(text)).map(Some),
    };
    let aborted = *execution == Some(FailedStatus::Aborted) && call.action == StepFunctionsAction::StartSyncExecution;
    if aborted {
        let allowed = "FAILED or TIMED_OUT: an execution that StartSyncExecution waits for can't be stopped";
        mistakes.add(at_match.field("status"), "ABORTED", allowed);
    }
    let status = status(*http, 400..=599, &at.field("status"), mistakes);
    let body = body(said_body.as_ref(), &at.field("body"), mistakes);
    let rule = Rule { error: error?, execution: *execution, status: status?, body: body? };
    (!aborted).then_some(rule)
}

/// All but SUCCEEDED is a failure: an unknown status or none at all, too.
fn sync(body: &Answer, rules: &[Rule], template: &mut Template) {
    template.code("#set($code = 0)\n");
    outcome(template);
    prepare(body, StepFunctionsAction::StartSyncExecution, template);
    template.code("#if($status == 'SUCCEEDED')\n");
    print(body, StepFunctionsAction::StartSyncExecution, template);
    for rule in rules {
        template.code("#elseif(");
        rule.condition(template);
        rule.answer(template);
    }
    template.code("#elseif($status == 'TIMED_OUT')\n#set($code = ").number(GATEWAY_TIMEOUT).code(")\n$failure");
    template.code("#else\n#set($code = ").number(BAD_GATEWAY).code(")\n$failure#end\n");
    override_status(template);
}

/// A failed execution is what was asked for, unless a rule says otherwise.
fn describe(body: &Answer, rules: &[Rule], template: &mut Template) {
    template.code("#set($code = 0)\n");
    outcome(template);
    prepare(body, StepFunctionsAction::DescribeExecution, template);
    template
        .code("#set($failed = false)\n#if($status == 'FAILED' || $status == 'TIMED_OUT' || $status == 'ABORTED')\n");
    template.code("#set($failed = true)\n#end\n");
    for (index, rule) in rules.iter().enumerate() {
        template.code(if index == 0 { "#if($failed == true && " } else { "#elseif($failed == true && " });
        rule.condition(template);
        rule.answer(template);
    }
    template.code("#else\n");
    print(body, StepFunctionsAction::DescribeExecution, template);
    template.code("#end\n");
    override_status(template);
}

/// Once, at the end: a second time within one rendering is a 5XX.
fn override_status(template: &mut Template) {
    template.code("#if($code != 0)\n#set($context.responseOverride.status = $code)\n#end\n");
}

/// Reads the execution's status and error, and builds what a failure is answered with by default.
fn outcome(template: &mut Template) {
    read::string(template, &BodyPath::of("status"));
    template.code("#set($status = $value)\n");
    read::string(template, &BodyPath::of("error"));
    template.code("#set($error = $value)\n");
    members(&["status", "error", "cause"], template);
    object::end(template);
    template.code("#set($failure = $text)\n");
}

impl Rule {
    /// The end of an `#if(` or `#elseif(`.
    fn condition(&self, template: &mut Template) {
        if let Some(error) = &self.error {
            template.code("$error.matches('").word(error).code("') == true");
        }
        if self.error.is_some() && self.execution.is_some() {
            template.code(" && ");
        }
        if let Some(execution) = self.execution {
            template.code(match execution {
                FailedStatus::Failed => "$status == 'FAILED'",
                FailedStatus::TimedOut => "$status == 'TIMED_OUT'",
                FailedStatus::Aborted => "$status == 'ABORTED'",
            });
        }
        template.code(")\n");
    }

    fn answer(&self, template: &mut Template) {
        template.code("#set($code = ").number(self.status).code(")\n");
        match &self.body {
            Some(json) => template.document(json),
            None => template.code("$failure"),
        };
    }
}

/// Writes the code that must run before the answer is printed.
fn prepare(answer: &Answer, action: StepFunctionsAction, template: &mut Template) {
    match (answer, action) {
        (Answer::Nothing | Answer::Constant(_), _) => {}
        (Answer::Service, StepFunctionsAction::StartExecution) => {
            members(&["executionArn", "startDate"], template);
            object::end(template);
        }
        (Answer::Service, StepFunctionsAction::StartSyncExecution) => {
            template.code("#set($output = 'null')\n");
            read::string(template, &BodyPath::of("output"));
            template.code("#if($value != '')\n#set($output = $value)\n#end\n");
        }
        (Answer::Service, StepFunctionsAction::DescribeExecution) => {
            members(&["name", "status", "startDate", "stopDate"], template);
            // The output is a JSON text, and so a value as it is.
            read::string(template, &BodyPath::of("output"));
            template.code("#if($value != '')\n");
            object::value(template, "output", read::Form::Json);
            template.code("#end\n");
            more_members(&["error", "cause"], template);
            object::end(template);
        }
        (
            Answer::Service,
            StepFunctionsAction::StopExecution
            | StepFunctionsAction::ListExecutions
            | StepFunctionsAction::GetExecutionHistory
            | StepFunctionsAction::RedriveExecution
            | StepFunctionsAction::SendTaskSuccess
            | StepFunctionsAction::SendTaskFailure
            | StepFunctionsAction::SendTaskHeartbeat,
        ) => {
            template.code("#set($answer = '{}')\n#set($json = $input.json('$'))\n");
            template.code("#if($json != '' && $json != '\"\"')\n#set($answer = $json)\n#end\n");
        }
    }
}

/// Prints the answer. A directive follows on the same line: a line break before it would be part of the body.
fn print(answer: &Answer, action: StepFunctionsAction, template: &mut Template) {
    match (answer, action) {
        (Answer::Nothing, _) => template,
        (Answer::Constant(json), _) => template.document(json),
        (Answer::Service, StepFunctionsAction::StartSyncExecution) => template.code("$output"),
        (Answer::Service, StepFunctionsAction::StartExecution | StepFunctionsAction::DescribeExecution) => {
            template.code("$text")
        }
        (
            Answer::Service,
            StepFunctionsAction::StopExecution
            | StepFunctionsAction::ListExecutions
            | StepFunctionsAction::GetExecutionHistory
            | StepFunctionsAction::RedriveExecution
            | StepFunctionsAction::SendTaskSuccess
            | StepFunctionsAction::SendTaskFailure
            | StepFunctionsAction::SendTaskHeartbeat,
        ) => template.code("$answer"),
    };
}

/// Begins an object of those members of the answer that are there.
fn members(names: &[&'static str], template: &mut Template) {
    object::begin(template);
    more_members(names, template);
}

fn more_members(names: &[&'static str], template: &mut Template) {
    for name in names {
        read::json(template, &BodyPath::of(name));
        template.code("#if($given == true)\n");
        object::value(template, name, read::Form::Json);
        template.code("#end\n");
    }
}
