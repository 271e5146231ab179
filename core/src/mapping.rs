//! The translation of a typed route into the mapping templates of API Gateway.
//!
//! Invariants, whatever a client sends and a service answers:
//! - A request's values reach the execution as they are, or the request is refused with a 4xx. None of them can add or change a
//!   member of the call.
//! - A required value that slipped past API Gateway's validator makes the call `{}`, which Step Functions refuses with 400.
//! - Whatever a manifest says is data: no template holds a `$` or `#` that we did not write (`vtl`), but for templates that a manifest
//!   writes itself, which stay in their place (`raw`).
//! - Every answer that is to be JSON is valid JSON, unless the manifest's own template prints it. The status is overridden once, at the end.
//! - A client never sends an ARN and never sees the text of an error of AWS, which holds ARNs.
//!
//! How templates behave, and where that was measured: Apache Velocity 1.7 with Jayway JsonPath, which is what API Gateway is
//! built like.

mod choice;
mod content;
mod cors;
mod document;
mod envelope;
mod failure;
mod fields;
mod glob;
mod header;
mod json;
mod member;
mod model;
mod name;
mod object;
mod output;
mod part;
mod raw;
mod read;
#[cfg(test)]
mod readings;
mod reads;
#[cfg(test)]
mod refused;
#[cfg(test)]
mod replies;
mod reply;
mod request;
mod schema;
mod source;
mod success;
#[cfg(test)]
mod tests;
mod vtl;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

pub use self::cors::{Cors, is_of_cors};
pub use self::header::{HeaderName, MediaType};
use self::json::Json;
use crate::api::{Route, StepFunctionsAction};
use crate::arn::Arn;
use crate::mistakes::{FieldPath, Mistakes};

pub use choice::chosen;
pub use source::{path_parameter, path_parameters};

/// The most that AWS takes as one template, in bytes. Source: API Gateway quotas, "Mapping template size", 300 KB.
const TEMPLATE_BYTES_MAX: usize = 300_000;

/// The call that a route makes.
pub struct Call<'a> {
    /// The route's action, else the default of the state machine's type.
    pub action: StepFunctionsAction,
    /// The state machine, or one of its aliases or versions.
    pub state_machine: &'a Arn,
    /// The route's path.
    pub path: &'a str,
    /// The content types whose bodies are bytes.
    pub binary_media_types: &'a BTreeSet<String>,
}

/// How a request becomes the body of the call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// The integration's request templates by content type. Any other content type is refused with 415.
    pub templates: BTreeMap<String, String>,
    /// What the request validator must require, such as `method.request.querystring.q`.
    pub required_parameters: BTreeSet<String>,
    /// The names of the path's parameters that are read, each of which the route's path has.
    pub path_parameters: BTreeSet<String>,
    /// The JSON schemas (draft 4) that the request validator must check bodies with, by content type, where values of it are read.
    pub models: BTreeMap<String, serde_json::Value>,
}

/// The template and status of one integration response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status that the integration response names; the template may override it.
    pub status: u16,
    /// The response template for `application/json`.
    pub template: String,
}

/// The two integration responses of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Responses {
    /// For what the service answers with 2xx: its selection pattern is `2\d{2}`.
    pub success: Response,
    /// The default, without a pattern: everything else that the service answers.
    pub failure: Response,
}

/// The templates of a route's requests; `at` is the route's field path, such as `spec.routes[2]`. Whatever can't be translated adds
/// a mistake at its own path; then `None`.
pub fn request(route: &Route, call: &Call, at: &FieldPath, mistakes: &mut Mistakes) -> Option<Request> {
    request::request(route, call, at, mistakes)
}

/// The templates of a route's responses; `at` is the route's field path, such as `spec.routes[2]`. Whatever can't be translated
/// adds a mistake at its own path; then `None`.
pub fn responses(route: &Route, call: &Call, at: &FieldPath, mistakes: &mut Mistakes) -> Option<Responses> {
    let said = route.responses.clone().unwrap_or_default();
    let at = at.field("responses");
    let success = success::success(&said, call, &at, mistakes);
    let failure = failure::failure(&said, call, route.execution_name.as_ref(), &at, mistakes);
    Some(Responses { success: success?, failure: failure? })
}

/// The text of a body that is one JSON document, of which nothing but text is read as anything else; `at` is the body's field path.
pub fn constant_body(
    constant: Option<&Value>,
    constant_json: Option<&String>,
    at: &FieldPath,
    mistakes: &mut Mistakes,
) -> Option<String> {
    match (constant, constant_json) {
        (Some(value), None) => Some(Json::of(value).without_velocity()),
        (None, Some(text)) => {
            mistakes.take(at.field("constantJson"), text, Json::parse(text)).map(|json| json.without_velocity())
        }
        (Some(_), Some(_)) | (None, None) => {
            mistakes.add(at.clone(), "", "exactly one of constant, constantJson and text is required");
            None
        }
    }
}

/// The template, unless AWS would refuse it for its size.
pub fn bounded(template: String, at: &FieldPath, mistakes: &mut Mistakes) -> Option<String> {
    if template.len() <= TEMPLATE_BYTES_MAX {
        return Some(template);
    }
    let found = format!("a template of {} bytes", template.len());
    mistakes.add(at.clone(), found, format!("at most {TEMPLATE_BYTES_MAX} bytes, as AWS limits a template"));
    None
}

/// Whether the client names the execution that the action is about.
fn names_execution(action: StepFunctionsAction) -> bool {
    match action {
        StepFunctionsAction::DescribeExecution
        | StepFunctionsAction::StopExecution
        | StepFunctionsAction::GetExecutionHistory
        | StepFunctionsAction::RedriveExecution => true,
        StepFunctionsAction::StartExecution
        | StepFunctionsAction::StartSyncExecution
        | StepFunctionsAction::ListExecutions
        | StepFunctionsAction::SendTaskSuccess
        | StepFunctionsAction::SendTaskFailure
        | StepFunctionsAction::SendTaskHeartbeat => false,
    }
}
