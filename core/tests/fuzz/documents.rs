//! Documents that the other files are fuzzed with.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Map, Value, json};

/// A piece of text that some parser takes for more than text.
pub fn piece() -> impl Strategy<Value = String> {
    const PIECES: &str = "$ # ' \" \\ \\\\ ${ ${A} } { [ ] ( ) : , . .. - -- --- ... & &a * *a ! !!str !Sub | > |- ? @ % %zz %7B ` ~ << = \
                          <<:*a $input.body #set($x=1) #if(true) #end ## #* $util $!x ['a'] ['a.b'] [\"a\"] [0] [*] [?(@.a)] .a ..a .length() \
                          $.a $['a'] \u{2028} \u{feff} é 😀 \u{7f} arn:aws:states:eu-central-1:000000000000:stateMachine:a null true 1e400 0x1 .inf";
    let pieces: Vec<&'static str> = PIECES.split_whitespace().collect();
    prop_oneof![
        6 => select(pieces).prop_map(str::to_owned),
        2 => "[a-zA-Z0-9_]{1,5}",
        1 => any::<char>().prop_map(String::from),
        1 => select(vec![" ", "\n", "\r\n", "\t", "\0", "  ", "\n  ", "\n- "]).prop_map(str::to_owned),
    ]
}

pub fn text() -> impl Strategy<Value = String> {
    prop_oneof![4 => vec(piece(), 0..12).prop_map(|pieces| pieces.concat()), 1 => any::<String>()]
}

fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (-2..3_i64).prop_map(Value::from)
    ]
}

/// Any JSON document with these words among its keys and texts.
pub fn document(words: &'static [&'static str]) -> impl Strategy<Value = Value> {
    let word = move || prop_oneof![4 => select(words).prop_map(str::to_owned), 1 => text()];
    let leaf = prop_oneof![
        4 => word().prop_map(Value::from),
        2 => number(),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        let members = vec((word(), inner.clone()), 0..4).prop_map(|members| Value::Object(Map::from_iter(members)));
        prop_oneof![vec(inner, 0..4).prop_map(Value::Array), members]
    })
}

/// One change of a document: which of its nodes, and what it becomes; nothing takes it away.
pub fn change(words: &'static [&'static str]) -> impl Strategy<Value = (Index, Option<Value>)> {
    (any::<Index>(), prop::option::weighted(0.7, document(words)))
}

/// The document after these changes.
pub fn changed(mut whole: Value, changes: Vec<(Index, Option<Value>)>) -> Value {
    for (at, to) in changes {
        let mut left = at.index(count(&whole));
        replace(&mut whole, &mut left, to);
    }
    whole
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(members) => members.values().map(count).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// Replaces the node behind `left` others; what is to go becomes null where it has no parent.
fn replace(value: &mut Value, left: &mut usize, to: Option<Value>) -> bool {
    if *left == 0 {
        *value = to.unwrap_or(json!(null));
        return true;
    }
    *left -= 1;
    match value {
        Value::Array(items) => {
            for at in 0..items.len() {
                if *left == 0 && to.is_none() {
                    items.remove(at);
                    return true;
                }
                if replace(&mut items[at], left, to.clone()) {
                    return true;
                }
            }
            false
        }
        Value::Object(members) => {
            let keys: Vec<String> = members.keys().cloned().collect();
            for key in keys {
                if *left == 0 && to.is_none() {
                    members.remove(&key);
                    return true;
                }
                if members.get_mut(&key).is_some_and(|member| replace(member, left, to.clone())) {
                    return true;
                }
            }
            false
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}
