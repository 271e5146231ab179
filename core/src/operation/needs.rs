//! What to allow for an operation that AWS denied, in the words of an IAM policy.

use super::Operation;
use super::permission::Resource;

impl Operation {
    /// The IAM actions that this operation needs on `object`, for a hint: `apigateway:POST` on the ARN of the resource, since API Gateway's
    /// actions are HTTP verbs; elsewhere the action and the object's own name.
    pub fn needs(self, object: &str, partition: &str, region: &str) -> String {
        let needs = self.permissions().into_iter().map(|permission| {
            let action = format!("`{}:{}`", permission.resource.service(), permission.action);
            match permission.resource {
                Resource::ApiGateway(path) | Resource::OthersApis(path) => {
                    format!("{action} on `arn:{partition}:apigateway:{region}::{path}`")
                }
                Resource::Account => format!("{action} on `arn:{partition}:apigateway:{region}::/account`"),
                Resource::PassedRoles => format!("{action} on the role that it passes"),
                Resource::CloudWatchRole => format!("{action} on the role of `--cloudwatch-role-arn`"),
                Resource::AnyRole
                | Resource::NamedRoles
                | Resource::Roles
                | Resource::AnyStateMachine
                | Resource::StateMachines
                | Resource::AnyLogGroup
                | Resource::LogGroups => format!("{action} on {object}"),
            }
        });
        needs.collect::<Vec<_>>().join(" and ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operation_needs_what_the_policy_allows() {
        let needs = |operation: Operation| operation.needs("role sfe-a", "aws", "eu-central-1");
        assert_eq!(
            needs(Operation::GetResources),
            "`apigateway:GET` on `arn:aws:apigateway:eu-central-1::/restapis/*/resources`"
        );
        assert_eq!(needs(Operation::DeleteRole), "`iam:DeleteRole` on role sfe-a");
        assert_eq!(
            needs(Operation::UpdateAuthorizer),
            "`apigateway:PATCH` on `arn:aws:apigateway:eu-central-1::/restapis/*/authorizers/*` and `iam:PassRole` on the role that it passes"
        );
        for operation in Operation::ALL {
            assert_eq!(needs(*operation).is_empty(), operation.permissions().is_empty(), "{operation}");
        }
    }
}
