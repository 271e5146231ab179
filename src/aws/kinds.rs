//! The AWS kinds: reads and writes of the kinds of the same names in core. One arm a variant, one SDK call an arm.

use std::collections::BTreeSet;

use sfe_core::operation::Operation;

use super::clients::Clients;
use super::error::Error;

pub mod account;
pub mod api_key;
pub mod authorizer;
pub mod deployment;
pub mod gateway_response;
pub mod log_group;
pub mod method;
pub mod model;
pub mod request_validator;
pub mod resource;
pub mod rest_api;
pub mod role;
pub mod stage;
pub mod state_machine;
pub mod usage_plan;

/// The most pages that are read of one list: 20 of 500 are far beyond any quota.
const PAGES_MAX: usize = 20;
/// The most that API Gateway answers in one page.
const PAGE: i32 = 500;

/// Takes tags off an object of API Gateway's, whatever its kind.
async fn untag(clients: &Clients, arn: &str, keys: &BTreeSet<String>, object: &str) -> Result<(), Error> {
    let request = clients.apigateway.untag_resource().resource_arn(arn);
    let request = request.set_tag_keys(Some(keys.iter().cloned().collect()));
    clients.call(Operation::UntagApiGateway, object, request.send()).await.map(drop)
}
