//! The JSON document that a call carries as text: an execution's input, a task's output.

use std::collections::BTreeMap;

use crate::api::{Input, Source};
use crate::mistakes::{FieldPath, Mistakes};

use super::json::Json;
use super::model::Kind;
use super::raw::{Purpose, Raw};
use super::reads::Reads;
use super::source::{Checked, Media, NO_TEXT};
use super::vtl::Template;
use super::{envelope, object, read};

/// The most that Step Functions takes as input or output, in bytes. Source: Step Functions quotas, 256 KiB.
const DOCUMENT_BYTES_MAX: usize = 262_144;

/// The longest key, dots included.
const KEY_CHARACTERS_MAX: usize = 128;

/// What the document is made of.
#[derive(Debug, PartialEq)]
pub(super) enum Document {
    /// The whole body, as it came.
    Body,
    /// What the manifest says.
    Constant(Json),
    /// An object of values of the request.
    Fields(Members),
    /// What the manifest's own template sets.
    Template(Raw),
}

/// The members of an object, by key.
pub(super) type Members = BTreeMap<String, Member>;

/// One member of the object.
#[derive(Debug, PartialEq)]
pub(super) enum Member {
    Value(Checked),
    Object(Members),
    /// An object of all parameters of the query string.
    Query,
}

/// Checks one document; `at` is its field path, such as `spec.routes[2].input`.
pub(super) fn parse(
    input: Option<&Input>,
    reads: &mut Reads,
    at: &FieldPath,
    mistakes: &mut Mistakes,
) -> Option<Document> {
    let Some(Input { constant, constant_json, fields, request, template }) = input else {
        return body(reads, at, mistakes);
    };
    let said = [constant.is_some(), constant_json.is_some(), fields.is_some(), request.is_some(), template.is_some()];
    if said.into_iter().filter(|said| *said).count() > 1 {
        mistakes.add(at.clone(), "", "at most one of constant, constantJson, fields, request and template is allowed");
        return None;
    }
    if let Some(value) = constant {
        return sized(Json::of(value), &at.field("constant"), mistakes).map(Document::Constant);
    }
    if let Some(text) = constant_json {
        let at = at.field("constantJson");
        let json = mistakes.take(at.clone(), text, Json::parse(text))?;
        return sized(json, &at, mistakes).map(Document::Constant);
    }
    if let Some(fields) = fields {
        return members(fields, reads, &at.field("fields"), mistakes).map(Document::Fields);
    }
    if let Some(text) = template {
        return raw(text, reads, &at.field("template"), mistakes).map(Document::Template);
    }
    match request {
        Some(request) => envelope::members(request, reads, &at.field("request"), mistakes).map(Document::Fields),
        None => body(reads, at, mistakes),
    }
}

/// The whole body as it came, which must be JSON.
fn body(reads: &mut Reads, at: &FieldPath, mistakes: &mut Mistakes) -> Option<Document> {
    match reads.media {
        Media::Json => {
            reads.reads_text = true;
            reads.may_refuse = true;
            Some(Document::Body)
        }
        Media::Binary => {
            mistakes.add(at.clone(), "", NO_TEXT);
            None
        }
        Media::Form | Media::Other => {
            let allowed = "a body of this content type is no JSON: say what the document is made of, such as \
                           `fields: {body: {rawBody: TEXT}}`";
            mistakes.add(at.clone(), "", allowed);
            None
        }
    }
}

/// A template of the manifest. What it parses must be JSON, of which nothing may be lost.
fn raw(text: &str, reads: &mut Reads, at: &FieldPath, mistakes: &mut Mistakes) -> Option<Raw> {
    let raw = mistakes.take(at.clone(), text, Raw::parse(text, Purpose::Document))?;
    reads.may_refuse = true;
    reads.reads_text |= raw.reads_body();
    reads.reads_whole |= raw.parses_body() && reads.media == Media::Json && reads.has_body();
    Some(raw)
}

/// The code after a template of the manifest. Where it left the document out, the request can't be served.
const REFUSE_NO_DOCUMENT: &str =
    "\n#set($document = \"$!{document}\")\n#if($document == '')\n#set($complete = false)\n#end\n";

/// Writes the code that prepares the document.
pub(super) fn prepare(document: &Document, template: &mut Template) {
    match document {
        Document::Body | Document::Constant(_) => {}
        Document::Fields(members) => {
            object::begin(template);
            append(members, template);
            object::end(template);
        }
        Document::Template(raw) => {
            template.code("#set($document = '')\n").raw(raw).code(REFUSE_NO_DOCUMENT);
        }
    }
}

/// Prints the document as it stands between the quotes of a JSON string: escaped once as a whole.
pub(super) fn print(document: &Document, template: &mut Template) {
    match document {
        Document::Body => template.escaped("$input.body"),
        Document::Constant(json) => template.text(json.as_str()),
        Document::Fields(_) => template.escaped("$text"),
        Document::Template(_) => template.escaped("$document"),
    };
}

fn append(members: &Members, template: &mut Template) {
    for (key, member) in members {
        match member {
            Member::Object(members) => {
                object::begin_member(template, key);
                append(members, template);
                object::end_member(template);
            }
            Member::Query => {
                object::begin_member(template, key);
                object::all_of_the_query(template);
                object::end_member(template);
            }
            Member::Value(checked) => append_value(key, checked, template),
        }
    }
}

fn append_value(key: &str, checked: &Checked, template: &mut Template) {
    let reading = match checked {
        Checked::Constant(value) => return object::constant(template, key, &Json::of(value)),
        Checked::Read(reading) => reading,
    };
    let form = read::value(template, reading);
    if !reading.place.may_be_absent() {
        return object::value(template, key, form);
    }
    template.code("#if($given == true)\n");
    object::value(template, key, form);
    if checked.is_required() {
        template.code("#else\n#set($complete = false)\n");
    }
    template.code("#end\n");
}

fn sized(json: Json, at: &FieldPath, mistakes: &mut Mistakes) -> Option<Json> {
    if json.as_str().len() <= DOCUMENT_BYTES_MAX {
        return Some(json);
    }
    let found = format!("{} bytes", json.as_str().len());
    mistakes.add(at.clone(), found, format!("at most {DOCUMENT_BYTES_MAX} bytes, as Step Functions limits it"));
    None
}

/// The members as a tree, a level for each dot.
fn members(
    fields: &BTreeMap<String, Source>,
    reads: &mut Reads,
    at: &FieldPath,
    mistakes: &mut Mistakes,
) -> Option<Members> {
    if fields.is_empty() {
        mistakes.add(at.clone(), "", "at least one member is required");
        return None;
    }
    let mut root = Some(Members::new());
    for (key, source) in fields {
        let at = at.key(key);
        let placed = key_parts(key, &at, mistakes);
        let checked = reads.read(source, Kind::Json, &at, mistakes);
        let (Some(parts), Some(checked)) = (placed, checked) else {
            root = None;
            continue;
        };
        if let Some(members) = &mut root
            && !insert(members, &parts, checked)
        {
            mistakes.add(
                at,
                key,
                "another key has this member's place: a member is a value or an object of members, not both",
            );
            root = None;
        }
    }
    root
}

fn key_parts<'k>(key: &'k str, at: &FieldPath, mistakes: &mut Mistakes) -> Option<Vec<&'k str>> {
    let parts: Vec<&str> = key.split('.').collect();
    if parts.contains(&"") {
        mistakes.add(at.clone(), key, "a name is required before and behind each dot");
        return None;
    }
    if key.chars().count() > KEY_CHARACTERS_MAX {
        mistakes.add(at.clone(), key, format!("at most {KEY_CHARACTERS_MAX} characters"));
        return None;
    }
    Some(parts)
}

/// Whether the value found its place: neither on the way nor at the end is another.
fn insert(members: &mut Members, parts: &[&str], checked: Checked) -> bool {
    let Some((name, rest)) = parts.split_first() else { return false };
    if rest.is_empty() {
        return match members.contains_key(*name) {
            true => false,
            false => members.insert((*name).to_owned(), Member::Value(checked)).is_none(),
        };
    }
    match members.entry((*name).to_owned()).or_insert_with(|| Member::Object(Members::new())) {
        Member::Object(within) => insert(within, rest, checked),
        Member::Value(_) | Member::Query => false,
    }
}
