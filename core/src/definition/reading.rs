//! Text to a JSON value: JSON by serde_json, anything else as YAML 1.2.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::Error;
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};

use super::{TEXT_MAX_BYTES, one_line};

/// How deep a YAML document nests at most. The parser takes up to 25 KiB of stack a level in a debug build, 5 KiB in a
/// release, of the 2 MiB that a thread has: 100 levels overflowed it. Ten maps inside each other need 40. JSON nests up
/// to 127 deep, serde_json's own limit.
const DEPTH_MAX: usize = 48;

/// The value that `text` says. The error says what is wrong, with line and column.
///
/// JSON is never left to the YAML parser, which reads some of it differently (long keys, tabs, escapes).
pub(crate) fn read(text: &str) -> Result<Value, String> {
    let json_error = match serde_json::from_str(text) {
        Ok(Unique(value)) => return Ok(value),
        Err(error) if error.is_data() => return Err(error.to_string()), // it is JSON, with a key twice
        Err(error) => error,
    };
    // YAML may begin with a brace too, but who writes a quote behind it means JSON, and JSON's error is the one that
    // helps.
    let is_meant_as_json =
        text.trim_start().strip_prefix('{').is_some_and(|inside| inside.trim_start().starts_with('"'));
    yaml(text).map_err(|yaml_error| if is_meant_as_json { json_error.to_string() } else { yaml_error })
}

/// YAML 1.2: `on`, `yes`, `no` are strings, and so are `0123` (an account's number) and `1_000`. Tags such as
/// CloudFormation's `!Sub` are refused, as dropping one would change what is meant. Everything that an alias repeats
/// counts against the budget.
fn yaml(text: &str) -> Result<Value, String> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: DEPTH_MAX,
            flow_nesting_limit: DEPTH_MAX,
            max_documents: 1,
            max_total_scalar_bytes: TEXT_MAX_BYTES,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 100_000,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        leading_zero_numbers_as_strings: true,
        non_finite_float_policy: NonFiniteFloatPolicy::Reject,
        reject_unsupported_tags: true,
        strict_booleans: true,
        underscored_numbers_as_strings: true,
        with_snippet: false,
    };
    match serde_saphyr::from_str_with_options(text, options) {
        Ok(Unique(value)) => Ok(value),
        Err(error) => Err(said(&error)),
    }
}

/// The parser's error on one line. Where it would name settings of the parser, the reason is said in our words.
fn said(error: &Error) -> String {
    let inner = match error {
        Error::AliasError { error, .. } => error,
        error => error,
    };
    let reason = match inner {
        Error::DuplicateMappingKey { key: Some(key), .. } => format!("the key `{}` is there twice", one_line(key)),
        Error::Budget { breach: BudgetBreach::Depth { .. }, .. } => format!("nested deeper than {DEPTH_MAX} levels"),
        Error::Budget { breach: BudgetBreach::Documents { .. }, .. } => "more than one document".to_owned(),
        Error::Budget { .. } | Error::AliasReplayLimitExceeded { .. } => {
            "more than is read, with aliases filled in".to_owned()
        }
        // The parser's enum, not ours. It ends with the place, which is cut here and added below, whatever the length.
        other => {
            one_line(other.to_string().lines().next().unwrap_or_default().split(" at line ").next().unwrap_or_default())
        }
    };
    match error.location() {
        Some(at) => format!("{reason} at line {}, column {}", at.line(), at.column()),
        None => reason,
    }
}

/// A JSON value none of whose objects has a key twice: `Value` alone would keep the last one without a word.
struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueVisitor).map(Unique)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number must be finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Unique(item)) = access.next_element()? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            if members.contains_key(&key) {
                return Err(A::Error::custom(format!("the key `{}` is there twice", one_line(&key))));
            }
            let Unique(value) = access.next_value()?;
            members.insert(key, value);
        }
        Ok(Value::Object(members))
    }
}
