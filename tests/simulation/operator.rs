//! One process of the operator: the real reconcile, its queue, and the watch that feeds it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context as TaskContext, Poll, Wake, Waker};
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use jiff::SignedDuration;
use kube::runtime::reflector::{self, Store, store::Writer};
use kube::runtime::watcher::Event;
use sfe::controller::{ClusterError, Context, Key, Options, Touched, reconcile, selected, users_of_config_map};
use sfe_core::api::StepFunctionEndpoint;
use sfe_core::desired::Settings;
use sfe_core::outcome::Pace;
use sfe_core::owner::Site;

use crate::account::CLUSTER;
use crate::aws::SimulatedAws;
use crate::life::{NAMES, key};
use crate::network::{Caller, Network};
use crate::server::{Change, Server, SimulatedCluster};
use crate::time::{Millis, SECOND, Time};

type Pass = Pin<Box<dyn Future<Output = (Key, Result<Option<Duration>, ClusterError>)> + Send>>;

pub struct Operator {
    pub caller: Caller,
    context: Arc<Context<SimulatedAws, SimulatedCluster, Time>>,
    passes: FuturesUnordered<Pass>,
    running: BTreeSet<Key>,
    due: BTreeMap<Key, Millis>,
    watch: Watch,
    time: Time,
    woken: Arc<Flag>,
}

/// What the operator has been told of the cluster.
struct Watch {
    store: Store<StepFunctionEndpoint>,
    writer: Writer<StepFunctionEndpoint>,
    touched: Touched,
    on_the_way: VecDeque<(Millis, News)>,
    broken_until: Option<Millis>,
}

/// What the watches tell.
enum News {
    Object(Box<Event<StepFunctionEndpoint>>),
    /// The labels of a namespace have changed.
    Labels,
    /// A ConfigMap has changed, or is gone.
    ConfigMap(Key),
}

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

pub fn site() -> Site {
    Site { partition: "aws".into(), account: "000000000000".into(), region: "eu-central-1".into() }
}

fn options() -> Options {
    Options {
        settings: Settings {
            cloudwatch_role: "arn:aws:iam::000000000000:role/logs".parse().ok(),
            ..Settings::new(CLUSTER.into(), site())
        },
        pace: Pace {
            retry_min: SignedDuration::from_secs(1),
            retry_max: SignedDuration::from_mins(1),
            stalled: SignedDuration::from_mins(5),
            drift: SignedDuration::from_mins(10),
        },
        settle: SignedDuration::from_secs(15),
        role_grace: SignedDuration::from_mins(5),
    }
}

impl Operator {
    /// A new process: it lists all, and remembers nothing.
    pub fn start(name: &str, server: &Server, network: &Network) -> Self {
        let (store, writer) = reflector::store();
        let (caller, time) = (Caller::new(name), network.time.clone());
        let aws = SimulatedAws { network: network.clone(), caller: caller.clone() };
        let (server_of, network) = (server.clone(), network.clone());
        let cluster = SimulatedCluster { server: server_of, network, caller: caller.clone(), store: store.clone() };
        let context = Arc::new(Context::new(aws, cluster, time.clone(), options()));
        let watch =
            Watch { store, writer, touched: Touched::default(), on_the_way: VecDeque::new(), broken_until: None };
        let (passes, running, due) = (FuturesUnordered::new(), BTreeSet::new(), BTreeMap::new());
        let mut operator = Self { caller, context, passes, running, due, watch, time, woken: Arc::default() };
        operator.list(server.all());
        operator
    }

    /// The whole list, as after a start or a broken watch.
    fn list(&mut self, objects: Vec<StepFunctionEndpoint>) {
        self.watch.on_the_way.clear();
        self.watch.broken_until = None;
        self.take_in(&Event::Init);
        objects.into_iter().for_each(|object| self.take_in(&Event::InitApply(object)));
        self.take_in(&Event::InitDone);
        self.look_at_selected();
    }

    /// The labels of a namespace may have changed.
    fn look_at_selected(&mut self) {
        self.look_at(selected(&key(NAMES[2]).namespace, &self.watch.store));
    }

    fn look_at(&mut self, keys: Vec<Key>) {
        let now = self.time.millis();
        for key in keys {
            let due = self.due.entry(key).or_insert(now);
            *due = now.min(*due);
        }
    }

    fn take_in(&mut self, event: &Event<StepFunctionEndpoint>) {
        self.watch.writer.apply_watcher_event(event);
        let touched = self.watch.touched.by(event, &self.watch.store);
        self.look_at(touched);
    }

    /// A change is on its way to this operator, unless its watch is broken. The order stays.
    pub fn send(&mut self, change: &Change, latency: Millis) {
        if self.watch.broken_until.is_some() {
            return;
        }
        let event = match change {
            Change::Written(object) | Change::StatusWritten(object) => Event::Apply(object.as_ref().clone()),
            Change::Gone(object) => Event::Delete(object.as_ref().clone()),
        };
        self.push(News::Object(Box::new(event)), latency);
    }

    /// The labels of a namespace have changed, which is on its way like any other change.
    pub fn tell_of_labels(&mut self, latency: Millis) {
        if self.watch.broken_until.is_none() {
            self.push(News::Labels, latency);
        }
    }

    /// A ConfigMap has changed, which is on its way likewise.
    pub fn tell_of_config_map(&mut self, config_map: &Key, latency: Millis) {
        if self.watch.broken_until.is_none() {
            self.push(News::ConfigMap(config_map.clone()), latency);
        }
    }

    fn push(&mut self, event: News, latency: Millis) {
        let last = self.watch.on_the_way.back().map_or(0, |(at, _)| *at);
        self.watch.on_the_way.push_back((last.max(self.time.millis() + latency), event));
    }

    /// What is on the way is lost, and nothing more comes until the watch lists anew.
    pub fn break_watch(&mut self, until: Millis) {
        self.watch.on_the_way.clear();
        self.watch.broken_until = Some(until);
    }

    /// The watch tells once more how everything is.
    pub fn repeat_watch(&mut self, objects: Vec<StepFunctionEndpoint>) {
        for object in objects {
            self.send(&Change::Written(Box::new(object)), SECOND);
        }
    }

    /// When something is due here, if nothing else happens before.
    pub fn next(&self) -> Option<Millis> {
        let due = self.due.iter().filter(|(key, _)| !self.running.contains(key)).map(|(_, at)| *at);
        let told = self.watch.on_the_way.front().map(|(at, _)| *at);
        due.chain(told).chain(self.watch.broken_until).min()
    }

    /// Whether nothing runs and nothing is on the way.
    pub fn is_idle(&self) -> bool {
        let now = self.time.millis();
        let due = self.due.values().any(|at| *at <= now);
        self.running.is_empty() && self.watch.on_the_way.is_empty() && self.watch.broken_until.is_none() && !due
    }

    /// Does all that can be done at this moment.
    pub fn work(&mut self, server: &Server) {
        let now = self.time.millis();
        if self.watch.broken_until.is_some_and(|until| until <= now) {
            self.list(server.all());
        }
        while let Some((_, event)) = self.watch.on_the_way.pop_front_if(|(at, _)| *at <= now) {
            match event {
                News::Object(event) => self.take_in(&event),
                News::Labels => self.look_at_selected(),
                News::ConfigMap(key) => self.look_at(users_of_config_map(&key, &self.watch.store)),
            }
        }
        loop {
            let ready: Vec<Key> = self
                .due
                .iter()
                .filter(|(key, at)| **at <= now && !self.running.contains(*key))
                .map(|(key, _)| key.clone())
                .collect();
            for key in ready {
                self.due.remove(&key);
                self.running.insert(key.clone());
                let context = Arc::clone(&self.context);
                self.passes.push(Box::pin(async move { (key.clone(), reconcile(key, context).await) }));
                self.woken.0.store(true, Ordering::Relaxed);
            }
            if !self.woken.0.swap(false, Ordering::Relaxed) || !self.poll(now) {
                return;
            }
        }
    }

    /// Lets the passes go on; answers whether there is more to do at this moment.
    fn poll(&mut self, now: Millis) -> bool {
        let waker = Waker::from(Arc::clone(&self.woken));
        let mut context = TaskContext::from_waker(&waker);
        while let Poll::Ready(Some((key, result))) = self.passes.poll_next_unpin(&mut context) {
            self.running.remove(&key);
            let after = match result {
                Ok(after) => after.map(|after| Millis::try_from(after.as_millis()).unwrap().max(1)),
                Err(ClusterError::Conflict(_)) => Some(50),
                Err(ClusterError::Denied { .. } | ClusterError::Failed { .. }) => Some(2 * SECOND),
            };
            if let Some(after) = after {
                let due = self.due.entry(key).or_insert(now + after);
                *due = (*due).min(now + after);
            }
        }
        let due = self.due.iter().any(|(key, at)| *at <= now && !self.running.contains(key));
        !self.caller.has_crashed() && (due || self.woken.0.load(Ordering::Relaxed))
    }
}
