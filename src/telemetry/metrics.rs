//! Metrics in the format of Prometheus.

use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text::encode};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use sfe_core::operation::Operation;

use crate::aws::Calls;

/// All metrics of the operator.
pub struct Metrics {
    registry: Registry,
    calls: Family<Call, Counter>,
    seconds: Family<ByOperation, Histogram>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Call {
    operation: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByOperation {
    operation: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("sfe");
        let calls = Family::<Call, Counter>::default();
        registry.register("aws_calls", "AWS calls by operation and result", calls.clone());
        let buckets = || Histogram::new(exponential_buckets(0.005, 2.0, 12));
        let seconds = Family::<ByOperation, Histogram>::new_with_constructor(buckets);
        registry.register_with_unit("aws_call", "How long AWS calls took", Unit::Seconds, seconds.clone());
        Self { registry, calls, seconds }
    }
}

impl Metrics {
    /// The text that Prometheus reads.
    pub fn text(&self) -> String {
        let mut text = String::new();
        match encode(&mut text, &self.registry) {
            Ok(()) => text,
            Err(_) => String::new(), // writing to a String does not fail
        }
    }
}

impl Calls for Metrics {
    fn ended(&self, operation: Operation, took: Duration, failed: bool) {
        let (operation, result) = (operation.name(), if failed { "failed" } else { "ok" });
        self.calls.get_or_create(&Call { operation, result }).inc();
        self.seconds.get_or_create(&ByOperation { operation }).observe(took.as_secs_f64());
    }
}
