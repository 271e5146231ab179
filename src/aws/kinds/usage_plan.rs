//! Usage plans, and which keys are in one.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_apigateway::types::{ApiStage, Op, PatchOperation, QuotaPeriodType, QuotaSettings, ThrottleSettings};
use sfe_core::kinds::usage_plan::{Action, Desired, Limits, Observed, Plan, Quota, Settings, Throttle, stage};
use sfe_core::observed::Answer;
use sfe_core::operation::Operation;
use sfe_core::owner::{Owner, Tags};

use super::super::clients::Clients;
use super::super::error::Error;

/// All usage plans with the owner's tags: names are not unique.
pub async fn observe(clients: &Clients, owner: &Owner) -> Result<Observed, Error> {
    let (operation, object) = (Operation::GetUsagePlans, "all usage plans");
    let (mut found, mut position) = (BTreeMap::new(), None);
    for _ in 0..super::PAGES_MAX {
        let request = clients.apigateway.get_usage_plans().limit(super::PAGE).set_position(position);
        let answer = clients.call(operation, object, request.send()).await?;
        for plan in answer.items() {
            let tags: Tags = plan.tags().cloned().unwrap_or_default().into_iter().collect();
            if owner.owns(&tags) {
                let id = plan.id().ok_or_else(|| Error::incomplete(operation, object, "id"))?;
                found.insert(id.to_owned(), Plan { settings: settings(plan), tags });
            }
        }
        position = answer.position;
        if position.is_none() {
            return Ok(found);
        }
    }
    Err(Error::incomplete(operation, object, "last page"))
}

fn settings(found: &aws_sdk_apigateway::types::UsagePlan) -> Settings {
    let named = |of: &ApiStage| stage(of.api_id().unwrap_or_default(), of.stage().unwrap_or_default());
    let throttle =
        |found: &ThrottleSettings| Throttle { rate_limit: found.rate_limit(), burst_limit: found.burst_limit() };
    let quota = |found: &QuotaSettings| Quota {
        limit: found.limit(),
        period: found.period().map(QuotaPeriodType::as_str).unwrap_or_default().to_owned(),
        offset: found.offset(),
    };
    Settings {
        name: found.name().unwrap_or_default().to_owned(),
        stages: found.api_stages().iter().map(named).collect(),
        limits: Limits { throttle: found.throttle().map(throttle), quota: found.quota().map(quota) },
    }
}

/// The ids of all keys in the plan.
pub async fn keys(clients: &Clients, id: &str) -> Result<BTreeSet<String>, Error> {
    let (operation, object) = (Operation::GetUsagePlanKeys, format!("usage plan {id}"));
    let (mut found, mut position) = (BTreeSet::new(), None);
    for _ in 0..super::PAGES_MAX {
        let request = clients.apigateway.get_usage_plan_keys().usage_plan_id(id).limit(super::PAGE);
        let answer = clients.call(operation, &object, request.set_position(position).send()).await?;
        found.extend(answer.items().iter().filter_map(|key| key.id().map(str::to_owned)));
        position = answer.position;
        if position.is_none() {
            return Ok(found);
        }
    }
    Err(Error::incomplete(operation, &object, "last page"))
}

/// Makes the one call that the action is named after.
pub async fn apply(clients: &Clients, action: &Action) -> Result<Answer, Error> {
    let (gateway, object) = (&clients.apigateway, action.object());
    match action {
        Action::CreateUsagePlan { want, stages } => return create(clients, want, stages, &object).await,
        Action::UpdateUsagePlan { id, to, from, .. } => {
            let request = gateway.update_usage_plan().usage_plan_id(id);
            let request = request.set_patch_operations(Some(patches(from, to)));
            drop(clients.call(Operation::UpdateUsagePlan, &object, request.send()).await?);
        }
        Action::CreateUsagePlanKey { id, key_id } => {
            let request = gateway.create_usage_plan_key().usage_plan_id(id).key_id(key_id).key_type("API_KEY");
            drop(clients.call(Operation::CreateUsagePlanKey, &object, request.send()).await?);
        }
        Action::UntagResource { arn, keys, .. } => {
            super::untag(clients, arn, keys, &object).await?;
        }
        Action::DeleteUsagePlan { id } => {
            let request = gateway.delete_usage_plan().usage_plan_id(id);
            drop(clients.call(Operation::DeleteUsagePlan, &object, request.send()).await?);
        }
    }
    Ok(Answer::Done)
}

async fn create(clients: &Clients, want: &Desired, stages: &BTreeSet<String>, object: &str) -> Result<Answer, Error> {
    let operation = Operation::CreateUsagePlan;
    let tags: HashMap<String, String> = want.tags.clone().into_iter().collect();
    let throttle = want.limits.throttle.as_ref().map(|throttle| {
        let builder = ThrottleSettings::builder().rate_limit(throttle.rate_limit);
        builder.burst_limit(throttle.burst_limit).build()
    });
    let quota = want.limits.quota.as_ref().map(|quota| {
        let builder = QuotaSettings::builder().limit(quota.limit).offset(quota.offset);
        builder.period(QuotaPeriodType::from(quota.period.as_str())).build()
    });
    let request = clients.apigateway_once.create_usage_plan().name(&want.name).set_tags(Some(tags));
    let stages = stages.iter().filter_map(|stage| stage.split_once(':'));
    let stages = stages.map(|(api_id, name)| ApiStage::builder().api_id(api_id).stage(name).build());
    let request = request.set_api_stages(Some(stages.collect()));
    let answer = clients.call(operation, object, request.set_throttle(throttle).set_quota(quota).send()).await?;
    answer.id().map(|id| Answer::Created(id.to_owned())).ok_or_else(|| Error::incomplete(operation, object, "id"))
}

/// What makes one plan the other. Source: API Gateway, "Patch operations", UpdateUsagePlan.
fn patches(from: &Settings, to: &Settings) -> Vec<PatchOperation> {
    let mut patches = Vec::new();
    let mut patch = |op: Op, path: &str, value: Option<String>| {
        patches.push(PatchOperation::builder().op(op).path(path).set_value(value).build());
    };
    if from.name != to.name {
        patch(Op::Replace, "/name", Some(to.name.clone()));
    }
    for stage in to.stages.difference(&from.stages) {
        patch(Op::Add, "/apiStages", Some(stage.clone()));
    }
    for stage in from.stages.difference(&to.stages) {
        patch(Op::Remove, "/apiStages", Some(stage.clone()));
    }
    // What isn't there yet is added, field by field.
    let op = |is_there: bool| if is_there { Op::Replace } else { Op::Add };
    match (&from.limits.throttle, &to.limits.throttle) {
        (from, Some(to)) if from.as_ref() != Some(to) => {
            patch(op(from.is_some()), "/throttle/rateLimit", Some(to.rate_limit.to_string()));
            patch(op(from.is_some()), "/throttle/burstLimit", Some(to.burst_limit.to_string()));
        }
        (Some(_), None) => patch(Op::Remove, "/throttle", None),
        (Some(_) | None, Some(_)) | (None, None) => {}
    }
    match (&from.limits.quota, &to.limits.quota) {
        (from, Some(to)) if from.as_ref() != Some(to) => {
            patch(op(from.is_some()), "/quota/limit", Some(to.limit.to_string()));
            patch(op(from.is_some()), "/quota/period", Some(to.period.clone()));
            patch(op(from.is_some()), "/quota/offset", Some(to.offset.to_string()));
        }
        (Some(_), None) => patch(Op::Remove, "/quota", None),
        (Some(_) | None, Some(_)) | (None, None) => {}
    }
    patches
}
