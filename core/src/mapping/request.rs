//! The body of the call, action by action.

use std::collections::BTreeSet;

use crate::api::{Route, Source, StepFunctionsAction};
use crate::arn::Arn;
use crate::mistakes::{FieldPath, Mistakes};

use super::choice::Choice;
use super::content::{self, Content};
use super::document::{self, Document};
use super::model::{Kind, Model};
use super::reads::Reads;
use super::source::{Checked, Media, Name, Parameter, Place, Reading};
use super::vtl::Template;
use super::{Call, Request, bounded};
use super::{name, read, schema};

/// See `mapping::request`.
pub(super) fn request(route: &Route, call: &Call, at: &FieldPath, mistakes: &mut Mistakes) -> Option<Request> {
    let parts = parts(call.action);
    let useless = useless(route, parts, call.action, at, mistakes);
    let contents = content::contents(route, call.binary_media_types, at, mistakes);
    let mut translated = Vec::new();
    if route.request_schema.is_some() && !content::has_body(route.method) {
        mistakes.add(
            at.field("requestSchema"),
            "",
            "not allowed with method GET or HEAD, whose body API Gateway drops",
        );
        return None;
    }
    if route.request_schema.is_some() && contents.iter().flatten().all(|content| content.media != Media::Json) {
        let allowed = "leave it out: the route takes no JSON. With contentTypes, `input` says that it does";
        mistakes.add(at.field("requestSchema"), "", allowed);
        return None;
    }
    for content in contents.iter().flatten() {
        // What is wrong with a text is told once, not for each content type.
        let mut wrong = Mistakes::none();
        translated.push(of_content(route, parts, call, content, at, &mut wrong));
        mistakes.add_all_new(wrong);
    }
    let translated: Option<Vec<(String, Translated)>> =
        translated.into_iter().zip(contents?).map(|(done, content)| Some((content.type_, done?))).collect();
    useless.ok()?;
    let mut request = Request::default();
    for (index, (type_, done)) in translated?.into_iter().enumerate() {
        request.path_parameters.extend(done.path_parameters);
        // The validator knows no content types: it may require what all of them do.
        request.required_parameters = match index {
            0 => done.required_parameters,
            _ => request.required_parameters.intersection(&done.required_parameters).cloned().collect(),
        };
        request.models.extend(done.model.map(|model| (type_.clone(), model)));
        request.templates.insert(type_, done.template);
    }
    Some(request)
}

/// What the requests of one content type become.
struct Translated {
    template: String,
    required_parameters: BTreeSet<String>,
    path_parameters: BTreeSet<String>,
    model: Option<serde_json::Value>,
}

fn of_content(
    route: &Route,
    parts: &[Part],
    call: &Call,
    content: &Content,
    at: &FieldPath,
    mistakes: &mut Mistakes,
) -> Option<Translated> {
    let mut reads = Reads::of(route, content.media);
    let required = required(route, &mut reads, at, mistakes);
    let members: Vec<Result<Option<Member>, Mistaken>> =
        parts.iter().map(|part| part.member(route, call, content, &mut reads, at, mistakes)).collect();
    let members: Result<Vec<Option<Member>>, Mistaken> = members.into_iter().collect();
    let members: Vec<Member> = members.ok()?.into_iter().flatten().collect();
    let template = bounded(template(&members, &required?, &reads).finish(), at, mistakes)?;
    let model = match &reads.model {
        Some(model) => Some(model.schema()),
        None => reads.reads_whole.then(Model::any),
    };
    let model = match (&route.request_schema, content.media) {
        (Some(text), Media::Json) => Some(schema::parse(text, model, &at.field("requestSchema"), mistakes)?),
        (None, _) | (_, Media::Form | Media::Binary | Media::Other) => model,
    };
    let Reads { required_parameters, path_parameters, .. } = reads;
    Some(Translated { template, required_parameters, path_parameters, model })
}

/// The headers and parameters that a request must have, whether or not they are read.
fn required(route: &Route, reads: &mut Reads, at: &FieldPath, mistakes: &mut Mistakes) -> Option<Vec<Reading>> {
    let mut named = |field: &str, names: &[String]| {
        let at = at.field(field);
        let names = names.iter().enumerate().map(|(index, text)| {
            let at = at.index(index);
            mistakes.take(at, text, Name::parse(text))
        });
        let names: Vec<Option<Name>> = names.collect();
        names.into_iter().collect::<Option<Vec<Name>>>()
    };
    let (headers, query) =
        (named("requiredHeaders", &route.required_headers), named("requiredQuery", &route.required_query));
    let mut required = Vec::new();
    for name in query? {
        reads.require_query(&name);
    }
    // The validator knows a header by its case alone, and HTTP/2 sends lower case.
    for name in headers? {
        let reading = Reading { place: Place::Parameter(Parameter::Header(name)), decode: None, optional: false };
        reads.noted(reading.clone(), Kind::Text);
        required.push(reading);
    }
    Some(required)
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
    ExecutionName,
    TaskToken,
    Error,
    Cause,
}

/// What the call of an action is made of, in the order in which it is printed: what may be left out comes last. Source: Step
/// Functions API reference.
fn parts(action: StepFunctionsAction) -> &'static [Part] {
    match action {
        StepFunctionsAction::StartExecution | StepFunctionsAction::StartSyncExecution => {
            &[Part::Input, Part::StateMachine, Part::Text(Text::ExecutionName)]
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
        (Part::Text(Text::ExecutionName), "executionName", route.execution_name.is_some()),
        (Part::Text(Text::Execution), "execution", route.execution.is_some()),
        (Part::Text(Text::TaskToken), "taskToken", route.task_token.is_some()),
        (Part::Output, "output", route.output.is_some()),
        (Part::Text(Text::Error), "error", route.error.is_some()),
        (Part::Text(Text::Cause), "cause", route.cause.is_some()),
    ];
    let mut result = Ok(());
    let has_document = parts.contains(&Part::Input) || parts.contains(&Part::Output);
    let others = [
        ("contentTypes", !route.content_types.is_empty() && !has_document),
        ("stateMachines", route.state_machines.is_some() && !parts.contains(&Part::Input)),
    ];
    for (field, is_useless) in others {
        if is_useless {
            mistakes.add(at.field(field), "", format!("leave it out: {} has no use for it", action.as_str()));
            result = Err(Mistaken);
        }
    }
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
    /// The state machine that the request chooses.
    Chosen(Choice),
    /// A text of the request behind one that is known now.
    Text { text: Text, prefix: String, checked: Checked },
}

impl Part {
    /// The member that the route says, if it says one.
    fn member(
        self,
        route: &Route,
        call: &Call,
        content: &Content,
        reads: &mut Reads,
        at: &FieldPath,
        mistakes: &mut Mistakes,
    ) -> Result<Option<Member>, Mistaken> {
        let mut document = |name: &'static str| {
            let at = content.at.clone().unwrap_or_else(|| at.field(name));
            let document = document::parse(content.input, reads, &at, mistakes).ok_or(Mistaken)?;
            Ok(Some(Member::Document { name, document }))
        };
        match self {
            Part::Input => document("input"),
            Part::Output => document("output"),
            Part::StateMachine => match &route.state_machines {
                None => Ok(Some(Member::Known { name: "stateMachineArn", text: call.state_machine.to_string() })),
                Some(choice) => {
                    let choice = Choice::parse(choice, reads, &at.field("stateMachines"), mistakes);
                    choice.map(Member::Chosen).map(Some).ok_or(Mistaken)
                }
            },
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
            Text::ExecutionName => ("executionName", &route.execution_name),
            Text::TaskToken => ("taskToken", &route.task_token),
            Text::Error => ("error", &route.error),
            Text::Cause => ("cause", &route.cause),
        };
        let at = at.field(field);
        let Some(source) = source else {
            return match self {
                Text::ExecutionName | Text::Error | Text::Cause => Ok(None),
                Text::Execution | Text::TaskToken => {
                    mistakes.add(at, "", format!("required: {} is about one", call.action.as_str()));
                    Err(Mistaken)
                }
            };
        };
        let checked = reads.read(source, Kind::Text, &at, mistakes).ok_or(Mistaken)?;
        if let (Text::ExecutionName, Checked::Constant(value)) = (self, &checked) {
            let name = value.as_str().unwrap_or_default();
            mistakes.take(at.field("constant"), name, name::check(name)).ok_or(Mistaken)?;
        }
        match self {
            Text::Execution | Text::TaskToken if source.optional == Some(true) => {
                let allowed = format!("leave it out: {} requires the {field}", call.action.as_str());
                mistakes.add(at.field("optional"), true, allowed);
                Err(Mistaken)
            }
            Text::Execution => Ok(Some(Member::Text { text: self, prefix: executions(call.state_machine), checked })),
            Text::ExecutionName | Text::TaskToken | Text::Error | Text::Cause => {
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

/// The same of a body that is read as one value: a number at its start.
const WHOLE_BODY_LOSES: &str = concat!(
    "#if($input.body.matches('(?s)-?(?:",
    "[0-9.]+[eE][+]?0*(?:30[1-9]|3[1-9][0-9]|[4-9][0-9]{2}|[1-9][0-9]{3,})",
    "|[0-9]{9,}(?:[.][0-9]*)?[eE][+]?0*[1-9][0-9]{2}",
    "|[0-9]{201,}[.eE]).*') == true)\n#set($complete = false)\n#end\n",
);

const REFUSE_ABSENT: &str = "#if($given == false)\n#set($complete = false)\n#end\n";

/// Reads everything first, then prints the call, or `{}` if a required value is not there or could not be read as it was sent: Step
/// Functions refuses that with 400.
fn template(members: &[Member], required: &[Reading], reads: &Reads) -> Template {
    let mut template = Template::new();
    let reads_values = reads.model.is_some() || reads.reads_whole;
    if reads.may_refuse {
        template.code("#set($complete = true)\n");
    }
    if reads_values || reads.reads_text {
        template.code(BODY_NOT_UTF_8);
    }
    if reads_values {
        template.code(BODY_LOSES);
    }
    if reads.reads_whole {
        template.code(WHOLE_BODY_LOSES);
    }
    for reading in required {
        read::text(&mut template, reading);
        template.code(REFUSE_ABSENT);
    }
    for member in members {
        member.prepare(&mut template);
    }
    if reads.may_refuse {
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
    if reads.may_refuse {
        template.code("\n#else\n{}\n#end\n");
    }
    template
}

impl Member {
    fn may_be_left_out(&self) -> bool {
        match self {
            Member::Text { checked: Checked::Read(reading), .. } => reading.may_be_left_out(),
            Member::Text { checked: Checked::Constant(_), .. }
            | Member::Known { .. }
            | Member::Chosen(_)
            | Member::Document { .. } => false,
        }
    }

    fn prepare(&self, template: &mut Template) {
        match self {
            Member::Known { .. } | Member::Text { checked: Checked::Constant(_), .. } => {}
            Member::Chosen(choice) => choice.prepare(template),
            Member::Document { document, .. } => document::prepare(document, template),
            Member::Text { text, checked: Checked::Read(reading), .. } => text.prepare(reading, template),
        }
    }

    fn print(&self, template: &mut Template) {
        match self {
            Member::Known { name, text } => {
                template.code("\"").code(name).code("\": \"").text(text).code("\"");
            }
            Member::Chosen(_) => {
                template.code("\"stateMachineArn\": \"").escaped("$stateMachine").code("\"");
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
                    Checked::Read(_) => template.escaped(text.variable()),
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
            Text::ExecutionName => "name",
            Text::TaskToken => "taskToken",
            Text::Error => "error",
            Text::Cause => "cause",
        }
    }

    fn variable(self) -> &'static str {
        match self {
            Text::Execution => "$execution",
            Text::ExecutionName => "$executionName",
            Text::TaskToken => "$taskToken",
            Text::Error => "$error",
            Text::Cause => "$cause",
        }
    }

    fn keep(self) -> &'static str {
        match self {
            Text::Execution => "#set($execution = $value)\n",
            Text::ExecutionName => "#set($executionName = $value)\n",
            Text::TaskToken => "#set($taskToken = $value)\n",
            Text::Error => "#set($error = $value)\n",
            Text::Cause => "#set($cause = $value)\n",
        }
    }

    fn keep_given(self) -> &'static str {
        match self {
            Text::Execution => "#set($executionGiven = $given)\n",
            Text::ExecutionName => "#set($executionNameGiven = $given)\n",
            Text::TaskToken => "#set($taskTokenGiven = $given)\n",
            Text::Error => "#set($errorGiven = $given)\n",
            Text::Cause => "#set($causeGiven = $given)\n",
        }
    }

    fn if_given(self) -> &'static str {
        match self {
            Text::Execution => "#if($executionGiven == true)",
            Text::ExecutionName => "#if($executionNameGiven == true)",
            Text::TaskToken => "#if($taskTokenGiven == true)",
            Text::Error => "#if($errorGiven == true)",
            Text::Cause => "#if($causeGiven == true)",
        }
    }

    fn prepare(self, reading: &Reading, template: &mut Template) {
        read::text(template, reading);
        template.code(self.keep());
        match (reading.place.may_be_absent(), reading.optional) {
            (true, true) => template.code(self.keep_given()),
            (true, false) => template.code(REFUSE_ABSENT),
            (false, _) => template,
        };
        if self == Text::ExecutionName {
            template.code(name::REFUSE_NAME);
        }
    }
}
