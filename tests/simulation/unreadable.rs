//! Answers that can't be read: an endpoint that meets them again and again says so by the condition Stalled.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use sfe::aws::Error;

use crate::promises::Kept;

/// So many in a row of one call are too many while the status is not Stalled. The operator's own bound is 5; a few more pass while its status
/// can't be written.
const ROW_MAX: usize = 12;

/// What is known of such answers. Its clones share it.
#[derive(Clone, Default)]
pub struct Unreadable(Arc<Mutex<Rows>>);

#[derive(Default)]
struct Rows {
    /// How many in a row, by process, endpoint and call.
    rows: BTreeMap<(String, String, String), usize>,
    /// The endpoints whose status says Stalled.
    stalled: BTreeSet<String>,
    broken: Option<String>,
}

impl Unreadable {
    /// Counts an answer to a call that this process makes for an endpoint.
    pub fn count<T>(&self, process: &str, endpoint: &str, call: String, answer: &Result<T, Error>) {
        let mut rows = self.0.lock().unwrap();
        let key = (process.to_owned(), endpoint.to_owned(), call);
        match answer {
            Ok(_) => drop(rows.rows.remove(&key)),
            Err(error) if error.class == sfe::aws::Class::Unreadable => {
                let row = rows.rows.entry(key.clone()).or_default();
                *row += 1;
                if *row > ROW_MAX && !rows.stalled.contains(endpoint) {
                    let told = format!("{endpoint} is not Stalled after {ROW_MAX} unreadable answers to {}", key.2);
                    rows.broken.get_or_insert(told);
                }
            }
            Err(_) => {}
        }
    }

    /// Notes whether the status of an endpoint says Stalled. One that says so no more begins anew.
    pub fn note_status(&self, endpoint: &str, is_stalled: bool) {
        let mut rows = self.0.lock().unwrap();
        if is_stalled {
            rows.stalled.insert(endpoint.to_owned());
        } else if rows.stalled.remove(endpoint) {
            rows.rows.retain(|(_, of, _), _| of != endpoint);
        }
    }

    /// Fails if an endpoint met too many.
    pub fn check(&self) -> Kept {
        self.0.lock().unwrap().broken.clone().map_or(Ok(()), Err)
    }
}
