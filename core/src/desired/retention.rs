//! How long a log group of ours keeps what is written to it.

use crate::mistakes::{FieldPath, Mistakes};

/// How many days a log is kept without `retentionDays`.
pub const DAYS: i32 = 30;
/// The periods that CloudWatch Logs offers, in days. Source: API reference, PutRetentionPolicy.
const DAYS_ALLOWED: [i32; 22] =
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

/// The days that `retentionDays` of the object at `at` says; none after a mistake.
pub fn parse(said: Option<i32>, at: &FieldPath, mistakes: &mut Mistakes) -> Option<i32> {
    let days = said.unwrap_or(DAYS);
    if DAYS_ALLOWED.contains(&days) {
        return Some(days);
    }
    let allowed: Vec<String> = DAYS_ALLOWED.iter().map(i32::to_string).collect();
    mistakes.add(at.field("retentionDays"), days, format!("allowed are {}", allowed.join(", ")));
    None
}
