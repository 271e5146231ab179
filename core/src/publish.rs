//! What other workloads are told of an endpoint, in a ConfigMap or a Secret beside it.
//!
//! - One is ours by an ownerReference with the UID of this very object: no other is changed or deleted.
//! - What is about to be made is recorded in the status first, so that a later manifest that names another finds it again.
//! - The garbage collector deletes it with its owner. What it tells would be kept up to date by nobody from then on.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube_core::Resource as _;
use serde_json::json;

use crate::api::{
    Publish, PublishTo, PublishedKind, PublishedObject, StepFunctionEndpoint, StepFunctionEndpointSpec,
    StepFunctionEndpointStatus,
};
use crate::desired::Desired;
use crate::mistakes::{FieldPath, Mistakes};
use crate::outcome::{Failure, Outcome};
use crate::reason::Reason;
use crate::status::{is_true, routes};

/// Keys and values.
pub type Data = BTreeMap<String, String>;

/// The most that the status records. What a status without room forgets goes with the endpoint.
const RECORDED_MAX: usize = 16;
/// The most that Kubernetes allows in a name. Source: Kubernetes, "DNS Subdomain Names".
const NAME_MAX: usize = 253;

/// What is to be published in a pass.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Where.
    pub wanted: BTreeSet<PublishedObject>,
    /// What; None while nothing new is served: what is there stays.
    pub data: Option<Data>,
    /// What the status says of a former manifest: it goes once all of `wanted` is there.
    pub former: BTreeSet<PublishedObject>,
}

/// A ConfigMap or Secret as it was read.
#[derive(Clone, PartialEq)]
pub struct Found {
    /// Its UID.
    pub uid: String,
    /// Its version: a write holds for this one alone.
    pub resource_version: String,
    /// Its ownerReferences.
    pub owners: Vec<OwnerReference>,
    /// What it holds.
    pub data: Data,
}

/// What is next for one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// It is as it should be.
    Nothing,
    /// There is none.
    Create,
    /// Ours, with other data.
    Update,
    /// Someone else's.
    Refuse(Failure),
}

/// The fields of `publish` that can't be.
pub fn check(spec: &StepFunctionEndpointSpec, at: &FieldPath, mistakes: &mut Mistakes) {
    let Some(Publish { config_map, secret }) = &spec.publish else { return };
    let at = at.field("publish");
    if config_map.is_none() && secret.is_none() {
        mistakes.add(at.clone(), "", "configMap or secret is required");
    }
    for (field, to) in [("configMap", config_map), ("secret", secret)] {
        let Some(PublishTo { name }) = to else { continue };
        if !is_subdomain(name) {
            let allowed = "allowed are up to 253 lower case letters, digits, - and ., with a letter or digit at each end and beside each .";
            mistakes.add(at.field(field).field("name"), name, allowed);
        }
    }
    let source = spec.state_machine.definition_from.as_ref().map(|from| &from.config_map_key_ref.name);
    if let Some(to) = config_map.as_ref().filter(|to| Some(&to.name) == source) {
        let allowed = "stateMachine.definitionFrom reads this one: name another";
        mistakes.add(at.field("configMap").field("name"), &to.name, allowed);
    }
}

fn is_subdomain(name: &str) -> bool {
    let is_plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let label = |label: &str| {
        let bytes = label.as_bytes();
        bytes.first().is_some_and(|c| is_plain(*c))
            && bytes.last().is_some_and(|c| is_plain(*c))
            && bytes.iter().all(|c| is_plain(*c) || *c == b'-')
    };
    name.len() <= NAME_MAX && name.split('.').all(label)
}

/// What this pass has to publish; `told` is the status as it would be without that. None where nothing is, or nothing may be written.
pub fn plan(object: &StepFunctionEndpoint, outcome: &Outcome, told: &StepFunctionEndpointStatus) -> Option<Plan> {
    let desired = outcome.desired.as_ref().ok()?;
    desired.calls.as_ref().filter(|_| !desired.observed_only && object.metadata.deletion_timestamp.is_none())?;
    let wanted = wanted(object.spec.publish.as_ref());
    let former: BTreeSet<_> = told.published.iter().filter(|known| !wanted.contains(known)).cloned().collect();
    let any = !wanted.is_empty() || !former.is_empty();
    any.then(|| Plan { data: is_true(told, "Live").then(|| data(desired, told)), wanted, former })
}

fn wanted(publish: Option<&Publish>) -> BTreeSet<PublishedObject> {
    let Some(Publish { config_map, secret }) = publish else { return BTreeSet::new() };
    let named = |kind: PublishedKind, to: &Option<PublishTo>| {
        to.as_ref().map(|to| PublishedObject { kind, name: to.name.clone() })
    };
    [named(PublishedKind::ConfigMap, config_map), named(PublishedKind::Secret, secret)].into_iter().flatten().collect()
}

/// What is told: the status' own values, and all routes, of which the status may leave some out.
fn data(desired: &Desired, told: &StepFunctionEndpointStatus) -> Data {
    let api = told.api.as_ref();
    let machine = told.state_machine.as_ref();
    let routes = routes(told.url.as_deref(), desired.calls.as_ref());
    let known = [
        ("url", told.url.clone()),
        ("routes", told.url.as_ref().map(|_| json!(routes).to_string())),
        ("restApiId", api.and_then(|api| api.rest_api_id.clone())),
        ("stageName", api.and_then(|api| api.stage.clone())),
        ("region", Some(desired.site.region.clone())),
        ("accountId", Some(desired.site.account.clone())),
        ("stateMachineArn", machine.map(|machine| machine.arn.clone())),
        ("stateMachineType", machine.map(|machine| machine.type_.as_str().to_owned())),
    ];
    known.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}

/// What is next for an object that is wanted.
pub fn next(owner: &StepFunctionEndpoint, object: &PublishedObject, data: &Data, found: Option<&Found>) -> Step {
    match found {
        None => Step::Create,
        Some(found) if !is_ours(owner, found) => Step::Refuse(foreign(owner, object, found)),
        Some(found) if found.data == *data => Step::Nothing,
        Some(_) => Step::Update,
    }
}

/// Whether an object bears an ownerReference to this very one: one of the same name that was deleted before is another.
pub fn is_ours(owner: &StepFunctionEndpoint, found: &Found) -> bool {
    owner.metadata.uid.as_ref().is_some_and(|uid| found.owners.iter().any(|reference| reference.uid == *uid))
}

/// One that someone else has, or had: of a deleted namesake the garbage collector takes it away.
fn foreign(owner: &StepFunctionEndpoint, object: &PublishedObject, found: &Found) -> Failure {
    if is_of_namesake(owner, &found.owners) {
        let message = format!("publish failed: {object} of a former object of this name is not deleted yet");
        return Failure::retry(Reason::Conflict, message);
    }
    let message = format!("publish failed: {object} is not ours: it has no ownerReference to this object");
    let hint = format!(
        "set another `spec.publish.{}.name`, or delete {object} if nothing uses it; the endpoint serves all the same",
        object.kind.field()
    );
    Failure::person(Reason::OwnershipConflict, message, hint)
}

/// Returns true if these ownerReferences name a StepFunctionEndpoint of the same name. Where none of them has the UID of this one, its owner was
/// deleted, and the garbage collector deletes the object within seconds.
pub fn is_of_namesake(owner: &StepFunctionEndpoint, owners: &[OwnerReference]) -> bool {
    let kind = StepFunctionEndpoint::kind(&());
    owners.iter().any(|reference| reference.kind == kind && Some(&reference.name) == owner.metadata.name.as_ref())
}

/// The ownerReference that makes an object ours.
pub fn owner_reference(owner: &StepFunctionEndpoint) -> OwnerReference {
    OwnerReference {
        api_version: StepFunctionEndpoint::api_version(&()).into_owned(),
        kind: StepFunctionEndpoint::kind(&()).into_owned(),
        name: owner.metadata.name.clone().unwrap_or_default(),
        uid: owner.metadata.uid.clone().unwrap_or_default(),
        controller: Some(true),
        block_owner_deletion: None,
    }
}

/// What became of the publishing in a pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Publication {
    /// What may be there of ours: the status records it.
    pub objects: BTreeSet<PublishedObject>,
    /// Whether something is about to be written.
    pub pending: bool,
    /// Whether the status was written meanwhile.
    pub recorded: bool,
}

impl Publication {
    /// What the status records.
    pub fn recorded(&self) -> Vec<PublishedObject> {
        self.objects.iter().take(RECORDED_MAX).cloned().collect()
    }
}

#[cfg(test)]
mod tests;
