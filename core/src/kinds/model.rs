//! Models: JSON schemas of bodies. The name follows from the schema, so that a model never changes and marks itself as ours.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::change::Changes;
use crate::next::Next;
use crate::owner::hash;

/// The schema of each model by its name.
pub type Desired = BTreeMap<String, Value>;

/// All models of an API by name.
pub type Observed = BTreeMap<String, Value>;

/// One API Gateway call.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Creates it.
    CreateModel { rest_api_id: String, name: String, schema: Value },
    /// Puts the schema back.
    UpdateModel { rest_api_id: String, name: String, schema: Value, changes: Changes },
    /// Deletes it, once no method uses it.
    DeleteModel { rest_api_id: String, name: String },
}

impl Action {
    /// The model's name.
    pub fn name(&self) -> &str {
        match self {
            Self::CreateModel { name, .. } | Self::UpdateModel { name, .. } | Self::DeleteModel { name, .. } => name,
        }
    }
}

/// How names of ours start: a model's name is letters and digits alone.
const PREFIX: &str = "sfe0";

/// The name of the model of this schema.
pub fn name(schema: &Value) -> String {
    format!("{PREFIX}{}", hash([schema.to_string().as_str()]))
}

/// Whether a model of this name is ours.
pub fn is_ours(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// What is next; a model of ours that is not wanted goes once no method uses it.
pub fn next(rest_api_id: &str, want: &Desired, found: &Observed, used: &BTreeSet<String>) -> Next<Action> {
    let mut next = Next::nothing();
    for (name, schema) in want {
        let (rest_api_id, name) = (rest_api_id.to_owned(), name.clone());
        next.and(match found.get(&name) {
            None => Next::act(Action::CreateModel { rest_api_id, name, schema: schema.clone() }),
            Some(found) => Next::update(Changes::none().at("schema", found, schema), |changes| Action::UpdateModel {
                rest_api_id,
                name,
                schema: schema.clone(),
                changes,
            }),
        });
    }
    for name in found.keys().filter(|name| is_ours(name) && !want.contains_key(*name) && !used.contains(*name)) {
        next.and(Next::act(Action::DeleteModel { rest_api_id: rest_api_id.to_owned(), name: name.clone() }));
    }
    next
}

/// Folds an action that AWS confirmed.
pub fn fold(found: &mut Observed, action: &Action) {
    match action {
        Action::CreateModel { name, schema, .. } | Action::UpdateModel { name, schema, .. } => {
            found.insert(name.clone(), schema.clone());
        }
        Action::DeleteModel { name, .. } => {
            found.remove(name);
        }
    }
}
