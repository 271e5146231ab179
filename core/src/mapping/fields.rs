//! A flat map whose dotted keys nest.

use std::collections::BTreeMap;

use crate::mistakes::{FieldPath, Mistakes};

use super::object;
use super::vtl::Template;

/// The longest key, dots included.
const KEY_CHARACTERS_MAX: usize = 128;

/// Each value with the names on the way to it, in the order in which an object holds them.
pub(super) type Fields<V> = Vec<(Vec<String>, V)>;

/// Checks keys and values; `at` is the map's field path.
pub(super) fn parse<S, V>(
    said: &BTreeMap<String, S>,
    mut value: impl FnMut(&S, &FieldPath, &mut Mistakes) -> Option<V>,
    at: &FieldPath,
    mistakes: &mut Mistakes,
) -> Option<Fields<V>> {
    if said.is_empty() {
        mistakes.add(at.clone(), "", "at least one member is required");
        return None;
    }
    let before = mistakes.iter().count();
    let mut fields = Vec::new();
    for (key, said) in said {
        let at = at.key(key);
        let parts: Vec<String> = key.split('.').map(str::to_owned).collect();
        if parts.iter().any(String::is_empty) {
            mistakes.add(at.clone(), key, "a name is required before and behind each dot");
        } else if key.chars().count() > KEY_CHARACTERS_MAX {
            mistakes.add(at.clone(), key, format!("at most {KEY_CHARACTERS_MAX} characters"));
        }
        fields.push((parts, value(said, &at, mistakes)));
    }
    fields.sort_by(|(one, _), (other, _)| one.cmp(other));
    // What begins with a key's parts stands right behind it.
    for pair in fields.windows(2) {
        if let [(one, _), (other, _)] = pair
            && other.starts_with(one)
        {
            let key = other.join(".");
            let allowed = "another key has this member's place: a member is a value or an object of members, not both";
            mistakes.add(at.key(&key), &key, allowed);
        }
    }
    if mistakes.iter().count() > before {
        return None;
    }
    fields.into_iter().map(|(parts, value)| Some((parts, value?))).collect()
}

/// Appends them to the object that was begun.
pub(super) fn append<V>(fields: &Fields<V>, value: impl Fn(&V, &str, &mut Template), template: &mut Template) {
    let mut open: &[String] = &[];
    for (parts, said) in fields {
        let Some((name, way)) = parts.split_last() else { continue };
        let shared = open.iter().zip(way).take_while(|(one, other)| one == other).count();
        for _ in shared..open.len() {
            object::end_member(template);
        }
        for name in &way[shared..] {
            object::begin_member(template, name);
        }
        open = way;
        value(said, name, template);
    }
    for _ in open {
        object::end_member(template);
    }
}
