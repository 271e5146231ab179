//! What a manifest says of one route: who may call, and what the call is made of.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::answer::Responses;
use super::auth::Auth;
use super::input::{Input, Source, StateMachineChoice};
use super::stage::Throttling;

/// One path and one method, and what a request there does.
#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Route {
    /// The path, such as `/`, `/orders` or `/orders/{id}`.
    #[schemars(length(min = 1, max = 512), regex(pattern = r"^/"))]
    pub path: String,
    /// The HTTP method, or ANY for all that have no route of their own.
    pub method: HttpMethod,
    /// Who may call. Required on every route, so that making an endpoint public is always written down.
    pub auth: Auth,
    /// Whether a caller needs an API key as well, in the header X-API-Key: one of `apiKeys`, with `api.endpointRef` of the host's, or one made
    /// elsewhere whose usage plan names the stage. A request without one is refused with 403. Defaults to false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key_required: Option<bool>,
    /// The Step Functions action. Defaults to StartExecution for a STANDARD and StartSyncExecution for an EXPRESS state machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<StepFunctionsAction>,
    /// What the execution is started with. Defaults to the whole JSON body, exact to the last digit. For StartExecution and
    /// StartSyncExecution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Input>,
    /// The name of the execution that is started, such as `{header: Idempotency-Key}`. On STANDARD a repeat with the same input while the
    /// execution runs is answered as the first was; any other, for 90 days, with 409 and the name. On EXPRESS it is only a label. A name that
    /// Step Functions doesn't allow is refused with 400. Defaults to one that Step Functions makes. For StartExecution and
    /// StartSyncExecution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_name: Option<Source>,
    /// One of several existing state machines, in place of `stateMachine`. For StartExecution and StartSyncExecution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_machines: Option<StateMachineChoice>,
    /// The execution's name. For DescribeExecution, StopExecution, GetExecutionHistory and RedriveExecution. A caller never sends an
    /// ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<Source>,
    /// The token of the waiting task. For SendTaskSuccess, SendTaskFailure and SendTaskHeartbeat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_token: Option<Source>,
    /// The task's result. Defaults to the whole JSON body. For SendTaskSuccess.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Input>,
    /// The error's name. For SendTaskFailure and StopExecution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Source>,
    /// The error's cause. For SendTaskFailure and StopExecution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Source>,
    /// What a JSON body must be, beside what `input` reads of it: a JSON schema of draft 4, as JSON or YAML text; `$ref` to
    /// `#/definitions/<name>` alone, and not to itself. A body that is not so is refused with 400; the reason is in the variable
    /// `$context.error.validationErrorString` of the gateway response BAD_REQUEST_BODY.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 65_536))]
    pub request_schema: Option<String>,
    /// Headers, in any case, without which a request is refused with 400.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), inner(length(min = 1, max = 128)), extend("x-kubernetes-list-type" = "set"))]
    pub required_headers: Vec<String>,
    /// Parameters of the query string without which a request is refused with 400.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), inner(length(min = 1, max = 128)), extend("x-kubernetes-list-type" = "set"))]
    pub required_query: Vec<String>,
    /// Other content types that are taken, by name in lower case, such as `text/xml`, each with what the input (of SendTaskSuccess the
    /// output) is made of. With them, application/json is taken only if `input` or `output` is there. A request without a content type is
    /// application/json to API Gateway; a content type that is not named is refused with 415.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 10))]
    pub content_types: BTreeMap<String, Input>,
    /// What is answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub responses: Option<Responses>,
    /// How many requests to this route are let through, in place of `stage.throttling`. Not for the method ANY, which API Gateway throttles
    /// method by method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttling: Option<Throttling>,
    /// What happens to a request of another content type than those of `input` and `contentTypes`: it is refused with 415 either way; the
    /// two words are AWS's. Defaults to NEVER.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passthrough_behavior: Option<PassthroughBehavior>,
}

/// An HTTP method that API Gateway knows.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum HttpMethod {
    /// Every method that has no route of its own.
    Any,
    /// DELETE.
    Delete,
    /// GET.
    Get,
    /// HEAD.
    Head,
    /// OPTIONS.
    Options,
    /// PATCH.
    Patch,
    /// POST.
    Post,
    /// PUT.
    Put,
}

/// An action of Step Functions, as AWS spells it.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum StepFunctionsAction {
    /// Starts an execution and answers at once.
    StartExecution,
    /// Starts an execution and answers with its output. EXPRESS alone.
    StartSyncExecution,
    /// Answers what became of an execution. STANDARD alone.
    DescribeExecution,
    /// Stops an execution. STANDARD alone.
    StopExecution,
    /// Lists the executions. STANDARD alone.
    ListExecutions,
    /// Answers an execution's events. STANDARD alone.
    GetExecutionHistory,
    /// Restarts a failed execution where it failed. STANDARD alone.
    RedriveExecution,
    /// Ends a waiting task with a result. STANDARD alone.
    SendTaskSuccess,
    /// Ends a waiting task with an error. STANDARD alone.
    SendTaskFailure,
    /// Says that a waiting task is still being worked on. STANDARD alone.
    SendTaskHeartbeat,
}

/// What API Gateway does with a request whose content type has no mapping template.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PassthroughBehavior {
    /// Refused with 415.
    Never,
    /// Refused with 415, as there is a template.
    WhenNoTemplates,
}

impl StepFunctionsAction {
    /// As AWS spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StartExecution => "StartExecution",
            Self::StartSyncExecution => "StartSyncExecution",
            Self::DescribeExecution => "DescribeExecution",
            Self::StopExecution => "StopExecution",
            Self::ListExecutions => "ListExecutions",
            Self::GetExecutionHistory => "GetExecutionHistory",
            Self::RedriveExecution => "RedriveExecution",
            Self::SendTaskSuccess => "SendTaskSuccess",
            Self::SendTaskFailure => "SendTaskFailure",
            Self::SendTaskHeartbeat => "SendTaskHeartbeat",
        }
    }
}

impl HttpMethod {
    /// All of them, ANY first.
    pub const ALL: [Self; 8] =
        [Self::Any, Self::Delete, Self::Get, Self::Head, Self::Options, Self::Patch, Self::Post, Self::Put];

    /// As API Gateway spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Any => "ANY",
            Self::Delete => "DELETE",
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Options => "OPTIONS",
            Self::Patch => "PATCH",
            Self::Post => "POST",
            Self::Put => "PUT",
        }
    }
}

impl fmt::Display for HttpMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
