//! Logs, metrics and health.

mod health;
mod logs;
mod metrics;

pub use health::{Health, serve};
pub use logs::{LogFormat, init};
pub use metrics::Metrics;
