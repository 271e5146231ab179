//! kill -9 at any moment: the next start goes on, and there is one object of each kind, then none.

use std::collections::BTreeSet;
use std::env;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::turnstile::{Nth, Release, Side, Turnstile};
use super::{is_live, start_through};
use crate::http;
use crate::operator::Operator;
use crate::world::{self, World, told, until};

/// In a row, before the operator is left alone: so many that it gets on between them.
const KILLS_OF_ONE_STEP: usize = 4;
/// The last call after a start at which it is killed, and the last of those that change something: half of the moments
/// are chosen among all calls, half among these.
const CALLS_MAX: u64 = 20;
const WRITES_MAX: u64 = 4;

/// Two states of some endpoints, each with as little of the other as can be: a change is made of creations and deletions.
struct Story {
    namespace: &'static str,
    names: &'static [&'static str],
    states: [State; 2],
    /// How often the operator dies at least.
    kills: usize,
}

struct State {
    manifests: &'static str,
    /// What is then in AWS, sorted.
    objects: &'static [&'static str],
    /// How each endpoint is then called, by its index.
    calls: &'static [(usize, &'static str, &'static str)],
}

const ALONE: Story = Story {
    namespace: "crashes-alone",
    names: &["orders"],
    states: [
        State {
            manifests: r"
apiVersion: sfe.dev/v1alpha1
kind: StepFunctionEndpoint
metadata: {name: orders}
spec:
  stateMachine:
    type: STANDARD
    definition: '{StartAt: A, States: {A: {Type: Pass, End: true}}}'
    logging: {level: ERROR}
    role: {statements: [{actions: ['s3:GetObject'], resources: ['arn:aws:s3:::orders/*']}]}
  routes:
  - {path: /orders, method: POST, auth: {type: NONE}}
",
            objects: &[
                "log group /aws/vendedlogs/states/sfe-crashes-alone-orders-logs",
                "rest api crashes-alone-orders",
                "role sfe-crashes-alone-orders-gateway",
                "role sfe-crashes-alone-orders-workflow",
                "stage crashes-alone-orders/prod",
                "state machine sfe-crashes-alone-orders-standard",
            ],
            calls: &[(0, "POST", "/orders")],
        },
        State {
            manifests: r"
apiVersion: sfe.dev/v1alpha1
kind: StepFunctionEndpoint
metadata: {name: orders}
spec:
  stateMachine:
    type: EXPRESS
    definition: '{StartAt: B, States: {B: {Type: Pass, End: true}}}'
  api: {name: crashes-renamed}
  stage: {name: blue}
  gatewayRole: {managedPolicyArns: ['arn:aws:iam::aws:policy/ReadOnlyAccess']}
  routes:
  - {path: /jobs, method: PUT, auth: {type: NONE}}
",
            objects: &[
                "log group /aws/vendedlogs/states/sfe-crashes-alone-orders-logs",
                "rest api crashes-renamed",
                "role sfe-crashes-alone-orders-gateway",
                "role sfe-crashes-alone-orders-workflow",
                "stage crashes-renamed/blue",
                "state machine sfe-crashes-alone-orders-express",
            ],
            calls: &[(0, "PUT", "/jobs")],
        },
    ],
    kills: 30,
};

/// A host and its guest, whose operator has to bring both on.
const SHARED: Story = Story {
    namespace: "crashes-shared",
    names: &["host", "guest"],
    states: [
        State {
            manifests: r"
apiVersion: sfe.dev/v1alpha1
kind: StepFunctionEndpoint
metadata: {name: host}
spec:
  stateMachine: {type: STANDARD, definition: '{StartAt: A, States: {A: {Type: Pass, End: true}}}'}
  routes: [{path: /host, method: POST, auth: {type: NONE}}]
---
apiVersion: sfe.dev/v1alpha1
kind: StepFunctionEndpoint
metadata: {name: guest}
spec:
  stateMachine: {type: EXPRESS, definition: '{StartAt: A, States: {A: {Type: Pass, End: true}}}'}
  api: {endpointRef: {name: host}}
  routes: [{path: /guest, method: POST, auth: {type: NONE}}]
",
            objects: &[
                "log group /aws/vendedlogs/states/sfe-crashes-shared-guest-logs",
                "rest api crashes-shared-host",
                "role sfe-crashes-shared-guest-gateway",
                "role sfe-crashes-shared-guest-workflow",
                "role sfe-crashes-shared-host-gateway",
                "role sfe-crashes-shared-host-workflow",
                "stage crashes-shared-host/prod",
                "state machine sfe-crashes-shared-guest-express",
                "state machine sfe-crashes-shared-host-standard",
            ],
            calls: &[(0, "POST", "/host"), (1, "POST", "/guest")],
        },
        State {
            manifests: r"
apiVersion: sfe.dev/v1alpha1
kind: StepFunctionEndpoint
metadata: {name: host}
spec:
  stateMachine: {type: EXPRESS, definition: '{StartAt: B, States: {B: {Type: Pass, End: true}}}'}
  stage: {name: blue}
  routes: [{path: /one, method: PUT, auth: {type: NONE}}]
---
apiVersion: sfe.dev/v1alpha1
kind: StepFunctionEndpoint
metadata: {name: guest}
spec:
  stateMachine: {type: STANDARD, definition: '{StartAt: B, States: {B: {Type: Pass, End: true}}}'}
  api: {endpointRef: {name: host}}
  routes: [{path: /two, method: PUT, auth: {type: NONE}}]
",
            objects: &[
                "log group /aws/vendedlogs/states/sfe-crashes-shared-host-logs",
                "rest api crashes-shared-host",
                "role sfe-crashes-shared-guest-gateway",
                "role sfe-crashes-shared-guest-workflow",
                "role sfe-crashes-shared-host-gateway",
                "role sfe-crashes-shared-host-workflow",
                "stage crashes-shared-host/blue",
                "state machine sfe-crashes-shared-guest-standard",
                "state machine sfe-crashes-shared-host-express",
            ],
            calls: &[(0, "PUT", "/one"), (1, "PUT", "/two")],
        },
    ],
    kills: 10,
};

/// What becomes of the call at which the operator is killed.
#[derive(Clone, Copy, Debug)]
enum Fate {
    /// It never reached AWS.
    Lost,
    /// It reaches AWS when the operator is dead already.
    Late,
    /// AWS has done it, and the answer is lost.
    Unanswered,
    /// It was answered, and the operator has gone on for so many milliseconds.
    Answered(u64),
}

#[test]
fn one_of_each_kind_then_none_wherever_the_operator_dies() {
    check(&ALONE);
}

#[test]
fn a_host_and_its_guest_survive_it_together() {
    check(&SHARED);
}

fn check(story: &'static Story) {
    let seed = env::var("SFE_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let seed = seed.unwrap_or(now.subsec_nanos().into());
    println!("{}: again with SFE_TEST_SEED={seed}", story.namespace);
    world::run(async |world| Crashes::new(world, story, seed).await.run().await);
}

struct Crashes {
    world: &'static World,
    story: &'static Story,
    turnstile: Turnstile,
    random: Random,
    kills: Vec<String>,
}

impl Crashes {
    async fn new(world: &'static World, story: &'static Story, seed: u64) -> Self {
        world.create_namespace(story.namespace);
        let turnstile = Turnstile::open(world.sandbox.aws_address()).await;
        Self { world, story, turnstile, random: Random(seed), kills: Vec::new() }
    }

    /// Creates, changes and deletes, over and over.
    async fn run(mut self) {
        let (namespace, mut cycle) = (self.story.namespace, 0);
        while self.kills.len() < self.story.kills {
            let states = &self.story.states;
            for (step, state) in [("create", &states[cycle % 2]), ("change", &states[(cycle + 1) % 2])] {
                self.world.apply(namespace, state.manifests);
                self.survive(step).await;
                self.check_one_of_each(step, state).await;
            }
            for name in self.story.names {
                self.world.delete(namespace, name);
            }
            self.survive("delete").await;
            assert_eq!(self.world.inventory(namespace).await, [""; 0], "left in AWS after {:?}", self.kills);
            cycle += 1;
        }
    }

    /// Kills the operator some times, then lets it end what it has to do.
    async fn survive(&mut self, step: &str) {
        for _ in 0..KILLS_OF_ONE_STEP {
            if !self.kill_once(step).await {
                break;
            }
            self.check_no_duplicates().await;
        }
        let operator = self.start().await;
        until(&format!("{step}: comes to rest after {:?}", self.kills), async || {
            if self.is_at_rest().await { Ok(()) } else { Err(self.told().await) }
        })
        .await;
        operator.kill9();
    }

    /// Whether it was killed, rather than done before.
    async fn kill_once(&mut self, step: &str) -> bool {
        let nth = match self.random.below(2) {
            // The first call, who it is, comes before an operator is ready, for which its start waits here.
            0 => Nth::Call(self.random.one_to(CALLS_MAX) + 1),
            _ => Nth::Write(self.random.one_to(WRITES_MAX)),
        };
        let fate = match self.random.below(4) {
            0 => Fate::Lost,
            1 => Fate::Late,
            2 => Fate::Unanswered,
            _ => Fate::Answered(self.random.below(40)),
        };
        let side = match fate {
            Fate::Lost | Fate::Late => Side::Before,
            Fate::Unanswered | Fate::Answered(_) => Side::After,
        };
        let mut held = self.turnstile.hold(nth, side);
        let operator = self.start().await;
        let at_rest = async {
            until(
                &format!("{step}: killed or at rest"),
                async || if self.is_at_rest().await { Ok(()) } else { Err(()) },
            )
            .await;
        };
        let what = tokio::select! {
            what = held.reached() => what,
            () = at_rest => {
                self.turnstile.hold_none();
                operator.kill9();
                return false;
            }
        };
        self.kills.push(format!("{step}, {what}: {fate:?}"));
        match fate {
            Fate::Lost => {
                operator.kill9();
                held.release(Release::Lose);
            }
            Fate::Late => {
                operator.kill9();
                held.release(Release::Pass);
            }
            Fate::Unanswered => {
                operator.kill9();
                held.release(Release::Lose);
            }
            Fate::Answered(ms) => {
                held.release(Release::Pass);
                // This is the random moment, it waits for nothing.
                tokio::time::sleep(Duration::from_millis(ms)).await;
                operator.kill9();
            }
        }
        true
    }

    async fn start(&self) -> Operator {
        let flags = ["--create-settle", "1s", "--retry-min", "100ms", "--retry-max", "500ms"];
        start_through(self.world, self.story.namespace, self.turnstile.endpoint(), &flags).await
    }

    async fn is_at_rest(&self) -> bool {
        for name in self.story.names {
            let endpoint = self.world.endpoint(self.story.namespace, name).await;
            let is_stable = |endpoint: &Value| is_live(endpoint) && endpoint["metadata"]["deletionTimestamp"].is_null();
            if !endpoint.as_ref().is_none_or(is_stable) {
                return false;
            }
        }
        true
    }

    async fn told(&self) -> Vec<String> {
        let mut all = Vec::new();
        for name in self.story.names {
            let endpoint = self.world.endpoint(self.story.namespace, name).await;
            all.push(endpoint.as_ref().map_or_else(|| "gone".to_owned(), told));
        }
        all
    }

    /// At no time are there two of one name, nor two APIs.
    async fn check_no_duplicates(&self) {
        let found = self.world.inventory(self.story.namespace).await;
        let apis = found.iter().filter(|object| object.starts_with("rest api ")).count();
        let names: BTreeSet<&String> = found.iter().collect();
        assert!(names.len() == found.len() && apis <= 1, "twice in AWS: {found:?} after {:?}", self.kills);
    }

    async fn check_one_of_each(&self, step: &str, state: &State) {
        let after = format!("{step} after {:?}", self.kills);
        assert_eq!(self.world.inventory(self.story.namespace).await, state.objects, "{after}");
        for (index, method, path) in state.calls {
            let endpoint = self.world.endpoint(self.story.namespace, self.story.names[*index]).await.unwrap();
            let request = http::request(method, self.world.stage_url(&endpoint, path));
            let answer = request.header("content-type", "application/json").body("{}").send().await;
            assert_eq!(answer.status, 200, "{after}: {method} {path}: {answer:?}");
        }
    }
}

/// SplitMix64: the same numbers for the same seed.
struct Random(u64);

impl Random {
    fn one_to(&mut self, end: u64) -> usize {
        usize::try_from(1 + self.below(end)).unwrap()
    }

    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % end
    }
}
