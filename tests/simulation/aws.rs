//! A simulated AWS: the model that plans are made on, with one fault at one call.

use std::future::pending;
use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use sfe::aws::{Aws, Class, Error};
use sfe::controller::Clock as _;
use sfe_core::action::Action;
use sfe_core::api::{ExecutionStatus, StateMachineType};
use sfe_core::arn::Arn;
use sfe_core::executions::Source;
use sfe_core::kinds::rest_api;
use sfe_core::observed::{Answer, Fact, Read};
use sfe_core::owner::{Owner, Site};
use sfe_core::predict::World;
use tokio::sync::Notify;

use crate::SimulatedClock;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An error before the effect.
    Before,
    /// An error after the effect: its answer is lost.
    AnswerLost,
    /// An error, and the effect comes five seconds later: of CreateRestApi, which finds nothing to be the same as. Else like Before.
    Late,
    /// The operator may not do this, for once.
    Denied,
    /// The process dies before the call.
    CrashBefore,
    /// The process dies when the call has had its effect.
    CrashAfter,
}

#[derive(Clone)]
pub struct SimulatedAws {
    state: Arc<Mutex<State>>,
    crash: Arc<Notify>,
    clock: SimulatedClock,
}

/// How late a late effect is.
const LATE: SignedDuration = SignedDuration::from_secs(5);

struct State {
    world: World,
    calls: usize,
    writes: usize,
    fault: Option<(usize, Fault)>,
    story: Vec<String>,
    late: Option<(Timestamp, Action)>,
    doubled: bool,
}

impl SimulatedAws {
    pub fn new(site: Site, clock: SimulatedClock) -> Self {
        let world = World::empty(site, clock.now());
        let state = State { world, calls: 0, writes: 0, fault: None, story: Vec::new(), late: None, doubled: false };
        Self { state: Arc::new(Mutex::new(state)), crash: Arc::new(Notify::new()), clock }
    }

    pub fn strike(&self, call: usize, fault: Fault) {
        self.state.lock().unwrap().fault = Some((call, fault));
    }

    pub fn has_struck(&self) -> bool {
        self.state.lock().unwrap().fault.is_none()
    }

    pub fn world(&self) -> World {
        self.state.lock().unwrap().world.clone()
    }

    pub fn calls(&self) -> usize {
        self.state.lock().unwrap().calls
    }

    /// Whether there ever were two REST APIs.
    pub fn was_doubled(&self) -> bool {
        self.state.lock().unwrap().doubled
    }

    pub fn writes(&self) -> usize {
        self.state.lock().unwrap().writes
    }

    pub fn story(&self) -> String {
        self.state.lock().unwrap().story.join("\n")
    }

    /// Ends when the process dies.
    pub async fn crashed(&self) {
        self.crash.notified().await;
    }

    /// Makes a call, unless the fault strikes.
    async fn call<T>(&self, what: String, effect: impl FnOnce(&mut State) -> T) -> Result<T, Error> {
        let (answer, fault) = {
            let mut state = self.state.lock().unwrap();
            let fault = state.fault.filter(|(call, _)| *call == state.calls).map(|(_, fault)| fault);
            if fault.is_some() {
                state.fault = None;
            }
            state.calls += 1;
            state.catch_up(self.clock.now());
            state.story.push(format!("  {what}{}", fault.map(|fault| format!("  <- {fault:?}")).unwrap_or_default()));
            let has_effect = matches!(fault, None | Some(Fault::AnswerLost | Fault::CrashAfter));
            (has_effect.then(|| effect(&mut state)), fault)
        };
        let failed = |class| Error { operation: "sim:Call", object: what, detail: "a fault".to_owned(), class };
        match (answer, fault) {
            (Some(answer), None) => Ok(answer),
            (_, Some(Fault::CrashBefore | Fault::CrashAfter)) => {
                self.crash.notify_one();
                pending().await
            }
            (_, Some(Fault::Denied)) => Err(failed(Class::AccessDenied)),
            (_, Some(Fault::Before | Fault::AnswerLost | Fault::Late) | None) => Err(failed(Class::Unclear)),
        }
    }
}

impl State {
    fn apply(&mut self, action: &Action) -> Answer {
        let answer = self.world.apply(action);
        self.doubled |= self.world.rest_api.as_ref().is_some_and(|api| !api.duplicates.is_empty());
        answer
    }

    fn catch_up(&mut self, now: Timestamp) {
        if let Some((_, action)) = self.late.take_if(|(due, _)| *due <= now) {
            self.story.push(format!("  {action}, late"));
            self.apply(&action);
        }
    }
}

impl Aws for SimulatedAws {
    async fn read(&self, _: &Site, _: &Owner, read: &Read) -> Result<Fact, Error> {
        self.call(format!("{read:?}"), |state| state.world.read(read)).await
    }

    async fn apply(&self, _: &Site, action: &Action) -> Result<Answer, Error> {
        if let Action::RestApi(rest_api::Action::CreateRestApi(_)) = action {
            let mut state = self.state.lock().unwrap();
            if state.fault == Some((state.calls, Fault::Late)) {
                state.late = Some((self.clock.now() + LATE, action.clone()));
            }
        }
        let apply = |state: &mut State| {
            state.writes += 1;
            state.apply(action)
        };
        self.call(action.to_string(), apply).await
    }

    async fn state_machine_type(&self, _: &Arn) -> Result<Option<StateMachineType>, Error> {
        self.call("state machine type".to_owned(), |_| Some(StateMachineType::Standard)).await
    }

    async fn executions(&self, _: &Site, _: &Source) -> Result<Vec<ExecutionStatus>, Error> {
        self.call("executions".to_owned(), |_| Vec::new()).await
    }
}
