//! The request as one object: `body`, `path`, `querystring`, `header`, `requestContext` and `authorizer`, as the integrations have
//! it that CDK generates. Of headers, context and authorizer only what the manifest names: all of them would put tokens and cookies
//! into the execution's history.

use crate::api::{ContextVariable, RawBody, RequestEnvelope};
use crate::mistakes::{FieldPath, Mistakes};

use super::document::{Member, Members};
use super::model::Kind;
use super::reads::Reads;
use super::source::{Media, NO_TEXT, Name, Parameter, Place, Reading};

/// The members of the object; `at` is its field path, such as `spec.routes[2].input.request`.
pub(super) fn members(
    said: &RequestEnvelope,
    reads: &mut Reads,
    at: &FieldPath,
    mistakes: &mut Mistakes,
) -> Option<Members> {
    let RequestEnvelope { headers, context, authorizer } = said;
    let before = mistakes.iter().count();
    let mut members = Members::new();
    if reads.has_body() {
        let place = match reads.media {
            Media::Json => Some(Place::WholeBody),
            Media::Form | Media::Other => Some(Place::RawBody(RawBody::Text)),
            Media::Binary => {
                mistakes.add(at.clone(), "", NO_TEXT);
                None
            }
        };
        members.extend(place.map(|place| ("body".to_owned(), value(place, reads))));
    }
    let mut path = Members::new();
    for name in reads.parameters() {
        // What is no name is told where the path is checked.
        path.extend(
            Name::parse(name)
                .ok()
                .map(|place| (name.to_owned(), value(Place::Parameter(Parameter::Path(place)), reads))),
        );
    }
    members.insert("path".to_owned(), Member::Object(path));
    reads.may_refuse = true;
    members.insert("querystring".to_owned(), Member::Query);
    let mut header = Members::new();
    for (index, text) in headers.iter().enumerate() {
        let at = at.field("headers").index(index);
        if header.keys().any(|other| other.eq_ignore_ascii_case(text)) {
            mistakes.add(at.clone(), text, TWICE);
        }
        if let Some(name) = mistakes.take(at, text, Name::parse(text)) {
            header.insert(text.clone(), value(Place::Parameter(Parameter::Header(name)), reads));
        }
    }
    let mut known = Members::new();
    for (index, variable) in context.iter().enumerate() {
        let at = at.field("context").index(index);
        let Some(place) = reads.context(*variable, &at, mistakes) else { continue };
        if known.insert(context_key(*variable).to_owned(), value(place, reads)).is_some() {
            mistakes.add(at, variable.as_str(), TWICE);
        }
    }
    let (mut told, mut claims) = (Members::new(), Members::new());
    for (index, text) in authorizer.iter().enumerate() {
        let at = at.field("authorizer").index(index);
        let Some(place) = reads.authorizer(text, &at, mistakes) else { continue };
        let (into, key) = match text.strip_prefix("claims.") {
            Some(claim) => (&mut claims, claim),
            None => (&mut told, text.as_str()),
        };
        if into.insert(key.to_owned(), value(place, reads)).is_some() {
            mistakes.add(at, text, TWICE);
        }
    }
    if !claims.is_empty() {
        told.insert("claims".to_owned(), Member::Object(claims));
    }
    for (key, chosen) in [("header", header), ("requestContext", known), ("authorizer", told)] {
        if !chosen.is_empty() {
            members.insert(key.to_owned(), Member::Object(chosen));
        }
    }
    (mistakes.iter().count() == before).then_some(members)
}

const TWICE: &str = "another of the list has this member's place";

/// What a request lacks is left out.
fn value(place: Place, reads: &mut Reads) -> Member {
    let optional = place.may_be_absent();
    Member::Value(reads.noted(Reading { place, decode: None, optional }, Kind::Json))
}

/// The last part of its name, as CDK has it.
fn context_key(variable: ContextVariable) -> &'static str {
    let name = variable.as_str();
    name.strip_prefix("identity.").unwrap_or(name)
}
