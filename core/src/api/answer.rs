//! What a manifest says of the answers of one route.

use std::collections::BTreeMap;

use kube_derive::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::input::ContextVariable;
use super::route::HttpMethod;
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
    /// When Step Functions throttles the call. Defaults to `serverError` with status 429.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttling: Option<FailureResponse>,
}

/// The answer to a request that succeeded.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SuccessResponse {
    /// The HTTP status, 200 to 399. Defaults to 200.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 200, max = 399))]
    pub status: Option<u16>,
    /// The HTTP status from the execution's output, in place of `status`: a whole number, 200 to 599; anything else is answered with 502.
    /// For StartSyncExecution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_from: Option<OutputRef>,
    /// Headers by name. What is no printable ASCII is as good as missing.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 20))]
    pub headers: BTreeMap<String, AnswerSource>,
    /// The media type. Defaults to application/json, of a text to `text/plain; charset=utf-8`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 3, max = 128))]
    pub content_type: Option<String>,
    /// The body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
}

/// The answer to a request that failed.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FailureResponse {
    /// The HTTP status, 400 to 599, or a redirect with the header Location.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 301, max = 599))]
    pub status: Option<u16>,
    /// Headers by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 20))]
    pub headers: BTreeMap<String, FailureHeader>,
    /// The media type. Defaults to application/json, of a text to `text/plain; charset=utf-8`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 3, max = 128))]
    pub content_type: Option<String>,
    /// The body. Defaults to an object with the error's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<FailureBody>,
}

/// One value of a header: exactly one place.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FailureHeader {
    /// This text of printable ASCII.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub constant: Option<String>,
    /// A value that API Gateway knows of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<ContextVariable>,
}

/// The body of an answer that knows no execution: exactly one of `constant`, `constantJson`, `text`, `template` and `empty`.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FailureBody {
    /// This JSON document. A null in it is lost by some clients: use `constantJson` for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::any")]
    pub constant: Option<Value>,
    /// This document as JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 65_536))]
    pub constant_json: Option<String>,
    /// This text, such as plain text or HTML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 65_536))]
    pub text: Option<String>,
    /// A template in API Gateway's Velocity language that prints the body. What it prints is not checked: Step Functions' own messages hold
    /// ARNs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 65_536))]
    pub template: Option<String>,
    /// No body, if true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub empty: Option<bool>,
}

/// Which pages of other origins may call.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cors {
    /// Origins such as `https://example.com`, or `*` for any.
    #[schemars(length(min = 1, max = 20), inner(length(min = 1, max = 253)), extend("x-kubernetes-list-type" = "set"))]
    pub origins: Vec<String>,
    /// The methods that a preflight allows. Defaults to those of the path's routes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), extend("x-kubernetes-list-type" = "set"))]
    pub methods: Vec<HttpMethod>,
    /// The headers that a preflight allows. Defaults to Authorization, Content-Type, X-Amz-Date, X-Amz-Security-Token and X-Api-Key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), inner(length(min = 1, max = 64)), extend("x-kubernetes-list-type" = "set"))]
    pub headers: Vec<String>,
    /// The headers of an answer that a page may read, beside those that it always may.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), inner(length(min = 1, max = 64)), extend("x-kubernetes-list-type" = "set"))]
    pub exposed_headers: Vec<String>,
    /// Whether a page may send cookies and the like. Not with `*`. Defaults to false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<bool>,
    /// How long a browser may remember the answer to a preflight, in seconds. Defaults to the browser's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 86_400))]
    pub max_age: Option<u32>,
}

/// What API Gateway answers by itself.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GatewayResponse {
    /// The HTTP status, 400 to 599. Defaults to AWS's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 400, max = 599))]
    pub status: Option<u16>,
    /// Headers by name, each printable ASCII without an apostrophe.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::headers")]
    pub headers: BTreeMap<String, String>,
    /// The media type. Defaults to application/json, of a text to `text/plain; charset=utf-8`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 3, max = 128))]
    pub content_type: Option<String>,
    /// The body. Defaults to AWS's, an object with a message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<GatewayBody>,
}

/// The body of what API Gateway answers by itself: exactly one of `constant`, `constantJson` and `text`.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GatewayBody {
    /// This JSON document. A null in it is lost by some clients: use `constantJson` for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::any")]
    pub constant: Option<Value>,
    /// This document as JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 65_536))]
    pub constant_json: Option<String>,
    /// This text, which must not hold a `$`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 65_536))]
    pub text: Option<String>,
}

/// The answer to an execution that failed in a certain way.
#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ErrorResponse {
    /// Which failures this answers.
    #[serde(rename = "match")]
    pub match_: ErrorMatch,
    /// The HTTP status, 400 to 599, or a redirect with the header Location.
    #[schemars(range(min = 301, max = 599))]
    pub status: u16,
    /// Headers by name. What is no printable ASCII is as good as missing.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 20))]
    pub headers: BTreeMap<String, AnswerSource>,
    /// The media type. Defaults to application/json, of a text to `text/plain; charset=utf-8`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 3, max = 128))]
    pub content_type: Option<String>,
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

/// The body of an answer: exactly one of `constant`, `constantJson`, `text`, `output`, `outputText`, `fields`, `template` and `empty`.
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
    /// This text, such as plain text or HTML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 65_536))]
    pub text: Option<String>,
    /// A string, number (read as a double) or boolean of the execution's output, such as `$.order.id`, or `$`, all of it: as JSON. The caller
    /// gets 502 if it isn't there. For StartSyncExecution and DescribeExecution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub output: Option<String>,
    /// The same but `$`, as text without quotes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub output_text: Option<String>,
    /// A JSON object of these members. A dot in a key nests: `order.id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxProperties" = 50, "minProperties" = 1))]
    pub fields: Option<BTreeMap<String, AnswerSource>>,
    /// A template in API Gateway's Velocity language that prints the body, for what the others can't say. What it prints is not checked: escape
    /// each value. It sees the action's own answer, such as `$input.path('$.output')`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 65_536))]
    pub template: Option<String>,
    /// No body, if true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub empty: Option<bool>,
}

/// A member of an execution's output.
#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OutputRef {
    /// Where it is, such as `$.statusCode`.
    #[schemars(length(min = 3, max = 256))]
    pub output: String,
}

/// One value: exactly one place. A null is as good as missing.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AnswerSource {
    /// As the body's `output`, which is required unless `optional`; in a header not `$`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub output: Option<String>,
    /// A member of the action's own answer, such as `executionArn`, or `executionName`. It is required unless `optional`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub answer: Option<String>,
    /// A parameter of the route's path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub path: Option<String>,
    /// A parameter of the request's query string, left out where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub query: Option<String>,
    /// A header of the request, in any case, left out where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub header: Option<String>,
    /// A value that API Gateway knows of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<ContextVariable>,
    /// This value, in a header a string of printable ASCII.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::any")]
    pub constant: Option<Value>,
    /// Whether it may be missing. Defaults to false, in `errors` to true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub optional: Option<bool>,
}
