//! The AWS kinds, a file each with the same items in the same order: Desired, Observed, Action, next, diff, fold. The file of the
//! same name on the other side of the wall reads and writes it.

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
