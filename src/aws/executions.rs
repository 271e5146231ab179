//! Executions: by ListExecutions, or from the events that an EXPRESS state machine logs.

use jiff::Timestamp;
use serde::Deserialize;
use sfe_core::api::{ExecutionStatus, moment};
use sfe_core::arn::Arn;
use sfe_core::executions::{LogEvent, Source, from_log_events};
use sfe_core::operation::Operation;

use super::clients::{Clients, timestamp};
use super::error::{Class, Error};

/// The most pages of events that one look reads: what is beyond them is found by the next look.
const PAGES_MAX: usize = 5;
/// Of an execution's events its start and its end alone: with level ALL there are many between them.
const FILTER: &str = "{ $.type = \"Execution*\" }";

/// The newest executions.
pub async fn newest(clients: &Clients, source: &Source) -> Result<Vec<ExecutionStatus>, Error> {
    match source {
        Source::ListExecutions { state_machine, keep } => listed(clients, state_machine, *keep).await,
        Source::Logs { log_group, since } => logged(clients, log_group, *since).await,
    }
}

async fn listed(clients: &Clients, state_machine: &Arn, keep: u32) -> Result<Vec<ExecutionStatus>, Error> {
    let object = format!("state machine {state_machine}");
    let request = clients.sfn.list_executions().state_machine_arn(state_machine.as_str());
    let request = request.max_results(i32::try_from(keep).unwrap_or(i32::MAX));
    let answer = clients.call(Operation::ListExecutions, &object, request.send()).await?;
    let executions = answer.executions().iter().filter_map(|found| {
        Some(ExecutionStatus {
            arn: found.execution_arn().to_owned(),
            status: found.status().as_str().to_owned(),
            start_date: moment(timestamp(found.start_date())?),
            stop_date: found.stop_date().and_then(timestamp).map(moment),
        })
    });
    Ok(executions.collect())
}

async fn logged(clients: &Clients, log_group: &str, since: Timestamp) -> Result<Vec<ExecutionStatus>, Error> {
    let object = format!("log group {log_group}");
    let (mut events, mut token) = (Vec::new(), None);
    for _ in 0..PAGES_MAX {
        let request = clients
            .logs
            .filter_log_events()
            .log_group_name(log_group)
            .filter_pattern(FILTER)
            .start_time(since.as_millisecond())
            .set_next_token(token);
        let answer = match clients.call(Operation::FilterLogEvents, &object, request.send()).await {
            Ok(answer) => answer,
            Err(error) if error.class == Class::NotFound => return Ok(Vec::new()), // made with the state machine
            Err(error) => return Err(error),
        };
        events.extend(answer.events().iter().filter_map(|event| parse(event.message()?, event.timestamp()?)));
        token = answer.next_token;
        if token.is_none() {
            break;
        }
    }
    Ok(from_log_events(events))
}

/// One event as Step Functions logs it, `at` milliseconds since 1970. None for what is no such event.
fn parse(message: &str, at: i64) -> Option<LogEvent> {
    #[derive(Deserialize)]
    struct Event {
        execution_arn: String,
        #[serde(rename = "type")]
        type_: String,
    }
    let Event { execution_arn, type_ } = serde_json::from_str(message).ok()?;
    let at = Timestamp::from_millisecond(at).ok()?;
    type_.starts_with("Execution").then_some(LogEvent { execution_arn, type_, at })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_and_others_passed_over() {
        let message = r#"{"id":"1","type":"ExecutionStarted","execution_arn":"a","details":{}}"#;
        assert_eq!(parse(message, 1_700_000_000_000).map(|event| event.at.as_second()), Some(1_700_000_000));
        assert_eq!(parse(message, i64::MAX), None);
        for other in
            ["", "{}", r#"{"type":"PassStateEntered","execution_arn":"a"}"#, r#"{"type":1,"execution_arn":"a"}"#]
        {
            assert_eq!(parse(other, 1), None, "{other}");
        }
    }
}
