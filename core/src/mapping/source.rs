//! Where a value of a request is taken from, checked.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::api::{ContextVariable, HttpMethod, Route, Source};
use crate::mistakes::{FieldPath, Mistakes};

use super::model::{Kind, Model};
use super::vtl::Word;

/// A member of the body, such as `$.user.id`, as a JSON path that names exactly one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BodyPath {
    text: String,
    members: Vec<String>,
}

impl BodyPath {
    /// Parses `$` and its members: `.name` of ASCII letters, digits and `_`, or `['any-name']`. No wildcard, index, filter or
    /// function, for each can mean several places or none.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let mut path = Self { text: "$".to_owned(), members: Vec::new() };
        let mut rest = text.strip_prefix('$').ok_or(NOT_A_BODY_PATH)?;
        while !rest.is_empty() {
            rest = if let Some(behind) = rest.strip_prefix("['") {
                let (name, behind) = behind.split_once("']").ok_or(NOT_A_BODY_PATH)?;
                path.push_quoted(name)?;
                behind
            } else {
                let behind = rest.strip_prefix('.').ok_or(NOT_A_BODY_PATH)?;
                let end = behind.find(['.', '[']).unwrap_or(behind.len());
                let (name, behind) = behind.split_at(end);
                path.push_plain(name)?;
                behind
            };
        }
        if path.members.is_empty() { Err(NOT_A_BODY_PATH) } else { Ok(path) }
    }

    /// The member of this name, which is ours, of the object at the root.
    pub(super) fn of(name: &'static str) -> Self {
        Self { text: format!("$.{name}"), members: vec![name.to_owned()] }
    }

    /// The names on the way, outermost first.
    pub(super) fn members(&self) -> &[String] {
        &self.members
    }

    fn push_plain(&mut self, name: &str) -> Result<(), &'static str> {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(is_name) {
            return Err(NOT_A_BODY_PATH);
        }
        self.text.push('.');
        self.text.push_str(name);
        self.members.push(name.to_owned());
        Ok(())
    }

    /// Between double quotes in the template, since the whole path stands between Velocity's single quotes.
    fn push_quoted(&mut self, name: &str) -> Result<(), &'static str> {
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.:@/ ".contains(c)) {
            return Err(NOT_A_BODY_PATH);
        }
        self.text.push_str(&format!("[\"{name}\"]"));
        self.members.push(name.to_owned());
        Ok(())
    }
}

impl Word for BodyPath {
    fn in_single_quotes(&self) -> String {
        self.text.clone()
    }
}

const NOT_A_BODY_PATH: &str = "a path to one member of the body is expected: `$`, then `.name` (ASCII letters, digits and `_`) or \
                               `['name']` (also with `-`, `.`, `:`, `@`, `/` and spaces) for each member on the way";

/// The name of a parameter or header, as API Gateway takes it in `method.request.<place>.<name>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name(String);

impl Name {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if !text.is_empty() && text.len() <= 128 && text.chars().all(is_name) {
            Ok(Self(text.to_owned()))
        } else {
            Err("1 to 128 ASCII letters, digits, `.`, `_` and `-` are allowed, as API Gateway names parameters")
        }
    }
}

impl Word for Name {
    fn in_single_quotes(&self) -> String {
        self.0.clone()
    }
}

/// One place of a request.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Place {
    /// A member of the JSON body.
    Body(BodyPath),
    /// A parameter of the path, which every request has.
    Path(Name),
    /// A parameter of the query string.
    Query(Name),
    /// A header, in any case.
    Header(Name),
    /// What API Gateway knows of every request.
    Context(ContextVariable),
}

impl Place {
    /// Whether a request can lack it.
    pub(super) fn may_be_absent(&self) -> bool {
        match self {
            Place::Body(_) | Place::Query(_) | Place::Header(_) => true,
            Place::Path(_) | Place::Context(_) => false,
        }
    }
}

/// One value of the call.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Checked {
    /// What the manifest says.
    Constant(Value),
    /// What the request holds at this place, which it may lack if `optional`.
    Read { place: Place, optional: bool },
}

impl Checked {
    /// Whether a request without it is refused.
    pub(super) fn is_required(&self) -> bool {
        match self {
            Checked::Constant(_) => false,
            Checked::Read { place, optional } => place.may_be_absent() && !optional,
        }
    }
}

/// All that one route reads of its requests, and what API Gateway must check of them therefore.
pub(super) struct Reads<'a> {
    route: &'a Route,
    pub(super) required_parameters: BTreeSet<String>,
    pub(super) path_parameters: BTreeSet<String>,
    pub(super) model: Option<Model>,
    /// Whether a text that a client wrote is read from anywhere but the body.
    pub(super) reads_text: bool,
}

impl<'a> Reads<'a> {
    /// Nothing is read yet.
    pub(super) fn of(route: &'a Route) -> Self {
        Self {
            route,
            required_parameters: BTreeSet::new(),
            path_parameters: BTreeSet::new(),
            model: None,
            reads_text: false,
        }
    }

    /// Checks one source and notes what it reads.
    pub(super) fn read(
        &mut self,
        source: &Source,
        kind: Kind,
        at: &FieldPath,
        mistakes: &mut Mistakes,
    ) -> Option<Checked> {
        let Source { body, path, query, header, context, constant, optional } = source;
        let said =
            [body.is_some(), path.is_some(), query.is_some(), header.is_some(), context.is_some(), constant.is_some()];
        let count = said.into_iter().filter(|said| *said).count();
        if count != 1 {
            let allowed = "exactly one of body, path, query, header, context and constant is required";
            mistakes.add(at.clone(), format!("{count} of them"), allowed);
            return None;
        }
        let optional = optional.unwrap_or(false);
        let never_absent = path.is_some() || context.is_some() || constant.is_some();
        if optional && never_absent {
            mistakes.add(at.field("optional"), optional, "leave it out: only body, query and header can be absent");
        }
        if let Some(constant) = constant {
            if kind == Kind::Text && !constant.is_string() {
                mistakes.add(at.field("constant"), constant, "a string is required here");
                return None;
            }
            return (!optional).then(|| Checked::Constant(constant.clone()));
        }
        let place = self.place(source, at, mistakes)?;
        if optional && never_absent {
            return None;
        }
        let checked = Checked::Read { place, optional };
        self.note(&checked, kind);
        Some(checked)
    }

    /// The one place that the source says.
    fn place(&self, source: &Source, at: &FieldPath, mistakes: &mut Mistakes) -> Option<Place> {
        if let Some(text) = &source.body {
            return self.body(text, &at.field("body"), mistakes).map(Place::Body);
        }
        if let Some(text) = &source.path {
            return mistakes.take(at.field("path"), text, self.path(text)).map(Place::Path);
        }
        if let Some(text) = &source.query {
            return mistakes.take(at.field("query"), text, Name::parse(text)).map(Place::Query);
        }
        if let Some(text) = &source.header {
            return mistakes.take(at.field("header"), text, Name::parse(text)).map(Place::Header);
        }
        source.context.map(Place::Context)
    }

    fn body(&self, text: &str, at: &FieldPath, mistakes: &mut Mistakes) -> Option<BodyPath> {
        let path = mistakes.take(at.clone(), text, BodyPath::parse(text));
        match self.route.method {
            HttpMethod::Get | HttpMethod::Head => {
                mistakes.add(at.clone(), text, "not allowed with method GET or HEAD, whose body API Gateway drops");
                None
            }
            HttpMethod::Any
            | HttpMethod::Delete
            | HttpMethod::Options
            | HttpMethod::Patch
            | HttpMethod::Post
            | HttpMethod::Put => path,
        }
    }

    fn path(&self, text: &str) -> Result<Name, String> {
        let name = Name::parse(text).map_err(str::to_owned)?;
        let mut parameters = self.route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        if parameters.any(|parameter| parameter.strip_suffix('+').unwrap_or(parameter) == text) {
            return Ok(name);
        }
        Err(format!("a parameter of the route's path is required, such as `{{{text}}}` in it"))
    }

    fn note(&mut self, checked: &Checked, kind: Kind) {
        let Checked::Read { place, optional } = checked else { return };
        self.reads_text |= matches!(place, Place::Path(_) | Place::Query(_) | Place::Header(_));
        match place {
            Place::Body(path) => self.model.get_or_insert_default().add(path.members(), !optional, kind),
            Place::Path(name) => {
                self.path_parameters.insert(name.0.clone());
            }
            Place::Query(name) if !optional => {
                self.required_parameters.insert(format!("method.request.querystring.{}", name.0));
            }
            Place::Query(_) | Place::Header(_) | Place::Context(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::one("$.a", "$.a", &["a"])]
    #[case::nested("$.user.id_2", "$.user.id_2", &["user", "id_2"])]
    #[case::quoted("$['x-y'].a", r#"$["x-y"].a"#, &["x-y", "a"])]
    #[case::quoted_dot("$.a['b.c']", r#"$.a["b.c"]"#, &["a", "b.c"])]
    fn a_body_path_reads_as(#[case] given: &str, #[case] written: &str, #[case] members: &[&str]) {
        let path = BodyPath::parse(given).unwrap();
        assert_eq!(
            (path.in_single_quotes().as_str(), path.members()),
            (written, members.iter().map(|m| m.to_string()).collect::<Vec<_>>().as_slice())
        );
    }

    #[rstest]
    fn no_body_path(
        #[values(
            "",
            "$",
            "a",
            "$.",
            "$..a",
            "$.*",
            "$.a[0]",
            "$.a[*]",
            "$.a.",
            "$a",
            "$.1a",
            "$.a-b",
            "$.a.length()",
            "$[?(@.a)]",
            "$['']",
            "$['a'b']",
            "$['a\"b']",
            "$['a\\b']",
            "$['a','b']",
            "$[\"a\"]",
            "$.a b",
            "$.é",
            "$.a')#set($x='",
            "$['a'"
        )]
        given: &str,
    ) {
        assert!(BodyPath::parse(given).is_err(), "{given}");
    }

    #[rstest]
    fn no_name(#[values("", "a'b", "a b", "$a", "#a", "a\"", "a\\", "é", "a:b", "a[0]", "a\n")] given: &str) {
        assert!(Name::parse(given).is_err(), "{given}");
    }
}
