//! A seed's life: which manifests come and go, and what goes wrong meanwhile.

use std::collections::BTreeMap;
use std::fmt;

use fastrand::Rng;
use serde_json::{Map, Value, json};
use sfe::aws::Class;
use sfe::controller::Key;

use crate::network::{At, Fault};
use crate::stages;
use crate::time::{MINUTE, Millis, SECOND};
use crate::{labels, outages, published};

/// The objects of a life: the first may have the others for guests.
pub const NAMES: [&str; 3] = ["orders", "refunds", "parcels"];

/// The last one is in a namespace of its own.
pub fn key(name: &str) -> Key {
    Key { namespace: if name == NAMES[2] { "abroad" } else { "prod" }.into(), name: name.into() }
}

/// A life, from which everything that happens follows.
#[derive(Clone, Debug)]
pub struct Life {
    pub seed: u64,
    /// How long a new role can't be assumed.
    pub propagation: Millis,
    /// How long the delete of a state machine takes.
    pub deleting: Millis,
    /// An object of someone else that stands in the way from the beginning.
    pub foreign: Option<Foreign>,
    pub steps: Vec<Step>,
    pub faults: BTreeMap<At, Fault>,
}

/// Something of someone else with a name of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    GatewayRole,
    WorkflowRole,
    LogGroup,
    StateMachine,
    /// An API with the same name and another cluster's tags.
    RestApi,
}

/// One step, so long after the one before.
#[derive(Clone, Debug)]
pub struct Step {
    pub after: Millis,
    pub what: What,
}

#[derive(Clone, Debug)]
pub enum What {
    Apply(&'static str, Value),
    Delete(&'static str),
    /// Deletes it, and applies this as soon as it is gone.
    Recreate(&'static str, Value),
    /// Pauses it with the manifest that it has, and after so long goes on.
    Suspend {
        name: &'static str,
        seconds: Millis,
    },
    /// Someone else writes the object.
    Annotate(&'static str),
    /// Someone changes AWS by hand.
    Tamper(&'static str, Tampering),
    /// Someone edits what it has published, or deletes it.
    TamperPublished {
        name: &'static str,
        deletes: bool,
    },
    /// Calls fail for a while.
    Outage {
        seconds: Millis,
        operation: Option<&'static str>,
        class: Class,
    },
    /// The watch of the operator breaks for a while.
    WatchBreaks {
        seconds: Millis,
    },
    /// The watch tells again what it has told.
    WatchRepeats,
    /// The operator dies and another starts.
    Crash,
    /// Another process takes over the lease while the calls of the first are in flight.
    Failover,
    /// A second operator works at the same time for a while, as no lease would allow.
    SecondLeader {
        seconds: Millis,
    },
    /// What stood in the way is taken away.
    ForeignGoes,
    /// The label by which the first one selects the last one's namespace comes, or goes.
    Label(bool),
}

/// What someone changes by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tampering {
    DeleteGatewayRole,
    DeleteWorkflowRole,
    DeleteLogGroup,
    DeleteStateMachine,
    DeleteRestApi,
    DeleteStage,
    DeleteMethods,
    EditIntegrations,
    EditPolicy,
    EditTrust,
    /// A route that isn't ours to undo.
    AddRoute,
}

const TAMPERINGS: [Tampering; 11] = [
    Tampering::DeleteGatewayRole,
    Tampering::DeleteWorkflowRole,
    Tampering::DeleteLogGroup,
    Tampering::DeleteStateMachine,
    Tampering::DeleteRestApi,
    Tampering::DeleteStage,
    Tampering::DeleteMethods,
    Tampering::EditIntegrations,
    Tampering::EditPolicy,
    Tampering::EditTrust,
    Tampering::AddRoute,
];

const FOREIGN: [Foreign; 5] =
    [Foreign::GatewayRole, Foreign::WorkflowRole, Foreign::LogGroup, Foreign::StateMachine, Foreign::RestApi];

impl Life {
    pub fn of(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let mut life = Self {
            seed,
            propagation: rng.i64(0..12) * SECOND,
            deleting: rng.i64(1..90) * SECOND,
            foreign: None,
            steps: Vec::new(),
            faults: BTreeMap::new(),
        };
        if rng.u8(..3) == 0 {
            life.be_hasty(&mut rng);
        } else {
            life.be_long(&mut rng);
        }
        labels::come_and_go(&mut life);
        published::come_and_go(&mut life);
        life
    }

    /// One object that changes and goes while the calls that make it are under way, and delicate ones of them go wrong.
    fn be_hasty(&mut self, rng: &mut Rng) {
        const FAULTS: [Fault; 9] = [
            Fault::Unreadable,
            Fault::Late,
            Fault::Late,
            Fault::Late,
            Fault::Stale,
            Fault::Stale,
            Fault::AnswerLost,
            Fault::CrashAfter,
            Fault::CrashAfter,
        ];
        let (name, mut manifests) = (NAMES[0], BTreeMap::new());
        self.apply(rng, &mut manifests, name);
        if rng.bool() {
            // Deleted at once, while something that makes an object is on its way for long.
            const CREATES: [&str; 4] =
                ["iam:CreateRole", "logs:CreateLogGroup", "states:CreateStateMachine", "apigateway:CreateRestApi"];
            self.faults.insert(At::Of(CREATES[rng.usize(..CREATES.len())], rng.usize(..2)), Fault::Late);
            self.steps.push(Step { after: rng.i64(0..3 * SECOND), what: What::Delete(name) });
            return;
        }
        for _ in 0..rng.usize(1..4) {
            let spec = manifest(rng, name, &manifests, self.host_was_deleted());
            let what = match rng.u8(..7) {
                0..=1 => What::Apply(name, spec),
                2..=3 => What::Delete(name),
                4..=5 => What::Recreate(name, spec),
                _ => What::Failover,
            };
            let longest = [4, 15][rng.usize(..2)];
            let after = rng.i64(0..longest * SECOND);
            self.steps.push(Step { after, what });
        }
        for _ in 0..rng.usize(1..4) {
            let (at, fault) = (delicate(rng), FAULTS[rng.usize(..FAULTS.len())]);
            self.faults.insert(at, fault);
        }
        outages::add_unseen_api(self, rng);
    }

    /// Up to three objects, perhaps on one API, over minutes, and whatever may happen to them.
    fn be_long(&mut self, rng: &mut Rng) {
        self.foreign = (rng.u8(..12) == 0).then(|| FOREIGN[rng.usize(..FOREIGN.len())]);
        let objects = [1, 1, 1, 2, 2, 3][rng.usize(..6)];
        // Two writers at a time may undo each other's work, and someone else's edits take down what serves: each has lives of its own.
        let kind = rng.u8(..10);
        let mut manifests = BTreeMap::new();
        for name in &NAMES[..objects] {
            self.apply(rng, &mut manifests, name);
        }
        for _ in 0..rng.usize(1..7) {
            let name = NAMES[rng.usize(..objects)];
            let what = match (rng.u8(..20), kind) {
                (0..=7, _) => {
                    self.apply(rng, &mut manifests, name);
                    continue;
                }
                (8..=9, 2..) => {
                    // A host waits for its guests, so they go with it.
                    let guests = guests(&manifests).into_iter().filter(|_| name == NAMES[0]);
                    for gone in guests.chain([name]).collect::<Vec<_>>().into_iter().rev() {
                        manifests.remove(gone);
                        self.step(rng, What::Delete(gone));
                    }
                    continue;
                }
                (10..=11, 2..) if name != NAMES[0] || guests(&manifests).is_empty() => {
                    let spec = manifest(rng, name, &manifests, self.host_was_deleted());
                    manifests.insert(name, spec.clone());
                    What::Recreate(name, spec)
                }
                (12, _) if rng.bool() => What::Annotate(name),
                (12, _) => What::Suspend { name, seconds: rng.i64(1..900) },
                (13, _) => outages::outage(rng),
                (14, _) => What::WatchBreaks { seconds: rng.i64(1..120) },
                (15, _) => What::WatchRepeats,
                (16, _) => What::Crash,
                (17, _) => What::Failover,
                (_, 0..=1) => What::SecondLeader { seconds: rng.i64(1..60) },
                (_, 2..=4) => What::Tamper(name, TAMPERINGS[rng.usize(..TAMPERINGS.len())]),
                (_, _) => What::Crash,
            };
            self.step(rng, what);
        }
        if self.foreign.is_some() {
            self.step(rng, What::ForeignGoes);
        }
        self.settle(rng, &mut manifests);
        let calls = 60 + 120 * objects + 40 * self.steps.len();
        for _ in 0..[0, 1, 1, 2, 2, 3, 4, 8][rng.usize(..8)] {
            let fault = Fault::ALL[rng.usize(..Fault::ALL.len())];
            let at = if rng.bool() { At::Call(rng.usize(..calls)) } else { delicate(rng) };
            self.faults.insert(at, fault);
        }
        if rng.u8(..4) == 0 {
            self.storm(rng, calls);
        }
        outages::add_unreadable_answers(self, rng);
    }

    /// The same fault again and again for a while, as when a service is in trouble.
    fn storm(&mut self, rng: &mut Rng, calls: usize) {
        let fault = Fault::ALL[rng.usize(..Fault::ALL.len() - 2)]; // no process dies so often
        let (first, length, every) = (rng.usize(..calls), rng.usize(10..60), rng.usize(1..6));
        let struck = (first..first + length).filter(|_| rng.usize(..every) == 0);
        self.faults.extend(struck.map(|call| (At::Call(call), fault)));
    }

    fn host_was_deleted(&self) -> bool {
        let deletes = |what: &What| matches!(what, What::Delete(name) | What::Recreate(name, _) if *name == NAMES[0]);
        self.steps.iter().any(|step| deletes(&step.what))
    }

    fn step(&mut self, rng: &mut Rng, what: What) {
        let after = match rng.u8(..10) {
            0..=4 => rng.i64(0..3 * SECOND),
            5..=7 => rng.i64(0..40 * SECOND),
            _ => rng.i64(0..12 * MINUTE),
        };
        self.steps.push(Step { after, what });
    }

    fn apply(&mut self, rng: &mut Rng, manifests: &mut BTreeMap<&'static str, Value>, name: &'static str) {
        let spec = manifest(rng, name, manifests, self.host_was_deleted());
        manifests.insert(name, spec.clone());
        self.step(rng, What::Apply(name, spec));
    }

    /// Whether all that is asked for can come to rest: a guest has a host at last, and no host that is deleted gets guests before it is gone.
    pub fn is_sound(&self) -> bool {
        let goes = self.steps.iter().any(|step| matches!(step.what, What::ForeignGoes));
        if self.foreign.is_some() && !goes || !labels::is_there(&self.steps) {
            return false;
        }
        let (mut manifests, mut host_was_deleted) = (BTreeMap::new(), false);
        for Step { what, .. } in &self.steps {
            match what {
                What::Apply(name, spec) | What::Recreate(name, spec) => {
                    host_was_deleted |= *name == NAMES[0] && matches!(what, What::Recreate(..));
                    manifests.insert(*name, spec.clone());
                }
                What::Delete(name) => {
                    host_was_deleted |= *name == NAMES[0];
                    manifests.remove(name);
                }
                _ => {}
            }
            let host_is_back = host_was_deleted && manifests.contains_key(NAMES[0]);
            if host_is_back && !guests(&manifests).is_empty() {
                return false;
            }
        }
        guests(&manifests).is_empty() || manifests.contains_key(NAMES[0])
    }

    /// At last every guest has a host: what could never be ready is deleted.
    fn settle(&mut self, rng: &mut Rng, manifests: &mut BTreeMap<&'static str, Value>) {
        let host = manifests.get(NAMES[0]);
        let has_host = host.is_some_and(|host| host["api"]["endpointRef"].is_null());
        for name in &NAMES[1..] {
            let is_guest = manifests.get(name).is_some_and(|spec| !spec["api"]["endpointRef"].is_null());
            if is_guest && !has_host {
                manifests.remove(name);
                self.step(rng, What::Delete(name));
            }
        }
    }
}

/// A call whose loss, doubling or delay is remembered nowhere but in what it made.
fn delicate(rng: &mut Rng) -> At {
    const OPERATIONS: [&str; 14] = [
        "apigateway:CreateRestApi",
        "apigateway:CreateRestApi",
        "apigateway:GetRestApis",
        "apigateway:CreateDeployment",
        "apigateway:CreateStage",
        "apigateway:DeleteRestApi",
        "iam:CreateRole",
        "iam:GetRole",
        "states:CreateStateMachine",
        "states:DescribeStateMachine",
        "states:DeleteStateMachine",
        "intent",
        "status",
        "finalizer off",
    ];
    At::Of(OPERATIONS[rng.usize(..OPERATIONS.len())], rng.usize(..4))
}

/// Those whose routes are on the first one's API.
fn guests(manifests: &BTreeMap<&'static str, Value>) -> Vec<&'static str> {
    let is_guest = |spec: &Value| !spec["api"]["endpointRef"].is_null();
    manifests.iter().filter(|(_, spec)| is_guest(spec)).map(|(name, _)| *name).collect()
}

/// A valid manifest; `alone` says that it may not share the first one's API.
fn manifest(rng: &mut Rng, name: &str, manifests: &BTreeMap<&'static str, Value>, alone: bool) -> Value {
    let pick = |rng: &mut Rng, values: &[Value]| values[rng.usize(..values.len())].clone();
    let express = rng.bool();
    let mut machine = Map::from_iter([
        ("type".to_owned(), json!(if express { "EXPRESS" } else { "STANDARD" })),
        ("definition".to_owned(), json!(DEFINITIONS[rng.usize(..DEFINITIONS.len())])),
    ]);
    let role = pick(
        rng,
        &[
            Value::Null,
            Value::Null,
            json!({ "arn": "arn:aws:iam::000000000000:role/mine" }),
            json!({ "statements": [{ "actions": ["s3:GetObject"], "resources": ["*"] }] }),
            json!({ "managedPolicyArns": ["arn:aws:iam::aws:policy/A"] }),
        ],
    );
    let logging = pick(
        rng,
        &[Value::Null, Value::Null, json!({ "level": "OFF" }), json!({ "level": "ALL", "retentionDays": 14 })],
    );
    let mut spec = Map::new();
    for (field, value) in [("role", role), ("logging", logging)] {
        if !value.is_null() {
            machine.insert(field.to_owned(), value);
        }
    }
    let machine = if rng.u8(..12) == 0 { json!({ "arn": REFERENCED }) } else { Value::Object(machine) };
    let express = express && machine["arn"].is_null();
    spec.insert("stateMachine".to_owned(), machine);
    spec.insert("executions".to_owned(), json!({ "keep": 0 }));
    let gateway_role = pick(
        rng,
        &[
            Value::Null,
            Value::Null,
            Value::Null,
            json!({ "arn": "arn:aws:iam::000000000000:role/gateway" }),
            json!({ "managedPolicyArns": ["arn:aws:iam::aws:policy/B"] }),
        ],
    );
    if !gateway_role.is_null() {
        spec.insert("gatewayRole".to_owned(), gateway_role);
    }
    let is_guest = !alone && name != NAMES[0] && manifests.contains_key(NAMES[0]) && rng.u8(..3) > 0;
    if is_guest {
        let mut host = json!({ "name": NAMES[0] });
        if key(name).namespace != key(NAMES[0]).namespace {
            host["namespace"] = json!(key(NAMES[0]).namespace);
        }
        spec.insert("api".to_owned(), json!({ "endpointRef": host }));
    } else {
        let api = pick(rng, &[Value::Null, Value::Null, json!({ "name": "other" })]);
        let stage = pick(rng, &[Value::Null, Value::Null, json!({ "name": "v2" })]);
        for (field, value) in [("api", api), ("stage", stage)] {
            if !value.is_null() {
                spec.insert(field.to_owned(), value);
            }
        }
        stages::choose(rng.clone(), &mut spec);
        if name == NAMES[0] {
            let api = spec.entry("api").or_insert_with(|| json!({}));
            api["allowedRoutes"] = labels::allowed_routes();
        }
    }
    spec.insert("routes".to_owned(), Value::Array(routes(rng, name, express)));
    Value::Object(spec)
}

/// A state machine of someone else, which is called.
pub const REFERENCED: &str = "arn:aws:states:eu-central-1:000000000000:stateMachine:existing";

const DEFINITIONS: [&str; 3] = [
    "StartAt: A\nStates: {A: {Type: Pass, End: true}}",
    "StartAt: B\nStates: {B: {Type: Succeed}}",
    "StartAt: A\nStates: {A: {Type: Pass, Next: B}, B: {Type: Succeed}}",
];

/// One to three routes, below a path of the object's own.
fn routes(rng: &mut Rng, name: &str, express: bool) -> Vec<Value> {
    let none = json!({ "type": "NONE" });
    let cognito = json!({
        "type": "COGNITO_USER_POOLS",
        "userPoolArns": ["arn:aws:cognito-idp:eu-central-1:000000000000:userpool/one"],
    });
    let mut pool = vec![
        json!({ "path": format!("/{name}"), "method": "POST", "auth": none }),
        json!({ "path": format!("/{name}"), "method": "PUT", "auth": cognito, "action": "StartExecution" }),
        json!({ "path": format!("/{name}/{{id}}"), "method": "POST", "auth": none,
                "input": { "fields": { "id": { "path": "id" }, "x": { "body": "$.x" } } } }),
        json!({ "path": format!("/{name}/deep/er"), "method": "POST", "auth": none, "input": { "constant": { "v": 1 } } }),
    ];
    if !express {
        pool.push(json!({ "path": format!("/{name}/{{id}}"), "method": "GET", "auth": none,
                          "action": "DescribeExecution", "execution": { "path": "id" } }));
    }
    rng.shuffle(&mut pool);
    pool.truncate(rng.usize(1..=3));
    pool
}

impl fmt::Display for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "seed {}: a new role can't be assumed for {} s, a state machine's delete takes {} s, in the way: {:?}",
            self.seed,
            self.propagation / SECOND,
            self.deleting / SECOND,
            self.foreign
        )?;
        for Step { after, what } in &self.steps {
            writeln!(f, "  after {:.1} s: {}", *after as f64 / 1000.0, told(what))?;
        }
        for (at, fault) in &self.faults {
            writeln!(f, "  {at:?}: {fault:?}")?;
        }
        Ok(())
    }
}

pub fn told(what: &What) -> String {
    match what {
        What::Apply(name, spec) => format!("apply {name} {spec}"),
        What::Recreate(name, spec) => format!("delete {name}, then apply it again {spec}"),
        other => format!("{other:?}"),
    }
}
