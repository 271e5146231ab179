//! What a manifest says of where the values of a call come from.

use std::collections::BTreeMap;

use kube_derive::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::schema;

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
