//! The real reconcile at AWS's rates, on a clock that is set: who waits, what is told meanwhile, and what is never held up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::json;
use sfe_core::action::Action;
use sfe_core::api::{
    ExecutionStatus, PublishedObject, StateMachineType, StepFunctionEndpoint, StepFunctionEndpointStatus,
};
use sfe_core::arn::Arn;
use sfe_core::desired::Settings;
use sfe_core::executions::Source;
use sfe_core::observed::{Answer, Fact, Read};
use sfe_core::operation::Operation;
use sfe_core::outcome::Pace;
use sfe_core::owner::{Owner, Site};
use sfe_core::predict::World;
use sfe_core::publish::{Data, Found};
use sfe_core::status::is_true;

use super::about;
use crate::aws::{Aws, Caller, Errand, Error, Limiter, Place, Rates, Turn, Uncounted};
use crate::controller::{
    Clock, Cluster, ClusterError, Context, Key, NewSecret, Options, Secret, StateChange, reconcile,
};

/// A cluster with any number of endpoints, an account at AWS's rates, and an operator.
#[derive(Clone)]
struct Scene {
    state: Arc<Mutex<State>>,
    limiter: Arc<Limiter>,
    millis: Arc<AtomicI64>,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<Key, StepFunctionEndpoint>,
    due: BTreeMap<Key, Timestamp>,
    worlds: BTreeMap<String, World>,
    reads: usize,
    writes: Vec<(Timestamp, String, Operation)>,
}

fn start() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn site() -> Site {
    Site { partition: "aws".to_owned(), account: "000000000000".to_owned(), region: "eu-central-1".to_owned() }
}

fn place() -> Place {
    Place { account: site().account, region: site().region }
}

impl Clock for Scene {
    fn now(&self) -> Timestamp {
        start() + SignedDuration::from_millis(self.millis.load(Ordering::Relaxed))
    }

    fn jitter(&self) -> f64 {
        0.5
    }
}

impl Aws for Scene {
    async fn read(&self, _: &Caller, _: &Site, owner: &Owner, read: &Read) -> Result<Fact, Error> {
        let mut state = self.state.lock().unwrap();
        state.reads += 1;
        let world = state.worlds.entry(owner.name.clone()).or_insert_with(|| World::empty(site(), start()));
        Ok(world.read(read))
    }

    async fn apply(&self, caller: &Caller, _: &Site, action: &Action) -> Result<Answer, Error> {
        let (now, operation) = (self.now(), action.operation().unwrap());
        let had_turn = self.limiter.redeem(&place(), caller, operation, now);
        assert!(had_turn || !operation.is_slow(), "{}: {operation} without its turn", caller.name);
        let mut state = self.state.lock().unwrap();
        state.writes.push((now, caller.name.clone(), operation));
        Ok(state.worlds.get_mut(&caller.name).unwrap().apply(action))
    }

    async fn state_machine_type(&self, _: &Caller, _: &Arn) -> Result<Option<StateMachineType>, Error> {
        Ok(None)
    }

    async fn executions(&self, _: &Caller, _: &Site, _: &Source) -> Result<Vec<ExecutionStatus>, Error> {
        Ok(Vec::new())
    }

    fn turn(&self, caller: &Caller, _: &Site, errand: Errand, now: Timestamp) -> Turn {
        self.limiter.turn(&place(), caller, errand, now)
    }

    fn leave(&self, caller: &Caller) {
        self.limiter.leave(caller);
    }
}

impl Cluster for Scene {
    async fn get(&self, key: &Key) -> Result<Option<StepFunctionEndpoint>, ClusterError> {
        Ok(self.state.lock().unwrap().objects.get(key).cloned())
    }

    async fn config_map(&self, _: &str, _: &str) -> Result<Option<BTreeMap<String, String>>, ClusterError> {
        Ok(None)
    }

    async fn secret(&self, _: &str, _: &str) -> Result<Option<Secret>, ClusterError> {
        Ok(None)
    }

    async fn create_secret(&self, _: &StepFunctionEndpoint, _: NewSecret) -> Result<(), ClusterError> {
        Ok(())
    }

    async fn namespace_labels(&self, _: &str) -> Result<Option<BTreeMap<String, String>>, ClusterError> {
        Ok(None)
    }

    fn guests(&self, _: &Key) -> Vec<StepFunctionEndpoint> {
        Vec::new()
    }

    fn on_same_api(&self, _: &StepFunctionEndpoint) -> Vec<StepFunctionEndpoint> {
        Vec::new()
    }

    async fn set_finalizers(
        &self,
        live: &StepFunctionEndpoint,
        finalizers: Vec<String>,
    ) -> Result<StepFunctionEndpoint, ClusterError> {
        let mut state = self.state.lock().unwrap();
        let object = state.objects.get_mut(&Key::of(live)).unwrap();
        object.metadata.finalizers = Some(finalizers);
        let written = object.clone();
        if written.metadata.deletion_timestamp.is_some() {
            state.objects.remove(&Key::of(live));
        }
        Ok(written)
    }

    async fn write_status(
        &self,
        live: &StepFunctionEndpoint,
        status: &StepFunctionEndpointStatus,
        _: bool,
    ) -> Result<(), ClusterError> {
        if let Some(object) = self.state.lock().unwrap().objects.get_mut(&Key::of(live)) {
            object.status = Some(status.clone());
        }
        Ok(())
    }

    async fn published(&self, _: &str, _: &PublishedObject) -> Result<Option<Found>, ClusterError> {
        Ok(None)
    }

    async fn write_published(
        &self,
        _: &StepFunctionEndpoint,
        _: &PublishedObject,
        _: Option<&Found>,
        _: &Data,
    ) -> Result<(), ClusterError> {
        Ok(())
    }

    async fn delete_published(&self, _: &str, _: &PublishedObject, _: &Found) -> Result<(), ClusterError> {
        Ok(())
    }

    async fn publish(&self, _: &StepFunctionEndpoint, _: &StateChange) {}
}

impl Scene {
    /// At the default share.
    fn new() -> Self {
        let limiter = Arc::new(Limiter::new(Rates::default(), Arc::new(Uncounted)));
        Self { state: Arc::default(), limiter, millis: Arc::default() }
    }

    /// A process that remembers nothing. All endpoints are due.
    fn operator(&self) -> Arc<Context<Self, Self, Self>> {
        let pace = Pace {
            retry_min: SignedDuration::from_secs(1),
            retry_max: SignedDuration::from_mins(1),
            stalled: SignedDuration::from_mins(5),
            drift: SignedDuration::from_mins(10),
        };
        let settings = Settings::new("c".to_owned(), site());
        let options =
            Options { settings, pace, settle: SignedDuration::from_secs(10), role_grace: SignedDuration::from_mins(5) };
        let mut state = self.state.lock().unwrap();
        state.due = state.objects.keys().map(|key| (key.clone(), self.now())).collect();
        drop(state);
        Arc::new(Context::new(self.clone(), self.clone(), self.clone(), options))
    }

    fn create(&self, name: &str) {
        let spec = json!({
            "stateMachine": { "type": "EXPRESS", "definition": "StartAt: A\nStates: {A: {Type: Pass, End: true}}" },
            "routes": [{ "path": "/a", "method": "POST", "auth": { "type": "NONE" } }],
            "executions": { "keep": 0 },
        });
        let mut object = StepFunctionEndpoint::new(name, serde_json::from_value(spec).unwrap());
        object.metadata.namespace = Some("n".to_owned());
        object.metadata.generation = Some(1);
        object.metadata.creation_timestamp = Some(Time(self.now()));
        let mut state = self.state.lock().unwrap();
        state.due.insert(Key::of(&object), self.now());
        state.objects.insert(Key::of(&object), object);
    }

    fn delete_all(&self) {
        let mut state = self.state.lock().unwrap();
        state.objects.values_mut().for_each(|object| object.metadata.deletion_timestamp = Some(Time(self.now())));
        state.due = state.objects.keys().map(|key| (key.clone(), self.now())).collect();
    }

    /// Makes every pass that is due until then.
    async fn pass(&self, operator: &Arc<Context<Self, Self, Self>>, time: SignedDuration) {
        let end = self.now() + time;
        loop {
            let next = self.state.lock().unwrap().due.iter().map(|(key, at)| (*at, key.clone())).min();
            let Some((at, key)) = next.filter(|(at, _)| *at <= end) else { break };
            self.set(at);
            self.state.lock().unwrap().due.remove(&key);
            let after = reconcile(key.clone(), Arc::clone(operator)).await.unwrap();
            if let Some(after) = after {
                let at = self.now() + SignedDuration::try_from(after).unwrap();
                self.state.lock().unwrap().due.insert(key, at);
            }
        }
        self.set(end);
    }

    fn set(&self, now: Timestamp) {
        let millis = now.as_millisecond() - start().as_millisecond();
        self.millis.fetch_max(millis + 1, Ordering::Relaxed);
    }

    fn ready(&self) -> usize {
        let state = self.state.lock().unwrap();
        let is_ready = |object: &&StepFunctionEndpoint| object.status.as_ref().is_some_and(|it| is_true(it, "Ready"));
        state.objects.values().filter(is_ready).count()
    }

    /// What the conditions say of the operator's own rate limit, how long it takes left out.
    fn told(&self) -> BTreeSet<String> {
        let state = self.state.lock().unwrap();
        let conditions =
            state.objects.values().filter_map(|object| object.status.as_ref()).flat_map(|it| &it.conditions);
        let waits = conditions
            .filter(|found| found.type_ == "Reconciling")
            .filter_map(|found| found.message.split_once("rate limit allows ").map(|(_, what)| what.to_owned()))
            .filter_map(|what| Some(format!("{}, {}", what.split_once(" in about ")?.0, what.split_once(", ")?.1)));
        waits.collect()
    }

    /// When each call of this operation was made, in whole seconds.
    fn made(&self, operation: Operation) -> Vec<i64> {
        let state = self.state.lock().unwrap();
        let of = state.writes.iter().filter(|(_, _, made)| *made == operation);
        of.map(|(at, _, _)| at.as_second() - start().as_second()).collect()
    }
}

#[tokio::test]
async fn who_waits_says_for_what_and_has_recorded_no_intent() {
    let scene = Scene::new();
    let operator = scene.operator();
    (0..6).for_each(|index| scene.create(&format!("e{index}")));
    scene.pass(&operator, SignedDuration::from_secs(1)).await;
    assert_eq!(scene.made(Operation::CreateRestApi), [0], "the others wait");
    let expected: BTreeSet<String> = (0..5).map(|ahead| format!("CreateRestApi, {ahead} ahead")).collect();
    assert_eq!(scene.told(), expected);
    let intents = |scene: &Scene| {
        let state = scene.state.lock().unwrap();
        let apis = state.objects.values().filter_map(|object| object.status.as_ref()?.api.as_ref());
        apis.filter(|api| api.create_intended_at.is_some() && api.rest_api_id.is_none()).count()
    };
    assert_eq!(intents(&scene), 0);
    // Their machines and roles are there already: that does not wait.
    assert_eq!(scene.made(Operation::CreateStateMachine).len(), 6);
    scene.pass(&operator, SignedDuration::from_mins(3)).await;
    assert_eq!(scene.ready(), 6);
    for (operation, seconds) in [(Operation::CreateRestApi, 3), (Operation::CreateDeployment, 5)] {
        let made = scene.made(operation);
        assert_eq!(made.len(), 6);
        assert!(made.windows(2).all(|pair| pair[1] - pair[0] >= seconds), "{operation}: {made:?}");
    }
}

#[tokio::test]
async fn asking_again_reads_nothing() {
    let scene = Scene::new();
    let operator = scene.operator();
    (0..20).for_each(|index| scene.create(&format!("e{index}")));
    scene.pass(&operator, SignedDuration::from_secs(1)).await;
    let before = scene.state.lock().unwrap().reads;
    let waiting = Key { namespace: "n".to_owned(), name: "e9".to_owned() };
    reconcile(waiting, operator).await.unwrap();
    assert_eq!(scene.state.lock().unwrap().reads, before);
}

#[tokio::test]
async fn what_is_deleted_stops_serving_at_once_and_new_work_goes_before_the_rest() {
    let scene = Scene::new();
    let operator = scene.operator();
    (0..20).for_each(|index| scene.create(&format!("e{index}")));
    scene.pass(&operator, SignedDuration::from_mins(5)).await;
    assert_eq!(scene.ready(), 20);
    scene.delete_all();
    scene.pass(&operator, SignedDuration::from_secs(1)).await;
    let serving = scene.state.lock().unwrap().worlds.values().filter(|world| !world.stages.is_empty()).count();
    assert_eq!((serving, scene.made(Operation::DeleteStage).len()), (0, 20));
    assert!(scene.made(Operation::DeleteRestApi).len() == 1, "the others wait half an hour");
    assert!(scene.told().contains("DeleteRestApi, 18 ahead"), "{:?}", scene.told());
    scene.create("new");
    scene.pass(&operator, SignedDuration::from_mins(1)).await;
    assert_eq!(scene.ready(), 1, "what is new is held up by deletions: {:?}", scene.told());
    scene.pass(&operator, SignedDuration::from_mins(25)).await;
    let made = scene.made(Operation::DeleteRestApi);
    assert_eq!(made.len(), 20);
    assert!(made.windows(2).all(|pair| pair[1] - pair[0] >= 30), "{made:?}");
    let state = scene.state.lock().unwrap();
    assert_eq!(state.objects.len(), 1);
    assert!(state.worlds.iter().all(|(name, world)| name == "new" || world.is_empty()), "something is left");
}

#[tokio::test]
async fn after_a_restart_looks_for_drift_leave_room_for_new_work() {
    let scene = Scene::new();
    let operator = scene.operator();
    (0..40).for_each(|index| scene.create(&format!("e{index}")));
    scene.pass(&operator, SignedDuration::from_mins(8)).await;
    assert_eq!(scene.ready(), 40);
    let operator = scene.operator();
    let reads = scene.state.lock().unwrap().reads;
    let writes = scene.state.lock().unwrap().writes.len();
    scene.pass(&operator, SignedDuration::from_millis(500)).await;
    let read_at_once = scene.state.lock().unwrap().reads - reads;
    scene.create("new");
    scene.pass(&operator, SignedDuration::from_secs(1)).await;
    assert_eq!(scene.ready(), 41, "nobody who is not looked at yet is called anything but ready");
    scene.pass(&operator, SignedDuration::from_secs(49)).await;
    let all = scene.state.lock().unwrap().reads - reads;
    assert!(read_at_once * 2 < all, "{read_at_once} of {all} reads at once");
    let of_old = scene.state.lock().unwrap().writes[writes..].iter().filter(|(_, name, _)| name != "new").count();
    assert_eq!(of_old, 0);
    let checked = (all - read_at_once) / (read_at_once / 16);
    assert!(checked >= 24, "not all are looked at after a minute: {checked}");
}

#[test]
fn a_wait_is_told_as_a_person_says_it() {
    let about = |seconds| about(SignedDuration::from_secs(seconds));
    let told = [0, 3, 6, 59, 60, 89, 3_599, 3_600, 20_000].map(about);
    let expected = ["5 s", "5 s", "10 s", "60 s", "1 min", "1 min", "60 min", "1 h", "6 h"];
    assert_eq!(told, expected.map(|wait| format!("about {wait}")));
}
