//! Stages: what callers reach. A stage serves the snapshot of its deployment.

use std::collections::{BTreeMap, BTreeSet};

use crate::change::Changes;
use crate::claim::{Claim, Found};
use crate::next::Next;
use crate::owner::{Owner, Site, Tags};

/// A stage as it should be.
#[derive(Clone, Debug, PartialEq)]
pub struct Desired {
    /// Its name, the first part of the URL's path.
    pub name: String,
    /// The owner's tags.
    pub tags: Tags,
}

/// All stages of an API by name.
pub type Observed = BTreeMap<String, Stage>;

/// One stage as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// The deployment that it serves.
    pub deployment_id: String,
    /// Its tags.
    pub tags: Tags,
}

/// One API Gateway call.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Creates the stage on a deployment.
    CreateStage { rest_api_id: String, want: Desired, deployment_id: String },
    /// Moves the stage to a deployment.
    UpdateStage { rest_api_id: String, name: String, deployment_id: String, changes: Changes },
    /// Puts our tags on: it is taken over.
    TagResource { rest_api_id: String, name: String, arn: String, tags: Tags },
    /// Takes our tags off: it is let go, and goes on serving.
    UntagResource { rest_api_id: String, name: String, arn: String, keys: BTreeSet<String> },
    /// Deletes the stage: it stops serving.
    DeleteStage { rest_api_id: String, name: String },
}

impl Action {
    /// The stage's name.
    pub fn name(&self) -> &str {
        match self {
            Self::CreateStage { want: Desired { name, .. }, .. } => name,
            Self::UpdateStage { name, .. }
            | Self::TagResource { name, .. }
            | Self::UntagResource { name, .. }
            | Self::DeleteStage { name, .. } => name,
        }
    }
}

/// What is next for the wanted stage; `deployment_id` is the snapshot that it shall serve.
pub fn next(
    rest_api_id: &str,
    claim: &Claim<'_>,
    want: &Desired,
    deployment_id: &str,
    found: &Observed,
) -> Next<Action> {
    let rest_api_id = rest_api_id.to_owned();
    match found.get(&want.name) {
        None => {
            Next::act(Action::CreateStage { rest_api_id, want: want.clone(), deployment_id: deployment_id.to_owned() })
        }
        Some(found) if !claim.owns(&found.tags) => {
            let (name, changes) = (want.name.clone(), diff(deployment_id, found));
            let arn = claim.site.stage_arn(&rest_api_id, &name);
            let found = Found { kind: "stage", name: &want.name, tags: &found.tags, obstacle: None };
            claim.foreign(found, changes, |tags| Action::TagResource { rest_api_id, name, arn, tags })
        }
        Some(found) => Next::update(diff(deployment_id, found), |changes| Action::UpdateStage {
            rest_api_id,
            name: want.name.clone(),
            deployment_id: deployment_id.to_owned(),
            changes,
        }),
    }
}

/// Our stages other than the wanted one, which is live by then.
pub fn prune(rest_api_id: &str, owner: &Owner, keep: Option<&str>, found: &Observed) -> Next<Action> {
    let mut next = Next::nothing();
    for (name, stage) in found {
        if keep != Some(name) && owner.owns(&stage.tags) {
            next.and(Next::act(Action::DeleteStage { rest_api_id: rest_api_id.to_owned(), name: name.clone() }));
        }
    }
    next
}

/// What lets our stages go.
pub fn release(rest_api_id: &str, owner: &Owner, site: &Site, found: &Observed) -> Next<Action> {
    let mut next = Next::nothing();
    for (name, _) in found.iter().filter(|(_, stage)| owner.owns(&stage.tags)) {
        next.and(Next::act(Action::UntagResource {
            rest_api_id: rest_api_id.to_owned(),
            name: name.clone(),
            arn: site.stage_arn(rest_api_id, name),
            keys: Owner::tag_keys(),
        }));
    }
    next
}

fn diff(deployment_id: &str, found: &Stage) -> Changes {
    Changes::none().at("deploymentId", &found.deployment_id, &deployment_id.to_owned())
}

/// Folds an action that AWS confirmed.
pub fn fold(found: &mut Observed, action: &Action) {
    match action {
        Action::CreateStage { want: Desired { name, tags }, deployment_id, .. } => {
            found.insert(name.clone(), Stage { deployment_id: deployment_id.clone(), tags: tags.clone() });
        }
        Action::UpdateStage { name, deployment_id, .. } => {
            if let Some(stage) = found.get_mut(name) {
                stage.deployment_id = deployment_id.clone();
            }
        }
        Action::TagResource { name, tags, .. } => {
            if let Some(stage) = found.get_mut(name) {
                stage.tags.extend(tags.clone());
            }
        }
        Action::UntagResource { name, keys, .. } => {
            if let Some(stage) = found.get_mut(name) {
                stage.tags.retain(|key, _| !keys.contains(key));
            }
        }
        Action::DeleteStage { name, .. } => {
            found.remove(name);
        }
    }
}
