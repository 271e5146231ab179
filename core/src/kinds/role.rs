//! IAM roles: the one that API Gateway assumes, and the one that the workflow runs with.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::arn::Arn;
use crate::change::Changes;
use crate::claim::{Claim, Found};
use crate::next::{Next, Seen, unread};
use crate::owner::{Owner, ROLE_PATH, Tags};
use crate::policy::PolicyDocument;
use crate::tags;

/// The name of the inline policy of our roles.
pub const INLINE_POLICY: &str = "sfe";

/// Which of an endpoint's roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// Assumed by API Gateway.
    Gateway,
    /// Assumed by Step Functions.
    Workflow,
}

impl Purpose {
    /// As messages name it.
    pub fn object(self) -> &'static str {
        match self {
            Self::Gateway => "gateway role",
            Self::Workflow => "workflow role",
        }
    }
}

/// A role as it should be.
#[derive(Clone, Debug, PartialEq)]
pub struct Desired {
    /// Its name; the path is always `/sfe/`.
    pub name: String,
    /// Who may assume it.
    pub trust: PolicyDocument,
    /// What it may do, as its one inline policy.
    pub permissions: Option<PolicyDocument>,
    /// The managed policies attached to it.
    pub managed_policy_arns: BTreeSet<String>,
    /// The managed policy that bounds it.
    pub permissions_boundary_arn: Option<String>,
    /// Its tags, the owner's among them.
    pub tags: Tags,
}

/// A role as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// Its ARN, path included.
    pub arn: Arn,
    /// When it was created: a new role can't be assumed for some seconds.
    pub created_at: Timestamp,
    /// Who may assume it.
    pub trust: PolicyDocument,
    /// Our inline policy.
    pub permissions: Option<PolicyDocument>,
    /// Managed policies attached to it.
    pub managed_policy_arns: BTreeSet<String>,
    /// The managed policy that bounds it.
    pub permissions_boundary_arn: Option<String>,
    /// Its tags.
    pub tags: Tags,
    /// The names of all its inline policies; read before a delete alone, which IAM refuses while there is one.
    pub inline_policies: Option<BTreeSet<String>>,
}

/// One IAM call.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Creates the role with trust, boundary and tags; the policies follow.
    CreateRole(Desired),
    /// Replaces the trust policy.
    UpdateAssumeRolePolicy { name: String, trust: PolicyDocument, changes: Changes },
    /// Writes the inline policy.
    PutRolePolicy { name: String, permissions: PolicyDocument, changes: Changes },
    /// Removes an inline policy.
    DeleteRolePolicy { name: String, policy: String },
    /// Attaches a managed policy.
    AttachRolePolicy { name: String, policy_arn: String },
    /// Detaches a managed policy.
    DetachRolePolicy { name: String, policy_arn: String },
    /// Sets the boundary.
    PutRolePermissionsBoundary { name: String, boundary_arn: String, changes: Changes },
    /// Removes the boundary.
    DeleteRolePermissionsBoundary { name: String },
    /// Puts tags on: it is taken over, or what differs is put back.
    TagRole { name: String, tags: Tags },
    /// Takes tags off: those that left the manifest, or with the owner's it is let go.
    UntagRole { name: String, keys: BTreeSet<String> },
    /// Deletes the role, once nothing is attached to it.
    DeleteRole { name: String },
}

impl Action {
    /// The role's name.
    pub fn role(&self) -> &str {
        match self {
            Self::CreateRole(Desired { name, .. })
            | Self::UpdateAssumeRolePolicy { name, .. }
            | Self::PutRolePolicy { name, .. }
            | Self::DeleteRolePolicy { name, .. }
            | Self::AttachRolePolicy { name, .. }
            | Self::DetachRolePolicy { name, .. }
            | Self::PutRolePermissionsBoundary { name, .. }
            | Self::DeleteRolePermissionsBoundary { name }
            | Self::TagRole { name, .. }
            | Self::UntagRole { name, .. }
            | Self::DeleteRole { name } => name,
        }
    }
}

/// What is next for one role; `name` is the deterministic name of ours.
pub fn next(
    purpose: Purpose,
    claim: &Claim<'_>,
    name: &str,
    want: Option<&Desired>,
    seen: &Seen<Observed>,
) -> Next<Action> {
    match (want, seen) {
        (_, Seen::Unknown) => unread(purpose.object()),
        (Some(want), Seen::Present(found)) if !claim.owns(&found.tags) => foreign(claim, want, found),
        (Some(want), Seen::Present(found)) => {
            let mut next = converge(want, found);
            let (put, take) = (
                |tags| Action::TagRole { name: want.name.clone(), tags },
                |keys| Action::UntagRole { name: want.name.clone(), keys },
            );
            next.and(tags::next(claim.owner, &want.tags, &found.tags, put, take));
            next
        }
        (Some(want), Seen::Absent) => Next::act(Action::CreateRole(want.clone())),
        (None, Seen::Present(found)) if claim.owns(&found.tags) => dismantle(purpose, name, found),
        (None, Seen::Present(_) | Seen::Absent) => Next::nothing(), // another's, or gone
    }
}

/// A role of another path has another ARN, and its path can't be changed.
fn foreign(claim: &Claim<'_>, want: &Desired, found: &Observed) -> Next<Action> {
    let Desired { name, trust, permissions, managed_policy_arns, permissions_boundary_arn, tags: _ } = want;
    let changes = Changes::none()
        .at("assumeRolePolicyDocument", &found.trust, trust)
        .at("permissionsBoundary", &found.permissions_boundary_arn, permissions_boundary_arn)
        .at("policyDocument", &found.permissions, permissions)
        .at("managedPolicyArns", &found.managed_policy_arns, managed_policy_arns);
    let why = format!("its ARN is {}, and a role's path can't be changed to {ROLE_PATH}", found.arn);
    let elsewhere = found.arn.resource() != format!("role{ROLE_PATH}{name}");
    let obstacle =
        elsewhere.then_some((why.as_str(), "name it in `arn` of the manifest's role, or delete it if nothing uses it"));
    let found = Found { kind: "role", name, tags: &found.tags, obstacle };
    claim.foreign(found, changes, |tags| Action::TagRole { name: name.clone(), tags })
}

/// One action a call: trust, boundary, inline policy, then each managed policy that is missing or too many.
fn converge(want: &Desired, found: &Observed) -> Next<Action> {
    let Desired { name, trust, permissions, managed_policy_arns, permissions_boundary_arn, tags: _ } = want;
    let mut next = Next::update(Changes::none().at("assumeRolePolicyDocument", &found.trust, trust), |changes| {
        Action::UpdateAssumeRolePolicy { name: name.clone(), trust: trust.clone(), changes }
    });
    let boundary = Changes::none().at("permissionsBoundary", &found.permissions_boundary_arn, permissions_boundary_arn);
    next.and(Next::update(boundary, |changes| match permissions_boundary_arn.clone() {
        Some(boundary_arn) => Action::PutRolePermissionsBoundary { name: name.clone(), boundary_arn, changes },
        None => Action::DeleteRolePermissionsBoundary { name: name.clone() },
    }));
    let inline = Changes::none().at("policyDocument", &found.permissions, permissions);
    next.and(Next::update(inline, |changes| match permissions.clone() {
        Some(permissions) => Action::PutRolePolicy { name: name.clone(), permissions, changes },
        None => Action::DeleteRolePolicy { name: name.clone(), policy: INLINE_POLICY.to_owned() },
    }));
    for policy_arn in managed_policy_arns.difference(&found.managed_policy_arns) {
        next.and(Next::act(Action::AttachRolePolicy { name: name.clone(), policy_arn: policy_arn.clone() }));
    }
    for policy_arn in found.managed_policy_arns.difference(managed_policy_arns) {
        next.and(Next::act(Action::DetachRolePolicy { name: name.clone(), policy_arn: policy_arn.clone() }));
    }
    next
}

/// What lets a role of ours go.
pub fn release(purpose: Purpose, owner: &Owner, name: &str, seen: &Seen<Observed>) -> Next<Action> {
    match seen {
        Seen::Unknown => unread(purpose.object()),
        Seen::Present(found) if owner.owns(&found.tags) => {
            Next::act(Action::UntagRole { name: name.to_owned(), keys: tags::of_ours(&found.tags) })
        }
        Seen::Present(_) | Seen::Absent => Next::nothing(),
    }
}

/// Everything on the role goes before the role.
fn dismantle(purpose: Purpose, name: &str, found: &Observed) -> Next<Action> {
    let Some(inline_policies) = &found.inline_policies else { return unread(purpose.object()) };
    let mut next = Next::nothing();
    for policy_arn in &found.managed_policy_arns {
        next.and(Next::act(Action::DetachRolePolicy { name: name.to_owned(), policy_arn: policy_arn.clone() }));
    }
    for policy in inline_policies {
        next.and(Next::act(Action::DeleteRolePolicy { name: name.to_owned(), policy: policy.clone() }));
    }
    if next.is_empty() { Next::act(Action::DeleteRole { name: name.to_owned() }) } else { next }
}

/// Folds an action that AWS confirmed. A create's answer is folded by its reader, as it bears the ARN; a delete is seen by a read alone.
pub fn fold(seen: &mut Seen<Observed>, action: &Action) {
    let Some(found) = seen.present_mut() else { return };
    match action {
        Action::CreateRole(_) | Action::DeleteRole { .. } => *seen = Seen::Unknown,
        Action::UpdateAssumeRolePolicy { trust, .. } => found.trust = trust.clone(),
        Action::PutRolePolicy { permissions, .. } => found.permissions = Some(permissions.clone()),
        Action::DeleteRolePolicy { policy, .. } => {
            if policy == INLINE_POLICY {
                found.permissions = None;
            }
            if let Some(names) = &mut found.inline_policies {
                names.remove(policy);
            }
        }
        Action::AttachRolePolicy { policy_arn, .. } => {
            found.managed_policy_arns.insert(policy_arn.clone());
        }
        Action::DetachRolePolicy { policy_arn, .. } => {
            found.managed_policy_arns.remove(policy_arn);
        }
        Action::PutRolePermissionsBoundary { boundary_arn, .. } => {
            found.permissions_boundary_arn = Some(boundary_arn.clone());
        }
        Action::DeleteRolePermissionsBoundary { .. } => found.permissions_boundary_arn = None,
        Action::TagRole { tags, .. } => found.tags.extend(tags.clone()),
        Action::UntagRole { keys, .. } => found.tags.retain(|key, _| !keys.contains(key)),
    }
}

/// A role as CreateRole leaves it: no policy yet.
pub fn created(want: &Desired, arn: Arn, created_at: Timestamp) -> Observed {
    let Desired { name: _, trust, permissions: _, managed_policy_arns: _, permissions_boundary_arn, tags } =
        want.clone();
    Observed {
        arn,
        created_at,
        trust,
        permissions: None,
        managed_policy_arns: BTreeSet::new(),
        permissions_boundary_arn,
        tags,
        inline_policies: None,
    }
}
