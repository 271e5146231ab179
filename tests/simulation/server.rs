//! An API server: versions, generations, finalizers, and a watch that may be slow, break or repeat itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time as KubeTime;
use kube::runtime::reflector::Store;
use serde_json::{Value, json};
use sfe::aws::Class;
use sfe::controller::{Cluster, ClusterError, Key, NewSecret, Secret, StateChange, guests, on_same_api};
use sfe_core::api::{PublishedObject, StepFunctionEndpoint, StepFunctionEndpointStatus};
use sfe_core::publish::{Data, Found};

use crate::account::Refused;
use crate::labels::LABEL;
use crate::network::{Call, Caller, Network};
use crate::published::Shelf;
use crate::time::timestamp;

/// What the API server holds.
#[derive(Clone, Default)]
pub struct Server(Arc<Mutex<State>>);

struct State {
    /// Whether the namespaces bear the label by which a host selects them.
    is_labelled: bool,
    objects: BTreeMap<Key, StepFunctionEndpoint>,
    shelf: Shelf,
    version: u64,
    /// What nobody was told yet.
    changes: Vec<Change>,
}

/// A change of an object.
#[derive(Clone)]
pub enum Change {
    Written(Box<StepFunctionEndpoint>),
    /// Its status was written by an operator.
    StatusWritten(Box<StepFunctionEndpoint>),
    Gone(Box<StepFunctionEndpoint>),
}

impl Change {
    pub fn object(&self) -> &StepFunctionEndpoint {
        match self {
            Self::Written(object) | Self::StatusWritten(object) | Self::Gone(object) => object,
        }
    }
}

impl Default for State {
    fn default() -> Self {
        Self { is_labelled: true, objects: BTreeMap::new(), shelf: Shelf::default(), version: 0, changes: Vec::new() }
    }
}

impl State {
    fn write(&mut self, key: &Key, is_status: bool, change: impl FnOnce(&mut StepFunctionEndpoint)) {
        self.version += 1;
        let Some(object) = self.objects.get_mut(key) else { return };
        change(object);
        object.metadata.resource_version = Some(self.version.to_string());
        let is_last = object.metadata.finalizers.iter().flatten().next().is_none();
        let object = Box::new(object.clone());
        if object.metadata.deletion_timestamp.is_some() && is_last {
            self.objects.remove(key);
            self.shelf.collect(&object);
            self.changes.push(Change::Gone(object));
        } else if is_status {
            self.changes.push(Change::StatusWritten(object));
        } else {
            self.changes.push(Change::Written(object));
        }
    }

    /// The object as the writer read it, or the conflict.
    fn check(&self, live: &StepFunctionEndpoint, version: bool) -> Result<(), Refused> {
        let Some(found) = self.objects.get(&Key::of(live)) else {
            return Err((Class::NotFound, "there is no such object".to_owned()));
        };
        if version && found.metadata.resource_version != live.metadata.resource_version {
            return Err((Class::Conflict, "the object has changed".to_owned()));
        }
        Ok(())
    }
}

impl Server {
    pub fn get(&self, key: &Key) -> Option<StepFunctionEndpoint> {
        self.0.lock().unwrap().objects.get(key).cloned()
    }

    pub fn all(&self) -> Vec<StepFunctionEndpoint> {
        self.0.lock().unwrap().objects.values().cloned().collect()
    }

    pub fn take_changes(&self) -> Vec<Change> {
        std::mem::take(&mut self.0.lock().unwrap().changes)
    }

    /// A user applies a manifest.
    pub fn apply(&self, key: &Key, spec: &Value, now: i64) {
        let mut state = self.0.lock().unwrap();
        let spec = serde_json::from_value(spec.clone()).unwrap();
        if state.objects.contains_key(key) {
            state.write(key, false, |object| {
                object.spec = spec;
                object.metadata.generation = object.metadata.generation.map(|generation| generation + 1);
            });
            return;
        }
        let mut object = StepFunctionEndpoint::new(&key.name, spec);
        object.metadata = serde_json::from_value(json!({
            "name": key.name,
            "namespace": key.namespace,
            "uid": format!("uid-{}", state.version),
            "generation": 1,
            "creationTimestamp": timestamp(now).to_string(),
        }))
        .unwrap();
        state.objects.insert(key.clone(), object);
        state.write(key, false, |_| {});
    }

    /// A user deletes an object.
    pub fn delete(&self, key: &Key, now: i64) {
        let mut state = self.0.lock().unwrap();
        state.write(key, false, |object| {
            object.metadata.deletion_timestamp.get_or_insert(KubeTime(timestamp(now)));
            object.metadata.generation = object.metadata.generation.map(|generation| generation + 1);
        });
    }

    /// Someone labels the namespaces, or takes the label off.
    pub fn label(&self, is_there: bool) {
        self.0.lock().unwrap().is_labelled = is_there;
    }

    /// What is published.
    pub fn published<T>(&self, look: impl FnOnce(&mut Shelf) -> T) -> T {
        look(&mut self.0.lock().unwrap().shelf)
    }

    /// Someone writes an annotation.
    pub fn annotate(&self, key: &Key, value: &str) {
        let mut state = self.0.lock().unwrap();
        state.write(key, false, |object| {
            object.metadata.annotations.get_or_insert_default().insert("someone/else".to_owned(), value.to_owned());
        });
    }
}

/// The API server as one operator sees it.
pub struct SimulatedCluster {
    pub server: Server,
    pub network: Network,
    pub caller: Caller,
    pub store: Store<StepFunctionEndpoint>,
}

impl SimulatedCluster {
    async fn call<T: Send + 'static>(
        &self,
        operation: &'static str,
        key: &Key,
        effect: impl FnOnce(&mut State) -> Result<T, Refused> + Send + 'static,
    ) -> Result<T, ClusterError> {
        let server = self.server.clone();
        let call = Call { operation, writes: false, aws: false, rest_api_id: None };
        let what = || format!("{operation} {key}");
        let answer = self.network.call(&self.caller, call, what, move |_| effect(&mut server.0.lock().unwrap())).await;
        answer.map_err(|(class, detail)| match class {
            Class::Conflict => ClusterError::Conflict(operation),
            Class::AccessDenied => ClusterError::Denied { operation, detail },
            _ => ClusterError::Failed { operation, detail },
        })
    }
}

impl Cluster for SimulatedCluster {
    async fn get(&self, key: &Key) -> Result<Option<StepFunctionEndpoint>, ClusterError> {
        let wanted = key.clone();
        self.call("get", key, move |state| Ok(state.objects.get(&wanted).cloned())).await
    }

    async fn config_map(&self, _: &str, _: &str) -> Result<Option<BTreeMap<String, String>>, ClusterError> {
        Ok(None)
    }

    /// Someone has made each Secret that a manifest names.
    async fn secret(&self, namespace: &str, name: &str) -> Result<Option<Secret>, ClusterError> {
        let key = Key { namespace: namespace.to_owned(), name: name.to_owned() };
        let value = format!("the-value-in-the-secret-{name}").into_bytes();
        let data = BTreeMap::from([("key".to_owned(), value)]);
        self.call("get", &key, move |_| Ok(Some(Secret { data, owners: Vec::new() }))).await
    }

    async fn create_secret(&self, _: &StepFunctionEndpoint, _: NewSecret) -> Result<(), ClusterError> {
        Ok(())
    }

    async fn namespace_labels(&self, namespace: &str) -> Result<Option<BTreeMap<String, String>>, ClusterError> {
        let key = Key { namespace: String::new(), name: namespace.to_owned() };
        let label = [(LABEL.0.to_owned(), LABEL.1.to_owned())];
        self.call("get", &key, move |state| Ok(Some(label.into_iter().filter(|_| state.is_labelled).collect()))).await
    }

    fn guests(&self, key: &Key) -> Vec<StepFunctionEndpoint> {
        guests(key, &self.store)
    }

    fn on_same_api(&self, object: &StepFunctionEndpoint) -> Vec<StepFunctionEndpoint> {
        on_same_api(object, &self.store)
    }

    async fn set_finalizers(
        &self,
        live: &StepFunctionEndpoint,
        finalizers: Vec<String>,
    ) -> Result<StepFunctionEndpoint, ClusterError> {
        let (live, key) = (live.clone(), Key::of(live));
        let what = if finalizers.is_empty() { "finalizer off" } else { "finalizer on" };
        self.call(what, &key.clone(), move |state| {
            state.check(&live, true)?;
            state.write(&key, false, |object| object.metadata.finalizers = Some(finalizers));
            Ok(state.objects.get(&key).cloned().unwrap_or(live))
        })
        .await
    }

    async fn write_status(
        &self,
        live: &StepFunctionEndpoint,
        status: &StepFunctionEndpointStatus,
        if_unchanged: bool,
    ) -> Result<(), ClusterError> {
        let (live, key, status) = (live.clone(), Key::of(live), status.clone());
        let intent = |status: &StepFunctionEndpointStatus| status.api.as_ref()?.create_intended_at.clone();
        let is_intent = live.status.as_ref().and_then(intent) != intent(&status) && intent(&status).is_some();
        let what = if is_intent { "intent" } else { "status" };
        self.call(what, &key.clone(), move |state| {
            state.check(&live, if_unchanged)?;
            state.write(&key, true, |object| object.status = Some(status));
            Ok(())
        })
        .await
    }

    async fn published(&self, namespace: &str, object: &PublishedObject) -> Result<Option<Found>, ClusterError> {
        let key = Key { namespace: namespace.to_owned(), name: object.name.clone() };
        let place = (namespace.to_owned(), object.clone());
        self.call("get", &key, move |state| Ok(state.shelf.get(&place))).await
    }

    async fn write_published(
        &self,
        owner: &StepFunctionEndpoint,
        object: &PublishedObject,
        found: Option<&Found>,
        data: &Data,
    ) -> Result<(), ClusterError> {
        let key = Key { namespace: Key::of(owner).namespace, name: object.name.clone() };
        let place = (key.namespace.clone(), object.clone());
        let (owner, found, data) = (owner.clone(), found.cloned(), data.clone());
        self.call("publish", &key, move |state| state.shelf.write(place, &owner, found.as_ref(), data)).await
    }

    async fn delete_published(
        &self,
        namespace: &str,
        object: &PublishedObject,
        found: &Found,
    ) -> Result<(), ClusterError> {
        let key = Key { namespace: namespace.to_owned(), name: object.name.clone() };
        let (place, found) = ((namespace.to_owned(), object.clone()), found.clone());
        self.call("unpublish", &key, move |state| state.shelf.delete(&place, &found)).await
    }

    async fn publish(&self, _: &StepFunctionEndpoint, _: &StateChange) {}
}
