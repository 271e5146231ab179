//! What a manifest says of the answers of one route.

use kube_derive::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::schema;

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
