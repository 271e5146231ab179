//! Where a value of a request can be taken from, and how it is named.

use serde_json::Value;

use crate::api::{ContextVariable, Decoding, RawBody};

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
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if !text.is_empty() && text.len() <= 128 && text.chars().all(is_name) {
            Ok(Self(text.to_owned()))
        } else {
            Err("1 to 128 ASCII letters, digits, `.`, `_` and `-` are allowed, as API Gateway names parameters")
        }
    }

    /// Parses the name of a parameter that the route's path has.
    pub(super) fn of_the_path(text: &str, path: &str) -> Result<Self, String> {
        let name = Self::parse(text)?;
        if path_parameters(path).any(|parameter| parameter == text) {
            return Ok(name);
        }
        Err(format!("a parameter of the route's path is required, such as `{{{text}}}` in it"))
    }

    /// Parses the name of a stage variable.
    pub(super) fn of_a_stage_variable(text: &str) -> Result<Self, &'static str> {
        if !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            Ok(Self(text.to_owned()))
        } else {
            Err("ASCII letters, digits and `_` are allowed, as API Gateway names stage variables")
        }
    }

    /// The name itself.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Word for Name {
    fn in_single_quotes(&self) -> String {
        self.0.clone()
    }
}

/// The names of the parameters of a route's path.
pub fn path_parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(path_parameter)
}

/// The name in `{name}` or `{name+}`.
pub fn path_parameter(part: &str) -> Option<&str> {
    let name = part.strip_prefix('{')?.strip_suffix('}')?;
    Some(name.strip_suffix('+').unwrap_or(name))
}

/// The name of a claim or of a key that an authorizer returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key(String);

impl Key {
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let is_key = |c: char| c.is_ascii_alphanumeric() || "._-:/@ ".contains(c);
        if !text.is_empty() && text.chars().all(is_key) {
            Ok(Self(text.to_owned()))
        } else {
            Err(
                "`claims.<name>` or a key that a Lambda authorizer returns is expected: ASCII letters, digits, `._-:/@` and spaces",
            )
        }
    }
}

impl Word for Key {
    fn in_single_quotes(&self) -> String {
        self.0.clone()
    }
}

/// A parameter of a request's line and headers.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Parameter {
    /// One of the path, which every request has.
    Path(Name),
    /// One of the query string.
    Query(Name),
    /// A header, in any case.
    Header(Name),
}

/// One place of a request.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Place {
    /// A member of the JSON body.
    Body(BodyPath),
    /// The JSON body.
    WholeBody,
    /// The body's text.
    RawBody(RawBody),
    /// The base64 of a body that is bytes.
    BinaryBody,
    /// A field of a form.
    Form(Name),
    /// A parameter.
    Parameter(Parameter),
    /// What API Gateway knows of a request.
    Context(ContextVariable),
    /// A claim of the caller's token.
    Claim(Key),
    /// What a Lambda authorizer returned.
    Authorizer(Key),
    /// A variable of the stage.
    StageVariable(Name),
}

impl Place {
    /// Whether a request can lack it.
    pub(super) fn may_be_absent(&self) -> bool {
        match self {
            Place::Body(_)
            | Place::WholeBody
            | Place::RawBody(_)
            | Place::BinaryBody
            | Place::Form(_)
            | Place::Parameter(Parameter::Query(_) | Parameter::Header(_))
            | Place::Claim(_)
            | Place::Authorizer(_)
            | Place::StageVariable(_) => true,
            Place::Parameter(Parameter::Path(_)) => false,
            Place::Context(variable) => may_lack(*variable),
        }
    }

    /// Whether what a client wrote can be there in a way that can't be read.
    pub(super) fn may_be_unreadable(&self) -> bool {
        match self {
            Place::Body(_)
            | Place::WholeBody
            | Place::RawBody(_)
            | Place::BinaryBody
            | Place::Form(_)
            | Place::Parameter(_) => true,
            Place::Claim(_) | Place::Authorizer(_) | Place::StageVariable(_) => false,
            Place::Context(variable) => is_written_by_a_client(*variable),
        }
    }
}

/// Whether API Gateway knows it of some requests alone. Source: API Gateway developer guide, "Variables for data transformations".
pub(super) fn may_lack(variable: ContextVariable) -> bool {
    match variable {
        ContextVariable::RequestId
        | ContextVariable::ExtendedRequestId
        | ContextVariable::RequestTime
        | ContextVariable::RequestTimeEpoch
        | ContextVariable::HttpMethod
        | ContextVariable::ResourceId
        | ContextVariable::ResourcePath
        | ContextVariable::Path
        | ContextVariable::Protocol
        | ContextVariable::DomainName
        | ContextVariable::DomainPrefix
        | ContextVariable::Stage
        | ContextVariable::ApiId
        | ContextVariable::AccountId
        | ContextVariable::SourceIp => false,
        ContextVariable::UserAgent => true,
        ContextVariable::CallerAccountId
        | ContextVariable::Caller
        | ContextVariable::User
        | ContextVariable::UserArn
        | ContextVariable::AccessKey
        | ContextVariable::PrincipalOrgId
        | ContextVariable::CognitoIdentityId
        | ContextVariable::CognitoIdentityPoolId
        | ContextVariable::CognitoAuthenticationType
        | ContextVariable::CognitoAuthenticationProvider => true,
    }
}

/// Whether only a signed request has it.
pub(super) fn is_of_a_signature(variable: ContextVariable) -> bool {
    may_lack(variable) && variable != ContextVariable::UserAgent
}

/// Whether its characters are the client's.
pub(super) fn is_written_by_a_client(variable: ContextVariable) -> bool {
    matches!(variable, ContextVariable::UserAgent | ContextVariable::Path)
}

/// A value of the request.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reading {
    pub(super) place: Place,
    pub(super) decode: Option<Decoding>,
    pub(super) optional: bool,
}

impl Reading {
    /// Whether the member is left out of a request without it.
    pub(super) fn may_be_left_out(&self) -> bool {
        self.place.may_be_absent() && self.optional
    }
}

/// One value of the call.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Checked {
    /// What the manifest says.
    Constant(Value),
    /// What the request holds.
    Read(Reading),
}

impl Checked {
    /// Whether a request without it is refused.
    pub(super) fn is_required(&self) -> bool {
        match self {
            Checked::Constant(_) => false,
            Checked::Read(Reading { place, optional, .. }) => place.may_be_absent() && !optional,
        }
    }
}

/// Why nothing else can be read of a binary body.
pub(super) const NO_TEXT: &str = "a body of one of api.binaryMediaTypes is bytes and no text: take all of it, such as `fields: {body: {rawBody: BASE64}}`";

/// What a body of one content type can be read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    Json,
    Form,
    /// Bytes, in base64.
    Binary,
    Other,
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
