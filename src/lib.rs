//! Does what the deciding crate decides: reads and writes AWS, watches and writes the cluster.
//!
//! - Nothing here decides: what is read and written follows from `sfe_core`.
//! - Every AWS call goes through one place, which counts it.
//! - No payload and no secret reaches a log, an Event or a status.

pub mod aws;
pub mod cli;
pub mod controller;
pub mod fence;
pub mod telemetry;
