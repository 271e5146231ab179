//! What API Gateway holds of the account as a whole.

use aws_sdk_apigateway::types::{Op, PatchOperation};
use sfe_core::kinds::account::{Action, Observed};
use sfe_core::observed::Answer;
use sfe_core::operation::Operation;

use super::super::clients::Clients;
use super::super::error::Error;

/// As errors name it.
const OBJECT: &str = "account settings of API Gateway";

/// The account's settings in this Region.
pub async fn observe(clients: &Clients) -> Result<Observed, Error> {
    let request = clients.apigateway.get_account();
    let answer = clients.call(Operation::GetAccount, OBJECT, request.send()).await?;
    let role = answer.cloudwatch_role_arn().filter(|arn| !arn.is_empty());
    Ok(Observed { cloudwatch_role_arn: role.map(str::to_owned) })
}

/// Makes the one call that the action is named after.
pub async fn apply(clients: &Clients, action: &Action) -> Result<Answer, Error> {
    let Action::UpdateAccount { cloudwatch_role_arn } = action;
    let patch =
        PatchOperation::builder().op(Op::Replace).path("/cloudwatchRoleArn").value(cloudwatch_role_arn.as_str());
    let request = clients.apigateway.update_account().patch_operations(patch.build());
    drop(clients.call(Operation::UpdateAccount, OBJECT, request.send()).await?);
    Ok(Answer::Done)
}
