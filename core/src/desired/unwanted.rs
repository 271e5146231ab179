//! A deletion: what becomes of the AWS objects of ours.

use crate::api::StepFunctionEndpoint;

use super::{Desired, Host, Settings, made_at, owner};

/// What becomes of the AWS objects of ours once nothing is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unwanted {
    /// They are deleted.
    Deleted,
    /// They stay as they are, tags included, and are not even read.
    Left,
}

/// What the deletion of an object converges to.
pub fn deleted(object: &StepFunctionEndpoint, settings: &Settings, host: Option<Host>) -> Desired {
    let nothing = Desired::nothing(owner(object, settings), made_at(object, settings), host);
    let unwanted = if object.is_observed_only() { Unwanted::Left } else { Unwanted::Deleted };
    Desired { unwanted, ..nothing }
}
