//! How executions are recorded.

use jiff::SignedDuration;

use crate::api;
use crate::mistakes::{FieldPath, Mistakes};

/// `executions.interval` without one.
const INTERVAL: SignedDuration = SignedDuration::from_secs(60);
/// `executions.keep` without one.
const KEEP: u32 = 10;
/// The most that `executions.keep` allows: the status stays under 16 KiB.
const KEEP_MAX: u32 = 25;

/// How executions are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Executions {
    /// How many of the newest are kept, 0 to 25.
    pub keep: u32,
    /// How often is looked, 1 second to 1 hour.
    pub interval: SignedDuration,
}

impl Executions {
    /// None is kept.
    pub fn none() -> Self {
        Self { keep: 0, interval: INTERVAL }
    }
}

/// How executions are recorded, or a mistake.
pub fn parse(spec: Option<&api::Executions>, at: &FieldPath, mistakes: &mut Mistakes) -> Option<Executions> {
    let keep = spec.and_then(|spec| spec.keep).unwrap_or(KEEP);
    if keep > KEEP_MAX {
        mistakes.add(at.field("keep"), keep, format!("allowed are 0 to {KEEP_MAX}"));
    }
    let interval = match spec.and_then(|spec| spec.interval.as_deref()) {
        None => Some(INTERVAL),
        Some(text) => mistakes.take(at.field("interval"), text, parse_interval(text)),
    };
    Some(Executions { keep, interval: interval? })
}

/// `90s`, `5m`, `1h` or several of them, together 1 second to 1 hour.
fn parse_interval(text: &str) -> Result<SignedDuration, String> {
    let allowed = || "allowed are 1s to 1h, such as 30s or 5m".to_owned();
    let (mut seconds, mut digits) = (0_i64, String::new());
    for c in text.chars() {
        let unit = match c {
            '0'..='9' => {
                digits.push(c);
                continue;
            }
            's' => 1,
            'm' => 60,
            'h' => 3600,
            _ => return Err(allowed()),
        };
        let count: i64 = digits.parse().map_err(|_| allowed())?;
        seconds = count.checked_mul(unit).and_then(|more| seconds.checked_add(more)).ok_or_else(allowed)?;
        digits.clear();
    }
    if digits.is_empty() && (1..=3600).contains(&seconds) {
        Ok(SignedDuration::from_secs(seconds))
    } else {
        Err(allowed())
    }
}
