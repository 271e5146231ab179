//! Gateway responses: what API Gateway answers by itself, such as where there is no route. They have no tags, and every API answers to all of
//! their types. A model marks an API that may have some of ours: it is made before the first and goes after the last, so that they are read
//! only where there is one.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use crate::change::Changes;
use crate::next::Next;

/// Each that is customized, by its type.
pub type Desired = BTreeMap<String, GatewayResponse>;

/// Each that is customized, by its type; not AWS's own.
pub type Observed = BTreeMap<String, GatewayResponse>;

/// What is answered. The same type is desired and observed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GatewayResponse {
    /// The HTTP status; none where that of each error stays.
    pub status: Option<String>,
    /// Headers, such as `gatewayresponse.header.Retry-After` to `'1'`.
    pub parameters: BTreeMap<String, String>,
    /// Bodies by media type.
    pub templates: BTreeMap<String, String>,
}

/// One API Gateway call.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Writes the whole of one.
    PutGatewayResponse { rest_api_id: String, type_: String, to: GatewayResponse, changes: Changes },
    /// Brings back AWS's own.
    DeleteGatewayResponse { rest_api_id: String, type_: String },
}

impl Action {
    /// The response's type.
    pub fn type_(&self) -> &str {
        match self {
            Self::PutGatewayResponse { type_, .. } | Self::DeleteGatewayResponse { type_, .. } => type_,
        }
    }
}

/// The name of the model that marks an API with gateway responses of ours. No other model has it: theirs end with a hash.
pub const MARKER: &str = "sfe0gatewayresponses";

/// The schema of that model, which no method uses.
pub fn marker() -> Value {
    json!({ "$schema": "http://json-schema.org/draft-04/schema#", "type": "object" })
}

/// What is next; on an API that is ours each of them is.
pub fn next(rest_api_id: &str, want: &Desired, found: &Observed) -> Next<Action> {
    let mut next = Next::nothing();
    for (type_, to) in want {
        let changes = diff(to, found.get(type_));
        next.and(Next::update(changes, |changes| Action::PutGatewayResponse {
            rest_api_id: rest_api_id.to_owned(),
            type_: type_.clone(),
            to: to.clone(),
            changes,
        }));
    }
    for type_ in found.keys().filter(|type_| !want.contains_key(*type_)) {
        let (rest_api_id, type_) = (rest_api_id.to_owned(), type_.clone());
        next.and(Next::act(Action::DeleteGatewayResponse { rest_api_id, type_ }));
    }
    next
}

fn diff(want: &GatewayResponse, found: Option<&GatewayResponse>) -> Changes {
    let GatewayResponse { status, parameters, templates } = want;
    let found = found.cloned().unwrap_or_else(|| GatewayResponse {
        status: None,
        parameters: BTreeMap::new(),
        templates: BTreeMap::new(),
    });
    Changes::none().at("statusCode", &found.status, status).at("responseParameters", &found.parameters, parameters).at(
        "responseTemplates",
        &found.templates,
        templates,
    )
}

/// Folds an action that AWS confirmed.
pub fn fold(found: &mut Observed, action: &Action) {
    match action {
        Action::PutGatewayResponse { type_, to, .. } => {
            found.insert(type_.clone(), to.clone());
        }
        Action::DeleteGatewayResponse { type_, .. } => {
            found.remove(type_);
        }
    }
}
