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

    /// These, then those.
    #[must_use]
    pub fn chain(mut self, other: Self) -> Self {
        self.0.extend(other.0);
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
            let (found, wanted) = where_they_differ(found, wanted, 80);
            write!(f, "{comma}{field} {found} -> {wanted}")?;
        }
        Ok(())
    }
}

/// At most `max` characters of each on one line, from shortly before the first that differs.
pub fn where_they_differ(found: &str, wanted: &str, max: usize) -> (String, String) {
    const BEFORE: usize = 20;
    let common = found.chars().zip(wanted.chars()).take_while(|(one, other)| one == other).count();
    let skipped =
        if found.chars().count().max(wanted.chars().count()) > max { common.saturating_sub(BEFORE) } else { 0 };
    let shown = |text: &str| {
        let rest: String = text.chars().skip(skipped).collect();
        let dots = if skipped == 0 { "" } else { "…" };
        format!("{dots}{}", cut(&rest, max)).replace(char::is_control, " ")
    };
    (shown(found), shown(wanted))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_shown_where_it_is() {
        let long = |end: &str| format!("{}{end}", "x".repeat(300));
        let changes = Changes::none().at("same", &1, &1).at("short", &1, &2).at("long", &long("1\n"), &long("2"));
        assert_eq!(changes.to_string(), format!("short 1 -> 2, long …{0}1  -> …{0}2", "x".repeat(20)));
        assert!(changes.has("short") && !changes.has("same"));
    }
}
