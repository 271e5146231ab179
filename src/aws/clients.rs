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

use crate::fence::Fence;

use super::caller::Caller;
use super::error::{Class, Error};
use super::fenced::Fenced;
use super::gate::{self, Gate};
use super::limiter::{Closed, Limiter, Place};
use super::nulls::Nulls;

/// Counts every call; the telemetry implements it.
pub trait Calls: Send + Sync {
    /// A call has ended: its operation, how long it took and whether it failed.
    fn ended(&self, operation: Operation, took: Duration, failed: bool);

    /// A call has waited for its turn.
    fn waited(&self, operation: Operation, took: Duration);

    /// How many wait for an operation in a Region, or as `apigateway` for all of API Gateway's; and how many calls a second are allowed.
    fn lane(&self, operation: &'static str, region: &str, waiting: usize, per_second: f64);
}

/// Counts nothing.
#[cfg(test)]
pub struct Uncounted;

#[cfg(test)]
impl Calls for Uncounted {
    fn ended(&self, _: Operation, _: Duration, _: bool) {}
    fn waited(&self, _: Operation, _: Duration) {}
    fn lane(&self, _: &'static str, _: &str, _: usize, _: f64) {}
}

/// The clients of one account and Region, for one caller.
#[derive(Clone)]
pub struct Clients {
    pub apigateway: aws_sdk_apigateway::Client,
    /// For CreateRestApi, CreateDeployment, CreateApiKey and CreateUsagePlan, which have no token: the SDK's retries could make two.
    pub apigateway_once: aws_sdk_apigateway::Client,
    pub iam: aws_sdk_iam::Client,
    pub logs: aws_sdk_cloudwatchlogs::Client,
    pub sfn: aws_sdk_sfn::Client,
    pub sts: aws_sdk_sts::Client,
    calls: Arc<dyn Calls>,
    fence: Arc<Fence>,
    limiter: Arc<Limiter>,
    place: Place,
    partition: String,
    caller: Caller,
}

impl Clients {
    /// The clients of a configuration with its Region. They send nothing while the fence is closed, and nothing out of turn.
    pub fn new(
        config: &SdkConfig,
        calls: Arc<dyn Calls>,
        fence: Arc<Fence>,
        limiter: Arc<Limiter>,
        place: Place,
    ) -> Self {
        let gate = || Gate::new(Arc::clone(&limiter), place.clone());
        let fenced = || Fenced(Arc::clone(&fence));
        let once = config.to_builder().retry_config(RetryConfig::disabled()).build();
        let apigateway = |config: &SdkConfig| {
            let config = aws_sdk_apigateway::config::Builder::from(config)
                .interceptor(gate())
                .interceptor(fenced())
                .interceptor(Nulls);
            aws_sdk_apigateway::Client::from_conf(config.build())
        };
        let iam =
            aws_sdk_iam::config::Builder::from(config).interceptor(gate()).interceptor(fenced()).interceptor(Nulls);
        let logs = aws_sdk_cloudwatchlogs::config::Builder::from(config)
            .interceptor(gate())
            .interceptor(fenced())
            .interceptor(Nulls);
        let sfn =
            aws_sdk_sfn::config::Builder::from(config).interceptor(gate()).interceptor(fenced()).interceptor(Nulls);
        let sts =
            aws_sdk_sts::config::Builder::from(config).interceptor(gate()).interceptor(fenced()).interceptor(Nulls);
        Self {
            apigateway: apigateway(config),
            apigateway_once: apigateway(&once),
            iam: aws_sdk_iam::Client::from_conf(iam.build()),
            logs: aws_sdk_cloudwatchlogs::Client::from_conf(logs.build()),
            sfn: aws_sdk_sfn::Client::from_conf(sfn.build()),
            sts: aws_sdk_sts::Client::from_conf(sts.build()),
            calls,
            caller: Caller::operator(),
            partition: "aws".to_owned(),
            place: place.clone(),
            limiter: Arc::clone(&limiter),
            fence: Arc::clone(&fence),
        }
    }

    /// The same for this caller, in the partition of the account.
    pub fn of(&self, caller: &Caller, partition: &str) -> Self {
        Self { caller: caller.clone(), partition: partition.to_owned(), ..self.clone() }
    }

    /// Waits for the turn of one call and for its answer, counts it and sorts its error. A request of the clients that isn't waited for here fails before it is sent.
    pub async fn call<T, E: ProvideErrorMetadata + std::error::Error + 'static>(
        &self,
        operation: Operation,
        object: &str,
        call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, Error> {
        let turn = self.limiter.wait(&self.place, &self.caller, operation).await;
        turn.map_err(|Closed| Error::not_made(operation, object))?;
        self.fence.check().map_err(|fenced| Error::fenced(operation, object, fenced))?;
        let started = tokio::time::Instant::now();
        let result = self.fence.within(gate::open(operation, call)).await;
        let result = result.map_err(|fenced| Error::fenced(operation, object, fenced))?;
        self.calls.ended(operation, started.elapsed(), result.is_err());
        tracing::debug!(%operation, object, failed = result.is_err(), "AWS call");
        result.map_err(|error| {
            let mut error = Error::from_sdk(operation, object, &error);
            if error.class == Class::AccessDenied && error.lacks.is_none() {
                error.lacks = Some(operation.needs(object, &self.partition, &self.place.region).into());
            }
            tracing::debug!(%error, "AWS call failed");
            error
        })
    }
}

/// A time as AWS tells it.
pub fn timestamp(time: &aws_sdk_sfn::primitives::DateTime) -> Option<Timestamp> {
    Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).ok()?).ok()
}
