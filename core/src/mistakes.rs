//! What is wrong with a manifest: every mistake, not the first, each with its field's path, what was found and what is allowed.

use std::fmt;

/// Where a field is, such as `spec.routes[2].input.fields[user.id].body`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldPath(String);

impl FieldPath {
    /// `spec`, where every path starts.
    pub fn spec() -> Self {
        Self("spec".to_owned())
    }

    /// An annotation of the object.
    pub fn annotation(key: &str) -> Self {
        Self("metadata.annotations".to_owned()).key(key)
    }

    /// The member `name` of the object here.
    pub fn field(&self, name: &str) -> Self {
        Self(format!("{}.{name}", self.0))
    }

    /// The item `index` of the list here, counted from 0.
    pub fn index(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0))
    }

    /// The entry `key` of the map here.
    pub fn key(&self, key: &str) -> Self {
        Self(format!("{}[{}]", self.0, excerpt(key)))
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One thing that is wrong: `path: "found": allowed`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mistake {
    /// The field.
    pub path: FieldPath,
    /// Its value, cut to 60 characters; empty where the field is missing.
    pub found: String,
    /// What is allowed there, or why this is not.
    pub allowed: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.found.as_str() {
            "" => write!(f, "{}: {}", self.path, self.allowed),
            found => write!(f, "{}: `{found}`: {}", self.path, self.allowed),
        }
    }
}

/// All that is wrong so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mistakes(Vec<Mistake>);

impl Mistakes {
    /// None so far.
    pub fn none() -> Self {
        Self::default()
    }

    /// Notes that the value `found` at `path` is not what is `allowed`.
    pub fn add(&mut self, path: FieldPath, found: impl fmt::Display, allowed: impl Into<String>) {
        self.0.push(Mistake { path, found: excerpt(&found.to_string()), allowed: allowed.into() });
    }

    /// The parsed value, or a mistake at `path`: `parse`'s error says what is allowed.
    pub fn take<T>(&mut self, path: FieldPath, found: &str, parsed: Result<T, impl fmt::Display>) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(allowed) => {
                self.add(path, found, allowed.to_string());
                None
            }
        }
    }

    /// Notes those of others that are not noted yet.
    pub fn add_all_new(&mut self, others: Self) {
        for mistake in others.0 {
            if !self.0.contains(&mistake) {
                self.0.push(mistake);
            }
        }
    }

    /// Whether nothing is wrong so far.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The mistakes in the order in which they were found.
    pub fn iter(&self) -> impl Iterator<Item = &Mistake> {
        self.0.iter()
    }
}

/// At most 60 characters of a manifest's text on one line: enough to find it, too little for a payload.
fn excerpt(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(60).collect();
    if text.chars().nth(60).is_some() { line + "…" } else { line }
}
