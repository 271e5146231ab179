//! What an AWS call can answer but a result. Display is `what failed: detail (object, HTTP status, request id)`; the remedy says what helps.

mod denial;

use std::fmt;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sfn::config::http::HttpResponse;
use aws_sdk_sfn::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sfn::operation::RequestId as _;
use sfe_core::change::cut;
use sfe_core::operation::Operation;
use sfe_core::outcome::{Failure, Remedy};
use sfe_core::reason::Reason;

use crate::fence::Fenced;

/// One failed call.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{operation} failed: {detail} ({object}{response})")]
pub struct Error {
    /// The operation as IAM names it, such as `states:CreateStateMachine`.
    pub operation: &'static str,
    /// The object that was read or written.
    pub object: String,
    /// What AWS said, cut to 300 characters.
    pub detail: String,
    /// What kind of failure it is.
    pub class: Class,
    /// The response that says so, if there was one.
    pub response: Response,
    /// The permission that the operator lacks, where AWS or the list of operations names it.
    pub lacks: Option<Box<str>>,
}

/// What identifies a response of AWS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: Option<u16>,
    /// The request id, by which AWS Support and CloudTrail find the request.
    pub request_id: Option<Box<str>>,
}

impl fmt::Display for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.status.iter().try_for_each(|status| write!(f, ", HTTP {status}"))?;
        self.request_id.iter().try_for_each(|id| write!(f, ", request {id}"))
    }
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
    /// AWS rejects the definition of a state machine.
    InvalidDefinition,
    /// AWS rejects another request as invalid.
    Refused,
    /// No answer, or one that doesn't tell: whether the call took effect is unknown.
    Unclear,
    /// An answer that can't be parsed, or lacks what AWS documents: a write is unconfirmed.
    Unreadable,
    /// The operator has no AWS credentials, or they have expired.
    NoCredentials,
    /// AWS doesn't know the operator's credentials.
    InvalidCredentials,
    /// The operator is about to stop: the call was not made.
    NotMade,
}

impl Class {
    /// Whether a write that failed so may have taken effect all the same.
    pub fn is_unconfirmed(self) -> bool {
        match self {
            Self::Unclear | Self::Unreadable | Self::NoCredentials => true,
            Self::NotFound
            | Self::AccessDenied
            | Self::RoleNotReady
            | Self::Throttled
            | Self::Conflict
            | Self::ValueTaken
            | Self::Quota
            | Self::InvalidDefinition
            | Self::Refused
            | Self::InvalidCredentials
            | Self::NotMade => false,
        }
    }
}

/// What to do about answers that can't be read.
pub const UNREADABLE_HINT: &str = "upgrade the operator; if the newest version can't read the answer either, report it with the operation, \
                                   the HTTP status and the detail";

impl Error {
    /// One without a response.
    pub fn new(operation: Operation, object: &str, class: Class, detail: impl Into<String>) -> Self {
        let (operation, object, detail) = (operation.name(), object.to_owned(), detail.into());
        Self { operation, object, detail, class, response: Response::default(), lacks: None }
    }

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
                let class = class(operation, code, message, status);
                let lacks = (class == Class::AccessDenied).then(|| denial::lacks(message)).flatten().map(Into::into);
                let detail = detail(code, message, status, service.err());
                return Self { response: response(error), lacks, ..Self::new(operation, object, class, detail) };
            }
            SdkError::TimeoutError(_) => (Class::Unclear, "no answer in time".to_owned()),
            SdkError::DispatchFailure(failure) => {
                let cause = failure.as_connector_error().map(|error| error as &(dyn std::error::Error + 'static));
                match cause.and_then(no_credentials) {
                    Some(detail) => (Class::NoCredentials, detail),
                    None => (Class::Unclear, format!("AWS can't be reached: {}", cause.map(chain).unwrap_or_default())),
                }
            }
            SdkError::ResponseError(_) => (Class::Unclear, format!("the answer ended early: {}", cause(error))),
            other => match no_credentials(other) {
                Some(detail) => (Class::NoCredentials, detail),
                None => (Class::Unclear, format!("the request could not be made: {}", chain(other))),
            },
        };
        Self { response: response(error), ..Self::new(operation, object, class, one_line(&detail)) }
    }

    /// An answer that lacks what its documentation promises.
    pub fn incomplete(operation: Operation, object: &str, lacks: &str) -> Self {
        Self::new(operation, object, Class::Unreadable, format!("the answer has no {lacks}"))
    }

    /// The operator is about to stop, and starts no call any more.
    pub fn not_made(operation: Operation, object: &str) -> Self {
        Self::new(operation, object, Class::NotMade, "the operator stops, the next one makes the call")
    }

    /// A call that this replica may not make, or not wait for any longer.
    pub fn fenced(operation: Operation, object: &str, fenced: Fenced) -> Self {
        Self::new(operation, object, Class::Unclear, fenced.to_string())
    }

    /// The cause, as conditions report it.
    pub fn reason(&self) -> Reason {
        match self.class {
            Class::AccessDenied => Reason::AccessDenied,
            Class::RoleNotReady => Reason::RoleNotAssumable,
            Class::Throttled => Reason::Throttled,
            Class::NotFound | Class::Conflict => Reason::Conflict,
            Class::ValueTaken => Reason::ApiKeyValueTaken,
            Class::Quota => Reason::QuotaExceeded,
            Class::InvalidDefinition => Reason::InvalidDefinition,
            Class::Refused => Reason::RequestRejected,
            Class::Unreadable => Reason::UnreadableResponse,
            Class::NoCredentials | Class::InvalidCredentials => Reason::CredentialsInvalid,
            Class::Unclear | Class::NotMade => Reason::AwsUnavailable,
        }
    }

    /// The failure with its remedy.
    pub fn failure(&self) -> Failure {
        Failure { reason: self.reason(), message: self.to_string(), remedy: self.remedy() }
    }

    /// What helps.
    pub fn remedy(&self) -> Remedy {
        match self.class {
            Class::NotFound
            | Class::RoleNotReady
            | Class::Throttled
            | Class::Conflict
            | Class::Unclear
            | Class::Unreadable
            | Class::NoCredentials
            | Class::NotMade => Remedy::Retry,
            Class::AccessDenied => Remedy::Person { hint: self.denial_hint() },
            Class::InvalidCredentials => Remedy::Person { hint: CREDENTIALS_HINT.to_owned() },
            Class::ValueTaken => Remedy::Person {
                hint: "write another value into the key's Secret, or delete the API key that has this one, if it is nobody's"
                    .to_owned(),
            },
            // Source: API Gateway quotas, "Regional APIs per account per Region": 600, not adjustable.
            Class::Quota if self.operation == Operation::CreateRestApi.name() => Remedy::Person {
                hint: "an account has at most 600 Regional REST APIs in a Region, which AWS doesn't raise: put several endpoints on one \
                       API with `api.endpointRef`, or delete REST APIs that are not needed"
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
            Class::InvalidDefinition => Remedy::Person {
                hint: "correct the definition of the state machine; `aws stepfunctions validate-state-machine-definition` shows all of its errors"
                    .to_owned(),
            },
            Class::Refused => Remedy::Person {
                hint: "correct the field of the manifest that AWS names, or report it if the manifest is right"
                    .to_owned(),
            },
        }
    }

    /// What to allow, as an IAM policy names it.
    fn denial_hint(&self) -> String {
        let lacks = self.lacks.clone().unwrap_or_else(|| format!("`{}` on {}", self.operation, self.object).into());
        if self.detail.contains("explicit deny") {
            return format!("a policy denies {lacks} explicitly: except the operator's role from that statement");
        }
        format!("allow {lacks} in the IAM policy of the operator's role: `sfe policy` prints all that it needs")
    }
}

/// Where the operator's credentials come from.
pub const CREDENTIALS_HINT: &str = "on EKS associate an IAM role with the operator's ServiceAccount (EKS Pod Identity), or annotate the \
                                    ServiceAccount with `eks.amazonaws.com/role-arn` (IRSA); elsewhere set `AWS_ROLE_ARN` and \
                                    `AWS_WEB_IDENTITY_TOKEN_FILE` (OIDC), or `credentialsSecret` in the chart's values; see \
                                    docs/install.md#credentials";

/// The status and the request id of a response, if there is one.
fn response<E>(error: &SdkError<E, HttpResponse>) -> Response {
    let status = error.raw_response().map(|response| response.status().as_u16());
    // It is text of a header: whoever stands in front of AWS can write anything there.
    let is_plain = |id: &&str| id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let request_id = error.request_id().filter(is_plain).map(Into::into);
    Response { status, request_id }
}

/// The code and the message of an error response, or what is wrong with a response that has neither.
fn detail(code: &str, message: &str, status: u16, error: &(dyn std::error::Error + 'static)) -> String {
    let detail = match (code, message) {
        ("", "") if (200..300).contains(&status) => format!("the answer can't be parsed: {}", parse_error(error)),
        ("", "") => "the answer has no error code and no message".to_owned(),
        ("", message) => message.to_owned(),
        (code, "") => code.to_owned(),
        (code, message) => format!("{code}: {message}"),
    };
    one_line(&detail)
}

/// Why an answer can't be parsed, without a piece of it, which may be a payload.
fn parse_error(error: &(dyn std::error::Error + 'static)) -> String {
    let cause = cause(error);
    let known = [", found", " got "].iter().filter_map(|before| cause.find(before)).min();
    cause[..known.unwrap_or(cause.len())].to_owned()
}

/// What is behind an error, with its own causes.
fn cause(error: &(dyn std::error::Error + 'static)) -> String {
    chain(error.source().unwrap_or(error))
}

fn one_line(text: &str) -> String {
    cut(&text.replace(char::is_control, " "), 300)
}

/// Why there are no credentials, if that is why a call failed.
fn no_credentials(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let cause = causes(error).find(|cause| cause.is::<CredentialsError>())?;
    Some(format!("the operator has no AWS credentials: {}", chain(cause)))
}

fn causes<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}

/// The error with its causes, outermost first.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    causes(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
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
        "AccessDeniedException" | "AccessDenied" | "UnauthorizedException" => Class::AccessDenied,
        "UnrecognizedClientException" | "InvalidClientTokenId" | "SignatureDoesNotMatch" => Class::InvalidCredentials,
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" => Class::NoCredentials,
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
        // Source: Step Functions API reference, errors of CreateStateMachine and UpdateStateMachine.
        "InvalidDefinition" => Class::InvalidDefinition,
        _ if status == 429 => Class::Throttled,
        _ if status == 403 => Class::AccessDenied,
        // What stands in front of AWS answers such, or the answer can't be parsed.
        "" => Class::Unreadable,
        _ if (400..500).contains(&status) => Class::Refused,
        _ => Class::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_apigateway::operation::get_rest_apis::GetRestApisError;
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::ErrorMetadata;
    use rstest::rstest;

    use super::*;

    fn refused(status: u16, code: Option<&str>, message: Option<&str>, request_id: &'static str) -> Error {
        let known = ErrorMetadata::builder();
        let known = if let Some(code) = code { known.code(code) } else { known };
        let known = if let Some(message) = message { known.message(message) } else { known };
        let mut response = HttpResponse::new(status.try_into().unwrap(), SdkBody::empty());
        response.headers_mut().insert("x-amzn-requestid", request_id);
        let error = SdkError::service_error(GetRestApisError::generic(known.build()), response);
        Error::from_sdk(Operation::GetRestApis, "all REST APIs", &error)
    }

    #[rstest]
    #[case::code_and_message(
        403,
        Some("AccessDeniedException"),
        Some("no"),
        Class::AccessDenied,
        "AccessDeniedException: no (all REST APIs, HTTP 403, request 1-a)"
    )]
    #[case::a_code_alone(
        404,
        Some("NotFoundException"),
        None,
        Class::NotFound,
        "NotFoundException (all REST APIs, HTTP 404, request 1-a)"
    )]
    #[case::a_message_alone(
        400,
        None,
        Some("no\nno"),
        Class::Unreadable,
        "no no (all REST APIs, HTTP 400, request 1-a)"
    )]
    #[case::neither(
        502,
        None,
        None,
        Class::Unclear,
        "the answer has no error code and no message (all REST APIs, HTTP 502, request 1-a)"
    )]
    #[case::of_a_proxy(
        407,
        None,
        None,
        Class::Unreadable,
        "the answer has no error code and no message (all REST APIs, HTTP 407, request 1-a)"
    )]
    fn an_error_says_what_is_known(
        #[case] status: u16,
        #[case] code: Option<&str>,
        #[case] message: Option<&str>,
        #[case] class: Class,
        #[case] detail: &str,
    ) {
        let error = refused(status, code, message, "1-a");
        assert_eq!((error.class, error.to_string()), (class, format!("apigateway:GetRestApis failed: {detail}")));
    }

    #[test]
    fn a_request_id_is_plain_text() {
        let error = refused(502, None, None, "<a href=x>");
        assert_eq!(error.response, Response { status: Some(502), request_id: None });
    }

    #[test]
    fn a_denial_names_what_iam_lacks() {
        let message =
            "User: x is not authorized to perform: apigateway:GET on resource: arn:aws:apigateway:x::/restapis";
        let hint = |message| match refused(403, Some("AccessDeniedException"), Some(message), "1").remedy() {
            Remedy::Person { hint } => hint,
            Remedy::Retry => String::new(),
        };
        assert_eq!(
            hint(message).split_once(" in the").unwrap().0,
            "allow `apigateway:GET` on `arn:aws:apigateway:x::/restapis`"
        );
        assert!(
            hint("User: x is not authorized to perform: a:B with an explicit deny in a policy")
                .starts_with("a policy denies")
        );
    }

    #[test]
    fn what_a_new_rest_api_lacks_is_no_higher_quota() {
        let error = Error::new(Operation::CreateRestApi, "REST API a", Class::Quota, "x");
        assert!(matches!(error.remedy(), Remedy::Person { hint } if hint.contains("`api.endpointRef`")));
    }

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
