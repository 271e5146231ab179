//! What API Gateway holds of the account as a whole in one Region. Everyone there shares it: it is read, and never written.

use crate::next::{Next, Seen, unread};

/// The account's settings as they were read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// The role by which API Gateway writes to CloudWatch Logs.
    pub cloudwatch_role_arn: Option<String>,
}

/// Whether a stage can log: AWS refuses to let one without the role.
pub fn can_log(seen: &Seen<Observed>) -> bool {
    seen.present().is_some_and(|found| found.cloudwatch_role_arn.is_some())
}

/// What a stage that is to log waits for, or needs of a person. Nothing else waits for that.
pub fn next<A>(logs: bool, seen: &Seen<Observed>) -> Next<A> {
    match (logs, seen) {
        (false, _) => Next::nothing(),
        (true, Seen::Unknown) => unread("account settings"),
        (true, Seen::Present(_)) if can_log(seen) => Next::nothing(),
        (true, Seen::Present(_) | Seen::Absent) => Next::refuse(
            "execution log failed: API Gateway has no role in this account and Region by which it could write one".to_owned(),
            "set one with `aws apigateway update-account --patch-operations op=replace,path=/cloudwatchRoleArn,value=<role ARN>` (a role that \
             apigateway.amazonaws.com assumes, with the managed policy AmazonAPIGatewayPushToCloudWatchLogs), or leave `stage.executionLog` out"
                .to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn seen(role: Option<&str>) -> Seen<Observed> {
        Seen::Present(Observed { cloudwatch_role_arn: role.map(str::to_owned) })
    }

    #[rstest]
    #[case::nobody_logs(false, seen(None), "")]
    #[case::not_read(true, Seen::Unknown, "waits")]
    #[case::no_role(true, seen(None), "refused")]
    #[case::a_role(true, seen(Some("arn:aws:iam::000000000000:role/logs")), "")]
    fn reads_as(#[case] logs: bool, #[case] seen: Seen<Observed>, #[case] expected: &str) {
        let next: Next<()> = next(logs, &seen);
        let told = [(next.waiting.is_empty(), "waits"), (next.refused.is_empty(), "refused")];
        let told: Vec<&str> = told.iter().filter(|(is_empty, _)| !is_empty).map(|(_, name)| *name).collect();
        assert_eq!(told.join(" "), expected);
    }
}
