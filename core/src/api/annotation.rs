//! What a person says of an object as a whole: whether it may be read and written, and when.

use crate::change::cut;

use super::{DeletionPolicy, ManagementPolicy, StepFunctionEndpoint};

/// A new value makes the operator look at all of AWS at once; `status.lastHandledReconcileAt` answers it.
pub const REQUESTED_AT: &str = "sfe.dev/requestedAt";
/// `true` takes over same-named AWS objects that have no owner, once the status has told what that changes.
pub const ADOPT: &str = "sfe.dev/adopt";
/// The most of an annotation's value that the status repeats, in characters.
const REPEATED_MAX: usize = 128;

impl StepFunctionEndpoint {
    /// Whether nothing is to be read or written in AWS. A deletion ends the suspension: what is to go must not stay for ever.
    pub fn is_suspended(&self) -> bool {
        self.spec.suspend == Some(true) && self.metadata.deletion_timestamp.is_none()
    }

    /// Whether nothing may be written to AWS, and differences are told alone.
    pub fn is_observed_only(&self) -> bool {
        self.spec.management_policy == Some(ManagementPolicy::Observe)
    }

    /// Whether a deletion leaves the AWS objects as they are.
    pub fn is_retained(&self) -> bool {
        self.spec.deletion_policy == Some(DeletionPolicy::Retain) || self.is_observed_only()
    }

    /// Why nothing is written for it, if that is so.
    pub fn why_idle(&self) -> Option<&'static str> {
        if self.is_suspended() {
            Some("it is suspended")
        } else if self.is_observed_only() {
            Some("it observes only")
        } else {
            None
        }
    }

    /// Whether same-named AWS objects without an owner are taken over; or the value that says neither.
    pub fn adopts(&self) -> Result<bool, &str> {
        match self.metadata.annotations.as_ref().and_then(|annotations| annotations.get(ADOPT)).map(String::as_str) {
            Some("true") => Ok(true),
            Some("false") | None => Ok(false),
            Some(other) => Err(other),
        }
    }

    /// The value of `sfe.dev/requestedAt`, cut to what the status repeats of it.
    pub fn requested_at(&self) -> Option<String> {
        let value = self.metadata.annotations.as_ref()?.get(REQUESTED_AT)?;
        Some(cut(value, REPEATED_MAX))
    }

    /// Whether a look was asked for that the status doesn't answer yet.
    pub fn is_look_requested(&self) -> bool {
        let requested = self.requested_at();
        let handled = self.status.as_ref().and_then(|status| status.last_handled_reconcile_at.clone());
        requested.is_some() && requested != handled
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn object(value: &Value) -> StepFunctionEndpoint {
        serde_json::from_value(with(value)).unwrap()
    }

    fn with(metadata_and_status: &Value) -> Value {
        let mut object = json!({
            "apiVersion": "sfe.dev/v1alpha1", "kind": "StepFunctionEndpoint", "metadata": { "name": "a" },
            "spec": { "stateMachine": {}, "routes": [], "suspend": true },
        });
        for (key, value) in metadata_and_status.as_object().unwrap() {
            object[key] = value.clone();
        }
        object
    }

    #[rstest]
    #[case::never_asked(json!({}), false)]
    #[case::asked(json!({ "metadata": { "annotations": { "sfe.dev/requestedAt": "1" } } }), true)]
    #[case::answered(json!({ "metadata": { "annotations": { "sfe.dev/requestedAt": "1" } }, "status": { "lastHandledReconcileAt": "1" } }), false)]
    #[case::asked_again(json!({ "metadata": { "annotations": { "sfe.dev/requestedAt": "2" } }, "status": { "lastHandledReconcileAt": "1" } }), true)]
    #[case::no_longer_asked(json!({ "status": { "lastHandledReconcileAt": "1" } }), false)]
    fn a_new_value_asks_for_a_look(#[case] said: Value, #[case] requested: bool) {
        assert_eq!(object(&said).is_look_requested(), requested);
    }

    #[test]
    fn a_long_value_is_answered_as_it_is_repeated() {
        let said = json!({ "metadata": { "annotations": { "sfe.dev/requestedAt": "x".repeat(300) } } });
        let mut asked = object(&said);
        asked.status.get_or_insert_default().last_handled_reconcile_at = asked.requested_at();
        assert!(!asked.is_look_requested());
        assert_eq!(asked.requested_at().unwrap().chars().count(), REPEATED_MAX + 1);
    }

    #[test]
    fn a_deletion_ends_the_suspension() {
        assert!(object(&json!({})).is_suspended());
        let deleted = json!({ "metadata": { "deletionTimestamp": "2027-01-15T08:00:00Z" } });
        assert!(!object(&deleted).is_suspended());
    }
}
