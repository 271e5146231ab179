//! The Amazon States Language definition of a state machine: `${NAME}` filled, parsed, checked, compared.
//!
//! Invariants: a `Definition` that was parsed is one that AWS accepts as far as can be told without AWS, and equals
//! what AWS answers after it was sent. Nothing here knows JSONPath, JSONata or an integration's parameters: what is not
//! checked is passed on as it is.

mod reading;
mod states;
mod substitution;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Number, Value};

use crate::api::StateMachineType;
use crate::mistakes::{FieldPath, Mistakes};

pub(crate) use reading::read as read_document;

/// The longest definition, in bytes of JSON. Source: API reference of CreateStateMachine, `definition`.
const DEFINITION_MAX_BYTES: usize = 1_048_576;

/// The longest text that is read, in bytes after substitution: YAML has more white space and comments than the JSON it
/// stands for.
const TEXT_MAX_BYTES: usize = 4 * DEFINITION_MAX_BYTES;

/// A definition in the Amazon States Language. `==` compares JSON by meaning: neither white space nor the order of an
/// object's members matters, and numbers are compared by value (`1` is `1.0`).
#[derive(Clone)]
pub struct Definition {
    text: String,
    /// What `text` says, numbers in one form; `None` where it is not JSON.
    meaning: Option<Value>,
}

impl Definition {
    /// Parses `text`, YAML or JSON of at most 1,048,576 bytes as JSON, after each `${NAME}` in it was replaced by the
    /// substitution of that name, inserted as it is.
    ///
    /// A mistake is added at `at` for each thing that AWS would refuse, with its place inside the definition
    /// (`States.Choose.Choices[1].Next`), for each unknown `${NAME}`, and at `substitutions_at` for each substitution
    /// that is never used; then the answer is `None`. After 20 mistakes of a kind the rest are counted. A key that
    /// is there twice is a mistake too: parsers disagree on which one counts. Source: states-language.net, API
    /// reference of ValidateStateMachineDefinition.
    pub fn parse(
        text: &str,
        substitutions: &BTreeMap<String, String>,
        type_: StateMachineType,
        at: &FieldPath,
        substitutions_at: &FieldPath,
        mistakes: &mut Mistakes,
    ) -> Option<Self> {
        let before = mistakes.iter().count();
        let filled = substitution::fill(text, substitutions, at, substitutions_at, mistakes)?;
        let document = match reading::read(&filled.text) {
            Ok(document) => document,
            // An unknown `${NAME}` outside a string is not JSON; it was reported, and filling it may be all that is
            // missing.
            Err(_) if filled.is_incomplete => return None,
            Err(error) => {
                mistakes.add(at.clone(), "", format!("must be YAML or JSON: {error}"));
                return None;
            }
        };
        states::check(&document, type_, at, mistakes);
        // The compact JSON is sent, also for a text that was JSON already: AWS keeps the text it was sent and
        // definitions are compared by meaning, so nothing depends on the text, and the size is measured on what is
        // sent.
        let definition = Self::observed(&document.to_string());
        let bytes = definition.text.len();
        if bytes > DEFINITION_MAX_BYTES {
            mistakes.add(at.clone(), bytes, format!("must be at most {DEFINITION_MAX_BYTES} bytes as JSON"));
        }
        (mistakes.iter().count() == before).then_some(definition)
    }

    /// What AWS answered in DescribeStateMachine: compared, never checked. A text that is not JSON is kept, and equals
    /// nothing.
    pub fn observed(text: &str) -> Self {
        Self { text: text.to_owned(), meaning: serde_json::from_str(text).ok().map(by_value) }
    }

    /// The JSON text that is sent to AWS, or that AWS answered.
    pub fn to_json(&self) -> &str {
        &self.text
    }
}

// Not `Eq`: a text that is not JSON doesn't equal itself, so that it is always put right.
impl PartialEq for Definition {
    fn eq(&self, other: &Self) -> bool {
        match (&self.meaning, &other.meaning) {
            (Some(one), Some(another)) => one == another,
            (None, _) | (_, None) => false,
        }
    }
}

/// The text alone: the meaning is read from it.
impl fmt::Debug for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Definition").field(&self.text).finish()
    }
}

/// The same document with every number that is whole and fits 64 bits as an integer. The recursion is bounded by
/// serde_json's own limit.
fn by_value(document: Value) -> Value {
    match document {
        Value::Number(number) => Value::Number(number_by_value(number)),
        Value::Array(items) => Value::Array(items.into_iter().map(by_value).collect()),
        Value::Object(members) => {
            Value::Object(members.into_iter().map(|(key, value)| (key, by_value(value))).collect())
        }
        Value::Null | Value::Bool(_) | Value::String(_) => document,
    }
}

fn number_by_value(number: Number) -> Number {
    const TWO_TO_THE_63: f64 = 9_223_372_036_854_775_808.0;
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 => {
            if (0.0..2.0 * TWO_TO_THE_63).contains(&float) {
                Number::from(float as u64)
            } else if (-TWO_TO_THE_63..0.0).contains(&float) {
                Number::from(float as i64)
            } else {
                number
            }
        }
        _ => number,
    }
}

/// Up to ten names for a message, each on one line and cut to 80 characters, then how many more.
fn listed<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    const NAMES_MAX: usize = 10;
    let more = names.len().saturating_sub(NAMES_MAX);
    let mut shown: Vec<String> = names.take(NAMES_MAX).map(one_line).collect();
    if more > 0 {
        shown.push(format!("{more} more"));
    }
    if shown.is_empty() { "none".to_owned() } else { shown.join(", ") }
}

/// At most 80 characters of a name, without control characters.
fn one_line(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { ' ' } else { c }).take(80).collect()
}
