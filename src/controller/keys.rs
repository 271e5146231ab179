//! The values of API keys: read from Secrets, and made where the manifest says so. A Secret is written before AWS hears of its value, so that no
//! value can get lost.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;

use sfe_core::api::{ApiKey, StepFunctionEndpoint};
use sfe_core::desired::{Undesired, Values};
use sfe_core::kinds::api_key::Value;
use sfe_core::outcome::Failure;
use sfe_core::publish::is_of_namesake;
use sfe_core::reason::Reason;

use crate::aws::Aws;

use super::clock::Clock;
use super::cluster::{Cluster, ClusterError, Key, NewSecret, Secret};
use super::context::Context;
use super::desired::{self, Resolved};

/// How many characters a value has that is made here; AWS takes 20 to 128.
const LENGTH: usize = 40;
/// A power of two of them, so that each is as likely as the others.
const CHARACTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// The values of the manifest's keys, each as far as it can be told.
pub async fn values<A: Aws, C: Cluster, K: Clock>(
    ctx: &Context<A, C, K>,
    live: &StepFunctionEndpoint,
    failures: &mut Vec<Failure>,
) -> Values {
    let mut found = BTreeMap::new();
    for key in &live.spec.api_keys {
        let value = value(ctx, live, key, failures).await.unwrap_or_else(|error| {
            failures.push(failure(&error));
            Err(format!("the Secret of API key {} can't be read", key.name))
        });
        found.insert(key.name.clone(), value);
    }
    found
}

async fn value<A: Aws, C: Cluster, K: Clock>(
    ctx: &Context<A, C, K>,
    live: &StepFunctionEndpoint,
    key: &ApiKey,
    failures: &mut Vec<Failure>,
) -> Result<Result<Option<Value>, String>, ClusterError> {
    let Some(source) = key.value_from.as_ref().or(key.write_to.as_ref()) else {
        return Ok(Err(format!("API key {} has no Secret", key.name))); // told by the validation
    };
    let reference = &source.secret_key_ref;
    let Some(Secret { mut data, owners }) = ctx.cluster.secret(&Key::of(live).namespace, &reference.name).await? else {
        let missing = || format!("Secret {} of API key {} does not exist yet", reference.name, key.name);
        return Ok(if key.write_to.is_some() { Ok(None) } else { Err(missing()) });
    };
    let is_owned = live.metadata.uid.as_ref().is_some_and(|uid| owners.iter().any(|owner| owner.uid == *uid));
    if key.write_to.is_some() && !is_owned && is_of_namesake(live, &owners) {
        // Secrets are not watched: the next pass looks soon.
        let (name, key) = (&reference.name, &key.name);
        let message = format!("Secret {name} of API key {key} belongs to a deleted StepFunctionEndpoint of this name");
        failures.push(Failure::retry(Reason::OwnershipConflict, message));
        return Ok(Err(format!("the garbage collector of Kubernetes deletes Secret {name}, then another is created")));
    }
    if key.write_to.is_some() && !is_owned {
        let (name, key) = (&reference.name, &key.name);
        return Ok(Err(format!(
            "Secret {name} of API key {key} exists and is not this endpoint's: name it in `valueFrom`, or delete it, and another is made"
        )));
    }
    let what = |why: &str| format!("Secret {} of API key {}: `{}` {why}", reference.name, key.name, reference.key);
    Ok(match data.remove(&reference.key) {
        None => Err(what("is not there yet: without it the Secret makes no key")),
        Some(text) => Value::parse(&text).map(Some).map_err(what),
    })
}

/// What goes before the first key is made: the status tells that there may be some, and each value that is to be made is in its Secret.
pub async fn prepare<A: Aws, C: Cluster, K: Clock>(
    ctx: &Context<A, C, K>,
    mut live: StepFunctionEndpoint,
    mut resolved: Resolved,
) -> Result<(StepFunctionEndpoint, Resolved), ClusterError> {
    let Some(wanted) = resolved.result.as_ref().ok().filter(|desired| !desired.observed_only) else {
        return Ok((live, resolved));
    };
    let Some(keys) = &wanted.keys else { return Ok((live, resolved)) };
    let lack_a_value = keys.lack_a_value();
    if live.status.as_ref().is_none_or(|status| status.api_keys.is_none()) {
        let mut status = live.status.clone().unwrap_or_default();
        status.api_keys = Some(sfe_core::api::ApiKeysStatus::default());
        ctx.cluster.write_status(&live, &status, true).await?;
        live = ctx.cluster.get(&Key::of(&live)).await?.unwrap_or(live);
    }
    if !lack_a_value {
        return Ok((live, resolved));
    }
    let made = make(ctx, &live).await;
    if let Err(error) = made {
        resolved.failures.push(failure(&error));
        resolved.result = Err(Undesired::Waiting(vec!["a Secret of `apiKeys` can't be made".to_owned()]));
    } else {
        resolved = desired::resolve(ctx, &live).await; // of what is in the Secrets now
    }
    Ok((live, resolved))
}

/// Makes the Secrets that are missing. One that someone else makes at the same time is left as it is.
async fn make<A: Aws, C: Cluster, K: Clock>(
    ctx: &Context<A, C, K>,
    live: &StepFunctionEndpoint,
) -> Result<(), ClusterError> {
    let namespace = Key::of(live).namespace;
    for to in live.spec.api_keys.iter().filter_map(|key| key.write_to.as_ref()) {
        let reference = &to.secret_key_ref;
        if ctx.cluster.secret(&namespace, &reference.name).await?.is_none() {
            let value = random()?;
            let secret = NewSecret { name: reference.name.clone(), key: reference.key.clone(), value };
            ctx.cluster.create_secret(live, secret).await?;
        }
    }
    Ok(())
}

fn random() -> Result<String, ClusterError> {
    let mut bytes = [0_u8; LENGTH];
    let read = File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut bytes));
    read.map_err(|error| ClusterError::Failed { operation: "read of /dev/urandom", detail: error.to_string() })?;
    let character = |byte: u8| CHARACTERS.get(usize::from(byte & 31)).copied().map(char::from);
    Ok(bytes.into_iter().filter_map(character).collect())
}

fn failure(error: &ClusterError) -> Failure {
    let hint = "set `secrets.enabled: true` in the chart's values, which lets the operator read and create Secrets";
    error.failure(Some(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_made_is_one_that_aws_takes_and_never_the_same() {
        let (one, other) = (random().unwrap(), random().unwrap());
        assert_ne!(one, other);
        assert!(Value::parse(one.as_bytes()).is_ok() && one.len() == LENGTH, "{one}");
    }
}
