//! What a manifest says of the stage.

use std::collections::BTreeMap;

use kube_derive::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema;

/// The stage that serves the routes. What is left out is as it is on a new stage, and is put back to that if someone changes it.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Stage {
    /// The stage's name, the first part of the URL's path. Defaults to `prod`. A change makes a new stage, then removes the old one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[A-Za-z0-9_-]+$"))]
    pub name: Option<String>,
    /// Always allows to deploy someone else's API (`api.restApiId`). A deployment holds the whole API, so that our stage serves others'
    /// methods too, unfinished ones included, without what their own stages set. Required with `api.restApiId`, and not allowed otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deploy: Option<Deploy>,
    /// How many requests all routes together let through, each method counted for itself; more are answered with 429. Defaults to what the
    /// account allows. `routes[].throttling` says otherwise for one route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttling: Option<Throttling>,
    /// Whether CloudWatch gets metrics of each method, which AWS charges for. Defaults to false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics_enabled: Option<bool>,
    /// What API Gateway logs of each request, to a log group of its own, `API-Gateway-Execution-Logs_<id of the API>/<stage>`. It needs a role
    /// in the account's settings, which `status` tells how to set. Defaults to OFF.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_log: Option<ExecutionLog>,
    /// A line that API Gateway logs of each request once it is answered. It needs the same role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_log: Option<AccessLog>,
    /// Whether requests are traced with X-Ray. Defaults to false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracing_enabled: Option<bool>,
    /// Stage variables: names of letters, digits and `_`, values of letters, digits and `-._~:/?#&=,`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::stage_variables")]
    pub variables: BTreeMap<String, String>,
}

/// A further stage. It serves what the first one serves, with variables, limits and logs of its own.
#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FurtherStage {
    /// The stage's name, another than that of each other stage. A change makes a new stage and removes the old one.
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[A-Za-z0-9_-]+$"))]
    pub name: String,
    /// As `stage.throttling`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttling: Option<Throttling>,
    /// As `stage.metricsEnabled`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics_enabled: Option<bool>,
    /// As `stage.executionLog`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_log: Option<ExecutionLog>,
    /// As `stage.accessLog`. The log group of our own is that of all stages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_log: Option<AccessLog>,
    /// As `stage.tracingEnabled`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracing_enabled: Option<bool>,
    /// As `stage.variables`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::stage_variables")]
    pub variables: BTreeMap<String, String>,
}

impl From<&FurtherStage> for Stage {
    fn from(further: &FurtherStage) -> Self {
        let FurtherStage { name, throttling, metrics_enabled, execution_log, access_log, tracing_enabled, variables } =
            further.clone();
        Self {
            name: Some(name),
            deploy: None,
            throttling,
            metrics_enabled,
            execution_log,
            access_log,
            tracing_enabled,
            variables,
        }
    }
}

/// A line of each request. It tells what API Gateway knows of one, never its body or headers.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[x_kube(
    crates(kube_core = "kube_core"),
    validation = Rule::new("!has(self.destinationArn) || !has(self.retentionDays)")
        .message("retentionDays is of a log group of our own: leave it out with destinationArn"),
    validation = Rule::new("!has(self.format) || self.format.contains('$context.requestId') || self.format.contains('$context.extendedRequestId')")
        .message("format must contain $context.requestId or $context.extendedRequestId")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccessLog {
    /// One line with variables such as `$context.status`, `$context.requestId` or `$context.extendedRequestId` among them. Defaults to JSON: who
    /// called what and when, status, length and times of the answer, and why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 3072))]
    pub format: Option<String>,
    /// How many days lines are kept: one of the periods that CloudWatch Logs offers. All stages that log to our own log group keep theirs
    /// as long. Defaults to 30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3653))]
    pub retention_days: Option<i32>,
    /// The ARN of an existing log group, or of a Firehose stream named `amazon-apigateway-...`, which needs no role. It is never changed.
    /// Defaults to a log group of our own, which `status.accessLogGroup` names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 640))]
    pub destination_arn: Option<String>,
}

/// When someone else's API is deployed.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Deploy {
    /// Whenever the routes change, whatever else is on the API then.
    Always,
}

/// What API Gateway logs of each request.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[x_kube(
    crates(kube_core = "kube_core"),
    validation = Rule::new("self.level != 'OFF' || !has(self.dataTraceEnabled)")
        .message("dataTraceEnabled is allowed with levels ERROR and INFO")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExecutionLog {
    /// Which steps are logged.
    pub level: ExecutionLogLevel,
    /// Whether requests and answers are logged in full, with all that callers send. Defaults to false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_trace_enabled: Option<bool>,
}

/// Which steps of a request are logged.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ExecutionLogLevel {
    /// None.
    Off,
    /// Those that failed.
    Error,
    /// All.
    Info,
}

impl ExecutionLogLevel {
    /// As AWS spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "OFF",
            Self::Error => "ERROR",
            Self::Info => "INFO",
        }
    }
}

/// How many requests are let through.
#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Throttling {
    /// Requests a second, on average.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub rate_limit: f64,
    /// The most at once.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub burst_limit: i32,
}
