//! The content types that a route takes, and what the document of each is made of.

use std::collections::BTreeSet;

use crate::api::{HttpMethod, Input, Route};
use crate::mistakes::{FieldPath, Mistakes};

use super::source::Media;

/// What every route takes unless it says others alone.
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// The longest name of a content type. Source: RFC 6838, section 4.2: 127 characters on each side.
const TYPE_CHARACTERS_MAX: usize = 255;

/// One content type.
pub(super) struct Content<'a> {
    /// Its name, which is the key of a template.
    pub(super) type_: String,
    pub(super) media: Media,
    /// What the document is made of.
    pub(super) input: Option<&'a Input>,
    /// Where that is said; else it is the field that the document is named after.
    pub(super) at: Option<FieldPath>,
}

/// All content types of a route, application/json first; the bodies of `binary` ones are bytes.
pub(super) fn contents<'a>(
    route: &'a Route,
    binary: &BTreeSet<String>,
    at: &FieldPath,
    mistakes: &mut Mistakes,
) -> Option<Vec<Content<'a>>> {
    let said = route.input.as_ref().or(route.output.as_ref());
    let mut contents = Vec::new();
    if said.is_some() || route.content_types.is_empty() {
        contents.push(Content { type_: JSON.to_owned(), media: Media::Json, input: said, at: None });
    }
    let at = at.field("contentTypes");
    let before = mistakes.iter().count();
    if !route.content_types.is_empty() && !has_body(route.method) {
        mistakes.add(at.clone(), "", "not allowed with method GET or HEAD, whose body API Gateway drops");
    }
    for (type_, input) in &route.content_types {
        let at = at.key(type_);
        match media(type_) {
            Ok(media) => {
                let media = if binary.contains(type_) { Media::Binary } else { media };
                if type_.starts_with("multipart/") && !reads_all_as_text(input) {
                    let allowed = "API Gateway can't read the parts of a body: take all of it, such as \
                                   `fields: {body: {rawBody: BASE64}}`";
                    mistakes.add(at.clone(), type_, allowed);
                }
                contents.push(Content { type_: type_.clone(), media, input: Some(input), at: Some(at) });
            }
            Err(allowed) => mistakes.add(at, type_, allowed),
        }
    }
    (mistakes.iter().count() == before).then_some(contents)
}

/// Whether API Gateway passes the body of such a request on.
pub(super) fn has_body(method: HttpMethod) -> bool {
    match method {
        HttpMethod::Get | HttpMethod::Head => false,
        HttpMethod::Any
        | HttpMethod::Delete
        | HttpMethod::Options
        | HttpMethod::Patch
        | HttpMethod::Post
        | HttpMethod::Put => true,
    }
}

/// What a content type's bodies can be read as; the error is what is allowed.
fn media(type_: &str) -> Result<Media, &'static str> {
    let is_part = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "!#&^_.+-".contains(c))
    };
    match type_.split_once('/') {
        _ if type_ == JSON => Err("leave it out: `input` (or `output`) says what application/json becomes"),
        _ if type_ == FORM => Ok(Media::Form),
        Some((one, other)) if is_part(one) && is_part(other) && type_.len() <= TYPE_CHARACTERS_MAX => {
            Ok(if other.ends_with("+json") || type_ == "text/json" { Media::Json } else { Media::Other })
        }
        _ => Err("a content type in lower case and without parameters is expected, such as `text/xml`"),
    }
}

/// Whether nothing but the body's text is read of the body.
fn reads_all_as_text(input: &Input) -> bool {
    let Input { constant, constant_json, fields, request, template } = input;
    let fields_do = fields.as_ref().is_some_and(|fields| fields.values().all(|source| source.body.is_none()));
    constant.is_some() || constant_json.is_some() || fields_do || request.is_some() || template.is_some()
}
