//! A difference is a field, what was found and what is wanted. One list of them serves as plan text, as drift in status and as patch.

use std::collections::BTreeSet;
use std::fmt;

use crate::arn::Arn;
use crate::definition::Definition;
use crate::policy::PolicyDocument;

/// One field that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The field, as AWS spells it.
    pub field: &'static str,
    /// What was found, as text.
    pub found: String,
    /// What is wanted, as text.
    pub wanted: String,
}

/// The fields of one object that are not as they should be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes(Vec<Change>);

impl Changes {
    /// No difference so far.
    pub fn none() -> Self {
        Self::default()
    }

    /// Notes `field` where what is found differs from what is wanted.
    #[must_use]
    pub fn at<T: PartialEq + Shown>(mut self, field: &'static str, found: &T, wanted: &T) -> Self {
        if found != wanted {
            self.0.push(Change { field, found: found.shown(), wanted: wanted.shown() });
        }
        self
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `field` differs.
    pub fn has(&self, field: &str) -> bool {
        self.0.iter().any(|change| change.field == field)
    }

    /// The differences in the order of the fields.
    pub fn iter(&self) -> impl Iterator<Item = &Change> {
        self.0.iter()
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Change { field, found, wanted }) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{field} {} -> {}", cut(found, 80), cut(wanted, 80))?;
        }
        Ok(())
    }
}

/// At most `max` characters of `text`.
pub fn cut(text: &str, max: usize) -> String {
    if text.chars().nth(max).is_none() {
        return text.to_owned();
    }
    text.chars().take(max).chain(['…']).collect()
}

/// A field's value as a person reads it.
pub trait Shown {
    /// The value as text; `none` where there is none.
    fn shown(&self) -> String;
}

impl Shown for String {
    fn shown(&self) -> String {
        self.clone()
    }
}

impl Shown for bool {
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Shown for i32 {
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Shown for Arn {
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Shown for Definition {
    fn shown(&self) -> String {
        self.to_json().to_string()
    }
}

impl Shown for PolicyDocument {
    fn shown(&self) -> String {
        self.to_json().to_string()
    }
}

impl Shown for serde_json::Value {
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl<T: Shown> Shown for Option<T> {
    fn shown(&self) -> String {
        self.as_ref().map_or_else(|| "none".to_owned(), Shown::shown)
    }
}

impl<T: Shown> Shown for BTreeSet<T> {
    fn shown(&self) -> String {
        if self.is_empty() { "none".to_owned() } else { self.iter().map(Shown::shown).collect::<Vec<_>>().join(" ") }
    }
}
