//! State machines of Step Functions.

use aws_sdk_sfn::operation::describe_state_machine::DescribeStateMachineOutput;
use aws_sdk_sfn::types::{
    CloudWatchLogsLogGroup, ExecutionStatus, LogDestination, LogLevel as SdkLogLevel, LoggingConfiguration,
    StateMachineStatus, StateMachineType as SdkType, Tag,
};
use sfe_core::api::{LogLevel, StateMachineType};
use sfe_core::arn::Arn;
use sfe_core::definition::Definition;
use sfe_core::kinds::state_machine::{Action, Desired, Logging, Observed, RUNNING_MAX};
use sfe_core::next::Seen;
use sfe_core::observed::Answer;
use sfe_core::operation::Operation;
use sfe_core::owner::Tags;

use super::super::clients::Clients;
use super::super::error::{Class, Error};

/// The state machine with its tags: one call if there is none, two otherwise.
pub async fn observe(clients: &Clients, arn: &Arn) -> Result<Seen<Observed>, Error> {
    let object = object(arn);
    let describe = clients.sfn.describe_state_machine().state_machine_arn(arn.as_str());
    let answer = match clients.call(Operation::DescribeStateMachine, &object, describe.send()).await {
        Ok(answer) => answer,
        Err(error) if error.class == Class::NotFound => return Ok(Seen::Absent),
        Err(error) => return Err(error),
    };
    let list = clients.sfn.list_tags_for_resource().resource_arn(arn.as_str());
    let tags: Tags = match clients.call(Operation::ListTagsOfStateMachine, &object, list.send()).await {
        Ok(answer) => answer
            .tags()
            .iter()
            .filter_map(|tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned())))
            .collect(),
        Err(error) if error.class == Class::NotFound => return Ok(Seen::Absent),
        Err(error) => return Err(error),
    };
    let (type_, deleting) = (told_type(&answer, &object)?, answer.status() == Some(&StateMachineStatus::Deleting));
    let running = if deleting && type_ == StateMachineType::Standard { running(clients, arn).await } else { None };
    Ok(Seen::Present(Observed {
        type_,
        deleting,
        running,
        definition: Definition::observed(answer.definition()),
        role_arn: answer.role_arn().to_owned(),
        logging: logging(&answer),
        tags,
    }))
}

/// How many executions run, as far as AWS tells: only a message depends on it.
async fn running(clients: &Clients, arn: &Arn) -> Option<usize> {
    let request = clients.sfn.list_executions().state_machine_arn(arn.as_str()).status_filter(ExecutionStatus::Running);
    let request = request.max_results(i32::try_from(RUNNING_MAX).unwrap_or(i32::MAX));
    let answer = clients.call(Operation::ListExecutions, &object(arn), request.send()).await;
    answer.ok().map(|answer| answer.executions().len())
}

/// AWS answers no logging configuration for OFF, and a log group's ARN ends in `:*`.
fn logging(answer: &DescribeStateMachineOutput) -> Logging {
    let found = answer.logging_configuration();
    let level = match found.and_then(LoggingConfiguration::level) {
        Some(SdkLogLevel::All) => LogLevel::All,
        Some(SdkLogLevel::Error) => LogLevel::Error,
        Some(SdkLogLevel::Fatal) => LogLevel::Fatal,
        Some(_) | None => LogLevel::Off,
    };
    let group = found
        .and_then(|found| found.destinations().first())
        .and_then(LogDestination::cloud_watch_logs_log_group)
        .and_then(CloudWatchLogsLogGroup::log_group_arn);
    Logging {
        level,
        include_execution_data: found.is_some_and(LoggingConfiguration::include_execution_data),
        log_group_arn: group.and_then(|arn| arn.trim_end_matches(":*").parse().ok()),
    }
}

/// The type of an existing state machine; none if there is no such state machine.
pub async fn type_of(clients: &Clients, arn: &Arn) -> Result<Option<StateMachineType>, Error> {
    let object = object(arn);
    let request = clients.sfn.describe_state_machine().state_machine_arn(arn.as_str());
    match clients.call(Operation::DescribeStateMachine, &object, request.send()).await {
        Ok(answer) => told_type(&answer, &object).map(Some),
        Err(error) if error.class == Class::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn told_type(answer: &DescribeStateMachineOutput, object: &str) -> Result<StateMachineType, Error> {
    match answer.r#type() {
        SdkType::Standard => Ok(StateMachineType::Standard),
        SdkType::Express => Ok(StateMachineType::Express),
        _ => Err(Error::incomplete(Operation::DescribeStateMachine, object, "known type")),
    }
}

/// Makes the one call that the action is named after.
pub async fn apply(clients: &Clients, action: &Action) -> Result<Answer, Error> {
    let (sfn, object) = (&clients.sfn, object(action.arn()));
    match action {
        Action::CreateStateMachine(want) => {
            let request = sfn
                .create_state_machine()
                .name(&want.name)
                .r#type(match want.type_ {
                    StateMachineType::Standard => SdkType::Standard,
                    StateMachineType::Express => SdkType::Express,
                })
                .definition(want.definition.to_json())
                .role_arn(want.role_arn.as_str())
                .logging_configuration(logging_configuration(want))
                .set_tags(Some(tags(&want.tags)));
            drop(clients.call(Operation::CreateStateMachine, &object, request.send()).await?);
        }
        Action::UpdateStateMachine { to, .. } => {
            let request = sfn
                .update_state_machine()
                .state_machine_arn(to.arn.as_str())
                .definition(to.definition.to_json())
                .role_arn(to.role_arn.as_str())
                .logging_configuration(logging_configuration(to));
            drop(clients.call(Operation::UpdateStateMachine, &object, request.send()).await?);
        }
        Action::TagResource { arn, tags: wanted } => {
            let request = sfn.tag_resource().resource_arn(arn.as_str()).set_tags(Some(tags(wanted)));
            drop(clients.call(Operation::TagStateMachine, &object, request.send()).await?);
        }
        Action::UntagResource { arn, keys } => {
            let request = sfn.untag_resource().resource_arn(arn.as_str());
            let request = request.set_tag_keys(Some(keys.iter().cloned().collect()));
            drop(clients.call(Operation::UntagStateMachine, &object, request.send()).await?);
        }
        Action::DeleteStateMachine { arn } => {
            let request = sfn.delete_state_machine().state_machine_arn(arn.as_str());
            drop(clients.call(Operation::DeleteStateMachine, &object, request.send()).await?);
        }
    }
    Ok(Answer::Done)
}

fn logging_configuration(want: &Desired) -> LoggingConfiguration {
    let destination = want.logging.log_group_arn.as_ref().map(|arn| {
        let group = CloudWatchLogsLogGroup::builder().log_group_arn(format!("{arn}:*")).build();
        vec![LogDestination::builder().cloud_watch_logs_log_group(group).build()]
    });
    LoggingConfiguration::builder()
        .level(match want.logging.level {
            LogLevel::All => SdkLogLevel::All,
            LogLevel::Error => SdkLogLevel::Error,
            LogLevel::Fatal => SdkLogLevel::Fatal,
            LogLevel::Off => SdkLogLevel::Off,
        })
        .include_execution_data(want.logging.include_execution_data)
        .set_destinations(destination)
        .build()
}

fn object(arn: &Arn) -> String {
    format!("state machine {arn}")
}

fn tags(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}
