//! The network and AWS as they are on a bad day: all of an endpoint's life takes place, only later.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::fixtures::{ORDERS, is_live, objects_of_orders, start_through, writes};
use crate::http;
use crate::is_soak;
use crate::microburst::Microburst;
use crate::operator::Operator;
use crate::world::{World, condition, told, until_within};

/// For all of a creation, a change or a deletion, of which most is backing off.
const DEADLINE: Duration = Duration::from_secs(400);
const FLAGS: [&str; 8] =
    ["--retry-min", "100ms", "--retry-max", "1s", "--create-settle", "2s", "--drift-interval", "1h"];

/// How long bad weather lasts in a soak, over as many lives as fit.
const LASTS: Duration = Duration::from_secs(120);
/// How many calls are broken of one creation, change or deletion before the weather clears: chance could go on for ever.
const FAULTS_MAX: u64 = 60;

/// 50 % 429.
pub async fn half_of_all_calls_are_throttled(world: &'static World) {
    let throttled = |service: &str, code: &str| {
        let error = json!({ "code": code, "status": 429, "message": "Rate exceeded" });
        json!({ "service": service, "probability": 0.5, "error": error })
    };
    let rules = json!([
        throttled("apigateway", "TooManyRequestsException"),
        throttled("iam", "Throttling"),
        throttled("logs", "ThrottlingException"),
        throttled("stepfunctions", "ThrottlingException"),
    ]);
    let storm = Storm::begin(world, "faults-throttled", rules).await;
    storm.live_through(40).await;
}

/// 20 % connection resets: one half before AWS has got the call, one half in the middle of its answer.
pub async fn a_fifth_of_all_connections_is_reset(world: &'static World) {
    let rules = json!([
        { "service": "*", "probability": 0.1, "reset": true },
        { "service": "*", "probability": 0.111, "response": { "abort_frac": 0.5 } },
    ]);
    let storm = Storm::begin(world, "faults-resets", rules).await;
    storm.live_through(8).await;
}

/// An operator behind a proxy that breaks what it will.
struct Storm {
    world: &'static World,
    namespace: &'static str,
    proxy: Microburst,
    rules: Value,
    operator: Operator,
    began: Instant,
    first_call: u64,
}

impl Storm {
    async fn begin(world: &'static World, namespace: &'static str, rules: Value) -> Self {
        world.create_namespace(namespace);
        let proxy = Microburst::start(world).await;
        let first_call = world.last_call().await;
        let operator = start_through(world, namespace, proxy.endpoint(), &FLAGS).await;
        Self { world, namespace, proxy, rules, operator, began: Instant::now(), first_call }
    }

    /// Created, changed and deleted, again and again as long as it lasts; after each step there is one of each kind.
    async fn live_through(self, faults_min: u64) {
        let Self { world, namespace, .. } = self;
        loop {
            let from = world.last_call().await;
            self.proxy.rules(&self.rules).await;
            world.apply(namespace, ORDERS);
            let endpoint = self.until_live().await;
            assert_eq!(world.inventory(namespace).await, objects_of_orders(namespace));
            self.check_serves(&endpoint, "/orders").await;
            self.check_made_once(from).await;

            let mut route = endpoint["spec"]["routes"][0].clone();
            route["path"] = json!("/jobs");
            self.proxy.rules(&self.rules).await;
            world.patch(namespace, "orders", &json!({ "spec": { "routes": [route] } })).await;
            let endpoint = self.until_live().await;
            assert_eq!(world.inventory(namespace).await, objects_of_orders(namespace));
            self.check_serves(&endpoint, "/jobs").await;
            self.check_made_once(from).await;

            self.proxy.rules(&self.rules).await;
            world.delete(namespace, "orders");
            self.until("gone", |endpoint| endpoint.is_none()).await;
            assert_eq!(world.inventory(namespace).await, [""; 0], "left in AWS");
            if !is_soak() || self.began.elapsed() >= LASTS {
                break;
            }
        }
        let fired = self.proxy.fired().await;
        let calls = world.calls_after(self.first_call, &self.operator.access_key).await.len();
        println!("{namespace}: {fired} faults, {calls} calls that reached AWS, {:?}", self.began.elapsed());
        assert!(fired >= faults_min, "only {fired} calls were broken");
    }

    async fn until_live(&self) -> Value {
        self.until("Live", |endpoint| endpoint.is_some_and(is_live)).await.unwrap_or_default()
    }

    /// It says all the time that it goes on, and never that a person is needed.
    async fn until(&self, what: &str, holds: impl Fn(Option<&Value>) -> bool) -> Option<Value> {
        let (mut is_storming, before) = (true, self.proxy.fired().await);
        until_within(DEADLINE, &format!("{}: {what}", self.namespace), async || {
            if is_storming && self.has_lasted(before).await {
                self.proxy.no_rules().await;
                is_storming = false;
            }
            let endpoint = self.world.endpoint(self.namespace, "orders").await;
            if let Some(endpoint) = &endpoint {
                assert!(condition(endpoint, "Stalled").is_null(), "nobody can help: {}", told(endpoint));
            }
            if holds(endpoint.as_ref()) { Ok(endpoint) } else { Err(endpoint.as_ref().map(told)) }
        })
        .await
    }

    /// Whether the storm has gone on for long enough, `before` being the number of faults of its beginning.
    async fn has_lasted(&self, before: u64) -> bool {
        if is_soak() { self.began.elapsed() >= LASTS } else { self.proxy.fired().await >= before + FAULTS_MAX }
    }

    async fn check_serves(&self, endpoint: &Value, path: &str) {
        let answer = http::post(self.world.stage_url(endpoint, path), "{}").send().await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
    }

    /// What has no token, and no name of its own, was made once, and none of it was removed as one too many.
    async fn check_made_once(&self, from: u64) {
        let calls = self.world.calls_after(from, &self.operator.access_key).await;
        let made = writes(&calls);
        let count = |operation: &str| made.iter().filter(|made| **made == operation).count();
        assert_eq!((count("CreateRestApi"), count("DeleteRestApi")), (1, 0), "{made:?}");
    }
}

/// 5 s latency: the same calls as without, and none of them twice.
pub async fn each_call_takes_five_seconds(world: &'static World) {
    const MANIFEST: &str = r"
apiVersion: sfe.dev/v1alpha1
kind: StepFunctionEndpoint
metadata: {name: orders}
spec:
  stateMachine: {definition: '{StartAt: A, States: {A: {Type: Pass, End: true}}}'}
  executions: {keep: 0}
  routes: [{path: /orders, method: POST, auth: {type: NONE}}]
";
    let namespace = "faults-latency";
    world.create_namespace(namespace);
    let proxy = Microburst::start(world).await;
    let operator = start_through(world, namespace, proxy.endpoint(), &FLAGS).await;
    let created = async || {
        let from = world.last_call().await;
        let began = Instant::now();
        world.apply(namespace, MANIFEST);
        let endpoint = until_within(DEADLINE, "Live", async || {
            let endpoint = world.endpoint(namespace, "orders").await.unwrap();
            if is_live(&endpoint) { Ok(endpoint) } else { Err(told(&endpoint)) }
        })
        .await;
        let answer = http::post(world.stage_url(&endpoint, "/orders"), "{}").send().await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let calls = world.calls_after(from, &operator.access_key).await;
        let mut made: Vec<String> = writes(&calls).into_iter().map(str::to_owned).collect();
        made.sort();
        (made, world.inventory(namespace).await, began.elapsed())
    };
    let gone = async || {
        world.delete(namespace, "orders");
        until_within(DEADLINE, "gone", async || match world.endpoint(namespace, "orders").await {
            None => Ok(()),
            Some(endpoint) => Err(told(&endpoint)),
        })
        .await;
        assert_eq!(world.inventory(namespace).await, [""; 0], "left in AWS");
    };
    let (made, objects, fast) = created().await;
    gone().await;
    proxy.rules(&json!([{ "service": "*", "latency": 5000 }])).await;
    let (made_slowly, objects_at_last, slow) = created().await;
    proxy.no_rules().await;
    println!("{namespace}: {fast:?}, with 5 s a call {slow:?}");
    assert_eq!(made_slowly, made, "slow calls were made again");
    assert_eq!(objects_at_last, objects);
    assert!(slow > Duration::from_secs(25), "calls were not slow: {slow:?}");
    gone().await;
}
