//! IAM: a role's name is unique, and a role with policies can't be deleted.

use sfe_core::kinds::role;
use sfe_core::kinds::role::{Action, created};
use sfe_core::next::Seen;
use sfe_core::observed::Answer;

use super::{Account, Refused, action_name, exists, not_found, refused};

impl Account {
    pub(super) fn apply_role(&mut self, action: &Action) -> Result<Answer, Refused> {
        let name = action.role().to_owned();
        if let Action::CreateRole(want) = action {
            if self.roles.contains_key(&name) {
                return Err(exists("role", &name));
            }
            let (arn, created_at) = (self.site.role_arn(&name).unwrap(), self.created_now());
            self.roles.insert(name, created(want, arn.clone(), created_at));
            return Ok(Answer::Role { arn, created_at });
        }
        let Some(found) = self.roles.get(&name).cloned() else { return Err(not_found("role", &name)) };
        self.check_ours(&found.tags, action_name(&name));
        if let Action::DeleteRole { .. } = action {
            if found.permissions.is_some() || !found.managed_policy_arns.is_empty() {
                return Err(refused(format!("role {name} has policies")));
            }
            self.roles.remove(&name);
            return Ok(Answer::Done);
        }
        let mut seen = Seen::Present(role::Observed { inline_policies: None, ..found });
        role::fold(&mut seen, action);
        if let Seen::Present(changed) = seen {
            self.roles.insert(name, changed);
        }
        Ok(Answer::Done)
    }
}
