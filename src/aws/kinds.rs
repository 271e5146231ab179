//! The AWS kinds: reads and writes of the kinds of the same names in core. One arm a variant, one SDK call an arm.

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
