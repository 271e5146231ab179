//! The members of what an action itself answers. Source: Step Functions API reference, "Response Syntax" of each action.

use crate::api::StepFunctionsAction;
use crate::mistakes::{FieldPath, Mistakes};

use super::read::{self, Form};
use super::source::BodyPath;
use super::vtl::Template;

/// Of which answer of the service something can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// The action succeeded and, where it tells of an execution's end, so did that.
    Success(StepFunctionsAction),
    /// The execution did not succeed.
    Outcome,
    /// The call failed: nothing of an execution is known.
    Refusal,
}

/// One member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Member {
    /// One of AWS's.
    Named(&'static str, Form),
    /// The last part of the execution's ARN, which names the execution.
    ExecutionName,
}

const STARTED: &[Member] = &[text("executionArn"), Member::ExecutionName, json("startDate")];
const ENDED: &[Member] = &[
    text("executionArn"),
    Member::ExecutionName,
    text("name"),
    text("status"),
    json("startDate"),
    json("stopDate"),
    json("billingDetails"),
];
const DESCRIBED: &[Member] = &[
    text("executionArn"),
    Member::ExecutionName,
    text("name"),
    text("status"),
    json("startDate"),
    json("stopDate"),
    text("error"),
    text("cause"),
    json("redriveCount"),
    json("redriveDate"),
    text("redriveStatus"),
];
const FAILED: &[Member] =
    &[text("executionArn"), Member::ExecutionName, text("name"), text("status"), text("error"), text("cause")];

const fn text(name: &'static str) -> Member {
    Member::Named(name, Form::Raw)
}

const fn json(name: &'static str) -> Member {
    Member::Named(name, Form::Json)
}

impl Scope {
    /// The members that can be read.
    fn members(self) -> &'static [Member] {
        match self {
            Self::Success(StepFunctionsAction::StartExecution) => STARTED,
            Self::Success(StepFunctionsAction::StartSyncExecution) => ENDED,
            Self::Success(StepFunctionsAction::DescribeExecution) => DESCRIBED,
            Self::Success(StepFunctionsAction::StopExecution) => const { &[json("stopDate")] },
            Self::Success(StepFunctionsAction::ListExecutions) => const { &[json("executions"), text("nextToken")] },
            Self::Success(StepFunctionsAction::GetExecutionHistory) => const { &[json("events"), text("nextToken")] },
            Self::Success(StepFunctionsAction::RedriveExecution) => const { &[json("redriveDate")] },
            Self::Outcome => FAILED,
            Self::Success(
                StepFunctionsAction::SendTaskSuccess
                | StepFunctionsAction::SendTaskFailure
                | StepFunctionsAction::SendTaskHeartbeat,
            )
            | Self::Refusal => &[],
        }
    }

    /// The member of this name, or which there are.
    pub(super) fn member(self, name: &str) -> Result<Member, String> {
        let members = self.members();
        match members.iter().find(|member| member.name() == name) {
            Some(member) => Ok(*member),
            None if members.is_empty() => Err("not allowed here: such an answer has no member to tell".to_owned()),
            None => Err(format!(
                "allowed are {}",
                members.iter().map(|member| member.name()).collect::<Vec<_>>().join(", ")
            )),
        }
    }

    /// The kinds of bodies that can be said.
    pub(super) fn bodies(self) -> &'static str {
        match self {
            Self::Success(_) | Self::Outcome => {
                "constant, constantJson, text, output, outputText, fields, template and empty"
            }
            Self::Refusal => "constant, constantJson, text, template and empty",
        }
    }

    /// The places of a value that can be said.
    pub(super) fn sources(self) -> &'static str {
        match self {
            Self::Success(_) | Self::Outcome => "output, answer, path, query, header, context and constant",
            Self::Refusal => "context and constant",
        }
    }

    /// Adds a mistake unless the answer holds an execution's output.
    pub(super) fn allows_output(self, found: &str, at: &FieldPath, mistakes: &mut Mistakes) -> Option<()> {
        let why = match self {
            Self::Success(StepFunctionsAction::StartSyncExecution | StepFunctionsAction::DescribeExecution) => {
                return Some(());
            }
            Self::Success(action) => format!("not allowed with action {}, which answers no output", action.as_str()),
            Self::Outcome => "not allowed here: an execution that failed has no output".to_owned(),
            Self::Refusal => "not allowed here: a call that failed has no output".to_owned(),
        };
        mistakes.add(at.clone(), found, why);
        None
    }

    /// Whether what is missing is left out unless something else is said.
    pub(super) fn leaves_out(self) -> bool {
        match self {
            Self::Success(_) => false,
            Self::Outcome | Self::Refusal => true,
        }
    }
}

impl Member {
    fn name(self) -> &'static str {
        match self {
            Self::Named(name, _) => name,
            Self::ExecutionName => "executionName",
        }
    }

    /// What `$value` holds once it is read.
    pub(super) fn form(self) -> Form {
        match self {
            Self::Named(_, form) => form,
            Self::ExecutionName => Form::Raw,
        }
    }

    /// Reads it into `$value`, and into `$given` whether it is there.
    pub(super) fn read(self, template: &mut Template) {
        match self {
            Self::Named(name, Form::Raw) => read::string(template, &BodyPath::of(name)),
            Self::Named(name, Form::Json) => read::json(template, &BodyPath::of(name)),
            // `arn:<partition>:states:<region>:<account>:execution:<machine>:<name>`; of an EXPRESS one `:<uuid>` follows.
            Self::ExecutionName => {
                read::string(template, &BodyPath::of("executionArn"));
                template.code("#set($value = $value.replaceAll('^(?:[^:]*:){7}', ''))\n");
                template.code("#set($value = $value.replaceAll(':.*', ''))\n");
            }
        }
    }
}
