//! A run of one life: the moments one after the other, and the promises at each.

use std::collections::{BTreeMap, VecDeque};

use fastrand::Rng;
use serde_json::Value;
use sfe::controller::Key;
use sfe_core::api::StepFunctionEndpoint;
use sfe_core::status::is_true;

use crate::account::Account;
use crate::foreign;
use crate::hands::tamper;
use crate::life::{Life, NAMES, Step, What, key, told};
use crate::network::{Fault, Network, Outage};
use crate::operator::{Operator, site};
use crate::promises::{Kept, Served, check_account, check_converged, check_gone, check_served, routes};
use crate::server::{Change, Server};
use crate::stages;
use crate::time::{MINUTE, Millis, SECOND, Time};

/// The most calls of a life: one without an end has more.
const CALLS_MAX: usize = 30_000;
/// How long it may take until all is at rest once nothing goes wrong any more: Stalled is looked at every 5 minutes, drift every 10.
const REST_MAX: Millis = 45 * MINUTE;

pub struct Run {
    life: Life,
    time: Time,
    network: Network,
    server: Server,
    operator: Option<Operator>,
    /// Operators that don't lead any more, until their last calls have ended; and one that should not be there.
    others: Vec<(Millis, Operator)>,
    /// When the next operator starts.
    starts_at: Option<Millis>,
    rng: Rng,
    /// What is applied as soon as the object is gone.
    wanted: BTreeMap<Key, Value>,
    /// Until when an object is paused.
    resumes: BTreeMap<Key, Millis>,
    served: BTreeMap<Key, Vec<Served>>,
    /// Whether routes that are live must stay so: not where someone takes them down by hand, or two write at a time.
    promises_service: bool,
    /// Whether a status that says Ready must be true when it is written.
    promises_truth: bool,
    /// Whether a deployment must be finished when it is made: not one whose call takes effect after nobody waits any more.
    promises_deployments: bool,
    writes: usize,
    /// How many processes were ever started.
    started: usize,
    /// How often a manifest became live.
    live: usize,
}

/// A promise that was broken, and how it came to that.
#[derive(Debug)]
pub struct Broken {
    pub promise: String,
    pub story: Vec<String>,
}

/// What happened in a life.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub calls: usize,
    pub writes: usize,
    /// Calls that something went wrong with.
    pub faults: usize,
    /// How often a manifest became live.
    pub live: usize,
}

impl Tally {
    pub fn add(&mut self, other: Self) {
        self.calls += other.calls;
        self.writes += other.writes;
        self.faults += other.faults;
        self.live += other.live;
    }
}

/// Lives a life. `told` says whether the story is kept.
pub fn live(life: &Life, told: bool) -> Result<Tally, Broken> {
    let mut run = Run::new(life, told);
    let ended = run.run();
    let network = &run.network;
    let tally = Tally { calls: network.calls(), writes: network.writes(), faults: network.faults(), live: run.live };
    ended.map(|()| tally).map_err(|promise| Broken { promise, story: run.network.story() })
}

impl Life {
    /// Whether something of this kind happens in it.
    fn has(&self, wanted: fn(&What) -> bool) -> bool {
        self.steps.iter().any(|step| wanted(&step.what))
    }

    /// Whether someone edits or deletes AWS objects by hand.
    fn is_tampered(&self) -> bool {
        self.has(|what| matches!(what, What::Tamper(..)))
    }

    /// Whether two processes work at once.
    fn is_doubled(&self) -> bool {
        self.has(|what| matches!(what, What::SecondLeader { .. }))
    }
}

impl Run {
    fn new(life: &Life, told: bool) -> Self {
        let time = Time::default();
        let mut account = Account::new(site());
        (account.propagation, account.deleting) = (life.propagation, life.deleting);
        if let Some(kind) = life.foreign {
            foreign::place(&mut account, kind, &key(NAMES[0]));
        }
        let network = Network::new(time.clone(), account, life.faults.clone(), life.seed, told);
        let server = Server::default();
        let (tampered, doubled) = (life.is_tampered(), life.is_doubled());
        let strikes = |wanted: Fault| life.faults.values().any(|fault| *fault == wanted);
        let is_succeeded = life.has(|what| matches!(what, What::Failover | What::Crash))
            || strikes(Fault::CrashBefore)
            || strikes(Fault::CrashAfter);
        // The Lease of one that died ends later than any call of it takes effect, and one that stops waits for its calls. Here successors begin
        // sooner, which is harder for all but this: what they say is overtaken by what they can't know of.
        let is_overtaken = strikes(Fault::Late) && is_succeeded;
        let promises_truth = !tampered && !doubled && !strikes(Fault::Stale) && !is_overtaken;
        let operator = Some(Operator::start("operator 1", &server, &network));
        Self {
            life: life.clone(),
            time,
            network,
            server,
            operator,
            others: Vec::new(),
            starts_at: None,
            rng: Rng::with_seed(life.seed ^ 0x5EED),
            wanted: BTreeMap::new(),
            resumes: BTreeMap::new(),
            served: BTreeMap::new(),
            promises_service: !tampered && !doubled,
            promises_truth,
            promises_deployments: promises_truth && !strikes(Fault::Late),
            writes: 0,
            started: 1,
            live: 0,
        }
    }

    /// A new process.
    fn start(&mut self) -> Operator {
        self.started += 1;
        Operator::start(&format!("operator {}", self.started), &self.server, &self.network)
    }

    fn run(&mut self) -> Kept {
        let mut steps: VecDeque<Step> = self.life.steps.clone().into();
        while let Some(Step { after, what }) = steps.pop_front() {
            self.pass_time(self.time.millis() + after)?;
            self.spread_changes()?; // a status of this very moment is of what was before
            self.take(what);
        }
        self.network.calm();
        self.others.retain(|(_, other)| other.caller.is_fenced());
        let (tampered, doubled) = (self.life.is_tampered(), self.life.is_doubled());
        if doubled {
            // What one of two made of a manifest that the other never saw is found by the next: the Lease lets go on who comes later.
            self.network.tell(|| "-- a new process takes over".to_owned());
            self.operator = Some(self.start());
        }
        if tampered || doubled {
            self.pass_time(self.time.millis() + 11 * MINUTE)?; // until drift was looked for
        }
        self.until("rest", |run| run.check_rest())?;
        self.check_zero_writes()?;
        self.network.tell(|| "-- everything is deleted".to_owned());
        NAMES.iter().rev().for_each(|name| self.delete(name));
        self.until("everything is gone", |run| {
            let left: Vec<String> = run.server.all().iter().map(|object| Key::of(object).name).collect();
            if left.is_empty() { Ok(()) } else { Err(format!("still there: {}", left.join(", "))) }
        })?;
        self.pass_time(self.time.millis() + MINUTE)?;
        NAMES.iter().try_for_each(|name| self.network.account(|account| check_gone(account, &key(name))))?;
        self.network.account(|account| foreign::check(account, self.life.foreign))
    }

    /// Goes on until it is so and nothing is under way.
    fn until(&mut self, what: &str, so: impl Fn(&Self) -> Kept) -> Kept {
        let deadline = self.time.millis() + REST_MAX;
        loop {
            self.act()?;
            let settled =
                self.resumes.is_empty() && self.others.is_empty() && self.starts_at.is_none() && self.wanted.is_empty();
            if settled && self.operator.as_ref().is_some_and(Operator::is_idle) && so(self).is_ok() {
                return Ok(());
            }
            if self.time.millis() > deadline {
                let waits = (self.wanted.keys().collect::<Vec<_>>(), self.resumes.keys().collect::<Vec<_>>());
                return Err(format!("no {what} after {} minutes: {:?} {waits:?}", REST_MAX / MINUTE, so(self)));
            }
            self.move_on(deadline + 1)?;
        }
    }

    fn check_rest(&self) -> Kept {
        let all = self.server.all();
        let ready =
            |object: &StepFunctionEndpoint| object.status.as_ref().is_some_and(|status| is_true(status, "Ready"));
        if let Some(object) = all.iter().find(|object| !ready(object)) {
            let why = object.status.iter().flat_map(|status| &status.conditions).next();
            return Err(format!("{} is not ready: {}", Key::of(object).name, why.map_or("", |why| &why.message)));
        }
        self.server.published(|shelf| shelf.check(&all))?;
        self.network.account(|account| {
            all.iter().try_for_each(|object| check_converged(account, object, &all))?;
            NAMES.iter().map(|name| key(name)).try_for_each(|key| {
                if all.iter().any(|object| Key::of(object) == key) { Ok(()) } else { check_gone(account, &key) }
            })
        })
    }

    /// A new process and a check of drift later, nothing was written.
    fn check_zero_writes(&mut self) -> Kept {
        let asked = |run: &Self| run.network.asked() + run.server.published(|shelf| shelf.writes());
        let before = asked(self);
        self.network.tell(|| "-- a new process starts".to_owned());
        self.operator = Some(self.start());
        self.pass_time(self.time.millis() + 11 * MINUTE)?;
        let written = asked(self) - before;
        if written > 0 {
            return Err(format!("{written} writes where all was as it should be"));
        }
        self.check_rest()
    }

    fn pass_time(&mut self, until: Millis) -> Kept {
        while self.time.millis() < until {
            self.act()?;
            self.move_on(until)?;
        }
        Ok(())
    }

    /// All that happens at this moment.
    fn act(&mut self) -> Kept {
        self.resume();
        if let Some(operator) = &mut self.operator {
            operator.work(&self.server);
        }
        for (_, other) in &mut self.others {
            other.work(&self.server);
        }
        self.replace_the_dead();
        self.spread_changes()?;
        self.check_promises()
    }

    /// Goes on to the next moment, which is not after `latest`.
    fn move_on(&mut self, latest: Millis) -> Kept {
        let operators = self.operator.iter().chain(self.others.iter().map(|(_, other)| other));
        let next = operators.filter_map(Operator::next).min();
        let resumes = self.resumes.values().copied().min();
        let ends = self.others.iter().map(|(until, _)| *until).min();
        let next =
            [next, self.time.next(), self.starts_at, resumes, ends].into_iter().flatten().min().unwrap_or(latest);
        self.time.move_on(next.clamp(self.time.millis(), latest));
        if self.network.calls() > CALLS_MAX {
            return Err(format!("no end after {CALLS_MAX} calls"));
        }
        self.check_promises()
    }

    fn check_promises(&mut self) -> Kept {
        let writes = self.network.writes();
        if std::mem::replace(&mut self.writes, writes) == writes {
            return Ok(());
        }
        self.network.check_turns()?;
        self.network.account(|account| {
            check_account(account, &NAMES)?;
            if let (true, Some(severed)) = (self.promises_service, &account.severed) {
                return Err(severed.clone());
            }
            if let (true, Some(hasty)) = (self.promises_deployments, &account.hasty) {
                return Err(hasty.clone());
            }
            let mut served = self.served.iter().flat_map(|(key, routes)| routes.iter().map(move |route| (key, route)));
            served.try_for_each(|(key, route)| check_served(account, key, route))
        })
    }

    fn replace_the_dead(&mut self) {
        let now = self.time.millis();
        if self.operator.as_ref().is_some_and(|operator| operator.caller.has_crashed()) {
            self.operator = None;
            let starts_at = now + self.rng.i64(0..10 * SECOND);
            self.network.tell(|| "-- the operator has died".to_owned());
            self.starts_at = Some(starts_at);
        }
        self.others.retain(|(until, other)| now < *until && !other.caller.has_crashed());
        if self.starts_at.is_some_and(|at| at <= now) {
            self.starts_at = None;
            self.network.tell(|| "-- an operator starts".to_owned());
            self.operator = Some(self.start());
        }
    }

    /// Every operator is told, sooner or later; what is promised of a change is checked.
    fn spread_changes(&mut self) -> Kept {
        for change in self.server.take_changes() {
            let others = self.others.iter_mut().map(|(_, other)| other);
            for operator in self.operator.iter_mut().chain(others) {
                operator.send(&change, self.rng.i64(5..300));
            }
            match &change {
                Change::Written(_) => {}
                Change::StatusWritten(_) => self.check_status(&change)?,
                Change::Gone(object) => self.check_release(&Key::of(object))?,
            }
        }
        Ok(())
    }

    /// A status that says Ready is true, and from then on the routes stay live.
    fn check_status(&mut self, change: &Change) -> Kept {
        let object = change.object();
        let says = |what| object.status.as_ref().is_some_and(|status| is_true(status, what));
        self.network.unreadable.note_status(&Key::of(object).name, says("Stalled"));
        if self.promises_service
            && says("Suspended")
            && object.spec.suspend == Some(true)
            && object.metadata.deletion_timestamp.is_none()
        {
            self.network.quiet(&Key::of(object).name, true);
        }
        if !is_live(object) {
            return Ok(());
        }
        self.live += 1;
        let (key, all) = (Key::of(object), self.server.all());
        let spec = serde_json::to_value(&object.spec).unwrap();
        let host = crate::promises::server_of(&key, &spec);
        let Some(host) = all.iter().find(|other| Key::of(other) == host) else { return Ok(()) };
        if self.promises_truth && host.metadata.name == object.metadata.name {
            let known = |other: &&StepFunctionEndpoint| other.metadata.name == object.metadata.name;
            let alone = all.iter().filter(known).cloned().collect::<Vec<_>>();
            if all.len() == 1 {
                self.network.account(|account| check_converged(account, object, &alone))?;
            }
        }
        let host_spec = serde_json::to_value(&host.spec).unwrap();
        // A host that is about to move its stage moves its guests with it.
        if self.promises_service && is_live(host) {
            self.served.insert(key.clone(), routes(&key, &spec, &host_spec));
            let served = &self.served[&key];
            self.network.account(|account| served.iter().try_for_each(|route| check_served(account, &key, route)))?;
        }
        Ok(())
    }

    /// The finalizer went: nothing of the object may be left.
    fn check_release(&mut self, key: &Key) -> Kept {
        self.network.tell(|| format!("-- {} is gone", key.name));
        self.network.account(|account| check_gone(account, key))?;
        if let Some(spec) = self.wanted.remove(key) {
            self.apply(&key.name, &spec);
        }
        Ok(())
    }

    fn take(&mut self, what: What) {
        self.network.tell(|| format!("-- {}", told(&what)));
        let now = self.time.millis();
        match what {
            What::Apply(name, spec) => self.apply(name, &spec),
            What::Delete(name) => self.delete(name),
            What::Recreate(name, spec) => {
                self.delete(name);
                if self.server.get(&key(name)).is_some() {
                    self.wanted.insert(key(name), spec);
                } else {
                    self.apply(name, &spec);
                }
            }
            What::Suspend { name, seconds } => self.suspend(name, now + seconds * SECOND),
            What::Annotate(name) => self.server.annotate(&key(name), &now.to_string()),
            What::Tamper(name, how) => self.network.account(|account| tamper(account, &key(name), how)),
            What::TamperPublished { name, deletes } => self.tamper_published(&key(name), deletes),
            What::Outage { seconds, operation, class } => {
                self.network.begin_outage(Outage { until: now + seconds * SECOND, operation, class });
            }
            What::WatchBreaks { seconds } => {
                self.operator.iter_mut().for_each(|operator| operator.break_watch(now + seconds * SECOND));
            }
            What::WatchRepeats => {
                let all = self.server.all();
                self.operator.iter_mut().for_each(|operator| operator.repeat_watch(all.clone()));
            }
            What::Crash => self.operator.iter().for_each(|operator| operator.caller.crash()),
            What::Failover => {
                if let Some(former) = self.operator.take() {
                    former.caller.fence();
                    self.others.push((now + 30 * SECOND, former));
                }
                self.operator = Some(self.start());
                self.starts_at = None;
            }
            What::SecondLeader { seconds } => {
                let second = self.start();
                self.others.push((now + seconds * SECOND, second));
            }
            What::ForeignGoes => self.network.account(foreign::remove),
            What::Label(is_there) => {
                self.server.label(is_there);
                let others = self.others.iter_mut().map(|(_, other)| other);
                for operator in self.operator.iter_mut().chain(others) {
                    operator.tell_of_labels(self.rng.i64(5..300));
                }
            }
        }
    }

    /// Someone edits or deletes what was published, of which the watch tells.
    fn tamper_published(&mut self, key: &Key, deletes: bool) {
        let Some(owner) = self.server.get(key) else { return };
        for config_map in self.server.published(|shelf| shelf.tamper(&owner, deletes)) {
            let others = self.others.iter_mut().map(|(_, other)| other);
            for operator in self.operator.iter_mut().chain(others) {
                operator.tell_of_config_map(&config_map, self.rng.i64(5..300));
            }
        }
    }

    /// A user pauses an object that is there, until then.
    fn suspend(&mut self, name: &'static str, until: Millis) {
        let key = key(name);
        let Some(object) = self.server.get(&key) else { return };
        if object.metadata.deletion_timestamp.is_none() {
            let mut spec = serde_json::to_value(&object.spec).unwrap();
            spec["suspend"] = true.into();
            self.server.apply(&key, &spec, self.time.millis());
            self.resumes.insert(key, until);
        }
    }

    /// What was paused for so long goes on, unless it says something else by now.
    fn resume(&mut self) {
        let now = self.time.millis();
        let due: Vec<Key> =
            self.resumes.iter().filter(|(_, until)| **until <= now).map(|(key, _)| key.clone()).collect();
        for key in due {
            self.resumes.remove(&key);
            let paused = self.server.get(&key).filter(|object| object.spec.suspend == Some(true));
            if let Some(object) = paused.filter(|object| object.metadata.deletion_timestamp.is_none()) {
                let mut spec = serde_json::to_value(&object.spec).unwrap();
                spec["suspend"] = Value::Null;
                self.network.tell(|| format!("-- {} goes on", key.name));
                self.network.quiet(&key.name, false);
                self.server.apply(&key, &spec, now);
            }
        }
    }

    /// A user applies a manifest: what it says anew is not promised to be live yet.
    fn apply(&mut self, name: &str, spec: &Value) {
        let key = key(name);
        let leaving = self.server.get(&key).is_some_and(|object| object.metadata.deletion_timestamp.is_some());
        if leaving {
            self.wanted.insert(key, spec.clone()); // as one who applies again and again does
            return;
        }
        self.network.quiet(&key.name, false);
        self.server.apply(&key, spec, self.time.millis());
        let host = crate::promises::server_of(&key, spec);
        let host_spec =
            self.server.get(&host).map(|host| serde_json::to_value(&host.spec).unwrap()).unwrap_or_default();
        let wanted = routes(&key, spec, &host_spec);
        self.served.entry(key.clone()).or_default().retain(|served| wanted.contains(served));
        let stages = stages::of(spec);
        for served in self.served.values_mut() {
            served.retain(|served| served.host != key || stages.contains(served.stage.as_str()));
        }
    }

    fn delete(&mut self, name: &str) {
        let key = key(name);
        self.wanted.remove(&key);
        self.served.remove(&key);
        self.network.quiet(name, false);
        self.server.delete(&key, self.time.millis());
    }
}

/// Whether the status says that all is as this generation wants it.
fn is_live(object: &StepFunctionEndpoint) -> bool {
    let status = object.status.clone().unwrap_or_default();
    let current = status.observed_generation == object.metadata.generation;
    let stays = object.metadata.deletion_timestamp.is_none();
    current && stays && is_true(&status, "Ready") && is_true(&status, "Live")
}
