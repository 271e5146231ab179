//! Authorizers of Cognito user pools. The name follows from the pools, so that routes with the same pools share one, and it marks
//! the authorizer as ours.

use std::collections::{BTreeMap, BTreeSet};

use crate::change::Changes;
use crate::next::Next;
use crate::owner::{MARKER, hash};

/// The user pools of each authorizer by its name.
pub type Desired = BTreeMap<String, BTreeSet<String>>;

/// All authorizers of an API by name.
pub type Observed = BTreeMap<String, Authorizer>;

/// One authorizer as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Authorizer {
    /// Its id.
    pub id: String,
    /// The user pools whose tokens are accepted.
    pub provider_arns: BTreeSet<String>,
}

/// One API Gateway call.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Creates it.
    CreateAuthorizer { rest_api_id: String, name: String, provider_arns: BTreeSet<String> },
    /// Puts the user pools back.
    UpdateAuthorizer {
        rest_api_id: String,
        name: String,
        id: String,
        to: BTreeSet<String>,
        from: BTreeSet<String>,
        changes: Changes,
    },
    /// Deletes it, once no method uses it.
    DeleteAuthorizer { rest_api_id: String, name: String, id: String },
}

impl Action {
    /// The authorizer's name.
    pub fn name(&self) -> &str {
        match self {
            Self::CreateAuthorizer { name, .. }
            | Self::UpdateAuthorizer { name, .. }
            | Self::DeleteAuthorizer { name, .. } => name,
        }
    }
}

/// The name of the authorizer of these user pools.
pub fn name(provider_arns: &BTreeSet<String>) -> String {
    format!("{MARKER}cognito-{}", hash(provider_arns.iter().map(String::as_str)))
}

/// What is next; an authorizer of ours that is not wanted goes once no method uses it.
pub fn next(rest_api_id: &str, want: &Desired, found: &Observed, used: &BTreeSet<String>) -> Next<Action> {
    let mut next = Next::nothing();
    for (name, provider_arns) in want {
        next.and(match found.get(name) {
            None => Next::act(Action::CreateAuthorizer {
                rest_api_id: rest_api_id.to_owned(),
                name: name.clone(),
                provider_arns: provider_arns.clone(),
            }),
            Some(found) => Next::update(diff(provider_arns, found), |changes| Action::UpdateAuthorizer {
                rest_api_id: rest_api_id.to_owned(),
                name: name.clone(),
                id: found.id.clone(),
                to: provider_arns.clone(),
                from: found.provider_arns.clone(),
                changes,
            }),
        });
    }
    for (name, Authorizer { id, .. }) in found {
        if name.starts_with(MARKER) && !want.contains_key(name) && !used.contains(id) {
            next.and(Next::act(Action::DeleteAuthorizer {
                rest_api_id: rest_api_id.to_owned(),
                name: name.clone(),
                id: id.clone(),
            }));
        }
    }
    next
}

fn diff(want: &BTreeSet<String>, found: &Authorizer) -> Changes {
    Changes::none().at("providerARNs", &found.provider_arns, want)
}

/// Folds an action that AWS confirmed; `id` is what a create answered.
pub fn fold(found: &mut Observed, action: &Action, id: Option<String>) {
    match (action, id) {
        (Action::CreateAuthorizer { name, provider_arns, .. }, Some(id)) => {
            found.insert(name.clone(), Authorizer { id, provider_arns: provider_arns.clone() });
        }
        (Action::CreateAuthorizer { .. }, None) => {}
        (Action::UpdateAuthorizer { name, id, to, .. }, _) => {
            found.insert(name.clone(), Authorizer { id: id.clone(), provider_arns: to.clone() });
        }
        (Action::DeleteAuthorizer { name, .. }, _) => {
            found.remove(name);
        }
    }
}
