//! What a manifest asks for: its references are read, then it is validated.

use std::collections::{BTreeMap, BTreeSet};

use sfe_core::api::StepFunctionEndpoint;
use sfe_core::change::cut;
use sfe_core::desired::{
    Admission, Desired, Host, Labels, Neighbour, References, Undesired, admission, admitted, deleted, desired,
    referenced_state_machine, selects_by_labels,
};
use sfe_core::outcome::{Failure, Remedy};

use crate::aws::{Aws, Urgency};

use super::clock::Clock;
use super::cluster::{Cluster, ClusterError, Key, caller};
use super::context::Context;
use super::{keys, touched};

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
    let labels = guests_labels(ctx, live, &guests, &key, &mut failures).await;
    let guests = admitted(live, guests, &labels);
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
    let users = guests.iter().map(|guest| Neighbour::of(guest, &key.namespace).to_string()).collect();
    let references = References {
        definition,
        state_machine_type,
        host,
        guests,
        labels,
        on_same_api: ctx.cluster.on_same_api(live),
        api_key_values: keys::values(ctx, live, &mut failures).await,
    };
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
    failures.push(error.failure(None));
    error.to_string()
}

/// The StepFunctionEndpoint of `api.endpointRef`, and what it says of us.
async fn host<A: Aws, C: Cluster, K: Clock>(
    ctx: &Context<A, C, K>,
    live: &StepFunctionEndpoint,
    key: &Key,
    failures: &mut Vec<Failure>,
) -> Option<Host> {
    let at = touched::host(live)?;
    if ctx.options.settings.namespace.as_ref().is_some_and(|watched| *watched != at.namespace) {
        return None; // told by the validation
    }
    let found = match ctx.cluster.get(&at).await {
        Ok(found) => found,
        Err(error) => {
            note(failures, &error);
            return None;
        }
    };
    let decides = at.namespace != key.namespace && live.metadata.deletion_timestamp.is_none();
    let selects = decides && found.as_ref().is_some_and(selects_by_labels);
    let labels = if selects { labels(ctx, &key.namespace, failures).await } else { None };
    let us = Neighbour::new(&key.namespace, &key.name, &at.namespace);
    let status = found.as_ref().and_then(|host| host.status.as_ref());
    Some(Host {
        name: Neighbour::new(&at.namespace, &at.name, &key.namespace),
        exists: found.is_some(),
        admission: found.as_ref().map_or(Admission::Unknown, |host| admission(host, &key.namespace, labels.as_ref())),
        is_guest: found
            .as_ref()
            .is_some_and(|host| host.spec.api.as_ref().is_some_and(|api| api.endpoint_ref.is_some())),
        idle: found.as_ref().and_then(StepFunctionEndpoint::why_idle),
        url: status.and_then(|status| status.url.clone()),
        guest: status.and_then(|status| status.guests.iter().find(|guest| us.is(guest)).cloned()),
        binary_media_types: found
            .iter()
            .flat_map(|host| &host.spec.api)
            .flat_map(|api| api.binary_media_types.clone())
            .collect(),
    })
}

/// The labels of the guests' namespaces, where those decide.
async fn guests_labels<A: Aws, C: Cluster, K: Clock>(
    ctx: &Context<A, C, K>,
    live: &StepFunctionEndpoint,
    guests: &[StepFunctionEndpoint],
    key: &Key,
    failures: &mut Vec<Failure>,
) -> BTreeMap<String, Labels> {
    let mut found = BTreeMap::new();
    if !selects_by_labels(live) {
        return found;
    }
    let namespaces: BTreeSet<String> = guests.iter().map(|guest| Key::of(guest).namespace).collect();
    for namespace in namespaces.into_iter().filter(|namespace| *namespace != key.namespace) {
        if let Some(labels) = labels(ctx, &namespace, failures).await {
            found.insert(namespace, labels);
        }
    }
    found
}

/// The labels of a namespace; none where they can't be read, or may not be.
async fn labels<A: Aws, C: Cluster, K: Clock>(
    ctx: &Context<A, C, K>,
    namespace: &str,
    failures: &mut Vec<Failure>,
) -> Option<Labels> {
    if !ctx.options.settings.reads_namespaces {
        return None;
    }
    let labels = ctx.cluster.namespace_labels(namespace).await;
    labels.unwrap_or_else(|error| {
        note(failures, &error);
        None
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
    let answer = ctx.aws.state_machine_type(&caller(live, Urgency::New), &arn).await;
    let (key, read) = (Key::of(live), format!("the type of {arn}"));
    let mut memory = ctx.memory(&key);
    let remedy = match &answer {
        Ok(_) => {
            memory.unreadable.read(&read);
            Remedy::Retry
        }
        Err(error) => memory.unreadable.remedy(read, error),
    };
    ctx.remember(key, memory);
    match answer {
        Ok(Some(type_)) => Some(Ok(type_)),
        Ok(None) => {
            Some(Err(format!("state machine {} of stateMachine.arn does not exist yet", cut(arn.as_str(), 200))))
        }
        Err(error) => {
            failures.push(Failure { remedy, ..error.failure() });
            Some(Err("the type of stateMachine.arn can't be read".to_owned()))
        }
    }
}
