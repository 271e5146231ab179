//! Step Functions: a create of the same name may answer with the old one, a delete takes its time, and a role must be assumable.

use sfe_core::arn::Arn;
use sfe_core::kinds::state_machine::{Action, Desired, Observed, predicted};
use sfe_core::observed::Answer;
use sfe_core::policy::trusted_state_machines;

use super::{Account, Refused, action_name, exists, not_found, refused};
use crate::time::{Millis, timestamp};

#[derive(Clone, Debug)]
pub struct Machine {
    pub observed: Observed,
    /// When its delete will have ended.
    pub gone_at: Option<Millis>,
}

impl Account {
    pub(super) fn apply_state_machine(&mut self, action: &Action) -> Result<Answer, Refused> {
        let arn = action.arn().as_str().to_owned();
        match (action, self.machines.get(&arn).cloned()) {
            (_, Some(found)) if found.gone_at.is_some() => return Err(refused(format!("{arn} is being deleted"))),
            (Action::CreateStateMachine(want), Some(found)) => {
                // The same definition and logging answer with the old one, whatever its role and tags.
                if found.observed.definition != want.definition || found.observed.logging != want.logging {
                    return Err(exists("state machine", &arn));
                }
            }
            (Action::CreateStateMachine(want), None) => {
                self.check_role(want)?;
                self.machines.insert(arn, Machine { observed: predicted(want), gone_at: None });
            }
            (_, None) => return Err(not_found("state machine", &arn)),
            (Action::UpdateStateMachine { to, .. }, Some(found)) => {
                self.check_ours(&found.observed.tags, action_name(&arn));
                self.check_role(to)?;
                let observed = Observed { tags: found.observed.tags, ..predicted(to) };
                self.machines.insert(arn, Machine { observed, gone_at: None });
            }
            (Action::TagResource { tags, .. }, Some(mut found)) => {
                self.check_ours(&found.observed.tags, action_name(&arn));
                found.observed.tags.extend(tags.clone());
                self.machines.insert(arn, found);
            }
            (Action::UntagResource { keys, .. }, Some(mut found)) => {
                self.check_ours(&found.observed.tags, action_name(&arn));
                found.observed.tags.retain(|key, _| !keys.contains(key));
                self.machines.insert(arn, found);
            }
            (Action::DeleteStateMachine { .. }, Some(mut found)) => {
                self.check_ours(&found.observed.tags, action_name(&arn));
                found.observed.deleting = true;
                found.gone_at = Some(self.now + self.deleting);
                self.machines.insert(arn, found);
            }
        }
        Ok(Answer::Done)
    }

    /// A role of ours must stand, be old enough, and trust this state machine.
    fn check_role(&self, want: &Desired) -> Result<(), Refused> {
        let Some(name) = name_of(&want.role_arn) else { return Ok(()) };
        let found = self.roles.get(name).filter(|role| {
            let old_enough = timestamp(self.now - self.propagation) >= role.created_at;
            old_enough && trusted_state_machines(&role.trust).contains(&want.arn)
        });
        let why = format!("states.amazonaws.com is not authorized to assume the provided role {name}");
        found.map(drop).ok_or((sfe::aws::Class::RoleNotReady, why))
    }
}

/// The name of a role of ours.
pub fn name_of(role: &Arn) -> Option<&str> {
    role.resource().strip_prefix("role/sfe/")
}
