//! Turns: what a pass must not wait for in place it asks for, goes without it, and comes back. Its place is kept until then.

#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};
use sfe_core::api::StepFunctionEndpoint;
use sfe_core::next::{Next, Until, Waiting};
use sfe_core::observed::Observed;
use sfe_core::operation::Operation;
use sfe_core::owner::Site;

use crate::aws::{Aws, Caller, Errand, Turn, Urgency};

use super::cluster::caller;

/// A call whose turn has not come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Awaited {
    /// For whom.
    caller: Caller,
    /// The call.
    operation: Operation,
    /// What would be written.
    object: String,
    /// How many were before it.
    ahead: usize,
    /// When to ask again.
    at: Timestamp,
    /// How long it is expected to take.
    wait: SignedDuration,
}

impl Awaited {
    /// Asks for the turn of a call; none where it has come.
    pub fn ask<A: Aws>(
        aws: &A,
        caller: &Caller,
        site: &Site,
        operation: Operation,
        object: &str,
        now: Timestamp,
    ) -> Option<Self> {
        match aws.turn(caller, site, Errand::Call(operation), now) {
            Turn::Now => None,
            Turn::Later { ahead, at, ready_at } => {
                let (caller, object, wait) = (caller.clone(), object.to_owned(), now.duration_until(ready_at));
                Some(Self { caller, operation, object, ahead, at, wait })
            }
        }
    }

    /// Asks again.
    pub fn ask_again<A: Aws>(&self, aws: &A, site: &Site, now: Timestamp) -> Option<Self> {
        Self::ask(aws, &self.caller, site, self.operation, &self.object, now)
    }

    /// The call.
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// Tells it in what is left of a pass. What waits for something of this endpoint itself waits for this.
    pub fn tell<T>(&self, next: &mut Next<T>) {
        let (call, wait, ahead) = (self.operation.action(), about(self.wait), self.ahead);
        let why = format!("the operator's own rate limit allows {call} in {wait}, {ahead} ahead");
        let before = |wait: &Waiting| matches!(wait.until, Until::Time(_)) && wait.object == self.object;
        next.waiting.retain(|wait| wait.until != Until::Sibling && !before(wait));
        next.waiting.push(Waiting { object: self.object.clone(), why, until: Until::Time(self.at) });
    }
}

/// A wait as a person says it, coarse enough to stay the same for a while.
fn about(wait: SignedDuration) -> String {
    let seconds = wait.as_secs().max(1);
    match seconds {
        ..60 => format!("about {} s", (seconds + 4) / 5 * 5),
        60..3_600 => format!("about {} min", (seconds + 30) / 60),
        3_600.. => format!("about {} h", (seconds + 1_800) / 3_600),
    }
}

/// When a look for drift has its turn; none where that is now.
pub fn drift_check<A: Aws>(aws: &A, live: &StepFunctionEndpoint, site: &Site, now: Timestamp) -> Option<Timestamp> {
    match aws.turn(&caller(live, Urgency::Drift), site, Errand::DriftCheck, now) {
        Turn::Now => None,
        Turn::Later { at, .. } => Some(at),
    }
}

/// How urgent a call is. That a deleted endpoint stops serving is as urgent as what is new; what is left of it then is not.
pub fn urgency(live: &StepFunctionEndpoint, steady: bool, observed: &Observed) -> Urgency {
    let serves_nothing =
        observed.rest_api.is_absent() || observed.stages.present().is_some_and(|stages| stages.is_empty());
    match (&live.metadata.deletion_timestamp, steady) {
        (Some(_), _) if serves_nothing => Urgency::Delete,
        (None, true) => Urgency::Drift,
        (Some(_) | None, _) => Urgency::New,
    }
}
