//! /healthz, /readyz and /metrics. They tell nothing of any payload.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::net::TcpListener;

use super::metrics::Metrics;

/// Whether the operator is ready: it knows its account and watches the cluster.
#[derive(Debug, Default)]
pub struct Health {
    ready: AtomicBool,
    waits: Mutex<Option<String>>,
}

impl Health {
    /// From now on the operator is ready.
    pub fn set_ready(&self) {
        self.ready.store(true, Ordering::Relaxed);
    }

    /// Sets what the operator waits for until it is ready: the body of /readyz.
    pub fn set_waiting(&self, why: String) {
        *self.waits.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }

    fn answer(&self) -> (StatusCode, String) {
        if self.ready.load(Ordering::Relaxed) {
            return (StatusCode::OK, "ready\n".to_owned());
        }
        let waits = self.waits.lock().unwrap_or_else(PoisonError::into_inner);
        let why = waits.as_deref().unwrap_or("the operator starts");
        (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}\n"))
    }
}

/// Answers until the process ends.
pub async fn serve(listener: TcpListener, metrics: Arc<Metrics>, health: Arc<Health>) -> std::io::Result<()> {
    let router = Router::new()
        .route("/healthz", get(|| async { StatusCode::OK }))
        .route("/readyz", get(move || async move { health.answer() }))
        .route("/metrics", get(move || async move { metrics.text() }));
    axum::serve(listener, router).await
}
