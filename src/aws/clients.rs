//! The SDK's clients of one Region, and the one place through which every call goes.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_sdk_sfn::config::http::HttpResponse;
use aws_sdk_sfn::error::{ProvideErrorMetadata, SdkError};
use jiff::Timestamp;

use crate::fence::Fence;

use super::error::Error;
use super::fenced::Fenced;

/// Counts every call; the telemetry implements it.
pub trait Calls: Send + Sync {
    /// A call has ended: its operation, how long it took and whether it failed.
    fn ended(&self, operation: &'static str, took: Duration, failed: bool);
}

/// The clients of one Region.
pub struct Clients {
    pub apigateway: aws_sdk_apigateway::Client,
    /// For CreateRestApi and CreateDeployment, which have no token: the SDK's retries could make two.
    pub apigateway_once: aws_sdk_apigateway::Client,
    pub iam: aws_sdk_iam::Client,
    pub logs: aws_sdk_cloudwatchlogs::Client,
    pub sfn: aws_sdk_sfn::Client,
    calls: Arc<dyn Calls>,
    fence: Arc<Fence>,
}

impl Clients {
    /// The clients of a configuration with its Region. They send nothing while the fence is closed.
    pub fn new(config: &SdkConfig, calls: Arc<dyn Calls>, fence: Arc<Fence>) -> Self {
        let fenced = Fenced(Arc::clone(&fence));
        let once = config.to_builder().retry_config(RetryConfig::disabled()).build();
        Self {
            apigateway: aws_sdk_apigateway::Client::from_conf(
                aws_sdk_apigateway::config::Builder::from(config).interceptor(fenced.clone()).build(),
            ),
            apigateway_once: aws_sdk_apigateway::Client::from_conf(
                aws_sdk_apigateway::config::Builder::from(&once).interceptor(fenced.clone()).build(),
            ),
            iam: aws_sdk_iam::Client::from_conf(
                aws_sdk_iam::config::Builder::from(config).interceptor(fenced.clone()).build(),
            ),
            logs: aws_sdk_cloudwatchlogs::Client::from_conf(
                aws_sdk_cloudwatchlogs::config::Builder::from(config).interceptor(fenced.clone()).build(),
            ),
            sfn: aws_sdk_sfn::Client::from_conf(
                aws_sdk_sfn::config::Builder::from(config).interceptor(fenced.clone()).build(),
            ),
            calls,
            fence,
        }
    }

    /// Waits for one call, counts it and sorts its error.
    pub async fn call<T, E: ProvideErrorMetadata + std::error::Error + 'static>(
        &self,
        operation: &'static str,
        object: &str,
        call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, Error> {
        self.fence.check().map_err(|fenced| Error::fenced(operation, object, fenced))?;
        let started = tokio::time::Instant::now();
        let result = self.fence.within(call).await.map_err(|fenced| Error::fenced(operation, object, fenced))?;
        self.calls.ended(operation, started.elapsed(), result.is_err());
        tracing::debug!(operation, object, failed = result.is_err(), "AWS call");
        result.map_err(|error| Error::from_sdk(operation, object, &error))
    }
}

/// A time as AWS tells it.
pub fn timestamp(time: &aws_sdk_sfn::primitives::DateTime) -> Option<Timestamp> {
    Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).ok()?).ok()
}
