//! API keys. CreateApiKey has no token, but no two keys of an account have one value: so that ours are always made of a value that is known
//! before. A key's value can't be changed: another one makes another key. Which value a key has is told by a hash in its tags, so that no
//! value is ever read from AWS.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::change::Changes;
use crate::next::Next;
use crate::owner::{Owner, Site, Tags, hash};

/// The tag that names a key as the manifest does.
const KEY: &str = "sfe.dev/api-key";
/// The tag that tells one value from another.
const VALUE: &str = "sfe.dev/api-key-value";

/// The value that callers send. Nothing shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Value(String);

impl Value {
    /// A value that API Gateway takes, or why it doesn't. Source: API reference of CreateApiKey, 20 to 128 characters.
    pub fn parse(text: &[u8]) -> Result<Self, &'static str> {
        match std::str::from_utf8(text) {
            Ok(text) if text.ends_with(['\n', '\r']) => {
                Err("must not end with a line's end: write it with `printf` or `kubectl create secret`")
            }
            Ok(text) if (20..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) => {
                Ok(Self(text.to_owned()))
            }
            Ok(_) | Err(_) => Err("must be 20 to 128 visible ASCII characters"),
        }
    }

    /// The text, for AWS alone.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Value(hidden)")
    }
}

/// An API key as it should be.
#[derive(Clone, Debug, PartialEq)]
pub struct Desired {
    /// Its name in the manifest.
    pub key: String,
    /// Its name in AWS.
    pub name: String,
    /// What callers send; none where it is yet to be made.
    pub value: Option<Value>,
    /// The owner's tags, with the key's name and a hash of its value.
    pub tags: Tags,
}

impl Desired {
    /// The key of this name and value.
    pub fn new(owner: &Owner, key: &str, value: Option<Value>) -> Self {
        let text = value.as_ref().map_or("", Value::expose);
        let salted = hash([&owner.cluster, &owner.namespace, &owner.name, key, text]);
        let mut tags = owner.tags();
        tags.insert(KEY.to_owned(), key.to_owned());
        tags.insert(VALUE.to_owned(), salted);
        Self { key: key.to_owned(), name: format!("{}-{}-{key}", owner.namespace, owner.name), value, tags }
    }

    /// Whether this is a key of that name and value.
    fn is(&self, found: &ApiKey) -> bool {
        [KEY, VALUE].iter().all(|tag| found.tags.get(*tag) == self.tags.get(*tag))
    }
}

/// All of ours by id.
pub type Observed = BTreeMap<String, ApiKey>;

/// One API key as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiKey {
    /// Its name in AWS.
    pub name: String,
    /// Whether it lets anyone through.
    pub enabled: bool,
    /// Its tags.
    pub tags: Tags,
}

/// One API Gateway call.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Creates it.
    CreateApiKey(Desired),
    /// Puts back what differs.
    UpdateApiKey { id: String, name: String, changes: Changes },
    /// Takes our tags off: it is let go.
    UntagResource { id: String, arn: String, keys: BTreeSet<String> },
    /// Deletes it: it lets nobody through any more.
    DeleteApiKey { id: String },
}

impl Action {
    /// The key as a person names it.
    pub fn object(&self) -> String {
        match self {
            Self::CreateApiKey(want) => format!("API key {}", want.name),
            Self::UpdateApiKey { id, .. } | Self::UntagResource { id, .. } | Self::DeleteApiKey { id } => {
                format!("API key {id}")
            }
        }
    }
}

/// The id of the key that is wanted: of several the first.
pub fn find<'a>(want: &Desired, found: &'a Observed) -> Option<&'a String> {
    found.iter().find(|(_, found)| want.is(found)).map(|(id, _)| id)
}

/// What is next for the wanted keys.
pub fn next(wanted: &[Desired], found: &Observed) -> Next<Action> {
    let mut next = Next::nothing();
    for want in wanted {
        next.and(match find(want, found).and_then(|id| found.get_key_value(id)) {
            None => Next::act(Action::CreateApiKey(want.clone())),
            Some((id, found)) => Next::update(
                Changes::none().at("name", &found.name, &want.name).at("enabled", &found.enabled, &true),
                |changes| Action::UpdateApiKey { id: id.clone(), name: want.name.clone(), changes },
            ),
        });
    }
    next
}

/// What deletes those that aren't wanted.
pub fn prune(wanted: &[Desired], found: &Observed) -> Next<Action> {
    let kept: BTreeSet<&String> = wanted.iter().filter_map(|want| find(want, found)).collect();
    let gone = found.keys().filter(|id| !kept.contains(id));
    Next::of(gone.map(|id| Action::DeleteApiKey { id: id.clone() }))
}

/// What lets all of them go.
pub fn release(site: &Site, found: &Observed) -> Next<Action> {
    let tags = Owner::tag_keys().into_iter().chain([KEY, VALUE].map(str::to_owned));
    let tags: BTreeSet<String> = tags.collect();
    let released = |id: &String| Action::UntagResource {
        id: id.clone(),
        arn: site.api_gateway_arn(&format!("/apikeys/{id}")),
        keys: tags.clone(),
    };
    Next::of(found.keys().map(released))
}

/// Folds an action that AWS confirmed; `id` is that of a new key.
pub fn fold(found: &mut Observed, action: &Action, id: Option<String>) {
    match action {
        Action::CreateApiKey(Desired { name, tags, .. }) => {
            let created = ApiKey { name: name.clone(), enabled: true, tags: tags.clone() };
            found.extend(id.map(|id| (id, created)));
        }
        Action::UpdateApiKey { id, name, .. } => {
            if let Some(found) = found.get_mut(id) {
                found.name.clone_from(name);
                found.enabled = true;
            }
        }
        // Let go or deleted, it is no longer among ours.
        Action::UntagResource { id, .. } | Action::DeleteApiKey { id } => {
            found.remove(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn owner() -> Owner {
        Owner { cluster: "c".to_owned(), namespace: "n".to_owned(), name: "a".to_owned() }
    }

    fn want(key: &str, value: &str) -> Desired {
        Desired::new(&owner(), key, Some(Value::parse(value.as_bytes()).unwrap()))
    }

    fn reads(next: &Next<Action>) -> Vec<String> {
        let line = |action: &Action| {
            let text = format!("{action:?}");
            format!("{} {}", text.split([' ', '(']).next().unwrap(), action.object())
        };
        next.actions.iter().map(line).collect()
    }

    const ONE: &str = "one-value-of-a-key-12345";
    const OTHER: &str = "other-value-of-a-key-678";

    #[test]
    fn another_value_makes_another_key_and_then_the_old_one_goes() {
        let mut found = Observed::new();
        let (one, other) = ([want("k", ONE)], [want("k", OTHER)]);
        assert_eq!(reads(&next(&one, &found)), ["CreateApiKey API key n-a-k"]);
        fold(&mut found, &Action::CreateApiKey(one[0].clone()), Some("id1".to_owned()));
        assert!(next(&one, &found).is_empty() && prune(&one, &found).is_empty(), "again: nothing");
        assert_eq!(reads(&next(&other, &found)), ["CreateApiKey API key n-a-k"]);
        fold(&mut found, &Action::CreateApiKey(other[0].clone()), Some("id2".to_owned()));
        assert!(next(&other, &found).is_empty());
        assert_eq!(reads(&prune(&other, &found)), ["DeleteApiKey API key id1"]);
        found.get_mut("id2").unwrap().enabled = false;
        assert_eq!(reads(&next(&other, &found)), ["UpdateApiKey API key id2"]);
    }

    #[test]
    fn a_value_is_shown_nowhere_and_a_change_of_it_is_noticed() {
        let (one, other) = (format!("{:?}", want("k", ONE)), format!("{:?}", want("k", OTHER)));
        assert!(!one.contains(ONE), "{one}");
        assert_ne!(one, other);
        assert_ne!(want("k", ONE).tags, want("l", ONE).tags, "two keys of one value have different hashes");
    }

    #[rstest]
    #[case::short("12345678901234567 9", false)]
    #[case::a_space("1234567890 1234567890", false)]
    #[case::a_line_end("12345678901234567890\n", false)]
    #[case::no_ascii("ä2345678901234567890", false)]
    #[case::right("12345678901234567890", true)]
    fn a_value_is_one_that_aws_takes(#[case] text: &str, #[case] is: bool) {
        assert_eq!(Value::parse(text.as_bytes()).is_ok(), is);
    }
}
