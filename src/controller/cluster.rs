//! What the operator does with the cluster.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use sfe_core::api::{PublishedObject, StepFunctionEndpoint, StepFunctionEndpointStatus};
use sfe_core::outcome::Failure;
use sfe_core::publish::{Data, Found};
use sfe_core::reason::Reason;

use crate::aws::{Caller, Urgency};

/// The name of a manifest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Key {
    /// The name of this object.
    pub fn of(object: &StepFunctionEndpoint) -> Self {
        let metadata = &object.metadata;
        Self {
            namespace: metadata.namespace.clone().unwrap_or_default(),
            name: metadata.name.clone().unwrap_or_default(),
        }
    }
}

/// For whom AWS is called.
pub fn caller(object: &StepFunctionEndpoint, urgency: Urgency) -> Caller {
    let Key { namespace, name } = Key::of(object);
    Caller { namespace, name, urgency }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// A change of state that people are told of by an Event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateChange {
    /// Whether it is good news.
    pub normal: bool,
    /// The reason as conditions spell it, such as `UpToDate`.
    pub reason: String,
    /// What happened, and what to do.
    pub note: String,
}

/// A Secret. It has no text of its own, so that nothing can tell it.
pub struct Secret {
    /// What it holds by key.
    pub data: BTreeMap<String, Vec<u8>>,
    /// Its ownerReferences.
    pub owners: Vec<OwnerReference>,
}

/// A Secret that is to be made.
pub struct NewSecret {
    /// Its name.
    pub name: String,
    /// The key in its `data`.
    pub key: String,
    /// What is there.
    pub value: String,
}

/// What the cluster can answer but a result.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ClusterError {
    /// The object has changed since it was read.
    #[error("{0} failed: the object has changed since it was read")]
    Conflict(&'static str),
    /// The operator may not do that.
    #[error("{operation} failed: {detail}")]
    Denied {
        /// What was tried.
        operation: &'static str,
        /// What the API server said.
        detail: String,
    },
    /// Anything else.
    #[error("{operation} failed: {detail}")]
    Failed {
        /// What was tried.
        operation: &'static str,
        /// What the API server said.
        detail: String,
    },
}

impl ClusterError {
    /// The failure that it is. Where the API server denies the call, `hint` says what allows it; without one it may pass.
    pub fn failure(&self, hint: Option<&str>) -> Failure {
        let (reason, hint) = match self {
            Self::Conflict(_) => (Reason::Conflict, None),
            Self::Denied { .. } => (Reason::Forbidden, hint),
            Self::Failed { .. } => (Reason::ClusterUnavailable, None),
        };
        match hint {
            None => Failure::retry(reason, self.to_string()),
            Some(hint) => Failure::person(reason, self.to_string(), hint.to_owned()),
        }
    }
}

/// What the operator does with the cluster. One implementation calls the API server; tests have others.
pub trait Cluster: Send + Sync + 'static {
    /// The object as it stands, from the API server and never from a cache.
    fn get(&self, key: &Key) -> impl Future<Output = Result<Option<StepFunctionEndpoint>, ClusterError>> + Send;

    /// The data of a ConfigMap.
    fn config_map(
        &self,
        namespace: &str,
        name: &str,
    ) -> impl Future<Output = Result<Option<BTreeMap<String, String>>, ClusterError>> + Send;

    /// A Secret with what it holds.
    fn secret(&self, namespace: &str, name: &str) -> impl Future<Output = Result<Option<Secret>, ClusterError>> + Send;

    /// Makes a Secret that goes with the object; a Conflict where there is one of this name.
    fn create_secret(
        &self,
        live: &StepFunctionEndpoint,
        secret: NewSecret,
    ) -> impl Future<Output = Result<(), ClusterError>> + Send;

    /// The labels of a namespace, from the API server; none of one that isn't there.
    fn namespace_labels(
        &self,
        namespace: &str,
    ) -> impl Future<Output = Result<Option<BTreeMap<String, String>>, ClusterError>> + Send;

    /// The objects that name this one in `api.endpointRef`, from the cache that the watch keeps; a later change comes as an event.
    fn guests(&self, key: &Key) -> Vec<StepFunctionEndpoint>;

    /// The other objects that name the same `api.restApiId`, from the same cache.
    fn on_same_api(&self, object: &StepFunctionEndpoint) -> Vec<StepFunctionEndpoint>;

    /// Writes the finalizers of an object that has not changed since it was read, and answers it as it then stands.
    fn set_finalizers(
        &self,
        live: &StepFunctionEndpoint,
        finalizers: Vec<String>,
    ) -> impl Future<Output = Result<StepFunctionEndpoint, ClusterError>> + Send;

    /// Writes the whole status; with `if_unchanged` only if the object has not changed since it was read.
    fn write_status(
        &self,
        live: &StepFunctionEndpoint,
        status: &StepFunctionEndpointStatus,
        if_unchanged: bool,
    ) -> impl Future<Output = Result<(), ClusterError>> + Send;

    /// A ConfigMap or Secret with what it holds, from the API server.
    fn published(
        &self,
        namespace: &str,
        object: &PublishedObject,
    ) -> impl Future<Output = Result<Option<Found>, ClusterError>> + Send;

    /// Gives a ConfigMap or Secret exactly these keys: creates it as one of `owner`'s, or changes the one that was found if it is still as
    /// it was then.
    fn write_published(
        &self,
        owner: &StepFunctionEndpoint,
        object: &PublishedObject,
        found: Option<&Found>,
        data: &Data,
    ) -> impl Future<Output = Result<(), ClusterError>> + Send;

    /// Deletes the ConfigMap or Secret that was found, if it is still as it was then.
    fn delete_published(
        &self,
        namespace: &str,
        object: &PublishedObject,
        found: &Found,
    ) -> impl Future<Output = Result<(), ClusterError>> + Send;

    /// Tells people of a change of state. A lost Event is no failure.
    fn publish(&self, live: &StepFunctionEndpoint, change: &StateChange) -> impl Future<Output = ()> + Send;
}
