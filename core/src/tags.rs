//! The tags of a manifest's own, beside the three that say whose an object is.
//!
//! - A tag that others put on stays. One of ours that was edited is put back, and one that left the manifest goes.
//! - Which ones were ours the object tells itself, in one more tag that is written by the same call: so no crash comes in between, no status can
//!   be lost, and what is let go and adopted again knows it too. It holds digests, as 46 keys don't fit into a value.
//! - What left goes before the rest is written: until then the record still names it.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::StepFunctionEndpointSpec;
use crate::mistakes::{FieldPath, Mistakes};
use crate::next::Next;
use crate::owner::{Owner, Tags, hash};

/// The key of the record.
pub const RECORD: &str = "sfe.dev/tags";
/// How the keys of ours begin.
const OURS: &str = "sfe.dev/";
/// The most of a manifest's own: AWS allows 50 for each object, and four are ours.
pub const TAGS_MAX: usize = 46;
/// How many hexadecimal digits of a key's digest are recorded: 46 times as many are less than the 256 characters of a value.
const DIGITS: usize = 5;
/// In characters. Source: IAM, "Tags for AWS Identity and Access Management resources"; the other services have the same.
const KEY_MAX: usize = 128;
/// Likewise.
const VALUE_MAX: usize = 256;

/// The tags that can't be.
///
/// Characters: letters, digits, spaces and `+ - = . _ : /`, which all of the services take. Source: API Gateway, "Tag restrictions", the
/// narrowest of them; IAM alone takes two keys that differ in case for one.
pub fn check(spec: &StepFunctionEndpointSpec, at: &FieldPath, mistakes: &mut Mistakes) {
    let at = at.field("tags");
    if spec.tags.len() > TAGS_MAX {
        mistakes.add(at.clone(), spec.tags.len(), format!("allowed are {TAGS_MAX}: AWS has 50, and four are ours"));
    }
    let mut seen = BTreeSet::new();
    for (key, value) in &spec.tags {
        let lower = key.to_lowercase();
        let at = at.key(key);
        if lower.starts_with("aws:") || lower.starts_with(OURS) {
            mistakes.add(at.clone(), key, "keys that begin with `aws:` are AWS's, with `sfe.dev/` the operator's");
        } else if key.is_empty() || key.len() > KEY_MAX || !is_plain(key) {
            let allowed = format!("a key has 1 to {KEY_MAX} letters, digits, spaces and `+-=._:/`");
            mistakes.add(at.clone(), key, allowed);
        }
        if value.len() > VALUE_MAX || !is_plain(value) {
            let allowed = format!("a value has up to {VALUE_MAX} letters, digits, spaces and `+-=._:/`");
            mistakes.add(at.clone(), value, allowed);
        }
        if !seen.insert(lower) {
            mistakes.add(
                at,
                key,
                "another key differs from it in upper and lower case alone, which IAM takes for the same",
            );
        }
    }
}

fn is_plain(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || " +-=._:/".contains(c))
}

/// All tags of an object: the owner's and the manifest's own, with their record.
pub fn all(owner: &Owner, own: &BTreeMap<String, String>) -> Tags {
    let mut tags = owner.tags();
    if !own.is_empty() {
        let digests: BTreeSet<String> = own.keys().map(|key| digest(key)).collect();
        tags.insert(RECORD.to_owned(), digests.into_iter().collect());
    }
    tags.extend(own.clone());
    tags
}

fn digest(key: &str) -> String {
    hash([key]).chars().take(DIGITS).collect()
}

/// Whether the record of these tags names a key.
fn is_recorded(tags: &Tags, key: &str) -> bool {
    let digest = digest(key);
    tags.get(RECORD).is_some_and(|record| record.as_bytes().chunks(DIGITS).any(|one| one == digest.as_bytes()))
}

/// What is next for the tags of an object of ours. The owner's are told with each call that puts tags on: by them the operator's own IAM policy
/// allows it.
pub fn next<A>(
    owner: &Owner,
    want: &Tags,
    found: &Tags,
    put: impl FnOnce(Tags) -> A,
    take: impl FnOnce(BTreeSet<String>) -> A,
) -> Next<A> {
    let left = |key: &&String| {
        !want.contains_key(*key) && (*key == RECORD || !key.starts_with(OURS) && is_recorded(found, key))
    };
    let left: BTreeSet<String> = found.keys().filter(left).cloned().collect();
    if !left.is_empty() {
        return Next::act(take(left));
    }
    let differ = want.iter().filter(|(key, value)| found.get(*key) != Some(value));
    let differ: Tags = differ.map(|(key, value)| (key.clone(), value.clone())).collect();
    if differ.is_empty() { Next::nothing() } else { Next::act(put(owner.tags().into_iter().chain(differ).collect())) }
}

/// The keys that come off when an object is let go. The manifest's own stay: they say something of the object, not whose it is.
pub fn of_ours(found: &Tags) -> BTreeSet<String> {
    let record = found.contains_key(RECORD).then(|| RECORD.to_owned());
    Owner::tag_keys().into_iter().chain(record).collect()
}

/// Whether an object without these keys is nobody's any more.
pub fn let_go(keys: &BTreeSet<String>) -> bool {
    Owner::tag_keys().is_subset(keys)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn owner() -> Owner {
        Owner { cluster: "c".to_owned(), namespace: "n".to_owned(), name: "a".to_owned() }
    }

    fn own(tags: &Value) -> BTreeMap<String, String> {
        serde_json::from_value(tags.clone()).unwrap()
    }

    fn told(tags: &Tags) -> String {
        let ours = owner().tags();
        let others = tags.iter().filter(|(key, _)| !ours.contains_key(*key) && *key != RECORD);
        others.map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
    }

    /// What is done one after the other, and what is there at last.
    fn steps(want: &Tags, mut found: Tags) -> (String, Tags) {
        let mut said = Vec::new();
        for _ in 0..4 {
            let put = |tags: Tags| (Some(tags), BTreeSet::new());
            let Some((tags, keys)) = next(&owner(), want, &found, put, |keys| (None, keys)).actions.into_iter().next()
            else {
                break;
            };
            match tags {
                Some(tags) => {
                    assert!(owner().owns(&tags), "IAM asks for these");
                    said.push(format!("put {}", told(&tags)).trim().to_owned());
                    found.extend(tags);
                }
                None => {
                    assert!(!let_go(&keys));
                    said.push(format!("take {}", keys.iter().cloned().collect::<Vec<_>>().join(" ")));
                    found.retain(|key, _| !keys.contains(key));
                }
            }
        }
        (said.join("; "), found)
    }

    #[rstest]
    #[case::none(json!({}), json!({}), json!({}), "")]
    #[case::the_same(json!({ "a": "1" }), json!({}), json!({ "a": "1" }), "")]
    #[case::first(json!({}), json!({}), json!({ "a": "1", "b": "" }), "put a=1 b=")]
    #[case::one_more(json!({ "a": "1" }), json!({}), json!({ "a": "1", "b": "2" }), "put b=2")]
    #[case::edited(json!({ "a": "1" }), json!({ "a": "x" }), json!({ "a": "1" }), "put a=1")]
    #[case::of_others(json!({ "a": "1" }), json!({ "cost": "x" }), json!({ "a": "1" }), "")]
    #[case::one_less(json!({ "a": "1", "b": "2" }), json!({ "cost": "x" }), json!({ "a": "1" }), "take b; put")]
    #[case::another(json!({ "a": "1" }), json!({}), json!({ "A": "1" }), "take a; put A=1")]
    #[case::all_left(json!({ "a": "1", "b": "2" }), json!({ "cost": "x" }), json!({}), "take a b sfe.dev/tags")]
    #[case::taken_over_from_others(json!({}), json!({ "a": "1" }), json!({ "a": "1" }), "put")]
    fn tags_become(#[case] before: Value, #[case] by_others: Value, #[case] after: Value, #[case] expected: &str) {
        let (before, by_others, after) = (all(&owner(), &own(&before)), own(&by_others), all(&owner(), &own(&after)));
        let found: Tags = before.into_iter().chain(by_others.clone()).collect();
        let (said, now) = steps(&after, found);
        assert_eq!(said, expected);
        let stays = by_others.into_iter().filter(|(key, _)| key == "cost");
        assert_eq!(now, after.into_iter().chain(stays).collect::<Tags>());
    }

    #[test]
    fn the_most_fit_into_the_record() {
        let own: BTreeMap<String, String> = (0..TAGS_MAX).map(|n| (format!("key-{n}"), String::new())).collect();
        let tags = all(&owner(), &own);
        assert!(tags[RECORD].len() <= VALUE_MAX && tags.len() <= 50, "{tags:?}");
        assert!(own.keys().all(|key| is_recorded(&tags, key)) && !is_recorded(&tags, "cost"));
    }

    #[test]
    fn what_is_let_go_keeps_the_manifests_own() {
        let mut tags = all(&owner(), &own(&json!({ "a": "1" })));
        let keys = of_ours(&tags);
        tags.retain(|key, _| !keys.contains(key));
        assert_eq!(tags, own(&json!({ "a": "1" })));
        assert!(let_go(&keys));
        assert_eq!(of_ours(&owner().tags()), Owner::tag_keys());
    }

    #[rstest]
    #[case::plain(json!({ "Cost Center": "a+b-c=d.e_f:g/h 1", "team": "" }), &[])]
    #[case::aws(json!({ "AWS:x": "1" }), &["spec.tags[AWS:x]: `AWS:x`: keys that begin with"])]
    #[case::ours(json!({ "sfe.dev/name": "1" }), &["spec.tags[sfe.dev/name]: `sfe.dev/name`: keys that begin with"])]
    #[case::characters(json!({ "a@b": "c;d" }), &["spec.tags[a@b]: `a@b`: a key has", "spec.tags[a@b]: `c;d`: a value has"])]
    #[case::empty(json!({ "": "1" }), &["spec.tags[]: a key has 1 to 128"])]
    #[case::long(json!({ "k".repeat(129): "v".repeat(257) }), &["spec.tags[kkk", "spec.tags[kkk"])]
    #[case::case(json!({ "Team": "1", "team": "1" }), &["spec.tags[team]: `team`: another key differs"])]
    fn tags_are_checked(#[case] tags: Value, #[case] expected: &[&str]) {
        let spec = json!({ "stateMachine": { "arn": "a" }, "routes": [], "tags": tags });
        let mut mistakes = Mistakes::none();
        check(&serde_json::from_value(spec).unwrap(), &FieldPath::spec(), &mut mistakes);
        let told: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        let fits =
            told.len() == expected.len() && told.iter().zip(expected).all(|(told, start)| told.starts_with(start));
        assert!(fits, "{told:?}");
    }
}
