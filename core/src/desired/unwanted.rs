//! A deletion: what becomes of the AWS objects of ours.

use crate::api::StepFunctionEndpoint;

use super::{Desired, Host, Settings, keys, made_at, others, owner};

/// What becomes of the AWS objects of ours once nothing is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unwanted {
    /// They are deleted.
    Deleted,
    /// They stay as they are but for our tags, so that nothing takes them for ours later.
    Released,
    /// They stay as they are, tags included, and are not even read.
    Left,
}

/// What the deletion of an object converges to.
pub fn deleted(object: &StepFunctionEndpoint, settings: &Settings, host: Option<Host>) -> Desired {
    let nothing = Desired::nothing(owner(object, settings), made_at(object, settings), host);
    let unwanted = match (object.is_observed_only(), object.is_retained()) {
        (true, _) => Unwanted::Left,
        (false, true) => Unwanted::Released,
        (false, false) => Unwanted::Deleted,
    };
    let (leaves, may_have_keys) = (others::named(object, &[], settings), keys::may_exist(object));
    Desired { unwanted, leaves, may_have_keys, ..nothing }
}
