//! Where a manifest has other workloads told of its endpoint, and where the operator has done so.

use std::fmt;

use kube_derive::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the endpoint is told of: a ConfigMap, a Secret or both.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[x_kube(
    crates(kube_core = "kube_core"),
    validation = Rule::new("has(self.configMap) || has(self.secret)").message("configMap or secret is required")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Publish {
    /// A ConfigMap in the same namespace; it takes `publishConfigMaps: true` in the chart's values. One that exists without an ownerReference to
    /// this object is never touched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map: Option<PublishTo>,
    /// A Secret in the same namespace, likewise; it takes `secrets.enabled: true` in the chart's values. It isn't watched: what is changed
    /// in it by hand is put back when this object is looked at next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<PublishTo>,
}

/// An object that is written.
#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PublishTo {
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// What an endpoint can be told in.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum PublishedKind {
    /// For all who may read the namespace's ConfigMaps.
    ConfigMap,
    /// For those who may read its Secrets.
    Secret,
}

impl PublishedKind {
    /// As Kubernetes spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConfigMap => "ConfigMap",
            Self::Secret => "Secret",
        }
    }

    /// The field of `spec.publish` that names one.
    pub fn field(self) -> &'static str {
        match self {
            Self::ConfigMap => "configMap",
            Self::Secret => "secret",
        }
    }
}

/// A ConfigMap or Secret that the operator writes.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PublishedObject {
    /// ConfigMap or Secret.
    pub kind: PublishedKind,
    /// Its name.
    pub name: String,
}

impl fmt::Display for PublishedObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.as_str(), self.name)
    }
}
