//! `sfe plan`: what the operator would do for a manifest. Nothing is written, neither to AWS nor to the cluster.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use jiff::SignedDuration;
use kube::api::ListParams;
use kube::runtime::{reflector, watcher::Event};
use kube::{Api, Client};
use sfe_core::api::StepFunctionEndpoint;
use sfe_core::outcome::Pace;

use crate::aws::Rates;
use crate::controller::{Context, KubeCluster, Options, Planned, SystemClock, plan};
use crate::fence::Fence;
use crate::telemetry::Metrics;

use super::CliError;
use super::identity::Identity;

/// What is planned.
#[derive(Debug, Args)]
pub struct Flags {
    /// The manifest, a file with one StepFunctionEndpoint, or `-` for standard input.
    #[arg(short, long)]
    filename: PathBuf,
    /// Its namespace, where the file names none.
    #[arg(short, long, default_value = "default")]
    namespace: String,
    #[command(flatten)]
    identity: Identity,
}

/// Prints the plan: one line a call, then what it would wait for or refuse.
pub fn run(flags: Flags) -> Result<(), CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| CliError::new(format!("start failed: {error}"), "check the process's limits"))?;
    let planned = runtime.block_on(planned(flags))?;
    let written = std::io::stdout().write_all(planned.to_string().as_bytes());
    written
        .map_err(|error| CliError::new(format!("write to standard output failed: {error}"), "check where it goes"))?;
    match planned {
        Planned::Actions(_) => Ok(()),
        Planned::Refused(_) => {
            Err(CliError::new("plan failed: the manifest is refused", "correct what is listed above"))
        }
    }
}

async fn planned(flags: Flags) -> Result<Planned, CliError> {
    let mut manifest = manifest(&flags.filename)?;
    let namespace = manifest.metadata.namespace.get_or_insert(flags.namespace).clone();
    let failed =
        |error: kube::Error| CliError::new(format!("Kubernetes failed: {error}"), "check `KUBECONFIG` and your rights");
    let client = Client::try_default().await.map_err(|error| {
        CliError::new(format!("Kubernetes failed: {error}"), "run in a cluster, or set `KUBECONFIG`")
    })?;
    let (metrics, fence) = (Arc::new(Metrics::default()), Arc::new(Fence::open()));
    let (aws, region) = flags.identity.aws(metrics, fence, Rates::default()).await?;
    let settings = flags.identity.settings(&client, &aws, region, Err).await?;
    // Who lets other namespaces may have guests there, whose routes are planned too.
    let allows_others = manifest.spec.api.as_ref().is_some_and(|api| api.allowed_routes.is_some());
    let api: Api<StepFunctionEndpoint> =
        if allows_others { Api::all(client.clone()) } else { Api::namespaced(client.clone(), &namespace) };
    let (store, mut writer) = reflector::store();
    for object in api.list(&ListParams::default()).await.map_err(failed)? {
        if object.metadata.name == manifest.metadata.name && object.metadata.namespace == manifest.metadata.namespace {
            manifest.status = object.status.clone();
        }
        writer.apply_watcher_event(&Event::Apply(object));
    }
    let nothing = SignedDuration::ZERO; // a plan makes one pass
    let pace = Pace { retry_min: nothing, retry_max: nothing, stalled: nothing, drift: nothing };
    let options = Options { settings, pace, settle: nothing, role_grace: nothing };
    let ctx = Context::new(aws, KubeCluster::new(client, store), SystemClock, options);
    Ok(plan(&ctx, &manifest).await)
}

fn manifest(file: &PathBuf) -> Result<StepFunctionEndpoint, CliError> {
    let mut text = String::new();
    let read = if file.as_os_str() == "-" {
        std::io::stdin().read_to_string(&mut text).map(|_| ())
    } else {
        std::fs::read_to_string(file).map(|read| text = read)
    };
    read.map_err(|error| CliError::new(format!("{} can't be read: {error}", file.display()), "check `--filename`"))?;
    serde_saphyr::from_str(&text).map_err(|error| {
        let what = format!("{} is no StepFunctionEndpoint: {error}", file.display());
        CliError::new(what, "one manifest a file; `kubectl explain sfe.spec` describes its fields")
    })
}
