//! `${NAME}` in the text of a definition, filled before it is parsed.

use std::collections::{BTreeMap, BTreeSet};

use super::{TEXT_MAX_BYTES, listed, one_line};
use crate::mistakes::{FieldPath, Mistakes};

/// How many names are told one by one: a text can have as many as it has bytes.
const NAMES_MAX: usize = 20;

/// A text with every known `${NAME}` filled.
pub(super) struct Filled {
    pub(super) text: String,
    /// Whether some `${NAME}` was unknown, and stayed.
    pub(super) is_incomplete: bool,
}

/// Replaces each `${NAME}` (letters, digits, `_`, `-`, `.`) in `text` by the value of that name. A value is not
/// searched again, so that `${NAME}` as the value of NAME keeps the text as it is. Anything else behind `$` stays.
///
/// Adds a mistake at `at` for each unknown name, and at `values_at` for each value that is not used. `None` where the
/// text is longer than is read.
pub(super) fn fill(
    text: &str,
    values: &BTreeMap<String, String>,
    at: &FieldPath,
    values_at: &FieldPath,
    mistakes: &mut Mistakes,
) -> Option<Filled> {
    let mut filled = String::with_capacity(text.len());
    let (mut used, mut unknown) = (BTreeSet::new(), BTreeSet::new());
    let mut rest = text;
    while let Some((before, name, after)) = next_name(rest) {
        filled.push_str(before);
        match values.get(name) {
            Some(value) => {
                used.insert(name);
                filled.push_str(value);
            }
            None => {
                unknown.insert(name);
                filled.push_str(&format!("${{{name}}}"));
            }
        }
        rest = after;
        if filled.len() > TEXT_MAX_BYTES {
            break;
        }
    }
    filled.push_str(rest);
    if filled.len() > TEXT_MAX_BYTES {
        mistakes.add(
            at.clone(),
            "",
            format!("must be at most {TEXT_MAX_BYTES} bytes with the substitutions filled in"),
        );
        return None;
    }
    let known = listed(values.keys().map(String::as_str));
    for name in unknown.iter().take(NAMES_MAX) {
        let keep = "to keep the text as it is, substitute it by itself";
        mistakes.add(at.clone(), format!("${{{name}}}"), format!("must be one of the substitutions: {known}; {keep}"));
    }
    if let more @ 1.. = unknown.len().saturating_sub(NAMES_MAX) {
        mistakes.add(at.clone(), "", format!("has {more} more names that are no substitutions"));
    }
    let unused: Vec<&String> = values.keys().filter(|name| !used.contains(name.as_str())).collect();
    for name in unused.iter().take(NAMES_MAX) {
        mistakes.add(values_at.key(name), "", format!("must be used: the definition has no `${{{}}}`", one_line(name)));
    }
    if let more @ 1.. = unused.len().saturating_sub(NAMES_MAX) {
        mistakes.add(values_at.clone(), "", format!("has {more} more that are not used"));
    }
    Some(Filled { text: filled, is_incomplete: !unknown.is_empty() })
}

/// The text before the first `${NAME}`, the name, and the text behind it.
fn next_name(text: &str) -> Option<(&str, &str, &str)> {
    text.match_indices("${").find_map(|(start, opening)| {
        let inside = text.get(start + opening.len()..)?;
        let end = inside.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')))?;
        let after = inside.get(end..)?.strip_prefix('}')?;
        (end > 0).then_some((text.get(..start)?, inside.get(..end)?, after))
    })
}
