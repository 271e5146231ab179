//! What a manifest can say. Descriptions here are what `kubectl explain` teaches; defaults inside lists are resolved in
//! `desired`, never in the schema (a default inside a list item leaves GitOps tools out of sync for ever).

#![allow(clippy::duplicated_attributes, reason = "each printed column has a type and a path of its own")]

use std::collections::BTreeMap;

use kube_derive::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    AllowedRoutes, EndpointRef,
    answer::{Cors, GatewayResponse},
    key::{ApiKey, UsagePlan},
    publish::Publish,
    route::Route,
    schema,
    stage::{FurtherStage, Stage},
    status::StepFunctionEndpointStatus,
};

/// An HTTP endpoint that drives an AWS Step Functions workflow: the REST API, its routes, its IAM roles and, unless an
/// existing one is named, the state machine itself.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "sfe.dev",
    version = "v1alpha1",
    kind = "StepFunctionEndpoint",
    plural = "stepfunctionendpoints",
    shortname = "sfe",
    category = "aws",
    namespaced,
    status = "StepFunctionEndpointStatus",
    derive = "PartialEq",
    doc = "An HTTP endpoint that drives an AWS Step Functions workflow.",
    crates(kube_core = "kube_core"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Live", type_ = "string", json_path = ".status.conditions[?(@.type=='Live')].status"),
    printcolumn(name = "URL", type_ = "string", json_path = ".status.url"),
    printcolumn(name = "Type", type_ = "string", json_path = ".status.stateMachine.type"),
    printcolumn(name = "Suspended", type_ = "boolean", json_path = ".spec.suspend"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[x_kube(
    crates(kube_core = "kube_core"),
    validation = Rule::new("(has(self.api) && has(self.api.restApiId) ? self.api.restApiId : '') == (has(oldSelf.api) && has(oldSelf.api.restApiId) ? oldSelf.api.restApiId : '')")
        .message("api.restApiId can't be changed: delete the endpoint and apply it again"),
    validation = Rule::new("!has(self.stages) || !self.stages.exists(s, s.name == (has(self.stage) && has(self.stage.name) ? self.stage.name : 'prod'))")
        .message("each stage needs a name of its own, also beside stage.name, which defaults to prod")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StepFunctionEndpointSpec {
    /// The AWS Region of every object of this endpoint. Defaults to the Region of `stateMachine.arn`, else to the operator's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32), regex(pattern = r"^[a-z]{2}(-[a-z]+)+-[0-9]+$"))]
    pub region: Option<String>,
    /// The workflow: an existing state machine by `arn`, or one of our own by `definition` or `definitionFrom`.
    pub state_machine: StateMachine,
    /// The REST API that the routes are on. Defaults to one of our own, named `<namespace>-<name>`, of type REGIONAL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<Api>,
    /// The stage that serves the routes. Not allowed with `api.endpointRef`, whose owner has the stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
    /// Further stages, which serve the same routes. A change of the routes is served by all of them before the former is gone; one that is
    /// taken off the list is deleted, with what it serves. Not allowed with `api.endpointRef`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 9), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub stages: Vec<FurtherStage>,
    /// The routes, each one path and one method.
    #[schemars(length(min = 1, max = 100), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["path", "method"]))]
    pub routes: Vec<Route>,
    /// The keys that let callers through on routes with `apiKeyRequired`. Not allowed with `api.endpointRef`, whose owner has the stage.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub api_keys: Vec<ApiKey>,
    /// How many requests each of `apiKeys` lets through. Defaults to as many as the stage does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage_plan: Option<UsagePlan>,
    /// Which pages of other origins may call these routes. A preflight is answered on each path without an OPTIONS route (ANY is none), and
    /// needs no authorization; such a path can't be shared with another endpoint's `cors`. The errors that API Gateway answers by itself
    /// can't choose among several origins: any page may read them, or none with `credentials`. With `api.endpointRef` the host's `cors` says
    /// who may read those.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cors: Option<Cors>,
    /// What API Gateway answers by itself on all of the API, by its type as AWS spells it, such as THROTTLED or DEFAULT_4XX. Whatever is left
    /// out stays AWS's. Not allowed with `api.endpointRef`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 21))]
    pub gateway_responses: BTreeMap<String, GatewayResponse>,
    /// The IAM role that API Gateway assumes to call Step Functions. Defaults to one of our own that allows exactly the
    /// actions of the routes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway_role: Option<Role>,
    /// How executions are recorded in `status.executions`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executions: Option<Executions>,
    /// Tags of your own on everything of ours that can carry tags: REST API, stage, roles, log group, state machine. Keys and values have letters,
    /// digits, spaces and `+-=._:/`, up to 128 and 256. Tags that others put on stay; one that leaves here is taken off.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::tags")]
    pub tags: BTreeMap<String, String>,
    /// Where other workloads find this endpoint once it is live: the keys url, routes (JSON: method and url of each), restApiId and stageName
    /// (not of a guest), region, accountId, stateMachineArn and stateMachineType. It goes with this object, whatever `deletionPolicy` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publish: Option<Publish>,
    /// What becomes of the AWS objects when this object is deleted. Delete deletes them. Retain leaves them as they are, serving, and takes
    /// our tags off, so that nothing of it is taken for ours later. Defaults to Delete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,
    /// Full makes and changes what the manifest says. Observe reads and tells in `status.drift` what Full would change, and never writes to
    /// AWS; deleting the object then deletes nothing there. Defaults to Full.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub management_policy: Option<ManagementPolicy>,
    /// While true nothing is read or written in AWS, and the status stays as it is but for the condition Suspended. What serves goes on
    /// serving. A deletion ends it: then goes what `deletionPolicy` says. Defaults to false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
}

/// What becomes of the AWS objects of an endpoint that is deleted.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeletionPolicy {
    /// They are deleted.
    Delete,
    /// They stay as they are, without our tags.
    Retain,
}

/// What the operator may do in AWS for an endpoint.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ManagementPolicy {
    /// Reads and writes.
    Full,
    /// Reads alone.
    Observe,
}

/// The workflow: exactly one of `arn`, `definition` and `definitionFrom`.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[x_kube(
    crates(kube_core = "kube_core"),
    validation = Rule::new("[has(self.arn), has(self.definition), has(self.definitionFrom)].filter(x, x).size() == 1")
        .message("exactly one of arn, definition and definitionFrom is required"),
    validation = Rule::new("!has(self.arn) || !(has(self.type) || has(self.role) || has(self.logging) || has(self.definitionSubstitutions))")
        .message("type, role, logging and definitionSubstitutions describe a state machine of our own: leave them out with arn")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StateMachine {
    /// The ARN of an existing state machine. It is called, never changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub arn: Option<String>,
    /// STANDARD or EXPRESS. Defaults to STANDARD. A change makes a new state machine beside the old one, moves the routes, then
    /// deletes the old one with its execution history.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_: Option<StateMachineType>,
    /// The Amazon States Language definition, as YAML or JSON text (text, because a null in an object does not survive
    /// every client). `${NAME}` is filled from `definitionSubstitutions`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1_048_576))]
    pub definition: Option<String>,
    /// Where the definition is read from; a change there is deployed like one here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition_from: Option<DefinitionFrom>,
    /// Values for `${NAME}` in the definition, inserted as they are (inside a JSON string they must be valid there).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::substitutions")]
    pub definition_substitutions: BTreeMap<String, String>,
    /// The IAM role that the workflow runs with. Defaults to one of our own without permissions of its own beyond logging.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// What is written to CloudWatch Logs. Defaults to OFF for STANDARD and, as the executions of an EXPRESS state machine can
    /// be known in no other way, to ALL without execution data for EXPRESS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logging: Option<Logging>,
}

/// The type of a state machine, as AWS spells it.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum StateMachineType {
    /// Runs for up to a year, each execution once, with a history.
    Standard,
    /// Runs for up to five minutes, at least once, known by its logs alone.
    Express,
}

/// Where a definition is read from.
#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DefinitionFrom {
    /// A key of a ConfigMap in the same namespace, holding YAML or JSON text.
    pub config_map_key_ref: ConfigMapKeyRef,
}

/// A key of a ConfigMap in the same namespace.
#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConfigMapKeyRef {
    /// The ConfigMap's name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The key in its `data`.
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

/// An IAM role: an existing one by `arn`, or one of our own with what else it may do.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[x_kube(
    crates(kube_core = "kube_core"),
    validation = Rule::new("!has(self.arn) || !(has(self.statements) || has(self.managedPolicyArns) || has(self.permissionsBoundaryArn))")
        .message("statements, managedPolicyArns and permissionsBoundaryArn describe a role of our own: leave them out with arn")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Role {
    /// The ARN of an existing role. It is used, never changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub arn: Option<String>,
    /// Further IAM statements of the role's inline policy, each an Allow.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub statements: Vec<Statement>,
    /// ARNs of managed policies to attach.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), inner(length(max = 256)), extend("x-kubernetes-list-type" = "set"))]
    pub managed_policy_arns: Vec<String>,
    /// The ARN of the managed policy that bounds what the role can do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub permissions_boundary_arn: Option<String>,
}

/// One statement that allows actions on resources.
#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Statement {
    /// IAM actions, such as `lambda:InvokeFunction`.
    #[schemars(length(min = 1, max = 50), inner(length(max = 128)))]
    pub actions: Vec<String>,
    /// ARNs, with `*` where IAM allows it.
    #[schemars(length(min = 1, max = 50), inner(length(max = 512)))]
    pub resources: Vec<String>,
}

/// What a state machine of our own writes to its log group, `/aws/vendedlogs/states/<name>`.
#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Logging {
    /// Which events are written.
    pub level: LogLevel,
    /// Whether input, output and parameters are written too. Defaults to false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include_execution_data: Option<bool>,
    /// How many days events are kept: one of the periods that CloudWatch Logs offers. Defaults to 30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3653))]
    pub retention_days: Option<i32>,
}

/// Which events of an execution are written to the log.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum LogLevel {
    /// Every event.
    All,
    /// Errors and fatal errors.
    Error,
    /// Fatal errors alone.
    Fatal,
    /// Nothing; there is no log group.
    Off,
}

/// The REST API: that of another StepFunctionEndpoint (`endpointRef`), someone else's (`restApiId`), or one of our own, which all else
/// describes. On an API that exists `endpointType`, `policy` and `minimumCompressionSize` stay as they are where nothing is said.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[x_kube(
    crates(kube_core = "kube_core"),
    validation = Rule::new("!has(self.endpointRef) || !(has(self.name) || has(self.disableExecuteApiEndpoint) || has(self.endpointType) || has(self.policy) || has(self.minimumCompressionSize) || has(self.binaryMediaTypes) || has(self.allowedRoutes))")
        .message("all other fields describe an API of our own: leave them out with endpointRef"),
    validation = Rule::new("!has(self.restApiId) || !(has(self.name) || has(self.disableExecuteApiEndpoint) || has(self.endpointType) || has(self.policy) || has(self.minimumCompressionSize) || has(self.binaryMediaTypes) || has(self.endpointRef))")
        .message("restApiId names someone else's API: leave what describes one of our own, and endpointRef, out"),
    validation = Rule::new("!has(self.parentPath) || has(self.restApiId)").message("parentPath is allowed with restApiId alone")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Api {
    /// The API's name in AWS. Defaults to `<namespace>-<name>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub name: Option<String>,
    /// Whether the default endpoint (`https://<id>.execute-api.<region>.amazonaws.com`) is switched off. Defaults to false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disable_execute_api_endpoint: Option<bool>,
    /// REGIONAL or EDGE. Defaults to REGIONAL on a new API. A change keeps the URL; API Gateway takes up to a minute for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_type: Option<EndpointType>,
    /// Who may call, beside what the routes ask for. Defaults to no policy on a new API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<ApiPolicy>,
    /// From how many bytes on an answer is compressed for callers that accept it; -1 compresses none. Defaults to -1 on a new API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1, max = 10_485_760))]
    pub minimum_compression_size: Option<i32>,
    /// Content types, such as image/png or multipart/form-data, whose bodies are bytes and no text, on all routes of the API, guests'
    /// included: `contentTypes` takes them by `rawBody: BASE64`, exact to the last byte. None of JSON. Defaults to none, also on an API that
    /// was taken over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), inner(length(min = 1, max = 255)), extend("x-kubernetes-list-type" = "set"))]
    pub binary_media_types: Vec<String>,
    /// The StepFunctionEndpoint whose API and stage serve these routes. It deploys them; it can't be deleted before them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_ref: Option<EndpointRef>,
    /// The id of someone else's REST API, on which the routes are put beside those that are there. Nothing else of it is changed. It needs
    /// `stage.name` and `stage.deploy`, and can't be changed later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32), regex(pattern = r"^[a-z0-9]+$"))]
    pub rest_api_id: Option<String>,
    /// The path on someone else's API below which the routes are, such as `/orders`. What of it is missing is made. Defaults to the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub parent_path: Option<String>,
    /// Who may name this StepFunctionEndpoint in `api.endpointRef`. Defaults to those of its own namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_routes: Option<AllowedRoutes>,
}

/// Where an API answers, as AWS spells it.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum EndpointType {
    /// In its Region.
    Regional,
    /// At CloudFront's edge locations.
    Edge,
}

/// The resource policy of an API: a document, or lists of which one is made. Without any there is none.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[x_kube(
    crates(kube_core = "kube_core"),
    validation = Rule::new("!has(self.document) || !(has(self.allow) || has(self.deny))").message("document says all: leave allow and deny out")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApiPolicy {
    /// The policy document, as YAML or JSON text; `execute-api:/*` stands for all of this API. What no statement allows is refused on routes
    /// with auth NONE and COGNITO_USER_POOLS; on those with AWS_IAM and CUSTOM an Allow lets in who would not be let in without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16_384))]
    pub document: Option<String>,
    /// Calls come from one of these, whatever `auth` a route has, preflights of `cors` and the routes of others on this API included. From
    /// anywhere, where only accounts are said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow: Option<AllowedCallers>,
    /// Calls come from none of these, even where `allow` has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deny: Option<DeniedCallers>,
}

/// Who may call an API. The address is the one that API Gateway is called from; X-Forwarded-For has no say.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AllowedCallers {
    /// Ranges of IPv4 or IPv6 addresses, such as `192.0.2.0/24` or `192.0.2.1/32`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(max = 43)), extend("x-kubernetes-list-type" = "set"))]
    pub cidrs: Vec<String>,
    /// Ids of VPCs, on a private API (that was taken over) alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), inner(length(max = 32)), extend("x-kubernetes-list-type" = "set"))]
    pub vpcs: Vec<String>,
    /// Ids of VPC endpoints, on a private API (that was taken over) alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), inner(length(max = 32)), extend("x-kubernetes-list-type" = "set"))]
    pub vpc_endpoints: Vec<String>,
    /// Other accounts whose identities may call routes with auth AWS_IAM, where their own policies allow it too. No other account may
    /// without this. It limits no other route.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), inner(length(max = 12)), extend("x-kubernetes-list-type" = "set"))]
    pub accounts: Vec<String>,
}

/// Who may not call an API. The address is the one that API Gateway is called from; X-Forwarded-For has no say.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeniedCallers {
    /// Ranges of IPv4 or IPv6 addresses, such as `192.0.2.0/24` or `192.0.2.1/32`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(max = 43)), extend("x-kubernetes-list-type" = "set"))]
    pub cidrs: Vec<String>,
    /// Ids of VPCs, on a private API (that was taken over) alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), inner(length(max = 32)), extend("x-kubernetes-list-type" = "set"))]
    pub vpcs: Vec<String>,
    /// Ids of VPC endpoints, on a private API (that was taken over) alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), inner(length(max = 32)), extend("x-kubernetes-list-type" = "set"))]
    pub vpc_endpoints: Vec<String>,
}

/// How executions are recorded in `status.executions`.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Executions {
    /// How many of the newest are kept. Defaults to 10; 0 records none, 25 is the most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 25))]
    pub keep: Option<u32>,
    /// How often is looked, such as `30s` or `5m`: 1 second to 1 hour. Defaults to `60s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), regex(pattern = r"^([0-9]+(s|m|h))+$"))]
    pub interval: Option<String>,
}

impl EndpointType {
    /// As AWS spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Regional => "REGIONAL",
            Self::Edge => "EDGE",
        }
    }
}

impl StateMachineType {
    /// As AWS spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "STANDARD",
            Self::Express => "EXPRESS",
        }
    }
}
