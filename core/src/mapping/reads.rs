//! What one route reads of its requests: each source checked, and what API Gateway must check therefore.

use std::collections::BTreeSet;

use crate::api::{AuthType, ContextVariable, Decoding, RawBody, Route, Source};
use crate::mistakes::{FieldPath, Mistakes};

use super::content;
use super::model::{Kind, Model};
use super::source::{
    BodyPath, Checked, Key, Media, NO_TEXT, Name, Parameter, Place, Reading, is_of_a_signature, may_lack,
    path_parameters,
};

/// All that one route reads of its requests of one content type, and what API Gateway must check of them therefore.
pub(super) struct Reads<'a> {
    route: &'a Route,
    pub(super) media: Media,
    pub(super) required_parameters: BTreeSet<String>,
    pub(super) path_parameters: BTreeSet<String>,
    /// The members of the JSON body that are read.
    pub(super) model: Option<Model>,
    /// Whether all of the JSON body is read as a value.
    pub(super) reads_whole: bool,
    /// Whether the body is read as text.
    pub(super) reads_text: bool,
    /// Whether the template may find that a request can't be served.
    pub(super) may_refuse: bool,
}

const ONE_PLACE: &str = "exactly one of body, rawBody, form, path, query, header, context, authorizer, stageVariable and constant is required";

impl<'a> Reads<'a> {
    /// Nothing is read yet.
    pub(super) fn of(route: &'a Route, media: Media) -> Self {
        Self {
            route,
            media,
            required_parameters: BTreeSet::new(),
            path_parameters: BTreeSet::new(),
            model: None,
            reads_whole: false,
            reads_text: false,
            may_refuse: false,
        }
    }

    /// The names of the route's path parameters.
    pub(super) fn parameters(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        path_parameters(&self.route.path)
    }

    /// Whether requests have a body.
    pub(super) fn has_body(&self) -> bool {
        content::has_body(self.route.method)
    }

    /// Checks one source and notes what it reads.
    pub(super) fn read(
        &mut self,
        source: &Source,
        kind: Kind,
        at: &FieldPath,
        mistakes: &mut Mistakes,
    ) -> Option<Checked> {
        let Source {
            body,
            raw_body,
            form,
            path,
            query,
            header,
            context,
            authorizer,
            stage_variable,
            constant,
            decode,
            optional,
        } = source;
        let said = [
            body.is_some(),
            raw_body.is_some(),
            form.is_some(),
            path.is_some(),
            query.is_some(),
            header.is_some(),
            context.is_some(),
            authorizer.is_some(),
            stage_variable.is_some(),
            constant.is_some(),
        ];
        let count = said.into_iter().filter(|said| *said).count();
        if count != 1 {
            mistakes.add(at.clone(), format!("{count} of them"), ONE_PLACE);
            return None;
        }
        let optional = optional.unwrap_or(false);
        let never_absent = path.is_some() || context.is_some_and(|variable| !may_lack(variable)) || constant.is_some();
        if optional && never_absent {
            mistakes.add(at.field("optional"), optional, "leave it out: what every request has is never absent");
        }
        let decodable = raw_body.is_none() && context.is_none() && constant.is_none();
        if decode.is_some() && !decodable {
            mistakes.add(at.field("decode"), "BASE64", "leave it out: no client encodes what is read there");
        }
        if let Some(constant) = constant {
            if kind == Kind::Text && !constant.is_string() {
                mistakes.add(at.field("constant"), constant, "a string is required here");
                return None;
            }
            return (!optional && decode.is_none()).then(|| Checked::Constant(constant.clone()));
        }
        let place = self.place(source, kind, at, mistakes)?;
        if optional && never_absent || decode.is_some() && !decodable {
            return None;
        }
        Some(self.noted(Reading { place, decode: *decode, optional }, kind))
    }

    /// The value that is read so, noted.
    pub(super) fn noted(&mut self, reading: Reading, kind: Kind) -> Checked {
        self.note(&reading, kind);
        Checked::Read(reading)
    }

    /// The one place that the source says.
    fn place(&self, source: &Source, kind: Kind, at: &FieldPath, mistakes: &mut Mistakes) -> Option<Place> {
        if let Some(text) = &source.body {
            return self.body(text, kind, source.decode, &at.field("body"), mistakes);
        }
        if let Some(raw) = source.raw_body {
            let found = match raw {
                RawBody::Text => "TEXT",
                RawBody::Base64 => "BASE64",
            };
            let at = at.field("rawBody");
            let bodied = self.bodied(found, &at, mistakes);
            let place = match (self.media, raw) {
                (Media::Binary, RawBody::Text) => {
                    mistakes.add(at, found, NO_TEXT);
                    return None;
                }
                (Media::Binary, RawBody::Base64) => Place::BinaryBody,
                (Media::Json | Media::Form | Media::Other, raw) => Place::RawBody(raw),
            };
            return bodied.then_some(place);
        }
        if let Some(text) = &source.form {
            let at = at.field("form");
            let name = mistakes.take(at.clone(), text, Name::parse(text));
            let bodied = self.bodied(text, &at, mistakes);
            if bodied && self.media == Media::Binary {
                mistakes.add(at, text, NO_TEXT);
                return None;
            }
            if bodied && self.media != Media::Form {
                let allowed = "allowed below contentTypes[application/x-www-form-urlencoded] alone";
                mistakes.add(at, text, allowed);
                return None;
            }
            return name.filter(|_| bodied).map(Place::Form);
        }
        if let Some(text) = &source.path {
            return mistakes
                .take(at.field("path"), text, Name::of_the_path(text, &self.route.path))
                .map(Parameter::Path)
                .map(Place::Parameter);
        }
        if let Some(text) = &source.query {
            return mistakes
                .take(at.field("query"), text, Name::parse(text))
                .map(Parameter::Query)
                .map(Place::Parameter);
        }
        if let Some(text) = &source.header {
            return mistakes
                .take(at.field("header"), text, Name::parse(text))
                .map(Parameter::Header)
                .map(Place::Parameter);
        }
        if let Some(text) = &source.authorizer {
            return self.authorizer(text, &at.field("authorizer"), mistakes);
        }
        if let Some(text) = &source.stage_variable {
            let name = Name::of_a_stage_variable(text);
            return mistakes.take(at.field("stageVariable"), text, name).map(Place::StageVariable);
        }
        self.context(source.context?, &at.field("context"), mistakes)
    }

    /// Checks what `context` and `request.context` name.
    pub(super) fn context(&self, variable: ContextVariable, at: &FieldPath, mistakes: &mut Mistakes) -> Option<Place> {
        if is_of_a_signature(variable) && self.route.auth.type_ != AuthType::AwsIam {
            mistakes.add(at.clone(), variable.as_str(), "allowed with auth AWS_IAM alone: only a signature tells it");
            return None;
        }
        Some(Place::Context(variable))
    }

    /// Checks what `authorizer` and `request.authorizer` name.
    pub(super) fn authorizer(&self, text: &str, at: &FieldPath, mistakes: &mut Mistakes) -> Option<Place> {
        let claim = text.strip_prefix("claims.");
        let key = mistakes.take(at.clone(), text, Key::parse(claim.unwrap_or(text)));
        match self.route.auth.type_ {
            AuthType::None | AuthType::AwsIam => {
                let allowed = "not allowed with auth NONE and AWS_IAM, which have no authorizer";
                mistakes.add(at.clone(), text, allowed);
                None
            }
            AuthType::CognitoUserPools if claim.is_none() => {
                let allowed = "`claims.<name>` is expected: COGNITO_USER_POOLS tells the claims of the token alone";
                mistakes.add(at.clone(), text, allowed);
                None
            }
            AuthType::CognitoUserPools => key.map(Place::Claim),
            AuthType::Custom if claim.is_some() => {
                let allowed = "`<key>` is expected, `principalId` or one of the function's `context`: a Lambda authorizer tells no claims";
                mistakes.add(at.clone(), text, allowed);
                None
            }
            AuthType::Custom => key.map(Place::Authorizer),
        }
    }

    /// Whether a body can be read, or a mistake.
    pub(super) fn bodied(&self, found: &str, at: &FieldPath, mistakes: &mut Mistakes) -> bool {
        if !self.has_body() {
            mistakes.add(at.clone(), found, "not allowed with method GET or HEAD, whose body API Gateway drops");
        }
        self.has_body()
    }

    fn body(
        &self,
        text: &str,
        kind: Kind,
        decode: Option<Decoding>,
        at: &FieldPath,
        mistakes: &mut Mistakes,
    ) -> Option<Place> {
        let place = match text {
            "$" if kind == Kind::Json && decode.is_none() => Some(Place::WholeBody),
            "$" => {
                mistakes.add(at.clone(), text, "a text is expected here: one member, or rawBody for all of the body");
                None
            }
            _ => mistakes.take(at.clone(), text, BodyPath::parse(text)).map(Place::Body),
        };
        if !self.bodied(text, at, mistakes) {
            return None;
        }
        match self.media {
            Media::Json => place,
            Media::Binary => {
                mistakes.add(at.clone(), text, NO_TEXT);
                None
            }
            Media::Form | Media::Other => {
                let allowed = "not allowed for a content type that is no JSON: use form for a form's field, or rawBody";
                mistakes.add(at.clone(), text, allowed);
                None
            }
        }
    }

    fn note(&mut self, reading: &Reading, kind: Kind) {
        let Reading { place, optional, decode } = reading;
        self.may_refuse |= place.may_be_unreadable() || place.may_be_absent() && !optional || decode.is_some();
        match place {
            Place::Body(path) => {
                let kind = if decode.is_some() { Kind::Text } else { kind };
                self.model.get_or_insert_default().add(path.members(), !optional, kind);
            }
            Place::WholeBody => self.reads_whole = true,
            Place::RawBody(_) | Place::Form(_) => self.reads_text = true,
            Place::Parameter(Parameter::Path(name)) => {
                self.path_parameters.insert(name.as_str().to_owned());
            }
            Place::Parameter(Parameter::Query(name)) if !optional => self.require_query(name),
            Place::BinaryBody
            | Place::Parameter(Parameter::Query(_) | Parameter::Header(_))
            | Place::Context(_)
            | Place::Claim(_)
            | Place::Authorizer(_)
            | Place::StageVariable(_) => {}
        }
    }

    /// The validator must require a parameter of the query string.
    pub(super) fn require_query(&mut self, name: &Name) {
        self.required_parameters.insert(format!("method.request.querystring.{}", name.as_str()));
    }
}
