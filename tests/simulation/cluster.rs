//! A simulated API server with one object.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};
use sfe::controller::{Cluster, ClusterError, Key, StateChange};
use sfe_core::api::{StepFunctionEndpoint, StepFunctionEndpointStatus};
use sfe_core::status::is_true;

#[derive(Clone, Default)]
pub struct SimulatedCluster(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    object: Option<StepFunctionEndpoint>,
    version: u64,
}

impl State {
    /// Each write makes a new version; an object that is deleted goes with its last finalizer.
    fn write(&mut self, change: impl FnOnce(&mut StepFunctionEndpoint)) {
        self.version += 1;
        let Some(object) = &mut self.object else { return };
        change(object);
        object.metadata.resource_version = Some(self.version.to_string());
        let metadata = &object.metadata;
        if metadata.deletion_timestamp.is_some() && metadata.finalizers.iter().flatten().next().is_none() {
            self.object = None;
        }
    }

    fn check(&self, live: &StepFunctionEndpoint) -> Result<(), ClusterError> {
        let same = |object: &StepFunctionEndpoint| object.metadata.resource_version == live.metadata.resource_version;
        if self.object.as_ref().is_some_and(same) { Ok(()) } else { Err(ClusterError::Conflict("a write")) }
    }
}

impl SimulatedCluster {
    pub fn apply(&self, spec: &Value) {
        let mut state = self.0.lock().unwrap();
        let spec = serde_json::from_value(spec.clone()).unwrap();
        if state.object.is_none() {
            let metadata = json!({ "name": "orders", "namespace": "prod", "generation": 0, "creationTimestamp": "2027-01-15T08:00:00Z" });
            let mut object = StepFunctionEndpoint::new("orders", spec);
            object.metadata = serde_json::from_value(metadata).unwrap();
            state.object = Some(object);
            state.write(|object| object.metadata.generation = Some(1));
        } else {
            state.write(|object| {
                object.spec = spec;
                object.metadata.generation = object.metadata.generation.map(|generation| generation + 1);
            });
        }
    }

    pub fn delete(&self) {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        self.0.lock().unwrap().write(|object| object.metadata.deletion_timestamp = Some(Time(now)));
    }

    pub fn is_ready(&self) -> bool {
        let state = self.0.lock().unwrap();
        state.object.as_ref().is_some_and(|object| {
            let current =
                |status: &StepFunctionEndpointStatus| status.observed_generation == object.metadata.generation;
            object
                .status
                .as_ref()
                .is_some_and(|status| current(status) && is_true(status, "Ready") && is_true(status, "Live"))
        })
    }

    pub fn is_gone(&self) -> bool {
        self.0.lock().unwrap().object.is_none()
    }

    pub fn told(&self) -> String {
        let state = self.0.lock().unwrap();
        let status = state.object.as_ref().and_then(|object| object.status.as_ref());
        let ready = status.and_then(|status| status.conditions.iter().find(|condition| condition.type_ == "Ready"));
        ready.map_or_else(String::new, |condition| condition.message.clone())
    }
}

impl Cluster for SimulatedCluster {
    async fn get(&self, _: &Key) -> Result<Option<StepFunctionEndpoint>, ClusterError> {
        Ok(self.0.lock().unwrap().object.clone())
    }

    async fn config_map(&self, _: &str, _: &str) -> Result<Option<BTreeMap<String, String>>, ClusterError> {
        Ok(None)
    }

    fn guests(&self, _: &Key) -> Vec<StepFunctionEndpoint> {
        Vec::new()
    }

    async fn set_finalizers(
        &self,
        live: &StepFunctionEndpoint,
        finalizers: Vec<String>,
    ) -> Result<StepFunctionEndpoint, ClusterError> {
        let mut state = self.0.lock().unwrap();
        state.check(live)?;
        state.write(|object| object.metadata.finalizers = Some(finalizers));
        Ok(state.object.clone().unwrap_or_else(|| live.clone()))
    }

    async fn write_status(
        &self,
        live: &StepFunctionEndpoint,
        status: &StepFunctionEndpointStatus,
        if_unchanged: bool,
    ) -> Result<(), ClusterError> {
        let mut state = self.0.lock().unwrap();
        if if_unchanged {
            state.check(live)?;
        }
        state.write(|object| object.status = Some(status.clone()));
        Ok(())
    }

    async fn publish(&self, _: &StepFunctionEndpoint, _: &StateChange) {}
}
