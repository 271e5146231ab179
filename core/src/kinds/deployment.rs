//! Deployments: snapshots that stages serve. The hash of what a snapshot holds is its description, and it is looked for before another is
//! made, so that a repeated create finds the first one.

use std::collections::BTreeMap;

use crate::next::Next;

/// The hash of everything that a snapshot holds.
pub type Desired = String;

/// All deployments of an API: their descriptions by id.
pub type Observed = BTreeMap<String, String>;

/// One API Gateway call.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Takes a snapshot of the API.
    CreateDeployment { rest_api_id: String, hash: String },
    /// Takes our hash off the description of a snapshot that may hold something else.
    UpdateDeployment { rest_api_id: String, id: String, description: String },
    /// Deletes a snapshot that no stage serves.
    DeleteDeployment { rest_api_id: String, id: String },
}

/// How the description of ours starts.
const PREFIX: &str = "sfe ";

/// The description of the deployment of this hash.
pub fn description(hash: &str) -> String {
    format!("{PREFIX}{hash}")
}

/// The id of the deployment of this hash, if there is one.
pub fn find<'a>(found: &'a Observed, hash: &str) -> Option<&'a String> {
    found.iter().find(|(_, text)| text.strip_prefix(PREFIX) == Some(hash)).map(|(id, _)| id)
}

/// The hash that a deployment's description tells.
pub fn hash_of<'a>(found: &'a Observed, id: &str) -> Option<&'a str> {
    found.get(id).and_then(|text| text.strip_prefix(PREFIX))
}

/// The snapshot of this hash, unless there is one.
pub fn next(rest_api_id: &str, want: &Desired, found: &Observed) -> Next<Action> {
    match find(found, want) {
        Some(_) => Next::nothing(),
        None => Next::act(Action::CreateDeployment { rest_api_id: rest_api_id.to_owned(), hash: want.clone() }),
    }
}

/// The snapshot of this hash is not relied on any more. Where what it was made of differs from the hash, it may have differed already when
/// the snapshot was made, by someone else's hand: so another is made once it is as it should be.
pub fn distrust(rest_api_id: &str, want: &Desired, found: &Observed) -> Next<Action> {
    match find(found, want) {
        Some(id) => Next::act(Action::UpdateDeployment {
            rest_api_id: rest_api_id.to_owned(),
            id: id.clone(),
            description: distrusted(want),
        }),
        None => Next::nothing(),
    }
}

/// The description of one of ours that is not relied on: no hash is spelled so. A mark before the hash stays.
fn distrusted(hash: &str) -> String {
    let mark = hash.rsplit_once(' ').map(|(mark, _)| format!("{mark} ")).unwrap_or_default();
    description(&format!("{mark}replaced"))
}

/// Our snapshots that no stage serves; `mark` is how the hashes of ours begin.
pub fn prune(rest_api_id: &str, found: &Observed, served: &[&str], mark: &str) -> Next<Action> {
    let mut next = Next::nothing();
    for (id, text) in found {
        if is_marked(text, mark) && !served.contains(&id.as_str()) {
            next.and(Next::act(Action::DeleteDeployment { rest_api_id: rest_api_id.to_owned(), id: id.clone() }));
        }
    }
    next
}

/// Whether a description is of ours, with a hash that begins so.
pub fn is_marked(description: &str, mark: &str) -> bool {
    description.strip_prefix(PREFIX).is_some_and(|hash| hash.starts_with(mark))
}

/// Folds an action that AWS confirmed; `id` is what a create answered.
pub fn fold(found: &mut Observed, action: &Action, id: Option<String>) {
    match (action, id) {
        (Action::CreateDeployment { hash, .. }, Some(id)) => {
            found.insert(id, description(hash));
        }
        (Action::CreateDeployment { .. }, None) => {}
        (Action::UpdateDeployment { id, description, .. }, _) => {
            found.insert(id.clone(), description.clone());
        }
        (Action::DeleteDeployment { id, .. }, _) => {
            found.remove(id);
        }
    }
}
