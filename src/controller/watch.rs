//! What makes an object be looked at: its own changes, those of objects that it shares an API with, and of ConfigMaps that it reads.

use std::convert::Infallible;
use std::fmt::Debug;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, BoxStream};
use futures::{FutureExt as _, Stream, StreamExt as _};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::core::PartialObjectMeta;
use kube::runtime::controller::{self, Action, ReconcileRequest, applier};
use kube::runtime::reflector::{ObjectRef, Store, store::Writer};
use kube::runtime::watcher;
use kube::runtime::{WatchStreamExt as _, watcher as watch};
use kube::{Api, Client};
use sfe_core::api::StepFunctionEndpoint;

use crate::aws::Aws;

use super::clock::Clock;
use super::cluster::{ClusterError, Key};
use super::context::Context;
use super::kubernetes::KubeCluster;
use super::reconcile;
use super::touched::{self, Touched};

/// When a failed pass of the cluster's own is tried again.
const RETRY: Duration = Duration::from_secs(2);

/// When what begins and ends.
pub struct Course<L, S> {
    /// Called once all manifests are known, and whenever they are listed anew. The store's own `wait_until_ready` is not for this: of two who wait
    /// by it, as `applier` does, it wakes but one.
    pub ready: Box<dyn Fn() + Send>,
    /// This replica leads: it reconciles.
    pub leads: L,
    /// No more begins.
    pub stop: S,
}

/// Watches, and reconciles from when it leads until it is to stop; then lets what runs end. `namespace` limits all to one namespace.
pub async fn run<A: Aws, K: Clock>(
    client: Client,
    namespace: Option<&str>,
    concurrency: u16,
    ctx: Arc<Context<A, KubeCluster, K>>,
    writer: Writer<StepFunctionEndpoint>,
    course: Course<impl Future<Output = ()>, impl Future<Output = ()> + Send + 'static>,
) {
    let Course { ready, leads, stop } = course;
    let (store, stopping) = (writer.as_reader(), Arc::clone(&ctx));
    let mut stop = Box::pin(async move {
        stop.await;
        tracing::info!("stopping: calls in flight end, their answers are kept");
        stopping.stop();
        stopping.aws.stop();
    });
    let manifests = manifests(scoped(&client, namespace), store.clone(), writer, ready);
    let config_maps = config_maps(scoped(&client, namespace), store.clone());
    let reads_namespaces = ctx.options.settings.reads_namespaces && namespace.is_none();
    let namespaces =
        if reads_namespaces { namespaces(Api::all(client), store.clone()) } else { stream::empty().boxed() };
    let mut changes = stream::select_all([manifests, config_maps, namespaces]);
    // A follower keeps its caches warm, and leaves every change to the leader.
    let mut leads = pin!(leads);
    loop {
        tokio::select! {
            biased;
            () = &mut stop => return,
            () = &mut leads => break,
            Some(_) = changes.next() => {}
        }
    }
    let known: Vec<ReconcileRequest<_>> =
        store.state().iter().map(|known| ObjectRef::from_obj(known.as_ref()).into()).collect();
    let queue = stream::iter(known).chain(changes).take_until(stop).map(Ok::<_, Infallible>);
    let reconciler = |object: Arc<StepFunctionEndpoint>, ctx: Arc<Context<A, KubeCluster, K>>| {
        reconcile(Key::of(&object), ctx)
            .map(|result| result.map(|after| after.map_or_else(Action::await_change, Action::requeue)))
            .boxed()
    };
    let retry = |_: Arc<StepFunctionEndpoint>, error: &ClusterError, _: Arc<Context<A, KubeCluster, K>>| match error {
        ClusterError::Conflict(_) => Action::requeue(Duration::from_millis(50)), // the object has changed: start again
        ClusterError::Forbidden(_) | ClusterError::Failed { .. } => Action::requeue(RETRY),
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
    ready: Box<dyn Fn() + Send>,
) -> BoxStream<'static, ReconcileRequest<StepFunctionEndpoint>> {
    let mut touched = Touched::default();
    let events = watch(api, watcher::Config::default().any_semantic()).default_backoff().reflect(writer);
    events
        .filter_map(|event| async { event.inspect_err(|error| tracing::warn!(%error, "the watch broke: again")).ok() })
        .flat_map(move |event| {
            if matches!(event, watcher::Event::InitDone) {
                ready();
            }
            let keys = touched.by(&event, &store);
            requests(keys)
        })
        .boxed()
}

/// The objects of another kind that changed. Their metadata alone is watched.
fn changed<K>(api: Api<PartialObjectMeta<K>>) -> impl Stream<Item = PartialObjectMeta<K>> + Send
where
    K: Clone + Debug + Send + Sync + 'static,
    PartialObjectMeta<K>: kube::Resource<DynamicType = ()>,
{
    watch(api, watcher::Config::default().any_semantic()).default_backoff().touched_objects().filter_map(
        |object| async { object.inspect_err(|error| tracing::warn!(%error, "the watch broke: again")).ok() },
    )
}

fn requests(keys: Vec<Key>) -> impl Stream<Item = ReconcileRequest<StepFunctionEndpoint>> {
    stream::iter(keys.into_iter().map(|key| ObjectRef::new(&key.name).within(&key.namespace).into()))
}

/// The manifests whose place on another's API a namespace's labels decide. Of Namespaces the metadata alone is watched.
fn namespaces(
    api: Api<PartialObjectMeta<Namespace>>,
    store: Store<StepFunctionEndpoint>,
) -> BoxStream<'static, ReconcileRequest<StepFunctionEndpoint>> {
    changed(api)
        .flat_map(move |namespace| {
            let keys = touched::selected(namespace.metadata.name.as_deref().unwrap_or_default(), &store);
            requests(keys)
        })
        .boxed()
}

/// The manifests whose definition stands in a ConfigMap that changed. Of ConfigMaps the metadata alone is watched.
fn config_maps(
    api: Api<PartialObjectMeta<ConfigMap>>,
    store: Store<StepFunctionEndpoint>,
) -> BoxStream<'static, ReconcileRequest<StepFunctionEndpoint>> {
    changed(api)
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
