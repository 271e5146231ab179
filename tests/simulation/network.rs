//! The wire between an operator and everything else: every call takes its time, and some go wrong. A request that was sent has its effect even
//! if whoever sent it dies.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::pending;
use std::sync::{Arc, Mutex};

use sfe::aws::Class;

use crate::account::{Account, Refused};
use crate::time::{Millis, SECOND, Time};
use crate::unreadable::Unreadable;

/// What goes wrong with one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It fails without an effect, and nobody knows that.
    Lost,
    /// It has its effect, and the answer is lost.
    AnswerLost,
    /// It has its effect, and the answer can't be read.
    Unreadable,
    /// No answer comes, and the effect comes up to eight seconds after that.
    Late,
    /// It takes thirty times as long.
    Slow,
    /// Too many calls.
    Throttled,
    /// Someone else is changing the same object.
    Conflict,
    /// The operator may not do this, for once.
    Denied,
    /// A quota is used up, for once.
    Quota,
    /// A read tells what was so a few seconds ago.
    Stale,
    /// The process dies before the call.
    CrashBefore,
    /// The process dies right after it sent the request.
    CrashAfter,
}

/// Which call a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum At {
    /// That with this number.
    Call(usize),
    /// The n-th of this operation.
    Of(&'static str, usize),
}

impl Fault {
    pub const ALL: [Self; 12] = [
        Self::Lost,
        Self::AnswerLost,
        Self::Unreadable,
        Self::Late,
        Self::Slow,
        Self::Throttled,
        Self::Conflict,
        Self::Denied,
        Self::Quota,
        Self::Stale,
        Self::CrashBefore,
        Self::CrashAfter,
    ];
}

/// How late an effect is at most: with what a read may lag behind it, less than `--create-settle`.
const LATE_MAX: Millis = 8 * SECOND;
/// How old what a stale read tells is at most.
const STALE_MAX: Millis = 5 * SECOND;

/// What every operator of a run shares.
#[derive(Clone)]
pub struct Network {
    pub time: Time,
    pub unreadable: Unreadable,
    state: Arc<Mutex<State>>,
}

struct State {
    account: Account,
    /// How the account was before some writes, the oldest first, for stale reads.
    past: VecDeque<(Millis, Account)>,
    calls: usize,
    writes: usize,
    /// Writes that were asked for, whether or not they had an effect.
    asked: usize,
    struck: usize,
    random: u64,
    /// How often each operation was called.
    counts: BTreeMap<&'static str, usize>,
    faults: BTreeMap<At, Fault>,
    outages: Vec<Outage>,
    /// Who is writing to which REST API.
    writing: BTreeSet<(Arc<str>, String)>,
    /// Whose status says that nothing is written for it.
    quiet: BTreeSet<String>,
    /// The first time that one process wrote twice at a time to one REST API, or for someone of those.
    collided: Option<String>,
    /// What happened, where somebody wants to read it.
    story: Option<Vec<String>>,
}

/// A time in which calls fail.
#[derive(Clone, Debug)]
pub struct Outage {
    pub until: Millis,
    /// The operation, or all.
    pub operation: Option<&'static str>,
    pub class: Class,
}

/// Who makes a call, and whether that process is still alive and leads.
#[derive(Clone)]
pub struct Caller(Arc<Mutex<Standing>>);

#[derive(Clone)]
struct Standing {
    name: Arc<str>,
    crashed: bool,
    /// It has lost the lease: no call of its starts any more.
    fenced: bool,
}

impl Caller {
    pub fn new(name: &str) -> Self {
        let name = name.into();
        Self(Arc::new(Mutex::new(Standing { name, crashed: false, fenced: false })))
    }

    pub fn name(&self) -> Arc<str> {
        Arc::clone(&self.0.lock().unwrap().name)
    }

    pub fn has_crashed(&self) -> bool {
        self.0.lock().unwrap().crashed
    }

    pub fn crash(&self) {
        self.0.lock().unwrap().crashed = true;
    }

    pub fn is_fenced(&self) -> bool {
        self.0.lock().unwrap().fenced
    }

    pub fn fence(&self) {
        self.0.lock().unwrap().fenced = true;
    }
}

/// One call.
pub struct Call {
    pub operation: &'static str,
    /// Whether it changes anything in AWS.
    pub writes: bool,
    /// Whether it is AWS that is called.
    pub aws: bool,
    /// The REST API that is written to.
    pub rest_api_id: Option<String>,
}

impl Network {
    pub fn new(time: Time, account: Account, faults: BTreeMap<At, Fault>, random: u64, told: bool) -> Self {
        let story = told.then(Vec::new);
        let (past, outages, writing, quiet) = (VecDeque::new(), Vec::new(), BTreeSet::new(), BTreeSet::new());
        let state = State {
            account,
            past,
            calls: 0,
            writes: 0,
            asked: 0,
            struck: 0,
            random,
            counts: BTreeMap::new(),
            faults,
            outages,
            writing,
            quiet,
            collided: None,
            story,
        };
        Self { time, unreadable: Unreadable::default(), state: Arc::new(Mutex::new(state)) }
    }

    /// Looks at the account, or changes it by someone else's hand.
    pub fn account<T>(&self, look: impl FnOnce(&mut Account) -> T) -> T {
        let mut state = self.state.lock().unwrap();
        let now = self.time.millis();
        state.account.catch_up(now);
        look(&mut state.account)
    }

    /// API Gateway answers ConflictException to two writes at a time on one API: the operator never makes them. Nor does it go on and on where
    /// an answer can't be read.
    pub fn check_turns(&self) -> Result<(), String> {
        self.unreadable.check()?;
        self.state.lock().unwrap().collided.clone().map_or(Ok(()), Err)
    }

    /// Whether from now on nothing is written for this object, as its status says.
    pub fn quiet(&self, name: &str, is_quiet: bool) {
        let mut state = self.state.lock().unwrap();
        if is_quiet {
            state.quiet.insert(name.to_owned());
        } else {
            state.quiet.remove(name);
        }
    }

    /// A write for this object begins.
    pub fn check_quiet(&self, name: &str, what: impl Fn() -> String) {
        let mut state = self.state.lock().unwrap();
        if state.quiet.contains(name) {
            state.collided.get_or_insert(format!("{name} is suspended, and there was {}", what()));
        }
    }

    fn begin_turn(&self, caller: &Arc<str>, call: &Call) -> Option<(Arc<str>, String)> {
        let turn = (Arc::clone(caller), call.rest_api_id.clone()?);
        let mut state = self.state.lock().unwrap();
        if !state.writing.insert(turn.clone()) {
            state
                .collided
                .get_or_insert(format!("{} while another write to REST API {} was under way", call.operation, turn.1));
        }
        Some(turn)
    }

    fn end_turn(&self, turn: Option<(Arc<str>, String)>) {
        if let Some(turn) = turn {
            self.state.lock().unwrap().writing.remove(&turn);
        }
    }

    pub fn writes(&self) -> usize {
        self.state.lock().unwrap().writes
    }

    pub fn asked(&self) -> usize {
        self.state.lock().unwrap().asked
    }

    pub fn faults(&self) -> usize {
        self.state.lock().unwrap().struck
    }

    pub fn calls(&self) -> usize {
        self.state.lock().unwrap().calls
    }

    pub fn begin_outage(&self, outage: Outage) {
        self.tell(|| format!("-- {:?} of {} begins", outage.class, outage.operation.unwrap_or("everything")));
        self.state.lock().unwrap().outages.push(outage);
    }

    /// From now on nothing goes wrong.
    pub fn calm(&self) {
        let mut state = self.state.lock().unwrap();
        state.faults.clear();
        state.outages.clear();
        drop(state);
        self.tell(|| "-- from here on nothing goes wrong".to_owned());
    }

    /// Adds a line to the story.
    pub fn tell(&self, line: impl FnOnce() -> String) {
        let mut state = self.state.lock().unwrap();
        let now = self.time.millis();
        if let Some(story) = &mut state.story {
            story.push(format!("{:>9.3} s  {}", now as f64 / 1000.0, line()));
        }
    }

    pub fn story(&self) -> Vec<String> {
        self.state.lock().unwrap().story.clone().unwrap_or_default()
    }

    /// Makes a call of the account: its effect comes in the middle of its time.
    pub async fn call<T: Send + 'static>(
        &self,
        caller: &Caller,
        call: Call,
        what: impl Fn() -> String,
        effect: impl FnOnce(&mut Account) -> Result<T, Refused> + Send + 'static,
    ) -> Result<T, Refused> {
        let standing = caller.0.lock().unwrap().clone();
        if standing.fenced {
            return Err((Class::Unclear, "not the leader any more".to_owned()));
        }
        let (fault, latency, extra, refusal) = self.begin(&call);
        let note = fault.map(|fault| format!("  <- {fault:?}")).unwrap_or_default();
        if fault.is_some() || call.writes || !call.aws {
            self.tell(|| format!("{}  {}{note}", standing.name, what()));
        }
        if fault == Some(Fault::CrashBefore) {
            caller.crash();
            return pending().await;
        }
        let latency = if fault == Some(Fault::Slow) { latency * 30 } else { latency };
        let has_effect = match fault {
            None
            | Some(
                Fault::AnswerLost | Fault::Unreadable | Fault::Late | Fault::Slow | Fault::Stale | Fault::CrashAfter,
            ) => true,
            Some(
                Fault::Lost | Fault::Throttled | Fault::Conflict | Fault::Denied | Fault::Quota | Fault::CrashBefore,
            ) => false,
        } && refusal.is_none_or(|class| class == Class::Unreadable);
        let slot = Arc::new(Mutex::new(None));
        if has_effect {
            let (network, slot, stale) = (self.clone(), Arc::clone(&slot), fault == Some(Fault::Stale) && !call.writes);
            let late = if fault == Some(Fault::Late) && call.writes { latency + extra % LATE_MAX } else { latency / 2 };
            self.time.at(self.time.millis() + late, move || {
                let answer = network.happen(call.writes, stale.then_some(extra % STALE_MAX), effect);
                *slot.lock().unwrap() = Some(answer);
            });
        }
        if fault == Some(Fault::CrashAfter) {
            caller.crash();
            return pending().await;
        }
        let turn = self.begin_turn(&standing.name, &call);
        self.time.sleep(latency).await;
        self.end_turn(turn);
        let refuse = |class, why: &str| Err((class, why.to_owned()));
        match (fault, refusal) {
            (_, Some(class)) => refuse(class, "an outage"),
            (Some(Fault::Lost | Fault::AnswerLost), _) => refuse(Class::Unclear, "no answer"),
            (Some(Fault::Unreadable), _) => refuse(Class::Unreadable, "the answer can't be parsed"),
            (Some(Fault::Late), _) if call.writes => refuse(Class::Unclear, "no answer in time"),
            (Some(Fault::Throttled), _) => refuse(Class::Throttled, "too many calls"),
            (Some(Fault::Conflict), _) => refuse(Class::Conflict, "someone else is changing it"),
            (Some(Fault::Denied), _) => refuse(Class::AccessDenied, "not allowed"),
            (Some(Fault::Quota), _) => refuse(Class::Quota, "the quota is used up"),
            (_, None) => slot.lock().unwrap().take().unwrap_or_else(|| refuse(Class::Unclear, "no answer")),
        }
    }

    /// What becomes of the next call: its fault, its time, a random number, and why it is refused.
    fn begin(&self, call: &Call) -> (Option<Fault>, Millis, Millis, Option<Class>) {
        let now = self.time.millis();
        let mut state = self.state.lock().unwrap();
        let number = state.calls;
        state.calls += 1;
        state.asked += usize::from(call.writes);
        let count = state.counts.entry(call.operation).or_default();
        let of = At::Of(call.operation, std::mem::replace(count, *count + 1));
        let fault = state.faults.remove(&At::Call(number)).or_else(|| state.faults.remove(&of));
        let outage = state.outages.iter().find(|outage| {
            call.aws && now < outage.until && outage.operation.is_none_or(|operation| operation == call.operation)
        });
        let refusal = outage.map(|outage| outage.class);
        state.struck += usize::from(fault.is_some() || refusal.is_some());
        let random = state.random();
        let latency = 20 + Millis::try_from(random % 180).unwrap();
        (fault, latency, Millis::try_from(random >> 20).unwrap(), refusal)
    }

    fn happen<T>(
        &self,
        writes: bool,
        stale: Option<Millis>,
        effect: impl FnOnce(&mut Account) -> Result<T, Refused>,
    ) -> Result<T, Refused> {
        let now = self.time.millis();
        let mut state = self.state.lock().unwrap();
        state.account.catch_up(now);
        if let Some(age) = stale {
            // Before the first write since: as it was then, or a little later.
            let then = state.past.iter().find(|(at, _)| *at > now - age).map(|(_, then)| then.clone());
            return effect(&mut then.unwrap_or_else(|| state.account.clone()));
        }
        if writes {
            state.writes += 1;
            let keep = state.past.back().is_none_or(|(at, _)| *at + 500 <= now);
            if keep && !state.faults.is_empty() {
                let account = state.account.clone();
                state.past.push_back((now, account));
                if state.past.len() > 12 {
                    state.past.pop_front();
                }
            }
        }
        effect(&mut state.account)
    }
}

impl State {
    fn random(&mut self) -> u64 {
        // SplitMix64: the same numbers everywhere.
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) >> 8
    }
}
