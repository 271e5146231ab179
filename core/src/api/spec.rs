//! What a manifest can say. Descriptions here are what `kubectl explain` teaches; defaults inside lists are resolved in
//! `desired`, never in the schema (a default inside a list item leaves GitOps tools out of sync for ever).

use std::collections::BTreeMap;
use std::fmt;

use kube_derive::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{schema, status::StepFunctionEndpointStatus};

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
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[x_kube(crates(kube_core = "kube_core"))]
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
    /// The routes, each one path and one method.
    #[schemars(length(min = 1, max = 100), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["path", "method"]))]
    pub routes: Vec<Route>,
    /// The IAM role that API Gateway assumes to call Step Functions. Defaults to one of our own that allows exactly the
    /// actions of the routes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway_role: Option<Role>,
    /// How executions are recorded in `status.executions`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executions: Option<Executions>,
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

/// The REST API: one of our own (`name`, `disableExecuteApiEndpoint`), or that of another StepFunctionEndpoint (`endpointRef`).
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[x_kube(
    crates(kube_core = "kube_core"),
    validation = Rule::new("!has(self.endpointRef) || !(has(self.name) || has(self.disableExecuteApiEndpoint))")
        .message("name and disableExecuteApiEndpoint describe an API of our own: leave them out with endpointRef")
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
    /// The StepFunctionEndpoint in the same namespace whose API and stage serve these routes. It deploys them; it can't be
    /// deleted before them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_ref: Option<EndpointRef>,
}

/// Another StepFunctionEndpoint in the same namespace.
#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EndpointRef {
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// The stage that serves the routes.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Stage {
    /// The stage's name, the first part of the URL's path. Defaults to `prod`. A change makes a new stage, then removes the old one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[A-Za-z0-9_-]+$"))]
    pub name: Option<String>,
}

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

/// Who may call a route.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[x_kube(
    crates(kube_core = "kube_core"),
    validation = Rule::new("(self.type == 'COGNITO_USER_POOLS') == has(self.userPoolArns)")
        .message("userPoolArns is required with type COGNITO_USER_POOLS, and allowed with no other"),
    validation = Rule::new("self.type == 'COGNITO_USER_POOLS' || !has(self.scopes)")
        .message("scopes is allowed with type COGNITO_USER_POOLS alone")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Auth {
    /// How a caller is checked.
    #[serde(rename = "type")]
    pub type_: AuthType,
    /// The Cognito user pools whose tokens are accepted. For COGNITO_USER_POOLS.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 10), inner(length(max = 256)), extend("x-kubernetes-list-type" = "set"))]
    pub user_pool_arns: Vec<String>,
    /// Scopes of which an access token must carry one; without them an identity token is expected. For COGNITO_USER_POOLS.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), inner(length(max = 256)), extend("x-kubernetes-list-type" = "set"))]
    pub scopes: Vec<String>,
}

/// How a caller is checked.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AuthType {
    /// Anyone may call.
    None,
    /// The request must be signed by a principal that may `execute-api:Invoke`.
    AwsIam,
    /// The Authorization header must hold a token of one of the user pools.
    CognitoUserPools,
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

impl StateMachineType {
    /// As AWS spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "STANDARD",
            Self::Express => "EXPRESS",
        }
    }
}
