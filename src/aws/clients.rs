//! The SDK's clients of one Region, and the one place through which every call goes.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_sdk_sfn::config::http::HttpResponse;
use aws_sdk_sfn::error::{ProvideErrorMetadata, SdkError};
use jiff::Timestamp;
use sfe_core::operation::Operation;

use super::error::Error;
use super::gate::{self, Gate};

/// Counts every call; the telemetry implements it.
pub trait Calls: Send + Sync {
    /// A call has ended: its operation, how long it took and whether it failed.
    fn ended(&self, operation: Operation, took: Duration, failed: bool);
}

/// The clients of one Region.
pub struct Clients {
    pub apigateway: aws_sdk_apigateway::Client,
    /// For CreateRestApi and CreateDeployment, which have no token: the SDK's retries could make two.
    pub apigateway_once: aws_sdk_apigateway::Client,
    pub iam: aws_sdk_iam::Client,
    pub logs: aws_sdk_cloudwatchlogs::Client,
    pub sfn: aws_sdk_sfn::Client,
    pub sts: aws_sdk_sts::Client,
    calls: Arc<dyn Calls>,
}

impl Clients {
    /// The clients of a configuration with its Region.
    pub fn new(config: &SdkConfig, calls: Arc<dyn Calls>) -> Self {
        let once = config.to_builder().retry_config(RetryConfig::disabled()).build();
        let apigateway = |config: &SdkConfig| {
            let config = aws_sdk_apigateway::config::Builder::from(config).interceptor(Gate);
            aws_sdk_apigateway::Client::from_conf(config.build())
        };
        let iam = aws_sdk_iam::config::Builder::from(config).interceptor(Gate);
        let logs = aws_sdk_cloudwatchlogs::config::Builder::from(config).interceptor(Gate);
        let sfn = aws_sdk_sfn::config::Builder::from(config).interceptor(Gate);
        let sts = aws_sdk_sts::config::Builder::from(config).interceptor(Gate);
        Self {
            apigateway: apigateway(config),
            apigateway_once: apigateway(&once),
            iam: aws_sdk_iam::Client::from_conf(iam.build()),
            logs: aws_sdk_cloudwatchlogs::Client::from_conf(logs.build()),
            sfn: aws_sdk_sfn::Client::from_conf(sfn.build()),
            sts: aws_sdk_sts::Client::from_conf(sts.build()),
            calls,
        }
    }

    /// Waits for one call, counts it and sorts its error. A request of the clients that isn't waited for here fails before it is sent.
    pub async fn call<T, E: ProvideErrorMetadata + std::error::Error + 'static>(
        &self,
        operation: Operation,
        object: &str,
        call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, Error> {
        let started = tokio::time::Instant::now();
        let result = gate::open(operation, call).await;
        self.calls.ended(operation, started.elapsed(), result.is_err());
        tracing::debug!(%operation, object, failed = result.is_err(), "AWS call");
        result.map_err(|error| Error::from_sdk(operation, object, &error))
    }
}

/// A time as AWS tells it.
pub fn timestamp(time: &aws_sdk_sfn::primitives::DateTime) -> Option<Timestamp> {
    Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).ok()?).ok()
}
