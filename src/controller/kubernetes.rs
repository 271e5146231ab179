//! The cluster by its API server.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, Patch, PatchParams};
use kube::client::Body;
use kube::runtime::events::{Event, EventType, Recorder};
use kube::runtime::reflector::Store;
use kube::{Client, Resource as _};
use serde_json::json;
use sfe_core::api::{StepFunctionEndpoint, StepFunctionEndpointStatus};
use sfe_core::change::cut;

use crate::fence::Fence;

use super::cluster::{Cluster, ClusterError, Key, StateChange};
use super::touched;

/// The name under which the operator's fields are managed and its Events are reported.
pub const MANAGER: &str = "stepfunction-endpoint";
/// The most that an Event's note may take, in bytes. Source: Kubernetes API, events.k8s.io/v1, `note`.
const NOTE_MAX: usize = 1000;

/// How long an answer may take. A watch's has no end.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// A client that writes nothing while the fence is closed, and does not wait for ever. `inner` must not retry: it would pass the fence unseen.
pub fn fenced(inner: Client, fence: Arc<Fence>) -> Client {
    let namespace = inner.default_namespace().to_owned();
    let service = tower::service_fn(move |request: Request<Body>| {
        let (inner, fence) = (inner.clone(), Arc::clone(&fence));
        async move {
            if request.method() != Method::GET {
                fence.check().map_err(|fenced| kube::Error::Service(fenced.into()))?;
            }
            let is_watch = request.uri().query().is_some_and(|query| query.contains("watch="));
            let answer = inner.send(request);
            if is_watch {
                return answer.await;
            }
            let answer = tokio::time::timeout(ANSWER_TIMEOUT, answer).await;
            answer.map_err(|_| kube::Error::Service(format!("no answer within {ANSWER_TIMEOUT:?}").into()))?
        }
    });
    Client::new(service, namespace)
}

/// The cluster by its API server.
pub struct KubeCluster {
    client: Client,
    recorder: Recorder,
    store: Store<StepFunctionEndpoint>,
}

impl KubeCluster {
    /// The cluster of this client; `store` is kept by the watch.
    pub fn new(client: Client, store: Store<StepFunctionEndpoint>) -> Self {
        Self { recorder: Recorder::new(client.clone(), MANAGER.into()), client, store }
    }

    fn api(&self, namespace: &str) -> Api<StepFunctionEndpoint> {
        Api::namespaced(self.client.clone(), namespace)
    }
}

impl Cluster for KubeCluster {
    async fn get(&self, key: &Key) -> Result<Option<StepFunctionEndpoint>, ClusterError> {
        self.api(&key.namespace).get_opt(&key.name).await.map_err(|error| failed("read of the manifest", &error))
    }

    async fn config_map(&self, namespace: &str, name: &str) -> Result<Option<BTreeMap<String, String>>, ClusterError> {
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), namespace);
        let found = api.get_opt(name).await.map_err(|error| failed("read of the ConfigMap", &error))?;
        Ok(found.map(|found| found.data.unwrap_or_default()))
    }

    fn guests(&self, key: &Key) -> Vec<StepFunctionEndpoint> {
        touched::guests(key, &self.store)
    }

    async fn set_finalizers(
        &self,
        live: &StepFunctionEndpoint,
        finalizers: Vec<String>,
    ) -> Result<StepFunctionEndpoint, ClusterError> {
        let Key { namespace, name } = Key::of(live);
        let patch =
            json!({ "metadata": { "finalizers": finalizers, "resourceVersion": live.metadata.resource_version } });
        let patched = self.api(&namespace).patch(&name, &PatchParams::default(), &Patch::Merge(patch)).await;
        patched.map_err(|error| failed("write of the finalizer", &error))
    }

    async fn write_status(
        &self,
        live: &StepFunctionEndpoint,
        status: &StepFunctionEndpointStatus,
        if_unchanged: bool,
    ) -> Result<(), ClusterError> {
        let Key { namespace, name } = Key::of(live);
        let mut metadata = json!({ "name": name, "namespace": namespace });
        if if_unchanged {
            // Server-side apply by one manager never conflicts by itself: the version makes it.
            metadata["resourceVersion"] = json!(live.metadata.resource_version);
        }
        let patch = json!({
            "apiVersion": StepFunctionEndpoint::api_version(&()),
            "kind": StepFunctionEndpoint::kind(&()),
            "metadata": metadata,
            "status": status,
        });
        let parameters = PatchParams::apply(MANAGER).force();
        match self.api(&namespace).patch_status(&name, &parameters, &Patch::Apply(patch)).await {
            Ok(_) => Ok(()),
            Err(error) => Err(failed("write of the status", &error)),
        }
    }

    async fn publish(&self, live: &StepFunctionEndpoint, change: &StateChange) {
        let event = Event {
            type_: if change.normal { EventType::Normal } else { EventType::Warning },
            reason: change.reason.clone(),
            note: Some(within(&change.note, NOTE_MAX)),
            action: "Reconcile".to_owned(),
            secondary: None,
        };
        if let Err(error) = self.recorder.publish(&event, &live.object_ref(&())).await {
            tracing::warn!(%error, "an Event could not be written");
        }
    }
}

fn failed(operation: &'static str, error: &kube::Error) -> ClusterError {
    match error {
        kube::Error::Api(status) if status.code == 409 => ClusterError::Conflict(operation),
        other => ClusterError::Failed { operation, detail: cut(&other.to_string(), 300) },
    }
}

/// At most `max` bytes of `text`.
fn within(text: &str, max: usize) -> String {
    text.chars()
        .scan(0, |bytes, c| {
            *bytes += c.len_utf8();
            (*bytes <= max).then_some(c)
        })
        .collect()
}
