//! The label by which a host selects the namespace of the last object: it goes and comes back, at moments of their own.

use fastrand::Rng;
use serde_json::{Value, json};

use crate::life::{Life, NAMES, Step, What};
use crate::time::SECOND;

/// Of the namespace that is selected.
pub const LABEL: (&str, &str) = ("routes", "allowed");

/// Whom a host lets.
pub fn allowed_routes() -> Value {
    json!({ "namespaces": { "from": "Selector", "selector": { "matchLabels": { LABEL.0: LABEL.1 } } } })
}

/// Takes the label away and brings it back, in half of the lives in which a guest of another namespace comes. At last it is there.
pub fn come_and_go(life: &mut Life) {
    let rng = &mut Rng::with_seed(life.seed ^ 0x1ABE1);
    let is_guest = |step: &Step| match &step.what {
        What::Apply(name, spec) | What::Recreate(name, spec) => {
            *name == NAMES[2] && !spec["api"]["endpointRef"].is_null()
        }
        _ => false,
    };
    if !life.steps.iter().any(is_guest) || rng.bool() {
        return;
    }
    let goes = rng.usize(..=life.steps.len());
    life.steps.insert(goes, Step { after: rng.i64(0..90 * SECOND), what: What::Label(false) });
    let comes = rng.usize(goes + 1..=life.steps.len());
    life.steps.insert(comes, Step { after: rng.i64(0..90 * SECOND), what: What::Label(true) });
}

/// Whether the label is there at last.
pub fn is_there(steps: &[Step]) -> bool {
    let last = steps.iter().rev().find_map(|step| match step.what {
        What::Label(is_there) => Some(is_there),
        _ => None,
    });
    last.unwrap_or(true)
}
