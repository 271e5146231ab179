//! IAM roles.

use std::collections::BTreeSet;

use aws_sdk_iam::types::Tag;
use sfe_core::kinds::role::{Action, Desired, INLINE_POLICY, Observed};
use sfe_core::next::Seen;
use sfe_core::observed::Answer;
use sfe_core::operation::Operation;
use sfe_core::owner::{ROLE_PATH, Tags};
use sfe_core::policy::PolicyDocument;

use super::super::clients::{Clients, timestamp};
use super::super::error::{Class, Error};

/// The role with our inline policy and its attached policies: one call if there is none, three otherwise.
pub async fn observe(clients: &Clients, name: &str) -> Result<Seen<Observed>, Error> {
    let (operation, object) = (Operation::GetRole, format!("role {name}"));
    let (role, permissions, managed_policy_arns) = match get(clients, name).await {
        Err(error) if error.class == Class::NotFound => return Ok(Seen::Absent),
        Err(error) => return Err(error),
        Ok(role) => {
            let (permissions, attached) =
                futures::join!(inline_policy(clients, name), attached_policies(clients, name));
            (role, permissions?, attached?)
        }
    };
    let lacks = |what| Error::incomplete(operation, &object, what);
    Ok(Seen::Present(Observed {
        arn: role.arn().parse().map_err(|_| lacks("ARN"))?,
        created_at: timestamp(role.create_date()).ok_or_else(|| lacks("creation date"))?,
        trust: PolicyDocument::observed(role.assume_role_policy_document().unwrap_or_default()),
        permissions,
        managed_policy_arns,
        permissions_boundary_arn: role
            .permissions_boundary()
            .and_then(|boundary| boundary.permissions_boundary_arn())
            .map(str::to_owned),
        tags: role.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect(),
        inline_policies: None,
    }))
}

async fn get(clients: &Clients, name: &str) -> Result<aws_sdk_iam::types::Role, Error> {
    let (operation, object) = (Operation::GetRole, format!("role {name}"));
    let answer = clients.call(operation, &object, clients.iam.get_role().role_name(name).send()).await?;
    answer.role.ok_or_else(|| Error::incomplete(operation, &object, "role"))
}

async fn inline_policy(clients: &Clients, name: &str) -> Result<Option<PolicyDocument>, Error> {
    let request = clients.iam.get_role_policy().role_name(name).policy_name(INLINE_POLICY);
    match clients.call(Operation::GetRolePolicy, &format!("role {name}"), request.send()).await {
        Ok(answer) => Ok(Some(PolicyDocument::observed(answer.policy_document()))),
        Err(error) if error.class == Class::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

async fn attached_policies(clients: &Clients, name: &str) -> Result<BTreeSet<String>, Error> {
    let (operation, object) = (Operation::ListAttachedRolePolicies, format!("role {name}"));
    let (mut arns, mut marker) = (BTreeSet::new(), None);
    for _ in 0..super::PAGES_MAX {
        let request = clients.iam.list_attached_role_policies().role_name(name).set_marker(marker);
        let answer = clients.call(operation, &object, request.send()).await?;
        arns.extend(answer.attached_policies().iter().filter_map(|policy| policy.policy_arn()).map(str::to_owned));
        marker = answer.marker;
        if marker.is_none() {
            return Ok(arns);
        }
    }
    Err(Error::incomplete(operation, &object, "last page"))
}

/// The names of all inline policies.
pub async fn inline_policies(clients: &Clients, name: &str) -> Result<BTreeSet<String>, Error> {
    let (operation, object) = (Operation::ListRolePolicies, format!("role {name}"));
    let (mut names, mut marker) = (BTreeSet::new(), None);
    for _ in 0..super::PAGES_MAX {
        let request = clients.iam.list_role_policies().role_name(name).set_marker(marker);
        let answer = clients.call(operation, &object, request.send()).await?;
        names.extend(answer.policy_names().iter().cloned());
        marker = answer.marker;
        if marker.is_none() {
            return Ok(names);
        }
    }
    Err(Error::incomplete(operation, &object, "last page"))
}

/// Makes the one call that the action is named after.
pub async fn apply(clients: &Clients, action: &Action) -> Result<Answer, Error> {
    let (iam, object) = (&clients.iam, format!("role {}", action.role()));
    match action {
        Action::CreateRole(want) => return create(clients, want, &object).await,
        Action::UpdateAssumeRolePolicy { name, trust, .. } => {
            let request = iam.update_assume_role_policy().role_name(name).policy_document(trust.to_json());
            drop(clients.call(Operation::UpdateAssumeRolePolicy, &object, request.send()).await?);
        }
        Action::PutRolePolicy { name, permissions, .. } => {
            let request = iam.put_role_policy().role_name(name).policy_name(INLINE_POLICY);
            let request = request.policy_document(permissions.to_json());
            drop(clients.call(Operation::PutRolePolicy, &object, request.send()).await?);
        }
        Action::DeleteRolePolicy { name, policy } => {
            let request = iam.delete_role_policy().role_name(name).policy_name(policy);
            drop(clients.call(Operation::DeleteRolePolicy, &object, request.send()).await?);
        }
        Action::AttachRolePolicy { name, policy_arn } => {
            let request = iam.attach_role_policy().role_name(name).policy_arn(policy_arn);
            drop(clients.call(Operation::AttachRolePolicy, &object, request.send()).await?);
        }
        Action::DetachRolePolicy { name, policy_arn } => {
            let request = iam.detach_role_policy().role_name(name).policy_arn(policy_arn);
            drop(clients.call(Operation::DetachRolePolicy, &object, request.send()).await?);
        }
        Action::PutRolePermissionsBoundary { name, boundary_arn, .. } => {
            let request = iam.put_role_permissions_boundary().role_name(name).permissions_boundary(boundary_arn);
            drop(clients.call(Operation::PutRolePermissionsBoundary, &object, request.send()).await?);
        }
        Action::DeleteRolePermissionsBoundary { name } => {
            let request = iam.delete_role_permissions_boundary().role_name(name);
            drop(clients.call(Operation::DeleteRolePermissionsBoundary, &object, request.send()).await?);
        }
        Action::TagRole { name, tags: wanted } => {
            let request = iam.tag_role().role_name(name).set_tags(tags(wanted));
            drop(clients.call(Operation::TagRole, &object, request.send()).await?);
        }
        Action::UntagRole { name, keys } => {
            let request = iam.untag_role().role_name(name).set_tag_keys(Some(keys.iter().cloned().collect()));
            drop(clients.call(Operation::UntagRole, &object, request.send()).await?);
        }
        Action::DeleteRole { name } => {
            drop(clients.call(Operation::DeleteRole, &object, iam.delete_role().role_name(name).send()).await?);
        }
    }
    Ok(Answer::Done)
}

async fn create(clients: &Clients, want: &Desired, object: &str) -> Result<Answer, Error> {
    let operation = Operation::CreateRole;
    let request = clients
        .iam
        .create_role()
        .path(ROLE_PATH)
        .role_name(&want.name)
        .assume_role_policy_document(want.trust.to_json())
        .set_permissions_boundary(want.permissions_boundary_arn.clone())
        .set_tags(tags(&want.tags));
    let answer = clients.call(operation, object, request.send()).await?;
    let lacks = |what| Error::incomplete(operation, object, what);
    let role = answer.role().ok_or_else(|| lacks("role"))?;
    Ok(Answer::Role {
        arn: role.arn().parse().map_err(|_| lacks("ARN"))?,
        created_at: timestamp(role.create_date()).ok_or_else(|| lacks("creation date"))?,
    })
}

/// A tag without key or value can't be built: ours have both.
fn tags(tags: &Tags) -> Option<Vec<Tag>> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build().ok()).collect()
}
