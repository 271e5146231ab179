//! API keys and the usage plan by which the stages let them through.
//!
//! - A key and its place in the plan stand before a stage that stands asks for it, and go once nothing served does. The plan names the stages, so
//!   that it follows their creation and comes off before one goes.
//! - Only what carries the owner's tags is changed or deleted; keys that someone else has put into our plan stay in it.

use std::collections::BTreeSet;

use crate::action::Action;
use crate::desired::{Api, Desired};
use crate::kinds::{api_key, usage_plan};
use crate::next::{Next, unread};
use crate::observed::Observed;

/// What is next for the wanted keys and their plan, or until none are left where none are wanted; `is_live` is whether the stage serves what is
/// desired.
pub fn next(api: &Api, desired: &Desired, observed: &Observed, rest_api_id: &str, is_live: bool) -> Next<Action> {
    if !desired.may_have_keys {
        return Next::nothing();
    }
    let Some(wanted) = &desired.keys else {
        return if is_live { leave(desired, observed) } else { Next::nothing() };
    };
    let (Some(keys), Some(plans)) = (observed.api_keys.present(), observed.usage_plans.present()) else {
        return unread("API key");
    };
    let mut next = api_key::next(&wanted.keys, keys).map(Action::ApiKey);
    if stages_come_first(api, observed) {
        next.and(Next::wait("usage plan", "the stage comes first"));
        return next;
    }
    let stages = standing(api, observed).map(|name| usage_plan::stage(rest_api_id, name)).collect();
    next.and(usage_plan::next(&wanted.plan, stages, plans).map(Action::UsagePlan));
    let Some((id, _)) = usage_plan::kept(plans) else { return next };
    let Some(bound) = observed.usage_plan_keys.present() else {
        next.and(unread("usage plan"));
        return next;
    };
    let made = wanted.keys.iter().filter_map(|want| api_key::find(want, keys));
    next.and(Next::of(made.filter(|key_id| !bound.contains(*key_id)).map(|key_id| {
        let (id, key_id) = (id.clone(), key_id.clone());
        Action::UsagePlan(usage_plan::Action::CreateUsagePlanKey { id, key_id })
    })));
    if next.is_empty() {
        next.and(api_key::prune(&wanted.keys, keys).map(Action::ApiKey));
        next.and(usage_plan::prune(Some(id), plans).map(Action::UsagePlan));
    }
    next
}

/// Whether there is nothing yet that a plan could name: all stages stand before it is made, and one that comes later follows by itself.
pub fn stages_come_first(api: &Api, observed: &Observed) -> bool {
    let has_plan = observed.usage_plans.present().is_some_and(|plans| usage_plan::kept(plans).is_some());
    let standing = standing(api, observed).count();
    standing == 0 || !has_plan && standing < api.stages().count()
}

fn standing<'a>(api: &'a Api, observed: &Observed) -> impl Iterator<Item = &'a str> {
    let stands = |name: &&str| observed.stages.present().is_some_and(|stages| stages.contains_key(*name));
    api.stages().map(|stage| stage.name.as_str()).filter(stands)
}

/// What deletes all of ours: the plan comes off its stage first, which then may go.
pub fn leave(desired: &Desired, observed: &Observed) -> Next<Action> {
    if !desired.may_have_keys {
        return Next::nothing();
    }
    let (Some(keys), Some(plans)) = (observed.api_keys.present(), observed.usage_plans.present()) else {
        return unread("API key");
    };
    let mut next = usage_plan::prune(None, plans).map(Action::UsagePlan);
    next.and(api_key::prune(&[], keys).map(Action::ApiKey));
    next
}

/// What lets all of ours go: they go on letting callers through.
pub fn release(desired: &Desired, observed: &Observed) -> Next<Action> {
    if !desired.may_have_keys {
        return Next::nothing();
    }
    let (Some(keys), Some(plans)) = (observed.api_keys.present(), observed.usage_plans.present()) else {
        return unread("API key");
    };
    let mut next = api_key::release(&desired.site, keys).map(Action::ApiKey);
    next.and(usage_plan::release(&desired.site, plans).map(Action::UsagePlan));
    next
}

/// The stages of this API that a plan of ours names; None while that is not known.
pub fn attached(desired: &Desired, observed: &Observed, rest_api_id: &str) -> Option<BTreeSet<String>> {
    if !desired.may_have_keys {
        return Some(BTreeSet::new());
    }
    let named = observed.usage_plans.present()?.values().flat_map(|plan| &plan.settings.stages);
    let of_api = named.filter_map(|stage| stage.strip_prefix(rest_api_id)?.strip_prefix(':'));
    Some(of_api.map(str::to_owned).collect())
}
