//! Whose an AWS object is, where it is, and what it is called.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::api::StateMachineType;
use crate::arn::Arn;
use crate::kinds::log_group;

/// Tags of one AWS object.
pub type Tags = BTreeMap<String, String>;

/// The StepFunctionEndpoint to which an AWS object belongs. These three are tags on it; whoever carries all of them is ours.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    /// The UID of the kube-system namespace, or `--cluster-id`.
    pub cluster: String,
    /// The manifest's namespace.
    pub namespace: String,
    /// The manifest's name.
    pub name: String,
}

impl Owner {
    /// The tags that every object of ours carries.
    pub fn tags(&self) -> Tags {
        let values = [&self.cluster, &self.namespace, &self.name];
        TAGS.into_iter().zip(values).map(|(key, value)| (key.to_owned(), value.clone())).collect()
    }

    /// The keys of these tags.
    pub fn tag_keys() -> BTreeSet<String> {
        TAGS.iter().map(|key| (*key).to_owned()).collect()
    }

    /// Whose an object with these tags is; nobody's, unless it carries all three.
    pub fn of(tags: &Tags) -> Option<Self> {
        let [cluster, namespace, name] = TAGS.map(|key| tags.get(key).cloned());
        Some(Self { cluster: cluster?, namespace: namespace?, name: name? })
    }

    /// Whether an object with these tags is ours.
    pub fn owns(&self, tags: &Tags) -> bool {
        self.tags().iter().all(|(key, value)| tags.get(key) == Some(value))
    }

    /// The `operationName` of a method that serves this endpoint: API Gateway has no tags on methods.
    pub fn marker(&self) -> String {
        format!("{MARKER}{}", self.hash("method"))
    }

    /// The name of the role that API Gateway assumes.
    pub fn gateway_role_name(&self) -> String {
        self.named("gateway", ROLE_NAME_MAX)
    }

    /// The name of the role that the workflow runs with.
    pub fn workflow_role_name(&self) -> String {
        self.named("workflow", ROLE_NAME_MAX)
    }

    /// The state machine's name. The type can't be changed in place, so it is part of the hash: a replacement stands beside the old one.
    pub fn state_machine_name(&self, type_: StateMachineType) -> String {
        match type_ {
            StateMachineType::Standard => self.named("standard", STATE_MACHINE_NAME_MAX),
            StateMachineType::Express => self.named("express", STATE_MACHINE_NAME_MAX),
        }
    }

    /// The log group's name. Under `/aws/vendedlogs/` it needs no entry in the account's log resource policy, whose size is limited.
    pub fn log_group_name(&self) -> String {
        format!("/aws/vendedlogs/states/{}", self.named("logs", STATE_MACHINE_NAME_MAX))
    }

    /// The name of the stages' access log group. It begins with that of the other, so that one read by prefix tells of both.
    pub fn access_log_group_name(&self) -> String {
        format!("{}-access", self.log_group_name())
    }

    /// The name of the log group for this.
    pub fn log_group_name_for(&self, purpose: log_group::Purpose) -> String {
        match purpose {
            log_group::Purpose::Workflow => self.log_group_name(),
            log_group::Purpose::Access => self.access_log_group_name(),
        }
    }

    /// `sfe-<namespace>-<name>-<purpose>-<hash>`, the readable part cut to what AWS allows.
    fn named(&self, purpose: &str, max: usize) -> String {
        let tail = format!("-{purpose}-{}", self.hash(purpose));
        let head: String = format!("sfe-{}-{}", self.namespace, self.name).chars().take(max - tail.len()).collect();
        head + &tail
    }

    fn hash(&self, purpose: &str) -> String {
        hash([self.cluster.as_str(), self.namespace.as_str(), self.name.as_str(), purpose])
    }
}

/// The keys of the owner's tags: cluster, namespace, name.
const TAGS: [&str; 3] = ["sfe.dev/cluster", "sfe.dev/namespace", "sfe.dev/name"];
/// How every marker of ours starts.
pub const MARKER: &str = "sfe-";
/// IAM's path of our roles. It can't be changed later, and iam:PassRole is limited by it.
pub const ROLE_PATH: &str = "/sfe/";
/// IAM quotas, "Role name": 64 characters.
const ROLE_NAME_MAX: usize = 64;
/// Step Functions quotas, "State machine name": 80 characters.
const STATE_MACHINE_NAME_MAX: usize = 80;

/// The first ten hexadecimal digits of the SHA-256 of the parts, kept apart by a byte that none of them holds.
pub fn hash<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part.as_bytes());
        digest.update([0]);
    }
    digest.finalize().iter().take(5).map(|byte| format!("{byte:02x}")).collect()
}

/// Where the objects of an endpoint are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Site {
    /// `aws`, `aws-cn`, `aws-us-gov`, ...
    pub partition: String,
    /// The account's twelve digits.
    pub account: String,
    /// The Region, such as `eu-central-1`.
    pub region: String,
}

impl Site {
    /// The ARN of one of our roles.
    pub fn role_arn(&self, name: &str) -> Option<Arn> {
        format!("arn:{}:iam::{}:role{ROLE_PATH}{name}", self.partition, self.account).parse().ok()
    }

    /// The ARN of a state machine here.
    pub fn state_machine_arn(&self, name: &str) -> Option<Arn> {
        format!("arn:{}:states:{}:{}:stateMachine:{name}", self.partition, self.region, self.account).parse().ok()
    }

    /// The ARN of a log group here, without the `:*` that some answers append.
    pub fn log_group_arn(&self, name: &str) -> Option<Arn> {
        format!("arn:{}:logs:{}:{}:log-group:{name}", self.partition, self.region, self.account).parse().ok()
    }

    /// The ARN of a REST API, by which it is tagged.
    pub fn rest_api_arn(&self, rest_api_id: &str) -> String {
        format!("arn:{}:apigateway:{}::/restapis/{rest_api_id}", self.partition, self.region)
    }

    /// The ARN of a stage, by which it is tagged.
    pub fn stage_arn(&self, rest_api_id: &str, stage: &str) -> String {
        format!("arn:{}:apigateway:{}::/restapis/{rest_api_id}/stages/{stage}", self.partition, self.region)
    }

    /// The ARN of anything of API Gateway by its path, such as `/apikeys/<id>`, by which it is tagged.
    pub fn api_gateway_arn(&self, path: &str) -> String {
        format!("arn:{}:apigateway:{}::{path}", self.partition, self.region)
    }

    /// The URL of a stage without a slash at its end.
    pub fn stage_url(&self, rest_api_id: &str, stage: &str) -> String {
        let suffix = if self.partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
        format!("https://{rest_api_id}.execute-api.{}.{suffix}/{stage}", self.region)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(namespace: &str, name: &str) -> Owner {
        Owner { cluster: "c".to_owned(), namespace: namespace.to_owned(), name: name.to_owned() }
    }

    #[test]
    fn names_fit_aws_and_differ_by_owner() {
        let (long, longer) = (owner(&"n".repeat(63), &"a".repeat(253)), owner(&"n".repeat(63), &"a".repeat(252)));
        assert_eq!(long.gateway_role_name().len(), ROLE_NAME_MAX);
        assert_eq!(long.state_machine_name(StateMachineType::Express).len(), STATE_MACHINE_NAME_MAX);
        assert_ne!(long.gateway_role_name(), longer.gateway_role_name());
        assert_ne!(owner("a-b", "c").gateway_role_name(), owner("a", "b-c").gateway_role_name());
    }

    #[test]
    fn all_three_tags_make_an_owner() {
        let mut tags = owner("a", "b").tags();
        assert!(owner("a", "b").owns(&tags));
        assert_eq!(Owner::of(&tags), Some(owner("a", "b")));
        tags.remove("sfe.dev/cluster");
        assert!(!owner("a", "b").owns(&tags));
        assert_eq!(Owner::of(&tags), None);
    }
}
