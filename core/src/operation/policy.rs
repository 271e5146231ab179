//! The operator's own IAM policy, derived from its operations: every action that it uses and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::Operation;
use super::permission::{Limit, Permission, Resource};
use crate::owner::ROLE_PATH;

/// Where the operator works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// `aws`, `aws-cn`, `aws-us-gov`, ...
    pub partition: String,
    /// The account's twelve digits.
    pub account: String,
    /// Its Regions; `*` is all of them.
    pub regions: Vec<String>,
    /// What names the cluster in the tags.
    pub cluster: String,
    /// The ARNs of roles that manifests refer to, in `gatewayRole.arn` or `stateMachine.role.arn`.
    pub passed_roles: Vec<String>,
    /// The ids of others' REST APIs that manifests name in `api.restApiId`.
    pub rest_apis: Vec<String>,
    /// The role that the operator may let API Gateway write logs by.
    pub cloudwatch_role: Option<String>,
}

/// An IAM policy, in the order in which people write one.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Policy {
    version: &'static str,
    statement: Vec<Statement>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    sid: String,
    effect: &'static str,
    action: Vec<String>,
    resource: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<BTreeMap<&'static str, BTreeMap<String, Vec<String>>>>,
}

/// The policy of an operator that makes these operations.
pub fn policy(operations: &[Operation], scope: &Scope) -> Policy {
    let mut permissions: BTreeSet<Permission> =
        operations.iter().flat_map(|operation| operation.permissions()).collect();
    if !scope.rest_apis.is_empty() {
        permissions.extend(operations.iter().flat_map(|operation| operation.permissions_on_others_apis()));
    }
    // The resources of each action, then the actions of the same resources.
    let mut resources: BTreeMap<(&str, Limit, &str), BTreeSet<Resource>> = BTreeMap::new();
    for Permission { action, resource, limit } in permissions {
        resources.entry((resource.service(), limit, action)).or_default().insert(resource);
    }
    let mut actions: BTreeMap<(&str, Limit, Vec<String>), Vec<String>> = BTreeMap::new();
    for ((service, limit, action), resources) in resources {
        let arns = widest(resources.iter().flat_map(|resource| scope.arns(*resource)).collect());
        if arns.is_empty() {
            continue;
        }
        actions.entry((service, limit, arns)).or_default().push(format!("{service}:{action}"));
    }
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let statement = actions.into_iter().map(|((service, limit, resource), action)| {
        let name = sid(service, limit);
        let count = counts.entry(name.clone()).or_default();
        *count += 1;
        let sid = if *count == 1 { name } else { format!("{name}{count}") };
        Statement { sid, effect: "Allow", action, resource, condition: scope.condition(limit) }
    });
    Policy { version: "2012-10-17", statement: statement.collect() }
}

/// Those that no other includes: IAM's `*` stands for anything, slashes included.
fn widest(arns: BTreeSet<String>) -> Vec<String> {
    let includes = |wide: &str, arn: &str| wide != arn && wide.ends_with('*') && matches(wide, arn);
    arns.iter().filter(|arn| !arns.iter().any(|wide| includes(wide, arn))).cloned().collect()
}

/// Whether an ARN is of this pattern, as IAM sees it: `*` stands for any text, slashes and colons included.
pub fn matches(pattern: &str, arn: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == arn,
        Some((head, tail)) => arn.strip_prefix(head).is_some_and(|rest| {
            tail.is_empty()
                || rest.char_indices().map(|(at, _)| at).chain([rest.len()]).any(|at| matches(tail, &rest[at..]))
        }),
    }
}

fn sid(service: &str, limit: Limit) -> String {
    let service = match service {
        "iam" => "Roles",
        "logs" => "LogGroups",
        "states" => "StateMachines",
        _ => "RestApis",
    };
    match limit {
        Limit::None => service.to_owned(),
        Limit::RequestTag => format!("New{service}"),
        Limit::ResourceTag => format!("Our{service}"),
        Limit::PassedToService => format!("Pass{service}"),
        Limit::OthersApi => format!("Others{service}"),
        Limit::CloudWatchRole => "AccountSettings".to_owned(),
    }
}

impl Scope {
    fn arns(&self, resource: Resource) -> Vec<String> {
        let Self { partition, account, .. } = self;
        let role = |path: &str| vec![format!("arn:{partition}:iam::{account}:role{path}")];
        let regional = |service: &str, account: &str, resource: &str| {
            let arn = |region: &String| format!("arn:{partition}:{service}:{region}:{account}:{resource}");
            self.regions.iter().map(arn).collect()
        };
        match resource {
            Resource::AnyRole => vec!["*".to_owned()],
            Resource::NamedRoles => role("/*sfe-*"),
            Resource::Roles => role(&format!("{ROLE_PATH}sfe-*")),
            Resource::PassedRoles => [role(&format!("{ROLE_PATH}*")), self.passed_roles.clone()].concat(),
            Resource::AnyStateMachine => regional("states", account, "stateMachine:*"),
            Resource::StateMachines => regional("states", account, "stateMachine:sfe-*"),
            Resource::AnyLogGroup => regional("logs", account, "log-group:*"),
            Resource::LogGroups => regional("logs", account, "log-group:/aws/vendedlogs/states/sfe-*"),
            Resource::Account if self.cloudwatch_role.is_none() => Vec::new(),
            Resource::Account => regional("apigateway", "", "/account"),
            Resource::CloudWatchRole => self.cloudwatch_role.iter().cloned().collect(),
            Resource::ApiGateway(path) => regional("apigateway", "", path),
            Resource::OthersApis(path) => {
                let on = |id: &String| regional("apigateway", "", &path.replacen('*', id, 1));
                self.rest_apis.iter().flat_map(on).collect()
            }
        }
    }

    fn condition(&self, limit: Limit) -> Option<BTreeMap<&'static str, BTreeMap<String, Vec<String>>>> {
        let equals =
            |key: &str, values: Vec<String>| Some([("StringEquals", [(key.to_owned(), values)].into())].into());
        match limit {
            Limit::None | Limit::OthersApi | Limit::CloudWatchRole => None,
            Limit::RequestTag => equals("aws:RequestTag/sfe.dev/cluster", vec![self.cluster.clone()]),
            Limit::ResourceTag => equals("aws:ResourceTag/sfe.dev/cluster", vec![self.cluster.clone()]),
            Limit::PassedToService => equals(
                "iam:PassedToService",
                ["apigateway.amazonaws.com", "states.amazonaws.com"].map(str::to_owned).to_vec(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        Scope {
            partition: "aws".to_owned(),
            account: "000000000000".to_owned(),
            regions: vec!["eu-central-1".to_owned()],
            cluster: "prod".to_owned(),
            passed_roles: Vec::new(),
            rest_apis: Vec::new(),
            cloudwatch_role: Some("arn:aws:iam::000000000000:role/logs".to_owned()),
        }
    }

    fn allows(policy: &Policy, permission: &Permission) -> bool {
        let action = format!("{}:{}", permission.resource.service(), permission.action);
        scope().arns(permission.resource).iter().all(|arn| {
            policy.statement.iter().any(|statement| {
                statement.action.contains(&action)
                    && statement.condition == scope().condition(permission.limit)
                    && statement.resource.iter().any(|pattern| matches(pattern, arn))
            })
        })
    }

    #[test]
    fn every_operation_is_allowed() {
        let whole = policy(Operation::ALL, &scope());
        for operation in Operation::ALL.iter().copied() {
            let permissions = operation.permissions();
            assert_eq!(permissions.is_empty(), operation == Operation::GetCallerIdentity, "{operation}");
            assert!(permissions.iter().all(|permission| allows(&whole, permission)), "{operation} is not allowed");
        }
    }

    #[test]
    fn nothing_is_allowed_that_no_operation_needs() {
        let needed: BTreeSet<String> = Operation::ALL
            .iter()
            .flat_map(|operation| operation.permissions())
            .map(|permission| format!("{}:{}", permission.resource.service(), permission.action))
            .collect();
        for statement in policy(Operation::ALL, &scope()).statement {
            assert!(statement.action.iter().all(|action| needed.contains(action)), "{statement:?}");
        }
        for operation in Operation::ALL.iter().copied() {
            let rest: Vec<Operation> = Operation::ALL.iter().copied().filter(|other| *other != operation).collect();
            let rest = policy(&rest, &scope());
            for permission in operation.permissions() {
                let users = Operation::ALL.iter().filter(|other| other.permissions().contains(&permission)).count();
                // Of API Gateway a wider path may allow it too.
                let is_wide = permission.resource.service() == "apigateway";
                assert!(users > 1 || is_wide || !allows(&rest, &permission), "{operation} is still allowed: {rest:?}");
            }
        }
    }

    #[test]
    fn writes_are_limited_by_tag_service_or_the_api_they_are_on() {
        for operation in Operation::ALL.iter().copied().filter(|operation| !operation.is_read()) {
            for permission in operation.permissions() {
                let sets_tags = permission.resource == Resource::ApiGateway("/tags/*");
                assert!(sets_tags || permission.limit != Limit::None, "{operation}: {permission:?}");
            }
        }
    }

    #[test]
    fn a_policy_fits_into_iam() {
        let text = serde_json::to_string(&policy(Operation::ALL, &scope())).unwrap();
        assert!(text.len() <= 6_144, "{} characters, a managed policy has at most 6,144", text.len());
    }

    #[test]
    fn patterns_are_read_as_iam_reads_them() {
        for (pattern, arn, is) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("*", "", true),
            ("a/*", "a/b/c", true),
            ("a/*/c", "a/b/b/c", true),
            ("a/*/c", "a/b/d", false),
            ("r/*s-*", "r/s-1", true),
        ] {
            assert_eq!(matches(pattern, arn), is, "{pattern} {arn}");
        }
    }
}
