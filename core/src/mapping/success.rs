//! The integration response for what Step Functions answers with 2xx. A failed execution is among that: only one that succeeded is
//! let through.

use crate::api::{ErrorMatch, ErrorResponse, FailedStatus, Responses, StepFunctionsAction, SuccessResponse};
use crate::mistakes::{FieldPath, Mistakes};

use super::glob::Glob;
use super::member::Scope;
use super::output::OutputPath;
use super::part::Known;
use super::reply::{self, Reply, Said};
use super::source::BodyPath;
use super::vtl::Template;
use super::{Call, Response, bounded, object, read};

/// What a failed execution is answered with, as API Gateway itself answers for a failed or a late backend.
const BAD_GATEWAY: u16 = 502;
const GATEWAY_TIMEOUT: u16 = 504;

/// What leads a client elsewhere, and means nothing without saying where.
const REDIRECTS: [u16; 5] = [301, 302, 303, 307, 308];

/// What `responses` say of the action's own answer; `at` is their field path, such as `spec.routes[2].responses`.
pub(super) fn success(said: &Responses, call: &Call, at: &FieldPath, mistakes: &mut Mistakes) -> Option<Response> {
    let success = said.success.clone().unwrap_or_default();
    let at_success = at.field("success");
    let status = status(success.status.unwrap_or(200), 200..=399, &at_success.field("status"), mistakes);
    let status_from = status_from(&success, call.action, &at_success, mistakes);
    let reply = reply::parse(
        &Said::from(&success),
        Known { scope: Scope::Success(call.action), path: call.path },
        &at_success,
        mistakes,
    );
    let rules = rules(&said.errors, call, &at.field("errors"), mistakes);
    let led = status.is_none_or(|status| leads_somewhere(status, reply.as_ref(), &at_success, mistakes).is_some());
    let (status, status_from, reply, rules) = (status?, status_from?, reply?, rules?);
    let bodiless = matches!(status, 204 | 304);
    if bodiless && reply.has_body() {
        mistakes.add(at_success.field("body"), "", format!("leave it out: an answer with status {status} has no body"));
        return None;
    }
    if !led {
        return None;
    }
    let reply = if bodiless { reply.without_body() } else { reply }.with_status(status_from);
    let mut template = Template::new();
    match call.action {
        StepFunctionsAction::StartSyncExecution => sync(&reply, &rules, &mut template),
        StepFunctionsAction::DescribeExecution if !rules.is_empty() => describe(&reply, &rules, &mut template),
        StepFunctionsAction::StartExecution
        | StepFunctionsAction::DescribeExecution
        | StepFunctionsAction::StopExecution
        | StepFunctionsAction::ListExecutions
        | StepFunctionsAction::GetExecutionHistory
        | StepFunctionsAction::RedriveExecution
        | StepFunctionsAction::SendTaskSuccess
        | StepFunctionsAction::SendTaskFailure
        | StepFunctionsAction::SendTaskHeartbeat => plain(&reply, call.action, &mut template),
    }
    Some(Response { status, template: bounded(template.finish(), at, mistakes)? })
}

/// A status within its range.
fn status(status: u16, allowed: std::ops::RangeInclusive<u16>, at: &FieldPath, mistakes: &mut Mistakes) -> Option<u16> {
    if allowed.contains(&status) {
        return Some(status);
    }
    mistakes.add(at.clone(), status, format!("{} to {} is allowed", allowed.start(), allowed.end()));
    None
}

/// The status of a failure: an error's, or a redirect that says where; `at` is the field path of its class.
pub(super) fn failure_status(said: u16, reply: Option<&Reply>, at: &FieldPath, mistakes: &mut Mistakes) -> Option<u16> {
    if REDIRECTS.contains(&said) {
        return leads_somewhere(said, reply, at, mistakes).map(|()| said);
    }
    status(said, 400..=599, &at.field("status"), mistakes)
}

/// A reply that is wrong itself is not asked.
fn leads_somewhere(status: u16, reply: Option<&Reply>, at: &FieldPath, mistakes: &mut Mistakes) -> Option<()> {
    if !REDIRECTS.contains(&status) || reply.is_none_or(Reply::has_location) {
        return Some(());
    }
    mistakes.add(at.field("status"), status, "a redirect requires the header Location: add it to `headers`");
    None
}

fn status_from(
    said: &SuccessResponse,
    action: StepFunctionsAction,
    at: &FieldPath,
    mistakes: &mut Mistakes,
) -> Option<Option<OutputPath>> {
    let Some(from) = &said.status_from else { return Some(None) };
    let at_from = at.field("statusFrom").field("output");
    let path = mistakes.take(at_from.clone(), &from.output, OutputPath::parse(&from.output));
    if let Some(status) = said.status {
        mistakes.add(at.field("status"), status, "leave it out: `statusFrom` says it");
        return None;
    }
    if action != StepFunctionsAction::StartSyncExecution {
        let allowed = format!("not allowed with action {}, which waits for no output", action.as_str());
        mistakes.add(at_from, &from.output, allowed);
        return None;
    }
    path.map(Some)
}

/// One entry of `errors`.
struct Rule {
    error: Option<Glob>,
    execution: Option<FailedStatus>,
    status: u16,
    reply: Reply,
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
    let ErrorMatch { error, status: execution } = &said.match_;
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
    let reply = reply::parse(&Said::from(said), Known { scope: Scope::Outcome, path: call.path }, at, mistakes);
    let status = failure_status(said.status, reply.as_ref(), at, mistakes);
    let rule = Rule { error: error?, execution: *execution, status: status?, reply: reply? };
    (!aborted).then_some(rule)
}

/// All but SUCCEEDED is a failure: an unknown status or none at all, too.
fn sync(reply: &Reply, rules: &[Rule], template: &mut Template) {
    let action = StepFunctionsAction::StartSyncExecution;
    template.code("#set($code = 0)\n");
    outcome(template);
    if !reply.says_body() {
        prepare(action, template);
    }
    template.code("#if($status == 'SUCCEEDED')\n");
    reply.write(|template| print(action, template), template);
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
fn describe(reply: &Reply, rules: &[Rule], template: &mut Template) {
    let action = StepFunctionsAction::DescribeExecution;
    template.code("#set($code = 0)\n");
    outcome(template);
    if !reply.says_body() {
        prepare(action, template);
    }
    template
        .code("#set($failed = false)\n#if($status == 'FAILED' || $status == 'TIMED_OUT' || $status == 'ABORTED')\n");
    template.code("#set($failed = true)\n#end\n");
    for (index, rule) in rules.iter().enumerate() {
        template.code(if index == 0 { "#if($failed == true && " } else { "#elseif($failed == true && " });
        rule.condition(template);
        rule.answer(template);
    }
    template.code("#else\n");
    reply.write(|template| print(action, template), template);
    template.code("#end\n");
    override_status(template);
}

/// Of an action that tells of no outcome, or of one that nobody asked to tell apart.
fn plain(reply: &Reply, action: StepFunctionsAction, template: &mut Template) {
    if reply.may_fail() {
        template.code("#set($code = 0)\n");
    }
    if !reply.says_body() {
        prepare(action, template);
    }
    reply.write(|template| print(action, template), template);
    if reply.may_fail() {
        override_status(template);
    }
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
        let default = |template: &mut Template| {
            template.code("$failure");
        };
        self.reply.write(default, template);
    }
}

/// Writes the code that must run before what the action answers is printed.
fn prepare(action: StepFunctionsAction, template: &mut Template) {
    match action {
        StepFunctionsAction::StartExecution => {
            members(&["executionArn", "startDate"], template);
            object::end(template);
        }
        StepFunctionsAction::StartSyncExecution => {
            template.code("#set($output = 'null')\n");
            read::string(template, &BodyPath::of("output"));
            template.code("#if($value != '')\n#set($output = $value)\n#end\n");
        }
        StepFunctionsAction::DescribeExecution => {
            members(&["name", "status", "startDate", "stopDate"], template);
            // The output is a JSON text, and so a value as it is.
            read::string(template, &BodyPath::of("output"));
            template.code("#if($value != '')\n");
            object::value(template, "output", read::Form::Json);
            template.code("#end\n");
            more_members(&["error", "cause"], template);
            object::end(template);
        }
        StepFunctionsAction::StopExecution
        | StepFunctionsAction::ListExecutions
        | StepFunctionsAction::GetExecutionHistory
        | StepFunctionsAction::RedriveExecution
        | StepFunctionsAction::SendTaskSuccess
        | StepFunctionsAction::SendTaskFailure
        | StepFunctionsAction::SendTaskHeartbeat => {
            template.code("#set($answer = '{}')\n#set($json = $input.json('$'))\n");
            template.code("#if($json != '' && $json != '\"\"')\n#set($answer = $json)\n#end\n");
        }
    }
}

/// Prints what the action answers. A directive follows on the same line: a line break before it would be part of the body.
fn print(action: StepFunctionsAction, template: &mut Template) {
    template.code(match action {
        StepFunctionsAction::StartSyncExecution => "$output",
        StepFunctionsAction::StartExecution | StepFunctionsAction::DescribeExecution => "$text",
        StepFunctionsAction::StopExecution
        | StepFunctionsAction::ListExecutions
        | StepFunctionsAction::GetExecutionHistory
        | StepFunctionsAction::RedriveExecution
        | StepFunctionsAction::SendTaskSuccess
        | StepFunctionsAction::SendTaskFailure
        | StepFunctionsAction::SendTaskHeartbeat => "$answer",
    });
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
