//! `sfe run`: the operator.

use std::net::SocketAddr;
use std::sync::Arc;

use clap::{Args, value_parser};
use jiff::SignedDuration;
use kube::runtime::reflector;
use kube::{Client, Config};
use sfe_core::desired::Settings;
use sfe_core::outcome::Pace;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

use crate::aws::{Chosen, Rates, Share};
use crate::controller::{self, Context, Course, KubeCluster, Options, SystemClock, fenced};
use crate::telemetry::{self, Health, LogFormat, Metrics};

use super::CliError;
use super::identity::Identity;
use super::leadership::{Leadership, lead};

/// Flags of the operator; each can be an environment variable too.
#[derive(Debug, Args)]
pub struct Flags {
    /// Watches this namespace alone; all without it.
    #[arg(long, env = "SFE_NAMESPACE")]
    namespace: Option<String>,
    /// Reads the labels of Namespaces: needed for `api.allowedRoutes` with `from: Selector`.
    #[arg(long, env = "SFE_NAMESPACE_SELECTORS")]
    namespace_selectors: bool,
    #[command(flatten)]
    identity: Identity,
    /// How many manifests are worked on at the same time.
    #[arg(long, env = "SFE_CONCURRENCY", default_value_t = 32, value_parser = value_parser!(u16).range(1..=1000))]
    concurrency: u16,
    /// The operator's share of the calls that AWS allows an account: above 0 up to 1, or `off`, as for a local AWS.
    #[arg(long, env = "SFE_RATE_SHARE", default_value_t = Share::Of(0.5))]
    rate_share: Share,
    /// Calls a second of one operation, in place of the share: `apigateway:CreateDeployment=0.2`; `apigateway=8` is all of API Gateway's together.
    #[arg(long = "rate", env = "SFE_RATES", value_name = "OPERATION=RATE", value_delimiter = ',')]
    rates: Vec<Chosen>,
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
    /// How long it takes until what a call did is read for sure: it may take effect a while after its answer was lost, and a read may not show
    /// that for another while.
    #[arg(long, env = "SFE_CREATE_SETTLE", default_value = "15s", value_parser = duration)]
    create_settle: SignedDuration,
    /// How long a new IAM role may take until it can be assumed.
    #[arg(long, env = "SFE_ROLE_GRACE", default_value = "5m", value_parser = duration)]
    role_grace: SignedDuration,
    #[command(flatten)]
    leadership: Leadership,
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
    let ended = runtime.block_on(operate(flags));
    // Whatever still waits, for a name's address above all, must not keep a replica that leads no more.
    runtime.shutdown_background();
    ended
}

async fn operate(flags: Flags) -> Result<(), CliError> {
    let (metrics, health) = (Arc::new(Metrics::default()), Arc::new(Health::default()));
    let listener = TcpListener::bind(flags.listen).await.map_err(|error| {
        CliError::new(format!("--listen failed: {}: {error}", flags.listen), "choose a free address with `--listen`")
    })?;
    let server = tokio::spawn(telemetry::serve(listener, Arc::clone(&metrics), Arc::clone(&health)));
    let stop = stop_signal()?;
    let client = client().await.map_err(|error| {
        CliError::new(format!("Kubernetes failed: {error}"), "run in a cluster, or set `KUBECONFIG`")
    })?;
    let fence = flags.leadership.fence();
    let election = flags.leadership.election(&client, flags.namespace.as_deref(), &fence)?;
    let client = fenced(client, Arc::clone(&fence));
    let rates = Rates { share: flags.rate_share, chosen: flags.rates.clone() };
    tracing::info!(%rates, "rate limits");
    let (aws, region) = flags.identity.aws(metrics, Arc::clone(&fence), rates).await?;
    let unidentified = |error: CliError| {
        tracing::warn!(problem = error.what, hint = error.hint, "not ready: tried again in 5 s");
        health.set_waiting(error.to_string());
        Ok(())
    };
    let settings = tokio::select! {
        settings = flags.identity.settings(&client, &aws, region, unidentified) => settings?,
        () = stopped(stop.clone()) => return Ok(()),
    };
    let settings =
        Settings { namespace: flags.namespace.clone(), reads_namespaces: flags.namespace_selectors, ..settings };
    let options = options(&flags, settings);
    tracing::info!(account = options.settings.site.account, region = options.settings.site.region, "started");
    let (store, writer) = reflector::store();
    let ctx = Arc::new(Context::new(aws, KubeCluster::new(client.clone(), store), SystemClock, options));
    let (leads, lost) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (may_lead, until_lost) = (Arc::clone(&leads), Arc::clone(&lost));
    let end = async move {
        tokio::select! {
            () = stopped(stop) => {}
            () = until_lost.notified() => {}
        }
    };
    // A follower is as ready as the leader: it knows what the cluster wants, and could begin.
    let ready = Box::new(move || health.set_ready());
    let course = Course { ready, leads: leads.notified(), stop: end };
    let namespace = flags.namespace.as_deref();
    let operator = controller::run(client, namespace, flags.concurrency, ctx, writer, course);
    let ended = lead(election, &fence, operator, may_lead, &lost).await;
    server.abort();
    ended
}

/// A client without retries of its own: each would pass the fence unseen, and what failed is tried again by the next pass.
async fn client() -> Result<Client, kube::Error> {
    let mut config = Config::infer().await.map_err(kube::Error::InferConfig)?;
    config.default_retry = false;
    Client::try_from(config)
}

fn options(flags: &Flags, settings: Settings) -> Options {
    Options {
        settings,
        pace: Pace {
            retry_min: flags.retry_min,
            retry_max: flags.retry_max,
            stalled: flags.stalled_interval,
            drift: flags.drift_interval,
        },
        settle: flags.create_settle,
        role_grace: flags.role_grace,
    }
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
