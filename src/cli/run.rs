//! `sfe run`: the operator.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, value_parser};
use jiff::SignedDuration;
use k8s_openapi::api::core::v1::Namespace;
use kube::runtime::reflector;
use kube::{Api, Client};
use sfe_core::desired::Settings;
use sfe_core::outcome::Pace;
use sfe_core::owner::Site;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::aws::SdkAws;
use crate::controller::{self, Context, KubeCluster, Options, SystemClock};
use crate::telemetry::{self, Health, LogFormat, Metrics};

use super::CliError;

/// Flags of the operator; each can be an environment variable too.
#[derive(Debug, Args)]
pub struct Flags {
    /// Watches this namespace alone; all without it.
    #[arg(long, env = "SFE_NAMESPACE")]
    namespace: Option<String>,
    /// Names this cluster in the tags of AWS objects; the UID of the kube-system namespace without it. A cluster that is restored from Git
    /// finds its objects again by the same name.
    #[arg(long, env = "SFE_CLUSTER_ID")]
    cluster_id: Option<String>,
    /// The Region of manifests that name none; that of the AWS environment without it.
    #[arg(long, env = "SFE_REGION")]
    region: Option<String>,
    /// How many manifests are worked on at the same time.
    #[arg(long, env = "SFE_CONCURRENCY", default_value_t = 32, value_parser = value_parser!(u16).range(1..=1000))]
    concurrency: u16,
    /// How often drift is looked for.
    #[arg(long, env = "SFE_DRIFT_INTERVAL", default_value = "10m", value_parser = duration)]
    drift_interval: SignedDuration,
    /// When something that needs a person is looked at again.
    #[arg(long, env = "SFE_STALLED_INTERVAL", default_value = "5m", value_parser = duration)]
    stalled_interval: SignedDuration,
    /// The wait before the first retry; each further one doubles it.
    #[arg(long, env = "SFE_RETRY_MIN", default_value = "1s", value_parser = duration)]
    retry_min: SignedDuration,
    /// The longest wait before a retry.
    #[arg(long, env = "SFE_RETRY_MAX", default_value = "1m", value_parser = duration)]
    retry_max: SignedDuration,
    /// How long a call of CreateRestApi whose answer was lost may still be in flight.
    #[arg(long, env = "SFE_CREATE_SETTLE", default_value = "10s", value_parser = duration)]
    create_settle: SignedDuration,
    /// How long a new IAM role may take until it can be assumed.
    #[arg(long, env = "SFE_ROLE_GRACE", default_value = "5m", value_parser = duration)]
    role_grace: SignedDuration,
    /// Where /healthz, /readyz and /metrics are served.
    #[arg(long, env = "SFE_LISTEN", default_value = "0.0.0.0:8080")]
    listen: SocketAddr,
    /// What is logged: a level, or directives such as `sfe=debug,warn`.
    #[arg(long, env = "SFE_LOG", default_value = "sfe=info,warn")]
    log: String,
    /// How it is logged.
    #[arg(long, env = "SFE_LOG_FORMAT", value_enum, default_value_t = LogFormat::Json)]
    log_format: LogFormat,
}

/// `10s`, `5m`, `1h30m`: 1 millisecond to 24 hours.
fn duration(text: &str) -> Result<SignedDuration, String> {
    let parsed: SignedDuration =
        text.parse().map_err(|_| "allowed are durations such as `500ms`, `10s` or `5m`".to_owned())?;
    let allowed = SignedDuration::from_millis(1)..=SignedDuration::from_hours(24);
    if allowed.contains(&parsed) { Ok(parsed) } else { Err("allowed are 1ms to 24h".to_owned()) }
}

/// Runs until SIGTERM or SIGINT.
pub fn run(flags: Flags) -> Result<(), CliError> {
    telemetry::init(flags.log_format, &flags.log).map_err(|error| CliError::new(error, "see `sfe run --help`"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime =
        runtime.map_err(|error| CliError::new(format!("start failed: {error}"), "check the process's limits"))?;
    runtime.block_on(operate(flags))
}

async fn operate(flags: Flags) -> Result<(), CliError> {
    let (metrics, health) = (Arc::new(Metrics::default()), Arc::new(Health::default()));
    let listener = TcpListener::bind(flags.listen).await.map_err(|error| {
        CliError::new(format!("--listen failed: {}: {error}", flags.listen), "choose a free address with `--listen`")
    })?;
    let server = tokio::spawn(telemetry::serve(listener, Arc::clone(&metrics), Arc::clone(&health)));
    let stop = stop_signal()?;
    let client = Client::try_default().await.map_err(|error| {
        CliError::new(format!("Kubernetes failed: {error}"), "run in a cluster, or set `KUBECONFIG`")
    })?;
    let config = aws_config::load_from_env().await;
    let region = flags.region.clone().or_else(|| config.region().map(ToString::to_string));
    let region = region.ok_or_else(|| CliError::new("no AWS Region is set", "set `--region` or `AWS_REGION`"))?;
    let aws = SdkAws::new(&config, &region, metrics);
    let options = tokio::select! {
        options = options(&flags, &client, &aws, region) => options?,
        () = stopped(stop.clone()) => return Ok(()),
    };
    tracing::info!(account = options.settings.site.account, region = options.settings.site.region, "started");
    let (store, writer) = reflector::store();
    let ctx = Arc::new(Context::new(aws, KubeCluster::new(client.clone(), store.clone()), SystemClock, options));
    health.set_ready();
    controller::run(client, flags.namespace.as_deref(), flags.concurrency, ctx, store, writer, stopped(stop)).await;
    server.abort();
    Ok(())
}

/// Cluster, account and Region. AWS that can't be reached yet is waited for: the operator may start before its network.
async fn options(flags: &Flags, client: &Client, aws: &SdkAws, region: String) -> Result<Options, CliError> {
    let cluster = match &flags.cluster_id {
        Some(id) => id.clone(),
        None => cluster_uid(client).await?,
    };
    let identity = loop {
        match aws.identity().await {
            Ok(identity) => break identity,
            Err(error) => {
                tracing::warn!(%error, "AWS does not know the operator's credentials yet: again in 5 s");
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
        }
    };
    Ok(Options {
        settings: Settings {
            cluster,
            site: Site { partition: identity.partition().to_owned(), account: identity.account().to_owned(), region },
        },
        pace: Pace {
            retry_min: flags.retry_min,
            retry_max: flags.retry_max,
            stalled: flags.stalled_interval,
            drift: flags.drift_interval,
        },
        settle: flags.create_settle,
        role_grace: flags.role_grace,
    })
}

async fn cluster_uid(client: &Client) -> Result<String, CliError> {
    let hint = "let the operator `get` the namespace kube-system, or set `--cluster-id`";
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let found = namespaces.get("kube-system").await;
    let found =
        found.map_err(|error| CliError::new(format!("read of the namespace kube-system failed: {error}"), hint))?;
    found.metadata.uid.ok_or_else(|| CliError::new("the namespace kube-system has no UID", hint))
}

/// Whether SIGTERM or SIGINT has come.
fn stop_signal() -> Result<tokio::sync::watch::Receiver<bool>, CliError> {
    let failed = |error| CliError::new(format!("signal handler failed: {error}"), "check the process's limits");
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let (sender, receiver) = tokio::sync::watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        sender.send_replace(true);
        sender.closed().await;
    });
    Ok(receiver)
}

async fn stopped(mut stop: tokio::sync::watch::Receiver<bool>) {
    drop(stop.wait_for(|stopped| *stopped).await);
}
