//! Which reads would tell what is not known yet.

use std::collections::BTreeSet;

use crate::api::StateMachineType;
use crate::desired::{Desired, Unwanted};
use crate::kinds::{gateway_response, log_group, role, usage_plan};
use crate::next::Seen;
use crate::policy::{trusted_state_machines, workflow_trust};

use super::{Observed, Read};

/// The reads that would tell what is not known yet and is needed, as far as their inputs are known: side by side, they never write.
pub fn reads(desired: &Desired, observed: &Observed) -> BTreeSet<Read> {
    let owner = &desired.owner;
    let mut reads = BTreeSet::new();
    if desired.unwanted == Unwanted::Left {
        return reads;
    }
    for (purpose, name) in
        [(role::Purpose::Gateway, owner.gateway_role_name()), (role::Purpose::Workflow, owner.workflow_role_name())]
    {
        match observed.role(purpose) {
            Seen::Unknown => drop(reads.insert(Read::Role(purpose, name))),
            Seen::Present(found)
                if desired.unwanted == Unwanted::Deleted
                    && !desired.wants_role(purpose)
                    && owner.owns(&found.tags)
                    && found.inline_policies.is_none() =>
            {
                reads.insert(Read::RolePolicies(purpose, name));
            }
            Seen::Present(_) | Seen::Absent => {}
        }
    }
    // That of the stages is read alone where the other's read has found it.
    for purpose in
        log_group::Purpose::ALL.into_iter().filter(|purpose| observed.log_group(*purpose).is_unknown()).take(1)
    {
        reads.insert(Read::LogGroup(purpose, owner.log_group_name_for(purpose)));
    }
    for type_ in [StateMachineType::Standard, StateMachineType::Express] {
        if observed.state_machine(type_).is_unknown() && may_exist(desired, observed, type_) == Some(true) {
            reads.extend(desired.state_machine_arn(type_).map(|arn| Read::StateMachine(type_, arn)));
        }
    }
    if desired.api.as_ref().is_some_and(|api| api.account.is_some()) && observed.account.is_unknown() {
        reads.insert(Read::Account);
    }
    if desired.may_have_keys {
        reads.extend(reads_of_keys(desired, observed));
    }
    let others = desired.others_api();
    match &observed.rest_api {
        Seen::Unknown => drop(reads.insert(others.map_or(Read::RestApis, |others| Read::RestApi(others.id.clone())))),
        Seen::Absent => {
            let ours = desired.api.as_ref().filter(|_| desired.adopts && others.is_none());
            let name = ours.map(|api| api.rest_api.name.clone());
            reads.extend(name.filter(|_| observed.namesakes.is_unknown()).map(Read::RestApisNamed));
        }
        Seen::Present(found) => reads.extend(reads_on(desired, observed, &found.id)),
    }
    reads
}

fn reads_of_keys(desired: &Desired, observed: &Observed) -> Vec<Read> {
    let mut reads = Vec::new();
    if observed.api_keys.is_unknown() {
        reads.push(Read::ApiKeys);
    }
    let kept = match &observed.usage_plans {
        Seen::Unknown => {
            reads.push(Read::UsagePlans);
            None
        }
        Seen::Absent => None,
        Seen::Present(found) => usage_plan::kept(found).map(|(id, _)| id.clone()),
    };
    let wants_keys = desired.keys.is_some() && observed.usage_plan_keys.is_unknown();
    reads.extend(kept.filter(|_| wants_keys).map(Read::UsagePlanKeys));
    reads
}

/// Whether a role's trust is as we wrote it. One that someone else edited, or that was adopted, tells nothing of what may exist.
pub fn trust_tells(role: &role::Observed, account: &str) -> bool {
    let trusted = trusted_state_machines(&role.trust);
    !trusted.is_empty() && role.trust == workflow_trust(account, &trusted)
}

/// Whether our machine of this type may exist; None while the workflow role, which tells, is not read. The role's trust policy names a
/// machine from before it is created until it is gone, so that a machine of the other type needs no read of its own while there is a role. It
/// does not name one of an earlier manifest with a role of its own, whose create may have taken effect late.
pub fn may_exist(desired: &Desired, observed: &Observed, type_: StateMachineType) -> Option<bool> {
    let wanted = desired.state_machine.as_ref().map(|machine| machine.type_);
    if wanted == Some(type_) || wanted.is_none() || desired.workflow_role.is_none() || observed.in_doubt {
        return Some(true);
    }
    match &observed.workflow_role {
        Seen::Unknown => None,
        Seen::Absent => Some(true),
        Seen::Present(found) if !trust_tells(found, &desired.site.account) => Some(true),
        Seen::Present(found) => {
            let trusted = trusted_state_machines(&found.trust);
            Some(desired.state_machine_arn(type_).is_some_and(|arn| trusted.contains(&arn)))
        }
    }
}

fn reads_on(desired: &Desired, observed: &Observed, rest_api_id: &str) -> Vec<Read> {
    let mut reads = Vec::new();
    let id = || rest_api_id.to_owned();
    if observed.stages.is_unknown() {
        reads.push(Read::Stages(id()));
    }
    if desired.api.is_none() && desired.leaves.is_none() {
        return reads; // to be deleted with everything on it
    }
    if observed.resources.is_unknown() {
        reads.push(Read::Resources(id()));
    }
    if observed.authorizers.is_unknown() {
        reads.push(Read::Authorizers(id()));
    }
    if observed.request_validator.is_unknown() {
        reads.push(Read::RequestValidators(id()));
    }
    let wants_models = desired.api.as_ref().is_some_and(|api| !api.models.is_empty());
    let models_may_exist = wants_models || matches!(observed.request_validator, Seen::Present(Some(_)));
    if observed.models.is_unknown() && models_may_exist {
        reads.push(Read::Models(id()));
    }
    let is_marked = observed.models.present().is_some_and(|models| models.contains_key(gateway_response::MARKER));
    let wants_any = desired.api.as_ref().is_some_and(|api| !api.gateway_responses.is_empty());
    if observed.gateway_responses.is_unknown() && (is_marked || wants_any) {
        reads.push(Read::GatewayResponses(id()));
    }
    if observed.deployments.is_unknown() {
        reads.push(Read::Deployments(id()));
    }
    reads
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::desired::{References, Settings, desired};
    use crate::owner::Site;

    /// The role's trust names what the present manifest has. A machine of an earlier one, with a role of its own, may come late.
    #[rstest]
    #[case::nothing_unseen(false, false)]
    #[case::in_doubt(true, true)]
    fn a_machine_of_the_other_type_is_looked_for(#[case] in_doubt: bool, #[case] expected: bool) {
        let site = Site { partition: "aws".into(), account: "000000000000".into(), region: "eu-central-1".into() };
        let object = json!({
            "apiVersion": "sfe.dev/v1alpha1", "kind": "StepFunctionEndpoint", "metadata": { "name": "a", "namespace": "b" },
            "spec": {
                "stateMachine": { "definition": "{StartAt: A, States: {A: {Type: Succeed}}}" },
                "routes": [{ "path": "/", "method": "POST", "auth": { "type": "NONE" } }],
            },
        });
        let object = serde_json::from_value(object).unwrap();
        let desired = desired(&object, &References::default(), &Settings::new("c".into(), site)).unwrap();
        let trusted = BTreeSet::from([desired.state_machine.as_ref().unwrap().arn.clone()]);
        let workflow_role = Seen::Present(role::Observed {
            arn: desired.site.role_arn(&desired.owner.workflow_role_name()).unwrap(),
            created_at: jiff::Timestamp::UNIX_EPOCH,
            trust: workflow_trust(&desired.site.account, &trusted),
            permissions: None,
            managed_policy_arns: BTreeSet::new(),
            permissions_boundary_arn: None,
            tags: desired.owner.tags(),
            inline_policies: None,
        });
        let reads = reads(&desired, &Observed { workflow_role, in_doubt, ..Observed::default() });
        let is_other = |read: &Read| matches!(read, Read::StateMachine(StateMachineType::Express, _));
        assert_eq!(reads.iter().any(is_other), expected, "{reads:?}");
    }
}
