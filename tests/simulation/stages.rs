//! Access logs and further stages of a manifest.

use std::collections::BTreeSet;

use fastrand::Rng;
use serde_json::{Map, Value, json};

/// Chooses some, or none. The generator is a copy, so that all else of a life stays as it is without them.
pub fn choose(mut rng: Rng, spec: &mut Map<String, Value>) {
    let logs = [Value::Null, Value::Null, json!({}), json!({ "retentionDays": 7 })];
    let log = &logs[rng.usize(..logs.len())];
    if !log.is_null() {
        spec.entry("stage").or_insert_with(|| json!({}))["accessLog"] = log.clone();
    }
    let further = [
        Value::Null,
        Value::Null,
        json!([{ "name": "beta" }]),
        json!([{ "name": "beta", "accessLog": {} }, { "name": "gamma", "variables": { "a": "b" } }]),
    ];
    let further = &further[rng.usize(..further.len())];
    if !further.is_null() {
        spec.insert("stages".to_owned(), further.clone());
    }
}

/// The name of the first stage.
pub fn first_of(spec: &Value) -> &str {
    spec["stage"]["name"].as_str().unwrap_or("prod")
}

/// All stages by name, with whether each logs requests.
pub fn logs_of(spec: &Value) -> Vec<(&str, bool)> {
    let further = spec["stages"].as_array().into_iter().flatten();
    let further = further.filter_map(|stage| Some((stage["name"].as_str()?, stage["accessLog"].is_object())));
    further.chain([(first_of(spec), spec["stage"]["accessLog"].is_object())]).collect()
}

/// The names of all stages.
pub fn of(spec: &Value) -> BTreeSet<&str> {
    logs_of(spec).into_iter().map(|(name, _)| name).collect()
}
