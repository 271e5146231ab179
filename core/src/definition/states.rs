//! What AWS would refuse in a document that is meant to be a state machine: types, transitions, reachability, what
//! EXPRESS can't do.
//!
//! A field that isn't named here passes: the language grows faster than this file.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Value};

use super::{listed, one_line};
use crate::api::StateMachineType;
use crate::mistakes::{FieldPath, Mistakes};

/// The longest name of a state, in characters. Source: Step Functions developer guide, "Quotas related to state machine
/// definitions".
const STATE_NAME_MAX: usize = 80;

/// How many mistakes are said one by one: a generated definition can have as many as it has states.
const MISTAKES_MAX: usize = 20;

/// Adds a mistake at `at` for everything in `document` that AWS would refuse in a state machine of this type.
pub(super) fn check(document: &Value, type_: StateMachineType, at: &FieldPath, mistakes: &mut Mistakes) {
    let mut check = Check { at, mistakes, found: 0, names: BTreeSet::new() };
    check.machine(document, &Place::root(), type_);
    if let more @ 1.. = check.found.saturating_sub(MISTAKES_MAX) {
        mistakes.add(at.clone(), "", format!("has {more} more mistakes"));
    }
}

type Object = Map<String, Value>;

/// A place inside the definition, such as `States.Choose.Choices[1].Next`.
struct Place(String);

impl Place {
    fn root() -> Self {
        Self(String::new())
    }

    fn member(&self, name: &str) -> Self {
        let is_plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
        match (is_plain, self.0.as_str()) {
            (true, "") => Self(one_line(name)),
            (true, place) => Self(format!("{place}.{}", one_line(name))),
            (false, place) => Self(format!("{place}['{}']", one_line(name))),
        }
    }

    fn item(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "the definition" } else { &self.0 })
    }
}

/// The `Type` of a state, as AWS spells it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum StateType {
    Task,
    Pass,
    Choice,
    Wait,
    Succeed,
    Fail,
    Parallel,
    Map,
}

impl StateType {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "Task" => Self::Task,
            "Pass" => Self::Pass,
            "Choice" => Self::Choice,
            "Wait" => Self::Wait,
            "Succeed" => Self::Succeed,
            "Fail" => Self::Fail,
            "Parallel" => Self::Parallel,
            "Map" => Self::Map,
            _ => return None,
        })
    }
}

/// One way from a state to another: where it is written, and what is written there.
struct Transition<'a> {
    place: Place,
    to: Option<&'a Value>,
}

struct Check<'a> {
    at: &'a FieldPath,
    mistakes: &'a mut Mistakes,
    /// How many mistakes there were, said or not.
    found: usize,
    /// The names of all states so far, nested ones included.
    names: BTreeSet<String>,
}

impl Check<'_> {
    /// `must` begins with the verb: the message is the place, then `must`.
    fn add(&mut self, place: &Place, found: impl fmt::Display, must: impl fmt::Display) {
        self.found += 1;
        if self.found <= MISTAKES_MAX {
            self.mistakes.add(self.at.clone(), found, format!("{place} {must}"));
        }
    }

    /// The value as an object; `None` and a mistake where it is something else or missing.
    fn object<'v>(&mut self, value: Option<&'v Value>, place: &Place) -> Option<&'v Object> {
        let object = value.and_then(Value::as_object);
        if object.is_none() {
            self.add(place, shown(value), "must be an object");
        }
        object
    }

    /// The items of the value; none and a mistake where it is empty, something else or missing.
    fn items<'v>(&mut self, value: Option<&'v Value>, place: &Place) -> &'v [Value] {
        let items = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if items.is_empty() {
            self.add(place, shown(value), "must be a list of at least one");
        }
        items
    }

    /// A whole state machine: the definition itself, a branch of a Parallel, the processor of a Map. Its states know
    /// only each other. The recursion is bounded by the depth that is read.
    fn machine(&mut self, machine: &Value, place: &Place, type_: StateMachineType) {
        let Some(machine) = self.object(Some(machine), place) else { return };
        let states_place = place.member("States");
        let Some(states) = self.object(machine.get("States"), &states_place) else { return };
        if states.is_empty() {
            self.add(&states_place, "", "must have at least one state");
            return;
        }
        let before = self.found;
        for (name, state) in states {
            self.state_name(name, &states_place);
            let place = states_place.member(name);
            if let Some(state) = self.object(Some(state), &place) {
                self.state(state, states, &place, type_);
            }
        }
        if self.found == before && !states.values().any(ends) {
            self.add(&states_place, "", "must have a state that ends: `End: true`, Succeed or Fail");
        }
        let start = Transition { place: place.member("StartAt"), to: machine.get("StartAt") };
        if let Some(start) = self.transition(&start, states) {
            let reached = reachable(start, states);
            let lost: Vec<&str> = states.keys().map(String::as_str).filter(|name| !reached.contains(name)).collect();
            if !lost.is_empty() {
                let must = format!("must all be reachable from StartAt, unlike: {}", listed(lost.iter().copied()));
                self.add(&states_place, "", must);
            }
        }
    }

    fn state_name(&mut self, name: &str, place: &Place) {
        let length = name.chars().count();
        if !(1..=STATE_NAME_MAX).contains(&length) {
            self.add(place, name, format!("must have names of 1 to {STATE_NAME_MAX} characters, not {length}"));
        }
        if !self.names.insert(name.to_owned()) {
            self.add(place, name, "must have names that no other state has, nested ones included");
        }
    }

    fn state(&mut self, state: &Object, states: &Object, place: &Place, type_: StateMachineType) {
        for transition in transitions(state, place) {
            self.transition(&transition, states);
        }
        let found = state.get("Type");
        let Some(state_type) = found.and_then(Value::as_str).and_then(StateType::parse) else {
            let must = "must be one of Task, Pass, Choice, Wait, Succeed, Fail, Parallel, Map";
            return self.add(&place.member("Type"), shown(found), must);
        };
        match state_type {
            StateType::Task => self.resource(state, place, type_),
            StateType::Choice => {
                self.items(state.get("Choices"), &place.member("Choices"));
            }
            StateType::Parallel => {
                let branches = place.member("Branches");
                for (index, branch) in self.items(state.get("Branches"), &branches).iter().enumerate() {
                    self.machine(branch, &branches.item(index), type_);
                }
            }
            StateType::Map => self.map(state, place, type_),
            StateType::Pass | StateType::Wait | StateType::Succeed | StateType::Fail => {}
        }
        match state_type {
            StateType::Choice | StateType::Succeed | StateType::Fail => self.has_no_next(state, place),
            StateType::Task | StateType::Pass | StateType::Wait | StateType::Parallel | StateType::Map => {
                self.has_next_or_end(state, place);
            }
        }
    }

    fn has_next_or_end(&mut self, state: &Object, place: &Place) {
        if let Some(end) = state.get("End").filter(|end| !end.is_boolean()) {
            return self.add(&place.member("End"), end, "must be true or false");
        }
        match (state.get("Next"), is_end(state)) {
            (None, false) => self.add(place, "", "must have `Next` or `End: true`"),
            (Some(next), true) => self.add(place, shown(Some(next)), "must have only one of `Next` and `End: true`"),
            (Some(_), false) | (None, true) => {}
        }
    }

    fn has_no_next(&mut self, state: &Object, place: &Place) {
        if state.contains_key("Next") || is_end(state) {
            let must = "must have neither `Next` nor `End`: its type says what comes next";
            self.add(place, state.get("Type").and_then(Value::as_str).unwrap_or_default(), must);
        }
    }

    /// The name of the state that a transition leads to; `None` and a mistake where there is no such state beside it.
    fn transition<'v>(&mut self, transition: &Transition<'v>, states: &Object) -> Option<&'v str> {
        let to = transition.to.and_then(Value::as_str).filter(|name| states.contains_key(*name));
        if to.is_none() {
            let must = format!("must be a state of the same States: {}", listed(states.keys().map(String::as_str)));
            self.add(&transition.place, shown(transition.to), must);
        }
        to
    }

    fn resource(&mut self, state: &Object, place: &Place, type_: StateMachineType) {
        let place = place.member("Resource");
        let Some(resource) = state.get("Resource").and_then(Value::as_str) else {
            return self.add(&place, shown(state.get("Resource")), "must be an ARN");
        };
        if type_ == StateMachineType::Express && outlasts_express(resource) {
            let must = "must not be an activity nor end in .sync or .waitForTaskToken in an EXPRESS workflow";
            self.add(&place, resource, must);
        }
    }

    /// A Map runs its processor inline, in the same execution, or distributed, in child executions of a type of their
    /// own. Source: Step Functions developer guide, "Using Map state in Distributed mode", ProcessorConfig.
    fn map(&mut self, state: &Object, place: &Place, type_: StateMachineType) {
        let name = if state.contains_key("Iterator") && !state.contains_key("ItemProcessor") {
            "Iterator"
        } else {
            "ItemProcessor"
        };
        let place = place.member(name);
        let Some(processor) = state.get(name) else {
            return self.add(&place, "", "must be an object: the states that run for each item");
        };
        let setting = |name: &str| processor.get("ProcessorConfig")?.get(name)?.as_str();
        let is_distributed = setting("Mode") == Some("DISTRIBUTED");
        if is_distributed && type_ == StateMachineType::Express {
            let place = place.member("ProcessorConfig").member("Mode");
            self.add(&place, "DISTRIBUTED", "must be INLINE in an EXPRESS workflow");
        }
        let type_ = match (is_distributed, setting("ExecutionType")) {
            (false, _) => type_,
            (true, Some("EXPRESS")) => StateMachineType::Express,
            (true, _) => StateMachineType::Standard,
        };
        self.machine(processor, &place, type_);
    }
}

/// Whether a Task waits for something that an Express workflow can't wait for. Source: Step Functions developer guide,
/// "Service integration patterns" and "Choosing workflow type": request-response alone, no activities.
fn outlasts_express(resource: &str) -> bool {
    let is_activity = resource.split(':').nth(2) == Some("states") && resource.split(':').nth(5) == Some("activity");
    is_activity || [".sync", ".sync:2", ".waitForTaskToken"].iter().any(|pattern| resource.ends_with(pattern))
}

fn is_end(state: &Object) -> bool {
    state.get("End") == Some(&Value::Bool(true))
}

/// Whether the execution ends in this state.
fn ends(state: &Value) -> bool {
    let type_ = state.get("Type").and_then(Value::as_str).and_then(StateType::parse);
    matches!(type_, Some(StateType::Succeed | StateType::Fail)) || state.as_object().is_some_and(is_end)
}

/// Every way on from a state: `Next`, `Default`, and the `Next` of each choice and each catcher, which must be there.
fn transitions<'v>(state: &'v Object, place: &Place) -> Vec<Transition<'v>> {
    let mut found = Vec::new();
    for name in ["Next", "Default"] {
        if let Some(to) = state.get(name) {
            found.push(Transition { place: place.member(name), to: Some(to) });
        }
    }
    for name in ["Choices", "Catch"] {
        let items = state.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        found.extend(items.iter().enumerate().map(|(index, item)| {
            let place = place.member(name).item(index).member("Next");
            Transition { place, to: item.get("Next") }
        }));
    }
    found
}

/// The names of the states that can be reached from `start`, itself included.
fn reachable<'v>(start: &'v str, states: &'v Object) -> BTreeSet<&'v str> {
    let mut reached = BTreeSet::new();
    let mut waiting = vec![start];
    while let Some(name) = waiting.pop() {
        // A state is followed once, so the loop ends after as many rounds as there are transitions.
        if let Some(state) = states.get(name).and_then(Value::as_object)
            && reached.insert(name)
        {
            waiting.extend(transitions(state, &Place::root()).iter().filter_map(|way| way.to?.as_str()));
        }
    }
    reached
}

/// A value for a message: a name as it is, anything else as JSON; nothing for nothing.
fn shown(value: Option<&Value>) -> String {
    match value {
        None => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(value @ (Value::Null | Value::Bool(_) | Value::Number(_))) => value.to_string(),
        Some(Value::Array(_)) => "[...]".to_owned(),
        Some(Value::Object(_)) => "{...}".to_owned(),
    }
}
