//! One value of an answer: where it is, how it is read, and where it goes.

use serde_json::Value;

use crate::api::{AnswerSource, ContextVariable};
use crate::mistakes::{FieldPath, Mistakes};

use super::header;
use super::json::Json;
use super::member::{Member, Scope};
use super::object;
use super::output::{self, OutputPath};
use super::read::{self, Form};
use super::source::{Name, Parameter};
use super::vtl::Template;

/// One value.
#[derive(Debug)]
pub(super) struct Source {
    place: Origin,
    optional: bool,
}

#[derive(Debug)]
enum Origin {
    Constant(Value),
    Context(ContextVariable),
    Parameter(Parameter),
    Member(Member),
    Whole,
    Part(OutputPath),
}

/// Where a value goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    Header,
    Field,
}

/// What an answer can be put together of.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    /// The answer of the service.
    pub scope: Scope,
    /// The route's path.
    pub path: &'a str,
}

/// What is read of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Parts {
    #[default]
    None,
    Whole,
    Members,
}

/// Behind a reading of what must be there.
pub(super) const REQUIRE: &str = "#if($given == false)\n#set($complete = false)\n#end\n";

impl Source {
    /// Checks what is said; `at` is its field path.
    pub(super) fn parse(
        said: &AnswerSource,
        slot: Slot,
        known: Known<'_>,
        at: &FieldPath,
        mistakes: &mut Mistakes,
    ) -> Option<Self> {
        let AnswerSource { output, answer, path, query, header, context, constant, optional } = said;
        let Known { scope, path: of_route } = known;
        let places = [
            output.is_some(),
            answer.is_some(),
            path.is_some(),
            query.is_some(),
            header.is_some(),
            context.is_some(),
            constant.is_some(),
        ];
        let count = places.into_iter().filter(|said| *said).count();
        if count != 1 {
            let allowed = format!("exactly one of {} is required", scope.sources());
            mistakes.add(at.clone(), format!("{count} of them"), allowed);
            return None;
        }
        if *optional == Some(true) && output.is_none() && answer.is_none() {
            mistakes.add(at.field("optional"), "true", "leave it out: only output and answer can be required");
            return None;
        }
        let place = if let Some(text) = output {
            let at = at.field("output");
            scope.allows_output(text, &at, mistakes)?;
            match (text.as_str(), slot) {
                ("$", Slot::Field) => Origin::Whole,
                (text, Slot::Field | Slot::Header) => Origin::Part(mistakes.take(at, text, OutputPath::parse(text))?),
            }
        } else if let Some(name) = answer {
            let at = at.field("answer");
            let member = mistakes.take(at.clone(), name, scope.member(name))?;
            if slot == Slot::Header && member.form() == Form::Json {
                mistakes.add(at, name, "not allowed in a header: it is no text");
                return None;
            }
            Origin::Member(member)
        } else if let Some(name) = path {
            let name = mistakes.take(at.field("path"), name, Name::of_the_path(name, of_route))?;
            Origin::Parameter(Parameter::Path(name))
        } else if let Some(name) = query {
            Origin::Parameter(Parameter::Query(mistakes.take(at.field("query"), name, Name::parse(name))?))
        } else if let Some(name) = header {
            Origin::Parameter(Parameter::Header(mistakes.take(at.field("header"), name, Name::parse(name))?))
        } else if let Some(value) = constant {
            let is_header = value.as_str().is_some_and(header::is_value);
            if slot == Slot::Header && !is_header {
                mistakes.add(at.field("constant"), value, "a string of printable ASCII is required in a header");
                return None;
            }
            Origin::Constant(value.clone())
        } else {
            Origin::Context((*context)?)
        };
        Some(Self { place, optional: optional.unwrap_or(scope.leaves_out()) })
    }

    /// The text, where it is always the same.
    pub(super) fn constant(&self) -> Option<&str> {
        match &self.place {
            Origin::Constant(value) => value.as_str(),
            Origin::Context(_) | Origin::Parameter(_) | Origin::Member(_) | Origin::Whole | Origin::Part(_) => None,
        }
    }

    /// Whether the answer may lack it, or have there what can't be printed.
    pub(super) fn may_fail(&self) -> bool {
        match &self.place {
            Origin::Constant(_) | Origin::Context(_) | Origin::Parameter(_) => false,
            Origin::Member(_) => !self.optional,
            Origin::Whole => !self.optional,
            Origin::Part(_) => true, // an object there can't be printed, optional or not
        }
    }

    /// What of the output is read for it.
    pub(super) fn parts(&self) -> Parts {
        match &self.place {
            Origin::Constant(_) | Origin::Context(_) | Origin::Parameter(_) | Origin::Member(_) => Parts::None,
            Origin::Whole => Parts::Whole,
            Origin::Part(_) => Parts::Members,
        }
    }

    /// Appends the member to the object that is being built.
    pub(super) fn append(&self, key: &str, template: &mut Template) {
        match &self.place {
            Origin::Constant(value) => return object::constant(template, key, &Json::of(value)),
            Origin::Context(variable) => {
                read::of_context(template, *variable);
                return object::value(template, key, Form::Raw);
            }
            Origin::Parameter(parameter) => {
                read::of_answered_request(template, parameter);
                template.code("#if($given == true)\n");
                object::value(template, key, Form::Raw);
                template.code("#end\n");
                return;
            }
            Origin::Member(member) => {
                member.read(template);
                template.code("#if($given == true)\n");
                object::value(template, key, member.form());
            }
            Origin::Whole => {
                template
                    .code("#set($value = $document)\n#set($given = false)\n#if($value != '')\n#set($given = true)\n");
                object::value(template, key, Form::Json);
            }
            Origin::Part(path) => {
                output::part(template, path);
                template.code("#if($given == true)\n");
                output::append(template, key);
            }
        }
        template.code("#end\n");
        if !self.optional {
            template.code(REQUIRE);
        }
    }

    /// Reads the value of a header: a text without a line break or anything else that is no printable ASCII.
    pub(super) fn read_header(&self, number: u16, template: &mut Template) {
        match &self.place {
            Origin::Constant(_) | Origin::Whole => return,
            Origin::Context(variable) => read::of_context(template, *variable),
            Origin::Parameter(parameter) => read::of_answered_request(template, parameter),
            Origin::Member(member) => member.read(template),
            Origin::Part(path) => output::part(template, path),
        }
        template.code("#set($header").number(number).code(" = '')\n#if($value.matches('[ -~]+') == true)\n");
        template.code("#set($header").number(number).code(" = $value)\n#end\n");
        if !self.optional && self.may_fail() {
            template.code("#if($header").number(number).code(" == '')\n#set($complete = false)\n#end\n");
        }
    }
}
