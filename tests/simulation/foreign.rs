//! What someone else has in the account under a name of ours: it must stay as it is.

use std::collections::BTreeSet;

use sfe::controller::Key;
use sfe_core::api::StateMachineType;
use sfe_core::kinds::{log_group, rest_api, role, state_machine};
use sfe_core::owner::Tags;
use sfe_core::policy::PolicyDocument;

use crate::account::{Account, Machine};
use crate::life::Foreign;
use crate::promises::{Kept, owner};
use crate::time::timestamp;

/// The id of the other cluster's API.
const API: &str = "theirs";

/// Places it where `object` wants its own.
pub fn place(account: &mut Account, kind: Foreign, object: &Key) {
    let owner = owner(object);
    let role_at = |account: &mut Account, name: String| {
        let arn = account.site.role_arn(&name).unwrap();
        let trust = PolicyDocument::observed(r#"{"Version":"2012-10-17","Statement":[]}"#);
        let role = role::Observed {
            arn,
            created_at: timestamp(0),
            trust,
            permissions: None,
            managed_policy_arns: BTreeSet::new(),
            permissions_boundary_arn: None,
            tags: Tags::new(),
            inline_policies: None,
        };
        account.roles.insert(name, role);
    };
    match kind {
        Foreign::GatewayRole => role_at(account, owner.gateway_role_name()),
        Foreign::WorkflowRole => role_at(account, owner.workflow_role_name()),
        Foreign::LogGroup => {
            let group = log_group::Observed { retention_days: Some(1), tags: Tags::new() };
            account.log_groups.insert(owner.log_group_name(), group);
        }
        Foreign::StateMachine => {
            for type_ in [StateMachineType::Standard, StateMachineType::Express] {
                let arn = account.site.state_machine_arn(&owner.state_machine_name(type_)).unwrap();
                let observed = state_machine::Observed {
                    type_,
                    deleting: false,
                    running: None,
                    definition: sfe_core::definition::Definition::observed(
                        r#"{"StartAt":"X","States":{"X":{"Type":"Succeed"}}}"#,
                    ),
                    role_arn: "arn:aws:iam::000000000000:role/theirs".to_owned(),
                    logging: state_machine::Logging {
                        level: sfe_core::api::LogLevel::Off,
                        include_execution_data: false,
                        log_group_arn: None,
                    },
                    tags: Tags::new(),
                };
                account.machines.insert(arn.to_string(), Machine { observed, gone_at: None });
            }
        }
        Foreign::RestApi => {
            let mut tags = owner.tags();
            tags.insert("sfe.dev/cluster".to_owned(), "another".to_owned());
            let name = format!("{}-{}", owner.namespace, owner.name);
            account.place_api(API, &rest_api::Desired::new(name, tags));
        }
    }
}

/// Its owner takes it away: of what stands in the way, all that carries no tags.
pub fn remove(account: &mut Account) {
    account.roles.retain(|_, role| !role.tags.is_empty());
    account.log_groups.retain(|_, group| !group.tags.is_empty());
    account.machines.retain(|_, machine| !machine.observed.tags.is_empty());
}

/// The other cluster's API is still there.
pub fn check(account: &Account, kind: Option<Foreign>) -> Kept {
    let stays = kind != Some(Foreign::RestApi) || account.apis.contains_key(API);
    if stays { Ok(()) } else { Err("another cluster's REST API is gone".to_owned()) }
}
