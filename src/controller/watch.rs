//! What makes an object be looked at: its own changes, those of objects that it shares an API with, and of ConfigMaps that it reads.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, BoxStream};
use futures::{FutureExt as _, StreamExt as _};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::core::PartialObjectMeta;
use kube::runtime::controller::{self, Action, ReconcileRequest, applier};
use kube::runtime::reflector::{ObjectRef, Store, store::Writer};
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt as _, watcher as watch};
use kube::{Api, Client};
use sfe_core::api::StepFunctionEndpoint;
use sfe_core::owner::hash;
use sfe_core::status::is_true;

use crate::aws::Aws;

use super::clock::Clock;
use super::cluster::{ClusterError, Key};
use super::context::Context;
use super::kubernetes::KubeCluster;
use super::reconcile;

/// When a failed pass of the cluster's own is tried again.
const RETRY: Duration = Duration::from_secs(2);

/// Watches and reconciles until `stop`; then lets what runs end. `namespace` limits all to one namespace.
pub async fn run<A: Aws, K: Clock>(
    client: Client,
    namespace: Option<&str>,
    concurrency: u16,
    ctx: Arc<Context<A, KubeCluster, K>>,
    store: Store<StepFunctionEndpoint>,
    writer: Writer<StepFunctionEndpoint>,
    stop: impl Future<Output = ()> + Send + 'static,
) {
    let stopping = Arc::clone(&ctx);
    let stop = async move {
        stop.await;
        tracing::info!("stopping: calls in flight end, their answers are kept");
        stopping.stop();
    };
    let manifests = manifests(scoped(&client, namespace), store.clone(), writer);
    let config_maps = config_maps(scoped(&client, namespace), store.clone());
    let queue = stream::select(manifests, config_maps).take_until(stop).map(Ok::<_, Infallible>);
    let reconciler = |object: Arc<StepFunctionEndpoint>, ctx: Arc<Context<A, KubeCluster, K>>| {
        reconcile(Key::of(&object), ctx)
            .map(|result| result.map(|after| after.map_or_else(Action::await_change, Action::requeue)))
            .boxed()
    };
    let retry = |_: Arc<StepFunctionEndpoint>, error: &ClusterError, _: Arc<Context<A, KubeCluster, K>>| match error {
        ClusterError::Conflict(_) => Action::requeue(Duration::from_millis(50)), // the object has changed: start again
        ClusterError::Failed { .. } => Action::requeue(RETRY),
    };
    let config = controller::Config::default().concurrency(concurrency);
    applier(reconciler, retry, ctx, store, queue, config).for_each(tell).await;
}

async fn tell<T>(result: Result<T, controller::Error<ClusterError, Infallible>>) {
    match result {
        Ok(_) | Err(controller::Error::ObjectNotFound(_) | controller::Error::QueueError(_)) => {}
        Err(controller::Error::ReconcilerFailed(ClusterError::Conflict(operation), object)) => {
            tracing::debug!(%object, operation, "the object has changed: starting again");
        }
        Err(error) => tracing::warn!(%error, "a pass could not be finished"),
    }
}

fn scoped<K>(client: &Client, namespace: Option<&str>) -> Api<K>
where
    K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
{
    match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

/// The manifests that changed, and those that share an API with them.
fn manifests(
    api: Api<StepFunctionEndpoint>,
    store: Store<StepFunctionEndpoint>,
    writer: Writer<StepFunctionEndpoint>,
) -> BoxStream<'static, ReconcileRequest<StepFunctionEndpoint>> {
    let mut seen: BTreeMap<Key, Traits> = BTreeMap::new();
    let mut initial: BTreeMap<Key, Traits> = BTreeMap::new();
    let events = watch(api, watcher::Config::default().any_semantic()).default_backoff().reflect(writer);
    events
        .filter_map(|event| async { event.inspect_err(|error| tracing::warn!(%error, "the watch broke: again")).ok() })
        .flat_map(move |event| {
            let mut touched = Vec::new();
            match event {
                Event::Init => initial.clear(),
                Event::InitDone => seen = std::mem::take(&mut initial),
                Event::InitApply(object) => {
                    let now = Traits::of(&object);
                    touched = now.touched_since(seen.get(&Key::of(&object)), &object, &store);
                    initial.insert(Key::of(&object), now);
                }
                Event::Apply(object) => {
                    let now = Traits::of(&object);
                    touched = now.touched_since(seen.get(&Key::of(&object)), &object, &store);
                    seen.insert(Key::of(&object), now);
                }
                Event::Delete(object) => {
                    seen.remove(&Key::of(&object));
                    touched = related(&object, &store);
                }
            }
            stream::iter(touched)
        })
        .boxed()
}

/// What of an object makes it or others be looked at. The generation alone would hide a change of finalizers.
#[derive(Clone, PartialEq)]
struct Traits {
    own: String,
    shared: String,
    host: Option<String>,
}

impl Traits {
    fn of(object: &StepFunctionEndpoint) -> Self {
        let metadata = &object.metadata;
        let (generation, deleted) = (metadata.generation, metadata.deletion_timestamp.is_some());
        let own =
            format!("{:?} {generation:?} {deleted} {:?} {:?}", metadata.uid, metadata.finalizers, metadata.annotations);
        let status = object.status.clone().unwrap_or_default();
        let ready = ["RolesReady", "StateMachineReady"].map(|name| is_true(&status, name));
        let shared = format!(
            "{generation:?} {deleted} {ready:?} {:?} {:?} {:?} {:?} {:?}",
            status.observed_generation, status.state_machine, status.gateway_role_arn, status.guests, status.url
        );
        Self { own: hash([own.as_str()]), shared: hash([shared.as_str()]), host: host(object) }
    }

    fn touched_since(
        &self,
        before: Option<&Self>,
        object: &StepFunctionEndpoint,
        store: &Store<StepFunctionEndpoint>,
    ) -> Vec<ReconcileRequest<StepFunctionEndpoint>> {
        let mut touched = Vec::new();
        if before.is_none_or(|before| before.own != self.own) {
            touched.push(ObjectRef::from_obj(object).into());
        }
        if before.is_none_or(|before| before.shared != self.shared) {
            touched.extend(related(object, store));
        }
        if let Some(former) =
            before.and_then(|before| before.host.as_ref()).filter(|former| self.host.as_ref() != Some(former))
        {
            touched.push(ObjectRef::new(former).within(&Key::of(object).namespace).into());
        }
        touched
    }
}

/// The name of the object whose API this one's routes are on.
fn host(object: &StepFunctionEndpoint) -> Option<String> {
    let reference = object.spec.api.as_ref()?.endpoint_ref.as_ref()?;
    Some(reference.name.clone())
}

/// The object whose API this one's routes are on, and those whose routes are on its API.
fn related(
    object: &StepFunctionEndpoint,
    store: &Store<StepFunctionEndpoint>,
) -> Vec<ReconcileRequest<StepFunctionEndpoint>> {
    let key = Key::of(object);
    let is_guest = |other: &StepFunctionEndpoint| {
        other.metadata.namespace.as_deref() == Some(&key.namespace) && host(other).as_deref() == Some(&key.name)
    };
    let guests = store.state_filter(is_guest);
    let mut related: Vec<_> = guests.iter().map(|guest| ObjectRef::from_obj(guest.as_ref()).into()).collect();
    related.extend(host(object).map(|name| ObjectRef::new(&name).within(&key.namespace).into()));
    related
}

/// The manifests whose definition stands in a ConfigMap that changed. Of ConfigMaps the metadata alone is watched.
fn config_maps(
    api: Api<PartialObjectMeta<ConfigMap>>,
    store: Store<StepFunctionEndpoint>,
) -> BoxStream<'static, ReconcileRequest<StepFunctionEndpoint>> {
    watch(api, watcher::Config::default().any_semantic())
        .default_backoff()
        .touched_objects()
        .filter_map(|object| async {
            object.inspect_err(|error| tracing::warn!(%error, "the watch broke: again")).ok()
        })
        .flat_map(move |config_map| {
            let reads = |object: &StepFunctionEndpoint| {
                let source = object.spec.state_machine.definition_from.as_ref();
                object.metadata.namespace == config_map.metadata.namespace
                    && source.is_some_and(|source| {
                        Some(&source.config_map_key_ref.name) == config_map.metadata.name.as_ref()
                    })
            };
            let users = store.state_filter(reads);
            stream::iter(users.iter().map(|user| ObjectRef::from_obj(user.as_ref()).into()).collect::<Vec<_>>())
        })
        .boxed()
}
