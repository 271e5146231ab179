//! Metrics in the format of Prometheus.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text::encode};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use sfe_core::operation::Operation;

use crate::aws::Calls;

/// All metrics of the operator.
pub struct Metrics {
    registry: Registry,
    calls: Family<Call, Counter>,
    seconds: Family<ByOperation, Histogram>,
    waited: Family<ByOperation, Histogram>,
    waiting: Family<Lane, Gauge>,
    rate: Family<Lane, Gauge<f64, AtomicU64>>,
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

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Lane {
    operation: &'static str,
    region: String,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("sfe");
        let calls = Family::<Call, Counter>::default();
        registry.register("aws_calls", "AWS calls by operation and result", calls.clone());
        let buckets = || Histogram::new(exponential_buckets(0.005, 2.0, 12));
        let seconds = Family::<ByOperation, Histogram>::new_with_constructor(buckets);
        registry.register_with_unit("aws_call", "How long AWS calls took", Unit::Seconds, seconds.clone());
        let waits = || Histogram::new(exponential_buckets(0.05, 2.0, 14));
        let waited = Family::<ByOperation, Histogram>::new_with_constructor(waits);
        let help = "How long AWS calls waited for their turn that did not come at once";
        registry.register_with_unit("aws_call_wait", help, Unit::Seconds, waited.clone());
        let waiting = Family::<Lane, Gauge>::default();
        let help = "Calls, and endpoints between two passes, that wait for their turn by operation; apigateway is all of its operations";
        registry.register("aws_calls_waiting", help, waiting.clone());
        let rate = Family::<Lane, Gauge<f64, AtomicU64>>::default();
        let help = "Calls a second that the operator allows itself, lower for a while after AWS has throttled";
        registry.register("aws_call_rate", help, rate.clone());
        Self { registry, calls, seconds, waited, waiting, rate }
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

    fn waited(&self, operation: Operation, took: Duration) {
        self.waited.get_or_create(&ByOperation { operation: operation.name() }).observe(took.as_secs_f64());
    }

    fn lane(&self, operation: &'static str, region: &str, waiting: usize, per_second: f64) {
        let lane = Lane { operation, region: region.to_owned() };
        self.waiting.get_or_create(&lane).set(i64::try_from(waiting).unwrap_or(i64::MAX));
        self.rate.get_or_create(&lane).set(per_second);
    }
}
