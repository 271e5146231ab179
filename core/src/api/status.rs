//! What the operator answers: what is live, what it waits for, and which executions ran. No payloads; under 16 KiB.

use std::collections::BTreeMap;

use jiff::{Timestamp, TimestampRound, Unit};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, MicroTime};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{HttpMethod, PublishedObject, StateMachineType};

/// What is live, what is being waited for, and which executions ran.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepFunctionEndpointStatus {
    /// The generation of the manifest that this status speaks of; -1 before the operator has seen the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready, Reconciling and Stalled in kstatus' sense; StateMachineReady, RolesReady, RoutesReady; Live: all stages serve this generation;
    /// Suspended and ObservedOnly, while `spec.suspend` and `managementPolicy: Observe` hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// The value of the annotation `sfe.dev/requestedAt` that was last answered by a look at all of AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
    /// The stage's URL, to which a route's path is appended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The further stages and their URLs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 9), extend("x-kubernetes-list-type" = "atomic"))]
    pub stages: Vec<StageStatus>,
    /// The routes and their URLs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-kubernetes-list-type" = "atomic"))]
    pub routes: Vec<RouteStatus>,
    /// The REST API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<ApiStatus>,
    /// The state machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_machine: Option<StateMachineStatus>,
    /// The ARN of the role that API Gateway assumes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway_role_arn: Option<String>,
    /// The ARN of the role that the workflow runs with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow_role_arn: Option<String>,
    /// The name of the workflow's log group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_group: Option<String>,
    /// The name of the stages' access log group, if it is ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_log_group: Option<String>,
    /// The API keys and their usage plan; there from before the first is made until this object is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_keys: Option<ApiKeysStatus>,
    /// The newest executions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executions: Option<ExecutionsStatus>,
    /// The ConfigMap and the Secret of `spec.publish`, and former ones that are not deleted yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "atomic"))]
    pub published: Vec<PublishedObject>,
    /// The StepFunctionEndpoints whose routes this one's stage serves by `api.endpointRef`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-kubernetes-list-type" = "atomic"))]
    pub guests: Vec<GuestStatus>,
    /// What someone else had changed and was put back at the last repair; with `managementPolicy: Observe` what differs from the manifest
    /// now, whole objects that would be created included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), extend("x-kubernetes-list-type" = "atomic"))]
    pub drift: Vec<Drift>,
    /// What `sfe.dev/adopt` changes in the AWS objects that it takes over. It is told here first; the next pass that finds the same does it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "atomic"))]
    pub adoption: Vec<Drift>,
}

/// A further stage and its URL.
#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StageStatus {
    /// Its name.
    pub name: String,
    /// Its URL, to which a route's path is appended; none where the API's own endpoint is off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// A route and its URL.
#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteStatus {
    /// The HTTP method.
    pub method: HttpMethod,
    /// Where it is called.
    pub url: String,
}

/// The REST API and its stage.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiStatus {
    /// The REST API's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest_api_id: Option<String>,
    /// The stage's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// The id of the deployment that the stage serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_id: Option<String>,
    /// The hash of what that deployment holds, as in its description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_hash: Option<String>,
    /// When CreateRestApi was about to be called, the last time. It has no token, so this is recorded first, and settled by looking the API up by
    /// its tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create_intended_at: Option<MicroTime>,
    /// The ids of the resources that were made on someone else's API: these alone are removed again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 300), extend("x-kubernetes-list-type" = "atomic"))]
    pub resource_ids: Vec<String>,
}

/// The API keys and their usage plan, without a value.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiKeysStatus {
    /// The usage plan's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage_plan_id: Option<String>,
    /// The ids of the keys by their names in the manifest.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 50))]
    pub ids: BTreeMap<String, String>,
}

/// The state machine.
#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StateMachineStatus {
    /// Its ARN.
    pub arn: String,
    /// Its type.
    #[serde(rename = "type")]
    pub type_: StateMachineType,
}

/// The newest executions, and how they are known.
#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionsStatus {
    /// How they are known.
    pub tracking: Tracking,
    /// Why they are not known, with NotTracked, or why they were not read the last time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 25), extend("x-kubernetes-list-type" = "atomic"))]
    pub recent: Vec<ExecutionStatus>,
}

/// How executions are known.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tracking {
    /// By ListExecutions: STANDARD.
    ListExecutions,
    /// By the log group: EXPRESS.
    Logs,
    /// They can't be known, and `reason` says why.
    NotTracked,
}

/// One execution.
#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionStatus {
    /// Its ARN.
    pub arn: String,
    /// RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED or PENDING_REDRIVE.
    pub status: String,
    /// When it started.
    pub start_date: MicroTime,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_date: Option<MicroTime>,
}

/// A StepFunctionEndpoint whose routes this one's stage serves.
#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GuestStatus {
    /// Its name.
    pub name: String,
    /// Its namespace, if it is another than that of this object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The hash of its routes as the stage serves them; none while the stage serves none of them yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routes_hash: Option<String>,
    /// The generation of its manifest that has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
    /// Why its routes are not served as it wants them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// One field that someone else had changed.
#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    /// The AWS object.
    pub object: String,
    /// The field, as AWS spells it.
    pub field: String,
    /// What the manifest says, cut to 200 characters.
    pub expected: String,
    /// What was found, cut to 200 characters.
    pub found: String,
    /// When it was found.
    pub at: MicroTime,
}

/// A moment as the status tells it: to the millisecond, so that what is read back equals what was written.
pub fn moment(at: Timestamp) -> MicroTime {
    let cut = TimestampRound::new().smallest(Unit::Millisecond).mode(jiff::RoundMode::Trunc);
    MicroTime(at.round(cut).unwrap_or(at))
}
