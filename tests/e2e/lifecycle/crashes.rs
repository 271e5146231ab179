//! kill -9 at any moment: the next start goes on, and there is one object of each kind, then none.

use std::collections::BTreeSet;
use std::env;
use std::time::{Duration, SystemTime};

use super::turnstile::{Nth, Release, Side, Turnstile};
use super::{is_live, start_through};
use crate::http;
use crate::operator::Operator;
use crate::world::{self, World, told, until};

const NAMESPACE: &str = "crashes";
const NAME: &str = "orders";
const KILLS: usize = 30;
/// In a row, before the operator is left alone: so many that it gets on between them.
const KILLS_OF_ONE_STEP: usize = 4;
/// The last call after a start at which it is killed, and the last of those that change something: half of the moments
/// are chosen among all calls, half among these.
const CALLS_MAX: u64 = 20;
const WRITES_MAX: u64 = 4;

/// Two manifests that share as little as they can: each change is made of creations and deletions.
const STANDARD: &str = r"
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
";
const EXPRESS: &str = r"
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
";

/// What is in AWS of each, and how it is called.
const MANIFESTS: [(&str, &[&str], &str, &str); 2] = [
    (
        STANDARD,
        &["rest api crashes-orders", "stage crashes-orders/prod", "state machine sfe-crashes-orders-standard"],
        "POST",
        "/orders",
    ),
    (
        EXPRESS,
        &["rest api crashes-renamed", "stage crashes-renamed/blue", "state machine sfe-crashes-orders-express"],
        "PUT",
        "/jobs",
    ),
];
const BOTH_HAVE: [&str; 3] = [
    "log group /aws/vendedlogs/states/sfe-crashes-orders-logs",
    "role sfe-crashes-orders-gateway",
    "role sfe-crashes-orders-workflow",
];

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
    let seed = env::var("SFE_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let seed = seed.unwrap_or(now.subsec_nanos().into());
    println!("crashes: again with SFE_TEST_SEED={seed}");
    world::run(async |world| Crashes::new(world, seed).await.run().await);
}

struct Crashes {
    world: &'static World,
    turnstile: Turnstile,
    random: Random,
    kills: Vec<String>,
}

impl Crashes {
    async fn new(world: &'static World, seed: u64) -> Self {
        world.create_namespace(NAMESPACE);
        let turnstile = Turnstile::open(world.sandbox.aws_address()).await;
        Self { world, turnstile, random: Random(seed), kills: Vec::new() }
    }

    /// Creates, changes and deletes, over and over.
    async fn run(mut self) {
        let mut cycle = 0;
        while self.kills.len() < KILLS {
            let (first, second) = (&MANIFESTS[cycle % 2], &MANIFESTS[(cycle + 1) % 2]);
            for (step, manifest) in [("create", first), ("change", second)] {
                self.world.apply(NAMESPACE, manifest.0);
                self.survive(step).await;
                self.check_one_of_each(step, manifest).await;
            }
            self.world.delete(NAMESPACE, NAME);
            self.survive("delete").await;
            assert_eq!(self.world.inventory(NAMESPACE).await, [""; 0], "left in AWS after {:?}", self.kills);
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
        start_through(self.world, NAMESPACE, self.turnstile.endpoint(), &flags).await
    }

    async fn is_at_rest(&self) -> bool {
        let endpoint = self.world.endpoint(NAMESPACE, NAME).await;
        endpoint.is_none_or(|endpoint| is_live(&endpoint) && endpoint["metadata"]["deletionTimestamp"].is_null())
    }

    async fn told(&self) -> Option<String> {
        self.world.endpoint(NAMESPACE, NAME).await.as_ref().map(told)
    }

    /// At no time are there two of one name, nor two APIs.
    async fn check_no_duplicates(&self) {
        let found = self.world.inventory(NAMESPACE).await;
        let apis = found.iter().filter(|object| object.starts_with("rest api ")).count();
        let names: BTreeSet<&String> = found.iter().collect();
        assert!(names.len() == found.len() && apis <= 1, "twice in AWS: {found:?} after {:?}", self.kills);
    }

    async fn check_one_of_each(&self, step: &str, manifest: &(&str, &[&str], &str, &str)) {
        let (_, objects, method, path) = manifest;
        let mut expected: Vec<&str> = BOTH_HAVE.into_iter().chain(objects.iter().copied()).collect();
        expected.sort_unstable();
        assert_eq!(self.world.inventory(NAMESPACE).await, expected, "{step} after {:?}", self.kills);
        let endpoint = self.world.endpoint(NAMESPACE, NAME).await.unwrap();
        let answer = http::request(method, self.world.stage_url(&endpoint, path));
        let answer = answer.header("content-type", "application/json").body("{}").send().await;
        assert_eq!(answer.status, 200, "{step} after {:?}: {method} {path}: {answer:?}", self.kills);
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
