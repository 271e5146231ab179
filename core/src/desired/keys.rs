//! API keys and their usage plan: what they are made of, and where they make no sense.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::{self, ApiKey, QuotaPeriod, StepFunctionEndpoint, StepFunctionEndpointSpec, Throttling};
use crate::kinds::api_key::{self, Value};
use crate::kinds::usage_plan::{self, Limits, Quota, Throttle};
use crate::mistakes::{FieldPath, Mistakes};
use crate::owner::Owner;

use super::{References, stage};

/// What lets callers through on routes that ask for a key.
#[derive(Clone, Debug, PartialEq)]
pub struct Keys {
    /// The keys in the manifest's order.
    pub keys: Vec<api_key::Desired>,
    /// The plan of all of them.
    pub plan: usage_plan::Desired,
}

impl Keys {
    /// Whether a value is yet to be made.
    pub fn lack_a_value(&self) -> bool {
        self.keys.iter().any(|key| key.value.is_none())
    }
}

/// The value of a key by its name in the manifest: none where it is yet to be made; or why it can't be told.
pub type Values = BTreeMap<String, Result<Option<Value>, String>>;

/// Whether there are keys of this object, or may be: the status tells so from before the first was made.
pub fn may_exist(object: &StepFunctionEndpoint) -> bool {
    let told = object.status.as_ref().is_some_and(|status| status.api_keys.is_some());
    told || !object.spec.api_keys.is_empty()
}

/// What is wrong.
pub fn check(spec: &StepFunctionEndpointSpec, references: &References, at: &FieldPath, mistakes: &mut Mistakes) {
    let (at_keys, at_plan) = (at.field("apiKeys"), at.field("usagePlan"));
    let is_guest = spec.api.as_ref().is_some_and(|api| api.endpoint_ref.is_some());
    if is_guest {
        let allowed = "not allowed with api.endpointRef: whose API it is has the keys";
        for (at, is_said) in [(&at_keys, !spec.api_keys.is_empty()), (&at_plan, spec.usage_plan.is_some())] {
            if is_said {
                mistakes.add(at.clone(), "", allowed);
            }
        }
    } else {
        check_use(spec, references, at, mistakes);
    }
    check_keys(&spec.api_keys, &at_keys, mistakes);
    if let Some(plan) = &spec.usage_plan {
        check_plan(plan, &at_plan, mistakes);
    }
}

/// Keys are for a route that asks for one: of this manifest, or of another on its API, which may come later where it is meant for others.
fn check_use(spec: &StepFunctionEndpointSpec, references: &References, at: &FieldPath, mistakes: &mut Mistakes) {
    let is_asked = spec.routes.iter().any(|route| route.api_key_required == Some(true));
    let is_shared = spec.api.as_ref().is_some_and(|api| api.allowed_routes.is_some()) || !references.guests.is_empty();
    if !spec.api_keys.is_empty() && !is_asked && !is_shared {
        let allowed = "no route asks for a key: set `routes[].apiKeyRequired: true` where one is needed";
        mistakes.add(at.field("apiKeys"), "", allowed);
    }
    if spec.usage_plan.is_some() && spec.api_keys.is_empty() {
        mistakes.add(at.field("usagePlan"), "", "allowed with `apiKeys` alone, which it is for");
    }
}

fn check_keys(keys: &[ApiKey], at: &FieldPath, mistakes: &mut Mistakes) {
    let (mut names, mut written) = (BTreeSet::new(), BTreeSet::new());
    for (index, key) in keys.iter().enumerate() {
        let at = at.index(index);
        if !names.insert(&key.name) {
            mistakes.add(at.field("name"), &key.name, "is there twice");
        }
        if key.value_from.is_some() == key.write_to.is_some() {
            mistakes.add(at.clone(), &key.name, "exactly one of valueFrom and writeTo is required");
        }
        if let Some(to) = &key.write_to
            && !written.insert(&to.secret_key_ref.name)
        {
            let at = at.field("writeTo").field("secretKeyRef").field("name");
            mistakes.add(at, &to.secret_key_ref.name, "another key is written to it: each has a Secret of its own");
        }
    }
}

fn check_plan(plan: &api::UsagePlan, at: &FieldPath, mistakes: &mut Mistakes) {
    if let Some(throttle) = &plan.throttle {
        stage::check_throttling(throttle, &at.field("throttle"), mistakes);
    }
    let Some(quota) = &plan.quota else { return };
    let at = at.field("quota");
    if quota.limit < 1 {
        mistakes.add(at.field("limit"), quota.limit, "at least 1");
    }
    let (offset, last) = (quota.offset.unwrap_or(0), last_day(quota.period));
    if !(0..=last).contains(&offset) {
        let allowed = format!("allowed with {} are 0 to {last}", quota.period.as_str());
        mistakes.add(at.field("offset"), offset, allowed);
    }
}

/// The last day on which the time of a quota may begin. Source: API Gateway, QuotaSettings; the days that a month always has.
fn last_day(period: QuotaPeriod) -> i32 {
    match period {
        QuotaPeriod::Day => 0,
        QuotaPeriod::Week => 6,
        QuotaPeriod::Month => 27,
    }
}

/// The keys with their values, as far as these are known.
pub fn desired(
    spec: &StepFunctionEndpointSpec,
    values: &Values,
    owner: &Owner,
    waiting: &mut Vec<String>,
) -> Option<Keys> {
    if spec.api_keys.is_empty() {
        return None;
    }
    let mut keys = Vec::new();
    for key in &spec.api_keys {
        match values.get(&key.name) {
            Some(Ok(value)) => keys.push(api_key::Desired::new(owner, &key.name, value.clone())),
            Some(Err(why)) => waiting.push(why.clone()),
            None => waiting.push(format!("the value of API key {} is not read yet", key.name)),
        }
    }
    let said = spec.usage_plan.clone().unwrap_or_default();
    let throttle = |Throttling { rate_limit, burst_limit }| Throttle { rate_limit, burst_limit };
    let quota = |quota: api::Quota| Quota {
        limit: quota.limit,
        period: quota.period.as_str().to_owned(),
        offset: quota.offset.unwrap_or(0),
    };
    let limits = Limits { throttle: said.throttle.map(throttle), quota: said.quota.map(quota) };
    let name = format!("{}-{}", owner.namespace, owner.name);
    Some(Keys { keys, plan: usage_plan::Desired { name, limits, tags: owner.tags() } })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn spec(fields: &serde_json::Value) -> StepFunctionEndpointSpec {
        let mut spec = json!({
            "stateMachine": { "definition": "" },
            "routes": [{ "path": "/", "method": "POST", "auth": { "type": "NONE" }, "apiKeyRequired": true }],
            "apiKeys": [{ "name": "k", "valueFrom": { "secretKeyRef": { "name": "s", "key": "k" } } }],
        });
        spec.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        serde_json::from_value(spec).unwrap()
    }

    fn mistakes(fields: &serde_json::Value) -> Vec<String> {
        let mut mistakes = Mistakes::none();
        check(&spec(fields), &References::default(), &FieldPath::spec(), &mut mistakes);
        mistakes.iter().map(ToString::to_string).collect()
    }

    #[rstest]
    #[case::right(json!({ "usagePlan": { "quota": { "limit": 1, "period": "WEEK", "offset": 6 } } }), &[])]
    #[case::a_key_from_elsewhere(json!({ "apiKeys": [] }), &[])]
    #[case::nobody_asks(
        json!({ "routes": [{ "path": "/", "method": "POST", "auth": { "type": "NONE" } }] }),
        &["spec.apiKeys: no route asks for a key: set `routes[].apiKeyRequired: true` where one is needed"]
    )]
    #[case::those_who_may_come_may_ask(
        json!({ "routes": [], "api": { "allowedRoutes": { "namespaces": { "from": "All" } } } }), &[]
    )]
    #[case::a_plan_of_nothing(
        json!({ "apiKeys": [], "usagePlan": {} }), &["spec.usagePlan: allowed with `apiKeys` alone, which it is for"]
    )]
    #[case::a_guest(
        json!({ "api": { "endpointRef": { "name": "h" } }, "usagePlan": {} }),
        &[
            "spec.apiKeys: not allowed with api.endpointRef: whose API it is has the keys",
            "spec.usagePlan: not allowed with api.endpointRef: whose API it is has the keys",
        ]
    )]
    #[case::keys_in_each_others_way(
        json!({ "apiKeys": [
            { "name": "k", "writeTo": { "secretKeyRef": { "name": "s", "key": "a" } } },
            { "name": "k", "writeTo": { "secretKeyRef": { "name": "s", "key": "b" } } },
            { "name": "l" },
        ] }),
        &[
            "spec.apiKeys[1].name: `k`: is there twice",
            "spec.apiKeys[1].writeTo.secretKeyRef.name: `s`: another key is written to it: each has a Secret of its own",
            "spec.apiKeys[2]: `l`: exactly one of valueFrom and writeTo is required",
        ]
    )]
    #[case::limits(
        json!({ "usagePlan": { "throttle": { "rateLimit": -1, "burstLimit": 1 }, "quota": { "limit": 0, "period": "DAY", "offset": 1 } } }),
        &[
            "spec.usagePlan.throttle.rateLimit: `-1`: allowed are 0 to 1000000",
            "spec.usagePlan.quota.limit: `0`: at least 1",
            "spec.usagePlan.quota.offset: `1`: allowed with DAY are 0 to 0",
        ]
    )]
    fn mistakes_read_as(#[case] fields: serde_json::Value, #[case] expected: &[&str]) {
        assert_eq!(mistakes(&fields), expected);
    }

    #[test]
    fn a_value_that_is_not_there_is_waited_for() {
        let owner = Owner { cluster: "c".to_owned(), namespace: "n".to_owned(), name: "a".to_owned() };
        let of = |values: &Values| {
            let mut waiting = Vec::new();
            let keys = desired(&spec(&json!({})), values, &owner, &mut waiting);
            (keys.is_some_and(|keys| keys.lack_a_value()), waiting)
        };
        let values = |value| Values::from([("k".to_owned(), value)]);
        assert_eq!(of(&values(Ok(Value::parse(b"12345678901234567890").ok()))), (false, vec![]));
        assert_eq!(of(&values(Ok(None))), (true, vec![]));
        assert_eq!(of(&values(Err("no Secret".to_owned()))).1, ["no Secret"]);
    }
}
