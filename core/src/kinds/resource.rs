//! The resources of a REST API: the tree of its paths. They carry no marker; on an API of ours an empty one that no route needs is
//! ours to remove, on any other only what the status says that we made.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::HttpMethod;
use crate::kinds::method;
use crate::next::Next;

/// The paths that must exist, the root included.
pub type Desired = BTreeSet<String>;

/// All resources of an API by path.
pub type Observed = BTreeMap<String, Resource>;

/// One resource as it was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resource {
    /// Its id.
    pub id: String,
    /// Its methods.
    pub methods: BTreeMap<HttpMethod, method::Observed>,
}

/// One API Gateway call.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Creates the resource `path` below its parent.
    CreateResource { rest_api_id: String, parent_id: String, path: String },
    /// Deletes a resource without methods and children.
    DeleteResource { rest_api_id: String, resource_id: String, path: String },
}

impl Action {
    /// The resource's path.
    pub fn path(&self) -> &str {
        match self {
            Self::CreateResource { path, .. } | Self::DeleteResource { path, .. } => path,
        }
    }
}

/// The missing resources whose parent exists, parents first, and the empty ones that no route needs, children first; of these only such as
/// `may_go` allows.
pub fn next(rest_api_id: &str, want: &Desired, found: &Observed, may_go: impl Fn(&Resource) -> bool) -> Next<Action> {
    let mut next = Next::nothing();
    for path in want.iter().filter(|path| !found.contains_key(*path)) {
        next.and(match parent(path).and_then(|parent| found.get(parent)) {
            Some(parent) => Next::act(Action::CreateResource {
                rest_api_id: rest_api_id.to_owned(),
                parent_id: parent.id.clone(),
                path: path.clone(),
            }),
            None => Next::wait("resource", "its parent is created first"),
        });
    }
    let has_child = |path: &str| found.keys().any(|other| parent(other) == Some(path));
    for (path, resource) in found.iter().rev() {
        if path != "/" && !want.contains(path) && resource.methods.is_empty() && !has_child(path) && may_go(resource) {
            next.and(Next::act(Action::DeleteResource {
                rest_api_id: rest_api_id.to_owned(),
                resource_id: resource.id.clone(),
                path: path.clone(),
            }));
        }
    }
    next
}

/// The path above; none above the root.
pub fn parent(path: &str) -> Option<&str> {
    match path.rsplit_once('/') {
        None | Some((_, "")) => None,
        Some(("", _)) => Some("/"),
        Some((parent, _)) => Some(parent),
    }
}

/// The path and all above it.
pub fn with_parents(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| parent(path))
}

/// The last part of a path, as CreateResource wants it.
pub fn path_part(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, part)| part)
}

/// Folds an action that AWS confirmed; `id` is what a create answered.
pub fn fold(found: &mut Observed, action: &Action, id: Option<String>) {
    match (action, id) {
        (Action::CreateResource { path, .. }, Some(id)) => {
            found.insert(path.clone(), Resource { id, methods: BTreeMap::new() });
        }
        (Action::CreateResource { .. }, None) => {}
        (Action::DeleteResource { path, .. }, _) => {
            found.remove(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_end_at_the_root() {
        assert_eq!(with_parents("/a/{b}/c").collect::<Vec<_>>(), ["/a/{b}/c", "/a/{b}", "/a", "/"]);
        assert_eq!(with_parents("/").collect::<Vec<_>>(), ["/"]);
        assert_eq!(path_part("/a/{b}"), "{b}");
    }
}
