//! Decides what the StepFunctionEndpoint operator does, and does nothing itself.
//!
//! - Everything here is a function of its arguments: no I/O, no clock, no randomness, no AWS SDK, no cluster client. The time is an argument.
//! - `desired` either finds every mistake of a manifest or returns a value after which nothing can fail for the manifest's sake.
//! - What is observed is Unknown, Absent or Present; on Unknown nothing is created, deleted or reported.
//! - `endpoint::next` derives the next actions from what is desired and observed alone: any state is a valid start, there is no program counter.
//! - One `Action` is one AWS write. Nothing is changed or deleted that does not carry the owner's three tags, or stand on an API that does; the
//!   tags are put on what nobody owns only where the manifest asks for that, and the status has told what it changes.

pub mod action;
pub mod api;
pub mod arn;
pub mod change;
pub mod claim;
pub mod definition;
pub mod desired;
pub mod drift;
pub mod endpoint;
pub mod executions;
pub mod kinds;
pub mod limits;
pub mod mapping;
pub mod mistakes;
pub mod next;
pub mod observed;
pub mod operation;
pub mod outcome;
pub mod owner;
pub mod policy;
pub mod predict;
pub mod publish;
pub mod reason;
pub mod recall;
pub mod request_id;
pub mod status;
pub mod tags;
