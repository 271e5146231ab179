//! No attempt of a call is sent while the fence is closed: not the first, and none that the SDK makes by itself.

use std::sync::Arc;

use aws_sdk_sfn::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_sfn::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_sfn::error::BoxError;

use crate::fence::Fence;

/// Looks at the fence after an attempt was signed and right before it is sent.
#[derive(Clone)]
pub struct Fenced(pub Arc<Fence>);

impl std::fmt::Debug for Fenced {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fenced")
    }
}

impl Intercept for Fenced {
    fn name(&self) -> &'static str {
        "Fenced"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        Ok(self.0.check()?)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use aws_config::retry::RetryConfig;
    use aws_config::{BehaviorVersion, Region, SdkConfig};
    use aws_sdk_sfn::config::{Credentials, SharedCredentialsProvider};
    use axum::Router;
    use axum::http::StatusCode;
    use sfe_core::operation::Operation;
    use tokio::net::TcpListener;

    use super::*;
    use crate::aws::clients::{Clients, Uncounted};
    use crate::aws::limiter::{Limiter, Place, Rates};
    use crate::fence::Clocks as _;
    use crate::fence::tests::{SetClocks, TERM};

    /// An AWS that fails each attempt in a way that the SDK tries again, and does this before it answers. Counts the attempts.
    async fn failing_aws(before_answer: impl Fn() + Clone + Send + Sync + 'static) -> (SocketAddr, Arc<AtomicUsize>) {
        let attempts = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&attempts);
        let router = Router::new().fallback(move || async move {
            counted.fetch_add(1, Ordering::SeqCst);
            before_answer();
            StatusCode::INTERNAL_SERVER_ERROR
        });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        (address, attempts)
    }

    /// The attempts of one call, and why it failed.
    async fn attempts(fence: Arc<Fence>, before_answer: impl Fn() + Clone + Send + Sync + 'static) -> (usize, String) {
        let (address, attempts) = failing_aws(before_answer).await;
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(format!("http://{address}"))
            .region(Region::new("eu-central-1"))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new("test", "test", None, None, "test")))
            .retry_config(RetryConfig::standard().with_initial_backoff(Duration::from_millis(1)))
            .build();
        let place = Place { account: "000000000000".to_owned(), region: "eu-central-1".to_owned() };
        let limiter = Limiter::start(Rates::default(), Arc::new(Uncounted));
        let clients = Clients::new(&config, Arc::new(Uncounted), fence, limiter, place);
        let call = clients.call(
            Operation::DescribeStateMachine,
            "all",
            clients.sfn.describe_state_machine().state_machine_arn("x").send(),
        );
        let error = call.await.unwrap_err();
        (attempts.load(Ordering::SeqCst), error.to_string())
    }

    #[tokio::test]
    async fn an_open_fence_lets_the_sdk_try_again() {
        assert_eq!(attempts(Arc::new(Fence::open()), || {}).await.0, 3);
    }

    #[tokio::test]
    async fn a_closed_fence_lets_nothing_through() {
        let fence = Fence::following(Arc::new(SetClocks::default()));
        let (attempts, error) = attempts(Arc::new(fence), || {}).await;
        assert_eq!(attempts, 0);
        assert_eq!(error, "states:DescribeStateMachine failed: not sent: this replica does not lead (all)");
    }

    #[tokio::test]
    async fn an_attempt_after_the_fence_has_closed_is_not_sent() {
        let clocks = Arc::new(SetClocks::default());
        let fence = Arc::new(Fence::following(Arc::<SetClocks>::clone(&clocks)));
        fence.renewed(clocks.now(), TERM);
        let (attempts, error) = attempts(fence, move || clocks.pass(10_000)).await;
        assert_eq!(attempts, 1, "only the one in flight");
        assert!(error.contains("not sent: this replica does not lead"), "{error}");
    }
}
