//! The real reconcile on a simulated AWS, API server and clock: every fault at every call of a life from create through change to delete.
//! Whatever fails, faults end, and then it must come to rest with one object of each kind, and at last with none.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "how a test fails")]

mod aws;
mod cluster;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sfe::controller::{Clock, Context, Key, Options, reconcile};
use sfe_core::desired::Settings;
use sfe_core::outcome::Pace;
use sfe_core::owner::Site;

use aws::{Fault, SimulatedAws};
use cluster::SimulatedCluster;

/// The most passes until all is at rest again.
const PASSES_MAX: usize = 60;

/// How long a lost CreateRestApi may be in flight: longer than what is late here.
const SETTLE: SignedDuration = SignedDuration::from_secs(10);

struct World {
    aws: SimulatedAws,
    cluster: SimulatedCluster,
    clock: SimulatedClock,
    settle: SignedDuration,
}

#[derive(Clone, Default)]
struct SimulatedClock(Arc<AtomicI64>);

impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + self.0.load(Ordering::Relaxed)).unwrap()
    }

    fn jitter(&self) -> f64 {
        0.5
    }
}

type Operator = Arc<Context<SimulatedAws, SimulatedCluster, SimulatedClock>>;

fn site() -> Site {
    Site { partition: "aws".into(), account: "000000000000".into(), region: "eu-central-1".into() }
}

fn key() -> Key {
    Key { namespace: "prod".into(), name: "orders".into() }
}

fn first() -> Value {
    json!({
        "stateMachine": { "type": "EXPRESS", "definition": "StartAt: A\nStates: {A: {Type: Pass, End: true}}" },
        "routes": [
            { "path": "/a/{id}", "method": "POST", "auth": { "type": "NONE" }, "input": { "fields": { "id": { "path": "id" }, "x": { "body": "$.x" } } } },
            { "path": "/", "method": "POST", "auth": { "type": "NONE" } },
        ],
    })
}

fn second() -> Value {
    json!({
        "stateMachine": { "definition": "StartAt: B\nStates: {B: {Type: Succeed}}" },
        "stage": { "name": "v2" },
        "routes": [{ "path": "/b", "method": "POST", "auth": { "type": "COGNITO_USER_POOLS", "userPoolArns": ["arn:aws:cognito-idp:eu-central-1:000000000000:userpool/one"] } }],
    })
}

impl World {
    fn new() -> Self {
        let clock = SimulatedClock::default();
        Self {
            aws: SimulatedAws::new(site(), clock.clone()),
            cluster: SimulatedCluster::default(),
            clock,
            settle: SETTLE,
        }
    }

    /// A new process: it remembers nothing.
    fn operator(&self) -> Operator {
        let pace = Pace {
            retry_min: SignedDuration::from_secs(1),
            retry_max: SignedDuration::from_mins(1),
            stalled: SignedDuration::from_mins(5),
            drift: SignedDuration::from_mins(10),
        };
        let settings = Settings { cluster: "c1".into(), site: site() };
        let options = Options { settings, pace, settle: self.settle, role_grace: SignedDuration::from_mins(5) };
        Arc::new(Context::new(self.aws.clone(), self.cluster.clone(), self.clock.clone(), options))
    }

    /// Passes until the object is at rest, as `at_rest` sees it; a crash starts a new process.
    async fn settle(&self, operator: &mut Operator, story: &str, at_rest: impl Fn(&SimulatedCluster) -> bool) {
        for _ in 0..PASSES_MAX {
            let after = tokio::select! {
                result = reconcile(key(), Arc::clone(operator)) => result.unwrap_or(Some(Duration::from_millis(50))),
                () = self.aws.crashed() => {
                    *operator = self.operator();
                    Some(Duration::ZERO)
                }
            };
            if at_rest(&self.cluster) {
                return;
            }
            let after = i64::try_from(after.unwrap_or_default().as_millis()).unwrap();
            self.clock.0.fetch_add(after, Ordering::Relaxed);
        }
        panic!("{story}: not at rest after {PASSES_MAX} passes: {}\n{}", self.cluster.told(), self.aws.story());
    }

    fn check_one_of_each(&self, story: &str) {
        let world = self.aws.world();
        let machines = usize::from(world.standard.is_some()) + usize::from(world.express.is_some());
        let duplicates = world.rest_api.as_ref().map(|api| api.duplicates.len());
        let counts = (machines, duplicates, world.stages.len(), world.deployments.len());
        assert_eq!(
            counts,
            (1, Some(0), 1, 1),
            "{story}: machines, duplicate APIs, stages, deployments\n{}",
            self.aws.story()
        );
    }

    /// A life: create, change, delete; the fault strikes once.
    async fn live(&self, story: &str) {
        let mut operator = self.operator();
        for spec in [first(), second()] {
            self.cluster.apply(&spec);
            self.settle(&mut operator, story, SimulatedCluster::is_ready).await;
            self.check_one_of_each(story);
        }
        assert!(!self.aws.was_doubled(), "{story}: two REST APIs at a time\n{}", self.aws.story());
        let writes = self.aws.writes();
        let mut fresh = self.operator();
        self.settle(&mut fresh, story, SimulatedCluster::is_ready).await;
        assert_eq!(self.aws.writes(), writes, "{story}: again, and something was written\n{}", self.aws.story());
        self.cluster.delete();
        self.settle(&mut fresh, story, SimulatedCluster::is_gone).await;
        assert!(self.aws.world().is_empty(), "{story}: left behind\n{}", self.aws.story());
    }
}

#[tokio::test]
async fn one_of_each_remains_whatever_fails_and_at_last_none() {
    let calm = World::new();
    calm.live("no fault").await;
    let calls = calm.aws.calls();
    assert!(calls > 80, "a life has only {calls} calls");
    for call in 0..calls {
        for fault in
            [Fault::Before, Fault::AnswerLost, Fault::Late, Fault::Denied, Fault::CrashBefore, Fault::CrashAfter]
        {
            let world = World::new();
            world.aws.strike(call, fault);
            world.live(&format!("{fault:?} at call {call}")).await;
        }
    }
}

/// The search can fail: an operator that doesn't wait for what may be in flight makes two REST APIs.
#[tokio::test]
async fn without_waiting_for_what_is_in_flight_there_would_be_two_apis() {
    let calm = World::new();
    calm.cluster.apply(&first());
    calm.settle(&mut calm.operator(), "no fault", SimulatedCluster::is_ready).await;
    let mut doubled = false;
    for call in 0..calm.aws.calls() {
        let world = World { settle: SignedDuration::ZERO, ..World::new() };
        world.aws.strike(call, Fault::Late);
        world.cluster.apply(&first());
        let mut operator = world.operator();
        world.settle(&mut operator, "late", SimulatedCluster::is_ready).await;
        world.clock.0.fetch_add(3_600_000, Ordering::Relaxed);
        world.settle(&mut world.operator(), "later", SimulatedCluster::is_ready).await;
        doubled |= world.aws.was_doubled();
    }
    assert!(doubled, "the simulation has no late CreateRestApi");
}

/// A deletion in the middle of creating, at each call.
#[tokio::test]
async fn a_deletion_at_any_moment_leaves_nothing() {
    let calm = World::new();
    calm.cluster.apply(&first());
    calm.settle(&mut calm.operator(), "no fault", SimulatedCluster::is_ready).await;
    for call in 0..calm.aws.calls() {
        let (world, story) = (World::new(), format!("deleted at call {call}"));
        world.cluster.apply(&first());
        world.aws.strike(call, Fault::CrashAfter);
        let mut operator = world.operator();
        world.settle(&mut operator, &story, |_| world.aws.has_struck()).await;
        world.cluster.delete();
        world.settle(&mut operator, &story, SimulatedCluster::is_gone).await;
        assert!(world.aws.world().is_empty(), "{story}: left behind\n{}", world.aws.story());
    }
}
