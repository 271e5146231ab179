//! What a manifest asks for: its references are read, then it is validated.

use sfe_core::api::StepFunctionEndpoint;
use sfe_core::change::cut;
use sfe_core::desired::{Desired, Host, References, Undesired, deleted, desired, referenced_state_machine};
use sfe_core::outcome::{Failure, Remedy};

use crate::aws::{Aws, Urgency};

use super::clock::Clock;
use super::cluster::{Cluster, ClusterError, Key, caller};
use super::context::Context;

/// What is desired, and what could not be read on the way.
pub struct Resolved {
    /// A value, or all mistakes, or what is waited for.
    pub result: Result<Desired, Undesired>,
    /// What could not be read.
    pub failures: Vec<Failure>,
}

/// What the manifest asks for; once it is deleted, nothing. A host stays as it is until its guests are gone.
pub async fn resolve<A: Aws, C: Cluster, K: Clock>(ctx: &Context<A, C, K>, live: &StepFunctionEndpoint) -> Resolved {
    let (settings, key) = (&ctx.options.settings, Key::of(live));
    let mut failures = Vec::new();
    let host = host(ctx, live, &key, &mut failures).await;
    let guests = ctx.cluster.guests(&key);
    if live.metadata.deletion_timestamp.is_some() && guests.is_empty() {
        let nothing = match (&failures[..], host) {
            ([], host) => Ok(deleted(live, settings, host)),
            ([..], _) => {
                Err(Undesired::Waiting(vec!["the StepFunctionEndpoint of api.endpointRef can't be read".to_owned()]))
            }
        };
        return Resolved { result: nothing, failures };
    }
    let definition = definition(ctx, live, &key, &mut failures).await;
    let state_machine_type = state_machine_type(ctx, live, &mut failures).await;
    let all_go = live.metadata.deletion_timestamp.is_some()
        && guests.iter().all(|guest| guest.metadata.deletion_timestamp.is_some());
    let users = guests.iter().filter_map(|guest| guest.metadata.name.clone()).collect();
    let references = References { definition, state_machine_type, host, guests };
    let mut result = desired(live, &references, settings);
    // Guests that go wait for their host to drop their routes. One that can't, or may not write, goes before them.
    if all_go && result.as_ref().map_or(true, |desired| desired.observed_only) {
        result = Ok(deleted(live, settings, None));
    }
    if let (Ok(desired), Some(_)) = (&mut result, &live.metadata.deletion_timestamp) {
        desired.kept_for = users;
    }
    Resolved { result, failures }
}

fn note(failures: &mut Vec<Failure>, error: &ClusterError) -> String {
    failures.push(Failure { message: error.to_string(), remedy: Remedy::Retry });
    error.to_string()
}

/// The StepFunctionEndpoint of `api.endpointRef`, and what it says of us.
async fn host<A: Aws, C: Cluster, K: Clock>(
    ctx: &Context<A, C, K>,
    live: &StepFunctionEndpoint,
    key: &Key,
    failures: &mut Vec<Failure>,
) -> Option<Host> {
    let name = &live.spec.api.as_ref()?.endpoint_ref.as_ref()?.name;
    let found = match ctx.cluster.get(&Key { namespace: key.namespace.clone(), name: name.clone() }).await {
        Ok(found) => found,
        Err(error) => {
            note(failures, &error);
            return None;
        }
    };
    let status = found.as_ref().and_then(|host| host.status.as_ref());
    Some(Host {
        name: name.clone(),
        exists: found.is_some(),
        is_guest: found
            .as_ref()
            .is_some_and(|host| host.spec.api.as_ref().is_some_and(|api| api.endpoint_ref.is_some())),
        idle: found.as_ref().and_then(StepFunctionEndpoint::why_idle),
        url: status.and_then(|status| status.url.clone()),
        guest: status.and_then(|status| status.guests.iter().find(|guest| guest.name == key.name).cloned()),
    })
}

/// The text of `definitionFrom`, or why it can't be read yet.
async fn definition<A: Aws, C: Cluster, K: Clock>(
    ctx: &Context<A, C, K>,
    live: &StepFunctionEndpoint,
    key: &Key,
    failures: &mut Vec<Failure>,
) -> Option<Result<String, String>> {
    let reference = &live.spec.state_machine.definition_from.as_ref()?.config_map_key_ref;
    let found = match ctx.cluster.config_map(&key.namespace, &reference.name).await {
        Ok(found) => found,
        Err(error) => return Some(Err(note(failures, &error))),
    };
    let text = match found {
        None => Err(format!("ConfigMap {} of definitionFrom does not exist yet", reference.name)),
        Some(mut data) => data
            .remove(&reference.key)
            .ok_or_else(|| format!("ConfigMap {} of definitionFrom has no key {} yet", reference.name, reference.key)),
    };
    Some(text)
}

/// The type of `stateMachine.arn`, or why it can't be read yet. What isn't a state machine's ARN, or may
/// not be named, is told by the validation.
async fn state_machine_type<A: Aws, C: Cluster, K: Clock>(
    ctx: &Context<A, C, K>,
    live: &StepFunctionEndpoint,
    failures: &mut Vec<Failure>,
) -> Option<Result<sfe_core::api::StateMachineType, String>> {
    let arn = referenced_state_machine(live, &ctx.options.settings)?;
    match ctx.aws.state_machine_type(&caller(live, Urgency::New), &arn).await {
        Ok(Some(type_)) => Some(Ok(type_)),
        Ok(None) => {
            Some(Err(format!("state machine {} of stateMachine.arn does not exist yet", cut(arn.as_str(), 200))))
        }
        Err(error) => {
            failures.push(Failure { message: error.to_string(), remedy: error.remedy() });
            Some(Err("the type of stateMachine.arn can't be read".to_owned()))
        }
    }
}
