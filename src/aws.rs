//! AWS: reads and writes, a call each. Nothing is decided here.

#[cfg(test)]
mod answers;
mod caller;
mod clients;
mod error;
mod executions;
mod fenced;
mod gate;
mod kinds;
mod limiter;
mod nulls;
mod sdk;

use std::future::Future;

use jiff::Timestamp;
use sfe_core::action::Action;
use sfe_core::api::{ExecutionStatus, StateMachineType};
use sfe_core::arn::Arn;
use sfe_core::executions::Source;
use sfe_core::observed::{Answer, Fact, Read};
use sfe_core::owner::{Owner, Site};

pub use caller::{Caller, Errand, Turn, Urgency};
pub use clients::Calls;
#[cfg(test)]
pub use clients::Uncounted;
pub use error::{CREDENTIALS_HINT, Class, Error, UNREADABLE_HINT};
pub use limiter::{Chosen, Limiter, Place, Rates, Share};
pub use sdk::SdkAws;

/// What the operator does with AWS. One implementation calls it; tests have others.
pub trait Aws: Send + Sync + 'static {
    /// Reads one object, or one list of them.
    fn read(
        &self,
        caller: &Caller,
        site: &Site,
        owner: &Owner,
        read: &Read,
    ) -> impl Future<Output = Result<Fact, Error>> + Send;

    /// Makes the one call that the action is named after.
    fn apply(
        &self,
        caller: &Caller,
        site: &Site,
        action: &Action,
    ) -> impl Future<Output = Result<Answer, Error>> + Send;

    /// The type of an existing state machine; none if there is no such state machine.
    fn state_machine_type(
        &self,
        caller: &Caller,
        arn: &Arn,
    ) -> impl Future<Output = Result<Option<StateMachineType>, Error>> + Send;

    /// The newest executions.
    fn executions(
        &self,
        caller: &Caller,
        site: &Site,
        source: &Source,
    ) -> impl Future<Output = Result<Vec<ExecutionStatus>, Error>> + Send;

    /// Whether it is a pass's turn for what it must not wait for in place. Where nothing is limited it always is.
    fn turn(&self, _caller: &Caller, _site: &Site, _errand: Errand, _now: Timestamp) -> Turn {
        Turn::Now
    }

    /// Gives up every turn and every place of a caller.
    fn leave(&self, _caller: &Caller) {}

    /// From now on no call starts, and those that wait for their turn fail.
    fn stop(&self) {}
}
