//! Policy documents: compared by meaning, whatever form IAM answers them in.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};
use sfe_core::policy::{PolicyDocument, trusted_state_machines};

use super::cases;
use super::documents::{document, text};

const WORDS: &[&str] = &[
    "Version",
    "2012-10-17",
    "Statement",
    "Effect",
    "Allow",
    "Deny",
    "Action",
    "Resource",
    "Principal",
    "Condition",
    "ArnLike",
    "StringEquals",
    "aws:SourceArn",
    "arn:aws:states:eu-central-1:000000000000:stateMachine:a",
    "*",
    "Sid",
    "a",
];

/// Whether two documents mean the same, told without a normal form: of two lists each holds what the other does.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (one, other) if is_nothing(one) || is_nothing(other) => is_nothing(one) && is_nothing(other),
        (Value::Array(_), _) | (_, Value::Array(_)) => {
            let (ones, others) = (flat(one), flat(other));
            ones.iter().all(|one| others.iter().any(|other| same(one, other)))
                && others.iter().all(|other| ones.iter().any(|one| same(one, other)))
        }
        (Value::Object(ones), Value::Object(others)) => {
            ones.len() == others.len()
                && ones.iter().all(|(key, one)| others.get(key).is_some_and(|other| same(one, other)))
        }
        (one, other) => one == other,
    }
}

/// Lists of nothing, however deep.
fn is_nothing(value: &Value) -> bool {
    value.as_array().is_some_and(|items| items.iter().all(is_nothing))
}

fn flat(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        single => vec![single],
    }
}

/// The same document in another form: lists turned and with repetitions, single items as lists, and the other way round.
fn reformed(value: &Value, ways: &mut impl Iterator<Item = u8>) -> Value {
    let way = ways.next().unwrap_or(0);
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(|item| reformed(item, ways)).collect();
            match items.len() {
                0 => {}
                1 if way.is_multiple_of(2) && !items[0].is_array() => return items.remove(0),
                length => {
                    items.rotate_left(usize::from(way) % length);
                    items.extend((way.is_multiple_of(3)).then(|| items[0].clone()));
                }
            }
            Value::Array(items)
        }
        Value::Object(members) => {
            Value::Object(members.iter().rev().map(|(key, value)| (key.clone(), reformed(value, ways))).collect())
        }
        leaf if way.is_multiple_of(4) => json!([leaf]),
        leaf => leaf.clone(),
    }
}

/// As IAM answers it: percent-encoded, in letters of either size, each byte or those that must be.
fn encoded(text: &str, way: u8) -> String {
    let write = |byte: u8| match byte {
        b if way.is_multiple_of(2) && (b.is_ascii_alphanumeric() || b"-._~".contains(&b)) => char::from(b).to_string(),
        b if way.is_multiple_of(3) => format!("%{b:02x}"),
        b => format!("%{b:02X}"),
    };
    text.bytes().map(write).collect()
}

fn policy() -> impl Strategy<Value = Value> {
    document(WORDS).prop_map(|statement| json!({ "Version": "2012-10-17", "Statement": statement }))
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn form_never_matters(policy in policy(), ways in vec(any::<u8>(), 40), way in any::<u8>()) {
        let plain = PolicyDocument::observed(&policy.to_string());
        let other = reformed(&policy, &mut ways.into_iter());
        for text in [other.to_string(), serde_json::to_string_pretty(&other).unwrap(), encoded(&other.to_string(), way)] {
            let observed = PolicyDocument::observed(&text);
            prop_assert_eq!(&observed, &plain);
            prop_assert_eq!(observed.to_json(), plain.to_json());
            prop_assert_eq!(observed.size(), plain.size());
        }
        prop_assert_eq!(PolicyDocument::observed(&plain.to_json()), plain);
    }

    /// Two are equal if they mean the same and only then, both ways, and so are three.
    #[test]
    fn meaning_always_matters(one in policy(), other in policy(), third in policy(), at in any::<Index>(), to in text()) {
        let changed = super::documents::changed(one.clone(), vec![(at, Some(json!(to)))]);
        let all = [one, other, third, changed];
        let observed: Vec<PolicyDocument> = all.iter().map(|policy| PolicyDocument::observed(&policy.to_string())).collect();
        for (a, policy) in all.iter().enumerate() {
            prop_assert!(!policy.is_object() || observed[a] == observed[a].clone());
            for b in 0..all.len() {
                if all[a].is_object() && all[b].is_object() {
                    prop_assert_eq!(observed[a] == observed[b], same(&all[a], &all[b]), "{} {}", &all[a], &all[b]);
                }
                prop_assert_eq!(observed[a] == observed[b], observed[b] == observed[a]);
                for c in 0..all.len() {
                    prop_assert!(observed[a] != observed[b] || observed[b] != observed[c] || observed[a] == observed[c]);
                }
            }
        }
    }

    /// Both statements are in what two documents allow, in either order, and nothing is added twice.
    #[test]
    fn two_together(one in policy(), other in policy()) {
        let (one, other) = (PolicyDocument::observed(&one.to_string()), PolicyDocument::observed(&other.to_string()));
        let both = one.and(Some(&other));
        prop_assert_eq!(&both, &other.and(Some(&one)));
        prop_assert_eq!(&both.and(Some(&other)), &both);
    }

    #[test]
    fn any_answer(text in text(), policy in document(WORDS), way in any::<u8>()) {
        for text in [text.clone(), encoded(&text, way), policy.to_string(), encoded(&policy.to_string(), way)] {
            let document = PolicyDocument::observed(&text);
            prop_assert_eq!(&document, &PolicyDocument::observed(&text));
            prop_assert!(document.size() <= document.to_json().chars().count());
            for machine in trusted_state_machines(&document) {
                prop_assert!(machine.service() == "states" && !machine.as_str().contains(['*', '?']));
            }
            let _ = document.and(Some(&document));
        }
    }
}
