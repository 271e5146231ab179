//! What a manifest says of where the values of a call come from.

use std::collections::BTreeMap;

use kube_derive::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::schema;

/// A JSON document made for the call: at most one of `constant`, `constantJson`, `fields`, `request` and `template`;
/// the whole JSON body without them.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[x_kube(
    crates(kube_core = "kube_core"),
    validation = Rule::new("[has(self.constantJson), has(self.fields), has(self.request), has(self.template)].filter(x, x).size() <= 1")
        .message("at most one of constant, constantJson, fields, request and template is allowed")
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
    /// The request as one object, as CDK's integrations have it: `body`, `path`, `querystring` and, if any are chosen, `header`,
    /// `requestContext` and `authorizer`. The body is text for a content type that is no JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestEnvelope>,
    /// A template in API Gateway's Velocity language, for what the others can't say: directives that set `$document` to the document's
    /// JSON text. They print nothing, and what they set is escaped for you, as a whole; each client's value within it is yours to escape.
    /// A request for which `$document` stays empty is refused with 400.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 65_536))]
    pub template: Option<String>,
}

/// What of a request is chosen for its envelope; what a request lacks is left out. Never all headers: a token would be kept in the
/// execution's history.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequestEnvelope {
    /// Headers, in any case; they are named as here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), inner(length(min = 1, max = 128)), extend("x-kubernetes-list-type" = "set"))]
    pub headers: Vec<String>,
    /// What API Gateway knows of the request; `identity.sourceIp` is named `sourceIp`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), extend("x-kubernetes-list-type" = "set"))]
    pub context: Vec<ContextVariable>,
    /// What the authorizer tells of the caller: `claims.sub`, `principalId` or any key that a Lambda authorizer returns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), inner(length(min = 1, max = 128)), extend("x-kubernetes-list-type" = "set"))]
    pub authorizer: Vec<String>,
}

/// Existing state machines of which a value of the request chooses one: never an ARN, and any other value is refused with 400.
#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StateMachineChoice {
    /// The value that chooses, such as `{path: kind}` or `{stageVariable: kind}`.
    pub from: Source,
    /// The ARN of each state machine by the value that chooses it: in the account and Region of the endpoint; for StartSyncExecution of
    /// type EXPRESS. Their executions are not recorded in the status.
    #[schemars(schema_with = "schema::arns")]
    pub arns: BTreeMap<String, String>,
}

/// One value of a request: exactly one place.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[x_kube(
    crates(kube_core = "kube_core"),
    validation = Rule::new("[has(self.body), has(self.rawBody), has(self.form), has(self.path), has(self.query), has(self.header), has(self.context), \
                            has(self.authorizer), has(self.stageVariable)].filter(x, x).size() <= 1")
        .message("exactly one of body, rawBody, form, path, query, header, context, authorizer, stageVariable and constant is required")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Source {
    /// A member of the JSON body, such as `$.user.id`, or `$`, all of it. It is required, unless `optional`: a request without it is
    /// refused with 400. Numbers are read as doubles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub body: Option<String>,
    /// The body's text, exact to the last byte, as what a signature is checked against must be. One that is not UTF-8 is refused with 400;
    /// so is an empty one and `{}`, which API Gateway can't tell apart, unless `optional`. Of one of `api.binaryMediaTypes` BASE64 alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw_body: Option<RawBody>,
    /// A field of a form. For the content type application/x-www-form-urlencoded. One that is there twice is refused with 400.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub form: Option<String>,
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
    /// A value that API Gateway knows of the request. Where the request may lack it, such as `identity.userArn`, it is required,
    /// unless `optional`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<ContextVariable>,
    /// What the authorizer tells of the caller, as text: `claims.sub`, a claim of a user pool's token; `principalId` or any key that a
    /// Lambda authorizer returns. It is required, unless `optional`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub authorizer: Option<String>,
    /// A variable of the stage. It is required, unless `optional`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub stage_variable: Option<String>,
    /// This value, whatever the request holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::any")]
    pub constant: Option<Value>,
    /// What the text found there is decoded from. One that is not, or that is no UTF-8 then, is refused with 400.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decode: Option<Decoding>,
    /// Whether the request may lack it; the member is then left out. Defaults to false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub optional: Option<bool>,
}

/// How the body's text is given.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RawBody {
    /// As it is.
    Text,
    /// Its bytes in base64.
    Base64,
}

/// How a text is encoded.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Decoding {
    /// Base64 with `+`, `/` and padding.
    Base64,
}

/// A value that API Gateway knows of a request, as it spells it after `$context.`.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ContextVariable {
    /// The request's id.
    #[serde(rename = "requestId")]
    RequestId,
    /// The request's id as API Gateway's own logs have it.
    #[serde(rename = "extendedRequestId")]
    ExtendedRequestId,
    /// When the request arrived, such as `22/Nov/2026:16:05:14 +0000`.
    #[serde(rename = "requestTime")]
    RequestTime,
    /// When the request arrived, in milliseconds since 1970, as text.
    #[serde(rename = "requestTimeEpoch")]
    RequestTimeEpoch,
    /// The HTTP method.
    #[serde(rename = "httpMethod")]
    HttpMethod,
    /// The id of the route's resource.
    #[serde(rename = "resourceId")]
    ResourceId,
    /// The route's path, such as `/orders/{id}`.
    #[serde(rename = "resourcePath")]
    ResourcePath,
    /// The request's path with the stage, as it was sent.
    #[serde(rename = "path")]
    Path,
    /// The protocol, such as `HTTP/1.1`.
    #[serde(rename = "protocol")]
    Protocol,
    /// The domain that was called.
    #[serde(rename = "domainName")]
    DomainName,
    /// The first label of the domain.
    #[serde(rename = "domainPrefix")]
    DomainPrefix,
    /// The stage's name.
    #[serde(rename = "stage")]
    Stage,
    /// The REST API's id.
    #[serde(rename = "apiId")]
    ApiId,
    /// The account of the REST API.
    #[serde(rename = "accountId")]
    AccountId,
    /// The caller's address.
    #[serde(rename = "identity.sourceIp")]
    SourceIp,
    /// The User-Agent header.
    #[serde(rename = "identity.userAgent")]
    UserAgent,
    /// The account of who signed the request. For auth AWS_IAM.
    #[serde(rename = "identity.accountId")]
    CallerAccountId,
    /// The id of the principal that signed the request. For auth AWS_IAM.
    #[serde(rename = "identity.caller")]
    Caller,
    /// The id of the user who signed the request. For auth AWS_IAM.
    #[serde(rename = "identity.user")]
    User,
    /// The ARN of who signed the request. For auth AWS_IAM.
    #[serde(rename = "identity.userArn")]
    UserArn,
    /// The access key id that the request was signed with. For auth AWS_IAM.
    #[serde(rename = "identity.accessKey")]
    AccessKey,
    /// The organization of who signed the request. For auth AWS_IAM.
    #[serde(rename = "identity.principalOrgId")]
    PrincipalOrgId,
    /// The Cognito identity of who signed the request. For auth AWS_IAM.
    #[serde(rename = "identity.cognitoIdentityId")]
    CognitoIdentityId,
    /// The identity pool of who signed the request. For auth AWS_IAM.
    #[serde(rename = "identity.cognitoIdentityPoolId")]
    CognitoIdentityPoolId,
    /// Whether the Cognito identity is authenticated. For auth AWS_IAM.
    #[serde(rename = "identity.cognitoAuthenticationType")]
    CognitoAuthenticationType,
    /// Who authenticated the Cognito identity. For auth AWS_IAM.
    #[serde(rename = "identity.cognitoAuthenticationProvider")]
    CognitoAuthenticationProvider,
}

impl ContextVariable {
    /// As API Gateway spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RequestId => "requestId",
            Self::ExtendedRequestId => "extendedRequestId",
            Self::RequestTime => "requestTime",
            Self::RequestTimeEpoch => "requestTimeEpoch",
            Self::HttpMethod => "httpMethod",
            Self::ResourceId => "resourceId",
            Self::ResourcePath => "resourcePath",
            Self::Path => "path",
            Self::Protocol => "protocol",
            Self::DomainName => "domainName",
            Self::DomainPrefix => "domainPrefix",
            Self::Stage => "stage",
            Self::ApiId => "apiId",
            Self::AccountId => "accountId",
            Self::SourceIp => "identity.sourceIp",
            Self::UserAgent => "identity.userAgent",
            Self::CallerAccountId => "identity.accountId",
            Self::Caller => "identity.caller",
            Self::User => "identity.user",
            Self::UserArn => "identity.userArn",
            Self::AccessKey => "identity.accessKey",
            Self::PrincipalOrgId => "identity.principalOrgId",
            Self::CognitoIdentityId => "identity.cognitoIdentityId",
            Self::CognitoIdentityPoolId => "identity.cognitoIdentityPoolId",
            Self::CognitoAuthenticationType => "identity.cognitoAuthenticationType",
            Self::CognitoAuthenticationProvider => "identity.cognitoAuthenticationProvider",
        }
    }
}
