//! The body of the call, action by action.

use crate::api::{Input, Route, Source, StepFunctionsAction};
use crate::arn::Arn;
use crate::mistakes::{FieldPath, Mistakes};

use super::document::{self, Document};
use super::model::{Kind, Model};
use super::read;
use super::source::{Checked, Place, Reads};
use super::vtl::Template;
use super::{Call, Request, bounded};

/// See `mapping::request`.
pub(super) fn request(route: &Route, call: &Call, at: &FieldPath, mistakes: &mut Mistakes) -> Option<Request> {
    let mut reads = Reads::of(route);
    let parts = parts(call.action);
    let useless = useless(route, parts, call.action, at, mistakes);
    let members: Vec<Result<Option<Member>, Mistaken>> =
        parts.iter().map(|part| part.member(route, call, &mut reads, at, mistakes)).collect();
    let members: Result<Vec<Option<Member>>, Mistaken> = members.into_iter().collect();
    let (Ok(()), Ok(members)) = (useless, members) else { return None };
    let members: Vec<Member> = members.into_iter().flatten().collect();
    let template = bounded(template(&members, &reads).finish(), at, mistakes)?;
    let Reads { required_parameters, path_parameters, model, .. } = reads;
    Some(Request { template, required_parameters, path_parameters, model: model.as_ref().map(Model::schema) })
}

/// A mistake was noted.
struct Mistaken;

/// One part of a call, most of them a field of the route.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Input,
    Output,
    Text(Text),
    StateMachine,
}

/// A part that is a text of the request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Text {
    Execution,
    TaskToken,
    Error,
    Cause,
}

/// What the call of an action is made of, in the order in which it is printed: what may be left out comes last. Source: Step
/// Functions API reference.
fn parts(action: StepFunctionsAction) -> &'static [Part] {
    match action {
        StepFunctionsAction::StartExecution | StepFunctionsAction::StartSyncExecution => {
            &[Part::Input, Part::StateMachine]
        }
        StepFunctionsAction::ListExecutions => &[Part::StateMachine],
        StepFunctionsAction::DescribeExecution
        | StepFunctionsAction::GetExecutionHistory
        | StepFunctionsAction::RedriveExecution => &[Part::Text(Text::Execution)],
        StepFunctionsAction::StopExecution => {
            &[Part::Text(Text::Execution), Part::Text(Text::Error), Part::Text(Text::Cause)]
        }
        StepFunctionsAction::SendTaskSuccess => &[Part::Text(Text::TaskToken), Part::Output],
        StepFunctionsAction::SendTaskFailure => {
            &[Part::Text(Text::TaskToken), Part::Text(Text::Error), Part::Text(Text::Cause)]
        }
        StepFunctionsAction::SendTaskHeartbeat => &[Part::Text(Text::TaskToken)],
    }
}

/// Adds a mistake for each field of the route that is no part of the call.
fn useless(
    route: &Route,
    parts: &[Part],
    action: StepFunctionsAction,
    at: &FieldPath,
    mistakes: &mut Mistakes,
) -> Result<(), Mistaken> {
    let said = [
        (Part::Input, "input", route.input.is_some()),
        (Part::Text(Text::Execution), "execution", route.execution.is_some()),
        (Part::Text(Text::TaskToken), "taskToken", route.task_token.is_some()),
        (Part::Output, "output", route.output.is_some()),
        (Part::Text(Text::Error), "error", route.error.is_some()),
        (Part::Text(Text::Cause), "cause", route.cause.is_some()),
    ];
    let mut result = Ok(());
    for (part, field, is_said) in said {
        if is_said && !parts.contains(&part) {
            let allowed = format!("leave it out: {} has no use for it", action.as_str());
            mistakes.add(at.field(field), "", allowed);
            result = Err(Mistaken);
        }
    }
    result
}

/// One member of the call. What a client sends is the value of one, never its name.
enum Member {
    /// A text that is known now.
    Known { name: &'static str, text: String },
    /// A document as text.
    Document { name: &'static str, document: Document },
    /// A text of the request behind one that is known now.
    Text { text: Text, prefix: String, checked: Checked },
}

impl Part {
    /// The member that the route says, if it says one.
    fn member(
        self,
        route: &Route,
        call: &Call,
        reads: &mut Reads,
        at: &FieldPath,
        mistakes: &mut Mistakes,
    ) -> Result<Option<Member>, Mistaken> {
        let mut document = |name: &'static str, input: Option<&Input>| {
            let document = document::parse(input, reads, &at.field(name), mistakes).ok_or(Mistaken)?;
            Ok(Some(Member::Document { name, document }))
        };
        match self {
            Part::Input => document("input", route.input.as_ref()),
            Part::Output => document("output", route.output.as_ref()),
            Part::StateMachine => {
                Ok(Some(Member::Known { name: "stateMachineArn", text: call.state_machine.to_string() }))
            }
            Part::Text(text) => text.member(route, call, reads, at, mistakes),
        }
    }
}

impl Text {
    /// As `Part::member`. An execution or a task must be named; an error or a cause may be left out.
    fn member(
        self,
        route: &Route,
        call: &Call,
        reads: &mut Reads,
        at: &FieldPath,
        mistakes: &mut Mistakes,
    ) -> Result<Option<Member>, Mistaken> {
        let (field, source): (&str, &Option<Source>) = match self {
            Text::Execution => ("execution", &route.execution),
            Text::TaskToken => ("taskToken", &route.task_token),
            Text::Error => ("error", &route.error),
            Text::Cause => ("cause", &route.cause),
        };
        let at = at.field(field);
        let Some(source) = source else {
            return match self {
                Text::Error | Text::Cause => Ok(None),
                Text::Execution | Text::TaskToken => {
                    mistakes.add(at, "", format!("required: {} is about one", call.action.as_str()));
                    Err(Mistaken)
                }
            };
        };
        let checked = reads.read(source, Kind::Text, &at, mistakes).ok_or(Mistaken)?;
        match self {
            Text::Execution | Text::TaskToken if source.optional == Some(true) => {
                let allowed = format!("leave it out: {} requires the {field}", call.action.as_str());
                mistakes.add(at.field("optional"), true, allowed);
                Err(Mistaken)
            }
            Text::Execution => Ok(Some(Member::Text { text: self, prefix: executions(call.state_machine), checked })),
            Text::TaskToken | Text::Error | Text::Cause => {
                Ok(Some(Member::Text { text: self, prefix: String::new(), checked }))
            }
        }
    }
}

/// What the ARN of each of the state machine's executions begins with. An alias or version is no part of it.
fn executions(state_machine: &Arn) -> String {
    let arn = state_machine;
    let resource = arn.resource();
    let name = resource.strip_prefix("stateMachine:").unwrap_or(resource);
    let name = name.split(':').next().unwrap_or(name);
    format!("arn:{}:{}:{}:{}:execution:{name}:", arn.partition(), arn.service(), arn.region(), arn.account())
}

/// A body in which U+FFFD stands as itself, not as an escape. API Gateway puts it in place of bytes that are not UTF-8.
const BODY_NOT_UTF_8: &str = "#if($input.body.matches('(?s).*\\uFFFD.*') == true)\n#set($complete = false)\n#end\n";

/// A body with what API Gateway loses when it parses it: the character U+007F of a string, and a number that no double holds, which
/// it reads as null.
///
/// Each number beyond 1.7e308 has a power of ten above 300, or one above 99 behind more than 8 digits, or more than 200 digits in front
/// of a point or a power. What is in front of it tells it from most strings; one that holds `, 1e400` is refused too. No run of digits
/// is looked at twice: a long one costs no more than other text.
const BODY_LOSES: &str = concat!(
    "#if($input.body.matches('(?s).*\\x7F.*') == true)\n#set($complete = false)\n#end\n",
    "#if($input.body.matches('(?s).*[\\[:,\\s]-?(?:",
    "[0-9.]+[eE][+]?0*(?:30[1-9]|3[1-9][0-9]|[4-9][0-9]{2}|[1-9][0-9]{3,})",
    "|[0-9]{9,}(?:[.][0-9]*)?[eE][+]?0*[1-9][0-9]{2}",
    "|[0-9]{201,}[.eE]).*') == true)\n#set($complete = false)\n#end\n",
);

/// Reads everything first, then prints the call, or `{}` if a required value is not there or could not be read as it was sent: Step
/// Functions refuses that with 400.
fn template(members: &[Member], reads: &Reads) -> Template {
    let mut template = Template::new();
    let reads_members = reads.model.is_some();
    let reads_body = reads_members || members.iter().any(Member::is_the_body);
    let may_be_refused = reads_body || reads.reads_text;
    if may_be_refused {
        template.code("#set($complete = true)\n");
    }
    if reads_body {
        template.code(BODY_NOT_UTF_8);
    }
    if reads_members {
        template.code(BODY_LOSES);
    }
    for member in members {
        member.prepare(&mut template);
    }
    if may_be_refused {
        template.code("#if($complete == true)\n");
    }
    let (certain, optional): (Vec<&Member>, Vec<&Member>) =
        members.iter().partition(|member| !member.may_be_left_out());
    for (index, member) in certain.iter().enumerate() {
        template.code(if index == 0 { "{" } else { ", " });
        member.print(&mut template);
    }
    for member in optional {
        member.print(&mut template);
    }
    template.code("}");
    if may_be_refused {
        template.code("\n#else\n{}\n#end\n");
    }
    template
}

impl Member {
    fn is_the_body(&self) -> bool {
        matches!(self, Member::Document { document: Document::Body, .. })
    }

    fn may_be_left_out(&self) -> bool {
        match self {
            Member::Text { checked: Checked::Read { place, optional }, .. } => place.may_be_absent() && *optional,
            Member::Text { checked: Checked::Constant(_), .. } | Member::Known { .. } | Member::Document { .. } => {
                false
            }
        }
    }

    fn prepare(&self, template: &mut Template) {
        match self {
            Member::Known { .. } | Member::Text { checked: Checked::Constant(_), .. } => {}
            Member::Document { document, .. } => document::prepare(document, template),
            Member::Text { text, checked: Checked::Read { place, optional }, .. } => {
                text.prepare(place, *optional, template);
            }
        }
    }

    fn print(&self, template: &mut Template) {
        match self {
            Member::Known { name, text } => {
                template.code("\"").code(name).code("\": \"").text(text).code("\"");
            }
            Member::Document { name, document } => {
                template.code("\"").code(name).code("\": \"");
                document::print(document, template);
                template.code("\"");
            }
            Member::Text { text, prefix, checked } => {
                let optional = self.may_be_left_out();
                if optional {
                    template.code(text.if_given()).code(", ");
                }
                template.code("\"").code(text.name()).code("\": \"").text(prefix);
                match checked {
                    Checked::Constant(value) => template.text(value.as_str().unwrap_or_default()),
                    Checked::Read { .. } => template.escaped(text.variable()),
                };
                template.code(if optional { "\"#end" } else { "\"" });
            }
        }
    }
}

impl Text {
    fn name(self) -> &'static str {
        match self {
            Text::Execution => "executionArn",
            Text::TaskToken => "taskToken",
            Text::Error => "error",
            Text::Cause => "cause",
        }
    }

    fn variable(self) -> &'static str {
        match self {
            Text::Execution => "$execution",
            Text::TaskToken => "$taskToken",
            Text::Error => "$error",
            Text::Cause => "$cause",
        }
    }

    fn keep(self) -> &'static str {
        match self {
            Text::Execution => "#set($execution = $value)\n",
            Text::TaskToken => "#set($taskToken = $value)\n",
            Text::Error => "#set($error = $value)\n",
            Text::Cause => "#set($cause = $value)\n",
        }
    }

    fn keep_given(self) -> &'static str {
        match self {
            Text::Execution => "#set($executionGiven = $given)\n",
            Text::TaskToken => "#set($taskTokenGiven = $given)\n",
            Text::Error => "#set($errorGiven = $given)\n",
            Text::Cause => "#set($causeGiven = $given)\n",
        }
    }

    fn if_given(self) -> &'static str {
        match self {
            Text::Execution => "#if($executionGiven == true)",
            Text::TaskToken => "#if($taskTokenGiven == true)",
            Text::Error => "#if($errorGiven == true)",
            Text::Cause => "#if($causeGiven == true)",
        }
    }

    fn prepare(self, place: &Place, optional: bool, template: &mut Template) {
        read::text(template, place);
        template.code(self.keep());
        match (place.may_be_absent(), optional) {
            (true, true) => template.code(self.keep_given()),
            (true, false) => template.code("#if($given == false)\n#set($complete = false)\n#end\n"),
            (false, _) => template,
        };
    }
}
