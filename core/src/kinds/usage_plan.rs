//! The usage plan: which keys the stage lets through, and how many of their requests. CreateUsagePlan has no token and names are not unique,
//! so that ours is known by its tags; of several the first is kept.

use std::collections::{BTreeMap, BTreeSet};

use crate::change::{Changes, Shown};
use crate::next::Next;
use crate::owner::{Owner, Site, Tags};

/// A usage plan as it should be, but for its stages.
#[derive(Clone, Debug, PartialEq)]
pub struct Desired {
    /// Its name, which need not be unique.
    pub name: String,
    /// How many requests with one key it lets through.
    pub limits: Limits,
    /// The owner's tags.
    pub tags: Tags,
}

/// How many requests with one key a plan lets through. The same type is desired and observed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Limits {
    /// In a second; none for as many as the stage does.
    pub throttle: Option<Throttle>,
    /// In a longer time; none for any number.
    pub quota: Option<Quota>,
}

/// How many requests are let through.
#[derive(Clone, Debug, PartialEq)]
pub struct Throttle {
    /// Requests a second.
    pub rate_limit: f64,
    /// The most at once.
    pub burst_limit: i32,
}

/// How many requests are let through in a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The most requests.
    pub limit: i32,
    /// DAY, WEEK or MONTH.
    pub period: String,
    /// The day on which the time begins.
    pub offset: i32,
}

/// What a plan is, as UpdateUsagePlan changes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Its name.
    pub name: String,
    /// The stages whose callers it lets through, each as `<REST API>:<stage>`.
    pub stages: BTreeSet<String>,
    /// How many of their requests.
    pub limits: Limits,
}

/// All of ours by id.
pub type Observed = BTreeMap<String, Plan>;

/// One plan as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// What it is.
    pub settings: Settings,
    /// Its tags.
    pub tags: Tags,
}

/// One API Gateway call.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Creates it for stages.
    CreateUsagePlan { want: Desired, stages: BTreeSet<String> },
    /// Puts back what differs, or takes stages off it.
    UpdateUsagePlan { id: String, to: Box<Settings>, from: Box<Settings>, changes: Changes },
    /// Lets a key through by it.
    CreateUsagePlanKey { id: String, key_id: String },
    /// Takes our tags off: it is let go, and goes on letting its keys through.
    UntagResource { id: String, arn: String, keys: BTreeSet<String> },
    /// Deletes it, once it has no stage.
    DeleteUsagePlan { id: String },
}

impl Action {
    /// The plan as a person names it. A key of it is an object of its own.
    pub fn object(&self) -> String {
        match self {
            Self::CreateUsagePlan { want, .. } => format!("usage plan {}", want.name),
            Self::CreateUsagePlanKey { id, key_id } => format!("usage plan {id} with API key {key_id}"),
            Self::UpdateUsagePlan { id, .. } | Self::UntagResource { id, .. } | Self::DeleteUsagePlan { id } => {
                format!("usage plan {id}")
            }
        }
    }
}

/// A stage as a plan names it.
pub fn stage(rest_api_id: &str, stage: &str) -> String {
    format!("{rest_api_id}:{stage}")
}

/// The plan that is kept.
pub fn kept(found: &Observed) -> Option<(&String, &Plan)> {
    found.first_key_value()
}

/// What is next for the wanted plan, whose stages stand.
pub fn next(want: &Desired, stages: BTreeSet<String>, found: &Observed) -> Next<Action> {
    let Some((id, found)) = kept(found) else {
        return Next::act(Action::CreateUsagePlan { want: want.clone(), stages });
    };
    let Desired { name, limits, tags: _ } = want;
    update(id, &found.settings, Settings { name: name.clone(), stages, limits: limits.clone() })
}

fn update(id: &str, from: &Settings, to: Settings) -> Next<Action> {
    let Settings { name, stages, limits: Limits { throttle, quota } } = &to;
    let changes = Changes::none()
        .at("name", &from.name, name)
        .at("apiStages", &from.stages, stages)
        .at("throttle", &from.limits.throttle, throttle)
        .at("quota", &from.limits.quota, quota);
    Next::update(changes, |changes| Action::UpdateUsagePlan {
        id: id.to_owned(),
        to: Box::new(to),
        from: Box::new(from.clone()),
        changes,
    })
}

/// What deletes all plans but one: their stages come off before.
pub fn prune(keep: Option<&str>, found: &Observed) -> Next<Action> {
    let mut next = Next::nothing();
    for (id, plan) in found.iter().filter(|(id, _)| keep != Some(id.as_str())) {
        let from = &plan.settings;
        let without = update(id, from, Settings { stages: BTreeSet::new(), ..from.clone() });
        next.and(if without.is_empty() { Next::act(Action::DeleteUsagePlan { id: id.clone() }) } else { without });
    }
    next
}

/// What lets all of them go.
pub fn release(site: &Site, found: &Observed) -> Next<Action> {
    let released = |id: &String| Action::UntagResource {
        id: id.clone(),
        arn: site.api_gateway_arn(&format!("/usageplans/{id}")),
        keys: Owner::tag_keys(),
    };
    Next::of(found.keys().map(released))
}

/// Folds an action that AWS confirmed; `id` is that of a new plan.
pub fn fold(found: &mut Observed, action: &Action, id: Option<String>) {
    match action {
        Action::CreateUsagePlan { want: Desired { name, limits, tags }, stages } => {
            let (name, limits) = (name.clone(), limits.clone());
            let settings = Settings { name, stages: stages.clone(), limits };
            found.extend(id.map(|id| (id, Plan { settings, tags: tags.clone() })));
        }
        Action::UpdateUsagePlan { id, to, .. } => {
            if let Some(plan) = found.get_mut(id) {
                plan.settings = (**to).clone();
            }
        }
        Action::CreateUsagePlanKey { .. } => {} // among the plan's keys
        Action::UntagResource { id, .. } | Action::DeleteUsagePlan { id } => {
            found.remove(id);
        }
    }
}

impl Shown for Throttle {
    fn shown(&self) -> String {
        format!("rate {} burst {}", self.rate_limit, self.burst_limit)
    }
}

impl Shown for Quota {
    fn shown(&self) -> String {
        format!("{} a {} from {}", self.limit, self.period, self.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(next: &Next<Action>) -> Vec<String> {
        let line = |action: &Action| match action {
            Action::UpdateUsagePlan { changes, .. } => format!("{}: {changes}", action.object()),
            Action::CreateUsagePlan { .. } => format!("create {}", action.object()),
            Action::DeleteUsagePlan { .. } => format!("delete {}", action.object()),
            Action::CreateUsagePlanKey { .. } | Action::UntagResource { .. } => action.object(),
        };
        next.actions.iter().map(line).collect()
    }

    #[test]
    fn a_plan_is_made_once_put_back_and_taken_off_its_stage_before_it_goes() {
        let limits = Limits { throttle: Some(Throttle { rate_limit: 0.5, burst_limit: 1 }), quota: None };
        let want = Desired { name: "p".to_owned(), limits, tags: Tags::new() };
        let mut found = Observed::new();
        let on = |stage: &str| BTreeSet::from([stage.to_owned()]);
        let first = next(&want, on("a:prod"), &found);
        assert_eq!(reads(&first), ["create usage plan p"]);
        fold(&mut found, &first.actions[0], Some("id2".to_owned()));
        assert!(next(&want, on("a:prod"), &found).is_empty(), "again: nothing");
        // An answer that was lost had made another.
        fold(&mut found, &first.actions[0], Some("id1".to_owned()));
        let keep = |found: &mut Observed| {
            let next = prune(Some("id1"), found);
            next.actions.iter().for_each(|action| fold(found, action, None));
            reads(&next)
        };
        assert_eq!(keep(&mut found), ["usage plan id2: apiStages a:prod -> none"]);
        assert_eq!(keep(&mut found), ["delete usage plan id2"]);
        assert_eq!(keep(&mut found), [""; 0]);
        found.get_mut("id1").unwrap().settings.limits.throttle = None;
        assert_eq!(
            reads(&next(&want, on("a:main"), &found)),
            ["usage plan id1: apiStages a:prod -> a:main, throttle none -> rate 0.5 burst 1"]
        );
    }
}
