//! What an AWS call can answer but a result. Display is `what failed: detail`; the remedy says what helps.

use aws_sdk_sfn::config::http::HttpResponse;
use aws_sdk_sfn::error::{ProvideErrorMetadata, SdkError};
use sfe_core::change::cut;
use sfe_core::operation::Operation;
use sfe_core::outcome::Remedy;

use crate::fence::Fenced;

/// One failed call.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{operation} failed: {detail} ({object})")]
pub struct Error {
    /// The operation as IAM names it, such as `states:CreateStateMachine`.
    pub operation: &'static str,
    /// The object that was read or written.
    pub object: String,
    /// What AWS said, cut to 300 characters.
    pub detail: String,
    /// What kind of failure it is.
    pub class: Class,
}

/// What kind of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// There is no such object.
    NotFound,
    /// The operator's credentials don't allow the call.
    AccessDenied,
    /// The workflow's role can't be assumed, or not do what its logging needs: true for the first seconds of every new role.
    RoleNotReady,
    /// Too many calls.
    Throttled,
    /// Someone else is changing the same object, or AWS is still busy with it.
    Conflict,
    /// Another API key of the account has the value.
    ValueTaken,
    /// A quota of the account is used up.
    Quota,
    /// AWS refuses what it was asked.
    Refused,
    /// No answer, or one that doesn't tell: whether the call took effect is unknown.
    Unclear,
    /// The operator is about to stop: the call was not made.
    NotMade,
}

impl Error {
    /// Sorts what the SDK answered.
    pub fn from_sdk<E: ProvideErrorMetadata + std::error::Error + 'static>(
        operation: Operation,
        object: &str,
        error: &SdkError<E, HttpResponse>,
    ) -> Self {
        let (class, detail) = match error {
            SdkError::ServiceError(service) => {
                let (code, message) =
                    (service.err().code().unwrap_or_default(), service.err().message().unwrap_or_default());
                let status = service.raw().status().as_u16();
                (class(operation, code, message, status), format!("{code}: {message}"))
            }
            SdkError::TimeoutError(_) => (Class::Unclear, "no answer in time".to_owned()),
            SdkError::DispatchFailure(failure) => {
                let cause = failure.as_connector_error().map(|error| chain(error)).unwrap_or_default();
                (Class::Unclear, format!("AWS can't be reached: {cause}"))
            }
            SdkError::ResponseError(_) => (Class::Unclear, "the answer can't be read".to_owned()),
            other => (Class::Unclear, format!("the request could not be made: {}", chain(other))),
        };
        let detail = cut(&detail.replace(['\n', '\r'], " "), 300);
        Self { operation: operation.name(), object: object.to_owned(), detail, class }
    }

    /// An answer that lacks what its documentation promises.
    pub fn incomplete(operation: Operation, object: &str, lacks: &str) -> Self {
        let detail = format!("the answer has no {lacks}");
        Self { operation: operation.name(), object: object.to_owned(), detail, class: Class::Unclear }
    }

    /// The operator is about to stop, and starts no call any more.
    pub fn not_made(operation: Operation, object: &str) -> Self {
        let detail = "the operator stops, the next one makes the call".to_owned();
        Self { operation: operation.name(), object: object.to_owned(), detail, class: Class::NotMade }
    }

    /// A call that this replica may not make, or not wait for any longer.
    pub fn fenced(operation: Operation, object: &str, fenced: Fenced) -> Self {
        Self {
            operation: operation.name(),
            object: object.to_owned(),
            detail: fenced.to_string(),
            class: Class::Unclear,
        }
    }

    /// What helps.
    pub fn remedy(&self) -> Remedy {
        match self.class {
            Class::NotFound
            | Class::RoleNotReady
            | Class::Throttled
            | Class::Conflict
            | Class::Unclear
            | Class::NotMade => Remedy::Retry,
            Class::AccessDenied => Remedy::Person {
                hint: format!("allow `{}` on {} to the operator's credentials", self.operation, self.object),
            },
            Class::ValueTaken => Remedy::Person {
                hint: "write another value into the key's Secret, or delete the API key that has this one, if it is nobody's"
                    .to_owned(),
            },
            Class::Quota => Remedy::Person {
                hint: format!("delete what is not needed, or ask AWS for a higher quota for `{}`", self.operation),
            },
            Class::Refused if self.operation == Operation::UpdateAccount.name() => Remedy::Person {
                hint: "let `apigateway.amazonaws.com` assume the role of `--cloudwatch-role-arn`, and attach the managed policy \
                       AmazonAPIGatewayPushToCloudWatchLogs to it"
                    .to_owned(),
            },
            Class::Refused => Remedy::Person {
                hint: "correct the field of the manifest that AWS names, or report it if the manifest is right"
                    .to_owned(),
            },
        }
    }
}

/// The error with its causes, outermost first.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn class(operation: Operation, code: &str, message: &str, status: u16) -> Class {
    let assumes = ["authorized to assume", "assume the provided role", "sts:AssumeRole", "access the Log Destination"];
    match code {
        // A service that fails, or what stands in front of it, tells nothing of an object.
        _ if status >= 500 && !code.starts_with("Throttling") => Class::Unclear,
        // A managed policy that is not there comes by a person, not by waiting.
        "NoSuchEntity" if [Operation::AttachRolePolicy, Operation::PutRolePermissionsBoundary].contains(&operation) => {
            Class::Refused
        }
        // Someone else's method on the API has no integration yet: they may be about to make it.
        "BadRequestException" if operation == Operation::CreateDeployment && message.contains("ntegration") => {
            Class::Conflict
        }
        "ConflictException" if operation == Operation::CreateApiKey => Class::ValueTaken,
        "NotFoundException"
        | "NoSuchEntity"
        | "StateMachineDoesNotExist"
        | "ResourceNotFoundException"
        | "ResourceNotFound" => Class::NotFound,
        "AccessDeniedException" | "AccessDenied" | "ValidationException" | "InvalidArn"
            if assumes.iter().any(|text| message.contains(text)) =>
        {
            Class::RoleNotReady
        }
        "AccessDeniedException"
        | "AccessDenied"
        | "UnauthorizedException"
        | "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "SignatureDoesNotMatch" => Class::AccessDenied,
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" => Class::Unclear,
        "ThrottlingException" | "Throttling" | "TooManyRequestsException" | "RequestLimitExceeded" => Class::Throttled,
        "ConflictException"
        | "ConcurrentModification"
        | "EntityTemporarilyUnmodifiable"
        | "OperationAbortedException"
        | "StateMachineDeleting"
        | "DeleteConflict"
        | "ResourceAlreadyExistsException"
        | "EntityAlreadyExists"
        | "StateMachineAlreadyExists" => Class::Conflict,
        "LimitExceededException" | "LimitExceeded" | "StateMachineLimitExceeded" | "ServiceQuotaExceededException" => {
            Class::Quota
        }
        _ if status == 429 => Class::Throttled,
        _ if status == 403 => Class::AccessDenied,
        _ if (400..500).contains(&status) => Class::Refused,
        _ => Class::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unassumable_role_is_not_the_operators_missing_permission() {
        let message = "Neither the global service principal states.amazonaws.com, nor the regional one is authorized to assume the provided role.";
        assert_eq!(class(Operation::CreateStateMachine, "AccessDeniedException", message, 400), Class::RoleNotReady);
        assert_eq!(
            class(
                Operation::CreateStateMachine,
                "AccessDeniedException",
                "User: x is not authorized to perform: states:CreateStateMachine",
                400
            ),
            Class::AccessDenied
        );
    }

    #[test]
    fn what_a_person_must_mend_is_not_waited_for() {
        assert_eq!(class(Operation::AttachRolePolicy, "NoSuchEntity", "Policy x does not exist", 404), Class::Refused);
        assert_eq!(class(Operation::GetRole, "NoSuchEntity", "", 404), Class::NotFound);
        let unfinished = "No integration defined for method";
        assert_eq!(class(Operation::CreateDeployment, "BadRequestException", unfinished, 400), Class::Conflict);
    }

    #[test]
    fn a_value_that_another_key_has_is_not_waited_for() {
        let class = |operation| class(operation, "ConflictException", "API Key already exists", 409);
        assert_eq!(class(Operation::CreateApiKey), Class::ValueTaken);
        assert_eq!(class(Operation::CreateUsagePlanKey), Class::Conflict);
    }

    #[test]
    fn what_is_unknown_is_told_by_its_status() {
        assert_eq!(class(Operation::CreateStateMachine, "New", "", 503), Class::Unclear);
        assert_eq!(class(Operation::GetRole, "NoSuchEntity", "", 503), Class::Unclear);
        assert_eq!(class(Operation::GetRole, "Throttling", "", 503), Class::Throttled);
        assert_eq!(class(Operation::CreateStateMachine, "New", "", 400), Class::Refused);
        assert_eq!(class(Operation::CreateStateMachine, "New", "", 429), Class::Throttled);
    }
}
