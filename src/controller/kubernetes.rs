//! The cluster by its API server.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret as KubeSecret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, PostParams, Preconditions};
use kube::client::Body;
use kube::runtime::events::{Event, EventType, Recorder};
use kube::runtime::reflector::Store;
use kube::{Client, Resource as _};
use serde_json::json;
use sfe_core::api::{PublishedKind, PublishedObject, StepFunctionEndpoint, StepFunctionEndpointStatus};
use sfe_core::change::cut;
use sfe_core::publish::{Data, Found};

use crate::fence::{Fence, Fenced};

use super::cluster::{Cluster, ClusterError, Key, NewSecret, Secret, StateChange};
use super::{published, touched};

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
            let failed = |fenced: Fenced| kube::Error::Service(fenced.into());
            let is_write = request.method() != Method::GET;
            if is_write {
                fence.check().map_err(failed)?;
            }
            let is_watch = request.uri().query().is_some_and(|query| query.contains("watch="));
            let answer = inner.send(request);
            if is_watch {
                return answer.await;
            }
            let answer = async {
                let answer = tokio::time::timeout(ANSWER_TIMEOUT, answer).await;
                answer.map_err(|_| kube::Error::Service(format!("no answer within {ANSWER_TIMEOUT:?}").into()))?
            };
            if is_write { fence.within(answer).await.map_err(failed)? } else { answer.await }
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

    fn publishable(&self, namespace: &str, kind: PublishedKind) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), namespace, &published::resource(kind))
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

    async fn secret(&self, namespace: &str, name: &str) -> Result<Option<Secret>, ClusterError> {
        let api: Api<KubeSecret> = Api::namespaced(self.client.clone(), namespace);
        let found = api.get_opt(name).await.map_err(|error| failed("read of the Secret", &error))?;
        Ok(found.map(|found| Secret {
            data: found.data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.0)).collect(),
            owners: found.metadata.owner_references.unwrap_or_default(),
        }))
    }

    async fn create_secret(&self, live: &StepFunctionEndpoint, secret: NewSecret) -> Result<(), ClusterError> {
        let Key { namespace, name } = Key::of(live);
        let api: Api<KubeSecret> = Api::namespaced(self.client.clone(), &namespace);
        let owner = OwnerReference {
            api_version: StepFunctionEndpoint::api_version(&()).into_owned(),
            kind: StepFunctionEndpoint::kind(&()).into_owned(),
            name,
            uid: live.metadata.uid.clone().unwrap_or_default(),
            ..OwnerReference::default()
        };
        let metadata =
            ObjectMeta { name: Some(secret.name), owner_references: Some(vec![owner]), ..ObjectMeta::default() };
        let string_data = Some([(secret.key, secret.value)].into());
        let made = KubeSecret { metadata, string_data, ..KubeSecret::default() };
        let answer = api.create(&PostParams::default(), &made).await;
        answer.map(drop).map_err(|error| failed("creation of the Secret", &error))
    }

    async fn namespace_labels(&self, namespace: &str) -> Result<Option<BTreeMap<String, String>>, ClusterError> {
        let api: Api<Namespace> = Api::all(self.client.clone());
        let found = api.get_metadata_opt(namespace).await.map_err(|error| failed("read of the Namespace", &error))?;
        Ok(found.map(|found| found.metadata.labels.unwrap_or_default()))
    }

    fn guests(&self, key: &Key) -> Vec<StepFunctionEndpoint> {
        touched::guests(key, &self.store)
    }

    fn on_same_api(&self, object: &StepFunctionEndpoint) -> Vec<StepFunctionEndpoint> {
        touched::on_same_api(object, &self.store)
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

    async fn published(&self, namespace: &str, object: &PublishedObject) -> Result<Option<Found>, ClusterError> {
        let found = self.publishable(namespace, object.kind).get_opt(&object.name).await;
        found
            .map(|found| found.map(|found| published::read(object.kind, found)))
            .map_err(|error| failed("read", &error))
    }

    async fn write_published(
        &self,
        owner: &StepFunctionEndpoint,
        object: &PublishedObject,
        found: Option<&Found>,
        data: &Data,
    ) -> Result<(), ClusterError> {
        let api = self.publishable(&Key::of(owner).namespace, object.kind);
        let manager = Some(MANAGER.to_owned());
        let written = match found {
            None => {
                let new = published::new(owner, object, data);
                api.create(&PostParams { field_manager: manager, ..PostParams::default() }, &new).await
            }
            Some(found) => {
                let patch = Patch::Merge(published::change(object.kind, found, data));
                api.patch(&object.name, &PatchParams { field_manager: manager, ..PatchParams::default() }, &patch).await
            }
        };
        written.map(drop).map_err(|error| failed("write", &error))
    }

    async fn delete_published(
        &self,
        namespace: &str,
        object: &PublishedObject,
        found: &Found,
    ) -> Result<(), ClusterError> {
        let Found { uid, resource_version, .. } = found;
        let same = Preconditions { uid: Some(uid.clone()), resource_version: Some(resource_version.clone()) };
        let parameters = DeleteParams { preconditions: Some(same), ..DeleteParams::default() };
        match self.publishable(namespace, object.kind).delete(&object.name, &parameters).await {
            Err(error) if !matches!(&error, kube::Error::Api(status) if status.code == 404) => {
                Err(failed("delete", &error))
            }
            Ok(_) | Err(_) => Ok(()),
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
        kube::Error::Api(status) if status.code == 403 => {
            ClusterError::Denied { operation, detail: cut(&status.message, 300) }
        }
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::fence::Clocks as _;
    use crate::fence::tests::{SetClocks, TERM};
    use http::Response;

    /// A client of an API server that knows nothing, and the methods that reached it.
    fn asked() -> (Client, Arc<Mutex<Vec<Method>>>) {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&asked);
        let service = tower::service_fn(move |request: Request<Body>| {
            noted.lock().unwrap().push(request.method().clone());
            async { Response::builder().status(404).body(Body::empty()) }
        });
        (Client::new(service, "default"), asked)
    }

    #[tokio::test]
    async fn nothing_is_written_while_the_fence_is_closed() {
        let clocks = Arc::new(SetClocks::default());
        let fence = Arc::new(Fence::following(Arc::<SetClocks>::clone(&clocks)));
        let (client, asked) = asked();
        let api: Api<ConfigMap> = Api::default_namespaced(fenced(client, Arc::clone(&fence)));
        let every_call = async || {
            drop(api.get("a").await);
            drop(api.list(&kube::api::ListParams::default()).await);
            drop(api.create(&PostParams::default(), &ConfigMap::default()).await);
            drop(api.patch("a", &PatchParams::default(), &Patch::Merge(json!({}))).await);
            drop(api.delete("a", &DeleteParams::default()).await);
            std::mem::take(&mut *asked.lock().unwrap())
        };
        assert_eq!(every_call().await, [Method::GET, Method::GET], "a follower");
        fence.renewed(clocks.now(), TERM);
        let all = [Method::GET, Method::GET, Method::POST, Method::PATCH, Method::DELETE];
        assert_eq!(every_call().await, all, "the leader");
        clocks.pass(10_000);
        assert_eq!(every_call().await, [Method::GET, Method::GET], "one that was");
        let error = api.delete("a", &DeleteParams::default()).await.unwrap_err().to_string();
        assert!(error.contains("not sent: this replica does not lead"), "{error}");
    }
}
