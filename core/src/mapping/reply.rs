//! What one class of answers is made of: headers, a media type and a body.
//!
//! All that is read of the service's answer is read before anything is printed or set. If something required is missing, or is what can't
//! be printed exactly, the caller gets 502 and none of it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::api::{AnswerSource, Body, ErrorResponse, FailureBody, FailureHeader, FailureResponse, SuccessResponse};
use crate::mistakes::{FieldPath, Mistakes};

use super::header::{HeaderName, MediaType};
use super::json::Json;
use super::output::{self, OutputPath};
use super::part::{Known, Parts, REQUIRE, Slot, Source};
use super::raw::{Purpose, Raw};
use super::vtl::Template;
use super::{fields, object};

/// What a manifest says of one class of answers.
pub(super) struct Said {
    headers: BTreeMap<String, AnswerSource>,
    content_type: Option<String>,
    body: Option<Body>,
}

impl From<&SuccessResponse> for Said {
    fn from(said: &SuccessResponse) -> Self {
        let SuccessResponse { headers, content_type, body, .. } = said.clone();
        Self { headers, content_type, body }
    }
}

impl From<&ErrorResponse> for Said {
    fn from(said: &ErrorResponse) -> Self {
        let ErrorResponse { headers, content_type, body, .. } = said.clone();
        Self { headers, content_type, body }
    }
}

impl From<&FailureResponse> for Said {
    fn from(said: &FailureResponse) -> Self {
        let FailureResponse { status: _, headers, content_type, body } = said.clone();
        let source = |FailureHeader { constant, context }: FailureHeader| AnswerSource {
            constant: constant.map(Value::String),
            context,
            ..AnswerSource::default()
        };
        let body = body.map(|FailureBody { constant, constant_json, text, template, empty }| Body {
            constant,
            constant_json,
            text,
            template,
            empty,
            ..Body::default()
        });
        Self { headers: headers.into_iter().map(|(name, said)| (name, source(said))).collect(), content_type, body }
    }
}

/// The same, checked.
#[derive(Debug, Default)]
pub(super) struct Reply {
    headers: Vec<(HeaderName, Source)>,
    content_type: Option<MediaType>,
    body: Option<Content>,
    status: Option<OutputPath>,
}

/// A body.
#[derive(Debug)]
enum Content {
    Nothing,
    Constant(Json),
    Text(String),
    Whole,
    Part(OutputPath),
    PartAsText(OutputPath),
    Fields(Vec<(Vec<String>, Source)>),
    Template(Raw),
}

/// Answered in place of what can't be composed.
const UNEXPECTED: &str = "#set($code = 502)\n{\"error\":\"UnexpectedOutput\"}";

/// Checks what is said; `at` is the field path of its class.
pub(super) fn parse(said: &Said, known: Known<'_>, at: &FieldPath, mistakes: &mut Mistakes) -> Option<Reply> {
    let headers = headers(&said.headers, known, &at.field("headers"), mistakes);
    let body = match &said.body {
        None => Some(None),
        Some(body) => content(body, known, &at.field("body"), mistakes).map(Some),
    };
    let content_type = match &said.content_type {
        None => Some(None),
        Some(text) => mistakes.take(at.field("contentType"), text, MediaType::parse(text)).map(Some),
    };
    let (headers, body, content_type) = (headers?, body?, content_type?);
    let content_type = media_type(content_type, body.as_ref(), &at.field("contentType"), mistakes)?;
    Some(Reply { headers, content_type, body, status: None })
}

/// The media type, unless it is the one that the response's template has.
fn media_type(
    said: Option<MediaType>,
    body: Option<&Content>,
    at: &FieldPath,
    mistakes: &mut Mistakes,
) -> Option<Option<MediaType>> {
    let allowed = match (&said, body) {
        (None, Some(Content::Text(_) | Content::PartAsText(_))) => return Some(Some(MediaType::text())),
        (None, _) => return Some(None),
        (Some(_), Some(Content::Nothing)) => "leave it out: there is no body",
        (Some(type_), Some(Content::Text(_) | Content::PartAsText(_))) if type_.is_json() => {
            "a text may be no JSON: use constant, constantJson, output or fields for a JSON body"
        }
        (Some(_), Some(Content::Text(_) | Content::PartAsText(_))) => return Some(said),
        (Some(type_), Some(Content::Template(_))) if !type_.is_json() => return Some(said),
        (Some(type_), _) if type_.is_json() => return Some(said.filter(|type_| type_.as_str() != "application/json")),
        (Some(_), _) => "the body is JSON: use text, outputText or template for another type",
    };
    mistakes.add(at.clone(), said.as_ref().map_or("", MediaType::as_str), allowed);
    None
}

fn headers(
    said: &BTreeMap<String, AnswerSource>,
    known: Known<'_>,
    at: &FieldPath,
    mistakes: &mut Mistakes,
) -> Option<Vec<(HeaderName, Source)>> {
    let (mut taken, mut headers) = (BTreeSet::new(), Some(Vec::new()));
    for (name, said) in said {
        let at = at.key(name);
        let name = mistakes.take(at.clone(), name, HeaderName::parse(name, &mut taken));
        let source = Source::parse(said, Slot::Header, known, &at, mistakes);
        match (&mut headers, name, source) {
            (Some(headers), Some(name), Some(source)) => headers.push((name, source)),
            (headers, _, _) => *headers = None,
        }
    }
    headers
}

fn content(said: &Body, known: Known<'_>, at: &FieldPath, mistakes: &mut Mistakes) -> Option<Content> {
    let scope = known.scope;
    let Body { constant, constant_json, text, output, output_text, fields, template, empty } = said;
    let said = [
        constant.is_some(),
        constant_json.is_some(),
        text.is_some(),
        output.is_some(),
        output_text.is_some(),
        fields.is_some(),
        template.is_some(),
        empty.is_some(),
    ];
    if said.into_iter().filter(|said| *said).count() != 1 {
        mistakes.add(at.clone(), "", format!("exactly one of {} is required", scope.bodies()));
        return None;
    }
    if let Some(value) = constant {
        return Some(Content::Constant(Json::of(value)));
    }
    if let Some(text) = constant_json {
        return mistakes.take(at.field("constantJson"), text, Json::parse(text)).map(Content::Constant);
    }
    if let Some(text) = text {
        return Some(Content::Text(text.clone()));
    }
    if let Some(text) = output {
        let at = at.field("output");
        scope.allows_output(text, &at, mistakes)?;
        return match text.as_str() {
            "$" => Some(Content::Whole),
            text => mistakes.take(at, text, OutputPath::parse(text)).map(Content::Part),
        };
    }
    if let Some(text) = output_text {
        let at = at.field("outputText");
        scope.allows_output(text, &at, mistakes)?;
        return mistakes.take(at, text, OutputPath::parse(text)).map(Content::PartAsText);
    }
    if let Some(said) = fields {
        let parse = |said: &AnswerSource, at: &FieldPath, mistakes: &mut Mistakes| {
            Source::parse(said, Slot::Field, known, at, mistakes)
        };
        return fields::parse(said, parse, &at.field("fields"), mistakes).map(Content::Fields);
    }
    if let Some(text) = template {
        return mistakes.take(at.field("template"), text, Raw::parse(text, Purpose::Body)).map(Content::Template);
    }
    if *empty != Some(true) {
        mistakes.add(at.field("empty"), "false", "true is allowed: leave it out otherwise");
        return None;
    }
    Some(Content::Nothing)
}

impl Reply {
    /// The same with the status that the output tells.
    pub(super) fn with_status(self, status: Option<OutputPath>) -> Self {
        Self { status, ..self }
    }

    /// The same without a body.
    pub(super) fn without_body(self) -> Self {
        Self { body: Some(Content::Nothing), ..self }
    }

    /// Whether a body is said.
    pub(super) fn has_body(&self) -> bool {
        !matches!(self.body, None | Some(Content::Nothing))
    }

    /// Whether nothing of the body is left to a default.
    pub(super) fn says_body(&self) -> bool {
        self.body.is_some()
    }

    /// Whether it says where a redirect leads.
    pub(super) fn has_location(&self) -> bool {
        self.headers.iter().any(|(name, _)| name.is_location())
    }

    /// Whether it is put together from an answer that may lack something.
    pub(super) fn may_fail(&self) -> bool {
        let of_fields = match &self.body {
            None | Some(Content::Nothing | Content::Constant(_) | Content::Text(_) | Content::Template(_)) => false,
            Some(Content::Whole | Content::Part(_) | Content::PartAsText(_)) => true,
            Some(Content::Fields(fields)) => fields.iter().any(|(_, source)| source.may_fail()),
        };
        of_fields || self.status.is_some() || self.headers.iter().any(|(_, source)| source.may_fail())
    }

    /// Writes the code that sets the headers and prints the body; `default` prints it where none is said. What can't be composed sets
    /// `$code`, which is to be 0 before.
    pub(super) fn write(&self, default: impl FnOnce(&mut Template), template: &mut Template) {
        let may_fail = self.may_fail();
        if may_fail {
            template.code("#set($complete = true)\n");
        }
        self.read(template);
        if may_fail {
            template.code("#if($complete == true)\n");
        }
        self.set_headers(template);
        if self.status.is_some() {
            template.code("#if($code != 204 && $code != 304)\n");
        }
        self.print(default, template);
        if self.status.is_some() {
            template.code("#end\n");
        }
        if may_fail {
            template.code("#else\n").code(UNEXPECTED).code("#end\n");
        }
    }

    /// Reads into `$body`, `$code` and `$header0` to the last.
    fn read(&self, template: &mut Template) {
        let parts = self.parts();
        if parts != Parts::None {
            output::read(template);
        }
        if parts == Parts::Members {
            output::parse(template);
        }
        for (number, (_, source)) in (0..).zip(&self.headers) {
            source.read_header(number, template);
        }
        match &self.body {
            None | Some(Content::Nothing | Content::Constant(_) | Content::Text(_) | Content::Template(_)) => {}
            Some(Content::Whole) => {
                template.code("#set($body = $document)\n#if($body == '')\n#set($complete = false)\n#end\n");
            }
            Some(Content::Part(path)) => {
                output::part(template, path);
                template.code(REQUIRE);
                output::as_json(template);
            }
            Some(Content::PartAsText(path)) => {
                output::part(template, path);
                template.code(REQUIRE).code("#set($body = $value)\n");
            }
            Some(Content::Fields(fields)) => {
                object::begin(template);
                fields::append(fields, Source::append, template);
                object::end(template);
                template.code("#set($body = $text)\n");
            }
        }
        if let Some(path) = &self.status {
            output::part(template, path);
            output::as_status(template, path);
        }
    }

    fn set_headers(&self, template: &mut Template) {
        if let Some(type_) = &self.content_type {
            template.code("#set($context.responseOverride.header.Content-Type = ").verbatim(type_.as_str()).code(")\n");
        }
        for (number, (name, source)) in (0..).zip(&self.headers) {
            if let Some(text) = source.constant() {
                template
                    .code("#set($context.responseOverride.header.")
                    .word(name)
                    .code(" = ")
                    .verbatim(text)
                    .code(")\n");
            } else {
                template.code("#if($header").number(number).code(" != '')\n");
                template.code("#set($context.responseOverride.header.").word(name).code(" = $header").number(number);
                template.code(")\n#end\n");
            }
        }
    }

    fn print(&self, default: impl FnOnce(&mut Template), template: &mut Template) {
        match &self.body {
            None => default(template),
            Some(Content::Nothing) => {}
            Some(Content::Constant(json)) => {
                template.document(json);
            }
            Some(Content::Text(text)) => {
                template.verbatim(text);
            }
            Some(Content::Template(raw)) => {
                template.raw(raw);
            }
            Some(Content::Whole | Content::Part(_) | Content::PartAsText(_) | Content::Fields(_)) => {
                template.code("$body");
            }
        }
    }

    /// What of the output is read.
    fn parts(&self) -> Parts {
        let of_body = match &self.body {
            None | Some(Content::Nothing | Content::Constant(_) | Content::Text(_) | Content::Template(_)) => {
                Parts::None
            }
            Some(Content::Whole) => Parts::Whole,
            Some(Content::Part(_) | Content::PartAsText(_)) => Parts::Members,
            Some(Content::Fields(fields)) => fields.iter().map(|(_, source)| source.parts()).max().unwrap_or_default(),
        };
        let of_status = if self.status.is_some() { Parts::Members } else { Parts::None };
        let of_headers = self.headers.iter().map(|(_, source)| source.parts()).max().unwrap_or_default();
        of_body.max(of_status).max(of_headers)
    }
}
