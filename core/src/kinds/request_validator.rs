//! The request validator: one an API, for body and parameters; a method without a model has its parameters checked alone. It is
//! created before and deleted after every model of ours, so that models need reading only where there is a validator.

use crate::change::Changes;
use crate::next::Next;

/// The name of ours.
pub const NAME: &str = "sfe-body-and-parameters";

/// The validator as it was read, if there is one.
pub type Observed = Option<RequestValidator>;

/// The validator as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestValidator {
    /// Its id.
    pub id: String,
    /// Whether it checks bodies.
    pub validate_request_body: bool,
    /// Whether it checks parameters.
    pub validate_request_parameters: bool,
}

/// One API Gateway call.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Creates it.
    CreateRequestValidator { rest_api_id: String },
    /// Makes it check both again.
    UpdateRequestValidator { rest_api_id: String, id: String, changes: Changes },
    /// Deletes it, once no method uses it.
    DeleteRequestValidator { rest_api_id: String, id: String },
}

/// What is next; `in_use` says whether a method or a model of ours is still there.
pub fn next(rest_api_id: &str, wanted: bool, found: &Observed, in_use: bool) -> Next<Action> {
    let rest_api_id = rest_api_id.to_owned();
    match found {
        None if wanted => Next::act(Action::CreateRequestValidator { rest_api_id }),
        Some(found) if wanted => Next::update(diff(found), |changes| Action::UpdateRequestValidator {
            rest_api_id,
            id: found.id.clone(),
            changes,
        }),
        Some(found) if !in_use => Next::act(Action::DeleteRequestValidator { rest_api_id, id: found.id.clone() }),
        None | Some(_) => Next::nothing(),
    }
}

fn diff(found: &RequestValidator) -> Changes {
    Changes::none().at("validateRequestBody", &found.validate_request_body, &true).at(
        "validateRequestParameters",
        &found.validate_request_parameters,
        &true,
    )
}

/// Folds an action that AWS confirmed; `id` is what a create answered.
pub fn fold(found: &mut Observed, action: &Action, id: Option<String>) {
    *found = match (action, id) {
        (Action::CreateRequestValidator { .. }, None) | (Action::DeleteRequestValidator { .. }, _) => None,
        (Action::CreateRequestValidator { .. }, Some(id)) => Some(both(id)),
        (Action::UpdateRequestValidator { id, .. }, _) => Some(both(id.clone())),
    };
}

fn both(id: String) -> RequestValidator {
    RequestValidator { id, validate_request_body: true, validate_request_parameters: true }
}
