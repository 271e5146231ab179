//! API keys, of which no two have one value, and usage plans, without which no stage of theirs goes.

use std::collections::{BTreeMap, BTreeSet};

use sfe::aws::Class;
use sfe_core::kinds::{api_key, usage_plan};
use sfe_core::observed::Answer;
use sfe_core::owner::Owner;

use super::{Account, Refused, is_ours, not_found, refused};

/// All keys and plans of an account.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    pub keys: api_key::Observed,
    /// What each key lets through.
    values: BTreeMap<String, String>,
    pub plans: usage_plan::Observed,
    pub bound: BTreeMap<String, BTreeSet<String>>,
}

impl Keys {
    pub fn of(&self, owner: &Owner) -> api_key::Observed {
        let ours = self.keys.iter().filter(|(_, key)| owner.owns(&key.tags));
        ours.map(|(id, key)| (id.clone(), key.clone())).collect()
    }

    pub fn plans_of(&self, owner: &Owner) -> usage_plan::Observed {
        let ours = self.plans.iter().filter(|(_, plan)| owner.owns(&plan.tags));
        ours.map(|(id, plan)| (id.clone(), plan.clone())).collect()
    }

    pub fn names(&self, stage: &str) -> bool {
        self.plans.values().any(|plan| plan.settings.stages.contains(stage))
    }
}

impl Account {
    pub(super) fn apply_api_key(&mut self, action: &api_key::Action) -> Result<Answer, Refused> {
        let new = self.id();
        let (id, what) = match action {
            api_key::Action::CreateApiKey(want) => {
                let value = want.value.as_ref().map(|value| value.expose().to_owned()).unwrap_or_default();
                if self.keys.values.values().any(|other| *other == value) {
                    return Err((Class::ValueTaken, "API Key already exists".to_owned()));
                }
                self.keys.values.insert(new.clone(), value);
                api_key::fold(&mut self.keys.keys, action, Some(new.clone()));
                return Ok(Answer::Created(new));
            }
            api_key::Action::UpdateApiKey { id, .. }
            | api_key::Action::UntagResource { id, .. }
            | api_key::Action::DeleteApiKey { id } => (id, action.object()),
        };
        let found = self.keys.keys.get_mut(id).ok_or_else(|| not_found("API key", id))?;
        let ours = is_ours(&found.tags);
        if let api_key::Action::UntagResource { keys, .. } = action {
            found.tags.retain(|tag, _| !keys.contains(tag));
        } else {
            api_key::fold(&mut self.keys.keys, action, None);
        }
        if let api_key::Action::DeleteApiKey { id } = action {
            self.keys.values.remove(id);
            self.keys.bound.values_mut().for_each(|keys| keys.retain(|key| key != id));
        }
        if !ours {
            self.trespass.get_or_insert(format!("{what} was written"));
        }
        Ok(Answer::Done)
    }

    pub(super) fn apply_usage_plan(&mut self, action: &usage_plan::Action) -> Result<Answer, Refused> {
        let new = self.id();
        let stands = |account: &Self, stage: &String| {
            let (api, name) = stage.split_once(':').unwrap_or_default();
            account.apis.get(api).is_some_and(|api| api.stages.contains_key(name))
        };
        let id = match action {
            usage_plan::Action::CreateUsagePlan { stages, .. } => {
                if let Some(stage) = stages.iter().find(|stage| !stands(self, stage)) {
                    return Err(not_found("stage", stage));
                }
                usage_plan::fold(&mut self.keys.plans, action, Some(new.clone()));
                return Ok(Answer::Created(new));
            }
            usage_plan::Action::UpdateUsagePlan { id, to, from, .. } => {
                if let Some(stage) = to.stages.difference(&from.stages).find(|stage| !stands(self, stage)) {
                    return Err(not_found("stage", stage));
                }
                id
            }
            usage_plan::Action::CreateUsagePlanKey { id, key_id } => {
                if !self.keys.keys.contains_key(key_id) {
                    return Err(not_found("API key", key_id));
                }
                id
            }
            usage_plan::Action::UntagResource { id, .. } | usage_plan::Action::DeleteUsagePlan { id } => id,
        };
        let found = self.keys.plans.get_mut(id).ok_or_else(|| not_found("usage plan", id))?;
        let ours = is_ours(&found.tags);
        match action {
            usage_plan::Action::UntagResource { keys, .. } => found.tags.retain(|tag, _| !keys.contains(tag)),
            usage_plan::Action::DeleteUsagePlan { .. } if !found.settings.stages.is_empty() => {
                return Err(refused("there are API stages associated with the usage plan"));
            }
            usage_plan::Action::CreateUsagePlanKey { id, key_id } => {
                self.keys.bound.entry(id.clone()).or_default().insert(key_id.clone());
            }
            usage_plan::Action::CreateUsagePlan { .. }
            | usage_plan::Action::UpdateUsagePlan { .. }
            | usage_plan::Action::DeleteUsagePlan { .. } => usage_plan::fold(&mut self.keys.plans, action, None),
        }
        if !ours {
            self.trespass.get_or_insert(format!("usage plan {id} was written"));
        }
        Ok(Answer::Done)
    }
}
