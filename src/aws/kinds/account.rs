//! What API Gateway holds of the account as a whole.

use sfe_core::kinds::account::Observed;
use sfe_core::operation::Operation;

use super::super::clients::Clients;
use super::super::error::Error;

/// The account's settings in this Region.
pub async fn observe(clients: &Clients) -> Result<Observed, Error> {
    let request = clients.apigateway.get_account();
    let answer = clients.call(Operation::GetAccount, "API Gateway's account settings", request.send()).await?;
    let role = answer.cloudwatch_role_arn().filter(|arn| !arn.is_empty());
    Ok(Observed { cloudwatch_role_arn: role.map(str::to_owned) })
}
