//! What a manifest says of one route: who may call, what the call is made of, and what is answered.

use std::collections::BTreeMap;
use std::fmt;

use kube_derive::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::auth::Auth;
use super::schema;
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
    /// The Step Functions action. Defaults to StartExecution for a STANDARD and StartSyncExecution for an EXPRESS state machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<StepFunctionsAction>,
    /// What the execution is started with. Defaults to the whole JSON body, exact to the last digit. For StartExecution and
    /// StartSyncExecution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Input>,
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
    /// What is answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub responses: Option<Responses>,
    /// How many requests to this route are let through, in place of `stage.throttling`. Not for the method ANY, which API Gateway throttles
    /// method by method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttling: Option<Throttling>,
    /// What happens to a request whose content type is not application/json: it is refused with 415 either way; the two words
    /// are AWS's. Defaults to NEVER.
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

/// A JSON document made for the call: at most one of `constant`, `constantJson` and `fields`; the whole JSON body without them.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[x_kube(
    crates(kube_core = "kube_core"),
    validation = Rule::new("[has(self.constantJson), has(self.fields)].filter(x, x).size() <= 1")
        .message("at most one of constant, constantJson and fields is allowed")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// This document, whatever the request holds. A null in it is lost by some clients: use `constantJson` for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::any")]
    pub constant: Option<Value>,
    /// This document as JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 262_144))]
    pub constant_json: Option<String>,
    /// An object of these members, each from one place of the request. A dot in a key nests: `user.id`. Numbers from the body
    /// are read as doubles; the whole body is exact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxProperties" = 50, "minProperties" = 1))]
    pub fields: Option<BTreeMap<String, Source>>,
}

/// One value of a request: exactly one place.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[x_kube(
    crates(kube_core = "kube_core"),
    validation = Rule::new("[has(self.body), has(self.path), has(self.query), has(self.header), has(self.context)].filter(x, x).size() <= 1")
        .message("exactly one of body, path, query, header, context and constant is required")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Source {
    /// A member of the JSON body, such as `$.user.id`. It is required, unless `optional`: a request without it is refused with 400.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 3, max = 256))]
    pub body: Option<String>,
    /// A parameter of the route's path, such as `id` of `/orders/{id}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub path: Option<String>,
    /// A parameter of the query string. It is required, unless `optional`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub query: Option<String>,
    /// A header, in any case. It is required, unless `optional`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub header: Option<String>,
    /// A value that API Gateway knows of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<ContextVariable>,
    /// This value, whatever the request holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::any")]
    pub constant: Option<Value>,
    /// Whether the request may lack it; the member is then left out. Defaults to false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub optional: Option<bool>,
}

/// A value that API Gateway knows of a request, as it spells it after `$context.`.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ContextVariable {
    /// The request's id.
    #[serde(rename = "requestId")]
    RequestId,
    /// When the request arrived, in milliseconds since 1970, as text.
    #[serde(rename = "requestTimeEpoch")]
    RequestTimeEpoch,
    /// The HTTP method.
    #[serde(rename = "httpMethod")]
    HttpMethod,
    /// The route's path, such as `/orders/{id}`.
    #[serde(rename = "resourcePath")]
    ResourcePath,
    /// The caller's address.
    #[serde(rename = "identity.sourceIp")]
    SourceIp,
    /// The stage's name.
    #[serde(rename = "stage")]
    Stage,
}

/// What is answered. Whatever is left out has a default: success 200; a failed execution 502, a timed out one 504; a request that
/// Step Functions refuses 400, 404 or 409; throttling 429; anything else 500.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Responses {
    /// When the call succeeded and, for StartSyncExecution, the execution too. The body defaults to the execution's output for
    /// StartSyncExecution, and to what the action answers for any other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success: Option<SuccessResponse>,
    /// When the execution did not succeed: tried in order, the first match answers, the defaults after them. For StartSyncExecution and
    /// DescribeExecution.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), extend("x-kubernetes-list-type" = "atomic"))]
    pub errors: Vec<ErrorResponse>,
    /// When Step Functions refuses what the caller sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_error: Option<FailureResponse>,
    /// When the call fails for any other reason, throttling included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_error: Option<FailureResponse>,
}

/// The answer to a request that succeeded.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SuccessResponse {
    /// The HTTP status, 200 to 399. Defaults to 200.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 200, max = 399))]
    pub status: Option<u16>,
    /// The body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
}

/// The answer to a request that failed.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FailureResponse {
    /// The HTTP status, 400 to 599.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 400, max = 599))]
    pub status: Option<u16>,
    /// The body. Defaults to an object with the error's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
}

/// The answer to an execution that failed in a certain way.
#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ErrorResponse {
    /// Which failures this answers.
    #[serde(rename = "match")]
    pub match_: ErrorMatch,
    /// The HTTP status, 400 to 599.
    #[schemars(range(min = 400, max = 599))]
    pub status: u16,
    /// The body. Defaults to an object with the execution's status, error and cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
}

/// Which failed executions: all that is said must hold.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[x_kube(
    crates(kube_core = "kube_core"),
    validation = Rule::new("has(self.error) || has(self.status)").message("error, status or both are required")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ErrorMatch {
    /// The whole name of the error, with `*` for any characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub error: Option<String>,
    /// The execution's status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<FailedStatus>,
}

/// The status of an execution that did not succeed, as AWS spells it.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FailedStatus {
    /// The workflow ended with an error.
    Failed,
    /// The workflow took too long.
    TimedOut,
    /// The execution was stopped. DescribeExecution alone.
    Aborted,
}

/// The body of an answer: exactly one of `constant` and `constantJson`.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Body {
    /// This JSON document. A null in it is lost by some clients: use `constantJson` for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::any")]
    pub constant: Option<Value>,
    /// This document as JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 65_536))]
    pub constant_json: Option<String>,
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
