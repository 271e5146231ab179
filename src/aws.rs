//! AWS: reads and writes, a call each. Nothing is decided here.

#[cfg(test)]
mod answers;
mod clients;
mod error;
mod executions;
mod fenced;
mod kinds;
mod sdk;

use std::future::Future;

use sfe_core::action::Action;
use sfe_core::api::{ExecutionStatus, StateMachineType};
use sfe_core::arn::Arn;
use sfe_core::executions::Source;
use sfe_core::observed::{Answer, Fact, Read};
use sfe_core::owner::{Owner, Site};

pub use clients::Calls;
pub use error::{Class, Error};
pub use sdk::SdkAws;

/// What the operator does with AWS. One implementation calls it; tests have others.
pub trait Aws: Send + Sync + 'static {
    /// Reads one object, or one list of them.
    fn read(&self, site: &Site, owner: &Owner, read: &Read) -> impl Future<Output = Result<Fact, Error>> + Send;

    /// Makes the one call that the action is named after.
    fn apply(&self, site: &Site, action: &Action) -> impl Future<Output = Result<Answer, Error>> + Send;

    /// The type of an existing state machine; none if there is no such state machine.
    fn state_machine_type(&self, arn: &Arn) -> impl Future<Output = Result<Option<StateMachineType>, Error>> + Send;

    /// The newest executions.
    fn executions(
        &self,
        site: &Site,
        source: &Source,
    ) -> impl Future<Output = Result<Vec<ExecutionStatus>, Error>> + Send;
}
