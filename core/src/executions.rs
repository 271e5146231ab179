//! Which executions the status tells of, and how they are known.

use std::collections::BTreeMap;

use crate::api::{ExecutionStatus, ExecutionsStatus, LogLevel, StateMachineType, Tracking, moment};
use crate::arn::Arn;
use crate::desired::Desired;
use crate::request_id;
use jiff::{SignedDuration, Timestamp};

/// Where executions are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// By ListExecutions, newest first.
    ListExecutions {
        /// The state machine.
        state_machine: Arn,
        /// How many at most, 1 to 25.
        keep: u32,
    },
    /// From the events that an EXPRESS state machine logs.
    Logs {
        /// The log group.
        log_group: String,
        /// Events from then on.
        since: Timestamp,
    },
}

/// The longest that an EXPRESS execution runs, and a minute for its events to arrive. Source: Step Functions quotas.
const EXPRESS_LOOK_BACK: SignedDuration = SignedDuration::from_mins(6);
/// How far is looked back when nothing is known yet.
const FIRST_LOOK_BACK: SignedDuration = SignedDuration::from_hours(1);

/// Where executions can be read, or why they can't. `last` is when they were read before.
pub fn source(desired: &Desired, last: Option<Timestamp>, now: Timestamp) -> Result<Source, String> {
    let Some(calls) = &desired.calls else { return Err("there is no state machine".to_owned()) };
    let level = desired.state_machine.as_ref().map(|machine| machine.logging.level);
    match (calls.type_, &calls.log_group, level) {
        (StateMachineType::Standard, _, _) => {
            Ok(Source::ListExecutions { state_machine: calls.state_machine.clone(), keep: desired.executions.keep })
        }
        (StateMachineType::Express, Some(log_group), Some(LogLevel::All)) => {
            let since = last.map_or(now - FIRST_LOOK_BACK, |last| last - EXPRESS_LOOK_BACK);
            Ok(Source::Logs { log_group: log_group.clone(), since })
        }
        (StateMachineType::Express, _, None) => {
            Err("the executions of an EXPRESS state machine are known by its log alone, and an existing state machine's log is not read".to_owned())
        }
        (StateMachineType::Express, _, Some(_)) => Err(
            "the executions of an EXPRESS state machine are known by its log alone: set `stateMachine.logging.level` to ALL".to_owned(),
        ),
    }
}

/// What the status says after a look: what was found, the newest first, merged with what was known of EXPRESS executions.
pub fn told(
    source: &Result<Source, String>,
    found: Result<Vec<ExecutionStatus>, String>,
    previous: Option<&ExecutionsStatus>,
    keep: u32,
) -> ExecutionsStatus {
    let known = previous.map(|previous| previous.recent.clone()).unwrap_or_default();
    let (tracking, reason, mut recent) = match (source, found) {
        (Err(why), _) => (Tracking::NotTracked, Some(why.clone()), Vec::new()),
        (Ok(source), Err(error)) => {
            let said = previous.and_then(|previous| previous.reason.clone());
            let said = said.filter(|said| request_id::is_same(said, &error));
            (tracking(source), Some(said.unwrap_or(error)), known)
        }
        (Ok(source @ Source::ListExecutions { .. }), Ok(found)) => (tracking(source), None, found),
        (Ok(source @ Source::Logs { log_group: _, .. }), Ok(found)) => (tracking(source), None, merged(known, found)),
    };
    recent.sort_by(|one, other| (&other.start_date.0, &other.arn).cmp(&(&one.start_date.0, &one.arn)));
    recent.truncate(usize::try_from(keep).unwrap_or(usize::MAX));
    ExecutionsStatus { tracking, reason, recent }
}

fn tracking(source: &Source) -> Tracking {
    match source {
        Source::ListExecutions { .. } => Tracking::ListExecutions,
        Source::Logs { .. } => Tracking::Logs,
    }
}

/// An execution that has ended stays so, even where its first events are too old to be read again.
fn merged(known: Vec<ExecutionStatus>, found: Vec<ExecutionStatus>) -> Vec<ExecutionStatus> {
    let mut by_arn: BTreeMap<String, ExecutionStatus> =
        known.into_iter().map(|execution| (execution.arn.clone(), execution)).collect();
    for execution in found {
        match by_arn.get_mut(&execution.arn) {
            Some(known) => {
                known.start_date = known.start_date.clone().min(execution.start_date);
                if execution.stop_date.is_some() {
                    (known.status, known.stop_date) = (execution.status, execution.stop_date);
                }
            }
            None => drop(by_arn.insert(execution.arn.clone(), execution)),
        }
    }
    by_arn.into_values().collect()
}

/// One event of an EXPRESS execution's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEvent {
    /// The execution's ARN.
    pub execution_arn: String,
    /// Such as `ExecutionStarted`.
    pub type_: String,
    /// When it happened.
    pub at: Timestamp,
}

/// The executions of which events tell; other events than their start and end say only that they run.
pub fn from_log_events(events: impl IntoIterator<Item = LogEvent>) -> Vec<ExecutionStatus> {
    let mut by_arn: BTreeMap<String, ExecutionStatus> = BTreeMap::new();
    for LogEvent { execution_arn, type_, at } in events {
        let execution = by_arn.entry(execution_arn.clone()).or_insert_with(|| ExecutionStatus {
            arn: execution_arn,
            status: "RUNNING".to_owned(),
            start_date: moment(at),
            stop_date: None,
        });
        execution.start_date = execution.start_date.clone().min(moment(at));
        let ended = match type_.as_str() {
            "ExecutionSucceeded" => "SUCCEEDED",
            "ExecutionFailed" => "FAILED",
            "ExecutionTimedOut" => "TIMED_OUT",
            "ExecutionAborted" => "ABORTED",
            _ => continue,
        };
        (execution.status, execution.stop_date) = (ended.to_owned(), Some(moment(at)));
    }
    by_arn.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn event(arn: &str, type_: &str, second: i64) -> LogEvent {
        LogEvent { execution_arn: arn.to_owned(), type_: type_.to_owned(), at: at(second) }
    }

    fn reads(status: &ExecutionsStatus) -> String {
        let lines = status.recent.iter().map(|execution| {
            let stop = execution.stop_date.as_ref().map_or(-1, |time| time.0.as_second());
            format!("{} {} {}-{stop}", execution.arn, execution.status, execution.start_date.0.as_second())
        });
        lines.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn events_become_executions_the_newest_first() {
        let source = Ok(Source::Logs { log_group: "g".to_owned(), since: at(0) });
        let first = from_log_events([
            event("a", "ExecutionStarted", 1),
            event("a", "ExecutionSucceeded", 2),
            event("b", "ExecutionStarted", 3),
        ]);
        let status = told(&source, Ok(first), None, 10);
        assert_eq!(reads(&status), "b RUNNING 3--1, a SUCCEEDED 1-2");
        let later = from_log_events([event("b", "ExecutionFailed", 9), event("c", "ExecutionStarted", 8)]);
        let status = told(&source, Ok(later), Some(&status), 2);
        assert_eq!(reads(&status), "c RUNNING 8--1, b FAILED 3-9");
    }

    #[test]
    fn what_cannot_be_known_says_why_and_what_was_known_survives_a_failed_look() {
        let status = told(&Err("why".to_owned()), Ok(Vec::new()), None, 10);
        assert_eq!((status.tracking, status.reason.as_deref()), (Tracking::NotTracked, Some("why")));
        let source = Ok(Source::Logs { log_group: "g".to_owned(), since: at(0) });
        let known = told(&source, Ok(from_log_events([event("a", "ExecutionStarted", 1)])), None, 10);
        let status = told(&source, Err("throttled".to_owned()), Some(&known), 10);
        assert_eq!((reads(&status), status.reason.as_deref()), ("a RUNNING 1--1".to_owned(), Some("throttled")));
    }
}
