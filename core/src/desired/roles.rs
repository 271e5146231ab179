//! The roles: an existing one by its ARN, or ours with what the manifest adds.

use crate::api::{self, StepFunctionEndpointSpec};
use crate::arn::Arn;
use crate::kinds::role;
use crate::mistakes::{FieldPath, Mistakes};
use crate::owner::{Owner, Site};
use crate::policy::{self, PolicyDocument};

use super::routes::Calls;

/// All inline policies of a role, in characters. Source: IAM quotas.
const INLINE_POLICY_MAX: usize = 10_240;

/// The ARN of the role that API Gateway assumes.
pub fn gateway_arn(
    spec: &StepFunctionEndpointSpec,
    owner: &Owner,
    site: &Site,
    at: &FieldPath,
    mistakes: &mut Mistakes,
) -> Option<Arn> {
    match spec.gateway_role.as_ref().and_then(|role| role.arn.as_ref()) {
        Some(arn) => existing(arn, site, &at.field("arn"), mistakes),
        None => site.role_arn(&owner.gateway_role_name()),
    }
}

/// The role that API Gateway assumes, if it is ours: it allows exactly these calls, and what the manifest adds.
pub fn gateway(
    spec: &StepFunctionEndpointSpec,
    owner: &Owner,
    calls: &Calls,
    at: &FieldPath,
    mistakes: &mut Mistakes,
) -> Option<role::Desired> {
    let spec = spec.gateway_role.clone().unwrap_or_default();
    if spec.arn.is_some() {
        return None;
    }
    let added = policy::workflow_permissions(&spec.statements, false);
    let permissions = policy::gateway_permissions(&calls.actions, &calls.functions).and(added.as_ref());
    ours(&spec, owner.gateway_role_name(), policy::gateway_trust(), Some(permissions), owner, at, mistakes)
}

/// A role of ours.
pub fn ours(
    spec: &api::Role,
    name: String,
    trust: PolicyDocument,
    permissions: Option<PolicyDocument>,
    owner: &Owner,
    at: &FieldPath,
    mistakes: &mut Mistakes,
) -> Option<role::Desired> {
    let before = mistakes.iter().count();
    for (index, arn) in spec.managed_policy_arns.iter().enumerate() {
        check_policy(arn, &at.field("managedPolicyArns").index(index), mistakes);
    }
    if let Some(arn) = &spec.permissions_boundary_arn {
        check_policy(arn, &at.field("permissionsBoundaryArn"), mistakes);
    }
    for (index, statement) in spec.statements.iter().enumerate() {
        check_statement(statement, &at.field("statements").index(index), mistakes);
    }
    let size = permissions.as_ref().map_or(0, PolicyDocument::size);
    if size > INLINE_POLICY_MAX {
        let allowed = format!(
            "the role's inline policy may have {INLINE_POLICY_MAX} characters: move statements to a managed policy"
        );
        mistakes.add(at.field("statements"), size, allowed);
    }
    (mistakes.iter().count() == before).then(|| role::Desired {
        name,
        trust,
        permissions,
        managed_policy_arns: spec.managed_policy_arns.iter().cloned().collect(),
        permissions_boundary_arn: spec.permissions_boundary_arn.clone(),
        tags: owner.tags(),
    })
}

/// The ARN of an existing role: in the operator's account, as a role can't be passed to a service across accounts.
pub fn existing(text: &str, site: &Site, at: &FieldPath, mistakes: &mut Mistakes) -> Option<Arn> {
    let arn: Arn = mistakes.take(at.clone(), text, text.parse())?;
    if arn.service() != "iam" || !arn.resource().starts_with("role/") {
        mistakes.add(at.clone(), text, "must be a role's ARN, `arn:aws:iam::<account>:role/<name>`");
        return None;
    }
    if arn.account() != site.account {
        mistakes.add(at.clone(), text, format!("must be in the operator's account, {}", site.account));
        return None;
    }
    Some(arn)
}

fn check_policy(text: &str, at: &FieldPath, mistakes: &mut Mistakes) {
    let is_policy =
        text.parse::<Arn>().is_ok_and(|arn| arn.service() == "iam" && arn.resource().starts_with("policy/"));
    if !is_policy {
        mistakes.add(at.clone(), text, "must be a managed policy's ARN, `arn:aws:iam::<account or aws>:policy/<name>`");
    }
}

fn check_statement(statement: &api::Statement, at: &FieldPath, mistakes: &mut Mistakes) {
    for (name, list) in [("actions", &statement.actions), ("resources", &statement.resources)] {
        if list.is_empty() {
            mistakes.add(at.field(name), "", "at least one is required");
        }
    }
    for (index, action) in statement.actions.iter().enumerate() {
        let is_action = action == "*"
            || action.split_once(':').is_some_and(|(service, name)| !service.is_empty() && !name.is_empty());
        if !is_action {
            mistakes.add(
                at.field("actions").index(index),
                action,
                "must be an IAM action, such as `lambda:InvokeFunction`",
            );
        }
    }
    for (index, resource) in statement.resources.iter().enumerate() {
        if resource != "*" && !resource.starts_with("arn:") {
            mistakes.add(at.field("resources").index(index), resource, "must be an ARN or `*`");
        }
    }
}
