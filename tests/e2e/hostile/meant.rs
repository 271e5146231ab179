//! What a request means, told from its bytes and the table of routes alone. Nothing of the product is used here.

use super::document::{Node, utf16};
use super::request::Request;
use super::routes::{Document, JSON, Part, Place, Source};

/// What must come of a request.
pub struct Meant {
    /// The one call that it may become, without the state machine; none if it may become none.
    pub call: Option<Vec<(&'static str, Value)>>,
    /// Whether it must become that call, and succeed where it can.
    pub fate: Fate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    Accepted,
    /// It is odd, so that it may be refused too: by the template, the gateway or the HTTP server in front of it.
    Either,
    Refused,
}

/// The value of one member of the call.
#[derive(Debug)]
pub enum Value {
    /// One of these texts.
    Text(Vec<Vec<u16>>),
    /// This text, to the last character.
    Exactly(String),
    /// The text of an object of these members, each of which is one of several.
    Fields(Vec<(&'static str, Vec<Node>)>),
}

/// The request must be refused.
struct Refused;

impl Meant {
    /// `request_id` is the gateway's for this request, and `executions` what each execution's ARN begins with.
    pub fn of(request: &Request, request_id: &str, executions: &str) -> Self {
        let mut reader =
            Reader { request, request_id, executions, body: Body::of(&request.body), fate: Fate::Accepted };
        reader.look_at_the_whole();
        let mut call: Option<Vec<_>> = Some(Vec::new());
        for part in request.route().parts {
            match reader.part(part) {
                Ok(member) => call = call.map(|call| call.into_iter().chain(member).collect()),
                Err(Refused) => call = None,
            }
        }
        let Reader { fate, .. } = reader;
        Self { fate: if call.is_none() { Fate::Refused } else { fate }, call }
    }
}

impl Value {
    pub fn is(&self, found: &[u16]) -> bool {
        match self {
            Self::Text(texts) => texts.iter().any(|text| text == found),
            Self::Exactly(text) => utf16(text) == found,
            Self::Fields(fields) => {
                let Some(found) = String::from_utf16(found).ok().and_then(|found| Node::read(&found)) else {
                    return false;
                };
                let mut expected = Node::Object(Vec::new());
                for (key, nodes) in fields {
                    let there = key.split('.').try_fold(&found, |node, name| node.member(name));
                    let fits = nodes.iter().find(|node| there.is_some_and(|there| node.is(there)));
                    insert(&mut expected, key, fits.unwrap_or(&nodes[0]).clone());
                }
                expected.is(&found)
            }
        }
    }
}

/// Puts a member into an object, or deeper: a dot in the key nests.
fn insert(object: &mut Node, key: &str, node: Node) {
    let Node::Object(members) = object else { return };
    match key.split_once('.') {
        None => members.push((utf16(key), node)),
        Some((name, rest)) => {
            if !members.iter().any(|(found, _)| *found == utf16(name)) {
                members.push((utf16(name), Node::Object(Vec::new())));
            }
            let within = members.iter_mut().find(|(found, _)| *found == utf16(name));
            within.into_iter().for_each(|(_, within)| insert(within, rest, node.clone()));
        }
    }
}

enum Body {
    NotUtf8,
    NoJson(String),
    Json(String, Node),
}

impl Body {
    /// No body is an empty object to API Gateway.
    fn of(bytes: &[u8]) -> Self {
        let Ok(text) = str::from_utf8(bytes) else { return Self::NotUtf8 };
        let text = if text.is_empty() { "{}" } else { text };
        Node::read(text).map_or_else(|| Self::NoJson(text.to_owned()), |node| Self::Json(text.to_owned(), node))
    }
}

struct Reader<'a> {
    request: &'a Request,
    request_id: &'a str,
    executions: &'a str,
    body: Body,
    fate: Fate,
}

impl Reader<'_> {
    fn at_best(&mut self, fate: Fate) {
        self.fate = self.fate.max(fate);
    }

    /// What is odd or wrong whichever values are read.
    fn look_at_the_whole(&mut self) {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@/%?".contains(c);
        let target = self.request.parameter.chars().chain(self.request.query.iter().flat_map(|query| query.chars()));
        if !target.into_iter().all(is_allowed)
            || self.request.parameter.split('/').any(|part| part == "." || part == "..")
        {
            self.at_best(Fate::Either);
        }
        if self.request.route().parameter().is_some() && self.request.parameter.is_empty() {
            self.at_best(Fate::Refused); // it is another path
        }
        if self
            .request
            .headers
            .iter()
            .any(|(_, value)| value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t'))
        {
            self.at_best(Fate::Either);
        }
        let types: Vec<_> =
            self.request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("content-type")).collect();
        let expected = self.request.route().content_type();
        for (_, type_) in &types {
            let type_ = String::from_utf8_lossy(type_);
            let essence = type_.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            match essence.as_str() {
                _ if type_ == expected => {}
                "" => self.at_best(Fate::Either),
                essence if essence == expected => self.at_best(Fate::Either),
                _ => self.at_best(Fate::Refused),
            }
        }
        if types.is_empty() && expected != JSON {
            self.at_best(Fate::Refused); // it is JSON then
        }
    }

    fn part(&mut self, part: &Part) -> Result<Option<(&'static str, Value)>, Refused> {
        let value = match part {
            Part::Document(name, Document::Said(text)) => Some((*name, Value::Exactly((*text).to_owned()))),
            Part::Document(name, Document::Whole) => Some((*name, Value::Exactly(self.whole()?))),
            Part::Document(name, Document::Fields(fields)) => {
                let mut found = Vec::new();
                for (key, source) in *fields {
                    let nodes = self.value(*source, false)?;
                    found.extend((!nodes.is_empty()).then_some((*key, nodes)));
                }
                Some((*name, Value::Fields(found)))
            }
            Part::Text(_, name, source) => {
                let prefix = if *name == "executionArn" { utf16(self.executions) } else { Vec::new() };
                let texts = self.value(*source, true)?.into_iter().filter_map(|node| match node {
                    Node::Text(text) => Some([prefix.clone(), text].concat()),
                    _ => None,
                });
                let mut texts: Vec<_> = texts.collect();
                if *name == "name" {
                    // Whoever had the name before has it still.
                    self.at_best(Fate::Either);
                    texts.iter_mut().filter(|text| !is_name(text)).for_each(|text| *text = utf16("*"));
                    if texts.iter().all(|text| *text == utf16("*")) {
                        self.at_best(Fate::Refused);
                    }
                }
                (!texts.is_empty()).then_some((*name, Value::Text(texts)))
            }
        };
        Ok(value)
    }

    /// The body as it is. What is no JSON may reach Step Functions, which must refuse it.
    fn whole(&mut self) -> Result<String, Refused> {
        let (text, fate) = match &self.body {
            Body::NotUtf8 => return Err(Refused),
            Body::NoJson(text) => (text.clone(), Fate::Refused),
            Body::Json(text, node) if text.contains('\u{fffd}') || has_lone_surrogate(node) => {
                (text.clone(), Fate::Either)
            }
            Body::Json(text, _) => (text.clone(), Fate::Accepted),
        };
        self.at_best(fate);
        Ok(text)
    }

    /// All that the place holds: nothing if it is absent, several if it is there several times.
    fn value(&mut self, source: Source, is_text: bool) -> Result<Vec<Node>, Refused> {
        let route = self.request.route();
        let found = match source.from {
            Place::Body(names) => self.member(names, is_text)?.into_iter().collect(),
            Place::WholeBody => vec![self.whole_value()?],
            Place::RawText => vec![Node::text(&self.raw()?)],
            Place::RawBase64 => vec![Node::text(&base64(self.raw()?.as_bytes()))],
            Place::Form(name) => self.in_form(name)?,
            Place::Decoded(name) => self.decoded_query(name)?,
            Place::Path(_) => self.in_path()?,
            Place::Query(name) => self.in_query(name),
            Place::Header(name) => self.in_headers(name),
            Place::Context("requestId") => vec![Node::text(self.request_id)],
            Place::Context("identity.sourceIp") => vec![Node::text("127.0.0.1")],
            Place::Context("httpMethod") => vec![Node::text(route.method)],
            Place::Context("resourcePath") => vec![Node::text(route.path)],
            Place::Context("stage") => vec![Node::text("prod")],
            Place::Context(name) => panic!("unknown: {name}"),
            Place::Constant(text) => Node::read(text).into_iter().collect(),
        };
        if found.is_empty() && !source.optional { Err(Refused) } else { Ok(found) }
    }

    /// No body is an empty object, or none.
    fn whole_value(&mut self) -> Result<Node, Refused> {
        let Body::Json(text, node) = &self.body else { return Err(Refused) };
        let (text, node) = (text.clone(), node.clone());
        if self.request.body.is_empty() || text.contains(['\u{7f}', '\u{fffd}']) || node.all().into_iter().any(is_odd) {
            self.at_best(Fate::Either);
        }
        if node.all().into_iter().any(is_lost) { Err(Refused) } else { Ok(node) }
    }

    /// No body and `{}` are the same to API Gateway.
    fn raw(&mut self) -> Result<String, Refused> {
        let text = String::from_utf8(self.request.body.clone()).map_err(|_| Refused)?;
        if text.is_empty() || text == "{}" {
            return Err(Refused);
        }
        if text.contains('\u{fffd}') {
            self.at_best(Fate::Either);
        }
        Ok(text)
    }

    fn in_form(&mut self, name: &str) -> Result<Vec<Node>, Refused> {
        let text = String::from_utf8(self.request.body.clone()).map_err(|_| Refused)?;
        let mut found = Vec::new();
        for pair in text.split('&') {
            let (given, value) = pair.split_once('=').unwrap_or((pair, ""));
            if decoded(&given.replace('+', " ")).0 != name.as_bytes() {
                continue;
            }
            let (bytes, whole) = decoded(&value.replace('+', " "));
            let value = String::from_utf8(bytes).map_err(|_| Refused)?;
            if !whole || !found.is_empty() {
                return Err(Refused);
            }
            if value.contains('\u{fffd}') {
                self.at_best(Fate::Either);
            }
            found.push(Node::text(&value));
        }
        if text.contains('\u{fffd}') {
            self.at_best(Fate::Either);
        }
        Ok(found)
    }

    fn decoded_query(&mut self, name: &str) -> Result<Vec<Node>, Refused> {
        let given = self.in_query(name);
        let texts = given.iter().filter_map(|node| match node {
            Node::Text(text) => from_base64(&String::from_utf16(text).ok()?),
            _ => None,
        });
        let found: Vec<String> = texts.collect();
        if found.len() < given.len() || found.iter().any(|text| text.contains('\u{fffd}')) {
            self.at_best(Fate::Either);
        }
        if found.is_empty() { Err(Refused) } else { Ok(found.iter().map(|text| Node::text(text)).collect()) }
    }

    fn member(&mut self, names: &[&str], is_text: bool) -> Result<Option<Node>, Refused> {
        let Body::Json(text, node @ Node::Object(_)) = &self.body else { return Err(Refused) };
        let (text, node) = (text.clone(), node.clone());
        if text.contains(['\u{7f}', '\u{fffd}']) || node.all().into_iter().any(is_odd) {
            self.at_best(Fate::Either);
        }
        let found = names.iter().try_fold(&node, |node, name| node.member(name));
        match found {
            // No double has its value.
            Some(found) if found.all().into_iter().any(is_lost) => Err(Refused),
            Some(found) if is_text && !matches!(found, Node::Text(_)) => Err(Refused),
            found => Ok(found.cloned()),
        }
    }

    fn in_path(&mut self) -> Result<Vec<Node>, Refused> {
        let raw = &self.request.parameter;
        let (bytes, whole) = decoded(raw);
        if !whole {
            self.at_best(Fate::Either);
            return Ok(vec![Node::text(raw)]);
        }
        let text = String::from_utf8(bytes).map_err(|_| Refused)?;
        if text.contains('\u{fffd}') {
            self.at_best(Fate::Either);
        }
        Ok(vec![Node::text(&text)])
    }

    /// As forms are encoded: a plus is a space.
    fn in_query(&mut self, name: &str) -> Vec<Node> {
        let mut found = Vec::new();
        let query = self.request.query.clone().unwrap_or_default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (given, value) = pair.split_once('=').unwrap_or((pair, ""));
            if decoded(&given.replace('+', " ")).0 != name.as_bytes() {
                continue;
            }
            let (bytes, whole) = decoded(&value.replace('+', " "));
            if !whole || !pair.contains('=') {
                self.at_best(Fate::Either);
            }
            match String::from_utf8(bytes) {
                // How AWS reads these is not known. LocalStack leaves the bytes that are no UTF-8 encoded.
                Err(error) => {
                    self.at_best(Fate::Either);
                    found.push(Node::text(&encoded_again(error.as_bytes())));
                }
                Ok(text) => {
                    if text.contains('\u{fffd}') {
                        self.at_best(Fate::Either);
                    }
                    found.push(Node::text(&text));
                }
            }
        }
        found
    }

    fn in_headers(&self, name: &str) -> Vec<Node> {
        let ours = self.request.headers.iter().filter(|(given, _)| given.eq_ignore_ascii_case(name));
        ours.map(|(_, value)| Node::text(String::from_utf8_lossy(value).trim_matches([' ', '\t']))).collect()
    }
}

/// Whether no double has its value. A whole number is read as it is, whatever its length.
fn is_lost(node: &Node) -> bool {
    match node {
        Node::Number(digits) => digits.contains(['.', 'e', 'E']) && digits.parse().is_ok_and(f64::is_infinite),
        Node::Null | Node::Bool(_) | Node::Text(_) | Node::List(_) | Node::Object(_) => false,
    }
}

/// Whether an execution may have this name, as the API reference of StartExecution says.
fn is_name(text: &[u16]) -> bool {
    let text = String::from_utf16_lossy(text);
    (1..=80).contains(&text.encode_utf16().count())
        && !text.chars().any(|c| c.is_control() || " <>{}[]?*\"#%\\^|~`$&,;:/".contains(c))
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// As RFC 4648 has it.
pub fn base64(bytes: &[u8]) -> String {
    let encode = |chunk: &[u8]| {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        let digit = |at: usize| char::from(DIGITS[(bits >> (18 - 6 * at)) as usize & 63]);
        (0..4).map(|at| if at <= chunk.len() { digit(at) } else { '=' }).collect::<String>()
    };
    bytes.chunks(3).map(encode).collect()
}

/// The text that is so in base64, and in no other way.
fn from_base64(text: &str) -> Option<String> {
    let digits = text.trim_end_matches('=');
    let mut bytes = Vec::new();
    for chunk in digits.as_bytes().chunks(4) {
        let mut bits = 0_u32;
        for at in 0..4 {
            let value = match chunk.get(at) {
                Some(digit) => DIGITS.iter().position(|known| known == digit)?,
                None => 0,
            };
            bits = bits << 6 | u32::try_from(value).ok()?;
        }
        bytes.extend(&bits.to_be_bytes()[1..chunk.len()]);
    }
    if base64(&bytes) == text { String::from_utf8(bytes).ok() } else { None }
}

/// The bytes that percent-encoded text stands for, and whether every percent sign in it stands before two digits.
fn decoded(text: &str) -> (Vec<u8>, bool) {
    let (mut bytes, mut whole, mut rest) = (Vec::new(), true, text.as_bytes());
    while let Some((first, behind)) = rest.split_first() {
        let digits = behind.get(..2).filter(|digits| *first == b'%' && digits.iter().all(u8::is_ascii_hexdigit));
        let value = digits.and_then(|digits| u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok());
        whole &= *first != b'%' || value.is_some();
        bytes.push(value.unwrap_or(*first));
        rest = if value.is_some() { &behind[2..] } else { behind };
    }
    (bytes, whole)
}

/// The text of bytes, those that are no UTF-8 percent-encoded.
fn encoded_again(bytes: &[u8]) -> String {
    let write = |chunk: std::str::Utf8Chunk| {
        let wrong: String = chunk.invalid().iter().map(|byte| format!("%{byte:02X}")).collect();
        format!("{}{wrong}", chunk.valid())
    };
    bytes.utf8_chunks().map(write).collect()
}

/// What parsers disagree on, or read with less than all digits.
fn is_odd(node: &Node) -> bool {
    match node {
        Node::Number(digits) => {
            let (number, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, ""));
            number.len() > 100 || exponent.len() > 2
        }
        Node::Text(text) => String::from_utf16(text).is_err(),
        Node::Object(members) => {
            let mut names: Vec<&[u16]> = members.iter().map(|(name, _)| name.as_slice()).collect();
            names.sort_unstable();
            names.windows(2).any(|pair| pair[0] == pair[1])
                || names.iter().any(|name| String::from_utf16(name).is_err())
        }
        Node::Null | Node::Bool(_) | Node::List(_) => false,
    }
}

fn has_lone_surrogate(node: &Node) -> bool {
    let is_one = |text: &Vec<u16>| String::from_utf16(text).is_err();
    node.all().into_iter().any(|node| match node {
        Node::Text(text) => is_one(text),
        Node::Object(members) => members.iter().any(|(name, _)| is_one(name)),
        Node::Null | Node::Bool(_) | Node::Number(_) | Node::List(_) => false,
    })
}
