//! What API Gateway holds of the account as a whole in one Region. Everyone there shares it: its role for CloudWatch Logs is set where there
//! is none and the operator was told one, never replaced, and never taken back.

use crate::arn::Arn;
use crate::next::{Next, Seen, unread};
use crate::reason::Reason;

/// What the stages need of the account.
#[derive(Clone, Debug, PartialEq)]
pub struct Desired {
    /// The role that is set where there is none, if the operator may (`--cloudwatch-role-arn`).
    pub cloudwatch_role_arn: Option<Arn>,
}

/// The account's settings as they were read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// The role by which API Gateway writes to CloudWatch Logs.
    pub cloudwatch_role_arn: Option<String>,
}

/// One API Gateway call.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Sets the role by which API Gateway writes to CloudWatch Logs.
    UpdateAccount { cloudwatch_role_arn: Arn },
}

/// Whether a stage can log: AWS refuses to let one without the role.
pub fn can_log(seen: &Seen<Observed>) -> bool {
    seen.present().is_some_and(|found| found.cloudwatch_role_arn.is_some())
}

/// What stages that are to log wait for, or need of a person. Nothing else waits for that.
pub fn next(want: Option<&Desired>, seen: &Seen<Observed>) -> Next<Action> {
    match (want, seen) {
        (None, _) => Next::nothing(),
        (Some(_), Seen::Unknown) => unread("account settings"),
        (Some(_), Seen::Present(_)) if can_log(seen) => Next::nothing(),
        (Some(Desired { cloudwatch_role_arn: Some(role) }), Seen::Present(_)) => {
            Next::act(Action::UpdateAccount { cloudwatch_role_arn: role.clone() })
        }
        (Some(_), Seen::Present(_) | Seen::Absent) => Next::refuse(
            Reason::LoggingRoleMissing,
            "log failed: API Gateway has no role in this account and Region by which it could write one".to_owned(),
            "set one with `aws apigateway update-account --patch-operations op=replace,path=/cloudwatchRoleArn,value=<role ARN>` (a role that \
             apigateway.amazonaws.com assumes, with the managed policy AmazonAPIGatewayPushToCloudWatchLogs), have the operator set it with \
             `--cloudwatch-role-arn`, or leave `executionLog` and `accessLog` out"
                .to_owned(),
        ),
    }
}

/// Folds an action that AWS confirmed.
pub fn fold(seen: &mut Seen<Observed>, action: &Action) {
    let Action::UpdateAccount { cloudwatch_role_arn } = action;
    *seen = Seen::Present(Observed { cloudwatch_role_arn: Some(cloudwatch_role_arn.to_string()) });
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const ROLE: &str = "arn:aws:iam::000000000000:role/logs";

    fn seen(role: Option<&str>) -> Seen<Observed> {
        Seen::Present(Observed { cloudwatch_role_arn: role.map(str::to_owned) })
    }

    fn want(role: Option<&str>) -> Option<Desired> {
        Some(Desired { cloudwatch_role_arn: role.map(|role| role.parse().unwrap()) })
    }

    #[rstest]
    #[case::nobody_logs(None, seen(None), "")]
    #[case::not_read(want(Some(ROLE)), Seen::Unknown, "waits")]
    #[case::no_role(want(None), seen(None), "refused")]
    #[case::a_role(want(None), seen(Some(ROLE)), "")]
    #[case::may_be_set(want(Some(ROLE)), seen(None), "acts")]
    #[case::another_is_never_replaced(want(Some(ROLE)), seen(Some("arn:aws:iam::000000000000:role/theirs")), "")]
    fn reads_as(#[case] want: Option<Desired>, #[case] mut seen: Seen<Observed>, #[case] expected: &str) {
        let first = next(want.as_ref(), &seen);
        let told = [
            (first.waiting.is_empty(), "waits"),
            (first.refused.is_empty(), "refused"),
            (first.actions.is_empty(), "acts"),
        ];
        let told: Vec<&str> = told.iter().filter(|(is_empty, _)| !is_empty).map(|(_, name)| *name).collect();
        assert_eq!(told.join(" "), expected);
        first.actions.iter().for_each(|action| fold(&mut seen, action));
        assert!(first.actions.is_empty() || next(want.as_ref(), &seen).is_empty());
    }
}
