//! CloudWatch Logs groups.

use std::collections::HashMap;

use sfe_core::kinds::log_group::{Action, Observed};
use sfe_core::next::Seen;
use sfe_core::observed::Answer;
use sfe_core::operation::Operation;
use sfe_core::owner::Site;

use super::super::clients::Clients;
use super::super::error::Error;

/// The group with its tags, and whether there is one of this other name, which begins with the first: one call if there is none, two
/// otherwise.
pub async fn observe(clients: &Clients, site: &Site, name: &str, other: &str) -> Result<(Seen<Observed>, bool), Error> {
    let object = format!("log group {name}");
    // Names that begin with ours sort behind it: the first page holds both.
    let request = clients.logs.describe_log_groups().log_group_name_prefix(name);
    let answer = clients.call(Operation::DescribeLogGroups, &object, request.send()).await?;
    let named = |name: &str| answer.log_groups().iter().find(|group| group.log_group_name() == Some(name));
    let has_other = named(other).is_some();
    let Some(group) = named(name) else { return Ok((Seen::Absent, has_other)) };
    let arn = site.log_group_arn(name).map(|arn| arn.to_string());
    let request = clients.logs.list_tags_for_resource().set_resource_arn(arn);
    let tagged = clients.call(Operation::ListTagsOfLogGroup, &object, request.send()).await?;
    let found = Observed {
        retention_days: group.retention_in_days(),
        tags: tagged.tags.unwrap_or_default().into_iter().collect(),
    };
    Ok((Seen::Present(found), has_other))
}

/// Makes the one call that the action is named after.
pub async fn apply(clients: &Clients, action: &Action) -> Result<Answer, Error> {
    let (logs, object) = (&clients.logs, format!("log group {}", action.log_group()));
    match action {
        Action::CreateLogGroup(want) => {
            let tags: HashMap<String, String> = want.tags.clone().into_iter().collect();
            let request = logs.create_log_group().log_group_name(&want.name).set_tags(Some(tags));
            drop(clients.call(Operation::CreateLogGroup, &object, request.send()).await?);
        }
        Action::PutRetentionPolicy { name, retention_days, .. } => {
            let request = logs.put_retention_policy().log_group_name(name).retention_in_days(*retention_days);
            drop(clients.call(Operation::PutRetentionPolicy, &object, request.send()).await?);
        }
        Action::TagResource { arn, tags, .. } => {
            let tags: HashMap<String, String> = tags.clone().into_iter().collect();
            let request = logs.tag_resource().resource_arn(arn.as_str()).set_tags(Some(tags));
            drop(clients.call(Operation::TagLogGroup, &object, request.send()).await?);
        }
        Action::UntagResource { arn, keys, .. } => {
            let request = logs.untag_resource().resource_arn(arn.as_str());
            let request = request.set_tag_keys(Some(keys.iter().cloned().collect()));
            drop(clients.call(Operation::UntagLogGroup, &object, request.send()).await?);
        }
        Action::DeleteLogGroup { name } => {
            let request = logs.delete_log_group().log_group_name(name);
            drop(clients.call(Operation::DeleteLogGroup, &object, request.send()).await?);
        }
    }
    Ok(Answer::Done)
}
