//! What a manifest says of API keys: whose they are, and how many requests they let through.

use kube_derive::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::stage::Throttling;

/// A key that callers send in the header X-API-Key. Its value is in a Secret, and told nowhere else.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[x_kube(
    crates(kube_core = "kube_core"),
    validation = Rule::new("has(self.valueFrom) != has(self.writeTo)").message("exactly one of valueFrom and writeTo is required")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApiKey {
    /// The key's name here; in AWS it ends that of the API key.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$"))]
    pub name: String,
    /// Where the value is read from: 20 to 128 letters, digits and other visible ASCII characters, and nothing else, such as a line's end. A
    /// change makes a new API key, then deletes the old one. It is noticed within `executions.interval` or the operator's drift interval, or
    /// at once by the annotation `sfe.dev/requestedAt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_from: Option<SecretSource>,
    /// Where a value is written that the operator makes: a Secret that does not exist yet. It goes with this object; without it, or once it is
    /// deleted, another value is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write_to: Option<SecretSource>,
}

/// Where a value is.
#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretSource {
    /// A key of a Secret in the same namespace.
    pub secret_key_ref: SecretKeyRef,
}

/// A key of a Secret in the same namespace.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretKeyRef {
    /// The Secret's name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The key in its `data`.
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

/// What the keys let through, each counted for itself.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UsagePlan {
    /// How many requests with one key are let through; more are answered with 429. Defaults to no limit of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttle: Option<Throttling>,
    /// How many requests with one key are let through in a day, a week or a month. Defaults to any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<Quota>,
}

/// How many requests are let through in a time.
#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Quota {
    /// The most requests.
    #[schemars(range(min = 1, max = 2_147_483_647))]
    pub limit: i32,
    /// In which time.
    pub period: QuotaPeriod,
    /// The day on which the time begins: 0 to 6 for WEEK, from Sunday on; 0 to 27 for MONTH; 0 for DAY. Defaults to 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 27))]
    pub offset: Option<i32>,
}

/// The time of a quota, as AWS spells it.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum QuotaPeriod {
    /// A day.
    Day,
    /// A week.
    Week,
    /// A month.
    Month,
}

impl QuotaPeriod {
    /// As AWS spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "DAY",
            Self::Week => "WEEK",
            Self::Month => "MONTH",
        }
    }
}
